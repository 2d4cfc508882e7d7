"""``.face.safetensors``: faces that can be edited later, inverted ones without inverting them again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from eclipsed.editing import faces as editing
from eclipsed.editing.faces import Faces, check_faces
from eclipsed.errors import InputError
from eclipsed.files import header
from eclipsed.files.kinds import FACES
from eclipsed.latents.latent import Latent
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.photos.alignment import Placement
from eclipsed.photos.kept import Kept
from eclipsed.photos.origin import Origin
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.kinship import GeneratorId
from eclipsed.pretrained.parser import Parser
from eclipsed.pretrained.tuning import Tuning
from eclipsed.values.alphas import check_alpha
from eclipsed.values.seeds import check_seeds

__all__ = ["faces_digest", "load_faces", "save_faces"]


def save_faces(faces: Faces, generator: Generator, path: str | os.PathLike[str]) -> Path:
    """Write faces of any origin: their latents, and what they come from.

    Of inverted faces these are where they lie in their photographs, and how the generator was tuned to them. The
    photographs themselves are not written, only a hash and the size of each. Of others they are seeds and z.

    Args:
        faces: not edited.
        generator: that they were made with.
        path: by custom a name ending in ``.face.safetensors``.
    Returns:
        `path`.
    Raises:
        InputError: the faces are edited.
        OutputError: the file cannot be written.
    """
    if check_faces(faces).edits:
        raise InputError("these faces are edited; save them before the edit, and apply the directions again later")
    plain, entries = _contents(faces)
    data: dict[str, Any] = {
        "generator": generator.fingerprint,
        "generator_name": generator.name,
        "generator_sketch": generator.sketch,
        "faces": entries,
    }
    if not faces.origins:
        data |= {"seeds": list(faces.seeds), "truncation_psi": faces.latent.truncation_psi}
    if faces.latent.class_index is not None:
        data |= {"class": faces.latent.class_index}
    return header.write(path, FACES, data, plain)


def faces_digest(faces: Faces) -> str:
    """What tells inverted faces from any others: a SHA-256 of all that `save_faces` writes of them, as hex digits."""
    tensors, entries = _contents(faces)
    digest = hashlib.sha256(json.dumps(entries, allow_nan=False).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _contents(faces: Faces) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    tensors: dict[str, Tensor] = {"ws": faces.ws}
    entries: list[dict[str, Any]] = []
    for index, origin in enumerate(faces.origins):
        placement = origin.placement
        entry: dict[str, Any] = {"centre": placement.centre, "across": placement.across}
        if origin.kept is not None:
            entry["kept_depth"] = origin.kept.features.depth
        entries.append({**entry, "photo_sha256": origin.sha256, "photo_size": origin.size})
        tensors |= _tuned(origin, index) | _kept(origin, index)
    if not faces.origins:
        entries = [{} for _ in range(len(faces))]
        tensors |= {} if faces.latent.z is None else {"z": faces.latent.z}
        tensors |= {f"style.{name}": offset for name, offset in faces.latent.offsets.items()}
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, entries


def _tuned(origin: Origin, index: int) -> dict[str, Tensor]:
    """What a generator was tuned by to one face, under the names of the file."""
    tensors: dict[str, Tensor] = {}
    if origin.tuning is not None:
        for name, (up, down) in origin.tuning.factors.items():
            tensors |= {f"{index}.up.{name}": up, f"{index}.down.{name}": down}
        tensors |= {f"{index}.offset.{name}": offset for name, offset in origin.tuning.offsets.items()}
    return tensors


def _kept(origin: Origin, index: int) -> dict[str, Tensor]:
    """What of a face is kept, under the names of the file: of the maps only the places that hold."""
    if origin.kept is None:
        return {}
    small = origin.kept.features.small()
    return {f"{index}.kept.{name}": value for name, value in small.items()}


def load_faces(
    generator: Generator,
    path: str | os.PathLike[str],
    *,
    any_generator: bool = False,
    parser: Callable[[], Parser] | None = None,
) -> Faces:
    """Read what `save_faces` wrote.

    Args:
        generator: that the faces were inverted with.
        path: the file.
        any_generator: read faces of any other generator, too, as far as their shapes fit.
        parser: gives what finds the parts of a face of which something is kept; None leaves out what is kept.
    Raises:
        MissingModelError: there is no such file.
        InputError: it is damaged, holds no faces, or belongs to another generator.
    """
    data, tensors = header.read(path, FACES)
    if not any_generator:
        _made_on(path, data).check(
            generator.id,
            f"{path} was inverted with",
            "load the model set it belongs to, or invert the photo again (any_generator=True or --any-generator takes "
            "it as it is)",
            error=InputError,
            relatives=False,  # which draw another face
        )
    try:
        from_photos = any(data["faces"])
        origins = tuple(_origin(entry, k, tensors, parser) for k, entry in enumerate(data["faces"]) if from_photos)
        seeds = check_seeds(data["seeds"]) if data.get("seeds") else ()
        psi = check_alpha(data.get("truncation_psi", 1.0), name="truncation_psi")
        of_class = _class_of(generator, data.get("class"), len(data["faces"]))
        ws, z, offsets = tensors["ws"], tensors.get("z"), _with(tensors, "style.")
        fits = tuple(ws.shape) == (len(data["faces"]), generator.num_ws, generator.w_dim) and len(seeds) in (0, len(ws))
        fits &= all(origin.kept is None or _fits(origin.kept.features, generator) for origin in origins)
        fits &= z is None or tuple(z.shape) == (len(ws), generator.z_dim)
        fits &= all(tuple(v.shape) == (len(ws), generator.layer(name).channels) for name, v in offsets.items())
        fits &= all(bool(value.isfinite().all()) for value in (ws, *([] if z is None else [z]), *offsets.values()))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    if not fits or not len(ws):
        raise InputError(f"{path} is damaged: its ws {tuple(ws.shape)} do not fit its faces and the generator")
    there = {name: value.to(generator.device, torch.float32) for name, value in offsets.items()}
    latent = Latent(
        ws.to(generator.device, torch.float32),
        None if z is None else z.to(generator.device, torch.float32),
        psi,
        there,
        of_class,
    )
    return editing.sample(generator, latent, seeds=seeds, origins=origins)


def _fits(kept: KeptFeatures, generator: Generator) -> bool:
    """Whether feature maps are those of a generator."""
    layers = generator.layers
    if not 0 < kept.depth < len(layers):
        return False
    last, following = layers[kept.depth - 1], layers[kept.depth]
    side = last.resolution + 2 * last.margin
    colours = kept.image is None or tuple(kept.image.shape[2:]) == (last.resolution, last.resolution)
    numbers = [one for one in (kept.share, kept.x, kept.image) if one is not None]
    return (
        tuple(kept.share.shape[2:]) == (last.resolution, last.resolution)
        and tuple(kept.x.shape[1:]) == (following.channels, side, side)
        and colours
        and all(bool(one.isfinite().all()) for one in numbers)
    )


def _made_on(path: str | os.PathLike[str], data: dict[str, Any]) -> GeneratorId:
    names = ("generator", "generator_name", "generator_sketch")
    fingerprint, name, sketch = (str(data.get(key, "")) for key in names)
    try:
        return GeneratorId(fingerprint=fingerprint, name=name, sketch=sketch)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from error


def _class_of(generator: Generator, saved: object, count: int) -> int | tuple[int, ...] | None:
    """The class of saved faces, or one for each."""
    if saved is None:
        return None
    return (
        generator.classes(saved, count) if isinstance(saved, list) else generator.of_class(cast(int, saved)).class_index
    )


def _origin(
    entry: dict[str, Any], index: int, tensors: dict[str, Tensor], parser: Callable[[], Parser] | None
) -> Origin:
    (x, y), (across_x, across_y) = entry["centre"], entry["across"]
    width, height = entry["photo_size"]
    placement = Placement((float(x), float(y)), (float(across_x), float(across_y)))
    up, down, offset = (_with(tensors, f"{index}.{kind}.") for kind in ("up", "down", "offset"))
    tuning = Tuning({name: (up[name], down[name]) for name in up}, offset) if up or offset else None
    kept = None
    if "kept_depth" in entry and parser is not None:
        features = KeptFeatures.of_small(int(entry["kept_depth"]), _with(tensors, f"{index}.kept."))
        kept = Kept(features, tensors["ws"][index : index + 1].float(), parser())
    return Origin(placement, str(entry["photo_sha256"]), (int(width), int(height)), tuning=tuning, kept=kept)


def _with(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
