"""Each metric against a reference implementation, or against values worked out by hand."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.images import metrics


def pictures(seed, n=2, h=24, w=31):
    rng = torch.Generator().manual_seed(seed)
    rough = torch.rand(n, 3, h, w, generator=rng) * 2 - 1
    return torch.nn.functional.avg_pool2d(rough, 3, 1, 1) * 1.5


def plain(image):
    return (image * 0.5 + 0.5).permute(1, 2, 0).double().numpy()


@pytest.fixture
def pair():
    before = pictures(0).clamp(-1, 1)
    return before, (before + 0.2 * pictures(1)).clamp(-1, 1)


def test_psnr_is_scikit_images(pair):
    before, after = pair
    ours = metrics.psnr(before, after, torch.ones(2, 1, 24, 31))
    whole = metrics.psnr(before, after)
    for k in range(2):
        theirs = peak_signal_noise_ratio(plain(before[k]), plain(after[k]), data_range=1.0)
        assert float(ours[k]) == pytest.approx(theirs, abs=1e-4)
        assert float(whole[k]) == pytest.approx(theirs, abs=1e-4)


def test_psnr_of_a_part(pair):
    before, after = pair
    where = torch.zeros(2, 1, 24, 31)
    where[:, :, :10, :12] = 1
    ours = metrics.psnr(before, after, where)
    theirs = peak_signal_noise_ratio(plain(before[1, :, :10, :12]), plain(after[1, :, :10, :12]), data_range=1.0)
    assert float(ours[1]) == pytest.approx(theirs, abs=1e-4)
    assert math.isinf(float(metrics.psnr(before, before, where)[0]))
    assert math.isnan(float(metrics.psnr(before, after, 0 * where)[0]))


def test_ssim_is_scikit_images(pair):
    before, after = pair
    ours = metrics.ssim_map(before, after)
    for k in range(2):
        _, theirs = structural_similarity(
            plain(before[k]), plain(after[k]), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=1.0, channel_axis=2, full=True,
        )  # fmt: skip
        inner = (slice(5, -5), slice(5, -5))  # at the edges the two mirror differently
        assert_close(ours[k, 0][inner].double(), torch.from_numpy(theirs.mean(axis=2)[inner]), atol=2e-4, rtol=0)
    assert_close(metrics.ssim_map(before, before), torch.ones(2, 1, 24, 31))


def test_weighted_mean_by_hand():
    values = torch.tensor([[[[1.0, 2.0]], [[3.0, 6.0]]]])  # (1, 2, 1, 2): channel means 2 and 4
    assert metrics.weighted_mean(values, torch.tensor([[[[1.0, 3.0]]]])).tolist() == [3.5]


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(8, 10, 0.4901625, 0.9433178), (0, 5, 0.0, 0.4344825), (7, 7, 0.6456696, 1.0)],
)
def test_shares_have_wilsons_interval(hits, count, low, high):
    found = metrics.share(torch.arange(count) < hits)
    assert (found.mean, found.count) == (hits / count, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)


def test_the_bootstrap_covers_the_mean():
    rng = np.random.default_rng(1)
    inside, widths = 0, []
    for trial in range(200):
        found = metrics.bootstrap(torch.from_numpy(rng.normal(3.0, 2.0, 40)), seed=trial)
        inside += found.low <= 3.0 <= found.high
        widths.append(found.high - found.low)
    assert 0.88 <= inside / 200 <= 0.99
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 2 / math.sqrt(40), rel=0.1)


def test_the_bootstrap_repeats_and_leaves_out_what_is_no_number():
    values = torch.tensor([1.0, 2.0, 5.0, math.nan, math.inf])
    assert metrics.bootstrap(values, seed=3) == metrics.bootstrap(values, seed=3)
    assert metrics.bootstrap(values).mean == pytest.approx(8 / 3)
    assert metrics.bootstrap(values).count == 3
    nothing = metrics.bootstrap(torch.tensor([math.nan]))
    assert nothing.to_json() == {"mean": None, "low": None, "high": None, "count": 0}
    assert metrics.share(torch.zeros(0, dtype=torch.bool)).count == 0


def test_ranks_by_hand():
    texts = torch.eye(3)
    images = torch.tensor([[0.9, 0.1, 0.2], [0.1, 0.9, 0.2], [0.1, 0.5, 0.9], [0.5, 0.5, 0.1]])
    assert metrics.rank(images, texts).tolist() == [1, 3, 3, 1]


def test_monotone_by_hand():
    values = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 0.05], [2.0, 1.0, 0.0]])
    assert metrics.monotone(values).tolist() == [True, False, False]
    assert metrics.monotone(values, slack=0.1).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.psnr(pictures(0), pictures(0, n=1), torch.ones(2, 1, 24, 31)), "share one shape"),
        (lambda: metrics.psnr(pictures(0), pictures(1), torch.ones(2, 1, 8, 8)), "weights must be"),
        (lambda: metrics.ssim_map(pictures(0, h=8), pictures(1, h=8)), "11 pixels a side"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(InputError, match=words):
        call()
