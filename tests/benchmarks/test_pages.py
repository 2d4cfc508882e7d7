"""What the benchmarks write into the documents."""

import pytest
from PIL import Image

from benchmarks.pages import save_picture, write_between


def test_what_stands_between_marks_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- x:start -->\nold\n<!-- x:end -->\nbelow\n")
    write_between(page, "x", "new")
    assert page.read_text() == "above\n<!-- x:start -->\nnew\n<!-- x:end -->\nbelow\n"
    with pytest.raises(ValueError, match="marks"):
        write_between(page, "y", "new")


def test_a_picture_of_the_documents_is_small_and_close(tmp_path):
    picture = Image.radial_gradient("L").convert("RGBA")
    place = save_picture(picture, tmp_path / "x.webp")
    with Image.open(place) as found:
        assert (found.format, found.mode, found.size) == ("WEBP", "RGB", (256, 256))
        assert abs(found.convert("L").getpixel((128, 200)) - picture.convert("L").getpixel((128, 200))) <= 4
    assert place.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r"WebP; .*x\.png"):
        save_picture(picture, tmp_path / "x.png")
