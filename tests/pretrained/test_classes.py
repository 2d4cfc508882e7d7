"""Generators with classes: a class by number wherever faces are made, and one sentence where it is missing."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import typer
from checkpoint_files import nvidia_content, random_generator, write_nvidia
from directions_kit import make
from PIL import Image

from eclipsed.commands import cli
from eclipsed.directions.held_out import HeldOut
from eclipsed.editing.stack import Stack
from eclipsed.editor import Editor
from eclipsed.errors import CheckpointError, InputError
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.photos.alignment import Placement
from eclipsed.studio.engine import Engine
from eclipsed.training.config import TrainConfig

CONFIG = GeneratorConfig(
    z_dim=12,
    w_dim=16,
    resolution=32,
    channels=((4, 8), (8, 8), (16, 8), (32, 6)),
    c_dim=3,
    mapping_layers=2,
    mapping_lr_multiplier=1.0,
)
MISSING = (
    "the generator 'classes' is class-conditional: c must be (N, 3); got none; give class_index (--class), the number "
    "of a class from 0 to 2"
)
PROMPT = "a person with blond hair"


def one_hot(index, count):
    return torch.nn.functional.one_hot(torch.full((count,), index), 3).float()


@pytest.fixture(scope="module")
def folder(model_set, tmp_path_factory):
    """A model set whose generator, in NVIDIA's layout, has three classes."""
    folder = shutil.copytree(model_set, tmp_path_factory.mktemp("sets") / "classes")
    write_nvidia(folder / "classes.pkl", nvidia_content(CONFIG, random_generator(CONFIG)))
    describe(folder, generator="classes.pkl", name="classes")
    return folder


def describe(folder, **changes):
    description = json.loads((folder / "set.json").read_text())
    (folder / "set.json").write_text(json.dumps({**description, **changes}))


@pytest.fixture(scope="module")
def classes(folder):
    """An editor that was not told a class."""
    return Editor.from_pretrained(folder, device="cpu")


@pytest.fixture(scope="module")
def second(classes):
    """The same for the second class."""
    return Editor(classes.generator, lambda: classes.parser, lambda: classes.clip, class_index=1, truncation_psi=0.8)


def test_a_class_is_a_number(classes, second):
    generator = classes.generator
    for index in range(3):
        faces = classes.sample(seeds=[4, 5], class_index=index, truncation_psi=1.0)
        expected = generator.network.mapping(generator.z([4, 5]), one_hot(index, 2))
        torch.testing.assert_close(faces.ws, expected)
        assert torch.equal(faces.images, generator.synthesis(faces.ws).image)
        assert torch.equal(Latent.of_seeds(generator, [4, 5], class_index=index).ws, faces.ws)
    assert torch.equal(second.sample(seeds=[4]).ws, classes.sample(seeds=[4], class_index=1).ws)
    assert not torch.equal(second.sample(seeds=[4]).ws, second.sample(seeds=[4], class_index=2).ws)
    assert torch.equal(
        classes.sample(seeds=[4], class_index=np.int64(2)).ws, classes.sample(seeds=[4], class_index=2).ws
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda editor: editor.sample(seeds=[1]),
        lambda editor: Latent.of_seeds(editor.generator, [1]),
        lambda editor: WStatistics.of_generator(editor.generator),
        lambda editor: editor.train(PROMPT),
        lambda editor: editor.invert(Image.new("RGB", (32, 32)), aligned=True),
        lambda editor: HeldOut(generator=editor.generator, parser=editor.parser).latent(),
        lambda editor: editor.calibrate(make(editor.generator)),
    ],
)
@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
def test_without_a_class_there_is_one_sentence(classes, call):
    with pytest.raises(InputError) as caught:
        call(classes)
    assert str(caught.value) == MISSING


@pytest.mark.parametrize("index", [-1, 3, 1.5, "1", True])
def test_a_class_that_is_none(classes, index):
    with pytest.raises(InputError, match=r"^class_index must be a whole number .*0.*2; got"):
        classes.sample(seeds=[1], class_index=index)


def test_a_generator_without_classes(editor):
    for call in (
        lambda: editor.sample(seeds=[1], class_index=0),
        lambda: editor.train(PROMPT, class_index=0),
        lambda: editor.train(PROMPT, config=TrainConfig(class_index=0)),
        lambda: Editor(editor.generator, None, editor.clip, class_index=0),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert str(caught.value) == "the generator 'stub' has no classes; leave class_index (--class) out"


def test_a_view_shares_the_weights_and_the_identity(classes):
    generator = classes.generator
    view = generator.of_class(2)
    assert view is generator.of_class(2) is view.of_class(2)
    assert view.network is generator.network
    assert (generator.class_index, view.class_index, view.fingerprint) == (None, 2, generator.fingerprint)
    make(view).check_generator(generator.of_class(0))


def test_each_class_has_its_statistics(classes):
    found = [WStatistics.of_generator(classes.generator.of_class(index)) for index in (0, 1)]
    assert not torch.allclose(found[0].mean, found[1].mean, atol=1e-3)
    assert WStatistics.of_generator(classes.generator.of_class(0)).mean is found[0].mean


def test_a_direction_is_learned_on_a_class_and_says_so(classes, second, quick, tmp_path):
    direction = classes.train(PROMPT, config=quick, class_index=1)
    assert direction.config["class_index"] == 1
    for same in (second.train(PROMPT, config=quick), classes.train(PROMPT, config=quick.replace(class_index=1))):
        assert torch.equal(same.deltas, direction.deltas)
        assert same.config == direction.config
    assert not torch.equal(classes.train(PROMPT, config=quick, class_index=2).deltas, direction.deltas)
    kept = Direction.load(direction.save(tmp_path / "d.safetensors"))
    faces = classes.sample(seeds=[1], class_index=1)
    assert not torch.equal(classes.edit(faces, kept, 1.0).ws, faces.ws)


def test_a_stopped_training_goes_on_with_its_class(classes, second, quick, tmp_path):
    state = tmp_path / "state.safetensors"
    whole = second.train(PROMPT, config=quick)
    second.train(PROMPT, config=quick, state=state, callback=lambda step: step.phase != "train" or step.step < 3)
    assert torch.equal(classes.train(PROMPT, resume=state).deltas, whole.deltas)


@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
def test_calibration_draws_faces_of_the_directions_class(classes, second):
    direction = make(classes.generator, config={"class_index": 1, "seeds": None}, scale=1.0)
    found = classes.calibrate(direction, count=4)
    assert found.scale == second.calibrate(make(classes.generator, scale=1.0), count=4).scale


def test_z_is_moved_within_the_class(classes):
    faces = classes.sample(seeds=[1], class_index=2, truncation_psi=1.0)
    direction = make(classes.generator, "Z", scale=1.0)
    moved = classes.edit(faces, direction, 0.5)
    z = faces.latent.z + 0.5 * direction.deltas[0]
    torch.testing.assert_close(moved.ws, classes.generator.network.mapping(z, one_hot(2, 1)))


@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
def test_an_inversion_begins_at_the_mean_of_the_class(classes, second):
    config = InversionConfig(level="good", steps_from_mean=1, finish_steps=0)
    picture = classes.sample(seeds=[1], class_index=1).pil()[0]
    first, again = (
        classes.invert(picture, aligned=True, config=config, class_index=1),
        second.invert(picture, aligned=True, config=config),
    )
    assert torch.equal(first.ws, again.ws)
    assert not torch.equal(first.ws, classes.invert(picture, aligned=True, config=config, class_index=2).ws)


def test_saved_faces_keep_their_class(classes, tmp_path):
    faces = classes.sample(seeds=[1], class_index=2)
    again = classes.load_faces(classes.save_faces(faces, tmp_path / "one.face.safetensors"))
    assert again.latent.class_index == 2


def test_a_set_may_name_its_class(folder, second, tmp_path):
    described = shutil.copytree(folder, tmp_path / "described")
    describe(described, **{"class": 1})
    editor = Editor.from_pretrained(described, device="cpu")
    assert torch.equal(editor.sample(seeds=[3]).ws, second.sample(seeds=[3]).ws)
    other = Editor.from_pretrained(described, device="cpu", class_index=2)
    assert torch.equal(other.sample(seeds=[3]).ws, second.sample(seeds=[3], class_index=2).ws)
    for wrong in (-1, "1", 1.5, True, []):
        describe(described, **{"class": wrong})
        with pytest.raises(CheckpointError) as caught:
            Editor.from_pretrained(described, device="cpu")
        assert str(caught.value) == (
            f"{described / 'set.json'}: 'class' must be the number of a class, from 0; found {wrong!r}"
        )


def test_the_command_line_takes_a_class(folder, second, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["sample", "--models", str(folder), "--device", "cpu", "--seeds", "3", "--out", "faces"]
    assert cli.run(words) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {MISSING}"
    assert cli.run([*words, "--class", "1"]) == 0
    drawn = np.asarray(Image.open(tmp_path / "faces" / "seed0003.png"))
    assert np.array_equal(drawn, np.asarray(second.sample(seeds=[3]).pil()[0]))
    assert cli.run([*words, "--class", "3"]) == 1
    assert "error: class_index must be a whole number" in capsys.readouterr().err


def test_a_stack_names_the_class_of_its_face():
    stack = Stack(seed=1, class_index=2)
    assert stack.to_json()["face"] == {"seed": 1, "truncation_psi": None, "class": 2}
    assert Stack.from_json(stack.to_json()) == stack
    assert "class" not in Stack(seed=1).to_json()["face"]
    with pytest.raises(InputError, match="a class must be a whole number"):
        Stack(seed=1, class_index=-1)


def test_the_studio_draws_one_class_and_says_where_none_was_named(folder, second):
    engine = Engine(str(folder), "cpu", class_index=1)
    engine.load()
    assert torch.equal(engine.face(3, None).ws, second.sample(seeds=[3]).ws)
    with pytest.raises(InputError) as caught:
        Engine(str(folder), "cpu").load()
    assert str(caught.value) == MISSING


@pytest.mark.parametrize("given", [[2, 0, 1], (2, 0, 1), np.array([2, 0, 1]), torch.tensor([2, 0, 1])])
def test_one_class_for_each_face(classes, given):
    alone = [classes.sample(seeds=[seed], class_index=k) for seed, k in zip((4, 5, 6), (2, 0, 1), strict=True)]
    faces = classes.sample(seeds=[4, 5, 6], class_index=given)
    assert faces.latent.class_index == (2, 0, 1)
    torch.testing.assert_close(faces.ws, torch.cat([one.ws for one in alone]), rtol=0, atol=1e-6)
    assert faces[1:].latent.class_index == (0, 1)
    assert faces.latent[[2, 0]].class_index == (1, 2)
    assert Latent.cat([one.latent for one in alone]).class_index == (2, 0, 1)
    assert Latent.cat([faces.latent, alone[0].latent]).class_index == (2, 0, 1, 2)
    assert Latent.cat([alone[0].latent, alone[0].latent]).class_index == 2


def test_directions_of_z_move_each_face_within_its_class_and_files_keep_them(classes, tmp_path):
    direction = make(classes.generator, "Z", scale=1.0)
    faces = classes.sample(seeds=[4, 5], class_index=[2, 0], truncation_psi=1.0)
    moved = classes.edit(faces, direction, 0.7)
    for k, index in enumerate((2, 0)):
        alone = classes.edit(classes.sample(seeds=[4 + k], class_index=index, truncation_psi=1.0), direction, 0.7)
        torch.testing.assert_close(moved.ws[k : k + 1], alone.ws, rtol=0, atol=1e-5)
    again = classes.load_faces(classes.save_faces(faces, tmp_path / "two.face.safetensors"))
    assert again.latent.class_index == (2, 0)
    assert torch.equal(classes.edit(again, direction, 0.7).ws, moved.ws)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2], "class_index is one number for all faces, or 3, one for each; got [1, 2]"),
        ([], "class_index is one number for all faces, or 3, one for each; got []"),
        ([[1], [2], [0]], "class_index must be a whole number from 0 to 2; got [1]"),
        ([0, 1, 3], "class_index must be a whole number from 0 to 2; got 3"),
        ([0, 1, 0.5], "class_index must be a whole number from 0 to 2; got 0.5"),
    ],
)
def test_classes_that_do_not_fit_the_faces(classes, given, message):
    with pytest.raises(InputError) as caught:
        classes.sample(seeds=[1, 2, 3], class_index=given)
    assert str(caught.value) == message


def test_the_studio_draws_a_class_that_is_chosen(folder, classes, tmp_path, monkeypatch):
    pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')
    from eclipsed.studio import results, views
    from eclipsed.studio.actions import pick
    from eclipsed.studio.learning import LearningQueue
    from eclipsed.studio.session import Session

    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    engine = Engine(str(folder), "cpu", class_index=1)
    engine.load()
    look = engine.first_look()
    assert look.class_index == 1
    chosen = pick(Session(now=look), 3, None, 2).now
    assert (chosen.seed, chosen.class_index) == (3, 2)
    wanted = classes.sample(seeds=[3], class_index=2, truncation_psi=engine.editor.truncation_psi).ws
    assert torch.equal(engine.before(chosen).ws, wanted)
    assert not torch.equal(engine.before(look).ws, engine.before(replace(look, class_index=2)).ws)
    wall = [views.wall(engine, Session(now=look), count=2, psi=None, class_index=k)["faces"] for k in (1, 2)]
    assert wall[0] != wall[1]
    saved = Stack.load(results.stack_file(engine, chosen))
    assert saved.class_index == 2
    assert torch.equal(engine.before(saved).ws, wanted)
    assert "class_index=stack.class_index" in views.python_lines("classes", chosen, "x.json")
    jobs = LearningQueue(engine)
    job = jobs.submit(PROMPT, face=chosen)
    jobs.stop(job.token)
    assert job.config.class_index == 2  # what is learned belongs to the faces that are shown


WHERE = Placement.of_box(4, 4, 36, 36)
ONE_STEP = InversionConfig(level="good", steps_from_mean=1, finish_steps=0)


@pytest.fixture
def photo():
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8))


@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
def test_people_and_folders_are_edited_within_a_class(classes, second, photo, tmp_path):
    direction = make(classes.generator)
    edits = {1: direction}
    with pytest.raises(InputError) as caught:
        classes.edit_people(photo, edits, where=[WHERE], config=ONE_STEP)
    assert str(caught.value) == MISSING
    one, other = (
        classes.edit_people(photo, edits, where=[WHERE], config=ONE_STEP, class_index=index) for index in (1, 2)
    )
    same = second.edit_people(photo, edits, where=[WHERE], config=ONE_STEP)
    assert np.array_equal(np.asarray(one.picture), np.asarray(same.picture))
    assert not np.array_equal(np.asarray(one.picture), np.asarray(other.picture))

    (tmp_path / "in").mkdir()
    photo.save(tmp_path / "in" / "a.png")

    def folder(editor, index):
        options = {"aligned": True, "config": ONE_STEP, "class_index": index}
        (row,) = editor.edit_photos(tmp_path / "in", direction, tmp_path / "out", **options)
        return row.outcome, np.asarray(Image.open(tmp_path / "out" / "a.png"))

    first, again, third = folder(classes, 1), folder(second, None), folder(classes, 2)
    assert (first[0], again[0], third[0]) == ("edited", "done before", "edited")  # of another class is another edit
    assert not np.array_equal(first[1], third[1])


@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
def test_an_inverted_face_keeps_its_class(classes, second, photo, tmp_path):
    faces = classes.invert(photo, where=WHERE, config=ONE_STEP, class_index=1)
    assert faces.latent.class_index == 1
    assert classes.closeness(faces) == second.closeness(faces)
    again = classes.load_faces(classes.save_faces(faces, tmp_path / "one.face.safetensors"))
    assert again.latent.class_index == 1


@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")
def test_a_direction_is_judged_on_faces_of_its_class(classes, second):
    direction = make(classes.generator, config={"class_index": 1, "seeds": None}, prompt=PROMPT)
    seeds = range(1000, 1004)
    found, wanted = (evaluate(one, direction, seeds=seeds, alphas=(1.0,), extras=()) for one in (classes, second))
    assert found.strengths[0].clip_gain == wanted.strengths[0].clip_gain
    with pytest.raises(InputError) as caught:
        evaluate(classes, make(classes.generator, prompt=PROMPT), seeds=seeds, alphas=(1.0,), extras=())
    assert str(caught.value) == MISSING


def test_every_command_that_opens_a_model_set_takes_a_class():
    def commands(group, path=()):
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, (*path, name))
            else:
                yield " ".join((*path, name)), {one.name for one in command.params}

    opening = {name: options for name, options in commands(typer.main.get_command(cli.app)) if "device" in options}
    without = {name for name, options in opening.items() if "models" in options and "class_index" not in options}
    assert "photo" in opening
    assert without == set()
