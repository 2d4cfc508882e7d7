"""What a bar looks like: on a terminal, in a notebook, and as lines where neither is there."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from eclipsed.commands.terminal import note

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

__all__ = ["Lines", "NotebookBar", "Stand", "TerminalBar", "View", "duration"]

_SILENCE = 4.0  # seconds without a line after which one says that work goes on
_PATIENCE = 1.5  # seconds that something quick may take without a word
_BYTES_A_LINE = 10**8  # where nobody knows how many there are
_BAR, _LEAST_BAR = 20, 5  # signs
_OFTEN = 0.2  # seconds between two changes of a notebook's output


@dataclass(frozen=True)
class Stand:
    """Where some work stands.

    Args:
        name: of the work.
        done: steps or bytes.
        total: in all; None where nobody knows.
        amount: both, for people.
        figures: what else is to be said, parted by two spaces.
        left: speed and time left, for people.
        in_bytes: the work is counted in bytes.
    """

    name: str
    done: int
    total: int | None
    amount: str = ""
    figures: str = ""
    left: str = ""
    in_bytes: bool = False

    @property
    def line(self) -> str:
        """All of it in one line; what nobody can count ends in an ellipsis."""
        if self.total is None and not self.done and not self.in_bytes:
            return f"{self.name} …"
        return "  ".join(filter(None, (f"{self.name} {self.amount}", self.figures, self.left)))


class View(ABC):
    """One way to show where work stands."""

    @abstractmethod
    def start(self) -> None:
        """Begin, or go on after `stop`."""

    @abstractmethod
    def stop(self) -> None:
        """Leave it as it stands."""

    @abstractmethod
    def draw(self, stand: Stand, *, fresh: bool) -> None:
        """Show where the work stands; `fresh` when it is other work than before."""

    @abstractmethod
    def say(self, text: str) -> None:
        """Print a line of its own."""


class TerminalBar(View):
    """A bar that is drawn anew on its line, whole whatever the width.

    Args:
        console: a terminal.
        lasting: the bar stays when the work is done.
    """

    def __init__(self, console: Console, *, lasting: bool = True) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        shown = ("description:<15", "fields[amount]", "fields[left]", "fields[figures]")
        name, *texts = (
            TextColumn(f"{{task.{text}}}", markup=False, table_column=Column(no_wrap=True)) for text in shown
        )
        self._column = BarColumn(bar_width=_BAR)
        self._bar = Progress(name, self._column, *texts, console=console, transient=not lasting)
        self._task: TaskID | None = None

    def start(self) -> None:
        """Begin, or go on after `stop`."""
        self._bar.start()

    def stop(self) -> None:
        """Leave it as it stands."""
        self._bar.stop()

    def draw(self, stand: Stand, *, fresh: bool) -> None:
        """Show where the work stands; figures are left out whole where there is no room."""
        texts = (f"{stand.name:<15}", stand.amount, stand.left)
        room = self._bar.console.width - sum(len(text) + 1 for text in texts) - 1
        self._column.bar_width = min(_BAR, max(_LEAST_BAR, room))
        figures = _fitting(stand.figures, room - self._column.bar_width - 1)
        fields: dict[str, Any] = {"amount": stand.amount, "left": stand.left, "figures": figures}
        if not fresh and self._task is not None:
            self._bar.update(self._task, completed=stand.done, total=stand.total, **fields)
            return
        if self._task is not None:
            self._bar.update(self._task, visible=False)
        self._task = self._bar.add_task(stand.name, completed=stand.done, total=stand.total, **fields)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(text, highlight=False, markup=False)


class NotebookBar(View):
    """One output of a cell that changes, whatever is installed beside the notebook.

    Args:
        lasting: the bar stays when the work is done.
    """

    def __init__(self, *, lasting: bool = True) -> None:
        self._lasting = lasting
        self._handle: Any = None
        self._stand: Stand | None = None
        self._shown = 0.0

    def start(self) -> None:
        """Nothing is shown before there is something to say."""

    def stop(self) -> None:
        """Show the last stand, which may not have been drawn."""
        if self._stand is not None:
            self._put("" if not self._lasting else _html(self._stand), self._stand.line if self._lasting else "")
            self._stand = None

    def draw(self, stand: Stand, *, fresh: bool) -> None:
        """Show where the work stands, a few times a second at most."""
        self._stand = stand
        if fresh or stand.done == stand.total or time.monotonic() - self._shown > _OFTEN:
            self._shown = time.monotonic()
            self._put(_html(stand), stand.line)

    def say(self, text: str) -> None:
        """Print a line."""
        note(text)

    def _put(self, page: str, plain: str) -> None:
        from IPython.display import display

        data = {"text/html": page, "text/plain": plain}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(data, raw=True)


class Lines(View):
    """A line for every tenth of the way, and for every few seconds in which nothing else was said.

    Args:
        at_once: say what goes on before it takes a while.
    """

    def __init__(self, *, at_once: bool = True) -> None:
        self._at_once = at_once
        self._tenth = -1
        self._stand: Stand | None = None
        self._began = 0.0
        self._said, self._ended = Event(), Event()
        self._watch: Thread | None = None

    def start(self) -> None:
        """Watch over silence."""
        self._ended.clear()
        self._watch = Thread(target=self._break_silence, daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()
        self._said.set()
        if self._watch is not None:
            self._watch.join()

    def draw(self, stand: Stand, *, fresh: bool) -> None:
        """Print a line where a tenth of the way is done."""
        if fresh:
            self._tenth, self._began = -1, time.perf_counter()
        tenth = 10 * stand.done // stand.total if stand.total else stand.done // _BYTES_A_LINE
        self._stand = stand
        if tenth != self._tenth and self._at_once:
            self.say(stand.line)
        self._tenth = tenth

    def say(self, text: str) -> None:
        """Print a line."""
        note(text)
        self._said.set()

    def _break_silence(self) -> None:
        told = self._at_once
        while not self._ended.is_set():
            silent = not self._said.wait(_SILENCE if told else _PATIENCE)
            self._said.clear()
            if silent and self._stand is not None and not self._ended.is_set():
                spent = duration(time.perf_counter() - self._began)
                note(f"{self._stand.line}  ({spent} so far)" if told else self._stand.line)
                told = True


def duration(seconds: float) -> str:
    """A time for people: ``"42 s"``, ``"2 min 05 s"``, ``"3 h 10 min"``."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _fitting(figures: str, room: int) -> str:
    """As many whole figures as there is room for, and an ellipsis for the others."""
    if len(figures) <= room:
        return figures
    kept = figures.split("  ")
    while kept and len("  ".join([*kept, "…"])) > room:
        kept.pop()
    return "  ".join([*kept, "…"]) if room > 0 else ""


def _html(stand: Stand) -> str:
    share = "" if stand.total is None else f' value="{stand.done}" max="{stand.total}"'
    told = "  ".join(filter(None, (stand.amount, stand.left, stand.figures)))
    return f"<span>{escape(stand.name)} <progress{share}></progress> {escape(told)}</span>"
