"""The figure of `benchmarks.boundaries`: what a change does beside the exact edit."""

import pytest
import torch

from benchmarks.boundaries import Aim, beside, table
from eclipsed.prompts.target import Target
from recipes.mini.attributes import VALUES

HAT = Target("hat", ("hat",))
BLOND = Target("hair_colour", ("blond",))


def change(**values):
    out = torch.zeros(len(VALUES))
    for name, value in values.items():
        out[VALUES.index[name]] = value
    return out


def test_the_exact_edit_has_nothing_beside_it():
    assert beside(change(hat=0.5), change(hat=2.0), HAT) == 0.0


def test_what_lies_beside_is_given_in_lengths_of_what_was_asked_for():
    assert beside(change(hat=2.0, smile=1.0, nose_width=-1.0), change(hat=1.5), HAT) == pytest.approx(2**0.5 / 2)


def test_the_family_of_a_colour_may_move():
    exact = change(hair_blond=3.0)
    assert beside(change(hair_blond=1.0, hair_brown=-1.0, hair_light=0.5), exact, BLOND) == 0.0
    assert beside(change(hair_blond=1.0, clothes_red=0.5), exact, BLOND) == pytest.approx(0.5)


def test_a_change_that_leads_away_has_no_figure():
    assert beside(change(hat=-1.0), change(hat=1.0), HAT) == float("inf")


def test_the_table_has_a_column_for_each_world_and_number_of_faces():
    found = [Aim("mini", count, text, size) for count, size in ((512, 0.5), (2048, 0.25)) for text in ("a hat", "lips")]
    assert table(found).splitlines() == [
        "| beside the exact edit | *mini*, 512 faces | *mini*, 2,048 faces |",
        "|---|---|---|",
        "| a hat | 0.50 | 0.25 |",
        "| lips | 0.50 | 0.25 |",
        "| **mean** | 0.50 | 0.25 |",
    ]
