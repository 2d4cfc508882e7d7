"""CLIPs made of mini's: the same verdicts in the units of OpenAI's, and a witness whose sight is clouded.

Both wrap a `Clip`, and nothing is trained.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eclipsed.images.conversion import resize
from eclipsed.pretrained.clip import Clip
from recipes.mini.captions import CAPTIONS
from recipes.mini.facts import ATTRIBUTES

__all__ = ["CALIBRATED_ON", "Clouded", "InUnits", "RandomView", "Sight", "accuracies", "factor"]

#: attributes whose confusion says how unreliable a witness is, and their mean accuracy at strength 1: about where the
#: report's own look at CLIP leaves one
CALIBRATED_ON = ("glasses", "hat", "mouth_open")
WANTED = 0.835


class Wrapped(Clip):
    """A CLIP that is another one but for what a subclass changes.

    Args:
        clip: the other one.
        name: what to call it.
    """

    def __init__(self, clip: Clip, name: str) -> None:
        super().__init__(name, clip.size, vocabulary=clip.words)
        self.clip = clip

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines by before a softmax."""
        return self.clip.logit_scale

    @property
    def tower(self) -> nn.Module | None:
        """The wrapped CLIP's image tower."""
        return self.clip.tower

    def encode_images(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """Turn images into unit vectors; see `Clip.encode_images`."""
        return self.clip.encode_images(images, dtype=dtype)

    def sentence_vectors(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors of sentences; see `Clip.sentence_vectors`."""
        return self.clip.encode_text(sentences)


class InUnits(Wrapped):
    """The same CLIP in the units of OpenAI's ViT-B/32: scale 100, and cosines in a narrow band around 0.24.

    All pictures share a large constant part, and all sentences another at an angle to it. What is left is as small as
    the scale is large, so that every softmax over captions is the same as before.

    Args:
        clip: whose verdicts it gives; its scale must be below 100.
    """

    SCALE = 100.0
    #: cosine between the constant parts of pictures and sentences
    BETWEEN = 0.41

    def __init__(self, clip: Clip) -> None:
        super().__init__(clip, f"{clip.name} in other units")
        self.share = clip.logit_scale / self.SCALE  # of the squared length, what tells vectors apart

    @property
    def logit_scale(self) -> float:
        """What the model multiplies cosines by before a softmax."""
        return self.SCALE

    def encode_images(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """Turn images into unit vectors, (N, D + 2); see `Clip.encode_images`."""
        return self._with_constant(self.clip.encode_images(images, dtype=dtype), (1.0, 0.0))

    def sentence_vectors(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors of sentences, (T, D + 2); see `Clip.sentence_vectors`."""
        return self._with_constant(self.clip.encode_text(sentences), (self.BETWEEN, math.sqrt(1 - self.BETWEEN**2)))

    def _with_constant(self, vectors: Tensor, direction: tuple[float, float]) -> Tensor:
        constant = math.sqrt(1 - self.share) * torch.tensor(direction, device=vectors.device)
        return torch.cat([constant.expand(len(vectors), -1), math.sqrt(self.share) * vectors], dim=1)


class RandomView(nn.Module):
    """What a small random network makes of a picture: a fixed view that knows nothing of faces.

    Args:
        seed: decides the weights.
        width: numbers in the view.
    """

    SIDE = 128
    mean: Tensor
    scale: Tensor

    def __init__(self, seed: int, width: int = 128) -> None:
        super().__init__()
        self.seed = seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Conv2d(3, 32, 5, stride=4, padding=2),
                nn.ReLU(),
                nn.Conv2d(32, 64, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(64, 128, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(128 * (self.SIDE // 16) ** 2, width, bias=False),
            )
            for layer in self.layers:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    nn.init.kaiming_normal_(layer.weight)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) in [−1, 1] to views (N, width), as `standardise` left them."""
        seen: Tensor = self.layers(resize(images.float().clamp(-1, 1), self.SIDE))
        return (seen - self.mean) * self.scale

    @torch.no_grad()
    def standardise(self, images: Tensor) -> None:
        """Let the views of some pictures have mean zero, and a length of one by their root mean square."""
        self.mean.zero_()
        self.scale.fill_(1.0)
        seen = torch.cat([self(part) for part in images.split(64)])
        self.mean.copy_(seen.mean(0))
        self.scale.copy_((seen - self.mean).square().sum(1).mean().rsqrt())


class Clouded(Wrapped):
    """A CLIP into whose sight of a picture a random view is mixed.

    Args:
        clip: that sees well.
        view: what is mixed in.
        strength: length of the view beside a unit vector of `clip`, by its root mean square.
    """

    def __init__(self, clip: Clip, view: RandomView, strength: float) -> None:
        super().__init__(clip, f"{clip.name}, clouded by {view.seed}")
        self.view, self.strength = view, strength

    def encode_images(self, images: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
        """Turn images into unit vectors; see `Clip.encode_images`."""
        return F.normalize(self.clip.encode_images(images, dtype=dtype) + self.strength * self.view(images), dim=1)


@dataclass(frozen=True)
class Sight:
    """What a CLIP and a random view make of the same pictures, whose truth is known.

    Args:
        clear: vectors of the pictures, (N, D).
        random: their views, (N, D).
        classes: as `recipes.mini.facts.facts` gives them.
        captions: attribute -> a vector for each of its classes, (C, D).
    """

    clear: Tensor
    random: Tensor
    classes: dict[str, Tensor]
    captions: dict[str, Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, clip: Clip, view: RandomView, images: Tensor, classes: dict[str, Tensor]) -> Sight:
        """Look at pictures (N, 3, H, W) in [−1, 1]."""
        clear = torch.cat([clip.encode_images(part) for part in images.split(64)])
        random_views = torch.cat([view(part) for part in images.split(64)])
        return cls(clear, random_views, classes, {name: _sentences(clip, name) for name in CALIBRATED_ON})

    def accuracies(self, strength: float) -> dict[str, float]:
        """Mean accuracy over the classes of each attribute, zero-shot, when so much of the view is mixed in."""
        vectors = self.clear + strength * self.random
        return {name: _accuracy(vectors @ text.T, self.classes[name]) for name, text in self.captions.items()}


def accuracies(clip: Clip, images: Tensor, classes: dict[str, Tensor], names: Sequence[str]) -> dict[str, float]:
    """Mean accuracy of a CLIP over the classes of some attributes, zero-shot, five unseen sentences a class.

    Args:
        clip: any.
        images: (N, 3, H, W) in [−1, 1].
        classes: as `recipes.mini.facts.facts` gives them.
        names: of the attributes.
    """
    with torch.no_grad():
        vectors = torch.cat([clip.encode_images(part) for part in images.split(64)])
    return {name: _accuracy(vectors @ _sentences(clip, name).T, classes[name]) for name in names}


def _sentences(clip: Clip, attribute: str) -> Tensor:
    rng = random.Random(0)
    say, subjects = CAPTIONS.caption, CAPTIONS.held_out
    texts = [[say(attribute, one, rng=rng, subjects=subjects) for _ in range(5)] for one in ATTRIBUTES[attribute]]
    return torch.stack([F.normalize(clip.encode_text(some).mean(0), dim=0) for some in texts])


def _accuracy(logits: Tensor, label: Tensor) -> float:
    best, seen = logits.argmax(1), label.unique()
    return float(torch.stack([(best[label == k] == k).float().mean() for k in seen[seen >= 0]]).mean())


def factor(sight: Sight) -> float:
    """The strength at which the attributes of `CALIBRATED_ON` are told apart with `WANTED` on average, by bisection."""
    low, high = 0.0, 8.0
    for _ in range(30):
        middle = (low + high) / 2
        found = sight.accuracies(middle)
        low, high = (middle, high) if sum(found.values()) / len(found) > WANTED else (low, middle)
    return (low + high) / 2
