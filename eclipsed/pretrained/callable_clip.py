"""Any other model of pictures and sentences as a CLIP: two functions, one for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.compute.devices import as_device
from eclipsed.errors import InputError
from eclipsed.images.conversion import check_images, resize
from eclipsed.pretrained.clip import Clip
from eclipsed.values.checks import real, whole

__all__ = ["CallableClip"]


class CallableClip(Clip):
    """A CLIP made of a function that reads pictures and one that reads sentences.

    Args:
        image_encoder: takes images (N, 3, size, size), float32, range [-1, 1], and gives vectors (N, D), float,
            differentiable; of any length, for only their direction counts. It is a module or any callable; a module
            is moved to the device, frozen and put into eval mode. So it is with the other.
        text_encoder: takes a list of T sentences and gives vectors (T, D), float.
        name: what to call it in messages and records; a direction's file says which CLIP read its sentence.
        size: side of the square pictures that `image_encoder` is given, in pixels.
        logit_scale: what the model multiplies cosines by before a softmax.
        vocabulary: the words it was trained on; None when that is not known.
        device: where it runs; None takes the best there is.
    Raises:
        InputError: a function cannot be called, or a value is out of range.
    """

    def __init__(
        self,
        image_encoder: Callable[[Tensor], Tensor],
        text_encoder: Callable[[list[str]], Tensor],
        *,
        name: str,
        size: int = 224,
        logit_scale: float = 100.0,
        vocabulary: Iterable[str] | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        for what, function in (("image_encoder", image_encoder), ("text_encoder", text_encoder)):
            if not callable(function):
                raise InputError(f"a CLIP's {what} must be callable; got {type(function).__name__}")
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"a CLIP's name must be a text; got {name!r}")
        super().__init__(name, whole("a CLIP's size", size, 1), vocabulary=vocabulary)
        self.image_encoder = image_encoder
        self.text_encoder = text_encoder
        self._logit_scale = real("a CLIP's logit_scale", logit_scale, 0)
        self._width: int | None = None
        self.to(as_device(device))

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines by before a softmax."""
        return self._logit_scale

    def encode_images(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """Turn images into unit vectors; see `Clip.encode_images`. The function is given float32 whatever `dtype` is.

        Raises:
            InputError: `images` is no image tensor, or the function gave something else than it should.
        """
        check_images(images)
        inputs = resize(images.to(self.mean).clamp(-1, 1), self.size)
        vectors = self._checked(self.image_encoder(inputs), len(images), "image_encoder")
        if torch.is_grad_enabled() and inputs.requires_grad and not vectors.requires_grad:
            raise InputError(
                f"the image_encoder of CLIP {self.name!r} must be differentiable, for a direction is learned through"
                " it; what it gave has no gradient"
            )
        return vectors

    def sentence_vectors(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors of sentences; see `Clip.sentence_vectors`.

        Raises:
            InputError: the function gave something else than it should.
        """
        return self._checked(self.text_encoder(list(sentences)), len(sentences), "text_encoder")

    def _checked(self, vectors: object, count: int, what: str) -> Tensor:
        """Unit vectors, float32, on the device, if they are as many and as long as they should be."""
        expected = f"the {what} of CLIP {self.name!r} must give float vectors ({count}, {self._width or 'D'})"
        if not isinstance(vectors, Tensor):
            raise InputError(f"{expected}; got {type(vectors).__name__}")
        fits = vectors.ndim == 2 and len(vectors) == count and self._width in (None, vectors.shape[1])
        if not fits or not vectors.is_floating_point():
            raise InputError(f"{expected}; got {vectors.dtype} {tuple(vectors.shape)}")
        self._width = vectors.shape[1]
        return F.normalize(vectors.to(self.mean), dim=-1)
