"""Which raw strength of a direction becomes alpha = 1, measured on faces that training never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from eclipsed.images.change import localization_score, mean_changes
from eclipsed.images.masks import grow_mask, mix_masks
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.space import Space
from eclipsed.training.losses import contrast_margin
from eclipsed.training.objective import Objective
from eclipsed.values.seeds import CALIBRATION_SEEDS

__all__ = ["FENCE", "LADDER", "calibrate", "full_strength"]

#: Raw strengths that are tried, in units of the trained delta.
LADDER: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5)

#: The ladder ends where edited faces are this far from the data's mean, where 1 is an ordinary face.
FENCE = 1.2

_REACHED = 0.9  # share of the greatest gain that makes a full edit
_SERVED = 0.9  # of the faces
_CERTAIN = 4.0  # a margin in the logits of CLIP; where it is certain, more of it buys nothing that a person sees
_WEAK_GAIN = 1.0  # in CLIP's own logits
_WEAK_SHARE = 0.5  # of the faces that lacked the attribute
_GROWN = 0.05  # of the image's width, when inside and outside are told apart


@dataclass(frozen=True)
class _Faces:
    """Held-out faces before the edit: latents, pictures, CLIP margins, and which of them lack the attribute."""

    seeds: tuple[int, ...]
    latent: Latent
    margin: Tensor
    lacking: Tensor


def calibrate(
    objective: Objective, space: Space, direction: Direction, *, tell: Callable[[int], None] = lambda _: None
) -> Direction:
    """Set the strength of a direction from held-out faces.

    A ladder of strengths is climbed until the faces leave the fence. A face that CLIP says lacks the attribute has
    its full edit where the margin of the prompt over other captions has made 90 % of its greatest gain; the strength
    at which nine in ten of these faces have theirs becomes alpha = 1. A margin counts up to where CLIP is certain:
    beyond, an edit only grows louder. Faces that gain nothing at any strength, as bald ones do of a colour of hair,
    have no say. It is never beyond the strengths that training saw.

    Args:
        objective: of the training.
        space: where the direction lives.
        direction: as trained, with scale 1.
        tell: called after each rung with how many are done.
    Returns:
        The direction with scale, alpha range, scores and, when it is weak, a note. Of several directions each gets
        its own strength: those of the later ones, relative to the first, are multiplied into their deltas.
    """
    faces = _faces(objective)
    found = []
    for index, delta in enumerate(direction.deltas.to(faces.latent.ws.device)):
        done = index * len(LADDER)
        found.append(_one(objective, space, faces, delta, lambda rung, done=done: tell(done + rung)))  # type: ignore[misc]
    scale = found[0][0]
    ratios = torch.tensor([strength / scale for strength, _, _ in found])
    reach = min(reach for _, reach, _ in found)
    scores: dict[str, Any] = {**direction.scores, **found[0][2], "calibration_seeds": list(faces.seeds)}
    if len(found) > 1:
        scores["each"] = [each for _, _, each in found]
        scores["weak"] = any(each["weak"] for _, _, each in found)
    note = direction.note
    if scores["weak"]:
        note = "; ".join(filter(None, (note, _advice(scores))))
    return replace(
        direction,
        deltas=direction.deltas * ratios.view(-1, *[1] * (direction.deltas.ndim - 1)),
        scale=scale,
        alpha_range=(-reach, reach),
        scores=scores,
        note=note,
    )


def full_strength(gains: list[float]) -> float:
    """The smallest strength on the ladder, interpolated, that reaches 90 % of the greatest gain.

    Args:
        gains: of a face, one for each rung that was climbed, from the lowest.
    Returns:
        A strength; that of the first rung's end when nothing was gained.
    """
    goal = _REACHED * max(gains)
    strengths, values = (0.0, *LADDER), [0.0, *gains]
    for rung in range(1, len(values)):
        if values[rung] >= goal > 0:
            low, high = values[rung - 1], values[rung]
            part = (goal - low) / (high - low) if high > low else 1.0
            return strengths[rung - 1] + max(part, 0.0) * (strengths[rung] - strengths[rung - 1])
    return 1.0


def _faces(objective: Objective) -> _Faces:
    seeds = _seeds(objective)
    latent = Latent.of_seeds(objective.generator, seeds, truncation_psi=objective.truncation_psi)
    margin = _margins(objective, latent)
    lacking = margin < 0
    if int(lacking.sum()) < max(2, len(seeds) // 4):  # CLIP sees the attribute nearly everywhere: take the lower half
        lacking = margin <= margin.median()
    return _Faces(seeds, latent, margin, lacking)


def _seeds(objective: Objective) -> tuple[int, ...]:
    config = objective.config
    taken = set(config.seeds or ())
    start = CALIBRATION_SEEDS.start + config.seed % 1000 * 10_000
    free = (seed for seed in range(start, CALIBRATION_SEEDS.stop) if seed not in taken)
    return tuple(islice(free, config.calibration_faces))


def _margins(objective: Objective, latent: Latent) -> Tensor:
    clip = objective.clip
    parts = []
    for _, images in objective.render(latent):
        with torch.no_grad():
            seen = clip.encode_images(images, dtype=objective.dtype)
            parts.append(contrast_margin(seen, objective.texts, temperature=clip.logit_scale))
    return torch.cat(parts)


def _one(
    objective: Objective, space: Space, faces: _Faces, delta: Tensor, tell: Callable[[int], None]
) -> tuple[float, float, dict[str, Any]]:
    """Strength, reach (the largest useful alpha) and scores of one delta."""
    rungs: list[Tensor] = []
    for rung, strength in enumerate(LADDER):
        with torch.no_grad():
            moved = space.move(faces.latent, delta, strength)
            left = float(space.distance(moved, objective.spread).mean()) > FENCE
        if left and rungs:
            break
        gain = _margins(objective, moved).clamp(max=_CERTAIN) - faces.margin
        rungs.append(gain[faces.lacking])
        tell(rung + 1)
    if len(rungs) < len(LADDER):
        tell(len(LADDER))
    gains = torch.stack(rungs)  # (rungs, faces)
    reached = [full_strength(each.tolist()) for each in gains.T if float(each.max()) > _WEAK_GAIN]
    seen = max(abs(alpha) for alpha in objective.config.alpha)
    scale = min(float(torch.tensor(reached).quantile(_SERVED)), seen) if reached else 1.0
    scores = _scores(objective, space, faces, delta, scale)
    scores["ladder"] = [round(gain, 4) for gain in gains.mean(dim=1).tolist()]
    return scale, max(1.0, LADDER[len(rungs) - 1] / scale), scores


def _scores(objective: Objective, space: Space, faces: _Faces, delta: Tensor, scale: float) -> dict[str, Any]:
    """What the full edit does to the held-out faces."""
    with torch.no_grad():
        moved = space.move(faces.latent, delta, scale)
        distance = float(space.distance(moved, objective.spread).mean())
    parts: list[list[Tensor]] = [[], [], [], [], []]
    pairs = zip(objective.render(faces.latent, exact=True), objective.render(moved, exact=True), strict=True)
    for (part, before), (_, after) in pairs:
        old, new = (objective.masks(images, exact=True)[0] for images in (before, after))
        mask = grow_mask(mix_masks(old, new, "union"), _GROWN)
        with torch.no_grad():
            seen = objective.clip.encode_images(after)
            margin = contrast_margin(seen, objective.texts, temperature=objective.clip.logit_scale)
            inside, outside = mean_changes(before, after, mask)
            values = (margin - faces.margin[part], margin, localization_score(before, after, mask), inside, outside)
        for kept, value in zip(parts, values, strict=True):
            kept.append(value)
    gain, margin, score, inside, outside = (torch.cat(kept) for kept in parts)
    gained = float(gain[faces.lacking].mean())
    without = faces.margin < 0
    share = float((margin[without] > 0).float().mean()) if bool(without.any()) else None
    return {
        "clip_gain": gained,
        "clip_success": share,
        "localization": float(score.mean()),
        "change_inside": float(inside.mean()),
        "change_outside": float(outside.mean()),
        "distance": distance,
        "lacking": int(without.sum()),
        "weak": gained < _WEAK_GAIN and (share is None or share < _WEAK_SHARE),
    }


def _advice(scores: dict[str, Any]) -> str:
    share = scores["clip_success"]
    chosen = "" if share is None else f", and chooses it for only {share:.0%} of the faces that lacked it"
    return (
        f"weak: at full strength CLIP prefers the prompt by {scores['clip_gain']:+.2f} more than before{chosen}; "
        "word the prompt otherwise, name the region, or train for more steps"
    )
