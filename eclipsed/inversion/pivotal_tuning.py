"""Pivotal tuning: the weights of a generator are searched for, so that one pivot draws one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from eclipsed.networks.layered import LayeredSynthesis
from eclipsed.networks.layers import Layer, Synthesis, SynthesisPrefix
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.tuning import Tuning

__all__ = ["tune", "tune_finest", "tune_together"]

_NEARBY = 0.5  # how far from the pivot, in radii of W, faces shall stay as they were
_KEEP = 0.1  # weight of that
_FINEST = 4  # of the picture's side over that of the first of the finest layers
_KEEP_EACH = 4  # steps from one look at other faces to the next, which costs more than the rest of a step

#: what a loss is told and gives: images (1, 3, H, W) -> a number
Loss = Callable[[Tensor], Tensor]


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
    tuning, rng = Tuning.start(generator, seed=seed), torch.Generator().manual_seed(seed)
    return _search(
        tuning,
        lambda: loss(_draw(generator, tuning.weights(generator), ws)),
        steps=steps,
        rate=rate,
        tell=tell,
        beside=lambda step: _hold_others(generator, tuning, ws, rng, step=step),
    )


def tune_finest(
    generator: Generator,
    ws: Tensor,
    loss: Loss,
    *,
    steps: int,
    rate: float,
    seed: int,
    tell: Callable[[int, float], bool],
) -> tuple[Tuning, bool]:
    """Tune the layers that draw at a quarter of the picture's side or more; what goes into them is computed once.

    Colours and textures come closer, and what latents mean stays as it was, since shapes are settled before. So no
    other faces are looked at.

    Args:
        generator: the base.
        ws: the pivot, (1, num_ws, w_dim).
        loss: of the drawn picture.
        steps: of Adam.
        rate: learning rate, which falls to zero.
        seed: of the start.
        tell: called with the steps done and the loss; False stops.
    Returns:
        As of `tune`.
    """
    network = generator.network.synthesis
    depth = sum(layer.resolution * _FINEST < generator.resolution for layer in network.layers[:-1])
    finest = network.layers[depth:]
    tuning = Tuning.start(generator, layers=finest, seed=seed)
    with torch.no_grad():
        styles = network.styles(ws)
        begun = network.begin(styles, depth)
    rest = _Rest(network, finest, styles, begun)

    def drawn() -> Tensor:
        weights = {f"network.{name}": weight for name, weight in tuning.weights(generator).items()}
        image: Tensor = functional_call(rest, weights, ())
        return image

    return _search(tuning, lambda: loss(drawn()), steps=steps, rate=rate, tell=tell)


class _Rest(nn.Module):
    """The rest of a drawing that has been begun."""

    def __init__(
        self, network: LayeredSynthesis, layers: Sequence[Layer], styles: Mapping[str, Tensor], begun: SynthesisPrefix
    ) -> None:
        super().__init__()
        self.network, self._layers, self._styles, self._begun = network, layers, styles, begun

    def forward(self) -> Tensor:
        drawn: SynthesisPrefix = self.network.run(self._layers, self._styles, self._begun)
        assert drawn.image is not None  # every picture ends with colours
        return drawn.image


def tune_together(
    generator: Generator,
    ws: Tensor,
    loss: Callable[[Tensor, int], Tensor],
    *,
    steps: int,
    rate: float,
    seed: int,
    tell: Callable[[int, int], object] = lambda *_: None,
) -> Tuning:
    """Tune a generator so that many pivots, such as the frames of a film, draw what a loss asks of each.

    Args:
        generator: the base.
        ws: the pivots, (N, num_ws, w_dim).
        loss: of the drawn picture of a pivot, and its number.
        steps: of Adam, one pivot each, all of them in turn in an order of chance.
        rate: learning rate, which falls to zero.
        seed: of the start, of the order and of the other faces that are to stay as they were.
        tell: called with the steps done, and how many there are.
    Returns:
        The difference, in half precision.
    Source: Tzaban et al. 2022, arXiv:2201.08361 (Stitch it in Time), one tuning for all frames.
    """
    tuning = Tuning.start(generator, seed=seed)
    optimiser = torch.optim.Adam(tuning.numbers(), lr=rate)
    rng = torch.Generator().manual_seed(seed)
    order: list[int] = []
    for step in range(steps):
        tell(step, steps)
        order = order or torch.randperm(len(ws), generator=rng).tolist()
        number = order.pop()
        pivot = ws[number : number + 1]
        optimiser.zero_grad(set_to_none=True)
        loss(_draw(generator, tuning.weights(generator), pivot), number).backward()
        _hold_others(generator, tuning, pivot, rng, step=step)
        _move(optimiser, rate * min(1.0, 3 * (1 - step / steps)))
    return tuning.half()


def _search(
    tuning: Tuning,
    loss: Callable[[], Tensor],
    *,
    steps: int,
    rate: float,
    tell: Callable[[int, float], bool],
    beside: Callable[[int], None] = lambda step: None,
) -> tuple[Tuning, bool]:
    """Adam on the numbers of a difference; gives the best one seen, and whether Ctrl-C stopped the search.

    Args:
        loss: of the difference as it is.
        beside: called with each step once the loss is followed back; may add to the gradients.
    """
    best, lowest = tuning.half(), float("inf")
    optimiser = torch.optim.Adam(tuning.numbers(), lr=rate)
    try:
        for step in range(steps + 1):
            near = loss()
            value = float(near.detach())
            if value < lowest:
                best, lowest = tuning.half(), value
            if step == steps or not tell(step, value):
                break
            optimiser.zero_grad(set_to_none=True)
            near.backward()
            beside(step)
            _move(optimiser, rate * min(1.0, 3 * (1 - step / steps)))
    except KeyboardInterrupt:
        return best, True
    return best, False


def _hold_others(generator: Generator, tuning: Tuning, ws: Tensor, rng: torch.Generator, *, step: int) -> None:
    """Now and then follow back how far another face has moved, which is to stay as it was."""
    if step % _KEEP_EACH:
        return
    other = _neighbour(generator, ws, rng)
    with torch.no_grad():
        before = generator.synthesis(other).image
    far = (_draw(generator, tuning.weights(generator), other) - before).square().mean()
    torch.autograd.backward(_KEEP * _KEEP_EACH * far)


def _move(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()


def _draw(generator: Generator, weights: Mapping[str, Tensor], ws: Tensor) -> Tensor:
    drawn: Synthesis = functional_call(generator.network.synthesis, dict(weights), (ws,))
    return drawn.image


@torch.no_grad()
def _neighbour(generator: Generator, ws: Tensor, rng: torch.Generator) -> Tensor:
    """A point on the way from the pivot to a random face."""
    z = torch.randn(1, generator.z_dim, generator=rng).to(generator.device)
    return torch.lerp(ws, generator.mapping(z), _NEARBY)
