"""docs/rules.schema.json and docs/recipe.schema.json against the program: what one refuses for its
shape, so does the other.

The files are the `# FILE: *.json` parts of tests/golden/annotate and recipe, the committed rules of
tests/annotations, and damaged copies of these. Every rules file is tried as a recipe, too. The validator is a page long and knows the words
that the schema uses; another word in the schema is a failure. Selectors, specs and the model are
not the schema's business: exit 2 with a message about those counts as accepted."""
import copy
import glob
import json
import os
import sys

import common

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
MODEL = os.path.join(HERE, "..", "models", "query_encoder_ts_op17.onnx")
IGNORED = {"$schema", "$id", "$defs", "title", "description", "default"}
TYPES = {"object": dict, "array": list, "string": str}
# What only a file of the wrong shape is told.
SHAPE = ["the file is", "the file has no", "the rule is", "the rule has no", "unknown key",
         "it takes", "duplicate object key", "the quantizer is", "the quantizer has no",
         "\"children\" is empty"]
OF_OPTIONS = " of quantizer "  # the values of options are the quantizer's business
KINDS = {"rules": ["annotate"], "recipe": ["annotate", "recipe"]}


RECIPE = {
    "format_version": 1, "origin": "some.json",
    "quantizers": [{"name": "embedding", "priority": 1, "options": {"bits": 4}},
                   {"name": "composable", "children": [{"name": "pt2e-embedding"}]}],
    "rules": [{"line": 3, "select": "operand", "spec": "float", "expect": 100}]}


def is_type(value, name):
    if isinstance(name, list):
        return any(is_type(value, one) for one in name)
    if name in ("number", "boolean"):
        return isinstance(value, bool) == (name == "boolean") and isinstance(value, (int, float))
    if name == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def faults(schema, value, root, path="$"):
    """One line for each way in which the value is not what the schema says."""
    for word, said in schema.items():
        if word in IGNORED:
            continue
        if word == "$ref":
            target = root
            for part in said.removeprefix("#/").split("/"):
                target = target[part]
            yield from faults(target, value, root, path)
        elif word == "type":
            if not is_type(value, said):
                yield f"{path}: no {said}"
                return
        elif word == "const":
            if value != said:
                yield f"{path}: not {said}"
        elif word == "required":
            yield from (f"{path}: no {key}" for key in said if key not in value)
        elif word == "anyOf":
            if all(list(faults(one, value, root, path)) for one in said):
                yield f"{path}: none of {said}"
        elif word == "additionalProperties" and said is not False:
            for key, member in value.items():
                yield from faults(said, member, root, f"{path}.{key}")
        elif word == "minItems":
            if len(value) < said:
                yield f"{path}: fewer than {said}"
        elif word == "additionalProperties":
            known = schema.get("properties", {})
            yield from (f"{path}: {key} is not known" for key in value if key not in known)
        elif word == "properties":
            for key in said.keys() & value.keys():
                yield from faults(said[key], value[key], root, f"{path}.{key}")
        elif word == "items":
            for i, item in enumerate(value):
                yield from faults(said, item, root, f"{path}[{i}]")
        elif word in ("minimum", "maximum"):
            if (value < said) if word == "minimum" else (value > said):
                yield f"{path}: {value} is past the {word} {said}"
        elif word == "minLength":
            if len(value) < said:
                yield f"{path}: shorter than {said}"
        else:
            raise SystemExit(f"the schema says {word!r}, which this script does not know")


def no_duplicates(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def golden_files(kind):
    """The JSON files inside the golden texts."""
    paths = [glob.glob(os.path.join(ROOT, f"tests/golden/{name}/*.gt")) for name in KINDS[kind]]
    for path in sorted(sum(paths, [])):
        name, text = None, []
        with open(path, encoding="utf-8") as file:
            for line in [*file.read().split("\n"), "# end"]:
                if name and line.startswith("#|"):
                    text.append(line[3:])
                    continue
                if name and name.endswith(".json"):
                    yield f"{os.path.basename(path)}:{name}", "\n".join(text)
                name = line.removeprefix("# FILE: ") if line.startswith("# FILE: ") else None
                text = []


def committed_files():
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/annotations/*.rules.json"))):
        with open(path, encoding="utf-8") as file:
            yield os.path.basename(path), file.read()


def damaged(document):
    """(how, copy) for each member removed, renamed, or given a value of each other type."""
    places = [(document, key) for key in document]
    for part in ("rules", "quantizers"):
        places += [(item, key) for item in document.get(part, [])[:2] for key in item]
    for holder, key in places:
        kept = copy.deepcopy(holder[key])
        for value in (None, True, "", "1", 0, 1, 1.0, -1, 0.5, 1 << 31, [], {}, ["x"]):
            holder[key] = value
            yield f"{key} = {value!r}", copy.deepcopy(document)
        holder[key] = kept
        holder[key + "x"] = holder.pop(key)
        yield f"{key}x", copy.deepcopy(document)
        del holder[key + "x"]
        yield f"no {key}", copy.deepcopy(document)
        holder[key] = kept


def verdict_of_program(options, kind, text):
    """True: a good shape; False: refused for it. None: not JSON."""
    path = os.path.join(options.work, "rules.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    ran = common.run(options.quire, "annotate", MODEL, f"--{kind}", path, "--dry-run")
    if ran.code == 3:
        return None, ran
    told = ran.err.decode()
    of_shape = any(word in told for word in SHAPE) and OF_OPTIONS not in told
    return not (ran.code == 2 and of_shape), ran


def verdict_of_schema(schema, text):
    try:
        document = json.loads(text, object_pairs_hook=no_duplicates)
        json.dumps(document, ensure_ascii=False).encode()
    except (json.JSONDecodeError, UnicodeEncodeError):
        return None, ["not JSON, or half a character"]
    except ValueError as error:
        return False, [str(error)]
    found = list(faults(schema, document, schema))
    return not found, found


def compare(options, tally, schema, kind, name, text):
    mine, ran = verdict_of_program(options, kind, text)
    said, found = verdict_of_schema(schema, text)
    empty = [fault for fault in found if "shorter than 1" in fault]
    if said is False and len(empty) == len(found):
        said = True  # an empty selector or spec: told as what it is, a bad selector or spec
        tally.expect(ran.code == 2, name, f"an empty text is no mistake: {ran}")
    tally.count({None: "not JSON", True: "good shape", False: "bad shape"}[said])
    tally.expect(mine == said, name, f"the schema says {said} {found[:2]}, the program: {ran}")


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    for kind in KINDS:
        with open(os.path.join(ROOT, f"docs/{kind}.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        for name, text in [*golden_files(kind), *committed_files()]:
            compare(options, tally, schema, kind, name, text)
        whole = list(committed_files())
        if kind == "recipe":
            whole.insert(0, ("recipe", json.dumps(RECIPE)))
        for name, text in whole[:1 if options.sample else 3]:
            for how, document in damaged(json.loads(text)):
                compare(options, tally, schema, kind, f"{name}: {how}", json.dumps(document))
    for least, key in ((20, "bad shape"), (20, "good shape"), (2, "not JSON")):
        tally.expect(tally.counts[key] >= least, "counts", f"fewer than {least}: {key}")
    return tally.finish("the schema of rules")


if __name__ == "__main__":
    sys.exit(main())
