"""Files that version 0.1.0 wrote are read as they were then, and its trainings come out as they did."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

import eclipsed
from eclipsed import Direction, Stack, TrainConfig
from eclipsed.prompts.reading import Reading

OLD = Path(__file__).parent / "fixtures" / "v1"
PROMPT = "a person with blond hair"
CONFIGS = {
    "default": TrainConfig(steps=6, probe_steps=4, calibration_faces=4, precision="float32", batch=2),
    "report": TrainConfig.report(steps=4, precision="float32"),
    "resumed": TrainConfig(steps=10, layers=(6, 7, 8, 9), calibrate=False, precision="float32", batch=2),
    "styles": TrainConfig(space="S", steps=3, layers=None, calibrate=False, precision="float32"),
}


@pytest.fixture(scope="module")
def mini():
    return eclipsed.Editor.from_pretrained("mini", device="cpu")


#: what "a person with blond hair" was held against then
CAPTIONS = tuple(
    f"a person with {colour} hair" for colour in ("black", "brown", "red", "grey", "blue", "green", "pink", "purple")
)


@pytest.fixture
def captions_of_then(monkeypatch):
    monkeypatch.setattr(Reading, "contrasts", CAPTIONS)


@pytest.fixture(scope="module")
def pictures():
    """Pictures as they were drawn then, of 16 px."""
    return load_file(OLD / "pictures.safetensors")


@pytest.fixture(scope="module")
def face(mini):
    return mini.sample(seeds=[2001], truncation_psi=0.7)


def small(images):
    return F.adaptive_avg_pool2d(images, 16)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
def test_a_direction_edits_as_it_did(mini, face, pictures, name):
    direction = Direction.load(OLD / f"{name}.safetensors")
    assert direction.prompt == PROMPT
    assert direction.region.parts == ("hair",)
    edited = mini.edit(face, direction, alpha=40.0 if name == "styles" else 3.0)  # three steps are next to nothing
    assert not torch.allclose(small(face.images), pictures[name], atol=0.02)  # the edit shows at all
    torch.testing.assert_close(small(edited.images), pictures[name], atol=2e-3, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "report", "styles"])
@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
@pytest.mark.usefixtures("captions_of_then")
def test_a_training_gives_what_it_gave(mini, name):
    """With the options that its file tells, and the captions of then: the defaults are others today."""
    old = Direction.load(OLD / f"{name}.safetensors")
    new = mini.train(PROMPT, config=TrainConfig.from_json(old.config))
    assert (new.layers, new.styles, new.space, new.seed) == (old.layers, old.styles, old.space, old.seed)
    assert_alike(new, old)
    assert new.scale == pytest.approx(old.scale, rel=1e-2)


@pytest.mark.slow
@pytest.mark.usefixtures("captions_of_then")
def test_a_stopped_training_goes_on_to_the_same_end(mini, tmp_path):
    state = tmp_path / "training.safetensors"
    state.write_bytes((OLD / "training.safetensors").read_bytes())
    steps = []
    new = mini.train(PROMPT, resume=state, callback=lambda event: steps.append(event.step))
    assert steps == [7, 8, 9, 10]
    assert_alike(new, Direction.load(OLD / "resumed.safetensors"))


def assert_alike(new, old):
    """Equal up to the rounding of another processor."""
    cosine = F.cosine_similarity(new.deltas.flatten(), old.deltas.flatten(), dim=0)
    assert float(cosine) > 0.9995
    assert float(new.deltas.norm()) == pytest.approx(float(old.deltas.norm()), rel=2e-3)


@pytest.mark.parametrize("name", ["face-fast", "face-best"])
def test_a_saved_face_is_drawn_as_it_was(mini, pictures, name):
    faces = mini.load_faces(OLD / f"{name}.safetensors")
    assert (faces.origins[0].tuning is not None) == (name == "face-best")
    blond = Direction.load(OLD / "blond-hair.safetensors")
    edited = mini.edit(faces, blond, alpha=1.0)
    torch.testing.assert_close(small(edited.images), pictures[name], atol=2e-3, rtol=0)


def test_a_stack_gives_the_picture_that_it_gave(mini, face, pictures):
    stack = Stack.load(OLD / "stack.json")
    assert [entry.on for entry in stack.entries] == [True, True, False]
    then = [Direction.load(OLD / f"{name}.safetensors") for name in ("blond-hair", "glasses")]
    replayed = mini.replay(face, stack, directions=then)
    torch.testing.assert_close(small(replayed.images), pictures["stack"], atol=2e-3, rtol=0)
