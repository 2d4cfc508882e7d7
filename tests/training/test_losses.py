"""The equations, against loops over single numbers."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.directions.margins import contrast_margin
from eclipsed.errors import InputError
from eclipsed.training import losses


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unit(*shape, seed=0):
    return torch.nn.functional.normalize(randn(*shape, seed=seed), dim=-1)


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


def test_preservation_loss_is_the_divergence_of_verdicts():
    before, after = unit(3, 4, seed=1), unit(3, 4, seed=2)
    families = [unit(2, 4, seed=3), unit(3, 4, seed=4)]
    loss = losses.preservation_loss(before, after, families, temperature=5)
    by_hand = []
    for texts in families:
        was = torch.distributions.Categorical(logits=5 * before @ texts.T)
        now = torch.distributions.Categorical(logits=5 * after @ texts.T)
        by_hand.append(torch.distributions.kl_divergence(was, now))
    assert_close(loss, torch.stack(by_hand).mean(0))
    assert_close(
        losses.preservation_loss(before, before, families, temperature=5), torch.zeros_like(loss), atol=1e-6, rtol=0
    )


def test_contrast_loss_and_margin_by_hand():
    images, texts = unit(2, 4), unit(3, 4, seed=1)
    loss = losses.contrast_loss(images, texts, temperature=20)
    margin = contrast_margin(images, texts, temperature=20)
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
    squares = np.array(squares)
    assert losses.correlation_penalties(deltas).tolist() == pytest.approx(
        np.mean(squares.reshape(3, 2), axis=1), rel=1e-6
    )


def test_correlation_of_one_of_equal_and_of_orthogonal_directions():
    assert losses.correlation_penalties(randn(1, 4)).tolist() == [0]
    assert losses.correlation_penalties(randn(1, 4).repeat(3, 1)).tolist() == pytest.approx([1] * 3)
    assert losses.correlation_penalties(torch.eye(4)).tolist() == [0] * 4


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


def test_the_padded_preservation_loss_is_the_same():
    rng = torch.Generator().manual_seed(0)
    before, after = (torch.nn.functional.normalize(torch.randn(3, 8, generator=rng), dim=1) for _ in range(2))
    texts = [torch.nn.functional.normalize(torch.randn(n, 8, generator=rng), dim=1) for n in (2, 5, 3)]
    found = []
    for loss, args in (
        (losses.preservation_loss, (texts,)),
        (losses.padded_preservation_loss, losses.pad_captions(texts)),
    ):
        leaf = after.clone().requires_grad_()
        values = loss(before, leaf, *args, temperature=20.0)
        found.append((values.detach(), *torch.autograd.grad(values.sum(), leaf)))
    assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_bad_input_is_one_sentence():
    with pytest.raises(InputError, match="one of score, ratio"):
        losses.mean_locality_loss({}, {}, torch.ones(1), loss="sum", difference="l1")
