"""Portraits with something strange on them: drawn where it belongs, and kept by the level best."""

from pathlib import Path

import pytest
import torch

from benchmarks.strange import ADDITIONS, change, portraits, shares, within
from eclipsed.editor import Editor
from eclipsed.images.conversion import from_pil
from eclipsed.inversion.inverter import InversionConfig

SHARES = {
    "logo": (0.03, 0.08),
    "hand": (0.04, 0.09),
    "earring": (0.005, 0.02),
    "stripes": (0.3, 0.8),
    "text": (0.005, 0.05),
}


@pytest.mark.parametrize("name", sorted(SHARES))
def test_an_addition_shows_where_it_is_said_to(name):
    plain, everywhere = portraits("plain", 2, 128)
    pictures, shown = portraits(name, 2, 128)
    low, high = SHARES[name]
    assert everywhere.min() == 1
    for before, after, where in zip(from_pil(plain), from_pil(pictures), shown, strict=True):
        assert low < float(where.mean()) < high
        apart = (before - after).abs().amax(dim=0)
        assert float(apart[where[0] == 0].mean()) < 0.01  # but for the edges
        assert float(apart[where[0] == 1].mean()) > 0.2
    again = portraits(name, 3, 128)[0]
    assert [one.tobytes() for one in again[:2]] == [one.tobytes() for one in pictures]


def test_figures_of_an_object():
    a, where = torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    where[..., :4] = 1
    b = a + 0.2 * where
    assert within(a, b, where) == pytest.approx(20)  # an error of a tenth of the range
    assert within(a, b, 1 - where) == pytest.approx(120)

    class Drawn:
        def __init__(self, images):
            self.images = images

    assert change(Drawn(a), Drawn(b), where) == pytest.approx(0.1)


def test_how_often_directions_reach_what_they_give():
    records = [
        {"lacked": ["hat", "smile"], "reached": ["hat"]},
        {"lacked": ["hat"], "reached": []},
        {"psnr": 30.0},  # of a run that did not ask
    ]
    assert shares(records) == {"hat": (2, 1), "smile": (1, 0)}


@pytest.mark.slow
def test_a_logo_on_the_wall_is_kept_and_still_there_when_the_hair_is_blond():
    mini = Editor.from_pretrained("mini", device="cpu")
    assert set(ADDITIONS) == {*SHARES, "plain"}
    (picture,), shown = portraits("logo", 1, 256)
    few = InversionConfig(level="best", steps=20, tuning_steps=10, keep_steps=40)
    kept = mini.invert(picture, aligned=True, force=True, config=few)
    tuned = mini.invert(picture, aligned=True, force=True, config=few.replace(steps=0, keep_rate=0), start=kept)
    goal = from_pil(picture)
    assert within(kept.images, goal, shown) > within(tuned.images, goal, shown) + 5
    blond = mini.edit(kept, Path(__file__).parents[2] / "models" / "blond-hair.safetensors")
    assert change(kept, blond, shown) < 0.03
    hair = mini.parser.mask(kept.images, ["hair"])
    assert change(kept, blond, hair) > 0.1
