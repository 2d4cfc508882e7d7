"""The tab Parts without a browser: what is painted, what is learned from it, and whom it then belongs to."""

import dataclasses

import numpy as np
import pytest
import torch

pytest.importorskip("gradio", reason='the studio needs gradio: pip install ".[studio]"')

from eclipsed.editing.stack import Stack
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.pretrained.kinship import GeneratorId
from eclipsed.prompts.reading import read
from eclipsed.store.painted_parts import kept_parts
from eclipsed.studio import painting, results, views
from eclipsed.studio.advice import of_sentence
from eclipsed.studio.engine import Engine
from eclipsed.studio.painting import IN_A_ROW, MOST_PAINTED, Learned, Painting
from eclipsed.values.mask import KEPT_SIDE, Mask

PROMPT = "a person with a red forehead"


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))


@pytest.fixture
def engine(editor):
    return Engine.of(editor)


def patch(top=32, height=128):
    inside = np.zeros((KEPT_SIDE, KEPT_SIDE), bool)
    inside[top : top + height, 48:160] = True
    return Mask(inside)


def stroke(work, mask):
    return work.painted(work.brush_key, mask)


@pytest.fixture
def work():
    once = stroke(Painting().opened(1), patch())
    return stroke(once.opened(2), patch(top=40)).opened(3).without_any()


def test_each_face_keeps_what_was_painted_on_it(work):
    assert work.paintings == {1: patch(), 2: patch(top=40), 3: None}
    assert work.said == "Painted: 3 faces"
    assert stroke(work.opened(1), patch(top=50)).paintings[1] == patch(top=50)
    assert work.opened(2).left_out().paintings == {1: patch(), 3: None}
    assert work.painted("another-1", patch()) is work
    closed = work.closed()
    assert closed.painted(work.brush_key, patch()) is closed


def test_what_is_wiped_clean_is_left_out_unless_something_was_there(work):
    fresh = stroke(Painting().opened(4), patch())
    assert stroke(fresh, None).paintings == {}
    corrected = Painting().opened(4, patch())
    assert corrected.paintings == {}  # looking is not painting
    assert stroke(corrected, None).paintings == {4: None}
    assert stroke(work.opened(1), None).paintings[1] is None


def test_the_rows_say_what_is_painted(engine, work):
    row = painting.row_to_paint(engine, work)
    assert [(one["seed"], one["mark"]) for one in row["faces"][:4]] == [
        (1, "painted"),
        (2, "painted"),
        (3, "none"),
        (4, ""),
    ]
    assert [one["current"] for one in row["faces"][:4]] == [False, False, True, False]
    assert [what for what, _ in row["tools"]] == ["turn", "none", "out"]
    assert [what for what, _ in painting.row_to_paint(engine, Painting())["tools"]] == ["turn"]
    turned = painting.row_to_paint(engine, Painting().turned())
    assert [one["seed"] for one in turned["faces"]] == list(range(1 + IN_A_ROW, 1 + 2 * IN_A_ROW))
    brush = painting.brush_on(engine, work.opened(1), "forehead")
    assert (brush["title"], brush["mask"]) == ("Paint forehead on seed 1", patch().to_json())
    assert brush["picture"].startswith("data:image/png")
    assert painting.brush_on(engine, work.closed(), "")["key"] == ""


def test_a_part_is_learned_and_shown_on_faces_that_nobody_painted(engine, editor, work):
    work = stroke(work.opened(101), patch())
    learned = painting.learn(engine, work, " Left  cheek ", "")
    assert (learned.part.name, learned.part.words) == ("left_cheek", ("left cheek",))
    assert len(learned.part.paintings) == 4
    assert 101 not in learned.seeds
    assert len(learned.seeds) == IN_A_ROW
    row = painting.row_of_found(engine, learned)
    assert [one["seed"] for one in row["faces"]] == list(learned.seeds)
    faces = editor.sample(seeds=learned.seeds)
    there = editor.part_mask(faces, learned.part).flatten(1).any(dim=1)
    for one, found, src in zip(row["faces"], there, engine.pictures(learned.seeds, None), strict=True):
        assert (one["src"] != src) is bool(found)
        assert one["mark"] == ("" if found else "none")
    assert set(learned.turned().seeds).isdisjoint(learned.seeds)
    assert painting.row_of_found(engine, None) == {"faces": []}
    mask = learned.on(engine, 2)
    assert mask is None or torch.equal(
        torch.from_numpy(mask.inside), editor.part_mask(editor.sample(seeds=[2]), learned.part)[:, 0] > 0
    )


def test_a_part_that_is_kept_is_named_by_sentences_in_other_tabs(engine, editor, work):
    part = painting.learn(engine, work, "forehead", "").part
    assert read(PROMPT, world=engine.editor.world).region.parts != ("forehead",)
    engine.keep_part(part)
    (kept,) = kept_parts(editor.name)
    assert (kept.name, kept.paintings) == ("forehead", 3)
    reading, _ = of_sentence(engine, PROMPT)
    assert reading.region.parts == ("forehead",)
    shown = views.found_parts(engine, Stack(seed=1), reading.region, reading.region.parts)
    there = bool(editor.part_mask(editor.sample(seeds=[1]), part).any())
    assert ("forehead" in [one["name"] for one in shown["parts"] if one["on"]]) is True
    assert there
    engine.drop_part("forehead")
    assert kept_parts(editor.name) == ()
    assert engine.editor.parser is editor.parser
    with pytest.raises(InputError, match="no part 'forehead' was painted"):
        engine.drop_part("forehead")


def test_one_more_face_corrects_it(engine, work):
    part = painting.learn(engine, work, "forehead", "front, brow").part
    engine.keep_part(part)
    begun = Painting(corrects="forehead", earlier=part)
    same = painting.learn(engine, begun, "forehead", "front").part
    assert (same.words, same.bias) == (("front",), part.bias)
    learned = painting.learn(engine, stroke(begun.opened(105), patch()), "forehead", "front, brow")
    assert len(learned.part.paintings) == 4
    assert begun.said == "Painted: 0 faces, and 3 before"
    engine.keep_part(learned.part)
    assert [len(one.paintings) for one in engine.editor.parts] == [4]


def test_without_a_parser_the_parts_are_those_that_were_painted(editor, work):
    engine = Engine.of(Editor(editor.generator, None, editor.clip, name="bare"))
    engine.keep_part(painting.learn(engine, work, "hair", "").part)
    reading, _ = of_sentence(engine, "a person with blond hair")
    shown = views.found_parts(engine, Stack(seed=1), reading.region, reading.region.parts)
    assert "hair" in [one["name"] for one in shown["parts"]]


def test_its_file_is_opened_again(engine, work):
    part = painting.learn(engine, work, "forehead", "").part
    again = painting.opened(engine, str(results.part_file(part)))
    assert (again.name, again.paintings) == (part.name, part.paintings)


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("  ", "", "give the part a name first, such as 'forehead'"),
        ("Stirn?", "", "the name of a part has small letters, digits and underscores; got 'Stirn?'"),
        ("Forehead", "", "there is a part 'forehead' already: correct that one, or take another name"),
        ("hair", "", "there is a part 'hair' already: correct that one, or take another name"),
        ("brow", "line, forehead", "'forehead' names the painted part 'forehead' already: call 'brow' by another word"),
    ],
)
def test_a_name_that_does_not_do_is_a_sentence(engine, work, name, words, message):
    engine.keep_part(painting.learn(engine, work, "forehead", "").part)
    with pytest.raises(InputError) as raised:
        painting.learn(engine, work, name, words)
    assert str(raised.value) == message


def test_nothing_painted_is_a_sentence(engine):
    for work in (Painting(), Painting().opened(1).without_any()):
        with pytest.raises(InputError, match="nothing is painted yet: press a face, and paint over the part on it"):
            painting.learn(engine, work, "forehead", "")


def test_too_many_faces_are_a_sentence():
    full = Painting(paintings={seed: patch() for seed in range(MOST_PAINTED)})
    with pytest.raises(InputError, match="at most 16 faces are painted here; leave one out first"):
        full.opened(99)
    assert full.opened(3).seed == 3


def test_a_file_that_does_not_belong_is_a_sentence(engine, editor, work, direction, tmp_path):
    part = painting.learn(engine, work, "forehead", "").part
    other = dataclasses.replace(part, generator=GeneratorId(fingerprint="0" * 64, name="cars", sketch=""))
    with pytest.raises(InputError, match=r"the part 'forehead' was painted for .*paint it anew: eclipsed parts learn"):
        painting.opened(engine, str(results.part_file(other)))
    wrong = direction.save(tmp_path / "smile.safetensors")
    with pytest.raises(InputError) as raised:
        painting.opened(engine, str(wrong))
    assert str(tmp_path) not in str(raised.value)
    with pytest.raises(InputError, match="expected a file that ends in"):
        painting.opened(engine, str(tmp_path / "part.png"))


def test_what_was_learned_skips_the_painted_faces_and_comes_round(engine, work):
    part = painting.learn(engine, work, "forehead", "").part
    late = Learned(part=part, first=2**32 - 20)
    assert max(late.turned().seeds) < 2**32
    assert Painting(first=2**32 - IN_A_ROW).turned().first == 1


def test_a_program_learns_a_part_in_one_go_and_adds_to_it(engine, editor, work):
    masks = [patch().to_json(), None]
    part = painting.keep_painted(engine, "Forehead", [1, 2], masks, ["front"])
    assert (part.name, part.words, len(part.paintings)) == ("forehead", ("front",), 2)
    more = painting.keep_painted(engine, "forehead", [5], [patch(top=50).to_json()], [], add=True)
    assert (more.words, len(more.paintings)) == (("front",), 3)
    assert painting.kept_part(engine, "forehead") is engine.editor.parts[0]
    for call, message in (
        (lambda: painting.keep_painted(engine, "forehead", [1], masks[:1], []), "there is a part 'forehead' already"),
        (lambda: painting.keep_painted(engine, "chin", [1], masks[:1], [], add=True), "no part 'chin' is kept; there"),
        (lambda: painting.keep_painted(engine, "chin", [1, 2], masks[:1], []), "give one mask for each of the 2 faces"),
        (lambda: painting.keep_painted(engine, "chin", [1], ["all"], []), "a kept mask has a side and bits; got 'all'"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    assert results.part_sheet(engine, editor.sample(seeds=[7]), more).suffix == ".png"
