"""Which modules of the package one training step enters, and how often each.

    python -m benchmarks.step_modules
    python -m benchmarks.step_modules path/to/another/checkout

A step of the default and one of the report's setting on `mini`, both well after the start, on the CPU: one that draws
its faces anew and in which every term has its weight. A module is entered where a line of it is called from another
one of the package, whatever lies between the two (PyTorch, open_clip). Prints each module with its entries, and how
many modules and folders they are. Needs no private name, so that it can be asked of any tree.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

__all__ = ["entries", "main"]

ROOT = Path(__file__).parents[1]

WORKER = """
import collections, json, os, sys
import eclipsed

home = os.path.dirname(eclipsed.__file__) + os.sep
editor = eclipsed.Editor.from_pretrained("mini", "cpu")
traced = int(sys.argv[1])  # steps that are done before the one that is looked at: even, for faces serve two steps
entries = collections.Counter()

def module_of(frame):
    while frame is not None and not frame.f_code.co_filename.startswith(home):
        frame = frame.f_back
    return None if frame is None else frame.f_code.co_filename

def look(frame, event, argument):
    if event == "call" and frame.f_code.co_filename.startswith(home):
        if module_of(frame.f_back) != frame.f_code.co_filename:
            entries[frame.f_code.co_filename.removeprefix(home)] += 1

def told(step):
    if step.phase != "train":
        return None
    if step.step == traced:
        sys.setprofile(look)
    elif step.step > traced:
        sys.setprofile(None)
        return False

make = {"default": eclipsed.TrainConfig, "report": eclipsed.TrainConfig.report}[sys.argv[2]]
options = {"default": {"layers": (4, 5, 6, 7)}, "report": {}}[sys.argv[2]]
config = make(steps=2 * traced, calibrate=False, **options)
editor.train("a person with blond hair", config=config, callback=told)
print(json.dumps(entries))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("tree", nargs="?", type=Path, default=ROOT, help="a checkout; this one when left out")
    options.add_argument("--after", type=int, default=12, help="steps before the one that is looked at, an even number")
    given = options.parse_args()
    for preset in ("default", "report"):
        _show(preset, entries(given.tree.resolve(), preset, given.after))


def entries(tree: Path, preset: str, after: int) -> Counter[str]:
    """Module -> how often one step enters it.

    Args:
        tree: a checkout.
        preset: ``"default"`` or ``"report"``.
        after: steps before the one that is looked at, an even number.
    """
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(after), preset],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "ECLIPSED_GRAPHS": "0"},
        check=True,
        capture_output=True,
        text=True,
    )
    return Counter(json.loads(done.stdout.splitlines()[-1]))


def _show(preset: str, found: Counter[str]) -> None:
    folders: dict[str, list[str]] = {}
    for module in sorted(found):
        folder, _, name = module.rpartition("/")
        folders.setdefault(folder, []).append(f"{name.removesuffix('.py')} {found[module]}")
    print(f"{preset}: {len(found)} modules in {len(folders)} folders, entered {found.total()} times")
    for folder, modules in folders.items():
        print(f"  {folder or '.':11} {', '.join(modules)}")


if __name__ == "__main__":
    main()
