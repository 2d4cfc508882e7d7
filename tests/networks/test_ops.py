"""The ops against their definitions, written out as float64 loops over numpy arrays."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.networks.ops import bias_act, downsample2d, modulated_conv2d, setup_filter, upfirdn2d, upsample2d

TAPS = [[1, 3, 3, 1], [1, 2, 3, 4], [2, 5, 1]]  # asymmetric taps catch a missing flip, odd ones a wrong pad


def rand(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def filter_by_hand(taps):
    table = np.array([[a * b for b in taps] for a in taps], dtype=np.float64)
    return table / table.sum()


def correlate_by_hand(plane, kernel):
    kh, kw = kernel.shape
    out = np.zeros((plane.shape[0] - kh + 1, plane.shape[1] - kw + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (plane[i : i + kh, j : j + kw] * kernel).sum()
    return out


def upfirdn_by_hand(plane, kernel, up, down, padding):
    left, right, top, bottom = padding
    big = np.zeros((plane.shape[0] * up, plane.shape[1] * up))
    big[::up, ::up] = plane
    big = np.pad(big, ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))))
    big = big[max(-top, 0) : big.shape[0] - max(-bottom, 0), max(-left, 0) : big.shape[1] - max(-right, 0)]
    return correlate_by_hand(big, kernel[::-1, ::-1])[::down, ::down]


def modulated_conv_by_hand(x, weight, styles, up, taps, demodulate):
    """One weight per sample; low-pass filter before the convolution, as the public slow path has it."""
    x, weight, styles = (t.double().numpy() for t in (x, weight, styles))
    k, images = weight.shape[-1], []
    for image, style in zip(x, styles, strict=True):
        own = weight * style[None, :, None, None]
        if demodulate:
            own = own / np.sqrt((own**2).sum((1, 2, 3), keepdims=True) + 1e-8)
        if up == 2:
            own = own[:, :, ::-1, ::-1]  # the public code convolves here and correlates elsewhere
            n = len(taps)
            before, after = k // 2 + (n + 1) // 2, k // 2 + (n - 2) // 2
            pads = (before, after, before, after)
            planes = [upfirdn_by_hand(p, filter_by_hand(taps) * 4, 2, 1, pads) for p in image]
        else:
            planes = [np.pad(p, k // 2) for p in image]
        images.append([sum(correlate_by_hand(p, w) for p, w in zip(planes, row, strict=True)) for row in own])
    return torch.from_numpy(np.array(images))


@pytest.mark.parametrize("taps", TAPS)
@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [(1, 1, (0, 0, 0, 0)), (1, 1, (2, 2, 1, 1)), (2, 1, (2, 1, 3, 2)), (1, 2, (1, 1, 1, 1)), (3, 2, (4, -1, -2, 3))],
)
def test_upfirdn2d_matches_the_definition(taps, up, down, padding):
    x, f = rand(2, 3, 6, 8), setup_filter(taps)
    wanted = [[upfirdn_by_hand(p, filter_by_hand(taps), up, down, padding) for p in image] for image in x.numpy()]
    got = upfirdn2d(x, f, up=up, down=down, padding=padding)
    assert_close(got.double(), torch.tensor(np.array(wanted)), rtol=1e-5, atol=1e-5)


def test_upfirdn2d_flip_gain_and_single_padding():
    x, f = rand(1, 2, 5, 7), setup_filter([1, 2, 3, 4])
    assert_close(upfirdn2d(x, f, padding=2, flip_filter=True, gain=3.0), 3 * upfirdn2d(x, f.flip((0, 1)), padding=2))


def test_a_single_tap_changes_nothing():
    x = rand(1, 2, 5, 7)
    assert torch.equal(upfirdn2d(x, setup_filter([1.0])), x)


@pytest.mark.parametrize("taps", TAPS)
def test_resampling_doubles_and_halves_and_keeps_brightness(taps):
    f = setup_filter(taps)
    flat = torch.full((1, 2, 12, 10), 0.7)
    assert upsample2d(flat, f).shape == (1, 2, 24, 20)
    assert downsample2d(flat, f).shape == (1, 2, 6, 5)
    if len(taps) % 2 == 0:  # an odd filter has other weights for even and odd pixels
        assert_close(upsample2d(flat, f)[:, :, 4:-4, 4:-4].mean(), torch.tensor(0.7))
    assert_close(downsample2d(flat, f)[:, :, 2:-2, 2:-2], torch.full((1, 2, 2, 1), 0.7))


def test_upsampling_places_each_pixel_between_its_neighbours():
    """With [1, 3, 3, 1] a ramp stays a ramp: the two copies of pixel i lie at i - 1/4 and i + 1/4."""
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    inner = upsample2d(ramp, setup_filter([1, 3, 3, 1]))[0, 0, 8, 2:-2]
    assert_close(inner, torch.arange(0.75, 6.5, 0.5))


def test_setup_filter_sums_to_one():
    assert_close(setup_filter([1, 2, 5]).double(), torch.tensor(filter_by_hand([1, 2, 5])), rtol=1e-6, atol=1e-7)
    table = [[1.0, 2.0], [3.0, 4.0]]
    assert_close(setup_filter(table), torch.tensor(table) / 10)


@pytest.mark.parametrize("taps", [[], [float("nan"), 1.0], [[[1.0]]]])
def test_setup_filter_refuses_what_is_no_filter(taps):
    with pytest.raises(InputError, match="a row or a table of finite taps"):
        setup_filter(taps)


def test_setup_filter_refuses_a_sum_of_zero():
    with pytest.raises(InputError, match="sum to zero"):
        setup_filter([1.0, -1.0])


@pytest.mark.parametrize("act", ["linear", "lrelu"])
@pytest.mark.parametrize("gain", [None, 0.5])
@pytest.mark.parametrize("clamp", [None, 0.3])
def test_bias_act_matches_the_definition(act, gain, clamp):
    x, b = rand(2, 3, 4, 5), rand(3, seed=1)
    wanted = x.double() + b.double()[None, :, None, None]
    scale = 1.0
    if act == "lrelu":
        wanted, scale = torch.where(wanted < 0, wanted * 0.2, wanted), math.sqrt(2)
    wanted = wanted * (scale if gain is None else gain)
    if clamp is not None:
        wanted = wanted.clip(-clamp, clamp)
    assert_close(bias_act(x, b, act=act, gain=gain, clamp=clamp).double(), wanted, rtol=1e-6, atol=1e-6)


def test_bias_act_takes_any_axis_and_leaves_its_input_alone():
    x, b = rand(2, 3, 4), rand(4, seed=1)
    before = x.clone()
    assert_close(bias_act(x, b, dim=2), x + b)
    assert_close(bias_act(x, b, dim=-1), x + b)
    bias_act(x, act="lrelu")
    bias_act(x, b, dim=2, act="lrelu", clamp=0.1)
    assert torch.equal(x, before)
    assert torch.equal(bias_act(x), x)


def test_bias_act_refuses_other_activations():
    with pytest.raises(InputError, match="'linear' or 'lrelu'; got 'swish'"):
        bias_act(rand(1, 2), act="swish")


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize(("up", "kernel"), [(1, 1), (1, 3), (2, 3)])
@pytest.mark.parametrize("taps", TAPS)
def test_modulated_conv2d_equals_one_weight_per_sample(taps, up, kernel, demodulate):
    x, weight, styles = rand(2, 3, 4, 5), rand(5, 3, kernel, kernel, seed=1), rand(2, 3, seed=2) + 1
    got = modulated_conv2d(x, weight, styles, up=up, resample_filter=setup_filter(taps), demodulate=demodulate)
    wanted = modulated_conv_by_hand(x, weight, styles, up, taps, demodulate)
    assert_close(got.double(), wanted, rtol=1e-5, atol=1e-5)


def test_demodulation_gives_unit_variance():
    x, weight, styles = rand(4, 64, 32, 32), rand(48, 64, 3, 3, seed=1) * 7, rand(4, 64, seed=2) * 3 + 1
    inner = modulated_conv2d(x, weight, styles)[:, :, 1:-1, 1:-1]
    assert inner.std().item() == pytest.approx(1.0, abs=0.02)


def test_modulated_conv2d_gain_and_missing_filter():
    x, weight, styles = rand(1, 3, 4, 4), rand(2, 3, 3, 3, seed=1), rand(1, 3, seed=2)
    for demodulate in (True, False):
        plain = modulated_conv2d(x, weight, styles, demodulate=demodulate)
        assert_close(modulated_conv2d(x, weight, styles, demodulate=demodulate, gain=2.5), plain * 2.5)
    with pytest.raises(InputError, match="needs a resample_filter"):
        modulated_conv2d(x, weight, styles, up=2)


@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_modulated_conv2d_treats_samples_alone_and_keeps_dtype(up, layout):
    f = setup_filter([1, 3, 3, 1])
    x = rand(3, 4, 6, 6, dtype=torch.float64).contiguous(memory_format=layout)
    weight, styles = rand(5, 4, 3, 3, seed=1, dtype=torch.float64), rand(3, 4, seed=2, dtype=torch.float64)
    whole = modulated_conv2d(x, weight, styles, up=up, resample_filter=f)
    assert whole.dtype == torch.float64
    for i in range(3):
        one = modulated_conv2d(x[i : i + 1], weight, styles[i : i + 1], up=up, resample_filter=f)
        assert_close(one, whole[i : i + 1])
    half = modulated_conv2d(x.bfloat16(), weight.bfloat16(), styles.bfloat16(), up=up, resample_filter=f)
    assert half.dtype == torch.bfloat16


@pytest.mark.parametrize("up", [1, 2])
@pytest.mark.parametrize("demodulate", [True, False])
def test_gradients_reach_everything(up, demodulate):
    inputs = [rand(2, 2, 3, 3, dtype=torch.float64), rand(3, 2, 3, 3, seed=1, dtype=torch.float64)]
    inputs += [rand(2, 2, seed=2, dtype=torch.float64) + 1, rand(3, seed=3, dtype=torch.float64)]
    for tensor in inputs:
        tensor.requires_grad_()
    f = setup_filter([1, 2, 3, 4]).double()

    def layer(x, weight, styles, bias):
        y = modulated_conv2d(x, weight, styles, up=up, resample_filter=f, demodulate=demodulate)
        return bias_act(y, bias, act="lrelu", clamp=2.0)

    assert torch.autograd.gradcheck(layer, inputs, fast_mode=True)
