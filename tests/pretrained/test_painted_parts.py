"""Parts learned from painted faces: the fit against its definition, the parser that finds them, and their files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from eclipsed.editor import Editor
from eclipsed.errors import CheckpointError, InputError
from eclipsed.files import header
from eclipsed.files.kinds import PARSER
from eclipsed.networks.layers import Synthesis, SynthesisOptions
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.pretrained.callable_parser import CallableParser
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.painted_parser import PaintedParser
from eclipsed.pretrained.painted_part import MOST_PAINTINGS, PaintedPart
from eclipsed.pretrained.part_fitting import fit_part, layers_of, part_logits
from eclipsed.values.mask import Mask
from eclipsed.worlds.world import find_world

SIDE = 32


def box(top=4, left=6, height=16, width=14):
    numbers = np.zeros((SIDE, SIDE), bool)
    numbers[top : top + height, left : left + width] = True
    return numbers


def bright(editor, faces, layer="b16.conv1"):
    """What stands for the truth: where the first feature of a layer is above its middle, (N, 32, 32)."""
    options = SynthesisOptions(features=[layer])
    maps = faces.latent.render(editor.generator, options).features[layer][:, :1]
    large = torch.nn.functional.interpolate(maps, size=(SIDE, SIDE), mode="bilinear", align_corners=False)[:, 0]
    return large > large.mean()


@pytest.fixture(scope="module")
def faces(editor):
    return editor.sample(seeds=range(1, 9))


@pytest.fixture(scope="module")
def forehead(editor, faces):
    return editor.learn_part("forehead", faces, list(bright(editor, faces)))


@pytest.fixture(scope="module")
def truth(editor):
    return bright(editor, editor.sample(seeds=[7, 8, 9]))


@pytest.fixture(scope="module")
def drawn(editor):
    names = [layer.name for layer in layers_of(editor.generator)]
    return editor.sample(seeds=[7, 8, 9]).latent.render(editor.generator, SynthesisOptions(features=names))


def overlap(found, wanted):
    return float((found & wanted).sum() / (found | wanted).sum())


# --- the map and its fit


def enlarged(values, side):
    """Bilinear, corners not aligned, edges repeated: by hand."""
    small = values.shape[-1]
    at = ((np.arange(side) + 0.5) * small / side - 0.5).clip(0, small - 1)
    low = np.floor(at).astype(int)
    high, share = np.minimum(low + 1, small - 1), at - low
    rows = values[..., low, :] * (1 - share)[:, None] + values[..., high, :] * share[:, None]
    return rows[..., low] * (1 - share) + rows[..., high] * share


def test_the_map_is_linear_in_enlarged_features():
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(2, 3, 4, 4)), rng.normal(size=(2, 5, 8, 8))]
    weights = [rng.normal(size=(2, 3)), rng.normal(size=(2, 5))]
    bias = rng.normal(size=2)
    total = sum(np.einsum("nchw,pc->nphw", enlarged(one, 8), w) for one, w in zip(maps, weights, strict=True))
    wanted = enlarged(total + bias[None, :, None, None], 16)
    as_floats = [[torch.tensor(one, dtype=torch.float32) for one in some] for some in (maps, weights)]
    found = part_logits(*as_floats, torch.tensor(bias, dtype=torch.float32), 16)
    assert_close(found.double(), torch.tensor(wanted), rtol=1e-5, atol=1e-5)


def test_a_map_that_there_is_is_found():
    rng = torch.Generator().manual_seed(0)
    coarse, fine = torch.randn(12, 4, 8, 8, generator=rng), torch.randn(12, 6, 32, 32, generator=rng)
    weights = [torch.tensor([[1.0, -2.0, 0.5, 0.0]]), torch.tensor([[0.0, 1.5, -1.0, 0.3, 0.0, 2.0]])]
    true = part_logits([coarse, fine], weights, torch.tensor([-0.7]), 32)[:, 0] > 0
    paintings = [Mask(one.numpy()) for one in true[:8]]
    fitted, bias = fit_part([coarse[:8], fine[:8]], paintings)
    rest = [coarse[8:], fine[8:]]
    found = part_logits(rest, [one[None] for one in fitted], torch.tensor([bias]), 32)[:, 0] > 0
    assert overlap(found, true[8:]) > 0.95
    again, same = fit_part([coarse[:8], fine[:8]], paintings)
    assert all(torch.equal(one, other) for one, other in zip(fitted, again, strict=True))
    assert bias == same


def test_faces_without_the_part_count():
    rng = torch.Generator().manual_seed(1)
    maps = torch.randn(4, 3, 16, 16, generator=rng)
    maps[2:, 0] = -3  # the part shows in the first map alone, and only on the first two faces
    where = maps[:, 0] > 0.3
    fitted, bias = fit_part([maps], [Mask(where[0].numpy()), Mask(where[1].numpy()), None, None])
    found = part_logits([maps], [fitted[0][None]], torch.tensor([bias]), 16)[:, 0] > 0
    assert overlap(found[:2], where[:2]) > 0.9
    assert not found[2:].any()
    with pytest.raises(InputError) as raised:
        fit_part([maps], [None] * 4)
    assert str(raised.value) == (
        "the part is painted on none of the faces: paint white where it is, on one of them at least"
    )


def test_layers_are_the_last_of_each_size(editor):
    assert [layer.name for layer in layers_of(editor.generator)] == ["b8.conv1", "b16.conv1", "b32.conv1"]


# --- the part and its file


def test_a_painted_place_is_found_on_other_faces(editor, forehead, drawn, truth):
    finder = PaintedParser([forehead], editor.generator)
    found = finder.mask(drawn, ["forehead"])
    assert found.shape == (3, 1, SIDE, SIDE)
    assert overlap(found[2, 0] > 0, truth[2]) > 0.85  # a face that was not painted
    one = Synthesis(drawn.image[1:2], {name: values[1:2] for name, values in drawn.features.items()})
    assert_close(finder.scores(one), finder.scores(drawn)[1:2])


def test_the_file_keeps_all_of_it(forehead, tmp_path):
    path = forehead.save(tmp_path / "part.safetensors")
    assert path.stat().st_size < 20_000
    again = PaintedPart.load(path)
    for name in ("name", "words", "generator", "bias", "paintings"):
        assert getattr(again, name) == getattr(forehead, name)
    assert torch.equal(again.ws, forehead.ws)
    assert again.ws.shape[1] == 1  # faces from seeds have rows that are alike
    assert all(torch.equal(again.weights[name], weight) for name, weight in forehead.weights.items())
    assert repr(again) == "PaintedPart('forehead', painted on 8 faces of stub)"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"words": None}, "it is no painted part ('NoneType' object is not iterable)"),
        ({"paintings": [None]}, "its numbers are not those of a painted part"),
        ({"layers": []}, "its numbers are not those of a painted part"),
        ({"bias": "much"}, "it is no painted part (could not convert string to float: 'much')"),
        ({"name": ""}, "it is no painted part (expected a text; found '')"),
    ],
)
def test_a_damaged_file_is_told(forehead, tmp_path, change, reason):
    path = forehead.save(tmp_path / "part.safetensors")
    data = {**header.read_data(path, header.Kind(name="painted-part", noun="part", error=InputError)), **change}
    save_file(load_file(path), path, metadata={"eclipsed": json.dumps(data)})
    with pytest.raises(CheckpointError) as raised:
        PaintedPart.load(path)
    assert str(raised.value) == f"{path} is damaged: {reason}"


def test_another_kind_of_file_and_none_are_told(tmp_path):
    path = header.write(tmp_path / "p.safetensors", PARSER, {}, {"x": torch.zeros(1)})
    with pytest.raises(CheckpointError) as raised:
        PaintedPart.load(path)
    advice = "one is written by `eclipsed parts learn`"
    assert str(raised.value) == f"{path} holds no painted part but 'parser'; {advice}"
    with pytest.raises(FileNotFoundError, match=r"there is no file .* of a painted part"):
        PaintedPart.load(tmp_path / "none.safetensors")


def test_a_part_belongs_to_its_generator(editor, forehead):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        state = StyleGAN2(editor.generator.config).state_dict()
    other = Generator(editor.generator.config, state, device="cpu", name="other")
    for refused in (lambda: PaintedParser([forehead], other), lambda: forehead.check(other)):
        with pytest.raises(InputError) as raised:
            refused()
        own, others = editor.generator.fingerprint[:12], other.fingerprint[:12]
        assert str(raised.value) == (
            f"the part 'forehead' was painted for the generator 'stub' ({own}); got 'other' ({others}): paint it anew:"
            " eclipsed parts learn forehead"
        )
    short = replace(forehead, weights={"b8.conv1": torch.zeros(3)})
    with pytest.raises(InputError, match="which 'stub' does not have"):
        short.check(editor.generator)


def test_at_most_so_many_faces(editor):
    with pytest.raises(InputError, match=f"at most {MOST_PAINTINGS} faces; got {MOST_PAINTINGS + 1}"):
        PaintedPart.learn(
            "x",
            words=("x",),
            generator=editor.generator,
            features={},
            ws=torch.zeros(1, 8, 16),
            paintings=[None] * (MOST_PAINTINGS + 1),
        )


# --- the parser


def halves(images):
    """Hair on the left, skin on the right."""
    classes = torch.zeros(images.shape[0], *images.shape[2:], dtype=torch.long)
    classes[..., images.shape[3] // 2 :] = 1
    return classes


@pytest.fixture(scope="module")
def base():
    return CallableParser(halves, ["hair", "skin"], device="cpu")


def test_a_part_lies_over_those_of_the_other_parser(editor, forehead, base, drawn):
    finder = PaintedParser([forehead], editor.generator, base=base)
    where = finder.mask(drawn, "forehead")
    assert finder.parts == (*base.parts, "forehead")
    assert finder.finds == finder.parts
    assert torch.equal(finder.mask(drawn, "hair"), base.mask(drawn.image, "hair"))
    assert torch.equal(finder.mask(drawn, ["hair", "forehead"]), torch.maximum(base.mask(drawn.image, "hair"), where))
    labels = finder.labels(drawn)
    assert torch.equal(labels == finder.world.label("forehead"), where[:, 0] > 0)
    assert torch.equal(labels[where[:, 0] == 0], base.labels(drawn.image)[where[:, 0] == 0])
    tables = torch.zeros(2, len(finder.parts))
    tables[0, [finder.world.label("forehead"), finder.world.label("skin")]] = 1
    looked = finder.looked_up(drawn, tables)
    assert torch.equal(looked[:, :1], finder.mask(drawn, ["skin", "forehead"]))
    assert not looked[:, 1].any()


def test_a_part_stands_in_the_place_of_its_name(editor, faces, base, drawn, truth):
    hair = editor.learn_part("hair", faces, list(bright(editor, faces)))
    lips = editor.learn_part("lips", faces, list(bright(editor, faces, "b8.conv1")))
    finder = PaintedParser([hair, lips], editor.generator, base=base)
    assert finder.parts == base.parts
    assert overlap(finder.mask(drawn, "hair")[:, 0] > 0, truth) > 0.85
    assert torch.equal(finder.mask(drawn, "lips"), finder.mask(drawn, "upper_lip"))
    assert torch.equal(finder.mask(drawn, "skin"), base.mask(drawn.image, "skin"))
    assert set(finder.labels(drawn).unique().tolist()) >= {finder.world.label("upper_lip"), finder.world.label("hair")}
    tables = torch.zeros(1, len(finder.parts))
    tables[0, finder.world.label("hair")] = 1
    assert torch.equal(finder.looked_up(drawn, tables), finder.mask(drawn, "hair"))


def test_pictures_are_enough_for_what_was_not_painted(editor, forehead, base, drawn):
    finder = PaintedParser([forehead], editor.generator, base=base)
    assert finder.reads(["hair", "skin"]) == ()
    assert finder.reads(["skin", "forehead"]) == ("b8.conv1", "b16.conv1", "b32.conv1")
    assert torch.equal(finder.mask(drawn.image, "hair"), base.mask(drawn.image, "hair"))
    assert torch.equal(finder.labels(drawn.image), base.labels(drawn.image))
    tables = torch.eye(len(finder.parts))
    for asked in (lambda: finder.mask(drawn.image, "forehead"), lambda: finder.looked_up(drawn.image, tables)):
        with pytest.raises(InputError) as raised:
            asked()
        assert str(raised.value) == (
            "painted parts (forehead) are found in what the generator draws, not in pictures: give what was drawn, with"
            " the features that `reads` names"
        )


def test_without_another_parser_only_painted_parts_are_found(editor, forehead, drawn):
    finder = PaintedParser([forehead], editor.generator)
    assert finder.finds == ("forehead",)
    assert torch.equal(finder.mask(drawn, ["forehead", "hat"]), finder.mask(drawn, ["forehead"]))
    assert set(finder.labels(drawn).unique().tolist()) == {0, finder.world.label("forehead")}
    with pytest.raises(InputError) as raised:
        finder.mask(drawn, ["hat", "hair"])
    assert str(raised.value) == "nothing finds hair, hat here; painted are: forehead"
    with pytest.raises(InputError, match="a parser of painted parts needs at least one; got none"):
        PaintedParser([], editor.generator)


def test_soft_masks_have_gradients(editor, forehead, drawn):
    finder = PaintedParser([forehead], editor.generator)
    features = {name: values.clone().requires_grad_() for name, values in drawn.features.items()}
    soft = finder.mask(Synthesis(drawn.image, features), "forehead", soft=True)
    assert float(soft.detach().min()) >= 0
    assert float(soft.detach().max()) <= 1
    assert bool(((soft > 0.01) & (soft < 0.99)).any())
    soft.sum().backward()
    assert all(bool(values.grad.isfinite().all()) and bool(values.grad.any()) for values in features.values())


def test_what_lies_behind_cannot_be_painted(editor, faces, forehead):
    with pytest.raises(InputError, match="'background' is what lies behind all parts"):
        PaintedParser([replace(forehead, name="background", words=("background",))], editor.generator)
    for name in ("background", "face"):
        with pytest.raises(InputError) as raised:
            editor.learn_part(name, faces, [box()] * 8)
        assert str(raised.value) == f"{name!r} is no single part of a face; paint one of its parts"


def test_a_world_says_whose_parts_they_are(editor, forehead):
    world = find_world("face")
    assert PaintedParser([forehead], editor.generator, world=world).world is world.with_parts(
        {"forehead": ("forehead",)}
    )
    assert isinstance(Editor(editor.generator, PaintedParser([forehead], editor.generator), editor.clip), Editor)
