"""Pictures of every tab of the studio, and of its brush, light and dark, and light as on a phone.

Run from the checkout: ``python -m benchmarks.studio_pictures``; they go to ``docs/images/studio``.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

import eclipsed
from benchmarks.pages import save_picture
from benchmarks.studio_server import Server, chromium

TABS = ("Edit", "Brush", "Faces", "Parts", "Learn", "Atlas", "Palette", "Compare", "Take home", "Own picture")
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
TAKEN = (("wide", "light"), ("wide", "dark"), ("narrow", "light"))  # a phone in the dark would show nothing new
NARROW_ALONE = ("Parts",)  # tabs whose pieces the others show in the wide window

_WAIT = 180_000  # ms
_THIN = 200  # pixels
_SETTLED = 400  # ms: transitions are over
_STEPS = 20
_PORTRAIT = Path(__file__).parents[1] / "examples" / "portrait.png"
_PROMPT = "a person with green hair and red lips"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/studio"))
    parser.add_argument("--tabs", nargs="+", choices=TABS, default=TABS, help="only these")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        for size, scheme in TAKEN:
            if size == "wide" and set(args.tabs) <= set(NARROW_ALONE):
                continue
            with tempfile.TemporaryDirectory() as home:  # what one visit learned is not on the shelf of the next
                server = Server(home)
                try:
                    _visit(browser, server.url, size, scheme, args.out, args.tabs)
                finally:
                    server.stop()
        browser.close()


def _visit(browser: Any, url: str, size: str, scheme: str, out: Path, tabs: Sequence[str]) -> None:
    """Take the pictures of some tabs at one size, in one scheme."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(_WAIT)
    page.goto(url)
    page.wait_for_selector(".shelf .card")
    for name in tabs:
        if size == "wide" and name in NARROW_ALONE:
            continue
        _show(page, name)
        place = out / f"{name.lower().replace(' ', '-')}-{size}-{scheme}.webp"
        shot = page.screenshot(full_page=name in ("Own picture", "Parts") and size == "narrow")
        picture = Image.open(io.BytesIO(shot))
        if name in NARROW_ALONE:  # a long page
            picture.thumbnail((_THIN, picture.height), Image.Resampling.LANCZOS)
        save_picture(picture, place)
        print(place, flush=True)
    page.close()


def _show(page: Any, name: str) -> None:
    """Open a tab, and do there what it is for."""
    page.get_by_role("tab", name="Edit" if name == "Brush" else name, exact=True).click()
    if name == "Brush":
        _paint(page)
        return
    if name == "Edit":
        page.get_by_role("button", name="Add glasses to the face").click()
        page.wait_for_function("document.querySelectorAll('.stack .edit').length === 2")
    elif name == "Faces":
        page.locator(".wall img").first.wait_for()
        for seed in (4, 5):
            page.get_by_label(f"Compare seed {seed}", exact=True).check()
    elif name == "Learn":
        _learn(page)
    elif name == "Atlas":
        page.locator(".atlas .move").first.wait_for()
        page.get_by_label("Part", exact=True).click()
        page.get_by_role("option", name="hair", exact=True).click()
        page.get_by_role("button", name="Take hair 1 to the face").wait_for()
    elif name == "Palette":
        page.wait_for_function("document.querySelector('#palette-second input')?.value")
        page.get_by_role("button", name="Draw the palette").click()
        page.locator(".palette .cell").first.wait_for()
    elif name == "Compare":
        page.locator("#compare-names .token").first.wait_for()
        page.get_by_role("button", name="Compare", exact=True).click()
        page.locator(".compare td img").first.wait_for()
    elif name == "Own picture":
        _own(page)
    elif name == "Parts":
        _part(page)
    page.evaluate("window.scrollTo(0, 0)")
    page.mouse.move(0, 0)
    page.wait_for_timeout(_SETTLED)


def _paint(page: Any) -> None:
    """Take the brush for the first edit, of which there is only one then, and paint over half of the hair."""
    others = page.get_by_role("button", name="Remove: glasses")
    if others.count():
        others.click()
        page.wait_for_function("document.querySelectorAll('.stack .edit').length === 1")
    page.get_by_role("button", name="Paint where blond-hair may act").click()
    canvas = page.locator(".brush canvas")
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    spots = ((0.62, 0.12), (0.75, 0.2), (0.82, 0.35), (0.85, 0.55), (0.85, 0.75))
    seen = page.locator(".viewer .face[data-version]").get_attribute("data-version")
    page.mouse.move(*_in(box, spots[0]))
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*_in(box, spot), steps=6)
    page.mouse.up()
    page.wait_for_function(
        "old => document.querySelector('.viewer .face[data-version]').dataset.version !== old", arg=seen
    )
    page.wait_for_timeout(_SETTLED)


def _part(page: Any) -> None:
    """Paint the forehead of two faces, and find it on others."""
    page.get_by_label("Part", exact=True).fill("forehead")
    for seed, height in ((2, 0.35), (4, 0.35)):
        page.locator(f"#piece-painting-faces [data-seed='{seed}']").click()
        page.locator(f"#piece-brush-parts canvas[aria-label*='seed {seed}.']").wait_for()
        canvas = page.locator("#piece-brush-parts canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        page.mouse.move(*_in(box, (0.4, height)))
        page.mouse.down()
        page.mouse.move(*_in(box, (0.6, height)), steps=6)
        page.mouse.up()
        page.locator(f"#piece-painting-faces li.painted [data-seed='{seed}']").wait_for()
    page.get_by_role("button", name="Find it on others").click()
    page.locator("#piece-painting-found .pick").first.wait_for()


def _in(box: dict[str, float], spot: tuple[float, float]) -> tuple[float, float]:
    """A place in the window, of a place in a box in shares of its sides."""
    return box["x"] + spot[0] * box["width"], box["y"] + spot[1] * box["height"]


def _own(page: Any) -> None:
    """Two people on one picture and a portrait, each face with edits of its own, the picture before and after."""
    with tempfile.TemporaryDirectory() as folder:
        page.locator("#own-file input[type=file]").set_input_files([_group(Path(folder) / "friends.png"), _PORTRAIT])
        page.locator(".pasted img.face").first.wait_for()
        page.get_by_label("How close", exact=True).click()
        page.get_by_role("option", name="fast: at once").click()
        page.get_by_role("button", name="Make it editable", exact=True).click()
        page.wait_for_function("document.querySelectorAll('.own-faces li').length === 3")
    page.get_by_role("button", name="Edit number 2 on the picture").click()
    page.locator(".pasted .spot[aria-pressed=true]", has_text="2").wait_for()
    page.get_by_role("tab", name="Edit", exact=True).click()
    page.get_by_role("button", name=re.compile("Add glasses to the face")).click()
    page.locator(".stack .edit", has_text="glasses").wait_for()
    page.get_by_role("tab", name="Own picture", exact=True).click()
    page.get_by_role("button", name="Put it back").click()
    page.locator(".pasted[data-title^='With the edit']").wait_for()


def _group(place: Path) -> Path:
    """Two of the set's own faces on one picture."""
    picture = Image.new("RGB", (680, 340), (120, 140, 160))
    faces = eclipsed.Editor.from_pretrained("mini").sample(seeds=[12, 15]).pil()
    for k, face in enumerate(faces):
        picture.paste(face, (42 + 340 * k, 42))
    picture.save(place)
    return place


def _learn(page: Any) -> None:
    page.get_by_label("What shall the face look like?").fill(_PROMPT)
    page.locator(".parts canvas[data-ready='upper_lip,lower_lip,hair']").wait_for()
    page.get_by_role("button", name="How it is learned").click()
    page.get_by_label("number input for Steps").fill(str(_STEPS))
    page.get_by_label("number input for Steps").press("Tab")
    page.get_by_role("button", name="How it is learned").click()
    page.get_by_role("button", name="Learn", exact=True).click()
    page.locator(".learning img[data-step]").wait_for()


if __name__ == "__main__":
    main()
