"""quantize over the whole corpus and the fixtures: every lookup is lowered or has its reason.

With --min-elements 0 and 8 bits, so that as much as possible is done; whatever is written is
recomputed as in recompute.py and accepted by onnx's checker wherever the original is."""
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import common
import corpus
import fixtures
import recompute
import test_models
import test_roundtrip

WANT = {"min_elements": 0}


def check(job):
    path, after, quire = job
    tally = common.Tally()
    if os.path.basename(path) in test_roundtrip.INVALID:
        done, _ = recompute.quantize(quire, path, after, WANT)
        tally.expect(done.code == 3, path, str(done))
        return tally.plain()
    inner, there = recompute.run_and_check(quire, path, after, WANT)
    tally.merge(inner.plain())
    if not there:
        return tally.plain()
    if test_models.checker(path) is None:
        refused = test_models.checker(after)
        tally.expect(refused is None, path, f"checker: {refused}")
        tally.count("onnx checker: accepted")
    for name in [name for name in os.listdir(os.path.dirname(after))
                 if name.startswith(os.path.basename(after))]:
        os.unlink(os.path.join(os.path.dirname(after), name))
    return tally.plain()


def main():
    options = common.arguments(__doc__)
    top, made = options.corpus, os.path.join(options.work, "fixtures")
    corpus.make(top, options.models)
    fixtures.make(made)
    out = os.path.join(options.work, "out")
    os.makedirs(out, exist_ok=True)
    paths = [*corpus.paths(top), *corpus.paths(made)]
    paths = paths[::10] if options.sample else paths
    jobs = [(path, os.path.join(out, f"{index}.onnx"), options.quire)
            for index, path in enumerate(paths)]
    tally = common.Tally()
    with ProcessPoolExecutor(options.jobs) as pool:
        for plain in pool.map(check, jobs, chunksize=16):
            tally.merge(plain)
    tally.count("models tried", len(jobs))
    return tally.finish("lookups")


if __name__ == "__main__":
    sys.exit(main())
