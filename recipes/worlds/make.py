"""Make what the harder worlds need: ``python -m recipes.worlds.make``. Every step resumes; after a stop, run it again.

Pictures are rendered once and shared. All of it lies in an ignored folder; nothing ships.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from eclipsed.store.sets import find_set

__all__ = ["steps"]

#: shards of portraits, nature's colours and vivid ones, and those that the generator draws again; the last one is
#: held out
RENDERED = (("0", "10"), ("24", "28"))
DRAWN = "0-2"


def steps(work: Path) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Name of what is made -> the modules that make it, each with its arguments, in the order they run."""
    folder, generator = str(work / "worlds"), str(find_set("mini").generator)
    here = ("--work", folder)
    portraits = tuple(
        ("recipes.drawn.dataset", "mini", "--out", f"{folder}/renders", "--first", first, "--shards", last)
        for first, last in RENDERED
    )
    drawn = ("recipes.drawn.generated", "mini", *here, "--shards", DRAWN, "--start", generator, "--missing")
    return {
        "pictures": (*portraits, drawn),
        "clip-tenth": (("recipes.worlds.honest_clips", "tenth", *here),),
        "clip-noisy": (("recipes.worlds.honest_clips", "noisy", *here),),
        "clip-vit": (("recipes.worlds.honest_clips", "vit", *here),),
        "people": (("recipes.worlds.people", *here),),
        "parser-short": (("recipes.worlds.short_parser", *here),),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="what to make, after the pictures; everything when not given")
    parser.add_argument("--work", type=Path, default=Path("work"))
    args = parser.parse_args()
    known = steps(args.work)
    unknown = [name for name in args.names if name not in known]
    if unknown:
        parser.error(f"nothing is called {unknown[0]!r}; known: {', '.join(known)}")
    for name in known:
        if name == "pictures" or not args.names or name in args.names:
            for module, *options in known[name]:
                print(f"== {module} {' '.join(options)}", flush=True)
                subprocess.run([sys.executable, "-m", module, *options], check=True)


if __name__ == "__main__":
    main()
