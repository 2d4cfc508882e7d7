"""Finding faces: which one, what is said when there is none, and facexlib's networks without its loaders."""

import shutil

import numpy as np
import pytest
import torch

from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.inversion import companions as networks
from eclipsed.photos.cascade import MTCNNFinder
from eclipsed.photos.finding import FacexlibFinder, FoundFace, choose_faces, heatmap_peaks
from eclipsed.photos.reading import Photo
from eclipsed.store.files import stored_path
from eclipsed.store.networks import network

FACE = np.array([[40, 50], [60, 50], [50, 62], [42, 80], [58, 80]], dtype=float)


class Finder:
    def __init__(self, *faces):
        self.faces = [FoundFace((*points.min(0), *points.max(0)), points) for points in faces]

    def find(self, photo):
        return self.faces


@pytest.fixture
def photo():
    return Photo(np.zeros((200, 400, 3), np.uint8), name="a.jpg")


def test_one_face_needs_no_choice(photo):
    assert choose_faces(Finder(FACE), photo, None)[0].centre == (50, 53)


def test_of_several_one_is_chosen_or_all(photo):
    finder = Finder(FACE, FACE + np.array([150, 20]))
    assert choose_faces(finder, photo, 2)[0].centre == (200, 73)
    assert len(choose_faces(finder, photo, "all")) == 2
    with pytest.raises(InputError, match=r"shows 2 faces \(1 at x = 50, 2 at x = 200\); choose one"):
        choose_faces(finder, photo, None)
    with pytest.raises(InputError, match="no face 3: 2 found"):
        choose_faces(finder, photo, 3)
    for wrong in (0, -1, "both", True, 1.5):
        with pytest.raises(InputError, match="face must be a number"):
            choose_faces(finder, photo, wrong)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (FACE / 8, "too small"),
        (FACE - np.array([70, 0]), r"a\.jpg is cut off by the picture's edge"),
        (np.vstack([FACE[:2], [[61, 62]], FACE[3:]]), r"a\.jpg is turned too far"),
    ],
)
def test_a_face_that_cannot_be_aligned(photo, points, message):
    with pytest.raises(InputError, match=message):
        choose_faces(Finder(points), photo, None)


def test_no_face(photo):
    with pytest.raises(InputError, match=r"no face was found in a\.jpg"):
        choose_faces(Finder(), photo, None)


def test_peaks_of_heatmaps_by_hand():
    maps = torch.zeros(2, 4, 8)
    maps[0, 1, 2], maps[0, 1, 3], maps[0, 0, 2] = 1.0, 0.5, 0.2
    maps[1, 3, 7] = 1.0
    # a quarter of a cell towards the higher neighbour; beyond the edge lies the peak itself
    expected = [[(2.5 + 0.25) / 8, (1.5 - 0.25) / 4], [(7.5 + 0.25) / 8, (3.5 + 0.25) / 4]]
    np.testing.assert_allclose(heatmap_peaks(maps), expected)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights in facexlib's public layouts."""
    alignment = pytest.importorskip(
        "facexlib.alignment.awing_arch", reason="facexlib cannot be imported", exc_type=ImportError
    )
    retinaface = pytest.importorskip(
        "facexlib.detection.retinaface", reason="facexlib cannot be imported", exc_type=ImportError
    )
    folder = tmp_path_factory.mktemp("facexlib")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = retinaface.RetinaFace("mobile0.25", device="cpu")
        points = alignment.FAN(num_modules=4, num_landmarks=98, device="cpu")
    with torch.no_grad():
        detector.ClassHead[0].conv1x1.bias[1::2] = -9.0  # sure of few places
    torch.save({f"module.{key}": value for key, value in detector.state_dict().items()}, folder / "detector.pth")
    torch.save({"state_dict": points.state_dict()}, folder / "landmarks.pth")
    return folder


@pytest.mark.slow
def test_facexlib_networks_load_and_look(weights):
    finder = FacexlibFinder.from_files(weights / "detector.pth", weights / "landmarks.pth", device="cpu")
    photo = Photo(np.random.RandomState(0).randint(0, 256, (90, 120, 3)).astype(np.uint8))
    faces = finder.find(photo)
    assert [face.box[0] for face in faces] == sorted(face.box[0] for face in faces)
    for face in faces[:3]:
        assert face.landmarks.shape == (98, 2)
        assert np.isfinite(face.landmarks).all()
    points = finder._points(photo, np.array([30.0, 20.0, 80.0, 70.0]))
    assert points.shape == (98, 2)
    # a square of 1.3 * 50 px around (55, 45), and a quarter of a heatmap's cell
    assert (np.abs(points - (55, 45)) <= 32.5 + 0.3).all()


@pytest.mark.slow
def test_other_files_are_refused(weights, tmp_path):
    state = torch.load(weights / "detector.pth", weights_only=True)
    for change, message in (
        (lambda s: s.pop("module.fpn.output1.0.weight"), r"lacks fpn\.output1\.0\.weight"),
        (lambda s: s.update({"module.more": torch.zeros(1)}), "does not have: more"),
        (lambda s: s.update({"module.fpn.output1.0.weight": torch.zeros(1)}), r"output1\.0\.weight has the shape"),
    ):
        changed = dict(state)
        change(changed)
        torch.save(changed, tmp_path / "detector.pth")
        with pytest.raises(CheckpointError, match=message):
            FacexlibFinder.from_files(tmp_path / "detector.pth", weights / "landmarks.pth", device="cpu")
    with pytest.raises(MissingModelError, match="face detector"):
        FacexlibFinder.from_files(tmp_path / "nothing.pth", weights / "landmarks.pth", device="cpu")


def test_facexlibs_networks_are_taken_where_both_are(weights, monkeypatch, tmp_path):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    (tmp_path / "networks").mkdir()
    for name, file in (("face-detector", "detector.pth"), ("face-landmarks", "landmarks.pth")):
        assert isinstance(networks.finder(torch.device("cpu")), MTCNNFinder)
        shutil.copyfile(weights / file, stored_path(network(name)))
    small = networks.finder(torch.device("cpu"))
    assert isinstance(small, FacexlibFinder)
