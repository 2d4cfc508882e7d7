"""Pieces of a long benchmark shared by workers: each writes its records, and the benchmark goes on with all of them.

A piece is what the benchmark would do itself, so that the records are the same for the same number of threads; only
the seconds that trainings took are those of workers side by side.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from typing import TypeVar

from eclipsed.compute.crew import Crew, run_many
from eclipsed.compute.crew_work import Make

__all__ = ["crew_of", "crew_options", "share"]

T = TypeVar("T")


def crew_options(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark be told who does its pieces."""
    parser.add_argument("--workers", type=int, default=None, help="processes that share the work")
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--ray", nargs="?", const="local", default=None, metavar="ADDRESS", help="share it on Ray")
    parser.add_argument("--gpus", type=float, default=0.0, help="that Ray sets aside for each worker")


def crew_of(args: argparse.Namespace) -> Crew | None:
    """Who does the pieces; None where nobody is asked for.

    Raises:
        InputError: a number is out of range.
    """
    if args.workers is None and args.ray is None:
        return None
    return Crew(workers=args.workers, threads=args.threads, ray=args.ray, gpus=args.gpus)


def share(make: Make[T, None], pieces: Sequence[T], crew: Crew) -> None:
    """Have all pieces done, whose results are what they write.

    Args:
        make: called once in each worker; gives what does a piece.
        pieces: of the benchmark.
        crew: who does them; on several machines their folders must be shared.
    Raises:
        SystemExit: pieces ended their workers; the rest is done, so the same call goes on.
    """
    with closing(run_many(make, pieces, crew=crew)) as answers:
        lost = [f"{pieces[answer.number]} ({answer.lost})" for answer in answers if answer.lost]
    if lost:
        raise SystemExit(f"{len(lost)} of {len(pieces)} pieces ended their worker: {'; '.join(map(str, lost))}")
