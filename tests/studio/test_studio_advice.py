"""What the studio says before and after learning, how long it takes, and what a set without CLIP can do."""

import json
import shutil
import warnings
from dataclasses import replace

import pytest
import torch

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from eclipsed.commands import cli
from eclipsed.editing.stack import Stack
from eclipsed.errors import EclipsedWarning, MissingModelError
from eclipsed.studio import views
from eclipsed.studio.advice import WEAK, Advice, of_learned, of_sentence
from eclipsed.studio.engine import Engine
from eclipsed.studio.learning import Job, LearningQueue
from eclipsed.studio.likeness import Likeness
from eclipsed.studio.pace import Pace
from eclipsed.studio.safety import as_sentence, in_plain_words
from eclipsed.studio.session import Session
from eclipsed.training.clock import Clock
from eclipsed.training.config import TrainConfig
from eclipsed.training.events import TrainStep


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture
def engine(editor):
    return Engine.of(editor)


# ---- words


WHOLE = "the prompt 'a person' names no part of a face, so locality is off and the edit may change all of it; name the "
UNKNOWN = "the CLIP model '{name}' was never shown 'blorb'; the edit may have nothing to do with it"


def test_a_good_sentence_needs_no_word(engine):
    reading, advice = of_sentence(engine, "a person with blond hair")
    assert reading.region.parts == ("hair",)
    assert advice == Advice()


def test_what_should_be_known_is_said_in_the_library_s_words_and_in_plain_ones(engine):
    _, advice = of_sentence(engine, "a person with blorb hair")
    assert advice.said == (UNKNOWN.format(name=engine.editor.clip.name),)
    assert advice.plain == (
        "“blorb”: a word that the model set has never seen, so what is learned may have nothing to do with it. "
        "Choose other words.",
    )
    _, advice = of_sentence(engine, "a person")
    assert advice.said == (WHOLE + "region to hold it to a part",)
    assert advice.plain == (
        "This names no part of a face: all of the face may change. Choose below what may, to keep the rest as it is.",
    )
    assert of_sentence(engine, "a person", by_hand=True)[1] == Advice()


def test_the_advice_of_a_sentence_is_what_training_warns_of(editor, engine, quick):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        editor.train("a blorb person", config=quick.replace(steps=1))
    said = [str(one.message) for one in caught if issubclass(one.category, EclipsedWarning)]
    assert set(of_sentence(engine, "a blorb person")[1].said) == set(said)
    assert len(said) == 2


def test_a_weak_direction_is_told_wherever_it_is(engine, direction, monkeypatch):
    note = "weak: at full strength CLIP prefers the prompt by +0.10 more than before; word the prompt otherwise"
    weak = replace(direction, scores={**direction.scores, "weak": True}, note=note)
    assert of_learned(direction) == Advice()
    assert of_learned(weak) == Advice(said=(note,), plain=(WEAK,))
    weak.save(engine_path("weak-one"))
    (item,) = views.shelf(engine, Stack(seed=1))["items"]
    assert (item["weak"], item["note"]) == (WEAK, "")
    rows = views.stack(engine, Session(now=engine.added(Stack(seed=1), "weak-one")))["rows"]
    assert [row["weak"] for row in rows] == [WEAK]


def engine_path(name):
    from eclipsed.store import library

    return library.kept_path(name)


def test_progress_carries_the_warnings_and_the_page_the_plain_words(engine):
    jobs = LearningQueue(engine)
    job = Job("a person", None, TrainConfig(), Stack(seed=1), "0" * 16, advice=Advice(said=("said",), plain=("plain",)))
    shown = views.progress(jobs, job)
    assert shown["warnings"] == ["said"]
    assert "advice" not in shown
    assert views.learning(jobs, job)["job"]["advice"] == ["plain"]


def test_a_training_begins_with_the_advice_of_its_sentence(engine, quick):
    jobs = LearningQueue(engine)
    job = jobs.submit("a blorb person", config=quick.replace(steps=1), face=Stack(seed=1))
    assert len(job.advice.said) == 2
    by_hand = jobs.submit("a blorb person", parts=["hair"], config=quick.replace(steps=1), face=Stack(seed=1))
    assert [text.startswith("the CLIP model") for text in by_hand.advice.said] == [True]
    for one in (job, by_hand):
        jobs.stop(one.token)


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ("no face; or say so (aligned=True, --aligned)", "no face; or say so"),
        ("memory ran out; set low_memory=True (--low-memory), lower batch", "memory ran out; lower batch"),
        ("give class_index (--class), the number of a class", "give class_index, the number of a class"),
        ("nothing\nof it (a whole picture)", "nothing of it (a whole picture)"),
        ("a strength (alpha) of 3", "a strength (alpha) of 3"),
    ],
)
def test_what_only_programs_and_terminals_can_do_is_not_said_in_the_page(message, plain):
    assert in_plain_words(message) == plain


def test_names_of_files_keep_their_letters():
    assert as_sentence("a seed is bad") == "A seed is bad"
    assert as_sentence("me.jpg is bad") == "me.jpg is bad"
    assert as_sentence("bad.") == "Bad."


# ---- time


def test_the_time_of_a_training_is_its_pace_times_its_work():
    pace, config = Pace(), TrainConfig(steps=100)
    assert pace.known(config) is None
    step = TrainStep(phase="train", step=3, steps=100, loss=1.0, seconds=10.0, seconds_left=90.0)
    pace.note(config, step)
    assert pace.known(config) == pytest.approx(100.0)
    longer = config.replace(steps=300, seed=5)
    assert pace.known(longer) == pytest.approx(100 * Clock(longer, None).work / Clock(config, None).work)
    assert 100 < pace.known(longer) < 300  # the trial and the calibration do not grow
    assert pace.known(TrainConfig.report()) is None  # another way to learn has a pace of its own


def test_a_trial_measures_what_is_not_known_and_leaves_nothing(editor, quick):
    pace = Pace()
    found = pace.measured(editor, quick)
    assert 0 < found < 60
    assert pace.known(quick) == found
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(editor, "train", lambda *a, **k: pytest.fail("it is known already"))
        assert pace.measured(editor, quick) == found


# ---- the set


def test_a_picture_of_the_set_looks_like_it_and_others_do_not(editor):
    from PIL import Image

    likeness = Likeness(editor)
    own = editor.sample(seeds=[3]).pil()[0].resize((64, 64), Image.Resampling.NEAREST)
    assert likeness.of(own)
    assert not likeness.of(own.crop((0, 0, 64, 40)))
    counts = torch.zeros(3, 2, 2)
    counts[0], counts[1, 0, 0] = 8.0, 24.0  # part 1 above on the left, part 0 elsewhere
    usual = torch.tensor([[1, 0], [0, 0]])
    assert likeness.figure(usual, counts) > likeness.figure(usual.flip(0), counts)


def harm(folder):
    (file,) = (folder / "clip").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:300])


def test_a_set_whose_clip_is_gone_edits_and_learns_nothing(model_set, tmp_path):
    folder = shutil.copytree(model_set, tmp_path / "stub")
    description = json.loads((folder / "set.json").read_text())
    description["clip"] = {"model": "ViT-B-32", "pretrained": "openai"}
    (folder / "set.json").write_text(json.dumps(description))
    engine = Engine(str(folder), "cpu")
    with pytest.warns(EclipsedWarning, match="the studio edits, and learns nothing new: "):
        engine.load()
    assert engine.face(1, None).seeds == (1,)
    assert "eclipsed models fetch clip:ViT-B-32/openai" in engine.without_clip
    with pytest.raises(MissingModelError) as caught:
        LearningQueue(engine).submit("a person with blond hair", face=Stack(seed=1))
    assert str(caught.value) == engine.without_clip
    assert of_sentence(engine, "a person with blorb hair")[1] == Advice()  # nobody can tell


def test_a_damaged_clip_is_said_before_the_address(model_set, tmp_path, capsys):
    folder = shutil.copytree(model_set, tmp_path / "stub")
    harm(folder)
    assert cli.run(["studio", "--models", str(folder), "--port", "0", "--device", "cpu"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "clip" in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: ")
