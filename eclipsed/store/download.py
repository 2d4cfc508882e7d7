"""Bringing one file from one address into an unfinished file, going on where an earlier attempt stopped.

The only module, besides open_clip's own loader, that uses the network; only `eclipsed.pretrained.fetch_network` calls
it. It stands on requests, for pooch, which stands there too, starts a broken download anew, and the hub's loader knows
the hub alone.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from eclipsed.errors import DownloadError, OutputError
from eclipsed.files.atomic import atomic_write
from eclipsed.store.contact import UNKNOWN_NAME, contact
from eclipsed.store.imposters import HEAD_BYTES, confirmed_address, imposter

__all__ = ["Offer", "Progress", "Transfer", "direct_address", "forget"]

_BLOCK = 2**14  # what a broken connection loses at most
_ATTEMPTS = 6  # in a row that bring nothing new
_MOST_ATTEMPTS = 200
_DRIVE = "https://drive.usercontent.google.com/download?id={}&export=download&confirm=t"

#: told of bytes done and bytes in all (None: unknown)
Progress = Callable[[int, int | None], None]


class _Again(Exception):
    """The attempt failed in a way that another may not."""


@dataclass
class Offer:
    """What a server said of a file; kept beside the unfinished file."""

    address: str
    total: int | None = None
    validator: str = ""  # ETag or date: the same as long as the file is the same


def direct_address(address: str) -> str:
    """The address to ask: that of the file behind ``drive:ID``, any other as it is."""
    return _DRIVE.format(address.removeprefix("drive:")) if address.startswith("drive:") else address


def forget(part: Path) -> None:
    """Remove an unfinished file and what is known of it."""
    for path in (part, _notes(part)):
        path.unlink(missing_ok=True)


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".offer.json")


class Transfer:
    """The transfer of one file.

    Args:
        address: http or https, or ``drive:ID``.
        part: the unfinished file; what is in it is kept when the server lets us go on from there.
        size: bytes that are expected; None is unknown.
        pinned: the hash of the whole is known, so pieces of another file would be found out.
        check_space: called with the bytes still to come before they are written; raises when there is no room.
        progress: told of every block.
        pause: seconds before the second attempt; doubled for every further one.
        timeout: seconds without a byte until an attempt counts as failed.
    """

    def __init__(
        self,
        address: str,
        part: Path,
        *,
        size: int | None = None,
        pinned: bool = False,
        check_space: Callable[[int], None] = lambda _: None,
        progress: Progress = lambda *_: None,
        pause: float = 0.5,
        timeout: float = 30.0,
    ) -> None:
        self.address = direct_address(address)
        self.part, self.size, self.pinned = part, size, pinned
        self.check_space, self.progress = check_space, progress
        self.pause, self.timeout = pause, timeout
        self.session = requests.Session()
        self.session.headers["Accept-Encoding"] = "identity"  # so that lengths are those of the file
        self.confirmed = False

    def run(self) -> None:
        """Bring the file.

        Raises:
            DownloadError: the server refuses, sends something else, or breaks off again and again.
            OutputError: the unfinished file cannot be written.
        """
        self.progress(self._have(), self.size)
        nobody = contact(self.address)
        if nobody is not None:
            raise self._failed(nobody)
        best, fruitless = self._have(), 0
        with closing(self.session):
            for _ in range(_MOST_ATTEMPTS):
                try:
                    self._attempt()
                    return
                except (_Again, requests.RequestException) as error:
                    have = self._have()
                    fruitless = 0 if have > best else fruitless + 1
                    best = max(best, have)
                    reason = _reason(error)
                    if fruitless >= _ATTEMPTS or _hopeless(error):
                        break
                time.sleep(min(self.pause * 2**fruitless, 30.0))
        raise self._failed(reason)

    def _failed(self, reason: str) -> DownloadError:
        advice = "check the address and the network, use a mirror, or bring the file by hand with --from"
        if self._have():
            advice = "what came is kept, and the same command goes on from there"
        return DownloadError(f"{self.address} could not be fetched ({reason}); {advice}")

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _attempt(self) -> None:
        offer = self._offer()
        have = self._have() if offer is not None else 0
        if offer is not None and have and have == offer.total:
            return  # an earlier attempt brought it all
        headers = {}
        if offer is not None and have:
            headers["Range"] = f"bytes={have}-"
            if offer.validator:
                headers["If-Range"] = offer.validator
        with closing(
            self.session.get(self.address, headers=headers, stream=True, timeout=(15.0, self.timeout))
        ) as answer:
            if answer.status_code == 416:  # the unfinished file is longer than what is there now
                forget(self.part)
                raise _Again("the file there is another than before")
            self._refuse(answer)
            start = have if answer.status_code == 206 else 0
            if answer.status_code == 206:
                self._check_range(answer, have, offer)
            self._take(answer, start)

    def _offer(self) -> Offer | None:
        """What is known of the file that the unfinished one was begun from; None to begin anew."""
        try:
            offer = Offer(**json.loads(_notes(self.part).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        same = self.pinned or (offer.address == self.address and offer.validator)
        return offer if same else None

    def _check_range(self, answer: requests.Response, have: int, offer: Offer | None) -> None:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
        total = None if found is None or found[2] == "*" else int(found[2])
        before = None if offer is None else offer.total
        if found is None or int(found[1]) != have or (None not in (total, before) and total != before):
            forget(self.part)
            raise _Again("the server went on from another place than asked")

    def _refuse(self, answer: requests.Response) -> None:
        status = answer.status_code
        if status in (200, 206):
            return
        text = f"the server answers {status} {answer.reason or ''}".strip()
        if status in (408, 425, 429) or status >= 500:
            raise _Again(text)
        raise DownloadError(
            f"{answer.url} could not be fetched: {text}; the file may have moved, use a mirror or bring it by hand"
        )

    def _take(self, answer: requests.Response, start: int) -> None:
        total = self._total(answer, start)
        if self.size is not None and total is not None and total != self.size:
            head = next(answer.iter_content(HEAD_BYTES), b"")
            self._unmask(head if start == 0 else b"", answer.url)
            raise DownloadError(f"{answer.url} holds {total} bytes, expected {self.size}; it is another file")
        expected = self.size if total is None else total
        self.check_space(max((expected or 0) - start, 0))
        offer = Offer(self.address, total, _validator(answer) if total is not None else "")
        done = start
        try:
            if start == 0:
                forget(self.part)
                self._note(offer)
            with open(self.part, "ab") as file:
                for block in answer.iter_content(_BLOCK):
                    if done == 0:
                        self._unmask(block, answer.url)
                    done += len(block)
                    if expected is not None and done > expected:
                        raise DownloadError(f"{answer.url} sends more than the expected {expected} bytes")
                    file.write(block)
                    file.flush()  # an attempt that is cut off leaves all that came
                    self.progress(done, expected)
        except DownloadError:
            forget(self.part)
            raise
        except (requests.RequestException, OutputError):
            raise
        except OSError as error:
            raise OutputError(f"cannot write {self.part}: {error.strerror or error}") from error
        if expected is not None and done < expected:
            raise _Again(f"the connection ended after {done} of {expected} bytes")
        if done == 0:
            raise _Again("the server sends an empty file")
        if total is None:
            self._note(Offer(self.address, done))

    def _total(self, answer: requests.Response, start: int) -> int | None:
        length = answer.headers.get("Content-Length", "")
        if answer.headers.get("Content-Encoding", "identity") != "identity" or not length.isdigit():
            return None
        return start + int(length)

    def _unmask(self, head: bytes, address: str) -> None:
        """Raise when the file is no weights; follow Drive's page about virus scans once."""
        onwards = None if self.confirmed else confirmed_address(head, address)
        if onwards is not None:
            self.confirmed, self.address = True, onwards
            forget(self.part)
            raise _Again("Drive asked for a confirmation")
        what = imposter(head, address=address)
        if what is not None:
            raise DownloadError(f"{address} sent no weights but {what}; nothing was kept")

    def _note(self, offer: Offer) -> None:
        self.part.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(_notes(self.part), lambda temporary: temporary.write_text(json.dumps(vars(offer))))


def _validator(answer: requests.Response) -> str:
    tag = answer.headers.get("ETag", "")
    if tag.startswith("W/"):  # weak ones cannot vouch for a range
        tag = ""
    return tag or answer.headers.get("Last-Modified", "")


def _hopeless(error: Exception) -> bool:
    """Whether another attempt must fail in the same way."""
    kinds = (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        requests.TooManyRedirects,
        requests.exceptions.SSLError,
        requests.exceptions.InvalidProxyURL,
    )
    return isinstance(error, kinds)


def _reason(error: Exception) -> str:
    if isinstance(error, _Again):
        return str(error)
    if isinstance(error, requests.Timeout):
        return "the server does not answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be reached"
    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate of the server is not trusted"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects without end"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        text = str(error)
        with suppress(AttributeError):
            text = str(error.args[0].reason)
        known = {"Name or service": UNKNOWN_NAME, "refused": "the server refuses connections"}
        return next((said for word, said in known.items() if word in text), "the connection broke off")
    return " ".join(str(error).split())[:120]
