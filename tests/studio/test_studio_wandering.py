"""The atlas as somebody wanders through it: parts, their moves, and what is taken."""

import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from eclipsed.directions import atlas as atlas_module
from eclipsed.directions.atlas_catalogue import local_moves
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.latents.fence import fence_strength
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.studio.engine import Engine
from eclipsed.studio.wandering import ALPHAS, Wanderer

FACE = Stack(seed=1)


@pytest.fixture
def wanderer(editor, monkeypatch, tmp_path):
    """Of an editor whose atlas is built, and whole with 64 faces."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(atlas_module, "_wanted", lambda moves: 64)
    atlas_module._made.clear()
    editor.atlas()
    yield Wanderer(Engine.of(editor))
    atlas_module._made.clear()


def test_the_moves_are_those_of_the_catalogue(wanderer, editor):
    known = local_moves(wanderer.engine.atlas, editor.clip, world=editor.world)
    assert set(wanderer.parts) == set(known)
    part = wanderer.parts[-1]
    page = wanderer.shown(FACE, part)
    assert (page["part"], page["alphas"]) == (part, list(ALPHAS))
    assert [(one["more"], one["less"]) for one in page["moves"]] == [(one.more, one.less) for one in known[part]]


def test_a_strip_shows_the_face_as_it_is_and_moved(wanderer):
    (first, *_), middle = wanderer.shown(FACE, None)["moves"], ALPHAS.index(0.0)
    frames = first["frames"]
    assert len(frames) == len(ALPHAS)
    assert len(set(frames)) == len(frames)
    assert frames[middle] == wanderer.shown(FACE, wanderer.parts[-1])["moves"][0]["frames"][middle]


def test_full_strength_is_seen_and_still_a_face(wanderer, editor):
    """However many moves a step is made of: two deviations of many are hardly seen."""
    statistics = WStatistics.of_generator(editor.generator)
    faces = Latent.of_seeds(editor.generator, range(16))
    for part in wanderer.parts:
        direction = wanderer.direction(part, 0)
        fence = fence_strength(direction.space_of(editor.generator), faces, direction.deltas[0], statistics)
        assert fence == pytest.approx(1 / 0.4, rel=0.2)


def test_a_part_that_is_none_shows_the_first(wanderer):
    assert wanderer.shown(FACE, "tail")["part"] == wanderer.parts[0]


def test_a_move_is_kept_on_the_shelf(wanderer):
    part = wanderer.parts[0]
    name = wanderer.keep(part, 1)
    kept = wanderer.engine.shelf.direction(name)
    assert (kept.method, kept.region.parts) == ("atlas", (part,))
    assert kept.digest == wanderer.direction(part, 1).digest


@pytest.mark.parametrize(("part", "number"), [("tail", 0), ("hair", 99), ("hair", -1), ("hair", "x")])
def test_a_move_that_there_is_not(wanderer, part, number):
    with pytest.raises(InputError, match=f"the atlas has no move {number} of '{part}'"):
        wanderer.direction(part, number)


def test_without_an_atlas_it_says_so(editor, monkeypatch, tmp_path):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    atlas_module._made.clear()
    monkeypatch.setattr(atlas_module._Looking, "chunk", pytest.fail)
    wanderer = Wanderer(Engine.of(editor))
    assert wanderer.shown(FACE, None) == {
        "hint": "There is no atlas of this model set on this machine; `eclipsed atlas build` measures it.",
        "moves": [],
    }
    with pytest.raises(InputError, match="there is no atlas of this model set on this machine"):
        wanderer.keep("hair", 0)
