"""What a recipe does to the weights of a generator before it learns."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from eclipsed.networks.layers import SynthesisOptions
from eclipsed.networks.stylegan2 import StyleGAN2
from recipes.drawn.weights import fill, move_centre, moved_at, start_quiet
from recipes.mini.latent import LATENT
from recipes.mini.recipe import RECIPE

CONFIG = RECIPE.generator
OPTIONS = SynthesisOptions(resolution=32)


@pytest.fixture
def ws():
    return torch.randn(2, CONFIG.num_ws, CONFIG.w_dim, generator=torch.Generator().manual_seed(0))


def network(config=CONFIG):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StyleGAN2(config).synthesis.requires_grad_(False)


def test_a_wider_network_draws_what_the_narrow_one_did(ws):
    narrow = network(dataclasses.replace(CONFIG, channels=tuple((r, c // 2) for r, c in CONFIG.channels)))
    wide = network()
    before = wide(ws, OPTIONS).image
    fill(wide, narrow.state_dict())
    assert_close(wide(ws, OPTIONS).image, narrow(ws, OPTIONS).image, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(wide(ws, OPTIONS).image, before, atol=0.1)


def test_the_centre_of_w_can_be_moved(ws):
    plain, moved = network(), network()
    move_centre(moved, 0.5)
    assert_close(moved(ws + 0.5, OPTIONS).image, plain(ws, OPTIONS).image, rtol=1e-3, atol=1e-3)


def test_a_quiet_start_hears_little_and_nothing_in_the_last_rows(ws):
    synthesis = network()
    start_quiet(synthesis, LATENT)
    for name, style in synthesis.styles(ws).items():
        layer = synthesis.layer(name)
        assert (style.std() == 0) == (layer.row >= CONFIG.num_ws - 2)
        assert float((style - 1).abs().mean()) < 0.2
    assert not synthesis.get_submodule(synthesis.layers[-1].name).weight.any()  # the last block draws nothing


def test_what_is_moved_at_a_resolution():
    synthesis = network()
    every = {name for name, _ in synthesis.named_parameters()}
    deaf = {f"b256.{kind}.affine.weight" for kind in ("conv1", "torgb")}
    still = {name for name in every if name.endswith("noise_strength")} | deaf
    assert moved_at(synthesis, LATENT, 64) == moved_at(synthesis, LATENT, 128) == every - still
    assert moved_at(synthesis, LATENT, 256) == {name for name in every - still if name.startswith("b256.")}
