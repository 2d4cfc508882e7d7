"""Many sentences, seeds, settings and model sets: each learned and judged, the best marked, what is done skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from eclipsed.compute import crew_ray
from eclipsed.compute.crew import Crew, run_many
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.evaluation.many_job import STATES, ManyJob, Models, plain_row, work_at
from eclipsed.evaluation.many_report import REPORT_PAGE, REPORT_TABLE, write_reports
from eclipsed.evaluation.many_rows import FAILED, TrainedPrompt, ranked
from eclipsed.evaluation.many_share import AUTO, measured_share
from eclipsed.evaluation.many_wanted import Wanted, Wish, configs_of, read_wishes, wanted_of
from eclipsed.evaluation.protocol import SEEDS
from eclipsed.files.atomic import check_writable, remove_unfinished
from eclipsed.training.config import TrainConfig
from eclipsed.values.seeds import check_seeds

__all__ = ["train_many"]


def train_many(
    models: Models | Sequence[Models],
    prompts: Iterable[Wish] | Wish | Path,
    out: str | os.PathLike[str],
    *,
    seeds: Iterable[int] | int | None = None,
    configs: TrainConfig | Sequence[TrainConfig] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    faces: Iterable[int] = SEEDS,
    workers: int | None = None,
    threads: int = 1,
    ray: str | None = None,
    cpus: float | None = None,
    gpus: float | str = 0.0,
    began: Callable[[Wanted], object] = lambda _: None,
    tell: Callable[[int, int, TrainedPrompt], object] = lambda *_: None,
) -> list[TrainedPrompt]:
    """Learn many sentences, times seeds, settings and model sets; judge what came of each and mark the best.

    One after the other, in processes of this machine, or on a Ray cluster: the results are the same, bit for bit. What
    is wrong with a training becomes a sentence in its row, and the next one follows; a word that CLIP was never shown
    is such a fault here, since of many nobody reads the warning. Out of memory, it is done once more with
    ``low_memory``; where its worker is killed, once more as it is. Everything is written as it is done, so that a run
    that was killed goes on where it was: what is there is not learned again, and a training that had begun goes on from
    the step that was last saved. Beside the directions lie ``report.csv`` and ``report.html``. One run at a time may
    write into a folder.

    Args:
        models: an editor, the name or folder of a model set, or a function of a module that opens one; or several of
            them. Every worker opens each once. An editor of a set is opened anew there; names and functions are opened
            on the best device that the worker has.
        prompts: sentences, or mappings with ``"prompt"`` and, for it alone, ``"region"`` and options of training, of
            which ``"seed"`` may be several; or a `Path` to a .txt, .csv or .jsonl of them.
        out: folder of the results. Names of files say the sentence, and twelve digits all that the direction depends
            on.
        seeds: of the training; None is the config's.
        configs: options of the training, one or several; None is the default.
        grid: option -> values: every combination of them is set in each config.
        faces: seeds of the faces on which directions are judged.
        workers: that work side by side; None is one, and on Ray as many as there is room for.
        threads: of each worker; the results depend on them, not on the workers.
        ray: address of a Ray cluster; ``"local"`` starts one here, ``"auto"`` takes the one of this machine.
        cpus: that Ray sets aside for each worker; None is as many as threads.
        gpus: that Ray sets aside for each worker, also a fraction; ``"auto"`` measures it: one worker with a whole GPU
            trains two steps and judges, and the share is what that took, with a margin, never more than one. Without
            GPUs in the cluster it is 0.
        began: told of each training as it begins.
        tell: told of each when it is done: how many are, how many there are, and what became of it.
    Returns:
        A row for each, sentence by sentence, the best of each first and those that failed last.
    Raises:
        InputError: there is no sentence, an option is unknown or out of range, or workers cannot be started.
        MissingModelError: there is no such model set.
        MissingExtraError: Ray is asked for and not there.
        OutputError: the folder cannot be written.
        KeyboardInterrupt: Ctrl-C; a training that had begun goes on the next time.
    """
    several = isinstance(models, Sequence) and not isinstance(models, str)
    sets: tuple[Models, ...] = tuple(models) if several else (models,)  # type: ignore[arg-type,assignment]
    if not sets:
        raise InputError("give at least one model set")
    wishes = read_wishes(prompts) if isinstance(prompts, Path) else prompts
    numbers = None if seeds is None else check_seeds(seeds)
    wanted = wanted_of(wishes, configs_of(configs, grid), numbers, len(sets))
    folder = Path(out).absolute()
    if gpus == AUTO and ray is None:
        raise InputError('gpus="auto" is measured on a Ray cluster; give ray, too')
    crew = Crew(workers, threads, ray, cpus, 0.0 if gpus == AUTO else gpus)  # type: ignore[arg-type]  # or it says so
    check_writable(folder, folder=True)
    job = ManyJob(folder, sets, check_seeds(faces))
    rows: dict[int, TrainedPrompt] = {}
    with ExitStack() as held:
        if gpus == AUTO and ray is not None:
            held.enter_context(crew_ray.connected(ray))  # for both, so that a cluster here is started once
            share = measured_share(job, wanted, crew=replace(crew, gpus=1.0)) if crew_ray.gpus_there() else 0.0
            crew = replace(crew, gpus=share)
        answers = run_many(partial(work_at, job), wanted, crew=crew, began=lambda number: began(wanted[number]))
        held.enter_context(closing(answers))  # also where Ctrl-C finds us telling: its workers end at once
        for answer in answers:
            one = wanted[answer.number]
            lost = f"{one.prompt!r} ended its worker twice ({answer.lost})" + ", for want of memory" * answer.memory
            rows[answer.number] = answer.value or replace(plain_row(one, FAILED, models=_name(sets, one)), reason=lost)
            tell(len(rows), len(wanted), rows[answer.number])
    found = ranked([rows[number] for number in range(len(wanted))])
    _tidy(folder, found)
    write_reports(found, folder)
    return found


def _name(sets: Sequence[Models], one: Wanted) -> str:
    models = sets[one.models]
    return models.name if isinstance(models, Editor) else "" if callable(models) else os.fspath(models)


def _tidy(folder: Path, rows: Sequence[TrainedPrompt]) -> None:
    """Remove what an earlier run that was killed had not finished writing."""
    files = [folder / row.file for row in rows if row.file]
    states = [folder / STATES / file.name for file in files]
    remove_unfinished(
        [*files, *(file.with_suffix(".json") for file in files), *states, folder / REPORT_TABLE, folder / REPORT_PAGE]
    )
    place = folder / STATES
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()
