"""The whole library behind one object: a generator, a parser and a CLIP model, and what can be done with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

import torch
from torch import Tensor

from eclipsed.directions.methods import DirectionMethods
from eclipsed.editing import faces as editing
from eclipsed.editing.applying import EditMethods
from eclipsed.editing.drawing import DrawingMethods
from eclipsed.editing.faces import Faces
from eclipsed.editing.part_methods import PartMethods
from eclipsed.errors import InputError
from eclipsed.inversion import companions as photo_networks
from eclipsed.inversion.methods import PhotoMethods
from eclipsed.inversion.people import PeopleMethods
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.photos.finding import FaceFinder
from eclipsed.photos.painted import MaskSource, is_mask, read_mask
from eclipsed.photos.reading import Photo
from eclipsed.pretrained.bisenet_parser import BiSeNetParser
from eclipsed.pretrained.callable_parser import WholePicture
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.encoder import Encoder
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.given_clips import AnyClip, ClipName, given_clip
from eclipsed.pretrained.identity import Identity
from eclipsed.pretrained.lazy import Lazy
from eclipsed.pretrained.painted_part import PaintedPart, PartSource
from eclipsed.pretrained.parser import Parser
from eclipsed.pretrained.segmenter import set_parser
from eclipsed.prompts.region import Region
from eclipsed.store.own_kind import OwnKind
from eclipsed.store.sets import DEFAULT_SET, find_set, how_to_hold
from eclipsed.training import train as training
from eclipsed.training.config import TrainConfig
from eclipsed.training.events import Callback
from eclipsed.training.reference import Reference
from eclipsed.values.alphas import check_alpha
from eclipsed.values.mask import Mask
from eclipsed.values.seeds import check_seeds
from eclipsed.worlds.world import World, find_world

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from PIL import Image

__all__ = ["Editor"]

_Clips = ClipName | Sequence[ClipName] | None
_Opened = tuple[Path, torch.device, dict[str, Any]]
_FILE = "one, its file, or a function that loads it"  # how a network may be given


class Editor(EditMethods, DirectionMethods, DrawingMethods, PhotoMethods, PeopleMethods, PartMethods):
    """A generator, a parser and a CLIP model that work together.

    `Editor.from_pretrained` makes one of a model set; this makes one of any networks, given as objects or as files.

    Args:
        generator: a `Generator`, or the file of one in any layout that `Generator.from_file` reads.
        parser: a `Parser`, the file of a BiSeNet, or a function that loads a parser when it is first needed. Any other
            segmentation network is a `CallableParser`. None is no parser: edits change the whole picture
            unless a mask holds them.
        clip: a `Clip`, a folder of one, ``"MODEL/TAG"`` by open_clip's names (``"ViT-B-32/openai"``), ``"MODEL//path"``
            with a file of weights, or a function that loads it when it is first needed; several in a list are asked
            together, see `ClipEnsemble`.
        name: what the model set is called; "" is what the generator is called.
        world: what the pictures are made of, a world, its name, or its folder: needed for the file of a parser, and
            where there is no parser. None is the parser's own, or the world of faces.
        truncation_psi: truncation of sampled faces when a call does not say.
        class_index: class of the faces when a call does not say, where the generator has classes; None leaves it open.
        classifier: reads attributes from pictures to judge edits, or a function that loads it; None is none.
        encoder: guesses the latents of photographs, or a function that loads it; None is none.
        identity: tells who is on a face, or a function that loads it; None is none.
        witness: a further CLIP, given as `clip` is, that no direction is learned with: it says what one reached, and is
            `evaluate`'s judge where there is no classifier; None is none.
        finder: finds faces in photographs, or a function that loads it; None is facexlib's where its networks
            were fetched, else MTCNN, which ships.
        parts: painted for this generator, or their files; see `with_parts`.
        device: where networks that are given as files run; None is where the generator runs, or the best there is.
    Raises:
        MissingModelError: a file is not there.
        CheckpointError: a file is damaged, or none of the known layouts.
        InputError: the device is unknown or absent, an argument is of another kind, or the parser is of another world.
    """

    def __init__(
        self,
        generator: Generator | str | os.PathLike[str],
        parser: Parser | str | os.PathLike[str] | Callable[[], Parser] | None,
        clip: AnyClip | Sequence[AnyClip],
        *,
        name: str = "",
        world: World | str | os.PathLike[str] | None = None,
        truncation_psi: float = 1.0,
        class_index: int | None = None,
        classifier: Classifier | Callable[[], Classifier] | None = None,
        encoder: Encoder | Callable[[], Encoder | None] | None = None,
        identity: Identity | Callable[[], Identity | None] | None = None,
        witness: AnyClip | Sequence[AnyClip] | None = None,
        finder: FaceFinder | Callable[[], FaceFinder] | None = None,
        parts: Sequence[PartSource] = (),
        kind: OwnKind | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        if isinstance(generator, (str, os.PathLike)):
            generator = Generator.from_file(os.fspath(generator), device=device)
        if not isinstance(generator, Generator):
            raise InputError(f"the generator must be a Generator or a file; got {type(generator).__name__}")
        where = generator.device if device is None else device
        if isinstance(parser, (str, os.PathLike)):
            parser = BiSeNetParser.from_file(parser, world=world, device=where)
        self.generator = generator if class_index is None else generator.of_class(class_index)
        self.name = name or generator.name
        self.truncation_psi = truncation_psi
        self._world = None if world is None else find_world(world)
        self._kind = kind
        self._has_own_parser = parser is not None
        self._opened: _Opened | None = None  # what `from_pretrained` was given
        given = self._stand_in if parser is None else parser
        self._parser: Lazy[Parser] = Lazy.of("parser", given, Parser, allowed=_FILE)
        if isinstance(parser, Parser):
            self._check_world(parser)
        self._clip = given_clip("CLIP model", clip, where)
        self._witness: Lazy[Clip] | None = None if witness is None else given_clip("witness", witness, where)
        self._classifier: Lazy[Classifier | None] = Lazy.of("classifier", classifier, Classifier, NoneType)
        self._encoder = Lazy.of("encoder", encoder, Encoder, NoneType)
        self._identity = Lazy.of("identity network", identity, Identity, NoneType)
        self._unpainted = self._parser
        self._parts = ()
        if parts:
            self._paint(parts)
        self._finder = Lazy.of("finder", finder or partial(photo_networks.finder, self.generator.device), FaceFinder)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] = DEFAULT_SET,
        device: str | torch.device | None = None,
        *,
        clip: _Clips = None,
        witness: _Clips = None,
        class_index: int | None = None,
        parts: Sequence[PartSource] | None = None,
    ) -> Editor:
        """Load a model set. Parser and CLIP are loaded when they are first needed.

        Args:
            name_or_path: name of a set (``"mini"`` ships with the package), or a folder with ``set.json``.
            device: where the networks run; None takes the best there is.
            clip: another CLIP than the set's: ``"MODEL/TAG"`` by open_clip's names, ``"MODEL//path"``, or a folder;
                several in a list are asked together, see `ClipEnsemble`.
            witness: a further CLIP, named likewise, that says what a direction reached; None is none.
            class_index: class of the faces, where the generator has classes; None is the set's own.
            parts: that somebody painted for it, or their files; None are those that are kept, see
                `eclipsed parts list`.
        Raises:
            MissingModelError: there is no such set, or a network of it is missing; names the command that gets it.
            CheckpointError: a network of it is damaged.
            InputError: the device is unknown or absent.
        """
        models = find_set(name_or_path)
        generator = Generator.from_file(models.generator, device=device, name=models.name)
        where, judge = generator.device, models.classifier
        world = models.world.unpainted
        painted = tuple(map(PaintedPart.of, [one.path for one in models.parts] if parts is None else parts))
        editor = cls(
            generator,
            None if models.parser is None else lambda: set_parser(models, device=where),
            lambda: (
                Clip.from_pretrained(models.clip.model, models.clip.pretrained, device=where)
                if clip is None
                else given_clip("CLIP model", clip, where).get()
            ),
            name=models.name,
            world=world,
            truncation_psi=models.truncation_psi,
            class_index=models.class_index if class_index is None else class_index,
            classifier=None if judge is None else lambda: Classifier.from_file(judge, device=where),
            encoder=lambda: photo_networks.encoder(models, where),
            identity=lambda: photo_networks.identity(models, where),
            witness=None if witness is None else lambda: given_clip("witness", witness, where).get(),
            parts=painted,
            kind=models.kind if clip is None else replace(models.kind, closeness={}),
        )
        given = {"clip": clip, "witness": witness, "class_index": class_index, "parts": painted}
        editor._opened = (models.folder.absolute(), where, given)
        return editor

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """A worker process opens the same model set; an editor of objects goes there as a whole."""
        if self._opened is None:
            return super().__reduce_ex__(protocol)
        return _reopened, (*self._opened, {"name": self.name, "truncation_psi": self.truncation_psi})

    @property
    def parser(self) -> Parser:
        """The parser; where there is none, a stand-in to which every pixel belongs to the region."""
        return self._check_world(self._parser.get())

    @property
    def world(self) -> World:
        """What the pictures are made of; known before the parser is loaded where the model set names it."""
        return self.parser.world if self._world is None else self._world

    @property
    def has_parser(self) -> bool:
        """Whether edits can be held to parts of the picture: there is a parser, or some were painted."""
        return self._has_own_parser or bool(self._parts)

    @property
    def clip(self) -> Clip:
        """The CLIP model."""
        return self._clip.get()

    @property
    def witness(self) -> Clip | None:
        """The CLIP that says what a direction reached, and takes no part in making one; None when there is none."""
        return None if self._witness is None else self._witness.get()

    @property
    def classifier(self) -> Classifier | None:
        """What judges edits; None when the set has none. It takes no part in making them."""
        return self._classifier.get()

    def sample(
        self,
        *,
        seeds: Iterable[int] | int | None = None,
        ws: Tensor | ArrayLike | str | os.PathLike[str] | None = None,
        truncation_psi: float | None = None,
        class_index: int | Sequence[int] | None = None,
    ) -> Faces:
        """Make faces.

        Args:
            seeds: one for each face, whole numbers in [0, 2**32 - 1]; the same seed gives the same face.
            ws: instead of seeds, (N, num_ws, w_dim), or w for all rows, (N, w_dim): numbers, or a foreign file.
            truncation_psi: how far from the mean face: 1 is no truncation, 0 the mean; None is the set's own. It has
                no bearing on `ws`.
            class_index: class of the faces, where the generator has classes, or one for each; None is the editor's own.
        Raises:
            InputError: neither or both of seeds and ws, a bad seed, ws of another shape, no class where there are some,
                or one that is not there.
        """
        if (seeds is None) == (ws is None):
            raise InputError("give either seeds or ws")
        psi = check_alpha(self.truncation_psi if truncation_psi is None else truncation_psi, name="truncation_psi")
        if ws is not None:
            return editing.sample(self.generator, Latent.of_ws(self.generator, ws))
        assert seeds is not None
        checked = check_seeds(seeds)
        latent = Latent.of_seeds(self.generator, checked, truncation_psi=psi, class_index=class_index)
        faces = editing.sample(self.generator, latent, seeds=checked)
        return faces if truncation_psi is None else replace(faces, psi=psi)

    def train(
        self,
        prompt: str | None = None,
        *,
        image: str | os.PathLike[str] | Image.Image | Photo | None = None,
        region: Region | Sequence[str] | MaskSource | None = None,
        config: TrainConfig | None = None,
        latents: Faces | Latent | Tensor | ArrayLike | None = None,
        callback: Callback | None = None,
        state: str | os.PathLike[str] | None = None,
        save_every: int = training.SAVE_EVERY,
        resume: str | os.PathLike[str] | None = None,
        class_index: int | None = None,
    ) -> Direction:
        """Learn a direction from a sentence, or from a picture of what a face is to have.

        Args:
            prompt: what the edited face shall look like, e.g. ``"a person with blond hair"``.
            image: a picture in its place, of a face with this lipstick, this haircut. The region says which; None finds
                the part by which it differs most from other faces.
            region: parts that may change (``["hair"]``), or a painted mask as `eclipsed.read_mask` takes it (a file as
                a `Path`); None finds parts in the prompt. Without a parser there are no parts: the edit may change the
                whole picture, unless a mask holds it. Of masks there may be one for each of `latents`.
            config: every option; None is the default, or what the resumed training had.
            latents: train on these faces, or ws as `sample` takes them, rather than on random ones. With one face and
                a mask, or a mask for each, the strength is set by these faces, too: the direction is for them alone.
            callback: told of every step; returning False or raising `StopTraining` stops and keeps what was learned.
            state: file to save the training to, every `save_every` steps and when it stops.
            save_every: see `state`.
            resume: such a file, to go on from; also the place to save to unless `state` is another.
            class_index: class of the faces, where there are classes; None is the config's, or the editor's own.
        Returns:
            The direction, calibrated; see `eclipsed.training.train.train`.
        Raises:
            InputError: prompt or image does not do, an unknown part, or a resumed training of other things.
            TrainingError: the loss is not finite, or memory ran out.
            OutputError: the state cannot be written.
        Warns:
            LocalityWarning: the prompt is about nothing in a face, so the edit is not held to a part of it.
            VocabularyWarning: CLIP was never shown a word of the prompt.
            EclipsedWarning: the direction came out weak.
        """
        if (prompt is None) == (image is None):
            raise InputError("learn from a prompt, or from an image: give one of them")
        given: Any = latents.latent if isinstance(latents, Faces) else latents
        if not isinstance(given, (Latent, NoneType)):
            given = Latent.of_ws(self.generator, given, name="latents")
        asked = read_mask(region) if is_mask(region) else cast("Region | Sequence[str] | None", region)
        if not self._has_own_parser and not isinstance(asked, Mask) and not (isinstance(asked, Region) and asked.mask):
            asked = (prompt and self.painted_region(prompt, asked)) or self._whole_picture(prompt or "", asked)
        index = class_index if config is None or class_index is not None else config.class_index
        generator, psi = self.generator if index is None else self.generator.of_class(index), self.truncation_psi
        said: Any = prompt
        if image is not None:
            used: Any = {"generator": generator, "parser": self.parser, "clip": self.clip, "finder": self._finder.get}
            said, asked = Reference.of(image, region=asked, truncation_psi=psi, **used), None
        return training.train(
            said,
            generator=generator,
            parser=self.parser,
            clip=self.clip,
            classifier=self.classifier,
            witness=self.witness,
            region=asked,
            config=config if class_index is None or config is None else config.replace(class_index=class_index),
            latents=given,
            truncation_psi=psi,
            callback=callback,
            state=state,
            save_every=save_every,
            resume=resume,
        )

    def _whole_picture(self, prompt: str, region: object) -> Region:
        """The region of an edit that nothing can hold to a part."""
        reason = f"{self.name} has no parser"
        if region is not None:
            raise InputError(f"{reason}, so an edit cannot be held to a region by its name; {how_to_hold(self.name)}")
        text = f"{reason}, so the edit may change the whole picture; to hold it to a region, {how_to_hold(self.name)}"
        return Region(self.world.whole, True, {}, prompt if isinstance(prompt, str) else "", text, self.world.name)

    def _stand_in(self) -> WholePicture:
        return WholePicture(world=self._world and self._world.unpainted, device=self.generator.device)

    def _check_world(self, parser: Parser) -> Parser:
        """Return the parser when it is of the editor's world."""
        if self._world is not None and parser.world.parts != self._world.parts:
            raise InputError(f"the parser is of the world {parser.world.name!r}; the editor's is {self._world.name!r}")
        return parser


def _reopened(folder: Path, device: torch.device, given: dict[str, Any], settings: dict[str, Any]) -> Editor:
    """An editor of a model set as another process had it."""
    editor = Editor.from_pretrained(folder, device, **given)
    vars(editor).update(settings)
    return editor
