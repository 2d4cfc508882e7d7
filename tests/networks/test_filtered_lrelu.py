"""The filtered leaky ReLU and its filters, against their definitions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.networks.filtered_lrelu import downsampled, filtered_lrelu, upsampled
from eclipsed.networks.lowpass import LowPass
from eclipsed.networks.ops import upfirdn2d

PADS = [(9, 8, 9, 8), (-2, -5, -2, -5), (3, -4, -1, 6), (0, 0, 0, 0)]


def rand(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def table(taps):
    """A filter in two dimensions, whatever it was."""
    return taps if taps.ndim == 2 else torch.outer(taps, taps)


@pytest.mark.parametrize("taps", [rand(12, seed=1), rand(7, seed=2), rand(6, 6, seed=3)], ids=["12", "7", "6x6"])
@pytest.mark.parametrize("padding", PADS)
@pytest.mark.parametrize("up", [1, 2, 4])
def test_upsampling_is_zeros_padding_and_a_convolution(taps, padding, up):
    x = rand(2, 3, 24, 21)
    wanted = upfirdn2d(x, table(taps), up=up, padding=padding, gain=up * up * 1.5)
    assert_close(upsampled(x, taps, up=up, padding=padding, gain=1.5), wanted)


@pytest.mark.parametrize("taps", [rand(5, seed=1), rand(4, 6, seed=3)], ids=["5", "4x6"])
@pytest.mark.parametrize("down", [1, 2, 3])
def test_downsampling_is_a_convolution_of_which_some_pixels_are_kept(taps, down):
    x = rand(2, 3, 14, 9)
    assert_close(downsampled(x, taps, down=down), upfirdn2d(x, table(taps), down=down))


def test_without_filters_pixels_are_moved_alone():
    x = rand(1, 2, 5, 4)
    assert torch.equal(upsampled(x, None, up=1, padding=(0, 0, 0, 0)), x)
    assert torch.equal(upsampled(x, None, up=1, padding=(1, -1, 0, 2), gain=2.0), 2 * F.pad(x, (1, -1, 0, 2)))
    assert_close(upsampled(x, None, up=2, padding=(0, 0, 0, 0)), upfirdn2d(x, torch.ones(1, 1), up=2, gain=4.0))
    assert torch.equal(downsampled(x, None, down=1), x)
    assert torch.equal(downsampled(x, None, down=2), x[:, :, ::2, ::2])


def by_hand(x, bias, slope, gain, clamp, up_filter, down_filter):
    x = upfirdn2d(x + bias[:, None, None], table(up_filter), up=2, padding=(5, 4, 5, 4), gain=4.0)
    x = torch.where(x < 0, x * slope, x) * gain
    x = x if clamp is None else x.clamp(-clamp, clamp)
    return upfirdn2d(x, table(down_filter), down=2)


@pytest.mark.parametrize("clamp", [None, 0.8, 256.0])
@pytest.mark.parametrize("slope", [0.2, 1.0])
@pytest.mark.parametrize("down_filter", [rand(6, seed=4), rand(6, 6, seed=5)], ids=["separable", "radial"])
def test_the_whole_against_its_definition_with_gradients(down_filter, slope, clamp):
    x, bias, up_filter = rand(2, 3, 7, 8), rand(3, seed=2), rand(6, seed=3)
    values = []
    for way in ("ours", "by hand"):
        a, b = x.clone().requires_grad_(), bias.clone().requires_grad_()
        if way == "ours":
            y = filtered_lrelu(
                a, b, up_filter=up_filter, down_filter=down_filter, up=2, down=2, padding=(5, 4, 5, 4),
                slope=slope, gain=1.5, clamp=clamp,
            )  # fmt: skip
        else:
            y = by_hand(a, b, slope, 1.5, clamp, up_filter, down_filter)
        y.backward(rand(*y.shape, seed=7))
        values.append((y.detach(), a.grad, b.grad))
    for ours, wanted in zip(*values, strict=True):
        assert ours.isfinite().all()
        assert_close(ours, wanted)
    assert torch.equal(x, rand(2, 3, 7, 8))  # what came in is as it was


def test_it_takes_no_faces_at_all_and_keeps_short_formats():
    taps = rand(6).float()
    arguments = {"up_filter": taps, "down_filter": taps, "up": 2, "down": 2, "padding": (5, 4, 5, 4)}
    for dtype, count in ((torch.float32, 0), (torch.bfloat16, 2)):
        x = torch.ones(count, 3, 8, 8, dtype=dtype)
        y = filtered_lrelu(x, torch.zeros(3), **arguments, slope=0.2, gain=1.0, clamp=256.0)
        assert (y.dtype, y.shape) == (dtype, (count, 3, 8, 8))


# --- filters


@pytest.mark.parametrize("taps", [12, 24])
@pytest.mark.parametrize("radial", [False, True])
def test_a_filter_passes_what_is_slow_and_stops_what_is_fast(taps, radial):
    rate, cutoff, width = 64, 8.0, 12.0
    found = LowPass(taps, cutoff, width, rate, radial)
    made = found.make().double().numpy()
    assert made.shape == found.shape == ((taps, taps) if radial else (taps,))
    assert made.sum() == pytest.approx(1, abs=1e-6)
    places = (np.arange(taps) - (taps - 1) / 2) / rate

    def passed(frequency, angle=0.0):
        line = np.cos(angle) * places[:, None] + np.sin(angle) * places[None] if radial else places
        return (made * np.cos(2 * np.pi * frequency * line)).sum()

    for angle in (0.0, 0.4, np.pi / 4) if radial else (0.0,):
        assert passed(0.0, angle) == pytest.approx(1, abs=1e-6)
        assert passed(cutoff, angle) == pytest.approx(0.5, abs=0.1)
        assert abs(passed(cutoff + width, angle)) < 0.03


@pytest.mark.parametrize(("taps", "width"), [(12, 12.0), (24, 12.0), (12, 1.0), (48, 30.0)])
def test_a_filter_is_the_one_that_scipy_designs(taps, width):
    signal = pytest.importorskip("scipy.signal")
    wanted = signal.firwin(taps, cutoff=8.0, width=width, fs=64)
    assert_close(LowPass(taps, 8.0, width, 64).make(), torch.from_numpy(wanted).float(), rtol=0, atol=1e-6)


def test_a_radial_filter_is_the_one_of_its_formula():
    special, signal = pytest.importorskip("scipy.special"), pytest.importorskip("scipy.signal")
    x = (np.arange(12) - 5.5) / 64
    r = np.hypot.outer(x, x)
    window = np.kaiser(12, signal.kaiser_beta(signal.kaiser_atten(12, 12.0 / 32)))
    wanted = special.j1(2 * np.pi * 8 * r) / r * np.outer(window, window)
    made = LowPass(12, 8.0, 12.0, 64, radial=True).make()
    assert_close(made, torch.from_numpy(wanted / wanted.sum()).float(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("odd", [5, 7])
def test_a_radial_filter_with_a_middle_is_finite(odd):
    made = LowPass(odd, 8.0, 12.0, 64, radial=True).make()
    assert made.isfinite().all()
    assert made[odd // 2, odd // 2] == made.max()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 8.0, 12.0, 64), "0 taps, width 12, cutoff 8, rate 64"),
        ((12, 0.0, 12.0, 64), "12 taps, width 12, cutoff 0, rate 64"),
        ((12, 8.0, -1.0, 64), "12 taps, width -1, cutoff 8, rate 64"),
        ((12, 33.0, 12.0, 64), "12 taps, width 12, cutoff 33, rate 64"),
        ((12, float("nan"), 12.0, 64), "12 taps, width 12, cutoff nan, rate 64"),
    ],
)
def test_what_is_no_filter_is_refused(values, said):
    with pytest.raises(InputError) as error:
        LowPass(*values)
    wanted = "a low-pass filter needs taps, a positive width, and a cutoff of at most half the rate; got "
    assert str(error.value) == wanted + said
