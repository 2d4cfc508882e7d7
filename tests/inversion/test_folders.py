"""A folder of good and bad pictures: each edited or a sentence, what is done skipped, whatever was killed."""

import base64
import contextlib
import copy
import csv
import html
import io
import json
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from directions_kit import make
from PIL import Image

import eclipsed
from eclipsed.commands import cli
from eclipsed.compute import crew_ray
from eclipsed.compute.crew_processes import Here
from eclipsed.editor import Editor
from eclipsed.errors import DirectionError, InputError, OutputError
from eclipsed.inversion import folder_ray
from eclipsed.inversion.edited_photo import EditedPhoto
from eclipsed.inversion.folder_places import list_photos, results_of
from eclipsed.inversion.folder_report import photos_page
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.network_digest import networks_digest
from eclipsed.networks.encoder import Encoder as EncoderNetwork
from eclipsed.networks.encoder import EncoderConfig
from eclipsed.networks.mtcnn import MTCNN
from eclipsed.photos.cascade import MTCNNFinder
from eclipsed.photos.finding import FoundFace
from eclipsed.photos.reading import read_photo
from eclipsed.pretrained.encoder import Encoder

FEW = InversionConfig(steps_from_mean=2, finish_steps=0)
WS = torch.zeros(8, 16)
NO_ENCODER = (
    "the model set 'stub' has no encoder, so the search begins at the mean face, which takes longer and ends less close"
)
POINTS = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.3], [0.15, 0.3]])

#: what a process of its own runs: it is killed after `after` pictures, or in the midst of writing the one after
KILLED = """
import os, sys
from pathlib import Path
from PIL import Image
from eclipsed.editor import Editor
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.latents.direction import Direction

models, direction, folder, out, after, writing = sys.argv[1:]
save, saved = Image.Image.save, []

def half(picture, place, *args, **options):
    if not isinstance(place, Path):
        return save(picture, place, *args, **options)
    saved.append(place)
    save(picture, place, *args, **options)
    if writing == "1" and len(saved) > int(after):
        place.write_bytes(place.read_bytes()[:40])
        os._exit(9)

def tell(done, total, row):
    if writing == "0" and done == int(after):
        os._exit(9)

Image.Image.save = half
editor = Editor.from_pretrained(models, device="cpu")
few = InversionConfig(steps_from_mean=2, finish_steps=0)
editor.edit_photos(folder, Direction.load(direction), out, aligned=True, config=few, tell=tell)
"""


class SizedFinder:
    """Finds as many faces as a picture's width holds squares of its height."""

    def find(self, photo):
        found = []
        for k in range(photo.width // photo.height):
            x, y, size = (k + 0.5) * photo.height, photo.height / 2, photo.height / 3
            found.append(FoundFace((x - size / 2, y - size / 2, x + size / 2, y + size / 2), POINTS * size + (x, y)))
        return found


@pytest.fixture(scope="module")
def direction(editor):
    return make(editor.generator)


@pytest.fixture(scope="module")
def noise():
    """A PNG of noise."""
    rng = np.random.default_rng(5)

    def draw(width=48, height=48, kind="PNG"):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(file, kind)
        return file.getvalue()

    return draw


@pytest.fixture
def folder(tmp_path, noise):
    """Four good pictures and four bad files."""
    place = tmp_path / "in"
    (place / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/e.png"):
        (place / name).write_bytes(noise())
    (place / "c.jpg").write_bytes(noise(kind="JPEG"))
    (place / "d.tif").write_bytes(noise(kind="TIFF"))
    (place / "cut.jpg").write_bytes(noise(200, 200, kind="JPEG")[:2000])
    (place / "empty.png").write_bytes(b"")
    (place / "notes.txt").write_text("no picture\n" * 9)
    (place / "wide.png").write_bytes(noise(96, 48))
    (place / ".hidden.png").write_bytes(noise())
    return place


@pytest.fixture
def edit(editor, direction):
    """Edit a folder of aligned pictures with few steps."""

    def call(folder, out, **options):
        return editor.edit_photos(folder, direction, out, **{"aligned": True, "config": FEW, **options})

    return call


def held(out):
    """What a folder holds: relative path -> bytes, without what is written anew each time."""
    files = [path for path in out.rglob("*") if path.is_file() and path.name not in ("report.csv", "report.html")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def pictures(out):
    return {name: content for name, content in held(out).items() if not name.startswith(".eclipsed/")}


def table(out):
    return list(csv.DictReader((out / "report.csv").read_text("utf-8").splitlines()))


def test_each_picture_is_edited_or_a_sentence(edit, editor, direction, folder, tmp_path):
    out, told = tmp_path / "out", []
    rows = edit(folder, out, tell=lambda *step: told.append(step))
    assert [(row.name, row.outcome, row.result, row.faces, row.reason) for row in rows] == [
        ("a.png", "edited", "a.png", 1, ""),
        ("b.png", "edited", "b.png", 1, ""),
        ("c.jpg", "edited", "c.jpg", 1, ""),
        ("cut.jpg", "failed", "", 0, rows[3].reason),
        ("d.tif", "edited", "d.tif.png", 1, ""),
        ("empty.png", "failed", "", 0, f"{folder}/empty.png is empty; give a picture"),
        (
            "notes.txt",
            "failed",
            "",
            0,
            f"{folder}/notes.txt is no picture that can be read; give a PNG, JPEG, WebP, TIFF …",
        ),
        (
            "wide.png",
            "failed",
            "",
            0,
            "an aligned picture is a square; got 96 x 48: cut it to a square, or let the face be found",
        ),
    ]
    assert rows[3].reason.startswith(f"{folder}/cut.jpg is damaged or cut short: ")
    assert [(done, total) for done, total, _ in told] == [(k, 8) for k in range(1, 9)]
    assert {row.name: row for *_, row in told} == {row.name: row for row in rows}
    assert set(pictures(out)) == {"a.png", "b.png", "c.jpg", "d.tif.png"}
    with pytest.warns(eclipsed.EclipsedWarning, match="has no encoder"):
        faces = editor.invert(folder / "a.png", aligned=True, config=FEW)
    (alone,) = editor.paste(editor.edit(faces, direction))
    assert np.array_equal(np.array(Image.open(out / "a.png")), np.array(alone))
    assert not np.array_equal(np.array(alone), np.array(Image.open(folder / "a.png")))
    goal, drawn = (np.asarray(one, np.float64) for one in (read_photo(folder / "a.png").pixels, faces.pil()[0]))
    assert rows[0].note.endswith(f"; {NO_ENCODER}")
    small = np.asarray(Image.fromarray(goal.astype(np.uint8)).resize((32, 32), Image.Resampling.BICUBIC), np.float64)
    assert rows[0].closeness == pytest.approx(10 * np.log10(255**2 / np.square(small - drawn).mean()), abs=0.5)


def test_the_report_says_what_became_of_each(edit, folder, tmp_path):
    out = tmp_path / "out"
    rows = edit(folder, out)
    found = table(out)
    assert list(found[0]) == [
        "picture", "stack", "outcome", "result", "faces", "closeness_db", "seconds", "reason", "note"
    ]  # fmt: skip
    assert [(row["picture"], row["outcome"], row["reason"]) for row in found] == [
        (row.name, row.outcome, row.reason) for row in rows
    ]
    assert found[0]["closeness_db"] == f"{rows[0].closeness:.2f}"
    assert found[3]["closeness_db"] == ""
    page = (out / "report.html").read_text("utf-8")
    assert "8 pictures: 4 edited, 0 done before, 4 failed." in page
    images = re.findall(r'<img src="(data:image/webp;base64,[^"]+)" alt="(\w+)"', page)
    assert [what for _, what in images] == 4 * ["before", "after"] + ["before"]  # of wide.png, which was read
    assert {Image.open(io.BytesIO(bytes_of(one))).size for one, _ in images} == {(160, 160), (96, 48)}
    assert all(len(one) < 40_000 for one, _ in images)
    assert all(html.escape(row.reason) in page for row in rows)
    assert not re.search(r'(?:src|href)="(?!data:|\./)', page)


def bytes_of(address):
    return base64.b64decode(address.partition(",")[2])


def test_what_is_done_is_skipped_until_something_changes(edit, folder, tmp_path, noise, direction):
    out = tmp_path / "out"
    first = edit(folder, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*g") if path.is_file()}
    again = edit(folder, out)
    assert [row.outcome for row in again if row.name[0] in "abd"] == 3 * ["done before"]
    assert [row for row in again if row.outcome == "failed"] == [
        replace(row, seconds=other.seconds) for row, other in zip(first, again, strict=True) if row.outcome == "failed"
    ]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [(row.before, row.after, row.closeness, row.seconds) for row in again if row.after] == [
        (row.before, row.after, row.closeness, row.seconds) for row in first if row.after
    ]
    page = (out / "report.html").read_text("utf-8")
    assert page.count('alt="after"') == 4

    def outcomes(**options):
        return {row.name: row.outcome for row in edit(folder, out, **options) if row.outcome != "failed"}

    (folder / "a.png").write_bytes(noise())  # another picture
    (out / "b.png").write_bytes(b"spoilt")  # another result
    (out / "c.jpg").unlink()
    assert outcomes() == {"a.png": "edited", "b.png": "edited", "c.jpg": "edited", "d.tif": "done before"}
    assert set(outcomes(alpha=0.5).values()) == {"edited"}
    assert set(outcomes(alpha=0.5).values()) == {"done before"}
    assert set(outcomes(alpha=0.5, config=FEW.replace(seed=1)).values()) == {"edited"}
    record = next((out / ".eclipsed").iterdir())
    record.write_text("[" * 100_000)
    assert sorted(outcomes(alpha=0.5, config=FEW.replace(seed=1)).values()) == 3 * ["done before"] + ["edited"]


def test_other_networks_make_another_result(editor, direction, folder, tmp_path):
    """Parser, CLIP, encoder and finder take part in a result, so that another one of them edits the pictures anew."""
    one = Editor(editor.generator, editor.parser, editor.clip, name="stub", finder=SizedFinder())
    parser = copy.deepcopy(editor.parser)
    with torch.no_grad():
        next(parser.parameters()).mul_(1.0001)
    parser._fingerprint = None  # a frozen network's is reckoned once
    clip = copy.deepcopy(editor.clip)
    clip._fingerprint = "0" * 64
    encoder = Encoder(EncoderNetwork(EncoderConfig("e4e", 4, ((4, 1),) * 3, (2, 2, 2, 3, 3, 4, 4, 4), 4, 16)), WS)

    def outcomes(parser, clip, encoder=None, **options):
        other = Editor(editor.generator, parser, clip, name="stub", finder=SizedFinder(), encoder=encoder)
        rows = other.edit_photos(folder, direction, tmp_path / "out", aligned=True, config=FEW, **options)
        return {row.outcome for row in rows if row.outcome != "failed"}

    assert outcomes(one.parser, one.clip) == {"edited"}
    assert outcomes(copy.deepcopy(editor.parser), copy.deepcopy(editor.clip)) == {"done before"}
    assert outcomes(parser, one.clip) == {"edited"}
    assert outcomes(one.parser, clip) == {"edited"}
    assert outcomes(one.parser, one.clip, encoder) == {"edited"}
    assert outcomes(one.parser, one.clip, copy.deepcopy(encoder)) == {"done before"}


def test_a_network_is_told_by_class_sizes_and_weights(editor):
    parser = copy.deepcopy(editor.parser)
    assert networks_digest([parser, None]) == networks_digest([editor.parser, None])
    assert networks_digest([parser, None]) != networks_digest([None, parser])
    parser.mean.add_(0.1)
    parser._fingerprint = None  # a frozen network's is reckoned once
    assert networks_digest([parser]) != networks_digest([editor.parser])
    resized = copy.deepcopy(editor.parser)
    resized.config = replace(resized.config, size=128)
    resized._fingerprint = None
    assert networks_digest([resized]) != networks_digest([editor.parser])
    assert networks_digest([SizedFinder()]) == networks_digest([SizedFinder()]) != networks_digest([DeadlyFinder()])
    shipped, other = (MTCNNFinder(MTCNN(), torch.device("cpu")) for _ in range(2))
    assert networks_digest([shipped]) != networks_digest([other])  # of other random weights


def test_faces_are_found_and_every_one_is_edited(editor, direction, tmp_path, noise):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, width in (("none", 60), ("one", 120), ("two", 240)):
        (folder / f"{name}.png").write_bytes(noise(width, 100))
    found = Editor(editor.generator, editor.parser, editor.clip, name="stub", finder=SizedFinder())
    rows = found.edit_photos(folder, direction, tmp_path / "out", config=FEW)
    assert [(row.name, row.outcome, row.faces) for row in rows] == [
        ("none.png", "failed", 0), ("one.png", "edited", 1), ("two.png", "edited", 2)
    ]  # fmt: skip
    assert rows[0].reason == (
        f"no face was found in {folder}/none.png; give a picture of a face from the front, or say that it is aligned"
    )
    rows = found.edit_photos(folder, direction, tmp_path / "second", config=FEW, face=2)
    assert [row.faces for row in rows] == [0, 0, 1]
    assert rows[1].reason == f"{folder}/one.png has no face 2: 1 found, counted from the left"


def test_folders_inside_on_request(edit, folder, tmp_path):
    assert edit(folder, tmp_path / "out", recursive=True)[-2].name == "sub/e.png"
    assert (tmp_path / "out" / "sub" / "e.png").is_file()


def test_a_picture_that_breaks_the_work_is_a_row(edit, folder, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("of\nnought")

    monkeypatch.setattr("eclipsed.inversion.folder_stages.goals_of", fail)
    assert edit(folder, tmp_path / "out")[0].reason == ("ZeroDivisionError: of nought (unexpected; please report it)")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_a_picture_that_does_not_fit_into_memory_is_a_row(edit, folder, tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("eclipsed.inversion.folder_stages.goals_of", fail)
    assert edit(folder, tmp_path / "out")[0].reason == (
        f"{folder}/a.png does not fit into memory, with low_memory either; make it smaller or take fewer workers"
    )


def test_ctrl_c_keeps_no_half_search(edit, folder, tmp_path, monkeypatch):
    """The search itself keeps the best so far, which would be written as if it were the result."""
    import signal

    from eclipsed.inversion.inverter import Inverter

    look = Inverter._stray

    def press(self, ws):
        signal.raise_signal(signal.SIGINT)
        return look(self, ws)

    monkeypatch.setattr(Inverter, "_stray", press)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        edit(folder, tmp_path / "out")
    assert held(tmp_path / "out") == {}
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_killed_twice_it_goes_on_where_it_was(edit, folder, tmp_path, model_set, direction):
    out, whole = tmp_path / "out", tmp_path / "whole"
    file = direction.save(tmp_path / "d.safetensors")

    def killed(after, writing):
        words = [sys.executable, "-c", KILLED, model_set, file, folder, out, str(after), str(writing)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 9, done.stderr
        return held(out)

    first = killed(1, 0)  # after a.png
    assert {name for name in first if "/" not in name} == {"a.png"}
    second = killed(1, 1)  # in the midst of writing c.jpg
    (half,) = [name for name in second if re.fullmatch(r"\.c-[0-9a-f]{12}\.jpg", name)]
    assert len(second[half]) == 40
    assert {name for name in second if "/" not in name} == {"a.png", "b.png", half}
    kept = {name: (out / name).stat().st_mtime_ns for name in ("a.png", "b.png")}
    rows = edit(folder, out)
    assert [row.outcome for row in rows if row.after] == ["done before", "done before", "edited", "edited"]
    assert {name: (out / name).stat().st_mtime_ns for name in kept} == kept
    edit(folder, whole)
    assert pictures(out) == pictures(whole)
    assert set(held(out)) == set(held(whole))  # nothing half-written is left


@pytest.mark.slow
def test_two_workers_give_the_same_bits(edit, folder, tmp_path):
    one, two = (edit(folder, tmp_path / str(n), workers=n, recursive=True) for n in (1, 2))
    assert pictures(tmp_path / "1") == pictures(tmp_path / "2")
    assert len(pictures(tmp_path / "1")) == 5
    one, two = ([replace(row, seconds=0.0) for row in rows] for rows in (one, two))
    assert [repr(row) for row in one] == [repr(row) for row in two]  # nan is nan
    assert {row.outcome for row in edit(folder, tmp_path / "2", workers=2)} == {"done before", "failed"}


class DeadlyFinder(SizedFinder):
    """Ends its process at a picture of three faces."""

    def find(self, photo):
        if photo.width == 3 * photo.height:
            os._exit(7)
        return super().find(photo)


@pytest.mark.slow
def test_a_worker_that_dies_is_a_row_and_another_goes_on(editor, direction, tmp_path, noise):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, width in (("a", 300), ("b", 100), ("c", 300), ("d", 100), ("e", 100)):
        (folder / f"{name}.png").write_bytes(noise(width, 100))
    deadly = Editor(editor.generator, editor.parser, editor.clip, name="stub", finder=DeadlyFinder())
    rows = deadly.edit_photos(folder, direction, tmp_path / "out", config=FEW, workers=2)
    assert [(row.name, row.outcome) for row in rows] == [
        ("a.png", "failed"), ("b.png", "edited"), ("c.png", "failed"), ("d.png", "edited"), ("e.png", "edited")
    ]  # fmt: skip
    assert rows[0].reason == (f"{folder}/a.png ended its worker (exit code 7): it may need more memory than there is")


HOSTILE = ["<script>alert(1)</script>.png", "=cmd.png", 'a"b,c.png', "new\nline.png", "$title.png", "javascript:x.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_hostile_names(edit, tmp_path, noise):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    raw = os.fsencode(folder) + b"/\xff.png"  # no text in any encoding
    for name in HOSTILE:
        (folder / name.replace("/", "-")).write_bytes(noise())
    with open(raw, "wb") as file:
        file.write(noise())
    with open(raw.replace(b".png", b"\x1b[31m.png"), "wb") as file:
        file.write(b"no picture, under a name that colours terminals")
    rows = edit(folder, out)
    assert [row.name for row in rows if row.outcome == "failed"] == ["\udcff\x1b[31m.png"]
    assert next(row.reason for row in rows if row.reason) == (
        f"{folder}/\\udcff\\x1b[31m.png is no picture that can be read; give a PNG, JPEG, WebP, TIFF …"
    )
    assert sorted(os.listdir(os.fsencode(out)))[-1] == b"\xff.png"
    page = (out / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert "$title.png" in page
    assert 'href="./javascript%3Ax.png"' in page
    with open(out / "report.csv", encoding="utf-8", newline="") as file:
        names = {row["picture"] for row in csv.DictReader(file)}
    assert {"./=cmd.png", 'a"b,c.png', "new\nline.png", "\\udcff.png"} <= names
    assert {row.outcome for row in edit(folder, out) if row.name != "\udcff\x1b[31m.png"} == {"done before"}


def test_a_record_of_others_puts_no_text_into_the_page():
    row = EditedPhoto("a.png", "edited", "a.png", before='x" onerror="alert(1)', after="https://example.org/a.webp")
    assert "<img" not in photos_page([row])


def test_a_page_of_many_pictures_is_bounded():
    row = EditedPhoto("a.png", "edited", "a.png", before="data:image/webp;base64,AAAA")
    page = photos_page([row] * 1003)
    assert page.count("<img") == 1000
    assert page.count("<tr>") == 1004
    assert "Only the first 1000 are shown; the others are listed." in page


def test_two_pictures_do_not_share_a_result(edit, tmp_path, noise):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.tif").write_bytes(noise(kind="TIFF"))
    (folder / "a.tif.png").write_bytes(noise())
    first, second = edit(folder, tmp_path / "out")
    assert first.reason == (
        f"{folder}/a.tif would be written over the result of {folder}/a.tif.png; rename one of them"
    )
    assert second.result == "a.tif.png"
    assert results_of(["a.JPG", "b.heic"]) == {"a.JPG": "a.JPG", "b.heic": "b.heic.png"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_lead_nowhere(edit, tmp_path, noise):
    folder, out, other = tmp_path / "in", tmp_path / "out", tmp_path / "other"
    for place in (folder / "sub", out, other):
        place.mkdir(parents=True)
    (folder / "sub" / "a.png").write_bytes(noise())
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe.png")
    (out / "sub").symlink_to(folder / "sub", target_is_directory=True)  # the result would replace the picture
    original = held(folder)
    rows = edit(folder, out, recursive=True)
    assert [(row.name, row.reason) for row in rows] == [
        ("gone.png", f"{folder}/gone.png is not there; check the path of the photo"),
        ("pipe.png", f"{folder}/pipe.png is a device or pipe; give a picture's file"),
        ("sub/a.png", f"{out}/sub/a.png is a link that leads out of {out}; nothing was written there, remove it"),
    ]
    assert held(folder) == original


def test_a_folder_that_cannot_be_used_is_one_sentence(edit, editor, direction, folder, tmp_path, noise):
    def refused(kind, *words, **options):
        with pytest.raises(kind) as caught:
            edit(*words, **options)
        return str(caught.value)

    out, empty, deep = tmp_path / "out", tmp_path / "empty", tmp_path / "deep"
    (deep / "er").mkdir(parents=True)
    empty.mkdir()
    (deep / "er" / "a.png").write_bytes(noise())
    beside = "so that results would be taken for pictures; give a folder beside it for the results"
    assert refused(InputError, empty, out) == f"{empty} holds no pictures; give a folder of pictures"
    assert refused(InputError, deep, out) == (
        f"{deep} holds no pictures; those of its folders are taken with recursive=True or --recursive"
    )
    assert refused(InputError, tmp_path / "no", out) == f"{tmp_path}/no is not there; give a folder of pictures"
    assert refused(InputError, folder / "a.png", out) == f"{folder}/a.png is a file; give a folder of pictures"
    assert refused(InputError, folder, folder / "a.png") == f"{folder}/a.png is a file; give a folder for the results"
    for place in (folder, folder / "out", folder / ".." / "in"):
        assert refused(InputError, folder, place) == f"{folder} and {place} lie one in the other, {beside}"
    assert refused(InputError, deep / "er", deep) == f"{deep}/er and {deep} lie one in the other, {beside}"
    assert refused(InputError, folder, out, workers=0) == "workers must be a whole number from 1 to 256; got 0"
    assert refused(InputError, folder, out, face=1) == "of aligned and face give one: each says where the face is"
    assert refused(InputError, folder, out, aligned=False, face="left") == (
        "face must be a number from 1, \"all\" or None; got 'left'"
    )
    assert refused(InputError, folder, out, alpha=[1, 2]).startswith("alpha must be one number, or one for each of")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        edit(folder, tmp_path / "file" / "out")
    assert str(caught.value) == f"cannot write {tmp_path}/file/out: not a directory; choose another place"
    assert not out.exists()
    foreign = replace(direction, generator="0" * 64, generator_sketch="")
    with pytest.raises(DirectionError):  # once, before any picture
        editor.edit_photos(folder, foreign, out, aligned=True, config=FEW)
    assert held(out) == {} if out.exists() else True


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="everything can be written there")
def test_a_folder_of_results_that_cannot_be_written(edit, folder, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError) as caught:
        edit(folder, tmp_path / "locked" / "out")
    assert str(caught.value) == (f"cannot write {tmp_path}/locked/out: permission denied; choose another place")


def test_the_order_and_what_is_listed(tmp_path):
    for name in ("b.png", "a/x.png", "a.png", ".git/x.png", ".x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_photos(tmp_path) == ["a.png", "b.png"]
    assert list_photos(tmp_path, recursive=True) == ["a.png", "a/x.png", "b.png"]


@pytest.mark.slow
def test_the_command_line(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    portraits = tmp_path / "portraits"
    portraits.mkdir()
    Editor.from_pretrained("mini", device="cpu").sample(seeds=3).pil()[0].save(portraits / "a.png")
    words = ["photos", "portraits", "blond-hair", "--out", "new", "--aligned", "--level", "fast"]
    assert cli.run(words) == 0
    assert capsys.readouterr().out == "1 pictures: 1 edited, 0 done before, 0 failed\nnew/report.csv\nnew/report.html\n"
    (portraits / "b.png").write_text("no picture")
    assert cli.run([*words, "--json"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [(row["name"], row["outcome"]) for row in found["photos"]] == [("a.png", "done before"), ("b.png", "failed")]
    assert (found["failed"], found["report"], found["sheet"]) == (1, "new/report.csv", "new/report.html")
    assert err.splitlines()[-1] == "error: 1 of 2 pictures failed; new/report.html says why"
    for words, sentence in (
        (["photos", "portraits", "--out", "new"], "name a direction to edit the photos with, such as blond-hair; "),
        (["photos", "portraits", "hat", "--out", "new", "--stack", "s.json"], "a stack holds its own directions and"),
        (["photos", "portraits", "hat", "--out", "portraits/new"], "portraits and portraits/new lie one in the other"),
        (["photos", "portraits", "hat", "--out", "new", "--face", "0"], "--face takes a number from 1, or all; got"),
    ):
        assert cli.run(words) == 1
        assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_the_table_holds_a_row_for_each_picture_with_the_latents_of_its_faces(editor, direction, tmp_path, noise):
    pandas = pytest.importorskip("pandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, width in (("none", 60), ("one", 120), ("two", 240)):
        (folder / f"{name}.png").write_bytes(noise(width, 100))
    found = Editor(editor.generator, editor.parser, editor.clip, name="stub", finder=SizedFinder())
    rows = found.edit_photos(folder, direction, out, config=FEW, table=True)
    frame = pandas.read_parquet(out / "table.parquet")
    assert list(frame["picture"]) == ["none.png", "one.png", "two.png"]
    assert list(frame["outcome"]) == ["failed", "edited", "edited"]
    assert list(frame["reason"]) == [row.reason for row in rows]
    assert [len(faces) for faces in frame["ws"]] == [0, 1, 2]
    meta = parquet.read_schema(out / "table.parquet").metadata
    shape = (int(meta[b"num_ws"]), int(meta[b"w_dim"]))
    assert shape == (editor.generator.num_ws, editor.generator.w_dim)
    kept = editor.load_faces(out / "two.png.face.safetensors")
    ws = np.array([np.asarray(face).reshape(shape) for face in frame["ws"][2]])
    assert np.array_equal(ws, kept.latent.ws.numpy())
    before = (out / "two.png").stat().st_mtime_ns
    (out / "one.png.face.safetensors").unlink()  # what the table needs is found again
    again = found.edit_photos(folder, direction, out, config=FEW, table=True)
    assert [row.outcome for row in again] == ["failed", "edited", "done before"]
    assert (out / "two.png").stat().st_mtime_ns == before
    assert len(pandas.read_parquet(out / "table.parquet")) == 3


def test_a_table_without_pyarrow_is_the_pip_line(edit, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(eclipsed.MissingExtraError, match=r'^a Parquet table needs pyarrow: .*pip install .*\[ray\]"'):
        edit(folder, tmp_path / "out", table=True)
    assert not (tmp_path / "out" / "a.png").exists()


class Pieces:
    """What of Ray Data is asked for, in this process: each row goes through the stages by itself."""

    asked = ()

    def __init__(self, rows, stages=()):
        self.rows, self.stages = rows, stages

    def map(self, stage, **options):
        return self.flat_map(stage, several=lambda row: [row], **options)

    def flat_map(self, stage, *, compute, fn_constructor_args, several=list, **shares):
        assert (shares.pop("max_restarts"), shares.pop("max_task_retries")) == (-1, 2)
        self.asked.append((stage.__name__, compute.max_size, shares))
        work = stage(*fn_constructor_args)
        return Pieces(self.rows, (*self.stages, lambda row: several(work(row))))

    def iter_rows(self):
        for row in self.rows:
            rows = [row]
            for stage in self.stages:
                rows = [pickle.loads(pickle.dumps(made)) for one in rows for made in stage(one)]
            yield from rows


def test_on_ray_the_same_work_streams_through_workers_of_its_own(edit, folder, tmp_path, monkeypatch):
    """What goes from stage to stage is bytes; a picture that is lost on the way is done by itself."""
    ray = pytest.importorskip("ray")
    data = pytest.importorskip("ray.data")
    asked = []
    monkeypatch.setattr(Pieces, "asked", [])

    @contextlib.contextmanager
    def place(make, **shares):
        asked.append(shares)
        yield lambda: Here(pickle.loads(pickle.dumps(make)), shares["threads"]), 1

    def from_items(rows, override_num_blocks):
        assert override_num_blocks == len(rows) == 8
        return Pieces([row for row in rows if pickle.loads(row["task"]).name != "b.png"])

    monkeypatch.setattr(crew_ray, "ray_place", place)
    monkeypatch.setattr(folder_ray, "connected", contextlib.nullcontext)
    monkeypatch.setattr(ray, "put", pickle.dumps)
    monkeypatch.setattr(ray, "get", pickle.loads)
    monkeypatch.setattr(data, "from_items", from_items)
    one = edit(folder, tmp_path / "1", table=True)
    two = edit(folder, tmp_path / "2", ray="auto", workers=5, gpus=0.25, table=True)
    assert Pieces.asked == [
        ("_Look", 1, {"num_cpus": 0}),
        ("_Draw", 5, {"num_cpus": 1.0, "num_gpus": 0.25}),
        ("_Write", 1, {"num_cpus": 0}),
    ]
    shares = {"address": "auto", "most": 1, "workers": 5, "threads": 1, "cpus": 1.0, "gpus": 0.25}
    assert asked == [shares]  # b.png
    assert [repr(replace(row, seconds=0.0)) for row in one] == [repr(replace(row, seconds=0.0)) for row in two]
    wanted = {name: content for name, content in pictures(tmp_path / "1").items() if name != "table.parquet"}
    assert wanted == {name: content for name, content in pictures(tmp_path / "2").items() if name != "table.parquet"}
    again = edit(folder, tmp_path / "2", table=True)
    assert {row.outcome for row in again} == {"done before", "failed"}


def test_without_ray_data_the_pip_line_is_shown(edit, folder, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    monkeypatch.setattr(folder_ray, "connected", contextlib.nullcontext)
    monkeypatch.delattr(ray, "data")
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(eclipsed.MissingExtraError, match=r'^photographs on many machines need Ray Data: .*\[ray\]"'):
        edit(folder, tmp_path / "out", ray="auto")
