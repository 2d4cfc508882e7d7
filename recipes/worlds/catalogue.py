"""Every harder world by its name: how it is made, and the networks that a direction is learned and judged with.

Nothing of them ships. ``python -m recipes.worlds.make`` makes them in an ignored folder; what needs no training is made
when it is first loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from eclipsed.editor import Editor
from eclipsed.files.atomic import atomic_write
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.bisenet_parser import BiSeNetParser
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.clip import Clip
from eclipsed.pretrained.clip_ensemble import ClipEnsemble
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.parser import Parser
from eclipsed.store.sets import find_set
from recipes.drawn.latent import SIDE, Frame
from recipes.mini.facts import facts
from recipes.mini.latent import LATENT
from recipes.worlds import big
from recipes.worlds.clips import Clouded, InUnits, RandomView, Sight, factor
from recipes.worlds.parsers import Damaged

__all__ = ["GROUPS", "WORLDS", "HarderWorld", "Place", "load", "named"]

#: seeds of the random networks of *witness*: of the first 47 those through which glasses, hats and open mouths are
#: told apart about alike, with .81 to .85 each, and the next of which that holds (.82 to .85)
VIEWS = (32, 12, 47, 67)

#: seeds of the faces on which a random network is measured; nothing else draws them
_LOOKED_AT = range(50_000, 51_024)


@dataclass(frozen=True, eq=False)
class HarderWorld:
    """The networks of a world.

    Args:
        name: of the world.
        editor: what a user would have: directions are learned with it.
        judge: the same generator with mini's own parser and CLIP and a classifier that can be trusted.
        frame: how the truth is read from w.
        digest: twelve hex digits that change with any network.
    """

    name: str
    editor: Editor
    judge: Editor
    frame: Frame
    digest: str


class Place:
    """Where worlds lie, and what they share: mini's own networks.

    Args:
        work: the folder of all that is made.
        device: where networks run; None takes the best there is.
    """

    def __init__(self, work: Path, device: str | None = None) -> None:
        self.folder = work / "worlds"
        self.mini = find_set("mini")
        self.generator = Generator.from_file(self.mini.generator, device=device, name="mini")
        self.device = self.generator.device
        assert self.mini.parser is not None
        assert self.mini.classifier is not None
        self.parser: Parser = BiSeNetParser.from_file(self.mini.parser, device=self.device)
        self.clip = Clip.from_pretrained(self.mini.clip.model, device=self.device)
        self.classifier = Classifier.from_file(self.mini.classifier, device=self.device)
        self._shipped = _of_files(self.mini.generator.parent)

    def world(
        self,
        name: str,
        *facts: object,
        generator: Generator | None = None,
        parser: Parser | None = None,
        clip: Clip | None = None,
        classifier: Classifier | None = None,
        frame: Frame = LATENT.frame,
        files: Sequence[Path] = (),
    ) -> HarderWorld:
        """A world that is mini but for what is given.

        Args:
            name: of the world.
            facts: numbers that it is made by, for its digest.
            generator: instead of mini's; so are parser, CLIP and classifier.
            parser: a direction is learned with it; judged is with mini's.
            clip: the same.
            classifier: that judges.
            frame: how the truth is read from w.
            files: of networks, for the digest.
        """
        drawn, seen = generator or self.generator, classifier or self.classifier
        editor = Editor(drawn, parser or self.parser, clip or self.clip, name=name, truncation_psi=1.0, classifier=seen)
        judge = Editor(drawn, self.parser, self.clip, name=name, truncation_psi=1.0, classifier=seen)
        digest = _digest(self._shipped, name, *facts, *(_of_files(file) for file in files))
        return HarderWorld(name, editor, judge, frame, digest)

    def view(self, seed: int) -> tuple[RandomView, float]:
        """A random network, standardised, and how much of it makes strength 1; measured once and kept."""
        view, file = RandomView(seed).to(self.device), self.folder / "views" / f"{seed}.safetensors"
        if not file.exists():
            ws = self.generator.mapping(self.generator.z(_LOOKED_AT))
            drawn = SynthesisOptions(resolution=SIDE)
            with torch.no_grad():
                images = torch.cat([self.generator.synthesis(part, drawn).image for part in ws.split(64)])
            view.standardise(images)
            sight = Sight.of(self.clip, view, images, facts(LATENT.frame.values(ws[:, 0])))
            kept = {"mean": view.mean, "scale": view.scale, "factor": torch.tensor(factor(sight))}
            file.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(file, lambda place: save_file(kept, place))
        kept = load_file(file, device=str(self.device))
        view.mean.copy_(kept["mean"])
        view.scale.copy_(kept["scale"])
        return view, float(kept["factor"])

    def trained(self, *parts: str) -> Path:
        """A file or folder that a training left.

        Raises:
            FileNotFoundError: it is not there yet; says the command that makes it.
        """
        path = self.folder.joinpath(*parts)
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is not there; make it: python -m recipes.worlds.make --work {self.folder.parent}"
            )
        return path


def _of_files(path: Path) -> str:
    """Digest of a file, or of all networks in a folder but the encoder, which takes no part."""
    files = [path] if path.is_file() else sorted(path.rglob("*.safetensors"))
    out = hashlib.sha256()
    for file in files:
        if file.name != "encoder.safetensors":
            out.update(file.read_bytes())
    return out.hexdigest()[:12]


def _digest(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _witness(seed: int, strength: float) -> Callable[[str, Place], HarderWorld]:
    def load(name: str, place: Place) -> HarderWorld:
        view, unit = place.view(seed)
        clip = Clouded(place.clip, view, strength * unit)
        return place.world(name, seed, strength, round(unit, 4), clip=clip)

    return load


def _witnesses(count: int) -> Callable[[str, Place], HarderWorld]:
    """Several unreliable CLIPs at once, each with errors of its own."""

    def load(name: str, place: Place) -> HarderWorld:
        views = [place.view(seed) for seed in VIEWS[:count]]
        clip = ClipEnsemble([Clouded(place.clip, view, unit) for view, unit in views])
        return place.world(name, *VIEWS[:count], *(round(unit, 4) for _, unit in views), clip=clip)

    return load


def _parser(lost: float, ragged: float) -> Callable[[str, Place], HarderWorld]:
    def load(name: str, place: Place) -> HarderWorld:
        return place.world(name, lost, ragged, parser=Damaged(place.parser, lost=lost, ragged=ragged))

    return load


def _short_parser(name: str, place: Place) -> HarderWorld:
    file = place.trained("sets", "parser-short.safetensors")
    return place.world(name, parser=BiSeNetParser.from_file(file, device=place.device), files=[file])


def _honest(lesson: str) -> Callable[[str, Place], HarderWorld]:
    def load(name: str, place: Place) -> HarderWorld:
        folder = place.trained("sets", f"clip-{lesson}")
        return place.world(name, clip=Clip.from_pretrained(folder, device=place.device), files=[folder])

    return load


def _big(name: str, place: Place) -> HarderWorld:
    file = place.folder / "sets" / "big.safetensors"
    if not file.exists():
        big.write(place.mini.generator, file)
    generator = Generator.from_file(file, device=place.device, name=name)
    return place.world(name, generator=generator, frame=big.FRAME, files=[file])


def _people(name: str, place: Place) -> HarderWorld:
    folder = place.trained("sets", "people")
    return place.world(
        name,
        generator=Generator.from_file(folder / "generator.safetensors", device=place.device, name=name),
        clip=Clip.from_pretrained(folder / "clip", device=place.device),
        classifier=Classifier.from_file(folder / "classifier.safetensors", device=place.device),
        files=[folder],
    )


#: name -> how it is loaded
WORLDS: dict[str, Callable[[str, Place], HarderWorld]] = {
    "mini": lambda name, place: place.world(name),
    "units": lambda name, place: place.world(name, InUnits.BETWEEN, clip=InUnits(place.clip)),
    "witness": _witness(VIEWS[0], 1.0),
    "witness-0.7": _witness(VIEWS[0], 0.7),
    "witness-0.4": _witness(VIEWS[0], 0.4),
    "witness-2": _witness(VIEWS[1], 1.0),
    "witness-3": _witness(VIEWS[2], 1.0),
    "witness-two": _witnesses(2),
    "witness-four": _witnesses(4),
    "clip-tenth": _honest("tenth"),
    "clip-noisy": _honest("noisy"),
    "clip-vit": _honest("vit"),
    "parser": _parser(0.15, 1.2),
    "parser-short": _short_parser,
    "people": _people,
    "big": _big,
}

#: name of several -> their names
GROUPS: dict[str, tuple[str, ...]] = {
    "every": tuple(WORLDS),
    "cheap": ("mini", "units", "witness", "witness-0.7", "witness-0.4", "witness-2", "witness-3", "parser", "big"),
    "witnesses": ("witness", "witness-0.7", "witness-0.4", "witness-2", "witness-3"),
    "together": ("witness", "witness-two", "witness-four"),
    "honest": ("clip-tenth", "clip-noisy", "clip-vit"),
    "parsers": ("parser", "parser-short"),
}


def named(names: Iterable[str]) -> tuple[str, ...]:
    """Names of worlds, each once, for names of worlds and of `GROUPS`.

    Raises:
        ValueError: there is no such world or group.
    """
    out: dict[str, None] = {}
    for name in names:
        if name not in WORLDS and name not in GROUPS:
            raise ValueError(f"no world {name!r}; known: {', '.join((*WORLDS, *GROUPS))}")
        out.update(dict.fromkeys(GROUPS.get(name, (name,))))
    return tuple(out)


def load(name: str, place: Place) -> HarderWorld:
    """The networks of a world.

    Raises:
        FileNotFoundError: it is trained, and was not made yet.
    """
    return WORLDS[name](name, place)
