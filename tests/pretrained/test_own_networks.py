"""An editor of any networks: files, folders, functions, a parser by its classes, and none."""

import warnings

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from eclipsed import (
    CallableParser,
    EclipsedWarning,
    Editor,
    InputError,
    LocalityWarning,
    MissingModelError,
    TrainConfig,
)
from eclipsed.errors import CheckpointError
from eclipsed.pretrained.callable_parser import WholePicture
from eclipsed.pretrained.parser import Parser
from eclipsed.worlds.world import find_world

FACE = find_world("face")
QUICK = TrainConfig(steps=3, batch=2, layers=None, resolution=32, calibrate=False, warmup=1)
CLASSES = ["hair", None, "eyes", "mouth", "Left Ear"]
LABELS = torch.tensor(FACE.labels(("hair", "background", "left_eye", "mouth", "left_ear")))


def rows(images):
    """Class numbers that differ from row to row."""
    count, _, height, width = images.shape
    return (torch.arange(height) % len(CLASSES))[None, :, None].expand(count, height, width)


class Scores(nn.Module):
    """A network of one layer."""

    def __init__(self):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.layer = nn.Conv2d(3, len(CLASSES), 1)
        self.layer.weight.data = torch.randn(len(CLASSES), 3, 1, 1, generator=rng)

    def forward(self, images):
        return self.layer(images)


def images(height=20, width=15, count=2):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_class_numbers_become_labels_of_parts():
    parser = CallableParser(rows, CLASSES, device="cpu")
    given = images()
    assert torch.equal(parser.labels(given), LABELS[rows(given)])
    assert parser.labels(given).dtype == torch.int64
    mask = parser.mask(given, ["hair", "eyes"])
    assert torch.equal(mask[:, 0].bool(), torch.isin(rows(given), torch.tensor([0, 2])))
    probabilities = parser.probabilities(given)
    assert probabilities.shape == (2, len(FACE.parts), 20, 15)
    assert torch.equal(probabilities.argmax(dim=1), parser.labels(given))
    assert_close(probabilities.sum(dim=1), torch.ones(2, 20, 15))
    assert parser.parts == FACE.parts


def test_scores_become_labels_and_add_up_over_parts():
    network = Scores()
    parser = CallableParser(network, ["hair", "hair", None, "mouth", "nose"], device="cpu")
    given = images()
    expected = network.layer(given).softmax(dim=1)
    found = parser.probabilities(given)
    assert_close(found[:, FACE.label("hair")], expected[:, :2].sum(dim=1), atol=1e-5, rtol=1e-5)
    assert_close(found[:, FACE.label("nose")], expected[:, 4], atol=1e-5, rtol=1e-5)
    assert float(found[:, FACE.label("neck")].max()) == 0
    chosen = torch.tensor(FACE.labels(("hair", "hair", "background", "mouth", "nose")))
    assert torch.equal(parser.labels(given), chosen[expected.argmax(dim=1)])
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_function_sees_the_size_it_asks_for():
    seen = []

    def function(given):
        seen.append(tuple(given.shape))
        return rows(given)

    parser = CallableParser(function, CLASSES, size=8, device="cpu")
    assert parser.labels(images()).shape == (2, 20, 15)
    assert seen == [(2, 3, 8, 8)]
    assert parser.size == 8
    assert CallableParser(function, CLASSES, device="cpu").size == 256


def test_a_soft_mask_has_gradients():
    parser = CallableParser(Scores(), CLASSES, device="cpu")
    given = images().requires_grad_()
    parser.mask(given, "hair", soft=True).sum().backward()
    assert given.grad.isfinite().all()
    assert given.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, CLASSES), "function must be callable; got int"),
        ((rows, "hair"), "classes are a list of names; got 'hair'"),
        ((rows, []), "classes are a list of names"),
        ((rows, ["whiskers"]), "unknown part 'whiskers'; known parts and groups: background"),
        ((rows, [3]), "a class of a parser is a name or None; got 3"),
    ],
)
def test_what_is_no_parser(arguments, message):
    with pytest.raises(InputError, match=message):
        CallableParser(*arguments, device="cpu")
    with pytest.raises(InputError, match="size must be a whole number of pixels from 1; got 0"):
        CallableParser(rows, CLASSES, size=0, device="cpu")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: None, r"must give logits \(2, 5, h, w\) or class numbers \(2, h, w\); got NoneType"),
        (lambda x: x, r"must give logits .*; got torch.float32 \(2, 3, 20, 15\)"),
        (lambda x: rows(x)[0], r"must give .*; got torch.int64 \(20, 15\)"),
        (lambda x: rows(x) + 1, "has 5 classes, but its function gave numbers from 1 to 5"),
    ],
)
def test_a_function_that_gives_something_else(function, message):
    with pytest.raises(InputError, match=message):
        CallableParser(function, CLASSES, device="cpu").labels(images())


def test_an_editor_of_files(model_set, editor):
    files = (model_set / name for name in ("generator.safetensors", "parser.safetensors", "clip"))
    own = Editor(*files, device="cpu")
    assert own.name == "generator"
    assert own.generator.fingerprint == editor.generator.fingerprint
    faces = own.sample(seeds=1, truncation_psi=0.8)
    assert torch.equal(faces.images, editor.sample(seeds=1).images)
    assert torch.equal(own.parser.labels(faces.images), editor.parser.labels(faces.images))
    assert torch.equal(own.clip.encode_images(faces.images), editor.clip.encode_images(faces.images))


def test_an_editor_of_objects_and_functions(editor):
    own = Editor(editor.generator, lambda: editor.parser, lambda: editor.clip, name="mine")
    assert own.name == "mine"
    assert own.parser is editor.parser
    assert own.clip is editor.clip


def test_an_editor_with_ones_own_parser_trains_and_edits(editor):

    def halves(given):
        return (torch.arange(given.shape[2]) >= 16)[None, :, None].expand(given[:, 0].shape).int()

    own = Editor(editor.generator, CallableParser(halves, ["hair", None], device="cpu"), editor.clip)
    direction = own.train("a person with blond hair", config=QUICK)
    assert direction.region.parts == ("hair",)
    face = own.sample(seeds=1)
    blended = own.edit(face, direction, 1.0, blend="pixels").images
    assert torch.equal(blended[:, :, 24:], face.images[:, :, 24:])
    assert not torch.equal(blended[:, :, :8], face.images[:, :, :8])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"generator": 3}, InputError, "the generator must be a Generator or a file; got int"),
        ({"generator": "nowhere.pkl"}, MissingModelError, "nowhere.pkl is not there"),
        ({"parser": 3}, InputError, "the parser must be one, its file, or a function that loads it; got 3"),
        ({"parser": "nowhere.pth"}, MissingModelError, "nowhere.pth does not exist"),
        ({"clip": None}, InputError, "the CLIP model must be one, its file, or a function"),
        ({"clip": "ViT-B-32/nobody"}, InputError, "ViT-B-32 has no weights 'nobody'"),
        ({"clip": "./nowhere"}, MissingModelError, "the CLIP folder nowhere does not exist"),
    ],
)
def test_networks_that_are_none(editor, changes, error, message):
    given = {"generator": editor.generator, "parser": editor.parser, "clip": editor.clip, **changes}
    with pytest.raises(error, match=message):
        Editor(**given)


def test_a_generator_that_is_none_of_the_layouts(editor, tmp_path):
    (tmp_path / "g.pkl").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(CheckpointError, match=r"refused, it asks for os\.system"):
        Editor(tmp_path / "g.pkl", editor.parser, editor.clip)


def test_without_a_parser_the_whole_picture_changes_and_it_is_said(editor):
    own = Editor(editor.generator, None, editor.clip, name="bare")
    assert not own.has_parser
    how = (
        "paint a mask (--mask FILE, in Python region=eclipsed.read_mask(FILE)), paint its parts on a few faces "
        "(eclipsed parts learn NAME), or bring a parser of your own (eclipsed.CallableParser)"
    )
    with pytest.warns(LocalityWarning) as warned:
        direction = own.train("a person with blond hair", config=QUICK)
    said = f"bare has no parser, so the edit may change the whole picture; to hold it to a region, {how}"
    assert said in [str(one.message) for one in warned]
    assert direction.region.whole_face
    assert direction.region.warning == said
    face = own.sample(seeds=1)
    plain, blended = own.edit(face, direction, 1.0), own.edit(face, direction, 1.0, blend="pixels")
    assert torch.equal(plain.images, blended.images)
    with pytest.raises(InputError) as refused:
        own.train("a person with blond hair", region=["hair"], config=QUICK)
    assert str(refused.value) == f"bare has no parser, so an edit cannot be held to a region by its name; {how}"
    with pytest.raises(InputError, match="bare has no parser, so there are no parts to colour"):
        own.overlay(face)


def test_without_a_parser_calibration_works(editor):
    own = Editor(editor.generator, None, editor.clip, name="bare")
    config = TrainConfig(steps=3, batch=2, layers=None, resolution=32, calibration_faces=8, warmup=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)  # three steps on random networks are weak
        direction = own.train("a person with blond hair", config=config)
    assert direction.scores["localization"] == 1
    assert direction.scores["change_outside"] is None  # nothing is outside
    assert direction.scale > 0


def test_the_stand_in_is_a_parser():
    parser = WholePicture(device="cpu")
    assert isinstance(parser, Parser)
    assert bool((parser.mask(images(), "nose") == 1).all())
    assert bool((parser.labels(images()) == FACE.label("skin")).all())
