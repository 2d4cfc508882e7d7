"""Which raw strength of a direction becomes alpha = 1, measured on faces that it was not made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from eclipsed.directions.held_out import HeldOut
from eclipsed.directions.margins import Margin
from eclipsed.directions.verdict import WEAK, reached, verdict
from eclipsed.images.change import SEAM, localization_score, region_changes
from eclipsed.images.masks import grow_mask
from eclipsed.images.metrics import mean_of_faces
from eclipsed.latents.direction import Direction
from eclipsed.latents.fence import FENCE, fence_strength
from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import Synthesis
from eclipsed.prompts.region import Region

__all__ = ["LADDER", "SERVED", "calibrate", "full_strength"]

#: Raw strengths that are tried, in units of the delta, or of what brings it to the fence.
LADDER: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5)

#: Share of the faces that lack what a direction is to bring which a full edit serves.
SERVED = 0.9

_REACHED = 0.9  # share of the greatest gain that makes a full edit
_CERTAIN = 4.0  # a margin in logits; where the judge is certain, more of it buys nothing that a person sees
_WEAK_GAIN = 1.0  # in logits
_STILL = 0.1  # gain in logits that is none
_TOLD = 12  # faces that lacked the attribute, of whom it is told how many have it now
_LOOKED = 8  # times the faces that a direction is calibrated on: as many are searched for those who lack it


@dataclass(frozen=True, eq=False)
class _Unedited:
    """Held-out faces before the edit: latents, margins, which of them lack the attribute, and pictures where kept."""

    latent: Latent
    margin: Tensor
    lacking: Tensor
    drawn: tuple[tuple[slice, Synthesis], ...] = ()

    @classmethod
    def of(cls, held_out: HeldOut, margin: Margin, *, keep: Sequence[str] | None = None) -> _Unedited:
        """The faces; with `keep` their exact pictures, and features of these layers, are kept."""
        latent = held_out.latent()
        drawn = () if keep is None else tuple(held_out.drawn(latent, exact=True, layers=keep))
        found = torch.cat([margin(one.image) for _, one in drawn]) if drawn else _margins(held_out, latent, margin)
        lacking = found < 0
        if int(lacking.sum()) < max(2, len(latent) // 4):  # it is seen nearly everywhere: take the lower half
            lacking = found <= found.median()
        return cls(latent, found, lacking, drawn)


def calibrate(
    direction: Direction,
    margin: Margin,
    *,
    held_out: HeldOut,
    fast: Margin | None = None,
    unit: float | None = None,
    strongest: float = math.inf,
    soon: bool = False,
    judge: str = "clip",
    judges: Mapping[str, Margin] | None = None,
    advice: str = "make it from more or clearer examples, or name another region",
    tell: Callable[[int], object] = lambda _: None,
) -> Direction:
    """Set the strength of a direction from held-out faces, however it was found.

    A ladder of strengths is climbed until the faces leave the fence. A face that lacks the attribute has its full edit
    where the margin has made 90 % of its greatest gain; the strength at which nine in ten of these faces have theirs
    becomes alpha = 1. A margin counts up to where the judge is certain: beyond, an edit only grows louder. Faces that
    gain nothing at any strength, as bald ones do of a colour of hair, have no say.

    Args:
        direction: any; its scale is set anew.
        margin: by how much a picture has what the direction is to bring, in logits.
        held_out: the faces.
        fast: a cheaper margin for the ladder; None is `margin`.
        unit: raw strength of the ladder's 1; None finds the strength at which faces reach the fence and begins there.
        strongest: raw strength that alpha = 1 may not exceed, such as the strongest that training saw, unless fewer
            than nine in ten faces have what it is to bring by then.
        soon: leave out the first rung, climb from `strongest` to one rung beyond it, further only where fewer than nine
            in ten faces have it there and somebody still gains, and below only where the strength lies there; and draw
            only those that lacked it.
        judge: what the margin comes from, in the names of the scores: ``"clip_gain"``, ``"clip_success"``.
        judges: others by their names, which have no say in the strength: ``"judge"``, the set's own classifier, and
            ``"witness"``, a CLIP that no direction is learned with. The share of faces that lacked the thing by its
            verdict and have it at full strength is ``"judge_success"``.
        advice: what to do about a weak direction, the end of its note.
        tell: called after each rung with how many are done; of the last one when all is.
    Returns:
        The direction with scale, alpha range, scores and, when it is weak, a note. Of several directions each gets
        its own strength: those of the later ones, relative to the first, are multiplied into their deltas.
    Raises:
        DirectionError: the direction belongs to another generator.
    Source: ours.
    """
    space = direction.space_of(held_out.generator)
    others = judges or {}
    climb = _Climb(held_out, space, margin, fast or margin, direction.region, unit, strongest, soon, judge, others)
    found = []
    for index, delta in enumerate(direction.deltas.to(climb.faces.latent.ws)):
        done = index * len(LADDER)
        found.append(climb.of(delta, lambda rung, done=done: tell(done + rung)))  # type: ignore[misc]
    scale = found[0].scale
    ratios = torch.tensor([one.scale / scale for one in found])
    reach = min(one.reach for one in found)
    scores = {**_lasting(direction.scores, others), **found[0].scores, "calibration_seeds": list(held_out.seeds)}
    if len(found) > 1:
        scores["each"] = [one.scores for one in found]
        scores["weak"] = any(one.scores["weak"] for one in found)
    scores["weak"] = scores["weak"] or bool(scores.get("unknown"))
    note = direction.note
    if scores["weak"]:
        note = "; ".join(filter(None, (note, _advice(scores, judge, advice))))
    return replace(
        direction,
        deltas=direction.deltas * ratios.view(-1, *[1] * (direction.deltas.ndim - 1)),
        scale=scale,
        alpha_range=(-reach, reach),
        scores=scores,
        note=note,
    )


def full_strength(gains: list[float], ladder: Sequence[float] = LADDER) -> float:
    """The smallest strength on a ladder, interpolated, that reaches 90 % of the greatest gain.

    Args:
        gains: of a face, one for each rung that was climbed, from the lowest.
        ladder: strengths of the rungs.
    Returns:
        A strength; that of the first rung's end when nothing was gained.
    """
    goal = _REACHED * max(gains)
    strengths, values = (0.0, *ladder), [0.0, *gains]
    for rung in range(1, len(values)):
        if values[rung] >= goal > 0:
            low, high = values[rung - 1], values[rung]
            part = (goal - low) / (high - low) if high > low else 1.0
            return strengths[rung - 1] + max(part, 0.0) * (strengths[rung] - strengths[rung - 1])
    return 1.0


@torch.no_grad()
def _moved(
    space: Space, faces: Latent, delta: Tensor, strength: float, statistics: WStatistics
) -> tuple[Latent, float]:
    """Faces moved along a delta, and how far they are from the data's mean then."""
    moved = space.move(faces, delta, strength)
    return moved, float(space.distance(moved, statistics).mean())


def _reached(climbed: Mapping[float, Tensor]) -> Tensor:
    """The full strength of each face that gains anything, (faces,); see `full_strength`.

    Args:
        climbed: strength -> what each face gained there, (N,), from the lowest.
    """
    gains = torch.stack(list(climbed.values()))  # (rungs, N)
    ladder = tuple(climbed)
    return torch.tensor([full_strength(each.tolist(), ladder) for each in gains.T if float(each.max()) > _WEAK_GAIN])


@dataclass(frozen=True)
class _Calibrated:
    """Raw strength of alpha = 1, the largest useful alpha, and the scores of one delta."""

    scale: float
    reach: float
    scores: dict[str, Any]


class _Climb:
    """The ladder, for one delta after the other."""

    def __init__(
        self,
        held_out: HeldOut,
        space: Space,
        margin: Margin,
        fast: Margin,
        region: Region,
        unit: float | None,
        strongest: float,
        soon: bool,
        judge: str,
        judges: Mapping[str, Margin],
    ) -> None:
        self.judges = judges
        self.held_out, self.space, self.margin, self.fast = held_out, space, margin, fast
        self.region, self.unit, self.strongest, self.soon, self.judge = region, unit, strongest, soon, judge
        self.statistics = held_out.statistics
        self.layers = held_out.parser.reads(region.parts)
        self.ladder = LADDER[1:] if soon else LADDER
        self.faces = _Unedited.of(held_out, fast, keep=self.layers if soon else None)

    def of(self, delta: Tensor, tell: Callable[[int], object]) -> _Calibrated:
        unit = self._unit(delta) if self.unit is None else self.unit
        rungs = self._rungs(delta, unit)
        climbed: dict[float, Tensor] = {}  # strength -> what each face that lacks the attribute gained
        for strength in self._order(rungs, unit, climbed):
            climbed[strength] = self._gain(rungs[strength])
            if len(climbed) < len(self.ladder):
                tell(len(climbed))
        climbed = dict(sorted(climbed.items()))
        reached = _reached(climbed)
        chosen = float(reached.quantile(SERVED)) if len(reached) else 1.0
        scale = min(unit * chosen, max(self.strongest, unit * self._needed(climbed))) if len(reached) else unit
        scores = self._scores(delta, scale)
        scores["ladder"] = [round(float(gain.mean()), 4) for gain in climbed.values()]
        tell(len(LADDER))
        return _Calibrated(scale, max(1.0, unit * max(rungs) / scale), scores)

    def _rungs(self, delta: Tensor, unit: float) -> dict[float, Latent]:
        """The faces on the rungs that they can climb without leaving the fence, on the first in any case."""
        rungs: dict[float, Latent] = {}
        for strength in self.ladder:
            moved, distance = self._moved(delta, unit * strength)
            if distance > FENCE and rungs:
                break
            rungs[strength] = moved
        return rungs

    def _order(self, rungs: Collection[float], unit: float, climbed: Mapping[float, Tensor]) -> Iterator[float]:
        """Which rungs are climbed, one after the other: all, or no more than those that have a say."""
        if not self.soon:
            yield from rungs
            return
        above = [strength for strength in rungs if unit * strength >= self.strongest] or [max(rungs)]
        for strength in above:
            yield strength
            if self._settled(climbed):
                break
        for strength in sorted(set(rungs) - set(above), reverse=True):
            reached = _reached(dict(sorted(climbed.items())))
            if len(reached) and float(reached.quantile(SERVED, interpolation="lower")) > min(climbed):
                break  # all who decide have their full edit above what was climbed
            yield strength

    def _gain(self, moved: Latent) -> Tensor:
        """What the faces that lack the attribute gained, up to where the judge is certain."""
        lacking = self.faces.lacking
        if self.soon:
            some = moved[lacking.nonzero().flatten().tolist()]
            return _margins(self.held_out, some, self.fast).clamp(max=_CERTAIN) - self.faces.margin[lacking]
        gain = _margins(self.held_out, moved, self.fast).clamp(max=_CERTAIN) - self.faces.margin
        return gain[lacking]

    def _settled(self, climbed: Mapping[float, Tensor]) -> bool:
        """Whether the last rung but one was enough, or the last one brought nobody anything."""
        if len(climbed) < 2:
            return False
        before, after = list(climbed.values())[-2:]
        return self._served(before) >= SERVED or float((after - before).max()) < _STILL

    def _served(self, gains: Tensor) -> float:
        """Of the faces that lack the attribute the share that have it with what they gained."""
        return float((self.faces.margin[self.faces.lacking] + gains > 0).double().mean())

    def _needed(self, climbed: Mapping[float, Tensor]) -> float:
        """The lowest of some strengths that serves nine in ten faces, or else the most of them."""
        served = {strength: self._served(gains) for strength, gains in climbed.items()}
        enough = min(SERVED, max(served.values()))
        return next(strength for strength, share in served.items() if share >= enough)

    def _unit(self, delta: Tensor) -> float:
        """The strength that brings faces to the fence, so that the ladder ends there."""
        return fence_strength(self.space, self.faces.latent, delta, self.statistics) / LADDER[-1]

    def _moved(self, delta: Tensor, strength: float) -> tuple[Latent, float]:
        """The faces moved, and how far they are from the data's mean."""
        return _moved(self.space, self.faces.latent, delta, strength, self.statistics)

    def _scores(self, delta: Tensor, scale: float) -> dict[str, Any]:
        """What the full edit does to the held-out faces."""
        moved, distance = self._moved(delta, scale)
        held_out, parser = self.held_out, self.held_out.parser
        parts: list[list[Tensor]] = [[], [], [], [], []]
        judged: dict[str, list[Tensor]] = {name: [] for name in self.judges}
        layers = self.layers
        old, new = (held_out.drawn(one, exact=True, layers=layers) for one in (self.faces.latent, moved))
        old = iter(self.faces.drawn) if self.faces.drawn else old
        for (part, was), (_, now) in zip(old, new, strict=True):
            before, after = was.image, now.image
            mask = parser.either(was, now, self.region) if layers else parser.either(before, after, self.region)
            with torch.no_grad():
                margin = self.margin(after)
                inside, outside = region_changes(before, after, mask)
                score = localization_score(before, after, grow_mask(mask, SEAM))
            for name, other in self.judges.items():
                judged[name].append(torch.stack([other(before), other(after)]))
            values = (margin - self.faces.margin[part], margin, score, inside, outside)
            for kept, value in zip(parts, values, strict=True):
                kept.append(value)
        gain, margin, score, inside, outside = (torch.cat(kept) for kept in parts)
        gained = float(gain[self.faces.lacking].mean())
        found = {self.judge: _Verdicts().add(self.faces.margin, margin)}
        found |= {name: _Verdicts().add(*torch.cat(verdicts, dim=1)) for name, verdicts in judged.items()}
        self._search(found, delta, scale)
        seen = {f"{self.judge}_gain": gained, **{f"{name}_success": one.share for name, one in found.items()}}
        told = reached(seen)
        return {
            **seen,
            "localization": float(score.mean()),
            "change_inside": mean_of_faces(inside),
            "change_outside": mean_of_faces(outside),
            "distance": distance,
            "lacking": found[self.judge].lacking,
            "weak": gained < _WEAK_GAIN if told is None else told < WEAK,
        }

    def _search(self, verdicts: Mapping[str, _Verdicts], delta: Tensor, scale: float) -> None:
        """Look for more faces that lack the attribute where too few of those at hand do to tell a share by."""
        judges = {self.judge: self.margin, **self.judges}
        if self.held_out.given is not None:
            return
        for block in range(1, _LOOKED):
            wanted = [name for name in verdicts if verdicts[name].lacking < _TOLD]
            if not wanted:
                return
            latent = self.held_out.latent(block)
            was = {name: _margins(self.held_out, latent, judges[name]) for name in wanted}
            lacks = torch.stack([(margin.view(len(latent), -1) < 0).any(dim=1) for margin in was.values()])
            lacking = lacks.any(dim=0).nonzero().flatten().tolist()
            if not lacking:
                continue
            moved = self.space.move(latent[lacking], delta, scale)
            for name in wanted:
                verdicts[name].add(was[name][lacking], _margins(self.held_out, moved, judges[name]))


@dataclass
class _Verdicts:
    """Of how many faces that lacked an attribute a judge said so, and how many of them he found to have it then."""

    lacking: int = 0
    served: int = 0

    def add(self, before: Tensor, after: Tensor) -> _Verdicts:
        """Count some faces: those that lack any thing, and of them those that have all that they lacked.

        Args:
            before: margins, (N,), or (N, T) of T things; what is no number, of what cannot be seen, is not lacking.
            after: of the same faces edited; what cannot be seen any more is not there.
        """
        before, after = before.view(len(before), -1), after.view(len(after), -1)
        lacked, served = (before < 0).any(dim=1), ((after > 0) | ~(before < 0)).all(dim=1)
        self.lacking += int(lacked.sum())
        self.served += int(served[lacked].sum())
        return self

    @property
    def share(self) -> float | None:
        """Of those that lacked it who have it; None where nobody lacked it."""
        return self.served / self.lacking if self.lacking else None


def _lasting(scores: Mapping[str, Any], judges: Mapping[str, Margin]) -> dict[str, Any]:
    """Scores without what another calibration measured, or who judged it."""
    gone = {name for name in scores if name.endswith(("_gain", "_success"))}
    gone |= set() if "witness" in judges else {"witness"}
    return {name: value for name, value in scores.items() if name not in gone}


def _margins(held_out: HeldOut, latent: Latent, margin: Margin) -> Tensor:
    parts = []
    for _, images in held_out.render(latent):
        with torch.no_grad():
            parts.append(margin(images))
    return torch.cat(parts)


def _advice(scores: dict[str, Any], judge: str, advice: str) -> str:
    told = verdict(scores)
    name, what = {"clip": ("CLIP", "the prompt")}.get(judge, (f"the {judge}", "it"))
    gain = scores[f"{judge}_gain"]
    return f"weak: {told or f'at full strength {name} prefers {what} by {gain:+.2f} more than before'}; {advice}"
