"""Where judges begin: torchvision's networks with a last layer of our own, and the trunk that ships."""

import pytest
import torch
from torchvision import models
from torchvision.transforms import functional as transforms

from eclipsed.errors import CheckpointError, MissingModelError
from eclipsed.evaluation.judge_config import JudgeConfig
from eclipsed.evaluation.judge_training import TrainedJudge
from eclipsed.evaluation.scores import Scores
from eclipsed.networks.backbones import BackboneNetwork, last_linear
from eclipsed.pretrained import trunks
from eclipsed.pretrained.check_network import check_network
from eclipsed.pretrained.classifier import Classifier
from eclipsed.pretrained.trunks import begin
from eclipsed.store.files import check_against_catalogue
from eclipsed.store.networks import network
from eclipsed.store.sets import find_set
from eclipsed.values.choices import BACKBONES

PUBLISHED = BACKBONES[2:]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A ResNet of random weights in a file as torchvision publishes it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        resnet = models.resnet18(weights=None).eval()
    path = tmp_path_factory.mktemp("torchvision") / "resnet18-f37072fd.pth"
    torch.save(resnet.state_dict(), path)
    return resnet, path


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_backbone_ends_in_one_layer_for_our_classes(name):
    with torch.device("meta"):
        whole, ours = BackboneNetwork(name), BackboneNetwork(name, [3, 2])
    last = last_linear(whole)
    shapes, others = ({key: value.shape for key, value in each.state_dict().items()} for each in (whole, ours))
    assert shapes.pop(f"{last}.weight")[0] == 1000
    assert others.pop(f"{last}.weight")[0] == 5
    assert shapes.pop(f"{last}.bias") == (1000,)
    assert others.pop(f"{last}.bias") == (5,)
    assert shapes == others
    assert network(name).kind == "trunk"
    assert network(name).file.endswith(f"-{network(name).sha256_start}.pth")


def test_pictures_are_standardised_as_torchvisions_are(published):
    resnet, path = published
    ours = BackboneNetwork("resnet18").eval()
    ours.network.load_state_dict(torch.load(path, weights_only=True))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    mean, std = (
        models.ResNet18_Weights.IMAGENET1K_V1.transforms().mean,
        models.ResNet18_Weights.DEFAULT.transforms().std,
    )
    with torch.no_grad():
        expected = resnet(transforms.normalize(images, mean, std))
        torch.testing.assert_close(ours(images * 2 - 1)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_trunk_of_the_store_has_a_new_last_layer(published, monkeypatch):
    resnet, path = published
    monkeypatch.setattr(trunks, "find_network", lambda name: path)
    torch.manual_seed(1)
    made = begin("resnet18", [3], seed=7)
    first = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(first, torch.rand(1))
    assert made.size == 224
    expected = resnet.state_dict()
    for name, value in made.network.state_dict().items():
        assert value.shape[0] == 3 if name.startswith("fc.") else torch.equal(value, expected[name])
    assert all(parameter.requires_grad for parameter in made.parameters())
    assert torch.equal(begin("resnet18", [3], seed=7).network.fc.weight, made.network.fc.weight)
    assert not torch.equal(begin("resnet18", [3], seed=8).network.fc.weight, made.network.fc.weight)


def test_a_judge_on_a_published_trunk_is_read_again(tmp_path):
    made = begin_of_random("resnet18")
    judge = Classifier({"genre": ("jazz", "metal")}, network=made, backbone="resnet18")
    scores = Scores("genre", ("jazz", "metal"), ((1, 0), (0, 1)))
    kept = TrainedJudge(
        classifier=judge, scores=scores, config=JudgeConfig(backbone="resnet18"), pictures={}, best_epoch=1, epochs=1
    )
    read = Classifier.from_file(kept.save(tmp_path / "j.safetensors"), device="cpu")
    images = torch.rand(2, 3, 40, 40) * 2 - 1
    assert read.backbone == "resnet18"
    assert torch.equal(read.probabilities(images)["genre"], judge.probabilities(images)["genre"])


def begin_of_random(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BackboneNetwork(name, [2])


def test_the_trunk_that_ships_is_that_of_the_classifier():
    made = begin("mini", [4], seed=0).state_dict()
    learned = Classifier.from_file(find_set("mini").classifier, device="cpu").network.state_dict()
    assert made.pop("last.weight").shape == (4, 320 + 2 * 128)
    assert made.pop("last.bias").shape == (4,)
    assert all(torch.equal(value, learned[name]) for name, value in made.items())
    scratch = begin("scratch", [4], seed=0).state_dict()
    assert not torch.equal(scratch["features.0.weight"], made["features.0.weight"])


def test_a_backbone_that_is_not_here_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    with pytest.raises(MissingModelError, match="get it: eclipsed models fetch vit-b-16"):
        begin("vit-b-16", [2], seed=0)


def test_a_file_of_another_hash_or_network_is_refused(published, tmp_path):
    _, path = published
    with pytest.raises(CheckpointError) as caught:
        check_against_catalogue(network("resnet18"), path, sha256="ab" * 32, advice="get it again")
    assert str(caught.value) == (
        f"{path} is not resnet18: expected a sha256 that begins with f37072fd, found {'ab' * 32}; get it again"
    )
    check_against_catalogue(network("resnet18"), path, sha256="f37072fd" + "0" * 56, advice="")
    check_network("trunk", path, name="resnet18")
    with pytest.raises(CheckpointError, match=r"lacks .*; expected the \d+ keys of a trunk \(resnet50\)"):
        check_network("trunk", path, name="resnet50")
