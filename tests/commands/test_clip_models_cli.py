"""``eclipsed models fetch | info | verify | path | remove`` with CLIP models, and CLIPs in a set.json."""

import json
import re

import clip_kit
import open_clip
import pytest
import torch
from clip_kit import NAME, TAG

from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.store.clip_files import brought_path
from eclipsed.store.files import file_sha256
from eclipsed.store.sets import ClipSource, find_set

FULL = f"clip:{NAME}/{TAG}"

pytestmark = pytest.mark.usefixtures("tiny_clip")


@pytest.fixture
def archive(tmp_path):
    return clip_kit.write_archive(tmp_path / "brought.pt")


@pytest.fixture
def run(capsys):
    def run(*words):
        code = cli.run([str(word) for word in words])
        out, err = capsys.readouterr()
        for text in (out, err):
            assert "Traceback" not in text
            assert "\x1b" not in text
            assert "weights_only" not in text
        return code, out, err

    return run


def test_a_clip_from_the_first_to_the_last_command(run, archive):
    absent = f"the CLIP weights of {NAME} ({TAG}) are not on this machine; get them: eclipsed models fetch {FULL}"
    for command in ("path", "verify"):
        code, out, err = run("models", command, FULL)
        assert code == 1
        assert absent in out + err
    found = json.loads(run("models", "info", FULL, "--json")[1])
    assert (found["name"], found["present"], found["file"]) == (FULL, False, None)
    code, out, err = run("models", "fetch", "clip:ViT-T/16/openai", "--from", archive)
    kept = brought_path(NAME, TAG)
    assert (code, out) == (0, f"{kept}\n")
    assert [line for line in err.splitlines() if line] == [
        f"{FULL}: verifying",
        f"{FULL}: converting to safetensors",
        "clip:ViT-T/16/openai: ready",
    ]
    assert run("models", "path", "clip:ViT-T/16/openai") == (0, f"{kept}\n", "")
    found = json.loads(run("models", "info", FULL, "--json")[1])
    assert found == {
        "name": FULL,
        "present": True,
        "file": str(kept),
        "description": f"CLIP {NAME}, its weights {TAG}",
        "from": [str(archive)],
        "bytes": kept.stat().st_size,
        "sha256": file_sha256(kept),
        "checked": found["checked"],
    }
    assert re.fullmatch(r"recorded at first use on \d{4}-\d\d-\d\d", found["checked"])
    right = "right, sha256 of what came recorded at first use"
    assert run("models", "verify", FULL) == (0, f"{FULL}: {right}\n", "")
    rows = json.loads(run("models", "verify", "--json")[1])  # without a name all that are here
    assert rows[0].pop("sha256")
    assert rows == [
        {"name": "mtcnn", "ok": True, "text": "right, as it ships with eclipsed"},
        {"name": FULL, "ok": True, "sha256": file_sha256(kept), "text": right},
    ]
    with open(kept, "ab") as file:
        file.write(b"x")
    code, out, err = run("models", "verify")
    assert code == 1
    assert f"{kept} has changed since it was fetched: expected the sha256" in out
    assert "error: 1 of 2 networks are not right" in err
    assert run("models", "path", FULL)[0] == 1
    assert run("models", "remove", FULL) == (0, f"removed {FULL}\n", "")
    assert list(kept.parent.iterdir()) == []
    assert run("models", "remove", FULL) == (1, "", f"error: nothing of {FULL} is on this machine\n")


def test_ready_is_not_said_of_a_file_that_is_none(run, tmp_path):
    torch.save({"state_dict": {"some.weight": torch.ones(3)}}, tmp_path / "other.pt")
    code, out, err = run("models", "fetch", FULL, "--from", tmp_path / "other.pt")
    assert (code, out) == (1, "")
    assert ": ready" not in err
    assert err.splitlines()[-1].startswith(
        f"error: {tmp_path / 'other.pt'} holds no weights of CLIP {NAME}; keys seen: "
    )
    assert err.endswith("; nothing was kept\n")
    assert not brought_path(NAME, TAG).exists()


def test_a_file_in_the_place_of_the_tag(run, archive):
    name = f"clip:ViT-T/16/{archive}"
    assert run("models", "path", name) == (0, f"{archive}\n", "")
    assert run("models", "verify", name) == (0, f"{name}: right, the weights of CLIP {NAME}\n", "")
    found = json.loads(run("models", "info", name, "--json")[1])
    assert (found["present"], found["file"]) == (True, str(archive))
    assert found["checked"] == f"opened: it holds the 38 tensors of CLIP {NAME}"
    code, out, err = run("models", "fetch", name)
    assert (code, out) == (0, f"{archive}\n")
    assert f"{name}: ready" in err
    code, _, err = run("models", "remove", name)
    assert (code, err) == (1, f"error: {archive} is a file of your own, not one of the store; remove it yourself\n")
    archive.write_bytes(b"no weights at all, but a text")
    for command in ("path", "verify", "info", "fetch"):
        assert run("models", command, name)[0] == 1


def test_what_lies_in_open_clips_cache_stays(run, monkeypatch, tmp_path):
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED[NAME][TAG], "hf_hub", "")
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED[NAME][TAG], "url", "https://example.org/weights.pt")
    cached = tmp_path / ".cache" / "clip" / "weights.pt"
    cached.parent.mkdir(parents=True)
    clip_kit.write_archive(cached)
    assert run("models", "path", FULL) == (0, f"{cached}\n", "")
    assert run("models", "verify", FULL) == (0, f"{FULL}: right, though nobody published its sha256\n", "")
    code, _, err = run("models", "remove", FULL)
    assert code == 1
    assert err == f"error: {FULL} lies in open_clip's own cache, which stays; remove it there: {cached}\n"
    assert cached.is_file()


@pytest.mark.parametrize("command", ["info", "verify", "path", "remove"])
def test_names_of_nothing(run, command):
    for name, message in (
        ("clip:nobody/openai", "open_clip has no weights of a CLIP 'nobody'; see open_clip.list_pretrained()"),
        (f"clip:{NAME}/none", f"CLIP {NAME} has no weights 'none'; it has: {TAG}"),
        ("clip:ViT-T/16", "a CLIP model is called clip:MODEL/TAG, such as clip:ViT-B-32/openai; got 'clip:ViT-T/16'"),
    ):
        code, out, err = run("models", command, name)
        assert code == 1
        assert message in out + err


# ---- sets and editors


def make_set(folder, clip):
    folder.mkdir(exist_ok=True)
    shipped = find_set("mini")
    (folder / "generator.safetensors").write_bytes(shipped.generator.read_bytes())
    content = {"format": 1, "name": "own", "generator": "generator.safetensors", "parser": None, "clip": clip}
    (folder / "set.json").write_text(json.dumps(content))
    return folder


def test_a_set_names_its_clip_in_every_way(archive, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    beside = folder / "weights.pt"
    beside.write_bytes(archive.read_bytes())
    for clip, found in (
        ({"model": "ViT-T/16", "pretrained": "openai"}, ClipSource("ViT-T/16", "openai")),
        ({"model": NAME, "pretrained": "weights.pt"}, ClipSource(NAME, str(beside))),
        ({"model": NAME, "pretrained": str(archive)}, ClipSource(NAME, str(archive))),
        ("ViT-T/16/openai", ClipSource(NAME, "openai")),
        ("ViT-T-16/weights.pt", ClipSource(NAME, str(beside))),
        (f"ViT-T-16/{archive}", ClipSource(NAME, str(archive))),
    ):
        assert find_set(make_set(folder, clip)).clip == found
        if found.pretrained != TAG:
            assert Editor.from_pretrained(folder, device="cpu").clip.size == 32


def test_a_set_says_which_file_is_missing(run, tmp_path):
    folder = make_set(tmp_path / "own", f"{NAME}/nowhere.pt")
    code, _, err = run("models", "info", folder)
    assert code == 1
    assert f"is not complete: it needs {folder / 'nowhere.pt'}" in err


@pytest.mark.parametrize("way", ["ViT-T-16/{}", "ViT-T/16/{}"])
def test_an_editor_takes_a_file_beside_a_name(archive, way, monkeypatch):
    assert Editor.from_pretrained("mini", device="cpu", clip=way.format(archive)).clip.size == 32
    monkeypatch.chdir(archive.parent)
    assert Editor.from_pretrained("mini", device="cpu", clip=way.format(archive.name)).clip.size == 32
