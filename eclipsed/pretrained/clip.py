"""CLIP through open_clip: pictures and sentences as vectors that can be compared."""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.compute.devices import as_device
from eclipsed.compute.precision import autocast
from eclipsed.errors import (
    CheckpointError,
    EclipsedError,
    InputError,
    MissingExtraError,
    MissingModelError,
    VocabularyWarning,
)
from eclipsed.pretrained.frozen import FrozenNetwork, shortened
from eclipsed.store.clips import HUB, brought_clip, cached_url, clip_name, hub_offline, quiet

# open_clip is imported where it is used: it brings torchvision and timm along, seconds that an edit does not need.

__all__ = ["Clip"]

CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
VOCABULARY_FILE = "vocabulary.txt"
LOCAL = "local-dir:"
_SENTENCES_AT_ONCE = 32  # on a GPU


class Clip(FrozenNetwork):
    """A frozen open_clip model with its own preprocessing. Make one with `Clip.from_pretrained`.

    Args:
        network: an open_clip model whose ``visual.preprocess_cfg`` is set.
        tokenizer: open_clip's tokenizer for it.
        name: what to call it in messages and records.
        vocabulary: the words it was trained on, in lower case; None when that is not known.
    Raises:
        CheckpointError: its preprocessing is of a kind that eclipsed does not know.
    """

    def __init__(self, network: Any, tokenizer: Any, name: str, *, vocabulary: frozenset[str] | None = None) -> None:
        import open_clip

        config = open_clip.get_model_preprocess_cfg(network)
        super().__init__(mean=config["mean"], std=config["std"])
        self.network = network
        self.name = name
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._known: dict[str, Tensor] = {}
        self._set_preprocessing(config)
        _sequence_first(network)

    @classmethod
    def from_pretrained(
        cls,
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
            MissingModelError: the folder or a file of it is missing, or the weights cannot be downloaded.
            MissingExtraError: this model needs a package that is not installed.
            CheckpointError: the config or the weights are damaged or do not fit each other.
        """
        import open_clip

        target = as_device(device)
        if not isinstance(model, (str, os.PathLike)) or os.fspath(model) in ("", LOCAL, HUB):
            raise InputError(f"a CLIP model is an open_clip name or a folder; got {model!r}")
        name = os.fspath(model)
        if name.startswith(HUB):
            return cls._create(name, None, name[len(HUB) :]).to(target)
        known = name.replace("/", "-")
        if known in open_clip.list_models() and not isinstance(model, os.PathLike):
            return cls._create(known, _check_tag(known, pretrained), f"{known}/{pretrained}").to(target)
        folder = Path(name.removeprefix(LOCAL)).expanduser()
        if not folder.is_dir():
            raise _no_such_model(name, folder)
        _check_folder(folder)
        return cls._create(f"{LOCAL}{folder}", None, folder.name, vocabulary=_read_vocabulary(folder)).to(target)

    @classmethod
    def _create(cls, model: str, tag: str | None, name: str, *, vocabulary: frozenset[str] | None = None) -> Clip:
        import open_clip

        settings = open_clip.get_pretrained_cfg(model, tag) if tag else {}
        brought = brought_clip(model, tag) if tag and settings else None
        if brought is None and not cached_url(settings):
            raise MissingModelError(_not_here(model, tag))
        try:
            # building draws weights only to replace them; a model keeps the activation it was trained with, where
            # open_clip's plain names build GELU whatever the tag says
            with quiet(), hub_offline(), torch.random.fork_rng(devices=[]):
                network = open_clip.create_model(
                    model,
                    pretrained=tag if brought is None else str(brought),
                    precision="fp32",
                    force_quick_gelu=settings.get("quick_gelu", False),
                    force_preprocess_cfg=None if brought is None else _preprocessing(settings),
                    require_pretrained=True,
                )
                tokenizer = open_clip.get_tokenizer(model)
        except Exception as error:  # open_clip raises whatever it met; the two cases are told apart here
            raise _explain(error, model, tag) from error
        return cls(network, tokenizer, name, vocabulary=vocabulary)

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
        with autocast(self.device, None if self._weighs_more_than_it_works else dtype):
            vectors = self._encoder(dtype)(inputs)
        return F.normalize(vectors.float(), dim=-1)

    def _encoder(self, dtype: torch.dtype | None) -> Any:
        """What encodes pictures under autocast: on a GPU with weights that lie there in the short format already."""
        plain = type(self.network).__name__ in ("CLIP", "CustomTextCLIP")  # whose pictures go through `visual` alone
        if dtype is None or dtype == torch.float32 or self.device.type != "cuda" or not plain:
            return self.network.encode_image
        return self.short_copy(dtype, lambda: shortened(self.network.visual, dtype))

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
        size = 1 if self.device.type == "cpu" else _SENTENCES_AT_ONCE
        for start in range(0, len(new), size):
            some = new[start : start + size]
            for sentence in some:
                self._warn_if_long(sentence)
            vectors = self.network.encode_text(self._tokenizer(some).to(self.device))
            self._known.update(zip(some, F.normalize(vectors.float(), dim=-1).cpu(), strict=True))
        return torch.stack([self._known[sentence] for sentence in sentences]).to(self.device)

    def unknown_words(self, prompt: str) -> tuple[str, ...]:
        """Words of a prompt that the model was never shown.

        Args:
            prompt: a sentence.
        Returns:
            The words in lower case, each once, in their order; none when the model's vocabulary is not known.
        """
        if self._vocabulary is None:
            return ()
        words = _words(prompt)
        return tuple(dict.fromkeys(word for word in words if word not in self._vocabulary))

    def _set_preprocessing(self, config: Mapping[str, Any]) -> None:
        sides = config["size"]
        height, width = (sides, sides) if isinstance(sides, int) else sides
        if height != width or config["resize_mode"] not in ("shortest", "longest", "squash"):
            raise CheckpointError(
                f"CLIP {self.name} takes {height} x {width} pixels, resized by {config['resize_mode']!r};"
                " eclipsed knows square pictures and 'shortest', 'longest' and 'squash'"
            )
        #: side of the square pictures that the model looks at, in pixels
        self.size = int(height)
        self._resize_mode = str(config["resize_mode"])
        self._interpolation = "bilinear" if config["interpolation"] == "bilinear" else "bicubic"  # as open_clip does
        self._fill = config.get("fill_color", 0) / 255

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
                stacklevel=3,
            )


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


def _words(text: str) -> list[str]:
    """Words of letters, in lower case, without the 's of possession."""
    plain = re.sub(r"['’]s\b", "", text.lower())
    return re.findall(r"[^\W\d_]+", plain)


def _check_tag(model: str, tag: str | None) -> str:
    """The tag, or the path of a file of weights, once it is sure that open_clip knows it."""
    import open_clip

    tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
    if not tag:
        raise InputError(f"CLIP {model} needs the tag of its weights as well; it has: {tags}")
    if not open_clip.is_pretrained_cfg(model, tag) and not Path(tag).is_file():
        raise InputError(f"CLIP {model} has no weights {tag!r}; it has: {tags}")
    return tag


def _no_such_model(name: str, folder: Path) -> InputError | MissingModelError:
    import open_clip

    if name.startswith((LOCAL, ".", "~")) or os.sep in name or "/" in name:
        return MissingModelError(
            f"the CLIP folder {folder} does not exist; expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
        )
    lowered = {model.lower(): model for model in open_clip.list_models()}
    near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(lowered[match] for match in near)}" if near else "see open_clip.list_models()"
    return InputError(f"no CLIP model is called {name!r}, and there is no such folder; {hint}?")


def _check_folder(folder: Path) -> None:
    if not (folder / CONFIG_FILE).is_file():
        raise MissingModelError(f"the CLIP folder {folder} has no {CONFIG_FILE}; put it there beside the weights")
    if not any(path.suffix in (".safetensors", ".bin", ".pth") for path in folder.iterdir()):
        raise MissingModelError(f"the CLIP folder {folder} has no {WEIGHTS_FILE}; put the weights beside the config")


def _read_vocabulary(folder: Path) -> frozenset[str] | None:
    path = folder / VOCABULARY_FILE
    if not path.is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as text, one word a line: {error}") from error
    return frozenset(line.strip().lower() for line in lines if line.strip())


def _explain(error: Exception, model: str, tag: str | None) -> EclipsedError:
    """Put what open_clip raised into one sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    detail = " ".join(line.strip() for line in lines[:3])
    if isinstance(error, ImportError) and error.name:
        package = error.name.partition(".")[0]
        return MissingExtraError(f"CLIP {model} needs the package {package}; install it: pip install {package}")
    if model.startswith(LOCAL):
        return CheckpointError(f"the CLIP model in {model.removeprefix(LOCAL)} cannot be loaded: {detail}")
    if tag is not None and Path(tag).is_file():
        return CheckpointError(f"the CLIP weights {tag} do not load into {model}: {detail}")
    if isinstance(error, OSError) or "download" in str(error).lower() or model.startswith(HUB):
        return MissingModelError(_not_here(model, tag))
    return CheckpointError(f"the CLIP weights of {model} ({tag}) cannot be loaded: {detail}")


def _not_here(model: str, tag: str | None) -> str:
    which = f"{model} ({tag})" if tag else model
    return (
        f"the CLIP weights of {which} are not on this machine; get them: eclipsed models fetch"
        f" {clip_name(model, tag)}, or give a folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}"
    )


def _preprocessing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What open_clip's catalogue says of the pictures that some weights were trained on."""
    return {key: settings[key] for key in ("size", "mean", "std", "interpolation", "resize_mode") if key in settings}
