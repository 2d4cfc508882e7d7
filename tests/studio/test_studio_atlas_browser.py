"""A sketch that is learned properly, and the atlas wandered through, in a real browser on `mini`."""

import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')
pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

from test_studio_browser import browser, change, chromium, mask, mini, server, visit  # noqa: F401

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

LONG = 240_000  # ms: what the atlas tells is worked out once, when somebody looks


def test_a_move_of_the_atlas_is_found_seen_and_taken(visit, mini):  # noqa: F811
    page = visit.page
    page.set_default_timeout(LONG)
    visit.tab("Atlas")
    page.locator(".atlas .move").first.wait_for()
    page.get_by_label("Part", exact=True).click()
    page.get_by_role("option", name="hair", exact=True).click()
    page.get_by_role("button", name="Take hair 1 to the face").wait_for()
    assert page.locator(".atlas .move").count() == 3
    first = page.locator(".atlas .move").first
    assert first.locator("q").count() == 2
    big = first.locator("img.big")
    strongest = big.get_attribute("src")
    first.get_by_role("button", name="Show hair 1 at 0.00").click()
    assert big.get_attribute("src") != strongest
    slider = first.get_by_role("slider", name="Strength of hair 1")
    assert slider.get_attribute("aria-valuetext") == "0.00"
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    assert first.locator("output").inner_text() == "+0.60"
    old = visit.version
    first.get_by_role("button", name="Take hair 1 to the face").click()
    visit.changed(old)
    visit.shows([1.0, 0.6])
    assert page.get_by_role("tab", name="Edit", exact=True).get_attribute("aria-selected") == "true"
    assert page.locator(".shelf .card[data-name='hair-1']").count() == 1


def test_a_sketch_is_learned_properly(visit):  # noqa: F811
    page = visit.page
    page.set_default_timeout(LONG)
    visit.tab("Learn")
    assert page.get_by_role("button", name="Learn it properly").count() == 0
    page.get_by_label("What shall the face look like?", exact=True).fill("a person with blond hair")
    page.locator(".sketch img").first.wait_for()
    page.get_by_role("button", name="Learn it properly").click()
    page.wait_for_function("document.querySelector('#learn-sketch')?.disabled")
    page.wait_for_function("document.querySelector('.learning')?.innerText.includes('Learned. It is on the shelf.')")
    assert "after step 20" in page.locator(".learning").inner_text()  # of 24; shown every five
    page.wait_for_function("!document.querySelector('#learn-sketch').disabled")
