"""Any other segmentation network as a face parser: a function and the names of its classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from eclipsed.compute.devices import as_device
from eclipsed.errors import InputError
from eclipsed.images.conversion import check_images, resize
from eclipsed.pretrained.parser import Parser
from eclipsed.worlds.parts import INDEX, PARTS, expand

__all__ = ["CallableParser", "WholePicture"]


class CallableParser(Parser):
    """A parser made of a function that says what each pixel shows.

    Args:
        function: takes images (N, 3, H, W), float32, range [-1, 1], and gives logits (N, C, h, w), float, or class
            numbers (N, h, w), int; h and w may differ from H and W. It is a module or any callable; a module is
            moved to the device, frozen and put into eval mode.
        classes: what each of the C classes is: a part (``"hair"``), a group (``"eyes"``, which then stands for all
            of its parts together, so regions should name the group), or None for what is no part of a face.
        size: side of the square that the function shall be given, in pixels; None gives it images as they are.
        device: where it runs; None takes the best there is.
    Raises:
        InputError: `function` cannot be called, no class, or a class that is neither a part nor a group.
    """

    recordable = False  # nobody knows what the function does

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        classes: Sequence[str | None],
        *,
        size: int | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        nn.Module.__init__(self)
        if not callable(function):
            raise InputError(f"a parser's function must be callable; got {type(function).__name__}")
        if isinstance(classes, str) or not len(classes):
            raise InputError(f"a parser's classes are a list of names; got {classes!r}")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise InputError(f"a parser's size must be a whole number of pixels from 1; got {size!r}")
        self.function = function
        self.classes = tuple(classes)
        self._size = size
        labels = [INDEX["background"] if name is None else INDEX[_first(name)] for name in classes]
        self.register_buffer("table", torch.tensor(labels), persistent=False)  # class -> label
        self.register_buffer("mean", torch.zeros(1), persistent=False)  # tells the device, as in every parser
        self.requires_grad_(False)
        self.eval().to(as_device(device))

    table: Tensor

    @property
    def size(self) -> int:
        """Side of the pictures that the parser looks at, in pixels."""
        return 256 if self._size is None else self._size

    @torch.no_grad()
    def labels(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """The likeliest part at each pixel; see `Parser.labels`.

        Raises:
            InputError: `images` is no image tensor, or the function gave something else than it should.
        """
        given = self._call(images)
        sides = (images.shape[2], images.shape[3])
        if given.is_floating_point():
            return self.table[resize(given.float(), sides).argmax(dim=1)]
        return self.table[resize(given[:, None].float(), sides, mode="nearest")[:, 0].long()]

    def _logits(self, images: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        given = self._call(images)
        if not given.is_floating_point():
            given = nn.functional.one_hot(given.long(), len(self.classes)).movedim(-1, 1).float().log()
        parts = given.new_full((len(given), len(PARTS), *given.shape[2:]), -torch.inf)
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


class WholePicture(CallableParser):
    """What stands in for a parser where there is none: every pixel belongs to the region of every edit."""

    def __init__(self, *, device: str | torch.device | None = None) -> None:
        super().__init__(lambda images: images.new_zeros(images[:, 0].shape, dtype=torch.long), ["skin"], device=device)

    def mask(self, images: Tensor, parts: object, *, soft: bool = False) -> Tensor:
        """One everywhere, whatever the parts; see `Parser.mask`."""
        check_images(images)
        return torch.ones_like(images[:, :1])


def _first(name: str) -> str:
    """The part that a class stands for; of a group the one that it shares its name with, or else the first."""
    if not isinstance(name, str):
        raise InputError(f"a class of a parser is a name or None; got {name!r}")
    parts = expand([name])
    return name if name in parts else parts[0]
