"""Directions without training in a real browser, on `mini`: of marked faces, of files, and of the shelf."""

import pickle
import re

import numpy as np
import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')
pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

from test_studio_browser import Visit, browser, chromium, mini, server, visit  # noqa: F401

from eclipsed.latents.w_statistics import WStatistics

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

LONG = 600_000  # ms: a direction of faces is calibrated on pictures
PHONE = {"width": 390, "height": 844}


def mode(visit, name):  # noqa: F811
    visit.page.get_by_role("radio", name=name, exact=True).click()


def marks(visit, group):  # noqa: F811
    """The seeds that are marked, as the page shows them."""
    keys = visit.page.locator(f".groups .{group} .thumb").evaluate_all("all => all.map(one => one.dataset.key)")
    return [int(key.rpartition("-")[2]) for key in keys]


def mark(visit, seed, group):  # noqa: F811
    visit.page.get_by_role("button", name=f"Mark the face of seed {seed} as {group}", exact=True).click()
    visit.page.locator(f".groups [data-key='{group}-{seed}']").wait_for()


def making(visit, place, *statuses):  # noqa: F811
    """Wait until what is made stands so; gives its sentence."""
    chosen = ", ".join(f"#piece-making-{place} .piece[data-status={status}]" for status in statuses)
    visit.page.locator(chosen).wait_for(timeout=LONG)
    return visit.page.locator(f"#piece-making-{place} [role=status]").first.inner_text()


def test_faces_are_marked_by_mouse_and_keyboard_and_a_direction_leads_between_them(visit, mini):  # noqa: F811
    visit.tab("Faces")
    visit.page.locator(".wall img").first.wait_for()
    old = visit.version
    mode(visit, "Mark as with it")
    for seed in (2, 5):
        mark(visit, seed, "with")
    mode(visit, "Mark as without it")
    mark(visit, 3, "without")
    mark(visit, 5, "without")  # it changes sides
    visit.page.wait_for_function("document.querySelectorAll('.groups .with .thumb').length === 1")
    assert visit.version == old  # a mark takes no face
    visit.page.locator("[data-key='face-9']").focus()
    visit.page.keyboard.press("+")
    visit.page.locator(".groups [data-key='with-9']").wait_for()
    assert visit.page.evaluate("document.activeElement.dataset.key") == "face-9"
    visit.page.locator("[data-key='face-11']").focus()
    visit.page.keyboard.press("-")
    visit.page.locator(".groups [data-key='without-11']").wait_for()
    visit.page.get_by_role("button", name="Take the mark “without” off seed 5").click()
    visit.page.locator(".groups [data-key='without-5']").wait_for(state="detached")
    assert (marks(visit, "with"), marks(visit, "without")) == ([2, 9], [3, 11])
    signs = visit.page.locator(".wall .sign").all_inner_texts()
    assert sorted(signs) == ["+", "+", "\u2212", "\u2212"]
    visit.page.get_by_role("button", name="Later ›").click()  # marks stay when the wall is turned
    visit.page.locator("[data-key='face-24']").wait_for()
    assert (marks(visit, "with"), marks(visit, "without")) == ([2, 9], [3, 11])

    visit.page.locator("[data-key='groups-name']").fill("From faces")
    visit.page.get_by_role("button", name="Make a direction", exact=True).click()
    making(visit, "faces", "making")
    said = making(visit, "faces", "done")
    assert said.startswith(
        "“from-faces” is on the shelf: it leads from 2 faces without to 2 faces with it, moves rows 0-13"
    )
    visit.page.get_by_role("button", name="Add from-faces to the face").click()
    visit.changed(old)
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1 · from-faces +1"
    ws = [mini.sample(seeds=seeds, truncation_psi=1.0).ws.mean(dim=0) for seeds in ([2, 9], [3, 11])]
    assert float((ws[0] - ws[1]).norm()) > 0
    visit.page.get_by_role("button", name="Clear marks").click()
    visit.page.locator(".groups .marked .thumb").first.wait_for(state="detached")


def test_fingers_mark_faces_and_what_is_stopped_leaves_nothing(browser, server):  # noqa: F811
    phone = Visit(browser, server.url, viewport=PHONE, has_touch=True)
    phone.tab("Faces")
    phone.page.locator(".wall img").first.wait_for()
    phone.page.get_by_role("radio", name="Mark as with it", exact=True).tap()
    phone.page.get_by_role("button", name="Mark the face of seed 4 as with", exact=True).tap()
    phone.page.locator(".groups [data-key='with-4']").wait_for()
    phone.page.get_by_role("radio", name="Mark as without it", exact=True).tap()
    phone.page.get_by_role("button", name="Mark the face of seed 6 as without", exact=True).tap()
    phone.page.locator(".groups [data-key='without-6']").wait_for()
    phone.page.locator("[data-key='groups-name']").fill("never made")
    phone.page.get_by_role("button", name="Make a direction", exact=True).tap()
    phone.page.get_by_role("button", name="Stop making the direction").tap()
    assert re.match("Stopped; nothing|Taken out of the queue", making(phone, "faces", "stopped"))
    wide = phone.page.evaluate("document.documentElement.scrollWidth")
    small = phone.page.locator(".groups button:visible, .groups input:visible").evaluate_all(
        "all => all.map(one => [one.dataset.key, one.getBoundingClientRect().height]).filter(one => one[1] < 43.5)"
    )
    phone.tab("Edit")
    phone.page.get_by_role("button", name="Add and subtract directions").tap()
    phone.page.locator(".sums .term").first.wait_for()
    wide = max(wide, phone.page.evaluate("document.documentElement.scrollWidth"))
    names = phone.page.locator(".shelf .card").evaluate_all("all => all.map(one => one.dataset.name)")
    phone.context.close()
    assert phone.wrong == []
    assert "never-made" not in names
    assert wide <= PHONE["width"]
    assert small == []


def test_files_of_others_come_to_the_shelf_and_hostile_ones_do_not(visit, mini, tmp_path):  # noqa: F811
    age = WStatistics.of_generator(mini.generator).basis[:, 0].cpu().numpy()
    np.save(tmp_path / "age.npy", age[None])
    np.save(tmp_path / "wide.npy", np.ones((18, 512), dtype="f4"))
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    visit.page.get_by_role("button", name="Put a direction file on the shelf").click()
    given = visit.page.locator("#import-file input[type=file]")
    given.set_input_files(tmp_path / "evil.pkl")
    assert "exec" in making(visit, "edit", "failed")
    given.set_input_files(tmp_path / "wide.npy")
    visit.page.wait_for_function(
        "document.querySelector('#piece-making-edit [role=status]')?.textContent.includes('wide.npy')"
    )
    assert "(18, 512)" in making(visit, "edit", "failed")
    assert "Traceback" not in visit.page.inner_text("body")
    visit.page.locator("#import-name :is(input, textarea)").fill("Older / wiser")
    given.set_input_files(tmp_path / "age.npy")
    said = making(visit, "edit", "done")
    assert said.startswith("“older-wiser” is on the shelf: it moves rows 0-13 of W, changes ")
    assert "keeps the file's sign, which nobody judged, and belongs to this generator (100% of it" in said
    visit.page.locator(".shelf .card[data-name='older-wiser']").wait_for()
    old = visit.version
    visit.page.get_by_role("button", name="Add older-wiser to the face").first.click()
    visit.changed(old)


def test_directions_of_the_shelf_are_added_and_taken_out_of_each_other(visit):  # noqa: F811
    page = visit.page
    page.get_by_role("button", name="Add and subtract directions").click()
    put = page.get_by_role("button", name="Put it on the shelf")
    assert put.is_disabled()
    page.get_by_label("Direction of line 1", exact=True).select_option("smile")
    page.get_by_label("Direction of line 2", exact=True).select_option("glasses")
    page.get_by_label("Strength of line 2", exact=True).fill("0.5")
    page.get_by_role("button", name="One more line").click()
    page.get_by_label("What line 3 does", exact=True).select_option("without")
    page.get_by_label("Direction of line 3", exact=True).select_option("hat")
    put.click()
    page.locator(".sums[data-made='smile-minus-0-5-glasses-without-hat']").wait_for()
    assert "“smile-minus-0-5-glasses-without-hat” is on the shelf: it moves rows" in page.locator(".sums").inner_text()
    page.locator(".shelf .card[data-name='smile-minus-0-5-glasses-without-hat']").wait_for()
    page.get_by_label("Direction of line 2", exact=True).select_option("smile")
    page.get_by_label("Strength of line 2", exact=True).fill("1")
    page.get_by_role("button", name="Remove line 3").click()
    put.click()
    page.get_by_text("cancel out; nothing is left").wait_for()  # smile - smile


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit",))
