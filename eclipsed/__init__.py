"""Text-driven, local face editing: one sentence in, one direction of a StyleGAN2 or StyleGAN3 generator out.

>>> import eclipsed
>>> editor = eclipsed.Editor.from_pretrained("mini")
>>> direction = editor.train("a person with blond hair")
>>> editor.edit(editor.sample(seeds=[1, 2, 3]), direction, alpha=1.0).strip().save("blond.png")

Importing this package is light: torch is loaded when one of the names below is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from eclipsed.values.version import VERSION

if TYPE_CHECKING:
    from eclipsed.checkpoints.generators import read_generator
    from eclipsed.commands.progress import ProgressBar
    from eclipsed.compute.crew import Crew
    from eclipsed.directions.atlas import Atlas
    from eclipsed.directions.finder import Finder
    from eclipsed.directions.prospect import Prospect
    from eclipsed.editing.faces import Edit, Faces
    from eclipsed.editing.stack import Stack, StackEntry
    from eclipsed.editor import Editor
    from eclipsed.errors import (
        CheckpointError,
        DirectionError,
        DownloadError,
        EclipsedError,
        EclipsedWarning,
        EmptyMaskError,
        ForeignPictureError,
        InputError,
        LocalityWarning,
        MissingExtraError,
        MissingModelError,
        OutputError,
        TrainingError,
        VocabularyWarning,
    )
    from eclipsed.evaluation.classifying import classify, score_judge
    from eclipsed.evaluation.comparison import Compared, compare
    from eclipsed.evaluation.evaluate import evaluate
    from eclipsed.evaluation.judge_config import JudgeConfig
    from eclipsed.evaluation.judge_training import JudgeStep, TrainedJudge, train_judge
    from eclipsed.evaluation.judging import judge
    from eclipsed.evaluation.many_rows import TrainedPrompt
    from eclipsed.evaluation.results import Evaluation, Strength
    from eclipsed.evaluation.scores import ClassScores, Scores
    from eclipsed.evaluation.suite import evaluate_suite
    from eclipsed.evaluation.suite_results import SuiteEvaluation, SuiteRow
    from eclipsed.evaluation.train_many import train_many
    from eclipsed.evaluation.tune import Span, tune
    from eclipsed.images.metrics import Interval
    from eclipsed.images.pictures import save_picture
    from eclipsed.inversion.edited_photo import EditedPhoto
    from eclipsed.inversion.film_methods import EditedFilm
    from eclipsed.inversion.inversion_step import InversionStep
    from eclipsed.inversion.inverter import InversionConfig
    from eclipsed.inversion.people import EditedPeople, EditedPerson
    from eclipsed.latents.direction import Direction
    from eclipsed.latents.latent import Latent
    from eclipsed.latents.space import Space
    from eclipsed.latents.spaces import register_space
    from eclipsed.latents.w_statistics import WStatistics
    from eclipsed.networks.generator_config import GeneratorConfig
    from eclipsed.networks.layers import Layer, Synthesis, SynthesisOptions, SynthesisPrefix
    from eclipsed.networks.stylegan3_config import StyleGAN3Config
    from eclipsed.photos.alignment import Placement
    from eclipsed.photos.finding import FaceFinder
    from eclipsed.photos.origin import Origin
    from eclipsed.photos.painted import read_mask
    from eclipsed.photos.reading import Photo, save_photo
    from eclipsed.pretrained.bisenet_parser import BiSeNetParser
    from eclipsed.pretrained.callable_clip import CallableClip
    from eclipsed.pretrained.callable_parser import CallableParser
    from eclipsed.pretrained.classifier import Classifier
    from eclipsed.pretrained.clip import Clip
    from eclipsed.pretrained.clip_ensemble import ClipEnsemble
    from eclipsed.pretrained.encoder import Encoder
    from eclipsed.pretrained.fetch import fetch
    from eclipsed.pretrained.fetch_network import FetchStep
    from eclipsed.pretrained.generator import Generator
    from eclipsed.pretrained.identity import Identity
    from eclipsed.pretrained.painted_parser import PaintedParser
    from eclipsed.pretrained.painted_part import PaintedPart
    from eclipsed.pretrained.parser import Parser
    from eclipsed.pretrained.segmenter import Segmenter
    from eclipsed.prompts.reading import Reading, read
    from eclipsed.prompts.region import Region
    from eclipsed.prompts.target import Target
    from eclipsed.prompts.vocabulary import Vocabulary
    from eclipsed.prompts.world_check import WorldCheck, check_world
    from eclipsed.store.library import find_direction
    from eclipsed.store.own_kind import OwnKind
    from eclipsed.store.sets import ModelSet, SetStatus, find_set, list_sets
    from eclipsed.training.batches import Step
    from eclipsed.training.config import TrainConfig
    from eclipsed.training.events import BrokenTraining, StopTraining, TrainStep
    from eclipsed.training.term_registry import register_term
    from eclipsed.training.terms import Term
    from eclipsed.training.view import View
    from eclipsed.values.mask import Mask
    from eclipsed.worlds.inspection import WorldFault
    from eclipsed.worlds.world import World

__version__ = VERSION

__all__ = [
    "Atlas",
    "BiSeNetParser",
    "BrokenTraining",
    "CallableClip",
    "CallableParser",
    "CheckpointError",
    "ClassScores",
    "Classifier",
    "Clip",
    "ClipEnsemble",
    "Compared",
    "Crew",
    "Direction",
    "DirectionError",
    "DownloadError",
    "EclipsedError",
    "EclipsedWarning",
    "Edit",
    "EditedFilm",
    "EditedPeople",
    "EditedPerson",
    "EditedPhoto",
    "Editor",
    "EmptyMaskError",
    "Encoder",
    "Evaluation",
    "FaceFinder",
    "Faces",
    "FetchStep",
    "Finder",
    "ForeignPictureError",
    "Generator",
    "GeneratorConfig",
    "Identity",
    "InputError",
    "Interval",
    "InversionConfig",
    "InversionStep",
    "JudgeConfig",
    "JudgeStep",
    "Latent",
    "Layer",
    "LocalityWarning",
    "Mask",
    "MissingExtraError",
    "MissingModelError",
    "ModelSet",
    "Origin",
    "OutputError",
    "OwnKind",
    "PaintedParser",
    "PaintedPart",
    "Parser",
    "Photo",
    "Placement",
    "ProgressBar",
    "Prospect",
    "Reading",
    "Region",
    "Scores",
    "Segmenter",
    "SetStatus",
    "Space",
    "Span",
    "Stack",
    "StackEntry",
    "Step",
    "StopTraining",
    "Strength",
    "StyleGAN3Config",
    "SuiteEvaluation",
    "SuiteRow",
    "Synthesis",
    "SynthesisOptions",
    "SynthesisPrefix",
    "Target",
    "Term",
    "TrainConfig",
    "TrainStep",
    "TrainedJudge",
    "TrainedPrompt",
    "TrainingError",
    "View",
    "Vocabulary",
    "VocabularyWarning",
    "WStatistics",
    "World",
    "WorldCheck",
    "WorldFault",
    "check_world",
    "classify",
    "compare",
    "evaluate",
    "evaluate_suite",
    "fetch",
    "find_direction",
    "find_set",
    "judge",
    "list_sets",
    "read",
    "read_generator",
    "read_mask",
    "register_space",
    "register_term",
    "save_photo",
    "save_picture",
    "score_judge",
    "train_judge",
    "train_many",
    "tune",
]

_HOME = {
    "Atlas": "directions.atlas",
    "BiSeNetParser": "pretrained.bisenet_parser",
    "BrokenTraining": "training.events",
    "CallableClip": "pretrained.callable_clip",
    "CallableParser": "pretrained.callable_parser",
    "ClassScores": "evaluation.scores",
    "Classifier": "pretrained.classifier",
    "Clip": "pretrained.clip",
    "ClipEnsemble": "pretrained.clip_ensemble",
    "Compared": "evaluation.comparison",
    "Crew": "compute.crew",
    "Direction": "latents.direction",
    "Edit": "editing.faces",
    "EditedFilm": "inversion.film_methods",
    "EditedPeople": "inversion.people",
    "EditedPerson": "inversion.people",
    "EditedPhoto": "inversion.edited_photo",
    "Editor": "editor",
    "Encoder": "pretrained.encoder",
    "Evaluation": "evaluation.results",
    "FaceFinder": "photos.finding",
    "Faces": "editing.faces",
    "FetchStep": "pretrained.fetch_network",
    "Finder": "directions.finder",
    "Generator": "pretrained.generator",
    "GeneratorConfig": "networks.generator_config",
    "Identity": "pretrained.identity",
    "Interval": "images.metrics",
    "InversionConfig": "inversion.inverter",
    "InversionStep": "inversion.inverter",
    "JudgeConfig": "evaluation.judge_config",
    "JudgeStep": "evaluation.judge_training",
    "Latent": "latents.latent",
    "Layer": "networks.layers",
    "Mask": "values.mask",
    "ModelSet": "store.sets",
    "Origin": "photos.origin",
    "OwnKind": "store.own_kind",
    "PaintedParser": "pretrained.painted_parser",
    "PaintedPart": "pretrained.painted_part",
    "Parser": "pretrained.parser",
    "Photo": "photos.reading",
    "Placement": "photos.alignment",
    "ProgressBar": "commands.progress",
    "Prospect": "directions.prospect",
    "Reading": "prompts.reading",
    "Region": "prompts.region",
    "Scores": "evaluation.scores",
    "Segmenter": "pretrained.segmenter",
    "SetStatus": "store.sets",
    "Space": "latents.space",
    "Span": "evaluation.tune",
    "Stack": "editing.stack",
    "StackEntry": "editing.stack",
    "Step": "training.batches",
    "StopTraining": "training.events",
    "Strength": "evaluation.results",
    "StyleGAN3Config": "networks.stylegan3_config",
    "SuiteEvaluation": "evaluation.suite_results",
    "SuiteRow": "evaluation.suite_results",
    "Synthesis": "networks.layers",
    "SynthesisOptions": "networks.layers",
    "SynthesisPrefix": "networks.layers",
    "Target": "prompts.target",
    "Term": "training.terms",
    "TrainConfig": "training.config",
    "TrainStep": "training.events",
    "TrainedJudge": "evaluation.judge_training",
    "TrainedPrompt": "evaluation.many_rows",
    "View": "training.terms",
    "Vocabulary": "prompts.vocabulary",
    "WStatistics": "latents.w_statistics",
    "World": "worlds.world",
    "WorldCheck": "prompts.world_check",
    "WorldFault": "worlds.inspection",
    "check_world": "prompts.world_check",
    "classify": "evaluation.classifying",
    "compare": "evaluation.comparison",
    "evaluate": "evaluation.evaluate",
    "evaluate_suite": "evaluation.suite",
    "fetch": "pretrained.fetch",
    "find_direction": "store.library",
    "find_set": "store.sets",
    "judge": "evaluation.judging",
    "list_sets": "store.sets",
    "read": "prompts.reading",
    "read_generator": "checkpoints.generators",
    "read_mask": "photos.painted",
    "register_space": "latents.spaces",
    "register_term": "training.term_registry",
    "save_photo": "photos.reading",
    "save_picture": "images.pictures",
    "score_judge": "evaluation.classifying",
    "train_judge": "evaluation.judge_training",
    "train_many": "evaluation.train_many",
    "tune": "evaluation.tune",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'eclipsed' has no attribute {name!r}")
    value: object = getattr(import_module(f"eclipsed.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
