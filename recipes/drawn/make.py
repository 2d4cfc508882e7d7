"""Make a set from nothing, step by step; every step resumes, so that after a stop the same command goes on."""

from __future__ import annotations

import argparse
import subprocess
import sys

__all__ = ["Step", "run"]

#: a module of ``recipes`` and its arguments
Step = tuple[str, ...]


def run(steps: tuple[Step, ...], description: str | None) -> None:
    """The command line of a recipe: run its modules in order, each as a program of its own.

    Args:
        steps: what to run.
        description: what is made.
    """
    parser = argparse.ArgumentParser(description=description)
    names = [module.rpartition(".")[2] for module, *_ in steps]
    parser.add_argument("--start", default=names[0], help="module to begin with: " + ", ".join(names))
    args = parser.parse_args()
    if args.start not in names:
        parser.error(f"no step {args.start!r}")
    for module, *options in steps[names.index(args.start) :]:
        print(f"== {module} {' '.join(options)}", flush=True)
        subprocess.run([sys.executable, "-m", module, *options], check=True)
