"""The edit stack: which directions were applied to a face, in which order and how; as data and as a JSON file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eclipsed.errors import InputError, MissingModelError
from eclipsed.files.atomic import atomic_write
from eclipsed.pretrained.kinship import GeneratorId, Kinship
from eclipsed.prompts.region import MAX_PROMPT
from eclipsed.values.alphas import check_alpha
from eclipsed.values.checks import boolean, is_whole, real, shown, whole
from eclipsed.values.choices import ROW_GROUPS
from eclipsed.values.seeds import check_seed

if TYPE_CHECKING:
    from eclipsed.latents.direction import Direction
    from eclipsed.values.mask import Mask

__all__ = ["BLENDS", "GROUPS", "MOST_EDITS", "Stack", "StackEntry", "check_name"]

#: how an edit is put into the picture: None shows what the generator draws
BLENDS: tuple[str | None, ...] = (None, "pixels", "features", "styles")

#: names of row groups that stand for layers, see `eclipsed.latents.rows.row_groups`
GROUPS = ROW_GROUPS[:-1]

#: edits in one stack
MOST_EDITS = 32

_VERSION = 1
_LARGEST = 512 * 1024  # bytes of a stack file: 32 masks of nothing but specks fit
_STRONGEST = 1000.0
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"[0-9a-f]{0,64}")
_ENTRY_KEYS = ("direction", "digest", "prompt", "alpha", "on", "layers", "blend", "mask")
_KEYS = ("kind", "version", "generator", "face", "edits")


@dataclass(frozen=True, kw_only=True)
class StackEntry:
    """One edit of a stack.

    Args:
        direction: name of the direction in the library; never a path.
        digest: of the direction, see `Direction.digest`.
        prompt: that it was trained for; "" when it was not made from a sentence.
        alpha: strength.
        on: whether it is applied.
        layers: what the edit is restricted to: rows and layer names, or one of `GROUPS`; None is all.
        blend: one of `BLENDS`, see `Editor.edit`.
        mask: painted region of a blended edit, in place of the direction's own; one for all faces, kept with at most
            `eclipsed.values.mask.KEPT_SIDE` pixels a side.
    Raises:
        InputError: a value is of the wrong kind or out of range, or a mask has no blend to hold.
    """

    direction: str
    digest: str
    prompt: str = ""
    alpha: float = 1.0
    on: bool = True
    layers: tuple[int | str, ...] | str | None = None
    blend: str | None = None
    mask: Mask | None = None

    def __post_init__(self) -> None:
        check_name(self.direction)
        if not isinstance(self.digest, str) or not _DIGEST.fullmatch(self.digest):
            raise InputError(f"digest must be the 64 hex digits of a direction; got {shown(self.digest)}")
        if not isinstance(self.prompt, str) or len(self.prompt) > MAX_PROMPT:
            raise InputError(f"prompt must be a text of at most {MAX_PROMPT} characters; got {shown(self.prompt)}")
        object.__setattr__(self, "alpha", real("alpha", check_alpha(self.alpha), -_STRONGEST, _STRONGEST))
        boolean("on", self.on)
        if self.blend not in BLENDS:
            raise InputError(f'blend must be "pixels", "features", "styles" or null; got {shown(self.blend)}')
        object.__setattr__(self, "layers", _layers(self.layers))
        object.__setattr__(self, "mask", _mask(self.mask, self.blend))

    def to_json(self) -> dict[str, Any]:
        """The entry as plain JSON values; without a mask where there is none."""
        layers = list(self.layers) if isinstance(self.layers, tuple) else self.layers
        kept = {} if self.mask is None else {"mask": self.mask.to_json()}
        return {**{name: getattr(self, name) for name in _ENTRY_KEYS if name != "mask"}, "layers": layers, **kept}

    @classmethod
    def from_json(cls, data: object) -> StackEntry:
        """Read what `to_json` wrote.

        Raises:
            InputError: a key is missing or unknown, or a value is out of range.
        """
        values = _mapping(data, "an edit", _ENTRY_KEYS, needed=("direction", "digest"))
        if isinstance(values.get("layers"), list):
            values["layers"] = tuple(values["layers"])
        if values.get("mask") is not None:
            from eclipsed.values.mask import Mask  # brings numpy, which help does without

            values["mask"] = Mask.from_json(values["mask"])
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Edits of one face in the order in which they are applied. It never changes; each method gives a new one.

    Args:
        entries: first to last.
        generator: fingerprint of the generator; "" when nothing is bound to one.
        generator_name: what that is called.
        generator_sketch: what its latents mean, see `Generator.sketch`; "" in files from before it was kept.
        seed: of the face; None leaves it open.
        truncation_psi: of the face; None is the model set's own.
        class_index: of the face, where the generator has classes; None is the model set's own.
        saved_face: of a photograph's face instead of a seed: what `eclipsed.inversion.saving.faces_digest` gives.
    Raises:
        InputError: there are too many entries, or a value is out of range.
    """

    entries: tuple[StackEntry, ...] = ()
    generator: str = ""
    generator_name: str = ""
    generator_sketch: str = ""
    seed: int | None = None
    truncation_psi: float | None = None
    class_index: int | None = None
    saved_face: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", tuple(self.entries))
        if len(self.entries) > MOST_EDITS:
            raise InputError(f"a stack holds at most {MOST_EDITS} edits; got {len(self.entries)}: remove one first")
        if not isinstance(self.generator, str) or not _FINGERPRINT.fullmatch(self.generator):
            raise InputError(f"the generator's fingerprint must be hex digits; got {shown(self.generator)}")
        if not isinstance(self.generator_name, str) or len(self.generator_name) > 200:
            raise InputError(f"the generator's name must be a short text; got {shown(self.generator_name)}")
        self.made_on  # noqa: B018, raises where the sketch is damaged
        if self.seed is not None:
            object.__setattr__(self, "seed", check_seed(self.seed))
        if self.saved_face and (not isinstance(self.saved_face, str) or not _DIGEST.fullmatch(self.saved_face)):
            raise InputError(f"a saved face is named by 64 hex digits; got {shown(self.saved_face)}")
        if self.saved_face and self.seed is not None:
            raise InputError("the face of a stack has a seed or is a saved one; got both")
        if self.class_index is not None:
            object.__setattr__(self, "class_index", whole("a class", self.class_index, 0))
        if self.truncation_psi is not None:
            object.__setattr__(self, "truncation_psi", real("truncation_psi", self.truncation_psi, -2, 2))

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def made_on(self) -> GeneratorId:
        """The generator that its directions belong to."""
        return GeneratorId(fingerprint=self.generator, name=self.generator_name, sketch=self.generator_sketch)

    def added(self, direction: Direction, name: str | None = None, **changes: Any) -> Stack:
        """With one more edit at the end.

        Args:
            direction: what it applies.
            name: that it has in the library; its own when None.
            changes: further fields of `StackEntry`.
        Raises:
            InputError: the stack is full, belongs to another generator, or a value is out of range.
        """
        if self.generator and self.made_on.kinship(direction.made_on) is Kinship.FOREIGN:
            raise InputError(
                f"this stack edits faces of the generator {self.generator_name!r}; the direction "
                f"{direction.name!r} was trained on {direction.generator_name!r}"
            )
        entry = StackEntry(
            direction=direction.name if name is None else name,
            digest=direction.digest,
            prompt=direction.prompt or "",
            **changes,
        )
        return replace(
            self,
            entries=(*self.entries, entry),
            generator=direction.generator,
            generator_name=direction.generator_name,
            generator_sketch=direction.generator_sketch,
        )

    def changed(self, index: int, **changes: Any) -> Stack:
        """With other fields in one entry; see `StackEntry`."""
        at = self._at(index)
        return replace(
            self, entries=(*self.entries[:at], replace(self.entries[at], **changes), *self.entries[at + 1 :])
        )

    def removed(self, index: int) -> Stack:
        """Without one entry."""
        at = self._at(index)
        return replace(self, entries=(*self.entries[:at], *self.entries[at + 1 :]))

    def moved(self, index: int, to: int) -> Stack:
        """With one entry at another place of the order."""
        at, to = self._at(index), self._at(to)
        rest = [*self.entries[:at], *self.entries[at + 1 :]]
        return replace(self, entries=(*rest[:to], self.entries[at], *rest[to:]))

    def _at(self, index: int) -> int:
        if not is_whole(index, 0, len(self) - 1):
            raise InputError(f"there are {len(self)} edits, counted from 0; got {shown(index)}")
        return index

    def to_json(self) -> dict[str, Any]:
        """The stack as plain JSON values."""
        face: dict[str, Any] | None = None
        if self.saved_face:
            face = {"saved": self.saved_face}
        elif self.seed is not None:
            face = {"seed": self.seed, "truncation_psi": self.truncation_psi}
            face |= {} if self.class_index is None else {"class": self.class_index}
        return {
            "kind": "edit stack",
            "version": _VERSION,
            "generator": {
                "fingerprint": self.generator,
                "name": self.generator_name,
                "sketch": self.generator_sketch,
            },
            "face": face,
            "edits": [entry.to_json() for entry in self.entries],
        }

    @classmethod
    def from_json(cls, data: object) -> Stack:
        """Read what `to_json` wrote.

        Raises:
            InputError: it is no stack, of another version, has an unknown key, or a value out of range.
        """
        values = _mapping(data, "an edit stack", _KEYS, needed=("kind", "version", "edits"))
        if values["kind"] != "edit stack" or isinstance(values["version"], bool) or values["version"] != _VERSION:
            raise InputError(
                f"expected an edit stack of version {_VERSION}; got the kind {shown(values['kind'])}, "
                f"version {shown(values['version'])}"
            )
        if not isinstance(values["edits"], list):
            raise InputError(f"edits must be a list; got {shown(values['edits'])}")
        if len(values["edits"]) > MOST_EDITS:
            raise InputError(f"a stack holds at most {MOST_EDITS} edits; got {len(values['edits'])}")
        of = _mapping(values.get("generator") or {}, "the generator", ("fingerprint", "name", "sketch"))
        face = _mapping(values.get("face") or {}, "the face", ("seed", "truncation_psi", "class", "saved"))
        return cls(
            entries=tuple(StackEntry.from_json(entry) for entry in values["edits"]),
            generator=of.get("fingerprint", ""),
            generator_name=of.get("name", ""),
            generator_sketch=of.get("sketch", ""),
            seed=face.get("seed"),
            truncation_psi=face.get("truncation_psi"),
            class_index=face.get("class"),
            saved_face=face.get("saved") or "",
        )

    @classmethod
    def from_text(cls, text: str) -> Stack:
        """Read the JSON text of a stack.

        Raises:
            InputError: see `from_json`; or it is not JSON, or too long.
        """
        if len(text) > _LARGEST:
            raise InputError(f"an edit stack has at most {_LARGEST // 1024} kB; got {len(text) // 1024} kB")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"an edit stack is a JSON file; this is not JSON ({error})") from error
        return cls.from_json(data)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the stack as a JSON file, in one go.

        Raises:
            OutputError: it cannot be written.
        """
        text = json.dumps(self.to_json(), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        return atomic_write(path, lambda place: place.write_text(text, encoding="utf-8"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Stack:
        """Read a stack file.

        Raises:
            MissingModelError: there is no such file.
            InputError: see `from_text`; the message names the file.
        """
        place = Path(path)
        if not place.is_file():
            raise MissingModelError(f"there is no stack file {os.fspath(path)}; check the name")
        if place.stat().st_size > _LARGEST:
            raise InputError(f"{os.fspath(path)}: an edit stack has at most {_LARGEST // 1024} kB")
        try:
            return cls.from_text(place.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise InputError(f"{os.fspath(path)}: an edit stack is a JSON file in UTF-8") from error
        except InputError as error:
            raise InputError(f"{os.fspath(path)}: {error}") from error


def check_name(name: object) -> str:
    """Return the name of a direction of the library if it is one, and no path that leads elsewhere.

    Raises:
        InputError: it is empty, too long, absolute, has ``..``, a backslash, or characters that do not print.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        raise InputError(f"a direction is named by a short text; got {shown(name)}")
    pieces = name.split("/")
    if not name.isprintable() or "\\" in name or ":" in name or any(p.strip(". ") == "" or p[0] == "." for p in pieces):
        raise InputError(f"a direction is named as in `eclipsed directions list`, without a path; got {shown(name)}")
    return name


def _layers(layers: object) -> tuple[int | str, ...] | str | None:
    if layers is None or (isinstance(layers, str) and layers in GROUPS):
        return layers
    if isinstance(layers, str) or not isinstance(layers, Sequence) or not 0 < len(layers) <= 256:
        raise InputError(f"layers must be rows, or one of {', '.join(GROUPS)}, or null for all; got {shown(layers)}")
    for layer in layers:
        if not is_whole(layer) and not (isinstance(layer, str) and len(layer) <= 40):
            raise InputError(f"layers must be row numbers and names of layers; got {shown(layer)}")
    return tuple(layer if isinstance(layer, str) else int(layer) for layer in layers)


def _mask(mask: object, blend: str | None) -> Mask | None:
    if mask is None:
        return None
    from eclipsed.values.mask import Mask

    if not isinstance(mask, Mask) or len(mask) != 1:
        raise InputError("an edit of a stack has one mask for all faces; read it with eclipsed.read_mask")
    if blend is None:
        raise InputError('a mask holds blended edits; give the edit the blend "pixels", "features" or "styles"')
    return mask.kept()


def _mapping(data: object, what: str, known: Sequence[str], *, needed: Sequence[str] = ()) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InputError(f"{what} must be a JSON object; got {shown(data)}")
    unknown = [key for key in data if key not in known]
    missing = [key for key in needed if key not in data]
    if unknown or missing:
        wrong = f"an unknown key {shown(unknown[0])}" if unknown else f"no {missing[0]!r}"
        raise InputError(f"{what} has {wrong}; its keys are {', '.join(known)}")
    return dict(data)
