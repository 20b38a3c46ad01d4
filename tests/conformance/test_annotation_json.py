"""JSON about annotations against its schemas: docs/{resolve,annotation-diff,ledger,why}.schema.json.

The documents are those in the golden texts, and what the program says of the exported models under
two sets of rules and a quantizer. Beyond the shape: what a ledger counts must add up, and every request and eligible
node of it must be there once."""
import glob
import json
import os
import sys

import common

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
IGNORED = {"$schema", "$id", "$defs", "title", "description"}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
         "null": type(None)}
RULES = {
    "tables.json": [{"select": "op:Gather", "spec": "u8 axis=0 affine zp=int", "reason": "tables"}],
    "sums.json": [
        {"select": "operand", "spec": "i8 tensor affine zp=int observer=minmax"},
        {"select": "result and not constant", "spec": "i8 tensor affine zp=int noshare"},
        {"select": "op:Add or op:Mul", "spec": "float", "priority": 3, "reason": "sums"}],
}


def is_type(value, names):
    names = [names] if isinstance(names, str) else names
    return any(isinstance(value, TYPES[name]) and
               (name == "boolean" or not isinstance(value, bool)) for name in names)


def faults(schema, value, root, path="$"):
    """One line for each way in which the value is not what the schema says."""
    for word, said in schema.items():
        if word in IGNORED:
            continue
        if word == "$ref":
            yield from faults(root["$defs"][said.removeprefix("#/$defs/")], value, root, path)
        elif word == "type":
            if not is_type(value, said):
                yield f"{path}: no {said}: {value!r}"
                return
        elif word == "const":
            if value != said:
                yield f"{path}: not {said!r}"
        elif word == "enum":
            if value not in said:
                yield f"{path}: {value!r} is none of {said}"
        elif word == "oneOf":
            fits = [one for one in said if not list(faults(one, value, root, path))]
            if len(fits) != 1:
                yield f"{path}: {len(fits)} of the alternatives fit {value!r}"
        elif word == "required":
            yield from (f"{path}: no {key}" for key in said if key not in value)
        elif word == "properties":
            for key in said.keys() & value.keys():
                yield from faults(said[key], value[key], root, f"{path}.{key}")
            yield from (f"{path}: {key} is not in the schema" for key in value if key not in said)
        elif word == "additionalProperties":
            for key, item in value.items():
                yield from faults(said, item, root, f"{path}.{key}")
        elif word == "items":
            for i, item in enumerate(value):
                yield from faults(said, item, root, f"{path}[{i}]")
        elif word in ("minimum", "maximum"):
            if value is not None and (value < said if word == "minimum" else value > said):
                yield f"{path}: {value} is past the {word} {said}"
        elif word == "minLength":
            if len(value) < said:
                yield f"{path}: shorter than {said}"
        else:
            raise SystemExit(f"the schema says {word!r}, which this script does not know")


FOLDERS = ("annotations", "quantizers", "recipe", "why")


def load_schemas():
    schemas = {}
    for name in ("resolve", "annotation-diff", "ledger", "why", "explain"):
        with open(os.path.join(ROOT, f"docs/{name}.schema.json"), encoding="utf-8") as file:
            schemas[name] = json.load(file)
    return schemas


def documents(text):
    """The JSON documents in what a golden text expects."""
    decoder = json.JSONDecoder()
    at = text.find("\n{\n", text.find("# ---- out"))
    while at >= 0:
        document, end = decoder.raw_decode(text, at + 1)
        yield document
        at = text.find("\n{\n", end - 1)


def kind_of(document):
    for name, key in (("resolve", "losers"), ("annotation-diff", "changes"), ("ledger", "sums"),
                      ("explain", "resolution")):
        if key in document and "sponsors" not in document:
            return name
    return "why"


def check_shape(tally, schemas, where, document):
    kind = kind_of(document)
    wrong = list(faults(schemas[kind], document, schemas[kind]))
    tally.expect(not wrong, where, "; ".join(wrong[:5]))
    tally.count(kind)


def check_sums(tally, where, ledger):
    sums = ledger["sums"]
    annotated = [a for node in ledger["nodes"] for a in node["annotated"]] + ledger["tensors"]
    holds = {r["slot"] for r in ledger["requests"] if r["outcome"] == "holds"}
    tally.expect(sorted(a["slot"] for a in annotated) == sorted(holds), where,
                 "the slots told are not those whose requests hold")
    tally.expect(sums["slots"] == len(holds), where, "sums: slots")
    tally.expect(sums["requests"] == len(ledger["requests"]) == sums["hold"] + sums["lost"], where,
                 "sums: requests")
    tally.expect(sums["refused"] == len(ledger["refused"]), where, "sums: refused")
    left = sum(1 for node in ledger["nodes"] if not node["annotated"])
    tally.expect(sums["eligible"] == len(ledger["nodes"]) == sums["annotated"] + left, where,
                 "sums: nodes")
    tally.expect(sum(sums["left"].values()) == left, where, "sums: left")
    tally.expect(all((node["reason"] is None) == bool(node["annotated"])
                     for node in ledger["nodes"]), where, "a node has both, or neither")
    groups = {a["group"] for a in annotated if a["group"] is not None}
    tally.expect(groups == set(range(sums["groups"])), where, "sums: groups")
    for rule in ledger["rules"]:
        tally.expect(rule["selected"] == rule["annotated"] + rule["overridden"] + rule["refused"],
                     where, f"{rule['rule']} does not add up")


def ask_why(options, tally, schemas, model, ledger):
    """Why, of a slot of the largest group and of the first node that has none."""
    annotated = [a for node in ledger["nodes"] for a in node["annotated"]]
    bare = [node["node"] for node in ledger["nodes"] if not node["annotated"]]
    counts = {}
    for a in annotated:
        counts[a["group"]] = counts.get(a["group"], 0) + 1
    most = max(counts, key=lambda group: (counts[group], str(group)), default=None)
    slots = [a["slot"] for a in annotated if a["group"] == most][-1:] + bare[:1]
    for slot in slots:
        ran = common.run(options.quire, "why", slot, model, "--format", "json")
        if not tally.expect(ran.code == 0, model, str(ran)):
            continue
        why = json.loads(ran.out)
        check_shape(tally, schemas, f"{model}: why {slot}", why)
        if why["group"] is None:
            continue
        chain = why["chain"]
        ends = [why["slot"]] + [link["to"] for link in chain]
        tally.expect([link["from"] for link in chain] == ends[:-1], model, "the chain has a gap")
        tally.expect(ends[-1] == why["group"]["carrier"], model, "the chain ends elsewhere")
        tally.expect(set(ends) <= set(why["group"]["slots"]), model, "the chain leaves the group")


def try_model(options, tally, schemas, model, how):
    out = os.path.join(options.work, "annotated.onnx")
    text = os.path.join(options.work, "annotated.annotations")
    ran = common.run(options.quire, "annotate", model, *how, "-o", out, "--format", "json")
    if ran.code == 2 or ran.code == 1:  # there is nothing to annotate here
        tally.count("nothing selected")
        return
    if ran.code == 3 and os.path.basename(model).startswith("invalid_"):
        tally.count("invalid models")
        return
    if not tally.expect(ran.code == 0, model, str(ran)):
        return
    ledger = json.loads(ran.out)
    check_shape(tally, schemas, model, ledger)
    check_sums(tally, model, ledger)
    ask_why(options, tally, schemas, out, ledger)
    for command in (["export", out, "-o", text], ["check", out, text], ["diff", out, text]):
        ran = common.run(options.quire, "annotations", *command)
        tally.expect(ran.code == 0, model, str(ran))
    ran = common.run(options.quire, "annotations", "resolve", out, text, "--format", "json")
    if tally.expect(ran.code == 0, model, str(ran)):
        check_shape(tally, schemas, model, json.loads(ran.out))


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    schemas = load_schemas()
    os.makedirs(options.work, exist_ok=True)
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/golden/*/*.gt"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if "--format json" in text and path.split(os.sep)[-2] in FOLDERS:
            for document in documents(text):
                if "receipt" not in document:  # reports have a schema and a script of their own
                    check_shape(tally, schemas, path, document)
    models = sorted(glob.glob(os.path.join(options.models, "*.onnx")))
    ways = [["--quantizer", "embedding:min-elements=1"]]
    for name, rules in RULES.items():
        file = os.path.join(options.work, name)
        with open(file, "w", encoding="utf-8") as out:
            json.dump({"format_version": 1, "rules": rules}, out)
        ways.append(["--rules", file])
    for how in ways:
        for model in models[::8] if options.sample else models:
            try_model(options, tally, schemas, model, how)
    for kind in schemas:
        tally.expect(tally.counts[kind] > 0, ROOT, f"no document of {kind}")
    return tally.finish("JSON about annotations")


if __name__ == "__main__":
    sys.exit(main())
