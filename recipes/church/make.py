"""Make ``mini-church``: ``python -m recipes.church.make``. Every step resumes, so run it again after a stop."""

from __future__ import annotations

from recipes.drawn.make import Step, run

__all__ = ["STEPS"]

#: modules in the order they run, with their arguments
STEPS: tuple[Step, ...] = (
    ("recipes.drawn.dataset", "church", "--first", "16", "--shards", "36"),
    ("recipes.drawn.train_clip", "church"),
    ("recipes.drawn.train_generator", "church"),
    ("recipes.drawn.generated", "church", "--missing", "--shards", "16-19,24-27"),
    ("recipes.drawn.train_clip", "church", "--polish", "--steps", "1800"),
    ("recipes.drawn.train_parser", "church", "--steps", "2400"),
    ("recipes.drawn.judge", "church", "--steps", "3600"),
    ("recipes.drawn.assemble", "church"),
    ("recipes.drawn.card", "church"),
)


def main() -> None:
    run(STEPS, __doc__)


if __name__ == "__main__":
    main()
