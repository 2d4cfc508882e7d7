"""How long learning takes on this machine, known before it starts: from a trial of a few steps, or from a real one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eclipsed.editor import Editor
    from eclipsed.training.config import TrainConfig
    from eclipsed.training.events import TrainStep

__all__ = ["Pace"]

_TRIED = 3  # steps: the first one also pays for what is made once
_LONGEST = 20.0  # seconds after which a trial ends with what it has


class Pace:
    """Seconds that one step of learning takes, for each way to learn that differs in more than its length."""

    def __init__(self) -> None:
        self._known: dict[TrainConfig, float] = {}
        self._trial = threading.Lock()

    def known(self, config: TrainConfig) -> float | None:
        """Seconds that a training takes, in all; None when nothing is known yet."""
        from eclipsed.training.clock import Clock

        pace = self._known.get(_way(config))
        return None if pace is None else pace * Clock(config, None).work

    def note(self, config: TrainConfig, step: TrainStep) -> None:
        """Learn from a step of a real training."""
        from eclipsed.training.clock import Clock

        self._known[_way(config)] = (step.seconds + step.seconds_left) / Clock(config, None).work

    def measured(self, editor: Editor, config: TrainConfig) -> float | None:
        """The same as `known`, after a trial of a few steps where nothing is known yet.

        Args:
            editor: whose networks learn.
            config: how.
        """
        with self._trial:
            if self.known(config) is None:
                pace = _trial(editor, config)
                if pace is not None:
                    self._known.setdefault(_way(config), pace)
        return self.known(config)


def _way(config: TrainConfig) -> TrainConfig:
    return config.replace(steps=1, seed=0, class_index=None)


def _trial(editor: Editor, config: TrainConfig) -> float | None:
    """Seconds of a step of a training that is thrown away."""
    from eclipsed.errors import TrainingError

    ends = [time.monotonic()]

    def tell(step: TrainStep) -> bool:
        ends.append(time.monotonic())
        return len(ends) <= _TRIED and ends[-1] - ends[0] < _LONGEST

    parts = [editor.world.whole[0]] if editor.has_parser else None
    try:
        trial = config.replace(steps=_TRIED, layers=None, calibrate=False, start="small")  # without a survey
        editor.train(editor.world.example, region=parts, config=trial, callback=tell)
    except TrainingError:
        return None
    first, last = ends[min(1, len(ends) - 2)], ends[-1]
    return (last - first) / max(1, len(ends) - 2) if len(ends) > 1 else None
