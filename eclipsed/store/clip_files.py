"""Where the weights of CLIP models lie on this machine: brought by hand into the store, or in open_clip's own cache."""

from __future__ import annotations

import datetime
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eclipsed.errors import CheckpointError, MissingModelError
from eclipsed.files.atomic import remove_file
from eclipsed.store.clips import (
    CONFIG_FILE,
    HUB,
    SUFFIXES,
    WEIGHTS_FILE,
    clip_name,
    clip_settings,
    is_clip_file,
    known_clip_models,
)
from eclipsed.store.files import Record, file_sha256, networks_folder, read_record, write_record

__all__ = [
    "brought_clip",
    "brought_clips",
    "brought_path",
    "cached_clip",
    "clip_file",
    "clip_not_here",
    "clip_weights",
    "file_among",
    "published_sha256",
    "record_clip",
    "remove_clip",
    "surely_not_cached",
    "verify_clip",
]

_HUB_FILES = (WEIGHTS_FILE, "open_clip_pytorch_model.bin")
_verified: set[tuple[str, int, int, int]] = set()  # path, inode, size and time of files whose hash was right
_CLIP_CACHE = Path("~/.cache/clip")  # where open_clip keeps what does not come from the hub
_ENTRY = 600  # characters of the catalogue, from a tag on, in which its addresses lie


def brought_path(model: str, tag: str) -> Path:
    """Where weights that are brought by hand are kept, whether they are there or not."""
    return _brought_folder() / f"{model}.{tag}{SUFFIXES[0]}"


def brought_clip(model: str, tag: str) -> Path | None:
    """The weights of a model that were brought by hand; None when there are none."""
    stem = _brought_folder() / f"{model}.{tag}"
    return next((p for p in (stem.with_name(stem.name + suffix) for suffix in SUFFIXES) if p.is_file()), None)


def brought_clips() -> tuple[str, ...]:
    """The names, ``clip:MODEL/TAG``, of all that was brought by hand."""
    folder = _brought_folder()
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    names = [path.stem.partition(".") for path in files if path.suffix in SUFFIXES and not path.name.startswith(".")]
    return tuple(dict.fromkeys(clip_name(model, tag) for model, dot, tag in names if dot))


def cached_clip(model: str, tag: str | None) -> Path | None:
    """The weights of a model in open_clip's own cache; None when they are not there.

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
        settings = clip_settings(model, tag)
        if settings.get("file"):  # a program's own entry
            return Path(str(settings["file"])) if Path(str(settings["file"])).is_file() else None
        repository, _, given = str(settings.get("hf_hub", "")).rpartition("/")
        if not repository:
            return _cached_url(settings)
        if given:  # open_clip looks for safetensors first
            names = (f"{os.path.splitext(given)[0]}.safetensors", given)
    found = (try_to_load_from_cache(repository, name) for name in names)
    return next((Path(path) for path in found if isinstance(path, str)), None)


def surely_not_cached(model: str, tag: str) -> bool:
    """Whether it is plain, without importing open_clip, that its own cache has no weights of a model that it knows.

    Args:
        model: open_clip's name.
        tag: its tag.
    Returns:
        False where only open_clip can tell: what lies there may be this one, or it may not know it.
    """
    found = importlib.util.find_spec("open_clip") if "open_clip" not in sys.modules else None
    if found is None or found.origin is None or model not in known_clip_models():
        return False
    try:
        catalogue = Path(found.origin).with_name("pretrained.py").read_text(encoding="utf-8")
    except OSError:
        return False
    ends = [match.end() for match in re.finditer(rf"\b{re.escape(tag)}\b", catalogue)]
    entries = [catalogue[end : end + _ENTRY] for end in ends]
    if not entries:
        return False
    from huggingface_hub import constants

    folders = Path(constants.HF_HUB_CACHE).glob("models--*")
    names = [folder.name.removeprefix("models--").replace("--", "/") for folder in folders]
    names += [path.name for path in _CLIP_CACHE.expanduser().glob("*")]
    return not any(name in entry for name in names for entry in entries)


def clip_file(model: str, tag: str | None) -> Path | None:
    """The weights of a CLIP model, brought by hand or in open_clip's cache; None when there are none. Reads nothing.

    Raises:
        InputError: open_clip knows no such model or tag.
    """
    cached = cached_clip(model, tag)
    return (None if tag is None else brought_clip(model, tag)) or cached


def clip_weights(model: str, tag: str | None) -> Path:
    """The file that holds the weights of a CLIP model: that in place of a tag, or what `clip_file` finds.

    What was brought by hand is compared with its record, once in a process.

    Raises:
        InputError: open_clip knows no such model or tag.
        MissingModelError: the weights of the tag are not on this machine.
        CheckpointError: what was brought by hand has changed since.
    """
    if tag is not None and is_clip_file(tag):
        return Path(tag).expanduser()
    path = clip_file(model, tag)
    if path is None:
        raise clip_not_here(model, tag)
    if tag is not None and path == brought_clip(model, tag):
        about = path.stat()
        mark = (str(path), about.st_ino, about.st_size, about.st_mtime_ns)
        if mark not in _verified:
            verify_clip(model, tag)
            _verified.add(mark)
    return path


def clip_not_here(model: str, tag: str | None) -> MissingModelError:
    """The error for weights that are not on this machine."""
    which = f"{model} ({tag})" if tag else model
    return MissingModelError(
        f"the CLIP weights of {which} are not on this machine; get them: eclipsed models fetch"
        f" {clip_name(model, tag)}, or give a folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}"
    )


def file_among(folder: Path, model: str, tag: str) -> Path:
    """The weights of a model among files that were brought by hand.

    Args:
        folder: with ``MODEL.TAG.safetensors`` (.pt, .bin, .pth), or the file as its authors or the hub call it
            (``ViT-B-32.pt``); or the file itself, whatever its name.
        model: open_clip's name.
        tag: open_clip's tag.
    Raises:
        MissingModelError: the folder has none.
    """
    if folder.is_file():
        return folder
    settings = clip_settings(model, tag)
    ours = [f"{model}.{tag}{suffix}" for suffix in SUFFIXES]
    theirs = [os.path.basename(str(settings.get(key, ""))) for key in ("url", "hf_hub")]
    for name in (*ours, *filter(None, theirs), *_HUB_FILES):
        if (folder / name).is_file():
            return folder / name
    known = " or ".join(dict.fromkeys((ours[0], *filter(None, theirs), _HUB_FILES[0])))
    raise MissingModelError(f"{folder} has no weights of CLIP {model} ({tag}); put them there as {known}")


def published_sha256(model: str, tag: str | None, path: Path) -> str | None:
    """How the sha256 of some weights begins, where their authors or the hub say it; None where nobody does.

    Args:
        model: open_clip's name.
        tag: its tag.
        path: the file; the hub's cache calls a file by its sha256.
    """
    blob = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", blob):
        return blob
    settings = {} if tag is None else clip_settings(model, tag)
    url = str(settings.get("url", ""))
    found = re.search(r"/([0-9a-f]{64})/[^/]*$", url) or re.search(r"-([0-9a-f]{8})\.\w+$", url)
    return None if found is None else found[1]


def record_clip(model: str, tag: str, *, source: Path, source_sha256: str, path: Path) -> Record:
    """Write down what is known of weights that were brought by hand.

    Args:
        model: open_clip's name.
        tag: its tag.
        source: the file that was brought.
        source_sha256: of it.
        path: the file that is kept.
    Raises:
        OutputError: the record cannot be written.
    """
    published = published_sha256(model, tag, source)
    record = Record(
        network=clip_name(model, tag),
        source=str(source),
        source_bytes=source.stat().st_size,
        source_sha256=source_sha256,
        bytes=path.stat().st_size,
        sha256=file_sha256(path),
        pinned=published is not None and source_sha256.startswith(published),
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )
    write_record(path, record)
    return record


def verify_clip(model: str, tag: str | None) -> tuple[str, str]:
    """Compare the weights of a CLIP model with their hash.

    Args:
        model: open_clip's name, or ``hf-hub:OWNER/NAME``.
        tag: its tag.
    Returns:
        Their sha256, and whether that is right by what was ``"published"``, ``"recorded at first use"`` or by
        nothing, ``""``.
    Raises:
        InputError: open_clip knows no such model or tag.
        MissingModelError: they are not on this machine.
        CheckpointError: the file is not what was fetched.
    """
    path = clip_file(model, tag)
    if path is None:
        raise clip_not_here(model, tag)
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if tag is not None and path == brought_clip(model, tag):
        record = read_record(path)
        if record is None:
            return sha256, ""
        expected, how = record.sha256, "published" if record.pinned else "recorded at first use"
    else:
        published = published_sha256(model, tag, path)
        expected, how = published or sha256, "published" if published else ""
    if not sha256.startswith(expected):
        raise CheckpointError(
            f"{path} has changed since it was fetched: expected the sha256 {expected}, found {sha256};"
            f" remove it and get it again: eclipsed models fetch {clip_name(model, tag)}"
        )
    return sha256, how


def remove_clip(model: str, tag: str) -> bool:
    """Remove weights that were brought by hand, and what was recorded of them.

    Returns:
        Whether there was anything.
    Raises:
        OutputError: a file cannot be removed.
    """
    stem = _brought_folder() / f"{model}.{tag}"
    files = [stem.with_name(stem.name + suffix) for suffix in SUFFIXES]
    removed = [remove_file(path) for path in files]
    for path in files:
        remove_file(path.with_name(path.name + ".json"))
    return any(removed)


def _cached_url(settings: Mapping[str, Any]) -> Path | None:
    path = _CLIP_CACHE.expanduser() / os.path.basename(str(settings.get("url", "")))
    return path if path.is_file() else None


def _brought_folder() -> Path:
    return networks_folder() / "clip"
