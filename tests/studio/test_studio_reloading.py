"""What a page that is loaded again goes on from."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from PIL import Image

from eclipsed.editing.stack import Stack
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.store import library
from eclipsed.studio import reloading, views
from eclipsed.studio.actions import act, place_of
from eclipsed.studio.engine import FIRST_SEED, Engine
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.portraits import Portrait, can_be_put_back, of_portrait, portrait_of
from eclipsed.studio.session import Session

pytestmark = pytest.mark.filterwarnings("ignore:the model set .* has no encoder")


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture
def engine(editor, direction):
    direction.save(library.kept_path("blond-hair-of-mine"))
    return Engine.of(editor)


@pytest.fixture
def portrait(engine, tmp_path):
    Image.new("RGB", (64, 64), (90, 60, 50)).save(tmp_path / "me.png")
    picture = KeptPicture(str(tmp_path / "me.png"))
    quick = InversionConfig(steps=1, steps_from_mean=2, finish_steps=1)
    faces = engine.editor.invert(picture.read(), aligned=True, config=quick)
    return Portrait.of(faces, picture.name, picture)


def text(look):
    portrait = portrait_of(look)
    return json.dumps(reloading.kept(Session(now=look, album=() if portrait is None else (portrait,))))


def restored(engine, kept):
    """The look that comes back."""
    session = reloading.restored(engine, Session(now=Stack(seed=1)), kept)
    return None if session is None else session.now


def test_a_look_comes_back_as_it_was(engine):
    look = engine.added(Stack(seed=7, truncation_psi=0.5), "blond-hair-of-mine", alpha=-0.25, on=False)
    assert restored(engine, text(look)) == look
    assert restored(engine, text(Stack(seed=9))) == Stack(seed=9)
    assert json.loads(views.viewer(engine, Session(now=look))["kept"]) == json.loads(text(look))


@pytest.mark.parametrize("kept", ["", None, 7, "{", "[]", "{}", '{"look": 3}', "[" * 100_000, "x" * 400_000])
def test_what_is_no_look_is_none(engine, kept):
    assert restored(engine, kept) is None


def test_a_look_that_cannot_be_shown_any_more_is_none(engine):
    look = engine.added(Stack(seed=7), "blond-hair-of-mine")
    kept = text(look)
    library.remove_direction("blond-hair-of-mine")
    assert restored(Engine.of(engine.editor), kept) is None
    assert restored(engine, text(Stack(seed=7, class_index=3))) is None  # the set has no classes


def test_one_s_own_face_comes_back_until_it_is_forgotten(engine, portrait):
    look = engine.added(of_portrait(Stack(), portrait), "blond-hair-of-mine")
    kept = text(look)
    assert portrait.token in kept
    again = restored(engine, kept)
    assert portrait_of(again) is portrait
    assert again.entries == look.entries
    place = portrait.picture.path
    assert place.is_file()
    reloading.forget(portrait)
    assert not place.exists()
    bare = restored(engine, kept)  # the edits alone
    assert (bare.seed, bare.saved_face, bare.entries) == (FIRST_SEED, "", look.entries)
    reloading.forget(None)


def test_a_token_that_is_guessed_reaches_nothing(engine, portrait):
    kept = {**json.loads(text(of_portrait(Stack(), portrait))), "face": "guess", "album": [["guess", []]]}
    session = reloading.restored(engine, Session(now=Stack(seed=1)), json.dumps(kept))
    assert (portrait_of(session.now), session.album, session.own) == (None, (), None)


def test_the_edits_of_every_face_of_one_s_own_come_back(engine, portrait):
    edited = engine.added(of_portrait(Stack(), portrait), "blond-hair-of-mine", alpha=0.5)
    other = replace(portrait, token="another", faces=_elsewhere(portrait.faces))
    for look in (edited.at(other), edited.at(other).at(portrait)):
        session = Session(now=look, album=(portrait, other))
        again = reloading.restored(engine, session, json.dumps(reloading.kept(session)))
        assert again.album == (portrait, other)
        assert portrait_of(again.now) is look.portrait
        assert [again.now.at(one).entries for one in again.album] == [edited.entries, ()]
    away = session.face(4, None)
    again = reloading.restored(engine, Session(now=Stack(seed=1)), json.dumps(reloading.kept(away)))
    assert (again.now.seed, again.own.at(portrait).entries) == (4, edited.entries)


def _elsewhere(faces):
    """The same faces as if another photograph had shown them."""
    return replace(faces, origins=tuple(replace(one, sha256="0" * 64) for one in faces.origins))


def test_a_picture_can_be_put_back_where_there_is_one(portrait):
    look, bare = of_portrait(Stack(), portrait), of_portrait(Stack(), replace(portrait, picture=None))
    assert [can_be_put_back(one, chosen=False) for one in (look, bare, Stack(seed=1))] == [True, False, False]
    assert [can_be_put_back(one, chosen=True) for one in (look, bare, Stack(seed=1))] == [True, True, False]


def test_a_direction_is_added_once(engine):
    session = Session(now=Stack(seed=1))
    once = act(engine, session, {"do": "add", "name": "blond-hair-of-mine"})
    assert place_of(engine, session.now, "blond-hair-of-mine") is None
    assert place_of(engine, once.now, "blond-hair-of-mine") == 0
    assert act(engine, once, {"do": "add", "name": "blond-hair-of-mine"}) is once
    assert views.stack(engine, once, go=0)["go"] == 0
