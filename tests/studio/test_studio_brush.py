"""The brush without a browser: what it tells becomes the mask of an edit, and what makes no sense is a sentence."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from eclipsed.editing.stack import Stack
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.store import library
from eclipsed.studio import views
from eclipsed.studio.actions import act
from eclipsed.studio.brush import brush_value, painted_mask
from eclipsed.studio.engine import Engine
from eclipsed.studio.reloading import kept, restored
from eclipsed.studio.session import Session
from eclipsed.values.mask import KEPT_SIDE, Mask


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture
def engine(editor, direction):
    direction.save(library.kept_path("mine"))
    return Engine.of(editor)


@pytest.fixture
def session(engine):
    return act(engine, Session(now=engine.added(Stack(seed=1), "mine")), {"do": "paint", "i": 0})


def patch(top=64, height=96):
    inside = np.zeros((KEPT_SIDE, KEPT_SIDE), bool)
    inside[top : top + height, 32:160] = True
    return Mask(inside)


def stroke(session, mask, **changes):
    return {"do": "painted", "key": session.brush_key, "mask": mask and mask.to_json(), "sent": 1, **changes}


def test_what_is_painted_holds_the_edit_and_nothing_changes_beyond(engine, session):
    painted = act(engine, session, stroke(session, patch()))
    (entry,) = painted.now.entries
    assert (entry.mask, entry.blend) == (patch(), "features")
    before, after = engine.before(painted.now).images, engine.show(painted.now).images
    outside = torch.from_numpy(~patch().resized(32)).expand_as(before)
    assert torch.equal(after[outside], before[outside])
    assert not torch.equal(after, before)
    assert act(engine, painted, {"do": "undo"}).now == session.now
    assert act(engine, painted, stroke(painted, None)).now.entries[0].mask is None
    assert restored(engine, painted, json.dumps(kept(painted))).now == painted.now


def test_the_brush_goes_with_its_edit(engine, session):
    assert session.painted_at == 0
    assert views.brush(session)["title"] == "Paint where mine may act"
    assert act(engine, session, {"do": "paint", "i": 0}).painted_at is None
    assert act(engine, session, {"do": "close"}).painted_at is None
    gone = act(engine, session, {"do": "remove", "i": 0})
    assert (gone.painted_at, gone.brush_key) == (None, "")
    assert views.brush(gone) == brush_value("")
    assert act(engine, gone, {"do": "undo"}).painted_at == 0
    assert act(engine, session, {"do": "paint", "i": 4}) is session


def test_the_page_is_told_which_edit_is_painted_for_and_which_is_painted(engine, session):
    (row,) = views.stack(engine, session)["rows"]
    assert (row["painting"], row["painted"]) == (True, False)
    painted = act(engine, session, stroke(session, patch()))
    (row,) = views.stack(engine, act(engine, painted, {"do": "close"}))["rows"]
    assert (row["painting"], row["painted"]) == (False, True)
    shown = views.brush(painted, sent=7)
    assert painted_mask(shown["mask"]) == patch()
    assert (shown["key"], shown["side"], shown["sent"]) == (session.brush_key, KEPT_SIDE, 7)


def test_an_edit_that_a_later_one_draws_anew_says_so(engine):
    look = engine.added(engine.added(Stack(seed=1), "mine", blend="pixels"), "mine")
    said = "An edit below is drawn whole, and with it all edits above: move this one down, below it."

    def notes(look):
        return [row["over"] for row in views.stack(engine, Session(now=look))["rows"]]

    assert notes(look) == [said, ""]
    assert notes(look.moved(1, 0)) == ["", ""]
    for change in ({"on": False}, {"alpha": 0.0}, {"blend": "features"}):
        assert notes(look.changed(1, **change)) == ["", ""]
    assert notes(look.changed(0, blend=None)) == ["", ""]


def test_a_late_stroke_of_another_edit_changes_nothing(engine, session):
    assert act(engine, session, stroke(session, patch(), key="0-abc")) is session
    away = act(engine, session, {"do": "close"})
    assert act(engine, away, stroke(session, patch())) is away


def test_an_edit_as_drawn_has_no_mask_and_another_blend_keeps_it(engine, session):
    painted = act(engine, session, stroke(session, patch()))
    other = act(engine, painted, {"do": "blend", "i": 0, "blend": "styles"})
    assert (other.now.entries[0].blend, other.now.entries[0].mask) == ("styles", patch())
    again = act(engine, other, stroke(other, patch(top=100)))
    assert (again.now.entries[0].blend, again.now.entries[0].mask) == ("styles", patch(top=100))
    plain = act(engine, painted, {"do": "blend", "i": 0, "blend": "none"})
    assert (plain.now.entries[0].blend, plain.now.entries[0].mask) == (None, None)


def test_a_set_without_a_parser_paints_too_and_is_as_drawn_when_all_is_wiped_away(editor, direction):
    direction.save(library.kept_path("mine"))
    engine = Engine.of(Editor(editor.generator, None, editor.clip))
    session = act(engine, Session(now=engine.added(Stack(seed=1), "mine")), {"do": "paint", "i": 0})
    painted = act(engine, session, stroke(session, patch()))
    engine.show(painted.now)
    wiped = act(engine, painted, stroke(painted, None))
    assert (wiped.now.entries[0].mask, wiped.now.entries[0].blend) == (None, None)
    assert torch.equal(engine.show(wiped.now).images, engine.show(session.now).images)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("all of it", "a kept mask has a side and bits"),
        ({"side": 64, "bits": "x"}, "the bits of the mask are damaged"),
        (Mask(np.eye(64, dtype=bool)).to_json(), "the brush paints 256 pixels a side; got 64"),
        ({"side": 10**9, "bits": ""}, "a kept mask has a side and bits"),
    ],
)
def test_what_no_brush_tells_is_a_sentence(engine, session, mask, message):
    with pytest.raises(InputError, match=message):
        act(engine, session, {**stroke(session, None), "mask": mask})


def test_a_brush_that_is_put_away_shows_nothing():
    assert brush_value("") == {"key": "", "side": KEPT_SIDE}
    assert painted_mask(None) is None
