"""The brush in a real browser: a hand paints on the picture, which changes under the brush and not elsewhere."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install "eclipsed[studio]"')
pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

from test_studio_browser import Visit, browser, change, chromium, server  # noqa: F401

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

SIZE = 32  # of the brush at first, in pixels of a picture of 256


@pytest.fixture(params=["desktop", "phone"])
def visit(browser, server, request):  # noqa: F811
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    visit = Visit(browser, server.url, **(phone if request.param == "phone" else {}))
    yield visit
    visit.context.close()
    assert visit.wrong == []


def paint(visit, *points):
    """A stroke through points of the picture, in pixels of 256; with a finger where there are fingers."""
    canvas = visit.page.locator(".brush canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    spots = [(box["x"] + x / 256 * box["width"], box["y"] + y / 256 * box["height"]) for x, y in points]
    old = visit.version
    if visit.page.evaluate("navigator.maxTouchPoints"):
        client = visit.context.new_cdp_session(visit.page)
        for kind, (x, y) in [("touchStart", spots[0]), *[("touchMove", one) for one in spots[1:]]]:
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        visit.page.mouse.move(*spots[0])
        visit.page.mouse.down()
        for one in spots[1:]:
            visit.page.mouse.move(*one, steps=4)
        visit.page.mouse.up()
    visit.changed(old)


def near(*points, reach):
    """Where a picture of 256 is within reach of a line through points."""
    rows, columns = np.mgrid[:256, :256] + 0.5
    found = np.zeros((256, 256), bool)
    for start, end in pairwise(points):
        for part in np.linspace(0, 1, 60):
            x, y = (1 - part) * np.array(start) + part * np.array(end)
            found |= (columns - x) ** 2 + (rows - y) ** 2 <= reach**2
    return found


def press(visit, name):
    visit.page.locator(".brush").get_by_role("button", name=name, exact=True).click()


def test_the_picture_changes_under_the_brush_and_not_elsewhere(visit):
    across = (70, 60), (190, 60)  # over the hair, which the first edit makes blond
    visit.page.get_by_role("button", name="Paint where blond-hair may act").click()
    visit.page.locator(".brush canvas").wait_for()
    before = visit.picture("before")
    paint(visit, *across)
    painted = change(before, visit.picture())
    assert painted[~near(*across, reach=SIZE / 2 + 2)].max() == 0
    assert painted[near(*across, reach=SIZE / 4)].mean() > 15
    assert visit.page.get_by_role("button", name="Paint where blond-hair may act").inner_text() == "Painted where"
    assert visit.page.get_by_label("Blend").input_value() == "features"

    press(visit, "Erase")
    paint(visit, (190, 60), (130, 60))
    erased = change(before, visit.picture())
    assert erased[:, 150:].max() == 0
    assert erased[near((70, 60), (100, 60), reach=SIZE / 4)].mean() > 15

    old = visit.version
    press(visit, "Undo stroke")
    visit.changed(old)
    assert np.array_equal(change(before, visit.picture()), painted)

    old = visit.version
    press(visit, "Clear")
    visit.changed(old)
    assert visit.page.locator(".brush canvas").get_attribute("data-painted") == "false"
    old = visit.version
    visit.page.locator(".viewer").get_by_role("button", name="Undo", exact=True).click()  # that of the whole page
    visit.changed(old)
    visit.page.wait_for_function("document.querySelector('.brush canvas').dataset.painted === 'true'")
    assert np.array_equal(change(before, visit.picture()), painted)
    press(visit, "Done")
    visit.page.locator(".brush canvas").wait_for(state="detached")


def test_arrow_keys_and_space_paint_too(browser, server):  # noqa: F811
    visit = Visit(browser, server.url)
    visit.page.get_by_role("button", name="Paint where blond-hair may act").press("Enter")
    canvas = visit.page.locator(".brush canvas")
    canvas.wait_for()
    before, old = visit.picture("before"), visit.version
    canvas.focus()
    for _ in range(8):
        canvas.press("ArrowUp")  # from the middle, eight pixels at a time
    canvas.press("Space")
    visit.changed(old)
    painted = change(before, visit.picture())
    assert painted[~near((128, 64), (128, 64), reach=SIZE / 2 + 2)].max() == 0
    assert painted[near((128, 64), (128, 64), reach=SIZE / 4)].mean() > 0.1  # a forehead
    visit.context.close()
    assert visit.wrong == []
