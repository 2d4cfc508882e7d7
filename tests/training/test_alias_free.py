"""A StyleGAN3 trains, is edited, blended, inverted and saved like any other generator."""

from dataclasses import replace

import pytest
import torch
from checkpoint_files import random_stylegan3, sized_stylegan3

from eclipsed.editing.faces import Faces
from eclipsed.editor import Editor
from eclipsed.errors import DirectionError
from eclipsed.images.change import localization_score
from eclipsed.inversion.pivotal_tuning import tune
from eclipsed.latents.direction import Direction
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.kinship import Kinship
from eclipsed.training.probe import group_rows
from eclipsed.training.terms import LocalityTerm

T = sized_stylegan3(z_dim=12, w_dim=16, resolution=32, num_layers=5, channel_base=200, channel_max=9)


@pytest.fixture(scope="module")
def alias_free(editor):
    """The tests' small set with a random StyleGAN3 in place of its generator."""
    generator = Generator(T, random_stylegan3(T), device="cpu", name="alias-free")
    return Editor(generator, editor.parser, editor.clip, truncation_psi=editor.truncation_psi)


@pytest.fixture(scope="module")
def trained(alias_free, quick):
    return alias_free.train("a person with blond hair", region=["hair"], config=quick.replace(score_layers="all"))


@pytest.mark.parametrize(
    "changes",
    [
        {"space": "W"},
        {"space": "Z"},
        {"space": "W+", "layers": "auto"},
        {"space": "S", "styles": "conv"},
        {"space": "S", "styles": "all", "low_memory": True, "batch": 2},
        {"resolution": 8, "score_layers": ("image", "L1_36_9")},
    ],
)
@pytest.mark.filterwarnings("ignore:.*weak:eclipsed.errors.EclipsedWarning")
def test_a_direction_trains_in_every_space(alias_free, quick, changes, tmp_path):
    direction = alias_free.train("a person with blond hair", region=["hair"], config=quick.replace(**changes))
    assert direction.deltas.abs().max() > 0
    path = direction.save(tmp_path / "d.safetensors")
    again = Direction.load(path)
    faces = alias_free.sample(seeds=[1, 2])
    edited = alias_free.edit(faces, again, 1.0)
    assert torch.equal(edited.images, alias_free.edit(faces, direction, 1.0).images)
    assert not torch.equal(edited.images, faces.images)
    assert torch.equal(alias_free.edit(faces, direction, 0.0).images, faces.images)


def test_change_is_measured_where_masks_are(alias_free, quick, monkeypatch):
    """Features reach the terms without their margins, so that a mask lies on them as it lies on the picture."""
    seen = []
    plain = LocalityTerm.__call__

    def watched(self, view):
        seen.append({name: tuple(values.shape) for both in view.places for name, values in both.items()})
        return plain(self, view)

    monkeypatch.setattr(LocalityTerm, "__call__", watched)
    alias_free.train("a person with blond hair", region=["hair"], config=quick.replace(score_layers="all"))
    assert seen[0] == {
        "input": (2, 9, 16, 16),
        "L0_36_9": (2, 9, 16, 16),
        "L1_36_9": (2, 9, 16, 16),
        "L2_52_9": (2, 9, 32, 32),
        "L3_52_6": (2, 6, 32, 32),
        "L4_32_6": (2, 6, 32, 32),
    }


def test_what_changes_inside_a_mask_of_the_picture_counts_as_inside(alias_free):
    generator = alias_free.generator
    ws = generator.mapping(generator.z([1]))
    mask = torch.zeros(1, 1, 32, 32)
    mask[:, :, 4:12, 16:24] = 1
    for layer in generator.layers:
        if layer.is_rgb:
            continue
        whole = generator.synthesis(ws, SynthesisOptions(features=[layer])).features[layer.name]
        side, first = layer.resolution, layer.margin
        scale = side / 32
        rows, columns = (slice(first + int(a * scale), first + int(b * scale)) for a, b in ((4, 12), (16, 24)))
        changed = whole.clone()
        changed[:, :, rows, columns] += 1
        score = localization_score(layer.on_picture(whole), layer.on_picture(changed), mask)
        assert float(score) > (0.99 if side == 32 else 0.85), layer  # a smaller mask has soft edges
        if layer.margin:
            assert float(localization_score(whole, changed, mask)) < 0.75  # as it would be, were margins forgotten


@pytest.mark.parametrize("blend", ["pixels", "features", "styles"])
def test_beyond_a_blended_edit_the_picture_is_the_faces_own_to_the_last_bit(alias_free, trained, blend):
    faces = alias_free.sample(seeds=[1, 2])
    plain, blended = (alias_free.edit(faces, trained, 1.0, blend=how) for how in (None, blend))
    alike = (blended.images == faces.images).all(1).flatten(1).float().mean(1)
    assert (alike > 0.05).all()
    assert (alike < 1).all()
    assert not torch.equal(plain.images, blended.images)
    assert torch.equal(plain.ws, blended.ws)


@pytest.mark.parametrize("blend", ["pixels", "features", "styles"])
def test_an_edit_is_held_to_a_painted_mask_up_to_the_edge_of_the_picture(alias_free, trained, blend):
    faces = alias_free.sample(seeds=[1, 2])
    mask = torch.zeros(32, 32)
    mask[:, 24:] = 1
    edited = alias_free.edit(faces, trained, 1.0, blend=blend, mask=mask)
    changed = (edited.images != faces.images).any(dim=1).any(dim=0)
    assert not changed[:, :20].any()
    assert changed[:, 24:].float().mean() > 0.9
    assert changed[:, 31].any()


def test_rows_are_compared_at_every_side(alias_free, quick):
    """No layer can be left out of a smaller picture, so that no row is unseen."""
    groups = group_rows(alias_free.generator, quick, 8)
    assert groups == group_rows(alias_free.generator, quick, 32)
    assert groups["all"] == tuple(range(7))


def test_a_saved_training_goes_on(alias_free, quick, tmp_path):
    state = tmp_path / "state.safetensors"
    config = quick.replace(seed=3)
    whole = alias_free.train("a person with blond hair", region=["hair"], config=config)
    stop = {"callback": lambda step: step.step < 3, "state": state}
    alias_free.train("a person with blond hair", region=["hair"], config=config, **stop)
    again = alias_free.train("a person with blond hair", region=["hair"], config=config, resume=state)
    assert torch.equal(whole.deltas, again.deltas)


@pytest.mark.filterwarnings("ignore:.*may be of another generator")
def test_faces_of_latents_styles_and_files(alias_free, trained, tmp_path):
    faces = alias_free.sample(seeds=[1, 2])
    assert isinstance(faces, Faces)
    again = alias_free.sample(ws=faces.export(tmp_path / "ws.npy"))
    assert torch.equal(again.images, faces.images)
    styles = alias_free.generator.styles(faces.ws)
    assert list(styles) == [layer.name for layer in alias_free.generator.layers]
    assert torch.equal(alias_free.generator.synthesis_from_styles(styles).image, faces.images)


def test_directions_of_a_stylegan2_are_refused(alias_free, editor, direction):
    with pytest.raises(DirectionError, match=r"was trained on the generator 'stub' .*; got 'alias-free'"):
        alias_free.edit(alias_free.sample(seeds=[1]), direction, 1.0)


def test_it_is_tuned_around_a_face(alias_free):
    """R's convolutions have one weight for each pair of channels, and still get a difference of low rank."""
    config = replace(T, conv_kernel=1, use_radial_filters=True)
    for generator in (alias_free.generator, Generator(config, random_stylegan3(config), device="cpu")):
        ws = generator.mapping(generator.z([1]))
        goal = generator.synthesis(generator.mapping(generator.z([2]))).image

        def loss(image, goal=goal):
            return (image - goal).square().mean()

        losses = []

        def tell(_, value, losses=losses):
            losses.append(value)
            return True

        tuning, stopped = tune(generator, ws, loss, steps=6, rate=0.02, seed=0, tell=tell)
        assert not stopped
        assert "L1_36_9.weight" in tuning.factors
        assert {"bias", "weight"} <= {name.partition(".")[2] for name in tuning.offsets}
        assert not any("affine" in name for name in (*tuning.factors, *tuning.offsets))
        tuned = tuning.generator(generator)
        assert float(loss(tuned.synthesis(ws).image)) < 0.9 * losses[0]
        assert tuned.id.kinship(generator.id) is Kinship.RELATIVE


@pytest.mark.slow
def test_a_direction_of_a_random_stylegan3_of_256_px_trains_and_edits(editor, quick):
    config = sized_stylegan3(z_dim=12, w_dim=16, resolution=256, channel_base=1024, channel_max=16)
    generator = Generator(config, random_stylegan3(config), device="cpu")
    one = Editor(generator, editor.parser, editor.clip)
    direction = one.train(
        "a person with blond hair",
        region=["hair"],
        config=quick.replace(steps=4, resolution=256, start="zero"),
    )
    faces = one.sample(seeds=[1])
    edited = one.edit(faces, direction, 1.0, blend="features")
    assert faces.images.shape == (1, 3, 256, 256)
    assert not torch.equal(edited.images, faces.images)
    assert edited.images.isfinite().all()
