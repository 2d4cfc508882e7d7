"""Masks, against loops over single numbers."""

import pytest
import torch

from eclipsed.errors import InputError
from eclipsed.images import masks


def test_mixing_masks():
    a, b = torch.tensor([[[[0.0, 1.0, 1.0]]]]), torch.tensor([[[[0.0, 0.0, 1.0]]]])
    for how, wanted in {"average": [0, 0.5, 1], "union": [0, 1, 1], "intersection": [0, 0, 1]}.items():
        assert masks.mix_masks(a, b, how).flatten().tolist() == wanted


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2])
def test_growing_a_mask_reaches_as_far_as_it_says(share):
    mask = torch.zeros(1, 1, 11, 20)
    mask[0, 0, 5, 7] = 1
    reach = round(share * 20)
    wanted = torch.zeros(11, 20)
    wanted[5 - reach : 6 + reach, 7 - reach : 8 + reach] = 1
    assert torch.equal(masks.grow_mask(mask, share)[0, 0], wanted)


def test_an_edit_may_act_in_the_grown_region_but_where_something_is_protected():
    """One row of ten pixels: the region before and after, grown by one, without a protected pixel of each."""
    before, after = torch.zeros(1, 2, 1, 10), torch.zeros(1, 2, 1, 10)
    before[0, 0, 0, 2] = after[0, 0, 0, 6] = 1
    before[0, 1, 0, 3] = after[0, 1, 0, 6] = 1
    mask = masks.edit_mask(before, after, how="union", grown=0.1)
    assert mask.flatten().tolist() == [0, 1, 1, 0, 0, 1, 0, 1, 0, 0]
    behind = masks.edit_mask(before, after, how="union", grown=0.1, background=True)
    assert behind.flatten().tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: masks.mix_masks(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), "sum"), "one of average, union"),
        (lambda: masks.mix_masks(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 3), "union"), "share one shape"),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_mean_over_a_square_is_taken_in_two_passes():
    values = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(values, [3] * 4, mode="replicate")
    at_once = torch.nn.functional.avg_pool2d(padded, 7, stride=1)
    torch.testing.assert_close(masks.mean_over_square(values, 3), at_once)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    soft = masks.mean_over_square(mask, 2)
    assert bool((soft[..., :6] == 1).all())  # to the bit, for what is all mask or none stays so
    assert bool((soft[..., 10:] == 0).all())
