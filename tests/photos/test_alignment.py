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


def of_a_detector(points):
    """The five points that a detector gives of a face with 68: pupils, tip of the nose, corners of the mouth."""
    return np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])


def a_face(rng):
    """68 landmarks in the places and with the irregularity of a face's, turned, moved and scaled."""
    points = np.full((68, 2), 50.0) + rng.randn(68, 2)
    for first, middle in ((36, (38.0, 44.0)), (42, (62.0, 45.0))):  # outer corner, upper lid, inner corner, lower lid
        lids = np.array([[-5, 0], [-2, -2.2], [2, -2], [5, 0.4], [2, 1.8], [-2, 2]])
        points[first : first + 6] = middle + lids + 0.3 * rng.randn(6, 2)
    points[30], points[48], points[54] = (50, 60), (42, 72), (59, 71)
    return turned(points, rng.uniform(-0.5, 0.5)) * rng.uniform(1, 6) + rng.uniform(0, 100, 2)


@pytest.mark.parametrize("seed", range(8))
def test_five_points_of_a_detector_give_the_square_of_the_same_face_with_68(seed):
    many = a_face(np.random.RandomState(seed))
    wanted, found = Placement.of_landmarks(many), Placement.of_landmarks(of_a_detector(many))
    np.testing.assert_allclose(found.corners, wanted.corners, atol=1e-9)
    # pupils that a detector sees a fiftieth of the eyes' distance beside hardly move the square
    rng = np.random.RandomState(100 + seed)
    five = of_a_detector(many)
    five[:2] += rng.uniform(-1, 1, (2, 2)) * np.linalg.norm(five[1] - five[0]) / 50
    near = Placement.of_landmarks(five)
    assert np.abs(near.corners - wanted.corners).max() < 0.03 * wanted.side


@pytest.mark.parametrize(
    "points",
    [FIVE.tolist(), tuple(map(tuple, FIVE)), FIVE.astype(np.float32), torch.from_numpy(FIVE), FIVE.astype(int)],
    ids=["lists", "tuples", "float32", "tensor", "whole"],
)
def test_five_points_in_any_form(points):
    np.testing.assert_allclose(Placement.of_landmarks(points).across, (54, 0), atol=1e-5)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((106, 2)), "landmarks must be 5, 68 or 98 finite points (x, y); got an array (106, 2)"),
        (np.zeros((478, 2)), "landmarks must be 5, 68 or 98 finite points (x, y); got an array (478, 2)"),
        (np.zeros((1, 5, 2)), "landmarks must be 5, 68 or 98 finite points (x, y); got an array (1, 5, 2)"),
        (np.zeros(10), "landmarks must be 5, 68 or 98 finite points (x, y); got an array (10,)"),
        (FIVE * np.nan, "landmarks must be 5, 68 or 98 finite points (x, y); some of the 5 are not"),
        ([[1, 2], [3]], "landmarks must be 5, 68 or 98 finite points (x, y); got list of other things"),
        (None, "landmarks must be 5, 68 or 98 finite points (x, y); got an array ()"),
        (
            FIVE[[1, 0, 2, 4, 3]],  # left and right of the person, not of the picture
            "the 5 landmarks are in another order: expected the left eye before the right one as they lie on the "
            "picture, then nose and mouth; reorder them",
        ),
        (
            np.array([[66, 50], [56, 50], [34, 50], [44, 50], [50, 62]]),  # dlib's five: corners of the eyes, nose
            "the 5 landmarks are in another order: expected the left eye before the right one as they lie on the "
            "picture, then nose and mouth; reorder them",
        ),
    ],
)
def test_landmarks_of_another_number_or_order_are_refused(points, message):
    with pytest.raises(InputError) as error:
        Placement.of_landmarks(points)
    assert str(error.value) == message


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
