"""The class of faces, chosen in a real browser on a set whose generator has classes."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')
pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

from checkpoint_files import nvidia_content, random_generator, write_nvidia
from test_studio_browser import browser, chromium  # noqa: F401

from benchmarks.studio_server import Server
from eclipsed import Editor
from eclipsed.networks.generator_config import GeneratorConfig

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

CHANNELS = ((4, 8), (8, 8), (16, 8), (32, 6))
PIXELS = """async (chosen) => { const image = document.querySelector(chosen); await image.decode();
  const c = document.createElement('canvas'); c.width = image.naturalWidth; c.height = image.naturalHeight;
  const context = c.getContext('2d'); context.drawImage(image, 0, 0);
  return Array.from(context.getImageData(0, 0, c.width, c.height).data); }"""


@pytest.fixture(scope="module")
def folder(model_set, tmp_path_factory):
    folder = shutil.copytree(model_set, tmp_path_factory.mktemp("sets") / "classes")
    config = GeneratorConfig(
        z_dim=12, w_dim=16, resolution=32, channels=CHANNELS, c_dim=3, mapping_layers=2, mapping_lr_multiplier=1.0
    )
    write_nvidia(folder / "classes.pkl", nvidia_content(config, random_generator(config)))
    description = json.loads((folder / "set.json").read_text())
    (folder / "set.json").write_text(json.dumps({**description, "generator": "classes.pkl", "name": "classes"}))
    return folder


def test_a_number_chooses_the_class(browser, folder, tmp_path):  # noqa: F811
    server = Server(tmp_path / "home", "--models", str(folder), "--class", "1")
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(60_000)
    page.goto(server.url)
    page.locator(".shelf .hint").wait_for()
    editor = Editor.from_pretrained(folder, device="cpu")

    def shows(selector, seed, index):
        data = np.array(page.evaluate(PIXELS, selector), dtype=np.int16).reshape(32, 32, 4)[..., :3]
        expected = np.asarray(editor.sample(seeds=seed, class_index=index).pil()[0], dtype=np.int16)
        return np.abs(data - expected).max() <= 1

    assert shows(".viewer .stage > img.face", 1, 1)
    page.get_by_role("tab", name="Faces", exact=True).click()
    page.locator(".wall img").first.wait_for()
    number = page.get_by_label("Class, 0 to 2")
    assert number.input_value() == "1"
    first = page.locator(".wall img").first.get_attribute("src")
    number.fill("2")
    number.press("Tab")
    page.wait_for_function(
        "old => { const now = document.querySelector('.wall img'); return now && now.src !== old; }", arg=first
    )
    assert shows(".wall img", 0, 2)
    page.get_by_role("button", name="Take the face of seed 5", exact=True).click()
    page.wait_for_function("document.querySelector('.viewer .caption').textContent === 'seed 5'")
    assert shows(".viewer .stage > img.face", 5, 2)
    page.reload()
    page.locator(".shelf .hint").wait_for()
    assert shows(".viewer .stage > img.face", 5, 2)
    page.get_by_role("tab", name="Faces", exact=True).click()
    assert page.get_by_label("Class, 0 to 2").input_value() == "2"
    page.close()
    server.stop()
    assert "Traceback" not in server.said
