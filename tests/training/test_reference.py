"""A picture in place of a sentence: what CLIP is told, where it acts, what the file says, and each refusal."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.images.conversion import to_pil
from eclipsed.latents.direction import Direction
from eclipsed.photos.finding import FoundFace
from eclipsed.photos.reading import read_photo
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.prompts.likeness import Likeness
from eclipsed.prompts.region import Region
from eclipsed.training.reference import Reference
from eclipsed.training.reference_parts import Explained, candidates
from eclipsed.values.mask import Mask
from eclipsed.worlds.world import find_world

FACE = find_world("face")
pytestmark = pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")


class Finds:
    """Finds as many faces as it was told."""

    def __init__(self, count):
        self.count = count

    def find(self, photo):
        points = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]]) * photo.height
        return [FoundFace((*points.min(0), *points.max(0)), points) for _ in range(self.count)]


@pytest.fixture
def picture(editor, tmp_path):
    path = tmp_path / "Red Lips.png"
    to_pil(editor.sample(seeds=[77], truncation_psi=1.0).images)[0].save(path)
    return path


@pytest.fixture
def blind(editor):
    """The editor with a finder that finds nothing: square pictures are aligned faces as they are."""
    return Editor(editor.generator, editor.parser, editor.clip, name="stub", truncation_psi=0.8, finder=Finds(0))


def of(editor, image, region, finder=None):
    networks = {"generator": editor.generator, "parser": editor.parser, "clip": editor.clip}
    return Reference.of(image, finder=lambda: finder or Finds(0), region=region, **networks)


def test_faces_are_given_the_region_and_nothing_else(editor, picture):
    found = of(editor, picture, ["hair"])
    apart = (found.with_it - found.without).abs().sum(dim=1)
    shown = found.with_it.new_zeros(1, 3, 32, 32) + torch.as_tensor(0.0)
    assert found.with_it.shape == found.without.shape == (16, *shown.shape[1:])
    reference = read_photo(picture).pixels
    own = editor.parser.mask(found.with_it.new_tensor(reference / 127.5 - 1).permute(2, 0, 1)[None], ["hair"])
    theirs = editor.parser.mask(found.without, ["hair"])
    near = torch.nn.functional.max_pool2d(torch.maximum(own, theirs), 7, stride=1, padding=3)[:, 0]
    assert float(apart[near == 0].abs().max()) == 0  # outside nothing is put in
    assert float(apart.max()) > 0.1


def test_a_mask_is_a_region(editor, picture):
    inside = np.zeros((32, 32), bool)
    inside[8:16, 8:16] = True
    found = of(editor, picture, Mask(inside))
    assert found.region.mask is not None
    apart = (found.with_it - found.without).abs().amax(dim=(0, 1))
    assert float(apart[8:16, 8:16].max()) > 0.1
    assert float(apart[20:].max()) == float(apart[:, 20:].max()) == 0


def test_clip_is_told_the_mean_of_the_faces_with_it_and_of_those_without(editor, picture):
    found = of(editor, picture, ["hair"])
    with_it, without = found.texts(editor.clip)
    for vector, pictures in ((with_it, found.with_it), (without, found.without)):
        mean = editor.clip.encode_images(pictures).mean(dim=0)
        torch.testing.assert_close(vector, mean / mean.norm())
    assert found.texts(editor.clip) is found.texts(editor.clip)


def test_of_the_whole_face_the_pictures_own_vector_counts(editor, picture):
    found = of(editor, picture, Region(FACE.whole, True))
    assert found.with_it.shape[0] == 1
    own = editor.clip.encode_images(found.with_it)[0]
    torch.testing.assert_close(found.texts(editor.clip)[0], own / own.norm())


def test_what_lies_outside_the_region_is_to_stay():
    hair = Likeness("a picture", FACE, Region.from_parts(["hair"]))
    kept = {captions[0] for captions in hair.bystanders}
    assert "a person wearing a hat" in kept
    assert "a woman" in kept
    assert "a person with black hair" not in kept
    assert "a person with short hair" not in kept
    assert Likeness("a picture", FACE, Region(FACE.whole, True)).bystanders == ()
    assert (hair.statements, hair.told, hair.contrasts, hair.removes) == ((hair,), (), (), None)


def test_the_candidates_are_parts_and_small_groups():
    found = candidates(FACE)
    assert ("left_brow", "right_brow") in found
    assert ("mouth", "upper_lip", "lower_lip") in found
    assert ("hair",) in found
    assert sorted(part for parts in found for part in parts) == sorted(FACE.expand(FACE.whole))


def test_the_part_that_is_unusual_explains_more_than_is_usual():
    def halves(images):
        means = [images[..., :8].mean(dim=(1, 2, 3)), images[..., 8:].mean(dim=(1, 2, 3))]
        return torch.stack([*means, torch.full_like(means[0], 0.5)], dim=1)

    clip = CallableClip(halves, lambda sentences: torch.eye(3)[: len(sentences)], name="halves", size=16, device="cpu")
    tones = torch.linspace(-0.2, 0.2, 8)
    faces = torch.cat([tones[:, None].expand(8, 8), tones.flip(0)[:, None].expand(8, 8)], dim=1)[:, None, None]
    faces = faces.expand(8, 3, 16, 16).contiguous()
    picture = faces[:1].clone()
    picture[..., 8:] = 0.9
    left = torch.zeros(1, 1, 16, 16)
    left[..., :8] = 1

    def put(one, others, where):
        return torch.lerp(others, one.expand_as(others), where)

    explained = Explained(clip, faces, put)
    each = {name: explained.unusual(picture, one, one.expand(8, 1, 16, 16)) for name, one in
            (("left", left), ("right", 1 - left))}  # fmt: skip
    assert each["right"] > 2 > each["left"]
    assert explained.unusual(picture, left * 0, left.expand(8, 1, 16, 16)) is None


def test_without_a_region_one_is_found_and_said_to_be(editor, picture):
    found = of(editor, picture, None)
    assert found.region.parts in candidates(FACE)
    assert (found.facts["region"], of(editor, picture, ["hair"]).facts["region"]) == ("found", "given")


def test_training_on_a_picture(blind, quick, picture, tmp_path):
    direction = blind.train(image=picture, region=["hair"], config=quick)
    assert (direction.prompt, direction.name, direction.region.parts) == (None, "like-red-lips", ("hair",))
    sha = read_photo(picture).sha256
    assert direction.reference == {"kind": "picture", "name": "Red Lips.png", "sha256": sha, "region": "given"}
    kept = Direction.load(direction.save(tmp_path / "d.safetensors"))
    assert kept.reference == direction.reference
    assert torch.equal(kept.deltas, direction.deltas)
    assert torch.equal(blind.train(image=Image.open(picture), region=["hair"], config=quick).deltas, direction.deltas)
    other = tmp_path / "other.png"
    to_pil(blind.sample(seeds=[78], truncation_psi=1.0).images)[0].save(other)
    assert not torch.equal(blind.train(image=other, region=["hair"], config=quick).deltas, direction.deltas)
    assert "reference" not in blind.train("a person with blond hair", config=quick).metadata()


def test_a_stopped_training_goes_on_with_its_picture_only(blind, quick, picture, tmp_path):
    state = tmp_path / "state.safetensors"
    whole = blind.train(image=picture, region=["hair"], config=quick)
    asked = {"image": picture, "region": ["hair"], "config": quick}
    blind.train(**asked, state=state, callback=lambda step: step.phase != "train" or step.step < 3)
    assert torch.equal(blind.train(image=picture, region=["hair"], resume=state).deltas, whole.deltas)
    other = tmp_path / "other.png"
    to_pil(blind.sample(seeds=[78], truncation_psi=1.0).images)[0].save(other)
    with pytest.raises(InputError, match=r"^the saved training has the prompt 'picture Red Lips.png \("):
        blind.train(image=other, region=["hair"], resume=state)


def test_a_weak_one_says_so_under_its_name(blind, quick, picture):
    config = quick.replace(calibrate=True, calibration_faces=4, steps=1, start="zero")
    with pytest.warns(match="^'like-red-lips': "):
        assert blind.train(image=picture, region=["hair"], config=config).weak


def test_what_cannot_be_learned_from_is_one_sentence(editor, blind, quick, picture, tmp_path):
    def refused(call):
        with pytest.raises(InputError) as caught:
            call()
        return str(caught.value)

    wide, plain = tmp_path / "wide.png", tmp_path / "plain.png"
    Image.new("RGB", (60, 40)).save(wide)
    Image.new("RGB", (64, 64), (128, 128, 128)).save(plain)
    assert refused(lambda: blind.train()) == "learn from a prompt, or from an image: give one of them"
    assert refused(lambda: blind.train("blond hair", image=picture)) == (
        "learn from a prompt, or from an image: give one of them"
    )
    name = read_photo(wide).name
    assert refused(lambda: blind.train(image=wide, config=quick)) == (
        f"no face was found in {name}, so no part of one either; name the region"
    )
    assert refused(lambda: of(editor, picture, None, Finds(3))) == (
        f"{read_photo(picture).name} shows 3 faces; cut out the one that is meant"
    )
    missing = next(part for part in FACE.parts if not float(editor.parser.mask(_tensor(plain), [part]).mean()))
    assert refused(lambda: of(editor, plain, [missing])) == (
        f"{read_photo(plain).name} shows nothing of the region {missing}; name one that it shows"
    )
    assert refused(lambda: blind.train(image=tmp_path / "none.png", config=quick)) == (
        f"{tmp_path}/none.png is not there; check the path of the photo"
    )


def _tensor(path):
    pixels = np.asarray(Image.open(path).resize((32, 32)).convert("RGB"))
    return torch.from_numpy(pixels / 127.5 - 1).float().permute(2, 0, 1)[None]


def test_the_command_line(model_set, picture, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--models", str(model_set), "--device", "cpu", "--steps", "2", "--set", "start=zero"]
    options += ["--set", "calibrate=false", "--layers", "all"]
    assert cli.run(["train", "--image", str(picture), "--region", "hair", "--json", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == "like-red-lips.safetensors"
    assert (told["prompt"], told["reference"]["region"]) == (None, "given")
    assert Direction.load(tmp_path / "like-red-lips.safetensors").reference == told["reference"]
    assert cli.run(["train", "a hat", "--image", str(picture), *options]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: give one prompt, or --image with a picture"
