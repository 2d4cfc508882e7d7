"""MTCNN on real photographs: every face once, wherever and however it lies; and where there is none."""

import resource
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from eclipsed.errors import InputError
from eclipsed.inversion import companions
from eclipsed.photos.cascade import MTCNNFinder
from eclipsed.photos.finding import FaceFinder, choose_faces
from eclipsed.photos.reading import Photo
from eclipsed.store.files import find_network, local_file
from eclipsed.store.networks import network

#: the pupils of skimage's astronaut, by eye on an enlarged picture, and the width of her face
PUPILS, WIDTH = np.array([[204.3, 101.0], [246.8, 103.6]]), 84.0
#: landmarks that mtcnn 1.0.0 gives
PACKAGE = np.array([[203.5, 100.1], [245.4, 102.2], [224.2, 126.4], [201.8, 138.6], [244.4, 140.4]])
MIRRORED = [1, 0, 2, 4, 3]


@pytest.fixture(scope="module")
def finder():
    return MTCNNFinder.from_file(find_network("mtcnn"), device="cpu")


def astronaut():
    return skimage.data.astronaut()


def photo(pixels, name="a.jpg"):
    return Photo(np.ascontiguousarray(pixels), name=name)


def resized(pixels, width, height):
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def portrait(size=210):
    """Her head and shoulders on a square."""
    return resized(astronaut()[20:230, 120:330], size, size)


def off(found, wanted, width=WIDTH):
    """How far the farthest of some points lies, over the face's width."""
    return np.hypot(*(found - wanted).T).max() / width


def test_the_eyes_are_where_they_are(finder):
    (face,) = finder.find(photo(astronaut()))
    assert off(face.landmarks[:2], PUPILS) < 0.01
    assert off(face.landmarks, PACKAGE) < 0.035
    assert face.score > 0.99
    left, top, right, bottom = face.box
    assert 165 < left < 190
    assert 255 < right < 285
    assert 50 < top < 70
    assert 165 < bottom < 185
    assert isinstance(finder, FaceFinder)


def turned(pixels, degrees, side=700):
    """The picture turned counter-clockwise around the middle of her face, and where the pupils lie then."""
    angle, middle = np.radians(degrees), PUPILS.mean(0)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    back = np.linalg.inv(matrix)
    shift = middle - back @ (np.full(2, side / 2))
    about = (back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1])
    picture = Image.fromarray(pixels).transform((side, side), Image.Transform.AFFINE, about, Image.Resampling.BICUBIC)
    return np.asarray(picture), (PUPILS - middle) @ matrix.T + side / 2


@pytest.mark.parametrize("degrees", [*range(-180, 180, 30), 140])
def test_turned_by_any_angle(finder, degrees):
    pixels, pupils = turned(astronaut(), degrees)
    (face,) = finder.find(photo(pixels))
    assert off(face.landmarks[:2], pupils) < 0.02
    face.placement(photo(pixels))


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.8, 1.7, 3.0, 6.0])
def test_at_any_scale(finder, factor):
    size = round(512 * factor)
    (face,) = finder.find(photo(resized(astronaut(), size, size)))
    assert off(face.landmarks[:2], PUPILS * factor, WIDTH * factor) < 0.02


def test_mirrored(finder):
    (face,) = finder.find(photo(astronaut()[:, ::-1]))
    assert off(face.landmarks[:2], np.array([512, 0]) + PUPILS[MIRRORED[:2]] * [-1, 1]) < 0.02


@pytest.mark.parametrize("light", [0.5, 0.2, 0.1, 0.05])
def test_in_the_dark(finder, light):
    (face,) = finder.find(photo((astronaut() * light).astype(np.uint8)))
    assert off(face.landmarks[:2], PUPILS) < 0.02


def test_a_small_face_in_a_black_picture(finder):
    """Where most is dark, what is bright is not made brighter."""
    pixels = np.zeros((640, 640, 3), np.uint8)
    pixels[300:350, 300:350] = portrait(50)
    assert len(finder.find(photo(pixels))) == 1


@pytest.mark.parametrize("weights", [(0.3, 0.6, 0.1), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])
def test_in_grey(finder, weights):
    grey = (astronaut() @ np.array(weights)).astype(np.uint8)
    (face,) = finder.find(photo(np.stack([grey] * 3, axis=-1)))
    assert off(face.landmarks[:2], PUPILS) < 0.02


def test_transparent_pixels_count_as_white(finder):
    alpha = np.full((512, 512), 255, np.uint8)
    alpha[:, :256] = 0
    picture = photo(astronaut())
    assert len(finder.find(picture)) == 1
    assert finder.find(Photo(astronaut(), np.zeros_like(alpha))) == []
    large = Photo(resized(astronaut(), 2000, 2000), np.full((2000, 2000), 255, np.uint8))
    assert len(finder.find(large)) == 1


def test_beside_herself_each_once_from_left_to_right(finder):
    both = photo(np.concatenate([astronaut(), astronaut()[:, ::-1], astronaut()], axis=1))
    faces = finder.find(both)
    assert [round(face.landmarks[:2, 0].mean() / 100) for face in faces] == [2, 8, 12]
    with pytest.raises(InputError, match=r"a\.jpg shows 3 faces \(1 at x = 22\d, 2 at x = \d{3}, 3 at x = 12\d\d\)"):
        choose_faces(finder, both, None)


@pytest.mark.parametrize("size", [90, 170])
def test_thirty_faces(finder, size):
    rng = np.random.RandomState(size)
    pixels = np.full((5 * 180, 6 * 180, 3), 128, np.uint8)
    middles = []
    for row in range(5):
        for column in range(6):
            one = Image.fromarray(portrait(size)).rotate(rng.uniform(-20, 20), fillcolor=(128, 128, 128))
            cell = np.asarray(one)[:, :: rng.choice([-1, 1])]
            pixels[180 * row : 180 * row + size, 180 * column : 180 * column + size] = cell
            middles.append((180 * column + size / 2, 180 * row + size / 2))
    faces = finder.find(photo(pixels))
    assert len(faces) == 30
    for middle in middles:
        assert sum(np.hypot(*(face.landmarks.mean(0) - middle)) < size / 3 for face in faces) == 1


@pytest.mark.slow
def test_faces_of_other_photographs(finder):
    """A hundred faces of 25 px and as many pieces of the same photographs without one."""
    cut = skimage.data.lfw_subset()
    found = []
    for one in cut:
        wide = np.pad((255 * one).astype(np.uint8), 12, mode="edge")
        found.append(len(finder.find(photo(np.stack([resized(wide, 150, 150)] * 3, axis=-1)))))
    assert max(found) == 1
    assert sum(found[:100]) >= 95
    assert sum(found[100:]) == 0


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket", "gravel", "brick", "retina", "motorcycle_left"])
def test_no_face(finder, name):
    image = skimage.data.stereo_motorcycle()[0] if name == "motorcycle_left" else getattr(skimage.data, name)()
    picture = photo(image if image.ndim == 3 else np.stack([image] * 3, axis=-1))
    assert finder.find(picture) == []
    with pytest.raises(InputError) as error:
        choose_faces(finder, picture, None)
    assert str(error.value) == (
        "no face was found in a.jpg; give a picture of a face from the front, or say that it is aligned"
    )


def sentence(finder, pixels):
    with pytest.raises(InputError) as error:
        choose_faces(finder, photo(pixels), None)
    return str(error.value)


def test_a_face_from_the_side(finder):
    """skimage's cameraman looks to the right."""
    grey = skimage.data.camera()
    assert sentence(finder, np.stack([grey] * 3, axis=-1)) == (
        "the face in a.jpg is turned too far to the side; take a picture from the front"
    )


@pytest.mark.parametrize("part", [np.s_[:, 217:], np.s_[:, :234], np.s_[95:]], ids=["left", "right", "top"])
def test_a_face_that_is_cut_off(finder, part):
    assert sentence(finder, astronaut()[part]) == (
        "the face in a.jpg is cut off by the picture's edge; take one that shows all of it"
    )


def test_a_close_face_at_the_edge_is_aligned(finder):
    """The square reaches beyond the picture, which shows all of the face."""
    pixels = astronaut()[50:200, 150:300]
    (place,) = choose_faces(finder, photo(pixels), None)
    (whole,) = choose_faces(finder, photo(astronaut()), None)
    assert np.abs(np.add(place.centre, (150, 50)) - whole.centre).max() < 0.03 * whole.side
    assert place.side == pytest.approx(whole.side, rel=0.05)


def test_a_small_face_says_so(finder):
    pixels = np.full((200, 200, 3), 128, np.uint8)
    pixels[80:110, 80:110] = portrait(30)
    message = sentence(finder, pixels)
    assert message.startswith("the face is too small: its square is ")
    assert message.endswith(" pixels wide, at least 32 are needed; take a larger picture")


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (11, 11), (12, 12), (20, 20), (21, 34), (3, 5000), (30, 12000)])
def test_tiny_and_thin_pictures(finder, shape):
    pixels = np.random.RandomState(0).randint(0, 256, (*shape, 3)).astype(np.uint8)
    assert finder.find(photo(pixels)) == []


def test_a_huge_picture_takes_little_memory(finder):
    pixels = np.full((9000, 9000, 3), 90, np.uint8)
    pixels[3000:4400, 5000:6400] = portrait(1400)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (face,) = finder.find(photo(pixels))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 800e6  # as floats alone it would be 972 MB
    assert off(face.landmarks[:2], (PUPILS - (120, 20)) * (1400 / 210) + (5000, 3000), WIDTH * 1400 / 210) < 0.03


def test_the_same_whatever_else_is_there(finder):
    """A face is judged by itself: another one far away changes nothing but what rounding changes."""
    alone = finder.find(photo(np.concatenate([astronaut(), np.zeros_like(astronaut())], axis=1)))
    both = finder.find(photo(np.concatenate([astronaut(), astronaut()], axis=1)))
    assert (len(alone), len(both)) == (1, 2)
    np.testing.assert_allclose(alone[0].landmarks, both[0].landmarks, atol=0.05)


def test_it_is_the_finder_where_facexlibs_networks_are_not(monkeypatch, tmp_path):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    assert isinstance(companions.finder("cpu"), MTCNNFinder)


@pytest.mark.weights
@pytest.mark.parametrize("name", ["astronaut", "grace_hopper"])
def test_it_agrees_with_facexlib_on_the_eyes(finder, name):
    wanted = ("face-detector", "face-landmarks")
    if any(local_file(network(one)) is None for one in wanted):
        pytest.skip("facexlib's networks are not on this machine: eclipsed models fetch face-detector face-landmarks")
    if name == "astronaut":
        picture = photo(astronaut())
    else:
        matplotlib = pytest.importorskip("matplotlib")
        path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
        picture = photo(np.asarray(Image.open(path).convert("RGB")))
    (ours,), (theirs,) = finder.find(picture), companions.finder("cpu").find(picture)
    eyes = np.stack([theirs.landmarks[60:68].mean(0), theirs.landmarks[68:76].mean(0)])
    assert off(ours.landmarks[:2], eyes, theirs.box[2] - theirs.box[0]) < 0.02
