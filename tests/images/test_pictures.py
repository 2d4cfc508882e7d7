"""What is drawn: every face whole and in its place, captions that fit, files in the right format."""

import os
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from eclipsed.errors import InputError, MissingExtraError, OutputError
from eclipsed.images import lettering
from eclipsed.images.animation import save_animation
from eclipsed.images.conversion import to_pil
from eclipsed.images.pictures import captioned, grid, overlay, palette, save_picture, signed, strip
from eclipsed.values.extras import pip_line
from eclipsed.worlds.world import find_world

FACE = find_world("face")
SIDE = (10, 14)  # height, width: not square, so that swapped axes show


def plain(*values: int) -> torch.Tensor:
    """One face of a single red tone per value."""
    faces = torch.full((len(values), 3, *SIDE), -1.0)
    for face, value in zip(faces, values, strict=True):
        face[0] = value / 127.5 - 1
    return faces


def boxes(picture: Image.Image, *values: int) -> list[tuple[int, int, int, int]]:
    """(left, top, right, bottom) of each red tone; asserts that it fills its box, alone."""
    pixels = np.asarray(picture)
    found = []
    for value in values:
        rows, columns = np.nonzero((pixels == (value, 0, 0)).all(-1))
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert len(rows) == (box[2] - box[0]) * (box[3] - box[1]) == SIDE[0] * SIDE[1]
        found.append(tuple(map(int, box)))
    return found


def ink(picture: Image.Image, box: tuple[int, int, int, int]) -> int:
    """Number of pixels darker than paper in a box."""
    return int((np.asarray(picture.convert("L").crop(box)) < 200).sum())


def test_a_strip_holds_every_face_in_rows_and_columns():
    picture = strip([plain(100, 110, 120), plain(130, 140, 150)], scale=1)
    top = boxes(picture, 100, 110, 120)
    bottom = boxes(picture, 130, 140, 150)
    assert [box[0] for box in top] == [box[0] for box in bottom]  # columns line up
    assert top[0][2] < top[1][0] < top[1][2] < top[2][0]
    assert {box[1] for box in top} != {box[1] for box in bottom}
    assert top[0][3] < bottom[0][1]
    assert picture.mode == "RGB"


def test_captions_stand_above_columns_and_left_of_rows():
    rows = [torch.ones(3, 3, 60, 60), torch.ones(3, 3, 60, 60)]
    for row in rows:
        row[:, 1:] = -1  # red
    bare = strip(rows, scale=1)
    full = strip(rows, columns=["-1", "0", "+1"], labels=["seed 1", ""], title="blond hair", scale=1)
    rows_red, columns_red = np.nonzero((np.asarray(full) == (255, 0, 0)).all(-1))
    left, top = int(columns_red.min()), int(rows_red.min())
    assert full.width > bare.width
    assert full.height > bare.height
    assert ink(full, (left, 0, full.width, top)) > 20
    assert ink(full, (0, top, left, top + 60)) > 20  # "seed 1"
    assert ink(full, (0, top + 66, left, top + 120)) == 0  # the second row has no label


def test_small_faces_are_enlarged_by_whole_factors_and_large_ones_shrunk():
    for side, drawn in ((32, 192), (64, 192), (128, 256), (192, 192), (300, 300), (1024, 512)):
        (frame,) = captioned(torch.zeros(1, 3, side, side), [""])
        assert frame.width == drawn


def test_scale_one_keeps_every_pixel():
    faces = torch.rand(2, 3, 24, 30, generator=torch.Generator().manual_seed(0)) * 2 - 1
    picture = np.asarray(strip([faces], scale=1))
    face = np.asarray(to_pil(faces)[1])
    windows = np.lib.stride_tricks.sliding_window_view(picture, face.shape)[:, :, 0]
    assert (windows == face).all(axis=(-3, -2, -1)).sum() == 1


def test_a_grid_pairs_before_and_after():
    picture = grid(plain(100, 120, 140), plain(110, 130, 150), per_row=2, scale=1)
    one, one_after, two, two_after, three, three_after = boxes(picture, 100, 110, 120, 130, 140, 150)
    assert one[2] < one_after[0] < two[0] < two_after[0]
    assert one[1] == two_after[1] < three[1]
    assert three[0] == one[0]
    assert three_after[0] == one_after[0]


def test_a_palette_grows_downwards_and_to_the_right():
    values = [100, 105, 110, 120, 125, 130]
    picture = palette(plain(*values), (0, 1), (-1, 0, 1), ("hair", "mouth"), scale=1)
    found = boxes(picture, *values)
    assert len({box[1] for box in found[:3]}) == 1
    assert found[0][0] == found[3][0] < found[1][0] < found[2][0]
    assert found[0][1] < found[3][1]
    assert ink(picture, (0, found[0][1], found[0][0], picture.height)) > 0


def test_an_overlay_colours_the_named_parts_alone():
    faces = torch.zeros(1, 3, 20, 20)
    labels = torch.zeros(1, 20, 20, dtype=torch.int64)
    labels[0, :10] = FACE.label("hair")
    labels[0, 10:, :10] = FACE.label("skin")
    colours = [(0, 0, 0)] * len(FACE.parts)
    colours[FACE.label("hair")] = (255, 0, 0)
    pixels = np.asarray(overlay(faces, labels, ["hair"], colours=colours, scale=1))
    tinted = (np.abs(pixels.astype(int) - (198, 57, 57)).max(-1) <= 1).sum()  # 45 % of 127.5 and 55 % of red
    grey = (np.abs(pixels.astype(int) - 127.5).max(-1) <= 1).sum()
    assert tinted == 200
    assert grey >= 200
    both = np.asarray(overlay(faces, labels, colours=colours, scale=1))
    assert (np.abs(both.astype(int) - 57).max(-1) <= 1).sum() >= 100  # the skin too, when no part is named


def test_an_overlay_of_a_mask_weighs_by_it():
    faces, mask = torch.full((1, 3, 8, 8), -1.0), torch.zeros(1, 1, 8, 8)
    mask[..., :4], mask[..., 4:6] = 1, 0.5
    pixels = np.asarray(overlay(faces, mask, ["hair"], scale=1)).astype(int)
    red = 126  # of the hair's colour
    assert (np.abs(pixels[..., 0] - red * 0.55).round() <= 1).sum() >= 32
    assert (pixels.sum(-1) == 0).sum() >= 16


def test_the_legend_wraps_and_is_drawn():
    labels = torch.arange(19).reshape(1, 19, 1).expand(1, 19, 19)
    picture = overlay(torch.zeros(1, 3, 19, 19), labels, scale=4)
    few = overlay(torch.zeros(1, 3, 19, 19), labels, ["hair"], scale=4)
    assert picture.height > few.height
    assert picture.width == few.width


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "+1"), (-1, "−1"), (0, "0"), (-0.0, "0"), (0.5, "+0.5"), (-0.25, "−0.25"), (0.001, "0"), (10, "+10")],
)
def test_strengths_are_written_with_their_sign(value, text):
    assert signed(value) == text


def test_the_minus_sign_is_drawn_as_a_bar():
    page = Image.new("RGB", (40, 40), "white")
    lettering.draw(page, "−", lettering.load(24), (5, 0), anchor="left")
    rows, columns = np.nonzero(np.asarray(page.convert("L")) < 128)
    assert np.ptp(columns) > 3 * np.ptp(rows)
    assert len(rows) == (np.ptp(columns) + 1) * (np.ptp(rows) + 1)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Café “noir”", 'Cafe "noir"'),
        ("line\nbreak\ttab", "line break tab"),
        ("日本", "??"),
        ("−1 … +1", "−1 ... +1"),
        ("", ""),
    ],
)
def test_letters_that_the_font_lacks_are_replaced(text, drawn):
    assert lettering.printable(text) == drawn


def test_long_text_is_wrapped_then_cut():
    font = lettering.load(16)
    text = "a person with very long hair " * 20
    lines = lettering.wrap(text, font, 300)
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(0 < lettering.width(line, font) <= 300 for line in lines)
    assert lettering.wrap("short", font, 300) == ["short"]
    assert lettering.wrap("", font, 300) == []
    assert lettering.width(lettering.cut("W" * 500, font, 100), font) <= 100
    assert lettering.cut("W", font, 1) == ""


def test_a_title_of_any_length_does_not_widen_the_picture():
    faces = torch.zeros(1, 3, 32, 32)
    assert strip([faces], title="x" * 5000).width == strip([faces], title="x").width


def test_png_arrives_whole(tmp_path):
    faces = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    picture = to_pil(faces)[0]
    path = save_picture(picture, tmp_path / "new" / "a.PNG")
    with Image.open(path) as read:
        assert read.format == "PNG"
        assert np.array_equal(np.asarray(read), np.asarray(picture))
    assert os.listdir(path.parent) == ["a.PNG"]


@pytest.mark.parametrize(("name", "format"), [("a.jpg", "JPEG"), ("a.webp", "WEBP")])
def test_the_suffix_says_the_format(tmp_path, name, format):
    with Image.open(save_picture(Image.new("RGB", (9, 9)), tmp_path / name)) as read:
        assert read.format == format


def test_a_gif_plays_forwards_and_backwards(tmp_path):
    frames = [Image.new("RGB", (8, 6), (tone, 0, 0)) for tone in (0, 80, 160, 240)]
    path = save_animation(frames, tmp_path / "a.gif", fps=10)
    with Image.open(path) as film:
        tones = [frame.convert("RGB").getpixel((0, 0))[0] for frame in ImageSequence.Iterator(film)]
        assert film.info["loop"] == 0
        assert film.info["duration"] == 100
    assert np.abs(np.array(tones) - (0, 80, 160, 240, 160, 80)).max() <= 8
    save_animation(frames, path, bounce=False)
    with Image.open(path) as film:
        assert film.n_frames == 4


def test_an_mp4_has_the_frames(tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    frames = [Image.new("RGB", (65, 49), (tone, tone, tone)) for tone in (0, 120, 240)]  # odd sides are padded
    path = save_animation(frames, tmp_path / "a.mp4", fps=10, bounce=False)
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert count == 3
    assert seconds == pytest.approx(0.3, abs=0.05)


def test_mp4_without_ffmpeg_names_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    line = re.escape(f"MP4 needs ffmpeg: {pip_line(extra='video')}; or save a .gif instead")
    with pytest.raises(MissingExtraError, match=f"^{line}$"):
        save_animation([Image.new("RGB", (8, 8))], tmp_path / "a.mp4")
    assert os.listdir(tmp_path) == []


def test_error_messages(tmp_path):
    face = torch.zeros(1, 3, 8, 8)
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    for message, call in (
        ("at least one row of faces", lambda: strip([])),
        (r"one shape; got \(1, 3, 8, 8\) and \(2, 3, 8, 8\)", lambda: strip([face, face.repeat(2, 1, 1, 1)])),
        ("expected 1 captions, one per column; got 2", lambda: strip([face], columns=["a", "b"])),
        ("expected 1 captions, one per row; got 2", lambda: strip([face], labels=["a", "b"])),
        ("at least one face; got none", lambda: strip([torch.zeros(0, 3, 8, 8)])),
        ("scale must be a factor above 0, at most 64; got -1", lambda: strip([face], scale=-1)),
        ("before and after must have one shape", lambda: grid(face, torch.zeros(1, 3, 9, 8))),
        ("per_row must be at least 1; got 0", lambda: grid(face, face, per_row=0)),
        ("2 x 1 strengths need as many images; got 1", lambda: palette(face, (0, 1), (0,), ("a", "b"))),
        ("must have the shape", lambda: overlay(face, labels[:, :4])),
        ("the mask must have the shape", lambda: overlay(face, labels.float())),
        ("unknown part 'beak'", lambda: overlay(face, labels, ["beak"])),
        ("expected 19 colours", lambda: overlay(face, labels, colours=[(0, 0, 0)])),
        ("expected 1 captions, one per face; got 0", lambda: captioned(face, [])),
        ("end it in .png, .jpg, .jpeg or .webp", lambda: save_picture(Image.new("RGB", (1, 1)), tmp_path / "a.bmpx")),
        ("end it in .gif or .mp4", lambda: save_animation([Image.new("RGB", (1, 1))], tmp_path / "a.avi")),
        ("at least one frame", lambda: save_animation([], tmp_path / "a.gif")),
        ("must have one size", lambda: save_animation([Image.new("L", (1, s)) for s in (1, 2)], tmp_path / "a.gif")),
        ("fps must be above 0", lambda: save_animation([Image.new("L", (1, 1))], tmp_path / "a.gif", fps=float("nan"))),
    ):
        with pytest.raises(InputError, match=message):
            call()
    with pytest.raises(OutputError, match="it is a folder"):
        save_picture(Image.new("RGB", (1, 1)), _folder(tmp_path / "f.png"))
    assert os.listdir(tmp_path) == ["f.png"]


def _folder(path):
    path.mkdir()
    return path
