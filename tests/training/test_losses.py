"""The equations, against loops over single numbers."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.training import losses


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(*shape, seed=0):
    return torch.nn.functional.normalize(randn(*shape, seed=seed), dim=-1)


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
    got = losses.change_map(before, after, difference=difference)
    assert_close(got, change_by_hand(before, after, difference), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("difference", ["l2", "l1", "cosine"])
def test_the_score_is_the_share_inside(difference):
    before, after = randn(2, 3, 4, 6), randn(2, 3, 4, 6, seed=1)
    mask = torch.rand(2, 1, 4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    change = change_by_hand(before, after, difference)
    wanted = [float((change[n] * mask[n]).sum() / change[n].sum()) for n in range(2)]
    got = losses.localization_score(before, after, mask, difference=difference)
    assert_close(got, torch.tensor(wanted, dtype=torch.float64), rtol=1e-6, atol=1e-9)


def test_the_score_of_known_edits():
    before = torch.zeros(3, 2, 4, 4)
    after = before.clone()
    after[0, :, :2] = 1  # wholly inside
    after[1, :, 2:] = 1  # wholly outside
    after[2] = 1  # everywhere
    mask = torch.zeros(3, 1, 4, 4)
    mask[:, :, :2] = 1
    assert_close(losses.localization_score(before, after, mask), torch.tensor([1.0, 0.0, 0.5]))


@pytest.mark.parametrize("difference", ["l2", "l1", "cosine"])
def test_an_unchanged_face_scores_zero_with_finite_gradients(difference):
    before = torch.rand(2, 3, 4, 4) + 0.5
    after = before.clone().requires_grad_()
    score = losses.localization_score(before, after, torch.ones(2, 1, 4, 4), difference=difference)
    score.sum().backward()
    assert torch.isfinite(after.grad).all()
    if difference != "cosine":  # whose rounding may differ from 1
        assert torch.equal(score, torch.zeros(2))


def test_the_mask_is_resized_to_the_features():
    before, after = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4, :] = 1  # the upper half
    assert abs(float(losses.localization_score(before, after, mask)) - 0.5) < 1e-6


def test_the_score_of_a_face_does_not_depend_on_the_batch():
    before, after, mask = randn(3, 2, 4, 4), randn(3, 2, 4, 4, seed=1), torch.rand(3, 1, 4, 4, dtype=torch.float64)
    whole = losses.localization_score(before, after, mask)
    assert_close(whole[1:2], losses.localization_score(before[1:2], after[1:2], mask[1:2]))
    assert whole.dtype == torch.float64


def test_mean_changes_and_their_ratio_by_hand():
    before = torch.zeros(1, 2, 2, 2)
    after = torch.tensor([[[[0.5, 0.1], [0.0, 0.2]], [[0.3, 0.1], [0.0, 0.4]]]])
    mask = torch.tensor([[[[1.0, 0.0], [0.0, 0.5]]]])
    per_pixel = [0.4, 0.1, 0.0, 0.3]  # mean over the two channels
    inside = (per_pixel[0] + 0.5 * per_pixel[3]) / 1.5
    outside = (per_pixel[1] + per_pixel[2] + 0.5 * per_pixel[3]) / 2.5
    got = losses.mean_changes(before, after, mask)
    assert_close(got[0], torch.tensor([inside]), rtol=1e-5, atol=1e-7)
    assert_close(got[1], torch.tensor([outside]), rtol=1e-5, atol=1e-7)
    ratio = losses.outside_inside_ratio(before, after, mask)
    assert_close(ratio, torch.tensor([outside / (inside + 0.02)]), rtol=1e-5, atol=1e-7)
    bounded = losses.outside_inside_ratio(before, after, mask, bounded=True)
    assert_close(bounded, ratio / (1 + ratio), rtol=1e-5, atol=1e-7)


def test_a_face_without_the_region_is_held_back_but_not_barred():
    before, after = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    mask = torch.zeros(2, 1, 4, 4)
    mask[1, :, :2] = 1
    ratio = losses.outside_inside_ratio(before, after, mask)
    assert float(ratio[0]) == pytest.approx(1 / (0.2 + 0.02))
    assert float(ratio[1]) == pytest.approx(1 / 1.02)


def test_mixing_masks():
    a, b = torch.tensor([[[[0.0, 1.0, 1.0]]]]), torch.tensor([[[[0.0, 0.0, 1.0]]]])
    for how, wanted in {"average": [0, 0.5, 1], "union": [0, 1, 1], "intersection": [0, 0, 1]}.items():
        assert losses.mix_masks(a, b, how).flatten().tolist() == wanted


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2])
def test_growing_a_mask_reaches_as_far_as_it_says(share):
    mask = torch.zeros(1, 1, 11, 20)
    mask[0, 0, 5, 7] = 1
    reach = round(share * 20)
    wanted = torch.zeros(11, 20)
    wanted[5 - reach : 6 + reach, 7 - reach : 8 + reach] = 1
    assert torch.equal(losses.grow_mask(mask, share)[0, 0], wanted)


def test_similarity_loss_by_hand():
    images, text = unit(3, 5), unit(5, seed=1)
    wanted = [1 - sum(float(i) * float(t) for i, t in zip(image, text, strict=True)) for image in images]
    assert_close(losses.similarity_loss(images, text), torch.tensor(wanted, dtype=torch.float64))


def test_directional_loss_by_hand():
    before, after, neutral, text = unit(2, 4), unit(2, 4, seed=1), unit(4, seed=2), unit(4, seed=3)
    got = losses.directional_loss(before, after, neutral, text)
    for n in range(2):
        a, b = (after[n] - before[n]).numpy(), (text - neutral).numpy()
        assert float(got[n]) == pytest.approx(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-6)


def test_directional_loss_of_a_face_that_did_not_move_has_finite_gradients():
    before = unit(2, 4)
    after = before.clone().requires_grad_()
    loss = losses.directional_loss(before, after, unit(4, seed=2), unit(4, seed=3))
    loss.sum().backward()
    assert torch.equal(loss.detach(), torch.ones(2, dtype=torch.float64))
    assert torch.isfinite(after.grad).all()


def test_bystander_loss_is_the_divergence_of_verdicts():
    before, after = unit(3, 4, seed=1), unit(3, 4, seed=2)
    families = [unit(2, 4, seed=3), unit(3, 4, seed=4)]
    loss = losses.bystander_loss(before, after, families, temperature=5)
    by_hand = []
    for texts in families:
        was = torch.distributions.Categorical(logits=5 * before @ texts.T)
        now = torch.distributions.Categorical(logits=5 * after @ texts.T)
        by_hand.append(torch.distributions.kl_divergence(was, now))
    assert_close(loss, torch.stack(by_hand).mean(0))
    assert_close(
        losses.bystander_loss(before, before, families, temperature=5), torch.zeros_like(loss), atol=1e-6, rtol=0
    )


def test_contrast_loss_and_margin_by_hand():
    images, texts = unit(2, 4), unit(3, 4, seed=1)
    loss = losses.contrast_loss(images, texts, temperature=20)
    margin = losses.contrast_margin(images, texts, temperature=20)
    for n in range(2):
        logits = [20 * float(images[n] @ text) for text in texts]
        assert float(loss[n]) == pytest.approx(-logits[0] + math.log(sum(map(math.exp, logits))), rel=1e-6)
        assert float(margin[n]) == pytest.approx(logits[0] - max(logits[1:]), rel=1e-6)


def test_a_contrast_needs_something_to_differ_from():
    with pytest.raises(InputError, match="at least one other caption"):
        losses.contrast_loss(unit(2, 4), unit(1, 4), temperature=20)


def test_correlation_by_hand():
    deltas = randn(3, 2, 4)
    flat = deltas.reshape(3, 8).numpy()
    squares = []
    for i in range(3):
        for j in range(3):
            if i != j:
                cosine = flat[i] @ flat[j] / np.linalg.norm(flat[i]) / np.linalg.norm(flat[j])
                squares.append(cosine**2)
    assert float(losses.correlation_penalty(deltas)) == pytest.approx(np.mean(squares), rel=1e-6)


def test_correlation_of_one_of_equal_and_of_orthogonal_directions():
    assert float(losses.correlation_penalty(randn(1, 4))) == 0
    assert float(losses.correlation_penalty(randn(1, 4).repeat(3, 1))) == pytest.approx(1)
    assert float(losses.correlation_penalty(torch.eye(4))) == 0


def test_hinge():
    assert losses.hinge(torch.tensor([0.2, 1.0, 1.5])).tolist() == [0, 0, 0.5]


@pytest.mark.parametrize("loss", ["score", "ratio", "bounded"])
def test_the_locality_loss_is_the_mean_over_its_places(loss):
    before = {"a": randn(2, 3, 4, 4), "b": randn(2, 5, 8, 8)}
    after = {"a": randn(2, 3, 4, 4, seed=1), "b": randn(2, 5, 8, 8, seed=1)}
    mask = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    each = [losses.mean_locality_loss({n: before[n]}, {n: after[n]}, mask, loss=loss, difference="l1") for n in before]
    both = losses.mean_locality_loss(before, after, mask, loss=loss, difference="l1")
    assert both.shape == (2,)
    assert_close(both, (each[0] + each[1]) / 2)


def test_every_differentiable_loss_has_the_gradient_of_its_values():
    before, mask = randn(2, 2, 3, 3), torch.rand(2, 1, 3, 3, dtype=torch.float64)
    after = randn(2, 2, 3, 3, seed=1).requires_grad_()
    for difference in ("l2", "l1", "cosine"):
        assert torch.autograd.gradcheck(
            lambda x, how=difference: losses.localization_score(before, x, mask, difference=how), after
        )
    assert torch.autograd.gradcheck(lambda x: losses.outside_inside_ratio(before, x, mask), after)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.change_map(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 4)), "share one shape"),
        (lambda: losses.change_map(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3), difference="l3"), "one of l2, l1"),
        (
            lambda: losses.localization_score(torch.zeros(2, 2, 3, 3), torch.zeros(2, 2, 3, 3), torch.ones(1, 1, 3, 3)),
            r"shape \(2, 1, h, w\); got \(1, 1, 3, 3\)",
        ),
        (lambda: losses.mix_masks(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), "sum"), "one of average, union"),
        (lambda: losses.mix_masks(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 3), "union"), "share one shape"),
        (lambda: losses.mean_locality_loss({}, {}, torch.ones(1), loss="sum", difference="l1"), "one of score, ratio"),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_bystander_loss_at_once_is_the_same():
    rng = torch.Generator().manual_seed(0)
    before, after = (torch.nn.functional.normalize(torch.randn(3, 8, generator=rng), dim=1) for _ in range(2))
    texts = [torch.nn.functional.normalize(torch.randn(n, 8, generator=rng), dim=1) for n in (2, 5, 3)]
    found = []
    for loss, args in ((losses.bystander_loss, (texts,)), (losses.bystander_loss_at_once, losses.filled_up(texts))):
        leaf = after.clone().requires_grad_()
        values = loss(before, leaf, *args, temperature=20.0)
        found.append((values.detach(), *torch.autograd.grad(values.sum(), leaf)))
    assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)
