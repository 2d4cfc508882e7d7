"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eclipsed.errors import InputError
from eclipsed.training.config import TrainConfig
from eclipsed.values.seeds import parse_seeds

if TYPE_CHECKING:
    from eclipsed.compute.crew import Crew

__all__ = [
    "Alpha",
    "AnyGenerator",
    "Blend",
    "ClassIndex",
    "Clips",
    "Cpus",
    "Device",
    "Directions",
    "Gpus",
    "GpusOrAuto",
    "Json",
    "Latents",
    "Layers",
    "Level",
    "MaskFile",
    "Models",
    "Named",
    "PromptFile",
    "Psi",
    "RayAddress",
    "Seeds",
    "SeedsOrNone",
    "StackFile",
    "Threads",
    "Witness",
    "Workers",
    "crew_of",
    "default_of",
    "parse_gpus",
    "parse_layers",
    "parse_names",
    "parse_setting",
    "refuse",
    "settings_beside",
]

Models = Annotated[str, typer.Option("--models", metavar="SET", help="Model set: a name, or a folder with set.json.")]
Device = Annotated[
    str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps.", show_default="the best")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result, or the error, as JSON on stdout.")]
Seeds = Annotated[str, typer.Option("--seeds", metavar="LIST", help="Seeds of the faces, such as 1,2,5-10.")]
SeedsOrNone = Annotated[
    str | None,
    typer.Option("--seeds", metavar="LIST", help="Seeds of the faces, such as 1,2,5-10.", show_default=False),
]
Latents = Annotated[
    Path | None,
    typer.Option(
        "--latents",
        metavar="FILE",
        help="Faces of another project instead of seeds: a .npy, .npz or .pt of e4e, PTI or a projector.",
        show_default=False,
    ),
]
Psi = Annotated[
    float | None,
    typer.Option("--psi", help="Truncation of the faces; 1 is none, 0 the mean face.", show_default="the set's own"),
]
Named = Annotated[str, typer.Argument(metavar="DIRECTION", help="A direction file, or a name such as blond-hair.")]
Directions = Annotated[
    list[str] | None,
    typer.Argument(metavar="DIRECTION...", help="Direction files, or names such as blond-hair.", show_default=False),
]
Level = Annotated[
    str | None,
    typer.Option(
        "--level", metavar="LEVEL", help="How closely a face is met: fast, good or best.", show_default="good"
    ),
]
Alpha = Annotated[
    str, typer.Option("--alpha", help="Strength, 1 = the full edit; one for all directions or one for each.")
]
ClassIndex = Annotated[
    int | None,
    typer.Option(
        "--class",
        metavar="N",
        help="Class of the faces, where the generator has classes.",
        show_default="the set's own",
    ),
]
Clips = Annotated[
    list[str] | None,
    typer.Option(
        "--clip",
        metavar="MODEL/TAG",
        help="Another CLIP than the set's, by open_clip's names, or its folder; repeated, they are asked together.",
        show_default="the set's own",
    ),
]
Witness = Annotated[
    str | None,
    typer.Option(
        "--witness",
        metavar="MODEL/TAG",
        help="A further CLIP, with which nothing is learned: it says what was reached.",
        show_default="none",
    ),
]
AnyGenerator = Annotated[
    bool, typer.Option("--any-generator", help="Also take directions of generators that are no relatives of this one.")
]
StackFile = Annotated[
    Path | None,
    typer.Option("--stack", metavar="FILE", help="An edit stack from the studio, instead of directions and alphas."),
]
Blend = Annotated[
    str | None,
    typer.Option(
        "--blend",
        metavar="pixels|features|styles",
        help="Put the edited part into the original picture, its features or its styles; the rest stays as it is.",
        show_default="no blending",
    ),
]
MaskFile = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        metavar="FILE",
        help="Picture of a painted region: white where the edit may act, black elsewhere.",
        show_default=False,
    ),
]
Layers = Annotated[
    str | None,
    typer.Option("--layers", metavar="LIST", help="Rows that the edit may touch, such as 4-7.", show_default="all"),
]
PromptFile = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="PROMPTS",
        help="Learn every prompt of a .txt, .csv or .jsonl, into the folder that --out names.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", help="Processes that work side by side.", show_default="1; with --ray, all that fit"
    ),
]
Threads = Annotated[int, typer.Option("--threads", metavar="N", help="Threads of each worker.")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="[ADDRESS]",
        help="Work on a Ray cluster: auto, or HOST:PORT. Without an address one is started here.",
        show_default=False,
    ),
]
Gpus = Annotated[float, typer.Option("--gpus", metavar="SHARE", help="GPUs that Ray sets aside for each worker.")]
GpusOrAuto = Annotated[
    str,
    typer.Option("--gpus", metavar="SHARE|auto", help="GPUs that Ray sets aside for each worker; auto measures it."),
]
Cpus = Annotated[
    float | None,
    typer.Option(
        "--cpus", metavar="SHARE", help="CPUs that Ray sets aside for each worker.", show_default="one a thread"
    ),
]

_DEFAULTS = TrainConfig()


def default_of(name: str) -> str:
    """The default of a training option as the help page shows it."""
    if name not in {field.name for field in fields(TrainConfig)}:
        raise KeyError(name)
    value = getattr(_DEFAULTS, name)
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_beside(*options: str) -> str:
    """The training options without an option of their own on the command line, as the help page lists them.

    Args:
        options: those that have one.
    """
    return ", ".join(field.name for field in fields(TrainConfig) if field.name not in options)


def crew_of(workers: int | None, ray: str | None, cpus: float | None, gpus: float) -> Crew | None:
    """Who does many pieces of work; None, where nothing was asked for, is this process with all its threads.

    Raises:
        InputError: a number is out of range.
    """
    if workers is None and ray is None:
        return None
    from eclipsed.compute.crew import Crew  # brings torch

    return Crew(workers, ray=ray, cpus=cpus, gpus=gpus)


def parse_gpus(text: str) -> float | str:
    """Read a share of a GPU, or ``"auto"``.

    Raises:
        InputError: it is neither.
    """
    if text.strip() == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--gpus takes a number such as 0.25, or auto; got {text[:60]!r}") from None


def parse_layers(text: str | None) -> tuple[int | str, ...] | None:
    """Read layers: row numbers and ranges (``"0-3,6"``), layer names (``"b8.conv0"``), or ``"all"`` (None).

    Raises:
        InputError: the list is empty or a range runs backwards.
    """
    if text is None or text.strip() == "all":
        return None
    layers: list[int | str] = []
    for item in (part.strip() for part in text.split(",")):
        if not item:
            raise InputError(f"layers are rows, ranges and layer names such as 0-3,6,b8.conv0; got {text[:60]!r}")
        layers.extend(parse_seeds(item) if item[0].isdigit() or item[0] == "-" else (item,))
    return tuple(layers)


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """Read names separated by commas; None stays None.

    Raises:
        InputError: a name is empty.
    """
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise InputError(f"expected names separated by commas; got {text[:60]!r}")
    return names


def parse_setting(text: str) -> tuple[str, Any]:
    """Read ``name=value`` of a training option; the value is JSON, or else text.

    Raises:
        InputError: there is no equals sign, or no such option.
    """
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    known = [field.name for field in fields(TrainConfig)]
    if not equals or name not in known:
        raise InputError(f"expected NAME=VALUE with a training option ({', '.join(known)}); got {text[:60]!r}")
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        read = value.strip()
    return name, tuple(read) if isinstance(read, list) else read


def refuse(given: Mapping[str, object], where: str) -> None:
    """Refuse options that mean nothing beside others.

    Args:
        given: what each was given; None where it was left out.
        where: they have no meaning, such as "without --suite".
    Raises:
        InputError: one was given.
    """
    for name, value in given.items():
        if value is not None:
            raise InputError(f"{name} has no meaning {where}; leave it out")
