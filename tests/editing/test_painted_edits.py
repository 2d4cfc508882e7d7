"""A painted mask holds a blended edit: what is black stays as it was, bit for bit, and inside the edit shows."""

import numpy as np
import pytest
import torch
from directions_kit import make
from PIL import Image
from torch.testing import assert_close

from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.images.masks import painted
from eclipsed.images.seams import feathered_inwards
from eclipsed.photos.painted import is_mask, read_mask
from eclipsed.values.mask import Mask

BLENDS = ("pixels", "features", "styles")


def box(side=32, top=4, left=6, height=16, width=14):
    numbers = np.zeros((side, side), bool)
    numbers[top : top + height, left : left + width] = True
    return numbers


@pytest.fixture
def faces(editor):
    return editor.sample(seeds=[3, 1, 2])


@pytest.mark.parametrize("blend", BLENDS)
def test_beyond_the_mask_all_is_as_it_was(editor, faces, blend):
    direction = make(editor.generator, scale=0.5)
    mask = Mask(box())
    edited, plain = editor.edit(faces, direction, blend=blend, mask=mask), editor.edit(faces, direction)
    inside = painted(mask, faces.images).bool().expand_as(faces.images)
    assert torch.equal(edited.images[~inside], faces.images[~inside])
    moved, kept = ((one.images - faces.images)[inside].abs().mean() for one in (plain, edited))
    assert float(kept) > 0.5 * float(moved) > 0
    assert torch.equal(edited.ws, plain.ws)
    assert [(one.blend, one.parts, one.mask) for one in edited.edits] == [(blend, (), mask)]
    assert torch.equal(editor.edit(faces, direction, 0.0, blend=blend, mask=mask).images, faces.images)


@pytest.mark.parametrize("blend", BLENDS)
def test_one_for_each_face_is_its_own_and_the_batch_plays_no_part(editor, faces, blend, monkeypatch):
    direction = make(editor.generator, scale=0.5)
    masks = Mask(np.stack([box(), box(top=14), box(left=16)]))
    together = editor.edit(faces, direction, blend=blend, mask=masks)
    for k in range(3):
        alone = editor.edit(faces[k], direction, blend=blend, mask=masks[k : k + 1])
        assert_close(alone.images, together.images[k : k + 1], rtol=1e-4, atol=1e-4)
        assert together[k].edits[0].mask == masks[k : k + 1]
    monkeypatch.setattr("eclipsed.editing.faces._PIXELS_AT_ONCE", 2 * 32 * 32)
    few = editor.edit(faces, direction, blend=blend, mask=masks)
    assert_close(few.images, together.images, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="give one mask for all faces, or one for each of the 2; got 3 masks"):
        editor.edit(faces[:2], direction, blend=blend, mask=masks)


def test_no_parser_is_asked(editor, faces):
    """A set without one, and one whose parser cannot be loaded."""

    def gone():
        raise AssertionError("the parser was loaded")

    direction = make(editor.generator, scale=0.5)
    wanted = editor.edit(faces, direction, blend="pixels", mask=box()).images
    for parser in (None, gone):
        one = Editor(editor.generator, parser, editor.clip)
        assert torch.equal(one.edit(faces, direction, blend="pixels", mask=box()).images, wanted)


def test_files_pictures_and_numbers_are_the_same_mask(editor, faces, tmp_path):
    wanted = Mask(box())
    grey = Image.fromarray(box().astype(np.uint8) * 255)
    painted_over = Image.new("RGBA", (32, 32), (255, 0, 0, 0))  # a red brush on nothing
    painted_over.paste((255, 0, 0, 255), (6, 4, 20, 20))
    grey.save(tmp_path / "mask.png")
    grey.convert("P").save(tmp_path / "palette.png")
    grey.convert("1").save(tmp_path / "bits.png")
    painted_over.save(tmp_path / "brush.png")
    given = [grey, grey.convert("RGB"), painted_over, box(), torch.from_numpy(box()), box().tolist(), wanted]
    given += [tmp_path / "mask.png", str(tmp_path / "palette.png"), tmp_path / "bits.png", tmp_path / "brush.png"]
    given += [torch.from_numpy(box()).float(), torch.from_numpy(box())[None, None]]
    for one in given:
        assert read_mask(one) == wanted
        assert is_mask(one) == (not isinstance(one, str))
    assert not is_mask("hair")
    assert not is_mask(["hair", "hat"])
    assert not is_mask(None)
    direction = make(editor.generator, scale=0.5)
    large = grey.resize((128, 128), Image.Resampling.NEAREST)
    one, other = (editor.edit(faces, direction, blend="pixels", mask=mask).images for mask in (grey, large))
    assert torch.equal(one, other)


def test_what_is_no_mask_is_said_in_one_sentence(editor, faces, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    Image.fromarray(noise).convert("L").save(tmp_path / "grey.png")
    Image.new("L", (64, 48)).save(tmp_path / "wide.png")
    Image.new("L", (64, 64)).save(tmp_path / "black.png")
    (tmp_path / "text.png").write_text("no picture")
    cases = {
        "photo.png": r"photo.png: a mask is black and white; \d+% of this picture has colours, as in a photograph",
        "grey.png": r"grey.png: a mask is black and white; \d+% of this picture is grey, as in a photograph",
        "wide.png": r"wide.png: a mask is painted on aligned faces, which are as high as wide; got 64 x 48 pixels",
        "black.png": r"black.png: the mask is empty: paint white where the edit may act",
        "gone.png": r"there is no mask '.*gone.png'; check the name",
        "text.png": r"text.png",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            read_mask(tmp_path / name)
        assert "\n" not in str(caught.value)
    direction = make(editor.generator)
    with pytest.raises(InputError, match='a mask holds blended edits; add blend="features" or "pixels", or train'):
        editor.edit(faces, direction, mask=box())


def test_the_seam_lies_inside():
    mask = torch.zeros(2, 1, 100, 100)
    mask[0, :, 20:80, 30:90] = 1
    mask[1, :, 50:52] = 1  # a line, which is thinner than two seams
    soft = feathered_inwards(mask)
    assert torch.equal(soft[mask == 0], mask[mask == 0])
    assert torch.equal(soft[0, 0, 24:76, 34:86], torch.ones(52, 52))
    ramp = soft[0, 0, 50, 30:34]
    assert bool((ramp.diff() > 0).all())
    assert 0 < float(ramp[0]) < 0.5
    assert torch.equal(soft[1], mask[1])
    edge = torch.zeros(1, 1, 100, 100)
    edge[:, :, :50] = 1  # to the sides of the picture there is no seam
    assert torch.equal(feathered_inwards(edge)[:, :, :46], torch.ones(1, 1, 46, 100))
