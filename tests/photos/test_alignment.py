"""The square of a face against a computation by hand, and cutting it out."""

import math

import numpy as np
import pytest
import torch

from eclipsed.errors import InputError
from eclipsed.images.conversion import from_uint8
from eclipsed.photos.alignment import Placement, anchors
from eclipsed.photos.reading import Photo

# eyes at (40, 50) and (60, 50), mouth from (42, 80) to (58, 80): the line between the eyes is (20, 0), the one from
# eyes to mouth (0, 30), which turned to the right is (30, 0). Their sum points right; 1.8 * 30 = 54 > 2 * 20.
FIVE = np.array([[40, 50], [60, 50], [50, 62], [42, 80], [58, 80]], dtype=float)


def landmarks(count):
    """The same face with more points."""
    points = np.full((count, 2), 50.0)
    eyes = {68: (36, 42, 6), 98: (60, 68, 8)}[count]
    mouth = {68: (48, 54), 98: (76, 82)}[count]
    ring = np.array([[math.cos(a), math.sin(a)] for a in np.arange(eyes[2]) * 2 * math.pi / eyes[2]])
    points[eyes[0] : eyes[0] + eyes[2]] = FIVE[0] + 4 * ring
    points[eyes[1] : eyes[1] + eyes[2]] = FIVE[1] + 4 * ring
    points[list(mouth)] = FIVE[3:]
    return points


def ramp(width=160, height=120):
    """A photo whose red grows by 1 a pixel to the right, whose green grows downwards."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Photo(np.stack([x, y, np.full_like(x, 9)], -1).astype(np.uint8))


def turned(points, angle, centre=(50, 50)):
    c, s = math.cos(angle), math.sin(angle)
    return (points - centre) @ np.array([[c, s], [-s, c]]) + centre


@pytest.mark.parametrize("points", [FIVE, landmarks(68), landmarks(98)], ids=["5", "68", "98"])
def test_the_square_is_what_ffhq_cuts_out(points):
    placement = Placement.of_landmarks(points)
    np.testing.assert_allclose(placement.centre, (50, 53), atol=1e-9)
    np.testing.assert_allclose(placement.across, (54, 0), atol=1e-9)
    np.testing.assert_allclose(placement.corners, [[-4, -1], [-4, 107], [104, 107], [104, -1]], atol=1e-9)


def test_wide_eyes_set_the_size():
    points = FIVE.copy()
    points[:2, 0] = (20, 80)  # 2 * 60 > 1.8 * 30
    assert Placement.of_landmarks(points).side == pytest.approx(240)


@pytest.mark.parametrize("angle", [0.4, -1.2, math.pi])
def test_the_square_turns_with_the_face(angle):
    placement = Placement.of_landmarks(turned(FIVE, angle))
    np.testing.assert_allclose(placement.corners, turned(Placement.of_landmarks(FIVE).corners, angle), atol=1e-9)


def test_there_and_back():
    placement = Placement((30.0, 40.0), (17.0, 9.0))
    uv = np.random.RandomState(0).rand(20, 2)
    np.testing.assert_allclose(placement.uv(placement.points(uv)), uv, atol=1e-12)
    assert placement.side == pytest.approx(2 * math.hypot(17, 9))


def test_a_crop_takes_the_colours_that_lie_there():
    placement = Placement((80.0, 60.0), (18.0, 10.0))
    crop = placement.crop(ramp(), 32)
    steps = (np.arange(32) + 0.5) / 32
    u, v = np.meshgrid(steps, steps)
    x = 80 + (2 * u - 1) * 18 - (2 * v - 1) * 10  # down is across turned by a right angle: (-10, 18)
    y = 60 + (2 * u - 1) * 10 + (2 * v - 1) * 18
    # a pixel's value counts at its middle, half a pixel from its number
    np.testing.assert_allclose((crop[0, 0].numpy() + 1) * 127.5, x - 0.5, atol=0.3)
    np.testing.assert_allclose((crop[0, 1].numpy() + 1) * 127.5, y - 0.5, atol=0.3)


def test_the_whole_picture_is_cut_out_as_it_is():
    photo = Photo(np.random.RandomState(1).randint(0, 256, (64, 64, 3)).astype(np.uint8))
    assert torch.equal(Placement.of_box(0, 0, 64, 64).crop(photo, 64), from_uint8(photo.pixels))


def test_beyond_the_edge_it_is_mirrored_and_finite():
    crop = Placement((5.0, 60.0), (50.0, 0.0)).crop(ramp(), 100)
    assert crop.isfinite().all()
    row = (crop[0, 0, 50].numpy() + 1) * 127.5
    np.testing.assert_allclose(row[46:], np.arange(1, 55), atol=0.6)
    assert row[0] == pytest.approx(44, abs=6)  # the column as far on the other side


def test_a_small_crop_of_a_large_square_is_smooth():
    noise = Photo(np.random.RandomState(2).randint(0, 256, (512, 512, 3)).astype(np.uint8))
    crop = Placement((256.0, 256.0), (200.0, 60.0)).crop(noise, 32)
    assert float(crop.std()) < 0.15  # without smoothing it would be as rough as the noise, 0.58


def test_which_sides_lie_within_the_photo():
    assert Placement.of_box(0, 0, 64, 64).inner_sides(64, 64) == (False, False, False, False)
    assert Placement.of_box(0, 0, 64, 64).inner_sides(100, 64) == (False, False, True, False)
    assert Placement.of_box(10, 10, 60, 60).inner_sides(64, 64) == (True, True, True, True)
    assert Placement.of_box(0, 0, 64, 64).inside(64, 64) == 1
    assert Placement.of_box(-32, 0, 32, 64).inside(64, 64) == pytest.approx(0.5)


def test_bad_faces():
    with pytest.raises(InputError, match="too small"):
        Placement.of_landmarks(FIVE / 20)
    with pytest.raises(InputError, match="in one place"):
        Placement.of_landmarks(np.full((5, 2), 7.0))
    with pytest.raises(InputError, match="5, 68 or 98"):
        anchors(np.zeros((7, 2)))
    with pytest.raises(InputError, match="5, 68 or 98"):
        anchors(FIVE * np.nan)
    with pytest.raises(InputError, match="finite"):
        Placement((math.inf, 0.0), (40.0, 0.0))
    with pytest.raises(InputError, match="is a square; got 300 x 200"):
        Placement.of_box(0, 0, 300, 200)
