"""Finding a CLIP by open_clip's name and tag, or in a folder, and every way in which that can fail."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from eclipsed.errors import CheckpointError, EclipsedError, InputError, MissingExtraError, MissingModelError
from eclipsed.store.clips import (
    CONFIG_FILE,
    HUB,
    WEIGHTS_FILE,
    brought_clip,
    cached_url,
    clip_name,
    hub_offline,
    quiet,
)

# open_clip is imported where it is used: it brings torchvision and timm along, seconds that an edit does not need.

__all__ = ["LoadedClip", "load_clip"]

_VOCABULARY_FILE = "vocabulary.txt"
_LOCAL = "local-dir:"


@dataclass(frozen=True)
class LoadedClip:
    """What open_clip loaded.

    Args:
        network: an open_clip model whose ``visual.preprocess_cfg`` is set, in float32 on the CPU.
        tokenizer: open_clip's tokenizer for it.
        name: what to call it in messages and records.
        vocabulary: the words it was trained on, in lower case; None when that is not known.
    """

    network: Any
    tokenizer: Any
    name: str
    vocabulary: frozenset[str] | None = None


def load_clip(model: str | os.PathLike[str], pretrained: str | None = None) -> LoadedClip:
    """Load a model by its open_clip name and tag, or from a folder; see `eclipsed.pretrained.clip.Clip`."""
    import open_clip

    if not isinstance(model, (str, os.PathLike)) or os.fspath(model) in ("", _LOCAL, HUB):
        raise InputError(f"a CLIP model is an open_clip name or a folder; got {model!r}")
    name = os.fspath(model)
    if name.startswith(HUB):
        return LoadedClip(*_create(name, None), name[len(HUB) :])
    known = name.replace("/", "-")
    if known in open_clip.list_models() and not isinstance(model, os.PathLike):
        return LoadedClip(*_create(known, _check_tag(known, pretrained)), f"{known}/{pretrained}")
    folder = Path(name.removeprefix(_LOCAL)).expanduser()
    if not folder.is_dir():
        raise _no_such_model(name, folder)
    _check_folder(folder)
    vocabulary = _read_vocabulary(folder)
    return LoadedClip(*_create(f"{_LOCAL}{folder}", None), folder.name, vocabulary)


def _create(model: str, tag: str | None) -> tuple[Any, Any]:
    """The network and the tokenizer, by open_clip's own loader."""
    import open_clip

    settings = open_clip.get_pretrained_cfg(model, tag) if tag else {}
    brought = brought_clip(model, tag) if tag and settings else None
    if brought is None and not cached_url(settings):
        raise MissingModelError(_not_here(model, tag))
    try:
        # building draws weights only to replace them; a model keeps the activation it was trained with, where
        # open_clip's plain names build GELU whatever the tag says
        with quiet(), hub_offline(), torch.random.fork_rng(devices=[]):
            network = open_clip.create_model(
                model,
                pretrained=tag if brought is None else str(brought),
                precision="fp32",
                force_quick_gelu=settings.get("quick_gelu", False),
                force_preprocess_cfg=None if brought is None else _preprocessing(settings),
                require_pretrained=True,
            )
            tokenizer = open_clip.get_tokenizer(model)
    except Exception as error:  # open_clip raises whatever it met; the two cases are told apart here
        raise _explain(error, model, tag) from error
    return network, tokenizer


def _check_tag(model: str, tag: str | None) -> str:
    """The tag, or the path of a file of weights, once it is sure that open_clip knows it."""
    import open_clip

    tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
    if not tag:
        raise InputError(f"CLIP {model} needs the tag of its weights as well; it has: {tags}")
    if not open_clip.is_pretrained_cfg(model, tag) and not Path(tag).is_file():
        raise InputError(f"CLIP {model} has no weights {tag!r}; it has: {tags}")
    return tag


def _no_such_model(name: str, folder: Path) -> InputError | MissingModelError:
    import open_clip

    if name.startswith((_LOCAL, ".", "~")) or os.sep in name or "/" in name:
        return MissingModelError(
            f"the CLIP folder {folder} does not exist; expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
        )
    lowered = {model.lower(): model for model in open_clip.list_models()}
    near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(lowered[match] for match in near)}" if near else "see open_clip.list_models()"
    return InputError(f"no CLIP model is called {name!r}, and there is no such folder; {hint}?")


def _check_folder(folder: Path) -> None:
    if not (folder / CONFIG_FILE).is_file():
        raise MissingModelError(f"the CLIP folder {folder} has no {CONFIG_FILE}; put it there beside the weights")
    if not any(path.suffix in (".safetensors", ".bin", ".pth") for path in folder.iterdir()):
        raise MissingModelError(f"the CLIP folder {folder} has no {WEIGHTS_FILE}; put the weights beside the config")


def _read_vocabulary(folder: Path) -> frozenset[str] | None:
    path = folder / _VOCABULARY_FILE
    if not path.is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as text, one word a line: {error}") from error
    return frozenset(line.strip().lower() for line in lines if line.strip())


def _explain(error: Exception, model: str, tag: str | None) -> EclipsedError:
    """Put what open_clip raised into one sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    detail = " ".join(line.strip() for line in lines[:3])
    if isinstance(error, ImportError) and error.name:
        package = error.name.partition(".")[0]
        return MissingExtraError(f"CLIP {model} needs the package {package}; install it: pip install {package}")
    if model.startswith(_LOCAL):
        return CheckpointError(f"the CLIP model in {model.removeprefix(_LOCAL)} cannot be loaded: {detail}")
    if tag is not None and Path(tag).is_file():
        return CheckpointError(f"the CLIP weights {tag} do not load into {model}: {detail}")
    if isinstance(error, OSError) or "download" in str(error).lower() or model.startswith(HUB):
        return MissingModelError(_not_here(model, tag))
    return CheckpointError(f"the CLIP weights of {model} ({tag}) cannot be loaded: {detail}")


def _not_here(model: str, tag: str | None) -> str:
    which = f"{model} ({tag})" if tag else model
    return (
        f"the CLIP weights of {which} are not on this machine; get them: eclipsed models fetch"
        f" {clip_name(model, tag)}, or give a folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}"
    )


def _preprocessing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What open_clip's catalogue says of the pictures that some weights were trained on."""
    return {key: settings[key] for key in ("size", "mean", "std", "interpolation", "resize_mode") if key in settings}
