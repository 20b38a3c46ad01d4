"""The quantizers that come with quire, against PyTorch's answers and against `quire tables`.

pt2e-embedding: scales, zero points, codes and what is told of narrow rows are what torch said of
the tables in golden/pt2e_embedding.json (made by tests/peers/embedding.py; nothing is recomputed).
embedding: on every model of --models and tests/models it asks for exactly the lookups that `tables`
with the same options lists, with specs that say what its entries say, and leaves alone what that
leaves alone for the same reasons. Only the opset is out of a quantizer's sight."""
import glob
import json
import os
import sys

import common
import pt2e_tables

HERE = os.path.dirname(os.path.abspath(__file__))
FORMS = [
    ("embedding", []),
    ("embedding:bits=4,min-elements=1", ["--bits", "4", "--min-elements", "1"]),
    ("embedding:bits=2,block=32,zero-point=float,scales=f16,search=minmax,min-elements=64",
     ["--bits", "2", "--block", "32", "--zero-point", "float", "--scales", "f16", "--search",
      "minmax", "--min-elements", "64"]),
    ("embedding:skip=*bias*;*[xyz]?,bits-for=*e*=4;*w?ight*=2;*0*=float",
     ["--skip", "*bias*", "--skip", "*[xyz]?", "--bits-for", "*e*=4", "--bits-for", "*w?ight*=2",
      "--bits-for", "*0*=float"]),
]


def spec_of(entry):
    """The spec of a table's entry in the report of `tables`."""
    form = f"axis=1 block={entry['block']}" if entry["block"] else "axis=0"
    scale = " scale=f16" if entry["scale_type"] == "f16" else ""
    return (f"u{entry['bits']} {form} affine zp={entry['zero_point']}{scale} "
            f"observer={entry['search']}")


def plain(text):
    """A path as reports write it: names are not quoted."""
    return text.replace('"', "")


def compare(tally, options, model, quantizer, flags):
    where = f"{os.path.basename(model)} {quantizer}"
    tables = common.run(options.quire, "tables", model, "--format", "json", *flags)
    ran = common.run(options.quire, "annotate", model, "--quantizer", quantizer, "--format", "json",
                     "-o", os.path.join(options.work, "annotated.onnx"))
    if tables.code not in (0, 1):
        tally.expect(ran.code == tables.code, where, f"exit {tables.code}, but {ran}")
        tally.count(f"refused by both with {tables.code}")
        return
    if not tally.expect(ran.code in (0, 1), where, f"{ran}"):
        return
    report, ledger = json.loads(tables.out), json.loads(ran.out)
    late = {plain(s["node"]) for s in report["skipped"] if s["reason"] == "opset"}
    wanted = {f"{plain(lookup)}<-0": spec_of(table) for table in report["tables"]
              for lookup in table["consumers"]}
    found = {plain(r["slot"]): r["spec"] for r in ledger["requests"]
             if plain(r["slot"]).removesuffix("<-0") not in late}
    tally.expect(found == wanted, where, f"asks {found}, not {wanted}")
    reasons = {plain(s["node"]): s["reason"] for s in report["skipped"]
               if plain(s["node"]) not in late}
    left = {plain(s["node"]): s["reason"] for s in ledger["left_alone"]
            if plain(s["node"]) not in late}
    tally.expect(left == reasons, where,
                 f"leaves {sorted(set(left.items()) ^ set(reasons.items()))[:3]}")
    tally.count("requests", len(found))
    tally.count("left alone", len(left))
    tally.count("runs")


def models(options):
    folders = [options.models, os.path.join(HERE, "..", "models")]
    found = {}
    for folder in filter(None, folders):
        for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
            found.setdefault(os.path.basename(path), path)
    return list(found.values())[:: 6 if options.sample else 1]


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    pt2e_tables.check(tally, options.quire, options.work, pt2e_tables.load_golden())
    tally.expect(tally.counts["tables"] >= 40, "golden", "fewer than 40 tables")
    for model in models(options):
        for quantizer, flags in FORMS:
            compare(tally, options, model, quantizer, flags)
    for key in ("requests", "left alone"):
        tally.expect(tally.counts[key] > 0, "models", f"none: {key}")
    return tally.finish("quantizers")


if __name__ == "__main__":
    sys.exit(main())
