#!/usr/bin/env python3
"""includes.py - does every file include only what its layer may?  includes.py SOURCE BUILD

The build already makes an include of a higher layer fail; this checks that it still does (the
include folders in BUILD/layers hold what the table allows), and sees what it cannot: includes by
relative path, and folders that the table does not know.
"""
import re
import sys
from pathlib import Path

MAY_INCLUDE = {
    "src/base": {"base"},
    "src/kernels": {"base", "kernels"},
    "src/ort": {"base", "kernels", "ort"},
    "src/graph": {"base", "graph", "onnx.pb-c.h"},
    "src/passes": {"base", "kernels", "graph", "passes"},
    "src/plugin": {"base", "kernels", "graph", "passes", "plugin"},
    "src/quantizers": {"quantizers"},
}
# Of the public headers; every other layer may include all.
PUBLIC = {"src/quantizers": {"quire/plugin.h"}}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def faults(root, folder, allowed):
    """One line per include that is out of place in root/folder."""
    for file in sorted((root / folder).rglob("*.[chi]*")):
        for name in INCLUDE.findall(file.read_text(encoding="utf-8")):
            place = f"{file.relative_to(root)}: \"{name}\""
            top = name.split("/")[0]
            if ".." in name.split("/"):
                yield f"{place} is a relative path"
            elif "/" not in name and name not in allowed and not (file.parent / name).exists():
                yield f"{place} is not a file of this folder"
            elif "/" in name and top not in allowed | {"quire"}:
                yield f"{place} is above or outside the layer"
            elif top == "quire" and name not in PUBLIC.get(folder, {name}):
                yield f"{place} is not for this layer"


def fence_faults(build):
    """One line per layer whose include folder does not hold exactly what it may include."""
    for folder, allowed in MAY_INCLUDE.items():
        fence = build / "layers" / folder.removeprefix("src/")
        linked = {link.name for link in fence.iterdir()} if fence.is_dir() else set()
        if linked != {name for name in allowed if not name.endswith(".h")}:
            yield f"{fence} holds {', '.join(sorted(linked)) or 'nothing'}"


def main(root, build):
    rows = [(folder, allowed) for folder, allowed in MAY_INCLUDE.items()]
    unknown = {f"src/{p.name}" for p in (root / "src").iterdir() if p.is_dir()} - set(MAY_INCLUDE)
    found = [f"{folder}: no row in the table of layers" for folder in sorted(unknown)]
    found += [fault for folder, allowed in rows for fault in faults(root, folder, allowed)]
    found += list(faults(root, "include", {"quire"})) + list(fence_faults(build))
    print("\n".join(found) if found else f"includes of {len(rows)} layers are in order")
    return 1 if found else 0


sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
