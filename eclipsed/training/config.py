"""Every option of training with its default, in one frozen object that validates itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from eclipsed.errors import InputError
from eclipsed.values.seeds import check_seed, check_seeds
from eclipsed.worlds.world import find_world

__all__ = ["TrainConfig"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "space": ("Z", "W", "W+", "S"),
    "schedule": ("constant", "halved", "cosine"),
    "optimiser": ("adam", "shared"),
    "start": ("zero", "small", "unit"),
    "clip_loss": ("similarity", "directional", "contrast"),
    "locality_loss": ("score", "ratio", "bounded"),
    "difference": ("l2", "l1", "cosine"),
    "mask": ("average", "union", "intersection"),
    "where": ("foreground", "background"),
    "precision": ("auto", "float32", "bfloat16", "float16"),
}
_GROUPS = ("coarse", "middle", "fine", "all")

# field -> (lowest, highest), both allowed
_WHOLE: dict[str, tuple[int, int]] = {
    "steps": (1, 1_000_000),
    "batch": (1, 4096),
    "directions": (1, 256),
    "reuse": (1, 1_000_000),
    "warmup": (0, 1_000_000),
    "probe_steps": (1, 1_000_000),
    "calibration_faces": (2, 4096),
}
_REAL: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-9, 100.0),
    "start_scale": (0.0, 1e6),
    "correlation_weight": (0.0, 1e6),
    "clip_weight": (0.0, 1e6),
    "clip_temperature": (1e-3, 1e4),
    "keep_weight": (0.0, 1e6),
    "keep_temperature": (1e-3, 1e4),
    "locality_weight": (0.0, 1e6),
    "locality_scale": (0.0, 1e6),
    "mask_grow": (0.0, 0.5),
    "fence_weight": (0.0, 1e6),
    "probe_share": (0.0, 1.0),
    "row_freedom": (0.0, 1.0),
}
_SHARES = ("components", "row_cap", "truncation_psi")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How one direction is learned.

    The loss is ``clip_weight * CLIP loss + locality_weight * locality_scale * locality loss + keep_weight * bystander
    loss + fence_weight * fence + correlation_weight * correlation``.

    Args:
        steps: optimisation steps.
        batch: faces in a step.
        reuse: steps that see the same faces, each with new strengths: what is drawn and parsed before the edit serves
            them all.
        seed: seed of everything random; the same seed gives the same direction.
        space: ``"Z"``, ``"W"``, ``"W+"`` or ``"S"``.
        layers: rows of ws that the edit may change; None is all, ``"auto"`` finds the best of `probe_groups`.
        styles: in S, ``"all"`` style vectors, those of the convolutions (``"conv"``), or their names; rows chosen
            with `layers` restrict them further.
        directions: how many directions to learn at once.
        correlation_weight: weight of the mean squared cosine between them.
        seeds: train on the faces of these seeds; None draws new random faces, which serve `reuse` steps.
        truncation_psi: truncation of the training faces; None takes the model set's value.
        optimiser: ``"adam"``, or ``"shared"``: Adam with one second moment for all numbers of a delta, so that the
            step runs along the gradient.
        row_freedom: with ``"shared"`` in W+, how much of a step may differ from row to row: 0 moves all rows alike, as
            in W; 1 leaves each to itself. Faces that the generator draws have one w for all rows.
        learning_rate: the optimiser's, at its highest.
        schedule: ``"constant"``, ``"halved"`` after each quarter of the steps, or ``"cosine"`` down to zero.
        warmup: steps over which the learning rate first rises linearly.
        start: the delta at the beginning: ``"zero"``; ``"small"``, normal values times `start_scale`; ``"unit"``, a
            random vector of norm 1.
        start_scale: see `start`.
        alpha: each face's strength is drawn evenly from this range.
        clip_weight: weight of the CLIP loss.
        clip_loss: ``"similarity"``, 1 - cosine of image and prompt; ``"directional"``, 1 - cosine of the image's
            change and the way from `neutral_prompt` to the prompt; ``"contrast"``, cross-entropy of the prompt among
            captions that name another value of the same attribute.
        neutral_prompt: see `clip_loss`.
        clip_temperature: what the cosines are multiplied by in the contrast.
        keep_weight: weight of the loss that keeps CLIP's verdict on the attributes that the prompt does not speak of.
            It rises from none at a fifth of the steps to all of it at half of them; an edit of fine rows alone, and a
            trial of rows, have all of it from the start.
        keep_temperature: what the cosines are multiplied by for these verdicts.
        augment: show CLIP randomly cropped, shifted and brightened pictures.
        locality_weight: weight of the locality loss.
        locality_scale: brings the locality loss to the size of the CLIP loss.
        locality_loss: ``"score"``, 1 - localization score; ``"ratio"``, mean change outside over mean change inside;
            ``"bounded"``, the same ratio brought into [0, 1).
        score_layers: where change is measured: ``"image"``, ``"all"`` feature layers, or names of them, among which
            may be ``"image"``.
        difference: ``"l2"``, ``"l1"`` or ``"cosine"`` difference of features.
        mask: ``"average"``, ``"union"`` or ``"intersection"`` of the region before and after the edit.
        mask_grow: how far the region is grown, as a share of the image's width.
        protect: parts that never count as the region unless the region names them, so that hair may not turn into a
            hat; ``()`` for none.
        where: hold the edit to the region (``"foreground"``) or to everything else (``"background"``).
        fence_weight: weight of the hinge that keeps edited latents as near to the data as other faces are.
        components: keep the delta in the principal components of mapped w that hold this share of variance;
            None leaves it free.
        row_cap: largest norm of a row of the delta, as a share of the data's radius; None leaves it free.
        resolution: side of the training pictures; None is the power of two that covers what CLIP looks at. Rows that
            only larger pictures read are left as they are by ``layers="auto"``.
        precision: what the networks compute in: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``, the short
            format that the device is fast in, if any.
        low_memory: take the faces of a step one after the other and recompute activations for the gradient, for less
            memory and more time; the loss is the same.
        probe_groups: what ``layers="auto"`` chooses from: ``"coarse"``, ``"middle"``, ``"fine"``, ``"all"``.
        probe_steps: steps of the trial, in the rows of all these groups.
        probe_share: ``"all"`` is taken when no other group alone saves this share of the loss that the trial saved.
        calibrate: find the strength that becomes alpha = 1 on held-out faces.
        calibration_faces: how many.
    Raises:
        InputError: a value is of the wrong kind or out of range; the message names the field.
    """

    steps: int = 120
    batch: int = 4
    reuse: int = 2
    seed: int = 0
    space: str = "W+"
    layers: tuple[int, ...] | str | None = "auto"
    styles: tuple[str, ...] | str = "all"
    directions: int = 1
    correlation_weight: float = 1.0
    seeds: tuple[int, ...] | None = None
    truncation_psi: float | None = None
    optimiser: str = "shared"
    row_freedom: float = 0.4
    learning_rate: float = 0.04
    schedule: str = "cosine"
    warmup: int = 5
    start: str = "small"
    start_scale: float = 0.003
    alpha: tuple[float, float] = (0.1, 1.0)
    clip_weight: float = 1.0
    clip_loss: str = "contrast"
    neutral_prompt: str = "a person"
    clip_temperature: float = 20.0
    keep_weight: float = 20.0
    keep_temperature: float = 20.0
    augment: bool = True
    locality_weight: float = 0.05
    locality_scale: float = 20.0
    locality_loss: str = "ratio"
    score_layers: tuple[str, ...] | str = "image"
    difference: str = "l1"
    mask: str = "union"
    mask_grow: float = 0.03
    protect: tuple[str, ...] = ("glasses", "earrings", "necklace", "hat")
    where: str = "foreground"
    fence_weight: float = 1.0
    components: float | None = 0.985
    row_cap: float | None = 0.35
    resolution: int | None = None
    precision: str = "auto"
    low_memory: bool = False
    probe_groups: tuple[str, ...] = ("coarse", "middle", "fine", "all")
    probe_steps: int = 40
    probe_share: float = 0.75
    calibrate: bool = True
    calibration_faces: int = 24

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        for name, (low, high) in _WHOLE.items():
            self._set(name, _whole(name, getattr(self, name), low, high))
        for name, bounds in _REAL.items():
            self._set(name, _real(name, getattr(self, name), *bounds))
        for name in ("augment", "calibrate", "low_memory"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} must be True or False; got {getattr(self, name)!r}")
        self._set("seed", check_seed(self.seed))
        if self.seeds is not None:
            self._set("seeds", check_seeds(self.seeds))
        self._check_shares()
        self._check_alpha()
        self._check_layers()
        self._check_protect()
        if self.start == "zero" and self.directions > 1:
            raise InputError('several directions that start at "zero" would stay alike; take "small" or "unit"')
        if not isinstance(self.neutral_prompt, str) or not self.neutral_prompt.strip():
            raise InputError(f"neutral_prompt must be a sentence; got {self.neutral_prompt!r}")
        if self.resolution is not None:
            side = _whole("resolution", self.resolution, 4, 65536)
            if side & (side - 1):
                raise InputError(f"resolution must be a power of two; got {side}")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the dataclass is frozen to everybody else

    def _check_shares(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if value is not None:
                self._set(name, _real(name, value, 0.0, 1.0 if name == "components" else 100.0))
                if name != "truncation_psi" and getattr(self, name) == 0.0:
                    raise InputError(f"{name} must be above 0, or None to leave it off")

    def _check_alpha(self) -> None:
        if not isinstance(self.alpha, (tuple, list)) or len(self.alpha) != 2:
            raise InputError(f"alpha must be a pair (lowest, highest); got {self.alpha!r}")
        low, high = (_real("alpha", value, -100.0, 100.0) for value in self.alpha)
        if low > high or low == high == 0.0:
            raise InputError(f"alpha must be a pair (lowest, highest) that is not all zero; got {self.alpha!r}")
        self._set("alpha", (low, high))

    def _check_protect(self) -> None:
        if not isinstance(self.protect, (tuple, list)):
            raise InputError(f"protect must be a sequence of parts, () for none; got {self.protect!r}")
        try:
            self._set("protect", find_world().expand(self.protect))
        except InputError as error:
            raise InputError(f"protect: {error}") from None

    def _check_layers(self) -> None:
        if isinstance(self.layers, str):
            if self.layers != "auto":
                raise InputError(f'layers must be "auto", None (all) or row numbers; got {self.layers!r}')
        elif self.layers is not None:
            rows = _names("layers", self.layers)
            self._set("layers", tuple(sorted({_whole("layers", row, 0, 1023) for row in rows})))
        if not isinstance(self.styles, str):
            self._set("styles", tuple(str(name) for name in _names("styles", self.styles)))
        elif self.styles not in ("all", "conv"):
            raise InputError(f'styles must be "all", "conv" or names of style layers; got {self.styles!r}')
        if self.styles != "all" and self.space != "S":
            raise InputError(f'styles can only be chosen in the space "S"; the space is {self.space!r}')
        if not isinstance(self.score_layers, str):
            self._set("score_layers", tuple(str(name) for name in _names("score_layers", self.score_layers)))
        elif self.score_layers not in ("all", "image"):
            raise InputError(f'score_layers must be "all", "image" or names of layers; got {self.score_layers!r}')
        groups = _names("probe_groups", self.probe_groups)
        if any(group not in _GROUPS for group in groups):
            raise InputError(f"probe_groups must be among {', '.join(_GROUPS)}; got {self.probe_groups!r}")
        self._set("probe_groups", tuple(dict.fromkeys(groups)))

    @classmethod
    def report(cls, **changes: Any) -> TrainConfig:
        """The setting of the eCLIPsed report (EPFL 2023): LELSD in W+ with a CLIP similarity loss, nothing around it.

        Args:
            changes: fields to set otherwise.
        Raises:
            InputError: a field is unknown or its value is out of range.
        """
        return cls(
            space="W+",
            layers=None,
            steps=200,
            batch=2,
            reuse=1,
            optimiser="adam",
            row_freedom=1.0,
            learning_rate=1e-3,
            schedule="halved",
            warmup=0,
            start="unit",
            alpha=(0.1, 1.0),
            clip_weight=1.0,
            clip_loss="similarity",
            keep_weight=0.0,
            augment=False,
            locality_weight=0.05,
            locality_scale=1.0,
            locality_loss="score",
            score_layers="all",
            difference="l2",
            mask="average",
            mask_grow=0.0,
            protect=(),
            fence_weight=0.0,
            components=None,
            row_cap=None,
            precision="float32",
            calibrate=False,
        ).replace(**changes)

    def replace(self, **changes: Any) -> TrainConfig:
        """A copy with some fields changed.

        Raises:
            InputError: a field is unknown or its value is out of range.
        """
        _check_known(changes)
        return replace(self, **changes)

    def learning_rate_at(self, step: int, steps: int | None = None) -> float:
        """Learning rate of a step.

        Args:
            step: counted from 0.
            steps: length of the run; None is `self.steps`.
        """
        total = self.steps if steps is None else steps
        rate = self.learning_rate * min(1.0, (step + 1) / (self.warmup + 1))
        if self.schedule == "halved":
            return float(rate * 0.5 ** (4 * step // total))
        if self.schedule == "cosine":
            return rate * 0.5 * (1 + math.cos(math.pi * step / total))
        return rate

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainConfig:
        """Read what `to_json` wrote.

        Raises:
            InputError: `data` is not a mapping, has an unknown field, or a value out of range.
        """
        if not isinstance(data, Mapping):
            raise InputError(f"a training config must be a JSON object; got {type(data).__name__}")
        _check_known(data)
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        return cls(**values)


def _check_known(names: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(TrainConfig)]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"unknown training option {unknown[0]!r}; known: {', '.join(known)}")


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name} must be a whole number from {low} to {high}; got {value!r}")
    return value


def _real(name: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:  # nan fails too
        raise InputError(f"{name} must be a number from {low:g} to {high:g}; got {value!r}")
    return float(value)


def _names(name: str, value: object) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)) or not value:
        raise InputError(f"{name} must be a sequence with at least one entry; got {value!r}")
    return tuple(value)
