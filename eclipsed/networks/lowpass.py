"""Low-pass filters of a few taps: a sinc, or in two dimensions a jinc, under a Kaiser window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eclipsed.errors import InputError

__all__ = ["LowPass"]


@dataclass(frozen=True)
class LowPass:
    """A filter that lets pass what is slower than its cutoff.

    Args:
        taps: along each axis, from 1.
        cutoff: the frequency that it halves, in cycles per width of the picture.
        width: of the band in which it falls from 1 to 0, same unit.
        rate: samples per width of the picture.
        radial: the same in every direction of the plane; else along each axis by itself.
    Raises:
        InputError: no taps, or a cutoff, width or rate of which none can be made.
    Source: Karras et al. 2021, arXiv:2106.12423, appendix C; the window is Kaiser's, with his formulas for its shape.
    """

    taps: int
    cutoff: float
    width: float
    rate: float
    radial: bool = False

    def __post_init__(self) -> None:
        if self.taps < 1 or not (self.cutoff > 0 and self.width > 0 and self.rate >= 2 * self.cutoff):
            raise InputError(
                "a low-pass filter needs taps, a positive width, and a cutoff of at most half the rate; got "
                f"{self.taps} taps, width {self.width:g}, cutoff {self.cutoff:g}, rate {self.rate:g}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """(taps,), or (taps, taps) of a radial one."""
        return (self.taps, self.taps) if self.radial else (self.taps,)

    def make(self) -> Tensor:
        """The taps, float32; they sum to one."""
        places = (np.arange(self.taps) - (self.taps - 1) / 2) / self.rate
        window = np.kaiser(self.taps, self._beta())
        if self.radial:
            found = self._jinc(np.hypot.outer(places, places)) * np.outer(window, window)
        else:
            found = np.sinc(2 * self.cutoff * places) * window
        return torch.from_numpy((found / found.sum()).astype(np.float32))

    def _beta(self) -> float:
        """The shape of the window, for the attenuation that the width leaves room for."""
        decibels = 2.285 * (self.taps - 1) * math.pi * self.width / (self.rate / 2) + 7.95
        if decibels > 50:
            return 0.1102 * (decibels - 8.7)
        return 0.5842 * (decibels - 21) ** 0.4 + 0.07886 * (decibels - 21) if decibels > 21 else 0.0

    def _jinc(self, radius: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a disc of frequencies up to the cutoff looks like in the plane."""
        x = 2 * math.pi * self.cutoff * radius
        apart = np.where(x > 0, x, 1.0)
        bessel = torch.special.bessel_j1(torch.from_numpy(apart)).numpy()
        return np.asarray(np.where(x > 0, bessel / apart, 0.5))
