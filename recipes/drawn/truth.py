"""The truth about an edit of a drawn picture: what it looks like when exactly what was asked for is changed.

W is the frame of the semantic values, so the values of a picture can be read from its ws, those that make the target
true be set, and the picture be drawn again by the generator. What an edit does can be held against that picture: a
classifier alone takes neon green for blond.
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
from recipes.drawn.facts import Facts
from recipes.drawn.latent import Frame
from recipes.drawn.recipe import Recipe

__all__ = ["NEAR", "Truth", "exact_values", "exact_ws", "region_colour"]

#: how near the mean colour of an edited region must be to that of the exact edit: the Euclidean norm of the three
#: differences of sRGB values in [0, 1]
NEAR = 0.2

#: share of a named colour in the mixture that makes it plainly that colour
_PLAIN = 0.97


def exact_values(v: Tensor, target: Target, facts: Facts) -> Tensor:
    """Values of the same pictures with the target true, and nothing else changed.

    What is true already stays. A flag is set; a measure becomes what those who have it have on average; of a family of
    colours (or shapes, or seasons) the score of the named one is raised until the mixture is plainly that. Where the
    target allows several classes, each picture takes the one that it is nearest to.

    Args:
        v: semantic values, (N, len(facts.values)).
        target: an attribute of the facts and some of its classes.
        facts: what values mean.
    Returns:
        v, same shape.
    """
    name = target.attribute
    classes = [facts.attributes[name].index(one) for one in target.classes]
    if name in facts.families:
        return _mixed(v, facts, facts.families[name], classes)
    options = torch.stack([_of_class(v, facts, name, k) for k in classes])  # (classes, N, values)
    nearest = (options - v).norm(dim=2).argmin(dim=0)
    true = torch.isin(facts(v)[name], torch.tensor(classes))
    return torch.where(true[:, None], v, options[nearest, torch.arange(len(v))])


def _of_class(v: Tensor, facts: Facts, name: str, k: int) -> Tensor:
    """Values with one class of an attribute, whatever they had."""
    out, index = v.clone(), facts.values.index
    if name in facts.pairs:
        first, second = facts.pairs[name]
        out[:, index[first]] = 1.0 if k else -1.0
        if k:
            out[:, index[second]] = -1.0 if k == 1 else 1.0
    elif name in facts.flags:
        out[:, index[facts.flags[name]]] = 1.0 if k else -1.0
    else:
        parts, gaps = facts.steps[name]
        spread = math.sqrt(sum(weight**2 for weight in parts.values()))
        low = gaps[k - 1][1] if k else -math.inf
        high = gaps[k][0] if k < len(gaps) else math.inf
        sums = sum(weight * v[:, index[value]] for value, weight in parts.items())
        first, weight = next(iter(parts.items()))
        out[:, index[first]] += (_mean_between(low / spread, high / spread) * spread - sums) / weight
    return out


def _mean_between(low: float, high: float) -> float:
    """Mean of the standard normal values that lie between two bounds."""
    normal = NormalDist()
    low, high = max(low, -9.0), min(high, 9.0)
    return (normal.pdf(low) - normal.pdf(high)) / (normal.cdf(high) - normal.cdf(low))


def _mixed(v: Tensor, facts: Facts, family: str, classes: list[int]) -> Tensor:
    values = facts.values
    shares = values.weights(v, family)[:, classes]
    best, which = shares.max(dim=1)
    named = torch.tensor(values.scores(family))[torch.tensor(classes)[which]]  # (N,)
    missing = math.log(_PLAIN / (1 - _PLAIN)) - torch.logit(best.double().clamp(1e-12, 1 - 1e-9))
    out = v.clone()
    out[torch.arange(len(v)), named] += (missing.clamp(min=0) / values.families[family].sharpness).to(v)
    return out


def exact_ws(ws: Tensor, target: Target, *, recipe: Recipe, frame: Frame | None = None) -> Tensor:
    """ws of the same pictures with the target true, and nothing else changed.

    Args:
        ws: of pictures made from seeds without truncation, whose rows are alike, (N, num_ws, w_dim).
        target: see `exact_values`.
        recipe: of the pictures.
        frame: how values lie in the W of the generator; None is the recipe's own.
    Returns:
        ws, same shape.
    Raises:
        ValueError: the rows of a picture differ, so that it is no single one.
    """
    w = ws[:, 0]
    if not torch.equal(ws, w[:, None].expand_as(ws)):
        raise ValueError("the truth is known of pictures whose rows of ws are alike; make them from seeds")
    chosen = frame or recipe.latent.frame
    v = chosen.values(w)
    by = exact_values(v, target, recipe.facts) - v  # what is true already moves by nothing at all
    still = (by == 0).all(dim=1, keepdim=True).to(w.device)
    return torch.where(still, w, chosen.moved(w, by))[:, None].expand_as(ws).contiguous()


def region_colour(editor: Editor, faces: Faces, parts: Sequence[str]) -> Tensor:
    """Mean colour of some parts, as the parser finds them in the pictures themselves.

    Args:
        editor: whose parser looks.
        faces: N pictures.
        parts: of the world.
    Returns:
        sRGB in [0, 1], (N, 3); nan where none of the parts is there.
    """
    images = faces.images.clamp(-1, 1)
    mask = editor.parser.mask(images, parts)
    total = (images * 0.5 + 0.5).mul(mask).sum(dim=(2, 3))
    return (total / mask.sum(dim=(2, 3))).cpu()  # nothing over nothing is nan


@dataclass(frozen=True, eq=False)
class Truth:
    """Some pictures, the exact edit of each, and what the judge makes of it.

    Args:
        target: what was asked for.
        parts: those that show it.
        before: N pictures.
        exact: the same with the target true and nothing else changed.
        colours: mean colour of the region of the exact edit, (N, 3).
        statistics: where the latents of the generator lie.
    """

    target: Target
    parts: tuple[str, ...]
    before: Faces
    exact: Faces
    colours: Tensor
    statistics: WStatistics

    @classmethod
    def of(
        cls, editor: Editor, target: Target, *, recipe: Recipe, seeds: Sequence[int], frame: Frame | None = None
    ) -> Truth:
        """The pictures of some seeds without truncation, and their exact edits; see `exact_ws`."""
        before = editor.sample(seeds=seeds, truncation_psi=1.0)
        exact = editor.sample(ws=exact_ws(before.ws, target, recipe=recipe, frame=frame))
        parts = recipe.shown_by[target.attribute]
        colours = region_colour(editor, exact, parts)
        return cls(target, parts, before, exact, colours, WStatistics.of_generator(editor.generator))

    def judge(
        self, editor: Editor, after: Faces, *, prompt: str, parts: Sequence[str], rows: Sequence[int] | None = None
    ) -> dict[str, Tensor]:
        """Measure an edit of the pictures.

        Args:
            editor: whose parser, CLIP and classifier judge.
            after: `before` edited.
            prompt: what the edit was to do.
            parts: what it might change.
            rows: of ws that it might change; None is all.
        Returns:
            What `eclipsed.evaluation.judging.judge` gives and, (N,): ``"colour"``, the distance of the region's mean
            colour from that of the exact edit; ``"strict"``, whether the target is reached and that distance is at most
            `NEAR`, nan where the picture had the target before; ``"distance"``, the Mahalanobis distance of the rows
            from the mean of w, where 1 is an ordinary picture.
        """
        out = judge(editor, self.before, after, prompt=prompt, parts=parts, target=self.target)
        colours = region_colour(editor, after, self.parts)
        out["colour"] = (colours - self.colours).norm(dim=1)
        strict = out["success"] * (out["colour"] <= NEAR)  # a region that is not there is near nothing
        unknown = self.colours.isnan().any(dim=1)  # the parser sees no region in the exact edit: nothing to be near to
        out["strict"] = torch.where(unknown, out["success"], strict)
        edited = after.ws if rows is None else after.ws[:, list(rows)]
        out["distance"] = self.statistics.distance(edited).mean(dim=1).cpu()
        return out

    def ceiling(self, editor: Editor, *, prompt: str) -> dict[str, Tensor]:
        """Measure the exact edit itself: what no edit can be much better than; see `judge`."""
        return self.judge(editor, self.exact, prompt=prompt, parts=self.parts)
