"""The texture loss of the generator's recipe, and the noise maps that learn."""

from copy import deepcopy

import pytest
import torch
from torch.testing import assert_close

from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.worlds.world import find_world
from recipes.drawn.texture import STRENGTH, learn_noise, texture
from recipes.drawn.train_generator import Run, distance
from recipes.mini.attributes import VALUES
from recipes.mini.detail import PATTERNS, detail
from recipes.mini.latent import LATENT
from recipes.mini.patterns import dots
from recipes.mini.portraits import render
from recipes.mini.recipe import RECIPE

CONFIG, FINEST = RECIPE.generator, RECIPE.stages[-1]
FACE = find_world("face")


def spots(shift: int = 0, size: int = 32, dark: float = -0.2) -> torch.Tensor:
    """A grey picture with dots, (1, 3, size, size)."""
    axis = torch.arange(size) / 64  # pixels of 128
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return (dark * dots(x, y)).roll(shift, -1).expand(1, 3, size, size).contiguous()


def test_texture_forgives_where_dots_lie_and_not_that_they_lack():
    weight = torch.ones(1, 1, 32, 32)
    here, beside, smooth = spots(), spots(shift=2), torch.zeros(1, 3, 32, 32)
    assert float(texture(here, here, weight)) == 0.0
    assert texture(beside, here, weight) < 0.5 * texture(smooth, here, weight)
    assert distance(beside, here, weight) > distance(smooth, here, weight)  # which is why it is not enough alone


def test_texture_tells_dark_dots_from_light_ones_and_stripes_from_each_other():
    weight = torch.ones(1, 1, 32, 32)
    assert texture(spots(dark=0.2), spots(), weight) > 2 * texture(spots(dark=-0.18), spots(), weight)
    stripes = torch.sin(torch.arange(32.0)).expand(1, 3, 32, 32).contiguous() * 0.2
    assert texture(stripes.mT.contiguous(), stripes, weight) > 0.5


def test_texture_counts_where_it_is_told_to():
    left = torch.zeros(1, 1, 32, 32)
    left[..., :16] = 1
    half = spots()
    half[..., 22:] = 0.0  # smooth where nothing counts
    assert texture(half, spots(), left) < 0.02 * texture(half, spots(), 1 - left)


def test_texture_has_a_gradient():
    weight = torch.ones(1, 1, 8, 8, dtype=torch.double)
    image, goal = torch.randn(2, 1, 3, 8, 8, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda x: texture(x, goal, weight), image.requires_grad_())


def test_freckled_and_old_skin_counts_more():
    values = VALUES.sample(3, rng=torch.Generator().manual_seed(0))
    values[:, VALUES.index["freckles"]] = torch.tensor([1.0, -1.0, -1.0])
    values[:, VALUES.index["age"]] = torch.tensor([0.0, 1.0, 0.0])
    labels = render(values, 32)[1]
    more = detail(values, labels)[:, 0]
    skin = labels == FACE.label("skin")
    assert_close(more, skin * torch.tensor([3.0, 2.0, 0.0]).view(3, 1, 1))


def test_noise_maps_begin_as_patterns_and_learn():
    torch.manual_seed(0)
    network = StyleGAN2(CONFIG).synthesis
    keys = set(network.state_dict())
    maps = learn_noise(network, PATTERNS)
    assert set(network.state_dict()) == keys
    sides = [2 ** (2 + (k + 1) // 2) for k in range(len(maps))]
    assert [m.shape[0] for m in maps] == sides
    for name, layer in network.named_modules():
        if hasattr(layer, "noise_const"):
            assert bool(layer.noise_const.any()) == (name in PATTERNS)
            assert float(layer.noise_strength) == pytest.approx(STRENGTH if layer.resolution >= 16 else 0.0)
    network(torch.zeros(1, CONFIG.num_ws, CONFIG.w_dim)).image.square().mean().backward()
    assert all(m.grad is not None and bool(m.grad.any()) for m in maps if m.shape[0] >= 16)


def test_a_large_portrait_is_the_small_one_with_finer_lines():
    values = VALUES.sample(4, rng=torch.Generator().manual_seed(5))
    (large, labels), (small, coarse) = render(values, 256), render(values, 128)
    assert labels.shape == (4, 256, 256)
    assert (labels[:, ::2, ::2] == coarse).float().mean() > 0.97
    error = (torch.nn.functional.avg_pool2d(large, 2) - small).square().mean() / 4
    assert float(-10 * error.log10()) > 33  # dB
    hair = labels == FACE.label("hair")
    enlarged = torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear")
    across = [x.diff(dim=3).abs().mean(1)[hair[..., 1:]].mean() for x in (large, enlarged)]
    assert across[0] > 1.5 * across[1]


def test_the_last_block_hears_nothing_of_the_last_rows_and_all_below_it_stays_as_it_was(tmp_path):
    run = Run(RECIPE, tmp_path / "synthesis.pt", (FINEST,))
    before = deepcopy(run.network.state_dict())
    ws = torch.randn(2, CONFIG.num_ws, CONFIG.w_dim)
    run.descend(run.network(ws).image.square().mean())
    after = run.network.state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed
    assert all(key.startswith("b256.") for key in changed)
    other = ws.clone()
    other[:, 12:] = torch.randn(2, 2, CONFIG.w_dim)
    assert torch.equal(run.network(ws).image, run.network(other).image)
    run.save()
    again = Run(RECIPE, tmp_path / "synthesis.pt", (FINEST,))
    assert again.step == 1
    assert torch.equal(again.network(ws).image, run.network(ws).image)
    assert LATENT.rows_mask[12:].any().item() is False


def test_a_finished_network_keeps_its_noise_and_loads_like_any_other():
    torch.manual_seed(0)
    learned = StyleGAN2(CONFIG).synthesis
    with torch.no_grad():
        for m in learn_noise(learned, PATTERNS):
            m.normal_()
    again, plain = StyleGAN2(CONFIG).synthesis, StyleGAN2(CONFIG).synthesis
    again.load_state_dict(learned.state_dict())
    before = deepcopy(again.state_dict())
    learn_noise(again, PATTERNS)
    for key, value in before.items():
        if "noise_const" in key and value.shape[0] >= 16:
            assert torch.equal(again.state_dict()[key], value)
    plain.load_state_dict(learned.state_dict())
    ws = torch.randn(1, CONFIG.num_ws, CONFIG.w_dim)
    assert_close(plain(ws).image, again(ws).image)
