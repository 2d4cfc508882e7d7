"""The mapping network of a drawn set, wired by hand.

W is the frame of the semantic values, so what the mapping has to do is known exactly: pass most of z on, let a few
values depend on others, and push the flags to either side. Leaky ReLUs do this in four layers: a unit
whose input is always positive is a wire, and two shifted units beside a wire make a steep step. Nothing is fitted,
and the network is the public architecture with the public number formats.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor

from eclipsed.networks.mapping import FullyConnected, MappingNetwork
from recipes.drawn.latent import CENTRE, Latent
from recipes.drawn.population import Population
from recipes.drawn.values import Values

__all__ = ["Head", "natural", "wire"]

#: what the last layer makes of the values before its leaky ReLU: a matrix (w_dim, len(VALUES)) and a constant (w_dim,)
Head = tuple[Tensor, Tensor]

#: a wire carries value + LIFT, which stays positive
LIFT = 6.5

#: how much further than a standard normal the scores of families spread, so that most mixtures have a name
CONTRAST = 1.3

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


def wire(
    mapping: MappingNetwork, latent: Latent, *, population: Population | None = None, head: Head | None = None
) -> None:
    """Set the weights of a mapping network, and its w_avg.

    Args:
        mapping: of four layers or more, as wide as W or wider. What is left of z and of its units is not used.
        latent: what w carries.
        population: which values depend on which; None is the usual one of the values.
        head: None is the frame of W around its centre.
    """
    values = latent.values
    n = len(values)
    layers = [_Layer(getattr(mapping, f"fc{k}")) for k in range(mapping.config.mapping_layers)]
    first, second, third, *_, last = layers
    for i in range(n):  # wires through all layers but the last
        for layer in layers[:-1]:
            layer.matrix[i, i] = 1.0
        first.bias[i] = LIFT
    _mix(first, second, values, population or values.population)
    _push(second, third, values)
    for i, value in enumerate(values):
        if value.kind == "logit":
            third.matrix[i, i] = CONTRAST
            third.bias[i] = LIFT - CONTRAST * LIFT + values.album.get(value.name, 0.0)

    matrix, constants = (latent.basis.T, torch.full_like(last.bias, CENTRE)) if head is None else head
    last.matrix[:, :n] = matrix.double() / _SQRT2
    last.bias[:] = (constants.double() - LIFT * matrix.double().sum(1)) / _SQRT2

    for k, layer in enumerate(layers):
        layer.store(1.0 if k == 0 else _SQRT2)
    _set_centre(mapping)


def _mix(first: _Layer, second: _Layer, values: Values, population: Population) -> None:
    """Let values depend on others; two units of the first layer make the step of the driver that is felt as one."""
    n = len(values)
    matrix, step = population.mixing(values.index)
    second.matrix[:n, :n] = matrix
    second.bias[:n] = LIFT - LIFT * matrix.sum(1)
    if population.step is None:
        return
    for k, half in enumerate((0.25, -0.25)):
        first.matrix[n + k, values.index[population.step]], first.bias[n + k] = 1.0, half
    _, b, c, constant = _step_weights(-1.0, 1.0, 0.0, 0.25)
    second.matrix[:n, n], second.matrix[:n, n + 1] = step * b, step * c
    second.bias[:n] += step * constant


def _push(second: _Layer, third: _Layer, values: Values) -> None:
    """Push the flags to either side, by two step units for each, on the value as the second layer makes it."""
    flags = [v.name for v in values if v.kind == "flag"]
    place = {name: len(values) + 2 * k for k, name in enumerate(flags)}
    for name in flags:
        i, at = values.index[name], NormalDist().inv_cdf(1 - values[values.index[name]].share)
        for k, half in enumerate((STEP, -STEP)):
            row = place[name] + k
            second.matrix[row] = second.matrix[i]
            second.bias[row] = second.bias[i] - LIFT - at + half
        a, b, c, constant = _step_weights(-1.0, 1.0, 0.06, STEP)
        third.matrix[i, i] = a
        third.matrix[i, place[name]], third.matrix[i, place[name] + 1] = b, c
        third.bias[i] = LIFT - a * (LIFT + at) + constant


@torch.no_grad()
def _set_centre(mapping: MappingNetwork) -> None:
    z = torch.randn(50_000, mapping.config.z_dim, generator=torch.Generator().manual_seed(11))
    mapping.w_avg.copy_(mapping.w(z).mean(0))


def natural(n: int, mapping: MappingNetwork, *, rng: torch.Generator) -> Tensor:
    """w of ``n`` pictures as users meet them, (n, w_dim)."""
    with torch.no_grad():
        return mapping.w(torch.randn(n, mapping.config.z_dim, generator=rng))
