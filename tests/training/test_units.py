"""No default is written in the units of one CLIP: the same verdicts on another scale give the same direction."""

import warnings

import pytest
from torch.nn import functional as F

from eclipsed.editor import Editor
from eclipsed.errors import EclipsedWarning
from eclipsed.store.sets import find_set
from eclipsed.training.config import TrainConfig
from recipes.worlds.clips import InUnits

SENTENCE = "a person with blond hair"


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained(find_set("mini").folder, "cpu")


@pytest.fixture(scope="module")
def seen_otherwise(mini):
    """The same networks, but that CLIP's cosines are narrow, its scale is 100, and every softmax is as it was."""
    assert mini.clip.logit_scale < 50
    return Editor(
        mini.generator, mini.parser, InUnits(mini.clip), name="mini", classifier=mini.classifier, truncation_psi=1.0
    )


def learned(editor, **changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)
        return editor.train(SENTENCE, config=TrainConfig(**changes))


def alike(one, other):
    return float(F.cosine_similarity(one.deltas.flatten(), other.deltas.flatten(), dim=0))


@pytest.mark.slow
def test_the_default_learns_the_same_in_two_systems_of_units(mini, seen_otherwise):
    short = {"steps": 20, "start_faces": 256, "calibration_faces": 8}
    one, other = learned(mini, **short), learned(seen_otherwise, **short)
    assert alike(one, other) >= 0.999
    assert one.layers == other.layers
    assert other.scale == pytest.approx(one.scale, rel=0.01)
    assert other.scores["clip_gain"] == pytest.approx(
        one.scores["clip_gain"], rel=0.02
    )  # in logits, which are the same
    assert other.scores["probe"] == pytest.approx(one.scores["probe"], abs=0.01)
    assert other.weak == one.weak


@pytest.mark.slow
def test_gradients_alone_go_the_same_way_in_two_systems_of_units(mini, seen_otherwise):
    """Where the start tells nothing, every term of the loss has its say from the first step on."""
    gradients = {"steps": 10, "warmup": 0, "start": "small", "layers": (6, 7, 8, 9), "calibrate": False}
    gradients["locality_scale"] = 200.0  # so that what CLIP says is heard
    one, other = learned(mini, **gradients), learned(seen_otherwise, **gradients)
    assert alike(one, other) >= 0.99
    assert float(other.deltas.norm()) == pytest.approx(float(one.deltas.norm()), rel=0.02)
    unlike = learned(seen_otherwise, clip_temperature=0.543 * mini.clip.logit_scale, **gradients)
    assert alike(one, unlike) < 0.99  # the number that suits one CLIP does not suit the other
