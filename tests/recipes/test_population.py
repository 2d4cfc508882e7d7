"""How values of people go together, in torch and in the wired mapping network alike."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.pretrained.generator import Generator
from eclipsed.store.sets import find_set
from recipes.drawn.mapping import wire
from recipes.drawn.population import Population
from recipes.mini.attributes import VALUES
from recipes.mini.latent import LATENT
from recipes.mini.population import MINI
from recipes.mini.recipe import RECIPE

CONFIG = RECIPE.generator
CHAIN = Population(
    {"hair_length": {"male": -1.4}, "hat": {"hair_length": -1.2}, "smile": {"mouth_open": 1.0}}, step="male"
)


def mapping(**options):
    config = dataclasses.replace(CONFIG, channels=tuple((r, 4) for r, _ in CONFIG.channels))
    network = StyleGAN2(config).mapping
    wire(network, LATENT, **options)
    return network.requires_grad_(False)


def normal(count, width):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(0))


def test_the_wired_mapping_is_the_one_that_ships():
    shipped = Generator.from_file(find_set("mini").generator, device="cpu")
    z = normal(200, CONFIG.z_dim)
    assert_close(mapping().w(z), shipped.mapping(z)[:, 0], rtol=0, atol=0.02)  # it ships in half precision


def test_what_follows_goes_together_and_shares_stay():
    v = VALUES.from_normal(normal(20_000, len(VALUES)), CHAIN)
    get = {name: v[:, i].double() for name, i in VALUES.index.items()}
    assert float((get["hat"] > 0).double().mean()) == pytest.approx(0.18, abs=0.03)
    assert float(get["smile"].std()) == pytest.approx(1.0, abs=0.02)
    expected = {("smile", "mouth_open"): 1 / 2**0.5, ("smile", "beard"): 0.0, ("hair_length", "male"): -0.8}
    for (one, other), wanted in expected.items():
        assert float(torch.corrcoef(torch.stack([get[one], get[other]]))[0, 1]) == pytest.approx(wanted, abs=0.05)
    women = get["male"] < 0
    assert (get["hat"][~women] > 0).double().mean() > 3 * (get["hat"][women] > 0).double().mean()  # by their hair alone


def test_a_wired_mapping_has_the_population_that_torch_draws():
    z = normal(500, CONFIG.z_dim)
    z = z / z.square().mean(1, keepdim=True).sqrt()
    wired = LATENT.frame.values(mapping(population=CHAIN).w(z))
    drawn = VALUES.from_normal(z[:, : len(VALUES)], CHAIN)
    names = ["hair_length", "smile", "hat", "beard", "age"]
    for name in names:
        gap = (wired - drawn)[:, VALUES.index[name]].abs()
        assert float(gap.median()) < 0.1, name
        assert float(gap.quantile(0.9)) < 0.25, name  # steps of another shape
    assert_close(LATENT.values_of(LATENT.w_of(drawn)), drawn, rtol=0, atol=1e-4)
    assert LATENT.basis.shape == (len(VALUES), CONFIG.w_dim)


def test_a_driver_comes_before_what_follows_it():
    wrong = Population({"hat": {"hair_length": -1.2}, "hair_length": {"male": -1.4}})
    message = "'hat' follows 'hair_length', which follows others and must come before it"
    with pytest.raises(ValueError, match=f"^{message}$"):
        wrong.mixing(VALUES.index)
    assert MINI.mixing(VALUES.index)[0].diagonal().min() < 1
