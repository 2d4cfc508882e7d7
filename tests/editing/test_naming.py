"""Names of pictures: another edit has another name, and no picture is lost under one."""

import os
import warnings

import numpy as np
import pytest
from directions_kit import make
from PIL import Image

from eclipsed.editing.faces import Edit
from eclipsed.editing.naming import picture_name
from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.files.atomic import atomic_write
from eclipsed.files.names import cut, fitting, plain
from eclipsed.images.pictures import save_beside
from eclipsed.latents.direction import short_name
from eclipsed.values.alphas import parse_alpha, parse_alphas


@pytest.mark.parametrize(
    ("edits", "psi", "name"),
    [
        ([], None, "seed0007.png"),
        ([], 0.5, "seed0007_psi0.5.png"),
        ([], 1.0, "seed0007_psi1.png"),
        ([], 0.12345678, "seed0007_psi0.12345678.png"),
        ([("hat", 1.0)], None, "seed0007_hat_a+1.00.png"),
        ([("hat", 0.125)], None, "seed0007_hat_a+0.125.png"),
        ([("hat", 0.1249)], None, "seed0007_hat_a+0.1249.png"),
        ([("hat", 1 / 3)], None, "seed0007_hat_a+0.3333333333333333.png"),
        ([("hat", -1e-7)], None, "seed0007_hat_a-1e-07.png"),
        ([("hat", -0.0)], None, "seed0007_hat_a+0.00.png"),
        ([("hat", (0.5,))], None, "seed0007_hat_a+0.50.png"),
        ([("hat", 1.0, (4, 5, 6, 9))], 0.7, "seed0007_hat_a+1.00_l4-6,9_psi0.7.png"),
        ([("hat", 1.0, ("b8.conv1", 3))], None, "seed0007_hat_a+1.00_l3,b8.conv1.png"),
        ([("hat", 1.0, None, "pixels")], None, "seed0007_hat_a+1.00_pixels.png"),
        (
            [("hat", 1.0, (4,), "features"), ("smile", 1.0)],
            0.7,
            "seed0007_hat_a+1.00_l4_features_smile_a+1.00_psi0.7.png",
        ),
        ([("hat", 1.0), ("smile", -0.5)], None, "seed0007_hat_a+1.00_smile_a-0.50.png"),
        ([("../../etc/x: *?", 1.0)], None, "seed0007_etc-x_a+1.00.png"),
    ],
)
def test_a_name_says_the_edit(edits, psi, name):
    made = [
        Edit(one[0], "a prompt", one[1], one[2] if len(one) > 2 else None, blend=one[3] if len(one) > 3 else None)
        for one in edits
    ]
    assert picture_name("seed 7", made, psi) == name


@pytest.mark.parametrize("letter", ["x", "é", "髪", "\U00020000"])
def test_names_are_short_enough_and_still_differ(letter, tmp_path):
    long = [
        [Edit(letter * 60, "", alpha) for alpha in (*np.linspace(-1, 1, 40).tolist(), last)] for last in (0.25, 0.5)
    ]
    names = {picture_name("seed 7", edits) for edits in long}
    assert len(names) == 2
    for name in names:
        assert len(name.encode()) <= 140
        assert name.startswith("seed0007_")
        assert name.endswith(".png")
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    assert len((short_name(letter * 300) + ".face.safetensors").encode()) < 140


def test_names_at_the_file_systems_limit_can_be_written(tmp_path):
    for name in ("髪" * 80 + ".png", "x" * 255, "x." + "y" * 253, "é." + "é" * 126):
        assert len(name.encode()) <= 255
        assert atomic_write(tmp_path / name, lambda place: place.write_bytes(b"1")).read_bytes() == b"1"


def test_parts_of_names():
    assert fitting("short", ".png") == "short.png"
    assert fitting("x" * 136, ".png") == "x" * 136 + ".png"
    assert fitting("x" * 137, ".png") == "x" * 127 + "-bc8511c3.png"
    assert cut("aé", 2) == "a"
    assert plain("a/b\\c d\0") == "a-b-c-d"


def test_another_picture_is_never_overwritten(editor, tmp_path):
    direction = make(editor.generator, scale=0.5)
    faces = editor.sample(seeds=[1])
    (first,) = editor.edit(faces, direction, 0.5).save(tmp_path)
    (again,) = editor.edit(faces, direction, 0.5).save(tmp_path)
    assert first == again == tmp_path / "seed0001_blond-hair_a+0.50.png"
    was = first.read_bytes()
    other = make(editor.generator, "S", scale=0.5)
    for _ in range(2):
        with pytest.warns(EclipsedWarning) as caught:
            (beside,) = editor.edit(faces, other, 0.5).save(tmp_path)
        assert str(caught[0].message) == (
            f"{first} is another picture, which stays; the new one is seed0001_blond-hair_a+0.50-2.png"
        )
        assert beside == tmp_path / "seed0001_blond-hair_a+0.50-2.png"
    assert first.read_bytes() == was
    assert not np.array_equal(np.asarray(Image.open(first)), np.asarray(Image.open(beside)))
    for alpha in (0.501, 0.502):
        editor.edit(faces, direction, alpha).save(tmp_path)
    psis = [editor.sample(seeds=1, truncation_psi=psi).save(tmp_path)[0].name for psi in (0.5, 0.25)]
    assert psis == ["seed0001_psi0.5.png", "seed0001_psi0.25.png"]
    assert faces.save(tmp_path)[0].name == "seed0001.png"
    assert len(os.listdir(tmp_path)) == 7


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_stays_too(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.warns(EclipsedWarning, match=r"the new one is a-2\.png"):
        assert save_beside(Image.new("RGB", (4, 4)), tmp_path / "a.png") == tmp_path / "a-2.png"
    assert (tmp_path / "a.png").read_bytes() == content
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_beside(Image.new("RGB", (4, 4)), tmp_path / "b.png")


# --- decimal commas


@pytest.mark.parametrize(
    ("text", "directions", "message"),
    [
        ("0,5", 1, "alpha must be one number, or one for each of the 1 directions; got 0,5: "
         "a fraction has a point, 0.5"),
        ("-1,25", 2, "alpha -1,25 may be one number or two: write -1.25 with a point, or -1.0,25.0 for two directions"),
        (" 0,5 ", 2, "alpha 0,5 may be one number or two: write 0.5 with a point, or 0.0,5.0 for two directions"),
        ("-0,5,1.0", 2, "alpha must be numbers with a decimal point, such as -0.5; got '-0,5,1.0'"),
        ("", 1, "alpha must be finite numbers such as -1,0,0.5; got ''"),
    ],
)  # fmt: skip
def test_a_decimal_comma_is_not_two_numbers(text, directions, message):
    with pytest.raises(InputError) as caught:
        parse_alpha(text, directions=directions)
    assert str(caught.value) == message


def test_lists_of_strengths_are_read_as_before():
    assert parse_alpha("0.5", directions=1) == (0.5,)
    assert parse_alpha("1.0,-0.5", directions=2) == (1.0, -0.5)
    assert parse_alpha("0,-5", directions=2) == (0.0, -5.0)
    assert parse_alpha("0,1,2", directions=3) == (0.0, 1.0, 2.0)
    assert parse_alphas("-1,0,1") == (-1.0, 0.0, 1.0)
    assert parse_alphas("0,5") == (0.0, 5.0)
    with pytest.raises(InputError, match="a decimal point"):
        parse_alphas("-0,5,0,0,5")


def test_the_terminal_says_when_a_picture_is_replaced(model_set, tmp_path, monkeypatch, capsys):
    from eclipsed.commands import cli

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (32, 32)).save("me.png")
    assert cli.run(["photo", "me.png", "blond-hair", "--out", "./me.png", "--models", str(model_set)]) == 1
    said = capsys.readouterr().err
    assert said == "error: the result would replace me.png itself; give --out another name\n"
    assert cli.run(["strip", "no-such", "--seeds", "1", "--out", "me.png", "--models", str(model_set)]) == 1
    assert capsys.readouterr().err.startswith("note: me.png is there already and will be replaced\n")
