"""Pictures in tables and tar files: the rows of a folder, the same bits, and names that lead nowhere else."""

import io
import pickle
import tarfile

import numpy as np
import pytest
from directions_kit import make
from PIL import Image

from eclipsed.errors import InputError
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.inversion.picture_kinds import open_pictures
from eclipsed.inversion.picture_sources import names_within
from eclipsed.photos.reading import decode_photo, read_photo

GIVEN = {"aligned": True, "config": InversionConfig(steps_from_mean=2, finish_steps=0)}


@pytest.fixture(scope="module")
def contents():
    """Three pictures, one of which is cut short."""
    rng, found = np.random.default_rng(5), {}
    for name in ("a.png", "b.png", "c.png"):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(file, "PNG")
        found[name] = file.getvalue()
    found["b.png"] = found["b.png"][:900]
    return found


def put(path, members):
    """Write a tar file."""
    with tarfile.open(path, "w") as shard:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))
    return path


def tabled(path, columns, **options):
    """Write a table of Parquet."""
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table(columns), path, **options)
    return path


@pytest.fixture
def sources(contents, tmp_path):
    """The same pictures in a folder, a tar file and a table."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    beside = [(name.replace(".png", ".txt"), b"a caption") for name in contents]
    shard = put(tmp_path / "in.tar", [*contents.items(), *beside, ("._a.png", b"of a Mac")])
    table = tabled(
        tmp_path / "in.parquet",
        {"image": [{"bytes": one, "path": name} for name, one in contents.items()], "label": [1, 2, 3]},
        row_group_size=2,
    )
    return folder, shard, table


def test_each_source_gives_the_same_results(editor, sources, contents, tmp_path):
    direction, made = make(editor.generator), []
    for number, source in enumerate(sources):
        out = tmp_path / str(number)
        rows = editor.edit_photos(source, direction, out, **GIVEN)
        assert [(row.name, row.outcome) for row in rows] == [
            ("a.png", "edited"), ("b.png", "failed"), ("c.png", "edited")
        ]  # fmt: skip
        assert rows[1].reason.startswith(f"{source}/b.png is damaged or cut short: ")
        made.append([(out / name).read_bytes() for name in ("a.png", "c.png")])
        again = editor.edit_photos(source, direction, out, **GIVEN)
        assert [row.outcome for row in again] == ["done before", "failed", "done before"]
    assert made[0] == made[1] == made[2]


def test_pictures_are_read_in_any_order_and_in_other_processes(sources, contents):
    for source in sources:
        pictures = open_pictures(source)
        assert pictures.names() == ["a.png", "b.png", "c.png"]
        for name in ("c.png", "a.png", "a.png", "b.png", "c.png"):
            assert pictures.content(name) == contents[name]
        other = pickle.loads(pickle.dumps(pictures))
        assert other.content("b.png") == contents["b.png"]
        assert other.digest("a.png") == pictures.digest("a.png") != pictures.digest("c.png")


def test_several_shards_and_one_that_is_cut(contents, tmp_path):
    place = tmp_path / "shards"
    place.mkdir()
    put(place / "x-0.tar", [("0.png", contents["a.png"])])
    put(place / "x-1.tar", [("0.png", contents["c.png"]), ("1.png", contents["a.png"])])
    put(place / "x-2.tar", [("0.png", contents["c.png"])])
    (place / "x-2.tar").write_bytes(b"no tar file" * 100)
    pictures = open_pictures(place)
    assert pictures.names() == ["x-0/0.png", "x-1/0.png", "x-1/1.png", "x-2.tar"]
    assert pictures.content("x-1/0.png") == contents["c.png"]
    with pytest.raises(InputError) as caught:
        pictures.photo("x-2.tar")
    assert str(caught.value) == (
        f"{place}/x-2.tar is no tar file that can be read (invalid header); give one that is not compressed"
    )
    (place / "notes.txt").touch()
    assert open_pictures(place).names() == ["notes.txt", "x-0.tar", "x-1.tar", "x-2.tar"]  # a folder of any files


def test_tables_of_other_columns(contents, tmp_path):
    one = contents["a.png"]
    plain = open_pictures(tabled(tmp_path / "plain.parquet", {"jpg": [one, one], "__key__": ["x", "x"]}))
    assert plain.names() == ["x", "x~2"]
    assert plain.content("x~2") == one
    bare = open_pictures(tabled(tmp_path / "bare.parquet", {"seen": [one, None]}))
    assert bare.names() == ["bare/000000", "bare/000001"]
    with pytest.raises(InputError) as caught:
        bare.photo("bare/000001")
    assert str(caught.value) == f"{tmp_path}/bare.parquet/bare/000001 cannot be read: the row has no picture"
    assert bare.content("bare/000000") == one
    none = open_pictures(tabled(tmp_path / "none.parquet", {"label": [1], "name": ["x"]}))
    assert none.names() == ["none.parquet"]
    with pytest.raises(InputError) as caught:
        none.photo("none.parquet")
    assert str(caught.value) == (
        f"{tmp_path}/none.parquet has no columns of pictures' bytes (label, name); call one image"
    )
    (tmp_path / "broken.parquet").write_bytes(b"no table")
    assert open_pictures(tmp_path / "broken.parquet").names() == ["broken.parquet"]


def test_sources_without_pictures_are_a_sentence(tmp_path):
    put(tmp_path / "none.tar", [("a.txt", b"text")])
    with pytest.raises(InputError) as caught:
        open_pictures(tmp_path / "none.tar")
    assert str(caught.value) == (
        f"{tmp_path}/none.tar holds no pictures; give a tar file of pictures, as WebDataset has them"
    )
    with pytest.raises(InputError) as caught:
        open_pictures(tabled(tmp_path / "none.parquet", {"image": pytest.importorskip("pyarrow").array([], "binary")}))
    assert str(caught.value) == f"{tmp_path}/none.parquet has no rows; give a table of pictures"


def test_names_lead_nowhere_else():
    given = [
        "/etc/a.png",
        "../../b.png",
        ".eclipsed/c.png",
        "..\\d.png",
        "",
        "a/b.png",
        "a/b.png",
        "a/b~2.png",
        "a//b.png",
    ]
    assert names_within(given) == [
        "etc/a.png", "b.png", "eclipsed/c.png", "d.png", "picture", "a/b.png", "a/b~2.png", "a/b~2~2.png", "a/b~3.png"
    ]  # fmt: skip


def test_a_picture_in_memory_is_the_one_of_its_file(contents, tmp_path):
    (tmp_path / "a.png").write_bytes(contents["a.png"])
    assert decode_photo(contents["a.png"], "x").sha256 == read_photo(tmp_path / "a.png").sha256
    for content, reason in ((b"", "is empty; give a picture"), (b"%PDF-1.7", "is a document (PDF), and no picture of")):
        with pytest.raises(InputError, match=rf"^x {reason}".replace("(", r"\(").replace(")", r"\)")):
            decode_photo(content, "x")
