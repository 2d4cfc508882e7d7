"""What is measured once for a generator, by one worker and by two: the same bits, told in order."""

import pytest
import torch

import eclipsed
from eclipsed.compute.crew_order import run_in_order
from eclipsed.directions.atlas import Atlas
from eclipsed.directions.components import components_of_w
from eclipsed.directions.style_matrix import StyleMatrix
from eclipsed.errors import InputError

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
