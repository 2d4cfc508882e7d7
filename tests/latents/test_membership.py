"""Which files are said to be of another generator: not those of a set's own directions, but all others."""

import warnings
from pathlib import Path

import pytest
import torch
from conftest import make_generator

from eclipsed.errors import EclipsedWarning
from eclipsed.latents.direction import Direction
from eclipsed.latents.membership import Membership
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.pretrained.generator import Generator
from eclipsed.store.sets import find_set

SHIPPED = sorted((Path(__file__).parents[2] / "models").glob("*.safetensors"))


@pytest.fixture(scope="module")
def mini():
    return Generator.from_file(find_set("mini").generator, device="cpu")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """A generator of random weights whose w has as many numbers as that of `mini`."""
    place = make_generator(tmp_path_factory.mktemp("stranger") / "stranger.safetensors", w_dim=128)
    return Generator.from_file(place, device="cpu")


def test_there_are_shipped_directions():
    assert len(SHIPPED) > 8


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_direction_comes_back_from_a_foreign_file_without_a_doubt(mini, path, tmp_path):
    own = Direction.load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", EclipsedWarning)
        again = Direction.load_foreign(own.export(tmp_path / "x.npy"), generator=mini)
    assert again.scores["belongs"] is True
    assert torch.equal(again.deltas[0][list(own.layers)], (own.deltas[0] * own.scale)[list(own.layers)])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_on_a_generator_of_strangers_it_is_doubted(mini, stranger, path):
    own = Direction.load(path)
    rows = own.deltas[0][list(own.layers)]
    assert not Membership.of(rows, WStatistics.of_generator(stranger)).likely


def test_random_vectors_and_the_components_of_another_generator_are_doubted(mini, stranger):
    statistics = WStatistics.of_generator(mini)
    random = torch.randn(300, 128, generator=torch.Generator().manual_seed(7))
    assert sum(Membership.of(one, statistics).likely for one in random) <= 1
    components = WStatistics.of_generator(stranger).basis.T
    assert sum(Membership.of(one, statistics).likely for one in components) <= 1


def test_what_lies_where_the_data_is_belongs_however_little_faces_vary_there(mini):
    statistics = WStatistics.of_generator(mini)
    last = statistics.basis[:, statistics.kept - 1]
    seen = Membership.of(last, statistics)
    assert seen.likely
    assert (seen.share, seen.components) == (pytest.approx(1.0, abs=1e-5), statistics.kept)
    assert not Membership.of(statistics.basis[:, -1], statistics).likely
