"""The file of MTCNN: there and back, and what is said of any other."""

import pytest
import torch

from eclipsed.checkpoints.mtcnn import read_mtcnn, write_mtcnn
from eclipsed.errors import CheckpointError, MissingModelError
from eclipsed.files import header
from eclipsed.files.kinds import FACE_FINDER
from eclipsed.networks.mtcnn import MTCNN
from eclipsed.store.files import find_network


def test_there_and_back(tmp_path):
    state = MTCNN().state_dict()
    path = write_mtcnn(tmp_path / "a.safetensors", state, source="somewhere, MIT")
    found = read_mtcnn(path)
    assert set(found) == set(state)
    assert all(torch.equal(found[key], state[key]) for key in state)
    assert header.read_data(path, FACE_FINDER)["source"] == "somewhere, MIT"


def test_the_shipped_file_says_where_it_comes_from():
    path = find_network("mtcnn")
    assert "MIT" in header.read_data(path, FACE_FINDER)["source"]
    licence = (path.parent / "LICENSE").read_text(encoding="utf-8")
    assert "MIT License" in licence
    assert "Iván de Paz Centeno" in licence
    assert all(one.dtype == torch.float32 for one in read_mtcnn(path).values())


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(MissingModelError) as missing:
        read_mtcnn(path)
    assert str(missing.value) == f"the face finder {path} does not exist"
    state = MTCNN().state_dict()
    for change, message in (
        (lambda s: s.pop("output.points.bias"), "lacks output.points.bias; expected the 50 keys of MTCNN"),
        (lambda s: s.update(more=torch.zeros(1)), "has keys that MTCNN does not have: more"),
        (
            lambda s: s.update({"proposal.box.bias": torch.zeros(3)}),
            "proposal.box.bias has the shape (3,); expected (4,)",
        ),
        (lambda s: s["proposal.box.bias"].fill_(float("nan")), "proposal.box.bias holds values that are not finite"),
    ):
        changed = {key: value.clone() for key, value in state.items()}
        change(changed)
        with pytest.raises(CheckpointError) as refused:
            write_mtcnn(path, changed, source="")
        assert message in str(refused.value)
        header.write(path, FACE_FINDER, {}, changed)
        with pytest.raises(CheckpointError) as refused:
            read_mtcnn(path)
        assert message in str(refused.value)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is damaged or cut short"):
        read_mtcnn(path)
