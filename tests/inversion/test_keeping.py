"""What a generator cannot draw is found, kept beside a tuned generator, and gives way only where an edit acts."""

from dataclasses import replace

import pytest
import torch
from checkpoint_files import random_stylegan3, sized_stylegan3
from directions_kit import make
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.images.conversion import to_pil
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.keeping import begin_to_keep, strange_places
from eclipsed.networks.blended import draw_blended, draw_held
from eclipsed.networks.kept_features import KeptFeatures
from eclipsed.networks.mixed_styles import draw_mixed
from eclipsed.pretrained.generator import Generator

pytestmark = pytest.mark.filterwarnings("ignore:the model set 'stub' has no encoder:eclipsed.errors.EclipsedWarning")
FEW = InversionConfig(steps_from_mean=12, tuning_steps=4, keep_steps=30, rate=0.2, keep_rate=0.1, level="best")
T = sized_stylegan3(z_dim=12, w_dim=16, resolution=32, num_layers=5, channel_base=200, channel_max=9)
SQUARE = (slice(2, 8), slice(2, 8))  # where the strange thing is, of 32 pixels
COLOUR = torch.tensor([1.0, -1.0, 1.0])[:, None, None]


@pytest.fixture(scope="module")
def picture(editor):
    """A face of the generator with a square of one colour in its upper left corner."""
    image = editor.sample(seeds=[3], truncation_psi=0.7).images.clamp(-1, 1).clone()
    image[0, :, SQUARE[0], SQUARE[1]] = COLOUR
    return image


@pytest.fixture(scope="module")
def faces(editor, picture):
    return editor.invert(to_pil(picture)[0], aligned=True, config=FEW)


def error(images, picture, where=SQUARE):
    return float((images.clamp(-1, 1) - picture)[0, :, where[0], where[1]].square().mean())


def test_what_cannot_be_drawn_is_kept(editor, picture, faces):
    without = editor.invert(to_pil(picture)[0], aligned=True, config=FEW.replace(keep_rate=0))
    assert without.origins[0].kept is None
    assert error(faces.images, picture) < 0.5 * error(without.images, picture)
    share = faces.origins[0].kept.features.share
    assert share.shape == (1, 1, 8, 8)
    assert float(share[0, 0, 0:2, 0:2].min()) > 0.5


def test_the_search_for_maps_is_told_and_stops_where_nothing_is_strange(editor):
    own = editor.sample(seeds=[3], truncation_psi=0.7)
    told = []
    picture = own.pil()[0].rotate(90)
    editor.invert(picture, aligned=True, config=FEW, callback=told.append)
    assert [step.step for step in told if step.phase == "features"] == list(range(30))
    assert [step.step for step in told if step.phase == "generator"] == list(range(4))
    nowhere = editor.invert(picture, aligned=True, config=FEW.replace(keep_above=3.0))
    assert nowhere.origins[0].kept is None or float(nowhere.origins[0].kept.features.share.mean()) < 1


def test_where_a_picture_is_strange():
    drawn = torch.zeros(1, 3, 64, 64)
    goal = drawn.clone()
    goal[:, :, 8:24, 40:56] = 0.5
    share = strange_places(None, goal, drawn, above=0.1)
    assert share.shape == (1, 1, 64, 64)
    assert bool((share[0, 0, 8:24, 40:56] == 1).all())
    assert float(share[0, 0, :, :34].max()) == 0
    assert float(share[0, 0, 30:].max()) == 0
    assert float(strange_places(None, goal, drawn, above=0.6).max()) == 0


def test_where_the_parser_sees_another_part_a_picture_is_strange(editor, monkeypatch):
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    labels[:, 30:50, 30:50] = 3
    seen = iter([labels, torch.zeros_like(labels)])
    monkeypatch.setattr(type(editor.parser), "labels", lambda *_: next(seen))
    same = torch.zeros(1, 3, 64, 64)
    share = strange_places(editor.parser, same, same, above=0.1)
    assert float(share[0, 0, 34:46, 34:46].min()) == 1
    assert float(share[0, 0, :24, :24].max()) == 0


def test_the_generator_s_own_maps_change_nothing(editor):
    faces = editor.sample(seeds=[5])
    kept = begin_to_keep(editor.generator, faces.ws)
    network = editor.generator.network.synthesis
    assert [layer.resolution for layer in network.layers[: kept.depth]][-1] == 8
    assert network.layers[kept.depth].resolution == 16
    styles = network.styles(faces.ws)
    assert_close(network.draw_kept(styles, kept), faces.images)
    other = network.styles(editor.sample(seeds=[6]).ws)
    assert network.draw_kept(other, kept).shape == faces.images.shape
    nowhere = KeptFeatures(kept.depth, 0 * kept.share, kept.x + 1, kept.image)
    assert torch.equal(network.draw_kept(styles, nowhere), network.from_styles(styles).image)


def half(side=32):
    mask = torch.zeros(1, 1, side, side)
    mask[..., : side // 2] = 1
    return mask


def test_what_is_held_is_the_unedited_picture_bit_for_bit(editor, faces):
    """But where the edit acts, and at the seam of what is kept."""
    generator = editor.generator
    network = generator.network.synthesis
    kept = begin_to_keep(generator, faces.ws)
    kept = KeptFeatures(kept.depth, half(8), kept.x + 0.3, kept.image)
    old, new = network.styles(faces.ws), network.styles(editor.sample(seeds=[9]).ws)
    shown, nothing = network.draw_kept(old, kept), torch.zeros(1, 1, 32, 32)
    drawn = draw_held(network, old, new, kept, nothing)
    assert torch.equal(drawn[..., :13], shown[..., :13])
    assert not torch.equal(drawn[..., 20:], shown[..., 20:])
    plain = network.from_styles(new).image
    assert_close(draw_held(network, old, new, kept, nothing + 1), plain)
    upper = nothing.clone()
    upper[:, :, :16] = 1
    both = draw_held(network, old, new, kept, upper)
    assert torch.equal(both[:, :, 18:, :13], shown[:, :, 18:, :13])
    assert_close(both[:, :, :6], plain[:, :, :6], atol=1e-4, rtol=1e-4)
    assert_close(draw_held(network, old, old, kept, nothing), shown, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("draw", [lambda *a, **k: draw_blended(*a, start=16, **k), draw_mixed])
def test_blends_go_on_from_what_is_kept_beyond_their_mask(editor, faces, draw):
    network = editor.generator.network.synthesis
    kept = begin_to_keep(editor.generator, faces.ws)
    kept = KeptFeatures(kept.depth, torch.ones(1, 1, 8, 8), kept.x + 0.3, kept.image)
    old, new = network.styles(faces.ws), network.styles(editor.sample(seeds=[9]).ws)
    drawn = draw(network, old, old, torch.zeros(1, 1, 32, 32), kept=kept)
    assert_close(drawn, network.draw_kept(old, kept), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(drawn, network.from_styles(old).image, atol=1e-2)
    everywhere = draw(network, old, new, torch.ones(1, 1, 32, 32), kept=kept)
    assert_close(everywhere, draw(network, old, new, torch.ones(1, 1, 32, 32)), atol=1e-3, rtol=1e-3)


class Halves:
    """The parser's labels: hair on the right half; strange things are nothing that it knows."""

    def __init__(self, world):
        self.world = world

    def labels(self, images):
        labels = torch.zeros(len(images), *images.shape[2:], dtype=torch.long)
        labels[..., images.shape[-1] // 2 :] = self.world.label("hair")
        return labels


def test_an_edit_acts_where_its_parts_are_and_nowhere_else_on_what_is_kept(editor, faces, picture, monkeypatch):
    direction = make(editor.generator)  # of the hair
    parser = Halves(editor.parser.world)
    monkeypatch.setattr(type(editor.parser), "labels", lambda self, images: parser.labels(images))
    edited = editor.edit(faces, direction, 1.0)
    before, after = (one.images[0, :, 3:7, 3:7] for one in (faces, edited))
    assert torch.equal(before, after)  # the strange thing
    assert not torch.allclose(faces.images[..., 20:], edited.images[..., 20:], atol=1e-2)
    assert torch.equal(editor.edit(faces, direction, 0.0).images, faces.images)
    ladder = editor.edit(faces, direction, 0.5)
    assert torch.equal(ladder.images[0, :, 3:7, 3:7], before)
    twice = editor.edit(ladder, direction, 0.5)
    assert torch.equal(twice.images[0, :, 3:7, 3:7], before)
    back = editor.edit(edited, direction, -1.0)
    assert_close(back.images[0, :, 3:7, 3:7], before, atol=1e-5, rtol=0)


def test_where_the_edit_brings_its_part_the_part_wins(editor, faces, monkeypatch):
    """Hair that grows over what is kept is shown; hair that the generator drew beneath it from the first is not."""
    generator, kept = editor.generator, faces.origins[0].kept
    maker = faces.origins[0].maker(generator)
    hair = editor.parser.world.label("hair")
    none = torch.zeros(1, 32, 32, dtype=torch.long)
    everywhere = torch.full_like(none, hair)
    moved = maker.styles(editor.sample(seeds=[9]).ws)

    def drawn(shown, before, after):
        seen = iter([shown, before, after])
        monkeypatch.setattr(type(editor.parser), "labels", lambda *_: next(seen))
        kept._found.clear()
        return kept.draw(maker, moved, ["hair"])[0]

    corner, beyond = (slice(None), slice(3, 6), slice(3, 6)), (slice(None), slice(20, 30), slice(20, 30))
    strange = faces.images[0][corner]
    assert torch.equal(drawn(none, everywhere, everywhere)[corner], strange)
    assert torch.equal(drawn(everywhere, none, none)[corner], strange)  # a strange thing that the parser takes for hair
    assert not torch.allclose(drawn(none, none, everywhere)[corner], strange, atol=1e-2)
    # hair to the parser both as it is shown and as the generator draws it, but of quite another colour
    both = drawn(everywhere, everywhere, everywhere)
    assert torch.equal(both[corner], strange)
    assert not torch.allclose(both[beyond], faces.images[0][beyond], atol=1e-2)
    # beneath the strange thing the generator draws hair that nobody sees, and the edit moves its edge by a pixel
    below, moved_edge = none.clone(), none.clone()
    below[:, :9], moved_edge[:, :10] = hair, hair
    assert torch.equal(drawn(none, below, below), drawn(none, below, moved_edge))
    moved_edge[:, :20] = hair
    assert not torch.equal(drawn(none, below, below), drawn(none, below, moved_edge))
    kept._found.clear()


def test_it_is_saved_with_the_face_and_is_small(editor, faces, tmp_path):
    path = editor.save_faces(faces, tmp_path / "a.face.safetensors")
    again = editor.load_faces(path)
    assert torch.equal(again.images, faces.images)
    direction = make(editor.generator)
    assert torch.equal(editor.edit(again, direction, 0.7).images, editor.edit(faces, direction, 0.7).images)
    some = begin_to_keep(editor.generator, faces.ws)
    small = replace(some, share=half(8)).small()
    assert small["x"].shape == (8, 32)  # of 64 places those that hold
    assert small["x"].dtype == torch.float16


def test_a_file_whose_maps_are_of_another_generator_is_damaged(editor, faces, tmp_path):
    features = faces.origins[0].kept.features
    wrong = [
        replace(features, depth=0),
        replace(features, depth=99),
        replace(features, x=features.x[:, :5]),
        replace(features, x=features.x * float("inf")),
        replace(features, share=torch.ones(1, 1, 16, 16), x=torch.zeros(1, 8, 16, 16), image=None),
    ]
    for one in wrong:
        kept = replace(faces.origins[0].kept, features=one)
        broken = replace(faces, origins=(replace(faces.origins[0], kept=kept),))
        path = editor.save_faces(broken, tmp_path / "a.face.safetensors")
        with pytest.raises(InputError, match="is damaged: its ws"):
            editor.load_faces(path)


def test_what_is_kept_damaged_is_said(editor):
    faces = editor.sample(seeds=[5])
    small = begin_to_keep(editor.generator, faces.ws).small()
    with pytest.raises(InputError, match="what is kept of a face is damaged"):
        KeptFeatures.of_small(4, {**small, "x": small["x"][:, :3]})
    with pytest.raises(InputError, match="what is kept of a face is damaged"):
        KeptFeatures.of_small(4, {"x": small["x"]})


def test_an_alias_free_generator_s_maps_are_kept_with_their_margin():
    generator = Generator(T, random_stylegan3(T), device="cpu")
    network = generator.network.synthesis
    ws = generator.mapping(generator.z([1]))
    kept = begin_to_keep(generator, ws)
    assert kept.image is None
    assert kept.x.shape[-1] > kept.share.shape[-1]
    styles = network.styles(ws)
    assert_close(network.draw_kept(styles, kept), network.from_styles(styles).image)
    side = kept.share.shape[-1]
    some = KeptFeatures(kept.depth, half(side), kept.x + 0.5, kept.image)
    again = KeptFeatures.of_small(kept.depth, some.small())
    assert_close(network.draw_kept(styles, again.to(ws)), network.draw_kept(styles, some), atol=0.05, rtol=0)
