"""Pictures in tables of Parquet: a column with the bytes of their files, and perhaps one with their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eclipsed.errors import InputError
from eclipsed.inversion.folder_table import check_table
from eclipsed.inversion.picture_sources import HeldPictures, names_within

__all__ = ["TablePictures"]

_PICTURES = ("image", "picture", "photo", "img", "bytes", "content", "jpg", "jpeg", "png", "webp")
_NAMES = ("name", "file_name", "filename", "path", "key", "__key__", "id")
_AT_ONCE = 8  # pictures that are read together
_WIDTH = 6  # digits of a row's number


class TablePictures(HeldPictures):
    """The pictures of Parquet files.

    A picture is binary, or has its bytes in a field ``bytes``, as the tables of Hugging Face have them. A table that
    cannot be read is listed itself, with the reason. Rows are read one after the other: what asks for them in order
    reads each file once, and holds a few of them.

    Args:
        files: one table each.
    Raises:
        MissingExtraError: pyarrow is not there.
        InputError: they hold no pictures.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        super().__init__(files[0] if len(files) == 1 else files[0].parent)
        check_table()
        places: list[tuple[str, tuple[Path, int] | str]] = []
        for file in files:
            places += _listed(file)
        if not places:
            raise InputError(f"{files[0]} has no rows; give a table of pictures")
        names = names_within(name for name, _ in places)
        self._places = dict(zip(names, (place for _, place in places), strict=True))
        self._reader: _Reader | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what is open here."""
        return {**self.__dict__, "_reader": None}

    def names(self) -> list[str]:
        """In the order of the rows."""
        return list(self._places)

    def bytes_of(self, name: str) -> bytes:
        """Read its row."""
        place = self._places[name]
        if isinstance(place, str):
            raise InputError(place)
        file, row = place
        if self._reader is None or self._reader.file != file or self._reader.next > row:
            self._reader = _Reader(file, row)
        try:
            return self._reader.read(row)
        except Exception as error:  # pyarrow raises what it likes
            self._reader = None
            raise InputError(f"{self.called(name)} cannot be read: {' '.join(str(error).split()):.120}") from error


class _Reader:
    """Goes through the pictures of a table from some row on."""

    def __init__(self, file: Path, row: int) -> None:
        import pyarrow.parquet as parquet

        self.file = file
        table = parquet.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        groups, self.next = list(range(table.num_row_groups)), 0
        while groups and self.next + table.metadata.row_group(groups[0]).num_rows <= row:
            self.next += table.metadata.row_group(groups.pop(0)).num_rows
        column = _columns(table.schema_arrow, file)[0]
        self._rows = _each(table.iter_batches(batch_size=_AT_ONCE, row_groups=groups, columns=[column]))

    def read(self, row: int) -> bytes:
        """The picture of a row that is not behind."""
        while True:
            value = next(self._rows)
            self.next += 1
            if self.next > row:
                content = value.get("bytes") if isinstance(value, dict) else value
                if content is None:
                    raise InputError("the row has no picture")
                return bytes(content)


def _each(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        yield from batch.column(0).to_pylist()


def _listed(file: Path) -> list[tuple[str, tuple[Path, int] | str]]:
    """Name and row of each picture of a table."""
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(file)
        column, name = _columns(table.schema_arrow, file)
        paths = [name] if name is not None else []
        if name is None and _has(table.schema_arrow.field(column).type, "path"):
            paths = [f"{column}.path"]
        given: list[Any] = [None] * table.metadata.num_rows
        if paths:
            given = []
            for batch in table.iter_batches(batch_size=4096, columns=paths):
                each = batch.column(0).to_pylist()
                given += [one.get("path") if isinstance(one, dict) else one for one in each]
    except InputError as error:
        return [(file.name, str(error))]
    except Exception as error:  # pyarrow raises what it likes
        return [(file.name, f"{file} is no Parquet table that can be read: {' '.join(str(error).split()):.120}")]
    return [
        (f"{file.stem}/{row:0{_WIDTH}d}" if one in (None, "") else str(one), (file, row))
        for row, one in enumerate(given)
    ]


def _columns(schema: Any, file: Path) -> tuple[str, str | None]:
    """The column of pictures, and that of their names, if there is one.

    Raises:
        InputError: no column has pictures, or several may.
    """
    import pyarrow.types as types

    plain = {field.name: field.type for field in schema}
    able = [name for name, kind in plain.items() if _holds_bytes(kind)]
    known = [name for name in _PICTURES if name in able]
    if not able or (len(able) > 1 and not known):
        raise InputError(
            f"{file} has {'no' if not able else 'several'} columns of pictures' bytes "
            f"({', '.join(able or plain)}); call one image"
        )
    names = [
        name
        for name in _NAMES
        if name in plain and name not in able and (types.is_string(plain[name]) or types.is_integer(plain[name]))
    ]
    return (known or able)[0], names[0] if names else None


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or _has(kind, "bytes"))


def _has(kind: Any, field: str) -> bool:
    import pyarrow.types as types

    return bool(types.is_struct(kind) and kind.get_field_index(field) >= 0)
