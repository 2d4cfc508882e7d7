"""A log of the steps of a training, as CSV or as JSON Lines."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from eclipsed.errors import InputError, OutputError
from eclipsed.files.atomic import check_writable

if TYPE_CHECKING:
    from eclipsed.training.events import TrainStep

__all__ = ["StepLog", "check_log"]

_CSV, _LINES = ".csv", ".jsonl"
_PHASES = ("probe", "train", "calibrate")  # in the order in which they come
_COLUMNS = ("phase", "step", "steps", "loss", "seconds", "seconds_left")


def check_log(path: Path) -> None:
    """Raise unless a log can be written at `path`.

    Raises:
        InputError: its name ends neither in .csv nor in .jsonl.
        OutputError: it cannot be written.
    """
    if path.suffix.lower() not in (_CSV, _LINES):
        raise InputError(f"cannot tell the format of the log {str(path)!r}: end it in .csv or .jsonl")
    check_writable(path)


class StepLog:
    """A callback of a training that writes every step at once, so that another program can follow.

    In CSV each term of the loss has a column of its own; a term that joins late gets its column then. A number that
    there is none of is empty in CSV and null in JSON Lines. The survey has no figures, and no rows.

    Args:
        path: where; it ends in .csv or .jsonl.
        resumed: the training goes on, and so does its log, after the last row before the first step that is told.
            A log that was there before is begun anew else.
    """

    def __init__(self, path: Path, *, resumed: bool = False) -> None:
        self._path, self._resumed = path, resumed
        self._columns = list(_COLUMNS)
        self._rows: list[dict[str, Any]] = []
        self._file: TextIO | None = None

    def __call__(self, step: TrainStep) -> None:
        """Write one step.

        Raises:
            OutputError: it cannot be written.
        """
        if step.phase == "survey":
            return
        row = {name: _number(getattr(step, name)) for name in _COLUMNS}
        terms = {name: _number(value) for name, value in step.terms.items()}
        try:
            if self._resumed:
                self._resumed = False
                self._go_on(step)
            if self._path.suffix.lower() == _LINES:
                self._write(json.dumps({**row, "terms": terms}) + "\n")
            else:
                self._tabulate({**row, **terms})
        except OSError as error:
            raise OutputError(f"cannot write the log {self._path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _go_on(self, step: TrainStep) -> None:
        """Take over the rows of an earlier run, but for those of steps that are done again."""
        if not self._path.is_file():
            return
        lines = self._path.read_text(encoding="utf-8").splitlines()
        if self._path.suffix.lower() == _LINES:
            for line in lines:
                row = _parsed(line)
                if _earlier(row, step):
                    self._write(line + "\n")
            return
        read = csv.DictReader(lines)
        self._columns += [name for name in read.fieldnames or () if name not in self._columns]
        self._rows = [row for row in read if _earlier(row, step) and None not in row]

    def _tabulate(self, row: dict[str, Any]) -> None:
        late = [name for name in row if name not in self._columns]
        self._columns += late
        self._rows.append(row)
        if late or self._file is None:  # the head has changed, so all is written anew
            self.close()
            csv.DictWriter(self._open(), self._columns).writeheader()
            csv.DictWriter(self._open(), self._columns).writerows(self._rows)
        else:
            csv.DictWriter(self._open(), self._columns).writerow(row)
        self._open().flush()

    def _write(self, text: str) -> None:
        file = self._open()
        file.write(text)
        file.flush()

    def _open(self) -> TextIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._path, "w", encoding="utf-8", newline="")  # noqa: SIM115  # `close` closes it
        return self._file


def _parsed(line: str) -> dict[str, Any]:
    """A row of JSON Lines; an empty one where a run that was killed has left half a line."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _earlier(row: Mapping[str, Any], step: TrainStep) -> bool:
    """Whether a row is of a step before this one."""
    try:
        return (_PHASES.index(str(row.get("phase"))), int(row["step"])) < (_PHASES.index(step.phase), step.step)
    except (KeyError, TypeError, ValueError):
        return False


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
