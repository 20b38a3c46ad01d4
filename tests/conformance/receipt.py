"""Checks a receipt: receipt.py DIFF.json A B [REPORT.json]. It reads the files by itself."""
import json
import os
import sys

SIDES = {"kept": ["in", "out"], "removed": ["in"], "added": ["out"], "rewritten": ["in", "out"]}


def problems(pieces, a, b, receipt=None):
    """What is wrong with the pieces of `diff --bytes` (and a quantize report's receipt): lines."""
    folder = {"in": os.path.dirname(a), "out": os.path.dirname(b)}
    spans = {("in", os.path.basename(a)): [], ("out", os.path.basename(b)): []}
    for side, at in ((side, piece[side]) for piece in pieces for side in folder if piece[side]):
        spans.setdefault((side, at["file"]), []).append((at["offset"], at["offset"] + at["length"]))
    held, wrong, sums = {}, [], {"input_bytes": 0, "output_bytes": 0}
    for (side, name), ranges in spans.items():  # every byte of every file is in exactly one piece
        with open(os.path.join(folder[side], name), "rb") as file:
            data = held[side, name] = memoryview(file.read())
        sums[f"{side}put_bytes"] += len(data)
        edges = [0, *(e for span in sorted(ranges) if span[0] != span[1] for e in span), len(data)]
        wrong += [f"{side} {name}: not tiled at {x}" for x, y in zip(*[iter(edges)] * 2) if x != y]
    for piece in pieces:
        verdict, sides = piece["verdict"], [side for side in folder if piece[side]]
        got = [held[s, piece[s]["file"]][piece[s]["offset"]:][:piece[s]["length"]] for s in sides]
        if sides != SIDES.get(verdict, sides) or verdict == "kept" and got[0] != got[1]:
            wrong.append(f"wrong sides, or kept and not equal: {piece}")
        for side, data in zip(sides, got):
            sums[f"{verdict} {side}"] = sums.get(f"{verdict} {side}", 0) + len(data)
    for key, value in (receipt or {}).items():
        single = [(SIDES.get(key, [""])[0], value)]
        for side, said in value.items() if isinstance(value, dict) else single:
            if said != (true := sums.get(f"{key} {side}".strip(), 0)):
                wrong.append(f"receipt: {key} {side} says {said}, files say {true}")
    return wrong


if __name__ == "__main__":
    LOADED = [json.load(open(path, encoding="utf-8")) for path in sys.argv[1:2] + sys.argv[4:]]
    MORE = [report["receipt"] for report in LOADED[1:]]
    sys.exit("\n".join(problems(LOADED[0]["pieces"], *sys.argv[2:4], *MORE)) or 0)
