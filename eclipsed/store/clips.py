"""CLIP models by open_clip's names and tags, fetched by open_clip's own loader into its own cache.

Outside of `fetch_clip` that loader is kept from the network: what is not in the cache is missing.
"""

from __future__ import annotations

import difflib
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eclipsed.errors import CheckpointError, DownloadError, InputError
from eclipsed.store.contact import contact
from eclipsed.store.networks import known_networks

__all__ = [
    "CONFIG_FILE",
    "HUB",
    "SUFFIXES",
    "WEIGHTS_FILE",
    "clip_name",
    "clip_settings",
    "fetch_clip",
    "hub_offline",
    "in_one_sentence",
    "is_clip_file",
    "known_clip_models",
    "near_clip_models",
    "parse_clip_name",
    "plain_clip_model",
    "quiet",
    "read_vocabulary",
    "split_clip",
]

#: What a folder of a CLIP holds.
CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"

#: What names of models on the hub begin with.
HUB = "hf-hub:"
#: What files of weights end in.
SUFFIXES = (".safetensors", ".pt", ".bin", ".pth")
_PREFIX = "clip:"
_VOCABULARY_FILE = "vocabulary.txt"


def clip_name(model: str, tag: str | None) -> str:
    """What ``eclipsed models fetch`` calls a CLIP model: ``clip:MODEL/TAG``, or ``clip:hf-hub:OWNER/NAME``."""
    return f"{_PREFIX}{model}/{tag}" if tag else f"{_PREFIX}{model}"


def parse_clip_name(name: str) -> tuple[str, str | None] | None:
    """The model and tag of ``clip:MODEL/TAG``; None when it names no CLIP model.

    The tag may be the path of a file of weights, ``clip:MODEL//path``.

    Raises:
        InputError: the tag is missing.
    """
    if not name.startswith(_PREFIX):
        return None
    rest = name.removeprefix(_PREFIX)
    if rest.startswith(HUB):
        return rest, None
    model, tag = split_clip(rest) or _at_the_last_slash(rest)
    if not model or not tag:
        raise InputError(f"a CLIP model is called clip:MODEL/TAG, such as clip:ViT-B-32/openai; got {name!r}")
    return model, tag


def split_clip(text: str) -> tuple[str, str | None] | None:
    """The model, and the tag or path, of ``MODEL/TAG`` or ``MODEL//path``.

    Args:
        text: such as ``"ViT-B/32/openai"`` or ``"ViT-B-32//data/ViT-B-32.pt"``.
    Returns:
        The model by open_clip's name, and the rest, None where there is none. None when it begins with the name of no
        model.
    """
    known = known_clip_models()
    parts = text.split("/")
    for count in range(1, len(parts) + 1):
        model = plain_clip_model("/".join(parts[:count]))
        if model in known:
            return model, "/".join(parts[count:]) or None
    return None


def plain_clip_model(name: str) -> str:
    """open_clip's name of a model that may be written as OpenAI does: ``ViT-B/32``, ``ViT-L/14@336px``."""
    return re.sub(r"@(\d+)px$", r"-\1", name.replace("/", "-"))


def known_clip_models() -> frozenset[str]:
    """The names of open_clip's models, without importing it."""
    loaded: Any = sys.modules.get("open_clip")
    if hasattr(loaded, "list_models"):  # with those that a program has added
        return frozenset(loaded.list_models())
    found = importlib.util.find_spec("open_clip")
    folders = found.submodule_search_locations if found is not None else None
    return frozenset(path.stem for folder in folders or () for path in Path(folder, "model_configs").glob("*.json"))


def near_clip_models(name: str, *, cutoff: float = 0.7) -> tuple[str, ...]:
    """open_clip's names that are close to one that it does not know; one that differs in nothing but case is alone.

    Args:
        name: that nothing goes by.
        cutoff: how close, from 0 to 1.
    """
    lowered = {model.lower(): model for model in sorted(known_clip_models())}
    wanted = plain_clip_model(name).lower()
    if wanted in lowered:
        return (lowered[wanted],)
    return tuple(lowered[match] for match in difflib.get_close_matches(wanted, lowered, n=3, cutoff=cutoff))


def is_clip_file(tag: str) -> bool:
    """Whether what stands in the place of a tag is the path of a file."""
    return "/" in tag or os.sep in tag or tag.endswith(SUFFIXES) or Path(tag).is_file()


def read_vocabulary(folder: Path) -> frozenset[str] | None:
    """The words that the CLIP in a folder was trained on, in lower case; None where its folder does not list them.

    Raises:
        CheckpointError: the list cannot be read.
    """
    path = folder / _VOCABULARY_FILE
    if not path.is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as text, one word a line: {error}") from error
    return frozenset(line.strip().lower() for line in lines if line.strip())


def _at_the_last_slash(text: str) -> tuple[str, str | None]:
    model, slash, tag = text.rpartition("/")
    return (plain_clip_model(model), tag) if slash else ("", None)


def in_one_sentence(error: Exception) -> str:
    """What a foreign library raised, on one line, without colours and without advice that is not ours."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", str(error)).strip()
    if "weights_only" in text or "Weights only load failed" in text:
        return "it cannot be read without running what is in it"
    if "loading state_dict" in text:
        return "its keys and shapes are not those of the model"
    lines = [line.strip() for line in text.splitlines()[:3]] or [type(error).__name__]
    return " ".join(lines)


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


def fetch_clip(model: str, tag: str | None) -> None:
    """Fetch a CLIP model, unless it is here already, by open_clip's own loader into its own cache.

    Args:
        model: open_clip's name, or ``hf-hub:OWNER/NAME``.
        tag: open_clip's tag; None for the hub.
    Raises:
        InputError: open_clip knows no such model or tag.
        DownloadError: it could not be fetched.
    """
    from huggingface_hub import constants

    elsewhere = next(iter(known_networks().values())).addresses[0]
    reason = None if constants.HF_HUB_OFFLINE else contact(constants.ENDPOINT, elsewhere)
    if reason is not None:  # there is no network at all; importing open_clip takes longer than to find that out
        raise _not_fetched(model, tag, reason)
    address = _address(model, tag)
    reason = contact(address) if address else None
    if reason is not None:
        raise _not_fetched(model, tag, reason)
    import open_clip

    if model.startswith(HUB):
        _load(lambda: open_clip.create_model_and_transforms(model), model, tag)
        return
    settings = clip_settings(model, tag)
    _load(lambda: open_clip.download_pretrained(settings), model, tag)
    _load(lambda: open_clip.get_tokenizer(model), model, tag)  # some come from the hub as well


def clip_settings(model: str, tag: str | None) -> Mapping[str, Any]:
    """What open_clip's catalogue says of the weights of a model: where they lie, and what they were trained on.

    Raises:
        InputError: open_clip knows no such model or tag.
    """
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(model)
    if not tags:
        near = () if model in known_clip_models() else near_clip_models(model)
        hint = f"did you mean {' or '.join(near)}?" if near else "see open_clip.list_pretrained()"
        raise InputError(f"open_clip has no weights of a CLIP {model!r}; {hint}")
    if tag is None or not open_clip.is_pretrained_cfg(model, tag):
        raise InputError(f"CLIP {model} has no weights {tag!r}; it has: {', '.join(tags)}")
    settings: Mapping[str, Any] = open_clip.get_pretrained_cfg(model, tag)
    return settings


def _address(model: str, tag: str | None) -> str:
    """Where open_clip's loader is going to ask; nothing where it must not."""
    from huggingface_hub import constants

    settings: Mapping[str, Any] = {} if model.startswith(HUB) else clip_settings(model, tag)
    if model.startswith(HUB) or settings.get("hf_hub"):
        return "" if constants.HF_HUB_OFFLINE else str(constants.ENDPOINT)
    return str(settings.get("url") or "")


def _load(work: Any, model: str, tag: str | None) -> None:
    try:
        with quiet():
            work()
    except Exception as error:  # open_clip and the hub raise whatever they met
        raise _not_fetched(model, tag, in_one_sentence(error)[:200]) from error


def _not_fetched(model: str, tag: str | None, reason: str) -> DownloadError:
    return DownloadError(
        f"the CLIP weights of {model}{f' ({tag})' if tag else ''} could not be fetched; check the network and"
        f" HF_ENDPOINT, or bring them by hand with --from ({reason})"
    )
