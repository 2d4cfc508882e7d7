"""The atlas of a generator: what moves of its faces do to CLIP's view of them and to each part, measured once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from eclipsed.compute.crew import Crew
from eclipsed.compute.crew_order import run_in_order
from eclipsed.compute.crew_work import Make, Turn
from eclipsed.compute.precision import compute_dtype
from eclipsed.directions.atlas_file import AtlasFile, Seen
from eclipsed.directions.discriminant import regressed
from eclipsed.directions.margins import contrast_margin
from eclipsed.directions.moves import Moves
from eclipsed.directions.survey import SURVEY_CHUNK, looked_side
from eclipsed.errors import EclipsedWarning, OutputError
from eclipsed.latents.latent import Latent
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.values.checks import whole
from eclipsed.values.seeds import TRAINING_SEEDS

__all__ = ["ATLAS_FACES", "Atlas"]

#: Faces that an atlas is made of, unless there are so many moves that more are needed to tell them apart.
ATLAS_FACES = 4096

_FACES_A_MOVE = 8
_MOST_FACES = 16_384
_SLOPED = 16  # of the first chunks, whose pixels are followed back to the moves
_TOGETHER = 4  # faces whose pixels are mixed into one number a part
_KEPT_EVERY = 8  # chunks
_MIX_SEED = 20231124  # of the mixtures; any would do, but the same for everybody


@dataclass(frozen=True, eq=False)
class Atlas:
    """Many faces, each of whose rows come from several, as CLIP and the parser see them.

    Since rows were swapped and not single moves made, each face tells of all moves at once, to both sides and over
    the whole width of the data; regression takes them apart.

    Args:
        moves: the basis in which faces are told.
        parts: of the parser's world.
        along: where the faces are, along each move, in units of w, (N, moves).
        seen: what was seen of them.
        side: of the pictures, in pixels.
    Source: ours.
    """

    moves: Moves
    parts: tuple[str, ...]
    along: Tensor
    seen: Seen
    side: int

    @classmethod
    def of(
        cls,
        generator: Generator,
        clip: Clip,
        parser: Parser,
        *,
        faces: int | None = None,
        crew: Crew | None = None,
        tell: Callable[[int, int], object] = lambda *_: None,
    ) -> Atlas:
        """The atlas of a generator by a CLIP and a parser: what is known of it, and the rest looked at now.

        It is kept on this machine. One that was cut short goes on where it was, and ends as it would have without that.

        Args:
            generator: whose faces, without truncation, are looked at.
            clip: that looks.
            parser: that tells their parts apart.
            faces: how many at least; None is `ATLAS_FACES`, or more where there are many moves.
            crew: who looks; None is this process. The result is the same for any number of workers.
            tell: called with how many faces are looked at, and how many are to be; never when all are known.
        Raises:
            InputError: `faces` is out of range.
        Warns:
            EclipsedWarning: what was seen cannot be kept.
        """
        side = looked_side(generator, clip)
        moves = Moves.of(generator, side)
        count = _wanted(moves) if faces is None else whole("faces", faces, 64, 1_000_000)
        kept = _made.setdefault(generator, WeakKeyDictionary()).setdefault(clip, WeakKeyDictionary())
        known: dict[Hashable, Atlas] = kept.setdefault(parser, {})
        key = (generator.version, generator.class_index)
        if key not in known or len(known[key].along) < count:
            file = AtlasFile(generator, clip, parser, side=side)
            seen = _until(partial(_looking, generator, clip, parser, side), file, count, crew, tell)
            known[key] = cls._made_of(generator, parser, moves, seen, side)
        return known[key]

    @classmethod
    def at_hand(cls, generator: Generator, clip: Clip, parser: Parser) -> Atlas | None:
        """The atlas where it came with the package or was built before, and is whole; else None, and nothing is built.

        Args:
            generator: see `of`.
            clip: see `of`.
            parser: see `of`.
        """
        side = looked_side(generator, clip)
        seen = AtlasFile(generator, clip, parser, side=side).read()
        enough = seen is not None and len(seen.embedding) >= _wanted(Moves.of(generator, side))
        return cls.of(generator, clip, parser) if enough else None

    @classmethod
    def load(cls, path: str | os.PathLike[str], generator: Generator, clip: Clip, parser: Parser) -> Atlas:
        """Read an atlas that was built elsewhere.

        Args:
            path: of the file.
            generator: that it must belong to.
            clip: that it must belong to.
            parser: that it must belong to.
        Raises:
            MissingModelError: the file is not there.
            CheckpointError: it is damaged, another kind of file, or the atlas of other networks.
        """
        side = looked_side(generator, clip)
        seen = AtlasFile(generator, clip, parser, side=side).read_from(path)
        return cls._made_of(generator, parser, Moves.of(generator, side), seen, side)

    @classmethod
    def _made_of(cls, generator: Generator, parser: Parser, moves: Moves, seen: Seen, side: int) -> Atlas:
        chunks = range(len(seen.embedding) // SURVEY_CHUNK)
        along = torch.cat([moves.coordinates(_w(generator, moves, number)) for number in chunks])
        return cls(moves, parser.parts, along.cpu(), Seen(*(one.cpu() for one in seen)), side)

    def save(self, path: str | os.PathLike[str], generator: Generator, clip: Clip, parser: Parser) -> None:
        """Write it for another machine, which reads it with `load`.

        Args:
            path: where.
            generator: that it was made of, like the others.
            clip: see `generator`.
            parser: see `generator`.
        Raises:
            OutputError: it cannot be written.
        """
        AtlasFile(generator, clip, parser, side=self.side).write(self.seen, path)

    def ws(self, generator: Generator, faces: Sequence[int]) -> Tensor:
        """Some of its faces, (N, num_ws, w_dim), as the generator's mapping gives them again.

        Args:
            generator: that it belongs to.
            faces: their numbers, from 0.
        """
        found = []
        for face in faces:
            number, place = divmod(face, SURVEY_CHUNK)
            found.append(_w(generator, self.moves, number)[place])
        return self.moves.faces(torch.stack(found))

    def margins(self, texts: Tensor) -> Tensor:
        """By how much CLIP prefers a caption to the best of others for each face, in cosines, (N,).

        Args:
            texts: embeddings of the caption (first) and of the others, (T, D).
        """
        return contrast_margin(self.seen.embedding, texts.float().cpu(), temperature=1.0)

    def change(self, weights: Iterable[float]) -> Tensor:
        """Mean squared change of the picture by steps, as a quadratic form, (moves, moves) in double precision.

        Args:
            weights: of each of `parts`: 1 counts its pixels, 0 leaves them out.
        """
        slopes = self.seen.slopes.double()
        weighed = torch.tensor(list(weights), dtype=torch.float64)[:, None, None] * slopes
        return torch.einsum("prm,prn->mn", weighed, slopes) / (_TOGETHER * slopes.shape[1])

    @cached_property
    def growth(self) -> Tensor:
        """By how much the share of the picture that each part takes grows with each move, (moves, parts)."""
        return regressed(self.along, self.seen.areas)

    @cached_property
    def views(self) -> tuple[Tensor, Tensor]:
        """How CLIP's view of faces changes with each move, (moves, D), and how that bends: the change of the square."""
        along = self.along.double() - self.along.double().mean(dim=0)
        found = regressed(torch.cat([along, along.square() / along.std(dim=0)], dim=1), self.seen.embedding)
        return found[: along.shape[1]], found[along.shape[1] :]


def _until(
    looking: Make[int, Seen], file: AtlasFile, count: int, crew: Crew | None, tell: Callable[[int, int], object]
) -> Seen:
    """What is seen of as many faces, a whole number of chunks; what is known already is not looked at again."""
    chunks = -(-count // SURVEY_CHUNK)
    known = file.read()
    done = 0 if known is None else len(known.embedding) // SURVEY_CHUNK
    parts = [] if known is None else [known]
    keeps = True
    with closing(run_in_order(looking, range(done, chunks), crew=crew)) as looked:
        for number, seen in enumerate(looked, done):
            parts.append(seen)
            tell((number + 1) * SURVEY_CHUNK, chunks * SURVEY_CHUNK)
            if keeps and ((number + 1) % _KEPT_EVERY == 0 or number + 1 == chunks):
                parts = [Seen.joined(parts)]
                try:
                    file.write(parts[0])
                except OutputError as error:
                    warnings.warn(f"the atlas is not kept for the next time: {error}", EclipsedWarning, 4)
                    keeps = False
    return Seen.joined(parts)


def _looking(generator: Generator, clip: Clip, parser: Parser, side: int) -> Callable[[int, Turn], Seen]:
    """What one worker does with each chunk of faces, by its number."""
    eye = _Looking(generator, clip, parser, side)
    return lambda number, _: eye.chunk(number)


class _Looking:
    """Looks at faces, a chunk at a time."""

    def __init__(self, generator: Generator, clip: Clip, parser: Parser, side: int) -> None:
        self.generator, self.clip, self.parser, self.moves = generator, clip, parser, Moves.of(generator, side)
        self.options = SynthesisOptions(resolution=side)
        self.dtype = compute_dtype("auto", generator.device)

    def chunk(self, number: int) -> Seen:
        """What is seen of one chunk of faces, in values that half precision holds."""
        sloped = number < _SLOPED
        with torch.inference_mode(False), torch.set_grad_enabled(sloped):
            ws = self.moves.faces(_w(self.generator, self.moves, number)).detach().clone().requires_grad_(sloped)
            image = self.generator.synthesis(ws, self.options).image
        with torch.no_grad():
            picture = image.detach()
            embedding = self.clip.encode_images(picture, dtype=self.dtype)
            labels = self.parser.labels(picture, dtype=self.dtype)
            areas = [(labels == part).float().mean(dim=(1, 2)) for part in range(len(self.parser.parts))]
        slopes = (
            self._slopes(ws, image, labels, number) if sloped else embedding.new_zeros(len(areas), 0, len(self.moves))
        )
        found = Seen(embedding, torch.stack(areas, dim=1), slopes)
        return Seen(*(one.half().float().cpu() for one in found))

    def _slopes(self, ws: Tensor, image: Tensor, labels: Tensor, number: int) -> Tensor:
        """Random mixtures of the pixels of each part by each move, (parts, faces / `_TOGETHER`, moves).

        The mean of the square of such a number, over mixtures, is the squared change of the part's pixels; in units in
        which the whole picture counts as one.
        """
        rng = torch.Generator().manual_seed(_MIX_SEED + number)
        found = []
        for part in range(len(self.parser.parts)):
            signs = torch.randint(0, 2, image.shape, generator=rng, dtype=torch.int8).to(image) * 2 - 1
            there = (labels == part)[:, None]
            if not bool(there.any()):
                found.append(ws.new_zeros(len(ws) // _TOGETHER, len(self.moves)))
                continue
            (gradient,) = torch.autograd.grad((image * signs * there).sum(), ws, retain_graph=True)
            each = self.moves.slopes(gradient) / (image[0].numel() ** 0.5)
            found.append(each.view(-1, _TOGETHER, len(self.moves)).sum(dim=1))
        return torch.stack(found)


def _w(generator: Generator, moves: Moves, number: int) -> Tensor:
    """Of one chunk of faces the w of each cell of rows, (faces, cells, w_dim)."""
    cells = len(moves.cells)
    first = TRAINING_SEEDS.start + number * SURVEY_CHUNK * cells
    w = Latent.of_seeds(generator, range(first, first + SURVEY_CHUNK * cells)).ws[:, 0]
    return w.view(SURVEY_CHUNK, cells, -1)


def _wanted(moves: Moves) -> int:
    """Faces that tell the moves apart."""
    many = -(-_FACES_A_MOVE * len(moves) // SURVEY_CHUNK) * SURVEY_CHUNK
    return max(ATLAS_FACES, min(many, _MOST_FACES))


#: generator -> CLIP -> parser -> what else an atlas depends on -> the atlas
_made: WeakKeyDictionary[Generator, WeakKeyDictionary[Clip, WeakKeyDictionary[Parser, dict[Hashable, Atlas]]]] = (
    WeakKeyDictionary()
)
