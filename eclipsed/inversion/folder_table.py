"""What became of the pictures of a folder as a Parquet table, with the latents of their faces."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from eclipsed.errors import MissingExtraError
from eclipsed.files.atomic import atomic_write
from eclipsed.images.report_page import plain_text
from eclipsed.inversion.edited_photo import EditedPhoto
from eclipsed.inversion.folder_job import FolderJob
from eclipsed.inversion.saving import load_faces
from eclipsed.pretrained.generator import Generator
from eclipsed.values.extras import pip_line

__all__ = ["TABLE", "check_table", "write_table"]

#: name of the table in the folder of results
TABLE = "table.parquet"

_AT_ONCE = 64  # rows in memory


def check_table() -> None:
    """Raise unless tables can be written.

    Raises:
        MissingExtraError: pyarrow is not there.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"a Parquet table needs pyarrow: {pip_line(extra='ray')}") from error


def write_table(rows: Sequence[EditedPhoto], job: FolderJob, generator: Generator) -> Path:
    """Write one row for each picture and stack; only a few are in memory at a time.

    Columns are those of report.csv, and `ws`: a list for each face with its latents, num_ws times w_dim numbers one row
    of ws after the other, as they were before the edit. The table's metadata say num_ws, w_dim and the generator.

    Args:
        rows: of the report.
        job: that kept the faces.
        generator: of the latents.
    Returns:
        Its path.
    Raises:
        OutputError: it cannot be written.
        MissingExtraError: pyarrow is not there.
    """
    check_table()
    import pyarrow as pa
    import pyarrow.parquet as parquet

    facts = {"num_ws": generator.num_ws, "w_dim": generator.w_dim, "generator": generator.fingerprint}
    text, number = pa.string(), pa.float64()
    schema = pa.schema(
        [
            ("picture", text), ("stack", text), ("outcome", text), ("result", text),
            ("faces", pa.int32()), ("closeness_db", number),
            ("seconds", number), ("reason", text), ("note", text), ("ws", pa.list_(pa.list_(pa.float32()))),
        ],
        metadata={name: str(value) for name, value in facts.items()},
    )  # fmt: skip

    def write(place: Path) -> None:
        with parquet.ParquetWriter(place, schema) as writer:
            for some in _batches(rows):
                writer.write_table(pa.Table.from_pylist([_row(row, job, generator) for row in some], schema=schema))

    return atomic_write(job.out / TABLE, write)


def _batches(rows: Iterable[EditedPhoto]) -> Iterator[list[EditedPhoto]]:
    left = iter(rows)
    while some := list(itertools.islice(left, _AT_ONCE)):
        yield some


def _row(row: EditedPhoto, job: FolderJob, generator: Generator) -> dict[str, Any]:
    faces = load_faces(generator, job.face_file(row)) if row.result else None
    name, result, reason = map(plain_text, (row.name, row.result, row.reason))
    return {
        "picture": name, "stack": row.stack, "outcome": row.outcome, "result": result,
        "faces": row.faces, "closeness_db": row.closeness,
        "seconds": row.seconds, "reason": reason, "note": row.note,
        "ws": [] if faces is None else faces.latent.ws.flatten(1).float().cpu().tolist(),
    }  # fmt: skip
