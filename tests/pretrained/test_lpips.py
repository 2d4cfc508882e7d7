"""LPIPS against its definition, written out on torchvision's AlexNet and the linear weights of the package lpips."""

import re
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

import eclipsed
from eclipsed.errors import CheckpointError, InputError, MissingExtraError, MissingModelError
from eclipsed.evaluation import judging
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.pretrained.lazy import Lazy
from eclipsed.pretrained.lpips import Lpips
from eclipsed.store import library
from eclipsed.values.extras import pip_line

lpips = pytest.importorskip("lpips", reason="LPIPS is an extra: pip install lpips")
torchvision = pytest.importorskip("torchvision")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """An AlexNet with random weights, and its file."""
    torch.manual_seed(5)
    network = torchvision.models.alexnet(weights=None).eval()
    file = tmp_path_factory.mktemp("alexnet") / "alexnet-owt-7be5be79.pth"
    torch.save(network.state_dict(), file)
    return network, file


@pytest.fixture(scope="module")
def measure(backbone):
    return Lpips.from_file(backbone[1], device="cpu")


def pictures(*shape, seed):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_hand(network, before, after):
    weights = torch.load(Path(lpips.__file__).parent / "weights/v0.1/alex.pth", map_location="cpu", weights_only=True)
    mean, std = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x, y = ((images - mean[:, None, None]) / std[:, None, None] for images in (before, after))
    total, depth = torch.zeros(len(x), 1, *x.shape[2:]), 0
    for layer in network.features[:12]:
        x, y = layer(x), layer(y)
        if isinstance(layer, torch.nn.ReLU):
            a, b = (F.normalize(features, dim=1) for features in (x, y))
            each = F.conv2d((a - b).square(), weights[f"lin{depth}.model.1.weight"])
            total = total + F.interpolate(each, total.shape[2:], mode="bilinear", align_corners=False)
            depth += 1
    assert depth == 5
    return total


@pytest.mark.parametrize("shape", [(2, 3, 96, 64), (1, 3, 128, 128)])
def test_it_is_the_definition(backbone, measure, shape):
    before, after = pictures(*shape, seed=1), pictures(*shape, seed=2)
    with torch.no_grad():
        expected = by_hand(backbone[0], before, after)
    got = measure.map(before, after)
    assert got.shape == (shape[0], 1, *shape[2:])
    assert float(expected.mean()) > 0.01
    assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_equal_pictures_have_no_distance_and_more_change_is_farther(measure):
    before = pictures(1, 3, 64, 64, seed=3)
    near, far = (before + size * pictures(1, 3, 64, 64, seed=4) for size in (0.1, 0.8))
    assert float(measure.map(before, before).abs().max()) == 0.0
    assert 0 < float(measure.map(before, near).mean()) < float(measure.map(before, far).mean())


def test_pictures_that_are_too_small_for_alexnet_are_enlarged(measure):
    before, after = pictures(1, 3, 16, 32, seed=5), pictures(1, 3, 16, 32, seed=6)
    found = measure.map(before, after)
    assert found.shape == (1, 1, 16, 32)
    assert float(found.mean()) > 0


def test_pictures_of_two_shapes_are_refused(measure):
    with pytest.raises(InputError, match=r"one shape; got \(1, 3, 64, 64\) and \(1, 3, 64, 32\)"):
        measure.map(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 32))


def test_a_file_that_is_no_alexnet_is_refused(tmp_path):
    torch.save({"features.0.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="AlexNet"):
        Lpips.from_file(tmp_path / "other.pth", device="cpu")


def test_without_the_package_the_extra_is_named(backbone, monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    line = re.escape(pip_line(extra="lpips"))
    with pytest.raises(MissingExtraError, match=f"^LPIPS needs an extra package: {line}$"):
        Lpips.from_file(backbone[1], device="cpu")


@pytest.fixture(scope="module")
def edit():
    editor = eclipsed.Editor.from_pretrained("mini", device="cpu")
    return editor, eclipsed.Direction.load(library.find_direction("blond-hair"))


def test_evaluate_measures_it_outside_where_it_is_there(edit, measure, monkeypatch):
    monkeypatch.setattr(judging.Lpips, "from_store", lambda device: measure)
    editor, direction = edit
    (found,) = evaluate(editor, direction, seeds=(2000, 2001), alphas=(1.0,)).strengths
    assert found.lpips.count == 2
    assert 0 < found.lpips.mean < 0.1
    assert found.to_json()["lpips"]["count"] == 2
    assert found.identity is None


def test_what_is_not_there_is_left_out_unless_it_is_asked_for(edit, monkeypatch, tmp_path):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    editor, direction = edit
    (found,) = evaluate(editor, direction, seeds=(2000, 2001), alphas=(1.0,)).strengths
    assert (found.lpips, found.identity) == (None, None)
    with pytest.raises(MissingModelError, match="eclipsed models fetch alexnet"):
        evaluate(editor, direction, seeds=(2000,), extras=["lpips"])
    with pytest.raises(MissingModelError, match="eclipsed models fetch arcface"):
        evaluate(editor, direction, seeds=(2000,), extras=["identity"])
    with pytest.raises(InputError, match="extra measures are lpips and identity; got 'beauty'"):
        evaluate(editor, direction, seeds=(2000,), extras=["beauty"])


def test_identity_is_the_cosine_of_arcfaces_vectors(edit, monkeypatch):
    class Who:
        def encode(self, images):
            return F.normalize(images.mean((2, 3)), dim=-1)

    editor, direction = edit
    monkeypatch.setattr(editor, "_identity", Lazy(Who))
    monkeypatch.setattr(type(editor), "identity", property(lambda self: Who()))
    faces = editor.sample(seeds=[2000, 2001])
    edited = editor.edit(faces, direction, 1.0)
    expected = F.cosine_similarity(*(f.images.clamp(-1, 1).mean((2, 3)) for f in (faces, edited)), dim=1).mean()
    (found,) = evaluate(editor, direction, seeds=(2000, 2001), alphas=(1.0,), extras=["identity"]).strengths
    assert found.identity.mean == pytest.approx(float(expected), abs=1e-4)
    assert found.lpips is None
