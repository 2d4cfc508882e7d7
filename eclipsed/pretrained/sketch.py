"""A few hundred numbers that tell what the latents of a generator mean, and how they are drawn."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.networks.stylegan3 import StyleGAN3
from eclipsed.pretrained.kinship import PROBES, PROJECTIONS, SAMPLES, encode_sketch

__all__ = ["sketch_of"]

_SEED = 20261127  # of probes and projections; any would do, but the same for everybody


@torch.no_grad()
def sketch_of(network: StyleGAN2 | StyleGAN3, fingerprint: str) -> str:
    """What the mapping network and the affines make of a few z, and a few weights of each layer.

    The mean of w, noise, clamps and the biases of convolutions play no part, and half precision next to none.

    Args:
        network: on any device.
        fingerprint: of its generator.
    Returns:
        The numbers as text; see `encode_sketch`.
    """
    config = network.config
    rng = np.random.RandomState(_SEED)
    device = network.mapping.w_avg.device
    z = torch.from_numpy(rng.standard_normal((PROBES, config.z_dim)).astype(np.float32)).to(device)
    c = torch.eye(config.c_dim, device=device)[torch.arange(PROBES) % config.c_dim] if config.c_dim else None
    w = network.mapping.w(z, c)
    mapping = _projected(w, rng.standard_normal((PROJECTIONS, config.w_dim)))
    styles = network.synthesis.styles(w[:, None].expand(-1, config.num_ws, -1))
    layers = []
    for layer in network.synthesis.layers:
        style = styles[layer.name]
        projected = _projected(style, rng.standard_normal((1, style.shape[1])))
        layers.append(np.concatenate([projected, _sampled(network.synthesis.weight_of(layer))]))
    rows = None if isinstance(network, StyleGAN2) else config.num_ws
    return encode_sketch(fingerprint, mapping, np.stack(layers), rows=rows)


def _projected(vectors: Tensor, onto: NDArray[np.float64]) -> NDArray[np.float32]:
    """The size of some vectors, (N, D), and their projections as shares of it, N by the rows of `onto`."""
    exact = vectors.double().cpu().numpy()
    size = float(np.sqrt(np.mean(np.square(exact))))
    shares = exact @ onto.T / (np.sqrt(exact.shape[1]) * (size or 1.0))
    return np.concatenate([[size], shares.ravel()]).astype(np.float32)


def _sampled(weight: Tensor) -> NDArray[np.float32]:
    """Some numbers of a convolution as shares of its size."""
    flat = weight.reshape(-1)
    places = torch.from_numpy(np.linspace(0, len(flat) - 1, SAMPLES).astype(np.int64))
    size = float(flat.square().mean().sqrt()) or 1.0
    return (flat[places.to(flat.device)].double().cpu().numpy() / size).astype(np.float32)
