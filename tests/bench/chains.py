#!/usr/bin/env python3
"""chains.py --quire PROGRAM - long chains of annotated additions: right groups, in linear time.

    a1 = Add(x, c)   a2 = Add(a1, c)   ...   aN = Add(aN-1, c)

with their annotations spelled in four ways, each resolved by `quire annotations resolve` for half a
million and for a million nodes. What the groups must be follows from the spelling. Only Python's
standard library and the program are needed.

  --nodes N  the larger of the two sizes (default 1000000)
  --work     folder for the files (default: the temporary one); all are removed at the end

Exit code: 0; 1 if a group is wrong, or twice the nodes take more than 2.4 times the processor time.
"""
import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import run as bench

LIMIT = 2.4  # of the ratio for doubling
REPEATS = 3
SPEC = "i8 tensor affine zp=int"
BATCH = 8192


def value(k):
    return f"a{k:07d}"  # a0000000 is the graph input


# --- the spellings: lines of requests for node k of n, and the groups they must give --------------

def result_shared(k, n):
    """Each first operand carries a spec, each result is shared with its node's."""
    return f"{value(k)}<-0 {SPEC}", f"{value(k)} = {value(k)}<-0"


def one_explicit(k, n):
    """Only the graph input carries a spec; all others point back."""
    head = [f"{value(0)} {SPEC}"] if k == 1 else []
    return *head, f"{value(k)}<-0 = {value(k - 1)}", f"{value(k)} = {value(k)}<-0"


def all_forward(k, n):
    """Only the last result carries a spec; all others point onward."""
    last = SPEC if k == n else f"= {value(k + 1)}<-0"
    return f"{value(k)}<-0 = {value(k)}", f"{value(k)} {last}"


def all_explicit(k, n):
    """Every operand carries a spec: the constant has n annotated readers."""
    return f"{value(k)}<-0 {SPEC}", f"{value(k)}<-1 {SPEC}"


def chain_slots(n):
    return [slot for k in range(1, n + 1) for slot in (f"{value(k)}<-0", value(k))]


def groups_all_explicit(n):
    """The first operand of every node has no annotated neighbour; c's readers are one group."""
    readers = [f"{value(k)}<-1" for k in range(1, n + 1)]
    alone = [[f"{value(k)}<-0"] for k in range(1, n + 1)]
    return [alone[0], readers, *alone[1:]]


SPELLINGS = {
    "result shared with operand 0": (result_shared, lambda n: [chain_slots(n)]),
    "one spec, 2N pointers": (one_explicit, lambda n: [[value(0), *chain_slots(n)]]),
    "every pointer forward": (all_forward, lambda n: [chain_slots(n)]),
    "every operand explicit": (all_explicit, groups_all_explicit),
}


# --- files ----------------------------------------------------------------------------------------

def make_model(path, n):
    def add(k):
        return bench.node("Add", [value(k - 1), "c"], [value(k)], "")

    ends = (bench.block(2, "chain") + bench.value_info(11, value(0), bench.FLOAT, [8])
            + bench.value_info(11, "c", bench.FLOAT, [8])
            + bench.value_info(12, value(n), bench.FLOAT, [8]))
    before, behind = bench.model_frame(len(add(1)) * n + len(ends))
    with open(path, "wb") as file:
        file.write(before)
        for start in range(1, n + 1, BATCH):
            file.write(b"".join(map(add, range(start, min(start + BATCH, n + 1)))))
        file.write(ends + behind)


def make_requests(path, n, lines):
    with open(path, "w", encoding="ascii") as file:
        file.write("quire-annotations 1\n")
        for start in range(1, n + 1, BATCH):
            file.write("".join(f"{line} by bench\n" for k in range(start, min(start + BATCH, n + 1))
                               for line in lines(k, n)))


def resolve(quire, model, requests, answer):
    """Processor and clock seconds, resident bytes."""
    command = [quire, "annotations", "resolve", str(model), str(requests), "--format", "json"]
    start = time.perf_counter()
    pid = os.posix_spawnp(quire, command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, str(answer), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise bench.Failed(f"{' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}")
    return (usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss * 1024)


def wrong(answer, groups):
    """What is not as it must be, or None."""
    with open(answer, encoding="utf-8") as file:
        document = json.load(file)
    got = [group["slots"] for group in document["groups"]]
    if document["error"] is not None or document["float"] or document["losers"]:
        return f"error, float slots or losers: {str(document['error'])[:300]}"
    if got != groups:
        return f"{len(got)} groups of {sum(map(len, got))} slots, not {len(groups)} of " \
               f"{sum(map(len, groups))}, or other slots"
    if any(group["spec"] != SPEC or group["observers_differ"] for group in document["groups"]):
        return "a group has another spec"
    return None


def measure(quire, work, n):
    """Least processor seconds by spelling; prints a line for each."""
    model, requests, answer = work / "chain.onnx", work / "requests", work / "answer.json"
    make_model(model, n)
    out = {}
    for title, (lines, groups) in SPELLINGS.items():
        make_requests(requests, n, lines)
        runs = [resolve(quire, model, requests, answer) for _ in range(REPEATS)]
        cpu, clock, peak = (min(column) for column in zip(*runs))
        fault = wrong(answer, groups(n))
        if fault:
            raise bench.Failed(f"{title}, {n} nodes: {fault}")
        out[title] = cpu
        print(f"  {n:8d} nodes  {title:<30} {cpu:7.3f} s processor {clock:7.3f} s clock "
              f"{peak / bench.MIB:6.0f} MiB", flush=True)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quire", required=True)
    parser.add_argument("--nodes", type=int, default=1000000)
    parser.add_argument("--work")
    options = parser.parse_args()
    print("annotations of chains: `quire annotations resolve`, import and printing included")
    with tempfile.TemporaryDirectory(prefix="quire-chains-", dir=options.work) as folder:
        try:
            half, whole = (measure(options.quire, Path(folder), n)
                           for n in (options.nodes // 2, options.nodes))
        except bench.Failed as failed:
            print(failed, file=sys.stderr)
            return 1
    ratios = {title: whole[title] / half[title] for title in SPELLINGS}
    for title, ratio in ratios.items():
        print(f"  twice the nodes: {ratio:4.2f} times the time (at most {LIMIT})  {title}")
    return 1 if max(ratios.values()) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
