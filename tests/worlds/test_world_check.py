"""What `check_world` says of a world: everything that is wrong, in one go, and nothing where all is well."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path

import pytest

import eclipsed
from eclipsed.commands import cli
from eclipsed.errors import InputError
from eclipsed.prompts.reading import read
from eclipsed.prompts.world_check import check_world
from eclipsed.worlds.world import find_world, known_worlds

ROOT = Path(__file__).parents[2]
CLOCK = ROOT / "examples" / "clock"
FLOWER = ROOT / "tests" / "fixtures" / "worlds" / "flower"


@pytest.fixture
def clock(tmp_path):
    """A copy of the world of clocks, to be damaged."""
    return Path(shutil.copytree(CLOCK, tmp_path / "clock"))


def content(folder, file):
    return json.loads((folder / f"{file}.json").read_text())


def change(folder, file, change):
    """Change what a file holds in place."""
    data = content(folder, file)
    change(data)
    (folder / f"{file}.json").write_text(json.dumps(data))


def said(folder):
    return [str(fault) for fault in check_world(folder).faults]


def entry(data, name):
    return next(one for one in data if one["name"] == name)


@pytest.mark.parametrize("world", [*known_worlds(), FLOWER, CLOCK], ids=lambda world: Path(world).name)
def test_worlds_that_are_whole(world):
    found = check_world(world)
    assert [str(fault) for fault in found.faults] == []
    assert found.is_whole
    assert found.parts == len(find_world(world).parts)
    assert found.words == sum(len(one["words"]) for one in find_world(world).lexicon["entries"])


def test_what_there_is_is_counted():
    found = check_world(CLOCK)
    assert (found.parts, found.groups, found.words, found.contrasts, found.bystanders) == (5, 2, 21, 6, 6)
    assert found.folder == CLOCK


def _entries(change_of):
    return lambda data: change_of(data["entries"])


KNOWN = "background, case, dial, numerals, hands"
FAULTS = [
    ("world", lambda d: d.pop("neutral"), "world.json: neutral is missing; write it"),
    ("world", lambda d: d.pop("example"), "world.json: example is missing; write it"),
    ("world", lambda d: d.pop("whole"), "world.json: whole is missing; write it"),
    (
        "world",
        lambda d: d.update(name="face"),
        "world.json: the world 'face' comes with the package; choose another name",
    ),
    (
        "world",
        lambda d: d["groups"].update(front=["dial", "glass"]),
        f"world.json: the group 'front': 'glass' is no part; the parts are {KNOWN}",
    ),
    (
        "world",
        lambda d: d["groups"].update(front=["dial", "front"]),
        "world.json: the group 'front' holds itself; name its parts",
    ),
    (
        "world",
        lambda d: d["groups"].update(front=["dial", "dial"]),
        "world.json: the group 'front' holds 'dial' twice; keep it once",
    ),
    (
        "world",
        lambda d: d["groups"].update(dial=["case", "hands"]),
        "world.json: the group 'dial' is called like a part that it does not hold; call it something else",
    ),
    (
        "world",
        lambda d: d["whole"].append("background"),
        "world.json: whole holds the background 'background', which stands for all else; take it out",
    ),
    (
        "world",
        lambda d: d.update(colours={"case": [1, 2, 3], "dial": [1, 2, 3]}),
        "world.json: 'case' and 'dial' have the same colour, so that overlays do not tell them apart; change one",
    ),
    (
        "world",
        lambda d: d.update(example="a nice clock on a wall"),
        "world.json: the example 'a nice clock on a wall' names no part; show a sentence that does",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "dial")["words"].append("rim")),
        "lexicon.json: the word 'rim' stands in the entries 'case' and 'dial'; a word leads to one, so keep it in one",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "dial")["words"].append("dial")),
        "lexicon.json: the word 'dial' stands twice in the entry 'dial'; keep it once",
    ),
    (
        "lexicon",
        _entries(lambda e: (entry(e, "numerals").update(kind="nothing"), entry(e, "crack").update(parts=["dial"]))),
        "lexicon.json: no word leads to the part 'numerals'; give it an entry with the words that people use for it",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "crack").update(parts=[])),
        "lexicon.json: the entry 'crack' is a thing and leads to no part; name its parts",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "crack").update(parts=["glass"])),
        f"lexicon.json: the entry 'crack': unknown part 'glass'; known parts and groups: {KNOWN}, front, clock",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "dial")["words"].append("case-")),
        "lexicon.json: the word 'case-' of the entry 'dial' is read as one of the entry 'case', which shadows it; take "
        "it out of one of them",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "dial")["words"].append("cases")),
        "lexicon.json: the word 'cases' of the entry 'dial' shadows the plural of 'case' of the entry 'case'; take it "
        "out of one of them",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "crack").update(after=["very deep"])),
        "lexicon.json: the word 'crack' of the entry 'crack' is never found in a sentence; spell it, and what it "
        "stands after, as people do",
    ),
    (
        "lexicon",
        _entries(lambda e: entry(e, "crack").update(colour="red")),
        "lexicon.json: entries[4].colour is unknown; known here: name, kind, parts, words, fits, predicative, after, "
        "people, tinted, sides, home, spreads, caption, made_of, absent (in 'crack')",
    ),
    (
        "contrasts",
        lambda d: entry(d["adjectives"], "material").pop("caption"),
        "contrasts.json: adjectives[1].caption is missing; write it (in 'material')",
    ),
    (
        "contrasts",
        lambda d: entry(d["adjectives"], "material").update(of=["glass"]),
        "contrasts.json: the family 'material' names the entry 'glass', which does not exist; write it, or take the "
        "name out",
    ),
    (
        "contrasts",
        lambda d: entry(d["adjectives"], "material")["members"].append(["tin", "metal"]),
        "contrasts.json: the word 'metal' stands in two members of the family 'material'; keep it in one",
    ),
    (
        "contrasts",
        lambda d: d.update(words=[{"name": "time", "members": [{"name": "noon"}, {"name": "dusk", "noun": ["dusk"]}]}]),
        "contrasts.json: the member 'noon' of the family 'time' has neither an adjective nor a noun; write how people "
        "say it",
    ),
    (
        "contrasts",
        lambda d: entry(d["adjectives"], "material").update(of=[]),
        "contrasts.json: the family 'material': no sentence such as 'a clock with a wooden case' is read as one of it; "
        "say there one of its words beside a word of the entries that it is of",
    ),
    (
        "contrasts",
        lambda d: d.update(alike=[["a sundial", "a wooden clock"]]),
        "contrasts.json: alike: the caption 'a sundial' has words that the world does not know ('sundial'); give them "
        "an entry",
    ),
    (
        "bystanders",
        lambda d: d.append({"captions": ["a sundial", "a clock with a dial"], "unless": []}),
        "bystanders.json: the bystander 'a sundial': the caption 'a sundial' has words that the world does not know "
        "('sundial'); give them an entry",
    ),
    (
        "bystanders",
        lambda d: d.append({"captions": ["a clock with a dial", "with it"], "unless": []}),
        "bystanders.json: the bystander 'a clock with a dial': the caption 'with it' names nothing that the world "
        "knows; name a part in it",
    ),
    (
        "bystanders",
        lambda d: d[0].update(captions=["a wooden clock", "a wooden clock"]),
        "bystanders.json: the bystander 'a wooden clock' has one caption twice; each names another value",
    ),
    (
        "bystanders",
        lambda d: d[0].update(unless=["age"]),
        "bystanders.json: the bystander 'a clock with a black case' names the family 'age', which does not exist; "
        "write it, or take the name out",
    ),
]


@pytest.mark.parametrize(("file", "damage", "sentence"), FAULTS, ids=[one[2][:60] for one in FAULTS])
def test_a_fault_is_one_sentence(clock, file, damage, sentence):
    change(clock, file, damage)
    assert sentence in said(clock)


@pytest.mark.parametrize("file", ["world", "lexicon", "contrasts", "bystanders"])
def test_a_file_that_is_missing_or_no_json(clock, file):
    path = clock / f"{file}.json"
    path.write_bytes(b"{")
    (fault,) = [one for one in check_world(clock).faults if one.file == path.name]
    assert re.fullmatch(r"cannot be read as JSON \(.*\); mend it there", fault.text)
    path.unlink()
    assert said(clock)[0] == (
        f"{file}.json: the file is missing; a world is a folder with world.json, lexicon.json, contrasts.json, "
        "bystanders.json"
    )


@pytest.mark.parametrize("depth", [50, 900, 100_000])
def test_a_file_of_lists_in_lists(clock, depth):
    (clock / "world.json").write_text('{"parts": ' + "[" * depth + "]" * depth + "}")
    (fault,) = [one for one in check_world(clock).faults if one.file == "world.json"]
    assert fault.text.startswith(
        ("lists or objects lie in each other more than 50 deep; mend it there", "cannot be read as JSON (maximum")
    )


def test_an_empty_folder_lacks_everything(tmp_path):
    assert [fault.file for fault in check_world(tmp_path).faults] == [
        "world.json",
        "lexicon.json",
        "contrasts.json",
        "bystanders.json",
    ]


def test_a_key_that_stands_twice(clock):
    path = clock / "world.json"
    path.write_text(path.read_text().replace('"neutral"', '"subject": "watch", "neutral"'))
    assert said(clock) == ["world.json: the key 'subject' stands twice in one object; keep one"]


def test_all_faults_are_said_in_one_go(clock):
    """Four files, faults of every kind, and none that only follows from another."""
    change(clock, "world", lambda d: d["groups"].update(front=["dial", "front"]))
    change(clock, "world", lambda d: d.update(size=3))
    change(clock, "lexicon", _entries(lambda e: entry(e, "dial")["words"].append("rim")))
    change(clock, "lexicon", _entries(lambda e: entry(e, "crack").update(parts=["glass"])))
    change(clock, "lexicon", _entries(lambda e: entry(e, "numerals").pop("kind")))
    change(clock, "contrasts", lambda d: entry(d["adjectives"], "material").pop("caption"))
    change(clock, "contrasts", lambda d: d.update(alike=[["a sundial", "a clock with a crack"]]))
    change(clock, "bystanders", lambda d: d.append({"captions": ["with it", "a wooden clock"], "unless": ["age"]}))
    found = said(clock)
    starts = [
        "world.json: size is unknown",
        "world.json: the group 'front' holds itself",
        "lexicon.json: entries[2].kind is missing; write it (in 'numerals')",
        "lexicon.json: the entry 'crack': unknown part 'glass'",
        "lexicon.json: the word 'rim' stands in the entries 'case' and 'dial'",
        "contrasts.json: adjectives[1].caption is missing; write it (in 'material')",
        "contrasts.json: alike: the caption 'a sundial' has words",
        "bystanders.json: the bystander 'with it' names the family 'age'",
    ]
    assert len(found) == len(starts), found
    assert [one for one, start in zip(found, starts, strict=True) if not one.startswith(start)] == []


@pytest.mark.parametrize(
    "value", [None, 3, "x", [], {}, [[]], [3], {"entries": 3}, {"parts": [[]], "entries": [3, {}]}]
)
@pytest.mark.parametrize("file", ["world", "lexicon", "contrasts", "bystanders"])
def test_content_of_any_kind_is_looked_at(clock, file, value):
    (clock / f"{file}.json").write_text(json.dumps(value))
    found = check_world(clock)
    assert found.is_whole == (file == "bystanders" and value == [])
    assert all("\n" not in fault.text and len(fault.text) < 500 for fault in found.faults)


@pytest.mark.parametrize("file", ["world", "lexicon", "contrasts", "bystanders"])
def test_any_value_may_be_another(clock, file):
    """Each value of each file in turn is something else: always a sentence or two, and never an error."""
    whole = content(clock, file)
    for key in whole if isinstance(whole, dict) else range(len(whole)):
        for value in (3, [3], {"a": [3]}):
            changed = copy.copy(whole)
            changed[key] = value
            (clock / f"{file}.json").write_text(json.dumps(changed))
            assert not check_world(clock).is_whole, (key, value)


@pytest.mark.parametrize("folder", ["nowhere", "", 3, b"clock"])
def test_a_folder_that_is_none(folder):
    with pytest.raises(InputError, match=r"a world is a folder with world\.json, lexicon\.json"):
        check_world(folder)


# --- the command


def test_the_command_says_everything(clock, capsys):
    assert cli.run(["world", "check", str(clock)]) == 0
    told = capsys.readouterr()
    assert told.out == f"{clock} is whole: 5 parts, 2 groups, 21 words, 6 contrasts, 6 bystanders\n"
    change(clock, "world", lambda d: d.pop("neutral"))
    (clock / "bystanders.json").unlink()
    assert cli.run(["world", "check", str(clock)]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        f"{clock / 'world.json'}: neutral is missing; write it",
        f"{clock / 'bystanders.json'}: the file is missing; a world is a folder with world.json, lexicon.json, "
        "contrasts.json, bystanders.json",
    ]
    assert told.err == f"error: 2 things are wrong in the world {clock}\n"


def test_the_command_in_json(clock, capsys):
    from jsonschema import validate

    schema = json.loads((Path(cli.__file__).parent / "schemas" / "world-check.json").read_text())
    assert cli.run(["world", "check", str(clock), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    validate(found, schema)
    assert set(found) == set(schema["properties"])
    assert (found["whole"], found["faults"], found["parts"]) == (True, [], 5)
    change(clock, "world", lambda d: d.pop("neutral"))
    assert cli.run(["world", "check", str(clock), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    validate(found, schema)
    assert found["faults"] == [{"file": "world.json", "text": "neutral is missing; write it"}]
    assert cli.run(["world", "check", "nowhere", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["kind"] == "InputError"


# --- the world of the documents


def test_the_world_of_clocks_is_read_as_its_page_says():
    world = find_world(CLOCK)
    for sentence, parts in (
        ("a clock with golden hands", ("hands",)),
        ("a wooden clock", ("case",)),
        ("a clock with big roman numerals", ("numerals",)),
        ("make the dial black", ("dial",)),
    ):
        assert read(sentence, world=world).region.parts == parts
    reading = read("make the dial black", world=world)
    assert reading.caption == "a clock with a black dial"
    assert reading.contrasts[:2] == ("a clock with a white dial", "a clock with a yellow dial")
    assert ("a clock with a white dial", "a clock with a black dial") not in reading.bystanders
    assert ("a wooden clock", "a metal clock") in reading.bystanders


def test_the_page_shows_the_files_that_are_checked():
    text = (ROOT / "docs" / "worlds.md").read_text(encoding="utf-8")
    for file in ("world", "lexicon", "contrasts", "bystanders"):
        assert f'--8<-- "examples/clock/{file}.json"' in text
    assert eclipsed.check_world(CLOCK).is_whole
    assert "5 parts, 2 groups, 21 words, 6 contrasts, 6 bystanders" in text
