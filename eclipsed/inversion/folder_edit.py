"""Every picture of a folder edited, what is done skipped, and a report."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache, partial

from eclipsed.compute.crew import Crew
from eclipsed.errors import InputError
from eclipsed.files.atomic import remove_unfinished
from eclipsed.images.report_page import MOST_SHOWN
from eclipsed.inversion.edited_photo import EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor
from eclipsed.inversion.folder_places import check_places, inside, results_of
from eclipsed.inversion.folder_record import OF_FACES, done_before, record_file
from eclipsed.inversion.folder_report import REPORT_PAGE, REPORT_TABLE, write_reports
from eclipsed.inversion.folder_stacks import FolderStack
from eclipsed.inversion.folder_stages import Task
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
        What became of each and of each of its stacks, in the order of the source.
    """
    if job.aligned and job.face is not None:
        raise InputError("of aligned and face give one: each says where the face is")
    check_which(job.face)
    check_places(job.source.path, job.out)
    results = results_of(job.source.names())
    _tidy(job, results)
    if job.keep_faces:
        check_table()
    wanted = [(name, stack.name) for name in results for stack in job.stacks]
    rows = {(row.name, row.stack): row for name, result in results.items() for row in _earlier(job, name, result)}
    for key in list(rows)[MOST_SHOWN:]:
        rows[key] = replace(rows[key], before="", after="")  # what the page does not show
    tasks = _missing(job, results, rows)
    if tasks:
        trial = editor.sample(seeds=0, class_index=job.class_index)
        for stack in job.stacks:
            job.edit(editor, trial, stack)  # what is wrong with the edit is said once, and at once
    for done, row in enumerate(rows.values(), 1):
        tell(done, len(wanted), row)
    with closing(edit_many(editor, job, tasks, crew=crew)) as edited:
        for row in edited:
            rows[row.name, row.stack] = row if len(rows) < MOST_SHOWN else replace(row, before="", after="")
            tell(len(rows), len(wanted), row)
    ordered = [rows[key] for key in wanted]
    write_reports(ordered, job.out)
    if job.keep_faces:
        write_table(ordered, job, editor.generator)
    return ordered


def _earlier(job: FolderJob, name: str, result: str) -> Iterator[EditedPhoto]:
    """What earlier runs made of a picture; nothing where its faces are to be kept and are not there."""
    digest = cache(partial(job.source.digest, name))  # read once, and only where there was a run
    found = []
    for stack in job.stacks:
        key = partial(_key, job, digest, stack)
        row = done_before(job.out, name, stack.place(result), key, stack=stack.name)
        found += [] if row is None else [row]
    if found and job.keep_faces:
        place = job.face_place(result)
        if done_before(job.out, name, place, lambda: job.face_key(digest()), stack=OF_FACES) is None:
            return
    yield from found


def _key(job: FolderJob, digest: Callable[[], str], stack: FolderStack) -> str:
    """What tells a picture of the source and the edits from any other."""
    return job.key(digest(), stack)


def _missing(job: FolderJob, results: dict[str, str], rows: Container[tuple[str, str]]) -> list[Task]:
    """The pictures of which a result is missing, with the stacks that have none."""
    tasks = []
    for name, result in results.items():
        stacks = tuple(stack.name for stack in job.stacks if (name, stack.name) not in rows)
        tasks += [Task(name, result, stacks)] if stacks else []
    return tasks


def _tidy(job: FolderJob, results: dict[str, str]) -> None:
    """Remove what an earlier run that was killed had not finished."""
    out = job.out
    paths = [out / REPORT_TABLE, out / REPORT_PAGE, out / TABLE]
    for name, result in results.items():
        places = [stack.place(result) for stack in job.stacks] + [job.face_place(result)]
        paths += [out / place for place in places] if result else []
        paths += [record_file(out, name, stack) for stack in (OF_FACES, *(one.name for one in job.stacks))]
    remove_unfinished([path for path in paths if inside(path, out)])
