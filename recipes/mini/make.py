"""Make ``mini`` from nothing: ``python -m recipes.mini.make``. Every step resumes, so run it again after a stop."""

from __future__ import annotations

from recipes.drawn.make import Step, run

__all__ = ["STEPS"]

#: modules in the order they run, with their arguments
STEPS: tuple[Step, ...] = (
    ("recipes.drawn.dataset", "mini"),
    ("recipes.drawn.train_clip", "mini"),
    (
        "recipes.drawn.dataset",
        "mini",
        "--size",
        "256",
        "--first",
        "20",
        "--shards",
        "28",
        "--out",
        "work/mini/renders256",
    ),
    ("recipes.drawn.train_generator", "mini"),
    ("recipes.drawn.generated", "mini"),
    ("recipes.drawn.train_clip", "mini", "--polish", "--steps", "1800"),
    ("recipes.drawn.train_parser", "mini"),
    ("recipes.drawn.judge", "mini"),
    ("recipes.drawn.assemble", "mini"),
    ("recipes.drawn.train_encoder", "mini"),
    ("recipes.drawn.closeness", "mini"),
    ("recipes.drawn.train_directions", "mini"),
    ("recipes.drawn.card", "mini"),
)


def main() -> None:
    run(STEPS, __doc__)


if __name__ == "__main__":
    main()
