"""Networks of other packages, the detector, landmarks, ArcFace and AlexNet among them, are filled from any wrapping."""

import datetime
import pickle

import pytest
import torch
from torch import nn

from eclipsed.checkpoints.plain import fill_network
from eclipsed.errors import CheckpointError, EclipsedWarning


def network(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))


STATE = {key: value for key, value in network(1).state_dict().items() if not key.endswith("num_batches_tracked")}
PREFIXES = ["", "module.", "net.", "backbone.", "module.model.", "a.b.c."]
KEYS = [None, "state_dict", "model", "params", "params_ema", "network", "net_state", "whatever"]


def behind(prefix, state=STATE):
    return {f"{prefix}{key}": value for key, value in state.items()}


def assert_filled(path):
    made = network()
    fill_network(path, made, "recogniser")
    assert all(torch.equal(made.state_dict()[key], value) for key, value in STATE.items())
    assert not made.training


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_network_is_found_in_whatever_it_was_saved_in(key, prefix, tmp_path):
    content = (
        behind(prefix) if key is None else {key: behind(prefix), "epoch": 3, "when": datetime.datetime(2024, 1, 2)}
    )
    torch.save(content, tmp_path / "f.pth")
    assert_filled(tmp_path / "f.pth")


def test_a_pickle_of_arrays_is_read_too(tmp_path):
    (tmp_path / "f.pkl").write_bytes(pickle.dumps({"net": {key: value.numpy() for key, value in STATE.items()}}))
    assert_filled(tmp_path / "f.pkl")


def test_a_torchscript_archive_is_read_without_its_code(tmp_path):
    torch.jit.trace(network(1).eval()[:2], torch.zeros(1, 3, 8, 8)).save(tmp_path / "f.pt")
    made = network()[:2]
    fill_network(tmp_path / "f.pt", made, "recogniser")
    assert all(torch.equal(made.state_dict()[key], STATE[key]) for key in STATE if key[0] != "2")


def test_of_two_one_is_taken_and_it_is_said(tmp_path):
    torch.save({"one": STATE, "two": dict(network(2).state_dict())}, tmp_path / "f.pth")
    with pytest.warns(EclipsedWarning, match=r"f\.pth: took 'one', not 'two'$"):
        assert_filled(tmp_path / "f.pth")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"x": {"weight": torch.zeros(3)}, "epoch": 3}, "{} is not a recogniser: keys seen: x, epoch"),
        ([1], "{} holds no state dict but list; expected a recogniser"),
        ({}, "{} holds no state dict but dict; expected a recogniser"),
        ({**STATE, "0.bias": 3}, "{} is no plain state dict: '0.bias' holds int, not a tensor"),
        ({**STATE, "9.bias": torch.zeros(1)}, "{} has keys that a recogniser does not have: 9.bias"),
        ({k: v for k, v in STATE.items() if k != "0.bias"}, "{} lacks 0.bias; expected the 9 keys of a recogniser"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(content, said, tmp_path):
    path = tmp_path / "f.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointError) as caught:
        fill_network(path, network(), "recogniser")
    assert str(caught.value) == said.format(path)
