"""Training that a painted mask holds: no parser is asked, the file keeps the mask, and one face may be all there is."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from eclipsed.directions.held_out import HeldOut
from eclipsed.editor import Editor
from eclipsed.errors import DirectionError, EclipsedWarning, InputError
from eclipsed.files import header
from eclipsed.files.kinds import DIRECTION
from eclipsed.images.masks import edit_mask, painted
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.callable_parser import CallableParser
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training.batches import Step
from eclipsed.training.events import StopTraining
from eclipsed.training.task import Task
from eclipsed.training.terms import Loss
from eclipsed.values.mask import Mask

PROMPT = "a person with blond hair"


def box(side=32, top=4, left=6, height=16, width=14):
    numbers = np.zeros((side, side), bool)
    numbers[top : top + height, left : left + width] = True
    return numbers


@pytest.fixture(scope="module")
def blind(editor):
    """The editor with a parser that may not be asked."""

    def asked(images):
        raise AssertionError("the parser was asked")

    return Editor(editor.generator, CallableParser(asked, ["hair", "skin"]), editor.clip, name="blind")


@pytest.fixture(scope="module")
def learned(blind, quick):
    return blind.train(PROMPT, region=Mask(box()), config=quick)


# --- what holds it


def test_the_mask_is_where_the_edit_may_act(blind, quick):
    region = Region.from_mask(Mask(box(64, 8, 12, 32, 28)))
    task = Task.of(
        read(PROMPT), generator=blind.generator, parser=blind.parser, clip=blind.clip, region=region, config=quick
    )
    assert task.local
    loss = Loss(task)
    batch = loss.batches.whole(Step(0, quick.steps))
    wanted = painted(Mask(box()), batch.image)
    assert torch.equal(batch.regions[:, :1], wanted)
    assert not batch.regions[:, 1:].any()  # nothing is protected: the mask says it all
    by_hand = edit_mask(batch.regions, batch.regions, how=quick.mask, grown=quick.mask_grow)
    assert torch.equal(by_hand[..., :2], torch.zeros_like(by_hand[..., :2]))
    assert torch.equal((by_hand * wanted), wanted)


def test_it_changes_what_is_learned(blind, quick, learned):
    other = blind.train(PROMPT, region=Mask(box(top=16)), config=quick)
    assert not torch.equal(learned.deltas, other.deltas)
    assert learned.digest != other.digest
    assert learned.digest != replace(learned, region=Region.from_parts(["hair"])).digest


def test_files_pictures_and_sets_without_a_parser(editor, blind, quick, learned, tmp_path):
    Image.fromarray(box().astype(np.uint8) * 255).save(tmp_path / "mask.png")
    none = Editor(editor.generator, None, editor.clip)
    region = Region.from_mask(Mask(box()))
    for one, given in ((blind, tmp_path / "mask.png"), (blind, torch.from_numpy(box())), (none, box()), (none, region)):
        assert torch.equal(one.train(PROMPT, region=given, config=quick).deltas, learned.deltas)
    with pytest.raises(InputError) as error:
        blind.train(PROMPT, region=np.stack([box(), box(top=9)]), config=quick)
    assert str(error.value) == (
        "a region is one mask for all faces; got 2 masks: give the faces that they were painted on as well "
        "(latents=...), or one mask"
    )
    with pytest.raises(InputError, match="the mask is empty"):
        blind.train(PROMPT, region=box() & False, config=quick)
    with pytest.raises(InputError, match="so an edit cannot be held to a region by its name; paint a mask"):
        none.train(PROMPT, region=["hair"], config=quick)


def test_strength_is_set_within_it(blind, quick):
    with pytest.warns(EclipsedWarning, match="weak"):
        found = blind.train(PROMPT, region=Mask(box()), config=quick.replace(calibrate=True, calibration_faces=4))
    assert 0 <= found.scores["localization"] <= 1
    assert len(found.scores["calibration_seeds"]) == 4


def test_one_face_is_all_there_is(blind, quick):
    """Paint by Word's task: trained on that face, and its strength is that face's."""
    face = blind.sample(seeds=[7])
    config = quick.replace(calibrate=True, calibration_faces=4)
    with pytest.warns(EclipsedWarning, match="weak"):
        found = blind.train(PROMPT, region=Mask(box()), latents=face, config=config)
    assert found.scores["calibration_seeds"] == []
    assert found.scores["lacking"] in (0, 1)
    held = HeldOut(generator=blind.generator, parser=blind.parser, given=face.latent)
    assert torch.equal(held.latent().ws, face.ws)
    with pytest.warns(EclipsedWarning, match="weak"):
        many = blind.train(PROMPT, region=Mask(box()), latents=blind.sample(seeds=[7, 8]), config=config)
    assert len(many.scores["calibration_seeds"]) == 4


def test_each_face_has_its_own_mask(blind, quick):
    masks, faces = Mask(np.stack([box(), box(top=14), box(left=16)])), blind.sample(seeds=[7, 8, 9])
    task = Task.of(
        read(PROMPT),
        generator=blind.generator,
        parser=blind.parser,
        clip=blind.clip,
        region=Region.from_mask(masks[0:1] | masks[1:2] | masks[2:3]),
        config=quick,
        latents=faces.latent,
        masks=masks,
    )
    loss = Loss(task)
    for number in range(3):
        batch = loss.batches.whole(Step(number, quick.steps))
        for latent, seen in zip(batch.latent.ws, batch.regions, strict=True):
            (place,) = [k for k in range(3) if torch.equal(faces.ws[k], latent)]
            assert torch.equal(seen[0], torch.from_numpy(box(top=(4, 14, 4)[place], left=(6, 6, 16)[place])).float())
            assert not seen[1].any()
    found = blind.train(PROMPT, region=masks, latents=faces, config=quick)
    assert found.region.mask == masks[0:1] | masks[1:2] | masks[2:3]
    alike = blind.train(PROMPT, region=found.region, latents=faces, config=quick)
    assert not torch.equal(found.deltas, alike.deltas)
    same = blind.train(PROMPT, region=Mask(np.stack([box()] * 3)), latents=faces, config=quick)
    assert torch.equal(same.deltas, blind.train(PROMPT, region=Mask(box()), latents=faces, config=quick).deltas)
    one = quick.replace(low_memory=True, batch=2)
    assert torch.isfinite(blind.train(PROMPT, region=masks, latents=faces, config=one).deltas).all()


def test_masks_of_faces_set_the_strength_by_them_and_may_cover_everything_together(blind, quick):
    none = Editor(blind.generator, None, blind.clip)  # a set without a parser paints, too
    masks, faces = Mask(np.stack([box(), ~box()])), none.sample(seeds=[7, 8])
    config = quick.replace(calibrate=True, calibration_faces=4)
    with pytest.warns(EclipsedWarning, match="weak"):
        found = none.train(PROMPT, region=masks, latents=faces, config=config)
    assert found.scores["calibration_seeds"] == []
    assert (found.region.mask, found.region.whole_face) == (None, True)


def test_masks_of_faces_belong_to_the_training_that_goes_on(blind, quick, tmp_path):
    masks, faces, state = Mask(np.stack([box(), box(top=14)])), blind.sample(seeds=[7, 8]), tmp_path / "s.safetensors"
    whole = blind.train(PROMPT, region=masks, latents=faces, config=quick)
    blind.train(PROMPT, region=masks, latents=faces, config=quick, callback=lambda step: step.step < 3, state=state)
    assert torch.equal(blind.train(PROMPT, region=masks, latents=faces, resume=state).deltas, whole.deltas)
    turned = Mask(masks.inside[::-1])
    for changes in ({"region": turned}, {}):
        with pytest.raises(InputError, match=r"the saved training has the faces '[0-9a-f]{12}'; asked for is"):
            blind.train(PROMPT, latents=faces, resume=state, **changes)
    with pytest.raises(InputError, match="give one mask for all faces, or one for each of the 3; got 2 masks"):
        blind.train(PROMPT, region=masks, latents=blind.sample(seeds=[1, 2, 3]), config=quick)


# --- what is kept


def test_the_file_says_so_and_stays_small(blind, learned, tmp_path):
    assert learned.region.mask == Mask(box())
    assert learned.region.parts == ()
    assert learned.region.spoken() == "a mask"
    assert repr(learned.region) == "Region(a mask)"
    place = learned.save(tmp_path / "d.safetensors")
    data = header.read_data(place, DIRECTION)
    assert data["region"]["parts"] == []
    assert len(json.dumps(data["region"]["mask"])) < 200
    back = Direction.load(place)
    assert back.region == learned.region
    assert back.digest == learned.digest
    assert "a mask" in back._repr_html_()
    large = Region.from_mask(Mask(np.kron(box(), np.ones((32, 32), bool))))
    assert large.mask.side == 256
    assert len(json.dumps(large.to_json())) < 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": 3}, "a kept mask has a side and bits; got 3"),
        ({"parts": ["hair"]}, "a region has parts or a mask; this one has both"),
        ({"mask": None}, "a region holds no part"),
    ],
)
def test_a_damaged_region_is_refused(learned, change, message):
    with pytest.raises(InputError, match=message):
        Region.from_json({**learned.region.to_json(), **change})


def test_files_without_a_mask_are_as_they_were(editor, quick, tmp_path):
    direction = editor.train(PROMPT, config=quick)
    assert "mask" not in direction.metadata()["region"]
    assert Direction.load(direction.save(tmp_path / "d.safetensors")).region.mask is None


def test_a_training_goes_on_with_it(blind, quick, learned, tmp_path):
    state = tmp_path / "state.safetensors"

    def stop(event):
        if event.step == 3:
            raise StopTraining

    blind.train(PROMPT, region=Mask(box()), config=quick, callback=stop, state=state)
    resumed = blind.train(PROMPT, resume=state)
    assert torch.equal(resumed.deltas, learned.deltas)
    assert resumed.region == learned.region
    with pytest.raises(InputError, match=r"the saved training has the region 'mask [0-9a-f]{12}'; asked for is 'mask"):
        blind.train(PROMPT, region=Mask(box(top=5)), resume=state)
    with pytest.raises(InputError, match=r"the saved training has the region 'mask .*'; asked for is \('hair',\)"):
        blind.train(PROMPT, region=["hair"], resume=state)


# --- what is made of it


@pytest.mark.parametrize("blend", ["pixels", "features"])
def test_a_blend_uses_it(blind, learned, blend):
    faces = blind.sample(seeds=[1, 2])
    edited = blind.edit(faces, learned, blend=blend)
    by_hand = blind.edit(faces, replace(learned, region=Region.from_parts(["skin"])), blend=blend, mask=Mask(box()))
    assert torch.equal(edited.images, by_hand.images)
    outside = ~painted(Mask(box()), faces.images).bool().expand_as(faces.images)
    assert torch.equal(edited.images[outside], faces.images[outside])
    assert (edited.images != faces.images).any()
    assert edited.edits[0].mask == Mask(box())
    assert edited.edits[0].parts == ()


def test_sums_of_directions_have_the_union_of_masks(editor, learned):
    other = replace(learned, region=Region.from_mask(Mask(box(top=18, height=8))), deltas=-2 * learned.deltas)
    both = learned + other
    assert both.region.mask == Mask(box()) | Mask(box(top=18, height=8))
    mixed = learned + replace(other, region=Region.from_parts(["hair"]))
    assert mixed.region.whole_face
    assert mixed.region.mask is None
    rest = replace(learned, region=Region.from_mask(Mask(~box())))
    assert (other - rest).region.mask is not None
    assert (learned + replace(rest, deltas=-2 * rest.deltas)).region.whole_face  # together they cover everything
    faces = editor.sample(seeds=[1, 2])
    one = editor.edit(faces, [learned, replace(other, region=Region.from_parts(["hair"]))], blend="pixels")
    assert len(one.edits) == 2


def test_a_damaged_mask_in_a_file_is_refused(learned, tmp_path):
    data = learned.metadata()
    data["region"] = {**data["region"], "mask": {"side": 32, "bits": "!"}}
    place = header.write(tmp_path / "d.safetensors", DIRECTION, data, {"deltas": learned.deltas})
    with pytest.raises(DirectionError, match="the bits of the mask are damaged"):
        Direction.load(place)
