"""Reading and writing encoders: the public ``.pt`` layout of e4e and pSp, and our own safetensors."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from eclipsed.checkpoints.generators import detect_layout
from eclipsed.checkpoints.plain import compacted, compare_state, in_float32, with_counters
from eclipsed.checkpoints.torch_file import archive_of, load_weights
from eclipsed.checkpoints.unwrapping import keys_seen, tell_choice, unwrap
from eclipsed.errors import CheckpointError, EclipsedWarning, InputError
from eclipsed.files import header
from eclipsed.files.kinds import ENCODER
from eclipsed.networks.encoder import Encoder, EncoderConfig

__all__ = ["read_encoder", "write_encoder"]

#: what the public files call their kinds
_KINDS = {"Encoder4Editing": "e4e", "GradualStyleEncoder": "psp"}
#: keys by which an encoder is found
_TELLTALES = ("input_layer.0.weight", "body.0.res_layer.1.weight", "styles.0.linear.weight", "latlayer1.weight")


def read_encoder(path: str | os.PathLike[str]) -> tuple[EncoderConfig, dict[str, Tensor], Tensor]:
    """Read an encoder without running anything in the file; the layout is told by the content.

    Args:
        path: a ``.pt`` of e4e or pSp (``state_dict``, ``opts``, ``latent_avg``; their decoder is left out), or our
            safetensors.
    Returns:
        The sizes, the state dict of an `Encoder` in float32, and the mean latent that its guesses are added to,
        (num_ws, w_dim).
    Raises:
        MissingModelError: there is no such file.
        CheckpointError: another format, damaged, asks to run code, or keys or shapes that are not an encoder's.
    """
    path = Path(path)
    layout = detect_layout(path)
    if layout == "safetensors":
        kind, state, latent_avg = _read_safetensors(path)
    elif layout in ("torch", "pickle"):
        kind, state, latent_avg = _of_content(path, load_weights(path))
    else:
        packed = archive_of(path) or "is no encoder: expected a .pt of e4e or pSp, or our safetensors"
        raise CheckpointError(f"{path} {packed}")
    return _check(path, kind, state, latent_avg)


def write_encoder(
    path: str | os.PathLike[str],
    config: EncoderConfig,
    state: Mapping[str, Tensor],
    latent_avg: Tensor,
    *,
    dtype: torch.dtype = torch.float16,
) -> Path:
    """Write an encoder as our safetensors.

    Args:
        path: the file.
        config: its sizes; only the kind is stored, the shapes tell the rest.
        state: state dict of an `Encoder` of these sizes.
        latent_avg: what its guesses are added to, (num_ws, w_dim).
        dtype: how matrices are stored; batch statistics, scales and offsets stay float32.
    Returns:
        `path`.
    Raises:
        CheckpointError: the state dict is not that network's.
        OutputError: the file cannot be written.
    """
    _check(Path(path), config.kind, dict(state), latent_avg)
    tensors = {"latent_avg": latent_avg.detach().cpu().float().clone(), **compacted(state, dtype)}
    return header.write(path, ENCODER, {"encoder": config.kind}, tensors)


def _read_safetensors(path: Path) -> tuple[str, dict[str, Tensor], Tensor]:
    data, state = header.read(path, ENCODER, bare=True)
    if not data and unwrap(state, _TELLTALES) is not None:
        return _of_content(path, state)
    if not data:
        header.read(path, ENCODER)  # which says that it is none
    if "latent_avg" not in state:
        raise CheckpointError(f"{path} lacks latent_avg, which the encoder's guesses are added to")
    return str(data.get("encoder")), state, state.pop("latent_avg")


def _of_content(path: Path, content: object) -> tuple[str, dict[str, Tensor], Tensor]:
    """The encoder that lies somewhere in the content of a public file."""
    found = unwrap(content, _TELLTALES)
    if found is None:
        raise CheckpointError(
            f"{path} is no encoder of e4e or pSp: it has no state_dict of one, and no keys that begin 'encoder.'; "
            f"{keys_seen(content)}"
        )
    tell_choice(path, found)
    options = _options(found.beside("opts", "options", "args"))
    kind = _kind(path, options.get("encoder_type"))
    latent_avg = found.beside("latent_avg")
    if not isinstance(latent_avg, Tensor):
        raise CheckpointError(f"{path} lacks latent_avg, which the encoder's guesses are added to")
    if not options.get("start_from_latent_avg", True):
        latent_avg = torch.zeros_like(latent_avg)
    known = ("input_layer.", "body.", "styles.", "latlayer")
    state: dict[str, Any] = {
        key: value
        for key, value in found.state.items()
        if key.startswith(known) or (found.prefix and isinstance(value, Tensor))
    }
    return kind, state, latent_avg


def _kind(path: Path, name: object) -> str:
    """The kind of an encoder: both have the same keys, so that without options the file's name decides, or e4e."""
    if name is None:
        kind = "psp" if "psp" in path.name.lower() else "e4e"
        other = "e4e" if kind == "psp" else "psp"
        said = f"has no options (opts) that say of which kind the encoder is; taken for {kind}"
        warnings.warn(EclipsedWarning(f"{path} {said}, and for {other} where {other} is in its name"), stacklevel=4)
        return kind
    if name not in _KINDS:
        raise CheckpointError(f"{path} is an encoder of the kind {name!r}; eclipsed reads {' and '.join(_KINDS)}")
    return _KINDS[str(name)]


def _options(found: object) -> Mapping[str, Any]:
    if isinstance(found, SimpleNamespace):
        return vars(found)
    return found if isinstance(found, Mapping) else {}


def _check(
    path: Path, kind: str, state: dict[str, Tensor], latent_avg: Tensor
) -> tuple[EncoderConfig, dict[str, Tensor], Tensor]:
    """Compare a state dict with the network it should belong to, and bring it to float32."""
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(f"{path}: {key} holds {type(value).__name__}, not a tensor")
    try:
        config = EncoderConfig.of_state(state, kind)  # type: ignore[arg-type]
    except InputError as error:
        raise CheckpointError(f"{path} is no encoder of e4e or pSp: {error}") from error
    with torch.device("meta"):
        expected = Encoder(config).state_dict()
    state = with_counters(expected, state)
    compare_state(path, expected, state, "an encoder")
    wanted = (config.num_ws, config.w_dim)
    if tuple(latent_avg.shape) not in (wanted, wanted[1:]):
        raise CheckpointError(f"{path}: latent_avg has the shape {tuple(latent_avg.shape)}; expected {wanted}")
    if not latent_avg.isfinite().all():
        raise CheckpointError(f"{path}: latent_avg holds values that are not finite; the file is damaged")
    return config, in_float32(state), latent_avg.float().expand(wanted).contiguous()
