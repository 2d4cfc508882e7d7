"""Finding a CLIP by open_clip's name and tag, or in a folder, and every way in which that can fail."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eclipsed.errors import CheckpointError, EclipsedError, InputError, MissingModelError
from eclipsed.pretrained.clip_weights import (
    build_clip,
    fill_clip,
    missing_package,
    read_clip_weights,
)
from eclipsed.store.clip_files import clip_not_here, clip_weights
from eclipsed.store.clips import (
    CONFIG_FILE,
    HUB,
    SUFFIXES,
    WEIGHTS_FILE,
    hub_offline,
    in_one_sentence,
    is_clip_file,
    known_clip_models,
    near_clip_models,
    plain_clip_model,
    quiet,
    read_vocabulary,
    split_clip,
)

# open_clip is imported where it is used: it brings torchvision and timm along, seconds that an edit does not need.

__all__ = ["LoadedClip", "load_clip"]

_LOCAL = "local-dir:"
#: what files of weights in a folder are usually called
_USUAL = ("open_clip_model", "open_clip_pytorch_model", "model", "pytorch_model")


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

    if not isinstance(model, (str, os.PathLike)) or os.fspath(model) in ("", _LOCAL, HUB):
        raise InputError(f"a CLIP model is an open_clip name or a folder; got {model!r}")
    name = os.fspath(model)
    if name.startswith(HUB):
        return LoadedClip(*_of_file(name, None, clip_weights(name, None)), name[len(HUB) :])
    known = None if isinstance(model, os.PathLike) else _known(name, pretrained)
    if known is not None:
        name, tag = known
        return LoadedClip(*_of_file(name, tag, clip_weights(name, tag)), f"{name}/{tag}")
    folder = Path(name.removeprefix(_LOCAL)).expanduser()
    if not folder.is_dir():
        raise _no_such_model(name, folder)
    weights = _weights_in(folder)
    vocabulary = read_vocabulary(folder)
    return LoadedClip(*_of_folder(folder, weights), folder.name, vocabulary)


def _known(name: str, tag: str | None) -> tuple[str, str] | None:
    """open_clip's name and the tag or file, where a name is one of open_clip's models; None for anything else."""
    plain = plain_clip_model(name)
    if plain in known_clip_models():
        return plain, _check_tag(plain, tag)
    found = split_clip(name) if tag is None and not Path(name).expanduser().is_dir() else None
    return None if found is None else (found[0], _check_tag(*found))


def _of_file(model: str, tag: str | None, file: Path) -> tuple[Any, Any]:
    """The network and the tokenizer, with the weights of a file, which is read without running anything in it."""
    import open_clip

    settings = open_clip.get_pretrained_cfg(model, tag) if tag else {}
    weights = read_clip_weights(file)
    try:
        # a model keeps the activation it was trained with, where open_clip's plain names build GELU
        quick = bool(settings.get("quick_gelu", False)) or weights.from_openai
        network = build_clip(model, quick_gelu=quick, preprocessing=_preprocessing(settings))
        tokenizer = _tokenizer(model)
    except Exception as error:
        raise _explain(error, model, tag) from error
    fill_clip(network, weights, f"CLIP {model}")
    return network, tokenizer


def _of_folder(folder: Path, file: Path) -> tuple[Any, Any]:
    """The same for a folder with a config of its own."""
    model = f"{_LOCAL}{folder}"
    try:
        network = build_clip(model)
        tokenizer = _tokenizer(model)
    except Exception as error:
        raise _explain(error, model, None) from error
    fill_clip(network, read_clip_weights(file), f"CLIP {folder.name}")
    return network, tokenizer


def _tokenizer(model: str) -> Any:
    import open_clip

    with quiet(), hub_offline():
        return open_clip.get_tokenizer(model)


def _check_tag(model: str, tag: str | None) -> str:
    """The tag, or the path of a file of weights, once it is sure that there is such a one."""
    import open_clip

    tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
    if not tag:
        raise InputError(f"CLIP {model} needs the tag of its weights as well; it has: {tags}")
    if open_clip.is_pretrained_cfg(model, tag):
        return tag
    if not is_clip_file(tag):
        raise InputError(f"CLIP {model} has no weights {tag!r}; it has: {tags}")
    path = Path(tag).expanduser()
    if not path.is_file():
        raise MissingModelError(f"the CLIP weights {path} do not exist; give a file of weights, or a tag: {tags}")
    return tag


def _no_such_model(name: str, folder: Path) -> InputError | MissingModelError:
    path = name.startswith((_LOCAL, ".", "~", "/", os.sep))
    near = () if path else near_clip_models(name, cutoff=0.7 if "/" in name or os.sep in name else 0.5)
    if path or (not near and ("/" in name or os.sep in name)):
        return MissingModelError(
            f"the CLIP folder {folder} does not exist; expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
        )
    hint = f"did you mean {' or '.join(near)}" if near else "see open_clip.list_models()"
    return InputError(f"no CLIP model is called {name!r}, and there is no such folder; {hint}?")


def _weights_in(folder: Path) -> Path:
    """The weights in a folder, by the usual names first, as open_clip looks for them."""
    if not (folder / CONFIG_FILE).is_file():
        raise MissingModelError(f"the CLIP folder {folder} has no {CONFIG_FILE}; put it there beside the weights")
    found = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    usual = [f"{stem}{suffix}" for stem in _USUAL for suffix in SUFFIXES]
    found.sort(
        key=lambda path: (usual.index(path.name) if path.name in usual else len(usual), path.suffix != SUFFIXES[0])
    )
    if not found:
        raise MissingModelError(f"the CLIP folder {folder} has no {WEIGHTS_FILE}; put the weights beside the config")
    return found[0]


def _explain(error: Exception, model: str, tag: str | None) -> EclipsedError:
    """Put what open_clip raised into one sentence."""
    missing = missing_package(error, model)
    if missing is not None:
        return missing
    detail = in_one_sentence(error)
    if model.startswith(_LOCAL):
        return CheckpointError(f"the CLIP model in {model.removeprefix(_LOCAL)} cannot be loaded: {detail}")
    if isinstance(error, OSError):  # the config or tokenizer of a model of the hub
        return clip_not_here(model, tag)
    return CheckpointError(f"the CLIP weights of {model}{f' ({tag})' if tag else ''} cannot be loaded: {detail}")


def _preprocessing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What open_clip's catalogue says of the pictures that some weights were trained on."""
    return {key: settings[key] for key in ("size", "mean", "std", "interpolation", "resize_mode") if key in settings}
