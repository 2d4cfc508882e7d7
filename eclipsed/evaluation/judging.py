"""One edit of some faces, judged: by CLIP, by a parser and a classifier, in pixels, and by what else there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from eclipsed.directions.margins import witness_margin
from eclipsed.editing.seeing import seen
from eclipsed.errors import InputError, MissingExtraError, MissingModelError
from eclipsed.evaluation.protocol import EXTRAS
from eclipsed.images import metrics
from eclipsed.images.change import SEAM, localization_score, region_changes
from eclipsed.images.masks import grow_mask, painted
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.lpips import Lpips
from eclipsed.prompts.reading import Reading, read
from eclipsed.prompts.region import Region
from eclipsed.prompts.target import Target
from eclipsed.values.mask import Mask

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editor import Editor
    from eclipsed.pretrained.identity import Identity

__all__ = ["Judge", "Look", "judge"]


@dataclass(frozen=True, eq=False)
class Look:
    """How CLIP and the classifier see some faces.

    Args:
        cosine: of picture and prompt, (N,).
        rank: place of the prompt among captions that name something else, (N,); 1 is first.
        labels: attribute -> class of each face, (N,); empty without a classifier.
        margin: the witness's verdict on the prompt, (N,); None unless it says what counts as success.
    """

    cosine: Tensor
    rank: Tensor
    labels: Mapping[str, Tensor]
    margin: Tensor | None = None


class Judge:
    """All that looks at some faces before and after an edit.

    Args:
        editor: whose parser, CLIP and classifier judge.
        reading: of the sentence that says what the edit was to do.
        region: what it might change.
        target: what counts as success; None leaves that to the editor's witness, and out where there is none.
        extras: measures of `eclipsed.evaluation.protocol.EXTRAS` that need weights of their own; None takes those that
            are on this machine.
        classifier: that judges in place of the editor's own; None is that one.
    Raises:
        InputError: an extra is unknown.
        MissingModelError, MissingExtraError: an extra that `extras` names is not on this machine.
    """

    def __init__(
        self,
        editor: Editor,
        reading: Reading,
        *,
        region: Region,
        target: Target | None = None,
        extras: Sequence[str] | None = (),
        classifier: Classifier | None = None,
    ) -> None:
        unknown = [name for name in extras or () if name not in EXTRAS]
        if unknown:
            raise InputError(f"extra measures are {' and '.join(EXTRAS)}; got {unknown[0]!r}")
        self.editor, self.region, self.target = editor, region, target
        self.classifier = editor.classifier if classifier is None else classifier
        needed = extras is not None
        wanted = EXTRAS if extras is None else extras
        self._lpips = _lpips(editor, needed=needed) if "lpips" in wanted else None
        self._identity = _identity(editor, needed=needed) if "identity" in wanted else None
        with torch.no_grad():
            self._texts = editor.clip.encode_text((reading.prompt, *reading.contrasts))
        self._witness = None if target is not None else witness_margin(editor.witness, reading)

    def look(self, faces: Faces) -> Look:
        """How CLIP and the classifier see some faces."""
        with torch.no_grad():
            seen = self.editor.clip.encode_images(faces.images)
        labels = {} if self.classifier is None else self.classifier.labels(faces.images)
        cosine, rank = (seen @ self._texts[0]).cpu(), metrics.rank(seen, self._texts).cpu()
        return Look(cosine, rank, labels, None if self._witness is None else self._witness(faces.images).cpu())

    def compare(
        self, before: Faces, after: Faces, was: Look, now: Look, *, masks: Mask | None = None
    ) -> dict[str, Tensor]:
        """One number a face for each measure.

        Args:
            before: N faces.
            after: the same faces edited.
            was: how the faces before look.
            now: how those after look.
            masks: where the edit should act, in place of the region: one for all faces, or one for each.
        Returns:
            Values (N,), nan where a face does not count; see `judge`.
        """
        if masks is None:
            parser, parts = self.editor.parser, self.region.parts
            mask = parser.either(seen(parser, before, parts), seen(parser, after, parts), self.region)
        else:
            mask = painted(masks, before.images)
        grown = grow_mask(mask, SEAM)
        old, new = (faces.images.clamp(-1, 1) for faces in (before, after))
        inside, outside = region_changes(old, new, mask)
        out = {
            "clip_gain": now.cosine - was.cosine,
            "clip_rank": now.rank.double(),
            "localization": localization_score(old, new, grown),
            "inside": inside,
            "outside": outside,
            "psnr": metrics.psnr(old, new, 1 - grown),
            "ssim": metrics.weighted_mean(metrics.ssim_map(old, new), 1 - grown),
        }
        if self._lpips is not None:
            out["lpips"] = metrics.weighted_mean(self._lpips.map(old, new), 1 - grown)
        if self._identity is not None:
            with torch.no_grad():
                out["identity"] = (self._identity.encode(old) * self._identity.encode(new)).sum(dim=1)
        if self.classifier is not None:
            out |= _attributes(self.classifier, was.labels, now.labels, self.target)
        if was.margin is not None and now.margin is not None:
            out["success"] = torch.where(was.margin < 0, (now.margin > 0).double(), torch.nan)
        return {name: value.cpu() for name, value in out.items()}


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
        target: what counts as success; None leaves that to the editor's witness, and out where there is none.
    Returns:
        One value a face, (N,), nan where a face does not count: the fields of `Strength` but for `flips`, which are
        under ``"flip NAME"``. ``"success"`` is left out without a target and a witness, the flips without a classifier.
    Raises:
        InputError: the faces are not as many before as after.
    """
    if before.images.shape != after.images.shape:
        raise InputError(f"as many faces after as before; got {len(before)} and {len(after)}")
    world = editor.parser.world
    chosen = Judge(editor, read(prompt, world=world), region=Region.from_parts(parts, world=world), target=target)
    return chosen.compare(before, after, chosen.look(before), chosen.look(after))


def _lpips(editor: Editor, *, needed: bool) -> Lpips | None:
    try:
        return Lpips.from_store(device=editor.generator.device)
    except (MissingModelError, MissingExtraError):
        if needed:
            raise
        return None


def _identity(editor: Editor, *, needed: bool) -> Identity | None:
    identity = editor.identity
    if identity is None and needed:
        raise MissingModelError(
            f"there is no ArcFace for the model set {editor.name!r}: it is for sets of photographed faces, and "
            "comes with: eclipsed models fetch arcface"
        )
    return identity


def _attributes(
    classifier: Classifier, was: Mapping[str, Tensor], now: Mapping[str, Tensor], target: Target | None
) -> dict[str, Tensor]:
    """Flips, what was kept, and success, of attributes that can be seen before and after the edit."""
    there, still = classifier.seen(was), classifier.seen(now)
    names = [name for name in classifier.attributes if target is None or name != target.attribute]
    out: dict[str, Tensor] = {}
    if names:  # a judge of one's own may know the target alone
        flips = torch.stack([(was[name] != now[name]).double() for name in names])
        flips = torch.where(torch.stack([there[name] & still[name] for name in names]), flips, torch.nan)
        out = {f"flip {name}": flip for name, flip in zip(names, flips, strict=True)}
        out["kept"] = 1 - flips.nanmean(dim=0)
    if target is not None:
        lacked = there[target.attribute] & ~target.reached(was, classifier.attributes)
        reached = still[target.attribute] & target.reached(now, classifier.attributes)
        out["success"] = torch.where(lacked, reached.double(), torch.nan)
    return out
