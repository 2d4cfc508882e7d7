"""Every option of training with its default, in one frozen object that validates itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from eclipsed.errors import InputError
from eclipsed.latents.space_registry import SPACES
from eclipsed.training.schedules import SCHEDULES, Schedule
from eclipsed.training.term_registry import TERMS
from eclipsed.values.checks import boolean, checked_fields, one_of, option, real, shown, whole
from eclipsed.values.choices import DIFFERENCES, LAST_ROW, LOCALITY_LOSSES, MASKS, PRECISIONS, ROW_GROUPS, STARTS
from eclipsed.values.seeds import CALIBRATION_FACES, check_seed, check_seeds
from eclipsed.values.variance import KEPT_VARIANCE

if TYPE_CHECKING:
    from eclipsed.latents.space import Space

__all__ = ["TrainConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How one direction is learned.

    The loss is ``clip_weight * CLIP loss + keep_weight * preservation loss + locality_weight * locality_scale *
    locality loss + fidelity_weight * fidelity + fence_weight * fence + correlation_weight * correlation``, and what
    `loss` adds.

    Args:
        steps: optimisation steps.
        batch: faces in a step.
        reuse: steps that see the same faces, each with new strengths: what is drawn and parsed before the edit serves
            them all.
        seed: seed of everything random; the same seed gives the same direction.
        loss: the terms of the loss: names, see above, and terms of your own: subclasses of `eclipsed.Term`, or objects
            of one.
        space: ``"Z"``, ``"W"``, ``"W+"`` or ``"S"``, or a subclass of `eclipsed.Space`.
        layers: rows of ws that the edit may change; None is all, ``"auto"`` finds the best of `probe_groups`.
        styles: in S, ``"all"`` style vectors, those of the convolutions (``"conv"``), or their names; rows chosen
            with `layers` restrict them further.
        directions: how many directions to learn at once.
        correlation_weight: weight of the mean squared cosine between them.
        seeds: train on the faces of these seeds; None draws new random faces, which serve `reuse` steps.
        truncation_psi: truncation of the training faces; None takes the model set's value.
        class_index: class of the training faces, where the generator has classes; None takes the generator's own.
        optimiser: ``"adam"``, or ``"shared"``: Adam with one second moment for all numbers of a delta, so that the
            step runs along the gradient.
        row_freedom: with ``"shared"`` in W+, how much of a step may differ from row to row: 0 moves all rows alike, as
            in W; 1 leaves each to itself. Faces that the generator draws have one w for all rows.
        learning_rate: the optimiser's, at its highest.
        schedule: ``"constant"``, ``"halved"`` after each quarter of the steps, or ``"cosine"`` down to zero; or a
            function of a step, from 0, and the number of steps that gives the factor of the learning rate.
        warmup: steps over which the learning rate first rises linearly.
        start: the delta at the beginning: ``"faces"``, the way from the faces that lack what the prompt says to those
            that have it, as CLIP sees `start_faces` of them (in Z, where there is none, ``"small"``); ``"atlas"``, what
            the atlas of the generator tells, rows included, in W+ only; ``"zero"``; ``"small"``, normal values times
            `start_scale`; ``"unit"``, a random vector of norm 1.
        start_scale: see `start`.
        start_faces: how many faces CLIP looks at for ``start="faces"``; the more, the less chance is in what they tell.
            None is 2048, and 512 where a face takes long: on a processor, in training pictures above 128 px.
        alpha: each face's strength is drawn evenly from this range.
        clip_weight: weight of the CLIP loss.
        clip_loss: ``"similarity"``, 1 - cosine of image and prompt; ``"directional"``, 1 - cosine of the image's
            change and the way from `neutral_prompt` to the prompt; ``"contrast"``, cross-entropy of the prompt among
            captions that name another value of the same attribute.
        neutral_prompt: see `clip_loss`; None is what the world of the pictures says: "a person".
        clip_temperature: what the cosines are multiplied by in the contrast; None is 0.543 of CLIP's own scale, since
            cosines are as narrow as that is large.
        keep_weight: weight of the loss that keeps CLIP's verdict on the attributes that the prompt does not speak of.
            It rises from none at a fifth of the steps to all of it at half of them; an edit of fine rows alone, and a
            trial of rows, have all of it from the start.
        keep_temperature: what the cosines are multiplied by for these verdicts; None is as in `clip_temperature`.
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
            hat; ``()`` for none, None for those that the world of the pictures names.
        where: hold the edit to the region (``"foreground"``) or to everything else (``"background"``).
        fidelity_weight: weight of the loss that holds the edit, inside the region, to what the faces told at the start;
            for ``start="faces"`` and ``"atlas"``.
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

    steps: int = option(60, whole, 1, 1_000_000)
    batch: int = option(4, whole, 1, 4096)
    reuse: int = option(2, whole, 1, 1_000_000)
    seed: int = 0
    loss: tuple[Any, ...] = ("clip", "preservation", "locality", "fidelity", "fence", "correlation")
    space: str | type[Space] = "W+"
    layers: tuple[int, ...] | str | None = "auto"
    styles: tuple[str, ...] | str = "all"
    directions: int = option(1, whole, 1, 256)
    correlation_weight: float = option(1.0, real, 0.0, 1e6)
    seeds: tuple[int, ...] | None = None
    truncation_psi: float | None = option(None, real, 0.0, 100.0, optional=True)
    class_index: int | None = option(None, whole, 0, 1_000_000, optional=True)
    optimiser: str = option("shared", one_of, ("adam", "shared"))
    row_freedom: float = option(0.4, real, 0.0, 1.0)
    learning_rate: float = option(0.02, real, 1e-9, 100.0)
    schedule: str | Schedule = "cosine"
    warmup: int = option(5, whole, 0, 1_000_000)
    start: str = option("faces", one_of, STARTS)
    start_scale: float = option(0.003, real, 0.0, 1e6)
    start_faces: int | None = option(None, whole, 64, 1_000_000, optional=True)
    alpha: tuple[float, float] = (0.1, 1.0)
    clip_weight: float = option(1.0, real, 0.0, 1e6)
    clip_loss: str = option("contrast", one_of, ("similarity", "directional", "contrast"))
    neutral_prompt: str | None = None
    clip_temperature: float | None = option(None, real, 1e-3, 1e4, optional=True)
    keep_weight: float = option(20.0, real, 0.0, 1e6)
    keep_temperature: float | None = option(None, real, 1e-3, 1e4, optional=True)
    augment: bool = option(True, boolean)
    locality_weight: float = option(0.05, real, 0.0, 1e6)
    locality_scale: float = option(600.0, real, 0.0, 1e6)
    locality_loss: str = option("ratio", one_of, LOCALITY_LOSSES)
    score_layers: tuple[str, ...] | str = "image"
    difference: str = option("l1", one_of, DIFFERENCES)
    mask: str = option("union", one_of, MASKS)
    mask_grow: float = option(0.03, real, 0.0, 0.5)
    protect: tuple[str, ...] | None = None
    where: str = option("foreground", one_of, ("foreground", "background"))
    fidelity_weight: float = option(10.0, real, 0.0, 1e6)
    fence_weight: float = option(10.0, real, 0.0, 1e6)
    components: float | None = option(KEPT_VARIANCE, real, 0.0, 1.0, optional=True)
    row_cap: float | None = option(0.35, real, 0.0, 100.0, optional=True)
    resolution: int | None = option(None, whole, 4, 65536, optional=True)
    precision: str = option("auto", one_of, PRECISIONS)
    low_memory: bool = option(False, boolean)
    probe_groups: tuple[str, ...] = ROW_GROUPS
    probe_steps: int = option(40, whole, 1, 1_000_000)
    probe_share: float = option(0.75, real, 0.0, 1.0)
    calibrate: bool = option(True, boolean)
    calibration_faces: int = option(CALIBRATION_FACES, whole, 2, 4096)

    def __post_init__(self) -> None:
        checked_fields(self)
        self._set("seed", check_seed(self.seed))
        if self.seeds is not None:
            self._set("seeds", check_seeds(self.seeds))
        for name in ("components", "row_cap"):
            if getattr(self, name) == 0.0:
                raise InputError(f"{name} must be above 0, or None to leave it off")
        self._set("loss", _terms(self.loss))
        if not isinstance(self.space, type):
            one_of("space", self.space, SPACES)
        if isinstance(self.schedule, str):
            one_of("schedule", self.schedule, SCHEDULES)
        elif not callable(self.schedule):
            raise InputError(f"schedule must be one of {', '.join(SCHEDULES)}, or a function; got {self.schedule!r}")
        self._check_alpha()
        self._check_layers()
        if self.protect is not None:
            sequence = isinstance(self.protect, (tuple, list))
            if not sequence or not all(isinstance(part, str) for part in self.protect):
                raise InputError(f"protect must be a sequence of parts, () for none; got {self.protect!r}")
            self._set("protect", tuple(self.protect))
        if self.start == "zero" and self.directions > 1:
            raise InputError('several directions that start at "zero" would stay alike; take "small" or "unit"')
        if self.start == "atlas" and self.space != "W+":
            raise InputError(f'the start "atlas" is a delta in W+; the space is {SPACES.name_of(self.space)!r}')
        neutral = self.neutral_prompt
        if neutral is not None and (not isinstance(neutral, str) or not neutral.strip()):
            raise InputError(f"neutral_prompt must be a sentence; got {self.neutral_prompt!r}")
        if self.resolution is not None and self.resolution & (self.resolution - 1):
            raise InputError(f"resolution must be a power of two; got {self.resolution}")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # the dataclass is frozen to everybody else

    def _check_alpha(self) -> None:
        if not isinstance(self.alpha, (tuple, list)) or len(self.alpha) != 2:
            raise InputError(f"alpha must be a pair (lowest, highest); got {self.alpha!r}")
        low, high = (real("alpha", value, -100.0, 100.0) for value in self.alpha)
        if low > high or low == high == 0.0:
            raise InputError(f"alpha must be a pair (lowest, highest) that is not all zero; got {self.alpha!r}")
        self._set("alpha", (low, high))

    def _check_layers(self) -> None:
        if isinstance(self.layers, str):
            if self.layers != "auto":
                raise InputError(f'layers must be "auto", None (all) or row numbers; got {self.layers!r}')
        elif self.layers is not None:
            rows = _names("layers", self.layers)
            self._set("layers", tuple(sorted({whole("layers", row, 0, LAST_ROW) for row in rows})))
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
        if any(group not in ROW_GROUPS for group in groups):
            raise InputError(f"probe_groups must be among {', '.join(ROW_GROUPS)}; got {self.probe_groups!r}")
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

    @classmethod
    def from_atlas(cls, **changes: Any) -> TrainConfig:
        """A training that begins with a sketch: in its rows, and with the few steps that it still needs.

        Args:
            changes: fields to set otherwise.
        Raises:
            InputError: a field is unknown or its value is out of range.
        """
        return cls(start="atlas", steps=24, reuse=3).replace(**changes)

    def replace(self, **changes: Any) -> TrainConfig:
        """A copy with some fields changed.

        Raises:
            InputError: a field is unknown or its value is out of range.
        """
        _check_known(changes)
        return replace(self, **changes)

    def learning_rates(self, steps: int | None = None) -> tuple[float, ...]:
        """Learning rate of each step.

        Args:
            steps: length of the run; None is `self.steps`.
        """
        total = self.steps if steps is None else steps
        schedule = SCHEDULES[self.schedule] if isinstance(self.schedule, str) else self.schedule
        rising = (min(1.0, (step + 1) / (self.warmup + 1)) for step in range(total))
        return tuple(self.learning_rate * share * schedule(step, total) for step, share in enumerate(rising))

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values; what is of the caller's own by its name."""
        own = {
            "loss": [TERMS.name_of(term) for term in self.loss],
            "space": SPACES.name_of(self.space),
            "schedule": SCHEDULES.name_of(self.schedule),
        }
        values = {one.name: getattr(self, one.name) for one in fields(self)} | own
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, like: TrainConfig | None = None) -> TrainConfig:
        """Read what `to_json` wrote.

        Args:
            data: the values; fields that are not there have their default.
            like: where the terms, space and schedule of the caller's own are taken from that `data` knows by name only;
                None finds them where they were registered.
        Raises:
            InputError: `data` is not a mapping, has an unknown field, or a value out of range.
        """
        if not isinstance(data, Mapping):
            raise InputError(f"a training config must be a JSON object; got {type(data).__name__}")
        _check_known(data)
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        if like is not None:
            named = like.to_json()
            values |= {name: getattr(like, name) for name in _OWN if data.get(name) == named[name]}
        return cls(**values)


#: fields that may hold something of the caller's own
_OWN = ("loss", "space", "schedule")


def _check_known(names: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(TrainConfig)]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"unknown training option {unknown[0]!r}; known: {', '.join(known)}")


def _terms(loss: object) -> tuple[Any, ...]:
    """The terms of the loss: names that are known, and whatever can be called and has a name and a weight."""
    terms = (loss,) if isinstance(loss, str) or not isinstance(loss, (tuple, list)) else tuple(loss)
    for term in terms:
        own = callable(term) and callable(getattr(term, "weight", None))
        if term not in TERMS if isinstance(term, str) else not own:
            raise InputError(
                f"loss must hold names of terms ({', '.join(TERMS)}) or terms of your own, subclasses of "
                f"eclipsed.Term; got {shown(term)}"
            )
    names = [TERMS.name_of(term) for term in terms]
    if not names or len(set(names)) < len(names):
        raise InputError(f"loss must hold at least one term, each of a name of its own; got {', '.join(names) or '()'}")
    return terms


def _names(name: str, value: object) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)) or not value:
        raise InputError(f"{name} must be a sequence with at least one entry; got {value!r}")
    return tuple(value)
