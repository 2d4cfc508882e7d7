"""The measured statistics of w, against numpy."""

import gc
import weakref

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.inversion.inverter import InversionConfig, Inverter
from eclipsed.latents.w_statistics import WStatistics, cap_rows
from eclipsed.pretrained.perception import Perception
from eclipsed.values.variance import KEPT_VARIANCE


def sample(count=400, seed=0):
    """Points of three dimensions that vary much, less and hardly at all, turned at random."""
    rng = np.random.RandomState(seed)
    turn, _ = np.linalg.qr(rng.randn(3, 3))
    return torch.from_numpy((rng.randn(count, 3) * [3.0, 1.0, 0.01]) @ turn.T + [1.0, -2.0, 0.5])


def test_the_distance_is_mahalanobis_over_that_of_the_data():
    points = sample()
    statistics = WStatistics.of(points, share=1.0)
    inverse = np.linalg.inv(np.cov(points.numpy().T))
    centred = points.numpy() - points.numpy().mean(axis=0)
    wanted = np.sqrt(np.einsum("ni,ij,nj->n", centred, inverse, centred))
    assert_close(statistics.distance(points), torch.from_numpy(wanted / wanted.mean()), rtol=1e-6, atol=1e-9)
    assert float(statistics.distance(points).mean()) == pytest.approx(1)


def test_the_components_hold_the_share_of_variance():
    assert WStatistics.of(sample(), share=0.5).kept == 1
    assert WStatistics.of(sample(), share=0.985).kept == 2
    assert WStatistics.of(sample(), share=1.0).kept == 3


def test_projecting_keeps_what_lies_in_the_components():
    points = sample()
    statistics = WStatistics.of(points, share=0.985)
    centred = points.numpy() - points.numpy().mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    delta = torch.randn(2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wanted = delta.numpy() @ axes[:2].T @ axes[:2]
    assert_close(statistics.project(delta), torch.from_numpy(wanted), rtol=1e-6, atol=1e-9)
    assert_close(statistics.project(statistics.project(delta)), statistics.project(delta))


def test_leaving_the_components_is_far_but_finite_and_differentiable():
    statistics = WStatistics.of(sample(), share=0.985)
    off = (statistics.mean + 5 * statistics.basis[:, 2]).requires_grad_()
    distance = statistics.distance(off)
    distance.backward()
    assert float(distance.detach()) > 2
    assert torch.isfinite(off.grad).all()
    at_mean = statistics.mean.clone().requires_grad_()
    statistics.distance(at_mean).backward()
    assert torch.isfinite(at_mean.grad).all()


def test_the_radius_is_the_mean_distance_from_the_mean():
    points = sample()
    wanted = np.linalg.norm(points.numpy() - points.numpy().mean(axis=0), axis=1).mean()
    assert WStatistics.of(points).radius == pytest.approx(wanted)


def test_capping_shortens_only_what_is_too_long():
    rows = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    assert_close(cap_rows(rows, 1.0), torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


def test_measuring_a_generator_is_repeatable_and_leaves_the_global_numbers_alone(editor):
    state = torch.get_rng_state()
    first, second = (WStatistics.measure(editor.generator, count=300) for _ in range(2))
    assert torch.equal(first.mean, second.mean)
    assert torch.equal(first.basis, second.basis)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.sample.shape == (300, editor.generator.w_dim)


def test_the_statistics_of_styles(editor):
    generator = editor.generator
    statistics = WStatistics.measure(generator, count=50)
    mean, deviation = statistics.styles(generator, ("b8.torgb", "b4.conv1"))
    ws = statistics.sample[:, None].repeat(1, generator.num_ws, 1)
    styles = generator.styles(ws)
    wanted = torch.cat([styles["b8.torgb"], styles["b4.conv1"]], dim=1).numpy()
    assert_close(mean.numpy(), wanted.mean(axis=0), rtol=1e-4, atol=1e-5)
    assert_close(deviation.numpy(), wanted.std(axis=0, ddof=1), rtol=1e-4, atol=1e-5)


def test_bad_input(editor):
    for options in ({"count": 1}, {"share": 0.0}, {"share": 1.5}):
        with pytest.raises(InputError, match="the statistics of w need"):
            WStatistics.measure(editor.generator, **options)


def calls_of(generator, monkeypatch):
    """A list that grows by one with each call of the mapping network."""
    calls, mapping = [], generator.mapping
    monkeypatch.setattr(generator, "mapping", lambda *args, **how: calls.append(len(args[0])) or mapping(*args, **how))
    return calls


@pytest.fixture
def own(model_set):
    """A generator that no other test has measured."""
    return Editor.from_pretrained(model_set, device="cpu").generator


def test_a_generator_is_measured_once_and_the_share_only_chooses_what_is_kept(own, monkeypatch):
    calls = calls_of(own, monkeypatch)
    first, second = WStatistics.of_generator(own), WStatistics.of_generator(own, share=0.5)
    assert sum(calls) == 4096
    assert second.kept < first.kept
    assert second.basis is first.basis
    assert second.sample is first.sample
    for share, found in ((KEPT_VARIANCE, first), (0.5, second)):
        fresh = WStatistics.measure(own, share=share)
        assert (found.kept, found.typical, found.radius) == (fresh.kept, fresh.typical, fresh.radius)
        assert torch.equal(found.variance, fresh.variance)
        assert float(found.distance(found.sample).mean()) == pytest.approx(1)
    with pytest.raises(InputError, match="0 < share <= 1; got 0"):
        WStatistics.of_generator(own, share=0)


def test_training_and_inversion_measure_a_generator_once(model_set, quick, monkeypatch):
    editor = Editor.from_pretrained(model_set, device="cpu")
    calls = calls_of(editor.generator, monkeypatch)
    for components in (0.985, 0.9, None):
        editor.train("a person with blond hair", region=["hair"], config=quick.replace(components=components, steps=1))
    Inverter(editor.generator, Perception(editor.clip), encoder=None, config=InversionConfig())
    assert [count for count in calls if count >= 1024] == [1024] * 4


def test_changed_weights_are_measured_anew_and_styles_with_them(own):
    before = WStatistics.of_generator(own)
    names = own.style_names[:2]
    styles = before.styles(own, names)
    assert WStatistics.of_generator(own, share=0.5).styles(own, names)[0].equal(styles[0])
    with torch.no_grad():
        last = next(reversed(list(own.network.mapping.parameters())))
        last.add_(1)
    after = WStatistics.of_generator(own)
    assert not torch.equal(after.mean, before.mean)
    assert not torch.equal(after.styles(own, names)[0], styles[0])
    assert WStatistics.of_generator(own).mean is after.mean


def test_what_is_known_of_a_generator_goes_with_it(model_set):
    generator = Editor.from_pretrained(model_set, device="cpu").generator
    found, gone = weakref.ref(WStatistics.of_generator(generator).sample), weakref.ref(generator)
    assert found() is not None
    del generator
    gc.collect()
    assert gone() is None
    assert found() is None


def test_measured_in_inference_mode_it_serves_a_training(own):
    with torch.inference_mode():
        statistics = WStatistics.of_generator(own)
        statistics.styles(own, own.style_names[:1])
    w = statistics.sample[:3].clone().requires_grad_()
    (statistics.distance(w).sum() + (w[:, :1] * statistics.styles(own, own.style_names[:1])[1]).sum()).backward()
    assert w.grad.isfinite().all()
    assert w.grad.abs().sum() > 0
