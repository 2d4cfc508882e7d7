"""What a sentence means: commands, what is to go, several attributes at once, and the words of a classifier."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from eclipsed.prompts.contrasts import MAX_CONTRASTS
from eclipsed.prompts.reading import read
from eclipsed.prompts.target import Target
from eclipsed.worlds.world import find_world
from recipes.mini.facts import ATTRIBUTES

FLOWER = find_world(Path(__file__).parents[1] / "fixtures" / "worlds" / "flower")
FIXTURES = Path(__file__).parents[1] / "fixtures"
WORDINGS = Path(__file__).parents[2] / "benchmarks" / "vocabulary.csv"
VOCABULARY = [
    (row["target"], sentence)
    for row in csv.DictReader(WORDINGS.read_text(encoding="utf-8").splitlines())
    for sentence in (row["plain"], row["other"])
]
PROMPTS = [
    case["prompt"]
    for name in ("region_prompts.jsonl", "region_prompts_more.jsonl")
    for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    if not (case := json.loads(line)).get("error")
]
#: Of another make: whole names, all of them there or not.
NAMES = (
    "5_o_Clock_Shadow", "Bags_Under_Eyes", "Goatee", "Heavy_Makeup", "Receding_Hairline", "Bald", "Bangs",
    "Blond_Hair", "Black_Hair", "Bushy_Eyebrows", "Eyeglasses", "Male", "Mouth_Slightly_Open",
    "No_Beard", "Pale_Skin", "Rosy_Cheeks", "Smiling", "Straight_Hair", "Wearing_Hat", "Wearing_Lipstick", "Young",
)  # fmt: skip
FOREIGN = dict.fromkeys(NAMES, ("no", "yes"))


def spoken(targets):
    return sorted("None" if t is None else f"{t.attribute}={'|'.join(t.classes)}" for t in targets)


@pytest.mark.parametrize(
    ("prompt", "caption"),
    [
        ("a person with blond hair", "a person with blond hair"),
        ("a blonde woman", "a blonde woman"),
        ("smile!", "smile!"),
        ("open mouth", "open mouth"),
        ("a bob cut", "a bob cut"),
        ("make the hair red", "a person with red hair"),
        ("make the hair bright red", "a person with bright red hair"),
        ("give him a beard", "a person with a beard"),
        ("put on glasses", "a person with glasses"),
        ("put an orange hat on him", "a person wearing an orange hat"),
        ("dye the hair green", "a person with green hair"),
        ("cut the hair short", "a person with short hair"),
        ("open the mouth", "a person with the mouth open"),
        ("turn her into a man", "a man"),
        ("add freckles", "a person with freckles"),
        ("he should smile", "a smiling person"),
        ("make her smile", "a smiling person"),
        ("make her cry", "a crying person"),
        ("more hair", "a person with hair"),
        ("could you please make her hair longer?", "a person with long hair"),
        ("I want her to have red hair", "a person with red hair"),
        ("bigger eyes", "a person with big eyes"),
        ("an older man", "an older man"),
        ("darken the skin", "a person with dark skin"),
        ("raise the left eyebrow", "a person with a raised left eyebrow"),
        ("make her hair messy", "a person with messy hair"),
        ("change the eye colour to blue", "a person with blue eyes"),
        ("make the black hair red", "a person with red hair"),
        ("change the hair from black to blond", "a person with blond hair"),
        ("replace the glasses with sunglasses", "a person with sunglasses"),
        ("a man instead of a woman", "a man"),
        ("trade the hat for glasses", "a person with glasses"),
        ("shave his head", "a bald person"),
        ("make the face wider", "a person with a wide face"),
        ("hair blond short", "a person with short blond hair"),
        ("make the eyes big and blue", "a person with big blue eyes"),
        ("the hair is red", "a person with red hair"),
        ("give her bangs and a bun", "a person with bangs and a bun"),
        ("add a hat and glasses", "a person with glasses and wearing a hat"),
        ("a man dressed in black", "a man dressed in black"),
        ("dress her in green", "a person in green"),
        ("change it from black to red hair, please", "a person with red hair"),
        ("can u make him bald plz", "a bald person"),
        ("hair: red", "a person with red hair"),
        ("put sunglasses on him", "a person with sunglasses"),
        ("trim the beard", "a person with a short beard"),
        ("straighten her hair and dye it black", "a person with straight black hair"),
        ("a rounder face", "a person with a round face"),
        ("eyebrows thinner", "a person with thin eyebrows"),
        ("not sad but happy", "a happy person"),
        ("brown hair, not blond", "a person with brown hair"),
        ("her hair isn't blonde, it's red", "a person with red hair"),
        ("ears sticking out", "ears sticking out"),
        ("a woman with thick, dark eyebrows", "a woman with thick, dark eyebrows"),
        ("thin lips", "thin lips"),
        ("a blonde with a hat", "a blonde with a hat"),
        ("eyes wide open", "eyes wide open"),
        ("make the smile bigger", "a person with a big smile"),
        ("make the earrings a bit longer", "a person wearing long earrings"),
        ("let her hair down", "a person with hair down"),
        ("long hair down to the waist", "long hair down to the waist"),
        ("gender swap", "gender swap"),  # says not to what
        ("change the age", "change the age"),
        ("hopeless", "hopeless"),
        ("make her a vampire", "make her a vampire"),  # no word of the world
    ],
)
def test_captions(prompt, caption):
    reading = read(prompt)
    assert reading.caption == caption
    assert reading.removes is None
    assert reading.note == ("" if caption == prompt else f'read as "{caption}"')


@pytest.mark.parametrize(
    ("prompt", "goes", "caption"),
    [
        ("a person without glasses", "a person with glasses", "a person without glasses"),
        ("no fringe", "a person with a fringe", "a person without a fringe"),
        ("not wearing a hat", "a person wearing a hat", "a person without a hat"),
        ("remove the lipstick", "a person with lipstick", "a person without lipstick"),
        ("take off the hat", "a person wearing a hat", "a person without a hat"),
        ("take his hat off", "a person wearing a hat", "a person without a hat"),
        ("get rid of the beard", "a person with a beard", "a person without a beard"),
        ("shave off the moustache", "a person with a moustache", "a person without a moustache"),
        ("shave the beard", "a person with a beard", "a person without a beard"),
        ("with the beard shaved off", "a person with a beard", "a person without a beard"),
        ("make-up free", "a person with make-up", "a person without make-up"),
        ("glasses removed", "a person with glasses", "a person without glasses"),
        ("he doesn't have a beard", "a person with a beard", "a person without a beard"),
        ("she isnt wearing earrings", "a person wearing earrings", "a person without earrings"),
        ("fewer freckles", "a person with freckles", "a person without freckles"),
        ("anything but blonde", "a person with blond hair", "a person without blond hair"),
        ("hair not blond", "a person with blond hair", "a person without blond hair"),
        ("he shaved off his beard", "a person with a beard", "a person without a beard"),
        ("pls remove all facial hair", "a person with facial hair", "a person without facial hair"),
        ("without long, curly hair", "a person with long curly hair", "a person without long curly hair"),
        ("a man without a red hat", "a person wearing a red hat", "a person without a red hat"),
        ("without a beard or moustache", "a person with a beard and a moustache",
         "a person without a beard or a moustache"),
        ("neither glasses nor a hat", "a person with glasses and wearing a hat", "a person without glasses or a hat"),
        ("his glasses should go", "a person with glasses", "a person without glasses"),
        ("the beard has to go", "a person with a beard", "a person without a beard"),
        ("scrap the hat", "a person wearing a hat", "a person without a hat"),
        ("a face free of freckles", "a person with freckles", "a person without freckles"),
        ("freckle-free skin", "a person with freckles", "a person without freckles"),
        ("glassless", "a person with glasses", "a person without glasses"),
        ("a moustacheless man", "a person with a moustache", "a person without a moustache"),
        ("freckleless skin", "a person with freckles", "a person without freckles"),
        ("lipstick, no", "a person with lipstick", "a person without lipstick"),
        ("beard - no", "a person with a beard", "a person without a beard"),
        ("no glasses, hat or beard", "a person with glasses and a beard and wearing a hat",
         "a person without glasses, a hat or a beard"),
        ("no hat, no necklace", "a person wearing a hat and a necklace", "a person without a hat or a necklace"),
    ],
)  # fmt: skip
def test_what_is_to_go(prompt, goes, caption):
    reading = read(prompt)
    assert reading.removes is not None
    assert (reading.removes.prompt, reading.removes.caption, reading.caption) == (goes, goes, caption)
    assert reading.removes.removes is None
    assert reading.note == f'learned as "{goes}" and turned round'
    assert reading.region.parts == reading.removes.region.parts


@pytest.mark.parametrize(
    ("prompt", "caption"),
    [
        ("a person who is not bald", "a person with hair"),
        ("no longer bald", "a person with hair"),
        ("not smiling", "a person with a neutral expression"),
        ("stop smiling", "a person with a neutral expression"),
        ("not old", "a young person"),
        ("remove the hair", "a bald person"),
        ("mouth not open", "a person with the mouth closed"),
        ("not without glasses", "a person with glasses"),
        ("not tall, bald or old", "a young person with hair"),
        ("don't remove the hat", "a person wearing a hat"),
    ],
)
def test_what_is_put_the_other_way(prompt, caption):
    reading = read(prompt)
    assert (reading.caption, reading.removes) == (caption, None)
    assert reading.note == f'read as "{caption}"'


@pytest.mark.parametrize("prompt", ["clean-shaven", "a clean-shaven man", "hatless", "no hair", "a bald man"])
def test_words_that_say_of_themselves_that_something_lacks(prompt):
    reading = read(prompt)
    assert (reading.caption, reading.removes, reading.note) == (prompt, None, "")


@pytest.mark.parametrize(
    ("prompt", "captions"),
    [
        ("pink curly hair", ["a person with pink hair", "a person with curly hair"]),
        ("hair blond short", ["a person with blond hair", "a person with short hair"]),
        ("a person wearing a hat and sunglasses", ["a person wearing a hat", "a person with sunglasses"]),
        ("a smiling woman with blue eyes", ["a smiling person", "a person with blue eyes"]),
        ("red lips and green eyes", ["a person with red lips", "a person with green eyes"]),
        ("an old man with a beard and glasses", ["an old person", "a person with a beard", "a person with glasses"]),
        ("brown bangs", ["a person with brown hair", "a person with bangs"]),
        ("a person with dark skin and white hair", ["a person with dark skin", "a person with white hair"]),
        ("curly-haired redhead with freckles",
         ["a person with curly hair", "a person with red hair", "a person with freckles"]),
        ("a person with a beard and without glasses", ["a person with a beard", "a person without glasses"]),
        ("no glasses and a beard", ["a person without glasses", "a person with a beard"]),
        ("no hat, blue eyes", ["a person without a hat", "a person with blue eyes"]),
        ("take off the hat and smile", ["a person without a hat", "a smiling person"]),
        ("a man with no hair and no beard", ["a bald person", "a person without a beard"]),
        ("Blonde Hair Blue Eyes", ["a person with blonde hair", "a person with blue eyes"]),
        ("sad eyebrows, smiling mouth", ["a person with sad eyebrows", "a smiling person"]),
        ("a woman with plump, glossy lips and glasses", ["a person with plump lips", "a person with glasses"]),
        ("a moustache but no beard", ["a person with a moustache", "a person without a beard"]),
        ("purple lipstick and a nose ring", ["a person with purple lipstick", "a person with a nose ring"]),
        ("close the eyes and open the mouth", ["a person with the eyes closed", "a person with the mouth open"]),
        ("narrow the eyes and widen the nose", ["a person with small eyes", "a person with a big nose"]),
        ("long, straight, and blonde hair",
         ["a person with long hair", "a person with straight hair", "a person with blonde hair"]),
        ("a woman with big, beautiful, green eyes", ["a person with big eyes", "a person with green eyes"]),
        ("a red hat, green eyes", ["a person wearing a red hat", "a person with green eyes"]),
        ("not bald, old", ["a person with hair", "an old person"]),
        ("remove the hat and make the hair red", ["a person without a hat", "a person with red hair"]),
        ("bald with a long grey beard", ["a bald person", "a person with a long grey beard"]),
        ("an elderly woman with short white hair, glasses and a necklace",
         ["an elderly person", "a person with short hair", "a person with white hair", "a person with glasses",
          "a person wearing a necklace"]),
    ],
)  # fmt: skip
def test_several_attributes(prompt, captions):
    statements = read(prompt).statements
    assert [one.prompt for one in statements] == captions
    for one in statements:
        assert one.caption == one.prompt
        assert one.statements == (one,)


@pytest.mark.parametrize(
    "prompt",
    ["a man with a beard", "a woman wearing a hat", "a young woman", "a red hat", "a grey beard",
     "freckles on the nose", "a woman in red", "rosy cheeks", "freckled skin", "hair in a bun", "a man",
     "a denim jacket", "skin with pimples", "eyeglasses with red frames",
     "a truck", "una persona con gafas"],
)  # fmt: skip
def test_one_attribute_is_one_statement(prompt):
    reading = read(prompt)
    assert reading.statements == (reading,)
    assert reading.caption == prompt


def test_a_mixed_sentence_removes_in_one_statement():
    reading = read("a person with a beard and without glasses")
    there, gone = reading.statements
    assert (reading.removes, there.removes) == (None, None)
    assert gone.removes.prompt == "a person with glasses"
    assert reading.note == 'read as "a person with a beard", and "a person with glasses" turned round'
    assert reading.region.parts == ("skin", "glasses")


def test_bystanders_of_a_statement_leave_out_the_others():
    reading = read("a smiling woman with pink curly hair")
    for one in (reading, *reading.statements):
        captions = {caption for family in one.bystanders for caption in family}
        assert not captions & {"a smiling person", "a person with pink hair", "a person with curly hair"}
        assert "a person with glasses" in captions
    assert reading.statements[1].contrasts[0] == "a person with black hair"


def test_contrasts_of_what_is_not_told_as_it_is():
    assert read("dye the hair green").contrasts == read("a person with green hair").contrasts
    assert read("remove the hat").contrasts == read("a person without a hat").contrasts


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a b", ("b",)),
        ("zxcv hair", ("zxcv",)),
        ("a person with blond hair", ()),
        ("could you please make her hair a bit longer?", ()),
        ("he doesn't wear glasses, 2 earrings!", ()),
        ("glorp glorp florp", ("glorp", "florp")),
    ],
)
def test_unknown_words(prompt, unknown):
    assert read(prompt).unknown == unknown


@pytest.mark.parametrize(("target", "sentence"), VOCABULARY, ids=lambda value: value)
def test_what_a_sentence_of_the_vocabulary_aims_at(target, sentence):
    assert spoken(read(sentence).targets(ATTRIBUTES)) == sorted(target.split())


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("a blonde woman", ["Blond_Hair=yes"]),
        ("a man without glasses", ["Eyeglasses=no"]),
        ("a smiling person", ["Smiling=yes"]),
        ("a bearded man", ["No_Beard=no"]),
        ("no beard", ["No_Beard=yes"]),
        ("clean-shaven", ["No_Beard=yes"]),
        ("remove the hat", ["Wearing_Hat=no"]),
        ("an old man", ["Young=no"]),
        ("red lipstick", ["Wearing_Lipstick=yes"]),
        ("rosy cheeks", ["Rosy_Cheeks=yes"]),
        ("bushy eyebrows", ["Bushy_Eyebrows=yes"]),
        ("a bald man", ["Bald=yes"]),
        ("a goatee", ["Goatee=yes"]),
        ("stubble", ["5_o_Clock_Shadow=yes"]),
        ("make-up", ["Heavy_Makeup=yes"]),
        ("bags under the eyes", ["Bags_Under_Eyes=yes"]),
        ("a receding hairline", ["Receding_Hairline=yes"]),
        ("green eyes", ["None"]),
        ("a man", ["Male=yes"]),
        ("close the mouth", ["Mouth_Slightly_Open=no"]),
    ],
)
def test_names_of_another_make(prompt, wanted):
    assert spoken(read(prompt).targets(FOREIGN)) == wanted


def test_the_target_of_a_sentence_is_that_of_its_first_statement():
    assert read("a black man").target(ATTRIBUTES) == Target("skin", ("dark",))
    assert read("a white woman").target(ATTRIBUTES) == Target("skin", ("pale",))
    assert read("a man in black").target(ATTRIBUTES) == Target("clothes_colour", ("black",))
    assert read("a black-haired man").target(ATTRIBUTES) == Target("hair_colour", ("black",))
    assert read("a sad person").target(ATTRIBUTES) == Target("smile", ("frown",))
    assert read("a person with sad eyebrows").target(ATTRIBUTES) == Target("brow_angle", ("sad",))
    assert read("a person with a nose ring and blue eyes").target(ATTRIBUTES) == Target("eye_colour", ("blue",))
    assert read("not blond").target(ATTRIBUTES).classes == tuple(c for c in ATTRIBUTES["hair_colour"] if c != "blond")
    assert read("not smiling").target(ATTRIBUTES) == Target("smile", ("neutral",))
    assert read("hair like fire").target(ATTRIBUTES) is None
    assert read("high cheekbones").target(ATTRIBUTES) is None  # "face_length" is of chins
    assert read("wink").target(ATTRIBUTES) is None
    assert read("a truck").targets(ATTRIBUTES) == (None,)
    assert read("a truck").target(ATTRIBUTES) is None


def test_statements_and_removals_are_read_as_they_are_written():
    for prompt in PROMPTS[::5]:
        reading = read(prompt)
        for one in reading.statements:
            assert one is reading or one.caption == one.prompt, (prompt, one.prompt)
        if reading.removes is not None:
            assert reading.removes.caption == reading.removes.prompt, prompt
        assert len(reading.targets(ATTRIBUTES)) == len(reading.statements)


def test_the_region_is_that_of_the_statements():
    for prompt in PROMPTS[::5]:
        reading = read(prompt)
        if len(reading.statements) > 1 and not reading.region.whole_face:
            named = [set(one.region.parts) for one in reading.statements if not one.region.whole_face]
            assert set(reading.region.parts) == set().union(*named), prompt


def test_another_world():
    reading = read("make the flower red", world=FLOWER)
    assert reading.caption == "a flower with red petals"
    assert reading.region.parts == ("flower",)
    assert read("a plant without leaves", world=FLOWER).removes.prompt == "a flower with leaves"
    assert read("a leafless plant", world=FLOWER).removes.prompt == "a flower with leaves"
    several = read("a red flower in a brown pot", world=FLOWER)
    assert [one.prompt for one in several.statements] == ["a flower with red petals", "a flower in a brown pot"]
    known = {"petal_colour": ("red", "blue"), "leaves": ("no", "yes")}
    assert spoken(several.targets(known)) == ["None", "petal_colour=red"]
    assert spoken(read("remove the leaves", world=FLOWER).targets(known)) == ["leaves=no"]


def test_the_longest_sentences_are_read():
    for prompt in (
        "red hair and " * 75,
        "not " * 240 + "bald",
        "without " * 110 + "hat",
        "take the glasses off and " * 40,
    ):
        reading = read(prompt[:1000])
        assert len(reading.targets(ATTRIBUTES)) == len(reading.statements) == 1
        assert len(reading.contrasts) <= MAX_CONTRASTS
        assert reading.bystanders
    assert read("without " * 3 + "a hat").removes is not None


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("a person with blond hair", ("a person with blond hair",)),
        ("remove the glasses", ("a person with glasses",)),
        ("make the hair red", ("a person with red hair",)),
        ("pink curly hair", ("a person with pink hair", "a person with curly hair")),
        ("a beard and no glasses", ("a person with a beard", "a person without glasses")),
    ],
)
def test_what_clip_is_told(prompt, told):
    assert read(prompt).told == told
