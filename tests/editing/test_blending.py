"""Hard locality in the feature maps: beyond the seam all is as it was, inside the edit is the edit."""

from dataclasses import replace

import pytest
import torch
from directions_kit import make
from PIL import Image, ImageChops
from torch.testing import assert_close

from eclipsed.commands import cli
from eclipsed.editing.blending import START, blend_features, blend_pixels
from eclipsed.editing.moving import edit
from eclipsed.editing.replay import first_row, replay, steps_of
from eclipsed.editing.stack import Stack
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.images.masks import mix_masks
from eclipsed.images.seams import feathered
from eclipsed.latents.direction import Direction
from eclipsed.networks.blended import draw_blended
from eclipsed.store.sets import shipped_directions

SEEDS = (2000, 2003, 2005)


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained("mini", device="cpu")


@pytest.fixture(scope="module")
def hair():
    return Direction.load(shipped_directions() / "curly-hair.safetensors")


def union(editor, before, after, parts):
    return mix_masks(editor.parser.mask(before.images, parts), editor.parser.mask(after.images, parts), "union")


# --- the network


def styles(generator, seed):
    ws = generator.mapping(torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(seed)))
    return generator.styles(ws)


def test_a_full_mask_draws_the_one_and_an_empty_mask_the_other(editor):
    network = editor.generator.network.synthesis
    old, new = styles(editor.generator, 1), styles(editor.generator, 2)
    ones = torch.ones(2, 1, 32, 32)
    assert torch.equal(draw_blended(network, old, new, ones, start=4), network.from_styles(new).image)
    assert torch.equal(draw_blended(network, old, new, ones, start=16), network.from_styles(new).image)
    # beyond the mask the features are those of the other; only the last colours are not joined
    none = draw_blended(network, old, new, 0 * ones, start=4)
    by_hand = network.from_styles({**old, "b32.torgb": new["b32.torgb"]}).image
    assert_close(none, by_hand, rtol=1e-5, atol=1e-5)


def test_far_from_the_mask_a_drawing_feels_nothing_of_it(editor):
    network = editor.generator.network.synthesis
    old, new = styles(editor.generator, 1), styles(editor.generator, 2)
    new["b32.torgb"] = old["b32.torgb"]
    mask = torch.zeros(2, 1, 32, 32)
    mask[:, :, :8, :8] = 1.0
    drawn, plain = draw_blended(network, old, new, mask, start=16), network.from_styles(old).image
    assert_close(drawn[:, :, 16:, 16:], plain[:, :, 16:, 16:], rtol=1e-5, atol=1e-5)
    assert float((drawn - plain)[:, :, :8, :8].abs().mean()) > 1e-3
    with pytest.raises(InputError, match=r"the shape \(2, 1, 32, 32\); got \(2, 1, 16, 16\)"):
        draw_blended(network, old, new, mask[:, :, :16, :16], start=16)


# --- edits


def test_beyond_the_seam_all_is_as_it_was_and_inside_the_edit_is_kept(mini, hair):
    faces = mini.sample(seeds=SEEDS)
    plain, blended = mini.edit(faces, hair, 1.0), mini.edit(faces, hair, 1.0, blend="features")
    core = union(mini, faces, plain, ("hair",))
    seam = feathered(core)
    beyond = (seam == 0).expand_as(faces.images)
    assert torch.equal(blended.images[beyond], faces.images[beyond])
    assert float((plain.images - faces.images)[beyond].abs().mean()) > 1e-3
    inside = core.bool().expand_as(faces.images)
    moved, kept = ((one.images - faces.images)[inside].abs().mean() for one in (plain, blended))
    assert float(kept) > 0.9 * float(moved)
    # what is kept is the same edit: far nearer to it than the face that it started from
    assert float((blended.images - plain.images)[inside].abs().mean()) < 0.25 * float(moved)
    assert torch.equal(blended.ws, plain.ws)
    assert blended.edits == tuple(replace(edit, blend="features") for edit in plain.edits)


def test_it_is_no_cross_fade(mini, hair):
    faces = mini.sample(seeds=SEEDS)
    pixels, features = (mini.edit(faces, hair, 1.0, blend=how) for how in ("pixels", "features"))
    seam = feathered(union(mini, faces, mini.edit(faces, hair, 1.0), ("hair",)))
    near = ((seam > 0) & (seam < 1)).expand_as(faces.images)
    assert float((pixels.images - features.images)[near].abs().mean()) > 1e-3
    old, new = faces.images[near], mini.edit(faces, hair, 1.0).images[near]
    between = (features.images[near] >= torch.minimum(old, new)) & (features.images[near] <= torch.maximum(old, new))
    assert float(between.float().mean()) < 0.95


def test_zero_gives_the_input_and_a_mask_of_everything_the_plain_edit(mini, hair, editor):
    faces = mini.sample(seeds=SEEDS)
    assert torch.equal(mini.edit(faces, hair, 0.0, blend="features").images, faces.images)
    whole = Editor(mini.generator, None, mini.clip)
    assert torch.equal(whole.edit(faces, hair, 1.0, blend="features").images, mini.edit(faces, hair, 1.0).images)


@pytest.mark.parametrize("space", ["Z", "W", "W+", "S"])
def test_every_space_and_any_number_of_faces(editor, space):
    direction = make(editor.generator, space, scale=0.5)
    faces = editor.sample(seeds=[3, 1, 2])
    blended = editor.edit(faces, direction, 0.8, blend="features")
    for k in range(3):
        alone = editor.edit(faces[k], direction, 0.8, blend="features")
        assert_close(alone.images, blended.images[k : k + 1], rtol=1e-4, atol=1e-4)
    plain = editor.edit(faces, direction, 0.8)
    low = blend_features(editor.generator, editor.parser, faces, plain, direction.region.parts)
    assert torch.equal(low.images, blended.images)
    assert not torch.equal(low.images, blend_pixels(editor.parser, faces, plain, direction.region.parts).images)


def test_faces_are_drawn_a_few_at_a_time(editor, monkeypatch):
    direction = make(editor.generator, "W+", scale=0.5)
    faces = editor.sample(seeds=range(5))
    whole = editor.edit(faces, direction, 1.0, blend="features")
    monkeypatch.setattr("eclipsed.editing.faces._PIXELS_AT_ONCE", 2 * 32 * 32)
    assert_close(editor.edit(faces, direction, 1.0, blend="features").images, whole.images, rtol=1e-4, atol=1e-4)


def test_several_directions_in_one_call_and_in_a_row(mini, hair):
    mouth = Direction.load(shipped_directions() / "open-mouth.safetensors")
    faces = mini.sample(seeds=SEEDS)
    both = mini.edit(faces, [hair, mouth], [1.0, 0.5], blend="features")
    plain = edit(mini.generator, faces, [hair, mouth], [1.0, 0.5])
    beyond = (feathered(union(mini, faces, plain, ("hair", "mouth"))) == 0).expand_as(faces.images)
    assert torch.equal(both.images[beyond], faces.images[beyond])
    assert torch.equal(both.ws, plain.ws)
    first = mini.edit(faces, hair, 1.0, blend="features")
    then = mini.edit(first, mouth, 0.5, blend="features")
    mask = feathered(union(mini, first, edit(mini.generator, first, mouth, 0.5), ("mouth",)))
    beyond = (mask == 0).expand_as(faces.images)
    assert torch.equal(then.images[beyond], first.images[beyond])  # the first edit's picture, not a new drawing
    assert not torch.equal(then.images, first.images)


def test_a_stack_replays_it(mini, hair):
    faces = mini.sample(seeds=SEEDS[:1])
    look = Stack.from_json(Stack().added(hair, alpha=0.8, blend="features").to_json())
    by_hand = mini.edit(faces, hair, 0.8, blend="features")
    assert torch.equal(mini.replay(faces, look, directions=[hair]).images, by_hand.images)
    steps = steps_of(look, mini.generator, find=lambda entry: hair)
    prefix = faces.latent.prefix(mini.generator, first_row(steps, mini.generator))
    again = replay(mini.generator, lambda: mini.parser, faces, steps, prefix=prefix)
    assert torch.equal(again.images, by_hand.images)


def test_the_joined_maps_begin_where_the_seam_is_half_a_place_wide():
    assert START * 0.04 > 0.5 > START / 2 * 0.04


def test_the_command(mini, hair, tmp_path, capsys):
    words = ["edit", "curly-hair", "--seeds", "2000", "--blend", "features", "--out", str(tmp_path), "--device", "cpu"]
    assert cli.run(words) == 0
    _, after = capsys.readouterr().out.split()
    expected = mini.edit(mini.sample(seeds=[2000]), hair, 1.0, blend="features").pil()[0]
    assert ImageChops.difference(Image.open(after), expected).getbbox() is None
