"""Editors and faces go to worker processes."""

import pickle

import pytest
import torch
from directions_kit import make

from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.pretrained.callable_parser import CallableParser


def test_an_editor_of_a_set_is_opened_again(editor):
    copied = pickle.dumps(editor)
    assert len(copied) < 5_000  # no weights
    again = pickle.loads(copied)
    assert again.name == editor.name
    assert again.truncation_psi == editor.truncation_psi
    assert torch.equal(again.sample(seeds=[1, 2]).images, editor.sample(seeds=[1, 2]).images)
    assert torch.equal(pickle.loads(pickle.dumps(again)).sample(seeds=3).images, editor.sample(seeds=3).images)


def test_an_editor_of_objects_goes_as_a_whole(editor):
    made = Editor(editor.generator, None, editor.clip, name="mine")
    again = pickle.loads(pickle.dumps(made))
    assert again.name == "mine"
    assert not again.has_parser
    assert torch.equal(again.sample(seeds=1).images, made.sample(seeds=1).images)


def test_faces_and_directions(editor):
    direction = make(editor.generator, "S", scale=0.25)
    faces = editor.edit(editor.sample(seeds=[1, 2]), direction, [0.5, 0.25])
    again, moved = pickle.loads(pickle.dumps((faces, direction)))
    assert torch.equal(again.images, faces.images)
    assert again.edits == faces.edits
    assert torch.equal(again.before.images, faces.before.images)
    assert moved.digest == direction.digest
    assert torch.equal(editor.edit(again, moved, 0.5).images, editor.edit(faces, direction, 0.5).images)


def vectors(given):
    return torch.ones(len(given), 4)


def labels(images):
    return torch.zeros_like(images[:, 0]).long()


def test_an_editor_of_functions_of_a_module_goes_there(editor):
    clip = CallableClip(vectors, vectors, name="mine", device="cpu")
    made = Editor(editor.generator, CallableParser(labels, ["hair"], device="cpu"), clip, name="mine")
    again = pickle.loads(pickle.dumps(made))
    assert again.clip.image_encoder is vectors
    assert again.parser.function is labels


def test_what_cannot_go_there_is_named(editor):
    """Python says no more than "Can't pickle <function <lambda> at 0x7f…>"."""

    def load():
        return editor.clip

    inside = "test_what_cannot_go_there_is_named.<locals>"
    for made, sentence in (
        (
            Editor(editor.generator, None, load),
            f"what loads the CLIP model is {inside}.load, which cannot go to another process; give a function of a"
            " module, or the thing itself",
        ),
        (
            Editor(editor.generator, lambda: editor.parser, editor.clip),
            f"what loads the parser is {inside}.<lambda>, which cannot go to another process; give a function of a"
            " module, or the thing itself",
        ),
        (
            Editor(
                editor.generator, CallableParser(lambda images: labels(images), ["hair"], device="cpu"), editor.clip
            ),
            f"the function of the parser is {inside}.<lambda>, which cannot go to another process; give a function of a"
            " module",
        ),
        (
            Editor(editor.generator, None, CallableClip(vectors, lambda texts: vectors(texts), name="x", device="cpu")),
            f"the text_encoder of the CLIP model is {inside}.<lambda>, which cannot go to another process; give a"
            " function of a module",
        ),
    ):
        with pytest.raises(InputError) as caught:
            pickle.dumps(made)
        assert str(caught.value) == sentence
