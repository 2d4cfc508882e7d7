"""Torchvision's segmentation networks as parsers: what they see, their classes, and sets that name them."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch
from torchvision.models import get_weight
from torchvision.transforms.functional import to_pil_image

from eclipsed.editor import Editor
from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.pretrained.check_network import check_network
from eclipsed.pretrained.segmenter import Segmenter, new_segmenter
from eclipsed.store import sets
from eclipsed.store.networks import network
from eclipsed.store.segmentation import SEGMENTERS, VOC_CLASSES
from eclipsed.store.sets import find_set, list_sets

SMALL = "lraspp-mobilenet-v3-large"
FACE = {"person": "face", "cat": "hair"}
WEIGHTS = {
    "deeplabv3-resnet50": "DeepLabV3_ResNet50_Weights",
    "deeplabv3-resnet101": "DeepLabV3_ResNet101_Weights",
    "deeplabv3-mobilenet-v3-large": "DeepLabV3_MobileNet_V3_Large_Weights",
    "lraspp-mobilenet-v3-large": "LRASPP_MobileNet_V3_Large_Weights",
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A network of random weights in a file as torchvision publishes it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        made = new_segmenter(SMALL).eval()
    path = tmp_path_factory.mktemp("torchvision") / network(SMALL).file
    torch.save(made.state_dict(), path)
    return made, path


@pytest.fixture(scope="module")
def pictures():
    """Whole bytes, as a saved picture has them."""
    values = torch.randint(0, 256, (2, 3, 48, 48), generator=torch.Generator().manual_seed(0))
    return values / 127.5 - 1


@pytest.mark.parametrize("name", SEGMENTERS)
def test_the_catalogue_has_what_torchvision_publishes(name):
    weights = get_weight(f"{WEIGHTS[name]}.DEFAULT")
    with torch.device("meta"):
        made = new_segmenter(name)
    assert network(name).addresses == (weights.url,)
    assert network(name).kind == "segmenter"
    assert network(name).file.endswith(f"-{network(name).sha256_start}.pth")
    assert sum(each.numel() for each in made.parameters()) == weights.meta["num_params"]
    assert tuple(weights.meta["categories"][1:]) == VOC_CLASSES[1:]


def test_it_sees_what_torchvisions_own_preparation_gives(published, pictures):
    made, path = published
    ours = Segmenter.from_file(SMALL, path, FACE, device="cpu")
    prepare = get_weight(f"{WEIGHTS[SMALL]}.DEFAULT").transforms()
    inputs = torch.stack([prepare(to_pil_image((one + 1) / 2)) for one in pictures])
    with torch.no_grad():
        wanted = made(inputs)["out"].argmax(dim=1)
        found = ours.function(torch.nn.functional.interpolate(pictures, 520, mode="bilinear"))
    assert found.shape == (2, 21, 520, 520)
    assert float((found.argmax(dim=1) == wanted).float().mean()) > 0.98  # a PIL picture is enlarged in bytes
    classes = torch.nn.functional.interpolate(found, 48, mode="bilinear", antialias=True).argmax(dim=1)
    labels = ours.labels(pictures)
    assert float((labels == ours.table[classes]).float().mean()) > 0.98
    assert set(labels.unique().tolist()) <= {ours.world.label(part) for part in ("background", "skin", "hair")}


def test_every_other_class_lies_behind(published, pictures):
    ours = Segmenter.from_file(SMALL, published[1], {"dog": "hat"}, size=64, device="cpu")
    assert ours.size == 64
    table = [ours.world.parts[label] for label in ours.table.tolist()]
    assert table == ["hat" if name == "dog" else "background" for name in VOC_CLASSES]
    assert ours.logits(pictures).shape == (2, 19, 48, 48)
    assert bool(ours.probabilities(pictures).isfinite().all())


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({}, 'classes say which part each is, such as {"car": "body"}; got {}'),
        ({"lorry": "hair"}, f"there is no class 'lorry'; known: {', '.join(VOC_CLASSES)}"),
        (["car"], 'classes say which part each is, such as {"car": "body"}; got [\'car\']'),
    ],
)
def test_bad_classes_are_told(published, classes, message):
    with pytest.raises(InputError) as raised:
        Segmenter.from_file(SMALL, published[1], classes, device="cpu")
    assert str(raised.value) == message


def test_what_is_not_there_is_told(published, tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    with pytest.raises(InputError) as raised:
        Segmenter.from_store("deeplab", FACE)
    assert str(raised.value) == f"there is no segmentation network 'deeplab'; known: {', '.join(SEGMENTERS)}"
    with pytest.raises(MissingModelError, match="eclipsed models fetch deeplabv3-resnet50"):
        Segmenter.from_store("deeplabv3-resnet50", FACE)
    with pytest.raises(CheckpointError, match="segmentation network"):
        Segmenter.from_file("deeplabv3-mobilenet-v3-large", published[1], FACE, device="cpu")
    check_network("segmenter", published[1], name=SMALL)
    with pytest.raises(CheckpointError, match="segmentation network"):
        check_network("segmenter", published[1], name="deeplabv3-mobilenet-v3-large")


# --- sets


@pytest.fixture
def own_set(model_set, tmp_path):
    """A copy of a set whose set.json names a segmentation network."""

    def make(parser):
        place = tmp_path / "own"
        shutil.copytree(model_set, place, dirs_exist_ok=True)
        content = {**json.loads((place / "set.json").read_text()), "name": "own", "parser": parser}
        (place / "set.json").write_text(json.dumps(content))
        return place

    return make


def test_a_set_names_its_segmentation_network(own_set, published, pictures, monkeypatch):
    place = own_set({"network": SMALL, "classes": FACE})
    monkeypatch.setattr(sets, "local_file", lambda network: published[1])
    monkeypatch.setattr(sets, "find_network", lambda name: published[1])
    found = find_set(place)
    assert found.parser == published[1]
    assert found.segmentation.name == SMALL
    assert found.segmentation.classes == FACE
    editor = Editor.from_pretrained(place, "cpu")
    assert editor.has_parser
    assert isinstance(editor.parser, Segmenter)
    wanted = Segmenter.from_file(SMALL, published[1], FACE, device="cpu")
    assert torch.equal(editor.parser.labels(pictures), wanted.labels(pictures))


def test_a_network_that_was_not_fetched_is_told(own_set, tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    place = own_set({"network": SMALL, "classes": FACE})
    with pytest.raises(MissingModelError) as raised:
        find_set(place)
    assert str(raised.value) == (
        f"the model set 'own' in {place} is not complete: it needs {SMALL} (eclipsed models fetch {SMALL})"
    )
    assert list_sets()


@pytest.mark.parametrize(
    ("parser", "reason"),
    [
        ({"network": "segnet", "classes": FACE}, f"'parser' must be a file, or hold 'network', one of"
         f" {', '.join(SEGMENTERS)}, and 'classes'; found {{'network': 'segnet', 'classes': {FACE!r}}}"),
        ({"network": SMALL, "classes": {"person": "wing"}}, "'parser': unknown part 'wing'; known parts and groups: "),
        ({"network": SMALL, "classes": {"lorry": "hair"}}, "'parser': there is no class 'lorry'; known: "),
        ({"network": SMALL}, "'parser' must be a file, or hold 'network', one of "),
    ],
)  # fmt: skip
def test_a_set_that_names_it_wrongly_is_told(own_set, parser, reason):
    place = own_set(parser)
    with pytest.raises(CheckpointError) as raised:
        find_set(place)
    assert str(raised.value).startswith(f"{place / 'set.json'}: {reason}")


# --- the example


def test_classes_of_coco_stuff_are_put_together():
    path = Path(__file__).parents[2] / "examples" / "coco_stuff_parser.py"
    spec = importlib.util.spec_from_file_location("coco_stuff_parser", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert {name for names in example.PARTS.values() for name in names} == set(example.NUMBERS)

    def tree_left_of_the_sky(images):
        logits = torch.zeros(len(images), example.CLASSES, 2, 2)
        logits[:, 168, :, 0] = 9  # tree, the 169th
        logits[:, 156, :, 1] = 9  # sky-other
        return logits

    parser = example.coco_stuff_parser(
        tree_left_of_the_sky, {"hair": ["tree", "bush"], "hat": ["sky-other"]}, world="face", device="cpu"
    )
    labels = parser.labels(torch.zeros(1, 3, 8, 8))
    assert set(labels[0, :, :3].flatten().tolist()) == {parser.world.label("hair")}
    assert set(labels[0, :, 5:].flatten().tolist()) == {parser.world.label("hat")}
