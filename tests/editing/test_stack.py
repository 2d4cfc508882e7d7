"""The edit stack as data and as JSON, and that replaying it gives the pictures that single edits give."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from eclipsed.commands import cli
from eclipsed.editing.replay import find, first_row, replay, steps_of
from eclipsed.editing.stack import MOST_EDITS, Stack, StackEntry
from eclipsed.errors import DirectionError, InputError, MissingModelError
from eclipsed.store import library
from eclipsed.values.mask import KEPT_SIDE, Mask


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def other(editor, quick):
    """A second direction, in other rows."""
    return editor.train("a person with glasses", config=quick.replace(layers=(4, 5, 6), seed=3))


@pytest.fixture
def look(direction, other):
    return Stack(seed=7).added(direction, alpha=0.7, layers="fine").added(other, alpha=-0.5, blend="pixels")


def keep(*directions):
    for one in directions:
        one.save(library.kept_path(one.name))


# ---- data


def test_a_stack_comes_back_from_json_as_it_was(look, tmp_path):
    assert Stack.from_json(json.loads(json.dumps(look.to_json()))) == look
    assert Stack.load(look.save(tmp_path / "stack.json")) == look


def circle(side=64):
    rows, columns = np.mgrid[:side, :side] / side - 0.4
    return Mask(rows**2 + columns**2 < 0.06)


def test_a_painted_mask_comes_back_as_it_was_and_is_written_only_where_there_is_one(look, tmp_path):
    masked = look.changed(1, mask=circle())
    assert Stack.load(masked.save(tmp_path / "stack.json")) == masked
    assert [sorted(edit) for edit in masked.to_json()["edits"]] == [
        ["alpha", "blend", "digest", "direction", "layers", "on", "prompt"],
        ["alpha", "blend", "digest", "direction", "layers", "mask", "on", "prompt"],
    ]
    assert masked.changed(1, mask=None) == look
    assert masked.entries[1] != look.changed(1, mask=circle(32)).entries[1]
    large = look.changed(1, mask=circle(600)).entries[1].mask
    assert large == circle(600).kept()
    assert large.side == KEPT_SIDE


@pytest.mark.parametrize(
    ("index", "mask", "message"),
    [
        (0, circle(), 'a mask holds blended edits; give the edit the blend "pixels", "features" or "styles"'),
        (1, "mask.png", "an edit of a stack has one mask for all faces; read it with eclipsed.read_mask"),
        (1, Mask(np.stack([circle().inside[0]] * 2)), "an edit of a stack has one mask for all faces"),
    ],
)
def test_a_mask_that_a_stack_cannot_hold_is_refused(look, index, mask, message):
    with pytest.raises(InputError, match=message):
        look.changed(index, mask=mask)


def test_a_damaged_mask_of_a_stack_file_is_refused(look):
    data = look.changed(1, mask=circle()).to_json()
    for mask, message in (
        ("all", "a kept mask has a side and bits"),
        ({"side": 64, "bits": "AAAA"}, "the bits of the mask are damaged"),
        ({"side": 65, "bits": data["edits"][1]["mask"]["bits"]}, "a mask of 65 pixels a side has 529 bytes; got 512"),
    ):
        data["edits"][1]["mask"] = mask
        with pytest.raises(InputError, match=message):
            Stack.from_json(data)


def test_a_full_stack_of_masks_that_are_nothing_but_specks_is_a_file_that_can_be_read(direction, tmp_path):
    specks = Mask(np.random.default_rng(0).random((KEPT_SIDE, KEPT_SIDE)) < 0.5)
    full = Stack()
    for _ in range(MOST_EDITS):
        full = full.added(direction, blend="pixels", mask=specks)
    assert Stack.load(full.save(tmp_path / "stack.json")) == full


def test_each_change_gives_a_new_stack(look):
    before = look.to_json()
    assert look.changed(0, alpha=0.25, on=False).entries[0].alpha == 0.25
    assert [e.direction for e in look.moved(1, 0).entries] == [e.direction for e in look.entries][::-1]
    assert look.removed(0).entries == look.entries[1:]
    assert look.to_json() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 1"),
        ({"kind": "direction"}, "expected an edit stack"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"edits": {}}, "edits must be a list"),
        ({"face": {"seed": -1}}, "whole number"),
        ({"face": {"seed": True}}, "whole number"),
        ({"face": {"seed": 1, "truncation_psi": 9}}, "truncation_psi"),
        ({"generator": {"fingerprint": "../x"}}, "hex digits"),
    ],
)
def test_a_stack_with_something_wrong_is_refused(look, change, message):
    with pytest.raises(InputError, match=message):
        Stack.from_json({**look.to_json(), **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": "../../etc/passwd"}, "without a path"),
        ({"direction": "/etc/passwd"}, "without a path"),
        ({"direction": "C:\\x"}, "without a path"),
        ({"direction": "a/.hidden"}, "without a path"),
        ({"direction": ""}, "short text"),
        ({"digest": "abc"}, "64 hex digits"),
        ({"alpha": float("nan")}, "finite"),
        ({"alpha": 10**6}, "from -1000 to 1000"),
        ({"alpha": True}, "finite"),
        ({"on": 1}, "true or false"),
        ({"layers": "nothing"}, "layers must be"),
        ({"layers": [None]}, "row numbers"),
        ({"layers": []}, "layers must be"),
        ({"blend": "soft"}, 'must be "pixels"'),
        ({"evil": 1}, "unknown key"),
    ],
)
def test_an_edit_with_something_wrong_is_refused(look, change, message):
    data = look.to_json()
    data["edits"][0].update(change)
    with pytest.raises(InputError, match=message):
        Stack.from_json(data)


def test_what_is_no_stack_at_all(tmp_path):
    for text, message in (
        ("[]", "JSON object"),
        ("{", "not JSON"),
        ("[" * 100_000, "JSON"),
        (" " * 600_000, "at most"),
    ):
        with pytest.raises(InputError, match=message):
            Stack.from_text(text)
    with pytest.raises(MissingModelError, match="no stack file"):
        Stack.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"bad\.json"):
        Stack.load(tmp_path / "bad.json")


def test_a_full_stack_takes_no_more(direction):
    full = Stack()
    for _ in range(MOST_EDITS):
        full = full.added(direction)
    with pytest.raises(InputError, match="remove one first"):
        full.added(direction)


def test_the_digest_is_of_what_a_direction_does(direction):
    assert dataclasses.replace(direction, name="else", scores={}).digest == direction.digest
    assert dataclasses.replace(direction, scale=2.0).digest != direction.digest
    assert dataclasses.replace(direction, deltas=direction.deltas * 1.001).digest != direction.digest


# ---- replay


def test_a_replay_is_the_same_picture_as_single_edits(editor, direction, other, look):
    keep(direction, other)
    faces = editor.sample(seeds=[7])
    rows = (4, 5, 6, 7)
    by_hand = editor.edit(editor.edit(faces, direction, 0.7, layers=rows), other, -0.5, blend="pixels")
    replayed = editor.edit(faces, look)
    assert torch.equal(replayed.images, by_hand.images)
    assert torch.equal(replayed.ws, by_hand.ws)
    assert not torch.equal(replayed.images, faces.images)


@pytest.mark.parametrize("blend", [None, "pixels", "features"])
def test_what_is_drawn_once_gives_the_same_bits(editor, other, blend):
    faces = editor.sample(seeds=[5])
    look = Stack().added(other, alpha=1.0, blend=blend)
    steps = steps_of(look, editor.generator, find=lambda entry: other)
    row = first_row(steps, editor.generator)
    assert row == 4
    prefix = faces.latent.prefix(editor.generator, row)
    whole = replay(editor.generator, lambda: editor.parser, faces, steps)
    again = replay(editor.generator, lambda: editor.parser, faces, steps, prefix=prefix)
    assert torch.equal(again.images, whole.images)


@pytest.mark.parametrize("blend", ["pixels", "features", "styles"])
def test_a_stack_with_a_mask_draws_what_an_edit_within_that_mask_draws(editor, direction, other, blend):
    faces, mask = editor.sample(seeds=[7, 2]), circle(32)
    look = Stack().added(direction).added(other, alpha=-1.0, blend=blend, mask=mask)
    steps = steps_of(look, editor.generator, find=lambda e: {direction.digest: direction}.get(e.digest, other))
    drawn = replay(editor.generator, lambda: pytest.fail("the parser was asked"), faces, steps)
    one = editor.edit(faces, direction)
    two = editor.edit(one, other, -1.0, blend=blend, mask=mask)
    assert torch.equal(drawn.images, two.images)
    outside = torch.from_numpy(~mask.inside).expand(2, 3, -1, -1)
    assert torch.equal(drawn.images[outside], one.images[outside])
    assert not torch.equal(drawn.images, one.images)
    assert drawn.edits[-1].mask == mask
    assert drawn.edits[-1].parts == ()


def test_edits_that_are_off_or_zero_leave_the_picture(editor, direction):
    faces = editor.sample(seeds=[3])
    look = Stack().added(direction, on=False).added(direction, alpha=0.0)
    assert editor.replay(faces, look, directions=[direction]).images is faces.images


def test_the_order_counts_where_pixels_are_blended(editor, direction, other):
    faces = editor.sample(seeds=[7])
    one = Stack().added(direction).added(other, blend="pixels")
    given = [direction, other]
    assert not torch.equal(
        editor.replay(faces, one, directions=given).images,
        editor.replay(faces, one.moved(1, 0), directions=given).images,
    )


def test_a_direction_is_found_by_what_it_is_under_any_name(direction):
    direction.save(library.kept_path("another name"))
    entry = StackEntry(direction="blond-hair", digest=direction.digest, prompt=direction.prompt)
    assert find(entry).digest == direction.digest


def test_a_direction_of_the_same_name_is_not_taken_for_another(editor, direction, look):
    keep(dataclasses.replace(direction, scale=3.0))
    with pytest.raises(MissingModelError, match="another direction has that name"):
        editor.replay(editor.sample(seeds=[1]), look)


def test_a_stack_of_another_generator(editor, direction):
    look = dataclasses.replace(Stack().added(direction), generator="0" * 64)
    with pytest.raises(DirectionError, match="load the model set it belongs to"):
        editor.replay(editor.sample(seeds=[1]), look, directions=[direction])


def test_a_stack_says_all_the_rest_itself(editor, look):
    with pytest.raises(InputError, match="holds its own alphas"):
        editor.edit(editor.sample(seeds=[1]), look, 0.5)


# ---- the command


def test_the_command_writes_the_picture_of_the_replay(editor, model_set, direction, other, look, tmp_path, capsys):
    keep(direction, other)
    path = look.save(tmp_path / "stack.json")
    words = [
        "edit",
        "--stack",
        str(path),
        "--models",
        str(model_set),
        "--out",
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    assert cli.run(words) == 0
    before, after = capsys.readouterr().out.split()
    from PIL import Image, ImageChops

    expected = editor.edit(editor.sample(seeds=[7]), look).pil()[0]
    assert ImageChops.difference(Image.open(after), expected).getbbox() is None
    assert ImageChops.difference(Image.open(before), expected).getbbox() is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "o"], "expected a direction"),
        (["--stack", "S", "--out", "o", "--alpha", "2"], "holds its own alphas"),
        (["--stack", "none.json", "--out", "o"], "no stack file"),
        (["blond-hair", "--out", "o"], "expected --seeds"),
    ],
)
def test_the_command_says_what_is_missing(words, message, look, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    look.save("stack.json")
    assert cli.run(["edit", *("stack.json" if word == "S" else word for word in words)]) == 1
    assert message in capsys.readouterr().err
