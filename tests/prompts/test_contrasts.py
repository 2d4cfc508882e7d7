"""Sibling captions: what a prompt is told apart from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from eclipsed.prompts.contrasts import MAX_CONTRASTS
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.worlds.world import find_world

FACE = find_world("face")
FIXTURES = Path(__file__).parents[1] / "fixtures"
PROMPTS = [
    case["prompt"]
    for name in ("region_prompts.jsonl", "region_prompts_more.jsonl")
    for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    if not (case := json.loads(line)).get("error")
]


@pytest.mark.parametrize(
    ("prompt", "offered", "never"),
    [
        ("a person with blond hair", ["a person with platinum hair", "a bald person"], ["blonde"]),
        ("a blonde woman", ["a black-haired woman"], ["blond"]),
        ("a brunette", ["a person with black hair", "a person with red hair"], ["brown"]),
        ("an orange hat", ["a black hat", "a blue hat", "a person without a hat"], ["orange"]),
        ("grey eyes", ["blue eyes"], ["gray"]),
        ("a person with grey hair", ["a person with white hair", "a person with platinum hair"], ["silver"]),
        ("a person who is not bald", ["a bald person"], ["hairless man", "a person with hair"]),
        ("dark blue eyes", ["green eyes", "brown eyes"], ["blue"]),
        ("a blue-eyed man", ["a brown-eyed man", "a green-eyed man"], ["blue"]),
        ("change her eyes to green", ["a person with blue eyes"], ["green", "emerald"]),
        ("a person with curly hair", ["a person with straight hair", "a person with wavy hair"], ["frizzy"]),
        ("a long-haired man", ["a short-haired man"], ["long"]),
        ("a bald man", ["a long-haired man", "a short-haired man"], ["bald", "hairless"]),
        ("no hair", ["a person with long hair"], ["bald"]),
        ("a person with glasses", ["a person without glasses", "a person with sunglasses"], ["spectacles"]),
        ("sunglasses", ["a person without glasses", "a person with glasses"], ["sunglasses", "shades"]),
        ("a person without glasses", ["a person with glasses", "a person with sunglasses"], ["without", "no"]),
        ("a man with glasses and a hat", ["a man with no glasses and a hat"], ["without glasses and"]),
        ("a woman wearing a hat", ["a woman without a hat", "a woman with no hat"], ["cap"]),
        ("a man with a beard", ["a man with no beard", "a man with stubble", "a man with a moustache"], ["goatee"]),
        ("no beard", ["a person with a beard"], ["clean-shaven", "no"]),
        ("a clean-shaven man", ["a person with a beard"], ["shaven", "no"]),
        ("a person with the mouth open", ["a person with the mouth closed"], ["open", "agape"]),
        ("close her eyes", ["a person with the eyes open"], ["closed", "shut"]),
        ("a smiling person", ["a serious person", "a frowning person"], ["grinning", "happy"]),
        ("a person with a smile", ["a person with a neutral expression", "a person with a frown"], ["grin"]),
        ("red lipstick", ["pink lipstick", "a person without lipstick"], ["red", "crimson"]),
        ("red lips", ["pink lips", "natural lips"], ["red", "crimson"]),
        ("dark skin", ["pale skin", "tanned skin", "olive skin"], ["dark", "brown", "black"]),
        ("a dark-skinned man", ["a pale-skinned man"], ["dark"]),
        ("thick eyebrows", ["thin eyebrows"], ["bushy"]),
        ("blond eyebrows", ["black eyebrows"], ["hair", "blonde"]),
        ("a big nose", ["a small nose"], ["large"]),
        ("an old person with wrinkles", ["a young person with wrinkles"], ["freckles"]),
        ("a person wearing earrings", ["a person without earrings"], ["necklace"]),
        ("a woman in red", ["a woman in blue"], ["red", "man in red"]),
        ("mohawk", ["a person with a ponytail", "a person with a bald head"], ["mohawk", "bangs"]),
        ("a man", ["a woman"], []),
    ],
)  # fmt: skip
def test_siblings_are_offered_and_synonyms_never(prompt, offered, never):
    found = read(prompt).contrasts
    assert set(offered) <= set(found)
    for word in never:
        assert not [c for c in found if re.search(rf"\b{word}\b", c)], word


def test_several_attributes_take_turns():
    found = read("purple hair and green eyes").contrasts
    assert sum("green eyes" in c for c in found) == sum("purple hair" in c for c in found) == 4


def test_many_values_are_all_there_and_synonyms_only_fill_up():
    hair = read("a person with grey hair").contrasts
    assert len(hair) == 11
    assert {"a person with platinum hair", "a bald person"} <= set(hair)
    assert not any("jet black" in caption for caption in hair)
    assert len(read("red lipstick").contrasts) == len(read("grey eyes").contrasts) == 8


@pytest.mark.parametrize("prompt", ["a cat", "a person", "a photo of a face", "😀", "una persona con gafas"])
def test_prompts_without_an_attribute_get_neutral_captions(prompt):
    found = read(prompt).contrasts
    assert len(found) == 2
    assert {"a person", "a photo of a face", "a portrait of a person"} >= set(found)


def test_every_prompt_gets_some_and_never_itself():
    for prompt in PROMPTS:
        found = read(prompt).contrasts
        folded = [" ".join(c.lower().split()) for c in found]
        assert 2 <= len(found) <= MAX_CONTRASTS, prompt
        assert len(set(folded)) == len(found), prompt
        assert " ".join(prompt.lower().split()) not in folded, prompt
        assert not [c for c in folded if re.search(r"\b(a [aeiou]|an [^aeiouh\W])|[{}]|\ba an?\b", c)
                    and not re.search(r"\ba (uni|eur)", c)], (prompt, found)  # fmt: skip


@pytest.mark.parametrize("prompt", ["a person with blond hair", "a big nose", "a man with a beard", "red lips",
                                    "thick eyebrows", "a person wearing a hat", "dark skin"])  # fmt: skip
def test_contrasts_are_about_the_same_parts(prompt):
    wanted = set(Region.from_prompt(prompt).parts)
    for caption in read(prompt).contrasts:
        assert wanted & set(Region.from_prompt(caption).parts), caption


def test_families_name_entries_of_the_lexicon():
    names = {entry["name"] for entry in FACE.lexicon["entries"]}
    data = FACE.contrasts
    for family in (*data["adjectives"], *data["presences"]):
        assert set(family["of"]) <= names, family["name"]
    for family in (*data["adjectives"], *data["words"]):
        members = [m[0] if isinstance(m, list) else m["name"] for m in family["members"]]
        assert len(members) == len(set(members))
        assert {m for pair in family.get("near", ()) for m in pair} <= set(members), family["name"]
        assert set(family.get("asked", ())) | set(family.get("skip", ())) <= set(members), family["name"]


@pytest.mark.parametrize(
    ("prompt", "left_out", "there"),
    [
        ("a person with blond hair", ["a person with red hair"], ["a person with curly hair", "a bald person"]),
        ("red lipstick", ["a person with red lips"], ["a person with full lips", "a person with the mouth open"]),
        ("a smiling person", ["a smiling person"], ["a person with the mouth open", "a person with red lips"]),
        ("a woman wearing a hat", ["a person wearing a hat", "a person with bangs"], ["a person with glasses"]),
        ("a person with glasses", ["a person with sunglasses"], ["a person wearing a hat"]),
        ("a man with a beard", ["a person with a moustache", "a man"], ["a person with red hair"]),
        ("a man", ["a man", "a person with a beard"], ["a person with glasses"]),
        ("an old person", ["an old person", "a person with grey hair"], ["a person with a beard"]),
        ("a bald man", ["a person with curly hair", "a person with long hair"], ["a person with a beard"]),
        ("wearing heavy make-up", ["a person with red lips", "a person wearing eye shadow"], ["a bald person"]),
    ],
)
def test_bystanders_are_what_the_prompt_does_not_speak_of(prompt, left_out, there):
    captions = {caption for family in read(prompt).bystanders for caption in family}
    assert not captions & set(left_out)
    assert captions >= set(there)


def test_every_family_that_bystanders_step_back_for_exists():
    known = {family["name"] for kind in ("adjectives", "words", "presences") for family in FACE.contrasts[kind]}
    families = FACE.bystanders
    assert {name for family in families for name in family["unless"]} <= known
    assert all(len(set(family["captions"])) == len(family["captions"]) > 1 for family in families)


@pytest.mark.parametrize("prompt", PROMPTS[::7])
def test_a_prompt_is_no_bystander_of_itself(prompt):
    assert prompt.lower() not in {caption for family in read(prompt).bystanders for caption in family}
