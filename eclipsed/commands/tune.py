"""``eclipsed tune``: search options of training for one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.commands.options import (
    ClassIndex,
    Clips,
    Cpus,
    Device,
    Gpus,
    Json,
    Models,
    Threads,
    Witness,
    Workers,
    parse_names,
    parse_setting,
)
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import note, result, result_json
from eclipsed.errors import InputError
from eclipsed.store.sets import DEFAULT_SET, find_set
from eclipsed.training.config import TrainConfig

if TYPE_CHECKING:
    from eclipsed.evaluation.many_rows import TrainedPrompt
    from eclipsed.evaluation.tune import Span

__all__ = ["parse_search", "tune"]


def tune(
    prompt: Annotated[str, typer.Argument(help="What the edited face shall look like, in one sentence.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the results; made if need be.")],
    search: Annotated[
        list[str],
        typer.Option(
            "--search",
            metavar="NAME=VALUES",
            help="Values as 1,2,4; spans as 0.01..0.2, or log:0.01..1.",
        ),
    ],
    trials: Annotated[int, typer.Option("--trials", metavar="N", help="How many trainings.")] = 16,
    seed: Annotated[int, typer.Option("--seed", help="Seed of what is drawn.")] = 0,
    region: Annotated[
        str | None,
        typer.Option(
            "--region", metavar="PARTS", help="Parts that may change: hair,hat …", show_default="from the prompt"
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An option that all have; may be repeated.")
    ] = None,
    class_index: ClassIndex = None,
    models: Models = DEFAULT_SET,
    clip: Clips = None,
    witness: Witness = None,
    device: Device = None,
    workers: Workers = None,
    threads: Threads = 1,
    ray: Annotated[
        str, typer.Option("--ray", metavar="ADDRESS", help="Ray cluster: auto, HOST:PORT; local starts one here.")
    ] = "local",
    cpus: Cpus = None,
    gpus: Gpus = 0.0,
    as_json: Json = False,
) -> None:
    """Search options of training for a sentence.

    Ray Tune draws them, and stops trainings that fall behind; the others are judged and ranked. The exit code is 1 when
    a training failed.
    """
    from eclipsed.editor import Editor
    from eclipsed.evaluation.tune import tune as search_options

    parts = parse_names(region)
    found = find_set(models)
    if parts is not None:
        found.world.expand(parts)  # one that is not there is said before a cluster is started
    opening: dict[str, Any] = {"device": device, "clip": clip, "witness": witness, "class_index": class_index}
    with waiting(f"searching with {trials} trainings", at_once=True):
        rows = search_options(
            partial(Editor.from_pretrained, models, **opening),
            prompt,
            out,
            parse_search(search),
            trials=trials,
            seed=seed,
            region=parts,
            config=TrainConfig().replace(**dict(parse_setting(text) for text in settings or ())),
            workers=workers,
            threads=threads,
            ray=ray,
            cpus=cpus,
            gpus=gpus,
        )
    _report(rows, out, as_json=as_json)


def parse_search(texts: Sequence[str]) -> dict[str, Span | Sequence[Any]]:
    """Read ``name=1,2,4``, ``name=0.01..0.2`` and ``name=log:0.01..1``.

    Raises:
        InputError: there is no equals sign, no such option, or no numbers in a span.
    """
    from eclipsed.evaluation.tune import Span

    found: dict[str, Span | Sequence[Any]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        key, whole = parse_setting(text)
        low, dots, high = values.removeprefix("log:").partition("..")
        if not dots:
            each = [parse_setting(f"{name}={one}")[1] for one in values.split(",")]
            found[key] = list(whole) if isinstance(whole, tuple) else each
            continue
        try:
            found[key] = Span(_number(low), _number(high), log=values.startswith("log:"))
        except ValueError as error:
            raise InputError(f"a span is two numbers, such as 0.01..0.2, the lower first; got {text[:60]!r}") from error
    return found


def _number(text: str) -> float:
    return int(text) if text.strip().isdigit() else float(text)


def _report(rows: Sequence[TrainedPrompt], out: Path, *, as_json: bool) -> None:
    from eclipsed.evaluation.many_report import REPORT_PAGE, REPORT_TABLE, options_in_words
    from eclipsed.evaluation.many_rows import FAILED, counted

    listed, page = out / REPORT_TABLE, out / REPORT_PAGE
    failed = sum(row.outcome == FAILED for row in rows)
    if as_json:
        found = [row.to_json() for row in rows]
        result_json({"trainings": found, "failed": failed, "report": str(listed), "sheet": str(page)})
    else:
        for row in rows:
            if row.best:
                result(f"{out / row.file}: {options_in_words(row)}")
        result(counted(rows))
        result(str(listed))
        result(str(page))
    if failed:
        note(f"error: {failed} of {len(rows)} trainings failed; {page} says why")
        raise typer.Exit(1)
