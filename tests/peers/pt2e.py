"""pt2e.py - random graphs, grouped by torchao's own functions and by quire: are the parts the same?

Graphs on which the two cannot be compared are counted apart, each kind with an example: torchao
raises; it answers by node order (asked again with nodes in other orders); it joins derived specs
with others; quire has a named error that it lacks; graph outputs (ruled otherwise). Any other
difference is a failure. The golden files of tests/conformance must hold what torchao
said; --write makes them."""
import argparse
import collections
import json
import os
import sys

import torch
import torchao_groups
from pt2e_cases import (SPECS, as_keys, graphs, keys, random_case, recursion_case, reordered_case,
                        requests)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))
import test_groups  # noqa: E402

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance", "golden")
N_RANDOM, N_RECURSION, N_GOLDEN, N_SEEDS = 6000, 10000, 100, 500
MIN_AGREE, MIN_RECURSE = 2000, 400
AGREE, SAME_OBSERVER = "the partitions agree", "  of these, with one observer a group"
OBSERVER_BY_ORDER = "  of these, torchao takes the observer by node order"
DISAGREE = "DISAGREE"


def is_derived(spec):
    return isinstance(spec, list) and spec[0] == "derived"


def end(case, key):
    """The key at the end of a key's chain; None if there is none."""
    specs = keys(case)
    for _ in specs:
        if not isinstance(specs.get(key), list) or specs[key][0] != "shared":
            return key
        key = specs[key][1]
    return None


# The definition, had derived specs implicit links like any other.
DERIVED_SHARE, NAMED = test_groups.mistaken([(
    'x.kind in ("quantized", "fixed") and (x.kind, x.attributes) == (y.kind, y.attributes)',
    "x.attributes == y.attributes")])


def with_derived_links(case):
    asked = test_groups.pt2e_case("", case)
    try:
        groups, _, _ = DERIVED_SHARE(asked.slots, asked.claims)
    except NAMED:  # a cycle that comes of the sharing
        return None
    return as_keys(case, [slots for slots, _, _ in groups])


def fields(spec):
    """What torchao compares of a spec at the end of a chain."""
    if not isinstance(spec, str):
        return SPECS[spec[1]][1][:6] if is_derived(spec) else None
    return SPECS[spec][1] if "fixed(" in SPECS[spec][0] else SPECS[spec][1][:6]


def with_output_edges(case, groups):
    """The groups, had edges to graph outputs links of their own, as torchao has them."""
    note = case["notes"].get("output", {"in": {}, "flag": False})
    specs, groups = keys(case), [*map(set, groups)]
    for producer in note["in"] if note["flag"] else ():
        edge = f"{producer}>output"
        mine = fields(specs.get(end(case, edge)))
        for key in specs:
            if key.split(">")[0] == producer and mine and fields(specs.get(end(case, key))) == mine:
                joined = [g for g in groups if edge in g or key in g]
                groups = [g for g in groups if g not in joined] + [set().union(*joined)]
    return sorted(map(sorted, groups))


def orders(case, seed):
    """The case, and three times with its nodes in another order."""
    dice = graphs.Dice(seed)
    return [case, *(reordered_case(dice, case) for _ in range(3))]


def compare(case, seed, told):
    """The kind of a case, and torchao's answer."""
    answers = [torchao_groups.Answer(c) for c in orders(case, seed)]
    first = answers[0]
    ours = as_keys(case, [g[0] for g in told["groups"]]) if "groups" in told else None
    if len({json.dumps([a.groups, a.raised]) for a in answers}) > 1:
        return "torchao answers by node order", first
    if "groups" not in told:
        what = first.raised or "accepts it"
        return f"quire: {told.get('error', DISAGREE)}; torchao: {what}", first
    if first.raised:
        return f"torchao raises: {first.raised}; quire accepts it", first
    if ours == first.groups:
        return AGREE, first
    if "output" in case["notes"] and with_output_edges(case, ours) == first.groups:
        return "edges to graph outputs, ruled otherwise", first
    derived = with_derived_links(case) if any(map(is_derived, keys(case).values())) else ours
    if derived is None or first.groups in (derived, with_output_edges(case, derived)):
        return "torchao joins derived specs with others", first
    return DISAGREE, first


def same_observers(case, seed):
    return len({json.dumps(torchao_groups.Answer(c).chosen, sort_keys=True)
                for c in orders(case, seed)}) == 1


def example(examples, kind, *what):
    """Keeps the one with the fewest annotations."""
    if kind not in examples or len(keys(what[0])) < len(keys(examples[kind][0])):
        examples[kind] = what


def show(kind, case, told, answer):
    print(f"\n{kind}, for example:")
    for name, inputs in case["nodes"]:
        print(f"    {name} = op({', '.join(inputs)})")
    for line in requests(case).splitlines()[1:]:
        print(f"    {line}")
    print(f"  torchao: {answer.raised or answer.groups}\n  quire: "
          f"{told.get('error') or as_keys(case, [g[0] for g in told['groups']])}")


def ask_quire(driver, cases):
    cases = [test_groups.pt2e_case(str(k), case) for k, case in enumerate(cases)]
    return [test_groups.told(answer) for answer in test_groups.ask(driver, cases)]


def golden(options, name, key, lines):
    """Is the golden file what torchao says? With --write it will be."""
    path = os.path.join(GOLDEN, name)
    text = '{"made_by": "tests/peers/pt2e.py --write", "torchao": "0.18.0", "' + key + '": [\n' \
        + ",\n".join(lines) + "\n]}\n"
    if options.write:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        return file.read() == text


def random_part(driver, counts, examples):
    """Fills both; returns records for the golden file, those with the largest groups first."""
    records, cases = [], [random_case(seed) for seed in range(N_RANDOM)]
    for seed, (case, told) in enumerate(zip(cases, ask_quire(driver, cases))):
        kind, answer = compare(case, seed, told)
        counts[kind] += 1
        example(examples, kind, case, told, answer)
        if kind == AGREE:
            differ = any(group[2] for group in told["groups"])
            by_order = differ and not same_observers(case, seed)
            counts[OBSERVER_BY_ORDER if by_order else SAME_OBSERVER] += 1
            records.append((-sum(len(g) - 1 for g in answer.groups), seed, case, answer.groups))
    return records


def recursion_part(driver, counts, examples):
    """Seeds on which torchao recurses for ever; on the others it must agree."""
    seeds, cases = [], [recursion_case(seed) for seed in range(N_RECURSION)]
    for seed, (case, told) in enumerate(zip(cases, ask_quire(driver, cases))):
        answer = torchao_groups.Answer(case)
        if answer.raised:
            kind = f"earlier edges of the same node: {answer.raised}"
            seeds.append(seed)
        else:
            good = as_keys(case, [g[0] for g in told.get("groups", [])]) == answer.groups
            kind = "earlier edges of the same node: agree" if good else DISAGREE
        counts[kind] += 1
        example(examples, kind, case, told, answer)
    return seeds


def chain(n, spelling):
    """n additions in a row, as in tests/bench/chains.py."""
    nodes = [[f"n{k}", [f"n{k - 1}" if k else "x", "c"]] for k in range(n)]
    notes = {}
    for k, (name, (before, _)) in enumerate(nodes):
        edge, after = f"{before}>{name}", "A" if k == n - 1 else ["shared", f"{name}>n{k + 1}"]
        notes[name] = {
            "result shared with operand 0": {"in": {before: "A"}, "out": ["shared", edge]},
            "one spec, 2N pointers": {"in": {before: ["shared", before]}, "out": ["shared", edge]},
            "every pointer forward": {"in": {before: ["shared", name]}, "out": after},
            "every operand explicit": {"in": {before: "A", "c": "A"}}}[spelling]
    if spelling == "one spec, 2N pointers":
        notes = {"x": {"out": "A"}, **notes}
    return {"inputs": ["x", "c"], "nodes": nodes, "outputs": [f"n{n - 1}"], "notes": notes}


def chains_part(driver, counts):
    for spelling in ("result shared with operand 0", "one spec, 2N pointers",
                     "every pointer forward", "every operand explicit"):
        case = chain(1000, spelling)
        answer, told = torchao_groups.Answer(case), ask_quire(driver, [case])[0]
        ours = as_keys(case, [g[0] for g in told["groups"]])
        kind = f"torchao: {answer.raised}" if answer.raised else \
            "agree" if ours == answer.groups else DISAGREE
        counts[f"1,000 additions, {spelling}: quire: groups: {len(ours)}; {kind}"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quire")
    parser.add_argument("--driver", required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    counts, examples = collections.Counter(), {}
    records = random_part(options.driver, counts, examples)
    seeds = recursion_part(options.driver, counts, examples)
    chains_part(options.driver, counts)
    for kind in sorted(set(examples) - {AGREE}):
        show(kind, *examples[kind])
    print()
    for kind in sorted(counts):
        print(f"{counts[kind]:8d}  {kind}")
    some = sorted(records)[::max(1, len(records) // N_GOLDEN)][:N_GOLDEN]
    files = {"pt2e_groups.json": ("cases", [
        json.dumps({"name": f"random {seed}", "case": case, "groups": groups})
        for _, seed, case, groups in some]),
             "pt2e_recursion.json": ("seeds", [", ".join(map(str, seeds[:N_SEEDS]))])}
    bad = [name for name, what in files.items() if not golden(options, name, *what)]
    bad += [kind for kind in counts if DISAGREE in kind]
    bad += [AGREE] if counts[AGREE] < MIN_AGREE else []
    bad += ["recursion"] if len(seeds) < MIN_RECURSE else []
    print(f"pt2e: {'FAILED: ' + '; '.join(bad) if bad else 'ok'}, torch {torch.__version__}, "
          f"{counts[AGREE]} random graphs agree, {len(seeds)} recurse")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
