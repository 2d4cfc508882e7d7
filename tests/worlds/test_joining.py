"""Words of painted parts among those of a world."""

import pickle

import pytest

from eclipsed.errors import InputError
from eclipsed.prompts.reading import read
from eclipsed.prompts.region import Region
from eclipsed.worlds.world import find_world

FACE = find_world("face")
PAINTED = {"forehead": ["forehead"], "left_cheek": ["left cheek"], "sock": ["sock"]}


@pytest.fixture(scope="module")
def world():
    return FACE.with_parts(PAINTED)


def test_the_same_parts_make_the_same_world(world):
    assert world.parts == (*FACE.parts, "forehead", "left_cheek", "sock")
    assert world.name == FACE.name
    assert FACE.with_parts(PAINTED) is world
    assert pickle.loads(pickle.dumps(world)) is world
    assert world.unpainted is FACE
    assert FACE.unpainted is FACE
    assert FACE.with_parts({}) is FACE
    assert FACE.with_parts({"hair": ["hair"], "lips": ["lips"]}) is FACE
    assert set(world.colours) == set(world.parts)


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a person with a red forehead", ("forehead",)),
        ("red foreheads", ("forehead",)),
        ("make the forehead red", ("forehead",)),
        ("a person with red cheeks", ("skin",)),
        ("a person with a red left cheek", ("left_cheek",)),
        ("a person with a blue sock and blond hair", ("hair", "sock")),
        ("a person with blond hair", ("hair",)),
    ],
)
def test_a_sentence_that_names_one_finds_it(world, prompt, parts):
    assert read(prompt, world=world).region.parts == parts
    assert read(prompt, world=FACE).region.parts != parts or not set(parts) & set(world.painted)


def test_what_described_the_word_before_describes_it_still(world):
    prompt = "a person with a red forehead"
    assert read(prompt, world=world).contrasts == read(prompt, world=FACE).contrasts
    assert read(prompt, world=world).unknown == ()
    assert read("a person with a blue sock", world=world).contrasts


def test_a_region_of_painted_parts_is_kept(world):
    region = read("a person with a red forehead", world=world).region
    data = region.to_json()
    assert data["painted"] == ["forehead"]
    assert Region.from_json(data) == region
    assert Region.from_parts("forehead,hair", world=world).painted == ("forehead",)
    assert "painted" not in Region.from_parts("hair", world=world).to_json()
    with pytest.raises(InputError, match="unknown part 'forehead'"):
        Region.from_json({**data, "painted": []})


def test_a_name_is_spelled_as_worlds_spell_it():
    with pytest.raises(InputError) as raised:
        FACE.with_parts({"Öhr": ["ear"]})
    assert str(raised.value) == "the name of a part has small letters, digits and underscores; got 'öhr'"
