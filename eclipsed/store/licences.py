"""Terms of networks that are not for every use: shown before they are fetched, and agreed to once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from eclipsed.errors import InputError
from eclipsed.files.atomic import atomic_write
from eclipsed.store.files import home
from eclipsed.store.networks import Licence, Network

__all__ = ["Consent", "accepted_licences", "agree"]

#: True agrees to all, False to none that was not agreed to before; or asked for each licence
Consent = bool | Callable[[Licence], bool]


def accepted_licences() -> tuple[str, ...]:
    """Names of the licences that were agreed to on this machine."""
    try:
        names = json.loads(_place().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def agree(networks: Iterable[Network], consent: Consent) -> None:
    """Make sure that the terms of some networks are agreed to, and remember it.

    Args:
        networks: what shall be fetched.
        consent: asked for each non-commercial licence that was not agreed to yet.
    Raises:
        InputError: it was not agreed to.
    """
    agreed = accepted_licences()
    wanted = {each.licence.name: each for each in networks if each.licence.non_commercial}
    for name, first in wanted.items():
        licence = first.licence
        if name in agreed:
            continue
        if not (consent(licence) if callable(consent) else consent):
            raise InputError(
                f"{first.name} is under other terms than eclipsed: {licence.text} ({licence.address}); agree to them"
                " with --accept-licence (accept_licence=True in Python) to fetch it"
            )
        agreed = (*agreed, name)
        _remember(agreed)


def _remember(names: Iterable[str]) -> None:
    text = json.dumps(sorted(names)) + "\n"
    atomic_write(_place(), lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _place() -> Path:
    return home() / "licences.json"
