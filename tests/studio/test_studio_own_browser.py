"""A visitor's own picture in a real browser, on `mini`: inverted, edited, put back and taken home."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')
pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: pip install playwright")

from test_studio_browser import Visit, browser, change, chromium, mini, server, shipped, visit  # noqa: F401

import eclipsed
from eclipsed.store.sets import find_set

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here: apt-get install chromium"),
]

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.png"


def choose(visit, path=PORTRAIT, *, level="fast: at once", which=""):  # noqa: F811
    """Upload a picture in the tab and choose a level, and perhaps which face."""
    visit.tab("Own picture")
    visit.page.locator("#own-file input[type=file]").set_input_files(path)
    visit.page.locator(".pasted img[alt='Your picture']").wait_for()
    pick(visit, "How close", level)
    if which:
        pick(visit, "Which one", which)


def pick(visit, label, option):  # noqa: F811
    visit.page.get_by_label(label, exact=True).click()
    visit.page.get_by_role("option", name=option).click()


def inverted(visit, **options):  # noqa: F811
    """Upload, invert, and wait until the face is the session's."""
    choose(visit, **options)
    old = visit.version
    visit.page.get_by_role("button", name="Make it editable", exact=True).click()
    return visit.changed(old)


def expected(mini, alpha):  # noqa: F811
    faces = mini.invert(PORTRAIT, level="fast", aligned=True)
    edited = mini.edit(faces, shipped("blond-hair"), alpha)
    return faces, edited, np.asarray(mini.paste(edited)[0], dtype=np.int16)


def test_a_picture_is_inverted_edited_and_put_back(visit, mini):  # noqa: F811
    inverted(visit)
    faces, _, _ = expected(mini, 0.5)
    assert np.abs(visit.picture("before") - np.asarray(faces.pil()[0], dtype=np.int16)).max() <= 1
    assert visit.page.locator(".viewer .caption").inner_text() == "photo · blond-hair +1"
    shown = float(visit.page.locator(".own-faces li").get_attribute("data-psnr"))
    assert 18 < shown < 22  # 19.8 dB
    visit.tab("Edit")
    visit.slide(0, 0.5)
    visit.shows([0.5])
    _, edited, pasted = expected(mini, 0.5)
    assert np.abs(visit.picture() - np.asarray(edited.pil()[0], dtype=np.int16)).max() <= 1

    visit.tab("Own picture")
    visit.page.get_by_role("button", name="Put it back").click()
    visit.page.locator(".pasted[data-title^='With the edit put back']").wait_for()
    data, name = visit.fetch("Edited picture (PNG)")
    assert name == "portrait-edited.png"
    taken = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)
    original = np.asarray(Image.open(PORTRAIT).convert("RGB"), dtype=np.int16)
    assert np.abs(taken - pasted).max() <= 1
    # the part: hair before or after, grown by the seam; beyond it the picture is bit-equal
    goal = mini.parser.mask(
        eclipsed.images.conversion.from_pil(Image.open(PORTRAIT).convert("RGB"), size=256), ("hair",)
    )
    inside = (goal + mini.parser.mask(edited.images, ("hair",)))[0, 0].numpy() > 0
    scale = original.shape[0] // 256
    core = np.kron(inside, np.ones((scale, scale), dtype=bool))
    grown = np.kron(widened(inside, 14), np.ones((scale, scale), dtype=bool))
    difference = change(original, taken)
    assert difference[core].mean() > 10
    assert difference[~grown].max() == 0
    assert (~grown).mean() > 0.2


def widened(inside, by):
    grown = np.zeros_like(inside)
    for y, x in zip(*np.nonzero(inside), strict=True):
        grown[max(0, y - by) : y + by + 1, max(0, x - by) : x + by + 1] = True
    return grown


def test_all_tabs_work_on_the_face(visit, mini):  # noqa: F811
    own = inverted(visit)
    visit.tab("Palette")
    visit.page.wait_for_function("document.querySelector('#palette-second input')?.value")
    visit.page.get_by_role("button", name="Draw the palette").click()
    visit.page.locator(".palette .cell").first.wait_for()
    visit.page.locator(".palette [data-cell='4,2']").click()
    old = visit.changed(own)
    visit.tab("Compare")
    visit.page.locator("#compare-names .token").first.wait_for()
    visit.page.get_by_role("button", name="Compare", exact=True).click()
    visit.page.locator(".compare td img").first.wait_for()
    assert "Faces: photo." in visit.page.locator(".compare .hint").inner_text()
    visit.tab("Take home")
    data, name = visit.fetch("Picture (PNG)")
    assert name == "portrait-face1.png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data)), dtype=np.int16), visit.picture())
    assert "load_faces('portrait.face.safetensors')" in visit.page.locator(".python pre").inner_text()
    visit.tab("Faces")
    visit.page.get_by_role("button", name="Take the face of seed 5", exact=True).click()
    old = visit.changed(old)
    visit.tab("Own picture")
    for name in ("Put it back", "Edited picture (PNG)", "Save the face"):  # the face that is shown is no picture's
        assert visit.page.get_by_role("button", name=name, exact=True).is_disabled(), name
    visit.page.get_by_role("button", name="Edit your face").click()
    old = visit.changed(old)
    assert visit.page.locator(".viewer .caption").inner_text().startswith("photo")
    visit.page.get_by_role("button", name="Forget my picture").click()
    visit.changed(old)
    visit.page.locator(".own-faces").wait_for(state="detached")
    assert visit.page.locator(".viewer .caption").inner_text().startswith("seed 1")


def test_a_face_is_saved_and_opened_again(visit, browser, server, tmp_path):  # noqa: F811
    inverted(visit)
    shown = visit.picture("before")
    data, name = visit.fetch("Save the face")
    assert name == "portrait.face.safetensors"
    (tmp_path / name).write_bytes(data)
    other = Visit(browser, server.url)
    other.tab("Own picture")
    other.page.get_by_role("button", name="Open a face that was saved").click()
    old = other.version
    other.page.locator("#own-saved input[type=file]").set_input_files(tmp_path / name)
    other.changed(old)
    assert np.array_equal(other.picture("before"), shown)
    other.page.get_by_text("To put it back, choose its picture above.").wait_for()
    assert other.page.get_by_role("button", name="Put it back").is_disabled()
    assert other.page.get_by_role("button", name="Save the face").is_enabled()
    other.page.locator("#own-file input[type=file]").set_input_files(PORTRAIT)
    other.page.locator(".pasted img[alt='Your picture']").wait_for()
    assert other.fetch("Edited picture (PNG)")[0][:4] == b"\x89PNG"
    assert other.wrong == []
    other.context.close()


def test_progress_is_that_of_the_steps_and_stop_keeps_the_best_so_far(visit):  # noqa: F811
    choose(visit, level="best: slow")
    old = visit.version
    visit.page.get_by_role("button", name="Make it editable", exact=True).click()
    bar = visit.page.get_by_label("Progress of portrait.png")
    visit.page.locator(".inversions .job p", has_text="dB").wait_for()
    seen = bar.evaluate("bar => bar.value")
    assert 0 <= seen < 0.9
    visit.page.wait_for_function("seen => document.querySelector('.inversions progress').value > seen", arg=seen)
    slider = visit.version  # the sliders stay usable
    visit.tab("Edit")
    visit.slide(0, 0.25)
    visit.shows([0.25])
    assert visit.version != slider
    visit.tab("Own picture")
    visit.page.get_by_role("button", name="Stop portrait.png here").click()
    visit.page.locator(".inversions .job.stopped").wait_for()
    visit.page.locator(".own-faces li").wait_for()
    assert bar.count() == 0
    assert "photo" in visit.changed(old)


def drop(visit, paths):  # noqa: F811
    """Drop files on the field for pictures, as a mouse does."""
    files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
    carried = visit.page.evaluate_handle(
        """(files) => { const carried = new DataTransfer(); for (const [name, text] of files)
        carried.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name)); return carried; }""",
        files,
    )
    visit.page.locator("#own-file button").first.dispatch_event("drop", {"dataTransfer": carried})


def test_pictures_are_dropped_and_each_face_gets_edits_of_its_own(visit, mini, tmp_path):  # noqa: F811
    """Two people on one photograph, a portrait and a text: the text gets its sentence, and each face its own stack."""
    group = Image.new("RGB", (680, 340), (120, 140, 160))
    for place, seed in enumerate((12, 15)):
        group.paste(mini.sample(seeds=seed).pil()[0], (42 + 340 * place, 42))
    group.save(tmp_path / "group.png")
    (tmp_path / "notes.txt").write_text("no picture")
    visit.tab("Own picture")
    pick(visit, "How close", "fast: at once")
    drop(visit, [tmp_path / "group.png", tmp_path / "notes.txt", PORTRAIT])
    visit.page.locator(".pasted img[alt='The first of 3 pictures']").wait_for()
    old = visit.version
    visit.page.get_by_role("button", name="Make it editable", exact=True).click()
    old = visit.changed(old)
    visit.page.wait_for_function("document.querySelectorAll('.inversions .job.done').length === 2")
    assert "notes.txt Expected a file that ends in .png" in visit.page.locator(".inversions .job.failed").inner_text()
    visit.page.wait_for_function("document.querySelectorAll('.own-faces li').length === 3")
    assert visit.page.locator(".viewer .caption").inner_text() == "photo, face 1 · blond-hair +1"

    visit.page.get_by_role("button", name="Edit number 2 on the picture").click()
    old = visit.changed(old)
    assert visit.page.locator(".viewer .caption").inner_text() == "photo, face 2"
    visit.tab("Edit")
    assert visit.page.locator(".stack .edit").count() == 0
    visit.page.get_by_role("button", name="Add glasses to the face").click()
    old = visit.changed(old)
    visit.page.get_by_role("button", name="group.png, number 1: blond-hair +1").click()  # its stack appears
    visit.changed(old)
    visit.page.wait_for_function("document.querySelector('.stack .edit strong')?.textContent === 'blond-hair'")
    assert visit.page.get_by_role("button", name="group.png, number 2: glasses +1").count() == 1

    visit.tab("Own picture")
    visit.page.get_by_role("button", name="Put it back").click()
    visit.page.locator(".pasted[data-title='With the edits put back, 680 × 340 in full']").wait_for()
    line = visit.page.get_by_role("slider", name="Line between the picture before and after")
    line.press("Home")
    line.press("ArrowRight")
    assert line.input_value() == "1"
    assert line.evaluate("line => line.parentElement.style.getPropertyValue('--split')") == "1%"
    data, name = visit.fetch("Edited picture (PNG)")
    assert name == "group-edited.png"
    edits = {1: shipped("blond-hair"), 2: shipped("glasses")}
    expected = mini.edit_people(tmp_path / "group.png", edits, level="fast").picture
    taken = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)
    assert np.abs(taken - np.asarray(expected, dtype=np.int16)).max() <= 1
    data, name = visit.fetch("Save the face")
    assert name == "group.face.safetensors"
    (tmp_path / name).write_bytes(data)
    assert len(mini.load_faces(tmp_path / name)) == 2
    visit.page.reload()
    visit.page.get_by_role("button", name="group.png, number 2: glasses +1").wait_for()


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("the whole picture is one face", "An aligned picture is a square"),
        ("every face", "No face was found in wide.png; give a picture of a face from"),
    ],
)
def test_what_cannot_be_inverted_is_the_library_s_sentence(visit, tmp_path, which, message):  # noqa: F811
    Image.open(PORTRAIT).crop((0, 0, 200, 100)).save(tmp_path / "wide.png")
    choose(visit, tmp_path / "wide.png", which=which)
    visit.page.get_by_role("button", name="Make it editable", exact=True).click()
    visit.page.locator(".inversions .job.failed").wait_for()
    said = visit.page.locator(".inversions [role=status]").inner_text()
    assert message in said
    assert str(tmp_path) not in said
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"


FOREIGN = (
    "photo.png is not what 'mini' draws (avatars, no photographs): the nearest face is {share} like it, where "
    f"{100 * find_set().kind.closeness['fast']:.0f} % is usual; for photographs take another set: eclipsed models "
    "fetch ffhq"
)


def test_a_picture_of_another_kind_is_answered_and_goes_on_when_told_to(visit, tmp_path):  # noqa: F811
    noise = np.random.RandomState(0).randint(0, 256, (6, 6, 3)).astype(np.uint8)
    Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    choose(visit, tmp_path / "photo.png")
    note = visit.page.locator(".pasted .warning")
    assert note.inner_text() == (
        "“mini” draws avatars, no photographs. For photographs take another set: eclipsed models fetch ffhq"
    )
    visit.page.get_by_role("button", name="Make it editable", exact=True).click()
    visit.page.locator(".inversions .job.failed").wait_for()
    said = visit.page.locator(".inversions [role=status] span")
    assert said.inner_text() == (
        "No face was found in photo.png; give a picture of a face from the front, or say that it is aligned"
    )
    assert visit.page.get_by_role("button", name="Go on with photo.png anyway").count() == 0
    pick(visit, "Which one", "the whole picture is one face")
    visit.page.get_by_role("button", name="Make it editable", exact=True).click()
    anyway = visit.page.get_by_role("button", name="Go on with photo.png anyway")
    anyway.wait_for()
    share = re.search(r"face is (\d+ %) like it", said.inner_text())
    assert share is not None, said.inner_text()
    assert said.inner_text() == FOREIGN.format(share=share[1])
    assert visit.page.locator(".viewer .caption").inner_text() == "seed 1 · blond-hair +1"  # nothing was taken
    old = visit.version
    anyway.click()
    visit.changed(old)
    assert visit.page.locator(".viewer .caption").inner_text() == "photo · blond-hair +1"
    assert said.inner_text() == "It can be edited now."
