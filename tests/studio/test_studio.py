"""The studio without a browser: sessions, actions, learning, files, what is refused, and what is served."""

import io
import json
import struct
import threading
import time
import zlib
from dataclasses import replace

import httpx
import pytest
import torch
from PIL import Image

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

import gradio as gr

from benchmarks.studio_server import Server
from eclipsed.commands import cli
from eclipsed.commands import studio as command
from eclipsed.editing.stack import Stack
from eclipsed.errors import InputError, MissingModelError
from eclipsed.images.conversion import to_pil
from eclipsed.latents.direction import Direction
from eclipsed.prompts.region import Region
from eclipsed.store import library
from eclipsed.store import trainings as unfinished
from eclipsed.studio import results, safety, views
from eclipsed.studio.actions import act, move, pick
from eclipsed.studio.engine import Engine
from eclipsed.studio.learning import LearningQueue
from eclipsed.studio.memory import Memory
from eclipsed.studio.session import Session
from eclipsed.studio.tabs.compare import compared
from eclipsed.studio.tabs.palette import cells
from eclipsed.values.extras import pip_line


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def other(editor, quick):
    return editor.train("a person with glasses", config=quick.replace(layers=(4, 5, 6), seed=3))


@pytest.fixture
def engine(editor, direction, other):
    """An engine of random networks with two directions of one's own on its shelf."""
    direction.save(library.kept_path("blond-hair-of-mine"))
    other.save(library.kept_path("glasses-of-mine"))
    return Engine.of(editor)


@pytest.fixture
def session(engine):
    look = engine.added(Stack(seed=1), "blond-hair-of-mine")
    return Session(now=look)


# ---- sessions


def test_undo_and_redo_walk_the_looks_and_a_new_look_ends_the_future():
    session = Session(now=Stack(seed=0))
    for seed in (1, 2, 3):
        session = session.face(seed, None)
    assert [session.undo().now.seed, session.undo().undo().now.seed] == [2, 1]
    assert session.undo().redo() == session
    branched = session.undo().face(9, None)
    assert branched.future == ()
    assert branched.redo() is branched
    assert Session(now=Stack()).undo().now == Stack()


def test_a_drag_is_one_step_back(engine, session):
    for alpha in (0.1, 0.2, 0.3):
        session = move(session, told(session, alpha, "drag-1"))
    session = move(session, told(session, 0.9, "drag-2"))
    assert [entry.alpha for entry in session.now.entries] == [0.9]
    assert session.undo().now.entries[0].alpha == 0.3
    assert session.undo().undo().now.entries[0].alpha == 1.0


def told(session, alpha, gesture=""):
    return {"i": 0, "digest": session.now.entries[0].digest, "alpha": alpha, "gesture": gesture}


def test_a_session_remembers_only_so_much():
    session = Session(now=Stack(seed=0))
    for seed in range(500):
        session = session.face(seed, None)
    assert len(session.past) == 100


def test_faces_are_picked_for_comparing_and_dropped():
    session = Session(now=Stack()).toggled(3, most=2).toggled(4, most=2)
    assert session.chosen == (3, 4)
    with pytest.raises(InputError, match="at most 2"):
        session.toggled(5, most=2)
    assert session.toggled(3, most=2).chosen == (4,)


# ---- actions


def test_each_action_does_what_it_says(engine, session):
    session = act(engine, session, {"do": "add", "name": "glasses-of-mine"})
    names = ["blond-hair-of-mine", "glasses-of-mine"]
    assert [entry.direction for entry in session.now.entries] == names
    up = act(engine, session, {"do": "up", "i": 1})
    assert [entry.direction for entry in up.now.entries] == names[::-1]
    assert act(engine, up, {"do": "down", "i": 0}).now == session.now
    assert act(engine, session, {"do": "on", "i": 0, "on": False}).now.entries[0].on is False
    assert act(engine, session, {"do": "layers", "i": 1, "layers": "4-6"}).now.entries[1].layers == (4, 5, 6)
    assert act(engine, session, {"do": "layers", "i": 0, "layers": "fine"}).now.entries[0].layers == "fine"
    assert act(engine, session, {"do": "blend", "i": 0, "blend": "pixels"}).now.entries[0].blend == "pixels"
    assert len(act(engine, session, {"do": "remove", "i": 0}).now) == 1
    assert len(act(engine, session, {"do": "reset"}).now) == 0
    assert act(engine, session, {"do": "undo"}).now.entries == session.now.entries[:1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "no action"),
        ({"do": "__class__"}, "no action"),
        ({"do": "add", "name": "../../etc/passwd"}, "without a path"),
        ({"do": "add", "name": "nothing"}, "no direction 'nothing'"),
        ({"do": "remove", "i": 7}, "there are 1 edits"),
        ({"do": "remove", "i": "0"}, "counted from 0"),
        ({"do": "on", "i": 0, "on": "yes"}, "true or false"),
        ({"do": "layers", "i": 0, "layers": "99"}, "rows 0 to 7"),
        ({"do": "layers", "i": 0, "layers": "5-1"}, "runs backwards"),
        ({"do": "layers", "i": 0, "layers": "0-9999"}, "small numbers"),
        ({"do": "blend", "i": 0, "blend": "soft"}, "must be"),
        ({"do": "take", "names": ["a"], "alphas": [1]}, "two directions"),
        ({"do": "take", "names": ["blond-hair-of-mine", "glasses-of-mine"], "alphas": ["x", 1]}, "finite number"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(engine, session, data, message):
    with pytest.raises((InputError, MissingModelError), match=message):
        act(engine, session, data)


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "4294967296", "seven", "²", "9" * 300, None])
def test_a_bad_seed_is_a_sentence(seed):
    with pytest.raises(InputError, match="whole number"):
        pick(Session(now=Stack()), seed, 0.7)


def test_a_move_of_an_edit_that_is_gone_changes_nothing(session):
    assert move(session, {"i": 3, "digest": "x", "alpha": 1}) is session
    assert move(session, {"i": 0, "digest": "0" * 64, "alpha": 0.3}) is session
    with pytest.raises(InputError, match="finite"):
        move(session, told(session, float("inf")))


def test_the_page_shows_what_a_replay_gives(engine, session, editor):
    for blend in (None, "pixels"):
        look = session.now.changed(0, alpha=0.6, blend=blend)
        expected = editor.edit(editor.sample(seeds=1), look).images
        assert torch.equal(engine.show(look).images, expected)
        assert torch.equal(engine.show(look).images, expected)  # from memory, too


def test_what_is_remembered_is_bounded():
    memory, made = Memory(3), []
    for key in (1, 2, 3, 1, 4, 1):
        assert memory.get(key, lambda key=key: made.append(key) or 10 * key) == 10 * key
    assert len(memory) == 3
    assert made == [1, 2, 3, 4]
    memory.get(2, lambda: made.append(2))
    assert made[-1] == 2


def test_views_are_plain_json(engine, session):
    for view in (
        views.viewer(engine, session),
        views.stack(engine, session),
        views.shelf(engine, session.now),
        views.wall(engine, session, count=6, psi=0.7),
        views.found_parts(engine, session.now, None, ("hair",)),
        views.learning(LearningQueue(engine), None),
    ):
        json.dumps(view, allow_nan=False)
    stack = views.stack(engine, session)["rows"][0]
    assert (stack["name"], stack["on"], stack["alpha"]) == ("blond-hair-of-mine", True, 1.0)
    assert {item["name"] for item in views.shelf(engine, session.now)["items"]} == {
        "blond-hair-of-mine",
        "glasses-of-mine",
    }


def test_a_wall_at_the_last_seed_ends_there(engine):
    session = Session(now=Stack(seed=0), first=2**32 - 3)
    seeds = [face["seed"] for face in views.wall(engine, session, count=6, psi=None)["faces"]]
    assert seeds == [2**32 - 3, 2**32 - 2, 2**32 - 1]


# ---- palette and comparison


def test_the_palette_is_the_edits_one_after_the_other(engine, editor, direction, other):
    down, across, rows = cells(engine, Stack(seed=4), "blond-hair-of-mine", "glasses-of-mine", 3, 1.0)
    assert (down, across) == ([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0])
    faces = editor.sample(seeds=4)
    expected = editor.edit(editor.edit(faces, direction, -1.0), other, 1.0)
    assert torch.equal(rows[0][2], expected.images)
    assert torch.equal(rows[1][1], faces.images)


@pytest.mark.parametrize(("first", "second", "size"), [("glasses-of-mine",) * 2 + (3,), ("", "x", 3), ("a", "b", 30)])
def test_a_palette_that_makes_no_sense(engine, first, second, size):
    with pytest.raises(InputError, match="palette"):
        cells(engine, Stack(seed=4), first, second, size, 1.0)


def test_a_comparison_at_equal_change_is_one(engine):
    names = ["blond-hair-of-mine", "glasses-of-mine"]
    plain = compared(engine, Stack(), [1, 2], names, [0.5, 1.0], equal=False)
    assert [[cell.alpha for cell in row] for row in plain] == [[0.5, 1.0]] * 2
    equal = compared(engine, Stack(), [1, 2], names, [0.05, 0.1], equal=True)
    for first, second in zip(*equal, strict=True):
        assert not second.reached or second.change == pytest.approx(first.change, rel=0.03)
        assert second.reached or second.alpha == 1.0  # the end of its range
    with pytest.raises(InputError, match="1 to 6 directions"):
        compared(engine, Stack(), [1], [], [1.0], equal=False)


# ---- what is taken home


def test_files_hold_what_the_page_shows(engine, session, editor):
    look = session.now
    place = results.picture(engine, look)
    with Image.open(place) as image:
        assert image.tobytes() == to_pil(engine.show(look).images)[0].tobytes()
    assert safety.read_stack(place) == safety.read_stack(results.stack_file(engine, look))
    replayed = editor.edit(editor.sample(seeds=1), safety.read_stack(place))
    assert torch.equal(replayed.images, engine.show(look).images)
    with Image.open(results.film(engine, look, ".gif")) as film:
        assert film.n_frames == 32  # 17 there and back
    with pytest.raises(InputError, match="no edit"):
        results.strip(engine, Stack(seed=1))


# ---- what is refused


def test_hosts_and_passwords():
    for host in ("127.0.0.1", "localhost", "::1"):
        safety.check_host(host, None)
    safety.check_host("0.0.0.0", "long enough")
    with pytest.raises(InputError, match="needs a password"):
        safety.check_host("0.0.0.0", None)
    with pytest.raises(InputError, match="at least 8"):
        safety.check_host("0.0.0.0", "short")
    check = safety.password_check("pässword1")
    assert check("anyone", "pässword1")
    assert not check("anyone", "password1")


def test_the_command_refuses_a_host_without_a_password(capsys):
    assert cli.run(["studio", "--host", "0.0.0.0"]) == 2
    err = capsys.readouterr().err
    assert "needs a password" in err
    assert len(err.splitlines()) == 1


def test_without_gradio_the_command_names_the_extra(monkeypatch, capsys):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert cli.run(["studio"]) == 1
    assert capsys.readouterr().err == f"error: the studio needs gradio: {pip_line(extra='studio')}\n"


def bomb():
    """A PNG of 40,000 x 40,000 pixels in a few hundred bytes."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.exe", b"MZ", "ends in"),
        ("a.png", b"no picture", "no picture that can be read"),
        ("a.png", bomb(), "no picture that can be read|million pixels"),
        ("a.png", b"GIF89a" + b"\0" * 50, "no picture that can be read"),
        ("a.json", b"{}", "no 'kind'"),
        ("a.json", b"\0" * (600 * 1024), "at most"),
    ],
)
def test_uploads_that_are_refused(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        safety.read_stack(tmp_path / name)


def test_an_upload_that_is_too_large(tmp_path):
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate(safety.LARGEST_UPLOAD + 1)
    with pytest.raises(InputError, match="at most 32 MB"):
        safety.check_upload(tmp_path / "a.png", (".png",))


def test_a_picture_with_a_text_that_swells_is_refused(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt(safety.STACK_KEY, "x" * 5_000_000, zip=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
    assert (tmp_path / "a.png").stat().st_size < 20_000
    with pytest.raises(InputError):
        safety.read_stack(tmp_path / "a.png")


def test_a_failure_is_one_sentence():
    @safety.in_a_sentence
    def fails(error):
        raise error

    with pytest.raises(gr.Error) as caught:
        fails(InputError("a seed\n is bad"))
    assert caught.value.message == "A seed is bad"
    assert caught.value.print_exception is False
    with pytest.raises(gr.Error) as caught:
        fails(KeyError("/secret/path"))
    assert caught.value.message.startswith("That did not work (KeyError)")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("name", ["../x", "x", "0" * 15, "0" * 16 + "/..", ""])
def test_names_of_trainings_lead_nowhere_else(name, engine):
    with pytest.raises(InputError, match="16 hex digits"):
        unfinished.state_path(name)
    with pytest.raises(InputError, match="16 hex digits"):
        LearningQueue(engine).resume(name, face=Stack(seed=1))


# ---- directions that no sentence made


def test_a_direction_without_a_sentence_goes_by_its_name(engine):
    generator = engine.editor.generator
    delta = 0.1 * torch.ones(generator.num_ws, generator.w_dim)
    region = Region.from_parts(["hair"])
    made = Direction.of(generator, delta, method="difference of means", region=region, name="brighter")
    made = replace(made, scores={"judge_success": 0.75, "localization": 0.5})
    made.save(library.kept_path("brighter"))
    one = engine.shelf.named("brighter")
    assert (one.prompt, one.method, one.made, one.success) == ("brighter", *2 * ["difference of means"], 0.75)
    look = engine.added(Stack(seed=1), "brighter", alpha=0.5)
    assert (look.entries[0].prompt, views.caption(look)) == ("", "seed 1 · brighter +0.5")
    (shown,) = [item for item in views.shelf(engine, look)["items"] if item["name"] == "brighter"]
    assert (shown["prompt"], shown["success"]) == ("brighter", 0.75)
    assert engine.shelf.find(look.entries[0]).digest == made.digest
    assert results.strip(engine, look).is_file()
    rows = compared(engine, look, (1,), ["brighter"], [1.0], equal=False)
    page = views.compare(engine, ["brighter"], [1.0], rows, equal=False, seeds="seed 1")
    assert page["rows"][0]["config"] == "brighter (difference of means)"
    assert page["rows"][0]["cells"][0]["clip_gain"] is None
    json.dumps(page, allow_nan=False)
    library.remove_direction("brighter")


# ---- learning


def until(condition, seconds=60):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        threading.Event().wait(0.02)


def test_a_sentence_is_learned_and_lands_on_the_shelf(engine, quick):
    jobs = LearningQueue(engine)
    job = jobs.submit("a person with black hair", config=quick.replace(steps=10), face=Stack(seed=1))
    until(lambda: job.over)
    assert (job.status, job.name) == ("done", "black-hair"), job.message
    assert "black-hair" in {one.name for one in engine.shelf.all()}
    assert [point[0] for point in job.curve] == list(range(1, 11))
    assert job.after_step == 10
    assert job.before.startswith("data:image/png")
    assert job.after != job.before
    assert unfinished.unfinished() == []
    shown = json.loads(json.dumps(views.learning(jobs, job), allow_nan=False))["job"]
    assert [step for step, _ in shown["curves"]["loss"]] == list(range(1, 11))
    job.curve[-1][1]["a term of one's own"] = 0.25  # whatever a step shows has its curve
    job.curve[-1][1]["never a number"] = float("nan")
    curves = views.learning(jobs, job)["job"]["curves"]
    assert curves["a term of one's own"] == [[10, 0.25]]
    assert set(curves) - {"a term of one's own"} == set(shown["curves"])


def test_one_is_learned_at_a_time_and_a_name_is_never_taken_twice(engine, quick):
    jobs = LearningQueue(engine)
    one = jobs.submit("a person with red hair", config=quick, face=Stack(seed=1))
    two = jobs.submit("a person with red hair", config=quick, face=Stack(seed=1))
    assert jobs.ahead(two) in (0, 1)
    seen = set()
    until(lambda: seen.add((one.status, two.status)) or two.over)
    assert ("learning", "learning") not in seen
    assert {one.name, two.name} == {"red-hair", "red-hair-2"}


def test_stop_keeps_what_was_learned_and_it_goes_on_from_there(engine, quick):
    jobs = LearningQueue(engine)
    job = jobs.submit("a person with grey hair", config=quick.replace(steps=5000), face=Stack(seed=1))
    until(lambda: job.after_step >= 5)
    jobs.stop(job.token)
    until(lambda: job.over)
    assert job.status == "stopped"
    assert job.name in {one.name for one in engine.shelf.all()}
    (saved,) = jobs.unfinished()
    assert 5 <= saved.step < 5000
    again = jobs.resume(saved.name, face=Stack(seed=1))
    assert jobs.unfinished() == []  # it is being learned
    with pytest.raises(InputError, match="being learned"):
        jobs.discard(saved.name)
    until(lambda: again.curve)
    assert again.curve[0][0] == saved.step + 1
    jobs.stop(again.token)
    until(lambda: again.over)
    jobs.discard(saved.name)
    assert jobs.unfinished() == []


def test_a_waiting_job_can_be_taken_out_and_the_queue_is_bounded(engine, quick):
    jobs = LearningQueue(engine)
    first = jobs.submit("a person with red hair", config=quick.replace(steps=5000), face=Stack(seed=1))
    rest = [jobs.submit("a person with red hair", config=quick, face=Stack(seed=1)) for _ in range(8)]
    with pytest.raises(InputError, match="are waiting"):
        jobs.submit("a person with red hair", config=quick, face=Stack(seed=1))
    for job in (*rest, first):
        jobs.stop(job.token)
    until(lambda: all(job.over for job in (*rest, first)))
    assert all(job.name == "" for job in rest)


@pytest.mark.parametrize("prompt", ["", "   ", "?!", "x" * 5000, 7])
def test_a_prompt_that_says_nothing_is_not_queued(engine, prompt):
    with pytest.raises(InputError, match="prompt"):
        LearningQueue(engine).submit(prompt, face=Stack(seed=1))


def test_half_written_files_are_neither_shown_nor_kept(engine):
    folder = unfinished.state_path("0" * 16).parent
    folder.mkdir(parents=True)
    (folder / ".0000-abc.safetensors").write_bytes(b"half")
    (folder / f"{'a' * 16}.safetensors").write_bytes(b"damaged")
    library.kept_path("x").with_name(".x-abc.safetensors").write_bytes(b"half")
    assert unfinished.unfinished() == []
    assert not any(entry.path.name.startswith(".") for entry in library.entries())
    unfinished.sweep()
    assert not (folder / ".0000-abc.safetensors").exists()


# ---- the server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("home"), "--password", "open sesame")
    yield running
    running.stop()


@pytest.mark.slow
def test_nothing_is_served_without_the_password(server):
    assert httpx.get(f"{server.url}gradio_api/info").status_code == 401
    assert httpx.post(f"{server.url}gradio_api/queue/join", json={"data": [], "fn_index": 0}).status_code == 401
    assert httpx.post(f"{server.url}gradio_api/upload", files={"files": b"x"}).status_code == 401
    assert "window.gradio_config" in httpx.get(server.url).text  # the door itself
    wrong = httpx.post(f"{server.url}login", data={"username": "a", "password": "guess"})
    assert wrong.status_code in (400, 401)


@pytest.mark.slow
def test_pages_may_load_from_their_own_server_only(server):
    policy = httpx.get(server.url).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy


@pytest.mark.slow
def test_another_name_for_this_machine_is_refused(server):
    assert httpx.get(server.url, headers={"host": "evil.example"}).status_code == 421


@pytest.mark.slow
def test_files_of_the_machine_cannot_be_fetched_or_named(server, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of the machine")
    with httpx.Client(base_url=server.url, timeout=60) as visitor:
        assert visitor.post("login", data={"username": "a", "password": "open sesame"}).status_code == 200
        for path in (str(secret), "/etc/passwd", "../../etc/passwd", f"/proc/{server.process.pid}/environ"):
            answer = visitor.get(f"gradio_api/file={path}")
            assert answer.status_code in (403, 404), path
        file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
        for name, data in (("picture", [file]), ("python", [{"a": file}, "x"]), ("region", [file])):
            event = visitor.post(f"gradio_api/call/{name}", json={"data": data})
            said = (
                ""
                if event.status_code != 200
                else visitor.get(f"gradio_api/call/{name}/{event.json()['event_id']}").text
            )
            assert "a secret" not in said
            assert "complete" not in said
        cached = [path for path in server.cache.rglob("*") if path.is_file() and b"a secret" in path.read_bytes()]
        assert cached == []


@pytest.mark.slow
def test_an_upload_that_is_too_large_is_turned_away(server):
    with httpx.Client(base_url=server.url, timeout=120) as visitor:
        visitor.post("login", data={"username": "a", "password": "open sesame"})
        big = io.BytesIO(b"\0" * (safety.LARGEST_UPLOAD + 1000))
        assert visitor.post("gradio_api/upload", files={"files": ("a.png", big)}).status_code == 413
        named = visitor.post("gradio_api/upload", files={"files": ("../../evil.json", b"{}")})
        assert named.status_code != 200 or ".." not in named.json()[0]
