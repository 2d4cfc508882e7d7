"""The encoder that guesses latents from a picture: an IR-SE body, a feature pyramid, and one style block per row of ws.

e4e and pSp share all modules and key names, and differ in what they do with the rows. Every size comes from an
`EncoderConfig`, which can be read off a state dict.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.errors import InputError

__all__ = ["Encoder", "EncoderConfig", "EncoderKind"]

EncoderKind = Literal["e4e", "psp"]

_T = TypeVar("_T")

_LEVELS = 3  # of the pyramid: the body's last three stages
_SE_REDUCTION = 16


@dataclass(frozen=True)
class EncoderConfig:
    """Every size of an encoder.

    Args:
        kind: ``"e4e"``: all rows begin as the first one, to which the others add; ``"psp"``: each row by itself.
        stem: channels before the first stage.
        stages: channels and number of blocks of each stage of the body; each halves the side.
        halvings: for each row of ws, how often its style block halves the side of its features, down to 1 x 1. The
            first row reads the body's last stage; each halving more means a stage earlier.
        style_width: channels inside the style blocks.
        w_dim: length of a row of ws.
    Raises:
        InputError: the numbers do not fit together.
    """

    kind: EncoderKind
    stem: int
    stages: tuple[tuple[int, int], ...]
    halvings: tuple[int, ...]
    style_width: int
    w_dim: int

    def __post_init__(self) -> None:
        if self.kind not in get_args(EncoderKind):
            raise InputError(f"an encoder is of the kind {' or '.join(get_args(EncoderKind))}; got {self.kind!r}")
        if len(self.stages) < _LEVELS:
            raise InputError(f"an encoder needs at least {_LEVELS} stages; got {len(self.stages)}")
        numbers = (self.stem, self.style_width, self.w_dim, *(n for stage in self.stages for n in stage))
        if min(numbers) < 1 or not self.halvings or min(self.halvings) < 1:
            raise InputError(f"an encoder's sizes must be above 0; got {self}")
        levels = [count - self.halvings[0] for count in self.halvings]
        if levels != sorted(levels) or levels[-1] >= _LEVELS:
            raise InputError(
                f"the rows of an encoder read at most {_LEVELS} levels, coarse ones first; got halvings {self.halvings}"
            )

    @property
    def num_ws(self) -> int:
        """Rows of ws that it gives."""
        return len(self.halvings)

    @property
    def size(self) -> int:
        """Side of the square picture that it reads, in pixels."""
        return int(2 ** (self.halvings[0] + len(self.stages)))

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor], kind: EncoderKind) -> EncoderConfig:
        """Read the sizes off a state dict.

        Args:
            state: by the public key names, without prefix.
            kind: which the shapes do not tell.
        Raises:
            InputError: these are no keys of an encoder, or the sizes do not fit together.
        """
        try:
            stages: list[list[int]] = []  # of each block, its channels
            for index in range(_count(state, r"body\.(\d+)\.")):
                if index == 0 or f"body.{index}.shortcut_layer.0.weight" in state:
                    stages.append([])
                stages[-1] += [state[f"body.{index}.res_layer.{layer}.weight"].shape[0] for layer in (1, 2, 3, 4)]
            rows = range(_count(state, r"styles\.(\d+)\."))
            ends = [tuple(state[f"styles.{row}.linear.weight"].shape) for row in rows]
            w_dim, style_width = _usual([end for end in ends if len(end) == 2])
            return cls(
                kind=kind,
                stem=_usual([state[f"input_layer.{layer}.weight"].shape[0] for layer in range(3)]),
                stages=tuple((_usual(stage), len(stage) // 4) for stage in stages),
                halvings=tuple((_count(state, rf"styles\.{row}\.convs\.(\d+)\.") + 1) // 2 for row in rows),
                style_width=style_width,
                w_dim=w_dim,
            )
        except (KeyError, IndexError) as error:
            raise InputError(f"it lacks {error}") from error


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the highest number in the keys that begin like this."""
    found = (re.match(pattern, key) for key in state)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def _usual(values: Sequence[_T]) -> _T:
    """The commonest value, so that one misshapen tensor does not decide a size."""
    return Counter(values).most_common(1)[0][0]


class Encoder(nn.Module):
    """A picture to latents, without the mean latent.

    Args:
        config: every size.
    Source: Tov et al. 2021, arXiv:2102.02766 (e4e); Richardson et al. 2021, arXiv:2008.00951 (pSp); the body is the
        IR-SE-50 of ArcFace, Deng et al. 2019, arXiv:1801.07698.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, config.stem, 3, padding=1, bias=False), nn.BatchNorm2d(config.stem), nn.PReLU(config.stem)
        )
        blocks: list[nn.Module] = []
        self._ends: list[int] = []  # position of the last block of each stage
        before = config.stem
        for channels, count in config.stages:
            for index in range(count):
                blocks.append(_Block(before, channels, stride=1 if index else 2))
                before = channels
            self._ends.append(len(blocks) - 1)
        self.body = nn.Sequential(*blocks)
        self.styles = nn.ModuleList(
            _StyleBlock(before, config.style_width, config.w_dim, halvings=count) for count in config.halvings
        )
        self.latlayer1 = nn.Conv2d(config.stages[-2][0], before, 1)
        self.latlayer2 = nn.Conv2d(config.stages[-3][0], before, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Guess latents.

        Args:
            images: (N, 3, size, size), range [-1, 1].
        Returns:
            ws less the mean latent, (N, num_ws, w_dim).
        Raises:
            InputError: pictures of another shape.
        """
        size = self.config.size
        if images.ndim != 4 or tuple(images.shape[1:]) != (3, size, size):
            raise InputError(f"this encoder reads pictures (N, 3, {size}, {size}); got {tuple(images.shape)}")
        x, found = self.input_layer(images), []
        for index, block in enumerate(self.body):
            x = block(x)
            if index in self._ends[-_LEVELS:]:
                found.append(x)
        fine, middle, coarse = found
        second = _enlarge(coarse, middle) + self.latlayer1(middle)
        levels = (coarse, second, _enlarge(second, fine) + self.latlayer2(fine))
        first = self.config.halvings[0]
        rows = [style(levels[n - first]) for style, n in zip(self.styles, self.config.halvings, strict=True)]
        if self.config.kind == "e4e":
            rows = [rows[0], *(rows[0] + row for row in rows[1:])]
        return torch.stack(rows, dim=1)


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)


class _Block(nn.Module):
    """Improved residual block with squeeze and excitation."""

    def __init__(self, before: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if before == channels:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, channels, 3, padding=1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            _Squeeze(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return y


class _Squeeze(nn.Module):
    """Scale each channel by what the means of all channels say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // _SE_REDUCTION)
        self.fc1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.fc2 = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(means))))


class _StyleBlock(nn.Module):
    """Features to one row of ws."""

    def __init__(self, before: int, width: int, w_dim: int, *, halvings: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(halvings):
            layers += [nn.Conv2d(width if index else before, width, 3, stride=2, padding=1), nn.LeakyReLU(0.01)]
        self.convs = nn.Sequential(*layers)
        self.linear = _EqualLinear(width, w_dim)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(self.convs(x).flatten(1))
        return y


class _EqualLinear(nn.Module):
    """Linear layer whose stored weights are scaled to their true size when used."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(after, before))
        self.bias = nn.Parameter(torch.zeros(after))
        if not self.weight.is_meta:
            nn.init.normal_(self.weight)
        self._gain = 1 / math.sqrt(before)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self._gain, self.bias)
