"""Model sets: a generator, a parser and a CLIP that belong together, found by name or by folder.

A set is a folder with a ``set.json``. Sets ship with the package, or lie in ``$ECLIPSED_HOME/sets`` (without that
variable, in the user's data folder). Sets of the catalogue have no folder: their networks are fetched one by one and
lie in the store, though a file put by hand into the folder of their name is taken too. This module loads no networks
and no torch, and uses no network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.store.clips import CONFIG_FILE, WEIGHTS_FILE, is_clip_file, split_clip
from eclipsed.store.files import find_network, local_file
from eclipsed.store.networks import known_sets, network
from eclipsed.store.own import own_folder
from eclipsed.store.own_kind import OwnKind, read_kind
from eclipsed.store.painted_parts import KeptPart, kept_parts
from eclipsed.store.segmentation import SEGMENTERS, Segmentation, check_classes
from eclipsed.store.shipped import shipped_folder
from eclipsed.values.checks import is_real, is_whole
from eclipsed.worlds.world import World, find_world, known_worlds

__all__ = [
    "DEFAULT_SET",
    "ClipSource",
    "ModelSet",
    "SetStatus",
    "find_set",
    "how_to_hold",
    "list_sets",
    "shipped_directions",
    "shipped_measured",
    "user_directions",
    "user_sets",
]

#: the set that is taken when nobody says; it ships with the package
DEFAULT_SET = "mini"

#: the ways that every set without a parser has
_HOLDING = (
    "paint a mask (--mask FILE, in Python region=eclipsed.read_mask(FILE)), paint its parts on a few faces "
    "(eclipsed parts learn NAME), or bring a parser of your own (eclipsed.CallableParser)"
)

_FORMAT = 1
_TRUNCATION_PSI = 0.8


@dataclass(frozen=True)
class ClipSource:
    """Which CLIP a set uses."""

    model: str  # open_clip's model name, or the path of a local folder
    pretrained: str | None = None  # open_clip's tag, or the path of a file of weights; None for a folder


@dataclass(frozen=True)
class ModelSet:
    """The files of one model set, all of them present."""

    name: str
    folder: Path
    generator: Path
    parser: (
        Path | None
    )  # None: nothing tells the parts of its pictures apart, so edits change all of them unless a mask holds them
    clip: ClipSource
    classifier: Path | None = None  # judges edits; no part of making them
    encoder: Path | None = None  # guesses the latents of photographs
    world: World = field(default_factory=find_world)  # what its pictures are made of
    truncation_psi: float = _TRUNCATION_PSI  # default for sampling
    class_index: int | None = None  # class of the faces, where the generator has classes; None leaves it open
    description: str = ""
    licence: str = ""
    kind: OwnKind = field(default_factory=OwnKind)  # what it draws
    parts: tuple[KeptPart, ...] = ()  # that somebody painted; the world knows them
    segmentation: Segmentation | None = None  # which network `parser` is the file of, where it is no BiSeNet


@dataclass(frozen=True)
class SetStatus:
    """Whether a set can be used, and what it lacks."""

    name: str
    folder: Path
    missing: tuple[str, ...] = ()  # what has to be fetched or put into the folder, or what is wrong with it
    shipped: bool = False  # came with the package
    description: str = ""
    licence: str = ""

    @property
    def present(self) -> bool:
        """Whether everything is there."""
        return not self.missing


def find_set(name_or_path: str | os.PathLike[str] = DEFAULT_SET) -> ModelSet:
    """Find a model set by its name or its folder.

    Args:
        name_or_path: a name such as ``"mini"`` or ``"ffhq"``, or a folder with a ``set.json``.
    Returns:
        The set, with every file checked to be there.
    Raises:
        MissingModelError: there is no such set, or a file of it is missing; says what to put where.
        CheckpointError: its ``set.json`` cannot be read.
    """
    name = os.fspath(name_or_path)
    folder = None if _is_path(name) else _folder_of(name)
    if folder is None:
        folder = Path(name).expanduser()
        if not name or not (folder / "set.json").is_file():
            raise MissingModelError(_not_found(name))
    status, content = _inspect(folder)
    if status.missing and _is_known(folder):
        raise MissingModelError(
            f"the model set {name!r} lacks {' and '.join(status.missing)}; get it: eclipsed models fetch {name}"
        )
    if status.missing:
        raise MissingModelError(
            f"the model set {status.name!r} in {folder} is not complete: it needs {'; '.join(status.missing)}"
        )
    return _model_set(folder, content)


def how_to_hold(name: str) -> str:
    """How an edit is held to a region where a set has no parser: the ways, the nearest first, in one clause.

    Args:
        name: of the set; of those of the catalogue some show what a segmentation network finds.
    """
    shown = known_sets().get(name, {}).get("shows")
    if shown is None:
        return _HOLDING
    return (
        f"take a segmentation network, which finds the {shown} (eclipsed models fetch {SEGMENTERS[0]}; in Python "
        f'eclipsed.Segmenter.from_store("{SEGMENTERS[0]}", {{"{shown}": PART}}, world=FOLDER)), {_HOLDING}'
    )


def list_sets() -> list[SetStatus]:
    """Every set that is shipped, installed by the user, or known but absent, by name."""
    found: dict[str, SetStatus] = {}
    for root in (user_sets(), shipped_folder() / "checkpoints"):  # a shipped set wins, as in `find_set`
        folders = sorted(p for p in root.iterdir() if (p / "set.json").is_file()) if root.is_dir() else []
        for folder in folders:
            try:
                found[folder.name] = _inspect(folder)[0]
            except CheckpointError as error:
                found[folder.name] = SetStatus(folder.name, folder, (str(error),))
    for name in known_sets():
        if name not in found:
            found[name] = _inspect(user_sets() / name)[0]
    return [found[name] for name in sorted(found)]


def shipped_directions() -> Path:
    """The folder of trained directions that came with the package; only to be read."""
    return shipped_folder() / "models"


def shipped_measured(what: str, key: str) -> list[Path]:
    """The files of what was measured of networks that came with the package, under its key; there is none or one.

    Args:
        what: ``"survey"`` or ``"atlas"``.
        key: that says which networks it is of.
    """
    return sorted((shipped_folder() / "checkpoints").glob(f"*/{what}-{key}.safetensors"))


def user_directions() -> Path:
    """The folder where a user's own directions are kept; it need not be there yet."""
    return own_folder("directions")


def user_sets() -> Path:
    """The folder where a user's own model sets are kept; it need not be there yet."""
    return own_folder("sets")


def _is_path(name: str) -> bool:
    return not name or name.startswith((".", "~")) or "/" in name or os.sep in name


def _folder_of(name: str) -> Path | None:
    """The folder of a named set; None when no set has this name."""
    shipped = shipped_folder() / "checkpoints" / name
    if (shipped / "set.json").is_file():
        return shipped
    own = user_sets() / name
    return own if name in known_sets() or (own / "set.json").is_file() else None


def _not_found(name: str) -> str:
    if _is_path(name):
        return f"{name!r} is not the folder of a model set: it has no set.json; known names: {_names()}"
    return f"there is no model set {name!r}; known: {_names()}; a set of your own goes to {user_sets() / name}"


def _names() -> str:
    return ", ".join(status.name for status in list_sets())


def _is_known(folder: Path) -> bool:
    """Whether a folder stands for a set of the catalogue rather than for one with its own set.json."""
    return folder.name in known_sets() and folder.parent == user_sets() and not (folder / "set.json").is_file()


def _inspect(folder: Path) -> tuple[SetStatus, dict[str, Any]]:
    """What a set says of itself, and which of its files are missing."""
    if _is_known(folder):
        return _inspect_known(folder)
    content = _content(folder)
    named = (content.get(key) for key in ("generator", "parser", "classifier", "encoder"))
    wanted = [name for name in named if name and isinstance(name, str)]
    clip = _clip_source(folder, content["clip"])
    if clip.pretrained is None:
        wanted += [f"{content['clip']}/{name}" for name in (CONFIG_FILE, WEIGHTS_FILE)]
    elif is_clip_file(clip.pretrained):
        wanted += [clip.pretrained]
    missing = tuple(f"{name} (into {folder})" for name in wanted if not (folder / name).is_file())
    segmenter = _segmentation(folder, content)
    if segmenter is not None and local_file(network(segmenter.name)) is None:
        missing += (f"{segmenter.name} (eclipsed models fetch {segmenter.name})",)
    shipped = shipped_folder() / "checkpoints" in folder.resolve().parents
    name = content["name"]
    return SetStatus(
        name, folder, missing, shipped, content.get("description", ""), content.get("licence", "")
    ), content


def _inspect_known(folder: Path) -> tuple[SetStatus, dict[str, Any]]:
    """The same for a set of the catalogue."""
    entry = known_sets()[folder.name]
    wanted = {key: network(entry[key]) for key in ("generator", "parser") if entry.get(key)}
    missing = tuple(
        f"{each.name} ({each.description})"
        for each in wanted.values()
        if not (folder / each.file).is_file() and local_file(each) is None
    )
    licence = "; ".join(f"{key}: {each.licence.text}" for key, each in wanted.items())
    content = {**entry, "name": folder.name, "licence": licence}
    return SetStatus(folder.name, folder, missing, False, entry["description"], licence), content


def _content(folder: Path) -> dict[str, Any]:
    """Read and check a set.json."""
    path = folder / "set.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise CheckpointError(f"{path}: expected a model set of format {_FORMAT}; found {found!r}")
    content = {"name": folder.name, **content}
    by_file = content.get("parser") is not None and not isinstance(content["parser"], dict)
    for key in ("name", "generator", *(("parser",) if by_file else ())):
        if not isinstance(content.get(key), str) or not content[key]:
            raise CheckpointError(f"{path}: {key!r} must be a text; found {content.get(key)!r}")
    for key in ("classifier", "encoder", "description", "licence"):
        if not isinstance(content.get(key, ""), str | None):
            raise CheckpointError(f"{path}: {key!r} must be a text; found {content[key]!r}")
    clip = content.get("clip")
    if not (isinstance(clip, str) and clip) and not (
        isinstance(clip, dict) and all(isinstance(clip.get(key), str) for key in ("model", "pretrained"))
    ):
        raise CheckpointError(f"{path}: 'clip' must be a folder or hold 'model' and 'pretrained'; found {clip!r}")
    _world(folder, content)
    _segmentation(folder, content)
    _kind(folder, content)
    psi = content.get("truncation_psi", _TRUNCATION_PSI)
    if not is_real(psi):
        raise CheckpointError(f"{path}: 'truncation_psi' must be a number; found {psi!r}")
    of_class = content.get("class")
    if of_class is not None and not is_whole(of_class, 0):
        raise CheckpointError(f"{path}: 'class' must be the number of a class, from 0; found {of_class!r}")
    return content


def _world(folder: Path, content: Mapping[str, Any]) -> World:
    """The world that a set.json names, or brings in a folder beside it; without a word, that of faces."""
    given = content.get("world")
    if given is None:
        return find_world()
    path = folder / "set.json"
    if not isinstance(given, str) or not given:
        raise CheckpointError(f"{path}: 'world' must be the name of a world or a folder; found {given!r}")
    if given not in known_worlds() and not (folder / given).is_dir():
        known = ", ".join(known_worlds())
        raise CheckpointError(f"{path}: there is no world {given!r}; known: {known}, or a folder beside the file")
    try:
        return find_world(given if given in known_worlds() else folder / given)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: its world cannot be read: {error}") from None


def _model_set(folder: Path, content: Mapping[str, Any]) -> ModelSet:
    def place(key: str) -> Path | None:
        name = content.get(key)
        if not name:
            return None
        if isinstance(name, dict):
            return find_network(name["network"])
        if not _is_known(folder):
            return folder / str(name)
        by_hand = folder / network(name).file
        return by_hand if by_hand.is_file() else find_network(name)

    generator = place("generator")
    assert generator is not None
    parts = kept_parts(content["name"])
    return ModelSet(
        name=content["name"],
        folder=folder,
        generator=generator,
        parser=place("parser"),
        clip=_clip_source(folder, content["clip"]),
        classifier=place("classifier"),
        encoder=None if _is_known(folder) else place("encoder"),  # photos do without it where it was not fetched
        world=_world(folder, content).with_parts({part.name: part.words for part in parts}),
        truncation_psi=float(content.get("truncation_psi", _TRUNCATION_PSI)),
        class_index=content.get("class"),
        description=content.get("description") or "",
        licence=content.get("licence") or "",
        kind=_kind(folder, content),
        parts=parts,
        segmentation=_segmentation(folder, content),
    )


def _segmentation(folder: Path, content: Mapping[str, Any]) -> Segmentation | None:
    """The segmentation network that a set.json names as its parser, with its classes; None where it names a file."""
    given = content.get("parser")
    if not isinstance(given, dict):
        return None
    path = folder / "set.json"
    name = given.get("network")
    if name not in SEGMENTERS or set(given) != {"network", "classes"}:
        raise CheckpointError(
            f"{path}: 'parser' must be a file, or hold 'network', one of {', '.join(SEGMENTERS)}, and 'classes'; found"
            f" {given!r}"
        )
    try:
        classes = check_classes(given["classes"])
        _world(folder, content).expand(classes.values())
    except InputError as error:
        raise CheckpointError(f"{path}: 'parser': {error}") from None
    return Segmentation(name, classes)


def _kind(folder: Path, content: Mapping[str, Any]) -> OwnKind:
    """What a set draws, by its own word."""
    named = _folder_of(folder.name) == folder
    return read_kind(folder / "set.json", content, folder.name if named else str(folder))


def _clip_source(folder: Path, clip: str | Mapping[str, str]) -> ClipSource:
    """The CLIP that a set.json names: a folder beside it, ``MODEL/TAG``, or a model with a tag or a file beside it."""
    if not isinstance(clip, str):
        found: tuple[str, str | None] | None = (clip["model"], clip["pretrained"])
    else:
        found = None if (folder / clip).is_dir() else split_clip(clip)
    if found is None or not found[1]:
        return ClipSource(str(folder / str(clip)))
    model, tag = found[0], found[1]
    beside = folder / Path(tag).expanduser()
    return ClipSource(model, str(beside) if beside.is_file() or is_clip_file(tag) else tag)
