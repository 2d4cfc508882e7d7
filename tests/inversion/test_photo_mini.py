"""The whole road on mini: a portrait that no network saw, inverted, edited, pasted back, saved and edited again."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eclipsed.commands import cli
from eclipsed.images.conversion import from_pil

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.png"
NOBODY = Path(__file__).parents[2] / "docs" / "images" / "confusion.webp"


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = cli.run([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture(scope="module")
def mini():
    from eclipsed.editor import Editor

    return Editor.from_pretrained("mini", device="cpu")


@pytest.mark.slow
def test_the_encoder_alone_comes_near_and_the_search_nearer(mini):
    goal = from_pil(Image.open(PORTRAIT), size=256)

    def psnr(faces):
        return float(-10 * ((faces.images.clamp(-1, 1) - goal).square().mean() / 4).log10())

    fast = psnr(mini.invert(PORTRAIT, aligned=True, level="fast"))
    good = psnr(mini.invert(PORTRAIT, aligned=True, config=None, level="good"))
    assert fast > 18
    assert good > 24
    assert good > fast


@pytest.mark.slow
def test_a_drawn_portrait_is_found_where_nobody_says_that_it_is_aligned(mini):
    found, whole = (mini.invert(PORTRAIT, level="fast", aligned=aligned) for aligned in (False, True))
    (place,), (frame,) = ([origin.placement for origin in faces.origins] for faces in (found, whole))
    assert abs(place.side - frame.side) < 0.05 * frame.side
    assert max(abs(a - b) for a, b in zip(place.centre, frame.centre, strict=True)) < 0.03 * frame.side


@pytest.mark.slow
def test_from_the_terminal_and_again_from_the_saved_face(run, tmp_path):
    face = tmp_path / "a.face.safetensors"
    options = ("--aligned", "--level", "good", "--save-face", face, "--json")
    code, out, err = run("photo", PORTRAIT, "blond-hair", "--out", "a.png", *options)
    assert code == 0, err
    assert json.loads(out) == {"faces": 1, "alpha": [1.0], "face": str(face), "path": "a.png"}
    assert "inverting 0/" in err
    new, old = np.asarray(Image.open("a.png")), np.asarray(Image.open(PORTRAIT).convert("RGB"))
    assert new.shape == old.shape
    changed = (new != old).any(-1)
    assert 0.05 < changed.mean() < 0.9
    # the middle of the face is no part of the hair
    assert not changed[110:160, 115:140].any()
    code, out, err = run("photo", PORTRAIT, "blond-hair", "--from-face", face, "--out", "b.png")
    assert (code, out) == (0, "b.png\n")
    assert np.array_equal(np.asarray(Image.open("b.png")), new)
    code, out, err = run(
        "photo", PORTRAIT, "blond-hair", "smile", "--alpha", "1,0.5", "--from-face", face, "--out", "c.png"
    )
    assert code == 0, err
    assert not np.array_equal(np.asarray(Image.open("c.png")), new)
    code, out, err = run("photo", face, "blond-hair", "--out", "d.png")
    assert code == 0
    assert "the aligned face is written" in err
    assert Image.open("d.png").size == (256, 256)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((PORTRAIT, "blond-hair"), "say where the result goes"),
        ((PORTRAIT, "--out", "a.png", "--aligned"), "name a direction"),
        ((PORTRAIT, "no-such-direction", "--out", "a.png", "--aligned"), "no-such-direction"),
        ((PORTRAIT, "blond-hair", "--out", "a.txt", "--aligned"), "picture format"),
        ((PORTRAIT, "blond-hair", "--out", "a.png", "--aligned", "--face", "0"), "--face takes a number"),
        ((PORTRAIT, "blond-hair", "--out", "a.png", "--aligned", "--face", "2"), "give one"),
        ((PORTRAIT, "blond-hair", "--out", "a.png", "--aligned", "--level", "perfect"), "level must be one of"),
        ((NOBODY, "blond-hair", "--out", "a.png"), "no face was found in"),
        (("nothing.jpg", "blond-hair", "--out", "a.png", "--aligned"), "is not there"),
        (
            (PORTRAIT, "blond-hair", "--out", "a.png", "--from-face", "x.face.safetensors", "--aligned"),
            "do not go with",
        ),
        ((PORTRAIT, "blond-hair", "--out", "a.png", "--from-face", "x.face.safetensors"), "does not exist"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(run, words, message):
    code, out, err = run("photo", *words)
    assert (code, out) == (1, "")
    assert message in err
    said = [line for line in err.splitlines() if not line.endswith(" …")]  # beside what is being done
    assert len(said) == 1
    assert not Path("a.png").exists()


def test_a_command_line_that_makes_no_sense(run):
    assert run("photo")[0] == 2
    assert run("photo", PORTRAIT, "--alphas", "1")[0] == 2
