"""One reading of a sentence: what it says, in one parse, with the words of one world."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import eclipsed
from eclipsed.errors import EclipsedWarning, InputError, LocalityWarning
from eclipsed.prompts.binding import bind
from eclipsed.prompts.lexicon import Lexicon, load_lexicon
from eclipsed.prompts.reading import Reading, read
from eclipsed.prompts.region import Region
from eclipsed.prompts.target import Target
from eclipsed.worlds.world import World, find_world

FACE = find_world("face")
FLOWER = find_world(Path(__file__).parents[1] / "fixtures" / "worlds" / "flower")
ATTRIBUTES = {
    "hair_colour": ("black", "blond"),
    "lip_colour": ("natural", "red"),
    "hat": ("no", "yes"),
    "gender": ("woman", "man"),
}


@pytest.fixture
def parses(monkeypatch):
    """The texts that a lexicon has parsed, with nothing kept from before."""
    seen: list[str] = []
    real = Lexicon.parse

    def parse(self, prompt):
        seen.append(prompt)
        return real(self, prompt)

    monkeypatch.setattr(Lexicon, "parse", parse)
    bind.cache_clear()
    yield seen
    bind.cache_clear()


@pytest.mark.parametrize("prompt", ["a person with blond hair", "A PERSON WITH BLOND HAIR", "a truck", "una persona"])
def test_a_sentence_is_parsed_once_whatever_is_asked(parses, prompt):
    reading = read(prompt)
    assert parses == []  # nothing is asked yet
    for _ in range(2):
        assert reading.region.parts
        assert reading.contrasts
        assert reading.bystanders
        assert isinstance(reading.is_foreign, bool)
        assert reading.statements == (reading,)
        assert reading.caption == prompt
        assert reading.removes is None
        assert reading.note == ""
        assert isinstance(reading.unknown, tuple)
    assert parses == [prompt]
    assert read(prompt).region == reading.region == Region.from_prompt(prompt, warn=False)
    assert parses == [prompt]
    for _ in range(2):  # the names of a classifier are texts of their own, read once too
        reading.target(ATTRIBUTES)
        read(prompt).targets(ATTRIBUTES)
        assert parses.count(prompt) == 1
        assert len(set(parses)) == len(parses)


def test_training_and_judging_read_their_sentence_once(parses, editor, quick):
    prompt = "a person with brown hair"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EclipsedWarning)  # random networks are weak
        direction = editor.train(prompt, config=quick.replace(calibrate=True, calibration_faces=2, keep_weight=1.0))
    assert parses == [prompt]
    eclipsed.evaluate(editor, direction, seeds=[2000], alphas=[1.0], extras=())
    assert parses == [prompt]


def test_what_a_reading_says():
    reading = eclipsed.read("a person with blond hair")
    assert isinstance(reading, eclipsed.Reading)
    assert (reading.prompt, reading.world) == ("a person with blond hair", FACE)
    assert repr(reading) == "Reading('a person with blond hair', world='face')"
    assert reading.region == Region(("hair",), matches={"blond hair": ("hair",)}, prompt="a person with blond hair")
    assert reading.contrasts[0] == "a person with black hair"
    assert ("a young person", "an old person") in reading.bystanders
    assert reading.target(ATTRIBUTES) == Target("hair_colour", ("blond",))
    assert not reading.is_foreign
    assert read("una persona con el pelo rubio").is_foreign


def test_capitals_are_quoted_as_given_and_written_small():
    reading = read("A PERSON WITH BLOND HAIR")
    assert reading.region.prompt == "A PERSON WITH BLOND HAIR"
    assert dict(reading.region.matches) == {"blond hair": ("hair",)}
    assert "a person with black hair" in reading.contrasts
    assert reading.contrasts == read("a person with blond hair").contrasts
    assert reading.bystanders == read("a person with blond hair").bystanders


def test_reading_gives_no_warning_and_finding_a_region_does():
    assert "names no part of a face" in read("a truck").region.warning
    with pytest.warns(LocalityWarning, match="'a truck' names no part of a face"):
        Region.from_prompt("a truck")


@pytest.mark.parametrize("prompt", ["", " ", "?!", None, 3, "x" * 1001])
def test_what_is_no_sentence(prompt):
    with pytest.raises(InputError, match="prompt"):
        read(prompt)
    with pytest.raises(InputError, match="there is no world 'nowhere'"):
        read("blond hair", world="nowhere")


def test_reading_is_light():
    code = (
        "import sys, eclipsed; eclipsed.read('blond hair');"
        "eclipsed.Target.of_prompt('blond hair', {'hair_colour': ('black', 'blond')});"
        "sys.exit(bool({'torch', 'spacy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- another world


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a red flower", ("flower",)),
        ("a flwoer with crimson petals", ("flower",)),
        ("A FLOWER IN A BROWN POT", ("pot", "flower")),
        ("a plant with leaves", ("stem",)),
        ("a withered plant", ("stem", "flower")),
        ("the flowerpots", ("pot",)),
    ],
)
def test_the_words_of_another_world(prompt, parts):
    region = read(prompt, world=FLOWER).region
    assert region.parts == parts
    assert not region.whole_face
    assert region.world == "flower"


def test_captions_of_another_world():
    reading = read("a red flower", world=FLOWER.folder)
    assert reading.world is FLOWER
    assert reading.contrasts == ("a yellow flower", "a white flower", "a blue flower")
    assert reading.bystanders == (
        ("a flower in a brown pot", "a flower in a black pot"),
        ("a flower with leaves", "a flower without leaves"),
    )
    assert read("a plant with leaves", world=FLOWER).contrasts == (
        "a plant without leaves",
        "a plant with no leaves",
        "a plant with a bare stem",
    )
    assert read("a flower with no leaves", world=FLOWER).contrasts[0] == "a flower with leaves"
    assert [one[0] for one in read("a withered plant", world=FLOWER).bystanders] == [
        "a flower with red petals",
        "a flower in a brown pot",
    ]
    assert read("a truck", world=FLOWER).contrasts == ("a flower in a pot", "a photo of a flower")


def test_messages_of_another_world():
    with pytest.warns(LocalityWarning, match="'a person with blond hair' names no part of a flower, so locality"):
        assert Region.from_prompt("a person with blond hair", world=FLOWER).parts == FLOWER.whole
    assert r"is about the whole flower (plant)" in read("a plant", world=FLOWER).region.warning
    with pytest.raises(InputError, match='describe the flower you want, such as "a flower with red petals"'):
        read("", world=FLOWER)
    with pytest.raises(InputError, match="unknown part 'hair'; known parts and groups: background, pot, stem, flower"):
        Region.from_parts(["hair"], world=FLOWER)
    with pytest.raises(InputError, match="got none; known parts: background, pot, stem, flower"):
        Region.from_parts([], world=FLOWER)


def test_each_world_has_its_own_lexicon():
    assert load_lexicon(FACE) is load_lexicon(FACE)
    assert load_lexicon(FLOWER) is not load_lexicon(FACE)
    assert read("a red flower").region.whole_face
    assert read("a red flower", world=FLOWER).region.parts == ("flower",)
    assert isinstance(read("a red flower", world=str(FLOWER.folder)), Reading)


def test_a_region_says_which_world_it_is_of():
    region = Region.from_parts(["plant"], world=FLOWER)
    assert region.to_json()["world"] == "flower"
    assert Region.from_json(region.to_json()) == region
    assert Region.from_json(region.to_json(), world=FLOWER) == region
    assert "world" not in Region.from_parts(["hair"]).to_json()  # as before there were worlds
    assert Region.from_json({"parts": ["hair"]}).world == "face"
    with pytest.raises(InputError, match="unknown part 'stem'; known parts: background, skin"):
        Region.from_json({"parts": ["stem"]})
    with pytest.raises(InputError, match="unknown part 'stem'; known parts: background, skin"):
        Region.from_json(region.to_json(), world=FACE)
    with pytest.raises(InputError, match="unknown part 'hair'; known parts: background, pot"):
        Region.from_json({"parts": ["hair"]}, world=FLOWER)
    with pytest.raises(InputError, match="a region holds unknown part 3"):
        Region.from_json({"parts": [3], "world": "flower"})
    with pytest.raises(InputError, match="a region holds no part"):
        Region.from_json({"parts": [], "world": "flower"})


def test_a_colour_that_is_worn_belongs_to_worlds_that_wear_something():
    assert read("a woman in red").region.parts == ("clothes",)
    assert read("a plant in red", world=FLOWER).region.whole_face


def test_a_lexicon_of_a_damaged_world(tmp_path):
    for file in FLOWER.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "lexicon.json").write_text('{"entries": 3}')
    with pytest.raises(eclipsed.CheckpointError, match=r"lexicon\.json: entries must be a list; got 3"):
        _ = read("a red flower", world=World.load(tmp_path)).region
