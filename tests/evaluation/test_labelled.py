"""Pictures with their classes: folders and CSVs, and one sentence for everything that is wrong with them."""

import numpy as np
import pytest
import torch
from PIL import Image

from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.evaluation.labelled import picture_files, read_labelled


def save(path, seed, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def covers(tmp_path):
    """Two classes of three pictures each."""
    place = tmp_path / "covers"
    for number in range(3):
        save(place / "jazz" / f"{number}.png", number)
        save(place / "metal" / "deeper" / f"{number}.png", 10 + number)
    return place


def refused(source, **options):
    with pytest.raises(InputError) as caught:
        read_labelled(source, size=8, **options)
    return str(caught.value)


def test_a_folder_for_each_class(covers):
    (covers / "jazz" / "notes.txt").write_text("no picture")
    (covers / "jazz" / ".hidden.png").write_bytes(b"")
    (covers / ".cache").mkdir()
    told = []
    found = read_labelled(covers, size=8, tell=lambda *step: told.append(step))
    assert (found.attribute, found.classes) == ("covers", ("jazz", "metal"))
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert (found.images.shape, found.images.dtype) == ((6, 8, 8, 3), torch.uint8)
    assert told == [(done, 6) for done in range(1, 7)]
    assert found.counts.tolist() == [3, 3]


def test_a_picture_of_the_right_size_is_kept_as_it_is(tmp_path):
    pixels = save(tmp_path / "all" / "a" / "1.png", 1, size=(8, 8))
    save(tmp_path / "all" / "b" / "1.png", 2, size=(8, 8))
    found = read_labelled(tmp_path / "all", size=8)
    assert np.array_equal(found.images[0].numpy(), pixels)


def test_a_csv_names_files_and_classes(covers):
    path = covers / "list.csv"
    path.write_text(
        "picture,genre\njazz/0.png,cool\njazz/1.png, hot\nmetal/deeper/2.png,cool\n\n", encoding="utf-8-sig"
    )
    found = read_labelled(path, size=8)
    assert (found.attribute, found.classes, found.labels.tolist()) == ("genre", ("cool", "hot"), [0, 0, 1])
    assert [file.name for file in found.files] == ["0.png", "2.png", "1.png"]
    path.write_text("picture,genre\njazz/0.png,cool,extra\n")
    assert refused(path) == f"{path} is no CSV of two columns, a picture's file and its class; line 2 has 3"
    path.write_text("picture,genre\n")
    assert refused(path) == f"{path} has column names and no pictures"
    path.write_text("")
    assert refused(path) == f"{path} is no CSV of two columns, a picture's file and its class"
    path.write_bytes(b"\xff\xfe\x00")
    assert refused(path).startswith(f"{path} cannot be read as a CSV: ")


def test_what_has_no_two_classes_is_refused(covers, tmp_path):
    assert refused(tmp_path / "none") == (
        f"{tmp_path / 'none'} is not there; give a folder with a folder of pictures for each class, or a CSV"
    )
    flat = covers / "jazz"
    assert refused(flat) == f"{flat} has no folders in it; expected a folder of pictures for each class"
    single = tmp_path / "single"
    save(single / "only" / "1.png", 1)
    assert refused(single) == f"{single} has one class, 'only'; a judge tells at least two apart"
    (covers / "pop").mkdir()
    assert refused(covers) == f"the class 'pop' in {covers} has no pictures; fill its folder or remove it"


def test_a_class_of_too_few_pictures_is_refused(covers):
    for name in ("1.png", "2.png"):
        (covers / "jazz" / name).unlink()
    assert refused(covers, least=5) == "the class 'jazz' has 1 picture that can be used; it needs at least 5"


def test_broken_pictures_are_left_out_with_one_sentence(covers):
    (covers / "jazz" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    with pytest.warns(EclipsedWarning) as told:
        found = read_labelled(covers, size=8)
    assert found.counts.tolist() == [3, 3]
    (one,) = told
    assert str(one.message).startswith(
        f"1 picture cannot be read, so it is left out: {covers / 'jazz' / 'broken.png'} "
    )
    for number in range(4):
        (covers / "metal" / f"empty{number}.png").write_bytes(b"")
    with pytest.warns(EclipsedWarning) as told:
        read_labelled(covers, size=8)
    assert str(told[0].message).startswith("5 pictures cannot be read, so they are left out: ")
    assert str(told[0].message).endswith("; and 2 more")


def test_a_class_of_broken_pictures_is_refused(covers):
    for path in (covers / "jazz").iterdir():
        path.write_bytes(b"no picture")
    with pytest.warns(EclipsedWarning, match="3 pictures cannot be read"):
        assert refused(covers) == "the class 'jazz' has no pictures that can be used; it needs at least 1"


def test_the_same_picture_counts_once_and_in_two_classes_not_at_all(covers):
    save(covers / "jazz" / "again.png", 0)
    assert read_labelled(covers, size=8).counts.tolist() == [3, 3]
    save(covers / "metal" / "loan.png", 1)
    with pytest.warns(EclipsedWarning) as told:
        found = read_labelled(covers, size=8)
    assert found.counts.tolist() == [2, 3]
    pair = f"{covers / 'jazz' / '1.png'} and {covers / 'metal' / 'loan.png'}"
    assert str(told[0].message) == f"1 picture lies in several classes, so it is left out: {pair}"


def test_parts_hold_every_class_and_nothing_twice(covers):
    found = read_labelled(covers, size=8)
    parts = found.split([0.1, 0.1], seed=4)
    assert sorted(torch.cat(parts).tolist()) == list(range(6))
    assert [found.only(part).counts.tolist() for part in parts] == [[1, 1], [1, 1], [1, 1]]
    assert all(torch.equal(*pair) for pair in zip(parts, found.split([0.1, 0.1], seed=4), strict=True))
    assert any(not torch.equal(*pair) for pair in zip(parts, found.split([0.1, 0.1], seed=5), strict=True))


def test_the_pictures_of_a_folder(covers, tmp_path):
    assert len(picture_files(covers)) == 6
    assert picture_files(covers / "jazz" / "0.png") == [covers / "jazz" / "0.png"]
    (tmp_path / "empty").mkdir()
    for path, said in (
        (tmp_path / "empty", "there are no pictures in {}"),
        (tmp_path / "none", "{} is not there; give a picture, or a folder of pictures"),
    ):
        with pytest.raises(InputError) as caught:
            picture_files(path)
        assert str(caught.value) == said.format(path)
