"""What does not belong is said: pictures of another kind than a generator draws."""

import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.errors import CheckpointError, EclipsedWarning, ForeignPictureError, InputError
from eclipsed.images.conversion import from_pil
from eclipsed.inversion.belonging import Belonging, Usual, check_belonging, measured_as
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.photos.alignment import Placement
from eclipsed.photos.reading import Photo
from eclipsed.pretrained.perception import Perception
from eclipsed.store.own_kind import OwnKind, keep_closeness, kept_closeness
from eclipsed.store.sets import find_set

ROOT = Path(__file__).parents[2]
PORTRAIT = ROOT / "examples" / "portrait.png"
MINI = OwnKind("avatars, no photographs", "ffhq", {}, "mini")
QUICK = InversionConfig(steps_from_mean=0, finish_steps=0)


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained("mini", device="cpu")


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "noise.png"
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (256, 256, 3)).astype(np.uint8)).save(path)
    return path


class Scaled:
    """Perception in other units."""

    def __init__(self, inner, factor):
        self.inner, self.factor = inner, factor

    def maps(self, images):
        return self.inner.maps(images)

    def distance(self, maps, goal):
        return self.factor * self.inner.distance(maps, goal)


def test_the_closeness_of_the_same_picture_is_one_and_of_any_face_none(editor):
    belonging = Belonging(editor.generator, Perception(editor.clip))
    faces = editor.sample(seeds=range(898_000_000, 898_000_016), truncation_psi=1).images
    assert belonging.closeness(faces[:2], faces[:2]) == pytest.approx([1, 1], abs=1e-6)
    # by hand: the distance of the first to the others, which are those that every picture is compared with
    perception = Perception(editor.clip)
    with torch.no_grad():
        maps = [[one[k] for one in perception.maps(faces.clamp(-1, 1))] for k in range(16)]
    away = [sum(float((a - b).square().sum(-1).mean()) for a, b in zip(maps[0], other, strict=True)) for other in maps]
    found = belonging.closeness(faces[:1].expand(15, -1, -1, -1), faces[1:])
    assert found == pytest.approx([1 - d / (sum(away) / 16) for d in away[1:]], abs=1e-4)
    assert sum(found) / 15 == pytest.approx(1 - 16 / 15, abs=1e-4)  # the mean of all sixteen is 0


def test_it_has_no_unit_and_does_not_depend_on_what_lies_beside(editor):
    faces = editor.sample(seeds=[1, 2, 3]).images
    others = editor.sample(seeds=[4, 5, 6]).images
    plain = Belonging(editor.generator, Perception(editor.clip))
    scaled = Belonging(editor.generator, Scaled(Perception(editor.clip), 1000.0))
    found = plain.closeness(faces, others)
    assert scaled.closeness(faces, others) == pytest.approx(found, abs=1e-5)
    assert plain.closeness(faces[1:2], others[1:2]) == pytest.approx(found[1:2], abs=1e-5)


@pytest.mark.parametrize(
    ("usual", "least"),
    [(Usual(0.98), 0.9159), (Usual(0.81), 0.4865), (Usual(0.98, generated=True), 0.5714), (Usual(1.0), 0.9569)],
)
def test_the_least_closeness_has_a_few_times_the_usual_ratio_of_unlike_to_like(usual, least):
    assert usual.least == pytest.approx(least, abs=1e-4)
    times, floor = (15, 0.05) if usual.generated else (4.5, 0.01)
    assert (1 - least) / least == pytest.approx(times * max((1 - usual.closeness) / usual.closeness, floor), rel=2e-3)


def test_a_tuned_generator_is_judged_by_what_was_found_before():
    assert [measured_as(level) for level in ("fast", "good", "best")] == ["fast", "good", "good"]


PHOTO = Photo(np.zeros((64, 64, 3), np.uint8), name="me.jpg")
WHOLE, PART = Placement.of_box(0, 0, 64, 64), Placement.of_box(8, 8, 56, 56)


@pytest.mark.parametrize(
    ("kind", "place", "message"),
    [
        (
            MINI,
            WHOLE,
            "me.jpg is not what 'mini' draws (avatars, no photographs): the nearest face is 12 % like it, where 97 % "
            "is usual; for photographs there is another set (eclipsed models fetch ffhq), in a whole photo the face is "
            "found without --aligned (aligned=True), and --force (force=True) goes on all the same",
        ),
        (
            MINI,
            PART,
            "me.jpg is not what 'mini' draws (avatars, no photographs): the nearest face is 12 % like it, where 97 % "
            "is usual; for photographs there is another set (eclipsed models fetch ffhq), and --force (force=True) "
            "goes on all the same",
        ),
        (
            OwnKind(),
            WHOLE,
            "me.jpg is not what 'mini' draws: the nearest face is 12 % like it, where 97 % is usual; in a whole photo "
            "the face is found without --aligned (aligned=True), and --force (force=True) goes on all the same",
        ),
        (
            OwnKind(),
            PART,
            "me.jpg is not what 'mini' draws: the nearest face is 12 % like it, where 97 % is usual; take another "
            "picture, and --force (force=True) goes on all the same",
        ),
    ],
)
def test_the_sentence_says_what_to_do(kind, place, message):
    with pytest.raises(ForeignPictureError) as caught:
        check_belonging([0.95, 0.12], [(PHOTO, place)] * 2, name="mini", kind=kind, usual=Usual(0.97))
    assert str(caught.value) == message
    assert message.startswith(caught.value.reason + "; ")
    assert (caught.value.photographs, caught.value.whole) == (kind.photographs, place is WHOLE)
    with pytest.warns(EclipsedWarning) as warned:
        check_belonging([0.12], [(PHOTO, place)], name="mini", kind=kind, usual=Usual(0.97), force=True)
    assert [str(one.message) for one in warned] == [caught.value.reason]
    check_belonging([0.95], [(PHOTO, place)], name="mini", kind=kind, usual=Usual(0.97))


def test_a_picture_of_another_kind_is_refused_by_the_encoders_guess_alone(mini, noise):
    message = rf"^{noise} is not what 'mini' draws \(avatars, no photographs\): the nearest face is 8 % like it, where "
    with pytest.raises(ForeignPictureError, match=message):
        mini.invert(noise, aligned=True, level="fast")
    with pytest.raises(ForeignPictureError, match=message):  # one of several is enough
        mini.invert([PORTRAIT, noise], aligned=True, level="fast")
    with pytest.warns(EclipsedWarning, match=message):
        faces = mini.invert(noise, aligned=True, level="fast", force=True)
    assert len(faces) == 1
    assert mini.closeness(faces)[0] < 0.2


def test_a_picture_of_its_own_kind_passes_and_says_how_close_it_is(mini):
    faces = mini.invert(PORTRAIT, aligned=True, level="fast")
    (close,) = mini.closeness(faces)
    assert close > 0.6
    goal = from_pil(Image.open(PORTRAIT), size=256)
    assert close == pytest.approx(
        Belonging(mini.generator, Perception(mini.clip)).closeness(goal, faces.images)[0], abs=1e-6
    )
    edited = mini.edit(faces, "hat")
    assert mini.closeness(edited) == [close]  # of what it was before the edit
    for wrong in (mini.sample(seeds=1), mini.load_faces(mini.save_faces(faces, Path("a.face.safetensors")))):
        with pytest.raises(InputError, match=r"^only faces that were inverted from a photo, which is still there"):
            mini.closeness(wrong)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.parametrize("level", ["good", "best"])
def test_a_search_does_not_make_a_photograph_an_avatar(mini, level):
    data = pytest.importorskip("skimage.data")
    with pytest.raises(ForeignPictureError, match=r"% is usual; for photographs there is another set") as error:
        mini.invert(Image.fromarray(data.astronaut()), aligned=True, level=level)
    found, usual = map(int, re.findall(r"(\d+) %", str(error.value)))
    assert found < 60
    assert usual == round(100 * find_set().kind.closeness["good"])


def test_from_the_terminal(noise, capsys):
    usual = f"{100 * find_set().kind.closeness['fast']:.0f} % is usual"
    assert cli.run(["photo", str(noise), "hat", "--out", "a.png", "--aligned", "--level", "fast"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(
        f"{noise} is not what 'mini' draws (avatars, no photographs): the nearest face is 8 % like it, where "
        f"{usual}; for photographs there is another set (eclipsed "
        "models fetch ffhq), in a whole photo the face is found without --aligned (aligned=True), and --force "
        "(force=True) goes on all the same\n"
    )
    assert not Path("a.png").exists()
    with pytest.warns(EclipsedWarning, match=f"the nearest face is 8 % like it, where {usual}$"):
        assert cli.run(["photo", str(noise), "hat", "--out", "a.png", "--aligned", "--level", "fast", "--force"]) == 0
    capsys.readouterr()
    assert Path("a.png").exists()
    code = cli.run(["photo", str(noise), "hat", "--out", "b.png", "--from-face", "a.face.safetensors", "--force"])
    assert code == 1
    assert "--level, --aligned, --face, --force and --save-face do not go with it" in capsys.readouterr().err


def test_searches_that_were_stopped_or_short_are_not_judged(editor, monkeypatch):
    monkeypatch.setattr(editor, "_kind", OwnKind("faces", "", {"good": 0.99}, "stub"))
    picture = Image.fromarray(np.random.RandomState(1).randint(0, 256, (32, 32, 3)).astype(np.uint8))
    with pytest.warns(EclipsedWarning, match="has no encoder"):
        assert len(editor.invert(picture, aligned=True, config=QUICK)) == 1
    with pytest.warns(EclipsedWarning, match="has no encoder"):
        assert len(editor.invert(picture, aligned=True, callback=lambda step: step.step < 2)) == 1


@pytest.mark.filterwarnings("ignore:the model set 'stub' has no encoder:eclipsed.errors.EclipsedWarning")
def test_what_nobody_measured_is_said_to_be_unknown_and_measured_once(editor, monkeypatch, noise):
    picture = Image.open(noise).resize((32, 32))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        Editor(editor.generator, editor.parser, editor.clip, name="stub").invert(picture, aligned=True, config=QUICK)
    assert ["has no encoder" in str(one.message) for one in warned] == [True]  # nobody asked what it draws
    monkeypatch.setattr(editor, "_kind", OwnKind(source="./stub"))
    with pytest.warns(EclipsedWarning) as warned:
        editor.invert(picture, aligned=True, config=QUICK)
    assert (
        "it is unknown how close 'stub' comes to pictures of its own kind, so nobody can tell whether this one "
        "belongs; measure it once: eclipsed models measure ./stub"
    ) in [str(one.message) for one in warned]
    told = []
    usual = editor.measure_closeness(count=2, callback=lambda step: told.append(step) or len(told) < 40)
    assert 0 <= usual <= 1
    assert kept_closeness(editor.generator.fingerprint, editor.clip.name) == {"good": usual}
    assert editor._usual_closeness("best") == Usual(usual, generated=True)
    with pytest.raises(InputError, match="count must be a whole number from 1"):
        editor.measure_closeness(count=0)
    with pytest.raises(InputError, match='the level "fast" is an encoder'):
        editor.measure_closeness(level="fast")


@pytest.mark.filterwarnings("ignore:the model set 'stub' has no encoder:eclipsed.errors.EclipsedWarning")
def test_the_faces_of_comparison_are_drawn_once(editor, monkeypatch):
    """They took nine tenths of an inversion by the encoder's guess."""
    made = []
    monkeypatch.setattr(
        "eclipsed.inversion.methods.Belonging", lambda *given, **options: made.append(1) or Belonging(*given, **options)
    )
    one = Editor(editor.generator, editor.parser, editor.clip, truncation_psi=0.8)
    picture = editor.sample(seeds=3).pil()[0]
    faces = one.invert(picture, aligned=True, config=QUICK)

    def afresh(generator, psi):
        belonging = Belonging(generator, Perception(editor.clip), truncation_psi=psi)
        return belonging.closeness(from_pil(picture), faces.images)

    first = one.closeness(faces)
    assert first == one.closeness(faces) == afresh(editor.generator, 0.8)
    assert len(made) == 1
    one.truncation_psi = 0.2
    assert one.closeness(faces) == afresh(editor.generator, 0.2) != first
    assert len(made) == 2


def test_another_clip_than_the_sets_was_never_measured(noise):
    other = Editor.from_pretrained("mini", device="cpu", clip=ROOT / "checkpoints" / "mini" / "clip")
    with pytest.warns(EclipsedWarning, match="measure it once: eclipsed models measure mini$"):
        other.invert(noise, aligned=True, level="fast")
    keep_closeness(other.generator.fingerprint, other.clip.name, {"fast": 0.8})
    with pytest.raises(ForeignPictureError):
        other.invert(noise, aligned=True, level="fast")


def test_what_was_measured_is_kept_beside_what_was_before(tmp_path):
    path = keep_closeness("0123456789abcdef0", "one", {"good": 0.9})
    keep_closeness("0123456789abcdef0", "two", {"good": 0.7})
    keep_closeness("0123456789abcdef0", "one", {"fast": 0.5})
    assert kept_closeness("0123456789abcdef0", "one") == {"good": 0.9, "fast": 0.5}
    assert kept_closeness("0123456789abcdef0", "two") == {"good": 0.7}
    assert kept_closeness("other", "one") == {}
    assert path.is_relative_to(tmp_path / "home")
    for damaged in ("{", "[]", '{"one": 3}', '{"one": {"good": "x", "fast": NaN}}'):
        path.write_text(damaged)
        assert kept_closeness("0123456789abcdef0", "one") == {}


def test_a_set_of_ones_own_says_what_it_draws(tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(ROOT / "checkpoints" / "mini", folder)
    content = json.loads((folder / "set.json").read_text(encoding="utf-8"))
    assert find_set("mini").kind == OwnKind(
        content["draws"], content["photographs"], {k: float(v) for k, v in content["closeness"].items()}, "mini"
    )
    assert find_set(folder).kind.source == str(folder)

    def changed(**fields):
        (folder / "set.json").write_text(json.dumps({**content, **fields}), encoding="utf-8")

    for key in ("draws", "photographs"):
        changed(**{key: 3})
        with pytest.raises(CheckpointError, match=f"set.json: '{key}' must be a text; found 3"):
            find_set(folder)
    for wrong in (3, {"good": "x"}, {"good": 1.5}, {"good": None}):
        changed(closeness=wrong)
        with pytest.raises(CheckpointError, match="'closeness' must hold numbers from 0 to 1 by level; found "):
            find_set(folder)
    del content["closeness"], content["draws"], content["photographs"]
    changed()
    assert find_set(folder).kind == OwnKind(source=str(folder))
    assert find_set("mini").kind.photographs == "ffhq"


@pytest.mark.slow
def test_measuring_a_set_from_the_terminal(tmp_path, capsys, noise):
    folder = tmp_path / "own"
    shutil.copytree(ROOT / "checkpoints" / "mini", folder)
    content = json.loads((folder / "set.json").read_text(encoding="utf-8"))
    del content["closeness"]
    (folder / "set.json").write_text(json.dumps(content), encoding="utf-8")
    assert cli.run(["models", "measure", str(folder), "--faces", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["faces"]) == ("mini", 2)
    assert found["closeness"]["good"] > 0.9 > found["closeness"]["fast"] > 0.5
    options = ["--models", str(folder), "--aligned", "--level", "fast", "--save-face", "a.face.safetensors"]
    assert cli.run(["photo", str(noise), *options]) == 1
    assert "is not what 'mini' draws (avatars, no photographs): the nearest face" in capsys.readouterr().err
    assert cli.run(["photo", str(PORTRAIT), *options]) == 0
