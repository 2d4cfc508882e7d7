"""Tell the layout of a generator file by its content, and read it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from eclipsed.checkpoints.native import read_native
from eclipsed.checkpoints.nvidia import nvidia_generator
from eclipsed.checkpoints.nvidia_state import NVIDIA_TELLTALES, nvidia_state
from eclipsed.checkpoints.rosinality import ROSINALITY_TELLTALES, rosinality_generator
from eclipsed.checkpoints.stand_ins import PersistentObject, TensorFlowNetwork
from eclipsed.checkpoints.tensorflow import tensorflow_generator
from eclipsed.checkpoints.torch_file import archive_of, load_weights
from eclipsed.checkpoints.unpickling import ForeignGlobalError, unpickle
from eclipsed.checkpoints.unwrapping import Unwrapped, keys_seen, tell_choice, unwrap, unwrap_object
from eclipsed.errors import CheckpointError, EclipsedError, EclipsedWarning, InputError, MissingModelError
from eclipsed.files import header
from eclipsed.files.kinds import GENERATOR
from eclipsed.networks.architectures import AnyConfig

__all__ = ["detect_layout", "read_generator"]

_Reader = Callable[[Path, Unwrapped], tuple[AnyConfig, dict[str, Tensor]]]

#: torch.save before zip files: a pickled magic number comes first
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def read_generator(path: str | Path) -> tuple[AnyConfig, dict[str, Tensor]]:
    """Read a generator in any public layout or in ours, without running anything in the file.

    Args:
        path: NVIDIA PyTorch (StyleGAN2 or 3) or TensorFlow pickle, rosinality ``.pt``, state dicts of either, or our
            safetensors; the content decides, not the name. The network is found in whatever it was saved in, see
            `unwrap`.
    Returns:
        The config, and the float32 state by NVIDIA's key names.
    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it is none of these, is damaged, asks to run code, or has a wrong key or shape.
    """
    path = Path(path)
    try:
        config, state = _read(path, detect_layout(path))
    except InputError as error:  # a config out of range
        raise CheckpointError(f"{path}: {error}") from error
    except EclipsedError:
        raise
    except Exception as error:  # content made up to mislead can fail anywhere
        raise CheckpointError(
            f"{path}: its content is not stored as expected ({type(error).__name__}: {error!s:.120})"
        ) from error
    if config.img_channels != 3:
        kind = {1: "is grey", 4: "has transparency"}.get(config.img_channels, "has others")
        raise CheckpointError(
            f"{path}: expected a generator of RGB images; this one {kind}, its images have {config.img_channels}"
            " channels"
        )
    return config, state


def _read(path: Path, layout: str) -> tuple[AnyConfig, dict[str, Tensor]]:
    if layout == "safetensors":
        data, tensors = header.read(path, GENERATOR, bare=True)
        return read_native(path) if data or not _networks(tensors) else _from_content(path, tensors)
    try:
        content = load_weights(path) if layout == "torch" else unpickle(path)
    except ForeignGlobalError:
        raise
    except CheckpointError as error:
        if layout != "unknown":
            raise
        packed = archive_of(path)
        raise CheckpointError(f"{path} {packed}" if packed else _none_of_these(path)) from error
    return _from_content(path, content)


def _from_content(path: Path, content: object) -> tuple[AnyConfig, dict[str, Tensor]]:
    """Read the generator that lies somewhere in the content of a file."""
    if isinstance(content, tuple | list) and len(content) == 3 and isinstance(content[2], TensorFlowNetwork):
        return tensorflow_generator(path, content[2])
    for fits in (_is_generator, _is_tensorflow, _is_stored):
        stored = unwrap_object(content, fits)
        if stored is not None:
            tell_choice(path, stored)
            network = stored.state[""]
            if isinstance(network, TensorFlowNetwork):
                return tensorflow_generator(path, network)
            return nvidia_generator(path, network, stored.place or "network")
    networks = _networks(content)
    if not networks:
        raise CheckpointError(f"{_none_of_these(path)}; {keys_seen(content)}")
    taken = max(networks, key=_Found.order)
    for other in networks:
        if other is not taken:
            said = f"took {taken.place!r} by {taken.names} names, not {other.place!r} by {other.names}"
            warnings.warn(EclipsedWarning(f"{path}: it holds generators of two layouts; {said}"), stacklevel=3)
    tell_choice(path, taken.found)
    return taken.read(path, taken.found)


@dataclass(frozen=True)
class _Found:
    """A state dict of a generator that was found in a content."""

    names: str  # whose the keys are
    telltales: int  # how many of its layout's
    read: _Reader
    found: Unwrapped

    @property
    def place(self) -> str:
        return self.found.place or "the file itself"

    def order(self) -> tuple[bool, int, int]:
        """What is larger is taken: averaged weights, then the outer ones, then those with more telltales."""
        return self.found.averaged, -len(self.found.way), self.telltales


def _networks(content: object) -> list[_Found]:
    """State dicts of generators in a content, one of each layout at most."""
    readers: list[tuple[str, tuple[str, ...], _Reader]] = [
        ("NVIDIA's", NVIDIA_TELLTALES, lambda path, found: nvidia_state(path, found.state)),
        ("rosinality's", ROSINALITY_TELLTALES, rosinality_generator),
    ]
    for least in (0.5, 0.0):  # else a part of a network, of which it will be said what is missing
        found = []
        for names, telltales, read in readers:
            one = unwrap(content, telltales, least=least)
            if one is not None:
                found.append(_Found(names, len(set(telltales) & set(one.state)), read, one))
        if found:
            break
    return found


def _is_generator(value: object) -> bool:
    modules = value.state.get("_modules") if isinstance(value, PersistentObject) else None
    return isinstance(modules, Mapping) and "synthesis" in modules and "mapping" in modules


def _is_tensorflow(value: object) -> bool:
    components = value.state.get("components") if isinstance(value, TensorFlowNetwork) else None
    return isinstance(components, Mapping) and "synthesis" in components


def _is_stored(value: object) -> bool:
    return isinstance(value, PersistentObject)


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
        "(G, D, Gs), a StyleGAN2 generator by rosinality's names (g_ema) or NVIDIA's, eclipsed safetensors"
    )
