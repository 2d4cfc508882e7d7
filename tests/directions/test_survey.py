"""The boundary that many faces tell: planted in numbers, it is found; what goes together is held apart."""

import pytest
import torch
from torch.nn import functional as F

from eclipsed.directions.survey import SURVEY_CHUNK, Survey
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.layers import SynthesisOptions

COUNT, DIM = 3000, 12


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def planted(*, together=0.0, noise=0.1):
    """Faces whose first number is what is asked for, and whose second is a bystander that may go with it."""
    w = torch.randn(COUNT, DIM, generator=rng())
    w[:, 1] = together * w[:, 0] + (1 - together**2) ** 0.5 * w[:, 1]
    seen = torch.zeros(COUNT, 4)
    seen[:, 0], seen[:, 1] = w[:, 0], -w[:, 0]
    seen[:, 2], seen[:, 3] = w[:, 1], -w[:, 1]
    seen = seen + noise * torch.randn(COUNT, 4, generator=rng(1))
    return Survey(w, F.normalize(seen, dim=1)), WStatistics.of(w, share=1.0)


ASKED = torch.eye(4)[:2]  # a caption of the first number, and of its opposite
BYSTANDER = torch.eye(4)[2:]


def angle(change, axis):
    return float(F.cosine_similarity(change, torch.eye(DIM)[axis], dim=0).arccos().rad2deg())


def test_a_planted_boundary_is_found():
    survey, statistics = planted()
    change = survey.boundary(ASKED, statistics)
    assert angle(change, 0) < 5
    assert float(change.norm()) == pytest.approx(1.6, abs=0.2)  # of a normal number, the mean above 0 less that below


def test_the_opposite_is_the_way_back():
    survey, statistics = planted()
    there, back = survey.boundary(ASKED, statistics), survey.boundary(ASKED.flip(0), statistics)
    assert float(F.cosine_similarity(there, back, dim=0)) < -0.99


@pytest.mark.parametrize("together", [0.0, 0.6])
def test_what_goes_together_is_held_apart(together):
    survey, statistics = planted(together=together)
    having = survey.w[survey.margins(ASKED) > 0].mean(dim=0) - survey.w[survey.margins(ASKED) <= 0].mean(dim=0)
    alone = survey.boundary(ASKED, statistics)
    kept = survey.boundary(ASKED, statistics, bystanders=[BYSTANDER])
    assert abs(float(alone[1] / alone[0])) <= abs(float(having[1] / having[0])) + 0.03
    assert abs(float(kept[1] / kept[0])) <= abs(float(alone[1] / alone[0])) + 0.02
    assert abs(float(kept[1] / kept[0])) < 0.1


def test_few_or_nearly_all_faces_have_it():
    survey, statistics = planted()
    for shift in (3.0, -3.0):
        moved = survey.embedding.clone()
        moved[:, 0] += shift
        assert angle(Survey(survey.w, moved).boundary(ASKED, statistics), 0) < 20


def test_no_unit_of_a_clip_matters():
    """Narrow cosines, as of real models: all views share a large part."""
    survey, statistics = planted()
    shared = torch.tensor([0.9])
    narrow = Survey(survey.w, torch.cat([0.4 * survey.embedding, shared.expand(COUNT, 1)], dim=1))
    texts = F.pad(0.4 * ASKED, (0, 1), value=0.9)
    found, plain = narrow.boundary(texts, statistics), survey.boundary(ASKED, statistics)
    assert float(F.cosine_similarity(found, plain, dim=0)) > 0.9999


def test_faces_are_looked_at_once(editor, monkeypatch):
    calls, told = [], []
    encode = editor.clip.encode_images
    monkeypatch.setattr(editor.clip, "encode_images", lambda *a, **k: calls.append(1) or encode(*a, **k))
    drawn = SynthesisOptions(resolution=32)
    first = Survey.of(editor.generator, editor.clip, options=drawn, count=40, tell=told.append)
    assert len(calls) == 3 == -(-40 // SURVEY_CHUNK)
    assert told == [1, 2, 3]
    assert Survey.of(editor.generator, editor.clip, options=drawn, count=40) is first
    assert len(calls) == 3
    assert Survey.of(editor.generator, editor.clip, options=drawn, count=24) is not first
    assert first.w.shape == (40, editor.generator.w_dim)
    assert float(first.embedding.norm(dim=1).sub(1).abs().max()) < 1e-5
