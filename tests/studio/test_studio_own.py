"""A visitor's own picture in the studio, without a browser: pictures, sessions, the queue, and files."""

import gc
import io
import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from eclipsed.commands import cli
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError
from eclipsed.photos.finding import FoundFace
from eclipsed.pretrained.lazy import Lazy
from eclipsed.store import library
from eclipsed.studio import album, kept_pictures, own_views, portraits, results, safety, views
from eclipsed.studio.album import adopted, forgotten, shared, turned
from eclipsed.studio.engine import Engine
from eclipsed.studio.inverting import InversionQueue
from eclipsed.studio.kept_pictures import KeptPicture
from eclipsed.studio.learning import LearningQueue
from eclipsed.studio.portraits import Portrait, of_portrait, open_face, reopened
from eclipsed.studio.session import Session
from eclipsed.studio.tabs.compare import compared
from eclipsed.values.extras import pip_line

FACE = np.array([[40, 40], [60, 40], [50, 50], [43, 62], [57, 62]], dtype=np.float64)


class Two:
    """A finder that sees two faces."""

    def find(self, photo):
        points = [FACE, FACE + np.array([120.0, 5.0])]
        return [FoundFace((*one.min(0), *one.max(0)), one) for one in points]


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture
def engine(editor, direction, monkeypatch):
    direction.save(library.kept_path("blond-hair-of-mine"))
    monkeypatch.setattr(editor, "_finder", Lazy(Two))
    return Engine.of(editor)


@pytest.fixture
def photo(tmp_path):
    """A picture of 220 x 110 pixels with metadata."""
    pixels = np.random.RandomState(3).randint(0, 256, (110, 220, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x010E] = "a description"
    Image.fromarray(pixels).save(tmp_path / "me and you.png", exif=exif)
    return tmp_path / "me and you.png"


@pytest.fixture
def portrait(engine, photo, quick_inversion):
    """Both faces of the picture."""
    picture = KeptPicture(str(photo))
    return Portrait.of(engine.editor.invert(picture.read(), face="all", config=quick_inversion), picture.name, picture)


@pytest.fixture
def quick_inversion():
    from eclipsed.inversion.inverter import InversionConfig

    return InversionConfig(steps=1, steps_from_mean=8, finish_steps=1, tuning_steps=1)


pytestmark = pytest.mark.filterwarnings("ignore:the model set .* has no encoder")


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        threading.Event().wait(0.02)


# ---- pictures


def test_a_picture_goes_with_the_last_that_refers_to_it(photo):
    picture = KeptPicture(str(photo))
    place = picture.path
    photo.unlink()  # Gradio's copy may go
    assert picture.read().width == 220
    del picture
    gc.collect()
    assert not place.exists()


def test_so_many_pictures_are_kept(photo, monkeypatch):
    monkeypatch.setattr(kept_pictures, "_MOST_KEPT", 2)
    monkeypatch.setattr(kept_pictures, "_kept", [])
    first, second, third = (KeptPicture(str(photo)) for _ in range(3))
    assert (second.read().width, third.read().width) == (220, 220)
    with pytest.raises(InputError, match=r"me and you\.png is not kept any more"):
        first.read()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.gif", b"GIF89a", "ends in"),
        ("a.png", b"no picture", "no picture that can be read"),
        ("a.svg", b"<", "ends in"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        KeptPicture(str(tmp_path / name))


def test_a_picture_that_is_cut_short_is_named_as_its_owner_does(photo, tmp_path):
    photo.write_bytes(photo.read_bytes()[:5000])
    picture = KeptPicture(str(photo))
    with pytest.raises(InputError, match=r"^me and you\.png is damaged") as caught:
        picture.read()
    assert "/" not in str(caught.value)


# ---- sessions


def test_the_face_keeps_the_edits_and_undo_goes_back(engine, portrait):
    session = Session(now=engine.added(Stack(seed=3), "blond-hair-of-mine"))
    after = adopted(session, portrait)
    assert after.now.entries == session.now.entries
    assert torch.equal(engine.before(after.now).images, portrait.faces[0].images)
    expected = engine.editor.edit(portrait.faces[0], after.now)
    assert torch.allclose(engine.show(after.now).images, expected.images, atol=1e-5)
    assert after.undo().now == session.now
    assert after.undo().redo().now == after.now
    picked = after.face(9, None)
    assert (picked.now.seed, picked.now.saved_face, portraits.portrait_of(picked.now)) == (9, "", None)
    for token, number in ((portrait.token, 2), (portrait.token, -1), (portrait.token, True), ("guess", 0)):
        with pytest.raises(InputError, match="that face is not here any more"):
            turned(after, token, number)


def test_each_face_has_edits_of_its_own_which_undo_takes_back(engine, portrait):
    first = adopted(Session(now=engine.added(Stack(seed=3), "blond-hair-of-mine")), portrait)
    second = turned(first, portrait.token, 1)
    assert (second.now.number, second.now.entries) == (1, ())
    edited = second.show(engine.added(second.now, "blond-hair-of-mine", alpha=-0.5))
    again = turned(edited, portrait.token, 0)
    assert again.now.entries == first.now.entries
    assert again.now.at(portrait, 1).entries == edited.now.entries
    back = again.undo().undo()
    assert (back.now.number, back.now.entries) == (1, ())  # what was done to the second is undone
    assert back.now.at(portrait, 0).entries == first.now.entries
    away = again.face(4, None)
    assert turned(away, portrait.token, 1).now.entries == edited.now.entries  # they wait while another is shown
    everywhere = shared(edited)
    assert [everywhere.now.at(portrait, k).entries for k in (0, 1)] == [edited.now.entries] * 2
    assert everywhere.undo().now.at(portrait, 0).entries == first.now.entries
    with pytest.raises(InputError, match="is not from a picture of yours"):
        shared(away)


def test_pictures_stand_side_by_side_until_they_are_forgotten(engine, portrait, other):
    session = adopted(Session(now=engine.added(Stack(seed=3), "blond-hair-of-mine")), portrait)
    both = adopted(session, other, show=False)
    assert both.album == (portrait, other)
    assert both.now is session.now  # nobody is turned away from a face by one that comes later
    there = turned(both, other.token, 0)
    assert there.now.entries == ()
    gone = forgotten(there, other.token, 1)
    assert (gone.album, gone.now.portrait, gone.now.entries) == ((portrait,), portrait, session.now.entries)
    bare = forgotten(gone, portrait.token, 1)
    assert (bare.album, bare.own, bare.now.seed, bare.now.entries) == ((), None, 1, session.now.entries)
    assert {portraits.portrait_of(look) for look in (*bare.past, bare.now, *bare.future)} == {None}
    shown = adopted(both, other)
    assert shown.now.entries == session.now.entries  # what is shown goes along to a face of which nothing is known


def test_the_same_picture_made_editable_again_keeps_its_edits(engine, portrait, photo, quick_inversion):
    session = adopted(Session(now=engine.added(Stack(seed=3), "blond-hair-of-mine")), portrait)
    second = turned(session, portrait.token, 1)
    picture = KeptPicture(str(photo))
    closer = Portrait.of(engine.editor.invert(picture.read(), face="all", config=quick_inversion), "me.png", picture)
    after = adopted(second, closer, show=False)
    assert after.album == (closer,)
    assert (after.now.portrait, after.now.number) == (closer, 1)
    assert after.now.at(closer, 0).entries == session.now.entries
    assert {portraits.portrait_of(look) for look in (*after.past, *after.future)} == {None}
    with pytest.raises(InputError, match="that face is not here any more"):
        turned(after, portrait.token, 0)


def test_so_many_pictures_stand_side_by_side(engine, other, monkeypatch, portrait):
    monkeypatch.setattr(album, "MOST_PICTURES", 1)
    with pytest.raises(InputError, match="at most 1 pictures are kept side by side; forget one first"):
        adopted(adopted(Session(now=Stack(seed=1)), portrait), other)


@pytest.fixture
def other(engine, tmp_path, quick_inversion):
    """The face of another picture."""
    Image.new("RGB", (64, 64), (90, 60, 50)).save(tmp_path / "other.png")
    picture = KeptPicture(str(tmp_path / "other.png"))
    return Portrait.of(engine.editor.invert(picture.read(), aligned=True, config=quick_inversion), "other.png", picture)


def test_the_pieces_say_whose_face_is_shown_and_what_is_done_to_each(engine, portrait, other):
    session = adopted(
        adopted(Session(now=engine.added(Stack(seed=3), "blond-hair-of-mine")), portrait), other, show=False
    )
    session = turned(session, portrait.token, 1)
    strip = own_views.people(session)
    assert [(one["name"], one["called"], one["shown"], one["edits"]) for one in strip["faces"]] == [
        ("me and you.png", 1, False, "blond-hair-of-mine +1"),
        ("me and you.png", 2, True, ""),
        ("other.png", 1, False, ""),
    ]
    whole = own_views.photograph(session)
    assert [(one["called"], one["shown"]) for one in whole["spots"]] == [(1, False), (2, True)]
    left, top, right, bottom = whole["spots"][1]["box"]
    assert 0.5 < left < right <= 1  # the face on the right
    assert 0 <= top < bottom <= 1
    json.dumps([strip, whole, own_views.album(session)], allow_nan=False)
    assert own_views.photograph(session.face(3, None)) == {}
    alone = Session(now=of_portrait(Stack(), other), album=(other,))
    assert own_views.people(alone)["faces"] == []  # there is nothing to choose


def test_what_is_drawn_of_a_face_is_not_among_what_all_visitors_share(engine, portrait):
    look = adopted(Session(now=engine.added(Stack(seed=3), "blond-hair-of-mine")), portrait).now
    counts = len(engine._faces), len(engine._prefixes), len(engine._thumbnails)
    engine.show(look)
    engine.thumbnails(look)
    assert (len(engine._faces), len(engine._prefixes), len(engine._thumbnails)) == counts
    assert len(portrait.thumbnails) == 1


def test_two_faces_are_shown_and_named_apart(engine, portrait):
    first = adopted(Session(now=Stack(seed=3)), portrait)
    second = turned(first, portrait.token, 1)
    shown = [views.viewer(engine, one) for one in (first, second)]
    assert [one["caption"] for one in shown] == ["photo, face 1", "photo, face 2"]
    assert shown[0]["version"] != shown[1]["version"]
    assert shown[0]["after"] != shown[1]["after"]
    json.dumps(shown, allow_nan=False)
    lines = views.python_lines("mini", second.now, "x.json")
    assert "load_faces('me-and-you.face.safetensors')" in lines
    assert "eclipsed photo 'me and you.png' --from-face me-and-you.face.safetensors --stack x.json" in lines
    compile(lines, "lines", "exec")


def test_a_comparison_takes_the_own_face_when_no_other_is_picked(engine, portrait):
    look = of_portrait(Stack(), portrait, 1)
    ((cell,),) = compared(engine, look, (), ["blond-hair-of-mine"], [0.5], equal=False)
    expected = engine.editor.edit(portrait.faces[1], engine.shelf.direction("blond-hair-of-mine"), 0.5)
    assert torch.allclose(cell.faces.images, expected.images, atol=1e-5)
    with pytest.raises(InputError, match="1 to 8 faces"):
        compared(engine, Stack(), (), ["blond-hair-of-mine"], [0.5], equal=False)


# ---- stacks and files


def test_a_stack_names_the_saved_face_and_opens_on_it_alone(engine, portrait, tmp_path):
    look = engine.added(of_portrait(Stack(), portrait), "blond-hair-of-mine")
    place = results.stack_file(engine, look)
    assert place.name == "me-and-you-face1.json"
    opened = safety.read_stack(place)
    assert opened.to_json()["face"] == {"saved": portrait.digest}
    assert safety.read_stack(results.picture(engine, look)) == opened
    assert reopened(of_portrait(Stack(), portrait, 1), opened, 1).entries == look.entries
    with pytest.raises(InputError, match="open that saved face"):
        reopened(Stack(seed=1), opened, 1)
    with pytest.raises(InputError, match="taken from a photo"):
        engine.before(opened)
    anyone = replace(opened, saved_face="")
    assert reopened(of_portrait(Stack(), portrait), anyone, 1).portrait is portrait
    assert reopened(Stack(seed=8), anyone, 1).seed == 8
    for wrong in ({"saved": "x"}, {"saved": portrait.digest, "seed": 1}):
        with pytest.raises(InputError, match="saved"):
            Stack.from_json({**opened.to_json(), "face": wrong})


def test_a_saved_face_is_the_same_face(engine, portrait, photo):
    place = results.saved_face(engine, of_portrait(Stack(), portrait))
    assert place.name == "me-and-you.face.safetensors"
    again = open_face(engine.editor, str(place))
    assert again.digest == portrait.digest
    assert torch.equal(again.faces.ws, portrait.faces.ws)
    look = engine.added(of_portrait(Stack(), again), "blond-hair-of-mine")
    with pytest.raises(InputError, match="opened without its picture"):
        results.pasted(engine, look)
    assert results.pasted(engine, look, KeptPicture(str(photo)).read()).picture.size == (220, 110)
    other = io.BytesIO()
    Image.new("RGB", (220, 110)).save(other, "PNG")
    photo.write_bytes(other.getvalue())
    with pytest.raises(InputError, match="is not the photo that this face was taken from"):
        results.pasted_file(engine, look, KeptPicture(str(photo)))
    with pytest.raises(InputError, match="not from a picture of yours"):
        results.saved_face(engine, Stack(seed=1))
    with pytest.raises(InputError, match="ends in"):
        open_face(engine.editor, str(photo))


def test_the_edits_of_all_faces_are_put_back_and_nothing_else_changes(engine, portrait, photo):
    look = engine.added(of_portrait(Stack(), portrait), "blond-hair-of-mine").everywhere([portrait])
    place = results.pasted_file(engine, look)
    assert place.name == "me-and-you-edited.png"
    with Image.open(place) as image:
        assert image.getexif()[0x010E] == "a description"
        taken = np.asarray(image.convert("RGB"))
    original = np.asarray(Image.open(photo))
    edited = engine.editor.edit(portrait.faces, engine.shelf.direction("blond-hair-of-mine"), 1.0)
    expected = np.asarray(engine.editor.paste(edited, photo)[0])
    assert np.abs(taken.astype(int) - expected).max() <= 1
    changed = (taken != original).any(-1)
    boxes = [origin.placement.bounds(220, 110) for origin in portrait.faces.origins]
    outside = np.ones(changed.shape, dtype=bool)
    for left, top, right, bottom in boxes:
        assert changed[top:bottom, left:right].any()
        outside[top:bottom, left:right] = False
    assert outside.any()
    assert not changed[outside].any()


def test_each_face_is_put_back_with_its_own_edits_by_the_library_s_engine(engine, portrait, photo):
    first = engine.added(of_portrait(Stack(), portrait), "blond-hair-of-mine", alpha=0.5)
    look = engine.added(first.at(portrait, 1), "blond-hair-of-mine", alpha=-1.0)
    direction = engine.shelf.direction("blond-hair-of-mine")
    edits = {1: {direction: 0.5}, 2: {direction: -1.0}}
    expected = engine.editor.edit_people(photo, edits, inverted=portrait.people)
    assert np.array_equal(results.pasted(engine, look).picture, expected.picture)
    original, right = np.asarray(Image.open(photo)), portrait.faces.origins[1].placement.bounds(220, 110)
    alone = np.asarray(results.pasted(engine, first).picture)
    assert np.array_equal(alone[:, right[0] :], original[:, right[0] :])  # the second has no edits
    assert not np.array_equal(alone, original)


def test_the_terminal_replays_a_stack_on_the_photo(mini_stack, capsys, tmp_path, monkeypatch):
    stack, face, portrait_file, expected = mini_stack
    monkeypatch.chdir(tmp_path)
    words = ["photo", portrait_file, "--from-face", face, "--stack", stack, "--out", "edited.png"]
    assert cli.run([str(word) for word in words]) == 0
    assert np.array_equal(np.asarray(Image.open("edited.png")), np.asarray(expected))
    capsys.readouterr()
    assert cli.run(["edit", "--stack", str(stack), "--out", "faces"]) == 1
    assert "eclipsed photo PHOTO --from-face" in capsys.readouterr().err
    assert cli.run(["photo", str(portrait_file), "blond-hair", "--stack", str(stack), "--out", "x.png"]) == 1
    assert "a stack holds its own directions" in capsys.readouterr().err


@pytest.fixture
def mini_stack(tmp_path):
    import eclipsed

    mini = eclipsed.Editor.from_pretrained("mini", device="cpu")
    portrait_file = Path(__file__).parents[2] / "examples" / "portrait.png"
    faces = mini.invert(portrait_file, level="fast", aligned=True)
    face = mini.save_faces(faces, tmp_path / "me.face.safetensors")
    blond = eclipsed.Direction.load(library.find_direction("blond-hair", models="mini"))
    look = of_portrait(Stack(), Portrait.of(faces, "portrait.png")).added(blond, "blond-hair", alpha=0.5)
    expected = mini.paste(mini.edit(faces, look))[0]
    return look.save(tmp_path / "stack.json"), face, portrait_file, expected


# ---- the queue


@pytest.mark.slow
def test_a_picture_is_inverted_and_the_result_is_the_library_s(engine, photo):
    jobs = InversionQueue(engine)
    job = jobs.submit(KeptPicture(str(photo)), level="good", face=2)
    until(lambda: job.over, 180)
    assert (job.status, job.message) == ("done", "It can be edited now.")
    assert job.picture is None
    expected = engine.editor.invert(photo, level="good", face=2)
    assert torch.equal(job.portrait.faces.ws, expected.ws)
    assert job.portrait.faces.origins[0].photo is None
    json.dumps(job.to_json(), allow_nan=False)


def test_stop_keeps_the_best_and_a_waiting_picture_is_taken_out(engine, photo, monkeypatch):
    jobs = InversionQueue(engine)
    first = jobs.submit(KeptPicture(str(photo)), level="best", face="all")
    second = jobs.submit(KeptPicture(str(photo)), face=1)
    started, ended = (lambda job=first: job.step >= 2), (lambda job=first: job.over)
    until(started, 180)
    assert jobs.ahead(second) == 1
    jobs.stop(second.token)
    jobs.stop(first.token)
    until(ended)
    assert (first.status, len(first.portrait.faces)) == ("stopped", 2)
    assert (second.status, second.portrait) == ("stopped", None)
    place = first.portrait.picture.path
    jobs.forget(first.token)
    with pytest.raises(InputError, match="no such inversion"):
        jobs.find(first.token)
    del first, started, ended
    gc.collect()
    assert not place.exists()


def test_a_face_that_cannot_be_aligned_is_a_sentence_and_the_others_are_taken(engine, photo, monkeypatch):
    class Three(Two):
        def find(self, photo):
            turned = FACE + np.array([[60.0, 2.0]]) + np.array([[0, 0], [0, 0], [16, 0], [0, 0], [0, 0]])
            first, second = super().find(photo)
            return [first, FoundFace((*turned.min(0), *turned.max(0)), turned), second]

    monkeypatch.setattr(engine.editor, "_finder", Lazy(Three))
    jobs = InversionQueue(engine)
    job = jobs.submit(KeptPicture(str(photo)), level="good", aligned=None, face="all")
    shares = []
    until(lambda: shares.append(job.share) or job.over, 180)
    assert (job.status, job.portrait.numbers) == ("done", (1, 3))
    assert job.left == (
        "Face 2 is left as it is: the face in me and you.png is turned too far to the side; take a picture from the "
        "front",
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert any(0 < share < 1 for share in shares)
    json.dumps(own_views.inversions(jobs, [job]), allow_nan=False)


def test_a_bad_file_is_a_job_with_its_sentence(engine, photo, tmp_path):
    jobs = InversionQueue(engine)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    bad = [jobs.submit_file(str(tmp_path / name)) for name in ("notes.txt", "broken.png")]
    assert [(one.name, one.status, one.over) for one in bad] == [
        ("notes.txt", "failed", True), ("broken.png", "failed", True)
    ]  # fmt: skip
    assert bad[0].message.startswith("Expected a file that ends in .png or .jpg or .jpeg or .webp or .heic or .heif")
    assert "is no picture that can be read" in bad[1].message
    assert jobs.find(bad[0].token) is bad[0]
    with pytest.raises(InputError, match=r"notes\.txt is not kept any more; choose it again"):
        jobs.again(bad[0])


def test_heic_is_taken_and_without_its_package_a_sentence(engine, photo, tmp_path, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    pillow_heif.from_pillow(Image.open(photo)).save(tmp_path / "me.HEIC", quality=-1)
    picture = KeptPicture(str(tmp_path / "me.HEIC"))
    assert (picture.read().width, picture.read().name) == (220, "me.HEIC")
    monkeypatch.setattr(safety, "_MOST_PIXELS", 220 * 110 - 1)
    with pytest.raises(InputError, match="million pixels; got 220 x 110"):
        KeptPicture(str(tmp_path / "me.HEIC"))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    job = InversionQueue(engine).submit_file(str(tmp_path / "me.HEIC"))
    assert job.message == f"me.HEIC is HEIC; to read it: {pip_line(extra='heic')}"


@pytest.mark.parametrize(
    ("values", "message"),
    [({}, "Me and you.png shows 2 faces"), ({"face": 3}, "has no face 3"), ({"aligned": True}, "is a square")],
)
def test_what_the_library_says_is_what_the_page_shows(engine, photo, values, message):
    jobs = InversionQueue(engine)
    job = jobs.submit(KeptPicture(str(photo)), level="good", **values)
    until(lambda: job.over)
    assert job.status == "failed"
    assert message in job.message
    assert str(photo.parent) not in job.message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"level": "perfect"}, "level must be"),
        ({"face": 0}, "face must be"),
        ({"face": True}, "face must be"),
        ({"aligned": "yes"}, "true or false"),
    ],
)
def test_what_makes_no_sense_is_not_queued(engine, photo, values, message):
    with pytest.raises(InputError, match=message):
        InversionQueue(engine).submit(KeptPicture(str(photo)), **values)


def test_a_training_lets_go_of_the_face_that_it_was_shown_on(engine, portrait, quick):
    jobs = LearningQueue(engine)
    look = of_portrait(Stack(), portrait)
    job = jobs.submit("a person with black hair", config=quick.replace(steps=5), face=look)
    until(lambda: job.over)
    until(lambda: job.face == Stack())
    assert job.before == views.viewer(engine, Session(now=look))["before"]
