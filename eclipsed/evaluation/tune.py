"""A search over options of training for one sentence, with Ray Tune."""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from eclipsed.compute.crew import Crew
from eclipsed.compute.crew_ray import connected
from eclipsed.compute.crew_work import Turn
from eclipsed.editor import Editor
from eclipsed.errors import InputError, MissingExtraError
from eclipsed.evaluation.many_job import ManyJob, Models, plain_row, work_at
from eclipsed.evaluation.many_report import write_reports
from eclipsed.evaluation.many_rows import FAILED, STOPPED, TrainedPrompt, ranked
from eclipsed.evaluation.many_wanted import Wanted, configs_of
from eclipsed.evaluation.protocol import SEEDS
from eclipsed.files.atomic import check_writable
from eclipsed.prompts.region import check_prompt
from eclipsed.store.sets import find_set
from eclipsed.training.config import TrainConfig
from eclipsed.training.events import TrainStep
from eclipsed.values.checks import whole
from eclipsed.values.extras import pip_line
from eclipsed.values.seeds import check_seed, check_seeds

__all__ = ["Span", "tune"]

_GRACE = 0.25  # share of the steps that every training has before it may be stopped
_NOTES = ".tune"  # folder of Ray Tune's own, while it searches
_HALVED = 3  # of so many one goes on


@dataclass(frozen=True)
class Span:
    """Numbers between two, to be searched; whole ones where both are.

    Args:
        low: above 0 where it is searched by its logarithm.
        high: above `low`.
        log: search the logarithm.
    Raises:
        InputError: they are not in order.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise InputError(f"a span goes from a number to a larger one, above 0 by its logarithm; got {self}")


def tune(
    models: Models,
    prompt: str,
    out: str | os.PathLike[str],
    search: Mapping[str, Span | Sequence[Any]],
    *,
    trials: int = 16,
    seed: int = 0,
    region: Sequence[str] | None = None,
    config: TrainConfig | None = None,
    faces: Sequence[int] = SEEDS,
    workers: int | None = None,
    threads: int = 1,
    ray: str = "local",
    cpus: float | None = None,
    gpus: float = 0.0,
) -> list[TrainedPrompt]:
    """Search options of training for one sentence: Ray Tune draws them, ASHA stops what falls behind.

    While it is learned, a training is compared with others by CLIP's cosine of edited faces and sentence after as many
    steps (asynchronous successive halving); those that end are judged and ranked as by `eclipsed.train_many`, by the
    judge's figures where there is a judge. The same seed draws the same options, so that what an earlier search
    learned in the folder is not learned again. Beside the directions lie ``report.csv`` and ``report.html``.

    Args:
        models: see `eclipsed.train_many`; one.
        prompt: the sentence.
        out: folder of the results.
        search: option -> a `Span`, or values to choose from.
        trials: how many trainings.
        seed: of what is drawn.
        region: names of the parts that may change; None finds them in the sentence.
        config: all other options; None is the default.
        faces: seeds of the faces on which directions are judged.
        workers: trainings at the same time; None is as many as there is room for.
        threads: of each.
        ray: address of a Ray cluster, see `eclipsed.train_many`.
        cpus: that Ray sets aside for each; None is as many as threads.
        gpus: that Ray sets aside for each, also a fraction.
    Returns:
        A row for each training, the best first; those that were stopped and those that failed come last.
    Raises:
        InputError: nothing is to be searched, an option is unknown or out of range, or there is no cluster.
        MissingExtraError: Ray is not there.
        OutputError: the folder cannot be written.
    Source: Li et al. 2020, arXiv:1810.05934 (ASHA).
    """
    base, folder = config or TrainConfig(), Path(out).absolute()
    crew = Crew(workers, whole("threads", threads, 1), ray, cpus, gpus)
    whole("trials", trials, 1, 100_000)
    check_prompt(prompt)
    check_search(search, base)
    if region is not None:
        _check_region(models, region)
    check_writable(folder, folder=True)
    job = ManyJob(folder, (models,), check_seeds(faces))
    wanted = Wanted(prompt, None if region is None else tuple(region), base)
    with connected(ray):
        rows = _searched(job, wanted, search, trials, check_seed(seed), crew)
    done = ranked([row for row in rows if row.outcome not in (FAILED, STOPPED)])
    found = [*done, *(row for row in rows if row.outcome == STOPPED), *(row for row in rows if row.outcome == FAILED)]
    write_reports(found, folder)
    return found


def check_search(search: Mapping[str, Span | Sequence[Any]], config: TrainConfig) -> None:
    """Raise unless every option is known and takes what is searched.

    Raises:
        InputError: it is not so, or there is none.
    """
    if not search:
        raise InputError("name at least one option to search")
    for name, values in search.items():
        configs_of(config, {name: [values.low, values.high] if isinstance(values, Span) else values})


def _check_region(models: Models, region: Sequence[str]) -> None:
    """Raise unless the parts exist, where that can be told before a cluster is started.

    Raises:
        InputError: one does not.
    """
    if isinstance(models, Editor):
        models.world.expand(region)
    elif isinstance(models, (str, os.PathLike)):
        find_set(models).world.expand(region)


def _searched(
    job: ManyJob, wanted: Wanted, search: Mapping[str, Span | Sequence[Any]], trials: int, seed: int, crew: Crew
) -> list[TrainedPrompt]:
    try:
        from ray import tune as search_by
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.basic_variant import BasicVariantGenerator
    except ImportError as error:
        raise MissingExtraError(f"a search needs Ray Tune: {pip_line(extra='ray')}") from error

    def drawn(values: Span | Sequence[Any]) -> Any:
        if isinstance(values, Span) and isinstance(values.low, int) and isinstance(values.high, int):
            return (search_by.lograndint if values.log else search_by.randint)(values.low, values.high + 1)
        if isinstance(values, Span):
            return (search_by.loguniform if values.log else search_by.uniform)(values.low, values.high)
        return search_by.choice(list(values))

    steps, place = wanted.config.steps, job.out / _NOTES
    shares = {"cpu": float(crew.threads) if crew.cpus is None else crew.cpus, "gpu": crew.gpus}
    run = partial(_trial, job=job, wanted=wanted, threads=crew.threads)
    tuner = search_by.Tuner(
        search_by.with_resources(run, shares),
        param_space={name: drawn(values) for name, values in search.items()},
        tune_config=search_by.TuneConfig(
            metric="clip",
            mode="max",
            num_samples=trials,
            search_alg=BasicVariantGenerator(random_state=seed, max_concurrent=crew.workers or 0),
            scheduler=ASHAScheduler(
                time_attr="step", max_t=steps + 1, grace_period=max(1, round(_GRACE * steps)), reduction_factor=_HALVED
            ),
        ),
        run_config=search_by.RunConfig(storage_path=str(place), name=secrets.token_hex(6), verbose=0),
    )
    try:
        results = tuner.fit()
        return [_row(results[number], wanted) for number in range(len(results))]
    finally:
        shutil.rmtree(place, ignore_errors=True)  # what Ray Tune notes beside the results


def _trial(options: Mapping[str, Any], *, job: ManyJob, wanted: Wanted, threads: int) -> None:
    """One training, in a process of Ray Tune's."""
    import torch
    from ray import tune as search_by

    torch.set_num_threads(threads)
    told = [-math.inf]

    def tell(step: TrainStep) -> None:
        if step.phase == "train":
            told[0] = step.terms.get("clip", told[0])
            search_by.report({"clip": told[0], "step": step.step})

    one = replace(wanted, config=wanted.config.replace(**options))
    row = work_at(replace(job, callback=tell))(one, Turn())
    search_by.report({"clip": told[0], "step": wanted.config.steps + 1, "row": row.to_json(), "strip": row.strip})


def _row(result: Any, wanted: Wanted) -> TrainedPrompt:
    """What became of a trial."""
    figures, options = result.metrics or {}, dict(result.config or {})
    if "row" in figures:
        return replace(TrainedPrompt.from_json(figures["row"]), strip=figures["strip"])
    one = replace(wanted, config=wanted.config.replace(**options))
    if result.error is not None:
        reason = " ".join(str(result.error).split())[-300:]
        return replace(plain_row(one, FAILED), reason=reason)
    return replace(plain_row(one, STOPPED), says=f"stopped after step {figures.get('step', 0)}: others were further")
