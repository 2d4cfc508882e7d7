"""Several stacks of edits for every picture of a folder: each inverted once, written once for each stack."""

import contextlib
import csv
import json

import numpy as np
import pytest
from directions_kit import make
from PIL import Image

import eclipsed
from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.errors import InputError, MissingModelError
from eclipsed.inversion.folder_stacks import check_stack_name
from eclipsed.inversion.inverter import InversionConfig, Inverter

FEW = InversionConfig(steps_from_mean=2, finish_steps=1)


@pytest.fixture(scope="module")
def stacks(editor):
    """Three stacks by their names."""
    parts = (["hair"], ["skin"], ["hair", "hat"])
    blond, pale, hat = (make(editor.generator, region=eclipsed.Region.from_parts(some)) for some in parts)
    return {"blond": blond, "pale skin": {pale: 0.5, blond: 0.2}, "hat": [hat * -0.7]}


@pytest.fixture
def folder(tmp_path):
    """Two good pictures and one that is none."""
    place, rng = tmp_path / "in", np.random.default_rng(5)
    place.mkdir()
    for name in ("a.png", "c.png"):
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(place / name)
    (place / "b.png").write_text("no picture")
    return place


@pytest.fixture
def edit(editor):
    def call(folder, edits, out, **options):
        return editor.edit_photos(folder, edits, out, **{"aligned": True, "config": FEW, **options})

    return call


@pytest.fixture
def inverted(monkeypatch):
    """A list that grows with every inversion of this process."""
    seen, invert = [], Inverter.invert

    def counted(self, images, **options):
        seen.append(len(images))
        return invert(self, images, **options)

    monkeypatch.setattr(Inverter, "invert", counted)
    return seen


def results(out):
    """What was written: relative path -> bytes, without reports and records."""
    kept = (".png", ".face.safetensors")
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.name.endswith(kept)}


def test_each_picture_is_inverted_once_and_written_for_each_stack(edit, folder, stacks, tmp_path, inverted):
    told = []
    rows = edit(folder, stacks, tmp_path / "out", tell=lambda *step: told.append(step[:2]))
    assert inverted == [1, 1]
    assert told == [(k, 9) for k in range(1, 10)]
    assert [(row.name, row.stack, row.outcome, row.result) for row in rows] == [
        (name, stack, *(("failed", "") if name == "b.png" else ("edited", f"{stack}/{name}")))
        for name in ("a.png", "b.png", "c.png")
        for stack in stacks
    ]
    assert all("is no picture that can be read" in row.reason for row in rows[3:6])
    for number, (name, edits) in enumerate(stacks.items()):  # as if it had been the only one
        mapped = {"only": edits} if isinstance(edits, dict) else edits
        edit(folder, mapped, tmp_path / str(number))
        place = tmp_path / str(number) / ("only" if isinstance(edits, dict) else "")
        for picture in ("a.png", "c.png"):
            assert (tmp_path / "out" / name / picture).read_bytes() == (place / picture).read_bytes()
    pictures = [(tmp_path / "out" / name / "a.png").read_bytes() for name in stacks]
    assert len(set(pictures)) == 3
    table = list(csv.DictReader((tmp_path / "out" / "report.csv").read_text("utf-8").splitlines()))
    assert [(row["picture"], row["stack"]) for row in table] == [(row.name, row.stack) for row in rows]
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "3 pictures, 3 stacks: 6 edited, 0 done before, 3 failed." in page
    assert page.count("<td>pale skin</td>") == 3


@pytest.mark.parametrize("level", ["good", "best"])
def test_a_stack_that_is_added_is_made_from_the_faces_that_were_kept(edit, folder, stacks, tmp_path, inverted, level):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow.parquet")
    options = {"table": True, "config": FEW.replace(level=level, tuning_steps=2, keep_steps=2)}
    some = {name: stacks[name] for name in ("blond", "hat")}
    edit(folder, some, tmp_path / "out", **options)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/*.png")}
    assert len(before) == 4
    assert inverted == [1, 1]
    rows = edit(folder, stacks, tmp_path / "out", **options)
    assert inverted == [1, 1]  # nothing was inverted anew
    assert {row.stack: row.outcome for row in rows if row.name == "a.png"} == {
        "blond": "done before", "pale skin": "edited", "hat": "done before"
    }  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in before} == before
    notes = {row.stack: (row.closeness, row.faces, row.note.split("; ")[0]) for row in rows if row.name == "a.png"}
    assert len(set(notes.values())) == 1
    edit(folder, stacks, tmp_path / "whole", **options)
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    frame = pandas.read_parquet(tmp_path / "out" / "table.parquet")
    assert list(frame["stack"]) == list(stacks) * 3
    assert [len(ws) for ws in frame["ws"]] == [1, 1, 1, 0, 0, 0, 1, 1, 1]
    (tmp_path / "out" / "a.png.face.safetensors").write_bytes(b"spoilt")  # others than were kept are found anew
    rows = edit(folder, stacks, tmp_path / "out", **options)
    assert [row.outcome for row in rows if row.name == "a.png"] == 3 * ["edited"]
    assert results(tmp_path / "out") == results(tmp_path / "whole")


def test_without_kept_faces_an_added_stack_inverts_again_and_makes_the_rest_only(
    edit, folder, stacks, tmp_path, inverted
):
    edit(folder, {"blond": stacks["blond"]}, tmp_path / "out")
    (tmp_path / "out" / "blond" / "c.png").unlink()
    rows = edit(folder, {name: stacks[name] for name in ("hat", "blond")}, tmp_path / "out")
    assert [row.outcome for row in rows if row.outcome != "failed"] == ["edited", "done before", "edited", "edited"]
    assert inverted == [1, 1, 1, 1]
    assert {row.outcome for row in edit(folder, {"hat": stacks["hat"]}, tmp_path / "out")} == {"done before", "failed"}
    assert inverted == [1, 1, 1, 1]


@pytest.mark.slow
def test_processes_give_the_same_bits(edit, folder, stacks, tmp_path):
    one, two = (edit(folder, stacks, tmp_path / str(workers), workers=workers) for workers in (1, 2))
    assert results(tmp_path / "1") == results(tmp_path / "2")
    assert len(results(tmp_path / "1")) == 6
    assert [(row.name, row.stack, row.reason) for row in one] == [(row.name, row.stack, row.reason) for row in two]


def test_one_stack_that_cannot_be_made_ends_no_other(edit, folder, stacks, tmp_path, monkeypatch):
    paste, asked = Editor.paste, []

    def fail(self, faces, photo=None):
        asked.append(faces.edits)
        if len(asked) == 2:
            raise ZeroDivisionError("of nought")
        return paste(self, faces, photo)

    monkeypatch.setattr(Editor, "paste", fail)
    rows = edit(folder, stacks, tmp_path / "out")
    assert [row.outcome for row in rows] == ["edited", "failed", "edited", *3 * ["failed"], *3 * ["edited"]]
    assert rows[1].reason.startswith("ZeroDivisionError: of nought")
    assert set(results(tmp_path / "out")) == {f"{row.stack}/{row.name}" for row in rows if row.outcome == "edited"}


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_what_does_not_fit_into_memory_is_tried_once_more_with_less(edit, folder, stacks, tmp_path, monkeypatch, error):
    asked, invert = [], Inverter.invert

    def full(self, images, **options):
        asked.append(self.config.low_memory)
        if len(asked) in (1, 3, 4):  # the first picture once, the next one always
            raise error
        return invert(self, images, **options)

    monkeypatch.setattr(Inverter, "invert", full)
    rows = edit(folder, {"blond": stacks["blond"], "hat": stacks["hat"]}, tmp_path / "out")
    assert asked == [False, True, False, True]
    assert [row.outcome for row in rows] == ["edited", "edited", *4 * ["failed"]]
    assert {row.reason for row in rows if row.name == "c.png"} == {
        f"{folder}/c.png does not fit into memory, with low_memory either; make it smaller or take fewer workers"
    }
    monkeypatch.undo()
    assert [row.outcome for row in edit(folder, {"blond": stacks["blond"]}, tmp_path / "out")] == [
        "done before", "failed", "edited"
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::eclipsed.EclipsedWarning")  # there is no encoder
def test_less_memory_gives_what_more_would(editor, monkeypatch):
    """Faces one by one, with activations recomputed: the same latents but for rounding."""
    rng, seen = np.random.default_rng(5), []
    draw = editor.generator.synthesis

    def synthesis(ws, options=None, **more):
        if options is not None and ws.requires_grad:
            seen.append((len(ws), options.checkpointing))
        return draw(ws, *([] if options is None else [options]), **more)

    monkeypatch.setattr(editor.generator, "synthesis", synthesis)
    photos = [Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)) for _ in range(2)]
    full, less = (
        editor.invert(photos, aligned=True, config=FEW.replace(low_memory=low)).ws.numpy() for low in (False, True)
    )
    assert set(seen) == {(2, False), (1, True)}
    assert np.allclose(full, less, atol=1e-4)
    assert not np.allclose(full[0], full[1], atol=1e-4)


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", ".hidden", "a\\b", "C:", "report.csv", "Table.parquet", "x" * 101, " a", "a\n", 3]
)
def test_a_name_that_no_folder_can_have(name):
    with pytest.raises(InputError, match="a stack is named by a short word"):
        check_stack_name(name)


def test_bad_stacks_are_one_sentence_before_anything_starts(edit, folder, stacks, tmp_path, inverted):
    def refused(kind, edits, **options):
        with pytest.raises(kind) as caught:
            edit(folder, edits, tmp_path / "out", **options)
        return str(caught.value)

    hat = stacks["hat"]
    assert refused(InputError, {}) == "name at least one stack; got none"
    assert refused(InputError, {"a/../b": hat}).startswith("a stack is named by a short word")
    assert refused(InputError, {"Hat": hat, "hat": hat}) == (
        "the stacks 'Hat' and 'hat' would share a folder; rename one of them"
    )
    assert refused(InputError, {"hat": hat}, alpha=0.5) == (
        "of several stacks each holds its own alphas; leave alpha out"
    )
    assert refused(InputError, {"smile": 0.7}) == (
        "a stack is named with what it does, such as {'NAME': {'smile': 0.7}}; got a number for 'smile'"
    )
    assert "none of that name" in refused(MissingModelError, {"a": hat, "b": "no-such-direction"})
    assert inverted == []
    assert not (tmp_path / "out").exists()


def test_on_ray_the_stacks_of_a_picture_go_on_one_by_one(edit, folder, stacks, tmp_path, monkeypatch, inverted):
    """The stages of Ray Data in this process; a stack that is lost on the way is made by itself."""
    import pickle

    ray, data = pytest.importorskip("ray"), pytest.importorskip("ray.data")
    from test_folders import Pieces

    from eclipsed.compute import crew_ray
    from eclipsed.compute.crew_processes import Here
    from eclipsed.inversion import folder_ray

    class Losing(Pieces):
        def flat_map(self, stage, **options):
            return Losing(super().flat_map(stage, **options).rows, super().flat_map(stage, **options).stages)

        def iter_rows(self):
            for number, row in enumerate(super().iter_rows()):
                if number != 1:
                    yield row

    monkeypatch.setattr(Pieces, "asked", [])
    monkeypatch.setattr(folder_ray, "connected", contextlib.nullcontext)
    monkeypatch.setattr(ray, "put", pickle.dumps)
    monkeypatch.setattr(ray, "get", pickle.loads)
    monkeypatch.setattr(data, "from_items", lambda rows, override_num_blocks: Losing(rows))
    made = []

    @contextlib.contextmanager
    def place(make, **shares):
        made.append(shares["most"])
        yield lambda: Here(pickle.loads(pickle.dumps(make)), shares["threads"]), 1

    monkeypatch.setattr(crew_ray, "ray_place", place)
    edit(folder, stacks, tmp_path / "1")
    assert inverted == [1, 1]
    rows = edit(folder, stacks, tmp_path / "2", ray="auto", workers=2)
    assert results(tmp_path / "1") == results(tmp_path / "2")
    assert [row.outcome for row in rows] == [*3 * ["edited"], *3 * ["failed"], *3 * ["edited"]]
    assert made == [1]
    assert inverted == 5 * [1]  # each once, and that of the lost one again


@pytest.mark.slow
def test_the_command_line(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    portraits = tmp_path / "portraits"
    portraits.mkdir()
    Editor.from_pretrained("mini", device="cpu").sample(seeds=3).pil()[0].save(portraits / "a.png")
    words = ["photos", "portraits", "--out", "new", "--aligned", "--level", "fast"]
    several = [*words, "--stack", "blond=blond-hair=0.8", "--stack", "both=blond-hair,smile=0.5"]
    assert cli.run(several) == 0
    assert capsys.readouterr().out.startswith("1 pictures, 2 stacks: 2 edited, 0 done before, 0 failed\n")
    (portraits / "b.png").write_text("no picture")
    assert cli.run([*several, "--json"]) == 1
    out, err = capsys.readouterr()
    assert [(row["name"], row["result"]) for row in json.loads(out)["photos"]] == [
        ("a.png", "blond/a.png"), ("a.png", "both/a.png"), ("b.png", ""), ("b.png", "")
    ]  # fmt: skip
    assert err.splitlines()[-1] == "error: 2 of 4 results failed; new/report.html says why"


@pytest.mark.parametrize(
    ("stacks", "sentence"),
    [
        (["a=smile", "a=hat"], "--stack names 'a' twice; give each stack a name of its own"),
        (["a/b=smile"], "a stack is named by a short word"),
        (["one.json", "two.json"], "--stack takes FILE.json once, or NAME=FILE.json"),
        (["a="], "--stack takes FILE.json once, or NAME=FILE.json"),
        (["a=no-such-direction"], "there is no direction file 'no-such-direction'"),
        (["a=gone.json"], "there is no stack file gone.json"),
        (["a=smile=much"], "a strength in --stack is a finite number, as in smile=0.7; got 'a=smile=much'"),
        (["a=smile,smile"], "--stack names smile twice for one stack; give it one strength"),
    ],
)
def test_bad_options_are_one_sentence(folder, tmp_path, capsys, monkeypatch, stacks, sentence):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("eclipsed.commands.photos.open_editor", lambda *_: pytest.fail("something was opened"))
    words = [word for stack in stacks for word in ("--stack", stack)]
    assert cli.run(["photos", str(folder), "--out", str(tmp_path / "out"), *words]) == 1
    assert capsys.readouterr().err.startswith(f"error: {sentence}")
    assert not (tmp_path / "out").exists()
