"""The weights of MTCNN that ship with eclipsed, made of those in the package mtcnn 1.0.0.

Run from the checkout, with lz4 installed: ``pip download --no-deps mtcnn==1.0.0``, then
``python -m recipes.mtcnn.convert mtcnn-1.0.0-py3-none-any.whl``. The wheel's hash is checked, its weights are read
without joblib and without running anything in them, and its licence is laid beside the result.
"""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eclipsed.checkpoints.mtcnn import write_mtcnn
from eclipsed.files.atomic import atomic_write
from recipes.mtcnn.joblib_arrays import Array, arrays_of

__all__ = ["convert", "main", "network_state"]

_SHA256 = "0a96b4868e56db9ae984449519642be6dba03240e608a67e928ebb47833e9144"  # of the wheel, as PyPI publishes it
_FILES = {"proposal": "pnet", "refinement": "rnet", "output": "onet"}
#: layers of `eclipsed.networks.mtcnn` in the package's order; those of `features` have a PReLU after them
_LAYERS = {
    "proposal": ("features.0", "features.3", "features.5", "box", "face"),
    "refinement": ("features.0", "features.3", "features.6", "features.9", "box", "face"),
    "output": ("features.0", "features.3", "features.6", "features.9", "features.12", "box", "points", "face"),
}
_SIDE = 3  # of the last maps before the first linear layer
_SOURCE = (
    "the package mtcnn 1.0.0 of PyPI (https://github.com/ipazc/mtcnn), MIT licence, copyright 2019-2024 Iván de Paz "
    "Centeno; another order, the same numbers"
)


def network_state(name: str, arrays: Sequence[Array]) -> dict[str, Tensor]:
    """The state dict of one network.

    Args:
        name: ``"proposal"``, ``"refinement"`` or ``"output"``.
        arrays: of the package, in its order: of every layer weights, biases, and slopes where there are any.
    """
    left = iter(arrays)
    state: dict[str, Array] = {}
    for layer in _LAYERS[name]:
        state[f"{layer}.weight"] = _reordered(next(left), after_maps=layer.startswith("features"))
        state[f"{layer}.bias"] = next(left)
        if layer.startswith("features"):
            number = int(layer.removeprefix("features."))
            state[f"features.{number + 1}.weight"] = next(left).reshape(-1)
    return {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in state.items()}


def _reordered(weight: Array, *, after_maps: bool) -> Array:
    """Weights in PyTorch's order: Keras' convolutions are (height, width, in, out), its linear layers (in, out).

    Args:
        weight: as the package has it.
        after_maps: of a linear layer, whether it takes what the last convolution gives.
    """
    if weight.ndim == 4:
        return np.transpose(weight, (3, 2, 0, 1))
    if not after_maps:
        return np.transpose(weight)
    maps = weight.reshape(_SIDE, _SIDE, -1, weight.shape[1])  # the package flattens columns, then rows, then channels
    return np.transpose(maps, (3, 2, 1, 0)).reshape(weight.shape[1], -1)


def convert(wheel: Path, folder: Path) -> Path:
    """Write the three networks and their licence.

    Args:
        wheel: ``mtcnn-1.0.0-py3-none-any.whl``.
        folder: where to.
    Returns:
        The file of weights.
    Raises:
        ValueError: it is another file.
    """
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if sha256 != _SHA256:
        raise ValueError(f"{wheel} is not the wheel of mtcnn 1.0.0: expected the sha256 {_SHA256}, found {sha256}")
    import lz4.frame

    state: dict[str, Any] = {}
    with zipfile.ZipFile(wheel) as archive:
        for name, file in _FILES.items():
            arrays = arrays_of(lz4.frame.decompress(archive.read(f"mtcnn/assets/weights/{file}.lz4")))
            state |= {f"{name}.{key}": tensor for key, tensor in network_state(name, arrays).items()}
        licence = archive.read("mtcnn-1.0.0.dist-info/LICENSE")
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / "LICENSE", lambda place: place.write_bytes(licence))
    return write_mtcnn(folder / "mtcnn.safetensors", state, source=_SOURCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mtcnn"))
    options = parser.parse_args()
    print(convert(options.wheel, options.out))


if __name__ == "__main__":
    main()
