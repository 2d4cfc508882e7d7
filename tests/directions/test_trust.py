"""How far CLIP can be believed, told without labels: planted in numbers, and asked of an editor."""

import pytest
import torch
from torch.nn import functional as F

from eclipsed.directions.survey import Survey
from eclipsed.directions.trust import trust
from eclipsed.errors import InputError

COUNT, DIM = 2000, 12
TEXTS = torch.eye(5)[:2]  # a caption of the first number of w, and of its opposite


def seen(*, noise):
    """What a CLIP sees of faces: their first number, and a whim of its own that w knows nothing of."""
    rng = torch.Generator().manual_seed(0)
    w = torch.randn(COUNT, DIM, generator=rng)
    view = w[:, 0] + noise * torch.randn(COUNT, generator=rng)
    embedding = F.pad(torch.stack([view, -view], dim=1), (0, 3), value=2.0)
    has = w[:, 0] > 0
    verdict = view > 0
    accuracy = 0.5 * float(verdict[has].double().mean() + (~verdict[~has]).double().mean())
    return Survey(w, F.normalize(embedding, dim=1)), accuracy


def test_trust_ranks_as_accuracy_does():
    found = [seen(noise=noise) for noise in (0.0, 0.5, 1.0, 2.0, 20.0)]
    accuracies = [accuracy for _, accuracy in found]
    assert accuracies == sorted(accuracies, reverse=True)
    trusts = [trust(survey, TEXTS, scale=20.0) for survey, _ in found]
    assert trusts == sorted(trusts, reverse=True)
    assert len(set(trusts)) == len(trusts)
    assert trusts[0] > 0.95
    assert trusts[-1] == pytest.approx(0.5, abs=0.1)


def test_a_whim_that_clip_is_sure_of_is_not_believed():
    """Its margins are as large as those of a CLIP that sees well; only w says that they mean nothing."""
    survey, _ = seen(noise=0.0)
    shuffled = Survey(survey.w, survey.embedding[torch.randperm(COUNT, generator=torch.Generator().manual_seed(1))])
    assert trust(shuffled, TEXTS, scale=20.0) < 0.55


def test_the_units_of_a_clip_do_not_matter():
    survey, _ = seen(noise=0.5)
    shared = torch.full((COUNT, 1), 0.9)
    narrow = Survey(survey.w, torch.cat([0.4 * survey.embedding, shared], dim=1))
    texts = F.pad(0.4 * TEXTS, (0, 1), value=0.9)
    assert trust(narrow, texts, scale=20.0 / 0.16) == pytest.approx(trust(survey, TEXTS, scale=20.0), abs=1e-4)


def test_what_never_varies_cannot_be_told():
    survey, _ = seen(noise=0.0)
    assert trust(Survey(survey.w, survey.embedding[:1].expand(COUNT, -1)), TEXTS, scale=20.0) <= 0.5


def test_an_editor_says_it_of_each_sentence(editor):
    prompts = ["a person with blond hair", "black hair and glasses"]
    found = editor.trust(prompts, count=64)
    assert list(found) == prompts
    assert all(0 <= one <= 1 for one in found.values())
    parts = editor.trust(["a person with black hair", "a person with glasses"], count=64)
    assert found["black hair and glasses"] == pytest.approx(min(parts.values()))
    assert editor.trust(prompts[0], count=64) == {prompts[0]: found[prompts[0]]}
    with pytest.raises(InputError) as error:
        editor.trust("glasses", count=63)
    assert str(error.value) == "count must be a whole number from 64 to 1000000; got 63"
