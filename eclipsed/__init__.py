"""Text-driven, local face editing: one sentence in, one direction of a StyleGAN2 generator out.

>>> import eclipsed
>>> editor = eclipsed.Editor.from_pretrained("mini")
>>> direction = editor.train("a person with blond hair")
>>> editor.edit(editor.sample(seeds=[1, 2, 3]), direction, alpha=1.0).strip().save("blond.png")

Importing this package is light: torch is loaded when one of the names below is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eclipsed.editing.faces import Faces
    from eclipsed.editing.stack import Stack
    from eclipsed.editor import Editor
    from eclipsed.errors import (
        CheckpointError,
        DirectionError,
        DownloadError,
        EclipsedError,
        EclipsedWarning,
        InputError,
        LocalityWarning,
        MissingExtraError,
        MissingModelError,
        OutputError,
        TrainingError,
        VocabularyWarning,
    )
    from eclipsed.evaluation.evaluate import Evaluation, evaluate
    from eclipsed.latents.direction import Direction
    from eclipsed.latents.latent import Latent
    from eclipsed.latents.space import Space
    from eclipsed.latents.spaces import register_space
    from eclipsed.pretrained.bisenet_parser import BiSeNetParser
    from eclipsed.pretrained.callable_clip import CallableClip
    from eclipsed.pretrained.callable_parser import CallableParser
    from eclipsed.pretrained.clip import Clip
    from eclipsed.pretrained.fetch import fetch
    from eclipsed.pretrained.generator import Generator
    from eclipsed.pretrained.parser import Parser
    from eclipsed.prompts.reading import Reading, read
    from eclipsed.prompts.region import Region
    from eclipsed.store.sets import find_set
    from eclipsed.training.config import TrainConfig
    from eclipsed.training.train import StopTraining, TrainStep
    from eclipsed.worlds.world import World

__version__ = "0.1.0"

__all__ = [
    "BiSeNetParser",
    "CallableClip",
    "CallableParser",
    "CheckpointError",
    "Clip",
    "Direction",
    "DirectionError",
    "DownloadError",
    "EclipsedError",
    "EclipsedWarning",
    "Editor",
    "Evaluation",
    "Faces",
    "Generator",
    "InputError",
    "Latent",
    "LocalityWarning",
    "MissingExtraError",
    "MissingModelError",
    "OutputError",
    "Parser",
    "Reading",
    "Region",
    "Space",
    "Stack",
    "StopTraining",
    "TrainConfig",
    "TrainStep",
    "TrainingError",
    "VocabularyWarning",
    "World",
    "evaluate",
    "fetch",
    "find_set",
    "read",
    "register_space",
]

_HOME = {
    "BiSeNetParser": "pretrained.bisenet_parser",
    "CallableClip": "pretrained.callable_clip",
    "CallableParser": "pretrained.callable_parser",
    "Clip": "pretrained.clip",
    "Direction": "latents.direction",
    "Editor": "editor",
    "Evaluation": "evaluation.evaluate",
    "Faces": "editing.faces",
    "Generator": "pretrained.generator",
    "Latent": "latents.latent",
    "Parser": "pretrained.parser",
    "Reading": "prompts.reading",
    "Region": "prompts.region",
    "Space": "latents.space",
    "Stack": "editing.stack",
    "StopTraining": "training.train",
    "TrainConfig": "training.config",
    "TrainStep": "training.train",
    "World": "worlds.world",
    "evaluate": "evaluation.evaluate",
    "fetch": "pretrained.fetch",
    "find_set": "store.sets",
    "read": "prompts.reading",
    "register_space": "latents.spaces",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'eclipsed' has no attribute {name!r}")
    value: object = getattr(import_module(f"eclipsed.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
