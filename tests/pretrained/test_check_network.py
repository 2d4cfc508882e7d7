"""What is fetched or brought by hand is the network that it is called, before it is said to be ready."""

import pytest
import torch

from eclipsed.errors import CheckpointError, DownloadError
from eclipsed.pretrained.check_network import check_network
from eclipsed.pretrained.fetch_network import Sources, fetch_network
from eclipsed.store.files import networks_folder


@pytest.fixture(scope="module")
def alexnet():
    models = pytest.importorskip("torchvision.models")
    with torch.device("meta"):
        state = models.alexnet(weights=None).state_dict()
    return {key: torch.zeros(value.shape, dtype=torch.half) for key, value in state.items()}


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


def test_another_network_is_not_ready(tmp_path, alexnet):
    file = tmp_path / "brought.pth"
    for content, said in (
        ({"weight": torch.zeros(3)}, "is not a backbone of LPIPS (AlexNet): keys seen: weight"),
        (
            {key: value for key, value in alexnet.items() if key != "features.3.bias"},
            "lacks features.3.bias; expected the 16 keys of a backbone of LPIPS (AlexNet)",
        ),
        (
            {**alexnet, "features.3.bias": torch.zeros(5)},
            "features.3.bias has the shape (5,); expected (192,)",
        ),
        ({**alexnet, "more": torch.zeros(5)}, "has keys that a backbone of LPIPS (AlexNet) does not have: more"),
    ):
        torch.save(content, file)
        with pytest.raises(DownloadError) as caught:
            fetch_network("alexnet", accept_licence=True, sources=Sources(folder=file))
        assert str(caught.value).startswith(f"what came from {file} is not alexnet: ")
        assert said in str(caught.value)
        assert not list(networks_folder().glob("alexnet*"))


def test_the_right_one_is_whatever_it_was_saved_in(tmp_path, alexnet):
    torch.save({"state_dict": {f"module.{key}": value for key, value in alexnet.items()}}, tmp_path / "a.pth")
    assert fetch_network("alexnet", accept_licence=True, sources=Sources(folder=tmp_path / "a.pth")).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["detector", "landmarks"])
def test_what_finds_faces(tmp_path, kind):
    retinaface = pytest.importorskip("facexlib.detection.retinaface")
    awing = pytest.importorskip("facexlib.alignment.awing_arch")
    networks = {
        "detector": lambda: retinaface.RetinaFace(network_name="mobile0.25", device="cpu"),
        "landmarks": lambda: awing.FAN(num_modules=4, num_landmarks=98, device="cpu"),
    }
    other = {"detector": "landmarks", "landmarks": "detector"}[kind]
    torch.save(networks[kind]().state_dict(), tmp_path / "right.pth")
    torch.save(networks[other]().state_dict(), tmp_path / "wrong.pth")
    check_network(kind, tmp_path / "right.pth")
    called = {"detector": "face detector (RetinaFace)", "landmarks": "landmark network (AWing, 98 points)"}[kind]
    with pytest.raises(CheckpointError) as caught:
        check_network(kind, tmp_path / "wrong.pth")
    assert f"is not a {called}: keys seen: " in str(caught.value)
