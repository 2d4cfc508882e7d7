"""What changed inside a region and outside it, against loops over the pixels."""

import math

import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.images.change import SEAM, region_changes
from eclipsed.images.metrics import mean_of_faces


def pictures(seed, n=2, h=9, w=20):
    return torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2.4 - 1.2


def by_hand(before, after, mask, reach):
    """Mean absolute change of the region's pixels, and of those further than `reach` from all of them."""
    inside, outside = [], []
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            change = sum(
                abs(min(1, max(-1, float(after[c, y, x]))) - min(1, max(-1, float(before[c, y, x])))) for c in range(3)
            )
            near = mask[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            if mask[y, x]:
                inside.append(change / 3)
            elif not near.any():
                outside.append(change / 3)
    return (sum(some) / len(some) if some else math.nan for some in (inside, outside))


@pytest.mark.parametrize(("options", "reach"), [({}, 1), ({"grown": 0.15}, 3), ({"grown": 0.0}, 0)])
def test_the_seam_is_neither_inside_nor_outside(options, reach):
    before, after = pictures(0), pictures(1)
    mask = torch.zeros(2, 1, 9, 20, dtype=torch.float64)
    mask[0, 0, 2:5, 3:9] = 1
    mask[1, 0, 0, 19] = 1
    inside, outside = region_changes(before, after, mask, **options)
    for k in range(2):
        wanted = by_hand(before[k], after[k], mask[k, 0], reach)
        assert_close(torch.stack([inside[k], outside[k]]), torch.tensor(list(wanted), dtype=torch.float64))
    assert round(SEAM * 20) == 1


def test_a_change_of_the_seam_alone_is_no_change():
    before = torch.zeros(1, 3, 9, 40)
    mask = torch.zeros(1, 1, 9, 40)
    mask[..., :10] = 1
    after = before.clone()
    after[..., 10:12] = 1  # 5 % of 40 px
    assert [float(side) for side in region_changes(before, after, mask)] == [0.0, 0.0]
    after[..., 12] = 1
    assert float(region_changes(before, after, mask)[1]) > 0


def test_an_empty_side_is_no_number_and_does_not_count():
    before, after = pictures(0), pictures(1)
    mask = torch.stack([torch.zeros(1, 9, 20), torch.ones(1, 9, 20)]).double()
    inside, outside = region_changes(before, after, mask)
    assert inside.isnan().tolist() == [True, False]
    assert outside.isnan().tolist() == [False, True]
    assert mean_of_faces(inside) == pytest.approx(float(inside[1]))
    assert mean_of_faces(inside[:1]) is None


def test_a_mask_of_another_size_and_a_batch():
    before, after = pictures(0), pictures(1)
    small = (torch.rand(2, 1, 5, 10, generator=torch.Generator().manual_seed(2)) > 0.7).double()
    whole, alone = region_changes(before, after, small), region_changes(before[1:], after[1:], small[1:])
    assert_close(torch.stack(whole)[:, 1:], torch.stack(alone))
    with pytest.raises(InputError, match="share one shape"):
        region_changes(before, after[:1], small)
    with pytest.raises(InputError, match="the mask must have the shape"):
        region_changes(before, after, small[:1])
