"""*big*: mini's generator behind a W as large and as uneven as that of FFHQ; it draws the very same pictures.

The values of a portrait, turned at random, are stretched to the spread that FFHQ's W has along its principal
components, and spread out over 256 numbers u. The public mapping network ends in a leaky ReLU, so w holds each of them
twice, as lrelu(u) and lrelu(−u): 512 numbers of either sign, of which half of the room says nothing, and from which u
can be read by a plain difference. The affine layers of the synthesis network read it so.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.checkpoints.native import write_generator
from eclipsed.networks.mapping import FullyConnected
from eclipsed.networks.stylegan2 import StyleGAN2, SynthesisNetwork
from eclipsed.pretrained.generator import Generator
from recipes.drawn.latent import CENTRE, LEAK, Frame
from recipes.drawn.mapping import wire
from recipes.mini.attributes import VALUES
from recipes.mini.latent import LATENT
from recipes.mini.recipe import RECIPE

__all__ = ["CONFIG", "FRAME", "deviations", "enlarged", "values_of", "w_of", "write"]

W_DIM = 512

CONFIG = replace(RECIPE.generator, z_dim=W_DIM, w_dim=W_DIM, mapping_layers=8)

#: standard deviations of FFHQ's w along its first seven principal components; the 80th is 0.402, and the squares of all
#: 80 add up to 82.0, which settles the curve between
FIRST = (2.856, 2.627, 2.594, 2.417, 2.266, 2.245, 2.095)
OFFSET, POWER = 3.22766, 0.522098

#: root mean square of the values' own deviations among mini's people
SPREAD = 1.135

#: a leaky ReLU of u less that of −u is u times this
SUM_OF_SLOPES = 1 + LEAK


def deviations() -> Tensor:
    """Standard deviation of w along each component that says something, largest first, (len(VALUES),), float64."""
    beyond = torch.arange(1, len(VALUES) - len(FIRST) + 1, dtype=torch.float64)
    tail = FIRST[-1] * ((beyond + OFFSET) / OFFSET) ** -POWER
    return torch.cat([torch.tensor(FIRST, dtype=torch.float64), tail])


@functools.cache
def _spread() -> tuple[Tensor, Tensor]:
    """The matrix from values to u, (len(VALUES), 256), and its pseudo-inverse, float64."""
    rng = torch.Generator().manual_seed(512)
    n, half = len(VALUES), W_DIM // 2
    turn = torch.linalg.qr(torch.randn(n, n, generator=rng, dtype=torch.float64))[0]
    out = torch.linalg.qr(torch.randn(half, half, generator=rng, dtype=torch.float64))[0][:n]
    scale = deviations() / SPREAD * 2**0.5 / SUM_OF_SLOPES
    return turn * scale @ out, out.T @ (turn / scale).T


def w_of(v: Tensor) -> Tensor:
    """Values (N, V) to w (N, W_DIM)."""
    return _twice(v @ _spread()[0].to(v))


def values_of(w: Tensor) -> Tensor:
    """Read the values out of w, (N, W_DIM) -> (N, V); linear in w, also off the data."""
    return _once(w) @ _spread()[1].to(w)


def _twice(u: Tensor) -> Tensor:
    return F.leaky_relu(torch.cat([u, -u], dim=1), LEAK)


def _once(w: Tensor) -> Tensor:
    return (w[:, : W_DIM // 2] - w[:, W_DIM // 2 :]) / SUM_OF_SLOPES


def _moved(w: Tensor, by: Tensor) -> Tensor:
    return _twice(_once(w) + by.to(w) @ _spread()[0].to(w))


FRAME = Frame(lambda w: values_of(w.cpu()), _moved)


@torch.no_grad()
def enlarged(small: SynthesisNetwork) -> StyleGAN2:
    """A network with the large W that draws of `w_of(v)` what mini's draws of the same values.

    Args:
        small: mini's synthesis network.
    """
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = StyleGAN2(CONFIG)
    state = {key: value for key, value in small.state_dict().items() if ".affine." not in key}
    network.synthesis.load_state_dict(state, strict=False)
    there, back = _spread()
    reading = torch.cat([back, -back]) / SUM_OF_SLOPES @ LATENT.basis.double()  # (512, 128): mini's w less its centre
    for name, old in small.named_modules():
        if isinstance(old, FullyConnected):
            new = network.synthesis.get_submodule(name)
            assert isinstance(new, FullyConnected)
            weight = old.weight.double() * old.weight_gain
            new.weight.copy_(weight @ reading.T / new.weight_gain)
            new.bias.copy_((old.bias.double() * old.bias_gain + CENTRE * weight.sum(1)) / new.bias_gain)
    wire(network.mapping, LATENT, head=(torch.cat([there, -there], dim=1).T, torch.zeros(W_DIM)))
    return network.eval().requires_grad_(False)


def write(mini: Path, out: Path) -> None:
    """Write the generator of this world.

    Args:
        mini: mini's ``generator.safetensors``.
        out: the file to write, in full precision: half of it would show in the pictures.
    """
    network = Generator.from_file(mini, device="cpu").network
    assert isinstance(network, StyleGAN2)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_generator(out, CONFIG, enlarged(network.synthesis).state_dict(), dtype=torch.float32)
