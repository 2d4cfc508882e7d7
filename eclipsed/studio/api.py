"""Named endpoints: everything that the page does, for programs. They keep no state; a stack says all there is to say.

Use them with ``gradio_client``; docs/studio.md has an example.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from gradio.data_classes import FileData
from gradio.events import api

from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.pretrained.painted_part import PaintedPart
from eclipsed.store import library
from eclipsed.studio import answers, results, views
from eclipsed.studio.advice import of_sentence
from eclipsed.studio.descriptions import described
from eclipsed.studio.engine import FIRST_SEED, Engine
from eclipsed.studio.inverting import InversionQueue
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.learning import Job, LearningQueue
from eclipsed.studio.making import MakingQueue
from eclipsed.studio.page_state import SLOW
from eclipsed.studio.painting import keep_painted, kept_part
from eclipsed.studio.portraits import PhotoLook, of_portrait, open_face
from eclipsed.studio.safety import in_a_sentence, read_stack, sent_file
from eclipsed.studio.shelf import Shelved, shelf_name
from eclipsed.studio.sums import read_names, read_terms, summed
from eclipsed.studio.tabs.compare import compared
from eclipsed.studio.tabs.palette import cells
from eclipsed.training.config import TrainConfig
from eclipsed.values.mask import Mask
from eclipsed.values.seeds import check_seed, check_seeds

__all__ = ["publish"]

_MOST_FACES = 64


class _Endpoints:
    """The functions behind the endpoints; their docstrings are what `view_api` shows."""

    def __init__(self, engine: Engine, jobs: LearningQueue, inversions: InversionQueue, makings: MakingQueue) -> None:
        self.engine, self.jobs, self.inversions, self.makings = engine, jobs, inversions, makings

    def directions(self) -> list[answers.Direction]:
        """The shelf: name, prompt, method, parts, useful range of alpha and scores of each direction."""
        return [_described(one) for one in self.engine.shelf.all()]

    def faces(
        self, seeds: list[int], truncation_psi: float | None = None, class_index: int | None = None
    ) -> list[FileData]:
        """Unedited faces of some seeds, as PNG files; of a class, where the generator has classes."""
        if len(check_seeds(seeds)) > _MOST_FACES:
            raise InputError(f"at most {_MOST_FACES} faces at once; got {len(seeds)}")
        looks = [Stack(seed=seed, truncation_psi=truncation_psi, class_index=class_index) for seed in seeds]
        return [_file(results.picture(self.engine, look)) for look in looks]

    def stack(
        self,
        seed: int | None = None,
        edits: list[answers.Edit] | None = None,
        truncation_psi: float | None = None,
        face: FileData | None = None,
        class_index: int | None = None,
    ) -> answers.EditStack:
        """An edit stack of a seed or a saved face.

        Each edit has a direction and may have alpha, on, layers, blend, and a mask that holds a blended edit.
        """
        if (seed is None) == (face is None):
            raise InputError("give either seed or face, a saved face")
        if face is None:
            look = Stack(seed=check_seed(seed), truncation_psi=truncation_psi, class_index=class_index)
        else:
            look = self._own(Stack(), face)
        for edit in cast(list[Any], edits or []):
            if not isinstance(edit, dict) or not {"direction"} <= set(edit) <= _EDIT:
                raise InputError(f"an edit has the keys {', '.join(sorted(_EDIT))}, of which direction is needed")
            changes = {name: value for name, value in edit.items() if name != "direction"}
            if isinstance(changes.get("layers"), list):
                changes["layers"] = tuple(changes["layers"])
            if changes.get("mask") is not None:
                changes["mask"] = Mask.from_json(changes["mask"])
            look = self.engine.added(look, str(edit["direction"]), **changes)
        return _stack(self.engine.checked(look))

    def open(self, file: FileData) -> answers.EditStack:
        """The edit stack in a JSON file, or in a picture that the studio made."""
        return _stack(self.engine.checked(read_stack(sent_file(file))))

    def picture(self, stack: answers.EditStack, face: FileData | None = None) -> FileData:
        """The face of a stack with its edits, as a PNG at full size that carries the stack. face is a saved face."""
        return _file(results.picture(self.engine, self._look(stack, face)))

    def strip(self, stack: answers.EditStack, face: FileData | None = None) -> FileData:
        """The edits at -100 %, -50 %, before, 50 % and 100 % of their strengths in one picture."""
        return _file(results.strip(self.engine, self._look(stack, face)))

    def film(
        self, stack: answers.EditStack, kind: Literal["gif", "mp4"] = "gif", face: FileData | None = None
    ) -> FileData:
        """A film from the face to its edit and back; kind is gif or mp4."""
        if kind not in ("gif", "mp4"):
            raise InputError(f"a film is a gif or an mp4; got {kind[:20]!r}")
        return _file(results.film(self.engine, self._look(stack, face), f".{kind}"))

    def python(self, stack: answers.EditStack, file: str = "stack.json", face: FileData | None = None) -> str:
        """The Python that makes the same picture from the saved stack."""
        return views.python_lines(self.engine.models, self._look(stack, face), file)

    def region(self, prompt: str) -> answers.Parts:
        """The parts that a sentence is about, the words that say so, and what should be known before it is learned."""
        reading, advice = of_sentence(self.engine, prompt)
        return cast(answers.Parts, {**reading.region.to_json(), "warnings": list(advice.said)})

    def palette(
        self,
        stack: answers.EditStack,
        first: str,
        second: str,
        size: int = 5,
        reach: float = 1.0,
        face: FileData | None = None,
    ) -> tuple[list[list[FileData]], list[float], list[float]]:
        """The face under two directions: rows of PNG files, strengths downwards, strengths to the right."""
        down, across, rows = cells(self.engine, self._look(stack, face), first, second, size, reach)
        files = [[_file(results.drawn(images)) for images in row] for row in rows]
        return files, down, across

    def compare(
        self,
        seeds: list[int],
        directions: list[str],
        alphas: list[float],
        equal_change: bool = False,
        face: FileData | None = None,
    ) -> list[answers.Measured]:
        """What directions do to some faces at some strengths, or at equal change set by the first one.

        With a saved face the list of seeds is empty.
        """
        look = Stack() if face is None else self._own(Stack(), face)
        rows = compared(self.engine, look, check_seeds(seeds) if seeds else (), directions, alphas, equal=equal_change)
        named = zip(directions, rows, strict=True)
        return [cast(answers.Measured, {"direction": name, **one.to_json()}) for name, row in named for one in row]

    def learn(
        self,
        prompt: str,
        parts: list[str] | None = None,
        options: answers.Options | None = None,
        seed: int = FIRST_SEED,
    ) -> str:
        """Ask for a sentence to be learned; gives a token. Options are those of TrainConfig."""
        config = TrainConfig.from_json(options or {})
        return self.jobs.submit(prompt, parts=parts, config=config, face=Stack(seed=check_seed(seed))).token

    def progress(self, token: str) -> answers.Learning:
        """How a learning stands: its status, step, curves, and the name of the direction once it is on the shelf."""
        return self._status(self.jobs.find(token))

    def stop(self, token: str) -> answers.Learning:
        """Stop a learning; what was learned is kept."""
        return self._status(self.jobs.stop(token))

    def unfinished(self) -> list[answers.Unfinished]:
        """Trainings that were stopped or cut off."""
        return [
            {"name": one.name, "prompt": one.prompt, "step": one.step, "steps": one.steps}
            for one in self.jobs.unfinished()
        ]

    def resume(self, name: str) -> str:
        """Go on with one of `unfinished`; gives a token."""
        return self.jobs.resume(name, face=Stack(seed=FIRST_SEED)).token

    def discard(self, name: str) -> str:
        """Forget one of `unfinished`."""
        self.jobs.discard(name)
        return "discarded"

    def keep(self, file: FileData, name: str = "") -> str:
        """Put a direction file of our own on the shelf; gives the name that it has there."""
        return self.engine.shelf.keep(sent_file(file), name)

    def import_direction(self, file: FileData, prompt: str = "", index: int | None = None, name: str = "") -> str:
        """Ask for a direction of another project's file (.npy, .npz, .pt, .pkl, .safetensors); gives a token.

        Nothing in the file is run. prompt says what it brings, so that CLIP judges its sign and strength.
        """
        return self.makings.from_file(sent_file(file), prompt=prompt, index=index, name=name).token

    def between(
        self,
        faces_with: list[int],
        faces_without: list[int],
        prompt: str = "",
        name: str = "",
        truncation_psi: float | None = None,
        class_index: int | None = None,
    ) -> str:
        """Ask for a direction from faces that lack something to faces that have it, by their seeds; gives a token."""
        psi = Stack(truncation_psi=truncation_psi).truncation_psi  # checked
        task = self.makings.from_faces(
            faces_with, faces_without, psi=psi, class_index=class_index, prompt=prompt, name=name
        )
        return task.token

    def making(self, token: str) -> answers.Making:
        """How `import_direction` or `between` stands, and the name of the direction once it is on the shelf."""
        return cast(answers.Making, views.made(self.makings, self.makings.find(token)))

    def stop_making(self, token: str) -> answers.Making:
        """Stop it; nothing of it is kept."""
        return cast(answers.Making, views.made(self.makings, self.makings.stop(token)))

    def combined(self, weights: dict[str, float], without: list[str] | None = None, name: str = "") -> answers.Sum:
        """Put directions of the shelf together, each by its weight, without what others do; goes to the shelf."""
        asked = shelf_name(name)
        direction = summed(self.engine, read_terms(weights), read_names(without))
        kept = self.engine.shelf.take(direction, asked)
        return {"name": kept, "message": described(direction, kept)}

    def forget(self, name: str) -> str:
        """Remove a direction of one's own from the shelf."""
        library.remove_direction(name)
        return "removed"

    def parts(self) -> list[answers.PaintedPart]:
        """The painted parts that are kept: name, words, and on how many faces each was painted."""
        return [_painted(one) for one in self.engine.editor.parts]

    def learn_part(
        self,
        name: str,
        seeds: list[int],
        masks: list[answers.KeptMask | None],
        words: list[str] | None = None,
        add: bool = False,
        class_index: int | None = None,
    ) -> answers.PaintedPart:
        """Learn a part that was painted on faces of some seeds, and keep it; no mask says that a face shows none of it.

        add paints these faces beside those that the part was painted on before.
        """
        return _painted(keep_painted(self.engine, name, seeds, masks, words or [], add=add, class_index=class_index))

    def part_sheet(self, name: str, seeds: list[int], class_index: int | None = None) -> FileData:
        """A painted part as it is found on faces of some seeds, as a PNG."""
        if len(check_seeds(seeds)) > _MOST_FACES:
            raise InputError(f"at most {_MOST_FACES} faces at once; got {len(seeds)}")
        faces = self.engine.faces(seeds, None, class_index)
        return _file(results.part_sheet(self.engine, faces, kept_part(self.engine, name)))

    def forget_part(self, name: str) -> str:
        """Remove a painted part."""
        self.engine.drop_part(name)
        return "removed"

    def invert(
        self,
        file: FileData,
        level: Literal["fast", "good", "best"] = "good",
        aligned: bool | None = None,
        face: int | str | None = None,
        force: bool = False,
    ) -> str:
        """Ask for the face on a picture; gives a token. face is a number from 1, or "all"; see `Editor.invert`.

        Unless it is said, a picture is taken as an aligned face where it looks like those that the set draws. One that
        is of another kind than the set draws fails as ``foreign``; force goes on all the same.
        """
        picture = KeptPicture(sent_file(file))
        return self.inversions.submit(picture, level=level, aligned=aligned, face=face, force=force).token

    def inversion(self, token: str) -> answers.Inversion:
        """How an inversion stands: its status, step, and how close it came, in dB."""
        return cast(answers.Inversion, self.inversions.find(token).to_json())

    def stop_inversion(self, token: str) -> answers.Inversion:
        """Stop an inversion; the best so far is kept."""
        return cast(answers.Inversion, self.inversions.stop(token).to_json())

    def inverted(self, token: str) -> FileData:
        """The saved face (.face.safetensors) of an inversion that is over. The studio keeps it for 15 minutes."""
        portrait = self.inversions.find(token).portrait
        if portrait is None:
            raise InputError("that inversion gave no face, or is not over; /inversion says how it stands")
        return _file(results.saved_face(self.engine, of_portrait(Stack(), portrait)))

    def put_back(self, stack: answers.EditStack, face: FileData, photo: FileData) -> FileData:
        """The picture that a saved face was taken from with the edits of a stack put back, as a PNG at full size."""
        look = self._look(stack, face)
        everywhere = look.everywhere([look.portrait]) if isinstance(look, PhotoLook) else look
        return _file(results.pasted_file(self.engine, everywhere, KeptPicture(sent_file(photo))))

    def people(self, stacks: dict[str, answers.EditStack], face: FileData, photo: FileData) -> FileData:
        """The same picture with a stack for each face, by its number in the saved face: {"1": stack, "2": stack}."""
        mine = self._own(Stack(), face)
        for name, stack in cast(Mapping[str, object], stacks).items():
            number = int(name) if name.isascii() and name.isdecimal() else 0
            if not 1 <= number <= len(mine.portrait.faces):
                raise InputError(f"the saved face holds {len(mine.portrait.faces)} faces, from 1; got {name[:20]!r}")
            edits = self.engine.checked(Stack.from_json(stack))
            mine = replace(mine.at(mine.portrait, number - 1), entries=edits.entries)
        return _file(results.pasted_file(self.engine, mine, KeptPicture(sent_file(photo))))

    def _own(self, look: Stack, face: object, number: int = 0) -> PhotoLook:
        """A stack on a face that a program sent."""
        portrait = open_face(self.engine.editor, sent_file(face))
        if look.saved_face not in ("", portrait.digest):
            raise InputError("the stack was made on another saved face; give that one")
        return of_portrait(look, portrait, number)

    def _look(self, stack: object, face: object = None) -> Stack:
        look = Stack.from_json(stack)
        if face is not None:
            return self.engine.checked(self._own(look, face))
        if look.saved_face:
            raise InputError("the stack was made on a face from a photo; give face, the saved face, as well")
        if look.seed is None:
            raise InputError('the stack has no face; give it "face": {"seed": 1, "truncation_psi": null}')
        return self.engine.checked(look)

    def _status(self, job: Job) -> answers.Learning:
        return cast(answers.Learning, views.progress(self.jobs, job))


_EDIT = {"direction", "alpha", "on", "layers", "blend", "mask"}
_NAMES = tuple(name for name in vars(_Endpoints) if not name.startswith("_"))


def publish(engine: Engine, jobs: LearningQueue, inversions: InversionQueue, makings: MakingQueue) -> None:
    """Add the endpoints to the page that is being built."""
    endpoints = _Endpoints(engine, jobs, inversions, makings)
    for name in _NAMES:
        api(_typed(getattr(endpoints, name)), api_name=name, concurrency_id=SLOW)


def _typed(method: Callable[..., Any]) -> Callable[..., Any]:
    """An endpoint whose types Gradio can read: it takes those of results as they stand, which here are texts."""
    answer = in_a_sentence(method)
    types = typing.get_type_hints(method)
    signature = inspect.signature(method)
    parameters = [one.replace(annotation=types[name]) for name, one in signature.parameters.items()]
    answer.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=types["return"]
    )
    return answer


def _stack(look: Stack) -> answers.EditStack:
    return cast(answers.EditStack, look.to_json())


def _described(one: Shelved) -> answers.Direction:
    return {
        "name": one.name,
        "prompt": one.prompt,
        "method": one.method,
        "shipped": one.shipped,
        "parts": list(one.parts),
        "alpha_range": list(one.alpha_range),
        "layers": list(one.layers),
        "scores": one.scores,
        "weak": one.weak,
        "note": one.note,
    }


def _painted(part: PaintedPart) -> answers.PaintedPart:
    return {"name": part.name, "words": list(part.words), "paintings": len(part.paintings)}


def _file(path: Path) -> FileData:
    """The file as Gradio hands it out; as a plain dict, which it also finds inside lists."""
    return cast(FileData, FileData(path=str(path), orig_name=path.name).model_dump())
