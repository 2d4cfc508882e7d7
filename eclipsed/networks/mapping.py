"""The mapping network of StyleGAN2 and 3, z to w, and its linear layer with equalised learning rate."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from eclipsed.errors import InputError
from eclipsed.networks.ops import bias_act

__all__ = ["FullyConnected", "MappingConfig", "MappingNetwork", "normal", "normalize_second_moment"]


def normal(*shape: int, std: float = 1.0) -> Tensor:
    """Normal noise; on the meta device only its shape, since random numbers there take seconds to import."""
    x = torch.empty(shape)
    return x if x.is_meta else x.normal_(std=std)


class FullyConnected(nn.Module):
    """Linear layer with equalised learning rate: stored weights are scaled to their true size when used."""

    def __init__(
        self, in_features: int, out_features: int, *, act: str = "linear", lr_multiplier: float = 1.0, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(normal(out_features, in_features, std=1.0 / lr_multiplier))
        self.bias = nn.Parameter(torch.full((out_features,), float(bias)))
        self.act = act
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        y = x @ (self.weight * self.weight_gain).t()  # (N, out_features)
        return bias_act(y, self.bias * self.bias_gain, act=self.act)


class MappingConfig(Protocol):
    """What a mapping network is told of its generator; see `GeneratorConfig`."""

    @property
    def z_dim(self) -> int: ...
    @property
    def w_dim(self) -> int: ...
    @property
    def c_dim(self) -> int: ...
    @property
    def num_ws(self) -> int: ...
    @property
    def mapping_layers(self) -> int: ...
    @property
    def mapping_features(self) -> int | None: ...
    @property
    def embed_features(self) -> int | None: ...
    @property
    def mapping_lr_multiplier(self) -> float: ...
    @property
    def w_avg_beta(self) -> float: ...


class MappingNetwork(nn.Module):
    """z (and a class) to w, repeated once per row of ws."""

    w_avg: Tensor

    def __init__(self, config: MappingConfig) -> None:
        super().__init__()
        self.config, self.num_ws = config, config.num_ws
        embed = (config.embed_features or config.w_dim) if config.c_dim else 0
        width = config.mapping_features or config.w_dim
        if config.c_dim:
            self.embed = FullyConnected(config.c_dim, embed)
        sizes = [config.z_dim + embed, *[width] * (config.mapping_layers - 1), config.w_dim]
        for i, (inside, outside) in enumerate(pairwise(sizes)):
            layer = FullyConnected(inside, outside, act="lrelu", lr_multiplier=config.mapping_lr_multiplier)
            setattr(self, f"fc{i}", layer)
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Map noise to latents.

        Args:
            z: standard normal noise, (N, z_dim); each row is normalised first.
            c: class weights, usually one-hot, (N, c_dim); needed when c_dim > 0.
            truncation_psi: 1 leaves w, 0 gives the mean w; in between pulls towards the mean.
            truncation_cutoff: only the first so many rows are truncated; None is all of them.
        Returns:
            ws, (N, num_ws, w_dim).
        Raises:
            InputError: z or c of another shape.
        """
        w = self.w(z, c)
        ws = w[:, None].expand(-1, self.num_ws, -1)  # (N, num_ws, w_dim)
        if truncation_psi == 1.0:
            return ws.clone(memory_format=torch.contiguous_format)
        pulled = self.w_avg.lerp(ws, truncation_psi)
        if truncation_cutoff is None:
            return pulled
        return torch.cat([pulled[:, :truncation_cutoff], ws[:, truncation_cutoff:]], dim=1)

    def w(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Map noise to w without truncation, (N, z_dim) -> (N, w_dim)."""
        config = self.config
        if z.ndim != 2 or z.shape[1] != config.z_dim:
            raise InputError(f"z must have shape (N, {config.z_dim}); got {tuple(z.shape)}")
        x = normalize_second_moment(z)
        if config.c_dim:
            if c is None or c.shape != (z.shape[0], config.c_dim):
                got = "none" if c is None else tuple(c.shape)
                raise InputError(f"this generator is class-conditional: c must be (N, {config.c_dim}); got {got}")
            x = torch.cat([x, normalize_second_moment(self.embed(c.to(x.dtype)))], dim=1)
        for i in range(config.mapping_layers):
            x = getattr(self, f"fc{i}")(x)
        return x

    @torch.no_grad()
    def update_w_avg(self, w: Tensor) -> None:
        """Move the running mean of w towards the mean of a training batch, (N, w_dim)."""
        self.w_avg.copy_(w.mean(0).lerp(self.w_avg, self.config.w_avg_beta))


def normalize_second_moment(x: Tensor) -> Tensor:
    """Scale each row to a mean square of one, (N, D)."""
    if x.shape[1] == 0:
        return x
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
