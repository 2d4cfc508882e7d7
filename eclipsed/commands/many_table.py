"""Many trainings while they run: a table that lives in the terminal, and lines where nobody looks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eclipsed.commands.bars import duration
from eclipsed.evaluation.many_report import options_in_words, share
from eclipsed.evaluation.many_rows import FAILED, TrainedPrompt

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from eclipsed.evaluation.many_wanted import Wanted

__all__ = ["ManyTable"]

_AROUND = 6  # lines of the terminal that are not rows


class ManyTable:
    """A table of what is being learned and what was; use it as a context manager.

    Args:
        console: where it is drawn; None is stderr.
    """

    def __init__(self, *, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._running: list[Wanted] = []
        self._rows: list[TrainedPrompt] = []
        self._total, self._since = 0, time.monotonic()

    def __enter__(self) -> ManyTable:
        from rich.live import Live

        if self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self.table, refresh_per_second=2, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def began(self, wanted: Wanted) -> None:
        """A training begins."""
        self._running.append(wanted)

    def tell(self, done: int, total: int, row: TrainedPrompt) -> None:
        """A training is done."""
        same = [one for one in self._running if (one.prompt, one.config.seed) == (row.prompt, row.seed)]
        if same:
            self._running.remove(same[0])
        self._rows.append(row)
        self._total = total
        if self._live is None:
            self._console.print(f"{done}/{total} {_line(row)}", markup=False, highlight=False, soft_wrap=True)

    def table(self) -> RenderableType:
        """As it stands: the latest that are done, and what is being learned."""
        from rich.markup import escape
        from rich.table import Table

        title = f"{len(self._rows)}/{self._total or '?'} trainings, {duration(time.monotonic() - self._since)}"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
        table.add_column("prompt", overflow="ellipsis", no_wrap=True, ratio=1)
        for name in ("seed", "success", "locality", "leakage", "seconds"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
        room = max(self._console.height - _AROUND - len(self._running), 1)
        for row in self._rows[-room:]:
            shares = (share(row.success), share(row.locality), share(row.leakage))
            said = row.reason or ("best so far" if self._is_best(row) else options_in_words(row))
            style = "red" if row.outcome == FAILED else None
            table.add_row(escape(row.prompt), str(row.seed), *shares, f"{row.seconds:.0f}", escape(said), style=style)
        for wanted in self._running:
            table.add_row(escape(wanted.prompt), str(wanted.config.seed), "", "", "", "", "training …", style="dim")
        return table

    def _is_best(self, row: TrainedPrompt) -> bool:
        worths = [one.worth for one in self._rows if one.prompt == row.prompt and one.worth is not None]
        return row.worth is not None and row.worth == max(worths)


def _line(row: TrainedPrompt) -> str:
    if row.outcome == FAILED:
        return f"{row.prompt!r}, seed {row.seed}: failed: {row.reason}"
    told = [("success", row.success), ("locality", row.locality), ("leakage", row.leakage)]
    figures = ", ".join(f"{name} {share(value)}" for name, value in told if value is not None)
    return f"{row.prompt!r}, seed {row.seed}: {row.outcome}, {figures}, {row.seconds:.0f} s"
