"""CLIP: pictures and sentences as vectors that can be compared; the interface, and open_clip's models behind it."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.compute.devices import as_device
from eclipsed.errors import CheckpointError, InputError, VocabularyWarning
from eclipsed.pretrained.clip_loading import load_clip
from eclipsed.pretrained.frozen import FrozenNetwork, fingerprint_of, shortened
from eclipsed.prompts.vocabulary import plain_words

__all__ = ["Clip", "OpenClip", "vocabulary_warning"]

_SENTENCES_AT_ONCE = 32  # on a GPU


class Clip(FrozenNetwork, ABC):
    """A frozen CLIP: what training, inversion and judging ask of one.

    `Clip.from_pretrained` loads one of open_clip's models; any two functions of one's own are a `CallableClip`.

    Args:
        name: what to call it in messages and records.
        size: side of the square pictures that it looks at, in pixels.
        vocabulary: the words it was trained on; None when that is not known.
        mean: see `FrozenNetwork`.
        std: see `FrozenNetwork`.
    """

    #: Whether its pictures can be encoded by a CUDA graph.
    recordable: bool = False

    def __init__(
        self,
        name: str,
        size: int,
        *,
        vocabulary: Iterable[str] | None = None,
        mean: Sequence[float] | float = 0.0,
        std: Sequence[float] | float = 1.0,
    ) -> None:
        super().__init__(mean=mean, std=std)
        self.name = name
        self.size = size
        self._vocabulary = None if vocabulary is None else frozenset(word.lower() for word in vocabulary)
        self._known: dict[str, Tensor] = {}

    @staticmethod
    def from_pretrained(
        model: str | os.PathLike[str],
        pretrained: str | None = None,
        *,
        device: str | torch.device | None = None,
    ) -> Clip:
        """Load a model by its open_clip name and tag, or from a folder.

        Args:
            model: an open_clip name such as ``"ViT-B-32"``, ``"hf-hub:owner/name"``, or a folder with
                ``open_clip_config.json`` and ``open_clip_model.safetensors`` (``"local-dir:…"`` works too).
            pretrained: the tag of the weights, such as ``"openai"``, or a file of weights; for names only.
            device: where it shall run; None takes the best there is.
        Returns:
            The model in float32, frozen, in eval mode.
        Raises:
            InputError: the name, the tag or the device is unknown.
            MissingModelError: the folder or a file of it is missing, or the weights are not on this machine.
            MissingExtraError: this model needs a package that is not installed.
            CheckpointError: the config or the weights are damaged or do not fit each other.
        """
        target = as_device(device)
        found = load_clip(model, pretrained)
        return OpenClip(found.network, found.tokenizer, found.name, vocabulary=found.vocabulary).to(target)

    @property
    @abstractmethod
    def logit_scale(self) -> float:
        """What the model multiplies cosines by before a softmax."""

    @property
    def fingerprint(self) -> str | None:
        """What tells it from any other; None where nobody can say, so that nothing is kept of what it saw."""
        return None

    @property
    def members(self) -> tuple[Clip, ...]:
        """The CLIPs that it is made of: itself, unless it is an ensemble."""
        return (self,)

    @property
    def scales(self) -> tuple[float, ...]:
        """The scale of each member, in units of their mean."""
        return (1.0,)

    def split(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """The vectors that each member has for pictures or sentences.

        Args:
            vectors: from `encode_images` or `encode_text`, (..., D).
        Returns:
            For each member unit vectors, (..., its own D).
        """
        return (vectors,)

    @property
    def words(self) -> tuple[str, ...] | None:
        """The words that it was trained on, in alphabetical order; None when they are not known."""
        return None if self._vocabulary is None else tuple(sorted(self._vocabulary))

    @property
    def tower(self) -> nn.Module | None:
        """The network that pictures run through, whose layers may be looked at; None when nobody knows it."""
        return None

    @abstractmethod
    def encode_images(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """Turn images into unit vectors; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
            dtype: what matrix products may be computed in; None is float32.
        Returns:
            (N, D), float32.
        Raises:
            InputError: `images` is not an image tensor.
        """

    @torch.no_grad()
    def encode_text(self, prompts: str | Sequence[str]) -> Tensor:
        """Turn sentences into unit vectors; each sentence is encoded once and remembered.

        Args:
            prompts: one sentence or several.
        Returns:
            (T, D), float32; no gradient flows into it.
        Raises:
            InputError: no sentence, an empty one, or something that is not text.
        Warns:
            VocabularyWarning: a sentence is longer than the model reads.
        """
        sentences = [prompts] if isinstance(prompts, str) else list(prompts)
        for sentence in sentences:
            if not isinstance(sentence, str):
                raise InputError(f"a prompt must be text; got {type(sentence).__name__}")
            if not sentence.strip():
                raise InputError("the prompt is empty; write a sentence such as 'a person with blond hair'")
        if not sentences:
            raise InputError("expected at least one prompt; got none")
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._known]
        if new:
            self._known.update(zip(new, self.sentence_vectors(new).cpu(), strict=True))
        return torch.stack([self._known[sentence] for sentence in sentences]).to(self.device)

    @abstractmethod
    def sentence_vectors(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors of sentences that `encode_text` has checked and never asked for before.

        Args:
            sentences: at least one.
        Returns:
            (T, D), float32, on any device.
        """

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """Words of a prompt that the model was never shown.

        Args:
            prompt: a sentence.
        Returns:
            The words in lower case, each once, in their order; none when the model's vocabulary is not known.
        """
        if self._vocabulary is None:
            return ()
        return tuple(dict.fromkeys(word for word in plain_words(prompt) if word not in self._vocabulary))


def vocabulary_warning(clip: Clip, unknown: Sequence[str]) -> str:
    """What is said of words of a prompt that a CLIP model was never shown, see `Clip.unknown_words`."""
    words = ", ".join(repr(word) for word in unknown)
    return f"the CLIP model {clip.name!r} was never shown {words}; the edit may have nothing to do with it"


class OpenClip(Clip):
    """One of open_clip's models with its own preprocessing.

    Args:
        network: an open_clip model whose ``visual.preprocess_cfg`` is set.
        tokenizer: open_clip's tokenizer for it.
        name: see `Clip`.
        vocabulary: see `Clip`.
    Raises:
        CheckpointError: its preprocessing is of a kind that eclipsed does not know.
    """

    recordable = True
    network: Any

    def __init__(self, network: Any, tokenizer: Any, name: str, *, vocabulary: Iterable[str] | None = None) -> None:
        import open_clip  # here, for it brings torchvision and timm along, seconds that an edit does not need

        config: Mapping[str, Any] = open_clip.get_model_preprocess_cfg(network)
        size = _check_preprocessing(name, config)
        super().__init__(name, size, vocabulary=vocabulary, mean=config["mean"], std=config["std"])
        self.network = network
        self._tokenizer = tokenizer
        self._resize_mode = str(config["resize_mode"])
        self._interpolation = "bilinear" if config["interpolation"] == "bilinear" else "bicubic"  # as open_clip does
        self._fill = config.get("fill_color", 0) / 255
        self._fingerprint: str | None = None
        _sequence_first(network)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights of the image tower and of how pictures are brought to it, as hex digits."""
        if self._fingerprint is None:
            how = (self.size, self._resize_mode, self._interpolation, self._fill, self.mean.tolist(), self.std.tolist())
            self._fingerprint = fingerprint_of(how, self.tower.state_dict())
        return self._fingerprint

    @property
    def tower(self) -> nn.Module:
        """open_clip's own image tower."""
        tower: nn.Module = self.network.visual
        return tower

    @property
    def _weighs_more_than_it_works(self) -> bool:
        """Whether bringing the weights to a short format costs as much as it saves: so it is for the 50 tokens of a
        ViT-B/32 and a batch of two on a CPU, and the short copies would stay in memory until the gradient is known.
        """
        return self.device.type == "cpu" and hasattr(self.network.visual, "transformer")

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines by before a softmax."""
        return float(self.network.logit_scale.exp())

    def preprocess(self, images: Tensor) -> Tensor:
        """Bring images to what the model was trained on, as open_clip's own transform does; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
        Returns:
            Resized, cropped and normalised, float32, (N, 3, size, size).
        Raises:
            InputError: `images` is not an image tensor.
        """
        how = (self.size, self._resize_mode, self._interpolation, self._fill)
        return self.standardised(images, lambda inputs: _to_square(inputs, *how))

    def encode_images(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """Turn images into unit vectors; differentiable.

        Args:
            images: (N, 3, H, W), range [-1, 1]; values outside are clipped, as in a saved picture.
            dtype: what matrix products are computed in; None is float32. On a CPU, vision transformers compute in
                float32 whatever it is.
        Returns:
            (N, D), float32.
        Raises:
            InputError: `images` is not an image tensor.
        """
        inputs = self.preprocess(images)
        with self.autocast(None if self._weighs_more_than_it_works else dtype):
            vectors = self._encoder(dtype)(inputs)
        return F.normalize(vectors.float(), dim=-1)

    def _encoder(self, dtype: torch.dtype | None) -> Any:
        """What encodes pictures under autocast: on a GPU with weights that lie there in the short format already."""
        plain = type(self.network).__name__ in ("CLIP", "CustomTextCLIP")  # whose pictures go through `visual` alone
        if dtype is None or dtype == torch.float32 or self.device.type != "cuda" or not plain:
            return self.network.encode_image
        return self.short_copy(dtype, lambda: shortened(self.network.visual, dtype))

    def sentence_vectors(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors of sentences; see `Clip.sentence_vectors`."""
        size = 1 if self.device.type == "cpu" else _SENTENCES_AT_ONCE
        parts = []
        for start in range(0, len(sentences), size):
            some = list(sentences[start : start + size])
            for sentence in some:
                self._warn_if_long(sentence)
            vectors = self.network.encode_text(self._tokenizer(some).to(self.device))
            parts.append(F.normalize(vectors.float(), dim=-1).cpu())
        return torch.cat(parts)

    def _warn_if_long(self, sentence: str) -> None:
        import open_clip

        if not isinstance(self._tokenizer, open_clip.SimpleTokenizer):
            return
        length = len(self._tokenizer.encode(sentence))
        room = self._tokenizer.context_length - 2  # without the marks of start and end
        if length > room:
            warnings.warn(
                f"the prompt has {length} tokens but CLIP {self.name} reads the first {room}; the rest is ignored",
                VocabularyWarning,
                stacklevel=4,
            )


def _check_preprocessing(name: str, config: Mapping[str, Any]) -> int:
    """The side of the pictures that a model takes, if eclipsed can bring pictures to what it takes."""
    sides = config["size"]
    height, width = (sides, sides) if isinstance(sides, int) else sides
    if height != width or config["resize_mode"] not in ("shortest", "longest", "squash"):
        raise CheckpointError(
            f"CLIP {name} takes {height} x {width} pixels, resized by {config['resize_mode']!r};"
            " eclipsed knows square pictures and 'shortest', 'longest' and 'squash'"
        )
    return int(height)


def _sequence_first(network: nn.Module) -> None:
    """Let transformers run with the sequence before the batch, which gives the same numbers.

    With the batch first, PyTorch's attention transposes its input, and the product of that with a frozen weight
    copies the weight once per token: three quarters of a training step on a CPU.
    """
    for module in network.modules():
        blocks = list(getattr(module, "resblocks", ()))
        attentions = [getattr(block, "attn", None) for block in blocks]
        if getattr(module, "batch_first", False) and all(isinstance(a, nn.MultiheadAttention) for a in attentions):
            module.batch_first = False  # type: ignore[assignment]
            for attention in attentions:
                attention.batch_first = False  # type: ignore[union-attr]


def _to_square(images: Tensor, size: int, mode: str, interpolation: str, fill: float) -> Tensor:
    """Resize, then crop or pad to size x size, to the pixel as open_clip's transform; range [0, 1]."""
    height, width = images.shape[2:]
    if mode == "squash":
        new_height = new_width = size
    elif mode == "shortest":  # torchvision's Resize: the long side is rounded down
        short = min(height, width)
        new_height, new_width = (size * side // short for side in (height, width))
    else:
        new_height, new_width = (round(side * size / max(height, width)) for side in (height, width))
    for shape in ((height, new_width), (new_height, new_width)):  # PIL's order, clipped after each pass
        if shape != images.shape[2:]:
            # antialias also when enlarging: it chooses the kernel that PIL uses
            images = F.interpolate(images, shape, mode=interpolation, align_corners=False, antialias=True).clamp(0, 1)
    missing_height, missing_width = max(size - new_height, 0), max(size - new_width, 0)
    if missing_height or missing_width:
        left, top = missing_width // 2, missing_height // 2
        images = F.pad(images, (left, missing_width - left, top, missing_height - top), value=fill)
    top, left = (round((side - size) / 2) for side in images.shape[2:])
    return images[:, :, top : top + size, left : left + size]
