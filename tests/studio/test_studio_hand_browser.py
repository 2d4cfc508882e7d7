"""The studio in the hand: what stays in view, what can be pressed, what is said, and what a reload keeps."""

import json

import numpy as np
import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install "eclipsed[studio]"')
pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

from test_studio_browser import Visit, browser, chromium, mini, server, visit  # noqa: F401
from test_studio_own_browser import PORTRAIT, inverted

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

PHONE, DESKTOP, LOW = (390, 844), (1280, 800), (1280, 600)
TABS = ("Faces", "Own picture", "Parts", "Learn", "Atlas", "Edit", "Palette", "Compare", "Take home")
FIVE = ("glasses", "smile", "hat", "curly-hair")

# what can be pressed and is smaller than a finger: its label counts as a part of a checkbox
SMALL = """() => [...document.querySelectorAll('button, [role=button], input, select, textarea, a[href], canvas')]
  .filter((e) => e.offsetParent && e.type !== 'file' && !e.closest('.visually-hidden, [aria-hidden=true]'))
  .map((e) => [e, (e.type === 'checkbox' && e.closest('label') || e).getBoundingClientRect()])
  .filter(([e, box]) => box.width < 44 || box.height < 44)
  .map(([e, box]) => `${e.outerHTML.slice(0, 120)} ${box.width} x ${box.height}`)"""

# what is written and not shown whole
CUT = """(text) => [...document.querySelectorAll('.piece *')]
  .filter((e) => e.offsetParent && e.textContent.includes(text))
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible')
  .map((e) => e.outerHTML.slice(0, 160))"""

ENABLED = """(name) => ![...document.querySelectorAll('button')].find((e) => e.textContent.trim() === name
  && !e.closest('.tab-container')).disabled"""


@pytest.fixture
def phone(browser, server):  # noqa: F811
    visit = Visit(browser, server.url, viewport=dict(zip(("width", "height"), PHONE, strict=True)), has_touch=True)  # noqa: F811
    yield visit
    visit.context.close()
    assert visit.wrong == []


def five_edits(visit):  # noqa: F811
    for count, name in enumerate(FIVE, start=2):
        visit.page.get_by_role("button", name=f"Add {name} to the face").click()
        visit.page.wait_for_function(f"document.querySelectorAll('.stack .edit').length === {count}")


def in_view(visit, selector):  # noqa: F811
    """Whether an element is wholly in the window and nothing covers its middle."""
    return visit.page.evaluate(
        """(selector) => { const e = document.querySelector(selector), box = e.getBoundingClientRect();
        const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth
          && e.closest('.piece').contains(top); }""",
        selector,
    )


def reload(visit):  # noqa: F811
    """Load the page again; that what it was asking for is cut off is no fault."""
    visit.page.reload()
    visit.page.wait_for_selector(".shelf .card")
    cut_off = ("AbortError", "Connection errored out")  # in the browser's words, and in Gradio's
    visit.wrong[:] = [one for one in visit.wrong if not any(words in one for words in cut_off)]


@pytest.mark.parametrize("size", [PHONE, DESKTOP, LOW, (844, 390)])
def test_the_face_stays_in_view_while_a_slider_moves(browser, server, size):  # noqa: F811
    width, height = size
    visit = Visit(browser, server.url, viewport={"width": width, "height": height})  # noqa: F811
    five_edits(visit)
    row = visit.page.locator(".stack .edit").last
    row.scroll_into_view_if_needed()
    slider = row.get_by_role("slider")
    slider.scroll_into_view_if_needed()
    before = visit.picture()
    box = slider.bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    visit.page.mouse.down()  # a hand on the slider itself: nothing may cover it
    visit.page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2, steps=5)
    assert in_view(visit, ".viewer .stage")
    visit.page.mouse.up()
    visit.page.wait_for_function("document.querySelectorAll('.stack .alpha')[4].value < 0")
    alphas = [float(a) for a in visit.page.eval_on_selector_all(".stack .alpha", "all => all.map((e) => e.value)")]
    visit.shows(alphas)
    assert in_view(visit, ".viewer .stage")
    assert visit.page.locator(".viewer .stage").bounding_box()["width"] > 150
    assert not np.array_equal(visit.picture(), before)
    visit.context.close()


def test_whatever_can_be_pressed_is_as_large_as_a_finger(phone):
    phone.page.get_by_role("button", name="Add glasses to the face").click()
    for name in TABS:
        phone.tab(name)
        if name == "Own picture":
            phone.page.locator("#own-file input[type=file]").set_input_files(PORTRAIT)
            phone.page.locator(".pasted img[alt='Your picture']").wait_for()
        if name == "Learn":
            phone.page.get_by_label("What shall the face look like?").fill("a person with green hair")
            phone.page.locator(".parts canvas[data-ready=hair]").wait_for()
        if name == "Atlas":
            phone.page.locator(".atlas .move").first.wait_for()
        if name == "Edit":
            phone.page.get_by_role("button", name="Paint where glasses may act").click()
            phone.page.locator(".brush canvas").wait_for()
        if name == "Compare":
            phone.page.locator("#compare-names .token").first.wait_for()
        if name == "Palette":
            phone.page.get_by_role("button", name="Draw the palette").click()
            phone.page.locator(".palette .cell").first.wait_for()
        for accordion in phone.page.locator("button.label-wrap:visible").all():
            accordion.click()
        for _ in range(20):  # what opens takes its time on a busy machine
            phone.page.wait_for_timeout(300)
            if not phone.page.evaluate(SMALL):
                break
        assert phone.page.evaluate(SMALL) == [], name
        assert phone.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


def test_all_tabs_are_in_sight_on_a_phone(phone):
    for name in TABS:
        tab = phone.page.get_by_role("tab", name=name, exact=True)
        assert tab.is_visible()
        box = tab.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE[0]
        assert tab.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), name


@pytest.mark.parametrize("width", [740, 900, 1100, 1201])
def test_all_tabs_are_in_sight_in_a_window_of_any_width(browser, server, width):  # noqa: F811
    window = Visit(browser, server.url, viewport={"width": width, "height": 420})
    for name in TABS:
        tab = window.page.get_by_role("tab", name=name, exact=True)
        assert tab.is_visible(), name
        assert tab.bounding_box()["x"] + tab.bounding_box()["width"] <= width
        assert tab.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), name
    window.context.close()


def test_a_second_press_on_a_card_goes_to_its_row_and_adds_none(phone):
    five_edits(phone)
    version = phone.version
    phone.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    phone.page.get_by_role("button", name="Go to the row of glasses").click()
    phone.page.wait_for_function("document.activeElement.ariaLabel === 'Strength of glasses'")
    assert in_view(phone, ".stack [data-key='alpha-1']")
    assert phone.page.locator(".stack .edit strong").all_inner_texts() == ["blond-hair", *FIVE]
    assert phone.version == version
    assert phone.page.get_by_role("button", name="Undo").is_enabled()
    phone.page.get_by_role("button", name="Remove: glasses").click()
    phone.page.get_by_role("button", name="Add glasses to the face").wait_for()  # the shelf knows


def test_two_presses_at_once_add_one(visit):  # noqa: F811
    visit.page.evaluate("for (let k = 0; k < 2; k++) document.querySelector('.card[data-name=hat]').click()")
    visit.page.wait_for_function("document.activeElement.ariaLabel === 'Strength of hat'")
    assert visit.page.locator(".stack .edit strong").all_inner_texts() == ["blond-hair", "hat"]


def test_a_reload_restores_face_and_stack(visit):  # noqa: F811
    visit.tab("Faces")
    old = visit.version
    visit.page.get_by_role("button", name="Take the face of seed 5", exact=True).click()
    old = visit.changed(old)
    visit.tab("Edit")
    visit.page.get_by_role("button", name="Add glasses to the face").click()
    visit.changed(old)
    visit.slide(0, -0.5)
    visit.shows([-0.5, 1.0])
    old = visit.version
    visit.page.get_by_role("switch").last.click()
    visit.changed(old)
    shown, caption = visit.picture(), visit.page.locator(".viewer .caption").inner_text()
    reload(visit)
    assert visit.page.locator(".viewer .caption").inner_text() == caption == "seed 5 · blond-hair −0.5"
    assert np.array_equal(visit.picture(), shown)
    assert visit.page.eval_on_selector_all(".stack .alpha", "all => all.map((e) => e.value)") == ["-0.50", "1.00"]
    assert [one.is_checked() for one in visit.page.get_by_role("switch").all()] == [True, False]


def test_another_tab_of_the_browser_begins_anew(visit, server):  # noqa: F811
    old = visit.version
    visit.page.get_by_role("button", name="Add hat to the face").click()
    visit.changed(old)
    other = visit.context.new_page()
    other.goto(server.url)
    other.wait_for_selector(".shelf .card")
    assert other.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"


@pytest.mark.parametrize("kept", ["{", "[]", "null", '{"look": {"kind": "x"}}', "x" * 400_000])
def test_what_is_not_to_be_restored_is_the_first_screen(visit, kept):  # noqa: F811
    visit.page.evaluate("kept => sessionStorage.setItem('eclipsed-look', kept)", kept)
    reload(visit)
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"


def test_a_reload_restores_one_s_own_face_and_forgetting_it_is_for_good(visit):  # noqa: F811
    inverted(visit)
    shown = visit.picture()
    kept = visit.page.evaluate("sessionStorage.getItem('eclipsed-look')")
    reload(visit)
    assert visit.page.locator(".viewer .caption").inner_text() == "photo · blond-hair +1"
    assert np.array_equal(visit.picture(), shown)
    visit.tab("Own picture")
    visit.page.get_by_role("button", name="Put it back").click()
    visit.page.locator(".pasted[data-title^='With the edit put back']").wait_for()
    old = visit.version
    visit.page.get_by_role("button", name="Forget my picture").click()
    visit.changed(old)
    visit.page.evaluate("kept => sessionStorage.setItem('eclipsed-look', kept)", kept)
    reload(visit)
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"  # the edits alone


def test_buttons_that_cannot_work_are_disabled(visit):  # noqa: F811
    def can(*names):
        return [visit.page.get_by_role("button", name=name, exact=True).is_enabled() for name in names]

    def becomes(name, enabled=True):
        visit.page.wait_for_function(f"(name) => ({ENABLED})(name) === {json.dumps(enabled)}", arg=name)

    assert can("Undo", "Redo", "Reset", "Hold for before", "Split line") == [False, False, True, True, True]
    old = visit.version
    visit.page.get_by_role("button", name="Reset").click()
    visit.changed(old)
    assert can("Undo", "Redo", "Reset", "Hold for before", "Split line") == [True, False, False, False, False]
    visit.tab("Take home")
    for name, enabled in (
        ("Picture (PNG)", True),
        ("Strip (PNG)", False),
        ("Film (GIF)", False),
        ("Film (MP4)", False),
    ):
        becomes(name, enabled)
    visit.page.get_by_role("button", name="Undo").click()
    for name in ("Strip (PNG)", "Film (GIF)", "Film (MP4)"):
        becomes(name)
    visit.tab("Faces")
    visit.page.locator(".wall img").first.wait_for()
    assert can("‹ Earlier", "Shuffle", "Later ›") == [False, True, True]
    visit.page.get_by_role("button", name="Later ›").click()
    becomes("‹ Earlier")
    visit.page.get_by_role("button", name="‹ Earlier").click()
    becomes("‹ Earlier", False)
    visit.page.get_by_label("Seed", exact=True).fill(str(2**32 - 1))
    visit.page.get_by_label("Seed", exact=True).press("Enter")
    becomes("Later ›", False)
    visit.tab("Own picture")
    names = ("Make it editable", "Put it back", "Edited picture (PNG)", "Save the face")
    assert can(*names) == [False] * 4
    visit.page.locator("#own-file input[type=file]").set_input_files(PORTRAIT)
    becomes("Make it editable")
    assert can(*names)[1:] == [False] * 3
    visit.page.locator("#own-file").get_by_role("button", name="Clear").click()
    becomes("Make it editable", False)
    visit.tab("Learn")
    assert can("Learn", "Stop") == [False, False]
    visit.page.get_by_label("What shall the face look like?").fill("a person with green hair")
    becomes("Learn")
    visit.page.get_by_label("What shall the face look like?").fill(" ")
    becomes("Learn", False)
    visit.tab("Palette")
    becomes("Draw the palette")
    visit.page.get_by_label("To the right").click()
    visit.page.get_by_role("option", name="blond-hair").click()
    becomes("Draw the palette", False)
    visit.tab("Compare")
    becomes("Compare")
    visit.page.locator("#compare-names").get_by_title("Clear").click()
    becomes("Compare", False)


def test_warnings_about_words_appear_while_typing(visit):  # noqa: F811
    visit.tab("Learn")
    prompt = visit.page.get_by_label("What shall the face look like?")
    prompt.press_sequentially("a person with green ha", delay=30)
    prompt.press_sequentially("ir", delay=30)
    visit.page.locator(".parts canvas[data-ready=hair]").wait_for()
    visit.page.wait_for_timeout(1000)
    assert visit.page.locator(".parts .warning").all_inner_texts() == []
    prompt.press_sequentially(" and a blorb", delay=30)
    warning = visit.page.get_by_text("“blorb”: a word that the model set has never seen")
    warning.wait_for()
    prompt.fill("a nice one")
    visit.page.get_by_text("This names no part of a face: all of the face may change.").wait_for()
    warning.wait_for(state="detached")
    prompt.fill("ein Mensch mit blonden Haaren und einer Brille")
    visit.page.get_by_text("This does not look like English").wait_for()
    assert "locality" not in visit.page.inner_text("body")
    visit.page.locator(".parts .chip", has_text="background").click()  # chosen by hand: no word about parts any more
    visit.page.get_by_text("This does not look like English").wait_for(state="detached")


def test_how_long_learning_takes_is_said_before_it_starts(visit):  # noqa: F811
    visit.tab("Learn")
    said = visit.page.locator("#estimate", has_text="Learning takes about")
    said.wait_for()
    whole = said.inner_text()
    assert visit.page.get_by_role("button", name="Learn", exact=True).is_disabled()  # nothing has begun
    visit.page.get_by_role("button", name="How it is learned").click()
    field = visit.page.get_by_label("number input for Steps")
    field.fill("600")
    field.press("Tab")
    visit.page.wait_for_function(
        "old => { const now = document.querySelector('#estimate').innerText.trim(); "
        "return now.startsWith('Learning takes about') && now !== old; }",
        arg=whole.strip(),
    )


def test_placeholders_stand_where_faces_are_being_drawn(visit):  # noqa: F811
    visit.page.evaluate(
        """() => { window.seen = [];
        const note = () => { const wall = document.querySelector('.wall'); if (!wall) return;
          const now = [wall.ariaBusy, wall.querySelectorAll('.blank').length, wall.querySelectorAll('img').length,
            wall.querySelector('.seed')?.textContent ?? null];
          if (JSON.stringify(window.seen.at(-1)) !== JSON.stringify(now)) window.seen.push(now); };
        new MutationObserver(note).observe(document.body, { childList: true, attributes: true, subtree: true }); }"""
    )
    visit.tab("Faces")
    visit.page.locator(".wall img").first.wait_for()
    height = visit.page.locator(".wall").bounding_box()["height"]
    visit.page.get_by_role("button", name="Later ›").click()
    visit.page.locator(".wall .seed", has_text="24").wait_for()
    blank = ["true", 24, 0, None]
    seen = [one for one in visit.page.evaluate("window.seen") if one[0] is not None]
    assert seen[-3:] == [["false", 0, 24, "0"], blank, ["false", 0, 24, "24"]]
    assert seen[:-3] in ([blank], [])  # the first faces may be there before their tab is
    assert visit.page.locator(".wall").bounding_box()["height"] == pytest.approx(height, abs=2)  # nothing jumped


def test_long_names_are_whole(browser, server, mini, tmp_path):  # noqa: F811
    import eclipsed

    long = "a-direction-of-a-very-long-name-that-somebody-gave-to-it-and-did-not-shorten"
    prompt = (
        "a person who smiles as people do when somebody whom they have not seen for years comes in from the evening sun"
    )
    from dataclasses import replace

    direction = eclipsed.Direction.load("smile")
    replace(direction, name=long, prompt=prompt).save(tmp_path / f"{long}.safetensors")
    for width, height in (PHONE, DESKTOP):
        visit = Visit(browser, server.url, viewport={"width": width, "height": height})  # noqa: F811
        visit.page.get_by_role("button", name="Put a direction file on the shelf").click()
        visit.page.locator("input[type=file]:not(#own-file *)").first.wait_for(state="attached")
        visit.page.locator(".gr-accordion input[type=file]").first.set_input_files(tmp_path / f"{long}.safetensors")
        card = visit.page.locator(f".card[data-name^='{long[:40]}']").first
        card.wait_for()
        old = visit.version
        card.click()
        visit.changed(old)
        visit.page.locator(".stack .edit", has_text="evening sun").wait_for()
        name = visit.page.locator(".stack .edit strong").last.inner_text()
        assert name.startswith("a-direction")
        for text in (name, prompt):
            assert visit.page.evaluate(CUT, text) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert prompt in card.inner_text()
        visit.context.close()
    client = server.client()
    for one in client.predict(api_name="/directions"):
        if not one["shipped"] and one["name"].startswith("a-direction"):
            client.predict(name=one["name"], api_name="/forget")


def test_plain_words_in_the_page(visit):  # noqa: F811
    said = ""
    for name in TABS:
        visit.tab(name)
        for accordion in visit.page.locator("button.label-wrap:visible").all():
            accordion.click()
        said += visit.page.inner_text("body")
    for word in ("aligned=True", "--aligned", "latents", "Invert", "Truncation", "α", "locality"):
        assert word not in said, word
    assert "Make it editable" in said


def test_a_picture_is_taken_as_a_whole_only_where_it_looks_like_the_set_s(visit, tmp_path):  # noqa: F811
    from PIL import Image

    face = Image.open(PORTRAIT).convert("RGB")
    side = face.width
    far = Image.new("RGB", (2 * side, 2 * side), (120, 120, 140))
    far.paste(face, (side // 2, side // 2))
    pictures = {
        "wide": (face.crop((0, 0, side, side // 2)), False),
        "portrait": (face, True),
        "far": (far, False),
        "small": (face.resize((64, 64)), True),
        "turned": (face.rotate(180), False),
    }
    visit.tab("Own picture")
    note = visit.page.get_by_text("“mini” draws avatars")  # what is said of a picture in which a face is looked for
    for name, (picture, whole) in pictures.items():
        picture.save(tmp_path / f"{name}.png")
        if name != "wide":
            visit.page.locator("#own-file").get_by_role("button", name="Clear").click()
            visit.page.locator(".pasted .stage").wait_for(state="hidden")
        visit.page.locator("#own-file input[type=file]").set_input_files(tmp_path / f"{name}.png")
        visit.page.locator(".pasted img[alt='Your picture']").wait_for()
        visit.page.wait_for_timeout(200)
        assert note.is_visible() is not whole, name
