"""Fetching networks into the store: from their authors, a mirror, or files brought by hand.

Unfinished files lie in ``networks/.partial`` and go on where they stopped. Only what is whole, has the right hash and
could be read is moved into place, in one step; one process at a time works on a file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path

from filelock import FileLock

from eclipsed.errors import CheckpointError, DownloadError, EclipsedError, InputError, MissingModelError, OutputError
from eclipsed.store.files import (
    Record,
    file_sha256,
    find_network,
    local_file,
    networks_folder,
    read_record,
    record_of,
    stored_path,
    write_record,
)
from eclipsed.store.imposters import HEAD_BYTES, imposter
from eclipsed.store.licences import Consent, agree
from eclipsed.store.networks import Network, network

__all__ = ["FetchStep", "Sources", "fetch_network", "is_offline"]

_SPARE = 64 * 2**20  # bytes that are left free on the disk
_NATIVE_SHARE = 0.5  # of a pickle: it also holds a discriminator and a second generator


@dataclass(frozen=True)
class FetchStep:
    """How far the fetching of one network is."""

    network: str
    phase: str  # waiting, transfer, verify, convert; hub where open_clip's own loader is at work
    done: int = 0  # bytes
    total: int | None = None


@dataclass(frozen=True)
class Sources:
    """Where files may come from.

    Args:
        mirror: address of a folder that holds the files under their authors' names; asked instead of the authors.
        folder: a folder of files brought by hand under their authors' names, or one such file.
        offline: never use the network; None asks the variable ``ECLIPSED_OFFLINE``.
    """

    mirror: str | None = None
    folder: Path | None = None
    offline: bool | None = None

    @property
    def closed(self) -> bool:
        """Whether the network is not to be used."""
        return is_offline() if self.offline is None else self.offline


def is_offline() -> bool:
    """Whether ``ECLIPSED_OFFLINE`` forbids the network."""
    return os.environ.get("ECLIPSED_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def fetch_network(
    name: str,
    *,
    accept_licence: Consent = False,
    sources: Sources = Sources(),
    callback: Callable[[FetchStep], None] = lambda _: None,
    pause: float = 0.5,
    timeout: float = 30.0,
) -> Path:
    """Fetch a network unless it is here already.

    Args:
        name: as in the catalogue.
        accept_licence: True agrees to its terms; a function is asked for terms not agreed to before.
        sources: where it may come from.
        callback: told of every step.
        pause: seconds before a broken transfer is taken up again; doubled for every further time.
        timeout: seconds without a byte until a transfer counts as broken.
    Returns:
        Its file, verified; a generator is safetensors from now on, converted without running anything in the pickle.
    Raises:
        MissingModelError: there is no such network, or it is not here and the network must not be used.
        CheckpointError: it ships with eclipsed, and is damaged.
        InputError: its terms were not agreed to.
        DownloadError: it could not be fetched, or what came was not it.
        OutputError: it cannot be written, or the disk is too full.
    """
    wanted = network(name)
    if wanted.ships:
        return find_network(name)
    with suppress(MissingModelError, CheckpointError):
        return find_network(name)  # without a lock, so that a store that may only be read will do
    partial = networks_folder() / ".partial"
    try:
        partial.mkdir(parents=True, exist_ok=True)
        lock = FileLock(partial / f"{wanted.name}.lock")
        if not _try(lock):
            callback(FetchStep(name, "waiting"))
            lock.acquire()
    except OSError as error:
        raise OutputError(f"cannot write {partial}: {error.strerror or error}") from error
    try:
        if _is_here(wanted):
            return find_network(name)
        agree([wanted], accept_licence)
        for killed in (wanted.name, f"{wanted.file}.offer"):  # a conversion, or a note of an unfinished file
            for stale in partial.glob(f".{escape(killed)}-*"):
                stale.unlink(missing_ok=True)
        return _Fetching(wanted, partial / wanted.file, sources, callback, pause, timeout).run()
    finally:
        lock.release()


def _try(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except TimeoutError:
        return False
    return True


def _is_here(wanted: Network) -> bool:
    """Whether the right file is in place; a wrong one is removed."""
    path = local_file(wanted)
    if path is None:
        return False
    try:
        find_network(wanted.name)
    except CheckpointError:
        path.unlink(missing_ok=True)
        return False
    return True


@dataclass
class _Fetching:
    """One network on its way into the store, its lock held."""

    wanted: Network
    part: Path
    sources: Sources
    callback: Callable[[FetchStep], None]
    pause: float
    timeout: float

    def run(self) -> Path:
        if self.sources.folder is not None:
            brought = _brought(self.wanted, self.sources.folder)
            self._copy(brought)
            return self._accept(str(brought))
        if self.sources.closed:
            raise MissingModelError(
                f"the network {self.wanted.name!r} is not on this machine and the network must not be used (offline);"
                f" bring {self.wanted.file} by hand: eclipsed models fetch {self.wanted.name} --from FOLDER"
            )
        mirror = self.sources.mirror
        if mirror is not None and not mirror.startswith(("http://", "https://")):
            raise InputError(f"a mirror is an address that starts with http:// or https://; got {mirror!r}")
        addresses = self.wanted.addresses if mirror is None else (f"{mirror.rstrip('/')}/{self.wanted.file}",)
        failures: list[EclipsedError] = []
        for address in addresses:
            try:
                return self._from(address)
            except DownloadError as error:
                failures.append(error)
        raise failures[0]

    def _from(self, address: str) -> Path:
        from eclipsed.store.download import forget

        resumed = self.part.is_file()
        try:
            self._transfer(address)
            return self._accept(address)
        except DownloadError:
            if self.part.is_file() or not resumed:
                raise
        forget(self.part)  # what was there before may have been of another file: once more from the start
        self._transfer(address)
        return self._accept(address)

    def _transfer(self, address: str) -> None:
        from eclipsed.store.download import Transfer

        Transfer(
            address,
            self.part,
            size=self.wanted.size,
            pinned=self.wanted.sha256 is not None,
            check_space=self._check_space,
            progress=lambda done, total: self._tell("transfer", done, total),
            pause=self.pause,
            timeout=self.timeout,
        ).run()

    def _copy(self, source: Path) -> None:
        size = source.stat().st_size
        if self.wanted.size not in (None, size):
            raise DownloadError(f"{source} is not {self.wanted.name}: expected {self.wanted.size} bytes, found {size}")
        self._check_space(size)
        from eclipsed.store.download import forget

        forget(self.part)
        try:
            with open(source, "rb") as incoming, open(self.part, "wb") as file:
                while block := incoming.read(2**22):
                    file.write(block)
                    self._tell("transfer", file.tell(), size)
        except OSError as error:
            forget(self.part)
            raise OutputError(f"cannot copy {source} to {self.part}: {error.strerror or error}") from error

    def _check_space(self, to_come: int) -> None:
        have = self.part.stat().st_size if self.part.is_file() else 0
        needed = to_come + _SPARE
        if self.wanted.converted:
            needed += int(_NATIVE_SHARE * (have + to_come))
        free = shutil.disk_usage(self.part.parent).free
        if free < needed:
            raise OutputError(
                f"{self.part.parent} has {free / 1e6:.0f} MB free, {self.wanted.name} needs {needed / 1e6:.0f} MB;"
                " make room, or point ECLIPSED_HOME to another disk"
            )

    def _tell(self, phase: str, done: int = 0, total: int | None = None) -> None:
        self.callback(FetchStep(self.wanted.name, phase, done, total))

    def _accept(self, source: str) -> Path:
        """Verify what came, convert it where due, and move it into place; a wrong file is removed."""
        from eclipsed.store.download import forget

        self._tell("verify")
        try:
            sha256 = file_sha256(self.part)
            self._check(source, sha256)
            record = record_of(self.wanted, source, self.part, sha256)
            ready = self.part
            if self.wanted.converted:
                self._tell("convert")
                ready, record = self._converted(record)
            else:
                self._read()
        except CheckpointError as error:
            forget(self.part)
            raise DownloadError(f"what came from {source} is not {self.wanted.name}: {error}") from error
        except DownloadError:
            forget(self.part)
            raise
        except OSError as error:
            raise OutputError(f"cannot read or write {self.part}: {error.strerror or error}") from error
        target = stored_path(self.wanted)
        _into_place(ready, target, record)
        forget(self.part)
        return find_network(self.wanted.name)

    def _check(self, source: str, sha256: str) -> None:
        with open(self.part, "rb") as file:
            what = imposter(file.read(HEAD_BYTES))
        if what is not None:
            raise DownloadError(f"{source} is no file of weights but {what}; nothing was kept")
        size = self.part.stat().st_size
        for name, expected, found in (("size", self.wanted.size, size), ("sha256", self.wanted.sha256, sha256)):
            if expected not in (None, found):
                raise DownloadError(
                    f"what came from {source} is not {self.wanted.name}: expected the {name} {expected}, found {found};"
                    " nothing was kept"
                )
        start = self.wanted.sha256_start
        if start is not None and not sha256.startswith(start):
            raise DownloadError(
                f"what came from {source} is not {self.wanted.name}: expected a sha256 that begins with {start}, found"
                f" {sha256}; nothing was kept"
            )
        old = read_record(stored_path(self.wanted))
        if self.wanted.sha256 is None and old is not None and old.source_sha256 != sha256:
            raise DownloadError(
                f"what came from {source} is not what was first fetched on {old.date[:10]}: expected the sha256"
                f" {old.source_sha256}, found {sha256}; if its authors replaced it, forget the old one: eclipsed models"
                f" remove {self.wanted.name} --forget"
            )

    def _read(self) -> None:
        """Read a file whose hash nobody published, to see that it is whole and the network that it should be."""
        if self.wanted.sha256 is None:
            from eclipsed.pretrained.check_network import check_network

            check_network(self.wanted.kind, self.part, name=self.wanted.name)

    def _converted(self, record: Record) -> tuple[Path, Record]:
        from eclipsed.checkpoints.convert import convert_generator

        ready = convert_generator(self.part, self.part.parent / f"{self.wanted.name}.safetensors")
        return ready, replace(record, bytes=ready.stat().st_size, sha256=file_sha256(ready))


def _into_place(ready: Path, target: Path, record: Record) -> None:
    """Move a file to where it is found; its record goes first, so that no file is ever without one."""
    with open(ready, "rb+") as file:
        os.fsync(file.fileno())
    write_record(target, record)
    try:
        os.replace(ready, target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


def _brought(wanted: Network, folder: Path) -> Path:
    """The file of a network among those brought by hand."""
    if folder.is_file():
        return folder
    for name in (wanted.file, f"{wanted.name}{Path(wanted.file).suffix}"):
        if (folder / name).is_file():
            return folder / name
    raise MissingModelError(f"{folder} has no {wanted.file}, the file of {wanted.name}; put it there under this name")
