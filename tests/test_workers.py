"""Editors and faces go to worker processes."""

import pickle

import torch
from directions_kit import make

from eclipsed.editor import Editor


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
