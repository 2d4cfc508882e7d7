"""The truth about an edit of mini: what each face looks like when exactly what was asked for is changed.

W is the frame of the semantic values, so the values of a face can be read from its ws, those that make the target true
be set, and the face be drawn again by the generator. What an edit does can be held against that picture: a classifier
alone takes neon green for blond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces
from eclipsed.editor import Editor
from eclipsed.evaluation.judging import judge
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.prompts.target import Target
from eclipsed.worlds.world import find_world
from recipes.drawn.latent import Frame
from recipes.mini.attributes import VALUES
from recipes.mini.facts import ATTRIBUTES, FAMILY, FLAGS, STEPS, facts
from recipes.mini.latent import LATENT

__all__ = ["NEAR", "REGION", "Truth", "exact_values", "exact_ws", "region_colour"]

#: how near the mean colour of an edited region must be to that of the exact edit: the Euclidean norm of the three
#: differences of sRGB values in [0, 1]
NEAR = 0.2

#: share of a named colour in the mixture that makes it plainly that colour
_PLAIN = 0.97

_expand = find_world("face").expand

_SKIN = _expand(("skin", "ears", "nose", "neck"))

#: attribute -> parts of the face that show it
REGION: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("hair_colour", "hair_texture", "hair_length", "bald", "bangs", "bun"), ("hair",)),
    **dict.fromkeys(("hat", "hat_colour"), ("hat",)),
    **dict.fromkeys(("gender", "face_width", "face_length"), _expand(("face",))),
    "ears": _expand(("ears",)),
    **dict.fromkeys(("eye_size", "eyes_open", "eye_colour", "eye_shadow"), _expand(("eyes",))),
    **dict.fromkeys(("brows", "brow_angle"), _expand(("brows",))),
    "nose": ("nose",),
    **dict.fromkeys(("mouth_open", "smile"), _expand(("mouth",))),
    **dict.fromkeys(("lips", "lip_colour"), _expand(("lips",))),
    **dict.fromkeys(("beard", "moustache", "age", "blush", "freckles"), ("skin",)),
    "glasses": ("glasses",),
    "earrings": ("earrings",),
    "necklace": ("necklace",),
    "skin": _SKIN,
    "clothes_colour": ("clothes",),
}


def exact_values(v: Tensor, target: Target) -> Tensor:
    """Values of the same portraits with the target true, and nothing else changed.

    What is true already stays. A flag is set; a measure becomes what those who have it have on average; of a family of
    colours the score of the named one is raised until the mixture is plainly that colour. Where the target allows
    several classes, each portrait takes the one that it is nearest to.

    Args:
        v: semantic values, (N, len(VALUES)).
        target: an attribute of `ATTRIBUTES` and some of its classes.
    Returns:
        v, same shape.
    """
    name, classes = target.attribute, [ATTRIBUTES[target.attribute].index(one) for one in target.classes]
    if name in FAMILY:
        return _coloured(v, FAMILY[name], classes)
    options = torch.stack([_of_class(v, name, k) for k in classes])  # (classes, N, values)
    nearest = (options - v).norm(dim=2).argmin(dim=0)
    true = torch.isin(facts(v)[name], torch.tensor(classes))
    return torch.where(true[:, None], v, options[nearest, torch.arange(len(v))])


def _of_class(v: Tensor, name: str, k: int) -> Tensor:
    """Values with one class of an attribute, whatever they had."""
    out = v.clone()
    if name == "glasses":
        out[:, VALUES.index["glasses"]] = 1.0 if k else -1.0
        if k:
            out[:, VALUES.index["sunglasses"]] = -1.0 if k == 1 else 1.0
    elif name in FLAGS:
        out[:, VALUES.index[FLAGS[name]]] = 1.0 if k else -1.0
    else:
        parts, gaps = STEPS[name]
        spread = math.sqrt(sum(weight**2 for weight in parts.values()))
        low = gaps[k - 1][1] if k else -math.inf
        high = gaps[k][0] if k < len(gaps) else math.inf
        sums = sum(weight * v[:, VALUES.index[value]] for value, weight in parts.items())
        first, weight = next(iter(parts.items()))
        out[:, VALUES.index[first]] += (_mean_between(low / spread, high / spread) * spread - sums) / weight
    return out


def _mean_between(low: float, high: float) -> float:
    """Mean of the standard normal values that lie between two bounds."""
    normal = NormalDist()
    low, high = max(low, -9.0), min(high, 9.0)
    return (normal.pdf(low) - normal.pdf(high)) / (normal.cdf(high) - normal.cdf(low))


def _coloured(v: Tensor, family: str, classes: list[int]) -> Tensor:
    shares = VALUES.weights(v, family)[:, classes]
    best, which = shares.max(dim=1)
    named = torch.tensor(VALUES.scores(family))[torch.tensor(classes)[which]]  # (N,)
    missing = math.log(_PLAIN / (1 - _PLAIN)) - torch.logit(best.double().clamp(1e-12, 1 - 1e-9))
    out = v.clone()
    out[torch.arange(len(v)), named] += (missing.clamp(min=0) / VALUES.families[family].sharpness).to(v)
    return out


def exact_ws(ws: Tensor, target: Target, *, frame: Frame = LATENT.frame) -> Tensor:
    """ws of the same faces with the target true, and nothing else changed.

    Args:
        ws: of faces made from seeds without truncation, whose rows are alike, (N, num_ws, w_dim).
        target: see `exact_values`.
        frame: how values lie in the W of the generator.
    Returns:
        ws, same shape.
    Raises:
        ValueError: the rows of a face differ, so that it is no single portrait.
    """
    w = ws[:, 0]
    if not torch.equal(ws, w[:, None].expand_as(ws)):
        raise ValueError("the truth is known of faces whose rows of ws are alike; make them from seeds")
    v = frame.values(w)
    by = exact_values(v, target) - v  # what is true already moves by nothing at all
    still = (by == 0).all(dim=1, keepdim=True).to(w.device)
    return torch.where(still, w, frame.moved(w, by))[:, None].expand_as(ws).contiguous()


def region_colour(editor: Editor, faces: Faces, parts: Sequence[str]) -> Tensor:
    """Mean colour of some parts, as the parser finds them in the faces themselves.

    Args:
        editor: whose parser looks.
        faces: N faces.
        parts: of the face.
    Returns:
        sRGB in [0, 1], (N, 3); nan where none of the parts is there.
    """
    images = faces.images.clamp(-1, 1)
    mask = editor.parser.mask(images, parts)
    total = (images * 0.5 + 0.5).mul(mask).sum(dim=(2, 3))
    return (total / mask.sum(dim=(2, 3))).cpu()  # nothing over nothing is nan


@dataclass(frozen=True, eq=False)
class Truth:
    """Some faces, the exact edit of each, and what the judge makes of it.

    Args:
        target: what was asked for.
        before: N faces.
        exact: the same with the target true and nothing else changed.
        colours: mean colour of the region of the exact edit, (N, 3).
        statistics: where the latents of the generator lie.
    """

    target: Target
    before: Faces
    exact: Faces
    colours: Tensor
    statistics: WStatistics

    @classmethod
    def of(cls, editor: Editor, target: Target, *, seeds: Sequence[int], frame: Frame = LATENT.frame) -> Truth:
        """The faces of some seeds without truncation, and their exact edits."""
        before = editor.sample(seeds=seeds, truncation_psi=1.0)
        exact = editor.sample(ws=exact_ws(before.ws, target, frame=frame))
        colours = region_colour(editor, exact, REGION[target.attribute])
        return cls(target, before, exact, colours, WStatistics.of_generator(editor.generator))

    def judge(
        self, editor: Editor, after: Faces, *, prompt: str, parts: Sequence[str], rows: Sequence[int] | None = None
    ) -> dict[str, Tensor]:
        """Measure an edit of the faces.

        Args:
            editor: whose parser, CLIP and classifier judge.
            after: `before` edited.
            prompt: what the edit was to do.
            parts: what it might change.
            rows: of ws that it might change; None is all.
        Returns:
            What `eclipsed.evaluation.judging.judge` gives and, (N,): ``"colour"``, the distance of the region's mean
            colour from that of the exact edit; ``"strict"``, whether the target is reached and that distance is at most
            `NEAR`, nan where the face had the target before; ``"distance"``, the Mahalanobis distance of the rows from
            the mean of w, where 1 is an ordinary face.
        """
        out = judge(editor, self.before, after, prompt=prompt, parts=parts, target=self.target)
        colours = region_colour(editor, after, REGION[self.target.attribute])
        out["colour"] = (colours - self.colours).norm(dim=1)
        strict = out["success"] * (out["colour"] <= NEAR)  # a region that is not there is near nothing
        unknown = self.colours.isnan().any(dim=1)  # the parser sees no region in the exact edit: nothing to be near to
        out["strict"] = torch.where(unknown, out["success"], strict)
        edited = after.ws if rows is None else after.ws[:, list(rows)]
        out["distance"] = self.statistics.distance(edited).mean(dim=1).cpu()
        return out

    def ceiling(self, editor: Editor, *, prompt: str) -> dict[str, Tensor]:
        """Measure the exact edit itself: what no edit can be much better than; see `judge`."""
        return self.judge(editor, self.exact, prompt=prompt, parts=REGION[self.target.attribute])
