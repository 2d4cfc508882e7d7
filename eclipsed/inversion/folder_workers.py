"""Many pictures of a folder, whoever does them."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from eclipsed.compute.crew import Crew, run_many
from eclipsed.compute.crew_work import Turn
from eclipsed.inversion.edited_photo import FAILED, EditedPhoto
from eclipsed.inversion.folder_job import FolderJob, PhotoEditor
from eclipsed.inversion.folder_stages import Task, edit_one

__all__ = ["edit_many"]


def edit_many(
    editor: PhotoEditor, job: FolderJob, tasks: Sequence[Task], *, crew: Crew
) -> Generator[EditedPhoto, None, None]:
    """Edit pictures, with as many threads for each, so that the results are the same for any number of workers.

    On Ray they stream through its stages; those that end a worker there are done one by one after the others.

    Args:
        editor: does it; it goes to each worker once.
        job: what is done to each.
        tasks: each picture, and what is wanted of it.
        crew: who does it.
    Returns:
        What became of each, of every stack, as it is done.
    Raises:
        InputError: a worker cannot be started.
        KeyboardInterrupt: Ctrl-C; what was being done then is not kept.
    """
    if crew.ray is not None:
        from eclipsed.inversion.folder_ray import stream  # Ray is an extra

        left = {(task.name, stack) for task in tasks for stack in task.stacks}
        with closing(stream(editor, job, tasks, crew=crew)) as rows:
            for row in rows:
                left.remove((row.name, row.stack))
                yield row
        tasks = [_of_them(task, left) for task in tasks if any((task.name, one) in left for one in task.stacks)]
    with closing(run_many(partial(_worker, editor, job), tasks, crew=crew)) as answers:
        for answer in answers:
            task = tasks[answer.number]
            called = job.source.called(task.name)
            lost = f"{called} ended its worker ({answer.lost}): it may need more memory than there is"
            yield from answer.value or [EditedPhoto(task.name, FAILED, reason=lost, stack=one) for one in task.stacks]


def _of_them(task: Task, left: Container[tuple[str, str]]) -> Task:
    """The task with no stacks but those of which nothing was heard."""
    return replace(task, stacks=tuple(one for one in task.stacks if (task.name, one) in left))


def _worker(editor: PhotoEditor, job: FolderJob) -> Callable[[Task, Turn], list[EditedPhoto]]:
    """What one worker does with each picture."""

    def edit(task: Task, turn: Turn) -> list[EditedPhoto]:
        return edit_one(editor, job, task, less_memory=turn.less_memory, go_on=turn.go_on)

    return edit
