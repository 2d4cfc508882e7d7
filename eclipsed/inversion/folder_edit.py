"""Every picture of a folder edited, what is done skipped, and a report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial

from eclipsed.compute.crew import Crew
from eclipsed.errors import InputError
from eclipsed.files.atomic import remove_unfinished
from eclipsed.images.report_page import MOST_SHOWN
from eclipsed.inversion.edited_photo import EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor
from eclipsed.inversion.folder_places import check_places, inside, results_of
from eclipsed.inversion.folder_record import done_before, record_file
from eclipsed.inversion.folder_report import REPORT_PAGE, REPORT_TABLE, write_reports
from eclipsed.inversion.folder_table import TABLE, check_table, write_table
from eclipsed.inversion.folder_workers import edit_many
from eclipsed.photos.finding import check_which

__all__ = ["Tell", "edit_folder"]

#: told of each picture: how many are done, how many there are, and what became of it
Tell = Callable[[int, int, EditedPhoto], object]


def edit_folder(
    editor: PhotoEditor,
    job: FolderJob,
    *,
    crew: Crew,
    tell: Tell = lambda *_: None,
) -> list[EditedPhoto]:
    """Edit every picture of a source; see `eclipsed.Editor.edit_photos`.

    Args:
        editor: does it.
        job: what is done to each.
        crew: who does it.
        tell: told of each picture when it is done.
    Returns:
        What became of each, in the order of the source.
    """
    if job.aligned and job.face is not None:
        raise InputError("of aligned and face give one: each says where the face is")
    check_which(job.face)
    check_places(job.source.path, job.out)
    results = results_of(job.source.names())
    _tidy(job, results)
    if job.keep_faces:
        check_table()
    found = {name: done_before(job.out, name, result, partial(_key, job, name)) for name, result in results.items()}
    rows = {name: row for name, row in found.items() if row is not None and _has_faces(job, row)}
    for name in list(rows)[MOST_SHOWN:]:
        rows[name] = replace(rows[name], before="", after="")  # what the page does not show
    tasks = [(name, result) for name, result in results.items() if name not in rows]
    if tasks:
        trial = editor.sample(seeds=0, class_index=job.class_index)
        job.edit(editor, trial)  # what is wrong with the edit is said once, and at once
    for done, row in enumerate(rows.values(), 1):
        tell(done, len(results), row)
    with closing(edit_many(editor, job, tasks, crew=crew)) as edited:
        for row in edited:
            rows[row.name] = row if len(rows) < MOST_SHOWN else replace(row, before="", after="")
            tell(len(rows), len(results), row)
    ordered = [rows[name] for name in results]
    write_reports(ordered, job.out)
    if job.keep_faces:
        write_table(ordered, job, editor.generator)
    return ordered


def _key(job: FolderJob, name: str) -> str:
    """What tells a picture of the source and the edit from any other."""
    return job.key(job.source.digest(name))


def _has_faces(job: FolderJob, row: EditedPhoto) -> bool:
    """Whether the faces of what was done before are there, where they are to be kept."""
    return not job.keep_faces or job.face_file(row.result).is_file()


def _tidy(job: FolderJob, results: dict[str, str]) -> None:
    """Remove what an earlier run that was killed had not finished."""
    out = job.out
    targets = [out / result for result in results.values() if result]
    targets += [job.face_file(result) for result in results.values() if result]
    records = [record_file(out, name) for name in results]
    paths = [*targets, *records, out / REPORT_TABLE, out / REPORT_PAGE, out / TABLE]
    remove_unfinished([path for path in paths if inside(path, out)])
