"""Inversion, tuning, pasting and saved faces, on random networks."""

import math
import threading

import numpy as np
import pytest
import torch

from eclipsed.editor import Editor
from eclipsed.errors import EclipsedWarning, InputError, MissingModelError
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.pasting import edited_mask, match_colours, paste_one
from eclipsed.networks import encoder as networks
from eclipsed.networks.encoder import EncoderConfig
from eclipsed.networks.layers import DEFAULT_OPTIONS
from eclipsed.photos.alignment import Placement
from eclipsed.photos.reading import Photo, read_photo
from eclipsed.pretrained.encoder import Encoder
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.perception import Perception
from eclipsed.pretrained.tuning import Tuning

pytestmark = pytest.mark.filterwarnings("ignore:the model set 'stub' has no encoder:eclipsed.errors.EclipsedWarning")
FEW = InversionConfig(steps_from_mean=12, coarse=0.0, finish_steps=0, tuning_steps=8, rate=0.2, tuning_rate=0.01)


@pytest.fixture(scope="module")
def pictures(editor):
    """Two faces of the generator that a search should find again."""
    return editor.sample(seeds=[3, 4], truncation_psi=0.7).pil()


def psnr(images, pictures):
    goals = torch.stack([torch.from_numpy(np.array(p)).permute(2, 0, 1) / 127.5 - 1 for p in pictures])
    return -10 * ((images.clamp(-1, 1) - goals).square().mean((1, 2, 3)) / 4).log10()


def test_the_search_comes_closer_and_a_tuned_generator_closer_still(editor, pictures):
    start = editor.invert(pictures, aligned=True, config=FEW.replace(steps_from_mean=0))
    good = editor.invert(pictures, aligned=True, config=FEW)
    best = editor.invert(pictures, aligned=True, config=FEW, level="best")
    assert (psnr(good.images, pictures) > psnr(start.images, pictures) + 0.5).all()
    assert (psnr(best.images, pictures) > psnr(good.images, pictures)).all()
    assert torch.equal(best.ws, good.ws)


def test_it_is_the_same_every_time_and_whatever_lies_beside(editor, pictures):
    one = editor.invert(pictures, aligned=True, config=FEW, level="best")
    two = editor.invert(pictures, aligned=True, config=FEW, level="best")
    assert torch.equal(one.ws, two.ws)
    assert torch.equal(one.images, two.images)
    alone = editor.invert(pictures[1], aligned=True, config=FEW)
    torch.testing.assert_close(alone.ws[0], one.ws[1], rtol=1e-3, atol=1e-3)


def test_a_stop_keeps_the_best_so_far(editor, pictures):
    seen = []

    def stop(step):
        seen.append(step)
        return len(seen) < 6

    stopped = editor.invert(pictures[0], aligned=True, config=FEW, level="best", callback=stop)
    assert [step.step for step in seen] == list(range(6))
    assert {step.phase for step in seen} == {"latents"}
    assert stopped.origins[0].tuning is None
    start = editor.invert(pictures[0], aligned=True, config=FEW.replace(steps_from_mean=0))
    assert psnr(stopped.images, pictures[:1]) > psnr(start.images, pictures[:1])
    assert float(psnr(stopped.images, pictures[:1])) == pytest.approx(seen[-1].psnr, abs=1e-3)


def test_most_of_the_descent_draws_small_pictures(editor, pictures, monkeypatch):
    drawn, draw = [], Generator.synthesis

    def noted(self, ws, options=DEFAULT_OPTIONS, **others):
        drawn.append(options.resolution)
        return draw(self, ws, options, **others)

    monkeypatch.setattr(Generator, "synthesis", noted)
    config = FEW.replace(coarse=0.75)
    found = editor.invert(pictures[0], aligned=True, config=config)
    side = editor.generator.resolution
    assert drawn[:13] == [side // 2] * 9 + [side] * 4
    begun = editor.invert(pictures[0], aligned=True, config=config.replace(steps_from_mean=0))
    assert psnr(found.images, pictures[:1]) > psnr(begun.images, pictures[:1])


def test_good_tunes_the_finest_layers_and_they_are_saved_with_the_face(editor, pictures, tmp_path):
    plain = editor.invert(pictures, aligned=True, config=FEW)
    good = editor.invert(pictures, aligned=True, config=FEW.replace(finish_steps=8))
    assert torch.equal(plain.ws, good.ws)
    assert all(origin.tuning is None for origin in plain.origins)
    assert (psnr(good.images, pictures) > psnr(plain.images, pictures)).all()
    side = editor.generator.resolution
    finest = {layer.name for layer in editor.generator.layers if 4 * layer.resolution >= side}
    for origin in good.origins:
        assert {name.rpartition(".")[0] for name in (*origin.tuning.factors, *origin.tuning.offsets)} <= finest
    again = editor.load_faces(editor.save_faces(good, tmp_path / "good.face.safetensors"))
    assert torch.equal(again.images, good.images)


def test_a_stopped_search_goes_on_from_where_it_was(editor, pictures, tmp_path):
    part = editor.invert(pictures, aligned=True, config=FEW.replace(steps_from_mean=4))
    kept = editor.load_faces(editor.save_faces(part, tmp_path / "part.face.safetensors"))
    told = []
    more = editor.invert(pictures, aligned=True, config=FEW, start=kept, callback=told.append)
    assert told[0].psnr == pytest.approx(float(psnr(part.images, pictures).mean()), abs=1e-3)
    assert (psnr(more.images, pictures) > psnr(part.images, pictures)).all()
    with pytest.raises(InputError, match=r"begins at finite ws of the shape \(1, 8, 16\); got \(2, 8, 16\)"):
        editor.invert(pictures[0], aligned=True, config=FEW, start=kept)


def test_ctrl_c_keeps_the_best_so_far(editor, pictures):
    def interrupt(step):
        if (step.phase, step.step) == ("generator", 5):
            raise KeyboardInterrupt

    faces = editor.invert(pictures, aligned=True, config=FEW, level="best", callback=interrupt)
    assert [origin.tuning is None for origin in faces.origins] == [False, True]
    good = editor.invert(pictures, aligned=True, config=FEW)
    assert psnr(faces.images, pictures)[0] > psnr(good.images, pictures)[0]


def test_every_step_is_told(editor, pictures):
    told = []
    editor.invert(pictures, aligned=True, config=FEW, level="best", callback=told.append)
    assert [t.step for t in told if t.phase == "latents"] == list(range(12))
    assert [t.step for t in told if t.phase == "generator"] == 2 * list(range(8))
    assert all(math.isfinite(t.loss) and t.psnr > 0 and t.seconds_left >= 0 for t in told)
    best = [t.psnr for t in told if t.phase == "latents"]
    assert best[-1] > best[0]


def test_an_encoder_gives_the_start_and_fast_is_its_guess(editor, pictures):
    config = EncoderConfig("e4e", 4, ((4, 1), (4, 1), (4, 1)), (2, 2, 2, 3, 3, 4, 4, 4), 4, 16)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = Encoder(networks.Encoder(config), editor.generator.w_avg.expand(8, 16).clone())
    one = Editor(editor.generator, editor.parser, editor.clip, encoder=encoder)
    goals = torch.stack([torch.from_numpy(np.array(p)).permute(2, 0, 1) / 127.5 - 1 for p in pictures])
    fast = one.invert(pictures, aligned=True, level="fast")
    torch.testing.assert_close(fast.ws, encoder.encode(goals))
    good = one.invert(pictures, aligned=True, config=InversionConfig(steps=10, perception=0.0, rows=0.0, fence=0.0))
    far, near = ((faces.images - goals).square().mean((1, 2, 3)) for faces in (fast, good))
    assert (near < far).all()
    wrong = Encoder(networks.Encoder(EncoderConfig("psp", 4, ((4, 1),) * 3, (2, 2), 4, 16)), torch.zeros(2, 16))
    with pytest.raises(InputError, match="ws of 2 x 16"):
        Editor(editor.generator, editor.parser, editor.clip, encoder=wrong).invert(pictures, aligned=True)


def test_without_an_encoder_it_says_so_and_fast_is_refused(editor, pictures):
    with pytest.warns(EclipsedWarning, match="no encoder, so the search begins at the mean face"):
        editor.invert(pictures[0], aligned=True, config=FEW.replace(steps_from_mean=0))
    with pytest.raises(InputError, match='level "fast" is an encoder\'s guess'):
        editor.invert(pictures[0], aligned=True, level="fast")


def test_the_fence_holds_latents_near_the_data(editor, pictures):
    free = editor.invert(pictures[0], aligned=True, config=FEW.replace(rows=0.0, fence=0.0))
    held = editor.invert(pictures[0], aligned=True, config=FEW.replace(rows=50.0, fence=50.0))

    def apart(faces):
        return float((faces.ws - faces.ws.mean(1, keepdim=True)).square().sum())

    assert apart(held) < 0.5 * apart(free)


def test_bad_options():
    for wrong in (
        {"level": "perfect"},
        {"steps": -1},
        {"steps": 1.5},
        {"rate": math.nan},
        {"seed": True},
        {"stepz": 1},
    ):
        with pytest.raises(InputError):
            InversionConfig().replace(**wrong)


def test_edits_of_a_tuned_face_are_drawn_by_the_tuned_generator(editor, direction, pictures):
    faces = editor.invert(pictures, aligned=True, config=FEW.replace(keep_rate=0.0), level="best")  # nothing beside it
    edited = editor.edit(faces, direction, 0.5)
    for index, origin in enumerate(faces.origins):
        own = origin.tuning.generator(editor.generator).synthesis(edited.ws[index : index + 1]).image
        assert torch.equal(edited.images[index : index + 1], own)
        assert not torch.equal(own, editor.generator.synthesis(edited.ws[index : index + 1]).image)
    assert torch.equal(editor.edit(faces, direction, 0.0).images, faces.images)
    assert torch.equal(faces[1].images, editor.edit(faces[1], direction, 0.0).images)
    assert faces.names == ("photo 1", "photo 2")
    assert edited.strip().size[0] > 64


def test_a_difference_of_zero_changes_nothing(editor):
    tuning = Tuning.start(editor.generator).half()
    ws = editor.sample(seeds=[1]).ws
    assert torch.equal(tuning.generator(editor.generator).synthesis(ws).image, editor.generator.synthesis(ws).image)
    with pytest.raises(InputError, match="does not fit"):
        Tuning({}, {"b9.none": torch.zeros(1)}).weights(editor.generator)


def test_saved_faces_are_the_same_and_know_their_generator(editor, direction, pictures, tmp_path):
    faces = editor.invert(pictures, aligned=True, config=FEW, level="best")
    path = editor.save_faces(faces, tmp_path / "two.face.safetensors")
    again = editor.load_faces(path)
    assert torch.equal(again.images, faces.images)
    assert torch.equal(again.ws, faces.ws)
    edited = editor.edit(again, direction, 0.7)
    assert torch.equal(edited.images, editor.edit(faces, direction, 0.7).images)
    with pytest.raises(InputError, match="loaded without their photo"):
        editor.paste(edited)
    with pytest.raises(InputError, match="is not the photo that this face was taken from"):
        editor.paste(edited[0], pictures[1])
    assert editor.paste(edited[0], pictures[0])[0].size == (32, 32)
    state = {name: value + 0.01 for name, value in editor.generator.network.state_dict().items()}
    other = Editor(Generator(editor.generator.config, state, device="cpu"), editor.parser, editor.clip)
    with pytest.raises(InputError, match="was inverted with the generator 'stub'"):
        other.load_faces(path)


def test_what_cannot_be_saved_or_read(editor, direction, pictures, tmp_path):
    faces = editor.invert(pictures[0], aligned=True, config=FEW.replace(steps_from_mean=1))
    with pytest.raises(InputError, match="save them before the edit"):
        editor.save_faces(editor.edit(faces, direction, 0.5), tmp_path / "a.face.safetensors")
    with pytest.raises(MissingModelError, match="does not exist"):
        editor.load_faces(tmp_path / "a.face.safetensors")
    path = editor.save_faces(faces, tmp_path / "a.face.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        editor.load_faces(path)
    direction.save(path)
    with pytest.raises(InputError, match="holds no saved face"):
        editor.load_faces(path)


@pytest.fixture(scope="module")
def large():
    """A photo with structure, larger than the face in it."""
    x, y = np.meshgrid(np.arange(150), np.arange(110))
    noise = np.random.RandomState(0).randint(0, 60, (110, 150, 3))
    return Photo((noise + np.stack([x, y, 150 - x], -1)).clip(0, 255).astype(np.uint8), name="large")


def test_outside_the_mask_the_photo_is_itself_bit_for_bit(editor, direction, large):
    places = [Placement((50.0, 55.0), (30.0, 8.0)), Placement((110.0, 60.0), (25.0, -4.0))]
    faces = editor.invert(large, where=places, config=FEW.replace(steps_from_mean=2))
    edited = editor.edit(faces, direction, 1.0)
    (picture,) = editor.paste(edited)
    new, old = np.asarray(picture), large.pixels
    assert new.shape == old.shape
    uv = np.stack(np.meshgrid(np.arange(150) + 0.5, np.arange(110) + 0.5), -1)
    within = [((p.uv(uv) > 0) & (p.uv(uv) < 1)).all(-1) for p in places]
    outside = ~(within[0] | within[1])
    assert np.array_equal(new[outside], old[outside])
    assert (new[within[0]] != old[within[0]]).any()
    assert (new[within[1]] != old[within[1]]).any()
    # and inside the square, where the mask is exactly 0
    before = places[0].crop(large, 32)
    mask = edited_mask(editor.parser, before, edited.images[:1], direction.region.parts)
    full = paste_one(np.zeros_like(old), places[0], torch.ones(1, 3, 32, 32), mask)[..., 0]
    untouched = (full == 0) & within[0] & ~within[1]
    assert mask.min() == 0
    assert np.array_equal(new[untouched], old[untouched])


def test_what_was_edited_within_a_mask_is_pasted_within_it(editor, direction, large):
    faces = editor.invert(large, where=Placement((50.0, 55.0), (30.0, 8.0)), config=FEW.replace(steps_from_mean=0))
    box = torch.zeros(32, 32, dtype=torch.bool)
    box[8:20, 10:24] = True
    edited = editor.edit(faces, direction, 1.0, blend="pixels", mask=box)
    before = edited.origins[0].placement.crop(large, 32)
    mask = edited_mask(editor.parser, before, edited.images, (), painted=edited.edits[0].mask)
    assert torch.equal(mask[0, 0] > 0, box)
    wide = edited_mask(editor.parser, before, edited.images, direction.region.parts, painted=edited.edits[0].mask)
    assert bool((wide[0, 0] > 0)[box].all())
    assert float((wide > 0).sum()) > float((mask > 0).sum())
    changed = (np.asarray(editor.paste(edited)[0]) != large.pixels).any(axis=-1)
    full = paste_one(np.zeros_like(large.pixels), edited.origins[0].placement, torch.ones(1, 3, 32, 32), mask)[..., 0]
    assert changed.any()
    assert not changed[full == 0].any()


def test_unedited_faces_give_the_photo_back(editor, direction, large):
    faces = editor.invert(large, where=Placement((50.0, 55.0), (30.0, 8.0)), config=FEW.replace(steps_from_mean=0))
    for same in (faces, editor.edit(faces, direction, 0.0)):
        assert np.array_equal(np.asarray(editor.paste(same)[0]), large.pixels)
    with pytest.raises(InputError, match="these were sampled"):
        editor.paste(editor.sample(seeds=1))


def test_metadata_profile_and_transparency_survive(editor, direction):
    rng = np.random.RandomState(1)
    alpha = rng.randint(0, 256, (64, 64)).astype(np.uint8)
    photo = Photo(rng.randint(0, 256, (64, 64, 3)).astype(np.uint8), alpha, b"Exif\0\0data", b"profile")
    faces = editor.invert(photo, aligned=True, config=FEW.replace(steps_from_mean=0))
    (picture,) = editor.paste(editor.edit(faces, direction, 1.0))
    assert picture.mode == "RGBA"
    assert np.array_equal(np.asarray(picture)[..., 3], alpha)
    assert (picture.info["exif"], picture.info["icc_profile"]) == (b"Exif\0\0data", b"profile")


def test_a_crop_laid_back_is_where_it_was():
    x, y = np.meshgrid(np.arange(120), np.arange(100))
    photo = Photo(np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8))
    place = Placement((60.0, 50.0), (24.0, 14.0))
    mask = torch.ones(1, 1, 64, 64)
    laid = paste_one(np.zeros_like(photo.pixels), place, place.crop(photo, 64), mask)
    uv = place.uv(np.stack([x + 0.5, y + 0.5], -1))
    inner = ((uv > 0.02) & (uv < 0.98)).all(-1)
    assert np.abs(laid[inner].astype(int) - photo.pixels[inner]).max() <= 2
    assert (laid[~((uv >= 0) & (uv <= 1)).all(-1)] == 0).all()


def test_the_mask_ends_before_the_square_does_where_the_photo_goes_on(editor):
    images = editor.sample(seeds=[1]).images
    everywhere = list(editor.parser.parts)
    mask = edited_mask(editor.parser, images, images, everywhere, inner_sides=(True, False, False, True))
    assert mask[0, 0, :16, 16:].min() == 1
    assert mask[0, 0, -1].max() == 0
    assert mask[0, 0, :, 0].max() == 0


def test_colours_are_matched_at_the_seam():
    before = torch.full((1, 3, 64, 64), 0.3)
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, 16:48, 16:48] = 1
    after = torch.full((1, 3, 64, 64), -0.1)
    matched = match_colours(before, after, mask)
    assert abs(float(matched[0, 0, 17, 32]) - 0.3) < 0.12
    assert abs(float(matched[0, 0, 32, 32]) + 0.1) < 0.02
    assert torch.equal(match_colours(before, before, mask), before)
    empty = torch.zeros(1, 1, 64, 64)
    assert torch.equal(match_colours(before, after, empty), after)


def test_perception_is_zero_for_the_same_picture_and_has_a_gradient(editor):
    perception = Perception(editor.clip)
    images = editor.sample(seeds=[1, 2]).images.requires_grad_()
    maps = perception.maps(images)
    assert all(m.shape[0] == 2 for m in maps)
    zero = perception.distance(maps, perception.maps(images.detach()))
    torch.testing.assert_close(zero, torch.zeros(2), atol=1e-5, rtol=0)
    other = perception.distance(maps, [m.flip(0).detach() for m in maps])
    assert (other > 0.001).all()
    (gradient,) = torch.autograd.grad(other.sum(), images)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
    with pytest.raises(InputError, match="must match"):
        perception.distance(maps, maps[:-1] if len(maps) > 1 else [])


def test_a_photo_is_read_once(pictures):
    assert read_photo(pictures[0]).sha256 == read_photo(pictures[0].copy()).sha256


def test_maps_are_those_of_one_s_own_pictures_while_another_thread_uses_the_same_clip(editor):
    perception, here = Perception(editor.clip), threading.get_ident()
    images, others = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    alone = perception.maps(images)

    def meanwhile(*_):
        if threading.get_ident() == here:
            other = threading.Thread(target=lambda: editor.clip.encode_images(others))
            other.start()
            other.join()

    hook = perception._layers[0].register_forward_pre_hook(meanwhile)
    try:
        found = perception.maps(images)
    finally:
        hook.remove()
    assert len(found) == len(alone)
    assert all(torch.equal(a, b) for a, b in zip(found, alone, strict=True))
