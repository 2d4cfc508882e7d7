"""What may reach the studio, and what leaves it: hosts, headers, uploads, and errors as one sentence."""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import secrets
import zipfile
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedError, InputError
from eclipsed.studio.workers import on_a_worker

__all__ = [
    "LARGEST_UPLOAD",
    "LOCAL_HOSTS",
    "NUMBERS",
    "STACK_KEY",
    "Guard",
    "as_sentence",
    "check_host",
    "check_numbers",
    "check_photo",
    "check_picture",
    "check_upload",
    "in_a_sentence",
    "in_plain_words",
    "password_check",
    "read_stack",
    "sent_file",
    "stack_text",
]

#: addresses that only this machine can reach
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")

#: bytes of any file that is given to the page
LARGEST_UPLOAD = 32 * 1024 * 1024

#: ends of the names of files of other projects that may hold a direction
NUMBERS = (".npy", ".npz", ".pt", ".pkl", ".safetensors")

_MOST_PIXELS = 64_000_000
_SHORTEST_PASSWORD = 8
#: the key under which a picture of the studio carries its stack
STACK_KEY = "eclipsed-stack"

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_OURS = tuple(name for name, _ in _HEADERS)

P = ParamSpec("P")
R = TypeVar("R")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)

_OPTION = r"(?:[a-z_]+=[\w.\"']+|[a-z_]+ \(--[a-z-]+\)|--[a-z-]+)"
_ONLY_ELSEWHERE = re.compile(rf" ?\({_OPTION}(?:, {_OPTION})*\)")  # "(aligned=True, --aligned)", "(--low-memory)"
_SET = re.compile(r"\bset [a-z_]+=\w+, ")  # "set low_memory=True, lower batch"


def check_host(host: str, password: str | None) -> None:
    """Raise unless the studio may be served at a host.

    Raises:
        InputError: others could reach it and there is no password, or a short one.
    """
    if not host or any(mark.isspace() for mark in host):
        raise InputError(f"the host must be a name or an address such as 127.0.0.1; got {host!r}")
    if password is not None and len(password) < _SHORTEST_PASSWORD:
        raise InputError(f"the password must have at least {_SHORTEST_PASSWORD} characters; got {len(password)}")
    if host not in LOCAL_HOSTS and password is None:
        raise InputError(f"others can reach the studio at {host}, so it needs a password; give one with --password")


def password_check(password: str) -> Callable[[str, str], bool]:
    """What Gradio asks at the door: any name, and the password, compared in constant time."""
    expected = password.encode()
    return lambda user, given: secrets.compare_digest(given.encode(), expected)


class Guard:
    """ASGI middleware: adds headers that keep the page to its own server, and refuses other names for this machine.

    Args:
        app: what is guarded.
        hosts: names that a request may ask for; empty takes any.
    """

    def __init__(self, app: Any, hosts: tuple[str, ...] = ()) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.hosts and _host(scope) not in self.hosts:  # a name that someone else's DNS points here
            await send({"type": "http.response.start", "status": 421, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"this studio answers to its own address only"})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in _OURS]
                message["headers"] = [*kept, *_HEADERS]
            await send(message)

        await self.app(scope, receive, guarded)


def _host(scope: Message) -> str:
    for name, value in scope["headers"]:
        if name.lower() == b"host":
            text: str = value.decode("latin-1")
            return text.rpartition(":")[0].strip("[]") if text.rpartition(":")[2].isdigit() else text.strip("[]")
    return ""


def in_a_sentence(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` answer the page: on one of its threads, and any failure reaches the page as one sentence."""

    @on_a_worker
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        import gradio

        try:
            return function(*args, **kwargs)
        except gradio.Error:
            raise
        except EclipsedError as error:
            raise gradio.Error(_one_line(error), print_exception=False, duration=12) from None
        except Exception as error:
            _log.exception("the studio could not do %s", getattr(function, "__name__", "this"))
            text = f"That did not work ({type(error).__name__}); the terminal of the studio says more."
            raise gradio.Error(text, print_exception=False, duration=12) from None

    return wrapped


def in_plain_words(error: object) -> str:
    """A message as one line, without what only a program or a terminal can be told: ``(aligned=True, --aligned)``.

    >>> in_plain_words("choose another, or go on all the same (force=True, --force)")
    'choose another, or go on all the same'
    """
    return _SET.sub("", _ONLY_ELSEWHERE.sub("", " ".join(str(error).split())))


def as_sentence(text: str) -> str:
    """A text with a capital, unless it begins with the name of a file.

    >>> as_sentence("no face was found"), as_sentence("me.jpg shows 9 faces")
    ('No face was found', 'me.jpg shows 9 faces')
    """
    first = text.split(" ", 1)[0].rstrip(".")
    return text if "." in first else text[:1].upper() + text[1:]


def _one_line(error: object) -> str:
    """A message as one line of plain text, which the page shows as it is."""
    return as_sentence(in_plain_words(error))[:500].replace("<", "‹").replace(">", "›")


def check_upload(path: str | os.PathLike[str], suffixes: tuple[str, ...]) -> Path:
    """Return a file that was given to the page if it may be looked into.

    Args:
        path: where Gradio put it.
        suffixes: those that are taken.
    Raises:
        InputError: it is no file, too large, or of another kind.
    """
    place = Path(path)
    if place.suffix.lower() not in suffixes:
        raise InputError(f"expected a file that ends in {' or '.join(suffixes)}; got {place.name[:80]!r}")
    if not place.is_file():
        raise InputError(f"{place.name[:80]!r} is not a file")
    if place.stat().st_size > LARGEST_UPLOAD:
        raise InputError(f"a file may have at most {LARGEST_UPLOAD // 2**20} MB; {place.name[:80]!r} is larger")
    return place


def check_numbers(path: str | os.PathLike[str]) -> Path:
    """Return a file of numbers that was given to the page if it may be read: it may not unpack to more than an upload.

    Raises:
        InputError: see `check_upload`; or it is a damaged archive, or one of too much.
    """
    place = check_upload(path, NUMBERS)
    if zipfile.is_zipfile(place):
        try:
            with zipfile.ZipFile(place) as archive:
                unpacked = sum(info.file_size for info in archive.infolist())
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{place.name[:80]!r} is a damaged archive") from error
        if unpacked > LARGEST_UPLOAD:
            raise InputError(
                f"a file may have at most {LARGEST_UPLOAD // 2**20} MB when it is unpacked; "
                f"{place.name[:80]!r} has {unpacked / 2**20:.0f}"
            )
    return place


def sent_file(data: object) -> str:
    """Path of a file that a program sent to an endpoint, which Gradio has put among the uploads.

    Args:
        data: as ``handle_file`` of gradio_client sends it.
    Raises:
        InputError: it is anything else, or points to a file that was not sent.
    """
    from gradio.utils import get_upload_folder

    path = data.get("path") if isinstance(data, dict) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise InputError("expected a file, sent with handle_file(PATH) of gradio_client")
    if not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise InputError("expected a file that was sent; a path on the studio's machine is none")
    return path


def check_picture(path: str | os.PathLike[str], suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg", ".webp")) -> Any:
    """Open a picture that was given to the page without decoding it: only its header is read.

    Raises:
        InputError: it is no picture of these kinds, is damaged, or would take too much memory.
    """
    from PIL import Image

    place = check_upload(path, suffixes)
    try:
        picture = Image.open(place, formats=("PNG", "JPEG", "WEBP"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{place.name[:80]!r} is no picture that can be read, or is damaged") from error
    try:
        _check_size(picture.width, picture.height)
    except InputError:
        picture.close()
        raise
    return picture


def check_photo(path: str | os.PathLike[str], suffixes: tuple[str, ...]) -> Path:
    """Return a photograph that was given to the page, HEIC included, if it may be decoded: only its header is read.

    Raises:
        InputError: it is no picture of these kinds, is damaged, or would take too much memory.
        MissingExtraError: HEIC without the package that reads it.
    """
    from eclipsed.photos.reading import heic_size

    place = check_upload(path, suffixes)
    size = heic_size(place)
    if size is None:
        check_picture(place, suffixes).close()
    else:
        _check_size(*size)
    return place


def _check_size(width: int, height: int) -> None:
    if width * height > _MOST_PIXELS:
        raise InputError(f"a picture may have at most {_MOST_PIXELS // 10**6} million pixels; got {width} x {height}")


def read_stack(path: str | os.PathLike[str]) -> Stack:
    """The stack in a JSON file, or in a picture that the studio made.

    Raises:
        InputError: the file is neither.
    """
    place = check_upload(path, (".json", ".png"))
    if place.suffix.lower() == ".json":
        return Stack.load(place)
    with check_picture(place, (".png",)) as picture:
        text = picture.info.get(STACK_KEY)
    if not isinstance(text, str):
        raise InputError(f"{place.name[:80]!r} was not made by the studio; open a PNG or a stack that it saved")
    return Stack.from_text(text)


def stack_text(stack: Stack) -> str:
    """A stack as the line that its pictures carry."""
    return json.dumps(stack.to_json(), allow_nan=False, separators=(",", ":"))
