"""A mask is black and white, as high as wide, neither empty nor everything; and it is what it was after a file."""

import json

import numpy as np
import pytest

from eclipsed.errors import InputError
from eclipsed.values.mask import KEPT_SIDE, Mask


def box(side=32, top=4, left=8, height=10, width=6, **kind):
    numbers = np.zeros((side, side), **({"dtype": bool} | kind))
    numbers[top : top + height, left : left + width] = 1
    return numbers


@pytest.mark.parametrize("scale", [1, 255])
def test_numbers_of_any_kind_are_one_mask(scale):
    wanted = Mask(box())
    for kind in (np.uint8, np.int64, np.float32, np.float64):
        top = 1 if np.issubdtype(kind, np.floating) else scale
        assert Mask(box(dtype=kind) * kind(top)) == wanted
    assert Mask(box()[None]) == Mask(box()[None, None]) == Mask(box().tolist()) == wanted
    assert len(wanted) == 1
    assert wanted.side == 32
    assert hash(wanted) == hash(Mask(box()))
    assert wanted != Mask(box(top=5))
    assert repr(wanted) == "Mask(32 px, 6% of the picture)"
    soft = box(dtype=float)
    soft[4, 8:11], soft[5, 8:11] = 0.49, 0.5
    assert Mask(soft).inside.sum() == 60 - 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((32, 32)), "the mask is empty: paint white where the edit may act"),
        (np.ones((32, 32), bool), "the mask covers the whole picture, which is no region: leave some of it black"),
        (np.full((32, 32), 255, np.uint8), "the mask covers the whole picture, which is no region"),
        (np.stack([box(), box() & False]), "mask 2 is empty"),
        (np.full((32, 32), np.nan), "a mask holds numbers that are not finite: give 0 outside and 1 inside"),
        (box(dtype=float) * 2, "a mask holds floats from 0 to 1; got values from 0 to 2"),
        (box(dtype=int) * -1, "a mask holds whole numbers from 0 to 255; got values from -1 to 0"),
        (box(dtype=int) * 256, "a mask holds whole numbers from 0 to 255; got values from 0 to 256"),
        (np.zeros((32, 48)), "a mask is painted on aligned faces, which are as high as wide; got 48 x 32 pixels"),
        (np.zeros((8, 8)), "a mask has 16 to 4096 pixels a side; got 8"),
        (np.zeros((32, 32, 3)), r"a mask is black and white, \(H, W\); got \(32, 32, 3\) with colours"),
        (np.zeros(32), r"a mask has the shape \(H, W\), or \(N, H, W\) for one for each face; got \(32,\)"),
        (np.zeros((1, 2, 32, 32)), r"a mask has the shape .*; got \(1, 2, 32, 32\)"),
        (np.zeros((0, 32, 32)), r"a mask has the shape .*; got \(0, 32, 32\)"),
        ([[1, 2], [3]], r"a mask is numbers of shape \(H, W\); got list"),
        ("hair", r"a mask is numbers of shape \(H, W\); got str"),
        (None, r"a mask is numbers of shape \(H, W\); got NoneType"),
        (
            np.linspace(0, 1, 32 * 32).reshape(32, 32),
            "a mask is black and white; 80% of this picture is grey, as in a photograph: paint the region white on",
        ),
    ],
)
def test_what_is_no_mask_is_said_in_one_sentence(given, message):
    with pytest.raises(InputError, match=message) as caught:
        Mask(given)
    assert "\n" not in str(caught.value)


def test_another_size_is_the_same_region():
    mask = Mask(box())
    assert mask.resized(32) is mask.inside
    assert np.array_equal(mask.resized(96), np.kron(mask.inside[0], np.ones((3, 3), bool))[None])
    assert np.array_equal(mask.resized(16)[0], box(16, 2, 4, 5, 3))
    odd = mask.resized(50)[0]  # where half of a place is covered, by hand
    edges = np.arange(51) * 32 / 50
    for axis, (low, high) in enumerate([(4, 14), (8, 14)]):
        share = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) * 50 / 32
        assert np.array_equal(odd.any(axis=1 - axis), share >= 0.5)
    line = Mask(box(256, 100, 0, 1, 256))
    assert line.resized(32).sum() == 32  # too thin for half a place, and still there


def test_several_masks_are_cut_and_joined():
    two = Mask(np.stack([box(), box(top=20)]))
    assert len(two) == 2
    assert two[1:2] == Mask(box(top=20))
    one = Mask(box())
    assert one[5:9] is one
    assert (one | Mask(box(top=20))).inside.sum() == 120
    assert (one | Mask(box(64, 0, 0, 64, 1))).side == 64
    assert repr(two).startswith("Mask(2 of them, 32 px")
    with pytest.raises(InputError, match="a file keeps one mask for all faces; got 2"):
        two.to_json()


def test_a_file_keeps_it_small():
    rows, columns = np.mgrid[:1024, :1024]
    disc = Mask((rows - 500) ** 2 + (columns - 400) ** 2 < 250**2)
    kept = disc.kept()
    assert kept.side == KEPT_SIDE
    text = json.dumps(kept.to_json())
    assert len(text) < 1500
    assert Mask.from_json(json.loads(text)) == kept
    assert Mask(box()).kept() == Mask(box())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 8}, "a kept mask has a side and bits; got"),
        ({"side": "32"}, "a kept mask has a side and bits"),
        ({"bits": 3}, "a kept mask has a side and bits"),
        ({"bits": "!!"}, "the bits of the mask are damaged"),
        ({"bits": "AAAA"}, "the bits of the mask are damaged"),
        ({"side": 64}, "a mask of 64 pixels a side has 512 bytes; got 128"),
        ({"side": 16}, "a mask of 16 pixels a side has 32 bytes; got 33"),
    ],
)
def test_a_damaged_one_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Mask.from_json({**Mask(box()).to_json(), **change})
    with pytest.raises(InputError, match="a kept mask has a side and bits; got"):
        Mask.from_json([1])
