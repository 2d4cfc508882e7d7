"""What is measured once for a generator, by one worker and by two: the same bits, told in order."""

from weakref import WeakKeyDictionary

import pytest
import torch

import eclipsed
from eclipsed.compute.crew_order import run_in_order
from eclipsed.directions.atlas import Atlas
from eclipsed.directions.components import components_of_features, components_of_w
from eclipsed.directions.labelling import label_faces
from eclipsed.directions.margins import class_margin
from eclipsed.directions.style_matrix import StyleMatrix
from eclipsed.directions.survey import Survey
from eclipsed.errors import InputError
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.classifier import Classifier
from eclipsed.prompts.target import Target
from eclipsed.store.sets import find_set

ONE, TWO = eclipsed.Crew(1), eclipsed.Crew(2)


def squares():
    return lambda number, _: number * number


def too_large():
    def work(number, _):
        raise MemoryError(f"no room for {number}")

    return work


@pytest.mark.parametrize("crew", [None, ONE])
def test_results_come_in_order(crew):
    assert list(run_in_order(squares, range(5), crew=crew)) == [0, 1, 4, 9, 16]
    assert list(run_in_order(squares, (), crew=crew)) == []


def test_answers_that_come_early_wait(monkeypatch):
    from eclipsed.compute import crew_order
    from eclipsed.compute.crew import Answer

    def backwards(make, tasks, *, crew):
        yield from (Answer(number, make()(tasks[number], None)) for number in (2, 0, 3, 1))

    monkeypatch.setattr(crew_order, "run_many", backwards)
    assert list(run_in_order(squares, [5, 6, 7, 8], crew=ONE)) == [25, 36, 49, 64]


def test_a_piece_that_cannot_be_done_is_a_sentence():
    with pytest.raises(InputError) as caught:
        list(run_in_order(too_large, range(2), crew=ONE))
    assert str(caught.value) == (
        "a worker ended at piece 1 of 2 (no room for 0): it may need more memory than there is; take fewer workers"
    )


@pytest.mark.slow
def test_two_workers_measure_style_channels(editor, tmp_path, monkeypatch):
    found, told = [], []
    for number, crew in enumerate((ONE, TWO)):
        monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / str(number)))
        found.append(StyleMatrix.of(editor.generator, editor.clip, faces=12, crew=crew, tell=lambda *x: told.append(x)))
    assert torch.equal(found[0].vectors, found[1].vectors)
    assert told == 2 * [(4, 12), (8, 12), (12, 12)]


@pytest.mark.slow
def test_two_workers_look_at_faces_for_an_atlas(editor, tmp_path, monkeypatch):
    found = []
    for number, crew in enumerate((ONE, TWO)):
        monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / str(number)))
        monkeypatch.setattr("eclipsed.directions.atlas._made", type(_made())())
        found.append(Atlas.of(editor.generator, editor.clip, editor.parser, faces=128, crew=crew))
    assert all(map(torch.equal, found[0].seen, found[1].seen))
    assert torch.equal(found[0].along, found[1].along)


def _made():
    from eclipsed.directions import atlas

    return atlas._made


@pytest.mark.slow
def test_two_workers_find_components(editor):
    one, two = (components_of_w(editor.generator, count=3, samples=9000, crew=crew) for crew in (ONE, TWO))
    assert torch.equal(one.mean, two.mean)
    assert torch.equal(one.basis, two.basis)
    assert torch.equal(one.deviation, two.deviation)


@pytest.mark.slow
def test_two_workers_find_components_of_features(editor):
    """Of several pieces, the last a short one; the same bits with the threads of this process alone, too."""
    here, one, two = (
        components_of_features(editor.generator, count=3, samples=150, crew=crew) for crew in (None, ONE, TWO)
    )
    for name in ("mean", "basis", "deviation", "share"):
        assert torch.equal(getattr(one, name), getattr(two, name))
        assert torch.allclose(getattr(here, name), getattr(one, name), atol=1e-5)


@pytest.mark.slow
def test_two_workers_label_faces(editor):
    classifier = Classifier.from_file(find_set("mini").classifier, device="cpu")
    margin = class_margin(classifier, Target.parse("hair_colour=blond", classifier.attributes))
    alone, told = label_faces(editor.generator, margin, range(40)), []
    both = label_faces(editor.generator, margin, range(40), crew=TWO, tell=lambda *x: told.append(x))
    assert all(map(torch.equal, label_faces(editor.generator, margin, range(40), crew=ONE), both))
    assert all(map(torch.allclose, alone, both))  # with the threads of this process
    assert told == [(16, 40), (32, 40), (40, 40)]


@pytest.mark.slow
def test_two_workers_look_at_faces_for_captions(editor, tmp_path, monkeypatch):
    found, told = [], []
    for number, crew in enumerate((ONE, TWO)):
        monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / str(number)))
        monkeypatch.setattr("eclipsed.directions.survey._made", WeakKeyDictionary())
        found.append(
            Survey.of(editor.generator, editor.clip, options=SynthesisOptions(), count=64, crew=crew, tell=told.append)
        )
    assert torch.equal(found[0].embedding, found[1].embedding)
    assert torch.equal(found[0].w, found[1].w)
    assert told[: len(told) // 2] == told[len(told) // 2 :] == list(range(1, 1 + len(told) // 2))


def test_a_judge_made_in_a_function_goes_to_no_other_worker(editor):
    with pytest.raises(InputError) as caught:
        label_faces(editor.generator, lambda images: images.mean(dim=(1, 2, 3)), range(4), crew=TWO)
    assert str(caught.value) == (
        "a judge that several workers ask must be a function that a module defines, not one made in another function; "
        "got test_a_judge_made_in_a_function_goes_to_no_other_worker.<locals>.<lambda>"
    )
