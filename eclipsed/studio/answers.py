"""What the named endpoints take and give, as types that their listing shows."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "Direction",
    "Edit",
    "EditStack",
    "Inversion",
    "KeptMask",
    "Learning",
    "Making",
    "Measured",
    "Options",
    "PaintedPart",
    "Parts",
    "Plain",
    "Sum",
    "Unfinished",
]

#: a value of an option of training
Plain = str | int | float | bool | None | list[str] | list[int] | list[float] | dict[str, float]

#: options of training by name, see `TrainConfig`
Options = dict[str, Plain]

Layers = str | list[int] | list[str] | None


class Direction(TypedDict):
    """A direction of the shelf."""

    name: str
    prompt: str
    method: str
    shipped: bool
    parts: list[str]
    alpha_range: list[float]
    layers: list[int]
    scores: dict[str, Plain]
    weak: bool
    note: str


class _Edit(TypedDict):
    direction: str


class KeptMask(TypedDict):
    """A painted region as stacks keep it, see `eclipsed.Mask`: `eclipsed.read_mask(…).to_json()`."""

    side: int
    bits: str


class Edit(_Edit, total=False):
    """An edit that is asked for; only the direction must be named."""

    alpha: float
    on: bool
    layers: Layers
    blend: Literal["pixels", "features", "styles"] | None
    mask: KeptMask


class _Masked(TypedDict, total=False):
    mask: KeptMask


class StackEdit(_Masked):
    """An edit of a stack."""

    direction: str
    digest: str
    prompt: str
    alpha: float
    on: bool
    layers: Layers
    blend: str | None


class StackGenerator(TypedDict):
    """The generator that a stack belongs to."""

    fingerprint: str
    name: str
    sketch: str


#: the face of a stack: a seed with what it was drawn with, or the digest of a saved face
StackFace = TypedDict(
    "StackFace", {"seed": int, "truncation_psi": float | None, "class": int, "saved": str}, total=False
)


class EditStack(TypedDict, total=False):
    """An edit stack, see `eclipsed.Stack`."""

    kind: str
    version: int
    generator: StackGenerator
    face: StackFace | None
    edits: list[StackEdit]


class PaintedPart(TypedDict):
    """A painted part that is kept."""

    name: str
    words: list[str]
    paintings: int


class Parts(TypedDict):
    """What a sentence is about."""

    prompt: str
    parts: list[str]
    whole_face: bool
    matches: dict[str, list[str]]
    warning: str | None
    warnings: list[str]


class Measured(TypedDict):
    """What a direction does to some faces at one strength."""

    direction: str
    alpha: float
    change: float
    inside: float | None
    outside: float | None
    clip_gain: float | None
    reached: bool


class Learning(TypedDict):
    """How a training stands."""

    prompt: str
    status: Literal["waiting", "learning", "done", "stopped", "failed"]
    over: bool
    phase: str
    step: int
    steps: int
    total: int
    left: str
    ahead: int
    curves: dict[str, list[list[float]]]
    after_step: int
    message: str
    warnings: list[str]
    name: str


class Making(TypedDict):
    """How the making of a direction that no sentence trains stands."""

    status: Literal["waiting", "making", "done", "stopped", "failed"]
    over: bool
    step: int
    steps: int
    left: str
    ahead: int
    message: str
    warnings: list[str]
    name: str


class Sum(TypedDict):
    """What came of directions that were put together."""

    name: str
    message: str


class Unfinished(TypedDict):
    """A training that can be resumed."""

    name: str
    prompt: str
    step: int
    steps: int


class Inversion(TypedDict):
    """How an inversion stands."""

    name: str
    status: Literal["waiting", "inverting", "done", "stopped", "failed"]
    over: bool
    phase: str
    step: int
    steps: int
    share: float
    psnr: float | None
    seconds_left: float | None
    message: str
    foreign: bool
    left: list[str]
    faces: list[float]
