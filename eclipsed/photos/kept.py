"""What of a photograph's face a generator cannot draw, kept under every edit but where the edit itself acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from eclipsed.images.change import unlike
from eclipsed.images.masks import grow_mask, painted
from eclipsed.images.seams import feathered, feathered_inwards
from eclipsed.networks.blended import draw_held
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.networks.layers import Synthesis, SynthesisOptions
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.values.mask import Mask

__all__ = ["STRANGE", "Kept"]

#: mean error of the colours, of pictures in [-1, 1], from which what a generator draws is not what is to be seen there
STRANGE = 0.3

_EDGE = 0.03  # of the width: by how much the edge of a part that nobody sees may move under an edit
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
    _found: dict[tuple[str, torch.device], tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict, repr=False)

    @torch.no_grad()
    def draw(
        self, maker: Generator, styles: Mapping[str, Tensor], parts: Sequence[str], *, mask: Mask | None = None
    ) -> Tensor:
        """Draw the face, edited or not.

        Where the edit acts its own picture is shown: where its parts are in the photograph and in what the generator
        draws of it, which looks like it there, and where it puts them that they were not before. A strange thing over a
        part, or one that the parser takes for one, stays, unless the edit brings the part there; within 3 % of the
        width of a part that the generator draws beneath, where nobody sees it, the edit brings nothing.

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
            return self._shown(maker, own)
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
            there, before, later = self._masks(maker, styles, own, parts)
            hidden = grow_mask((before & ~there).to(found[0]), _EDGE) > 0  # parts that the generator draws beneath
            found.append(feathered((there | (later & ~before & ~hidden)).to(found[0]), half=_SEAM))
        if mask is not None:
            found.append(feathered_inwards(painted(mask, found[0].expand(-1, 3, -1, -1))))
        return torch.stack(found).amax(dim=0)

    def _masks(
        self, maker: Generator, styles: Mapping[str, Tensor], own: Mapping[str, Tensor], parts: Sequence[str]
    ) -> tuple[Tensor, ...]:
        """Where parts are that the photograph shows and the generator draws, that it draws, and after the edit.

        Returns:
            Three of (1, 1, H, W), bool.
        """
        layers = self.parser.reads(parts)
        if layers:  # painted parts, which lie in what the generator draws
            options = SynthesisOptions(features=layers)
            before, after = (maker.synthesis_from_styles(one, options) for one in (own, styles))
            shown = self._shown(maker, own)
            like = ~unlike(shown, before.image, above=STRANGE)
            looks = (Synthesis(shown, before.features), before, after)
            seen, drawn, later = (self.parser.mask(one, parts) > 0 for one in looks)
        else:
            *labels, like = self._looks(maker, own)
            labels.append(self.parser.labels(maker.synthesis_from_styles(styles).image))
            table = torch.tensor(self.parser.world.labels(self.parser.world.expand(parts)), device=like.device)
            seen, drawn, later = (torch.isin(one, table)[:, None] for one in labels)
        return seen & drawn & like, drawn, later

    def _shown(self, maker: Generator, own: Mapping[str, Tensor]) -> Tensor:
        """The face with all that is kept of it, (1, 3, H, W)."""
        drawn: Tensor = maker.network.synthesis.draw_kept(own, self.features.to(self.ws.to(maker.device)))
        return drawn

    def _looks(self, maker: Generator, own: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """The parts of the face as it is shown and as the generator draws it, and where these are alike; found once."""
        key = (maker.fingerprint, maker.device)
        if key not in self._found:
            shown, plain = self._shown(maker, own), maker.synthesis_from_styles(own).image
            labels = (self.parser.labels(shown), self.parser.labels(plain))
            self._found[key] = (*labels, ~unlike(shown, plain, above=STRANGE))
        return self._found[key]
