"""Faces, and moving them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from directions_kit import make
from PIL import Image
from torch.testing import assert_close

from eclipsed.editing.moving import ladder
from eclipsed.errors import DirectionError, EclipsedWarning, InputError, MissingModelError, OutputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.values.alphas import check_alpha, check_alphas

SPACES = ("Z", "W", "W+", "S")


@pytest.fixture(scope="module")
def faces(editor):
    return editor.sample(seeds=[3, 1, 2])


@pytest.fixture(scope="module", params=SPACES)
def any_direction(request, editor):
    return make(editor.generator, request.param, scale=0.5)


@pytest.fixture(scope="module")
def plus(editor):
    return make(editor.generator, "W+", scale=0.5)


@pytest.fixture(scope="module")
def style(editor):
    return make(editor.generator, "S", scale=0.25, name="style")


def test_alpha_zero_returns_the_input_bit_for_bit(editor, faces, any_direction):
    same = editor.edit(faces, any_direction, alpha=0.0)
    assert torch.equal(same.images, faces.images)
    assert torch.equal(same.ws, faces.ws)
    edited = editor.edit(faces, any_direction, alpha=0.7)
    assert torch.equal(editor.edit(edited, any_direction, alpha=0).images, edited.images)
    assert torch.equal(editor.edit(faces, [any_direction, any_direction], alpha=[0, -0.0]).images, faces.images)


def test_an_edit_is_the_synthesis_of_moved_ws(editor, faces, plus):
    edited = editor.edit(faces, plus, alpha=-0.8)
    ws = faces.ws + (-0.8 * 0.5) * plus.deltas[0]
    assert_close(edited.ws, ws)
    assert_close(edited.images, editor.generator.synthesis(ws).image, rtol=1e-4, atol=1e-4)
    assert torch.equal(faces.ws, editor.sample(seeds=[3, 1, 2]).ws)


def test_both_signs_differ_and_more_is_more(editor, faces, any_direction):
    changes = {}
    for alpha in (-1.0, -0.5, 0.5, 1.0):
        edited = editor.edit(faces, any_direction, alpha)
        changes[alpha] = edited.images - faces.images
        assert edited.images.shape == faces.images.shape
    assert float(changes[1.0].abs().mean()) > float(changes[0.5].abs().mean())
    assert float((changes[1.0] - changes[-1.0]).abs().mean()) > float(changes[0.5].abs().mean()) / 2


def test_an_edit_does_not_depend_on_the_batch(editor, faces, any_direction):
    whole = editor.edit(faces, any_direction, 0.6)
    for index in range(3):
        alone = editor.edit(faces[index], any_direction, 0.6)
        assert_close(alone.images, whole.images[index : index + 1], rtol=1e-4, atol=1e-4)


def test_many_faces_are_rendered_a_few_at_a_time(editor, plus, monkeypatch):
    monkeypatch.setattr("eclipsed.editing.faces._PIXELS_AT_ONCE", 2 * 32 * 32)
    sizes = []
    render = Latent.render

    def counted(latent, generator, **options):
        sizes.append(len(latent))
        return render(latent, generator, **options)

    monkeypatch.setattr(Latent, "render", counted)
    assert len(editor.sample(seeds=range(5))) == 5
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("pixels", [1, 4 * 32 * 32, 100 * 32 * 32])
def test_a_ladder_is_many_edits(editor, faces, any_direction, monkeypatch, pixels):
    monkeypatch.setattr("eclipsed.editing.faces._PIXELS_AT_ONCE", pixels)
    alphas = (-0.5, 0.0, 0.25, 1.0)
    rungs = ladder(editor.generator, faces, any_direction, alphas)
    assert torch.equal(rungs[1].images, faces.images)
    for alpha, rung in zip(alphas, rungs, strict=True):
        alone = editor.edit(faces, any_direction, alpha)
        assert_close(rung.images, alone.images, rtol=1e-4, atol=1e-4)
        assert torch.equal(rung.ws, alone.ws)
        assert rung.edits == alone.edits
        assert rung.before is faces


def test_a_ladder_draws_what_is_shared_once(editor, faces, plus, monkeypatch):
    rows, prefix = [], editor.generator.prefix
    monkeypatch.setattr(
        editor.generator, "prefix", lambda styles, row, *how: rows.append(row) or prefix(styles, row, *how)
    )
    rungs = ladder(editor.generator, faces, plus, (0.5, 1.0), layers=(5, 6))
    assert rows == [5]
    assert float((rungs[0].images - rungs[1].images).abs().mean()) > 1e-4
    assert_close(rungs[1].images, editor.edit(faces, plus, 1.0, layers=(5, 6)).images, rtol=1e-4, atol=1e-4)


def test_several_in_one_call_are_several_in_a_row(editor, faces, any_direction, plus):
    together = editor.edit(faces, [any_direction, plus], alpha=[0.5, -1.0])
    one = editor.edit(editor.edit(faces, any_direction, 0.5), plus, -1.0)
    other = editor.edit(editor.edit(faces, plus, -1.0), any_direction, 0.5)
    assert_close(together.images, one.images, rtol=1e-3, atol=1e-3)
    assert_close(together.images, other.images, rtol=1e-3, atol=1e-3)
    assert [edit.alpha for edit in together.edits] == [0.5, -1.0]


def test_going_there_and_back(editor, faces, any_direction):
    there = editor.edit(faces, any_direction, 0.8)
    back = editor.edit(there, any_direction, -0.8)
    assert_close(back.images, faces.images, rtol=1e-3, atol=1e-3)
    assert float((there.images - faces.images).abs().mean()) > 1e-3


def test_style_edits_stay_when_ws_are_edited(editor, faces, style, plus):
    first = editor.edit(faces, style, 1.0)
    then = editor.edit(first, plus, 0.5)
    only = editor.edit(faces, plus, 0.5)
    assert float((then.images - only.images).abs().mean()) > 1e-3
    assert set(then.latent.offsets) == set(editor.generator.style_names)


def test_layers_restrict_an_edit(editor, faces, plus):
    edited = editor.edit(faces, plus, 1.0, layers=[2, 6])
    changed = (edited.ws != faces.ws).any(dim=2).any(dim=0)
    assert changed.nonzero().flatten().tolist() == [2, 6]
    assert edited.edits[0].layers == (2, 6)
    by_name = editor.edit(faces, plus, 1.0, layers=["b8.conv1"])
    assert torch.equal(by_name.ws, editor.edit(faces, plus, 1.0, layers=[2]).ws)
    with pytest.raises(InputError, match="rows 0 to 7; got layer 8"):
        editor.edit(faces, plus, 1.0, layers=[8])
    for bad in ([], 3, "b8.conv1"):
        with pytest.raises(InputError, match="layers must be a sequence of rows"):
            editor.edit(faces, plus, 1.0, layers=bad)


def test_directions_learned_together_count_as_several(editor, faces):
    two = make(editor.generator, "W+", count=2)
    edited = editor.edit(faces, two, alpha=[0.5, 0.0])
    assert_close(edited.images, editor.edit(faces, two[0], 0.5).images, rtol=1e-4, atol=1e-4)
    assert [edit.name for edit in edited.edits] == ["blond-hair-1", "blond-hair-2"]
    assert_close(editor.edit(faces, two, 0.2).ws, editor.edit(faces, two, [0.2, 0.2]).ws)


def test_the_history_is_kept(editor, faces, plus, style):
    edited = editor.edit(editor.edit(faces, plus, 1.0), style, -0.5)
    assert [(edit.name, edit.alpha) for edit in edited.edits] == [("blond-hair", 1.0), ("style", -0.5)]
    assert edited.before.before is faces
    assert edited.seeds == (3, 1, 2)
    part = edited[1:]
    assert part.seeds == (1, 2)
    assert torch.equal(part.before.before.images, faces.images[1:])
    assert edited[-1].seeds == (2,)
    with pytest.raises(IndexError, match="there are 3 faces; got index 3"):
        edited[3]


def test_a_direction_of_another_generator(editor, faces, plus):
    with pytest.raises(DirectionError, match="was trained on the generator 'real'"):
        editor.edit(faces, replace(plus, generator="1" * 64, generator_name="real"))


def test_beyond_the_useful_range_it_warns(editor, faces, plus):
    with pytest.warns(EclipsedWarning, match=r"alpha 1.5 is beyond the range .* \(-1.25 to 1.25\)"):
        editor.edit(faces, plus, 1.5)
    editor.edit(faces, plus, -1.25)  # a warning would be an error here


@pytest.mark.parametrize("alpha", [math.nan, math.inf, -math.inf, "1", None, True, [1.0, math.nan], object()])
def test_an_alpha_that_is_no_number(editor, faces, plus, alpha):
    with pytest.raises(InputError, match=r"alpha must be a finite number such as 1\.0 or -0\.5; got"):
        editor.edit(faces, [plus, plus], alpha)


def test_alphas_and_directions_that_do_not_match(editor, faces, plus):
    with pytest.raises(InputError, match="one for each of the 2 directions; got 3"):
        editor.edit(faces, [plus, plus], [1, 2, 3])
    with pytest.raises(InputError, match="expected at least one direction"):
        editor.edit(faces, [], 1.0)
    with pytest.raises(InputError, match="expected a Direction, its file or its name; got int"):
        editor.edit(faces, 3)
    with pytest.raises(MissingModelError, match=r"there is no direction file blond\.safetensors"):
        editor.edit(faces, "blond.safetensors")


def test_alphas_of_every_kind():
    assert check_alpha(np.float32(0.5)) == 0.5
    assert check_alphas(2, 3) == (2.0, 2.0, 2.0)
    assert check_alphas(torch.tensor([1.0, -1.0]), 2) == (1.0, -1.0)
    assert check_alphas((1, 0), 2) == (1.0, 0.0)


def test_pictures(editor, faces, plus):
    pictures = faces.pil()
    assert len(pictures) == 3
    assert pictures[0].size == (32, 32)
    wanted = ((faces.images[1].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(pictures[1]).astype(float) - wanted).max() <= 0.51
    plain, edited = faces.strip(), editor.edit(faces, plus, 0.5).strip()
    assert edited.size[0] > plain.size[0]  # one more column
    again = editor.edit(editor.edit(faces, plus, 0.5), plus, 0.25).strip()
    assert again.size[0] > edited.size[0]


def test_saving(editor, faces, plus, tmp_path):
    paths = faces.save(tmp_path / "new")
    assert [path.name for path in paths] == ["seed0003.png", "seed0001.png", "seed0002.png"]
    with Image.open(paths[0]) as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(faces.pil()[0]))
    edited = editor.edit(editor.edit(faces, plus, 1.0), plus, -0.5)
    assert edited.file_names[1] == "seed0001_blond-hair_a+1.00_blond-hair_a-0.50.png"
    by_ws = editor.sample(ws=faces.ws)
    assert by_ws.file_names == ("face0001.png", "face0002.png", "face0003.png")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        faces.save(tmp_path / "file")


def test_an_edit_by_a_saved_direction_is_the_same(editor, faces, any_direction, tmp_path):
    again = Direction.load(any_direction.save(tmp_path / "d.safetensors"))
    assert torch.equal(editor.edit(faces, again, 0.6).images, editor.edit(faces, any_direction, 0.6).images)


# --- blending


def test_a_blended_edit_leaves_the_rest_bit_for_bit(editor, direction):
    faces = editor.sample(seeds=[1, 2, 3])
    plain, blended = editor.edit(faces, direction, 1.0), editor.edit(faces, direction, 1.0, blend="pixels")
    masks = [editor.parser.mask(f.images, direction.region.parts) for f in (faces, plain)]
    mask = torch.maximum(*masks)
    reach = 2 * max(1, round(0.02 * faces.images.shape[-1]))
    far = 1 - torch.nn.functional.max_pool2d(mask, 2 * reach + 1, 1, reach)
    core, beyond = (m.bool().expand_as(faces.images) for m in (mask, far))
    assert bool(core.any())
    assert bool(beyond.any())
    assert torch.equal(blended.images[beyond], faces.images[beyond])
    assert torch.equal(blended.images[core], plain.images[core])
    assert not torch.equal(plain.images[beyond], faces.images[beyond])
    seam = ~(core | beyond)
    low, high = torch.minimum(faces.images, plain.images), torch.maximum(faces.images, plain.images)
    assert bool(((blended.images >= low - 1e-5) & (blended.images <= high + 1e-5))[seam].all())
    assert torch.equal(blended.ws, plain.ws)
    assert blended.edits == tuple(replace(one, blend="pixels") for one in plain.edits)


def test_blended_edits_follow_each_other(editor, direction):
    faces = editor.sample(seeds=[4])
    once = editor.edit(faces, direction, 0.5, blend="pixels")
    twice = editor.edit(once, direction, -0.5, blend="pixels")
    parts = direction.region.parts
    again = editor.edit(once, direction, -0.5)
    mask = torch.maximum(*(editor.parser.mask(f.images, parts) for f in (once, again)))
    far = (torch.nn.functional.max_pool2d(mask, 5, 1, 2) == 0).expand_as(twice.images)
    assert torch.equal(twice.images[far], once.images[far])
    assert torch.equal(editor.edit(faces, direction, 0.0, blend="pixels").images, faces.images)


def test_an_unknown_blend(editor, direction):
    with pytest.raises(InputError, match='blend must be "pixels", "features", "styles" or None'):
        editor.edit(editor.sample(seeds=[1]), direction, blend="soft")
