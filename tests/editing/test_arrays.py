"""Doors take numbers as people have them; strengths of single faces; directions by name; faces of any origin saved."""

import json
import re

import numpy as np
import pytest
import torch
from directions_kit import make
from torch.testing import assert_close

import eclipsed
from eclipsed.errors import EclipsedWarning, InputError, MissingModelError
from eclipsed.files import header
from eclipsed.files.kinds import FACES
from eclipsed.latents.direction import Direction
from eclipsed.latents.latent import Latent
from eclipsed.values.alphas import check_alpha, check_ladder, check_strengths
from eclipsed.values.seeds import check_seeds


@pytest.fixture(scope="module")
def faces(editor):
    return editor.sample(seeds=[3, 1, 2])


@pytest.fixture(scope="module")
def plus(editor):
    return make(editor.generator, "W+", scale=0.5)


# --- ws and latents

FORMS = {
    "a tensor": lambda ws: ws,
    "a tensor with a gradient": lambda ws: ws.clone().requires_grad_(),
    "doubles": lambda ws: ws.double(),
    "an array": lambda ws: ws.numpy(),
    "an array of doubles": lambda ws: ws.double().numpy(),
    "an array of the other byte order": lambda ws: ws.numpy().astype(">f8"),
    "an array in columns": lambda ws: np.asfortranarray(ws.numpy()),
    "an array that runs backwards": lambda ws: ws.numpy()[::-1].copy()[::-1],
    "a read-only array": lambda ws: np.broadcast_to(ws.numpy(), ws.shape),
    "lists": lambda ws: ws.tolist(),
    "a list of arrays": lambda ws: list(ws.numpy()),
    "a list of tensors": list,
    "a tuple of tensors with gradients": lambda ws: tuple(w.clone().requires_grad_() for w in ws),
}


@pytest.mark.parametrize("form", FORMS)
def test_ws_come_in_any_form(editor, faces, form):
    given = FORMS[form](faces.ws.clone())
    found = editor.sample(ws=given)
    assert torch.equal(found.ws, faces.ws)
    assert not found.ws.requires_grad
    assert_close(found.images, faces.images, rtol=1e-4, atol=1e-4)
    assert torch.equal(Latent.of_ws(editor.generator, given).ws, faces.ws)
    drawn = editor.generator.synthesis(given).image
    assert_close(drawn.detach(), faces.images, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 16), (2, 1, 16), (1, 16), (16,)])
def test_w_is_for_all_rows(editor, shape):
    w = np.random.RandomState(0).randn(*shape)
    found = editor.sample(ws=w).ws
    assert found.shape == (w.size // 16, 8, 16)
    assert_close(found, torch.from_numpy(w.astype(np.float32)).reshape(-1, 1, 16).expand(-1, 8, 16))


@pytest.mark.parametrize(
    ("ws", "message"),
    [
        (np.zeros((8, 16)), "ws of the shape (8, 16) may be the rows of one face or w of 8 faces; give (1, 8, 16) or "
         "(8, 1, 16)"),
        (np.zeros((2, 15)), "w must have the shape (N, 16) and ws the shape (N, 8, 16); got (2, 15)"),
        (np.zeros((1, 7, 16)), "w must have the shape (N, 16) and ws the shape (N, 8, 16); got (1, 7, 16)"),
        (np.zeros((0, 8, 16)), "w must have the shape (N, 16) and ws the shape (N, 8, 16); got (0, 8, 16)"),
        ([], "w must have the shape (N, 16) and ws the shape (N, 8, 16); got (0,)"),
        (3.5, "w must have the shape (N, 16) and ws the shape (N, 8, 16); got ()"),
        (b"blond", "ws must be a tensor of shape (N, 8, 16); got bytes"),
        ({"w": 1}, "ws must be a tensor of shape (N, 8, 16); got dict"),
        (object(), "ws must be a tensor of shape (N, 8, 16); got object"),
        (["a", "b"], "ws must be a tensor of shape (N, 8, 16); got a list of other things than numbers"),
        (np.array([None]), "ws must be a tensor of shape (N, 8, 16); got an array of object"),
        ([[1.0], [1.0, 2.0]], "ws must be a tensor of shape (N, 8, 16); got a list whose rows are not of one length"),
        ([torch.zeros(2), torch.zeros(3)],
         "ws must be a tensor of shape (N, 8, 16); got a list of tensors of the shapes (2,), (3,)"),
        (np.zeros((1, 8, 16), complex), "ws must be finite floats"),
        (np.zeros((1, 8, 16), bool), "ws must be finite floats"),
        (np.zeros((1, 8, 16), np.uint16), "ws must be finite floats"),
        (np.full((1, 8, 16), 1e300), "ws must be finite floats"),
    ],
)  # fmt: skip
def test_what_is_no_ws_ends_in_a_sentence(editor, ws, message):
    with pytest.raises(InputError) as caught:
        editor.sample(ws=ws)
    assert str(caught.value) == message
    with pytest.raises(InputError) as caught:
        editor.train("a person with blond hair", latents=ws)
    assert str(caught.value) == re.sub("^ws ", "latents ", message)


@pytest.mark.parametrize("form", ["an array", "lists"])
def test_training_takes_latents_in_any_form(editor, faces, quick, form):
    prompt = "a person with blond hair"
    wanted = editor.train(prompt, config=quick, latents=faces)
    assert torch.equal(editor.train(prompt, config=quick, latents=FORMS[form](faces.ws)).deltas, wanted.deltas)
    assert torch.equal(editor.train(prompt, config=quick, latents=Latent(faces.ws)).deltas, wanted.deltas)


def test_a_delta_comes_in_any_form(editor, plus):
    for form in FORMS.values():
        found = Direction.of(editor.generator, form(plus.deltas[0]), method="by hand", region=plus.region)
        assert torch.equal(found.deltas, plus.deltas)
    with pytest.raises(InputError, match=r"a delta must be a tensor of shape \(8, 16\); got str"):
        Direction.of(editor.generator, "blond", method="by hand", region=plus.region)


def test_z_and_seeds_of_the_generator(editor):
    z = editor.generator.z(np.array([1, 2]))
    assert torch.equal(z, editor.generator.z([1, 2]))
    assert torch.equal(editor.generator.z(torch.tensor(2)), z[1:])
    assert torch.equal(editor.generator.mapping(z.numpy()), editor.generator.mapping(z))
    assert torch.equal(editor.generator.mapping(z.tolist()), editor.generator.mapping(z))


# --- seeds


@pytest.mark.parametrize(
    "seeds",
    [
        np.array([3, 1, 2]),
        np.array([3, 1, 2], np.uint8),
        torch.tensor([3, 1, 2]),
        (3, 1, 2),
        [np.int32(3), torch.tensor(1), 2],
        iter([3, 1, 2]),
        {3: "a", 1: "b", 2: "c"}.keys(),
    ],
)
def test_seeds_come_in_any_form(editor, faces, seeds):
    found = editor.sample(seeds=seeds)
    assert found.seeds == (3, 1, 2)
    assert all(type(seed) is int for seed in found.seeds)
    assert torch.equal(found.images, faces.images)


@pytest.mark.parametrize("seed", [7, np.int64(7), np.array(7), torch.tensor(7)])
def test_one_seed(seed):
    assert check_seeds(seed) == (7,)


@pytest.mark.parametrize(
    ("seeds", "got"),
    [
        (np.array([1.0]), "np.float64(1.0)"),
        (np.array([True]), "np.True_"),
        (torch.tensor([True]), "tensor(True)"),
        (torch.tensor([1.0]), "tensor(1.)"),
        (np.zeros((2, 2), int), "array([0, 0])"),
        (torch.zeros(2, 2, dtype=torch.int64), "tensor([0, 0])"),
        ([[1, 2]], "[1, 2]"),
        ([None], "None"),
        (object, "<class 'object'>"),
        ([np.arange(3)], "array([0, 1, 2])"),
    ],
)
def test_what_is_no_seed_ends_in_one_line(editor, seeds, got):
    with pytest.raises(InputError) as caught:
        editor.sample(seeds=seeds)
    assert str(caught.value) == f"a seed must be a whole number from 0 to 4294967295; got {got}"


# --- alphas


def test_one_alpha_for_each_face(editor, faces, plus):
    for alphas in ([0.5, -1.0, 0.25], np.array([0.5, -1.0, 0.25]), torch.tensor([[0.5], [-1.0], [0.25]])):
        edited = editor.edit(faces, plus, alphas)
        assert edited.edits[0].alpha == (0.5, -1.0, 0.25)
        for index, alpha in enumerate((0.5, -1.0, 0.25)):
            alone = editor.edit(faces[index], plus, alpha)
            assert_close(edited.images[index : index + 1], alone.images, rtol=1e-4, atol=1e-4)
            assert edited[index].edits == alone.edits
    assert edited[1:].edits[0].alpha == (-1.0, 0.25)
    assert editor.edit(faces, plus, [0.5, 0.5, 0.5]).edits[0].alpha == 0.5
    assert edited.edits[0].strength == "\N{MINUS SIGN}1 … +0.5"
    assert len(set(edited.file_names)) == 3
    assert edited.strip().size[0] > faces.strip().size[0]


@pytest.mark.parametrize("space", ["Z", "W", "W+", "S"])
@pytest.mark.parametrize("blend", [None, "pixels", "features"])
def test_a_face_of_alpha_zero_stays_bit_for_bit(editor, faces, space, blend):
    direction = make(editor.generator, space, scale=0.5)
    edited = editor.edit(faces, direction, [0.5, 0.0, -0.5], blend=blend)
    assert torch.equal(edited.images[1], faces.images[1])
    assert torch.equal(edited.ws[1], faces.ws[1])
    assert not torch.equal(edited.images[0], faces.images[0])
    assert not torch.equal(edited.images[2], faces.images[2])


def test_a_table_of_alphas(editor, faces, plus):
    style = make(editor.generator, "S", scale=0.25, name="style")
    table = np.array([[0.5, 0.0], [0.0, 1.0], [-0.5, 1.0]])
    edited = editor.edit(faces, [plus, style], table)
    assert [edit.alpha for edit in edited.edits] == [(0.5, 0.0, -0.5), (0.0, 1.0, 1.0)]
    for index, row in enumerate(table):
        alone = editor.edit(faces[index], [plus, style], row)
        assert_close(edited.images[index : index + 1], alone.images, rtol=1e-4, atol=1e-4)


def test_one_of_the_faces_is_moved_too_far(editor, faces, plus):
    with pytest.warns(EclipsedWarning, match="alpha -3 is beyond the range") as caught:
        editor.edit(faces, plus, [0.5, -3.0, 1.5])
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("alpha", "directions", "message"),
    [
        ([1.0, 2.0], 1, "alpha must be one number, or one for each of the 3 faces; got 2"),
        ([1.0, 2.0, 3.0, 4.0], 2, "alpha must be one number, or one for each of the 2 directions; got 4"),
        ([1.0, 2.0, 3.0], 2, "alpha must be one number, or one for each of the 2 directions; got 3"),
        ([[1.0, 2.0]], 2, "alpha must have one row for each of the 3 faces; got 1"),
        (np.zeros((3, 3)), 2, "alpha must be one number, or one for each of the 2 directions; got 3"),
        ([[1.0], 2.0, 3.0], 1, "alpha must be numbers, or rows of numbers, not both; got 2.0"),
        (np.zeros((1, 1, 1)), 1, "alpha must be a finite number such as 1.0 or -0.5; got [0.0]"),
        (np.array([True]), 1, "alpha must be a finite number such as 1.0 or -0.5; got True"),
        (torch.tensor(float("nan")), 1, "alpha must be a finite number such as 1.0 or -0.5; got nan"),
        (torch.tensor(1j), 1, "alpha must be a finite number such as 1.0 or -0.5; got tensor(0.+1.j)"),
        ({"a": 1}, 1, "alpha must be a finite number such as 1.0 or -0.5; got {'a': 1}"),
        ([], 1, "alpha must be one number, or one for each of the 3 faces; got 0"),
    ],
)
def test_alphas_that_fit_neither_faces_nor_directions(alpha, directions, message):
    with pytest.raises(InputError) as caught:
        check_strengths(alpha, directions=directions, faces=3)
    assert str(caught.value) == message


def test_a_list_of_as_many_alphas_as_directions_is_for_the_directions(editor, faces, plus):
    assert check_strengths([1.0, 2.0], directions=2, faces=2) == (1.0, 2.0)
    assert check_strengths([0.5], directions=1, faces=3) == (0.5,)
    assert check_strengths([[1.0, 2.0], [1.0, 3.0]], directions=2, faces=2) == (1.0, (2.0, 3.0))
    with pytest.raises(InputError, match="a finite number"):
        check_alpha(10**400)
    assert check_ladder(np.array([0.0, 1.0])) == check_ladder(iter([0, 1])) == check_ladder(torch.arange(2)) == (0, 1)
    for bad in ("0,1", 1.0, np.array(1.0), [], None):
        with pytest.raises(InputError, match="alphas must be a sequence of at least one strength"):
            check_ladder(bad)
    assert editor.strip(faces, plus, np.linspace(-1, 1, 3)).size == editor.strip(faces, plus, (-1, 0, 1)).size


# --- faces and directions


@pytest.mark.parametrize("wrong", [torch.zeros(1, 3, 32, 32), np.zeros(3), None, "face.png", [1, 2]])
def test_what_is_no_faces_ends_in_a_sentence(editor, plus, wrong, tmp_path):
    sentence = f"must be Faces, which sample, invert and edit give; got {type(wrong).__name__}"
    for call in (
        lambda: editor.edit(wrong, plus),
        lambda: editor.edit(wrong, plus, blend="pixels"),
        lambda: editor.strip(wrong, plus),
        lambda: editor.palette(wrong, plus, plus),
        lambda: editor.overlay(wrong),
        lambda: editor.sweep(wrong, plus, tmp_path / "a.gif"),
        lambda: editor.paste(wrong),
        lambda: editor.save_faces(wrong, tmp_path / "a.face.safetensors"),
        lambda: editor.replay(wrong, eclipsed.Stack()),
    ):
        with pytest.raises(InputError, match=sentence):
            call()


@pytest.fixture
def library(editor, plus, monkeypatch, tmp_path):
    """A library that has the direction in two sets."""
    from eclipsed.store import sets

    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    for folder in ("another", editor.name):
        make(editor.generator, scale=0.5 if folder == editor.name else 0.1, name="tan").save(
            sets.user_directions() / folder / "tan.safetensors"
        )
    return sets.user_directions()


def test_directions_are_known_by_name(editor, faces, library, tmp_path):
    mine = Direction.load(library / editor.name / "tan.safetensors")
    wanted = editor.edit(faces, mine, 0.5)
    path = mine.save(tmp_path / "file.safetensors")
    for name in ("tan", "Tan", f"{editor.name}/tan", path, str(path), mine):
        assert torch.equal(editor.edit(faces, name, 0.5).images, wanted.images)
    assert torch.equal(editor.edit(faces, ["tan", mine], [0.5, 0.0]).images, wanted.images)
    assert Direction.load("tan", models=editor.name).scale == mine.scale
    assert Direction.load("another/tan").scale == 0.1
    assert editor.strip(faces, "tan").tobytes() == editor.strip(faces, mine).tobytes()
    assert editor.palette(faces[0], "tan", path).tobytes() == editor.palette(faces[0], mine, mine).tobytes()
    for load in (Direction.load, lambda name: editor.edit(faces, name)):
        with pytest.raises(MissingModelError, match="no direction file 'tann' and none of that name; did you mean tan"):
            load("tann")
        with pytest.raises(MissingModelError, match=r"there is no direction file tan\.safetensors"):
            load("tan.safetensors")  # a file that is missing is no name
    with pytest.raises(InputError, match="a direction is loaded from its file or by its name; got 3"):
        Direction.load(3)


# --- saving


def test_faces_of_any_origin_are_saved(editor, faces, plus, tmp_path):
    z = make(editor.generator, "Z", scale=0.5)
    again = editor.load_faces(editor.save_faces(faces, tmp_path / "seeds.face.safetensors"))
    assert torch.equal(again.images, faces.images)
    assert again.seeds == (3, 1, 2)
    assert torch.equal(editor.edit(again, z, 0.5).images, editor.edit(faces, z, 0.5).images)
    by_ws = editor.sample(ws=faces.ws.numpy())
    again = editor.load_faces(editor.save_faces(by_ws, tmp_path / "ws.face.safetensors"))
    assert torch.equal(again.images, by_ws.images)
    assert again.seeds == ()
    assert again.latent.z is None
    with pytest.raises(InputError, match="save them before the edit"):
        editor.save_faces(editor.edit(faces, plus, 0.5), tmp_path / "edited.face.safetensors")
    with pytest.raises(InputError, match="only faces that were inverted from a photo can be put back"):
        editor.paste(again)


@pytest.mark.parametrize(
    ("changes", "tensors"),
    [
        ({"seeds": [1]}, {}),
        ({"seeds": [1, 2, -3]}, {}),
        ({"truncation_psi": "x"}, {}),
        ({"faces": []}, {}),
        ({"faces": 3}, {}),
        ({}, {"z": torch.zeros(3, 5)}),
        ({}, {"z": torch.full((3, 12), float("nan"))}),
        ({}, {"style.b4.conv9": torch.zeros(3, 8)}),
    ],
)
def test_files_of_faces_that_are_damaged(editor, faces, tmp_path, changes, tensors):
    path = editor.save_faces(faces, tmp_path / "a.face.safetensors")
    data, was = header.read(path, FACES)
    header.write(path, FACES, json.loads(json.dumps({**data, **changes})), {**was, **tensors})
    with pytest.raises(InputError, match="is damaged"):
        editor.load_faces(path)
