"""Directions that the studio makes without a sentence: of files, of two groups of faces, and of each other."""

import pickle
import re
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from safetensors.torch import save_file

from eclipsed.directions.foreign import TURNED
from eclipsed.editing.stack import Stack
from eclipsed.errors import DirectionError, InputError, MissingModelError
from eclipsed.files.header import is_bare
from eclipsed.latents.direction import Direction
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.prompts.region import Region
from eclipsed.store import library
from eclipsed.studio import views
from eclipsed.studio.descriptions import described
from eclipsed.studio.engine import Engine
from eclipsed.studio.making import MakingQueue
from eclipsed.studio.session import Session
from eclipsed.studio.shelf import shelf_name
from eclipsed.studio.sums import read_lines, read_names, read_terms, summed
from eclipsed.values.mask import Mask

WARNED = pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture
def engine(editor):
    return Engine.of(editor)


@pytest.fixture
def queue(engine):
    return MakingQueue(engine)


@pytest.fixture(scope="module")
def age(editor):
    """A direction that belongs to the generator, (w_dim,)."""
    return WStatistics.of_generator(editor.generator).basis[:, 0].clone().cpu().numpy()


@pytest.fixture
def path(age, tmp_path):
    np.save(tmp_path / "age.npy", age[None])
    return str(tmp_path / "age.npy")


def ended(queue, task, seconds=120):
    """Wait until a task is over."""
    over = threading.Event()
    release = queue.release

    def released(one):
        release(one)
        if one is task:
            over.set()

    queue.release = released
    if not task.over:
        over.wait(seconds)
    while not task.over:  # the last word comes just after
        over.wait(0.01)
    return task


def mine():
    return [entry.name for entry in library.entries() if not entry.shipped]


# ---- files


def test_a_file_of_another_project_comes_to_the_shelf_with_a_sentence(engine, queue, path, age):
    task = ended(queue, queue.from_file(path))
    assert (task.status, task.name, task.wish) == ("done", "age", None)
    direction = engine.shelf.direction("age")
    assert np.array_equal(direction.deltas[0].numpy(), age)
    parts = [direction.region.spoken()] if direction.region.whole_face else direction.region.parts
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))).replace("_", " ")
    assert re.fullmatch(
        rf"“age” is on the shelf: it moves rows 0-7 of W, changes {listed}, keeps the file's sign, which nobody "
        r"judged, and belongs to this generator \(100% of it lies where the generator's faces differ, and of "
        r"random vectors \d+% ± \d+%\)\.",
        task.message,
    )


def test_of_one_s_own_choice_are_the_sentence_and_the_name(engine, queue, path, age):
    task = ended(queue, queue.from_file(path, prompt="a person with blond hair", name="My own / age!"))
    assert (task.status, task.name) == ("done", "my-own-age")
    found = engine.shelf.direction("my-own-age")
    assert found.prompt == "a person with blond hair"
    assert "clip_success" in found.scores
    turned = TURNED in found.note
    assert np.array_equal(found.deltas[0].numpy(), -age if turned else age)
    says = "was turned round" if turned else "keeps the file's sign, which CLIP agrees with"
    assert says in task.message
    assert task.steps == task.step == 15


@WARNED
def test_one_that_looks_foreign_is_said_to_be(engine, queue, editor, tmp_path):
    rest = WStatistics.of_generator(editor.generator).basis[:, -1].cpu().numpy()  # where faces differ least
    np.save(tmp_path / "pose.npy", rest[None])
    found = ended(queue, queue.from_file(str(tmp_path / "pose.npy")))
    assert found.status == "done"
    assert "and may belong to another generator (0% of it lies where the generator's faces differ" in found.message
    assert engine.shelf.direction("pose").scores["belongs"] is False


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit",))


def hostile(folder):
    (folder / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    return folder / "evil.pkl"


def cut(folder):
    np.save(folder / "cut.npy", np.ones((1, 16), dtype="f4"))
    whole = (folder / "cut.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:-9])
    return folder / "cut.npy"


def of_another_shape(folder):
    np.save(folder / "wide.npy", np.ones((18, 512), dtype="f4"))
    return folder / "wide.npy"


def of_nothing(folder):
    (folder / "empty.pt").write_bytes(b"")
    return folder / "empty.pt"


def of_several(folder):
    np.savez(folder / "many.npz", directions=np.random.default_rng(0).standard_normal((5, 8, 16)).astype("f4"))
    return folder / "many.npz"


def of_components(folder):
    np.savez(folder / "comp.npz", lat_comp=np.eye(16, dtype="f4")[:4, None])
    return folder / "comp.npz"


@WARNED
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (hostile, r"evil\.pkl.*exec"),
        (cut, r"cut\.npy: .*(damaged|cut short)"),
        (of_another_shape, r"wide\.npy .*\(18, 512\)"),
        (of_nothing, r"empty\.pt"),
        (of_several, r"many\.npz holds 5 vectors of shape \(8, 16\), .*; say which of them is meant by its index$"),
        (of_components, r"comp\.npz holds 4 directions; say which one, counted from 0"),
    ],
)
def test_what_is_no_direction_is_refused_in_one_sentence(queue, tmp_path, make, says):
    task = ended(queue, queue.from_file(str(make(tmp_path))))
    assert task.status == "failed"
    assert re.search(says, task.message), task.message
    assert "\n" not in task.message
    assert str(tmp_path) not in task.message
    assert "eclipsed-files-" not in task.message  # nor where the copy lay
    assert mine() == []


@WARNED
def test_one_of_several_is_taken_by_its_number(engine, queue, tmp_path):
    task = ended(queue, queue.from_file(str(of_several(tmp_path)), index=3))
    assert task.status == "done", task.message
    expected = np.random.default_rng(0).standard_normal((5, 8, 16)).astype("f4")[3]
    assert np.array_equal(engine.shelf.direction(task.name).deltas[0].numpy(), expected)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("a.exe", {}, "expected a file that ends in .npy or .npz or .pt or .pkl or .safetensors; got 'a.exe'"),
        ("a.npy", {"index": -1}, "which one must be a whole number from 0; got -1"),
        ("a.npy", {"index": "two"}, "which one must be a whole number from 0; got 'two'"),
        ("a.npy", {"name": "///"}, "a name has letters or digits; got '///'"),
        ("a.npy", {"prompt": "?!"}, "words"),
        ("none.npy", {}, "'none.npy' is not a file"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_at_once(queue, tmp_path, name, options, says):
    (tmp_path / "a.npy").write_bytes(b"x")
    (tmp_path / "a.exe").write_bytes(b"x")
    with pytest.raises(InputError) as error:
        queue.from_file(str(tmp_path / name), **options)
    assert says in str(error.value)


def test_files_that_unpack_to_too_much_are_refused(queue, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros.npy", bytes(40 * 2**20))
    with pytest.raises(InputError) as error:
        queue.from_file(str(tmp_path / "bomb.npz"))
    assert str(error.value) == "a file may have at most 32 MB when it is unpacked; 'bomb.npz' has 40"
    with open(tmp_path / "large.pt", "wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(InputError) as error:
        queue.from_file(str(tmp_path / "large.pt"))
    assert str(error.value) == "a file may have at most 32 MB; 'large.pt' is larger"
    whole = (tmp_path / "bomb.npz").read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[:20] + whole[-30:])
    with pytest.raises(InputError, match=r"'torn.npz' is a damaged archive"):
        queue.from_file(str(tmp_path / "torn.npz"))


def test_safetensors_are_ours_or_foreign_by_what_they_say(engine, queue, direction, age, tmp_path):
    direction.save(tmp_path / "ours.safetensors")
    save_file({"direction": torch.from_numpy(age)[None]}, tmp_path / "theirs.safetensors")
    (tmp_path / "none.safetensors").write_bytes(b"\xff" * 40)
    assert [is_bare(tmp_path / f"{name}.safetensors") for name in ("ours", "theirs", "none", "absent")] == [
        False,
        True,
        False,
        False,
    ]
    assert engine.shelf.keep(str(tmp_path / "ours.safetensors"), "Mine") == "mine"
    task = ended(queue, queue.from_file(str(tmp_path / "theirs.safetensors")))
    assert (task.status, task.name) == ("done", "theirs")
    with pytest.raises(DirectionError) as error:
        engine.shelf.keep(str(tmp_path / "none.safetensors"))
    assert str(error.value).startswith("none.safetensors: not a direction file, or cut short (")


def test_a_file_is_kept_while_it_waits_and_gone_afterwards(queue, path, tmp_path):
    task = queue.from_file(path)
    copy = task.wish.file.path if task.wish is not None else None
    (tmp_path / "age.npy").unlink()  # the page cleans its uploads up
    assert ended(queue, task).status == "done"
    assert copy is None or not copy.exists()


def test_two_visitors_who_bring_one_name_at_once_get_two(engine, path):
    first, second = MakingQueue(engine), MakingQueue(engine)  # two threads, as two servers would have
    tasks = [(queue, queue.from_file(path, name="same")) for queue in (first, second)]
    names = [ended(*pair).name for pair in tasks]
    assert sorted(names) == sorted(mine()) == ["same", "same-2"]


# ---- two groups of faces


def test_two_groups_of_faces_become_a_direction(engine, queue, editor):
    task = ended(queue, queue.from_faces([1, 2, 3], [4, 5], psi=0.8, name="bright"))
    assert (task.status, task.name) == ("done", "bright")
    found = engine.shelf.direction("bright")
    ws = [editor.sample(seeds=seeds, truncation_psi=0.8).ws.double().mean(dim=0) for seeds in ([1, 2, 3], [4, 5])]
    full = found.deltas[0].double() * found.scale
    assert torch.nn.functional.cosine_similarity(full.flatten(), (ws[0] - ws[1]).flatten(), dim=0) > 0.9999
    assert found.config["seeds"] == [1, 2, 3, 4, 5]
    assert task.message.startswith(
        "“bright” is on the shelf: it leads from 2 faces without to 3 faces with it, moves rows 0-7 of W+, changes "
    )
    assert views.made(queue, task)["name"] == "bright"


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        (([], [1]), "needs 1 to 64 faces with it and as many without; got 0 with and 1 without"),
        (([1], []), "got 1 with and 0 without"),
        ((list(range(65)), [70]), "got 65 with and 1 without"),
        (([1, 2], [2, 3]), "a face is with it or without it; seed 2 is in both groups"),
        (([1], [-1]), "whole number"),
    ],
)
def test_groups_that_are_none_are_refused(queue, groups, says):
    with pytest.raises(InputError, match=re.escape(says)):
        queue.from_faces(*groups)


def test_without_clip_nothing_is_judged(engine, queue, path):
    engine.without_clip = "fetch it first"
    for ask in (lambda: queue.from_faces([1], [2]), lambda: queue.from_file(path, prompt="a hat")):
        with pytest.raises(MissingModelError, match="fetch it first"):
            ask()
    assert ended(queue, queue.from_file(path)).status == "done"


def test_what_is_stopped_leaves_nothing(engine, queue, monkeypatch):
    reached, stopped = threading.Event(), threading.Event()
    real = type(engine.editor).between

    def slow(editor, *args, tell, **options):
        def told(done, of):
            reached.set()
            stopped.wait(60)
            tell(done, of)

        return real(editor, *args, tell=told, **options)

    monkeypatch.setattr(type(engine.editor), "between", slow)
    task = queue.from_faces([1], [2])
    assert reached.wait(60)
    queue.stop(task.token)
    stopped.set()
    ended(queue, task)
    assert (task.status, task.message, task.name) == ("stopped", "Stopped; nothing was put on the shelf.", "")
    assert mine() == []


def test_faces_are_marked_as_one_of_two_groups_and_unmarked():
    session = Session(now=Stack()).marked(3, "with", most=2).marked(4, "without", most=2)
    assert (session.having, session.lacking) == ((3,), (4,))
    moved = session.marked(4, "with", most=2)
    assert (moved.having, moved.lacking) == ((3, 4), ())
    assert [moved.group_of(seed) for seed in (3, 5)] == ["with", None]
    assert moved.marked(3, "with", most=2).having == (4,)
    with pytest.raises(InputError, match="a group has at most 2 faces; take one away first"):
        moved.marked(5, "with", most=2)
    for seed, group in ((3, "both"), ("x", "with"), (-1, "with"), (None, "without")):
        with pytest.raises(InputError):
            session.marked(seed, group, most=2)


def test_pictures_of_the_wall_are_drawn_once(engine, editor, monkeypatch):
    drawn = []
    real = engine.faces
    monkeypatch.setattr(engine, "faces", lambda seeds, *rest: drawn.append(list(seeds)) or real(seeds, *rest))
    first = engine.pictures([1, 2], 0.7)
    assert engine.pictures([2, 3, 1], 0.7)[::2] == [first[1], first[0]]
    engine.pictures([1], 0.6)
    assert drawn == [[1, 2], [3], [1]]


# ---- sums


@pytest.fixture
def shelf(engine, editor, direction):
    direction.save(library.kept_path("hair"))
    other = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))
    region = direction.region
    Direction.of(editor.generator, other, method="by hand", region=region).save(library.kept_path("other"))
    return engine


def full(direction):
    rows = torch.zeros(8, 16, dtype=torch.float64)
    rows[list(direction.layers)] = (direction.deltas[0].double() * direction.scale)[list(direction.layers)]
    return rows


def test_a_sum_is_the_full_edits_together(shelf):
    hair, other = (full(shelf.shelf.direction(name)) for name in ("hair", "other"))
    found = summed(shelf, [("hair", 1.0), ("other", -0.5)])
    assert torch.allclose(full(found), hair - 0.5 * other, atol=1e-6)
    assert found.name == "hair-minus-0.5-other"
    assert torch.allclose(full(summed(shelf, [("hair", -1.0)])), -hair, atol=1e-6)


def test_one_without_another_is_at_right_angles_to_it_in_every_row(shelf):
    found = summed(shelf, [("hair", 1.0)], ["other"])
    assert found.name == "hair-without-other"
    other = full(shelf.shelf.direction("other"))
    assert float((full(found) * other).sum(dim=1).abs().max()) < 1e-5
    assert float(full(found).norm()) > 0.1


@pytest.mark.parametrize(
    ("terms", "without", "error", "says"),
    [
        ([], [], InputError, "expected 1 to 16 directions, at least one of them to begin with; got 0"),
        ([], ["hair"], InputError, "at least one of them to begin with"),
        (
            [("hair", 1.0)],
            [],
            InputError,
            "one direction alone stays what it is; add another, or give it another weight",
        ),
        ([("hair", 0)], [], InputError, "a weight is a number from -10 to 10 other than 0; got 0"),
        ([("hair", "1")], [], InputError, "a weight is a number from -10 to 10 other than 0; got '1'"),
        ([("hair", float("nan"))], [], InputError, "got nan"),
        ([("hair", 1.0), ("hair", -1.0)], [], DirectionError, "cancel out; nothing is left"),
        ([("hair", 1.0)], ["hair"], DirectionError, "nothing is left of direction 'hair' without 'hair'"),
        ([("../hair", 2.0)], [], InputError, "without a path"),
        ([("none", 2.0)], [], MissingModelError, "the shelf has no direction 'none'"),
        ([("hair", 1.0)] * 17, [], InputError, "got 17"),
    ],
)
def test_sums_that_are_none_are_refused(shelf, terms, without, error, says):
    with pytest.raises(error) as caught:
        summed(shelf, terms, without)
    assert says in str(caught.value)


def test_the_lines_of_the_page_are_read_strictly():
    lines = [
        {"how": "plus", "name": "a", "weight": 0.5},
        {"how": "minus", "name": "b"},
        {"how": "without", "name": "c"},
    ]
    assert read_lines(lines) == ([("a", 0.5), ("b", -1.0)], ["c"])
    assert read_lines("x") == ([], [])
    for line in ({"how": "times", "name": "a"}, {"how": "plus"}, 3, None):
        with pytest.raises(InputError, match="a line of a sum adds, subtracts or takes out a direction"):
            read_lines([line])
    assert read_terms({"a": 1.0}) == [("a", 1.0)]
    assert (read_names(None), read_names(["a"])) == ([], ["a"])
    with pytest.raises(InputError, match="expected directions with their weights"):
        read_terms(["a"])
    with pytest.raises(InputError, match="expected a list of names"):
        read_names("a")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", ""),
        ("  ", ""),
        ("My smile", "my-smile"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\0b", "a-b"),
        ("Lächeln", "lächeln"),
    ],
)
def test_names_are_made_harmless(text, name):
    assert shelf_name(text) == name


@pytest.mark.parametrize("text", ["...", "/", "—", "_", 3, None, ["a"]])
def test_names_without_letters_are_refused(text):
    with pytest.raises(InputError, match="a name has letters or digits; got"):
        shelf_name(text)


def test_long_names_fit_into_a_folder(direction, engine):
    name = engine.shelf.take(direction, "ä" * 400)
    assert library.kept_path(name).is_file()
    assert engine.shelf.named(name).name == name


def test_a_sentence_says_what_was_measured(direction):
    scores = {"with": 1, "without": 12, "clip_success": 0.9, "weak": False}
    said = described(replace(direction, scores=scores, layers=(2, 3, 6)), "x")
    assert said == (
        "“x” is on the shelf: it leads from 12 faces without to 1 face with it, moves rows 2-3,6 of W+, changes hair, "
        "and reaches 90% of the faces that lacked it, which is good."
    )
    weak = described(replace(direction, scores={**scores, "weak": True}, method="foreign file", space="W+"), "x")
    assert weak.endswith("came out weak, and may or may not belong to this generator, which cannot be told in W+.")
    painted = Region.from_mask(Mask(np.arange(16) < np.full((16, 1), 8)))
    said = described(replace(direction, scores={}, layers=(4,), region=painted), "x")
    assert said == "“x” is on the shelf: it moves row 4 of W+, and changes what was painted."
