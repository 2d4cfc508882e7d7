"""The named endpoints, called as the documentation says; several visitors at once; a server that is killed."""

import pickle
import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from gradio_client import handle_file
from gradio_client.exceptions import AppError

import eclipsed
from benchmarks.studio_server import Server
from eclipsed.inversion.saving import faces_digest
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.photos.reading import read_photo
from eclipsed.store import library

pytestmark = pytest.mark.slow

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.png"
DOCS = Path(__file__).parents[2] / "docs" / "studio.md"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home):
    running = Server(home)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(server):
    return server.client()


@pytest.fixture(scope="module")
def mini():
    return eclipsed.Editor.from_pretrained("mini", device="cpu")


def test_the_example_of_the_documentation_runs(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"<!-- test: api -->\n```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {}
    exec(code.replace("http://127.0.0.1:7860", server.url), names)
    assert Path(names["picture"]).is_file()
    assert names["status"]["status"] in ("stopped", "done")


def test_the_example_of_one_s_own_picture_runs(server, mini, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "portrait.png").write_bytes(PORTRAIT.read_bytes())
    (code,) = re.findall(
        r"<!-- test: own picture -->\n```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    names = {}
    exec(code.replace("http://127.0.0.1:7860", server.url), names)
    faces = mini.invert(PORTRAIT, level="fast", aligned=True)
    goal = faces.origins[0].placement.crop(read_photo(PORTRAIT), 256)
    psnr = float(-10 * ((faces.images.clamp(-1, 1) - goal).square().mean() / 4).log10())
    assert names["inversion"]["faces"] == [pytest.approx(psnr, abs=0.05)]
    stack = eclipsed.Stack.from_json(names["stack"])
    assert stack.seed is None
    assert stack.saved_face == faces_digest(mini.load_faces(names["face"]["path"]))
    edited = mini.edit(faces, stack)
    whole = mini.paste(edited)[0]
    for place, expected in ((names["picture"], edited.pil()[0]), (names["edited"], whole), (names["each"], whole)):
        with Image.open(place) as image:
            difference = np.asarray(image.convert("RGB"), dtype=int) - np.asarray(expected.convert("RGB"), dtype=int)
        assert np.abs(difference).max() <= 1
    with pytest.raises(AppError, match=r"(?i)the saved face holds 1 faces, from 1; got '2'"):
        names["client"].predict(
            stacks={"2": names["stack"]}, face=names["face"], photo=names["photo"], api_name="/people"
        )
    with pytest.raises(AppError, match=r"(?i)give face, the saved face"):
        names["client"].predict(stack=names["stack"], api_name="/picture")
    rows = names["client"].predict(
        seeds=[], directions=["smile"], alphas=[1.0], face=names["face"], api_name="/compare"
    )
    assert rows[0]["inside"] > 3 * rows[0]["outside"]


def test_the_example_of_directions_without_training_runs(server, client, mini, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    age = WStatistics.of_generator(mini.generator).basis[:, 0].cpu().numpy()
    np.save(tmp_path / "age.npy", age[None])
    (code,) = re.findall(
        r"<!-- test: directions -->\n```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    names = {}
    exec(code.replace("http://127.0.0.1:7860", server.url), names)
    brought, made = names["brought"], names["made"]
    assert (brought["status"], brought["name"]) == ("done", "age")
    assert brought["message"].startswith("“age” is on the shelf: it moves rows 0-13 of W, changes ")
    assert "and belongs to this generator (100% of it lies" in brought["message"]
    assert made["name"] == "my-look"
    look = {name: eclipsed.Direction.load(library.find_direction(name)) for name in ("smile", "glasses", "hat")}
    expected = (look["smile"] - 0.5 * look["glasses"]).without(look["hat"])
    stack = client.predict(seed=2, edits=[{"direction": "my-look"}], api_name="/stack")
    with Image.open(client.predict(stack=stack, api_name="/picture")) as image:
        drawn = np.asarray(image, dtype=int)
    wanted = np.asarray(mini.edit(mini.sample(seeds=2), expected, 1.0).pil()[0], dtype=int)
    assert np.abs(drawn - wanted).max() <= 1
    for name in ("age", "my-look"):
        client.predict(name=name, api_name="/forget")


def test_the_making_of_a_direction_is_watched_and_stopped(client):
    token = client.predict(faces_with=[1, 2], faces_without=[3, 4], name="halfway", api_name="/between")
    client.predict(token=token, api_name="/stop_making")
    end = time.monotonic() + 240
    while not (status := client.predict(token=token, api_name="/making"))["over"]:
        assert time.monotonic() < end, status
    assert (status["status"], status["name"]) == ("stopped", "")
    assert "halfway" not in {one["name"] for one in client.predict(api_name="/directions")}


def test_a_file_that_asks_to_run_something_is_refused(client, tmp_path):
    class Evil:
        def __reduce__(self):
            return (exec, ("open('/tmp/eclipsed-was-here', 'w')",))

    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    token = client.predict(file=handle_file(str(tmp_path / "evil.pkl")), api_name="/import_direction")
    end = time.monotonic() + 60
    while not (status := client.predict(token=token, api_name="/making"))["over"]:
        assert time.monotonic() < end, status
    assert status["status"] == "failed"
    assert "exec" in status["message"]
    assert "evil.pkl" in status["message"]
    assert not Path("/tmp/eclipsed-was-here").exists()


def test_the_documentation_names_every_endpoint(client):
    known = {name.strip("/") for name in client.view_api(return_format="dict")["named_endpoints"]}
    table = set(re.findall(r"^\| `/(\w+)`", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert known == table


def test_endpoints_name_their_types(client):
    for name, endpoint in client.view_api(return_format="dict")["named_endpoints"].items():
        assert endpoint["returns"], name
        for one in (*endpoint["parameters"], *endpoint["returns"]):
            kind = one["python_type"]["type"]
            assert kind, (name, one)
            assert "Any" not in kind, (name, kind)


def test_regions_carry_all_warnings(client):
    found = client.predict(prompt="a nice blorb", api_name="/region")
    assert found["warnings"][0] == found["warning"]
    assert "was never shown 'nice', 'blorb'; the edit may have nothing to do with it" in found["warnings"][1]
    assert client.predict(prompt="a person with blond hair", api_name="/region")["warnings"] == []


def test_a_picture_is_that_of_the_library(client, mini):
    stack = client.predict(
        seed=7,
        edits=[{"direction": "blond-hair", "alpha": 0.8}, {"direction": "smile", "blend": "pixels"}],
        api_name="/stack",
    )
    with Image.open(client.predict(stack=stack, api_name="/picture")) as image:
        drawn = np.asarray(image)
    expected = mini.edit(mini.sample(seeds=7), eclipsed.Stack.from_json(stack)).pil()[0]
    assert np.array_equal(drawn, np.asarray(expected))


def test_everything_else_that_the_page_does(client):
    assert {one["name"] for one in client.predict(api_name="/directions")} >= {"blond-hair", "smile"}
    assert len(client.predict(seeds=[1, 2], api_name="/faces")) == 2
    assert client.predict(prompt="red lipstick", api_name="/region")["parts"] == ["upper_lip", "lower_lip"]
    stack = client.predict(seed=1, edits=[{"direction": "hat"}], api_name="/stack")
    assert Path(client.predict(stack=stack, api_name="/film")).read_bytes()[:3] == b"GIF"
    assert Image.open(client.predict(stack=stack, api_name="/strip")).width > 600
    assert "Stack.load" in client.predict(stack=stack, api_name="/python")
    files, down, across = client.predict(stack=stack, first="smile", second="glasses", size=2, api_name="/palette")
    assert (np.shape(files), down, across) == ((2, 2), [-1.0, 1.0], [-1.0, 1.0])
    rows = client.predict(
        seeds=[1, 2], directions=["smile", "hat"], alphas=[0.3], equal_change=True, api_name="/compare"
    )
    assert rows[1]["change"] == pytest.approx(rows[0]["change"], rel=0.03)


def test_files_are_sent_and_opened(client, mini, tmp_path):
    stack = client.predict(seed=4, edits=[{"direction": "smile", "alpha": 0.4}], api_name="/stack")
    saved = eclipsed.Stack.from_json(stack).save(tmp_path / "mine.json")
    assert client.predict(file=handle_file(str(saved)), api_name="/open") == stack
    picture = client.predict(stack=stack, api_name="/picture")
    carried = client.predict(file=handle_file(picture), api_name="/open")
    assert carried == {**stack, "face": {"seed": 4, "truncation_psi": mini.truncation_psi}}

    (tmp_path / "brought.safetensors").write_bytes(library.find_direction("hat").read_bytes())
    name = client.predict(file=handle_file(str(tmp_path / "brought.safetensors")), api_name="/keep")
    assert name in {one["name"] for one in client.predict(api_name="/directions")}
    client.predict(name=name, api_name="/forget")
    assert name not in {one["name"] for one in client.predict(api_name="/directions")}


@pytest.mark.parametrize("endpoint", ["open", "keep", "import_direction"])
@pytest.mark.parametrize("file", [{"path": "/etc/passwd"}, {"path": "a\0b"}, {"path": 3}, {"url": "x"}, "/etc/passwd"])
def test_a_path_is_no_file_that_was_sent(client, endpoint, file):
    with pytest.raises(AppError, match=r"(?i)expected a file"):
        client.predict(file=file, api_name=f"/{endpoint}")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("stack", {"seed": -1}, "whole number"),
        ("stack", {"seed": 1, "edits": [{"direction": "../../etc/passwd"}]}, "without a path"),
        ("stack", {"seed": 1, "edits": [{"direction": "smile", "alpha": "x"}]}, "finite number"),
        ("stack", {"seed": 1, "edits": [{"direction": "smile", "x": 1}]}, "an edit has the keys"),
        ("picture", {"stack": {"kind": "x"}}, "no 'version'"),
        ("region", {"prompt": "x" * 2000}, "at most 1000"),
        ("learn", {"prompt": ""}, "prompt is empty"),
        ("learn", {"prompt": "hair", "options": {"steps": 0}}, "steps must be"),
        ("progress", {"token": "guess"}, "no such learning"),
        ("inversion", {"token": "guess"}, "no such inversion"),
        ("inverted", {"token": "guess"}, "no such inversion"),
        ("stack", {}, "either seed or face"),
        ("picture", {"stack": {}, "face": {"path": "/etc/passwd"}}, "no 'kind'"),
        ("making", {"token": "guess"}, "no such making"),
        ("stop_making", {"token": "guess"}, "no such making"),
        ("between", {"faces_with": [1], "faces_without": [1]}, "seed 1 is in both groups"),
        ("between", {"faces_with": [], "faces_without": [1]}, "needs 1 to 64 faces"),
        ("between", {"faces_with": [1], "faces_without": [2], "truncation_psi": 9}, "truncation_psi must be"),
        ("combined", {"weights": {"smile": 1}}, "one direction alone stays what it is"),
        ("combined", {"weights": {"../x": 2}}, "without a path"),
        ("combined", {"weights": {"smile": "x"}}, "a weight is a number"),
        ("combined", {"weights": {"smile": 2}, "name": "/"}, "a name has letters or digits"),
        ("resume", {"name": "../x"}, "16 hex digits"),
        ("forget", {"name": "../x"}, "no slashes"),
        ("forget", {"name": "smile"}, "ships with the package"),
        ("film", {"stack": {}, "kind": "exe"}, "gif or an mp4"),
        ("faces", {"seeds": list(range(100))}, "at most 64"),
    ],
)
def test_what_is_wrong_is_a_sentence(client, name, values, message):
    with pytest.raises(AppError, match=f"(?i){message}") as caught:
        client.predict(**values, api_name=f"/{name}")
    assert "Traceback" not in str(caught.value)


def progress(client, token, there, seconds=240):
    """Ask how a learning stands until it is there."""
    end = time.monotonic() + seconds
    while not there(status := client.predict(token=token, api_name="/progress")):
        assert time.monotonic() < end, status
    return status


def test_a_killed_server_leaves_nothing_damaged_and_goes_on(home):
    first = Server(home)
    client = first.client()
    before = {one["name"]: one for one in client.predict(api_name="/directions")}
    token = client.predict(
        prompt="a person with grey hair", options={"steps": 400, "layers": None, "calibrate": False}, api_name="/learn"
    )
    progress(client, token, lambda status: status["after_step"] >= 5)
    first.kill()

    second = Server(home)
    client = second.client()
    assert {one["name"]: one for one in client.predict(api_name="/directions")} == before
    (saved,) = [one for one in client.predict(api_name="/unfinished") if one["prompt"] == "a person with grey hair"]
    assert 5 <= saved["step"] < 400
    token = client.predict(name=saved["name"], api_name="/resume")
    status = progress(client, token, lambda status: bool(status["curves"]))
    assert status["curves"]["loss"][0][0] == saved["step"] + 1
    client.predict(token=token, api_name="/stop")
    status = progress(client, token, lambda status: status["over"])
    assert status["name"] == "grey-hair"
    client.predict(name=saved["name"], api_name="/discard")
    client.predict(name="grey-hair", api_name="/forget")
    second.stop()
    assert "Traceback" not in second.said
