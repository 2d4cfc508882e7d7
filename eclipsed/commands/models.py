"""``eclipsed models``: which pretrained networks there are, what is in them, and their conversion.

Fetching, verifying and removing are in `eclipsed.commands.store`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from eclipsed.commands import store
from eclipsed.commands.measure import measure
from eclipsed.commands.options import Json
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import result, result_json
from eclipsed.errors import InputError
from eclipsed.files.atomic import check_writable
from eclipsed.store.clip_files import clip_file
from eclipsed.store.clips import clip_name, clip_settings, is_clip_file, parse_clip_name
from eclipsed.store.files import local_file, read_record
from eclipsed.store.networks import known_networks, known_sets, set_networks
from eclipsed.store.sets import SetStatus, find_set, how_to_hold, list_sets

__all__ = ["app", "describe_sets"]

_MB = 10**6

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Fetch, list, describe, verify and convert pretrained networks."
)
app.command()(store.fetch)
app.command()(store.verify)
app.command()(store.remove)
app.command()(store.path)
app.command()(measure)


@app.command("list")
def list_models(
    networks: Annotated[bool, typer.Option("--networks", help="List single networks instead of sets.")] = False,
    as_json: Json = False,
) -> None:
    """List the model sets.

    Those that are here, and known ones with what they lack.
    """
    rows = [describe_network(name) for name in known_networks()] if networks else describe_sets()
    if as_json:
        result_json(rows)
        return
    for row in rows:
        place = row["file"] if networks else row["folder"]
        result(f"{row['name']}: {f'present, {place}' if row['present'] else 'absent'}")
        if row["description"]:
            result(f"  {row['description']}")
        size = _sizes(row)
        if size:
            result(f"  {size}")
        for missing in row.get("missing", ()):
            result(f"  needs {missing}")
        if not row["present"] and (networks or row["name"] in known_sets()):
            result(f"  get it: eclipsed models fetch {row['name']}")


@app.command()
def info(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A model set, network or CLIP model, a set's folder, or a generator file."),
    ],
    as_json: Json = False,
) -> None:
    """Describe a set, network, CLIP model or generator file.

    The file may have any layout that can be read.
    """
    if name in known_networks() or (name in known_sets() and not _is_present(name)):
        _show(describe_network(name) if name in known_networks() else _describe_absent(name), as_json)
        return
    if parse_clip_name(name) is not None:
        _show(describe_clip(name), as_json)
        return
    from eclipsed.checkpoints.generators import detect_layout, read_generator

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
            "parser": None if models.parser is None else str(models.parser),
            **({"regions": how_to_hold(models.name)} if models.parser is None else {}),
            "clip": " ".join(filter(None, (models.clip.model, models.clip.pretrained))),
            "truncation_psi": models.truncation_psi,
            "set_bytes": sum(one.stat().st_size for one in models.folder.rglob("*") if one.is_file()),
        }
    with waiting(f"reading {path.name}"):
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
        "architecture": config.architecture,
        "channels": config.widths,
        "parameters": sum(tensor.numel() for tensor in state.values()),
    }
    _show(found, as_json)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A generator: NVIDIA .pkl, rosinality .pt …")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The new file, ending in .safetensors.")],
    half: Annotated[bool, typer.Option("--half", help="Store float16: half the size, no longer equal.")] = False,
) -> None:
    """Rewrite a generator as safetensors.

    It may have any layout that can be read; nothing in the file is run.
    """
    if target.suffix != ".safetensors":
        raise InputError(f"the target must end in .safetensors; got {str(target)!r}")
    check_writable(target)
    import torch

    from eclipsed.checkpoints.convert import convert_generator

    with waiting(f"converting {source.name}"):
        written = convert_generator(source, target, dtype=torch.float16 if half else torch.float32)
    result(str(written))


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
            **_size(models),
        }
        for models in list_sets()
    ]


def _size(models: SetStatus) -> dict[str, Any]:
    """Bytes on this disk, bytes to fetch as far as they are published, and of which networks they are not."""
    files = {path for path in models.folder.rglob("*") if path.is_file()} if models.folder.is_dir() else set()
    wanted = [known_networks()[name] for name in set_networks(models.name)] if models.name in known_sets() else []
    here = {one.name: local_file(one) for one in wanted}
    files |= {path for path in here.values() if path is not None}
    absent = [one for one in wanted if here[one.name] is None]
    return {
        "bytes": sum(path.stat().st_size for path in files),
        "bytes_to_fetch": sum(one.size or 0 for one in absent),
        "unpublished": [one.name for one in absent if one.size is None],
    }


def _sizes(row: Mapping[str, Any]) -> str:
    """The size of a set, or of a network, for people."""
    told = []
    if row.get("file", True) and row["bytes"]:
        told.append(f"{row['bytes'] / _MB:.1f} MB on this disk")
    to_fetch = row["bytes_to_fetch"] if "bytes_to_fetch" in row else 0 if row["present"] else row["bytes"] or 0
    if to_fetch:
        told.append(f"{to_fetch / _MB:.1f} MB to fetch{', and its CLIP' * ('bytes_to_fetch' in row)}")
    unpublished = row.get("unpublished", [] if row["present"] or row["bytes"] else [row["name"]])
    if unpublished:
        told.append(f"the size of {', '.join(unpublished)} is not published")
    return "; ".join(told)


def describe_network(name: str) -> dict[str, Any]:
    """A network of the catalogue as plain values."""
    wanted = known_networks()[name]
    file = local_file(wanted)
    record = None if file is None else read_record(file)
    checked = "no hash is published; what is fetched first is recorded and checked ever after"
    if wanted.sha256_start is not None:
        checked = f"a sha256 that begins with {wanted.sha256_start}, as published; the rest is recorded at first use"
    elif wanted.sha256 is None and record is not None:
        checked = f"recorded at first use on {record.date[:10]}"
    return {
        "name": name,
        "present": file is not None,
        "file": None if file is None else str(file),
        "description": wanted.description,
        "from": list(wanted.addresses),
        "bytes": wanted.size if record is None else record.source_bytes,
        "sha256": wanted.sha256 or (None if record is None else record.source_sha256),
        "checked": "against the published sha256" if wanted.sha256 else checked,
        "licence": wanted.licence.text,
        "licence_address": wanted.licence.address,
        "non_commercial": wanted.licence.non_commercial,
    }


def describe_clip(name: str) -> dict[str, Any]:
    """A CLIP model, ``clip:MODEL/TAG``, as plain values.

    Raises:
        InputError: open_clip knows no such model or tag.
        MissingModelError, CheckpointError: the file in place of a tag is not there, or not of this model.
    """
    model, tag = parse_clip_name(name) or (name, None)
    if tag is not None and is_clip_file(tag):
        from eclipsed.pretrained.bring_clip import check_clip

        file: Path | None = Path(tag).expanduser()
        tensors = check_clip(model, Path(tag).expanduser())
        where, checked = [], f"opened: it holds the {tensors} tensors of CLIP {model}"
    else:
        file = clip_file(model, tag)
        settings = {} if tag is None else clip_settings(model, tag)
        where = [str(settings[key]) for key in ("hf_hub", "url") if settings.get(key)] or [model]
        checked = "against the sha256 that its authors or the hub publish, where they do"
    record = None if file is None else read_record(file)
    if record is not None:
        checked = "against the published sha256" if record.pinned else f"recorded at first use on {record.date[:10]}"
    return {
        "name": clip_name(model, tag),
        "present": file is not None,
        "file": None if file is None else str(file),
        "description": f"CLIP {model}" + (f", its weights {tag}" if tag else ""),
        "from": [record.source] if record is not None else where,
        "bytes": None if file is None else file.stat().st_size,
        "sha256": None if record is None else record.sha256,
        "checked": checked,
    }


def _describe_absent(name: str) -> dict[str, Any]:
    (models,) = (row for row in describe_sets() if row["name"] == name)
    entry = known_sets()[name]
    return {
        **models,
        "generator": entry["generator"],
        "parser": entry.get("parser"),
        **({"regions": how_to_hold(name)} if entry.get("parser") is None else {}),
        "clip": " ".join(entry["clip"].values()),
        "truncation_psi": entry["truncation_psi"],
        "fetch": f"eclipsed models fetch {name}",
    }


def _is_present(name: str) -> bool:
    return any(models.present for models in list_sets() if models.name == name)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        result_json(found)
        return
    for key, value in found.items():
        shown = ", ".join(f"{a}: {b}" for a, b in value.items()) if isinstance(value, dict) else value
        result(f"{key}: {', '.join(map(str, shown)) if isinstance(shown, list) else shown}")
