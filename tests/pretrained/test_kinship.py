"""Generators of one latent space know each other, whatever their files look like."""

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoint_files import (
    nvidia_content,
    random_generator,
    rosinality_state,
    tensorflow_content,
    tensorflow_variables,
    write_nvidia,
    write_tensorflow,
)
from conftest import make_generator
from directions_kit import make

from eclipsed.checkpoints.generators import read_generator
from eclipsed.editing.stack import Stack
from eclipsed.editor import Editor
from eclipsed.errors import DirectionError, EclipsedWarning, InputError
from eclipsed.inversion.saving import load_faces
from eclipsed.latents.direction import Direction
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.pretrained.generator import Generator
from eclipsed.pretrained.kinship import GeneratorId, Kinship, kinship_with
from eclipsed.store import library

OLD = Path(__file__).parents[1] / "fixtures" / "v1"
CONFIG = GeneratorConfig(z_dim=16, w_dim=16, resolution=16, channels=((4, 16), (8, 16), (16, 8)), mapping_layers=3)


def changed(generator, change, *, name="tuned", seed=5, **config):
    """The generator with other weights: ``change(name, weight, noise)`` gives each."""
    rng = torch.Generator().manual_seed(seed)
    state = generator.network.state_dict()
    state = {key: change(key, value, torch.randn(value.shape, generator=rng)) for key, value in state.items()}
    return Generator(replace(generator.config, **config), state, device="cpu", name=name)


def convolutions(amount):
    """A change of all that is no affine in the synthesis network."""
    return lambda key, value, noise: value + amount * noise if key.endswith("weight") and value.ndim == 4 else value


@pytest.fixture(scope="module")
def base():
    state = random_generator(CONFIG)
    state |= {key: value * 100 for key, value in state.items() if key.startswith("mapping.fc")}  # as in real files
    return Generator(CONFIG, state, device="cpu", name="base")


def half(base, folder):
    return Generator.from_file(base.save(folder / "half.safetensors", dtype=torch.float16), device="cpu")


def bfloat16(base, folder):
    return Generator.from_file(base.save(folder / "brain.safetensors", dtype=torch.bfloat16), device="cpu")


def nvidia(base, folder):
    content = nvidia_content(base.config, base.network.state_dict())
    return Generator.from_file(write_nvidia(folder / "g.pkl", content), device="cpu")


def tensorflow(base, folder):
    variables = tensorflow_variables(base.config, base.network.state_dict())
    return Generator.from_file(
        write_tensorflow(folder / "tf.pkl", tensorflow_content(base.config, variables)), device="cpu"
    )


def rosinality(base, folder, *, leave_out=(), mean=True, dtype=torch.float32):
    state = {
        key: value.to(dtype)
        for key, value in rosinality_state(base.config, base.network.state_dict()).items()
        if not key.startswith(leave_out)
    }
    content = {"g_ema": state, **({"latent_avg": base.w_avg} if mean else {})}
    torch.save(content, folder / "r.pt")
    return Generator.from_file(folder / "r.pt", device="cpu")


VARIANTS = {
    "half": half,
    "bfloat16": bfloat16,
    "nvidia": nvidia,
    "tensorflow": tensorflow,
    "rosinality": rosinality,
    "no latent_avg": lambda base, folder: rosinality(base, folder, mean=False),
    "no noise buffers": lambda base, folder: rosinality(base, folder, leave_out=("noises.",)),
    "half, no latent_avg": lambda base, folder: rosinality(base, folder, mean=False, dtype=torch.float16),
    "another clamp": lambda base, _: changed(base, lambda key, value, noise: value, conv_clamp=256.0),
    "another mean": lambda base, _: changed(base, lambda key, v, noise: noise if key.endswith("w_avg") else v),
}
RELATIVES = {
    "convolutions (PTI)": convolutions(0.05),
    "convolutions (JoJoGAN)": convolutions(0.5),
    "all of the synthesis (NADA)": lambda key, v, noise: v + 0.2 * noise if "synthesis" in key and v.ndim > 1 else v,
    "a little of everything": lambda key, v, noise: v + 0.1 * noise * v.std() if v.ndim > 1 else v,
}


@pytest.mark.parametrize("name", VARIANTS)
def test_files_of_one_generator_take_each_others_directions(base, tmp_path, name):
    variant = VARIANTS[name](base, tmp_path)
    there, back = make(base), make(variant)
    assert base.id.kinship(variant.id) is Kinship.SAME
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        there.check_generator(variant)
        back.check_generator(base)


@pytest.mark.parametrize("name", RELATIVES)
def test_relatives_take_directions_with_a_warning(base, name):
    tuned = changed(base, RELATIVES[name])
    assert base.id.kinship(tuned.id) is tuned.id.kinship(base.id) is Kinship.RELATIVE
    with pytest.warns(EclipsedWarning) as caught:
        make(base).check_generator(tuned)
    assert [str(one.message) for one in caught] == [
        "the generator 'tuned' is a fine-tuned relative of 'base': what was made on one is applied to the other, but "
        "may look different"
    ]


FOREIGN = {
    "other weights": lambda base: Generator(CONFIG, random_generator(CONFIG, 9), device="cpu", name="tuned"),
    "another mapping": lambda base: changed(base, lambda key, v, noise: 100 * noise if "fc" in key else v),
    "other affines": lambda base: changed(base, lambda key, v, noise: noise if "affine" in key else v),
    "another size": lambda base: Generator(
        replace(CONFIG, resolution=8, channels=CONFIG.channels[:2]),
        random_generator(replace(CONFIG, resolution=8, channels=CONFIG.channels[:2])),
        device="cpu",
        name="tuned",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_generators_do_not(base, name):
    other = FOREIGN[name](base)
    assert base.id.kinship(other.id) is Kinship.FOREIGN
    with pytest.raises(DirectionError) as caught:
        make(base).check_generator(other)
    assert str(caught.value) == (
        f"direction 'blond-hair' was trained on the generator 'base' ({base.fingerprint[:12]}); got 'tuned' "
        f"({other.fingerprint[:12]}): load the model set it belongs to, or train it again (any_generator=True or "
        "--any-generator takes it as it is)"
    )


def test_thirty_strangers_are_strangers(tmp_path):
    ids = [Generator.from_file(make_generator(tmp_path / "g", seed=seed), device="cpu").id for seed in range(8)]
    assert {a.kinship(b) for a in ids for b in ids if a is not b} == {Kinship.FOREIGN}


def test_where_there_is_no_sketch_only_the_very_generator_will_do(base, tmp_path):
    old = replace(make(base), generator_sketch="")
    old.check_generator(base)
    with pytest.raises(DirectionError, match="was trained on the generator 'base'"):
        old.check_generator(half(base, tmp_path))


def test_the_sketch_beside_another_fingerprint_says_nothing(base):
    with pytest.raises(DirectionError, match="was trained on the generator 'base'"):
        replace(make(base), generator="1" * 64).check_generator(base)


@pytest.mark.parametrize("sketch", ["x", "0:AAAA", "0:" + "A" * 200_000, "no-base64:!!", 5, None])
def test_a_damaged_sketch(base, sketch):
    with pytest.raises(InputError, match=r"sketch (is damaged|must be a text)"):
        GeneratorId(fingerprint="0", sketch=sketch)
    assert kinship_with(base.id, "0", sketch) is Kinship.FOREIGN


def test_the_sketch_travels_in_files(base, tmp_path):
    direction = Direction.load(make(base).save(tmp_path / "d.safetensors"))
    assert direction.made_on == base.id
    stack = Stack().added(direction)
    assert Stack.from_json(stack.to_json()).made_on == base.id
    assert stack.added(make(half(base, tmp_path))).made_on.name == "half"
    with pytest.raises(InputError, match="this stack edits faces of the generator 'base'; the direction"):
        stack.added(make(FOREIGN["other weights"](base)))


def test_it_is_made_once_and_takes_no_random_numbers(base, monkeypatch):
    fresh = Generator(base.config, base.network.state_dict(), device="cpu")
    before = torch.random.get_rng_state()
    assert fresh.sketch == base.sketch
    assert torch.equal(before, torch.random.get_rng_state())
    monkeypatch.setattr("eclipsed.pretrained.generator.sketch_of", None)
    assert fresh.sketch == base.sketch


def test_a_class_generator_has_one_too():
    config = replace(CONFIG, c_dim=3, z_dim=0)
    generator = Generator(config, random_generator(config), device="cpu")
    assert generator.id.kinship(GeneratorId(fingerprint="0", sketch="")) is Kinship.FOREIGN
    assert len(generator.sketch) > 100


# --- with a whole model set ---


@pytest.fixture(scope="module")
def tuned(editor):
    """An editor of a relative."""
    return Editor(changed(editor.generator, convolutions(0.1)), editor.parser, editor.clip)


@pytest.fixture(scope="module")
def stranger(editor, tmp_path_factory):
    """An editor of another generator."""
    path = make_generator(tmp_path_factory.mktemp("other") / "g.safetensors", seed=3)
    return Editor(Generator.from_file(path, device="cpu", name="stranger"), editor.parser, editor.clip)


def test_an_edit_on_a_relative_moves_latents_as_at_home(editor, tuned, direction):
    faces = tuned.sample(seeds=[1, 2])
    with pytest.warns(EclipsedWarning, match="a fine-tuned relative of 'stub'") as caught:
        edited = tuned.edit(faces, direction, 0.5)
    assert len(caught) == 1
    moved = editor.edit(editor.sample(ws=faces.ws), direction, 0.5)
    torch.testing.assert_close(edited.ws, moved.ws)


def test_a_stack_on_a_relative_and_on_a_stranger(tuned, stranger, direction):
    stack = Stack().added(direction)
    with pytest.warns(EclipsedWarning, match="fine-tuned relative") as caught:
        tuned.replay(tuned.sample(seeds=[1]), stack, directions=[direction])
    assert len(caught) == 1
    faces = stranger.sample(seeds=[1])
    with pytest.raises(DirectionError, match=r"takes it as it is\)$"):
        stranger.replay(faces, stack, directions=[direction])
    edited = stranger.replay(faces, stack, directions=[direction], any_generator=True)
    torch.testing.assert_close(edited.ws, stranger.edit(faces, direction, any_generator=True).ws)
    assert not torch.equal(edited.ws, faces.ws)


def test_a_stranger_is_asked_for_and_has_to_fit(base, editor, stranger, direction):
    faces = stranger.sample(seeds=[1])
    with pytest.raises(DirectionError, match="got 'stranger'"):
        stranger.edit(faces, direction)
    assert direction.bound_to(stranger.generator).made_on == stranger.generator.id
    with pytest.raises(DirectionError, match=r"does not fit its generator|has deltas of shape"):
        direction.bound_to(base)


def test_saved_faces(editor, tuned, stranger, tmp_path):
    mini = Editor.from_pretrained("mini", device="cpu").generator
    twin = half(changed(mini, lambda key, v, noise: v), tmp_path)
    relative = changed(mini, convolutions(0.1))
    path = OLD / "face-fast.safetensors"
    faces = load_faces(mini, path)
    from eclipsed.inversion.saving import save_faces

    new = save_faces(faces, mini, tmp_path / "new.face.safetensors")
    torch.testing.assert_close(load_faces(twin, new).ws, faces.ws)
    with pytest.raises(InputError, match=r"got 'tuned' .* invert the photo again .*takes it as it is\)$"):
        load_faces(relative, new)  # it draws another face
    torch.testing.assert_close(load_faces(relative, new, any_generator=True).ws, faces.ws)
    with pytest.raises(InputError, match=r"was inverted with the generator 'mini' \(.{12}\); got 'tuned'"):
        load_faces(relative, path)  # from before sketches were kept
    torch.testing.assert_close(load_faces(relative, path, any_generator=True).ws, faces.ws)
    with pytest.raises(InputError, match="do not fit its faces and the generator"):
        load_faces(stranger.generator, path, any_generator=True)


def test_a_training_goes_on_with_its_generator_in_another_file(editor, quick, tmp_path):
    state = tmp_path / "state.safetensors"
    editor.train("a person with blond hair", config=quick.replace(steps=2), state=state)
    twin = changed(editor.generator, lambda key, v, noise: v, conv_clamp=1000.0)
    again = Editor(twin, editor.parser, editor.clip).train("a person with blond hair", resume=state)
    assert again.made_on == twin.id
    tuned = Editor(changed(editor.generator, convolutions(0.1)), editor.parser, editor.clip)
    with pytest.raises(InputError, match="the saved training has the generator"):
        tuned.train("a person with blond hair", resume=state)


def test_shipped_directions_know_mini_in_every_dress(tmp_path):
    path = Path(__file__).parents[2] / "checkpoints" / "mini" / "generator.safetensors"
    config, state = read_generator(path)
    dressed = Generator(replace(config, conv_clamp=500.0), {k: v.bfloat16() for k, v in state.items()}, device="cpu")
    shipped = [entry for entry in library.entries() if entry.shipped]
    assert len(shipped) == 9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for entry in shipped:
            Direction.load(entry.path).check_generator(dressed)
