"""Follow a training in TensorBoard: the loss and every term of it as curves.

    pip install tensorboard
    python examples/tensorboard_log.py "a person with blond hair" --out out/log
    tensorboard --logdir out/log

A callback is anything that can be called with a `TrainStep`.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import eclipsed


class TensorBoardLog:
    """A callback that writes each figure of a step under the name of its phase.

    Args:
        writer: a `SummaryWriter`, or whatever has its `add_scalar`.
    """

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def __call__(self, step: eclipsed.TrainStep) -> None:
        for name, value in {"loss": step.loss, **step.terms}.items():
            if math.isfinite(value):
                self.writer.add_scalar(f"{step.phase}/{name}", value, step.step)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("prompt", nargs="?", default="a person with blond hair")
    options.add_argument("--steps", type=int, default=eclipsed.TrainConfig().steps)
    options.add_argument("--out", type=Path, default=Path("out/log"))
    given = options.parse_args()
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        sys.exit("this example needs TensorBoard: pip install tensorboard")

    editor = eclipsed.Editor.from_pretrained("mini")
    with SummaryWriter(given.out) as writer:
        config = eclipsed.TrainConfig(steps=given.steps)
        direction = editor.train(given.prompt, config=config, callback=TensorBoardLog(writer))
    print(direction.save(given.out / "direction.safetensors"))


if __name__ == "__main__":
    main()
