"""What a direction does to faces that it was not trained on, at several strengths: gain, locality, leakage and cost."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eclipsed.errors import EclipsedWarning, InputError, MissingExtraError, MissingModelError
from eclipsed.images import metrics
from eclipsed.images.change import SEAM, localization_score, region_changes
from eclipsed.images.masks import grow_mask, mix_masks
from eclipsed.images.metrics import Interval
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.lpips import Lpips
from eclipsed.prompts.reading import read
from eclipsed.prompts.target import Target
from eclipsed.values.alphas import check_alphas
from eclipsed.values.seeds import CALIBRATION_SEEDS, TRAINING_SEEDS, check_seeds

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.pretrained.identity import Identity

__all__ = ["ALPHAS", "EXTRAS", "SEEDS", "Evaluation", "Strength", "check_held_out", "evaluate", "judge"]

#: Faces that are looked at when a call does not say; training and calibration draw from other ranges.
SEEDS = tuple(range(2000, 2064))

#: Strengths that are looked at when a call does not say.
ALPHAS = (-1.0, 0.25, 0.5, 1.0, 1.5)

#: Measures that need weights which are not in every set.
EXTRAS = ("lpips", "identity")

_CHUNK = 8  # faces at once
_SLACK = 0.005  # of a cosine: by how much CLIP may waver in an edit that still counts as monotone


@dataclass(frozen=True)
class Strength:
    """What an edit of one strength does. Intervals are over faces; None where the set has no classifier.

    Args:
        alpha: the strength.
        clip_gain: by how much CLIP's cosine of picture and prompt rises.
        clip_rank: place of the prompt among captions that name something else; 1 is first.
        localization: share of the squared change that lies in the region or its seam.
        inside: mean absolute change in the region, of pictures in [-1, 1]; see `eclipsed.images.change.region_changes`.
        outside: the same beyond the region and its seam.
        psnr: of what lies outside, in dB.
        ssim: of what lies outside.
        lpips: mean LPIPS distance of what lies outside; None where its weights or its package are not there.
        identity: cosine of ArcFace's vectors before and after; None where it is not there, or the set has no
            photographed faces.
        success: share of the faces without the target that have it afterwards.
        kept: share of the other attributes that stay what they were.
        flips: attribute -> share of faces in which it flips. An attribute counts for a face only where it can be seen
            both before and after the edit (`Classifier.seen`): a face without a hat has no colour of a hat to lose.
            The same goes for the target: bald faces do not count where hair should turn blond, and faces that lose
            their hair are no success.
    """

    alpha: float
    clip_gain: Interval
    clip_rank: Interval
    localization: Interval
    inside: Interval
    outside: Interval
    psnr: Interval
    ssim: Interval
    lpips: Interval | None
    identity: Interval | None
    success: Interval | None
    kept: Interval | None
    flips: Mapping[str, Interval]

    def to_json(self) -> dict[str, Any]:
        """Plain values, intervals as objects."""
        out: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            out[field.name] = value.to_json() if isinstance(value, Interval) else value
        return {**out, "flips": {name: flip.to_json() for name, flip in self.flips.items()}}


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Args:
        prompt: of the direction.
        seeds: the faces.
        target: what counts as success; None when the prompt names no attribute, or there is no classifier.
        strengths: from the weakest to the strongest.
        monotone: share of faces whose CLIP cosine never falls from one strength to the next, alpha 0 included.
        seconds_per_edit: time of one edited face.
        peak_memory: bytes; of the device, or of the whole process on a CPU; None where it cannot be read.
        training_seconds: as the direction's file says; None when it does not.
        notes: what is missing, and why.
    """

    prompt: str
    seeds: tuple[int, ...]
    target: Target | None
    strengths: tuple[Strength, ...]
    monotone: Interval
    seconds_per_edit: float
    peak_memory: int | None
    training_seconds: float | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        target = self.target and {"attribute": self.target.attribute, "classes": list(self.target.classes)}
        return {
            "prompt": self.prompt,
            "seeds": list(self.seeds),
            "target": target,
            "strengths": [one.to_json() for one in self.strengths],
            "monotone": self.monotone.to_json(),
            "seconds_per_edit": self.seconds_per_edit,
            "peak_memory": self.peak_memory,
            "training_seconds": self.training_seconds,
            "notes": list(self.notes),
        }


def evaluate(
    editor: Editor,
    direction: Direction,
    *,
    seeds: Sequence[int] = SEEDS,
    alphas: Sequence[float] = ALPHAS,
    target: Target | str | None = None,
    extras: Sequence[str] | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Edit held-out faces with several strengths and measure what comes of it.

    Args:
        editor: of the set that the direction was trained on.
        direction: what to judge.
        seeds: the faces; none of them may have been trained on.
        alphas: the strengths, in any order.
        target: what counts as success, also as ``"hair_colour=blond"``; None finds it in the prompt.
        extras: measures of `EXTRAS` that need weights of their own; None takes those that are on this machine.
        tell: called with the number of faces done.
    Returns:
        The figures with 95 % intervals over the faces.
    Raises:
        InputError: a seed was trained or calibrated on, a strength is no finite number, or the target or an extra is
            unknown.
        DirectionError: the direction belongs to another generator.
        MissingModelError, MissingExtraError: an extra that `extras` names is not on this machine.
    """
    numbers = check_held_out(direction, seeds)
    judges = _Judges.of(editor, extras)
    strengths = tuple(sorted(set(check_alphas(tuple(alphas), len(alphas), name="alphas"))))
    classifier, notes = editor.classifier, []
    reading = read(direction.prompt, world=editor.parser.world)
    if classifier is None:
        if target is not None:
            raise InputError(f"the model set {editor.name!r} has no classifier, so there is no target to reach")
        notes.append("the model set has no classifier: success and leakage are left out")
    elif isinstance(target, str):
        target = Target.parse(target, classifier.attributes)
    elif target is None:
        target = reading.target(classifier.attributes)
        if target is None:
            notes.append("the prompt names no attribute of the classifier: success is left out; name it to have it")
    with torch.no_grad():
        texts = editor.clip.encode_text((direction.prompt, *reading.contrasts))
    if editor.generator.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(editor.generator.device)
    found: list[list[dict[str, Tensor]]] = [[] for _ in strengths]
    cosines: list[Tensor] = []
    seconds = 0.0
    for some in _chunks(numbers):
        before = editor.sample(seeds=some)
        base = _look(editor, classifier, before, texts)
        rows = {0.0: base["cosine"]}
        for place, alpha in enumerate(strengths):
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EclipsedWarning)
                after = editor.edit(before, direction, alpha)
            if after.images.is_cuda:
                torch.cuda.synchronize(after.images.device)
            seconds += time.perf_counter() - began
            seen = _look(editor, classifier, after, texts)
            rows[alpha] = seen["cosine"]
            found[place].append(_compare(editor, direction.region.parts, before, after, base, seen, target, judges))
        cosines.append(torch.stack([rows[alpha] for alpha in sorted(rows)]))
        tell(numbers.index(some[-1]) + 1)
    return Evaluation(
        prompt=direction.prompt,
        seeds=numbers,
        target=target,
        strengths=tuple(_summary(alpha, parts) for alpha, parts in zip(strengths, found, strict=True)),
        monotone=metrics.share(metrics.monotone(torch.cat(cosines, dim=1), slack=_SLACK)),
        seconds_per_edit=seconds / (len(numbers) * len(strengths)),
        peak_memory=_peak_memory(editor.generator.device),
        training_seconds=direction.scores.get("seconds"),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Judges:
    """The judges that are not in every set."""

    lpips: Lpips | None = None
    identity: Identity | None = None

    @classmethod
    def of(cls, editor: Editor, extras: Sequence[str] | None) -> _Judges:
        """Those that are asked for, or, when nothing is said, those that are on this machine."""
        unknown = [name for name in extras or () if name not in EXTRAS]
        if unknown:
            raise InputError(f"extra measures are {' and '.join(EXTRAS)}; got {unknown[0]!r}")
        lpips = identity = None
        if extras is None or "lpips" in extras:
            try:
                lpips = Lpips.from_store(device=editor.generator.device)
            except (MissingModelError, MissingExtraError):
                if extras is not None:
                    raise
        if extras is None or "identity" in extras:
            identity = editor.identity
            if identity is None and extras is not None:
                raise MissingModelError(
                    f"there is no ArcFace for the model set {editor.name!r}: it is for sets of photographed faces, and "
                    "comes with: eclipsed models fetch arcface"
                )
        return cls(lpips, identity)


def judge(
    editor: Editor, before: Faces, after: Faces, *, prompt: str, parts: Sequence[str], target: Target | None = None
) -> dict[str, Tensor]:
    """Measure any edit of some faces, however it was made.

    Args:
        editor: whose parser, CLIP and classifier judge.
        before: N faces.
        after: the same faces edited.
        prompt: what the edit was to do.
        parts: what it might change.
        target: what counts as success; None leaves that out.
    Returns:
        One value a face, (N,), nan where a face does not count: the fields of `Strength` but for `flips`, which are
        under ``"flip NAME"``. ``"success"`` is left out without a target, and with the flips without a classifier.
    Raises:
        InputError: the faces are not as many before as after.
    """
    if before.images.shape != after.images.shape:
        raise InputError(f"as many faces after as before; got {len(before)} and {len(after)}")
    with torch.no_grad():
        texts = editor.clip.encode_text((prompt, *read(prompt, world=editor.parser.world).contrasts))
    old, new = (_look(editor, editor.classifier, faces, texts) for faces in (before, after))
    return _compare(editor, parts, before, after, old, new, target, _Judges())


def check_held_out(direction: Direction, seeds: Sequence[int]) -> tuple[int, ...]:
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


def _look(editor: Editor, classifier: Classifier | None, faces: Faces, texts: Tensor) -> dict[str, Any]:
    """How CLIP and the classifier see some faces."""
    with torch.no_grad():
        seen = editor.clip.encode_images(faces.images)
    labels = {} if classifier is None else classifier.labels(faces.images)
    return {"cosine": (seen @ texts[0]).cpu(), "rank": metrics.rank(seen, texts).cpu(), "labels": labels}


def _compare(
    editor: Editor,
    parts: Sequence[str],
    before: Faces,
    after: Faces,
    base: Mapping[str, Any],
    seen: Mapping[str, Any],
    target: Target | None,
    judges: _Judges,
) -> dict[str, Tensor]:
    """One number a face for each measure; nan where a face does not count."""
    mask = mix_masks(editor.parser.mask(before.images, parts), editor.parser.mask(after.images, parts), "union")
    grown = grow_mask(mask, SEAM)
    old, new = (faces.images.clamp(-1, 1) for faces in (before, after))
    inside, outside = region_changes(old, new, mask)
    out = {
        "clip_gain": seen["cosine"] - base["cosine"],
        "clip_rank": seen["rank"].double(),
        "localization": localization_score(old, new, grown),
        "inside": inside,
        "outside": outside,
        "psnr": metrics.psnr(old, new, 1 - grown),
        "ssim": metrics.weighted_mean(metrics.ssim_map(old, new), 1 - grown),
    }
    if judges.lpips is not None:
        out["lpips"] = metrics.weighted_mean(judges.lpips.map(old, new), 1 - grown)
    if judges.identity is not None:
        with torch.no_grad():
            out["identity"] = (judges.identity.encode(old) * judges.identity.encode(new)).sum(dim=1)
    if editor.classifier is not None:
        out |= _attributes(editor.classifier, base["labels"], seen["labels"], target)
    return {name: value.cpu() for name, value in out.items()}


def _attributes(
    classifier: Classifier, was: Mapping[str, Tensor], now: Mapping[str, Tensor], target: Target | None
) -> dict[str, Tensor]:
    """Flips, what was kept, and success, of attributes that can be seen before and after the edit."""
    there, still = classifier.seen(was), classifier.seen(now)
    names = [name for name in classifier.attributes if target is None or name != target.attribute]
    flips = torch.stack([(was[name] != now[name]).double() for name in names])
    flips = torch.where(torch.stack([there[name] & still[name] for name in names]), flips, torch.nan)
    out = {f"flip {name}": flip for name, flip in zip(names, flips, strict=True)}
    out["kept"] = 1 - flips.nanmean(dim=0)
    if target is not None:
        lacked = there[target.attribute] & ~target.reached(was, classifier.attributes)
        reached = still[target.attribute] & target.reached(now, classifier.attributes)
        out["success"] = torch.where(lacked, reached.double(), torch.nan)
    return out


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
