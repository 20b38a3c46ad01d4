"""Random annotated graphs, resolved by quire and by the definition in groups_definition.py.

Every case goes through groups_driver twice, and once more with its nodes in another topological
order and its claims in another order; some go through the program itself. Then the graphs that
PT2E was asked about (golden/pt2e_*.json). The counts must show every named error, and definitions
with one mistake each must be noticed: else the test itself has failed."""
import collections
import functools
import json
import multiprocessing
import os
import struct
import subprocess
import sys

import common
import groups_definition as definition
import groups_graphs as graphs

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))
import pt2e_cases  # noqa: E402

OK, NAMED = 0, 1  # statuses of the driver that are answers
CHUNK = 250
N_CASES, N_CASES_SAMPLE, N_MISTAKES = 5000, 1000, 200

# The definition with a mistake: text to replace, replacement.
MISTAKES = {
    "noshare of operands is ignored": [("held[a].noshare or that", "that")],
    "noshare of results is ignored": [(' or that.kind == "result" and held[b].noshare', "")],
    "a loser's noshare counts": [("any(c.noshare for c in best)", "any(c.noshare for c in asked)")],
    "observers are compared": [("(x.kind, x.attributes) == (y.kind, y.attributes)", "x == y")],
    "float slots are in groups": [('[s for s in held if held[s].spec.kind != "float"]',
                                   "list(held)")],
    "derived slots share": [('x.kind in ("quantized", "fixed") and', "")],
    "formals share": [(" or that.formal", "")],
    "graph outputs do not share": [('this.kind != "operand" or',
                                    '"output" in (this.kind, that.kind) or')],
    "captured values are other tensors": [("this.tensor != that.tensor", "a.rpartition('/')[0] != "
                                           "b.rpartition('/')[0] or this.tensor != that.tensor")],
    "chains end after one step": [("while held[slot]", "if held[slot]")],
    "targets are not links": [("held[a].spec.targets[0] == b", "False")],
    "the lowest priority wins": [("top = max(", "top = min(")],
    "observers go by bytes alone": [("(-h.priority, ", "(0, ")],
    "cycles of derived are by slot": [("derived = [(home[s], home[t])", "derived = [(s, t)"),
                                      ("home[s] in reach(home[s], derived)",
                                       "s in reach(s, derived)")],
}


def mistaken(changes):
    """meaning() of the definition with the changes made."""
    text = common.read(definition.__file__).decode()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    scope = {"__name__": "mistaken"}
    exec(compile(text, "mistaken", "exec"), scope)
    return scope["meaning"], scope["Named"]


# --- asking quire ---------------------------------------------------------------------------------

Case = collections.namedtuple("Case", "label model text first slots claims nested")


def packed(case):
    first = "".join(who + "\0" for who in case.first or ()).encode()
    text = case.text.encode()
    return b"".join((struct.pack("<I", len(case.model)), case.model,
                     struct.pack("<I", len(text)), text,
                     struct.pack("<II", case.first is not None, len(first)), first))


def ask(driver, cases, times=1):
    """[(status, bytes)] of each case; asked several times, the answers must be the same bytes."""
    stdin = b"".join(map(packed, cases))
    runs = [subprocess.run([driver], input=stdin, stdout=subprocess.PIPE, check=False)
            for _ in range(times)]
    if any(run.returncode or run.stdout != runs[0].stdout for run in runs):
        raise SystemExit(f"{driver}: exit {runs[0].returncode}, or two runs differ, from "
                         f"{cases[0].label}")
    out, at = [], 0
    for _ in cases:
        status, size = struct.unpack_from("<iI", runs[0].stdout, at)
        text, _, chains = runs[0].stdout[at + 8:at + 8 + size].partition(b"\0")
        out.append((status, text, chains.decode()))
        at += 8 + size
    return out


def sorted_losers(losers):
    return sorted((x["slot"], x["spec"], x["by"], x["priority"], x["noshare"]) for x in losers)


def expected(case, meaning=definition.meaning, named=definition.Named):
    """The definition's answer in the words of the JSON."""
    try:
        groups, floats, losers = meaning(case.slots, case.claims, case.first)
    except named as error:
        return {"error": error.args[0], "slots": set(error.args[1:])}
    return {"groups": [[slots, graphs.spec_text(spec), differ] for slots, spec, differ in groups],
            "float": floats,
            "losers": sorted((c.slot, graphs.spec_text(c.spec), c.who, c.priority, c.noshare)
                             for c in losers)}


def told(answer):
    """quire's answer in the same words."""
    status, text, _ = answer
    if status not in (OK, NAMED):
        return {"failed": status, "message": text.decode("utf-8", "replace")}
    document = json.loads(text)
    if document["error"]:
        return {"error": document["error"]["name"], "slots": set(document["error"]["slots"])}
    return {"groups": [[g["slots"], g["spec"], bool(g["observers_differ"])]
                       for g in document["groups"]],
            "float": document["float"], "losers": sorted_losers(document["losers"])}


def agrees(want, got):
    """A cycle of derived touches more slots than the least that has it: which, is not defined.
    Operands beyond a node's last have no place in the order: which of two is told, is not either."""
    if want.get("error") == "cycle of derived" == got.get("error"):
        return want["slots"] <= got["slots"]
    if want.get("error") == "absent operand" == got.get("error"):
        beyond = [slot.endswith("<-99") for slot in (*want["slots"], *got["slots"])]
        return beyond == [True, True] or want == got
    return want == got


def unordered(answer):
    """What must not depend on the order of nodes: of an error, its name."""
    if "groups" not in answer:
        return answer.get("error", answer)
    groups = {(frozenset(slots), spec, differ) for slots, spec, differ in answer["groups"]}
    return groups, set(answer["float"]), answer["losers"]


# --- random cases ---------------------------------------------------------------------------------

def random_case(seed):
    """The case and the same with nodes and claims in other orders."""
    dice = graphs.Dice(seed)
    maker = graphs.Maker(dice)
    slots = graphs.slots_of(maker.main, maker.functions)
    wanted = graphs.Requests(dice, slots)
    extra = {s: wanted.slots[s] for s in wanted.slots if s not in slots}
    main = graphs.reordered(dice, maker.main)
    functions = [graphs.reordered(dice, f) for f in maker.functions]
    nested = graphs.depth_of(maker.main)
    first = Case(f"seed {seed}", graphs.model_bytes(maker.main, maker.functions),
                 wanted.text(dice), wanted.first, wanted.slots, wanted.claims, nested)
    other = first._replace(label=f"seed {seed}, reordered", text=wanted.text(dice),
                           model=graphs.model_bytes(main, functions),
                           slots={**graphs.slots_of(main, functions), **extra})
    return first, other


def check_message(tally, case, document):
    """The message names the slots and somebody who asked; of a conflict, both values."""
    error = document["error"]
    tally.expect(not document["groups"], case.label, "groups beside an error")
    for slot in error["slots"]:
        tally.expect(slot in error["message"], case.label,
                     f"message without {slot}: {error['message']}")
    asked = {c.who for c in case.claims if c.slot in error["slots"]}
    tally.expect(any(who in error["message"] for who in asked), case.label,
                 f"message without claimant: {error['message']}")
    if error["name"] == "conflict":
        asked = {graphs.spec_text(c.spec) for c in case.claims if c.slot == error["slots"][0]}
        tally.expect(sum(f'"{text}"' in error["message"] for text in asked) == 2, case.label,
                     f"message without both values: {error['message']}")


def check_chains(tally, case, answer):
    """Each group's chain leads from its first slot to its last, along links of the definition."""
    held, _ = definition.winners(case.slots, case.claims, case.first)
    chains = collections.defaultdict(list)
    for line in answer[2].splitlines():
        group, kind, a, b = line.split("\t")
        chains[int(group)].append((kind, a, b))
    for number, group in enumerate(json.loads(answer[1])["groups"]):
        at = group["slots"][0]
        for kind, a, b in chains[number]:
            ways = [(x, y) for x, y in ((a, b), (b, a)) if definition.links(case.slots, held, x, y)]
            points = any(held[x].spec.kind == "shared" and held[x].spec.targets[0] == y
                         for x, y in ways)
            good = a == at and ways and (kind == "implicit" or points)
            tally.expect(good, case.label, f"chain of {group['slots']}: {chains[number]}")
            at = b
        tally.expect(at == group["slots"][-1], case.label, f"the chain ends at {at}: {group}")
    tally.count("links in chains", sum(map(len, chains.values())))


def check_differing(tally, case, answer):
    """observers_differ: the slots with a spec of their own that is not the group's."""
    held, _ = definition.winners(case.slots, case.claims, case.first)
    for group in json.loads(answer[1])["groups"]:
        want = [s for s in group["slots"] if held[s].spec.kind != "shared"
                and graphs.spec_text(held[s].spec) != group["spec"]]
        tally.expect(group["observers_differ"] == want, case.label, f"{group}, not {want}")


def check_case(tally, case, answer):
    want, got = expected(case), told(answer)
    tally.expect(agrees(want, got), case.label, f"want {want}\n   got {got}\n{case.text}")
    tally.count("graphs with nested bodies", case.nested > 0)
    tally.count("graphs with bodies three deep", case.nested > 2)
    tally.count(f"error: {want['error']}" if "error" in want else "resolved")
    if "groups" in want and "groups" in got:
        check_chains(tally, case, answer)
        check_differing(tally, case, answer)
        tally.count("more than one group", len(want["groups"]) > 1)
        tally.count("groups of several slots", sum(len(g[0]) > 1 for g in want["groups"]))
        tally.count("groups across graphs",
                    sum(len({s.rpartition("/")[0] for s in g[0]}) > 1 for g in want["groups"]))
        tally.count("groups whose observers differ", sum(g[2] for g in want["groups"]))
        tally.count("float slots", len(want["float"]))
        tally.count("losers", len(want["losers"]))
    elif answer[0] == NAMED:
        check_message(tally, case, json.loads(answer[1]))
    return got


def check_chunk(driver, start):
    tally = common.Tally()
    pairs = [random_case(seed) for seed in range(start, start + CHUNK)]
    cases = [case for pair in pairs for case in pair]
    answers = dict(zip((case.label for case in cases), ask(driver, cases, 2)))
    for case, other in pairs:
        got, moved = check_case(tally, case, answers[case.label]), told(answers[other.label])
        tally.expect(unordered(got) == unordered(moved), other.label, f"{got}\n   became {moved}")
        if "error" in moved:
            tally.expect(agrees(expected(other), moved), other.label,
                         f"want {expected(other)}\n   got {moved}")
    tally.count("graphs", len(pairs))
    return tally.plain()


def notices(case, answer, meaning, named):
    try:
        return not agrees(expected(case, meaning, named), answer)
    except (ValueError, KeyError):  # it cannot even answer
        return True


def check_mistakes(tally, driver):
    """Each mistake changes some answer of the first cases."""
    cases = [random_case(seed)[0] for seed in range(N_MISTAKES)]
    answers = [told(answer) for answer in ask(driver, cases)]
    for title, changes in MISTAKES.items():
        meaning, named = mistaken(changes)
        noticed = sum(notices(case, got, meaning, named) for case, got in zip(cases, answers))
        tally.count(f"noticed in {N_MISTAKES}: {title}", noticed)
        tally.expect(noticed, title, "this mistake in the definition goes unnoticed")


# --- the program ----------------------------------------------------------------------------------

def check_program(tally, options, cases):
    """`annotations resolve` says what the driver says."""
    model, text = os.path.join(options.work, "case.onnx"), os.path.join(options.work, "case.txt")
    for case, (status, answer, _) in zip(cases, ask(options.driver, cases)):
        with open(model, "wb") as file:
            file.write(case.model)
        with open(text, "w", encoding="utf-8") as file:
            file.write(case.text)
        command = ["annotations", "resolve", model, text, "--format", "json"]
        if case.first is not None:
            command += ["--conflict", "first"]
            command += ["--declared", ",".join(case.first)] if case.first else []
        ran = common.run(options.quire, *command)
        same = ran.out.strip() and json.loads(ran.out) == json.loads(answer)
        tally.expect(ran.code == status and same, case.label, f"{ran}\n{ran.out}\nnot {answer}")
        tally.count("through the program")


# --- what PT2E answered ---------------------------------------------------------------------------

def golden(name):
    return json.loads(common.read(os.path.join(HERE, "golden", name)))


def pt2e_case(label, case, extra=None):
    text = pt2e_cases.requests(case) + (f"{extra}\n" if extra else "")
    return Case(label, pt2e_cases.model(case), text, None,
                graphs.slots_of(pt2e_cases.graph_of(case)), pt2e_cases.claims(case), 0)


def check_pt2e(tally, options):
    """Groups that torchao made; rows of its own tests; graphs on which it recurses for ever."""
    for name in ("pt2e_groups.json", "pt2e_rows.json"):
        records = golden(name)["cases"]
        cases = [pt2e_case(r["name"], r["case"], r.get("extra")) for r in records]
        for record, case, answer in zip(records, cases, ask(options.driver, cases)):
            got = told(answer)
            if "error" in record:
                good = got.get("error", "refused" if "failed" in got else "") == record["error"]
            else:
                good = "groups" in got and record["groups"] == pt2e_cases.as_keys(
                    record["case"], [group[0] for group in got["groups"]])
            tally.expect(good, f"{name}: {case.label}", f"want {record}\n   got {got}")
            tally.count(f"golden/{name}")
    seeds = golden("pt2e_recursion.json")["seeds"]
    cases = [pt2e_case(f"recursion {s}", pt2e_cases.recursion_case(s)) for s in seeds]
    for case, answer in zip(cases, ask(options.driver, cases)):
        want, got = expected_partition(case), told(answer)
        if tally.expect("groups" in got and [group[0] for group in got["groups"]] == want,
                        case.label, f"want {want}\n   got {got}"):
            check_chains(tally, case, answer)
        tally.count("PT2E recurses for ever")


def expected_partition(case):
    return [slots for slots, _, _ in definition.meaning(case.slots, case.claims)[0]]


# --- all of it ------------------------------------------------------------------------------------

def main():
    options = common.arguments(__doc__, (["--driver"], {"help": "default: tests/groups_driver"}),
                               (["--full"], {"type": int, "help": "this many graphs"}))
    options.driver = os.path.abspath(options.driver or os.path.join(
        os.path.dirname(options.quire), "tests", "groups_driver"))
    tally = common.Tally()
    n = options.full or (N_CASES_SAMPLE if options.sample else N_CASES)
    with multiprocessing.Pool(options.jobs) as pool:
        work = functools.partial(check_chunk, options.driver)
        for plain in pool.imap_unordered(work, range(0, n, CHUNK)):
            tally.merge(plain)
    for kind in (*(f"error: {name}" for name in graphs.ERRORS), "resolved", "more than one group",
                 "graphs with nested bodies", "graphs with bodies three deep", "float slots",
                 "groups across graphs", "groups whose observers differ", "losers"):
        tally.expect(tally.counts[kind], kind, "no case has it")
    check_mistakes(tally, options.driver)
    check_program(tally, options, [random_case(seed)[0] for seed in range(60)])
    check_pt2e(tally, options)
    return tally.finish("groups")


if __name__ == "__main__":
    sys.exit(main())
