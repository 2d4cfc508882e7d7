"""How long the studio takes from a slider to the new picture, and from the command to the first edited face.

Run from the checkout, on an idle machine: ``python -m benchmarks.studio_latency``. Both are measured in the browser:
from the slider's event to the frame in which the new picture is drawn; and from the start of the command to the first
screen with a face and its edit.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from typing import Any

from benchmarks.studio_server import Server, chromium

_MEASURE = """async (moves) => {
  const range = document.querySelector('.stack input[type=range]');
  const face = document.querySelector('.viewer .stage > img.face');
  const times = [];
  for (let k = 0; k < moves; k++) {
    const alpha = (((k * 37) % 199) - 99) / 100;
    const version = face.dataset.version;
    if (range.value === String(alpha)) continue;
    const began = performance.now();
    range.dispatchEvent(new PointerEvent('pointerdown'));
    range.value = alpha;
    range.dispatchEvent(new Event('input'));
    while (face.dataset.version === version) await new Promise((done) => setTimeout(done, 1));
    await face.decode();
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, 30));
  }
  return times;
}"""


def measure(moves: int) -> dict[str, Any]:
    """Median and 95th percentile of the slider in ms, and seconds to the first screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver, tempfile.TemporaryDirectory() as home:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        server = Server(home)
        try:
            page.goto(server.url)
            page.wait_for_selector(".viewer .face[data-version]", timeout=120_000)
            page.evaluate("document.querySelector('.viewer .face[data-version]').decode()")
            first = time.monotonic() - server.began
            page.wait_for_selector(".shelf .card", timeout=120_000)
            time.sleep(10)  # what is loaded behind the first screen is there by then
            times = page.evaluate(_MEASURE, moves)
        finally:
            server.stop()
            browser.close()
    return {
        "first_screen_s": round(first, 1),
        "slider_median_ms": round(statistics.median(times)),
        "slider_p95_ms": round(statistics.quantiles(times, n=20)[-1]),
        "moves": len(times),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=100)
    args = parser.parse_args()
    print(json.dumps(measure(args.moves)))


if __name__ == "__main__":
    main()
