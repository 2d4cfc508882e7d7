"""Worlds: what a folder must hold, the names of parts, and every way in which a folder can be wrong."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import eclipsed
from eclipsed.errors import CheckpointError, InputError
from eclipsed.prompts.region import Region
from eclipsed.worlds.world import World, find_world, known_worlds

FLOWER = Path(__file__).parents[1] / "fixtures" / "worlds" / "flower"
CELEBA_MASK = (
    "background skin left_brow right_brow left_eye right_eye glasses left_ear right_ear earrings nose mouth upper_lip "
    "lower_lip neck necklace clothes hair hat"
)


@pytest.fixture
def folder(tmp_path):
    """A copy of the toy world, to be damaged."""
    return Path(shutil.copytree(FLOWER, tmp_path / "flower"))


def change(folder, file, changes):
    path = folder / f"{file}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_world_of_faces():
    face = find_world()
    assert face is find_world("face") is find_world(face)
    assert face.parts == tuple(CELEBA_MASK.split())
    assert face.expand(["face"]) == face.whole
    assert set(face.parts) - set(face.whole) == {"background", "necklace", "clothes"}
    assert face.protected == ("glasses", "earrings", "necklace", "hat")
    assert face.label("hair") == 17
    assert face.labels(["hat", "skin"]) == (18, 1)
    assert len(set(face.colours.values())) == len(face.parts)


def test_names_of_parts_and_groups():
    face = find_world("face")
    assert face.expand(["Left Eye", "left-ear", "HAIR", "hair"]) == ("left_eye", "left_ear", "hair")
    assert face.expand(["lips", "mouth"]) == ("mouth", "upper_lip", "lower_lip")
    assert face.expand([]) == ()
    assert face.in_order(["hair", "skin", "tail"]) == ("skin", "hair")
    for call in (lambda: face.expand(["tail"]), lambda: face.label("tail")):
        with pytest.raises(InputError) as raised:
            call()
        assert str(raised.value) == (
            f"unknown part 'tail'; known parts and groups: {', '.join(face.parts)}, brows, eyes, ears, lips, face"
        )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["face"], ["the whole face"]),
        (["mouth", "eyes"], ["the mouth", "the eyes"]),
        (["lips", "left_eye"], ["the lips", "left eye"]),
        (["clothes", "hair"], ["clothes", "hair"]),
    ],
)
def test_parts_as_people_call_them(parts, said):
    face = find_world("face")
    assert face.spoken(face.expand(parts)) == said


def test_a_world_of_ones_own():
    world = find_world(FLOWER)
    assert world is find_world(str(FLOWER))
    assert world.parts == ("background", "pot", "stem", "flower")
    assert world.expand(["plant"]) == ("stem", "flower")
    assert world.whole == ("pot", "stem", "flower")
    assert world.spoken(world.whole) == ["the plant", "pot"]
    assert world.everything == "the whole flower"
    assert Region(world.whole, True, world=world.name).spoken(world) == "the whole flower"
    assert Region(world.whole, True, world=world.name).spoken() == "the whole picture"  # by its name alone
    assert Region(world.whole, True).spoken() == "the whole face"
    assert Region(("stem",), world=world.name).spoken() == "stem"
    assert len(set(world.colours.values())) == 4
    assert all(0 <= value <= 255 for colour in world.colours.values() for value in colour)


def test_a_copy_is_the_same_world():
    for world in (find_world("face"), find_world(FLOWER)):
        assert copy.deepcopy(world) is world
        assert pickle.loads(pickle.dumps(world)) is world


def test_a_world_is_light():
    code = (
        "import sys, eclipsed.worlds.world as w; face = w.find_world();"
        "sys.exit(bool({'torch', 'spacy', 'numpy'} & set(sys.modules)) or 'lexicon' in vars(face))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "", 3, None, b"face"])
def test_worlds_that_are_none(name):
    if name is None:
        assert find_world(None) is find_world("face")
        return
    with pytest.raises(InputError, match=r"there is no world|a world is named by"):
        find_world(name)
    if name == "nowhere":
        with pytest.raises(InputError, match=r"'nowhere'; known: church, face, or a folder with world\.json"):
            find_world(name)


@pytest.mark.parametrize("file", ["world", "lexicon", "contrasts", "bystanders"])
def test_a_file_that_is_not_there(folder, file):
    (folder / f"{file}.json").unlink()
    with pytest.raises(CheckpointError, match=rf"{file}.json does not exist; a world is a folder with world.json, lex"):
        World.load(folder)
    with pytest.raises(InputError, match="a world is a folder with"):
        World.load(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "format must be 1; got 2"),
        ({"format": True}, "format must be 1; got True"),
        ({"name": "face"}, "the world 'face' comes with the package; choose another name"),
        ({"name": " "}, "name must be a text; got ' '"),
        ({"colour": 1}, "colour is unknown; known here: format, name"),
        ({"parts": "pot"}, "parts must be a list; got 'pot'"),
        ({"parts": ["pot"]}, "parts must hold at least 2; it holds 1"),
        ({"parts": ["background", 3]}, r"parts\[1\] must be a text; got 3"),
        ({"parts": ["background", "pot", "stem", "flower", "pot"]}, "the part 'pot' is named twice"),
        ({"parts": ["background", "Pot", "stem", "flower"]}, "in small letters, digits and underscores; got 'Pot'"),
        ({"background": "sky"}, "the background: 'sky' is no part; the parts are background, pot"),
        ({"groups": {"plant": ["stem", "root"]}}, "the group 'plant': 'root' is no part"),
        ({"groups": {"plant": []}}, "groups.plant must hold at least 1; it holds 0"),
        ({"groups": []}, "groups must be an object"),
        ({"whole": []}, "whole must hold at least 1"),
        ({"whole": ["tree"]}, "whole: unknown part 'tree'; known parts and groups: background, pot, stem, flower, pl"),
        ({"protected": ["hat"]}, "protected: unknown part 'hat'"),
        ({"colours": {"root": [0, 0, 0]}}, "colours: 'root' is no part"),
        ({"colours": {"pot": [0, 0, 256]}}, r"colours.pot\[2\] must be a whole number from 0 to 255; got 256"),
        ({"colours": {"pot": [0, 0, 0, 0]}}, r"the colour of 'pot' must be three numbers from 0 to 255"),
        ({"attributes": {"first": []}}, "attributes.first is unknown; known here: last, stems"),
        ({"attributes": {"last": "gender"}}, "attributes.last must be a list; got 'gender'"),
    ],
)
def test_a_world_that_is_wrong(folder, changes, message):
    change(folder, "world", changes)
    with pytest.raises(CheckpointError, match=message) as raised:
        World.load(folder)
    assert str(folder / "world.json") in str(raised.value)
    assert "\n" not in str(raised.value)


ENTRY = {"name": "root", "kind": "part", "parts": ["pot"], "words": ["root"]}
ADJECTIVES = {"name": "size", "of": ["flower"], "caption": "a {} flower", "members": [["big"], ["small"]]}


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("lexicon", {"entries": []}, "entries must hold at least 1"),
        ("lexicon", {"entries": [{**ENTRY, "kind": "noun"}]}, r"entries\[0\].kind must be one of part, thing, mark"),
        ("lexicon", {"entries": [{**ENTRY, "words": []}]}, r"entries\[0\].words must hold at least 1"),
        ("lexicon", {"entries": [{**ENTRY, "words": ["?!"]}]}, r"entries\[0\].words\[0\] must be a text; got '\?!'"),
        ("lexicon", {"entries": [{**ENTRY, "words": ["\ud800x"]}]}, r"words\[0\] must be a text"),
        ("lexicon", {"entries": [{**ENTRY, "words": ["a\nb"]}]}, r"words\[0\] must be a text"),
        ("lexicon", {"entries": [{**ENTRY, "sides": "yes"}]}, r"entries\[0\].sides must be true or false; got 'yes'"),
        ("lexicon", {"entries": [{**ENTRY, "part": []}]}, r"entries\[0\].part is unknown; known here: name, kind"),
        ("lexicon", {"entries": [{"name": "root"}]}, r"entries\[0\].kind is missing"),
        ("lexicon", {"entries": [ENTRY, ENTRY]}, "two entries are called 'root'"),
        ("lexicon", {"entries": [{**ENTRY, "parts": ["soil"]}]}, "the entry 'root': unknown part 'soil'"),
        ("lexicon", {"entries": [{**ENTRY, "tinted": ["soil"]}]}, "the entry 'root': unknown part 'soil'"),
        ("lexicon", {"entries": [{**ENTRY, "spreads": ["soil"]}]}, "the entry 'root': unknown part 'soil'"),
        ("lexicon", {"entries": [{**ENTRY, "fits": ["soil"]}]}, "'root' names the entry 'soil', which does not exist"),
        ("lexicon", {"entries": [{**ENTRY, "home": "soil"}]}, "'root' names the entry 'soil', which does not exist"),
        ("lexicon", {"coloured": {"name": "c", "entry": "x", "parts": ["pot"]}}, "'c' names the entry 'x', which"),
        ("lexicon", {"forms": {"leaf": "leaves"}}, "forms.leaf must be a list; got 'leaves'"),
        ("lexicon", {"grammar": {}}, "grammar is unknown; known here: entries, core"),
        ("contrasts", {"neutral": ["a plant"]}, "neutral must hold at least 3; it holds 1"),
        ("contrasts", {"with": "a flower"}, "with must be a text with one gap {}; got 'a flower'"),
        ("contrasts", {"there": "{} {}"}, "there must be a text with one gap"),
        ("contrasts", {"there": "{0}"}, "there must be a text with one gap"),
        ("contrasts", {"adjectives": [{**ADJECTIVES, "of": ["root"]}]}, "'size' names the entry 'root', which does"),
        ("contrasts", {"adjectives": [{**ADJECTIVES, "skip": ["tall"]}]}, "'size' names the member 'tall', which does"),
        ("contrasts", {"adjectives": [{**ADJECTIVES, "near": [["big", "tall"]]}]}, "names the member 'tall'"),
        ("contrasts", {"adjectives": [{**ADJECTIVES, "members": [["big"]]}]}, "members must hold at least 2"),
        ("contrasts", {"adjectives": [{**ADJECTIVES, "members": [["a"], ["a"]]}]}, "'size' has two members of one n"),
        ("contrasts", {"words": [{"name": "w", "members": [{"adjective": ["a"]}, {}]}]}, "members.0..name is missing"),
    ],
)
def test_words_and_captions_that_are_wrong(folder, file, changes, message):
    change(folder, file, changes)
    world = World.load(folder)
    with pytest.raises(CheckpointError, match=message) as raised:
        getattr(world, file)
    assert str(folder / f"{file}.json") in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "must be a list"),
        ([{"captions": ["a"], "unless": []}], r"\[0\].captions must hold at least 2"),
        ([{"captions": ["a", "b"], "unless": ["age"]}], "the bystander 'a' names the family 'age', which does not"),
    ],
)
def test_bystanders_that_are_wrong(folder, content, message):
    (folder / "bystanders.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=message) as raised:
        _ = World.load(folder).bystanders
    assert str(folder / "bystanders.json") in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"3", b"null", b"[]"])
@pytest.mark.parametrize("file", ["world", "lexicon", "contrasts"])
def test_a_file_that_is_no_json_or_another(folder, file, content):
    (folder / f"{file}.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot be read as JSON|the file must be an object") as raised:
        _ = World.load(folder).bystanders
    assert str(folder / f"{file}.json") in str(raised.value)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("name", known_worlds())
def test_every_world_of_the_package_is_whole(name):
    world = find_world(name)
    assert world.name == name
    assert world.lexicon["entries"]
    assert world.contrasts["neutral"]
    assert world.bystanders


def test_no_module_but_worlds_names_a_part():
    face = find_world("face")
    # a picture shows a face whatever its world calls it; "background" is also where training may hold an edit to
    names = {*face.parts, *face.groups} - {"face", "background"}
    package = Path(eclipsed.__file__).parent
    for path in sorted(package.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not names & {text for text in texts if isinstance(text, str)}, path
