"""A page of pictures that one slider changes: its text, and what a browser makes of it."""

import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from benchmarks.studio_server import chromium
from eclipsed.errors import InputError
from eclipsed.images.slider_page import Film, slider_page

STOPS = ("−1 sd", "0 sd", "+1 sd")
COLOURS = {"a": (200, 0, 0), "b": (0, 200, 0)}


def film(name, note="", stops=3):
    """Frames in one colour, each darker than the next."""
    red, green, blue = COLOURS[name]
    shades = [(red * k // 2, green * k // 2, blue * k // 2) for k in range(stops)]
    return Film([Image.new("RGB", (300, 300), shade) for shade in shades], f"film {name}", note)


def page(rows=None, **changed):
    given = {
        "title": "T",
        "about": "A",
        "columns": ["one", "two"],
        "labels": ["0"],
        "stops": STOPS,
        "label": "Strength",
    }
    rows = [[film("a", "keep <a>"), film("b", 'say "b"')]] if rows is None else rows
    return slider_page(rows, **{**given, "hint": "H", **changed})


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.found = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_for_nothing():
    text = page(title="<T>", stops=("</script>", "0 sd", "+1 sd"))
    tags = Tags(text)
    assert tags.open == []
    assert text.count("</script>") == 1
    assert "&lt;T&gt;" in text
    assert not re.search(r"https?:|//[a-z]|@import|\ssrc=|\shref=", text)
    policy = next(attrs["content"] for tag, attrs in tags.found if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; img-src data:;")
    notes = [attrs["data-note"] for tag, attrs in tags.found if tag == "button"]
    assert notes == ["keep <a>", 'say "b"']
    slider = next(attrs for tag, attrs in tags.found if tag == "input")
    assert (slider["min"], slider["max"], slider["value"], slider["aria-valuetext"]) == ("0", "2", "1", "0 sd")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "a page needs a film for each of its rows and columns, and captions for both"),
        ([[film("a")]], "a page needs a film for each of its rows and columns, and captions for both"),
        ([[film("a"), film("b", stops=2)]], "each film has a frame for each of the 3 stops"),
    ],
)
def test_what_does_not_match_is_one_sentence(rows, message):
    with pytest.raises(InputError) as error:
        page(rows)
    assert str(error.value) == message


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium")
def test_a_browser_shows_the_frame_of_the_strength(tmp_path):
    api = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")
    place = tmp_path / "sheet.html"
    place.write_text(page(), encoding="utf-8")
    wrong = []
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        view = browser.new_page()
        view.on("console", lambda message: wrong.append(message.text))
        view.on("pageerror", lambda error: wrong.append(str(error)))
        view.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
        view.goto(place.as_uri())
        slider = view.get_by_label("Strength")

        def middle(name):
            shot = tmp_path / "shot.png"
            view.get_by_role("button", name=name).screenshot(path=shot)
            with Image.open(shot) as picture:
                return picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))

        seen = []
        slider.focus()
        for key, stop in ((None, "0 sd"), ("ArrowRight", "+1 sd"), ("Home", "−1 sd")):
            if key:
                view.keyboard.press(key)
            assert slider.get_attribute("aria-valuetext") == stop
            assert view.locator("#said").inner_text() == stop
            seen.append((middle(f"film a, {stop}"), middle(f"film b, {stop}")))
        for (first, second), share in zip(seen, (0.5, 1.0, 0.0), strict=True):
            assert max(abs(x - share * y) for x, y in zip(first, COLOURS["a"], strict=True)) < 12
            assert max(abs(x - share * y) for x, y in zip(second, COLOURS["b"], strict=True)) < 12
        view.keyboard.press("Tab")
        view.keyboard.press("Enter")
        assert view.get_by_role("status").inner_text() == "keep <a>"
        assert view.locator('button[aria-pressed="true"]').count() == 1
        browser.close()
    assert wrong == []
