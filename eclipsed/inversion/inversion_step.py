"""What is told of an inversion while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Callback", "InversionStep"]


@dataclass(frozen=True)
class InversionStep:
    """What a callback is told.

    Args:
        phase: ``"latents"``, ``"generator"``, or ``"features"`` for what the generator cannot draw.
        step: steps done in this phase.
        steps: in all.
        loss: mean over the faces.
        psnr: of the best pictures so far, mean over the faces, in dB; of small ones while these are drawn, see
            `InversionConfig.coarse`.
        seconds_left: in this phase.
        share: of the steps of all phases and faces that are done, from 0 to 1.
    """

    phase: str
    step: int
    steps: int
    loss: float
    psnr: float
    seconds_left: float
    share: float = 0.0


Callback = Callable[[InversionStep], object]
