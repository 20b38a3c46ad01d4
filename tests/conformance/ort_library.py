"""What libquire_ort does besides computing, in whichever ONNX Runtime this interpreter has.

    ort_library.py LIBRARY FOLDER

FOLDER holds what test_target_quire.py put there: good.onnx (input `i`, output `y`), its answers, and
files that must not load. Needs that onnxruntime and numpy only; exit 1 on the first thing wrong."""
import ctypes
import gc
import os
import sys
import threading

import numpy as np
import onnxruntime as ort


def open_session(path, library, threads=1, **config):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    for key, value in config.items():
        setattr(options, key, value)
    options.register_custom_ops_library(library)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def expect(truth, text):
    if not truth:
        print(f"ort_library: onnxruntime {ort.__version__}: {text}")
        sys.exit(1)


def message_of(call, *arguments):
    """What an error of the runtime says; "" if there was none."""
    try:
        call(*arguments)
    except Exception as error:
        return str(error)
    return ""


def is_loaded(library):
    with open("/proc/self/maps", encoding="utf-8") as file:
        return any(line.rstrip().endswith(os.path.realpath(library)) for line in file)


def check_indices(session, given):
    """A wrong index is an error that names place and value; the session goes on working."""
    rows = int(given["rows"])
    for threads_full in (8, 40000):
        indices = np.zeros(threads_full, np.int64)
        for at, wrong in ((threads_full - 1, rows), (3, -rows - 1), (5, 2 ** 40), (2, -2 ** 63)):
            bad = indices.copy()
            bad[at], bad[-1] = wrong, wrong
            said = message_of(session.run, None, {"i": bad})
            wanted = f"index {at} is {wrong}, and the table has {rows} rows"
            expect(wanted in said and "INVALID_ARGUMENT" in said, f"said {said!r}, not {wanted!r}")
        edges = np.resize([0, -rows, rows - 1, -1], threads_full)
        got = session.run(None, {"i": edges})[0]
        expect(np.array_equal(got, given["table"][edges]), "wrong after an error")


def check_threads(path, library, given):
    """Two sessions of two threads each, asked by four threads at once."""
    sessions = [open_session(path, library, 2) for _ in range(2)]
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for count in (1, 7, 300, 20000) * 3:
            indices = rng.integers(-given["rows"], given["rows"], count)
            got = sessions[seed % 2].run(None, {"i": indices})[0]
            if not np.array_equal(got, given["table"][indices]):
                wrong.append(count)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not wrong, f"wrong with {sorted(set(wrong))} lookups")


def check_life(path, library, given):
    """The runtime unloads the library after its last session, and can load it again."""
    for _ in range(3):
        session = open_session(path, library)
        other = open_session(path, library)
        expect(is_loaded(library), "not loaded")
        del session
        gc.collect()
        got = other.run(None, {"i": np.array([0, -1])})[0]
        expect(np.array_equal(got, given["table"][[0, -1]]), "wrong after a session was closed")
        del other
        gc.collect()
    expect(not is_loaded(library), "still loaded after the last session")


def check_refusals(folder, library):
    for name in sorted(os.listdir(folder)):
        if name.startswith("bad_") and name.endswith(".onnx"):
            wanted = open(os.path.join(folder, name[:-5] + ".txt"), encoding="utf-8").read()
            said = message_of(open_session, os.path.join(folder, name), library)
            expect(wanted in said, f"{name}: said {said!r}, not {wanted!r}")


def check_isa(path, library):
    """QUIRE_ISA is heard, and a wrong one is an error when the session is made."""
    # The library reads the environment of the C library, which os.environ writes through to.
    os.environ["QUIRE_ISA"] = "abacus"
    said = message_of(open_session, path, library)
    del os.environ["QUIRE_ISA"]
    expect("QUIRE_ISA" in said, f"QUIRE_ISA=abacus: said {said!r}")


def main():
    library, folder = sys.argv[1:]
    path = os.path.join(folder, "good.onnx")
    given = dict(np.load(os.path.join(folder, "good.npz")))
    ort.set_default_logger_severity(4)
    check_life(path, library, given)
    session = open_session(path, library, 2)
    check_indices(session, given)
    del session
    check_threads(path, library, given)
    check_refusals(folder, library)
    check_isa(path, library)
    handle = ctypes.CDLL(library)
    expect(hasattr(handle, "RegisterCustomOps") and not hasattr(handle, "quire_bag_run"),
           "exports are not RegisterCustomOps alone")
    print(f"onnxruntime {ort.__version__}: ok")


if __name__ == "__main__":
    main()
