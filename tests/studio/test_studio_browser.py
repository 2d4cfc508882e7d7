"""The studio in a real browser: what a person sees, on `mini`."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')
api = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

import eclipsed  # noqa: E402
import eclipsed.images.conversion  # noqa: E402
from benchmarks.studio_load import load  # noqa: E402
from benchmarks.studio_server import Server, chromium  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

WAIT = 60_000  # ms


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("home"))
    yield running
    running.stop()
    assert "Traceback" not in running.said


class Visit:
    """One visitor's page, which notes all that must not happen."""

    def __init__(self, browser, url, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.wrong = []
        self.page.on("console", lambda m: m.type == "error" and self.wrong.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))
        self.page.on(
            "request", lambda r: r.url.startswith((url, "data:", "blob:")) or self.wrong.append(f"request: {r.url}")
        )
        self.page.goto(url)
        self.page.wait_for_selector(".shelf .card")

    def tab(self, name):
        self.page.get_by_role("tab", name=name, exact=True).click()

    @property
    def version(self):
        return self.page.locator(".viewer .face[data-version]").get_attribute("data-version")

    def changed(self, old):
        """Wait until the face is another one than at `old`, and give its name."""
        self.page.wait_for_function(
            "old => document.querySelector('.viewer .face[data-version]').dataset.version !== old", arg=old
        )
        return self.version

    def picture(self, which="after"):
        """The face as the page has it, (H, W, 3)."""
        chosen = ".viewer .stage > img.face" if which == "after" else ".viewer .cover img.face"
        data = self.page.evaluate(
            """async (chosen) => { const image = document.querySelector(chosen); await image.decode();
            const c = document.createElement('canvas'); c.width = image.naturalWidth; c.height = image.naturalHeight;
            const context = c.getContext('2d'); context.drawImage(image, 0, 0);
            return Array.from(context.getImageData(0, 0, c.width, c.height).data); }""",
            chosen,
        )
        side = int((len(data) / 4) ** 0.5)
        return np.array(data, dtype=np.int16).reshape(side, side, 4)[..., :3]

    def fetch(self, button):
        """Press a button that hands out a file; gives its bytes and name."""
        with self.page.expect_download() as expected:
            self.page.get_by_role("button", name=button, exact=True).click()
        return Path(expected.value.path()).read_bytes(), expected.value.suggested_filename

    def slide(self, row, alpha):
        """Move a slider as a hand does, in a few steps."""
        self.page.evaluate(
            """async ([row, alpha]) => { const range = document.querySelectorAll('.stack input[type=range]')[row];
            range.dispatchEvent(new PointerEvent('pointerdown')); const from = +range.value;
            for (let k = 1; k <= 4; k++) { range.value = from + (alpha - from) * k / 4;
              range.dispatchEvent(new Event("input")); await new Promise(requestAnimationFrame); } }""",
            [row, alpha],
        )

    def shows(self, alphas):
        """Wait until the face is drawn with these strengths."""
        wanted = ":" + ",".join(f"{alpha:.2f}1" for alpha in alphas)
        self.page.wait_for_function(
            "end => document.querySelector('.viewer .face[data-version]').dataset.version.endsWith(end)", arg=wanted
        )


@pytest.fixture
def visit(browser, server):
    visit = Visit(browser, server.url)
    yield visit
    visit.context.close()
    assert visit.wrong == []


@pytest.fixture(scope="module")
def mini():
    return eclipsed.Editor.from_pretrained("mini", device="cpu")


def change(before, after):
    """Mean absolute change at each pixel, 0 to 255."""
    return np.abs(after - before).mean(axis=2)


def mask(mini, seed, direction, parts, alpha=1.0):
    """Where parts are before or after an edit, grown a little, as a bool picture."""
    faces = mini.sample(seeds=seed)
    edited = mini.edit(faces, direction, alpha)
    inside = (mini.parser.mask(faces.images, parts) + mini.parser.mask(edited.images, parts))[0, 0] > 0
    grown = np.zeros(inside.shape, dtype=bool)
    ys, xs = np.nonzero(inside.numpy())
    for dy in range(-12, 13):
        for dx in range(-12, 13):
            grown[np.clip(ys + dy, 0, 255), np.clip(xs + dx, 0, 255)] = True
    return inside.numpy(), grown


def shipped(name):
    return eclipsed.Direction.load(Path(__file__).parents[2] / "models" / f"{name}.safetensors")


def test_the_first_screen_shows_a_face_and_an_edit_of_it(visit, mini):
    difference = change(visit.picture("before"), visit.picture("after"))
    inside, grown = mask(mini, 1, shipped("blond-hair"), ("hair",))
    assert difference[inside].mean() > 20
    assert difference[~grown].mean() < 3
    assert visit.page.get_by_role("slider", name="Strength of blond-hair").is_visible()
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"


def test_picking_a_face_keeps_the_edits(visit, mini):
    visit.tab("Faces")
    old = visit.version
    visit.page.get_by_role("button", name="Take the face of seed 5", exact=True).click()
    visit.changed(old)
    faces = mini.sample(seeds=5)
    for which, images in (("before", faces.images), ("after", mini.edit(faces, shipped("blond-hair"), 1.0).images)):
        expected = np.asarray(eclipsed.images.conversion.to_pil(images)[0], dtype=np.int16)
        assert np.abs(visit.picture(which) - expected).max() <= 1
    visit.page.get_by_label("Seed", exact=True).fill("123456")
    old = visit.version
    visit.page.get_by_label("Seed", exact=True).press("Enter")
    assert ":123456:" in visit.changed(old)


def test_a_bad_seed_is_a_sentence_in_the_page(visit):
    visit.tab("Faces")
    visit.page.get_by_label("Seed", exact=True).fill("-3")
    visit.page.get_by_label("Seed", exact=True).press("Enter")
    message = visit.page.get_by_text("A seed is a whole number from 0 to 4294967295")
    message.wait_for()
    assert "Traceback" not in visit.page.inner_text("body")
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"


def test_dragging_alpha_changes_the_hair_and_nothing_else(visit, mini):
    full = visit.picture()
    visit.slide(0, -1.0)
    visit.shows([-1.0])
    inside, grown = mask(mini, 1, shipped("blond-hair"), ("hair",))
    difference = change(full, visit.picture())
    assert difference[inside].mean() > 30
    assert difference[~grown].mean() < 4
    visit.slide(0, 0.0)
    visit.shows([0.0])
    assert np.array_equal(visit.picture(), visit.picture("before"))
    assert visit.page.get_by_label("Strength of blond-hair as a number").input_value() == "0.00"
    visit.page.get_by_role("button", name="Undo").click()
    visit.shows([-1.0])
    visit.page.get_by_role("button", name="Undo").click()
    visit.shows([1.0])
    visit.page.wait_for_function("document.querySelector('.stack .alpha').value === '1.00'")  # the slider, too


def test_stacking_reordering_undo_redo_reset(visit, mini):
    first = visit.picture()
    old = visit.version
    visit.page.get_by_role("button", name="Add glasses to the face").click()
    old = visit.changed(old)
    both = visit.picture()
    inside, grown = mask(mini, 1, shipped("glasses"), ("glasses",))
    difference = change(first, both)
    assert difference[inside].mean() > 15
    assert difference[~grown].mean() < 6
    assert visit.page.locator(".stack .edit strong").all_inner_texts() == ["blond-hair", "glasses"]
    visit.page.get_by_role("button", name="Earlier: glasses").click()
    visit.page.wait_for_function("document.querySelector('.stack .edit strong').textContent === 'glasses'")
    visit.page.get_by_role("button", name="Undo").click()
    visit.page.wait_for_function("document.querySelector('.stack .edit strong').textContent === 'blond-hair'")
    old = visit.version
    visit.page.get_by_role("button", name="Undo").click()
    old = visit.changed(old)
    assert np.array_equal(visit.picture(), first)
    visit.page.get_by_role("button", name="Redo").click()
    old = visit.changed(old)
    assert np.array_equal(visit.picture(), both)
    visit.page.get_by_role("button", name="Reset").click()
    visit.changed(old)
    assert np.array_equal(visit.picture(), visit.picture("before"))
    assert visit.page.locator(".stack .hint").is_visible()


def test_switch_layers_blend_and_remove(visit, mini):
    drawn = visit.picture()
    old = visit.version
    visit.page.get_by_role("switch").click()
    old = visit.changed(old)
    assert np.array_equal(visit.picture(), visit.picture("before"))
    visit.page.get_by_role("switch").click()
    old = visit.changed(old)
    assert np.array_equal(visit.picture(), drawn)
    visit.page.get_by_label("Blend").select_option("pixels")
    visit.changed(old)
    blended, before = visit.picture(), visit.picture("before")
    _, grown = mask(mini, 1, shipped("blond-hair"), ("hair",))
    assert np.array_equal(blended[~grown], before[~grown])
    assert change(blended, before)[grown].mean() > 15
    old = visit.version
    visit.page.get_by_label("Layers").select_option("rows")
    visit.page.get_by_label("Rows that blond-hair may change").fill("0-3")
    visit.page.get_by_label("Rows that blond-hair may change").press("Enter")
    visit.page.get_by_text("This direction edits the rows").wait_for()
    assert np.array_equal(visit.picture(), blended)
    visit.page.get_by_role("button", name="Remove: blond-hair").click()
    visit.changed(old)
    assert visit.page.locator(".stack .edit").count() == 0


def test_before_and_after_by_holding_and_by_the_line(visit):
    hold = visit.page.get_by_role("button", name="Hold for before")
    box = hold.bounding_box()
    visit.page.mouse.move(box["x"] + 5, box["y"] + 5)
    visit.page.mouse.down()
    stage = visit.page.locator(".viewer .stage")
    shown = np.asarray(Image.open(io.BytesIO(stage.screenshot())).convert("RGB").resize((256, 256)), dtype=np.int16)
    visit.page.mouse.up()
    free = np.asarray(Image.open(io.BytesIO(stage.screenshot())).convert("RGB").resize((256, 256)), dtype=np.int16)
    before, after = visit.picture("before"), visit.picture("after")
    right = (slice(40, 200), slice(144, 240))
    assert change(shown, before)[right].mean() < change(shown, after)[right].mean()
    assert change(free, after)[right].mean() < change(free, before)[right].mean()
    visit.page.get_by_label("Line between before and after").fill("100")
    moved = np.asarray(Image.open(io.BytesIO(stage.screenshot())).convert("RGB").resize((256, 256)), dtype=np.int16)
    assert change(moved, before)[right].mean() < change(moved, after)[right].mean()


def test_the_keyboard_is_enough(visit):
    visit.page.get_by_role("slider", name="Strength of blond-hair").focus()
    old = visit.version
    visit.page.keyboard.press("ArrowLeft")
    visit.changed(old)
    visit.shows([0.99])
    visit.page.get_by_role("button", name="Undo").focus()
    old = visit.version
    visit.page.keyboard.press("Enter")
    visit.changed(old)
    visit.shows([1.0])


def test_a_palette_and_a_cell_of_it(visit, mini):
    visit.tab("Palette")
    visit.page.wait_for_function("document.querySelector('#palette-second input')?.value")
    visit.page.get_by_role("button", name="Draw the palette").click()
    visit.page.locator(".palette .cell").first.wait_for()
    assert visit.page.locator(".palette .cell").count() == 25
    old = visit.version
    visit.page.locator(".palette [data-cell='0,4']").click()
    visit.changed(old)
    visit.shows([-1.0, 1.0])
    faces = mini.sample(seeds=1)
    expected = mini.edit(mini.edit(faces, shipped("blond-hair"), -1.0), shipped("curly-hair"), 1.0)
    assert np.abs(visit.picture() - np.asarray(expected.pil()[0], dtype=np.int16)).max() <= 1


def test_comparing_at_equal_change(visit):
    visit.tab("Faces")
    for seed in (3, 4):
        visit.page.get_by_label(f"Compare seed {seed}", exact=True).check()
    visit.tab("Compare")
    visit.page.locator("#compare-names .token").first.wait_for()
    visit.page.get_by_label("At equal change").check()
    visit.page.get_by_label("Strengths").fill("0.8")
    visit.page.get_by_role("button", name="Compare", exact=True).click()
    visit.page.locator(".compare td img").first.wait_for()
    rows = [
        [float(x) for x in re.findall(r"change ([\d.]+)", text)]
        for text in visit.page.locator(".compare tbody tr").all_inner_texts()
    ]
    assert len(rows) == 2
    assert rows[1][0] == pytest.approx(rows[0][0], rel=0.03)
    assert visit.page.locator(".compare tbody td img").count() == 4


def test_what_is_taken_home_replays_to_the_same_picture(visit, mini, tmp_path):
    old = visit.version
    visit.page.get_by_role("button", name="Add smile to the face").click()
    visit.changed(old)
    shown = visit.picture()
    visit.tab("Take home")
    data, name = visit.fetch("Picture (PNG)")
    taken = Image.open(io.BytesIO(data))
    assert name == "seed0001.png"
    assert np.array_equal(np.asarray(taken, dtype=np.int16), shown)
    data, name = visit.fetch("Edit stack (JSON)")
    (tmp_path / name).write_bytes(data)
    stack = eclipsed.Stack.load(tmp_path / name)
    replayed = mini.edit(mini.sample(seeds=stack.seed, truncation_psi=stack.truncation_psi), stack)
    assert np.array_equal(np.asarray(replayed.pil()[0], dtype=np.int16), shown)
    lines = visit.page.locator(".python pre").inner_text()
    assert f"eclipsed.Stack.load('{name}')" in lines
    assert visit.fetch("Film (GIF)")[0][:6] == b"GIF89a"
    assert Image.open(io.BytesIO(visit.fetch("Strip (PNG)")[0])).width > 600
    assert visit.fetch("Film (MP4)")[0][4:8] == b"ftyp"


def test_a_picture_of_the_studio_opens_with_its_edits(visit):
    visit.tab("Take home")
    data, name = visit.fetch("Picture (PNG)")
    visit.page.get_by_role("button", name="Reset").click()
    visit.shows([])
    visit.page.locator("input[type=file]").last.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
    visit.shows([1.0])


@pytest.mark.parametrize("bad", ["json", "png", "path"])
def test_a_file_that_is_no_stack_is_a_sentence(visit, bad):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    stack = {"kind": "edit stack", "version": 1, "edits": [{"direction": "../../x", "digest": "0" * 64}]}
    data, message = {
        "json": (b"{", "this is not JSON"),
        "png": (buffer.getvalue(), "was not made by the studio"),
        "path": (json.dumps(stack).encode(), "without a path"),
    }[bad]
    visit.tab("Take home")
    suffix = "png" if bad == "png" else "json"
    visit.page.locator("input[type=file]").last.set_input_files(
        {"name": f"x.{suffix}", "mimeType": "text/plain", "buffer": data}
    )
    visit.page.get_by_text(message).wait_for()
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"


def set_steps(visit, steps):
    """Type a number of steps; a field that has just been unfolded may not listen yet."""
    field = visit.page.get_by_label("number input for Steps")
    for _ in range(5):
        field.fill(str(steps))
        field.press("Tab")
        visit.page.wait_for_timeout(200)
        if visit.page.get_by_label("range slider for Steps").input_value() == str(steps):
            return
    pytest.fail(f"the slider did not take {steps} steps")


def test_learning_shows_itself_and_lands_on_the_shelf(visit):
    visit.tab("Learn")
    visit.page.get_by_label("What shall the face look like?").fill("a person with green hair")
    visit.page.locator(".parts canvas[data-ready=hair]").wait_for()
    assert "green hair" in visit.page.locator(".parts .words").inner_text()
    visit.page.locator(".parts .chip", has_text="clothes").click()
    visit.page.locator(".parts canvas[data-ready='clothes,hair']").wait_for()
    area = visit.page.locator(".parts canvas").bounding_box()
    visit.page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] - 8)  # the clothes
    visit.page.locator(".parts canvas[data-ready=hair]").wait_for()
    visit.page.get_by_role("button", name="How it is learned").click()
    set_steps(visit, 5)
    visit.page.get_by_role("button", name="Learn", exact=True).click()
    visit.page.locator(".learning img[data-step='5']").wait_for()
    captions = visit.page.locator(".learning .curves figcaption").all_inner_texts()
    names = [re.match("[A-Z][a-z]*", text).group() for text in captions]  # beside each stands its figure
    assert names[0] == "Loss"
    assert {"Clip", "Locality"} < set(names)
    assert visit.page.locator(".learning polyline").count() == len(names)  # each figure of a step has a curve
    visit.page.locator(".learning[data-status=done]").wait_for(timeout=2 * WAIT)
    visit.page.get_by_role("button", name="Add green-hair to the face").click()
    visit.page.wait_for_function("document.querySelector('.viewer .caption').textContent.includes('green-hair')")
    visit.tab("Edit")
    card = visit.page.locator(".shelf .card[data-name=green-hair]")
    assert "local" in card.inner_text()


def test_stop_keeps_what_was_learned_and_it_can_be_resumed(visit):
    visit.tab("Learn")
    visit.page.get_by_label("What shall the face look like?").fill("a person with grey hair")
    visit.page.get_by_role("button", name="How it is learned").click()
    set_steps(visit, 600)
    visit.page.get_by_label("Preset").click()
    visit.page.get_by_role("option", name="the report").click()
    visit.page.get_by_role("button", name="Learn", exact=True).click()
    visit.page.locator(".learning img[data-step]").wait_for()
    visit.page.get_by_role("button", name="Stop", exact=True).click()
    visit.page.locator(".learning[data-status=stopped]").wait_for()
    visit.page.get_by_role("button", name="Add grey-hair to the face").wait_for()
    assert re.search(r"step \d+ of 600", visit.page.locator(".learning .unfinished").inner_text())
    visit.page.get_by_role("button", name="Resume a person with grey hair").click()
    visit.page.locator(".learning[data-status=learning]").wait_for()
    visit.page.get_by_role("button", name="Stop", exact=True).click()
    visit.page.locator(".learning[data-status=stopped]").wait_for()
    visit.page.get_by_role("button", name="Discard a person with grey hair").click()
    visit.page.locator(".learning .unfinished").wait_for(state="detached")


def test_two_visitors_do_not_see_each_other(browser, server):
    one, two = Visit(browser, server.url), Visit(browser, server.url)
    shown = two.picture()
    old = one.version
    one.page.get_by_role("button", name="Add hat to the face").click()
    one.changed(old)
    two.page.reload()
    two.page.wait_for_selector(".shelf .card")
    assert np.array_equal(two.picture(), shown)
    assert one.page.locator(".stack .edit").count() == 2
    assert two.page.locator(".stack .edit").count() == 1
    assert one.wrong == two.wrong == []
    one.context.close()
    two.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_nothing_runs_over_the_edge_and_every_control_has_a_name(browser, server, size, scheme):
    visit = Visit(browser, server.url, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    for name in ("Edit", "Faces", "Own picture", "Learn", "Atlas", "Palette", "Compare", "Take home"):
        visit.tab(name)
        visit.page.wait_for_timeout(300)
        assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        nameless = visit.page.evaluate(
            """() => [...document.querySelectorAll('button, input, select, textarea')]
            .filter((e) => e.offsetParent && e.type !== 'file' && !e.labels?.length && !e.textContent.trim() &&
              !['aria-label', 'aria-labelledby', 'title', 'placeholder'].some((name) => e.getAttribute(name)))
            .map((e) => e.outerHTML.slice(0, 200))"""
        )
        assert nameless == [], name
    assert visit.page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    assert visit.wrong == []
    visit.context.close()


def test_four_visitors_who_press_at_random_do_not_meet(browser, server):
    found = load(browser, server.url, visitors=4, actions=12, seed=1)
    assert found.errors == []
    assert found.mixed == 0
    assert found.actions == 48
