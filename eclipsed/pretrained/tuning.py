"""A generator tuned around one face: a small difference from the generator that it belongs to.

The difference of each convolution is a product of two thin matrices, so it takes a few hundred kilobytes where the
generator has a hundred megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from eclipsed.errors import InputError
from eclipsed.networks.layers import Layer
from eclipsed.networks.mapping import FullyConnected
from eclipsed.pretrained.generator import Generator

__all__ = ["Tuning"]

_RANK = 8


@dataclass(frozen=True, eq=False)
class Tuning:
    """What is added to the synthesis weights of a generator.

    Args:
        factors: name of a convolution's weight -> ``(up, down)``: (out, rank) and (rank, in * k * k).
        offsets: name of a bias or of a small weight -> what is added to it.
    """

    factors: Mapping[str, tuple[Tensor, Tensor]]
    offsets: Mapping[str, Tensor]
    _made: dict[str, Generator] = field(default_factory=dict, repr=False)

    @classmethod
    def start(
        cls, generator: Generator, *, layers: Sequence[Layer] | None = None, rank: int = _RANK, seed: int = 0
    ) -> Tuning:
        """A difference of zero whose numbers require gradients.

        Args:
            generator: to be tuned.
            layers: of its synthesis network that may differ; None are all, and what belongs to none.
            rank: of each convolution's difference.
            seed: of the factors that do not begin at zero.
        """
        rng = torch.Generator().manual_seed(seed)
        factors: dict[str, tuple[Tensor, Tensor]] = {}
        offsets: dict[str, Tensor] = {}
        synthesis = generator.network.synthesis
        affine = [module for module in synthesis.modules() if isinstance(module, FullyConnected)]
        fixed = {weight for module in affine for weight in module.parameters()}  # what latents mean stays as it is
        differing = None if layers is None else {layer.name for layer in layers}
        for name, weight in synthesis.named_parameters():
            if weight in fixed or weight.ndim == 0:  # and so do the strengths of the noise
                continue
            if differing is not None and name.rpartition(".")[0] not in differing:
                continue
            if weight.ndim == 4 and (weight.shape[-1] > 1 or len(weight) > rank):  # not the few weights of colours
                inside = weight[0].numel()
                thin = min(rank, weight.shape[0], inside)
                down = torch.randn(thin, inside, generator=rng) * weight.std().cpu() / thin**0.5
                up = torch.zeros(weight.shape[0], thin, device=weight.device)
                factors[name] = (up.requires_grad_(), down.to(weight.device).requires_grad_())
            else:
                offsets[name] = torch.zeros_like(weight).requires_grad_()
        return cls(factors, offsets)

    def weights(self, generator: Generator) -> dict[str, Tensor]:
        """The tuned weights by their names in the synthesis network; differentiable.

        Raises:
            InputError: the difference does not fit this generator.
        """
        own = dict(generator.network.synthesis.named_parameters())
        wrong = [name for name in (*self.factors, *self.offsets) if name not in own]
        if wrong:
            raise InputError(f"this tuning does not fit the generator, which has no {wrong[0]}")
        try:
            tuned = {
                n: own[n] + (up.to(own[n]) @ down.to(own[n])).view_as(own[n]) for n, (up, down) in self.factors.items()
            }
            return tuned | {n: own[n] + offset.to(own[n]).view_as(own[n]) for n, offset in self.offsets.items()}
        except RuntimeError as error:
            raise InputError(f"this tuning does not fit the generator: {error}") from error

    def generator(self, base: Generator) -> Generator:
        """The tuned generator; made once.

        Args:
            base: the one that the tuning belongs to.
        Raises:
            InputError: it is another one, of other shapes.
        """
        key = f"{base.fingerprint} {base.device}"
        if key not in self._made:
            with torch.no_grad():
                tuned = {f"synthesis.{name}": weight for name, weight in self.weights(base).items()}
            state = {**base.network.state_dict(), **tuned}
            self._made[key] = Generator(base.config, state, device=base.device, name=base.name)
        return self._made[key]

    def half(self) -> Tuning:
        """The same as it is saved: in half precision, on the CPU, without gradients."""
        factors = {n: (up.detach().cpu().half(), down.detach().cpu().half()) for n, (up, down) in self.factors.items()}
        return Tuning(factors, {n: offset.detach().cpu().half() for n, offset in self.offsets.items()})

    def numbers(self) -> list[Tensor]:
        """All tensors of the difference."""
        return [*(t for pair in self.factors.values() for t in pair), *self.offsets.values()]
