"""Random framing and light."""

import torch
from torch.testing import assert_close

from eclipsed.training.augment import Jitter


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_no_change_leaves_pictures_as_they_are():
    images = torch.rand(2, 3, 8, 12, generator=rng()) * 2 - 1
    assert_close(Jitter(2, rng(), crop=1.0, light=0.0)(images), images, rtol=1e-5, atol=1e-5)


def test_light_alone_is_a_line():
    images = torch.rand(3, 3, 8, 8, generator=rng()) * 2 - 1
    jitter = Jitter(3, rng(1), crop=1.0, light=0.1)
    for image, out, contrast, brightness in zip(
        images, jitter(images), jitter.contrast, jitter.brightness, strict=True
    ):
        assert abs(float(contrast) - 1) <= 0.1
        assert abs(float(brightness)) <= 0.1
        assert_close(out, image * float(contrast) + float(brightness), rtol=1e-4, atol=1e-5)


def test_a_crop_shows_a_part_of_a_ramp():
    """On a picture whose value is its place, the crop's values are the places it shows."""
    ramp = ((torch.arange(64) + 0.5) / 32 - 1).repeat(64, 1).expand(1, 3, 64, 64)
    jitter = Jitter(1, rng(3), crop=0.5, light=0.0)
    out = jitter(ramp)[0, 0, 10]
    zoom, shift = float(jitter.zoom[0]), float(jitter.shift[0, 0])
    assert 0.5 <= zoom < 1
    assert abs(shift) <= 1 - zoom
    assert_close(out[1:-1], (ramp[0, 0, 0] * zoom + shift)[1:-1], rtol=1e-3, atol=1e-3)


def test_the_seed_decides_and_two_batches_are_treated_alike():
    images = torch.rand(2, 3, 8, 8, generator=rng())
    jitter = Jitter(2, rng(5))
    assert torch.equal(jitter(images), jitter(images))
    assert torch.equal(Jitter(2, rng(5))(images), jitter(images))
    assert not torch.equal(Jitter(2, rng(6))(images), jitter(images))


def test_gradients_flow_and_the_dtype_is_kept():
    images = torch.rand(2, 3, 8, 8, generator=rng(), dtype=torch.float64).requires_grad_()
    out = Jitter(2, rng())(images)
    out.sum().backward()
    assert out.dtype == torch.float64
    assert torch.isfinite(images.grad).all()
    assert float(images.grad.abs().sum()) > 0
