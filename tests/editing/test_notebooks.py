"""What a notebook shows, and what long chains of edits keep."""

import gc
import io
import weakref

import numpy as np
import pytest
from directions_kit import make
from PIL import Image

from eclipsed.evaluation.results import Evaluation, Strength
from eclipsed.images.metrics import Interval
from eclipsed.prompts.region import Region


@pytest.fixture(scope="module")
def plus(editor):
    return make(editor.generator, "W+", scale=0.05)


def test_faces_are_one_line_and_a_picture(editor, plus):
    faces = editor.sample(seeds=[1, 2])
    edited = editor.edit(faces, plus, 0.5)
    assert repr(faces) == "Faces(2 of 32 px: seed 1, seed 2)"
    assert repr(edited) == "Faces(2 of 32 px: seed 1, seed 2, blond-hair +0.5)"
    many = editor.sample(seeds=range(12))
    assert repr(many).endswith("seed 7, …)")
    sizes = {}
    for name, one in (("plain", faces), ("edited", edited), ("many", many)):
        with Image.open(io.BytesIO(one._repr_png_())) as picture:
            assert picture.format == "PNG"
            assert np.asarray(picture).std() > 0
            sizes[name] = picture.size
    assert sizes["many"][0] > sizes["plain"][0]
    assert sizes["edited"][1] > sizes["plain"][1]  # a row for each face
    assert faces[:0]._repr_png_() is None
    assert repr(faces[:0]) == "Faces(0 of 32 px: )"


def test_directions_and_regions(editor, plus):
    direction = make(editor.generator, note="<weak>")
    assert "\n" not in repr(direction)
    page = direction._repr_html_()
    assert "a person with blond hair" in page
    assert "-1.25 to 1.25" in page
    assert "&lt;weak&gt;" in page
    region = Region.from_prompt("a person with blond hair")
    assert repr(region) == "Region(hair; 'a person with blond hair')"
    assert repr(Region.from_parts(["hair", "hat"])) == "Region(hair, hat)"
    assert "hair" in region._repr_html_()
    assert "\n" not in region._repr_html_()


def test_an_evaluation():
    one = Interval(0.5, 0.25, 0.75, 4)
    fields = dict.fromkeys(Strength.__dataclass_fields__, one) | {"alpha": 1.0, "flips": {"hat<": one}}
    found = Evaluation(
        prompt="a <hat>",
        seeds=(1, 2),
        target=None,
        strengths=(Strength(**fields),),
        monotone=one,
        seconds_per_edit=0.01,
        peak_memory=None,
        notes=(),
    )
    assert repr(found) == "Evaluation('a <hat>', 2 faces, alphas +1)"
    page = found._repr_html_()
    assert page.startswith("<pre>a &lt;hat&gt; · 2 faces")
    assert "hat&lt; 50%" in page
    assert page.endswith("</pre>")


def test_a_chain_of_forty_edits_keeps_few_pictures(editor, plus):
    first = faces = editor.sample(seeds=[1, 2])
    alive = []
    for index in range(40):
        faces = editor.edit(faces, plus, 0.1 if index % 2 else -0.2)
        alive.append(weakref.ref(faces.images))
    gc.collect()
    assert sum(one() is not None for one in alive) <= 3  # and the first, before any edit
    assert len(faces.edits) == 40
    stages = [faces]
    while stages[-1].before is not None:
        stages.append(stages[-1].before)
    assert stages[-1] is first
    assert [len(stage.edits) for stage in stages] == [40, 39, 38, 0]
    assert faces.strip().size[0] > first.strip().size[0]
