"""A file of CLIP weights into the open_clip model of that name: read without running it, compared, then loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.checkpoints.plain import compare_state
from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.checkpoints.unwrapping import keys_seen, tell_choice, unwrap
from eclipsed.errors import CheckpointError, MissingExtraError, MissingModelError
from eclipsed.files import header
from eclipsed.files.kinds import CLIP
from eclipsed.store.clips import hub_offline, in_one_sentence, quiet
from eclipsed.store.imposters import HEAD_BYTES, imposter
from eclipsed.values.extras import pip_line

__all__ = [
    "ClipWeights",
    "build_clip",
    "fill_clip",
    "meta_clip",
    "missing_package",
    "read_clip_weights",
]

#: what OpenAI's archives hold beside the weights
_SIZES = ("input_resolution", "context_length", "vocab_size")
#: by which open_clip knows Apple's own files
_APPLE = (
    "image_encoder.model.patch_embed.0.rbr_conv.0.conv.weight",
    "image_encoder.model.patch_emb.0.block.conv.weight",
)


@dataclass(frozen=True)
class ClipWeights:
    """What a file of CLIP weights holds.

    Args:
        path: the file.
        content: its containers and tensors.
    """

    path: Path
    content: Mapping[str, object]

    @property
    def from_openai(self) -> bool:
        """Whether it is one of OpenAI's own, whose models compute with QuickGELU."""
        return all(key in self.content for key in _SIZES)


def read_clip_weights(path: Path) -> ClipWeights:
    """Read a file of CLIP weights: safetensors, ``torch.save`` or TorchScript, whatever its name ends in.

    Args:
        path: the file.
    Returns:
        Its content; nothing in it was run.
    Raises:
        MissingModelError: there is no such file.
        CheckpointError: it is no file of weights, is damaged, or asks to run code.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise MissingModelError(f"the CLIP weights {path} cannot be opened: {error.strerror or error}") from error
    what = imposter(head)
    if what is not None:
        raise CheckpointError(f"{path} is no file of weights but {what}")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32:
        return ClipWeights(path, header.read(path, CLIP, bare=True)[1])
    content = load_weights(path)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds no CLIP weights but {type(content).__name__}; expected a state dict")
    return ClipWeights(path, content)


def build_clip(
    model: str, *, quick_gelu: bool = False, preprocessing: Mapping[str, Any] | None = None, device: str = "cpu"
) -> Any:
    """Build an open_clip model with random weights, in float32.

    Args:
        model: open_clip's name, or ``local-dir:FOLDER``.
        quick_gelu: whether it was trained with QuickGELU, whatever its config says.
        preprocessing: what replaces the preprocessing of its config.
        device: where; ``"meta"`` knows names and shapes alone.
    Raises:
        Exception: whatever open_clip met; see `in_one_sentence`.
    """
    import open_clip

    with quiet(), hub_offline(), torch.random.fork_rng(devices=[]), torch.device(device):
        return open_clip.create_model(
            model,
            load_weights=False,
            pretrained_text=False,
            precision="fp32",
            device=device,
            force_quick_gelu=quick_gelu,
            force_preprocess_cfg=None if preprocessing is None else dict(preprocessing),
        )


def meta_clip(model: str) -> Any:
    """The open_clip model of a name without numbers, for comparing keys and shapes.

    Raises:
        MissingExtraError: it needs a package that is not installed.
        CheckpointError: open_clip cannot build it.
    """
    with _building(model):
        return build_clip(model, device="meta")


def fill_clip(network: Any, weights: ClipWeights, what: str) -> dict[str, Tensor]:
    """Load weights into an open_clip model, after the same changes that open_clip itself makes to old files.

    Args:
        network: the model; nothing is loaded where it lies on the meta device.
        weights: see `read_clip_weights`.
        what: the model is, for messages: ``"CLIP ViT-B-32"``.
    Returns:
        The weights by the model's own names, in the precision of the file.
    Raises:
        CheckpointError: names the keys that are missing, too many or misshapen.
    """
    expected: dict[str, Tensor] = network.state_dict()
    state = _in_its_names(network, _network_of(weights, expected, what))
    buffers = {name for name, _ in network.named_buffers()} - set(expected)  # an archive holds these as well
    state = {key: value for key, value in state.items() if key not in buffers}
    counters = {  # files of old versions of PyTorch lack them, and nothing reads them here
        key: torch.zeros(value.shape, dtype=value.dtype)
        for key, value in expected.items()
        if key.endswith("num_batches_tracked") and key not in state
    }
    compare_state(weights.path, expected, {**counters, **state}, what)
    if not any(value.is_meta for value in expected.values()):
        network.load_state_dict({**counters, **state})
    return state


def missing_package(error: Exception, model: str) -> MissingExtraError | None:
    """The sentence for a package that open_clip needs for a model; None when that is not what failed."""
    name = error.name.partition(".")[0] if isinstance(error, ImportError) and error.name else ""
    asked = re.search(r"pip install ([\w-]+)", str(error))
    package = name or (asked[1] if asked else "")
    if not package:
        return None
    return MissingExtraError(f"CLIP {model} needs the package {package}; install it: {pip_line(package=package)}")


@contextmanager
def _building(model: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # open_clip raises whatever it met
        raise missing_package(error, model) or CheckpointError(
            f"CLIP {model} cannot be built: {in_one_sentence(error)}"
        ) from error


def _network_of(weights: ClipWeights, expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The state dict of a file, however deep and behind whatever prefix it lies there."""
    older = {key.removeprefix("text.") for key in expected}  # before text towers had a name of their own
    found = unwrap(weights.content, {*expected, *older, *_APPLE})
    if found is None:
        raise CheckpointError(f"{weights.path} holds no weights of {what}; {keys_seen(weights.content)}")
    tell_choice(weights.path, found)
    state = {key: value for key, value in found.state.items() if isinstance(value, Tensor)}
    strange = next((key for key in found.state if key in expected and key not in state), None)
    if strange is not None:
        kind = type(found.state[strange]).__name__
        raise CheckpointError(f"{weights.path}: {strange} is no tensor but {kind}; expected the weights of {what}")
    return state


def _in_its_names(network: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict as open_clip's own loader changes it before it goes into a network."""
    from open_clip import convert, model

    with suppress(Exception):  # what does not fit is named by the comparison
        state = convert.convert_state_dict(network, dict(state))
    if "positional_embedding" in state and not hasattr(network, "positional_embedding"):
        state = model.convert_to_custom_text_state_dict(state)
    for key in ("logit_scale", "logit_bias"):  # a number, or a vector of one
        own = getattr(network, key, None)
        if own is not None and key in state and state[key].numel() == 1:
            state[key] = state[key].reshape(own.shape)
    if getattr(network, "logit_bias", None) is not None and "logit_scale" in state:
        state.setdefault("logit_bias", torch.zeros_like(state["logit_scale"]))
    for key in {*_SIZES, "text.transformer.embeddings.position_ids"} - set(network.state_dict()):
        state.pop(key, None)
    with suppress(Exception):
        model.resize_pos_embed(state, network)
        model.resize_text_pos_embed(state, network)
    return state
