"""Legacy TensorFlow StyleGAN2 pickles: (G, D, Gs), of which Gs is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eclipsed.checkpoints.assembly import (
    CONSTANT,
    NOT_SQUARE,
    Place,
    Shape,
    Source,
    assemble,
    check_sizes,
    places,
    taps_of,
    widths,
)
from eclipsed.checkpoints.plain_data import StoredArray
from eclipsed.checkpoints.stand_ins import TensorFlowNetwork
from eclipsed.errors import CheckpointError
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import Layer
from eclipsed.values.checks import is_whole

__all__ = ["tensorflow_generator"]

#: settings that our network fixes; another value cannot be read
_FIXED = {
    "architecture": "skip",
    "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "use_noise": True,
}
_IGNORED = ("lod",)  # a left-over of progressive growing


def tensorflow_generator(path: Path, network: TensorFlowNetwork) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    """Turn the unpickled Gs into a config and a state.

    Args:
        path: the file, for messages.
        network: the third network of the pickle.
    Returns:
        The config and the float32 state.
    Raises:
        CheckpointError: not a StyleGAN2 skip generator, or a wrong key or shape.
    """
    if _is_first(network):
        raise CheckpointError(
            f"{path}: a StyleGAN of 2018, whose styles act on normalised features; only StyleGAN2 and StyleGAN3 can be "
            "read"
        )
    given = network.state.get("static_kwargs")
    version = network.state.get("version")
    if not isinstance(given, Mapping) or not is_whole(version, 4):
        raise CheckpointError(f"{path}: expected a TensorFlow network of version 4 or later; found {version!r}")
    height, width = (given.get(f"resolution_{side}", given.get("resolution")) for side in "hw")
    if height != width:
        raise CheckpointError(f"{path}: the resolution is {height!r} x {width!r}{NOT_SQUARE}")
    for key, wanted in _FIXED.items():
        if given.get(key, wanted) != wanted:
            raise CheckpointError(f"{path}: the setting {key} is {given[key]!r}; only {wanted!r} can be read")
    resolution = _whole(path, given, "resolution", 1024)
    layers, c_dim = _whole(path, given, "mapping_layers", 8), _whole(path, given, "label_size", 0)
    check_sizes(path, resolution, layers)
    raw = _variables(path, network)
    if "mapping/LabelConcat/weight" in raw:
        raise CheckpointError(
            f"{path}: a class-conditional generator of the first TensorFlow code, which cannot be read"
        )
    sources = {place: _source(place) for place in places(resolution, layers, conditional=c_dim > 0)}
    found = widths(path, raw, sources)
    clamp = given.get("conv_clamp")
    kernel = given.get("resample_kernel") or [1, 3, 3, 1]
    config = GeneratorConfig(
        z_dim=_whole(path, given, "latent_size", 512),
        c_dim=c_dim,
        resolution=resolution,
        mapping_layers=layers,
        mapping_lr_multiplier=float(given.get("mapping_lrmul", 0.01)),
        resample_filter=taps_of(path, "resample_kernel", torch.as_tensor(kernel, dtype=torch.float32)),
        conv_clamp=None if clamp is None else float(clamp),
        num_fp16_res=_whole(path, given, "num_fp16_res", 0),
        w_avg_beta=float(given.get("dlatent_avg_beta") or given.get("w_avg_beta") or 0.995),
        **vars(found),
    )
    return config, assemble(path, raw, sources, config)


def _is_first(network: TensorFlowNetwork) -> bool:
    """Whether some layer has what only the first StyleGAN has."""
    components = network.state.get("components")
    parts = [network, *(components.values() if isinstance(components, Mapping) else ())]
    found = [part.state.get("variables") for part in parts if isinstance(part, TensorFlowNetwork)]
    pairs = [pair for variables in found if isinstance(variables, list) for pair in variables]
    names = [pair[0] for pair in pairs if isinstance(pair, tuple | list) and pair and isinstance(pair[0], str)]
    return any(name.endswith("/StyleMod/weight") for name in names)


def _whole(path: Path, given: Mapping[str, Any], key: str, default: int) -> int:
    value = given.get(key, default)
    if not is_whole(value, 0, 2**20 - 1):
        raise CheckpointError(f"{path}: the setting {key} must be a whole number; found {value!r}")
    return value


def _variables(path: Path, network: TensorFlowNetwork, prefix: str = "", depth: int = 0) -> dict[str, Tensor]:
    """Every variable of a network and its components by its slashed name."""
    raw: dict[str, Tensor] = {}
    components = network.state.get("components") or {}
    variables = network.state.get("variables") or []
    if not isinstance(components, Mapping) or not isinstance(variables, list) or depth > 4:
        raise CheckpointError(f"{path}: its TensorFlow network is not stored as expected")
    for item in variables:
        if not isinstance(item, tuple | list) or len(item) != 2 or not isinstance(item[0], str):
            raise CheckpointError(f"{path}: a variable must be a pair of name and array; found {item!r:.60}")
        if item[0] not in _IGNORED:
            raw[prefix + item[0]] = _as_tensor(path, prefix + item[0], item[1])
    for name, component in components.items():
        if not isinstance(component, TensorFlowNetwork):
            raise CheckpointError(
                f"{path}: the component {name!r} must be a network; found a {type(component).__name__}"
            )
        raw |= _variables(path, component, f"{prefix}{name}/", depth + 1)
    return raw


def _as_tensor(path: Path, name: str, value: object) -> Tensor:
    value = value.value if isinstance(value, StoredArray) else value
    if not isinstance(value, np.ndarray | float | int):
        raise CheckpointError(f"{path}: {name!r} must be an array; found a {type(value).__name__}")
    array = np.asarray(value, dtype=None if isinstance(value, np.ndarray) else np.float32)
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=True))


def _source(place: Place) -> Source:
    """Where a tensor of ours comes from."""
    layer, leaf = place.layer, place.leaf
    if layer is None:
        if place.key == "mapping.w_avg":
            return Source("dlatent_avg")
        if place.key == CONSTANT:
            return Source("synthesis/4x4/Const/const", lambda x: x[0], lambda s: (1, *s))
        _, part, leaf = place.key.split(".")
        name = f"mapping/{'LabelEmbed' if part == 'embed' else f'Dense{part[2:]}'}/{leaf}"
        return Source(name, _transposed, _reversed_shape) if leaf == "weight" else Source(name)
    name = f"synthesis/{layer.resolution}x{layer.resolution}/{_kind(layer)}"
    if leaf == "affine.weight":
        return Source(f"{name}/mod_weight", _transposed, _reversed_shape)
    if leaf == "affine.bias":
        return Source(f"{name}/mod_bias", lambda x: x + 1)
    if leaf == "noise_const":
        return Source(f"synthesis/noise{layer.row}", lambda x: x[0, 0], lambda s: (1, 1, *s))
    if leaf == "weight":
        # TensorFlow's transposed convolution takes its kernel the other way round.
        unpack = _flipped_kernel if _enlarges(layer) else _kernel
        return Source(f"{name}/weight", unpack, lambda s: (s[2], s[3], s[1], s[0]))
    return Source(f"{name}/{leaf}")


def _kind(layer: Layer) -> str:
    """What a layer is called there in its block."""
    if layer.is_rgb:
        return "ToRGB"
    return "Conv" if layer.row == 0 else "Conv0_up" if _enlarges(layer) else "Conv1"


def _enlarges(layer: Layer) -> bool:
    """Whether a layer is the first convolution of a block, those of odd rows but in the block of 4 px."""
    return not layer.is_rgb and layer.row % 2 == 1


def _transposed(x: Tensor) -> Tensor:
    return x.permute(1, 0)


def _reversed_shape(shape: Shape) -> Shape:
    return shape[::-1]


def _kernel(x: Tensor) -> Tensor:
    return x.permute(3, 2, 0, 1)  # (K, K, I, O) -> (O, I, K, K)


def _flipped_kernel(x: Tensor) -> Tensor:
    return _kernel(x.flip((0, 1)))
