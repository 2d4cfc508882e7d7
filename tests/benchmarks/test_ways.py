"""The benchmark of the other ways: which faces are examples, which leaks are the worst, and what the table says."""

import pytest
import torch

import eclipsed
from benchmarks.defaults import SENTENCES
from benchmarks.records import MEASURES
from benchmarks.way_tables import WANTED, WAYS, most_table, pairs_table, table, verdicts
from benchmarks.ways import CAPTIONS, examples_of, most_of, pairs_of
from eclipsed.latents.latent import Latent
from recipes.mini.facts import ATTRIBUTES, facts
from recipes.mini.latent import LATENT
from recipes.mini.targets import PROMPTS

FIRST, SECOND = "a person with glasses", "blue eyes"


def record(prompt, way, success, flips, kept=1.0):
    values = {name: [0.5, 0.5] for name in MEASURES} | {"success": [success, success], "kept": [kept, kept]}
    means = {name: sum(x or 0 for x in each) / 2 for name, each in flips.items()}
    key = {"prompt": prompt, "variant": way}
    return {"key": key, "seconds": 3, "values": values, "flips": means, "flipped": flips}


def test_every_sentence_has_two_captions_and_every_way_a_wanted_success():
    assert list(CAPTIONS) == list(SENTENCES)
    assert all(len({*captions}) == 2 for captions in CAPTIONS.values())
    assert tuple(WANTED) == WAYS


def test_examples_have_it_or_plainly_lack_it():
    editor = eclipsed.Editor.from_pretrained("mini", "cpu")
    target = PROMPTS["a person with long hair"]
    having, lacking = examples_of(editor, target, count=8)
    found = facts(LATENT.frame.values(Latent.of_seeds(editor.generator, [*having, *lacking]).ws[:, 0]))["hair_length"]
    names = [ATTRIBUTES["hair_length"][k] for k in found.tolist()]
    assert names[:8] == ["long"] * 8
    assert {*names[8:]} <= {"short", "medium"}
    assert len({*having, *lacking}) == 16
    again = examples_of(editor, target, count=3)
    assert again == (having[:3], lacking[:3])


def test_the_worst_pairs_flip_most_beyond_what_the_exact_edit_flips():
    records = [
        record(FIRST, "examples", 1.0, {"age": [1.0, 1.0], "hat": [1.0, 0.0]}),
        record(SECOND, "examples", 1.0, {"age": [0.0, 0.0], "hat": [1.0, 1.0]}),
    ]
    floors = {
        FIRST: record(FIRST, "exact edit", 1.0, {"age": [1.0, 0.0], "hat": [0.0, 0.0]}),
        SECOND: record(SECOND, "exact edit", 1.0, {"age": [0.0, 0.0], "hat": [0.0, 0.0]}),
    }
    assert pairs_of(records, floors, 1) == [(SECOND, "examples", "hat")]
    assert {*pairs_of(records, floors, 3)[1:]} == {(FIRST, "examples", "age"), (FIRST, "examples", "hat")}


def test_the_tables_say_what_was_seen():
    none = {"age": [0.0, 0.0]}
    floors = {one: record(one, "exact edit", 1.0, none) for one in (FIRST, SECOND)}
    defaults = {one: record(one, "default", 1.0, none) for one in floors}
    records = [record(one, way, 0.5, {"age": [1.0, None]}, kept=0.75) for one in floors for way in WAYS]
    lines = table(records, floors, defaults).splitlines()
    assert len(lines) == 2 + 2 * 4 + 4
    assert lines[2].startswith(f"| {FIRST} | trained default | 100% |")
    assert lines[3].startswith("|  | examples | 50% |")
    assert lines[3].endswith("| age +50% |")
    assert lines[-1].startswith("| **mean of 2** | **boundary, CLIP** | **50%**")
    assert "boundary, CLIP 50% (missed: 80% wanted)" in verdicts(records)
    after = record(FIRST, "examples, without age", 0.5, {"age": [0.0, None]})
    (row,) = pairs_table(records, [(FIRST, "examples", "age")], [after]).splitlines()[2:]
    said = "100.0% (100.0%…100.0%) → 0.0% (0.0%…0.0%) | 25.0% (25.0%…25.0%) → 0.0% (0.0%…0.0%) | 50% → 50% |"
    assert row == f"| {FIRST}, examples | age | {said}"


def test_what_flips_most_of_each_sentence_is_taken_out_at_once():
    none, some = {"age": [0.0], "hat": [0.0], "smile": [0.0]}, {"age": [0.2], "hat": [0.9], "smile": [0.6]}
    floors = {one: record(one, "exact edit", 1.0, none) for one in (FIRST, SECOND)}
    before = [record(one, "examples", 1.0, some, kept=0.5) for one in floors]
    assert most_of(before, floors, "examples", 2) == [(one, "examples", ("hat", "smile")) for one in floors]
    after = [record(FIRST, "examples", 1.0, some, kept=1.0), record(SECOND, "examples", 0.5, some, kept=0.75)]
    assert most_table(before, after, "without the 2 that flip most").splitlines()[2:] == [
        f"| {FIRST} | 50.0% (50.0%…50.0%) → 0.0% (0.0%…0.0%) | 100% → 100% |",
        f"| {SECOND} | 50.0% (50.0%…50.0%) → 25.0% (25.0%…25.0%) | 100% → 50% |",
        "| **mean of 2** | **50.0% (50.0%…50.0%) → 12.5% (12.5%…12.5%)** | **100% → 75%** |",
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_direction_that_is_kept_is_not_made_again(way, tmp_path, editor, monkeypatch):
    from directions_kit import make

    from benchmarks.ways import Ways

    made = []
    name = {"examples": "_examples", "boundary, classifier": "_classifier", "boundary, CLIP": "_clip"}[way]
    monkeypatch.setattr(Ways, name, lambda self, prompt: made.append(prompt) or make(editor.generator))
    first, seconds = Ways(editor, tmp_path, "models").make(FIRST, way)
    again, as_before = Ways(editor, tmp_path, "models").make(FIRST, way)
    assert made == [FIRST]
    assert seconds == as_before
    assert torch.equal(first.deltas, again.deltas)
