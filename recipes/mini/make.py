"""Make ``mini`` from nothing: ``python -m recipes.mini.make``. Every step resumes, so run it again after a stop."""

from __future__ import annotations

import argparse
import subprocess
import sys

__all__ = ["STEPS"]

#: modules in the order they run, with their arguments
STEPS: tuple[tuple[str, ...], ...] = (
    ("dataset",),
    ("train_clip",),
    ("dataset", "--size", "256", "--first", "20", "--shards", "28", "--out", "work/mini/portraits256"),
    ("train_generator",),
    ("generated",),
    ("train_clip", "--polish", "--steps", "1800"),
    ("train_parser",),
    ("judge",),
    ("assemble",),
    ("train_encoder",),
    ("closeness",),
    ("train_directions",),
    ("card",),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", default="dataset", help="module to begin with: " + ", ".join(s[0] for s in STEPS))
    args = parser.parse_args()
    first = next((k for k, step in enumerate(STEPS) if step[0] == args.start), None)
    if first is None:
        parser.error(f"no step {args.start!r}")
    for module, *options in STEPS[first:]:
        print(f"== {module} {' '.join(options)}", flush=True)
        subprocess.run([sys.executable, "-m", f"recipes.mini.{module}", *options], check=True)


if __name__ == "__main__":
    main()
