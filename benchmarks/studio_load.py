"""Several visitors of the studio at once, each in a browser of their own, pressing at random.

Run from the checkout: ``python -m benchmarks.studio_load``. Each visitor picks faces, adds directions, drags, switches,
reorders, removes, undoes and redoes; a model of what their page must show is kept beside it, and every tenth picture is
compared with what the library draws. Prints errors, mixed-up pages and the server's memory on the way.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.studio_server import Server, chromium
from eclipsed import Editor
from eclipsed.editing.stack import MOST_EDITS, Stack
from eclipsed.studio.actions import place_of
from eclipsed.studio.engine import Engine
from eclipsed.studio.session import Session
from eclipsed.studio.views import caption

_WAIT = 60_000  # ms
_LOOKED_AT = 10  # every tenth picture is compared pixel by pixel


@dataclass
class Found:
    """What a run found.

    Args:
        actions: carried out in all.
        errors: of the console, requests to elsewhere, and pages that did not answer.
        mixed: pages that showed something else than their visitor did.
        memory: of the server in MB, twenty times on the way.
    """

    actions: int = 0
    errors: list[str] = field(default_factory=list)
    mixed: int = 0
    memory: list[float] = field(default_factory=list)


class Visitor:
    """One page in a browser context of its own, and what it must show."""

    def __init__(self, browser: Any, url: str, engine: Engine, seed: int, found: Found) -> None:
        self.engine, self.found, self.rng = engine, found, random.Random(seed)
        self.context = browser.new_context(viewport={"width": 900, "height": 700})
        self.page = self.context.new_page()
        self.page.set_default_timeout(_WAIT)
        self.page.on("console", lambda m: self._complain(m.text, m.type == "error"))
        self.page.on("pageerror", lambda error: self._complain(str(error)))
        self.page.on("request", lambda r: self._complain(r.url, not r.url.startswith((url, "data:", "blob:"))))
        self.page.goto(url)
        self.page.wait_for_selector(".shelf .card")
        self.session = Session(now=engine.first_look())
        self.names = [one.name for one in engine.shelf.all()]
        self.done = 0

    def act(self) -> None:
        """Do something, without waiting for the answer."""
        possible: list[Callable[[], None]] = [self._pick]
        if len(self.session.now) < min(4, MOST_EDITS):
            possible.append(self._add)
        if self.session.now.entries:
            possible += [self._drag, self._drag, self._switch, self._remove]
        if len(self.session.now) > 1:
            possible.append(self._up)
        if self.session.past:
            possible.append(self._undo)
        if self.session.future:
            possible.append(self._redo)
        self.rng.choice(possible)()
        self.done += 1
        self.found.actions += 1

    def check(self) -> None:
        """Wait until the page shows what it must, and count it when it never does."""
        wanted = caption(self.session.now)
        rows = [[e.direction, f"{e.alpha:.2f}", e.on] for e in self.session.now.entries]
        try:
            self.page.wait_for_function(_SHOWS, arg=[wanted, rows], timeout=_WAIT)
        except Exception:
            self.found.mixed += 1
            shown = self.page.locator(".viewer .caption").inner_text()
            self.found.errors.append(f"shows {shown!r}, not {wanted!r}")
            return
        if self.done % _LOOKED_AT == 0:
            source = self.page.locator(".viewer .stage > img.face").get_attribute("src")
            shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB"))
            drawn = np.asarray(Image.fromarray(_pixels(self.engine, self.session.now)))
            if not np.array_equal(shown, drawn):
                self.found.mixed += 1
                self.found.errors.append(f"another picture than that of {wanted!r}")

    def close(self) -> None:
        """Leave."""
        self.context.close()

    def _complain(self, text: str, wrong: bool = True) -> None:
        if wrong:
            self.found.errors.append(text)

    def _press(self, selector: str) -> None:
        self.page.evaluate("selector => document.querySelector(selector).click()", selector)

    def _pick(self) -> None:
        seed = self.rng.randrange(200)
        self.page.get_by_role("tab", name="Faces", exact=True).click()
        self.page.get_by_label("Seed", exact=True).fill(str(seed))
        self.page.get_by_label("Seed", exact=True).press("Enter")
        self.session = self.session.face(seed, self.engine.editor.truncation_psi)
        self.page.get_by_role("tab", name="Edit", exact=True).click()

    def _add(self) -> None:
        name = self.rng.choice(self.names)
        self._press(f".shelf .card[data-name='{name}']")
        if place_of(self.engine, self.session.now, name) is None:  # a second press goes to its row
            self.session = self.session.show(self.engine.added(self.session.now, name))

    def _drag(self) -> None:
        row = self.rng.randrange(len(self.session.now))
        alpha = self.rng.randrange(-100, 101) / 100
        self.page.evaluate(_DRAG, [row, alpha])
        self.session = self.session.show(self.session.now.changed(row, alpha=alpha), gesture=f"{self.done}")

    def _switch(self) -> None:
        row = self.rng.randrange(len(self.session.now))
        self._press(f".stack [data-key='on-{row}']")
        self.session = self.session.show(self.session.now.changed(row, on=not self.session.now.entries[row].on))

    def _remove(self) -> None:
        row = self.rng.randrange(len(self.session.now))
        self._press(f".stack [data-key='remove-{row}']")
        self.session = self.session.show(self.session.now.removed(row))

    def _up(self) -> None:
        row = self.rng.randrange(1, len(self.session.now))
        self._press(f".stack [data-key='up-{row}']")
        self.session = self.session.show(self.session.now.moved(row, row - 1))

    def _undo(self) -> None:
        self._press(".viewer [data-do=undo]")
        self.session = self.session.undo()

    def _redo(self) -> None:
        self._press(".viewer [data-do=redo]")
        self.session = self.session.redo()


_DRAG = """([row, alpha]) => { const range = document.querySelector(`.stack [data-key=alpha-${row}]`);
  range.dispatchEvent(new PointerEvent('pointerdown')); range.value = alpha;
  range.dispatchEvent(new Event('input')); }"""

_SHOWS = """([caption, rows]) => document.querySelector('.viewer .caption').textContent === caption
  && JSON.stringify([...document.querySelectorAll('.stack .edit')].map((edit) => [edit.dataset.name,
    edit.querySelector('.alpha').value.replace(/^-0.00$/, '0.00'), edit.querySelector('[role=switch]').checked]))
  === JSON.stringify(rows)
  && document.querySelector('.viewer [data-do=undo]') !== null"""


def load(
    browser: Any, url: str, *, visitors: int, actions: int, seed: int, memory: Callable[[], float] | None = None
) -> Found:
    """Let some visitors press at random.

    Args:
        browser: of Playwright.
        url: of a studio of `mini`.
        visitors: at once.
        actions: of each.
        seed: of all that is random.
        memory: gives the server's memory in MB.
    """
    found = Found()
    engine = Engine.of(Editor.from_pretrained("mini", device="cpu"))
    people = [Visitor(browser, url, engine, 1000 * seed + index, found) for index in range(visitors)]
    for turn in range(actions):
        for one in people:
            one.act()
        for one in people:
            one.check()
        if memory is not None and (turn + 1) % max(1, actions // 20) == 0:
            found.memory.append(round(memory(), 1))
    for one in people:
        one.close()
    return found


def _pixels(engine: Engine, look: Stack) -> np.ndarray[Any, Any]:
    from eclipsed.images.conversion import to_uint8

    return to_uint8(engine.show(look).images)[0].cpu().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver, tempfile.TemporaryDirectory() as home:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        server = Server(home)
        try:
            found = load(
                browser,
                server.url,
                visitors=args.visitors,
                actions=args.actions,
                seed=args.seed,
                memory=server.memory,
            )
        finally:
            server.stop()
            browser.close()
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
