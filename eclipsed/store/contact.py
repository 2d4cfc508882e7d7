"""Whether anybody answers at an address, found out in a few seconds before long transfers are tried again and again."""

from __future__ import annotations

import socket
import time
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.parse import urlsplit

__all__ = ["UNKNOWN_NAME", "contact"]

#: What is said of a server whose name nobody knows, as where there is no network.
UNKNOWN_NAME = "the name of the server is unknown; is there a network?"

_SECONDS = 3.0
_PORTS = {"http": 80, "https": 443}


def contact(address: str, *others: str, seconds: float = _SECONDS) -> str | None:
    """Try to reach the server of an address, or the proxy that leads there.

    Looking a name up cannot be broken off, so a thread does it, which nobody waits for longer than that.

    Args:
        address: http or https.
        others: addresses that would do as well, all asked at the same time.
        seconds: to wait for an answer.
    Returns:
        Why nobody answers at the first address, in a few words; None when somebody answers anywhere.
    """
    places = [_place(one) for one in (address, *others)]
    answers: SimpleQueue[tuple[int, OSError | None]] = SimpleQueue()
    for index, place in enumerate(places):
        if place is None:
            return None  # the transfer itself will say what is wrong with it
        Thread(target=_connect, args=(*place[:2], seconds, index, answers), daemon=True).start()
    errors: dict[int, OSError] = {}
    until = time.monotonic() + seconds
    while len(errors) < len(places):
        try:
            index, error = answers.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            break
        if error is None:
            return None
        errors[index] = error
    return _reason(errors.get(0, TimeoutError()), bool(places[0] and places[0][2]), seconds)


def _reason(error: OSError, proxied: bool, seconds: float) -> str:
    if proxied:
        return "the proxy cannot be reached"
    if isinstance(error, socket.gaierror):
        return UNKNOWN_NAME
    if isinstance(error, ConnectionRefusedError):
        return "the server refuses connections"
    if isinstance(error, TimeoutError):
        return f"the server does not answer within {seconds:g} s"
    return "no way leads to the server; is there a network?"


def _connect(
    host: str, port: int, seconds: float, index: int, answers: SimpleQueue[tuple[int, OSError | None]]
) -> None:
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except (OSError, UnicodeError) as error:
        answers.put((index, error if isinstance(error, OSError) else OSError(str(error))))
    else:
        answers.put((index, None))


def _place(address: str) -> tuple[str, int, bool] | None:
    """Host and port of the server, or of the proxy that the environment names, and whether it is one."""
    from requests.utils import get_environ_proxies, select_proxy

    try:
        proxy = select_proxy(address, get_environ_proxies(address))
        parts = urlsplit(address) if not proxy else urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port, bool(proxy)) if parts.hostname and port else None
