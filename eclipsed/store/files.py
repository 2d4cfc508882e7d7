"""Where single networks are kept on this machine, and how a file is known to be the right one.

A file lies in ``$ECLIPSED_HOME/networks`` (without that variable, in the user's cache) with a record beside it: where
it came from, its size and its sha256. Before a file is handed out it is compared with its record, once in a process.
Nothing here uses the network.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from eclipsed.errors import CheckpointError, InputError, MissingModelError, OutputError
from eclipsed.files.atomic import atomic_write, remove_file
from eclipsed.store.networks import Network, network
from eclipsed.store.shipped import shipped_folder

__all__ = [
    "Record",
    "check_against_catalogue",
    "data_home",
    "file_sha256",
    "find_network",
    "forget_network",
    "home",
    "local_file",
    "networks_folder",
    "read_record",
    "record_of",
    "remove_network",
    "stored_path",
    "verify_network",
    "write_record",
]

_verified: set[tuple[str, int, int, int]] = set()  # path, inode, size and time of files whose hash was right


@dataclass(frozen=True)
class Record:
    """What is known of a stored file."""

    network: str
    source: str  # the address or file that it came from
    source_bytes: int  # of the file as it was fetched
    source_sha256: str
    bytes: int  # of the file as it is stored; the same unless it was converted
    sha256: str
    pinned: bool  # whether `source_sha256` was published; otherwise it was recorded at first use
    date: str  # ISO, UTC


def home() -> Path:
    """The folder of all that can be fetched or made again, and where ECLIPSED_HOME names it of all else.

    It need not be there yet.
    """
    given = os.environ.get("ECLIPSED_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("eclipsed", appauthor=False))


def data_home() -> Path:
    """The folder of what could not be fetched or made again; it need not be there yet."""
    if os.environ.get("ECLIPSED_HOME"):
        return home()
    from platformdirs import user_data_dir

    return Path(user_data_dir("eclipsed", appauthor=False))


def networks_folder() -> Path:
    """The folder of single networks; it need not be there yet."""
    return home() / "networks"


def stored_path(wanted: Network) -> Path:
    """Where a network is kept, whether it is there or not."""
    if wanted.ships:
        return shipped_folder() / "checkpoints" / wanted.name / wanted.file
    return networks_folder() / (f"{wanted.name}.safetensors" if wanted.converted else wanted.file)


def local_file(wanted: Network) -> Path | None:
    """The file of a network if there is one, unverified: fetched, put there under its authors' name, or shipped."""
    return next((path for path in _places(wanted) if path.is_file()), None)


def find_network(name: str) -> Path:
    """Find the file of one network.

    Args:
        name: as in the catalogue: ``"ffhq-generator"``, ``"bisenet"``, ``"e4e-ffhq"``, …
    Returns:
        Its file, checked against its record; a generator that was fetched as a pickle is safetensors by now.
    Raises:
        MissingModelError: there is no such network, or it is not on this machine; names the command that gets it.
        CheckpointError: the file is not what was fetched or shipped.
    """
    wanted = network(name)
    path = local_file(wanted)
    if path is None and wanted.ships:
        raise MissingModelError(f"{stored_path(wanted)} is missing, which ships with eclipsed; install eclipsed again")
    if path is None:
        raise MissingModelError(
            f"the network {name!r} ({wanted.description}) is not on this machine; get it: eclipsed models fetch {name}"
        )
    if _mark(path) not in _verified:
        _verify(wanted, path)
    return path


def verify_network(name: str) -> Record:
    """Compare the file of a network with its record, whatever was found before.

    Args:
        name: as in the catalogue.
    Returns:
        The record.
    Raises:
        MissingModelError, CheckpointError: as `find_network`.
    """
    wanted = network(name)
    path = local_file(wanted)
    return _verify(wanted, find_network(name) if path is None else path)


def remove_network(name: str) -> bool:
    """Remove the files of a network, unfinished ones too; the record stays, so that a later fetch is compared with it.

    Args:
        name: as in the catalogue.
    Returns:
        Whether there was anything.
    Raises:
        MissingModelError: there is no such network.
        InputError: it ships with eclipsed.
        OutputError: a file cannot be removed.
    """
    wanted = network(name)
    if wanted.ships:
        raise InputError(f"{name} ships with eclipsed and is part of it; it is not removed")
    partial = networks_folder() / ".partial" / wanted.file
    files = (*_places(wanted), partial, partial.with_name(partial.name + ".offer.json"))
    removed = [remove_file(file) for file in files]
    return any(removed)


def forget_network(name: str) -> bool:
    """Remove what was recorded of a network at first use.

    Args:
        name: as in the catalogue.
    Returns:
        Whether there was anything.
    Raises:
        MissingModelError: there is no such network.
        OutputError: the record cannot be removed.
    """
    wanted = network(name)
    if wanted.ships:
        return False
    removed = [remove_file(_record_path(file)) for file in _places(wanted)]
    return any(removed)


def _places(wanted: Network) -> list[Path]:
    if wanted.ships:
        return [stored_path(wanted)]
    return list(dict.fromkeys((stored_path(wanted), networks_folder() / wanted.file)))


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hex digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def check_against_catalogue(wanted: Network, path: Path, *, sha256: str, advice: str) -> None:
    """Raise a `CheckpointError` unless a file has the published size and hash, as far as they are published.

    Args:
        wanted: the network.
        path: a file as its authors publish it.
        sha256: of the file.
        advice: what to do when it is another.
    """
    size = path.stat().st_size
    if wanted.size is not None and size != wanted.size:
        raise CheckpointError(f"{path} is not {wanted.name}: expected {wanted.size} bytes, found {size}; {advice}")
    if wanted.sha256 is not None and sha256 != wanted.sha256:
        raise CheckpointError(
            f"{path} is not {wanted.name}: expected the sha256 {wanted.sha256}, found {sha256}; {advice}"
        )
    if wanted.sha256_start is not None and not sha256.startswith(wanted.sha256_start):
        raise CheckpointError(
            f"{path} is not {wanted.name}: expected a sha256 that begins with {wanted.sha256_start}, found {sha256};"
            f" {advice}"
        )


def record_of(wanted: Network, source: str, path: Path, sha256: str) -> Record:
    """The record of a file that is stored as it was fetched."""
    size = path.stat().st_size
    return Record(
        network=wanted.name,
        source=source,
        source_bytes=size,
        source_sha256=sha256,
        bytes=size,
        sha256=sha256,
        pinned=wanted.sha256 is not None,
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )


def read_record(path: Path) -> Record | None:
    """The record of a stored file; None when there is none that can be read."""
    try:
        content = json.loads(_record_path(path).read_text(encoding="utf-8"))
        return Record(**content)
    except (OSError, ValueError, TypeError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Write the record of a stored file.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(asdict(record), indent=2) + "\n"
    atomic_write(_record_path(path), lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _mark(path: Path) -> tuple[str, int, int, int]:
    about = path.stat()
    return str(path), about.st_ino, about.st_size, about.st_mtime_ns


def _verify(wanted: Network, path: Path) -> Record:
    advice = f"remove it and get it again: eclipsed models remove {wanted.name}, eclipsed models fetch {wanted.name}"
    if wanted.ships:
        advice = "install eclipsed again"
    mark = _mark(path)
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    if wanted.ships:  # the catalogue says all; the package's own folders are only read
        check_against_catalogue(wanted, path, sha256=sha256, advice=advice)
        _verified.add(mark)
        return record_of(wanted, str(path), path, sha256)
    record = read_record(path)
    if record is None:
        if path == stored_path(wanted) and wanted.converted:
            raise CheckpointError(f"{path} has no record of what it was made from; {advice}")
        check_against_catalogue(wanted, path, sha256=sha256, advice=advice)
        record = record_of(wanted, str(path), path, sha256)
        try:
            write_record(path, record)  # first use: from now on the file has to stay as it is
        except OutputError:
            if not record.pinned:  # a published hash does without a record
                raise
    elif sha256 != record.sha256:
        raise CheckpointError(
            f"{path} has changed since it was fetched: expected the sha256 {record.sha256}, found {sha256}; {advice}"
        )
    _verified.add(mark)
    return record
