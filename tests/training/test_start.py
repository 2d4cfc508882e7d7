"""What the faces tell before the first step, and what is learned of sentences of several things or of what is to go."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from eclipsed.directions.margins import clip_margin
from eclipsed.errors import EclipsedWarning
from eclipsed.latents.latent import Latent
from eclipsed.latents.spaces import make_space
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.training.batches import Step
from eclipsed.training.config import TrainConfig
from eclipsed.training.losses import fidelity_loss
from eclipsed.training.start import full_change
from eclipsed.training.state import TrainingState
from eclipsed.training.task import Task
from eclipsed.training.terms import Loss
from eclipsed.training.view import View

pytestmark = pytest.mark.filterwarnings("ignore::eclipsed.errors.VocabularyWarning")

STILL = {"steps": 1, "learning_rate": 1e-9, "start_scale": 0.0, "start_faces": 128}


def task_of(editor, prompt, **changes):
    return Task.of(
        read(prompt),
        generator=editor.generator,
        parser=editor.parser,
        clip=editor.clip,
        region=Region.from_parts(("hair",)),
        config=TrainConfig(batch=2, start_faces=128, resolution=32, **changes),
    )


@pytest.mark.parametrize("space", ["W", "W+", "S"])
def test_the_start_edits_as_a_change_of_w_in_the_chosen_rows(editor, space):
    task = task_of(editor, "a person with blond hair", space=space, components=None, row_cap=None)
    faces = editor.sample(seeds=[1, 2])
    direction = editor.train(
        task.prompt,
        config=task.config.replace(**STILL, layers=(4, 5), calibrate=False),
        region=("hair",),
    )
    moved = editor.edit(faces, direction, 1.0)
    shift = torch.zeros_like(faces.ws)
    for strength in (1.0, 1.5, 2.0, 2.5, 3.0):
        shift[:, 4:6] = strength * task.change
        wanted = editor.sample(ws=faces.ws + shift)
        if torch.allclose(moved.images, wanted.images, atol=2e-3):
            return
    pytest.fail("no strength of the faces' change edits like the direction")


def test_the_faces_are_looked_at_in_sight(editor, quick, monkeypatch, tmp_path):
    """The first steps that a callback is told of are those of the survey, which nobody waits for in silence."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    events = []
    editor.train("a person with blond hair", config=quick.replace(start_faces=80), callback=events.append)
    assert [event.step for event in events if event.phase == "survey"] == [1, 2, 3, 4, 5]
    assert next(event.phase for event in events) == "survey"
    again = []
    editor.train("a person with black hair", config=quick.replace(start_faces=80), callback=again.append)
    assert {event.phase for event in again} == {"train"}  # once for all sentences


@pytest.mark.parametrize(("changes", "faces"), [({}, 2048), ({"start_faces": 96}, 96), ({"space": "Z"}, 0),
                                                ({"start": "small"}, 0), ({"space": "S"}, 2048)])  # fmt: skip
def test_how_many_faces_are_looked_at(editor, changes, faces, monkeypatch):
    config = TrainConfig(**changes)
    found = Task.of(
        read("a person with blond hair"), generator=editor.generator, parser=editor.parser, clip=editor.clip,
        region=Region.from_parts(("hair",)), config=config,
    )  # fmt: skip
    assert found.start_faces == faces
    monkeypatch.setattr("eclipsed.training.task.SMALL_PICTURE", 16)  # as pictures of 256 px are on a processor
    assert found.start_faces == min(faces, 512)


def test_where_no_change_of_w_can_be_written_the_start_is_small(editor, quick):
    events = []
    direction = editor.train(
        "a person with blond hair", config=quick.replace(**STILL, space="Z"), callback=events.append
    )
    assert "survey" not in {event.phase for event in events}
    assert float(direction.deltas.norm()) < 1e-5


def test_the_change_grows_until_clip_finds_the_prompt_or_the_fence_is_reached(editor, monkeypatch):
    task = task_of(editor, "a person with blond hair")
    loss = Loss(task)
    faces = [loss.batches.faces(Step(0, 10))]
    space = make_space("W+", editor.generator, layers=[4, 5])
    plain = space.keep(space.of_w(task.change))
    found = full_change(task, space, faces)
    factor = float(found.norm() / plain.norm())
    assert min(abs(factor - rung) for rung in (1.0, 1.5, 2.0, 2.5, 3.0)) < 1e-4
    monkeypatch.setattr("eclipsed.training.start.FENCE", 0.0)
    assert_close(full_change(task, space, faces), plain)


def counting(render, sizes):
    """`Latent.render` that writes down how many faces it draws."""

    def counted(latent, *given, **options):
        sizes.append(len(latent))
        return render(latent, *given, **options)

    return counted


def test_from_the_atlas_those_who_have_it_have_no_say_and_are_not_drawn(editor, monkeypatch):
    """The strength is the same as where all are drawn."""
    told = torch.zeros(editor.generator.num_ws, editor.generator.w_dim)
    told[4:6] = 0.3
    monkeypatch.setattr("eclipsed.training.start.sketched", lambda task: told)
    monkeypatch.setattr("eclipsed.training.start.SERVED", 1.1)  # climb all rungs
    found, drawn, render = {}, {}, Latent.render
    for start in ("atlas", "small"):
        task = task_of(editor, "a person with blond hair", start=start)
        space = make_space("W+", editor.generator, layers=[4, 5])
        faces = [Loss(task).batches.faces(Step(number, 10)) for number in range(3)]
        margin = clip_margin(task.clip, task.captions)
        before = torch.cat([margin(images) for _, images in faces])
        lacking = int((before < 0).sum())
        lacking = lacking if lacking > 1 else int((before <= before.median()).sum())
        sizes = drawn[start] = []
        monkeypatch.setattr(Latent, "render", counting(render, sizes))
        found[start] = full_change(task, space, faces)
        monkeypatch.setattr(Latent, "render", render)
        assert len(before) == 6
        assert sum(sizes) % (lacking if start == "atlas" else 6) == 0
    assert_close(found["atlas"], found["small"])
    assert sum(drawn["atlas"]) < sum(drawn["small"])


def test_pictures_alone_are_those_of_the_step(editor):
    for changes in ({}, {"seeds": (1, 2, 3)}):
        batches = Loss(task_of(editor, "a person with blond hair", **changes)).batches
        latent, images = batches.faces(Step(4, 10))
        whole = batches.whole(Step(4, 10))
        assert torch.equal(images, whole.image)
        assert torch.equal(latent.ws, whole.latent.ws)


@pytest.mark.parametrize("row", [0, 5])
def test_what_the_start_makes_of_faces_is_drawn_once_for_all_their_steps(editor, row):
    task = task_of(editor, "a person with blond hair", reuse=2, precision="float32")
    loss, space = Loss(task), make_space("W+", editor.generator, layers=[5, 6])
    loss.anchor = anchor = space.keep(torch.full(space.shape, 0.2))
    steps = [Step(number, 10, row=row) for number in range(4)]
    plain = [next(loss.batches.of(step)) for step in steps]
    assert not torch.equal(plain[0].alpha, plain[1].alpha)
    assert plain[0].begun is None
    loss.batches.begin_with(space, anchor)
    first, again, third, _ = [next(loss.batches.of(step)) for step in steps]
    assert again is first
    assert torch.equal(first.alpha, plain[0].alpha)
    assert not torch.equal(third.latent.ws, first.latent.ws)
    at = [View(task, batch, space, anchor[None], 0, anchor) for batch in (plain[0], first)]
    assert_close(at[1].anchor_image, at[0].anchor_image)  # which a view without it draws anew
    assert_close(at[1].mask, at[0].mask)  # the edit is still that of the start
    assert at[1].anchor_image is first.begun.image
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(task.parser), "logits", lambda *_, **__: pytest.fail("parsed again"))
        moved = View(task, first, space, 2 * anchor[None], 0, anchor)
    assert torch.equal(moved.mask, at[1].mask)  # of the start, wherever the edit has gone


def test_fidelity_is_the_share_of_the_change_that_is_missing_inside():
    before, anchor = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    assert float(fidelity_loss(before, anchor, anchor, mask)) == 0
    assert float(fidelity_loss(before, before, anchor, mask)) == pytest.approx(1 / 1.02)
    outside = anchor.clone()
    outside[..., 2:] = -1
    assert float(fidelity_loss(before, outside, anchor, mask)) == 0
    assert float(fidelity_loss(before, before, before, mask)) == 0


def test_fidelity_holds_the_edit_to_the_start(editor, quick):
    config = quick.replace(steps=12, learning_rate=0.05, components=None, fence_weight=0.0)
    start = editor.train("a person with blond hair", config=config.replace(**STILL))
    free = editor.train("a person with blond hair", config=config.replace(fidelity_weight=0.0))
    held = editor.train("a person with blond hair", config=config.replace(fidelity_weight=50.0))
    far, near = (float((one.deltas - start.deltas).norm()) for one in (free, held))
    assert near < far


def test_what_is_to_go_is_learned_as_what_is_there_and_turned_round(editor, quick):
    positive = editor.train("a person with glasses", config=quick)
    negative = editor.train("remove the glasses", config=quick)
    assert_close(negative.deltas, -positive.deltas)
    assert negative.prompt == "remove the glasses"
    assert 'learned as "a person with glasses" and turned round' in negative.note
    plain = editor.train("remove the glasses", config=quick.replace(clip_loss="similarity"))
    assert not torch.allclose(plain.deltas, negative.deltas)  # other losses are told the sentence as it is


def test_each_statement_has_a_contrast_and_a_start_of_its_own(editor):
    task = task_of(editor, "pink curly hair")
    assert len(task.captions) == len(task.alone()) == 2
    apart = [task_of(editor, one.prompt) for one in task.reading.statements]
    for together, alone in zip(task.alone(), apart, strict=True):
        assert_close(together.captions[0], alone.captions[0])
    assert_close(task.change, torch.stack([one.change for one in task.alone()]).sum(dim=0))
    assert len(task_of(editor, "pink curly hair", clip_loss="similarity").captions) == 1


def test_rows_are_those_of_all_statements(editor, quick):
    config = quick.replace(layers="auto")
    parts = [editor.train(text, config=config) for text in ("a person with pink hair", "a person with curly hair")]
    both = editor.train("pink curly hair", config=config)
    assert len(both.layers) >= max(len(one.layers) for one in parts)
    assert float(F.cosine_similarity(both.deltas.flatten(), parts[0].deltas.flatten(), dim=0)) < 1


def test_a_training_that_goes_on_is_held_to_the_same_start(editor, quick, tmp_path):
    state = tmp_path / "state.safetensors"
    whole = editor.train("pink curly hair", config=quick.replace(layers="auto"))
    stop = lambda event: event.step < 3 if event.phase == "train" else None  # noqa: E731
    editor.train("pink curly hair", config=quick.replace(layers="auto"), state=state, callback=stop)
    assert TrainingState.load(state).anchor.shape == whole.deltas.shape[1:]
    assert_close(editor.train("pink curly hair", resume=state).deltas, whole.deltas)


def test_a_weak_direction_says_that_clip_hardly_tells_what_was_asked_for(editor, quick, monkeypatch):
    """A CLIP of random weights tells nothing; of one that tells, nothing is said."""
    config = quick.replace(start_faces=64, calibrate=True)
    found = []
    for believed in (0.2, 0.9):
        monkeypatch.setattr("eclipsed.training.outcome.trust", lambda *_, scale, believed=believed: believed)
        monkeypatch.setattr("eclipsed.directions.calibration.WEAK", 1.1)  # whatever it reaches
        with pytest.warns(EclipsedWarning, match="weak"):
            found.append(editor.train("a person with blond hair", config=config))
    doubted, believed = found
    assert doubted.scores["trust"] == 0.2
    assert doubted.note.endswith("CLIP hardly tells it in the faces of this generator")
    assert "trust" not in believed.scores
    assert "hardly" not in believed.note
