"""What a direction does to faces that it was not trained on, at several strengths: gain, locality, leakage and cost."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from eclipsed.directions.margins import witness_margin
from eclipsed.editing.moving import direction_of
from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.evaluation.judging import Judge
from eclipsed.evaluation.protocol import ALPHAS, SEEDS
from eclipsed.evaluation.results import Evaluation, Strength
from eclipsed.images import metrics
from eclipsed.latents.direction import Direction
from eclipsed.photos.painted import MaskSource, is_mask, read_mask
from eclipsed.pretrained.classifier import Classifier
from eclipsed.prompts.reading import Reading, read
from eclipsed.prompts.region import Region
from eclipsed.prompts.target import Target
from eclipsed.values.alphas import check_ladder
from eclipsed.values.mask import Mask
from eclipsed.values.seeds import CALIBRATION_SEEDS, TRAINING_SEEDS, check_seeds
from eclipsed.worlds.world import World

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor

__all__ = ["check_held_out", "evaluate", "judged_faces"]

_CHUNK = 8  # faces at once
_SLACK = 0.2  # in CLIP's own logits: by how much it may waver in an edit that still counts as monotone


def evaluate(
    editor: Editor,
    direction: Direction | str | os.PathLike[str],
    *,
    seeds: Iterable[int] = SEEDS,
    alphas: Iterable[float] = ALPHAS,
    target: Target | str | None = None,
    prompt: str | None = None,
    extras: Sequence[str] | None = None,
    judge: Classifier | str | os.PathLike[str] | None = None,
    region: Region | Sequence[str] | MaskSource | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Edit held-out faces with several strengths and measure what comes of it.

    Args:
        editor: of the set that the direction was trained on.
        direction: what to judge, or its file or name.
        seeds: the faces; none of them may have been trained on.
        alphas: the strengths, in any order.
        target: what counts as success, also as ``"hair_colour=blond"``; None finds it in the prompt. Where no
            classifier knows it, success is what the editor's witness says, if it has one.
        prompt: what the edit should look like, for a direction that was not made from a sentence; None is its own.
        extras: measures of `eclipsed.evaluation.protocol.EXTRAS` that need weights of their own (``"lpips"``,
            ``"identity"``); None takes those that are on this machine.
        judge: another classifier than the set's, or its file: one of `eclipsed.train_judge`.
        region: where the edit should act, in place of the direction's own region: parts, or a painted mask as
            `eclipsed.read_mask` takes it (a file as a `Path`), one for all faces or one for each seed.
        tell: called with the number of faces done.
    Returns:
        The figures with 95 % intervals over the faces.
    Raises:
        InputError: a seed was trained or calibrated on, a strength is no finite number, the target or an extra is
            unknown, there is no prompt, or the region is none.
        DirectionError: the direction belongs to another generator.
        MissingModelError, MissingExtraError: an extra that `extras` names is not on this machine, or the judge's file
            is not there.
        CheckpointError: that file is no classifier.
    """
    direction = direction_of(direction, models=editor.name)
    if isinstance(judge, (str, os.PathLike)):
        judge = Classifier.from_file(judge, device=editor.generator.device)
    classifier = editor.classifier if judge is None else judge
    numbers = check_held_out(direction, seeds)
    strengths = tuple(sorted(set(check_ladder(alphas))))
    said = direction.prompt if prompt is None else prompt
    if said is None:
        raise InputError(f"the direction {direction.name!r} has no prompt; say what it brings: prompt=...")
    reading = read(said, world=editor.parser.world)
    painted = _painted(region, len(numbers))
    where = direction.region if region is None or painted is not None else _region(region, reading.world)
    target, notes = _target(editor, classifier, reading, target)
    looking = Judge(editor, reading, region=where, target=target, extras=extras, classifier=classifier)
    if editor.generator.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(editor.generator.device)
    found: list[list[dict[str, Tensor]]] = [[] for _ in strengths]
    cosines: list[Tensor] = []
    seconds = 0.0
    for some in _chunks(numbers):
        before = judged_faces(editor, direction, some)
        was = looking.look(before)
        rows = {0.0: was.cosine}
        for place, alpha in enumerate(strengths):
            after, spent = _edited(editor, before, direction, alpha)
            seconds += spent
            now = looking.look(after)
            rows[alpha] = now.cosine
            masks = None if painted is None else painted[slice(numbers.index(some[0]), numbers.index(some[-1]) + 1)]
            found[place].append(looking.compare(before, after, was, now, masks=masks))
        cosines.append(torch.stack([rows[alpha] for alpha in sorted(rows)]))
        tell(numbers.index(some[-1]) + 1)
    return Evaluation(
        prompt=said,
        seeds=numbers,
        target=target,
        strengths=tuple(_summary(alpha, parts) for alpha, parts in zip(strengths, found, strict=True)),
        monotone=metrics.share(metrics.monotone(torch.cat(cosines, dim=1), slack=_SLACK / editor.clip.logit_scale)),
        seconds_per_edit=seconds / (len(numbers) * len(strengths)),
        peak_memory=_peak_memory(editor.generator.device),
        notes=tuple(notes),
    )


def _painted(given: Region | Sequence[str] | MaskSource | None, faces: int) -> Mask | None:
    """The mask, or one for each face, where that was given."""
    return read_mask(given, faces=faces) if not isinstance(given, Region) and is_mask(given) else None


def judged_faces(editor: Editor, direction: Direction, seeds: Sequence[int]) -> Faces:
    """The faces of some seeds on which a direction is judged: of its own class, where the editor was told none."""
    of_class = direction.config.get("class_index") if editor.generator.class_index is None else None
    return editor.sample(seeds=seeds, class_index=of_class)


def _region(given: Region | Sequence[str] | MaskSource, world: World) -> Region:
    """The parts in which somebody says that an edit should act."""
    if isinstance(given, Region):
        return given
    return Region.from_parts(cast("Sequence[str]", given), world=world)


def _target(
    editor: Editor, classifier: Classifier | None, reading: Reading, given: Target | str | None
) -> tuple[Target | None, list[str]]:
    """What counts as success, and notes on what is missing for it."""
    if classifier is None:
        if given is not None:
            raise InputError(f"the model set {editor.name!r} has no classifier, so there is no target to reach")
        return None, [f"the model set has no classifier: {_left_out(editor, reading, ' and leakage')}"]
    if isinstance(given, str):
        return Target.parse(given, classifier.attributes), []
    found = given or reading.target(classifier.attributes)
    if found is None:
        out = _left_out(editor, reading)
        return None, [f"the prompt names no attribute of the classifier: {out}; name it to have it"]
    return found, []


def _left_out(editor: Editor, reading: Reading, more: str = "") -> str:
    """What is said of success that no classifier judges."""
    if editor.witness is None or witness_margin(editor.witness, reading) is None:
        return f"success{more} {'are' if more else 'is'} left out"
    left = f", and{more.removeprefix(' and')} is left out" if more else ""
    return f"success is what the witness {editor.witness.name!r} says{left}"


def _edited(editor: Editor, faces: Faces, direction: Direction, alpha: float) -> tuple[Faces, float]:
    """The edited faces, and how many seconds that took."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)
        after = editor.edit(faces, direction, alpha)
    if after.images.is_cuda:
        torch.cuda.synchronize(after.images.device)
    return after, time.perf_counter() - began


def check_held_out(direction: Direction, seeds: Iterable[int]) -> tuple[int, ...]:
    """Return `seeds` when a direction never saw their faces.

    Raises:
        InputError: it may have been trained or calibrated on one, or one is named twice.
    """
    numbers = check_seeds(seeds)
    if len(set(numbers)) < len(numbers):
        raise InputError("every seed may be named once")
    used = [s for s in numbers if direction.trained_on(s) or s in TRAINING_SEEDS or s in CALIBRATION_SEEDS]
    if used:
        shown = ", ".join(map(str, used[:5])) + (" …" if len(used) > 5 else "")
        raise InputError(
            f"figures need faces that training never saw; it may have seen the seeds {shown}: "
            f"choose others below {CALIBRATION_SEEDS.start}"
        )
    return numbers


def _chunks(numbers: tuple[int, ...]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), _CHUNK):
        yield list(numbers[start : start + _CHUNK])


def _summary(alpha: float, parts: list[dict[str, Tensor]]) -> Strength:
    values = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    flips = {name[5:]: metrics.share(v[v.isfinite()] > 0.5) for name, v in values.items() if name.startswith("flip ")}
    success = values.get("success")
    return Strength(
        alpha=alpha,
        **{
            name: metrics.bootstrap(values[name])
            for name in ("clip_gain", "clip_rank", "localization", "inside", "outside", "psnr", "ssim")
        },
        lpips=metrics.bootstrap(values["lpips"]) if "lpips" in values else None,
        identity=metrics.bootstrap(values["identity"]) if "identity" in values else None,
        success=None if success is None else metrics.share(success[success.isfinite()] > 0.5),
        kept=metrics.bootstrap(values["kept"]) if "kept" in values else None,
        flips=flips,
    )


def _peak_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
