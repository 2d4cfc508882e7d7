"""The tab Parts in a real browser: a hand paints on two faces, and sees the part on faces that nobody painted."""

import numpy as np
import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install "eclipsed[studio]"')
pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

from test_studio_browser import Visit, browser, chromium, mini  # noqa: F401

from benchmarks.studio_server import Server
from eclipsed.images.conversion import to_pil
from eclipsed.pretrained.painted_part import PaintedPart

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

SHOWN = "#piece-painting-found .pick"
HAIR = {1: [(90, 52), (128, 40), (166, 52)], 2: [(90, 52), (128, 40), (166, 52)]}  # over the top of the head


@pytest.fixture(params=["desktop", "phone"])
def visit(browser, tmp_path, request):  # noqa: F811
    server = Server(tmp_path / "home")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    visit = Visit(browser, server.url, **(phone if request.param == "phone" else {}))
    yield visit
    visit.context.close()
    server.stop()
    assert visit.wrong == []
    assert "Traceback" not in server.said


def paint(visit, points):
    """A stroke under the brush of the tab, in pixels of 256; with a finger where there are fingers."""
    canvas = visit.page.locator("#piece-brush-parts canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    spots = [(box["x"] + x / 256 * box["width"], box["y"] + y / 256 * box["height"]) for x, y in points]
    if visit.page.evaluate("navigator.maxTouchPoints"):
        client = visit.context.new_cdp_session(visit.page)
        for kind, (x, y) in [("touchStart", spots[0]), *[("touchMove", one) for one in spots[1:]]]:
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        return
    visit.page.mouse.move(*spots[0])
    visit.page.mouse.down()
    for one in spots[1:]:
        visit.page.mouse.move(*one, steps=4)
    visit.page.mouse.up()


def pixels(visit, selector):
    """A picture of the page, (H, W, 3)."""
    data = visit.page.evaluate(
        """async (selector) => { const image = document.querySelector(selector); await image.decode();
        const c = document.createElement('canvas'); c.width = image.naturalWidth; c.height = image.naturalHeight;
        const context = c.getContext('2d'); context.drawImage(image, 0, 0);
        return Array.from(context.getImageData(0, 0, c.width, c.height).data); }""",
        selector,
    )
    side = int((len(data) / 4) ** 0.5)
    return np.array(data, dtype=np.int16).reshape(side, side, 4)[..., :3]


def toast(visit, words):
    visit.page.get_by_text(words, exact=False).first.wait_for()


def press(visit, name):
    visit.page.get_by_role("button", name=name, exact=True).click()


def test_a_part_is_painted_found_corrected_and_named(visit, mini, tmp_path):  # noqa: F811
    visit.tab("Parts")
    visit.page.locator("#piece-painting-faces .pick").first.wait_for()
    press(visit, "Find it on others")
    toast(visit, "Give the part a name first")
    visit.page.get_by_label("Part", exact=True).fill("crown")
    press(visit, "Find it on others")
    toast(visit, "Nothing is painted yet")

    for seed, points in HAIR.items():
        visit.page.locator(f"#piece-painting-faces [data-seed='{seed}']").click()
        visit.page.locator(f"#piece-brush-parts canvas[aria-label*='seed {seed}.']").wait_for()
        paint(visit, points)
        visit.page.locator(f"#piece-painting-faces li.painted [data-seed='{seed}']").wait_for()
    press(visit, "Find it on others")
    visit.page.locator(SHOWN).first.wait_for()
    shown = pixels(visit, f"{SHOWN}[data-seed='101'] img")
    visit.page.wait_for_function("!document.querySelector('#part-save').disabled")
    plain = np.asarray(to_pil(mini.sample(seeds=101).images)[0]).astype(np.int16)
    tinted = np.abs(shown - plain).max(axis=2) > 24
    assert 0.005 < tinted.mean() < 0.4  # a part of it is in colour, and most is not

    visit.page.locator(f"{SHOWN}[data-seed='102']").click()
    canvas = visit.page.locator("#piece-brush-parts canvas[aria-label*='seed 102.']")
    canvas.wait_for()
    visit.page.wait_for_function(
        "document.querySelector('#piece-brush-parts canvas').dataset.painted === 'true'"
    )  # it begins with what was found
    paint(visit, [(100, 40), (150, 40)])
    visit.page.locator("#piece-painting-faces li.painted [data-seed='102']").wait_for()
    visit.page.wait_for_function("document.querySelector('#part-save').disabled")
    press(visit, "Find it on others")
    visit.page.wait_for_function(
        "document.querySelector('#piece-painting-found [role=status]').textContent.includes('3 paintings')"
    )
    press(visit, "Save the part")
    visit.page.locator(".kept [data-part='crown']").wait_for()
    kept = PaintedPart.load(tmp_path / "home" / "parts" / "mini" / "crown.safetensors")
    assert len(kept.paintings) == 3

    visit.tab("Learn")
    visit.page.get_by_label("What shall the face look like?").fill("a person with a red crown")
    visit.page.locator(".parts canvas[data-ready='crown']").wait_for()

    visit.tab("Parts")
    press(visit, "Begin anew")
    visit.page.locator(SHOWN).first.wait_for(state="detached")
    visit.page.get_by_label("Part", exact=True).fill("crown")
    press(visit, "Find it on others")
    toast(visit, "There is a part 'crown' already")
    press(visit, "Remove crown")
    visit.page.locator(".kept [data-part='crown']").wait_for(state="detached")
    assert not (tmp_path / "home" / "parts" / "mini" / "crown.safetensors").exists()
