"""A CLIP that never trains says what was reached, and is named."""

import pytest
import torch
from conftest import make_clip

from eclipsed.directions.verdict import reached, verdict
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.evaluation.judging import judge
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.callable_clip import CallableClip

PROMPT = "a person with blond hair"


def brightness(images):
    """How bright pictures are, against how dark."""
    bright = images.clamp(-1, 1).mean(dim=(1, 2, 3))
    return torch.stack([bright + 0.5, 0.5 - bright], dim=1)


def witness(bright=lambda sentence: "blond" in sentence, **how):
    """A CLIP to which some sentences are bright, and all others dark."""

    def encode(sentences):
        return torch.tensor([[1.0, 0.0] if bright(sentence) else [0.0, 1.0] for sentence in sentences])

    return CallableClip(brightness, encode, **{"name": "eye", "size": 16, "device": "cpu", **how})


def editor_with(editor, given, **how):
    how = {"name": "stub", "truncation_psi": 0.8, **how}
    return Editor(editor.generator, editor.parser, editor.clip, witness=given, **how)


@pytest.fixture
def calibrated(quick):
    return quick.replace(calibrate=True, calibration_faces=160)  # of which twelve lack it


@pytest.mark.filterwarnings("ignore")
def test_the_outcome_is_what_the_witness_says(editor, calibrated, tmp_path):
    seen = witness()
    own = editor_with(editor, seen)
    found = own.train(PROMPT, config=calibrated)
    alone = editor_with(editor, None).train(PROMPT, config=calibrated)
    assert torch.equal(found.deltas, alone.deltas)
    assert (found.scale, found.clip) == (alone.scale, alone.clip)
    faces = own.sample(seeds=found.scores["calibration_seeds"])
    was, now = (brightness(one.images)[:, 0] - 0.5 for one in (faces, own.edit(faces, found, 1.0)))
    share = float((now[was < 0] > 0).double().mean())
    assert found.scores["witness_success"] == pytest.approx(share)
    assert reached(found.scores) == found.scores["witness_success"]
    assert found.scores["clip_success"] == alone.scores["clip_success"]
    assert found.weak == (share < 0.5)
    loaded = Direction.load(found.save(tmp_path / "found.safetensors"))
    assert ", says the witness 'eye': " in verdict(loaded.scores)
    assert "witness" not in alone.scores
    assert "witness" not in verdict(alone.scores)


@pytest.mark.filterwarnings("ignore")
def test_a_witness_that_was_never_shown_the_words_says_nothing(editor, calibrated):
    found = editor_with(editor, witness(vocabulary=["a", "person"])).train(PROMPT, config=calibrated)
    assert not {"witness", "witness_success"} & set(found.scores)


@pytest.mark.filterwarnings("ignore")
def test_of_an_opposite_the_witness_judges_what_was_asked(editor, calibrated):
    """What is learned is glasses, and turned round; what counts is that they are gone, dark to this witness."""
    own = editor_with(editor, witness(lambda sentence: "without" not in sentence))
    found = own.train("a person without glasses", config=calibrated)
    faces = own.sample(seeds=found.scores["calibration_seeds"])
    was, now = (0.5 - brightness(one.images)[:, 0] for one in (faces, own.edit(faces, found, 1.0)))
    assert int((was < 0).sum()) >= 12
    assert found.scores["witness_success"] == pytest.approx(float((now[was < 0] > 0).double().mean()))


def test_a_witness_takes_no_part_in_training(editor, quick):
    own = editor_with(editor, editor.clip)
    message = f"the witness must be a CLIP that takes no part in training; {editor.clip.name!r} does"
    with pytest.raises(InputError) as error:
        own.train(PROMPT, config=quick)
    assert str(error.value) == message


def test_what_is_no_witness(editor):
    with pytest.raises(InputError, match="the witness must be one, its file, or a function that loads it, or a list"):
        editor_with(editor, 3)


def test_a_set_is_opened_with_a_witness(model_set, tmp_path):
    folder = make_clip(tmp_path / "other", seed=9)
    own = Editor.from_pretrained(model_set, device="cpu", witness=folder)
    assert own.witness.name.endswith("other")
    assert Editor.from_pretrained(model_set, device="cpu").witness is None


def test_a_calibration_asks_the_witness_and_forgets_the_one_before(editor, direction):
    asked = editor_with(editor, witness()).calibrate(direction, count=8)
    assert asked.scores["witness"] == "eye"
    assert "witness_success" in asked.scores
    again = editor_with(editor, None).calibrate(asked, count=8)
    assert not {"witness", "witness_success"} & set(again.scores)
    by_hand = editor_with(editor, witness()).calibrate(asked, count=8, margin=lambda images: images.mean((1, 2, 3)))
    assert not {"witness", "witness_success", "clip_success", "clip_gain"} & set(by_hand.scores)


def test_without_a_classifier_evaluate_takes_the_witnesss_word(editor, direction):
    own = editor_with(editor, witness())
    found = evaluate(own, direction, seeds=range(2000, 2012), alphas=(0.0, 1.0))
    assert found.notes[0] == (
        "the model set has no classifier: success is what the witness 'eye' says, and leakage is left out"
    )
    before = own.sample(seeds=range(2000, 2012))
    after = own.edit(before, direction, 1.0)
    was, now = (brightness(one.images)[:, 0] - 0.5 for one in (before, after))
    assert found.strengths[1].success.mean == pytest.approx(float((now[was < 0] > 0).double().mean()))
    assert found.strengths[0].success.mean == 0.0
    each = judge(own, before, after, prompt=PROMPT, parts=["hair"])["success"]
    assert torch.equal(each.isnan(), was >= 0)


def test_a_witness_that_cannot_tell_leaves_success_out(editor, direction):
    own = editor_with(editor, witness(vocabulary=["a"]))
    found = evaluate(own, direction, seeds=range(2000, 2004), alphas=(1.0,))
    assert found.notes[0] == "the model set has no classifier: success and leakage are left out"
    assert found.strengths[0].success is None
