"""Directions from labels: boundaries, and faces brought to them."""

import math
import sys

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.directions.boundary import fit_boundary
from eclipsed.directions.labelling import label_faces, labelled_seeds, read_labels, w_of_seeds
from eclipsed.directions.plane import Plane, alphas_to_reach
from eclipsed.errors import DirectionError, InputError, MissingExtraError
from eclipsed.latents.direction import Direction
from eclipsed.latents.w_statistics import WStatistics


def planted(count, dim=128, *, shift=0.0, seed=0):
    """Faces that lie longer in some directions than in others, and an attribute that is linear in them."""
    rng = torch.Generator().manual_seed(seed)
    w = torch.randn(count, dim, generator=rng, dtype=torch.float64) * torch.linspace(0.5, 2.0, dim)
    normal = torch.randn(dim, generator=rng, dtype=torch.float64)
    normal /= normal.norm()
    return w + 3.0, normal, (w + 3.0) @ normal - float(normal.sum()) * 3 + shift


def angle(a, b):
    return math.degrees(math.acos(min(1.0, float(torch.as_tensor(a).double() @ b))))


def test_a_planted_attribute_is_found_within_five_degrees():
    w, normal, scores = planted(40_000, 32)
    fit = fit_boundary(w, scores, statistics=WStatistics.of(w, share=1.0))
    assert angle(fit.plane.normal, normal) < 5
    assert (fit.samples, fit.extremes) == (40_000, 4000)
    assert fit.validation > 0.99
    assert fit.rest > 0.9
    assert fit.plane.deviation == pytest.approx(float(scores.std()), rel=0.02)


def test_the_offset_is_where_the_extremes_part():
    w, _, scores = planted(20_000, 16, shift=1.0)
    plane = fit_boundary(w, scores, statistics=WStatistics.of(w, share=1.0)).plane
    # half-way between the extremes the score is that of the mean, 1 here
    at = w.mean(dim=0)
    assert float(plane.distance(at)) == pytest.approx(0.0, abs=0.05)
    assert float(plane.distance(at + 2 * plane.deviation * torch.tensor(plane.normal))) == pytest.approx(2.0, abs=0.05)


def test_scores_that_are_unknown_are_left_out():
    w, _, scores = planted(2000, 8)
    statistics = WStatistics.of(w, share=1.0)
    holes = scores.clone()
    holes[::4] = torch.nan
    kept = fit_boundary(w, holes, statistics=statistics)
    again = fit_boundary(w[~holes.isnan()], holes[~holes.isnan()], statistics=statistics)
    assert kept.samples == 1500
    assert kept.plane == again.plane


def test_few_faces_of_many_dimensions_give_the_same_plane_in_every_process():
    # there the machine is fitted in its dual, one face after another in a drawn order
    w, _, scores = planted(256, 256)
    statistics = WStatistics.of(w, share=1.0)
    np.random.seed(1)
    first = fit_boundary(w, scores, statistics=statistics).plane
    np.random.seed(2)
    assert fit_boundary(w, scores, statistics=statistics).plane == first


@pytest.mark.parametrize(
    ("count", "extremes", "same", "message"),
    [
        (50, 0.1, False, "a boundary needs at least 10 faces of each kind; 10% of 50 are 5"),
        (500, 0.7, False, "the share of extremes must be in (0, 0.5]; got 0.7"),
        (500, 0.1, True, "the labels do not tell the faces apart; too many have the same score"),
    ],
)
def test_labels_that_make_no_boundary_are_one_sentence(count, extremes, same, message):
    w, _, scores = planted(count, 8)
    with pytest.raises(InputError) as error:
        fit_boundary(w, scores * (not same), statistics=WStatistics.of(w), extremes=extremes)
    assert str(error.value) == message


def test_without_scikit_learn_the_pip_line_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    w, _, scores = planted(500, 8)
    with pytest.raises(MissingExtraError, match=r"^a boundary needs scikit-learn: .*boundary"):
        fit_boundary(w, scores, statistics=WStatistics.of(w))


def light(images):
    return 10 * (images.mean(dim=(1, 2, 3)) + 0.1)


@pytest.fixture(scope="module")
def found(editor):
    return editor.boundary(margin=light, count=256, region=["hair"], name="lighter")


def test_a_judge_of_ones_own_labels_and_calibrates(editor, found, tmp_path):
    assert (found.method, found.space, found.name) == ("linear boundary", "W", "lighter")
    assert (found.scores["samples"], found.scores["extremes"], found.config["labels"]) == (256, 25, "margin")
    assert 0.5 <= found.scores["validation"] <= 1
    assert {"rest", "margin_gain", "localization"} < set(found.scores)
    faces = editor.sample(seeds=[1, 2, 3, 4])
    assert bool((light(editor.edit(faces, found, 1.0).images) > light(faces.images)).all())
    assert Direction.load(found.save(tmp_path / "d.safetensors")).metadata() == found.metadata()


def test_every_face_is_brought_to_one_distance(editor, found):
    faces = editor.sample(seeds=[1, 2, 3, 4], truncation_psi=1.0)
    plane = found.config["plane"]
    unit = found.deltas[0].double() / found.deltas[0].double().norm()
    across = Plane(tuple(unit.tolist()), plane["offset"], plane["deviation"])
    for distance in (1.5, -2.0):
        edited = editor.bring(faces, found, distance)
        assert_close(across.distance(edited.ws), torch.full((4, 8), distance, dtype=torch.float64), atol=1e-4, rtol=0)
        moved = edited.ws - faces.ws
        assert_close(moved @ unit.float(), moved.norm(dim=2) * (moved @ unit.float()).sign(), rtol=1e-3, atol=1e-4)


def test_only_what_has_a_boundary_can_be_brought_to_it(editor, found, direction):
    faces = editor.sample(seeds=[1])
    with pytest.raises(DirectionError) as error:
        editor.bring(faces, direction, 1.0)
    assert str(error.value) == "direction 'blond-hair' has no boundary to be brought to; one from labels has"
    with pytest.raises(DirectionError, match="'lighter-plus-lighter' has no boundary"):
        alphas_to_reach(found + found, faces.ws, 1.0)


def test_labels_come_from_a_table_or_two_captions_too(editor):
    seeds = list(range(120))
    w = w_of_seeds(editor.generator, seeds)
    by_table = editor.boundary(labels=dict(zip(seeds, w[:, 0].tolist(), strict=True)), region=["hair"])
    assert (by_table.config["labels"], by_table.config["seeds"]) == ("labels", seeds)
    assert by_table.deltas[0, 0] > 0
    captions = ("a person with blond hair", "a person with black hair")
    by_clip = editor.boundary(captions=captions, count=128, region=["hair"])
    assert (by_clip.config["labels"], by_clip.scores["samples"]) == ("clip", 128)


def test_one_must_say_what_faces_have(editor):
    for given in ({}, {"margin": light, "captions": ("a", "b")}):
        with pytest.raises(InputError) as error:
            editor.boundary(**given)
        assert str(error.value) == (
            "a boundary needs just one of captions, margin and labels, which say what faces have"
        )
    with pytest.raises(InputError, match="this model set has no classifier"):
        editor.boundary(margin="glasses=clear")


def test_labelling_asks_of_every_face_and_tells(editor):
    told = []
    seeds = labelled_seeds(20)
    w, scores = label_faces(editor.generator, light, seeds, tell=lambda *some: told.append(some))
    assert told == [(16, 20), (20, 20)]
    assert_close(w, w_of_seeds(editor.generator, seeds))
    assert_close(scores, light(editor.sample(seeds=seeds, truncation_psi=1.0).images), rtol=1e-4, atol=1e-4)


def test_a_table_of_labels_is_read(tmp_path):
    place = tmp_path / "labels.csv"
    place.write_text("seed,score\n3,0.5\n\n7,-1\n", encoding="utf-8")
    assert read_labels(place) == {3: 0.5, 7: -1.0}
    place.write_text("3,0.5\n7\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_labels(place)
    assert str(error.value) == f"{place}: every row holds a seed and a score, such as 17,0.5; got '7' (row 2)"
    place.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="labels are a finite score for each of some seeds; got none"):
        read_labels(place)
    with pytest.raises(InputError, match="cannot read the labels in"):
        read_labels(tmp_path / "nowhere.csv")
