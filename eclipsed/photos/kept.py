"""What of a photograph's face a generator cannot draw, kept under every edit but where the edit itself acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from eclipsed.images.masks import painted
from eclipsed.images.seams import feathered, feathered_inwards
from eclipsed.networks.blended import draw_held
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.networks.layers import Synthesis, SynthesisOptions
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.values.mask import Mask

__all__ = ["Kept"]

_SEAM = 0.01  # of the width: half of the way from where an edit acts to where all that is kept is shown


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of one face.

    Args:
        features: in the place of the generator's own, where it cannot draw what is to be seen.
        ws: of the face as it was found, (1, num_ws, w_dim).
        parser: finds the parts that an edit changes.
    """

    features: KeptFeatures
    ws: Tensor
    parser: Parser
    _found: dict[tuple[str, torch.device], tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)

    @torch.no_grad()
    def draw(
        self, maker: Generator, styles: Mapping[str, Tensor], parts: Sequence[str], *, mask: Mask | None = None
    ) -> Tensor:
        """Draw the face, edited or not.

        Where the edit acts its own picture is shown: where its parts are in the photograph and in what the generator
        draws of it, and where it puts them that they were not before. A strange thing over a part, or one that the
        parser takes for one, stays, unless the edit brings the part there.

        Args:
            maker: the generator, tuned where it was.
            styles: of the face, {name: (1, channels)}.
            parts: that were edited.
            mask: what was painted in their place, or beside them.
        Returns:
            (1, 3, H, W).
        """
        network, features = maker.network.synthesis, self.features.to(self.ws.to(maker.device))
        own = maker.styles(self.ws)
        if all(torch.equal(styles[name], own[name]) for name in own):
            drawn: Tensor = network.draw_kept(own, features)
            return drawn
        return draw_held(network, own, styles, features, self._region(maker, styles, own, parts, mask))

    def _region(
        self,
        maker: Generator,
        styles: Mapping[str, Tensor],
        own: Mapping[str, Tensor],
        parts: Sequence[str],
        mask: Mask | None,
    ) -> Tensor:
        """Where an edit acts, with a seam, (1, 1, H, W) in [0, 1]."""
        side = maker.resolution
        found = [torch.zeros(1, 1, side, side, device=maker.device)]
        if parts:
            seen, before, later = self._masks(maker, styles, own, parts)
            found.append(feathered(((seen & before) | (later & ~before)).to(found[0]), half=_SEAM))
        if mask is not None:
            found.append(feathered_inwards(painted(mask, found[0].expand(-1, 3, -1, -1))))
        return torch.stack(found).amax(dim=0)

    def _masks(
        self, maker: Generator, styles: Mapping[str, Tensor], own: Mapping[str, Tensor], parts: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """Where parts are in the face as it is shown, as the generator draws it, and after the edit, (1, 1, H, W)."""
        layers = self.parser.reads(parts)
        if layers:  # painted parts, which lie in what the generator draws
            options = SynthesisOptions(features=layers)
            before, after = (maker.synthesis_from_styles(one, options) for one in (own, styles))
            shown = maker.network.synthesis.draw_kept(own, self.features.to(self.ws.to(maker.device)))
            looks = (Synthesis(shown, before.features), before, after)
            return tuple(self.parser.mask(one, parts) > 0 for one in looks)
        labels = (*self._labels(maker, own), self.parser.labels(maker.synthesis_from_styles(styles).image))
        table = torch.tensor(self.parser.world.labels(self.parser.world.expand(parts)), device=labels[0].device)
        return tuple(torch.isin(one, table)[:, None] for one in labels)

    def _labels(self, maker: Generator, own: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The parts of the face as it is shown, and as the generator draws it without what is kept; found once."""
        key = (maker.fingerprint, maker.device)
        if key not in self._found:
            features = self.features.to(self.ws.to(maker.device))
            shown = maker.network.synthesis.draw_kept(own, features)
            self._found[key] = tuple(  # type: ignore[assignment]
                self.parser.labels(one) for one in (shown, maker.synthesis_from_styles(own).image)
            )
        return self._found[key]
