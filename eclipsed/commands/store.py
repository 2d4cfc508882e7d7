"""``eclipsed models fetch | verify | remove | path``: the networks that are kept on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eclipsed.commands.options import Json
from eclipsed.commands.progress import ProgressBar, waiting
from eclipsed.commands.terminal import note, one_line, result, result_json
from eclipsed.errors import EclipsedError, InputError, MissingModelError
from eclipsed.store.clip_files import brought_clip, brought_clips, clip_file, clip_weights, remove_clip, verify_clip
from eclipsed.store.clips import clip_name, is_clip_file, parse_clip_name
from eclipsed.store.files import (
    file_sha256,
    find_network,
    forget_network,
    local_file,
    networks_folder,
    remove_network,
    verify_network,
)
from eclipsed.store.networks import Licence, known_networks, known_sets, set_networks
from eclipsed.store.sets import find_set

if TYPE_CHECKING:
    from eclipsed.pretrained.fetch_network import FetchStep

__all__ = ["FetchLog", "fetch", "path", "remove", "verify"]

_PHASES = {
    "waiting": "waiting for another process that fetches it",
    "hub": "fetching into open_clip's cache, with its own loader",
    "verify": "verifying",
    "convert": "converting to safetensors",
}

Names = Annotated[
    list[str], typer.Argument(metavar="NAME…", help="Model sets, networks, or CLIP models as clip:MODEL/TAG.")
]


def fetch(
    names: Names,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to terms that are not for every use; else asked once.")
    ] = False,
    mirror: Annotated[
        str | None, typer.Option("--mirror", metavar="URL", help="Take files from this address, under their own names.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--from", metavar="FOLDER", help="Take files brought by hand; no network is used.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network, as ECLIPSED_OFFLINE=1.", show_default=False)
    ] = False,
    photos: Annotated[
        bool, typer.Option("--photos/--no-photos", help="With a set fetch what only photographs need as well.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Fetch pretrained networks, verified and converted.

    A broken download goes on where it stopped. What is here already is not fetched again.
    """
    from eclipsed.pretrained import fetch as fetching

    if folder is not None and not folder.exists():
        raise InputError(f"there is no folder {folder}; check the name")
    for name in names:
        _show_terms(fetching.members(name, photos=photos)[0])
    files: list[str] = []
    with ProgressBar(in_bytes=True) as bar:
        log = FetchLog(bar)

        def ask(licence: Licence) -> bool:
            with bar.paused():
                return _ask(licence)

        for name in names:
            found = fetching.fetch(
                name,
                accept_licence=accept_licence or ask,
                mirror=mirror,
                folder=folder,
                offline=offline or None,
                photos=photos,
                callback=log,
            )
            files += [str(file) for file in found]
            note(f"{name}: ready")
    if as_json:
        result_json(files)
        return
    for file in files:
        result(file)


class FetchLog:
    """The callback of a fetch: bytes go to a bar, and every other phase is a line.

    Args:
        bar: that counts bytes.
    """

    def __init__(self, bar: ProgressBar) -> None:
        self._bar, self._last = bar, ("", "")

    def __call__(self, step: FetchStep) -> None:
        """Show one step."""
        now = (step.network, step.phase)
        if step.phase == "transfer":
            self._bar.show(step.network, step.done, step.total)
        elif now != self._last:
            self._bar.say(f"{step.network}: {_PHASES.get(step.phase, step.phase)}")
        self._last = now


def _show_terms(networks: tuple[str, ...]) -> None:
    shown: dict[str, list[str]] = {}
    for name in networks:
        if local_file(known_networks()[name]) is None:
            licence = known_networks()[name].licence
            shown.setdefault(f"{licence.text} ({licence.address})", []).append(name)
    for terms, of in shown.items():
        note(f"licence of {', '.join(of)}: {terms}")


def _ask(licence: Licence) -> bool:
    """Ask on a terminal; anywhere else nobody can answer."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"{licence.text}. Do you agree?", default=False, err=True)


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME…]", help="Networks, CLIP models or sets; without a name all here."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare stored networks with their hashes.

    The exit code is 1 when one is not right.
    """
    wanted = tuple(n for n, each in known_networks().items() if local_file(each))
    clips = _clips(names) if names else brought_clips()
    if names:  # of a set that is not for photographs what they need may be missing
        others = [name for name in names if parse_clip_name(name) is None]
        wanted = tuple(n for n in _networks(others) if n in wanted or n in names or n in _needed(others))
    rows, bad = [], 0
    for name in (*wanted, *clips):
        try:
            with waiting(f"verifying {name}"):
                sha256, text = _verified(name)
            rows.append({"name": name, "ok": True, "sha256": sha256, "text": text})
        except EclipsedError as error:
            bad += 1
            rows.append({"name": name, "ok": False, "sha256": None, "text": one_line(error)})
    if as_json:
        result_json(rows)
    else:
        for row in rows:
            result(f"{row['name']}: {row['text']}")
        if not rows:
            result(f"there are no networks in {networks_folder()}")
    if bad and as_json:  # the rows say which
        note(f"error: {bad} of {len(rows)} networks are not right")
        raise typer.Exit(1)
    if bad:
        raise MissingModelError(f"{bad} of {len(rows)} networks are not right")


def remove(
    names: Names,
    forget: Annotated[
        bool, typer.Option("--forget", help="Also forget the hash recorded at first use.", show_default=False)
    ] = False,
) -> None:
    """Remove stored networks.

    What another set that is here needs stays, and so does open_clip's own cache.
    """
    found = 0
    for name in names:
        clip = parse_clip_name(name)
        if clip is not None:
            if _remove_clip(*clip):
                found += 1
                result(f"removed {name}")
            continue
        for network in _removable(name) if name in known_sets() else _networks([name]):
            gone = remove_network(network)
            if forget:
                gone = forget_network(network) or gone
            if gone:
                found += 1
                result(f"removed {network}")
    if not found:
        raise MissingModelError(f"nothing of {', '.join(names)} is on this machine")


def path(name: Annotated[str, typer.Argument(metavar="NAME", help="A network, a CLIP model or a model set.")]) -> None:
    """Print where a network is, verified.

    Of a set its generator and parser are named.
    """
    if name in known_networks():
        result(str(find_network(name)))
        return
    clip = parse_clip_name(name)
    if clip is not None:
        _verified(name)
        result(str(clip_weights(*clip)))
        return
    models = find_set(name)
    for file in (models.generator, models.parser):
        if file is not None:
            result(str(file))


def _networks(names: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in names:
        if name in known_sets():
            found.update(dict.fromkeys(set_networks(name)))
        elif name in known_networks():
            found[name] = None
        else:
            raise MissingModelError(
                f"the store knows no {name!r}; sets: {', '.join(known_sets())}; networks: {', '.join(known_networks())}"
            )
    return tuple(found)


def _needed(names: list[str]) -> tuple[str, ...]:
    return tuple(network for name in names if name in known_sets() for network in set_networks(name, photos=False))


def _removable(name: str) -> tuple[str, ...]:
    """Networks of a set that no other set with its generator on this machine uses."""
    others = {
        network
        for other, entry in known_sets().items()
        if other != name and local_file(known_networks()[entry["generator"]]) is not None
        for network in set_networks(other)
    }
    return tuple(network for network in _networks([name]) if network not in others)


def _clips(names: list[str]) -> tuple[str, ...]:
    """The CLIP models among some names, and those of sets that are here."""
    found: dict[str, None] = {}
    for name in names:
        if parse_clip_name(name) is not None:
            found[name] = None
        elif name in known_sets():
            clip = known_sets()[name]["clip"]
            if clip_file(clip["model"], clip["pretrained"]) is not None:
                found[clip_name(clip["model"], clip["pretrained"])] = None
    return tuple(found)


def _verified(name: str) -> tuple[str, str]:
    """The sha256 of a network or CLIP model that is right, and what it was compared with."""
    clip = parse_clip_name(name)
    if clip is None:
        record = verify_network(name)
        if known_networks()[name].ships:
            return record.sha256, "right, as it ships with eclipsed"
        return record.sha256, f"right, sha256 of what came {'published' if record.pinned else 'recorded at first use'}"
    model, tag = clip
    if tag is not None and is_clip_file(tag):
        return file_sha256(_opened(model, Path(tag).expanduser())), f"right, the weights of CLIP {model}"
    sha256, how = verify_clip(model, tag)
    if how:
        return sha256, f"right, sha256 of what came {how}"
    if tag is not None:  # nobody published its hash: it is opened instead
        _opened(model, clip_weights(model, tag))
    return sha256, "right, though nobody published its sha256"


def _opened(model: str, path: Path) -> Path:
    from eclipsed.pretrained.bring_clip import check_clip

    check_clip(model, path)
    return path


def _remove_clip(model: str, tag: str | None) -> bool:
    """Remove what was brought by hand; what is not ours is left, and said."""
    if tag is not None and is_clip_file(tag):
        raise InputError(f"{tag} is a file of your own, not one of the store; remove it yourself")
    if tag is not None and brought_clip(model, tag) is not None:
        return remove_clip(model, tag)
    cached = clip_file(model, tag)
    if cached is not None:
        raise InputError(
            f"{clip_name(model, tag)} lies in open_clip's own cache, which stays; remove it there: {cached}"
        )
    return False
