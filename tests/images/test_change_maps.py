"""How much each place changed and where, against loops over single numbers."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.images import change


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def change_by_hand(before, after, difference):
    count, channels, height, width = before.shape
    out = np.zeros((count, 1, height, width))
    for n in range(count):
        for y in range(height):
            for x in range(width):
                a = [float(before[n, c, y, x]) for c in range(channels)]
                b = [float(after[n, c, y, x]) for c in range(channels)]
                if difference == "l2":
                    value = sum((p - q) ** 2 for p, q in zip(a, b, strict=True))
                elif difference == "l1":
                    value = sum(abs(p - q) for p, q in zip(a, b, strict=True))
                else:
                    dot = sum(p * q for p, q in zip(a, b, strict=True))
                    value = 1 - dot / math.sqrt(sum(p * p for p in a)) / math.sqrt(sum(q * q for q in b))
                out[n, 0, y, x] = value
    return torch.from_numpy(out)


@pytest.mark.parametrize("difference", ["l2", "l1", "cosine"])
def test_change_is_the_definition(difference):
    before, after = randn(2, 3, 4, 5), randn(2, 3, 4, 5, seed=1)
    got = change.change_map(before, after, difference=difference)
    assert_close(got, change_by_hand(before, after, difference), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("difference", ["l2", "l1", "cosine"])
def test_the_score_is_the_share_inside(difference):
    before, after = randn(2, 3, 4, 6), randn(2, 3, 4, 6, seed=1)
    mask = torch.rand(2, 1, 4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    each = change_by_hand(before, after, difference)
    wanted = [float((each[n] * mask[n]).sum() / each[n].sum()) for n in range(2)]
    got = change.localization_score(before, after, mask, difference=difference)
    assert_close(got, torch.tensor(wanted, dtype=torch.float64), rtol=1e-6, atol=1e-9)


def test_the_score_of_known_edits():
    before = torch.zeros(3, 2, 4, 4)
    after = before.clone()
    after[0, :, :2] = 1  # wholly inside
    after[1, :, 2:] = 1  # wholly outside
    after[2] = 1  # everywhere
    mask = torch.zeros(3, 1, 4, 4)
    mask[:, :, :2] = 1
    assert_close(change.localization_score(before, after, mask), torch.tensor([1.0, 0.0, 0.5]))


@pytest.mark.parametrize("difference", ["l2", "l1", "cosine"])
def test_an_unchanged_face_scores_zero_with_finite_gradients(difference):
    before = torch.rand(2, 3, 4, 4) + 0.5
    after = before.clone().requires_grad_()
    score = change.localization_score(before, after, torch.ones(2, 1, 4, 4), difference=difference)
    score.sum().backward()
    assert torch.isfinite(after.grad).all()
    if difference != "cosine":  # whose rounding may differ from 1
        assert torch.equal(score, torch.zeros(2))


def test_the_mask_is_resized_to_the_features():
    before, after = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4, :] = 1  # the upper half
    assert abs(float(change.localization_score(before, after, mask)) - 0.5) < 1e-6


def test_the_score_of_a_face_does_not_depend_on_the_batch():
    before, after, mask = randn(3, 2, 4, 4), randn(3, 2, 4, 4, seed=1), torch.rand(3, 1, 4, 4, dtype=torch.float64)
    whole = change.localization_score(before, after, mask)
    assert_close(whole[1:2], change.localization_score(before[1:2], after[1:2], mask[1:2]))
    assert whole.dtype == torch.float64


def test_mean_changes_and_their_ratio_by_hand():
    before = torch.zeros(1, 2, 2, 2)
    after = torch.tensor([[[[0.5, 0.1], [0.0, 0.2]], [[0.3, 0.1], [0.0, 0.4]]]])
    mask = torch.tensor([[[[1.0, 0.0], [0.0, 0.5]]]])
    per_pixel = [0.4, 0.1, 0.0, 0.3]  # mean over the two channels
    inside = (per_pixel[0] + 0.5 * per_pixel[3]) / 1.5
    outside = (per_pixel[1] + per_pixel[2] + 0.5 * per_pixel[3]) / 2.5
    got = change.mean_changes(before, after, mask)
    assert_close(got[0], torch.tensor([inside]), rtol=1e-5, atol=1e-7)
    assert_close(got[1], torch.tensor([outside]), rtol=1e-5, atol=1e-7)
    ratio = change.outside_inside_ratio(before, after, mask)
    assert_close(ratio, torch.tensor([outside / (inside + 0.02)]), rtol=1e-5, atol=1e-7)
    bounded = change.outside_inside_ratio(before, after, mask, bounded=True)
    assert_close(bounded, ratio / (1 + ratio), rtol=1e-5, atol=1e-7)


def test_a_face_without_the_region_is_held_back_but_not_barred():
    before, after = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    mask = torch.zeros(2, 1, 4, 4)
    mask[1, :, :2] = 1
    ratio = change.outside_inside_ratio(before, after, mask)
    assert float(ratio[0]) == pytest.approx(1 / (0.2 + 0.02))
    assert float(ratio[1]) == pytest.approx(1 / 1.02)


def test_every_differentiable_loss_has_the_gradient_of_its_values():
    before, mask = randn(2, 2, 3, 3), torch.rand(2, 1, 3, 3, dtype=torch.float64)
    after = randn(2, 2, 3, 3, seed=1).requires_grad_()
    for difference in ("l2", "l1", "cosine"):
        assert torch.autograd.gradcheck(
            lambda x, how=difference: change.localization_score(before, x, mask, difference=how), after
        )
    assert torch.autograd.gradcheck(lambda x: change.outside_inside_ratio(before, x, mask), after)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: change.change_map(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 4)), "share one shape"),
        (lambda: change.change_map(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3), difference="l3"), "one of l2, l1"),
        (
            lambda: change.localization_score(torch.zeros(2, 2, 3, 3), torch.zeros(2, 2, 3, 3), torch.ones(1, 1, 3, 3)),
            r"shape \(2, 1, h, w\); got \(1, 1, 3, 3\)",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(InputError, match=message):
        call()
