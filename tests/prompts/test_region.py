"""Prompt -> region: hand-judged prompts, the explanation, bad input, and the pieces below."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from eclipsed.errors import InputError, LocalityWarning
from eclipsed.prompts.lexicon import load_lexicon
from eclipsed.prompts.region import MAX_PROMPT, Region
from eclipsed.prompts.spelling import fold, one_slip, split_words
from eclipsed.worlds.world import find_world

FACE = find_world("face")
FIXTURES = Path(__file__).parents[1] / "fixtures"
PROMPTS = [
    json.loads(line)
    for name in ("region_prompts.jsonl", "region_prompts_more.jsonl")
    for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()
]
BROWS, EYES, EARS = ("left_brow", "right_brow"), ("left_eye", "right_eye"), ("left_ear", "right_ear")
MOUTH = ("mouth", "upper_lip", "lower_lip")


@pytest.mark.parametrize("case", PROMPTS, ids=lambda case: case["prompt"] or "empty")
def test_prompt_leads_to_the_parts_a_person_expects(case):
    """`need` and `allow` were judged by hand, prompt by prompt."""
    if case.get("error"):
        with pytest.raises(InputError):
            Region.from_prompt(case["prompt"])
        return
    region = Region.from_prompt(case["prompt"], warn=False)
    if case.get("whole"):
        assert region.whole_face
        assert region.parts == FACE.whole
        assert "locality is off" in region.warning
    else:
        assert not region.whole_face
        assert region.warning is None
        assert set(FACE.expand(case["need"])) <= set(region.parts) <= set(FACE.expand(case["allow"]))
        assert region.parts == tuple(p for p in FACE.parts if p in region.parts)


@pytest.mark.parametrize(
    ("prompt", "matches"),
    [
        ("Purple hair and GREEN eyes", {"purple hair": ("hair",), "green eyes": EYES}),
        ("a person with galsses", {"galsses": ("glasses",)}),
        ("a bald man with a long beard", {"bald": ("hair",), "long beard": ("skin",)}),
        ("make the eyebrows blond", {"eyebrows": BROWS}),
        ("bags under the eyes", {"bags under the eyes": ("skin",)}),
        ("a stud in the nose", {"stud": ("nose",)}),
        ("a smiling woman in red", {"smiling": MOUTH, "in red": ("clothes",)}),
        ("the left eye", {"left eye": ("left_eye",)}),
        ("glasses on the nose", {"glasses": ("glasses",)}),
    ],
)
def test_matches_tell_which_words_led_to_which_parts(prompt, matches):
    assert dict(Region.from_prompt(prompt).matches) == matches


@pytest.mark.parametrize("word", ["bear", "heard", "chat", "chair", "nice", "month", "south", "rose", "hare", "board",
                                  "fair", "checks", "steers", "grasses"])  # fmt: skip
def test_common_words_are_not_taken_for_slips(word):
    assert Region.from_prompt(f"I {word} it", warn=False).whole_face


@pytest.mark.parametrize(
    "word", ["hair", "glasses", "eyebrows", "lipstick", "freckles", "moustache", "earrings", "smiling"]
)
def test_any_swap_of_two_letters_is_mended(word):
    swaps = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)} - {word, "hari"}
    for typed in swaps:
        assert load_lexicon(FACE).speller.mend(typed) == word, typed


def test_a_prompt_about_no_part_warns_that_locality_is_off():
    with pytest.warns(LocalityWarning, match="'a truck' names no part of a face, so locality is off"):
        region = Region.from_prompt("a truck")
    assert (region.parts, region.matches) == (FACE.whole, {})
    with pytest.warns(LocalityWarning, match=r"is about the whole face \(old\), so locality is off"):
        Region.from_prompt("an old man")
    with pytest.warns(LocalityWarning, match="does not look like English, so locality is off"):
        Region.from_prompt("una persona con gafas")


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("", "the prompt is empty"),
        (" \t\n", "the prompt is empty"),
        ("?!…", "has no words"),
        ("\x00\x01\x02", "has no words"),
        ("x" * (MAX_PROMPT + 1), f"at most {MAX_PROMPT} characters, got {MAX_PROMPT + 1}"),
        (None, "a prompt is a text such as .*, got NoneType"),
        (b"blond hair", "got bytes"),
        (["blond hair"], "got list"),
    ],
)
def test_bad_prompts_give_one_sentence(prompt, message):
    with pytest.raises(InputError, match=message) as raised:
        Region.from_prompt(prompt)
    assert "\n" not in str(raised.value)


def test_the_longest_prompt_is_taken():
    prompt = "blond hair".ljust(MAX_PROMPT - 1, " ") + "!"
    assert Region.from_prompt(prompt).parts == ("hair",)


def test_reading_twice_gives_the_same_region():
    assert Region.from_prompt("blond hair") == Region.from_prompt("blond hair")


@pytest.mark.parametrize("prompt", ["purple hair and green eyes", "an old man"])
def test_json_copies_and_pickles_keep_everything(prompt):
    region = Region.from_prompt(prompt, warn=False)
    assert Region.from_json(json.loads(json.dumps(region.to_json()))) == region
    assert pickle.loads(pickle.dumps(region)) == region
    assert copy.deepcopy(region) == region
    assert hash(copy.deepcopy(region)) == hash(region)


def test_json_has_the_fields_that_other_programs_read():
    assert Region.from_prompt("blue eyes").to_json() == {
        "prompt": "blue eyes",
        "parts": ["left_eye", "right_eye"],
        "whole_face": False,
        "matches": {"blue eyes": ["left_eye", "right_eye"]},
        "warning": None,
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "a region is a dict"),
        ({"parts": None}, "a region is a dict"),
        ({"parts": []}, "a region holds no part"),
        ({"parts": ["l_eye"]}, "unknown part 'l_eye'; known parts: background, skin"),
        ({"parts": ["hair"], "matches": {"hare": ["bunny"]}}, "unknown part 'bunny'"),
        ([], "a region is a dict"),
    ],
)
def test_bad_json_is_told(data, message):
    with pytest.raises(InputError, match=message):
        Region.from_json(data)


@pytest.mark.parametrize("inner", [("mouth",), ("upper_lip",)])
def test_json_keeps_single_parts_single(inner):
    assert Region.from_json({"parts": inner}).parts == inner


def test_parts_by_name():
    assert Region.from_parts(["hair", "Left Eye"]).parts == ("left_eye", "hair")
    assert Region.from_parts("hair, mouth").parts == (*MOUTH, "hair")
    assert Region.from_parts(["face"]).whole_face
    assert not Region.from_parts(["hair"]).whole_face
    with pytest.raises(InputError, match="unknown part 'wing'"):
        Region.from_parts(["wing"])
    with pytest.raises(InputError, match="at least one part, got none"):
        Region.from_parts([])


def test_import_is_light():
    code = "import sys, eclipsed.prompts.region; sys.exit(bool({'torch', 'spacy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def damerau(a: str, b: str) -> int:
    """The textbook table of the optimal string alignment distance."""
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i, j in itertools.product(range(1, len(a) + 1), range(1, len(b) + 1)):
        cost = a[i - 1] != b[j - 1]
        table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + cost)
        if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
            table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(a), len(b)]


def test_one_slip_is_damerau_distance_one():
    rng = random.Random(0)
    words = ["".join(rng.choices("ab", k=rng.randint(0, 5))) for _ in range(120)]
    verdicts = {(a, b): one_slip(a, b) for a, b in itertools.product(words, words)}
    assert verdicts == {(a, b): damerau(a, b) == 1 for a, b in verdicts}


def test_words_keep_their_place_in_the_prompt():
    prompt = "The man’s T-shirt, & “Ombré” hair…"
    words = split_words(prompt)
    assert [w.norm for w in words] == ["the", "man", "t", "shirt", ",", "and", ",", "ombre", ",", "hair", ","]
    assert all(prompt[w.start : w.end] == w.text for w in words)
    assert fold("O’Clock") == "o'clock"


def test_the_lexicon_is_consistent():
    lexicon = load_lexicon(FACE)
    names = [entry.name for entry in lexicon.entries]
    assert len(names) == len(set(names))
    assert all(entry.fits is None or entry.fits <= set(names) for entry in lexicon.entries)
    assert all(not entry.home or entry.home in names for entry in lexicon.entries)
    kinds = {"part", "thing", "mark", "trait", "suffix", "vague", "scene", "whole", "nothing"}
    assert {entry.kind for entry in lexicon.entries} <= kinds
    owners: dict[tuple[str, ...], str] = {}
    for entry in lexicon.entries:
        for phrase in entry.words:
            key = tuple(lexicon.lemmas.get(w.norm, w.norm) for w in split_words(phrase))
            assert owners.setdefault(key, entry.name) == entry.name, phrase


def test_every_part_can_be_reached():
    reached = {p for entry in load_lexicon(FACE).entries if entry.kind != "whole" for p in entry.parts}
    assert reached == set(FACE.parts)
