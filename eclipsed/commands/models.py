"""``eclipsed models``: which pretrained networks there are, what is in them, and their conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eclipsed.atomic import check_writable
from eclipsed.checkpoints.catalogue import find_set, list_sets
from eclipsed.commands.options import Json
from eclipsed.commands.terminal import result, result_json
from eclipsed.errors import InputError

__all__ = ["app", "describe_sets"]

app = typer.Typer(no_args_is_help=True, help="List, describe and convert pretrained networks.")


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the model sets: those that are here, and known ones with what they lack."""
    rows = describe_sets()
    if as_json:
        result_json(rows)
        return
    for row in rows:
        result(f"{row['name']}: {'present' if row['present'] else 'absent'}, {row['folder']}")
        if row["description"]:
            result(f"  {row['description']}")
        for missing in row["missing"]:
            result(f"  needs {missing}")


@app.command()
def info(
    name: Annotated[str, typer.Argument(metavar="SET", help="A model set, its folder, or a generator file.")],
    as_json: Json = False,
) -> None:
    """Describe a model set, or a generator file of any layout that can be read."""
    from eclipsed.checkpoints import detect_layout, read_generator

    path = Path(name)
    found: dict[str, Any] = {}
    if not path.is_file():
        models = find_set(name)
        path = models.generator
        found = {
            "name": models.name,
            "folder": str(models.folder),
            "description": models.description,
            "licence": models.licence,
            "parser": str(models.parser),
            "clip": " ".join(filter(None, (models.clip.model, models.clip.pretrained))),
            "truncation_psi": models.truncation_psi,
        }
    config, state = read_generator(path)
    found |= {
        "generator": str(path),
        "layout": detect_layout(path),
        "bytes": path.stat().st_size,
        "resolution": config.resolution,
        "z_dim": config.z_dim,
        "w_dim": config.w_dim,
        "num_ws": config.num_ws,
        "mapping_layers": config.mapping_layers,
        "channels": dict(config.channels),
        "parameters": sum(tensor.numel() for tensor in state.values()),
    }
    if as_json:
        result_json(found)
        return
    for key, value in found.items():
        shown = ", ".join(f"{a}: {b}" for a, b in value.items()) if isinstance(value, dict) else value
        result(f"{key}: {shown}")


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A generator: NVIDIA .pkl, rosinality .pt …")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The new file, ending in .safetensors.")],
    half: Annotated[bool, typer.Option("--half", help="Store float16: half the size, no longer equal.")] = False,
) -> None:
    """Rewrite a generator of any readable layout as safetensors; nothing in the file is run."""
    if target.suffix != ".safetensors":
        raise InputError(f"the target must end in .safetensors; got {str(target)!r}")
    check_writable(target)
    import torch

    from eclipsed.checkpoints import convert_generator

    result(str(convert_generator(source, target, dtype=torch.float16 if half else torch.float32)))


def describe_sets() -> list[dict[str, Any]]:
    """Every known model set as plain values."""
    return [
        {
            "name": models.name,
            "present": models.present,
            "folder": str(models.folder),
            "missing": list(models.missing),
            "description": models.description,
            "licence": models.licence,
            "shipped": models.shipped,
        }
        for models in list_sets()
    ]
