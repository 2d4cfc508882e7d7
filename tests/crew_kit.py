"""Work for workers, in a module that other processes can import."""

import os
import signal
import time
from pathlib import Path

import torch

from eclipsed.editor import Editor
from eclipsed.errors import InputError


def squares(folder):
    """Squares numbers; says in a file of its own that it was begun, and once for each piece that was done."""
    note(folder, "begun")

    def work(task, turn):
        note(folder, f"did {task}")
        if task == "die":
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        if task == "die once":
            if seen(folder, "died"):
                return "alive"
            note(folder, "died")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        if task == "killed":
            note(folder, f"less {turn.less_memory}")
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        if task == "large":
            raise MemoryError("no room")
        if task == "large once":
            if not turn.less_memory:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            return "small"
        if task == "wrong":
            raise InputError("this cannot be squared")
        if task == "threads":
            return torch.get_num_threads()
        if isinstance(task, tuple):  # seconds to take
            time.sleep(task[1])
            return os.getpid()
        return task * task

    return work


def note(folder, text):
    """One line of a log that many processes write."""
    with open(Path(folder) / "log", "a") as file:
        file.write(text + "\n")


def seen(folder, text):
    """How often a line stands in the log."""
    log = Path(folder) / "log"
    return log.read_text().splitlines().count(text) if log.exists() else 0


def unbegun():
    """Ends its worker before it begins."""
    os._exit(3)


def open_noted(models, folder):
    """Open a model set, and say so."""
    note(folder, f"opened in {os.getpid()}")
    return Editor.from_pretrained(models, device="cpu")


def add_node(cluster, **options):
    """One more node of one CPU; on a busy machine the half minute that Ray gives it may be too short."""
    for left in (2, 1, 0):
        try:
            return cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, **options)
        except Exception as error:
            if not left or "timed out" not in str(error):
                raise
    return None
