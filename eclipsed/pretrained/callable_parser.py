"""Any other segmentation network as a parser: a function and the names of its classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from eclipsed.compute.devices import as_device
from eclipsed.errors import InputError
from eclipsed.images.conversion import check_images, resize
from eclipsed.pretrained.parser import Parser, Pictures, pictures_of
from eclipsed.values.checks import is_whole, shown
from eclipsed.worlds.world import World, find_world

__all__ = ["CallableParser", "WholePicture"]


class CallableParser(Parser):
    """A parser made of a function that says what each pixel shows.

    Args:
        function: takes images (N, 3, H, W), float32, range [-1, 1], and gives logits (N, C, h, w), float, or class
            numbers (N, h, w), int; h and w may differ from H and W. It is a module or any callable; a module is
            moved to the device, frozen and put into eval mode.
        classes: what each of the C classes is: a part (``"hair"``), a group (``"eyes"``, which then stands for all
            of its parts together, so regions should name the group), or None for what is no part of its world.
        world: whose parts they are: a world, its name, or its folder; None is the world of faces.
        size: side of the square that the function shall be given, in pixels; None gives it images as they are.
        device: where it runs; None takes the best there is.
    Raises:
        InputError: `function` cannot be called, no class, a class that is neither a part nor a group, or there is no
            such world.
    """

    table: Tensor

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        classes: Sequence[str | None],
        *,
        world: World | str | os.PathLike[str] | None = None,
        size: int | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        super().__init__(world)
        if not callable(function):
            raise InputError(f"a parser's function must be callable; got {type(function).__name__}")
        if isinstance(classes, str) or not len(classes):
            raise InputError(f"a parser's classes are a list of names; got {classes!r}")
        if size is not None and not is_whole(size, 1):
            raise InputError(f"a parser's size must be a whole number of pixels from 1; got {shown(size)}")
        self.function = function
        self.classes = tuple(classes)
        self._size = size
        labels = [self.world.label(self._part(name)) for name in classes]
        self.register_buffer("table", torch.tensor(labels), persistent=False)  # class -> label
        self.to(as_device(device))

    @property
    def size(self) -> int:
        """Side of the pictures that the parser looks at, in pixels."""
        return 256 if self._size is None else self._size

    @torch.no_grad()
    def labels(self, images: Pictures, *, dtype: torch.dtype | None = None) -> Tensor:
        """The likeliest part at each pixel; see `Parser.labels`.

        Raises:
            InputError: `images` is no image tensor, or the function gave something else than it should.
        """
        pictures = pictures_of(images)
        given = self._call(pictures)
        sides = (pictures.shape[2], pictures.shape[3])
        if given.is_floating_point():
            return self.table[resize(given.float(), sides).argmax(dim=1)]
        return self.table[resize(given[:, None].float(), sides, mode="nearest")[:, 0].long()]

    def logits(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """How likely each part is at each pixel; see `Parser.logits`.

        Raises:
            InputError: `images` is no image tensor, or the function gave something else than it should.
        """
        given = self._call(images)
        if not given.is_floating_point():
            given = nn.functional.one_hot(given.long(), len(self.classes)).movedim(-1, 1).float().log()
        parts = given.new_full((len(given), len(self.parts), *given.shape[2:]), -torch.inf)
        for label in sorted(set(self.table.tolist())):
            parts[:, label] = given[:, self.table == label].logsumexp(dim=1)
        # -inf would become nan when it is blended with its neighbours
        return resize(parts.float().clamp(min=-1e4), (images.shape[2], images.shape[3]))

    def _call(self, images: Tensor) -> Tensor:
        check_images(images)
        inputs = images.to(self.mean).clamp(-1, 1)
        given: object = self.function(inputs if self._size is None else resize(inputs, self._size))
        expected = f"logits ({len(images)}, {len(self.classes)}, h, w) or class numbers ({len(images)}, h, w)"
        if not isinstance(given, Tensor):
            raise InputError(f"the parser's function must give {expected}; got {type(given).__name__}")
        scores = given.is_floating_point()
        wanted = (len(images), len(self.classes)) if scores else (len(images),)
        if given.ndim != (4 if scores else 3) or given.shape[: len(wanted)] != wanted or given.is_complex():
            raise InputError(f"the parser's function must give {expected}; got {given.dtype} {tuple(given.shape)}")
        if not scores and given.numel() and not (int(given.min()) >= 0 and int(given.max()) < len(self.classes)):
            raise InputError(
                f"the parser has {len(self.classes)} classes, but its function gave numbers from {int(given.min())} to"
                f" {int(given.max())}"
            )
        return given.to(self.mean.device)

    def _part(self, name: str | None) -> str:
        """The part that a class stands for; of a group the one that it shares its name with, or else the first."""
        if name is None:
            return self.world.background
        if not isinstance(name, str):
            raise InputError(f"a class of a parser is a name or None; got {name!r}")
        parts = self.world.expand([name])
        return name if name in parts else parts[0]


class WholePicture(CallableParser):
    """What stands in for a parser where there is none: every pixel belongs to the region of every edit.

    Args:
        world: what the pictures are made of; None is the world of faces.
        device: where it runs; None takes the best there is.
    """

    def __init__(self, *, world: World | None = None, device: str | torch.device | None = None) -> None:
        kind = find_world(world)
        super().__init__(_nothing_but_one, kind.whole[:1], world=kind, device=device)

    @property
    def finds(self) -> tuple[str, ...]:
        """No part: what it calls the region is the whole picture."""
        return ()

    def mask(self, images: Pictures, parts: object, *, soft: bool = False) -> Tensor:
        """One everywhere, whatever the parts; see `Parser.mask`."""
        pictures = pictures_of(images)
        check_images(pictures)
        return torch.ones_like(pictures[:, :1])


def _nothing_but_one(images: Tensor) -> Tensor:
    return images.new_zeros(images[:, 0].shape, dtype=torch.long)
