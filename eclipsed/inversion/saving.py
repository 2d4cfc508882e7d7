"""``.face.safetensors``: an inverted face that can be edited later without inverting it again."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.editing import faces as editing
from eclipsed.editing.faces import Faces
from eclipsed.errors import InputError
from eclipsed.files import header
from eclipsed.files.kinds import FACES
from eclipsed.latents.latent import Latent
from eclipsed.photos.alignment import Placement
from eclipsed.photos.origin import Origin
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.tuning import Tuning

__all__ = ["faces_digest", "load_faces", "save_faces"]


def save_faces(faces: Faces, generator: Generator, path: str | os.PathLike[str]) -> Path:
    """Write inverted faces: latents, where they lie in their photographs, and how the generator was tuned to them.

    The photographs themselves are not written, only a hash and the size of each.

    Args:
        faces: inverted and not edited.
        generator: that they were inverted with.
        path: by custom a name ending in ``.face.safetensors``.
    Returns:
        `path`.
    Raises:
        InputError: the faces were sampled, or edited.
        OutputError: the file cannot be written.
    """
    if len(faces.origins) != len(faces):
        raise InputError("only faces that were inverted from a photo are saved; for others keep the seed")
    if faces.edits:
        raise InputError("these faces are edited; save them before the edit, and apply the directions again later")
    plain, entries = _contents(faces)
    data = {"generator": generator.fingerprint, "generator_name": generator.name, "faces": entries}
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
    entries = []
    for index, origin in enumerate(faces.origins):
        placement = origin.placement
        entry: dict[str, Any] = {"centre": placement.centre, "across": placement.across}
        entries.append({**entry, "photo_sha256": origin.sha256, "photo_size": origin.size})
        if origin.tuning is not None:
            for name, (up, down) in origin.tuning.factors.items():
                tensors |= {f"{index}.up.{name}": up, f"{index}.down.{name}": down}
            tensors |= {f"{index}.offset.{name}": offset for name, offset in origin.tuning.offsets.items()}
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, entries


def load_faces(generator: Generator, path: str | os.PathLike[str]) -> Faces:
    """Read what `save_faces` wrote.

    Args:
        generator: that the faces were inverted with.
        path: the file.
    Raises:
        MissingModelError: there is no such file.
        InputError: it is damaged, holds no faces, or belongs to another generator.
    """
    data, tensors = header.read(path, FACES)
    if data.get("generator") != generator.fingerprint:
        raise InputError(
            f"{path} was inverted with the generator {data.get('generator_name')!r} "
            f"({str(data.get('generator'))[:12]}); got {generator.name!r} ({generator.fingerprint[:12]}): load the "
            "model set it belongs to, or invert the photo again"
        )
    try:
        origins = tuple(_origin(entry, index, tensors) for index, entry in enumerate(data["faces"]))
        ws = tensors["ws"]
        fits = tuple(ws.shape) == (len(origins), generator.num_ws, generator.w_dim) and bool(ws.isfinite().all())
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    if not fits or not len(ws):
        raise InputError(f"{path} is damaged: its ws {tuple(ws.shape)} do not fit its faces and the generator")
    latent = Latent(ws.to(generator.device, torch.float32))
    return editing.sample(generator, latent, origins=origins)


def _origin(entry: dict[str, Any], index: int, tensors: dict[str, Tensor]) -> Origin:
    (x, y), (across_x, across_y) = entry["centre"], entry["across"]
    width, height = entry["photo_size"]
    placement = Placement((float(x), float(y)), (float(across_x), float(across_y)))
    up, down, offset = (_with(tensors, f"{index}.{kind}.") for kind in ("up", "down", "offset"))
    tuning = Tuning({name: (up[name], down[name]) for name in up}, offset) if up or offset else None
    return Origin(placement, str(entry["photo_sha256"]), (int(width), int(height)), tuning=tuning)


def _with(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
