"""What is done to the weights of a drawn set's generator before it learns, and which of them a stage moves."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from eclipsed.networks.mapping import FullyConnected
from eclipsed.networks.stylegan2 import SynthesisNetwork
from recipes.drawn.latent import SIDE, Latent

__all__ = ["fill", "move_centre", "moved_at", "start_quiet"]


def move_centre(synthesis: SynthesisNetwork, by: float) -> None:
    """Let a network that reads w read w + ``by`` instead: the constant goes into the biases of the affine layers."""
    with torch.no_grad():
        for affine in _affines(synthesis):
            affine.bias.sub_(by * affine.weight_gain * affine.weight.sum(1))


def _affines(synthesis: SynthesisNetwork) -> list[FullyConnected]:
    """What makes styles of ws."""
    return [module for module in synthesis.modules() if isinstance(module, FullyConnected)]


def _deaf(synthesis: SynthesisNetwork, latent: Latent) -> set[str]:
    """Names of the weights that read the rows which carry nothing."""
    return {f"{layer.name}.affine.weight" for layer in synthesis.layers if layer.row in latent.silent}


def start_quiet(synthesis: SynthesisNetwork, latent: Latent) -> None:
    """Let the styles begin near 1, so that a row starts by ignoring values which are not its own.

    The last block begins by drawing nothing.
    """
    silent = {*_deaf(synthesis, latent), f"{synthesis.layers[-1].name}.weight"}
    with torch.no_grad():
        for affine in _affines(synthesis):
            affine.weight.mul_(0.1)
        for name, weight in synthesis.named_parameters():
            if name in silent:
                weight.zero_()


def moved_at(synthesis: SynthesisNetwork, latent: Latent, resolution: int) -> set[str]:
    """Names of the weights that are moved at a resolution: up to `SIDE` all, above it those of its block alone."""
    names = {name for name, _ in synthesis.named_parameters()}
    if resolution > SIDE:
        mine = [layer.name for layer in synthesis.layers if layer.resolution == resolution]
        modules = {name: synthesis.get_submodule(name) for name in mine}
        names = {f"{name}.{leaf}" for name, module in modules.items() for leaf, _ in module.named_parameters()}
    strengths = {f"{layer.name}.noise_strength" for layer in synthesis.layers}
    return names - strengths - _deaf(synthesis, latent)


@torch.no_grad()
def fill(synthesis: SynthesisNetwork, state: dict[str, Tensor]) -> None:
    """Give a network the weights of one that is as wide or narrower, so that it draws the same.

    New channels are drawn as they begin, but nothing listens to them yet.
    Source: Chen et al. 2015, arXiv:1511.05641, for the idea; here new channels are fresh, not copies.
    """
    own = synthesis.state_dict()
    kinds = {f"{layer.name}.weight": layer.is_rgb for layer in synthesis.layers}
    for name, old in state.items():
        new = own[name]
        if kinds.get(name) is False:  # a convolution
            new[: old.shape[0], old.shape[1] :] = 0
        elif kinds.get(name):
            new.zero_()
            old = old * math.sqrt(new.shape[1] / old.shape[1])  # it is divided by the root of the channels in use
        new[tuple(slice(n) for n in old.shape)] = old
