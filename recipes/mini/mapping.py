"""mini's mapping network, wired by hand.

W is the frame of the semantic values, so what the mapping has to do is known exactly: pass most of z on, let a few
values depend on others as in people, and push the flags to either side. Leaky ReLUs do this in four layers: a unit
whose input is always positive is a wire, and two shifted units beside a wire make a steep step. Nothing is fitted,
and the network is the public architecture with the public number formats.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor

from eclipsed.networks.mapping import FullyConnected, MappingNetwork
from recipes.mini.attributes import INDEX, VALUES
from recipes.mini.latent import CENTRE, basis
from recipes.mini.population import MINI, Population

__all__ = ["COLOUR_CONTRAST", "COLOUR_SHIFT", "Head", "natural", "wire"]

#: what the last layer makes of the values before its leaky ReLU: a matrix (w_dim, len(VALUES)) and a constant (w_dim,)
Head = tuple[Tensor, Tensor]

#: a wire carries value + LIFT, which stays positive
LIFT = 6.5

#: how much further than a standard normal the colour scores spread, so that most colours have a name
COLOUR_CONTRAST = 1.3

#: colours that nature makes rare but an album of faces should have
COLOUR_SHIFT = {
    "hair_red": 0.5, "hair_auburn": 0.4, "hair_platinum": 0.5, "hair_grey": 0.4, "hair_white": 0.3, "hair_blue": 0.4,
    "hair_green": 0.4, "hair_pink": 0.4, "hair_purple": 0.4, "lips_red": 0.3, "lips_pink": 0.3, "lips_plum": 0.3,
    "eyes_green": 0.3, "eyes_grey": 0.3,
}  # fmt: skip

#: half the width of a flag's step, in z
STEP = 0.06

_SQRT2 = math.sqrt(2)


def _step_weights(low: float, high: float, outside: float, half: float) -> tuple[float, float, float, float]:
    """Make a step from ``low`` to ``high`` out of a wire and two leaky units at ±half.

    Returns:
        Factors of x, lrelu(x + half), lrelu(x − half), and a constant.
    """
    middle = (high - low) / (2 * half)
    # slopes: left a + .2b + .2c = outside; middle a + b + .2c = middle; right a + b + c = outside
    b = (middle - outside) / 0.8
    c = -b
    a = outside
    constant = (low + high) / 2 - (b * half + 0.2 * c * -half)
    return a, b, c, constant


class _Layer:
    """Weights of one layer in plain units: out = lrelu(matrix @ in + bias), gains left to `store`."""

    def __init__(self, module: FullyConnected) -> None:
        self.module = module
        self.matrix = torch.zeros(module.weight.shape, dtype=torch.float64)
        self.bias = torch.zeros(len(module.bias), dtype=torch.float64)

    def store(self, incoming_gain: float) -> None:
        with torch.no_grad():
            self.module.weight.copy_(self.matrix / incoming_gain / self.module.weight_gain)
            self.module.bias.copy_(self.bias / self.module.bias_gain)


def wire(mapping: MappingNetwork, *, population: Population = MINI, head: Head | None = None) -> None:
    """Set the weights of a mapping network, and its w_avg.

    Args:
        mapping: of four layers or more, as wide as mini's or wider. What is left of z and of its units is not used.
        population: which values depend on which.
        head: None is mini's own, the frame of W around its centre.
    """
    n = len(VALUES)
    flags = [v.name for v in VALUES if v.kind == "flag"]
    place = {name: n + 2 * k for k, name in enumerate(flags)}  # the two step units of each flag
    layers = [_Layer(getattr(mapping, f"fc{k}")) for k in range(mapping.config.mapping_layers)]
    first, second, third, *_, last = layers

    for i in range(n):  # wires through all layers but the last
        for layer in layers[:-1]:
            layer.matrix[i, i] = 1.0
        first.bias[i] = LIFT

    male = INDEX["male"]
    for k, half in enumerate((0.25, -0.25)):  # units for "male" as the others feel it
        first.matrix[n + k, male], first.bias[n + k] = 1.0, half
    _, b, c, constant = _step_weights(-1.0, 1.0, 0.0, 0.25)
    matrix, step = population.mixing(INDEX)
    second.matrix[:n, :n] = matrix
    second.matrix[:n, n], second.matrix[:n, n + 1] = step * b, step * c
    second.bias[:n] = LIFT - LIFT * matrix.sum(1) + step * constant
    for name in flags:  # units for each flag's step, on the value as the second layer makes it
        i, at = INDEX[name], NormalDist().inv_cdf(1 - VALUES[INDEX[name]].share)
        for k, half in enumerate((STEP, -STEP)):
            row = place[name] + k
            second.matrix[row] = second.matrix[i]
            second.bias[row] = second.bias[i] - LIFT - at + half
        a, b, c, constant = _step_weights(-1.0, 1.0, 0.06, STEP)
        third.matrix[i, i] = a
        third.matrix[i, place[name]], third.matrix[i, place[name] + 1] = b, c
        third.bias[i] = LIFT - a * (LIFT + at) + constant
    for i, value in enumerate(VALUES):
        if value.kind == "logit":
            third.matrix[i, i] = COLOUR_CONTRAST
            third.bias[i] = LIFT - COLOUR_CONTRAST * LIFT + COLOUR_SHIFT.get(value.name, 0.0)

    matrix, constants = (basis().T, torch.full_like(last.bias, CENTRE)) if head is None else head
    last.matrix[:, :n] = matrix.double() / _SQRT2
    last.bias[:] = (constants.double() - LIFT * matrix.double().sum(1)) / _SQRT2

    for k, layer in enumerate(layers):
        layer.store(1.0 if k == 0 else _SQRT2)
    _set_centre(mapping)


@torch.no_grad()
def _set_centre(mapping: MappingNetwork) -> None:
    z = torch.randn(50_000, mapping.config.z_dim, generator=torch.Generator().manual_seed(11))
    mapping.w_avg.copy_(mapping.w(z).mean(0))


def natural(n: int, mapping: MappingNetwork, *, rng: torch.Generator) -> Tensor:
    """w of ``n`` faces as users meet them, (n, w_dim)."""
    with torch.no_grad():
        return mapping.w(torch.randn(n, mapping.config.z_dim, generator=rng))
