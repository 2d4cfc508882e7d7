"""Weights of CLIP models by open_clip's names and tags, fetched by open_clip's own loader into its own cache.

Outside of `fetch_clip` that loader is kept from the network: what is not in the cache is missing.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eclipsed.errors import DownloadError, InputError, MissingModelError
from eclipsed.files.atomic import atomic_write
from eclipsed.store.files import networks_folder
from eclipsed.store.imposters import HEAD_BYTES, imposter

__all__ = [
    "CONFIG_FILE",
    "HUB",
    "WEIGHTS_FILE",
    "bring_clip",
    "brought_clip",
    "cached_url",
    "clip_is_here",
    "clip_name",
    "fetch_clip",
    "hub_offline",
    "parse_clip_name",
    "quiet",
]

#: What a folder of a CLIP holds.
CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"

#: What names of models on the hub begin with.
HUB = "hf-hub:"
_PREFIX = "clip:"
_SUFFIXES = (".safetensors", ".pt", ".bin", ".pth")
_HUB_FILES = (WEIGHTS_FILE, "open_clip_pytorch_model.bin")


def clip_name(model: str, tag: str | None) -> str:
    """What ``eclipsed models fetch`` calls a CLIP model: ``clip:MODEL/TAG``, or ``clip:hf-hub:OWNER/NAME``."""
    return f"{_PREFIX}{model}/{tag}" if tag else f"{_PREFIX}{model}"


def parse_clip_name(name: str) -> tuple[str, str | None] | None:
    """The model and tag of ``clip:MODEL/TAG``; None when it names no CLIP model.

    Raises:
        InputError: the tag is missing.
    """
    if not name.startswith(_PREFIX):
        return None
    rest = name.removeprefix(_PREFIX)
    if rest.startswith(HUB):
        return rest, None
    model, slash, tag = rest.rpartition("/")
    if not slash or not model or not tag:
        raise InputError(f"a CLIP model is called clip:MODEL/TAG, such as clip:ViT-B-32/openai; got {name!r}")
    return model.replace("/", "-"), tag


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the log lines of open_clip and of the hub from the terminal; what matters comes as an exception.

    open_clip logs through the root logger, which would also set up logging for the whole program on the way.
    """
    handler = logging.NullHandler()
    level = logging.root.manager.disable
    logging.root.addHandler(handler)
    logging.disable(max(level, logging.ERROR))
    try:
        yield
    finally:
        logging.disable(level)
        logging.root.removeHandler(handler)


@contextmanager
def hub_offline() -> Iterator[None]:
    """Keep the hub's loader, which open_clip uses, to what is in its cache."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def brought_clip(model: str, tag: str) -> Path | None:
    """The weights of a model that were brought by hand; None when there are none."""
    stem = _brought_folder() / f"{model}.{tag}"
    return next((p for p in (stem.with_name(stem.name + suffix) for suffix in _SUFFIXES) if p.is_file()), None)


def bring_clip(model: str, tag: str, source: Path) -> Path:
    """Take weights that were brought by hand into the store.

    Args:
        model: open_clip's name.
        tag: open_clip's tag.
        source: the file, or a folder with ``MODEL.TAG.safetensors`` (.pt, .bin) or the file as the hub calls it.
    Raises:
        MissingModelError: the folder has none.
        DownloadError: the file is no weights.
        OutputError: it cannot be copied.
    """
    if not source.is_file():
        names = (*(f"{model}.{tag}{suffix}" for suffix in _SUFFIXES), *_HUB_FILES)
        found = next((source / name for name in names if (source / name).is_file()), None)
        if found is None:
            raise MissingModelError(
                f"{source} has no weights of CLIP {model} ({tag}); put them there as {names[0]} or {_HUB_FILES[0]}"
            )
        source = found
    with open(source, "rb") as file:
        what = imposter(file.read(HEAD_BYTES))
    if what is not None:
        raise DownloadError(f"{source} is no file of weights but {what}; nothing was kept")
    target = _brought_folder() / f"{model}.{tag}{source.suffix}"
    return atomic_write(target, lambda temporary: shutil.copyfile(source, temporary))


def fetch_clip(model: str, tag: str | None) -> None:
    """Fetch a CLIP model, unless it is here already, by open_clip's own loader into its own cache.

    Args:
        model: open_clip's name, or ``hf-hub:OWNER/NAME``.
        tag: open_clip's tag; None for the hub.
    Raises:
        InputError: open_clip knows no such model or tag.
        DownloadError: it could not be fetched.
    """
    import open_clip

    if model.startswith(HUB):
        _load(lambda: open_clip.create_model_and_transforms(model), model, tag)
        return
    settings = _settings(model, tag)
    if tag is not None and brought_clip(model, tag) is not None:
        return
    _load(lambda: open_clip.download_pretrained(settings), model, tag)
    _load(lambda: open_clip.get_tokenizer(model), model, tag)  # some come from the hub as well


def _settings(model: str, tag: str | None) -> Mapping[str, Any]:
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(model)
    if not tags:
        raise InputError(f"open_clip has no weights of a CLIP {model!r}; see open_clip.list_pretrained()")
    if tag is None or not open_clip.is_pretrained_cfg(model, tag):
        raise InputError(f"CLIP {model} has no weights {tag!r}; it has: {', '.join(tags)}")
    settings: Mapping[str, Any] = open_clip.get_pretrained_cfg(model, tag)
    return settings


def _load(work: Any, model: str, tag: str | None) -> None:
    try:
        with quiet():
            work()
    except Exception as error:  # open_clip and the hub raise whatever they met
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DownloadError(
            f"the CLIP weights of {model}{f' ({tag})' if tag else ''} could not be fetched; check the network and"
            f" HF_ENDPOINT, or bring them by hand with --from ({' '.join(lines)[:200]})"
        ) from error


def clip_is_here(model: str, tag: str | None) -> bool:
    """Whether a CLIP model was brought by hand or lies in open_clip's cache. Reads no weights.

    Args:
        model: open_clip's name, or ``hf-hub:OWNER/NAME``.
        tag: open_clip's tag; None for the hub.
    Raises:
        InputError: open_clip knows no such model or tag.
    """
    from huggingface_hub import try_to_load_from_cache

    names: tuple[str, ...] = _HUB_FILES
    if model.startswith(HUB):
        repository = model.removeprefix(HUB)
    else:
        settings = _settings(model, tag)
        if brought_clip(model, str(tag)) is not None:
            return True
        repository, _, given = str(settings.get("hf_hub", "")).rpartition("/")
        if not repository:
            return cached_url(settings)
        if given:  # open_clip looks for safetensors first
            names = (f"{os.path.splitext(given)[0]}.safetensors", given)
    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in names)


def cached_url(settings: Mapping[str, Any]) -> bool:
    """Whether weights that lie outside of the hub are in open_clip's cache; True for those of the hub."""
    if settings.get("hf_hub") or not settings.get("url"):
        return True
    folder = Path(os.path.expanduser("~/.cache/clip"))  # open_clip's own
    return (folder / os.path.basename(str(settings["url"]))).is_file()


def _brought_folder() -> Path:
    return networks_folder() / "clip"
