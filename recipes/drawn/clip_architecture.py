"""The architecture of a drawn set's CLIP: an open_clip model small enough to train on two CPU cores."""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import set_model_preprocess_cfg
from safetensors.torch import save_file

from eclipsed.files.atomic import atomic_write

__all__ = ["CONFIG", "VISION", "build", "save"]

#: What ``open_clip_config.json`` holds: a ResNet of one block a stage, a text tower of three layers, the usual BPE.
CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 128, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 64, "heads": 4, "layers": 3},
    },
    "preprocess_cfg": {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bilinear",
        "resize_mode": "shortest",
    },
}

#: image towers by name: the usual ResNet, and a small vision transformer
VISION: dict[str, dict[str, Any]] = {
    "resnet": CONFIG["model_cfg"]["vision_cfg"],
    "vit": {"image_size": 128, "layers": 4, "width": 192, "head_width": 48, "patch_size": 16},
}


def build(*, seed: int = 0, image_size: int = 128, width: int | None = None, vision: str = "resnet") -> open_clip.CLIP:
    """Make the model with random weights; torch's global random state is left as it was.

    Args:
        seed: decides the weights.
        image_size: side of the pictures it looks at, in pixels; a multiple of 32.
        width: channels after the stem of the image tower; of a ResNet even, 16 or more, `width` * 32 divisible by 64.
            None is the tower's own.
        vision: a name of `VISION`.
    Returns:
        An `open_clip.CLIP` in training mode whose ``visual.preprocess_cfg`` is set.
    """
    config = deepcopy(CONFIG)
    tower = VISION[vision]
    config["model_cfg"]["vision_cfg"] = {**tower, "image_size": image_size, "width": width or tower["width"]}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(**config["model_cfg"])
    set_model_preprocess_cfg(model, {**config["preprocess_cfg"], "size": image_size})
    model.eclipsed_config = config
    return model


def save(
    model: open_clip.CLIP,
    folder: str | Path,
    *,
    dtype: torch.dtype = torch.float16,
    tokens: Iterable[int] | None = None,
) -> Path:
    """Write ``open_clip_config.json`` and ``open_clip_model.safetensors``, which `eclipsed.pretrained.clip.Clip` reads.

    Args:
        model: a model that `build` made.
        folder: where the two files go; made when missing.
        dtype: how tensors of two and more dimensions are stored; batch statistics, biases and scales stay float32.
        tokens: ids that training used. The embeddings of all others, which are still random, are written as zeros:
            a word that the model never saw then says nothing, and the file shrinks when it is packed.
    Returns:
        `folder`.
    Raises:
        OutputError: the folder cannot be written.
    """
    folder = Path(folder)
    state = {key: _stored(value, dtype) for key, value in model.state_dict().items()}
    if tokens is not None:
        used = torch.zeros(model.vocab_size, dtype=torch.bool)
        used[torch.tensor(sorted(set(tokens)), dtype=torch.long)] = True
        state["token_embedding.weight"][~used] = 0
    config = json.dumps(model.eclipsed_config, indent=2) + "\n"
    atomic_write(folder / "open_clip_config.json", lambda path: path.write_text(config, encoding="utf-8"))
    atomic_write(folder / "open_clip_model.safetensors", lambda path: save_file(state, path))
    return folder


def _stored(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    kept = value.detach().cpu()
    return kept.to(dtype, copy=True).contiguous() if kept.is_floating_point() and kept.ndim >= 2 else kept.clone()
