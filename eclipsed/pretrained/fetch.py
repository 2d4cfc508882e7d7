"""Fetching by name: a model set, a single network or a CLIP model. Nothing else in eclipsed uses the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from eclipsed.errors import InputError, MissingModelError
from eclipsed.pretrained.fetch_network import FetchStep, Sources, fetch_network
from eclipsed.store.clip_files import brought_clip, clip_file, surely_not_cached, verify_clip
from eclipsed.store.clips import clip_name, fetch_clip, is_clip_file, parse_clip_name
from eclipsed.store.licences import Consent, agree
from eclipsed.store.networks import known_networks, known_sets, network, set_networks
from eclipsed.store.sets import find_set, list_sets

__all__ = ["fetch", "members"]


def fetch(
    name: str,
    *,
    accept_licence: Consent = False,
    mirror: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    offline: bool | None = None,
    photos: bool = True,
    callback: Callable[[FetchStep], None] = lambda _: None,
) -> tuple[Path, ...]:
    """Fetch pretrained networks by name, unless they are here already.

    Args:
        name: a model set (``"ffhq"``), a network (``"bisenet"``) or a CLIP model (``"clip:ViT-B-16/dfn2b"``, or
            ``"clip:ViT-B-16//path"`` for a file of its weights, which is only checked).
        accept_licence: True agrees to terms that are not for every use; a function is asked for each that was not
            agreed to before.
        mirror: address of a folder that holds the files under their authors' names. CLIP models come from the hub
            all the same; its mirror is the variable ``HF_ENDPOINT``.
        folder: a folder of files brought by hand, or one file. The network is not used. CLIP weights are opened,
            compared with the model of that name and kept as safetensors.
        offline: never use the network; None asks the variable ``ECLIPSED_OFFLINE``.
        photos: fetch what only photographs need as well: the encoder of a set, and what finds faces.
        callback: told of every step.
    Returns:
        The files, verified. CLIP models that lie in open_clip's own cache are not among them.
    Raises:
        MissingModelError: nothing is known by this name, or it is not here and the network must not be used.
        InputError: the terms were not agreed to.
        DownloadError: a file could not be fetched, or what came was not it.
        OutputError: a file cannot be written, or the disk is too full.
    """
    sources = Sources(mirror, None if folder is None else Path(folder), offline)
    if _ships(name):
        models = find_set(name)
        return tuple(path for path in (models.generator, models.parser) if path is not None)
    networks, clip = members(name, photos=photos)
    agree([network(each) for each in networks], accept_licence)  # all questions first, for the rest takes long
    files: list[Path] = []

    def bring(names: Sequence[str]) -> None:
        for each in names:
            files.append(fetch_network(each, accept_licence=accept_licence, sources=sources, callback=callback))

    needed = len(networks) if name not in known_sets() else len(set_networks(name, photos=False))
    bring(networks[:needed])
    if clip is not None:
        files += _fetch_clip(*clip, sources=sources, alone=not networks, callback=callback)
    bring(networks[needed:])  # last, for edits do without them
    return tuple(files)


def members(name: str, *, photos: bool = True) -> tuple[tuple[str, ...], tuple[str, str | None] | None]:
    """What a name stands for: networks of the catalogue, and the model and tag of a CLIP or None; nothing if it ships.

    Args:
        name: as in `fetch`.
        photos: see `fetch`.
    Raises:
        MissingModelError: nothing is known by this name.
        InputError: a CLIP model without its tag.
    """
    clip = parse_clip_name(name)
    if clip is not None or _ships(name):
        return (), clip
    if name in known_sets():
        found = known_sets()[name]["clip"]
        return set_networks(name, photos=photos), (found["model"], found["pretrained"])
    if name in known_networks():
        return (name,), None
    raise MissingModelError(
        f"nothing to fetch is called {name!r}; sets: {', '.join(known_sets())}; networks:"
        f" {', '.join(known_networks())}; CLIP models: clip:MODEL/TAG"
    )


def _ships(name: str) -> bool:
    return any(each.shipped and each.name == name for each in list_sets())


def _fetch_clip(
    model: str, tag: str | None, *, sources: Sources, alone: bool, callback: Callable[[FetchStep], None]
) -> list[Path]:
    name = clip_name(model, tag)
    if tag is not None and is_clip_file(tag):
        return [_checked(model, tag)]

    def tell(phase: str) -> None:
        callback(FetchStep(name, phase))

    def bring(source: Path, to: str) -> list[Path]:
        from eclipsed.pretrained.bring_clip import bring_clip  # with torch, seconds that a fetch does not need

        return [bring_clip(model, to, source, tell=tell)]

    folder = None if sources.folder is None or (sources.folder.is_file() and not alone) else sources.folder
    here = None if tag is None else brought_clip(model, tag)
    if here is None and (tag is None or folder is not None or not surely_not_cached(model, tag)):
        here = clip_file(model, tag)  # importing open_clip takes longer than to find that there is no network
    if tag is None:
        if folder is not None and here is None:
            raise InputError(
                f"{name} cannot be brought by hand; give the folder of the model wherever CLIP is asked for"
            )
    elif folder is not None and (alone or here is None):
        return bring(folder, tag)
    elif here is not None and here == brought_clip(model, tag):
        if not verify_clip(model, tag)[1]:  # put there by hand, or kept as it was by an earlier version
            return bring(here, tag)
        return [here]
    if here is not None:
        return []
    if sources.closed or sources.folder is not None:
        raise MissingModelError(
            f"{name} is not on this machine and the network must not be used (offline); bring it by hand: eclipsed"
            f" models fetch {name} --from FOLDER"
        )
    tell("hub")
    fetch_clip(model, tag)
    return []


def _checked(model: str, file: str) -> Path:
    from eclipsed.pretrained.bring_clip import check_clip

    path = Path(file).expanduser()
    check_clip(model, path)
    return path
