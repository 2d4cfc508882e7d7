"""A generator tuned around one face: a small difference from the generator that it belongs to.

The difference of each convolution is a product of two thin matrices, so it takes a few hundred kilobytes where the
generator has a hundred megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import functional_call

from eclipsed.errors import InputError
from eclipsed.generator import Generator

__all__ = ["Tuning", "tune"]

_RANK = 8
_NEARBY = 0.5  # how far from the pivot, in radii of W, faces shall stay as they were
_KEEP = 0.1  # weight of that

#: what a loss is told and gives: images (1, 3, H, W) -> a number
Loss = Callable[[Tensor], Tensor]


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
    def start(cls, generator: Generator, *, rank: int = _RANK, seed: int = 0) -> Tuning:
        """A difference of zero whose numbers require gradients.

        Args:
            generator: to be tuned.
            rank: of each convolution's difference.
            seed: of the factors that do not begin at zero.
        """
        rng = torch.Generator().manual_seed(seed)
        factors: dict[str, tuple[Tensor, Tensor]] = {}
        offsets: dict[str, Tensor] = {}
        for name, weight in generator.network.synthesis.named_parameters():
            if "affine" in name or name.endswith("noise_strength"):
                continue  # what latents mean stays as it is
            if weight.ndim == 4 and weight.shape[-1] > 1:
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


def tune(
    generator: Generator,
    ws: Tensor,
    loss: Loss,
    *,
    steps: int,
    rate: float,
    seed: int,
    tell: Callable[[int, float], bool],
) -> tuple[Tuning, bool]:
    """Tune a generator so that one pivot draws what a loss asks for, and other faces stay as they were.

    Args:
        generator: the base.
        ws: the pivot, (1, num_ws, w_dim).
        loss: of the drawn picture.
        steps: of Adam.
        rate: learning rate.
        seed: of the start and of the other faces.
        tell: called with the steps done and the loss; False stops.
    Returns:
        The best difference seen, in half precision, which is zero when nothing was better; and whether Ctrl-C stopped
        the search.
    Source: Roich et al. 2021, arXiv:2106.05744 (pivotal tuning, its locality regularisation included), with
        low-rank differences, Hu et al. 2021, arXiv:2106.09685.
    """
    tuning = Tuning.start(generator, seed=seed)
    best, lowest = tuning.half(), float("inf")
    optimiser = torch.optim.Adam(tuning.numbers(), lr=rate)
    rng = torch.Generator().manual_seed(seed)
    try:
        for step in range(steps + 1):
            weights = tuning.weights(generator)
            near = loss(_draw(generator, weights, ws))
            value = float(near.detach())
            if value < lowest:
                best, lowest = tuning.half(), value
            if step == steps or not tell(step, value):
                break
            other = _neighbour(generator, ws, rng)
            with torch.no_grad():
                before = generator.synthesis(other)
            far = (_draw(generator, weights, other) - before).square().mean()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(near + _KEEP * far)
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1.0, 3 * (1 - step / steps))
            optimiser.step()
    except KeyboardInterrupt:
        return best, True
    return best, False


def _draw(generator: Generator, weights: Mapping[str, Tensor], ws: Tensor) -> Tensor:
    image: Tensor = functional_call(generator.network.synthesis, dict(weights), (ws,), {"noise_mode": "const"})
    return image


@torch.no_grad()
def _neighbour(generator: Generator, ws: Tensor, rng: torch.Generator) -> Tensor:
    """A point on the way from the pivot to a random face."""
    z = torch.randn(1, generator.z_dim, generator=rng).to(generator.device)
    return torch.lerp(ws, generator.mapping(z), _NEARBY)
