"""Painted parts wherever there is a region: in training, blended edits, figures and photographs."""

import copy
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from eclipsed.editor import Editor
from eclipsed.errors import EclipsedWarning, InputError, LocalityWarning
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.evaluation.judging import judge
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.keeping import begin_to_keep
from eclipsed.latents.direction import Direction
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.photos.alignment import Placement
from eclipsed.photos.kept import Kept
from eclipsed.photos.reading import Photo

pytestmark = pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")

PROMPT = "a person with a red forehead"


def box(top=4, left=6, height=16, width=14):
    numbers = np.zeros((32, 32), bool)
    numbers[top : top + height, left : left + width] = True
    return numbers


@pytest.fixture(scope="module")
def forehead(editor):
    return editor.learn_part("forehead", editor.sample(seeds=[1, 2, 3, 4]), [box()] * 4)


@pytest.fixture(scope="module")
def painted(editor, forehead):
    return editor.with_parts(forehead)


@pytest.fixture(scope="module")
def learned(painted, quick):
    return painted.train(PROMPT, config=quick)


def test_the_editor_knows_it_and_the_one_before_does_not(editor, painted, forehead):
    assert painted.parts == (forehead,)
    assert editor.parts == ()
    assert painted.world.parts == (*editor.world.parts, "forehead")
    assert painted.parser.world is painted.world
    assert painted.parser.base is editor.parser
    assert "forehead" not in editor.parser.parts


def test_a_sentence_trains_within_it(painted, learned, tmp_path):
    assert learned.region.parts == ("forehead",)
    again = Direction.load(learned.save(tmp_path / "d.safetensors"))
    assert again.region == learned.region
    faces = painted.sample(seeds=[11, 12])
    edited = painted.edit(faces, again, 1.0, blend="pixels")
    where = painted.part_mask(faces, painted.parts[0]) + painted.part_mask(edited, painted.parts[0]) > 0
    near = torch.nn.functional.max_pool2d(where.float(), 5, 1, 2) > 0
    changed = (edited.images != faces.images).any(dim=1, keepdim=True)
    assert changed[where].any()
    assert not changed[~near].any()
    assert torch.equal(painted.edit(faces, again, 0.0, blend="pixels").images, faces.images)


@pytest.mark.parametrize("blend", ["features", "styles"])
def test_all_blends_are_held_to_it(painted, learned, blend):
    faces = painted.sample(seeds=[11])
    edited = painted.edit(faces, learned, 1.0, blend=blend)
    changed = (edited.images != faces.images).any(dim=1)[0]
    assert changed.any()
    assert not changed.all()


def test_figures_are_of_it(painted, learned, editor):
    found = evaluate(painted, learned, seeds=[11, 12], alphas=(1.0,), extras=()).strengths[0]
    assert found.inside.mean > 0
    faces = painted.sample(seeds=[11, 12])
    values = judge(painted, faces, painted.edit(faces, learned), prompt=PROMPT, parts=["forehead"])
    assert bool(values["inside"].isfinite().all())
    with pytest.raises(InputError, match="unknown part 'forehead'"):
        editor.edit(faces, learned, blend="pixels")


def test_calibration_looks_at_it(painted, quick):
    with pytest.warns(EclipsedWarning):  # random networks are bound to be weak
        direction = painted.train(PROMPT, config=quick.replace(calibrate=True, calibration_faces=4))
    assert direction.scores["change_inside"] >= 0


def test_a_training_below_its_features_is_told(painted, quick):
    with pytest.raises(InputError) as raised:
        painted.train(PROMPT, config=quick.replace(resolution=16))
    assert str(raised.value) == (
        "painted parts are found in features of 32 px: train at that resolution or more; got 16"
    )


def test_another_process_has_it_too(painted):
    again = pickle.loads(pickle.dumps(painted))
    assert again.parts[0].name == "forehead"
    assert again.world is painted.world
    faces = painted.sample(seeds=[5])
    assert torch.equal(again.part_mask(faces, again.parts[0]), painted.part_mask(faces, painted.parts[0]))


def test_overlays_show_it(painted, editor):
    faces = painted.sample(seeds=[5])
    assert painted.overlay(faces, ["forehead"]).size == painted.overlay(faces, ["hair"]).size
    assert painted.part_sheet(faces, painted.parts[0]).size[0] > 32
    with pytest.raises(InputError, match="unknown part 'forehead'"):
        editor.overlay(faces, ["forehead"])


def test_it_is_corrected_by_one_more_face(editor, forehead):
    faces = editor.sample(seeds=[2, 21])
    more = editor.learn_part("forehead", faces, [box(8, 8, 8, 8), box()], earlier=forehead)
    assert len(more.paintings) == 5  # that of seed 2 was painted anew
    assert more.paintings[-2].inside.sum() == 64
    assert torch.equal(more.ws[:3, 0], forehead.ws[[0, 2, 3], 0])
    named = editor.learn_part("forehead", faces, [box(), None], words=["brow", "forehead"])
    assert named.words == ("brow", "forehead")
    assert named.paintings[1] is None
    assert editor.learn_part("forehead", faces, [box(), None], earlier=named).words == named.words


def test_sums_of_directions_keep_it(painted, learned, direction):
    for both in (learned + direction, direction + learned):
        assert both.region.parts == (*direction.region.parts, "forehead")
        assert both.region.painted == ("forehead",)


def test_an_atlas_is_of_what_pictures_show(painted, editor):
    assert painted.parser.of_pictures is editor.parser
    assert editor.parser.of_pictures is editor.parser


# --- without a parser


def test_without_a_parser_painted_parts_hold_edits(editor, forehead, quick):
    bare = Editor(editor.generator, None, editor.clip, name="bare", parts=[forehead])
    assert bare.has_parser
    assert bare.train(PROMPT, config=quick).region.parts == ("forehead",)
    assert bare.train("a smiling person", region=["forehead"], config=quick).region.parts == ("forehead",)
    with pytest.warns(LocalityWarning, match="bare has no parser, so the edit may change the whole picture"):
        assert bare.train("a person with blond hair", config=quick).region.whole_face
    with pytest.raises(InputError, match="bare has no parser, so an edit cannot be held to a region by its name"):
        bare.train("a person with blond hair", region=["hair"], config=quick)


# --- photographs


def test_a_photograph_is_parsed_through_its_inversion(painted, learned):
    x, y = np.meshgrid(np.arange(150), np.arange(110))
    photo = Photo(np.stack([x, y, 150 - x], -1).clip(0, 255).astype(np.uint8), name="photo")
    few = InversionConfig(steps=1, steps_from_mean=0, finish_steps=0)
    faces = painted.invert(photo, where=Placement((50.0, 55.0), (30.0, 8.0)), config=few)
    edited = painted.edit(faces, learned, 1.0)
    new = np.asarray(painted.paste(edited)[0])
    assert new.shape == photo.pixels.shape
    changed = (new != photo.pixels).any(axis=-1)
    assert changed.any()
    where = [painted.part_mask(one, painted.parts[0])[0, 0].numpy() > 0 for one in (faces, edited)]
    uv = faces.origins[0].placement.uv(np.stack([x + 0.5, y + 0.5], -1))
    rows, columns = ((uv[..., axis] * 32).clip(0, 31).astype(int) for axis in (1, 0))
    near = torch.nn.functional.max_pool2d(torch.tensor(where[0] | where[1])[None, None].float(), 7, 1, 3)[0, 0].numpy()
    within = ((uv > 0) & (uv < 1)).all(axis=-1)
    assert not changed[~within | (near[rows, columns] == 0)].any()


def test_what_is_kept_of_a_photograph_gives_way_where_it_is(painted, learned):
    generator, faces = painted.generator, painted.sample(seeds=[5])
    network, kept = generator.network.synthesis, begin_to_keep(generator, faces.ws)
    strange = KeptFeatures(kept.depth, torch.ones(1, 1, 8, 8), kept.x + 0.3, kept.image)
    own = Kept(strange, faces.ws, painted.parser)
    edited = painted.edit(faces, learned)
    shown = network.draw_kept(network.styles(faces.ws), strange)
    drawn = own.draw(generator, edited.latent.styles(generator), ["forehead"])
    assert not torch.equal(drawn, shown)
    assert torch.equal(own.draw(generator, faces.latent.styles(generator), ["forehead"]), shown)


# --- bad input


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([box()], "give one mask for each of the 2 faces; got 1"),
        ([box(), np.ones((32, 32))], "the mask of seed 2: the mask covers the whole picture, which is no region: leave"
         " some of it black"),
        ([np.zeros((32, 32)), None], "the part is painted on none of the faces: paint white where it is, on one of them"
         " at least"),
        ([np.zeros((32, 24)), box()], "the mask of seed 1: a mask is painted on aligned faces, which are as high as"
         " wide; got 24 x 32 pixels"),
    ],
)  # fmt: skip
def test_bad_masks_are_told(editor, masks, message):
    with pytest.raises(InputError) as raised:
        editor.learn_part("forehead", editor.sample(seeds=[1, 2]), masks)
    assert str(raised.value) == message


def test_a_photograph_is_no_mask(editor, tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (32, 32, 3)).astype(np.uint8)).save(tmp_path / "photo.png")
    with pytest.raises(InputError) as raised:
        editor.learn_part("forehead", editor.sample(seeds=[1]), [tmp_path / "photo.png"])
    assert str(raised.value).startswith(f"the mask of seed 1: {tmp_path / 'photo.png'}: a mask is black and white; ")


def test_a_name_that_is_none_is_told(editor):
    with pytest.raises(InputError) as raised:
        editor.learn_part("fore/head", editor.sample(seeds=[1]), [box()])
    assert str(raised.value) == "the name of a part has small letters, digits and underscores; got 'fore/head'"


def test_masks_may_come_as_one_array(editor, forehead):
    faces = editor.sample(seeds=[1, 2, 3, 4])
    same = editor.learn_part("forehead", faces, np.stack([box()] * 4))
    assert copy.copy(same.bias) == forehead.bias


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("brow", "the words of a part are a sequence of texts, such as [\"left cheek\"]; got 'brow'"),
        ([""], "a word of a part is a text with a letter in it; got ''"),
        (["brow", "  "], "a word of a part is a text with a letter in it; got ' '"),
        ([5], "a word of a part is a text with a letter in it; got 5"),
    ],
)
def test_words_that_name_nothing_are_told(editor, words, message):
    with pytest.raises(InputError) as raised:
        editor.learn_part("forehead", editor.sample(seeds=[1]), [None], words=words)
    assert str(raised.value) == message


# --- names, and parts that are taken away again


def test_a_part_is_taken_away_again(editor, painted, forehead):
    both = painted.with_parts(editor.learn_part("beard", editor.sample(seeds=[1]), [box()]))
    assert [part.name for part in both.without_parts("Forehead").parts] == ["beard"]
    assert both.without_parts("forehead").world.painted == {"beard": ("beard",)}
    bare = both.without_parts("forehead", "beard")
    assert bare.parts == ()
    assert bare.world is editor.world
    assert bare.parser is editor.parser
    assert [part.name for part in both.parts] == ["forehead", "beard"]
    with pytest.raises(InputError) as raised:
        painted.without_parts("chin")
    assert str(raised.value) == "no part 'chin' was painted; painted are: forehead"


def test_a_part_that_stood_for_one_of_the_parsers_gives_its_place_back(editor):
    part = editor.learn_part("hair", editor.sample(seeds=[1]), [box()])
    assert editor.with_parts(part).without_parts("hair").parser is editor.parser


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("Stirn!", (), "the name of a part has small letters, digits and underscores; got 'Stirn!'"),
        ("forehead", (), "there is a part 'forehead' already: correct that one, or take another name"),
        ("lips", (), "there is a part 'lips' already: correct that one, or take another name"),
        ("brow", ("line", "Forehead"), "'Forehead' names the painted part 'forehead' already: call 'brow' by another"
         " word"),
        ("brow", ("",), "a word of a part is a text with a letter in it; got ''"),
    ],
)  # fmt: skip
def test_a_name_or_word_that_is_taken_is_told(painted, name, words, message):
    with pytest.raises(InputError) as raised:
        painted.check_part_name(name, words)
    assert str(raised.value) == message


def test_a_name_that_is_free_is_given_as_it_is_spelled(painted, editor, forehead):
    assert painted.check_part_name("Left Cheek") == "left_cheek"
    assert painted.check_part_name("forehead", ["front"], again=True) == "forehead"
    bare = Editor(editor.generator, None, editor.clip, parts=[forehead])
    assert bare.check_part_name("hair") == "hair"  # of the world, and nothing finds it
