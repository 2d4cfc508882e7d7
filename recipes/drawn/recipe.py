"""A recipe: everything that is particular to one kind of drawn pictures, found by its name.

All else in `recipes.drawn` is the same for every kind. A folder beside it, ``recipes/NAME``, holds a module ``recipe``
with `RECIPE`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from torch import Tensor

from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.prompts.target import Target
from eclipsed.worlds.world import World, find_world
from recipes.drawn.captions import Captions
from recipes.drawn.facts import Facts
from recipes.drawn.latent import W_DIM, Latent
from recipes.drawn.texture import Pattern
from recipes.drawn.values import Values

__all__ = ["Card", "CloseUp", "Recipe", "Stage", "find_recipe", "generator_config"]


@dataclass(frozen=True)
class Stage:
    """One descent of the generator's progressive training: the rate rises, then falls along a cosine.

    Above `recipes.drawn.latent.SIDE` it moves the block of its resolution alone.
    """

    resolution: int
    steps: int
    batch: int
    learning_rate: float
    ema: float
    seen: float = 0.0  # weight of the distance between what CLIP's image tower sees
    texture: float = 0.0  # weight of the distance between textures


@dataclass(frozen=True)
class CloseUp:
    """How the middle of some pictures is enlarged, so that what is small can first be learned large.

    Args:
        attributes: what can still be told then.
        down: how far below the middle of the picture its own lies: from, and up to how much more.
    """

    attributes: tuple[str, ...]
    down: tuple[float, float]


@dataclass(frozen=True)
class Card:
    """What a model card says besides figures.

    Args:
        picture: what a render is called: "portrait".
        pictures: several of them.
        subjects: what the recipe samples: "people".
        shown: what is seen of them: "faces".
        album: how what is generated differs from what the recipe samples, and what it is held against.
    """

    picture: str
    pictures: str
    subjects: str
    shown: str
    album: str


@dataclass(frozen=True, eq=False)
class Recipe:
    """One kind of drawn pictures.

    Args:
        name: of the folder in ``recipes``, and of the ignored one in ``work``.
        kind: name of the world, or its folder.
        render: values (N, V) and a size to pictures (N, 3, size, size) in [−1, 1] and labels (N, size, size).
        latent: how values lie in W.
        facts: values to classes.
        captions: how people speak of them.
        unseen: (attribute, class) -> sentences that the captions cannot make.
        shown_by: attribute -> parts that show it.
        prompts: sentence -> what the judge must see after an edit by it.
        shipped: file name of a direction that ships in ``models/`` -> its sentence.
        generator: its architecture.
        stages: descents of the generator from nothing; `go_on` those from a finished one.
        on_gpu: the stage before those above `SIDE` where batches are cheap.
        part_weights: part -> how much its pixels count where they are not one.
        patterns: layer -> what its noise map begins as.
        detail: values and labels to how much more texture counts at each pixel, (B, 1, H, W).
        rare: flag that is drawn more often where textures are compared.
        stubborn: attributes that are easily mistaken: CLIP's polish weighs them so many times.
        close_up: see `CloseUp`.
        set_file: what ``set.json`` says.
        card: see `Card`.
    """

    name: str
    kind: str
    render: Callable[[Tensor, int], tuple[Tensor, Tensor]]
    latent: Latent
    facts: Facts
    captions: Captions
    unseen: Mapping[tuple[str, str], tuple[str, ...]]
    shown_by: Mapping[str, tuple[str, ...]]
    prompts: Mapping[str, Target]
    shipped: Mapping[str, str]
    generator: GeneratorConfig
    stages: tuple[Stage, ...]
    go_on: tuple[Stage, ...]
    on_gpu: Stage
    part_weights: Mapping[str, float]
    patterns: Mapping[str, Pattern]
    detail: Callable[[Tensor, Tensor], Tensor]
    rare: str
    stubborn: Mapping[str, float]
    close_up: CloseUp
    set_file: Mapping[str, object]
    card: Card
    #: shards of pictures from this one on have every named member of a family, not nature's shares
    vivid_from: int = field(default=24)

    @property
    def values(self) -> Values:
        """What a picture is made of."""
        return self.latent.values

    @cached_property
    def world(self) -> World:
        """The parts that pixels are labelled as."""
        return find_world(self.kind)

    @property
    def work(self) -> Path:
        """Ignored folder of all that is made on the way."""
        return Path("work") / self.name

    @property
    def set_folder(self) -> Path:
        """Where the finished set goes, in the checkout."""
        return Path("checkpoints") / str(self.set_file["name"])


def generator_config(resolution: int, *, widest: int, sum_of: int, mapping_layers: int = 4) -> GeneratorConfig:
    """A StyleGAN2 with the W of all drawn pictures.

    Args:
        resolution: of its pictures.
        widest: channels at most.
        sum_of: channels times the side where they are fewer.
        mapping_layers: four are wired.
    """
    sides = [2**k for k in range(2, resolution.bit_length())]
    channels = tuple((side, min(sum_of // side, widest)) for side in sides)
    return GeneratorConfig(
        z_dim=W_DIM, w_dim=W_DIM, resolution=resolution, channels=channels, mapping_layers=mapping_layers
    )


def find_recipe(name: str) -> Recipe:
    """The recipe in ``recipes/NAME``.

    Raises:
        ValueError: there is none.
    """
    known = sorted(path.parent.name for path in Path(__file__).parents[1].glob("*/recipe.py"))
    known.remove("drawn")
    if name not in known:
        raise ValueError(f"no recipe {name!r}; known: {', '.join(known)}")
    found = importlib.import_module(f"recipes.{name}.recipe").RECIPE
    assert isinstance(found, Recipe)
    return found
