"""Many pictures of a folder, whoever does them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial

from eclipsed.compute.crew import Crew, run_many
from eclipsed.compute.crew_work import Turn
from eclipsed.inversion.edited_photo import FAILED, EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor
from eclipsed.inversion.folder_stages import edit_one

__all__ = ["edit_many"]

Task = tuple[str, str]  # name of a picture, and path of its result


def edit_many(
    editor: PhotoEditor, job: FolderJob, tasks: Sequence[Task], *, crew: Crew
) -> Generator[EditedPhoto, None, None]:
    """Edit pictures, with as many threads for each, so that the results are the same for any number of workers.

    On Ray they stream through its stages; those that end a worker there are done one by one after the others.

    Args:
        editor: does it; it goes to each worker once.
        job: what is done to each.
        tasks: name of each picture, and path of its result.
        crew: who does it.
    Returns:
        What became of each, as it is done.
    Raises:
        InputError: a worker cannot be started.
        KeyboardInterrupt: Ctrl-C; what was being done then is not kept.
    """
    if crew.ray is not None:
        from eclipsed.inversion.folder_ray import stream  # Ray is an extra

        left = dict(tasks)
        with closing(stream(editor, job, tasks, crew=crew)) as rows:
            for row in rows:
                del left[row.name]
                yield row
        tasks = list(left.items())
    with closing(run_many(partial(_worker, editor, job), tasks, crew=crew)) as answers:
        for answer in answers:
            name = tasks[answer.number][0]
            lost = f"{job.source.called(name)} ended its worker ({answer.lost}): it may need more memory than there is"
            yield answer.value or EditedPhoto(name, FAILED, reason=lost)


def _worker(editor: PhotoEditor, job: FolderJob) -> Callable[[Task, Turn], EditedPhoto]:
    """What one worker does with each picture."""

    def edit(task: Task, turn: Turn) -> EditedPhoto:
        return edit_one(editor, job, *task, go_on=turn.go_on)

    return edit
