"""Recipes: what --save-recipe writes does what the command line did, byte for byte.

For every model of --models and tests/models and several command lines of quantize and annotate: the
run is done again with nothing but the recipe it saved; model, data file and exit code are the same,
and saving the recipe once more gives the same recipe. Rules, of a file of another name, keep their
claimants. What is saved is what docs/recipe.schema.json allows."""
import glob
import json
import os
import sys

import common
import test_rules_schema

HERE = os.path.dirname(os.path.abspath(__file__))
QUANTIZE = [
    [],
    ["--bits", "4", "--min-elements", "0"],
    ["--bits", "2", "--block", "32", "--zero-point", "float", "--scales", "f16", "--search",
     "minmax", "--min-elements", "64"],
    ["--only", "*[!;]", "--only", "*", "--bits-for", "*=2", "--bits-for", "*[!;,\"\\{]=4"],
    ["--skip", "*bias*", "--bits-for", "*w?ight*=2", "--bits-for", "*0*=float"],
    ["--bits", "4", "--only", "*", "--target", "dequantized", "--non-finite", "keep-float"],
    ["--bits", "4", "--min-sqnr", "22", "--min-elements", "0"],
    ["--quantizer", "embedding:bits=4,min-elements=1", "--quantizer", "pt2e-embedding"],
]
RUN_ONLY = {"--target": 2, "--non-finite": 2, "--allow-empty": 1}  # stay on the command line
ANNOTATE = [
    ["--quantizer", "embedding:bits=4,min-elements=1"],
    ["--rules", "RULES", "--quantizer", "pt2e-embedding"],
    ["--rules", "RULES"],
]
RULES = {"format_version": 1, "rules": [
    {"select": "operand", "spec": "i8 tensor affine zp=int observer=minmax"},
    {"select": "operand:0 and op:Gather", "spec": "float", "priority": 2, "reason": "as \"is\""}]}


def without_source(arguments):
    """What of a command line is about the run, not about who annotates."""
    kept, i = [], 0
    while i < len(arguments):
        n = RUN_ONLY.get(arguments[i], 0)
        kept += arguments[i:i + n]
        i += n or 1
    return kept


def outputs(folder):
    """Every file of a folder, by name."""
    return {name: common.read(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


def run_in(options, name, verb, model, arguments):
    """A run into a folder of its own, and what it left there."""
    folder = os.path.join(options.work, name)
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        os.remove(os.path.join(folder, old))
    ran = common.run(options.quire, verb, model, "-o", os.path.join(folder, "out.onnx"), *arguments)
    return ran, outputs(folder)


def compare(options, tally, schema, verb, model, arguments):
    where = f"{verb} {os.path.basename(model)} {' '.join(arguments)}"
    saved, again = (os.path.join(options.work, f"{name}.json") for name in ("saved", "again"))
    for path in (saved, again):
        if os.path.exists(path):
            os.remove(path)
    plain, wanted = run_in(options, "plain", verb, model, arguments)
    first, kept = run_in(options, "first", verb, model, [*arguments, "--save-recipe", saved])
    tally.expect(first.code == plain.code, where, f"exit {plain.code}, but with saving {first}")
    tally.expect(kept == wanted, where, "saving the recipe changes the output")
    tally.expect(os.path.exists(saved) == (plain.code == 0), where, "a recipe, and no output")
    tally.count(f"{verb}: exit {plain.code}")
    if plain.code != 0:
        return
    rest = without_source(arguments)
    second, found = run_in(options, "second", verb, model,
                           [*rest, "--recipe", saved, "--save-recipe", again])
    tally.expect(second.code == 0, where, f"by its recipe: {second}")
    tally.expect(found == wanted, where, f"its recipe writes something else: {common.read(saved)}")
    tally.expect(second.code != 0 or common.read(again) == common.read(saved), where,
                 "a recipe that is saved again is another one")
    faults = list(test_rules_schema.faults(schema, json.loads(common.read(saved)), schema))
    tally.expect(not faults, where, f"not what the schema allows: {faults}")
    tally.count("equal outputs", found == wanted)


def models(options):
    found = {}
    for folder in filter(None, [options.models, os.path.join(HERE, "..", "models")]):
        for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
            found.setdefault(os.path.basename(path), path)
    return list(found.values())[:: 6 if options.sample else 1]


def main():
    options = common.arguments(__doc__)
    tally = common.Tally()
    rules = os.path.join(options.work, "some.rules.json")
    with open(rules, "w", encoding="utf-8") as file:
        json.dump(RULES, file, indent=1)
    with open(os.path.join(HERE, "../../docs/recipe.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    for model in models(options):
        for arguments in QUANTIZE:
            compare(options, tally, schema, "quantize", model, arguments)
        for arguments in ANNOTATE:
            compare(options, tally, schema, "annotate", model,
                    [rules if word == "RULES" else word for word in arguments])
    tally.expect(tally.counts["equal outputs"] >= 2, "counts", "fewer than two runs were compared")
    return tally.finish("recipes")


if __name__ == "__main__":
    sys.exit(main())
