"""The words that a set's CLIP was shown, and the sentences that can be made of them."""

import json
import shutil
from pathlib import Path

import pytest

from eclipsed.errors import CheckpointError, MissingModelError
from eclipsed.prompts.vocabulary import Vocabulary, plain_words
from eclipsed.store.sets import find_set

FLOWER = Path(__file__).parents[1] / "fixtures" / "worlds" / "flower"


@pytest.fixture
def shipped():
    return Vocabulary.of_set("mini")


def test_the_words_are_those_of_the_sets_own_file(shipped):
    listed = (Path(find_set("mini").clip.model) / "vocabulary.txt").read_text(encoding="utf-8").split()
    assert shipped.words == tuple(sorted(listed))
    assert shipped.models == "mini"
    assert shipped.unknown("A PERSON with dragon's scales and scales") == ("dragon", "scales")


def test_every_sentence_holds_known_words_only(shipped):
    sentences = [one for some in shipped.sentences.values() for one in some]
    assert len(sentences) > 100
    assert [one for one in sentences if shipped.unknown(one)] == []
    assert all(len(set(some)) == len(some) > 0 for some in shipped.sentences.values())
    assert {"a person with blond hair", "a person with an afro", "a person wearing a hat"} <= set(sentences)
    assert shipped.sentences["ear shape"] == ("a person with round ears",)  # "pointy" it was never shown
    assert "a person with eyeliner" not in sentences


def copied(folder, words=None, **changes):
    shutil.copytree(find_set("mini").folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    for name in ("generator", "parser", "classifier", "encoder", "clip/open_clip_model"):
        (folder / f"{name}.safetensors").touch()
    if words is not None:
        (folder / "clip" / "vocabulary.txt").write_text(words, encoding="utf-8")
    content = {**json.loads((folder / "set.json").read_text()), **changes}
    (folder / "set.json").write_text(json.dumps(content))
    return folder


def test_another_sets_words_and_world(tmp_path):
    shutil.copytree(FLOWER, tmp_path / "mine" / "flowers")
    shutil.copytree(
        copied(tmp_path / "copy", "A\nflower\nwith\nPetals\n\nred\n", world="flowers"),
        tmp_path / "mine",
        dirs_exist_ok=True,
    )
    found = Vocabulary.of_set(tmp_path / "mine")
    assert found.words == ("a", "flower", "petals", "red", "with")
    assert {one for some in found.sentences.values() for one in some} == {"a flower with red petals"}


def test_a_clip_without_a_list_takes_every_sentence(tmp_path):
    (copied(tmp_path / "mine") / "clip" / "vocabulary.txt").unlink()
    found = Vocabulary.of_set(tmp_path / "mine")
    assert found.words is None
    assert found.unknown("a dragon") == ()
    assert "a person with pointy ears" in found.sentences["ear shape"]
    assert repr(found).startswith("Vocabulary(mini: any words, sentences about hair colour, ")


def test_what_cannot_be_read(tmp_path):
    place = copied(tmp_path / "mine") / "clip" / "vocabulary.txt"
    place.write_bytes(b"caf\xe9\n")
    with pytest.raises(CheckpointError, match="cannot be read as text, one word a line"):
        Vocabulary.of_set(tmp_path / "mine")
    with pytest.raises(MissingModelError):
        Vocabulary.of_set("nothing")


def test_words_are_letters_without_possession():
    assert plain_words("The Person’s hair, don't 2 x-ray!") == ["the", "person", "hair", "don", "t", "x", "ray"]


def test_the_clip_says_its_words_too(shipped, editor):
    from eclipsed.pretrained.clip import Clip

    assert Clip.from_pretrained(find_set("mini").clip.model, device="cpu").words == shipped.words
    assert editor.clip.words is None or editor.clip.words == tuple(sorted(editor.clip.words))
