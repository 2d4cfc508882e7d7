"""The harder worlds: what is changed is changed as it says, and all else is mini."""

import math

import pytest
import torch
from torch.testing import assert_close

from eclipsed.editor import Editor
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.networks.mapping import normalize_second_moment
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.pretrained.callable_parser import CallableParser
from eclipsed.pretrained.clip_ensemble import ClipEnsemble
from eclipsed.store.sets import find_set
from recipes.drawn.facts import UNKNOWN
from recipes.mini.attributes import VALUES
from recipes.mini.facts import ATTRIBUTES, facts
from recipes.mini.latent import LATENT
from recipes.worlds import big
from recipes.worlds.catalogue import WORLDS, named
from recipes.worlds.clips import Clouded, InUnits, RandomView, Sight, factor
from recipes.worlds.honest_clips import clouded
from recipes.worlds.parsers import Damaged


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained(find_set("mini").folder, "cpu")


@pytest.fixture(scope="module")
def large(mini):
    return big.enlarged(mini.generator.network.synthesis)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def random_pictures(count, side=32):
    return torch.rand(count, 3, side, side, generator=rng()) * 2 - 1


def stripes(count, side=128):
    """Pictures that differ in large areas."""
    coarse = torch.randn(count, 3, 4, 4, generator=rng(1))
    return torch.nn.functional.interpolate(coarse, size=(side, side)).clamp(-1, 1)


# big


def test_big_draws_what_mini_draws(mini, large):
    v = VALUES.sample(2, rng=rng())
    options = SynthesisOptions(resolution=64)
    small, wide = (w[:, None].expand(-1, 14, -1).contiguous() for w in (LATENT.w_of(v), big.w_of(v)))
    assert wide.shape == (2, 14, 512)
    drawn = large.synthesis(wide, options).image
    assert_close(drawn, mini.generator.network.synthesis(small, options).image, rtol=0, atol=1e-4)
    assert float(drawn.std()) > 0.1


def test_a_step_in_big_is_a_step_in_mini(mini, large):
    v = VALUES.sample(1, rng=rng(3))
    delta = 0.3 * torch.randn(1, 14, 512, generator=rng(4))
    wide = big.w_of(v)[:, None] + delta
    small = torch.stack([LATENT.w_of(big.values_of(row)) for row in wide.unbind(1)], 1)
    options = SynthesisOptions(resolution=32)
    drawn = large.synthesis(wide, options).image
    assert_close(drawn, mini.generator.network.synthesis(small, options).image, rtol=0, atol=2e-4)


def test_big_has_the_people_of_mini(mini, large):
    small = normalize_second_moment(torch.randn(50, 128, generator=rng()))
    rest = torch.randn(50, 512 - len(VALUES), generator=rng(1))
    missing = 512 - small[:, : len(VALUES)].square().sum(1, keepdim=True)
    z = torch.cat([small[:, : len(VALUES)], rest * (missing / rest.square().sum(1, keepdim=True)).sqrt()], 1)
    with torch.no_grad():
        w = large.mapping.w(z)
        expected = LATENT.values_of(mini.generator.network.mapping.w(small))
    positive = (mini.generator.network.mapping.w(small) > 0).all(1)
    assert positive.sum() > 30
    assert_close(big.values_of(w)[positive], expected[positive], rtol=0, atol=0.05)  # mini ships in half precision
    assert_close(big.w_of(big.values_of(w)), w, rtol=0, atol=1e-4)


def test_the_w_of_big_is_as_uneven_as_that_of_ffhq(large):
    with torch.no_grad():
        w = large.mapping.w(torch.randn(6000, 512, generator=rng())).double()
    found = torch.linalg.eigvalsh(torch.cov(w.T)).flip(0)
    assert float(found[:80].sum()) == pytest.approx(82.0, rel=0.05)
    assert float(found[0].sqrt()) == pytest.approx(2.856, rel=0.15)
    assert float(found[79].sqrt()) == pytest.approx(0.402, rel=0.15)
    assert float(w.mean(0).norm()) == pytest.approx(4.121, rel=0.4)
    assert (w < 0).double().mean() == pytest.approx(0.5, abs=0.01)
    deviations = big.deviations()
    assert float(deviations[:80].square().sum()) == pytest.approx(82.0, abs=0.01)
    assert float(deviations[79]) == pytest.approx(0.402, abs=1e-3)


def test_the_exact_edit_in_big_moves_what_it_should_alone():
    v = VALUES.sample(5, rng=rng(5))
    by = torch.zeros_like(v)
    by[:, VALUES.index["hat"]] = 2.0
    after = big.FRAME.values(big.FRAME.moved(big.w_of(v), by))
    assert_close(after, v + by, rtol=0, atol=1e-4)


# units


def test_other_units_have_the_same_verdicts(mini):
    clip = InUnits(mini.clip)
    sentences = ["a person with glasses", "a person with blond hair", "red lipstick"]
    images = random_pictures(4, 128)
    seen, said = clip.encode_images(images), clip.encode_text(sentences)
    assert_close(seen.norm(dim=1), torch.ones(4))
    assert_close(said.norm(dim=1), torch.ones(3))
    assert clip.logit_scale == 100.0
    before = mini.clip.encode_images(images) @ mini.clip.encode_text(sentences).T
    after = seen @ said.T
    assert_close((100 * after).softmax(1), (mini.clip.logit_scale * before).softmax(1), rtol=0, atol=1e-4)
    assert float(after.std()) < 0.4 * float(before.std())
    assert float((seen @ seen.T).min()) > 0.5
    assert clip.unknown_words("a person with zebra hair") == ("zebra",)


# witness


@pytest.fixture
def toy():
    """A CLIP of the mean colour: sentences stand for red, green and blue."""
    return CallableClip(
        lambda images: images.mean(dim=(2, 3)) + torch.tensor([0.1, 0.0, 0.0]),
        lambda texts: torch.eye(3)[[len(text) % 3 for text in texts]],
        name="toy",
        size=128,
        logit_scale=20.0,
        device="cpu",
    )


def test_a_random_view_is_fixed_and_standardised():
    view, again, other = RandomView(1, 3), RandomView(1, 3), RandomView(2, 3)
    images = stripes(40)
    view.standardise(images)
    again.standardise(images)
    seen = view(images)
    assert_close(seen, again(images))
    assert_close(seen.mean(0), torch.zeros(3), rtol=0, atol=1e-4)
    assert float(seen.square().sum(1).mean()) == pytest.approx(1.0, abs=1e-4)
    other.standardise(images)
    assert not torch.allclose(other(images), seen, atol=0.3)


def test_no_strength_is_the_clip_itself_and_gradients_flow(toy):
    images = stripes(3).requires_grad_()
    view = RandomView(1, 3)
    assert_close(Clouded(toy, view, 0.0).encode_images(images), toy.encode_images(images))
    view.standardise(stripes(40))
    mixed = Clouded(toy, view, 0.8).encode_images(images)
    assert_close(mixed.norm(dim=1), torch.ones(3))
    assert not torch.allclose(mixed, toy.encode_images(images), atol=0.05)
    mixed[:, 0].sum().backward()
    assert images.grad.isfinite().all()
    assert images.grad.abs().sum() > 0


def test_several_witnesses_have_names_and_errors_of_their_own(toy):
    views = [RandomView(seed, 3) for seed in (1, 2)]
    for view in views:
        view.standardise(stripes(40))
    both = ClipEnsemble([Clouded(toy, view, 0.8) for view in views])
    assert [one.name.rsplit(", ", 1)[1] for one in both.members] == ["clouded by 1", "clouded by 2"]
    one, other = both.split(both.encode_images(stripes(3)))
    assert not torch.allclose(one, other, atol=0.05)


def test_the_factor_makes_a_witness_as_unreliable_as_wanted():
    n = 4000
    label = torch.randint(2, (n,), generator=rng())
    clear = torch.nn.functional.one_hot(label, 2).float()
    sight = Sight(clear, torch.randn(n, 2, generator=rng(1)), {"hat": label}, {"hat": torch.eye(2)})
    found = factor(sight)
    assert sight.accuracies(found)["hat"] == pytest.approx(0.835, abs=0.01)
    normal = torch.distributions.Normal(0.0, 1.0)
    assert found == pytest.approx(1 / (math.sqrt(2) * float(normal.icdf(torch.tensor(0.835)))), rel=0.05)


# parser


@pytest.fixture
def parser():
    """A quarter of the picture each is background, skin, hair and hat."""

    def quarters(images):
        labels = torch.zeros(len(images), *images.shape[2:], dtype=torch.long)
        half = images.shape[2] // 2
        labels[:, :half, half:], labels[:, half:, :half], labels[:, half:, half:] = 1, 2, 3
        return labels

    return CallableParser(quarters, ["background", "skin", "hair", "hat"], device="cpu")


def test_a_parser_that_loses_nothing_is_the_parser_itself(parser):
    images = stripes(3, 64)
    assert_close(Damaged(parser, lost=0.0, ragged=0.0).labels(images), parser.labels(images))


def test_a_damaged_parser_loses_a_share_of_the_parts_but_never_the_skin(parser):
    images = stripes(400, 16)
    damaged = Damaged(parser, lost=0.15, ragged=0.0)
    labels = damaged.labels(images)
    there = {
        part: (labels == parser.world.label(part)).flatten(1).any(1).double().mean()
        for part in ("background", "skin", "hair", "hat")
    }
    assert there["background"] == there["skin"] == 1
    assert 1 - there["hair"] == pytest.approx(0.15, abs=0.05)
    assert 1 - there["hat"] == pytest.approx(0.15, abs=0.05)


def test_the_damage_hangs_on_the_picture_alone(parser):
    images = stripes(6, 64)
    damaged = Damaged(parser)
    together = damaged.labels(images)
    assert_close(torch.cat([damaged.labels(one[None]) for one in images]), together)
    ragged = Damaged(parser, lost=0.0).labels(images)
    share = float((ragged != parser.labels(images)).double().mean())
    assert 0 < share < 0.15
    assert not torch.equal(ragged[0], ragged[1])


# captions


def test_careless_captions_are_wrong_and_silent_as_often_as_they_should():
    truth = facts(VALUES.sample(6000, rng=rng()))
    said = clouded(truth, wrong=0.2, missing=0.1, rng=rng(1))
    for attribute in ("hair_colour", "hat", "smile"):
        label, other = truth[attribute], said[attribute]
        known = label != UNKNOWN
        assert (other[~known] == UNKNOWN).all()
        assert other.max() < len(ATTRIBUTES[attribute])
        assert float((other[known] == UNKNOWN).double().mean()) == pytest.approx(0.1, abs=0.02)
        wrong = (other[known] != label[known]) & (other[known] != UNKNOWN)
        assert float(wrong.double().mean()) == pytest.approx(0.2, abs=0.02)


# catalogue


def test_names_of_worlds_and_groups():
    assert named(["big", "witnesses", "witness"]) == (
        "big", "witness", "witness-0.7", "witness-0.4", "witness-2", "witness-3",
    )  # fmt: skip
    assert named(["every"]) == tuple(WORLDS)
    with pytest.raises(ValueError, match=r"^no world 'huge'; known: mini, units, witness, "):
        named(["huge"])
