"""A sentence sketched while it is typed, where an atlas is at hand."""

import re

import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from eclipsed.directions import atlas as atlas_module
from eclipsed.directions.sketch import Sketch
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.studio.engine import Engine
from eclipsed.studio.sketching import Sketches

FACE = Stack(seed=1)


@pytest.fixture
def sketches(editor, monkeypatch, tmp_path):
    """Of an editor whose atlas is built, and whole with 64 faces."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(atlas_module, "_wanted", lambda moves: 64)
    atlas_module._made.clear()
    editor.atlas()
    yield Sketches(Engine.of(editor))
    atlas_module._made.clear()


def test_a_face_is_shown_before_and_after(sketches):
    page = sketches.drawn(FACE, "a person with <b>blond</b> hair", None)
    assert len(re.findall('<img src="data:image/png;base64,', page)) == 2
    assert "a sketch of: a person with &lt;b&gt;blond" in page
    assert re.search(r"it reaches \d of 8 faces", page)


def test_what_is_typed_twice_is_sketched_once(sketches, monkeypatch):
    first = sketches.direction("a person with blond hair", None)
    monkeypatch.setattr(Sketch, "find", pytest.fail)
    assert sketches.direction(" a person with blond hair ", None) is first


def test_parts_that_were_chosen_count(sketches):
    assert sketches.direction("a person with blond hair", ["clothes"]).region.parts == ("clothes",)


def test_a_sketch_is_kept_on_the_shelf(sketches):
    name = sketches.keep("a person with blond hair", None)
    assert name == "blond-hair-2"  # one of that name ships
    assert sketches.engine.shelf.named(name).method == "atlas"


@pytest.mark.parametrize("prompt", ["", "   "])
def test_nothing_is_shown_of_nothing(sketches, prompt):
    assert sketches.drawn(FACE, prompt, None) == ""


def test_nothing_is_measured_for_it(editor, monkeypatch, tmp_path):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    atlas_module._made.clear()
    monkeypatch.setattr(atlas_module._Looking, "chunk", pytest.fail)
    sketches = Sketches(Engine.of(editor))
    assert sketches.atlas is None
    assert sketches.drawn(FACE, "a person with blond hair", None) == ""
    with pytest.raises(InputError, match="there is no atlas of this model set on this machine"):
        sketches.keep("a person with blond hair", None)
