"""Whether a picture shows its parts where those of a model set do, so that it can be taken as it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import Tensor

    from eclipsed.editor import Editor

__all__ = ["Likeness"]

_SEEDS = range(897_000_000, 897_000_024)  # of the faces that a picture is compared with
_SIDE = 64  # of the maps of parts that are compared
_SQUARE = 0.02  # by which the sides of a square may differ
_SEEN = 0.003  # share of the picture from which a part is counted
_MARGIN = 0.25  # of the spread of the set's own faces below the least likely of them


class Likeness:
    """What a model set's own faces look like to its parser: which part is how often where.

    A picture's figure is the log-likelihood of its map of parts under these frequencies: a mean over the places of each
    part, then over the parts, so that the wide ones do not outvote eyes and mouth. The figure of one of the set's own
    faces leaves that face out.

    Args:
        editor: whose generator and parser are asked. What they say is found when it is first needed.
    """

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._lock = threading.Lock()
        self._found: tuple[Tensor, float] | None = None

    def of(self, picture: Image.Image) -> bool:
        """Whether a picture is a square that looks like the set's own; without a parser, whether it is a square."""
        width, height = picture.size
        if abs(width - height) > _SQUARE * max(width, height):
            return False
        if not self._editor.has_parser:
            return True
        from eclipsed.images.conversion import from_pil

        counts, least = self._own()
        images = from_pil(picture.convert("RGB"), size=self._editor.generator.resolution)
        return self.figure(self._map(images), counts) >= least

    def figure(self, labels: Tensor, counts: Tensor) -> float:
        """Log-likelihood of a map of parts, (H, W), given how often each was where, (parts, H, W); see above."""
        likely = ((counts + 1) / (counts + 1).sum(0, keepdim=True)).gather(0, labels[None])[0].log()
        usual = counts.argmax(0)
        places = [usual == part for part in range(len(counts))]
        means = [float(likely[place].mean()) for place in places if place.float().mean() >= _SEEN]
        return sum(means) / len(means)

    def _map(self, images: Tensor) -> Tensor:
        import torch

        labels = self._editor.parser.labels(images.to(self._editor.generator.device))[:1, None].float()
        return torch.nn.functional.interpolate(labels, size=(_SIDE, _SIDE), mode="nearest")[0, 0].long().cpu()

    def _own(self) -> tuple[torch.Tensor, float]:
        """How often each part is where, and the figure that a picture like the set's has at least."""
        import torch

        with self._lock:
            if self._found is None:
                maps = [self._map(self._editor.sample(seeds=seed).images) for seed in _SEEDS]
                parts = len(self._editor.parser.parts)
                each = torch.stack([torch.nn.functional.one_hot(one, parts).permute(2, 0, 1).float() for one in maps])
                counts = each.sum(0)
                own = [self.figure(one, counts - its) for one, its in zip(maps, each, strict=True)]
                self._found = counts, min(own) - _MARGIN * (max(own) - min(own))
        return self._found
