"""Runs the independent checks of the program one after the other and sums up.

    run_all.py --quire PATH [--models DIR] [--work DIR] [--old-python PATH] [--sample] [--jobs N]

Each check is a script of its own with the same options; each prints its counts and a last line."""
import os
import subprocess
import sys

import common

SCRIPTS = {"test_roundtrip.py": False, "test_refusals.py": False, "test_lookups.py": False,
           "test_bites.py": True, "adversarial.py": False, "test_models.py": True,
           "test_annotated_ways.py": False, "test_quantize_annotated.py": True}


def main():
    options = common.arguments(__doc__)
    here, failed = os.path.dirname(os.path.abspath(__file__)), []
    for script, needs_models in SCRIPTS.items():
        if needs_models and not options.models:
            print(f"{script}: not run, needs --models", flush=True)
            continue
        work = os.path.join(options.work, script.removesuffix(".py"))
        command = [sys.executable, os.path.join(here, script), "--quire", options.quire, "--work",
                   work, "--jobs", str(options.jobs)]
        if options.models:
            command += ["--models", os.path.abspath(options.models)]
        if options.old_python:
            command += ["--old-python", options.old_python]
        if options.sample:
            command.append("--sample")
        print(f"{script}:", flush=True)
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(script)
    print("conformance: " + (f"FAILED: {', '.join(failed)}" if failed else "ok"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
