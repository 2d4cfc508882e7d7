"""CLIP weights that were brought by hand: opened, compared with the model of that name, and kept as safetensors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eclipsed.errors import CheckpointError, DownloadError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import CLIP
from eclipsed.pretrained.clip_weights import fill_clip, meta_clip, read_clip_weights
from eclipsed.store.clip_files import brought_path, file_among, record_clip
from eclipsed.store.clips import clip_settings, known_clip_models
from eclipsed.store.files import file_sha256

__all__ = ["bring_clip", "check_clip"]


def bring_clip(model: str, tag: str, source: Path, *, tell: Callable[[str], None] = lambda _: None) -> Path:
    """Take weights that were brought by hand into the store, as safetensors in the precision that they have.

    Args:
        model: open_clip's name.
        tag: open_clip's tag.
        source: the file, or a folder that holds it; see `file_among`. It may be safetensors, what ``torch.save`` wrote,
            or a TorchScript archive such as OpenAI's; nothing in it is run.
        tell: told of the phases: verify and convert.
    Returns:
        The file that is kept; its record lies beside it.
    Raises:
        InputError: open_clip knows no such model or tag.
        MissingModelError: the folder has none.
        MissingExtraError: this model needs a package that is not installed.
        DownloadError: the file is no weights, or not those of this model.
        OutputError: it cannot be written.
    """
    clip_settings(model, tag)
    file = file_among(source, model, tag)
    tell("verify")
    network = meta_clip(model)
    try:
        state = fill_clip(network, read_clip_weights(file), f"CLIP {model}")
    except CheckpointError as error:
        raise DownloadError(f"{error}; nothing was kept") from error
    tell("convert")
    stored = {key: value.contiguous().clone() for key, value in state.items()}  # each with memory of its own
    source_sha256 = file_sha256(file)
    target = brought_path(model, tag)
    header.write(target, CLIP, {"model": model, "tag": tag}, stored)
    record_clip(model, tag, source=file, source_sha256=source_sha256, path=target)
    return target


def check_clip(model: str, path: Path) -> int:
    """Open a file of CLIP weights and compare it with the model of a name.

    Args:
        model: open_clip's name.
        path: the file.
    Returns:
        How many tensors of the model it holds.
    Raises:
        InputError: open_clip knows no such model.
        MissingModelError: there is no such file.
        MissingExtraError: this model needs a package that is not installed.
        CheckpointError: it is no weights, or not those of this model.
    """
    if model not in known_clip_models():
        raise InputError(f"open_clip has no CLIP {model!r}; see open_clip.list_models()")
    return len(fill_clip(meta_clip(model), read_clip_weights(path), f"CLIP {model}"))
