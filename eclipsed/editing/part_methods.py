"""What an `Editor` does with parts that somebody paints: learning them, and a look at them on faces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from eclipsed.editing.faces import Faces, check_faces
from eclipsed.editing.seeing import features_of, seen
from eclipsed.errors import InputError
from eclipsed.images import pictures
from eclipsed.latents.latent import Latent
from eclipsed.photos.painted import MaskSource, read_painting
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.lazy import Lazy
from eclipsed.pretrained.painted_parser import PaintedParser, painted_over
from eclipsed.pretrained.painted_part import PaintedPart, PartSource
from eclipsed.pretrained.parser import Parser
from eclipsed.pretrained.part_fitting import layers_of
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.values.checks import shown
from eclipsed.values.mask import Mask
from eclipsed.worlds.joining import check_words
from eclipsed.worlds.parts import is_spelled, part_key
from eclipsed.worlds.world import World

if TYPE_CHECKING:
    from PIL import Image
    from typing_extensions import Self

__all__ = ["PartMethods"]

_SAME = 1e-4  # how far ws of one face may lie apart when they come from different batches


class PartMethods(ABC):
    """The part of `Editor` that learns painted parts."""

    generator: Generator
    _world: World | None
    _parser: Lazy[Parser]
    _unpainted: Lazy[Parser]  # the parser without painted parts
    _parts: tuple[PaintedPart, ...]
    _opened: tuple[Path, torch.device, dict[str, Any]] | None

    @property
    @abstractmethod
    def world(self) -> World:
        """What the pictures are made of."""

    @property
    @abstractmethod
    def parser(self) -> Parser:
        """The parser."""

    @property
    @abstractmethod
    def has_parser(self) -> bool:
        """Whether there is one, or some parts were painted."""

    @property
    def parts(self) -> tuple[PaintedPart, ...]:
        """The painted parts that it finds beside those of its parser."""
        return self._parts

    def with_parts(self, *parts: PartSource) -> Self:
        """The same editor, with painted parts among those of its world.

        A sentence that names one finds it, and it may be a region wherever there is one. A part that is called like one
        of the world, or like a group, stands in its place.

        Args:
            parts: see `learn_part`, or their files.
        Raises:
            InputError: one was painted for another generator.
            MissingModelError, CheckpointError: a file is not there, or damaged.
        """
        other = self._twin()
        other._paint(parts)
        return other

    def without_parts(self, *names: str) -> Self:
        """The same editor without some of its painted parts; what a name stood for before it stands for again.

        Raises:
            InputError: no part of a name was painted.
        """
        keys = {part_key(name) for name in names}
        unknown = keys.difference(part.name for part in self._parts)
        if unknown:
            known = ", ".join(part.name for part in self._parts) or "none"
            raise InputError(f"no part {min(unknown)!r} was painted; painted are: {known}")
        other = self._twin()
        other._parts = ()
        other._paint([part for part in self._parts if part.name not in keys])
        return other

    def check_part_name(self, name: str, words: Sequence[str] = (), *, again: bool = False) -> str:
        """Raise unless a part may be called so beside those that there are.

        Args:
            name: of the part.
            words: that sentences shall call it by; none is its name.
            again: it takes the place of the painted part of this name; else it is to be one more.
        Returns:
            The name as worlds spell it.
        Raises:
            InputError: it is no name of a part, a part of this name is found already, or a word names another painted
                part.
        """
        key, world = _key(name), self.world
        known = world.expand([key]) if key in world.parts or key in world.groups else ()
        if not again and self.has_parser and set(known) & set(self.parser.finds):
            raise InputError(f"there is a part {key!r} already: correct that one, or take another name")
        check_words(key, _words(words), {part.name: part.words for part in self.parts})
        return key

    def learn_part(
        self,
        name: str,
        faces: Faces,
        masks: Sequence[MaskSource | None] | MaskSource,
        *,
        words: Sequence[str] = (),
        earlier: PaintedPart | None = None,
    ) -> PaintedPart:
        """Learn a part from a few faces on which somebody painted it.

        Args:
            name: of the part, such as ``"forehead"`` or ``"left cheek"``. A name of the world's own parts or groups
                makes one that stands in its place.
            faces: that were painted, one or more; eight are plenty. Of edited and of inverted faces the latents count.
            masks: for each of them where the part is, as `eclipsed.read_mask` takes it; None, or a mask without
                anything white, where the face shows none of it.
            words: that sentences call it by; none is its name.
            earlier: the same part as it was learned before, whose paintings count beside these; a face that was painted
                before is painted anew.
        Returns:
            The part: `with_parts` makes an editor that finds it, `save` keeps it.
        Raises:
            InputError: the name is none, or one of what lies behind all parts or of everything; a word is none; not as
                many masks as faces; one that is none, or nothing painted on any; or `earlier` is of another generator.
        """
        key, world = _key(name), self.world.unpainted
        own = set(world.expand([key])) if key in world.parts or key in world.groups else set()
        if world.background in own or set(world.whole) <= own:
            raise InputError(f"{name!r} is no single part of a {world.subject}; paint one of its parts")
        named = _words(words)
        count = len(check_faces(faces))
        given = _each(masks, count)
        paintings = [_read(one, faces.names[index]) for index, one in enumerate(given)]
        ws, latents = faces.ws, [faces.latent]
        if earlier is not None:
            earlier.check(self.generator)
            before = earlier.ws.to(ws).expand(-1, ws.shape[1], -1)
            apart = (before[:, None] - ws[None]).flatten(2).abs().amax(dim=2).amin(dim=1)  # from the nearest face
            kept = [k for k, far in enumerate(apart.tolist()) if far > _SAME]
            paintings = [*(earlier.paintings[k] for k in kept), *paintings]
            latents = [Latent(before[kept]), *latents] if kept else latents
            ws = torch.cat([before[kept], ws])
        layers = [layer.name for layer in layers_of(self.generator)]
        features: dict[str, list[Tensor]] = {layer: [] for layer in layers}
        for latent in latents:
            origins = faces.origins if latent is faces.latent else ()
            for layer, values in features_of(self.generator, latent, layers, origins).items():
                features[layer].append(values)
        return PaintedPart.learn(
            key,
            words=named or (earlier.words if earlier is not None else (key.replace("_", " "),)),
            generator=self.generator,
            features={layer: torch.cat(values) for layer, values in features.items()},
            ws=ws,
            paintings=paintings,
        )

    def painted_region(self, prompt: str, region: Region | Sequence[str] | None) -> Region | None:
        """The region of an edit where all of it can be found without a parser of pictures.

        Args:
            prompt: of the edit.
            region: that was asked for; None is that of the prompt.
        Returns:
            None where some of it was not painted.
        """
        if not self.parts:
            return None
        if region is None:
            found = read(prompt, world=self.world).region
        else:
            found = region if isinstance(region, Region) else Region.from_parts(region, world=self.world)
        return found if set(found.parts) <= set(self.parser.finds) else None

    def part_mask(self, faces: Faces, part: PaintedPart) -> Tensor:
        """Where a painted part is on some faces.

        Args:
            faces: N faces.
            part: painted for this generator.
        Returns:
            0 or 1, (N, 1, H, W).
        Raises:
            InputError: it was painted for another generator.
        """
        parser = PaintedParser([part], self.generator, world=self.world)
        return parser.mask(seen(parser, check_faces(faces), parser.finds), parser.finds)

    def part_sheet(self, faces: Faces, part: PaintedPart) -> Image.Image:
        """Draw where a painted part is on some faces, such as those that nobody painted.

        Args:
            faces: N faces.
            part: painted for this generator.
        Raises:
            InputError: it was painted for another generator.
        """
        world = self.world.with_parts({part.name: part.words})
        mask = self.part_mask(faces, part)
        return pictures.overlay(faces.images, mask, world.expand([part.name]), world=world, captions=faces.names)

    def _twin(self) -> Self:
        """Another editor of the same networks; a copy would open the model set anew."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        return other

    def _paint(self, parts: Sequence[PartSource]) -> None:
        """Put painted parts among those that are found; of two of one name the later one counts."""
        each = {part.name: part for part in (*self._parts, *map(PaintedPart.of, parts))}
        for part in each.values():
            part.check(self.generator)
        self._parts = tuple(each.values())
        if self._world is not None:
            self._world = self._world.unpainted.with_parts({part.name: part.words for part in self._parts})
        over = partial(painted_over, self._parts, self.generator, self._unpainted)
        self._parser = Lazy.of("parser", over, Parser) if self._parts else self._unpainted
        if self._opened is not None:
            folder, where, given = self._opened
            self._opened = folder, where, {**given, "parts": self._parts}


def _key(name: str) -> str:
    """The name of a part as worlds spell it.

    Raises:
        InputError: it is none.
    """
    key = part_key(name)
    if not is_spelled(key):
        raise InputError(f"the name of a part has small letters, digits and underscores; got {name!r}")
    return key


def _words(words: object) -> tuple[str, ...]:
    """The words of a part, each in one line.

    Raises:
        InputError: they are no sequence of texts, or one has no letter.
    """
    if isinstance(words, str) or not isinstance(words, Sequence):
        raise InputError(f'the words of a part are a sequence of texts, such as ["left cheek"]; got {shown(words)}')
    for word in words:
        if not isinstance(word, str) or not any(letter.isalpha() for letter in word):
            raise InputError(f"a word of a part is a text with a letter in it; got {shown(word)}")
    return tuple(" ".join(word.split()) for word in words)


def _each(masks: Sequence[MaskSource | None] | MaskSource, count: int) -> list[MaskSource | None]:
    """One mask for each face."""
    if isinstance(masks, Mask):
        masks = list(masks.inside)
    one = not isinstance(masks, (list, tuple)) and not (hasattr(masks, "ndim") and masks.ndim >= 3)
    each: list[MaskSource | None] = [masks] if one else list(masks)  # type: ignore[arg-type, list-item]
    if len(each) != count:
        raise InputError(f"give one mask for each of the {count} faces; got {len(each)}")
    return each


def _read(mask: MaskSource | None, face: str) -> Mask | None:
    try:
        return read_painting(mask)
    except InputError as error:
        raise InputError(f"the mask of {face}: {error}") from None
