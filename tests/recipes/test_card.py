"""The measures behind the model card of a drawn set, against values worked out by hand."""

import random

import pytest
import torch

from recipes.drawn.card import confusion, frechet_distance, macro, overlap
from recipes.drawn.facts import UNKNOWN
from recipes.drawn.recipe import find_recipe


def test_confusion_has_the_truth_in_its_rows_and_leaves_out_what_cannot_be_told():
    true = torch.tensor([0, 0, 1, 2, UNKNOWN])
    guess = torch.tensor([0, 1, 1, 0, 2])
    assert confusion(true, guess, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_each_class_of_the_truth_counts_alike():
    # 90 of 100 and 1 of 4 right; said 93 and 11 times; the third class never occurs
    scores = macro(torch.tensor([[90, 10, 0], [3, 1, 0], [0, 0, 0]]))
    precision = (90 / 93 + 1 / 11) / 2
    f1 = (2 * (90 / 93) * 0.9 / (90 / 93 + 0.9) + 2 * (1 / 11) * 0.25 / (1 / 11 + 0.25)) / 2
    assert scores == pytest.approx(
        {"accuracy": (0.9 + 0.25) / 2, "recall": (0.9 + 0.25) / 2, "precision": precision, "f1": f1}
    )


def test_overlap_of_parts():
    true = torch.zeros(1, 4, 4, dtype=torch.long)
    guess = true.clone()
    true[0, :2] = 1  # eight pixels
    guess[0, 1:3] = 1  # eight, of which four are shared
    found = overlap(true, guess, 19)
    assert found[0] == pytest.approx(4 / 12)
    assert found[1] == pytest.approx(4 / 12)
    assert found[2:].isnan().all()


def test_frechet_distance_of_normal_distributions_with_known_moments():
    rng = torch.Generator().manual_seed(0)
    base = torch.randn(4000, 3, generator=rng, dtype=torch.double)
    base = (base - base.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(base.T))).T  # exactly white
    moved = 2 * base + torch.tensor([3.0, 0.0, 4.0])
    # |mean|² + tr(I) + tr(4 I) - 2 tr(2 I) = 25 + 3 + 12 - 12
    assert frechet_distance(base, moved) == pytest.approx(28, rel=1e-6)
    assert frechet_distance(base, base) == pytest.approx(0, abs=1e-6)
    turned = base * torch.tensor([1.0, 3.0, 1.0])
    assert frechet_distance(base, turned) == pytest.approx((3 - 1) ** 2, rel=1e-6)


@pytest.mark.parametrize("name", ["church", "mini"])
def test_no_unseen_sentence_is_one_that_training_may_read(name):
    recipe, rng = find_recipe(name), random.Random(0)
    classes, captions = recipe.facts.classes, recipe.captions
    read = set(captions.phrases)
    read |= {captions.caption(a, c, rng=rng) for a, c in classes for _ in range(200)}
    said = [text for pair in classes for text in recipe.unseen[pair]]
    assert not read & set(said)
    assert len(set(said)) == len(said) == 3 * len(classes)
