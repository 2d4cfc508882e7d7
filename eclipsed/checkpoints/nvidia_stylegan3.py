"""StyleGAN3 generators in NVIDIA's PyTorch pickles and by NVIDIA's names."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eclipsed.checkpoints.assembly import assemble, mean_w, own_sources
from eclipsed.checkpoints.nvidia_modules import StoredSettings, stored_tensors
from eclipsed.checkpoints.plain_data import StoredArray
from eclipsed.checkpoints.stand_ins import PersistentObject
from eclipsed.errors import CheckpointError, EclipsedWarning
from eclipsed.networks.stylegan3_config import LayerPlan, StyleGAN3Config
from eclipsed.values.checks import shown

__all__ = ["stylegan3_generator", "stylegan3_state"]

_LAYER = re.compile(r"synthesis\.(L(\d{1,4})_(\d{1,6})_(\d{1,6}))\.weight")

#: what NVIDIA's code takes where a file does not say
_CHANNEL_BASE, _CHANNEL_MAX, _NUM_LAYERS = 32768, 512, 14

#: attributes of a layer in the file, and what ours does
_DOES: dict[str, Callable[[LayerPlan], object]] = {
    "is_torgb": lambda plan: plan.is_rgb,
    "in_channels": lambda plan: plan.in_channels,
    "out_channels": lambda plan: plan.out_channels,
    "in_size": lambda plan: [plan.in_size] * 2,
    "out_size": lambda plan: [plan.out_size] * 2,
    "in_sampling_rate": lambda plan: plan.in_rate,
    "out_sampling_rate": lambda plan: plan.out_rate,
    "conv_kernel": lambda plan: plan.kernel,
    "up_factor": lambda plan: plan.up,
    "down_factor": lambda plan: plan.down,
    "padding": lambda plan: list(plan.padding),
}


def stylegan3_generator(
    path: Path, modules: Mapping[str, PersistentObject]
) -> tuple[StyleGAN3Config, dict[str, Tensor]]:
    """Turn the modules of a pickled generator into a config and a state.

    Args:
        path: the file, for messages.
        modules: by their dotted names.
    Returns:
        The config and the float32 state, filters included.
    Raises:
        CheckpointError: its settings, names and shapes do not agree, or a key or shape is wrong.
    """
    raw = stored_tensors(path, modules)
    settings = StoredSettings(path, modules)
    config = _config(settings, _channels(path, raw, settings))
    _check(settings, config)
    if "mapping.w_avg" not in raw and settings.of("mapping", "w_avg_beta", config.w_avg_beta) is None:
        raw["mapping.w_avg"] = torch.zeros(config.w_dim)
        state = assemble(path, raw, own_sources(config), config)
        return config, {**state, "mapping.w_avg": mean_w(config, state)}
    return config, assemble(path, raw, own_sources(config), config)


def _config(settings: StoredSettings, channels: tuple[int, ...]) -> StyleGAN3Config:
    """The config that the settings ask for."""
    of, whole, real, base = settings.of, settings.whole, settings.real, StyleGAN3Config
    first = next((name for name in settings.modules if name.startswith("synthesis.L0_")), "synthesis")
    clamp = of(first, "conv_clamp", base.conv_clamp)
    return StyleGAN3Config(
        z_dim=whole("", "z_dim"),
        w_dim=whole("", "w_dim"),
        c_dim=whole("", "c_dim"),
        resolution=whole("", "img_resolution"),
        img_channels=whole("", "img_channels", base.img_channels),
        channels=channels,
        mapping_layers=whole("mapping", "num_layers", base.mapping_layers),
        mapping_lr_multiplier=settings.lr_multiplier(),
        num_critical=whole("synthesis", "num_critical", base.num_critical),
        first_cutoff=real("synthesis", "first_cutoff", real("synthesis.input", "bandwidth", base.first_cutoff)),
        first_stopband=real("synthesis", "first_stopband", base.first_stopband),
        last_stopband_rel=real("synthesis", "last_stopband_rel", base.last_stopband_rel),
        margin_size=whole("synthesis", "margin_size", base.margin_size),
        output_scale=real("synthesis", "output_scale", base.output_scale),
        conv_kernel=whole("synthesis", "conv_kernel", whole(first, "conv_kernel", base.conv_kernel)),
        filter_size=whole("synthesis", "filter_size", base.filter_size),
        lrelu_upsampling=whole("synthesis", "lrelu_upsampling", base.lrelu_upsampling),
        use_radial_filters=bool(of("synthesis", "use_radial_filters", of(first, "down_radial", False))),
        conv_clamp=None if clamp is None else real(first, "conv_clamp", 256.0),
        num_fp16_res=whole("synthesis", "num_fp16_res", base.num_fp16_res),
        w_avg_beta=float(of("mapping", "w_avg_beta", None) or base.w_avg_beta),
    )


def _channels(path: Path, raw: Mapping[str, Tensor], settings: StoredSettings) -> tuple[int, ...]:
    """Channels of each layer but the last, read off the weights; as many layers as the settings say."""
    found = _widths(path, raw)
    said = settings.whole("synthesis", "num_layers", _NUM_LAYERS) + 1
    if len(found) != said:
        raise CheckpointError(f"{path}: the settings say {said} layers; the file has {len(found)}")
    return found[:-1]


def _widths(path: Path, raw: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Channels that each layer gives, by its weight."""
    layers = {int(match[2]): (key, raw[key]) for key in raw if (match := _LAYER.fullmatch(key))}
    if not layers:
        raise CheckpointError(f"{path}: it has an input of StyleGAN3, but no layers such as synthesis.L0_36_512")
    missing = next((i for i in range(max(layers)) if i not in layers), None)
    if missing is not None:
        raise CheckpointError(f"{path}: the layer L{missing} of a StyleGAN3 is missing; the file is not whole")
    flat = next((key for key, weight in layers.values() if weight.ndim != 4), None)
    if flat is not None:
        raise CheckpointError(f"{path}: {flat!r} must be the weight of a convolution; found {tuple(raw[flat].shape)}")
    return tuple(layers[i][1].shape[0] for i in sorted(layers))


def _check(settings: StoredSettings, config: StyleGAN3Config) -> None:
    """Refuse a file whose settings, names and shapes do not agree, and what our network does not compute."""
    path = settings.path
    base = settings.whole("synthesis", "channel_base", _CHANNEL_BASE)
    most = settings.whole("synthesis", "channel_max", _CHANNEL_MAX)
    said_channels = config.channels_of(base, most) if settings.made_with("") else config.channels
    for plan, said in zip(config.plans, said_channels, strict=False):  # without the colours
        if plan.out_channels != said:
            raise CheckpointError(
                f"{path}: the settings say {said} channels for {plan.name}; its weight has {plan.out_channels}"
            )
    for plan in config.plans:
        name = f"synthesis.{plan.name}"
        if name not in settings.modules:
            sizes = sorted(one for one in settings.modules if one.startswith(f"synthesis.{plan.name.split('_')[0]}_"))
            raise CheckpointError(f"{path}: the settings ask for a layer {name}; the file has {', '.join(sizes[:1])}")
        state = settings.modules[name].state
        for key, does in _DOES.items():
            _compare(path, name, key, state.get(key), does(plan))
        _compare(path, name, "conv_clamp", state.get("conv_clamp"), config.conv_clamp)
    first, entry = config.plans[0], settings.modules["synthesis.input"].state
    does_input = {"size": [first.in_size] * 2, "sampling_rate": first.in_rate, "bandwidth": config.first_cutoff}
    for key, wanted in does_input.items():
        _compare(path, "synthesis.input", key, entry.get(key), wanted)
    for i in range(config.mapping_layers):
        _compare(path, f"mapping.fc{i}", "activation", settings.of(f"mapping.fc{i}", "activation", None), "lrelu")


def _compare(path: Path, module: str, key: str, found: Any, wanted: object) -> None:
    """Raise unless a module of the file remembers what ours does, where it remembers anything."""
    if found is None:
        return
    value = found.value if isinstance(found, StoredArray) else found
    plain = value.tolist() if isinstance(value, np.ndarray) else value
    if (list(plain) if isinstance(plain, tuple) else plain) != wanted:
        raise CheckpointError(
            f"{path}: {module} has the {key} {shown(plain)}; by the settings of the file it is {wanted!r}"
        )


def stylegan3_state(path: Path, raw: dict[str, Tensor]) -> tuple[StyleGAN3Config, dict[str, Tensor]]:
    """Turn a state dict with NVIDIA's names, which carries no settings, into a config and a state.

    Args:
        path: the file, for messages.
        raw: tensors by NVIDIA's names.
    Returns:
        The config and the float32 state. What only the settings tell is as in all that NVIDIA has published.
    Raises:
        CheckpointError: a wrong key or shape, or filters that are not those of these settings.
    """
    widths = _widths(path, raw)
    names = {int(match[2]): int(match[3]) for key in raw if (match := _LAYER.fullmatch(key))}
    embed, first, w_avg = (raw.get(f"mapping.{key}") for key in ("embed.weight", "fc0.weight", "w_avg"))
    fc = [int(match[1]) for key in raw if (match := re.fullmatch(r"mapping\.fc(\d{1,3})\.weight", key))]
    last = raw.get(f"mapping.fc{max(fc, default=0)}.weight")
    if first is None or last is None or first.ndim != 2 or last.ndim != 2 or (embed is not None and embed.ndim != 2):
        raise CheckpointError(f"{path}: key 'mapping.fc0.weight' is missing; the file is not whole")
    w_dim, c_dim = len(last), 0 if embed is None else embed.shape[1]
    config = StyleGAN3Config(
        z_dim=first.shape[1] - (0 if embed is None else len(embed)),
        w_dim=w_dim,
        c_dim=c_dim,
        resolution=names[len(widths) - 1],
        channels=widths[:-1],
        img_channels=widths[-1],
        mapping_layers=len(fc),
        conv_kernel=next(value.shape[-1] for key, value in raw.items() if (m := _LAYER.fullmatch(key)) and m[2] == "0"),
        use_radial_filters=any(key.endswith(".down_filter") and value.ndim == 2 for key, value in raw.items()),
    )
    no_average = w_avg is None
    if no_average:
        raw["mapping.w_avg"] = torch.zeros(w_dim)
    state = assemble(path, raw, own_sources(config), config)
    _check_filters(path, config, state)
    said = "a state dict does not say how large colours are and whether features are clamped; taken as in NVIDIA's own"
    warnings.warn(
        EclipsedWarning(f"{path}: {said}: times {config.output_scale}, at {config.conv_clamp:g}"),
        stacklevel=2,
    )
    if no_average:
        state["mapping.w_avg"] = mean_w(config, state)
    return config, state


def _check_filters(path: Path, config: StyleGAN3Config, state: Mapping[str, Tensor]) -> None:
    """Refuse filters that other frequencies were chosen for than a state dict is taken to have."""
    for plan in config.plans:
        for leaf, lowpass in (("up_filter", plan.up_filter), ("down_filter", plan.down_filter)):
            key = f"synthesis.{plan.name}.{leaf}"
            if lowpass is not None and not torch.allclose(state[key], lowpass.make(), rtol=0, atol=5e-4):
                raise CheckpointError(
                    f"{path}: {key!r} is not the filter of NVIDIA's own settings, and a state dict says no others; "
                    "give the pickle"
                )
