"""What `evaluate` found: figures of an edit at several strengths, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from eclipsed.images.metrics import Interval
from eclipsed.prompts.target import Target

__all__ = ["Evaluation", "Strength"]


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
