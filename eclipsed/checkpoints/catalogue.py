"""Model sets: a generator, a parser and a CLIP that belong together, found by name or by folder.

A set is a folder with a ``set.json``. Sets ship with the package, or lie in ``$ECLIPSED_HOME/sets`` (without that
variable, in the user's cache). This module loads no networks and no torch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eclipsed.errors import CheckpointError, MissingModelError

__all__ = [
    "ClipSource",
    "ModelSet",
    "SetStatus",
    "find_set",
    "list_sets",
    "shipped_directions",
    "user_directions",
    "user_sets",
]

_FORMAT = 1
_CLIP_FILES = ("open_clip_config.json", "open_clip_model.safetensors")
_TRUNCATION_PSI = 0.8

#: Sets that we know but may not hand out: what their set.json says, and where each file comes from.
_KNOWN: Mapping[str, tuple[dict[str, Any], dict[str, str]]] = {
    "ffhq": (
        {
            "format": _FORMAT,
            "name": "ffhq",
            "description": "photographs of faces at 1024 px: NVIDIA's FFHQ generator, BiSeNet parser, OpenAI's CLIP",
            "licence": "generator: Nvidia Source Code License-NC, for non-commercial use only; parser and CLIP: MIT",
            "generator": "ffhq.pkl",
            "parser": "parsing_bisenet.pth",
            "clip": {"model": "ViT-B-32-quickgelu", "pretrained": "openai"},
            "truncation_psi": 0.7,
        },
        {
            "ffhq.pkl": "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/ffhq.pkl",
            "parsing_bisenet.pth": "https://github.com/xinntao/facexlib/releases/download/v0.2.0/parsing_bisenet.pth",
        },
    )
}


@dataclass(frozen=True)
class ClipSource:
    """Which CLIP a set uses."""

    model: str  # open_clip's model name, or the path of a local folder
    pretrained: str | None = None  # open_clip's tag; None for a folder


@dataclass(frozen=True)
class ModelSet:
    """The files of one model set, all of them present."""

    name: str
    folder: Path
    generator: Path
    parser: Path
    clip: ClipSource
    classifier: Path | None = None  # judges edits; no part of making them
    encoder: Path | None = None  # guesses the latents of photographs
    truncation_psi: float = _TRUNCATION_PSI  # default for sampling
    description: str = ""
    licence: str = ""


@dataclass(frozen=True)
class SetStatus:
    """Whether a set can be used, and what it lacks."""

    name: str
    folder: Path
    missing: tuple[str, ...] = ()  # what has to be put into the folder, or what is wrong with it
    shipped: bool = False  # came with the package
    description: str = ""
    licence: str = ""

    @property
    def present(self) -> bool:
        """Whether everything is there."""
        return not self.missing


def find_set(name_or_path: str | os.PathLike[str] = "mini") -> ModelSet:
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
    if status.missing:
        raise MissingModelError(
            f"the model set {status.name!r} in {folder} is not complete: it needs {'; '.join(status.missing)}"
        )
    return _model_set(folder, content)


def list_sets() -> list[SetStatus]:
    """Every set that is shipped, installed by the user, or known but absent, by name."""
    found: dict[str, SetStatus] = {}
    for root in (user_sets(), _shipped() / "checkpoints"):  # a shipped set wins, as in `find_set`
        folders = sorted(p for p in root.iterdir() if (p / "set.json").is_file()) if root.is_dir() else []
        for folder in folders:
            try:
                found[folder.name] = _inspect(folder)[0]
            except CheckpointError as error:
                found[folder.name] = SetStatus(folder.name, folder, (str(error),))
    for name in _KNOWN:
        if name not in found:
            found[name] = _inspect(user_sets() / name)[0]
    return [found[name] for name in sorted(found)]


def shipped_directions() -> Path:
    """The folder of trained directions that came with the package; only to be read."""
    return _shipped() / "models"


def user_directions() -> Path:
    """The folder where a user's own directions are kept; it need not be there yet."""
    return _home() / "directions"


def user_sets() -> Path:
    """The folder where a user's own model sets are kept; it need not be there yet."""
    return _home() / "sets"


def _home() -> Path:
    given = os.environ.get("ECLIPSED_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("eclipsed", appauthor=False))


def _shipped() -> Path:
    """Where the shipped folders are: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_shipped"
    checkout = (package.parent / "pyproject.toml").is_file()
    return package.parent if checkout and not inside.is_dir() else inside


def _is_path(name: str) -> bool:
    return not name or name.startswith((".", "~")) or "/" in name or os.sep in name


def _folder_of(name: str) -> Path | None:
    """The folder of a named set; None when no set has this name."""
    shipped = _shipped() / "checkpoints" / name
    if (shipped / "set.json").is_file():
        return shipped
    own = user_sets() / name
    return own if name in _KNOWN or (own / "set.json").is_file() else None


def _not_found(name: str) -> str:
    if _is_path(name):
        return f"{name!r} is not the folder of a model set: it has no set.json; known names: {_names()}"
    return f"there is no model set {name!r}; known: {_names()}; a set of your own goes to {user_sets() / name}"


def _names() -> str:
    return ", ".join(status.name for status in list_sets())


def _inspect(folder: Path) -> tuple[SetStatus, dict[str, Any]]:
    """What a set's folder says of itself, and which of its files are missing."""
    known, addresses = _KNOWN.get(folder.name, ({}, {}))
    content = _content(folder) if (folder / "set.json").is_file() else dict(known)
    wanted = [content["generator"], content["parser"]]
    wanted += [content[key] for key in ("classifier", "encoder") if content.get(key)]
    if isinstance(content["clip"], str):
        wanted += [f"{content['clip']}/{name}" for name in _CLIP_FILES]
    missing = tuple(
        f"{name} (from {addresses[name]}, into {folder})" if name in addresses else f"{name} (into {folder})"
        for name in wanted
        if not (folder / name).is_file()
    )
    shipped = _shipped() / "checkpoints" in folder.resolve().parents
    name = content["name"]
    return SetStatus(
        name, folder, missing, shipped, content.get("description", ""), content.get("licence", "")
    ), content


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
    for key in ("name", "generator", "parser"):
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
    psi = content.get("truncation_psi", _TRUNCATION_PSI)
    if isinstance(psi, bool) or not isinstance(psi, int | float) or not math.isfinite(psi):
        raise CheckpointError(f"{path}: 'truncation_psi' must be a number; found {psi!r}")
    return content


def _model_set(folder: Path, content: Mapping[str, Any]) -> ModelSet:
    clip = content["clip"]
    return ModelSet(
        name=content["name"],
        folder=folder,
        generator=folder / content["generator"],
        parser=folder / content["parser"],
        clip=ClipSource(str(folder / clip)) if isinstance(clip, str) else ClipSource(clip["model"], clip["pretrained"]),
        classifier=folder / content["classifier"] if content.get("classifier") else None,
        encoder=folder / content["encoder"] if content.get("encoder") else None,
        truncation_psi=float(content.get("truncation_psi", _TRUNCATION_PSI)),
        description=content.get("description") or "",
        licence=content.get("licence") or "",
    )
