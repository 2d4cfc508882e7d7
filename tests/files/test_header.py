"""One header for all files of our own: what is written comes back, and everything else is refused in one sentence."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from eclipsed.errors import InputError, MissingModelError, OutputError
from eclipsed.files import header, kinds
from eclipsed.files.header import Kind

KINDS = [getattr(kinds, name) for name in kinds.__all__]
THING = Kind(name="thing", noun="thing", error=InputError, version=3, oldest=2)
MODELS = Path(__file__).parents[2] / "models"


def forge(path, text):
    save_file({"x": torch.zeros(2)}, path, metadata={"eclipsed": text})
    return path


def both(path, kind):
    """The message with which the file is refused, the same for the whole file and for what it says of itself."""
    messages = []
    for read in (header.read, header.read_data):
        with pytest.raises(kind.error) as caught:
            read(path, kind)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    return messages[0]


def test_what_is_written_comes_back(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.ones(2, dtype=torch.float16, requires_grad=True)}
    path = header.write(tmp_path / "deep" / "a.safetensors", THING, {"words": ["ä", 1, None]}, tensors)
    assert [file.name for file in path.parent.iterdir()] == ["a.safetensors"]
    data, again = header.read(path, THING)
    assert data == {"kind": "thing", "version": 3, "words": ["ä", 1, None]} == header.read_data(path, THING)
    assert set(again) == {"a", "b"}
    for name, tensor in tensors.items():
        assert again[name].dtype == tensor.dtype
        assert torch.equal(again[name], tensor)


def test_it_is_a_plain_safetensors_file(tmp_path):
    path = header.write(tmp_path / "a.safetensors", THING, {"x": 1}, {"a": torch.zeros(1)})
    with safe_open(path, framework="pt") as file:
        assert set(file.metadata()) == {"eclipsed"}
        assert json.loads(file.metadata()["eclipsed"]) == {"kind": "thing", "version": 3, "x": 1}


def test_kinds_are_told_apart_by_their_names():
    assert len({kind.name for kind in KINDS}) == len(KINDS) == 14


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_refuses_what_is_none_of_it_in_one_sentence(tmp_path, kind):
    path = tmp_path / "x.safetensors"
    for read in (header.read, header.read_data):
        with pytest.raises(MissingModelError, match=r"x\.safetensors") as caught:
            read(path, kind)
        assert kind.noun in str(caught.value) or kind.name in str(caught.value)
    save_file({"x": torch.zeros(2)}, path)
    said = [both(path, kind)]
    forge(path, json.dumps({"kind": "cake", "version": kind.version}))
    said.append(both(path, kind))
    assert "'cake'" in said[1] or kind is kinds.FACES
    forge(path, json.dumps({"kind": kind.name, "version": 99}))
    said.append(both(path, kind))
    assert "99" in said[2]
    forge(path, "{")
    said.append(both(path, kind))
    for message in said:
        assert str(path) in message
        assert "\n" not in message
        assert "{" not in message.replace("'{'", "")
    assert len(set(said)) == 4


@pytest.mark.parametrize("text", ["[]", "null", "3", '"thing"', "{}", '{"kind": ["thing"]}'])
def test_metadata_that_name_no_kind(tmp_path, text):
    assert "holds no thing but" in both(forge(tmp_path / "x.safetensors", text), THING)


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[" * 100_000])
def test_metadata_that_are_not_json(tmp_path, text):
    assert "its metadata is not JSON" in both(forge(tmp_path / "x.safetensors", text), THING)


@pytest.mark.parametrize(
    ("version", "known"), [(2, True), (3, True), (1, False), (4, False), ("3", False), (None, False)]
)
def test_which_versions_are_read(tmp_path, version, known):
    path = forge(tmp_path / "x.safetensors", json.dumps({"kind": "thing", "version": version}))
    if known:
        assert header.read(path, THING)[0] == header.read_data(path, THING) == {"kind": "thing", "version": version}
    else:
        assert f"of format {version!r}; this eclipsed reads format 2 to 3" in both(path, THING)


def test_a_file_that_says_nothing_of_itself_may_be_taken(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.ones(2)}, path)
    data, tensors = header.read(path, THING, bare=True)
    assert data == {}
    assert torch.equal(tensors["x"], torch.ones(2))
    forge(path, json.dumps({"kind": "cake", "version": 3}))
    with pytest.raises(InputError, match="holds no thing but 'cake'"):
        header.read(path, THING, bare=True)


def _entries(text):
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"hello" * 10,
        b"\xff" * 100,
        struct.pack("<Q", 2**40) + b"{}",
        _entries(b"[]"),
        _entries(b"{"),
        _entries(b'{"__metadata__": []}'),
        _entries(b'{"__metadata__": {"eclipsed": 3}}'),
        _entries(b"[" * 100_000),
        _entries(b'{"__metadata__": {"eclipsed": "\xff"}}'),
    ],
    ids=range(11),
)
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    for read in (header.read, header.read_data):
        with pytest.raises(InputError, match=r"x\.safetensors is damaged or cut short: "):
            read(path, THING)


def test_a_file_cut_short_after_its_header_is_refused(tmp_path):
    path = header.write(tmp_path / "a.safetensors", THING, {}, {"a": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="damaged or cut short"):
        header.read(path, THING)


def test_a_folder_is_refused(tmp_path):
    for read in (header.read, header.read_data):
        with pytest.raises(InputError, match=r"damaged or cut short: .*it is a folder"):
            read(tmp_path, THING)


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        header.write(tmp_path / "file" / "a.safetensors", THING, {}, {})
    with pytest.raises(ValueError, match="JSON compliant"):
        header.write(tmp_path / "a.safetensors", THING, {"x": float("nan")}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_a_file_says_of_itself_is_read_without_torch():
    path = next(MODELS.rglob("*.safetensors"))
    code = (
        "import sys; from eclipsed.files import header, kinds; "
        f"print(header.read_data({str(path)!r}, kinds.DIRECTION)['kind'], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["direction", "False"], done.stderr
