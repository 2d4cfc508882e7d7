"""``eclipsed train --file``: many sentences, judged and ranked, by many workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from eclipsed.commands.options import parse_setting
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError

if TYPE_CHECKING:
    from eclipsed.evaluation.many_rows import TrainedPrompt
    from eclipsed.training.config import TrainConfig

__all__ = ["learn_many", "parse_grid"]


def parse_grid(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Read ``name=value,value``; each value is JSON, or else text.

    Raises:
        InputError: there is no equals sign, no such option, or it comes twice.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        key, whole = parse_setting(text)
        if key in grid:
            raise InputError(f"--grid {name} comes twice; give all its values in one")
        listed = isinstance(whole, tuple)
        grid[key] = list(whole) if listed else [parse_setting(f"{name}={one}")[1] for one in values.split(",")]
    return grid


def learn_many(
    file: Path,
    out: Path | None,
    models: str,
    config: TrainConfig,
    *,
    opening: Mapping[str, Any],
    seeds: Sequence[int] | None,
    grid: Sequence[str],
    workers: int | None,
    threads: int,
    ray: str | None,
    cpus: float | None,
    gpus: float | str,
    as_json: bool,
) -> None:
    """Learn every prompt of a file, and say which is the best of each.

    Args:
        file: of the prompts.
        out: folder of the results.
        models: names of model sets, separated by commas, or a folder.
        config: of each training.
        opening: what `Editor.from_pretrained` is given beside the name.
        seeds: of each prompt; None is the config's.
        grid: as `parse_grid` takes it.
        workers: see `eclipsed.train_many`, as for all that follow.
        threads: of each worker.
        ray: address of a cluster.
        cpus: of each worker.
        gpus: of each worker.
        as_json: print JSON.
    Raises:
        InputError: there is no folder for the results.
        typer.Exit: a training failed.
    """
    if out is None:
        raise InputError("with --file, --out names the folder of the results")
    from eclipsed.commands.many_table import ManyTable
    from eclipsed.editor import Editor
    from eclipsed.evaluation.train_many import train_many
    from eclipsed.store.sets import find_set

    names = [models] if Path(models).exists() else [name.strip() for name in models.split(",")]
    for name in names:
        find_set(name)  # one that is not there is said before workers are started
    with ManyTable() as table:
        rows = train_many(
            [partial(Editor.from_pretrained, name, **opening) for name in names],
            file,
            out,
            configs=config,
            seeds=seeds,
            grid=parse_grid(grid),
            workers=workers,
            threads=threads,
            ray=ray,
            cpus=cpus,
            gpus=gpus,
            began=table.began,
            tell=table.tell,
        )
    _report(rows, out, as_json=as_json)


def _report(rows: Sequence[TrainedPrompt], out: Path, *, as_json: bool) -> None:
    from eclipsed.evaluation.many_report import REPORT_PAGE, REPORT_TABLE
    from eclipsed.evaluation.many_rows import FAILED, counted

    page = out / REPORT_PAGE
    failed = [row for row in rows if row.outcome == FAILED]
    if as_json:
        found = [row.to_json() for row in rows]
        result_json({"trainings": found, "failed": len(failed), "report": str(out / REPORT_TABLE), "sheet": str(page)})
    else:
        for row in rows:
            if row.best:
                result(str(out / row.file))
        result(counted(rows))
        result(str(out / REPORT_TABLE))
        result(str(page))
    if failed:
        note(f"error: {len(failed)} of {len(rows)} trainings failed; {page} says why")
        raise typer.Exit(1)
