"""Tell the layout of a generator file by its content, and read it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from eclipsed.checkpoints.native import read_native
from eclipsed.checkpoints.nvidia import nvidia_generator
from eclipsed.checkpoints.rosinality import read_rosinality
from eclipsed.checkpoints.stand_ins import TensorFlowNetwork
from eclipsed.checkpoints.tensorflow import tensorflow_generator
from eclipsed.checkpoints.unpickling import ForeignGlobalError, unpickle
from eclipsed.errors import CheckpointError, EclipsedError, InputError, MissingModelError
from eclipsed.networks.generator_config import GeneratorConfig

__all__ = ["detect_layout", "read_generator"]

#: torch.save before zip files: a pickled magic number comes first
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def read_generator(path: str | Path) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    """Read a generator in any public layout or in ours, without running anything in the file.

    Args:
        path: NVIDIA PyTorch or TensorFlow pickle, rosinality ``.pt`` or our safetensors; the content decides,
            not the name.
    Returns:
        The config, and the float32 state by NVIDIA's key names.
    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is none of these, is damaged, asks to run code, or has a wrong key or shape.
    """
    path = Path(path)
    try:
        return _read(path, detect_layout(path))
    except InputError as error:  # a config out of range
        raise CheckpointError(f"{path}: {error}") from error
    except EclipsedError:
        raise
    except Exception as error:  # content made up to mislead can fail anywhere
        raise CheckpointError(
            f"{path}: its content is not stored as expected ({type(error).__name__}: {error!s:.120})"
        ) from error


def _read(path: Path, layout: str) -> tuple[GeneratorConfig, dict[str, Tensor]]:
    if layout == "safetensors":
        return read_native(path)
    if layout == "torch":
        return read_rosinality(path)
    try:
        content = unpickle(path)
    except ForeignGlobalError:
        raise
    except CheckpointError as error:
        if layout == "pickle":
            raise
        raise CheckpointError(_none_of_these(path)) from error
    if isinstance(content, dict) and "G_ema" in content:
        return nvidia_generator(path, content["G_ema"])
    if isinstance(content, tuple | list) and len(content) == 3 and isinstance(content[2], TensorFlowNetwork):
        return tensorflow_generator(path, content[2])
    raise CheckpointError(_none_of_these(path))


def detect_layout(path: str | Path) -> str:
    """Tell what kind of file this is from its first bytes.

    Args:
        path: the file.
    Returns:
        ``"safetensors"``, ``"torch"`` (torch.save, as rosinality's), ``"pickle"``, or ``"unknown"``.
    Raises:
        MissingModelError: the file is not there or cannot be opened.
        CheckpointError: it is empty, a web page or a Git LFS pointer.
    """
    path = Path(path)
    if path.is_dir():
        raise MissingModelError(f"{path} is a folder; give the generator file inside it")
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise MissingModelError(f"{path} is not there; check the path or fetch the file first") from error
    except (OSError, ValueError) as error:
        raise MissingModelError(f"{path} cannot be opened: {error}") from error
    if not head:
        raise CheckpointError(f"{path} is empty; fetch it again")
    if head.lstrip()[:1] == b"<" and b"\0" not in head[:8]:  # the length in front of safetensors may look so too
        raise CheckpointError(f"{path} is a web page, not a checkpoint; the download went wrong, fetch it again")
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path} is only a Git LFS pointer; fetch the real file with `git lfs pull`")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32:
        return "safetensors"
    if head.startswith((b"PK\x03\x04", _OLD_TORCH)):
        return "torch"
    return "pickle" if head[0] == 0x80 else "unknown"


def _none_of_these(path: Path) -> str:
    return (
        f"{path} is none of the known layouts: NVIDIA PyTorch pickle (with G_ema), legacy TensorFlow pickle "
        "(G, D, Gs), rosinality .pt, eclipsed safetensors"
    )
