"""Terms, spaces and schedules of one's own, and what a step shows of them."""

import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.latents.space import Space
from eclipsed.latents.space_registry import SPACES
from eclipsed.training.config import TrainConfig
from eclipsed.training.schedules import SCHEDULES
from eclipsed.training.state import TrainingState
from eclipsed.training.term_registry import TERMS, register_term
from eclipsed.training.terms import Term
from eclipsed.training.view import View
from eclipsed.values.registry import Registry

PROMPT = "a person with blond hair"


class Darkness(Term):
    """Pulls pictures towards black; from the second step on."""

    name = "darkness"

    def __init__(self, scale=5.0):
        self.scale = scale

    def weight(self, step):
        return self.scale if step.number else 0.0

    def __call__(self, view):
        return (view.image + 1).square().mean(dim=(1, 2, 3))

    def shown(self, view, values):
        return view.image.mean()


def test_a_term_of_ones_own_is_part_of_the_loss_and_is_shown(editor, quick):
    events = []
    built_in = TrainConfig().loss
    config = quick.replace(loss=(*built_in, Darkness(50.0)), steps=12, layers=None)
    dark = editor.train(PROMPT, config=config, callback=events.append)
    assert ["darkness" in event.terms for event in events if event.phase == "train"] == [False] + [True] * 11
    assert next(iter(events[-1].terms)) == "clip"
    plain = editor.train(PROMPT, config=config.replace(loss=built_in))
    faces = editor.sample(seeds=[1, 2])
    means = [float(editor.edit(faces, one, 1.0).images.mean()) for one in (dark, plain)]
    assert means[0] < means[1]
    assert dark.config["loss"] == [*built_in, "darkness"]


@pytest.mark.parametrize("term", [Darkness, Darkness()])
def test_a_class_and_an_object_are_taken(editor, quick, term):
    assert editor.train(PROMPT, config=quick.replace(steps=2, loss=("clip", term))).config["loss"] == [
        "clip",
        "darkness",
    ]


def test_the_loss_is_the_weighed_sum_of_its_terms(editor, quick):
    """Each term alone, added up, is the whole; what is shown does not depend on the others."""
    seen = {}
    names = ("clip", "preservation", "locality", "fence")
    for loss in (names, *((name,) for name in names)):
        events = []
        config = quick.replace(steps=1, loss=loss, layers=(4, 5, 6, 7), fence_weight=2.0, start_scale=0.5)
        editor.train(PROMPT, config=config, callback=events.append)
        seen[loss] = events[0]
    whole = seen[names]
    assert set(whole.terms) == set(names)
    assert whole.loss == pytest.approx(sum(seen[(name,)].loss for name in names), rel=1e-4)
    for name in names:
        assert seen[(name,)].terms[name] == pytest.approx(whole.terms[name], rel=1e-4)


def test_a_term_must_say_that_it_reads_a_mask(editor, quick):
    class Greedy(Darkness):
        name = "greedy"

        def __call__(self, view):
            return view.mask.mean(dim=(1, 2, 3))

    class Honest(Greedy):
        name = "honest"
        needs = ("mask",)

    config = quick.replace(steps=2, locality_weight=0.0, keep_weight=0.0)
    with pytest.raises(InputError, match=r'a term that reads view.mask says so: needs = \("mask",\)'):
        editor.train(PROMPT, config=config.replace(loss=("clip", Greedy)))
    events = []
    editor.train(PROMPT, config=config.replace(loss=("clip", Honest)), callback=events.append)
    assert "honest" in events[-1].terms


def test_what_a_term_sees(editor, quick):
    seen = []

    class Look(Darkness):
        name = "look"
        needs = ("mask", "embedding_before")

        def __call__(self, view):
            seen.append(view)
            return super().__call__(view)

    editor.train(PROMPT, config=quick.replace(steps=2, batch=3, loss=("clip", Look)))
    view: View = seen[0]
    size = view.task.resolution
    assert view.image.shape == view.batch.image.shape == (3, 3, size, size)
    assert view.mask.shape == (3, 1, size, size)
    assert view.embedding.shape == view.embedding_before.shape
    assert view.embedding.requires_grad
    assert not view.embedding_before.requires_grad
    assert len(view.batch) == 3
    assert_close(view.embedding.norm(dim=1), torch.ones(3))


def test_a_stopped_training_of_own_things_goes_on(editor, quick, tmp_path):
    def slow(step, steps):
        return 0.5

    config = quick.replace(steps=6, loss=("clip", Darkness()), schedule=slow)
    state = tmp_path / "s.safetensors"
    editor.train(PROMPT, config=config, state=state, callback=lambda event: event.phase != "train" or event.step < 3)
    whole = editor.train(PROMPT, config=config)
    with pytest.raises(InputError, match=r"is not a saved training, or is damaged .*loss must hold names of terms"):
        TrainingState.load(state)  # nothing tells what "darkness" is
    again = editor.train(PROMPT, config=config, resume=state)
    assert torch.equal(again.deltas, whole.deltas)


def test_schedules_of_ones_own():
    config = TrainConfig(schedule=lambda step, steps: step / steps, learning_rate=0.1, warmup=0)
    assert config.learning_rates(120)[30] == pytest.approx(0.025)
    assert TrainConfig(schedule="constant", warmup=0).learning_rates()[7] == TrainConfig().learning_rate
    assert set(SCHEDULES) == {"constant", "halved", "cosine"}


def test_registered_names_are_known_everywhere(editor, quick):
    registry = dict(TERMS._found)
    try:
        register_term(Darkness)
        assert TrainConfig(loss=("clip", "darkness")).to_json()["loss"] == ["clip", "darkness"]
        TERMS["darkness"].of(None)
    finally:
        TERMS._found.clear()
        TERMS._found.update(registry)
    with pytest.raises(InputError, match="loss must hold names of terms"):
        TrainConfig(loss=("clip", "darkness"))


class Half(Space):
    """W with half the strength."""

    name = "half"

    @property
    def shape(self):
        return (self.generator.w_dim,)

    def move(self, latent, delta, alpha):
        return self.add_to_ws(latent, 0.5 * delta, alpha)


def test_a_space_of_ones_own(editor, quick):
    assert Half.name not in SPACES
    try:
        direction = editor.train(PROMPT, config=quick.replace(space=Half, steps=3, layers=None))
        assert direction.space == "half"
        assert direction.config["space"] == "half"
        by_name = editor.train(PROMPT, config=quick.replace(space="half", steps=3, layers=None))
        assert torch.equal(direction.deltas, by_name.deltas)
        faces = editor.sample(seeds=[1])
        moved = editor.edit(faces, direction, 1.0)
        assert_close(moved.ws - faces.ws, (0.5 * direction.scale * direction.deltas[0]).expand_as(faces.ws))
    finally:
        del SPACES["half"]


def test_a_registry_is_lazy_and_says_what_it_knows():
    shelf = Registry("thing", {"sum": "builtins:sum", "gone": "no_such_module:x"})
    assert "gone" in shelf  # nothing is imported to know a name
    assert shelf["sum"] is sum
    assert list(shelf) == ["sum", "gone"]
    assert len(shelf) == 2
    with pytest.raises(InputError, match="unknown thing 'max'; known: sum, gone"):
        shelf["max"]
    assert shelf.register(max, name="max") is max
    assert shelf["max"] is max
    with pytest.raises(InputError, match="the thing 'sum' is there already; give yours another name"):
        shelf.register(min, name="sum")
    with pytest.raises(InputError, match="the thing 'max' is there already"):
        shelf.register(min, name="max")
    with pytest.raises(InputError, match="a thing of your own needs a name; got 3"):
        shelf.register(3)
