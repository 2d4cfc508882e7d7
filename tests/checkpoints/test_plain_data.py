"""Plain data beside good weights: it is read past, and what could run is refused by its name."""

import argparse
import collections
import datetime
import decimal
import fractions
import io
import os
import pathlib
import pickle
import re
import types
import uuid
import zoneinfo

import numpy as np
import pytest
import torch
from torch import nn

from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.checkpoints.unpickling import ForeignGlobalError
from eclipsed.errors import CheckpointError

WEIGHTS = {"stem.weight": torch.arange(6.0).reshape(2, 3).t(), "stem.bias": torch.ones(2, dtype=torch.float16)}

PLAIN = {
    "numpy number": np.float32(0.5),
    "numpy whole": np.int64(3),
    "numpy truth": np.bool_(True),
    "numpy text": np.str_("text"),
    "numpy date": np.datetime64("2024-01-02"),
    "numpy array": np.arange(6.0).reshape(2, 3),
    "numpy fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "numpy empty": np.zeros(0),
    "numpy words": np.array(["a", "bcd"]),
    "numpy objects": np.array([{"a": 1}, None], dtype=object),
    "numpy dates": np.array(["2024-01-02"], dtype="datetime64[D]"),
    "numpy records": np.zeros(2, dtype=[("x", "f4"), ("y", "i8")]),
    "numpy kind": np.float32,
    "numpy dtype": np.dtype("f4"),
    "numpy random": np.random.RandomState(0),
    "numpy generator": np.random.default_rng(0),
    "path": pathlib.PurePosixPath("a/b"),
    "local path": pathlib.Path("a/b"),
    "windows path": pathlib.PureWindowsPath("c:/a"),
    "datetime": datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.UTC),
    "date": datetime.date(2024, 1, 2),
    "timedelta": datetime.timedelta(seconds=3),
    "timezone": datetime.timezone(datetime.timedelta(hours=1)),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "ordered": collections.OrderedDict(a=1),
    "counter": collections.Counter("hello"),
    "deque": collections.deque([1, 2], maxlen=4),
    "namespace": types.SimpleNamespace(a=1),
    "options": argparse.Namespace(lr=0.1, data=pathlib.Path("x")),
    "set": {1, 2},
    "frozenset": frozenset({1}),
    "complex": 1 + 2j,
    "slice": slice(1, 2),
    "range": range(3),
    "bytes": b"abc",
    "no bytes": b"",
    "bytearray": bytearray(b"abc"),
    "decimal": decimal.Decimal("1.5"),
    "fraction": fractions.Fraction(1, 3),
    "uuid": uuid.UUID(int=3),
    "a type": int,
    "a device": torch.device("cuda:1"),
    "a dtype": torch.bfloat16,
    "a size": torch.Size([1, 2]),
    "a layout of torch": torch.__version__,
    "deep": {"a": [({"b": np.float64(1)},)]},
}
WRITERS = {
    "zip": lambda content, path: torch.save(content, path),
    "zip 4": lambda content, path: torch.save(content, path, pickle_protocol=4),
    "old torch": lambda content, path: torch.save(content, path, _use_new_zipfile_serialization=False),
    "pickle": lambda content, path: path.write_bytes(pickle.dumps(content)),
    "pickle 2": lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2)),
    "pickle 5": lambda content, path: path.write_bytes(pickle.dumps(content, protocol=5)),
}


def assert_weights(found):
    for key, value in WEIGHTS.items():
        assert torch.equal(found[key], value)
        assert found[key].dtype == value.dtype


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_plain_data_is_read_past(name, writer, tmp_path):
    WRITERS[writer]({"before": PLAIN[name], "state_dict": WEIGHTS, "after": [PLAIN[name]]}, tmp_path / "f.pt")
    assert_weights(load_weights(tmp_path / "f.pt")["state_dict"])


@pytest.mark.skipif(not zoneinfo.available_timezones(), reason="this machine knows no time zones")
def test_time_zones_are_read_past(tmp_path):
    zone = datetime.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    torch.save({"when": zone, **WEIGHTS}, tmp_path / "f.pt", pickle_protocol=4)
    assert_weights(load_weights(tmp_path / "f.pt"))


@pytest.mark.parametrize("module", ["yacs.config", "easydict", "a.b.dnnlib.util"])
def test_dictionaries_of_other_packages_keep_what_they_hold(module, tmp_path):
    name = "CfgNode" if module == "yacs.config" else "EasyDict"
    content = f"c{module}\n{name}\n)\x81}}U\x01aK\x03sb.".encode("latin1")
    (tmp_path / "f.pkl").write_bytes(b"\x80\x02" + content)
    assert isinstance(load_weights(tmp_path / "f.pkl"), dict)


def test_settings_of_omegaconf_are_read_past(tmp_path):
    content = b"\x80\x02}(U\x01acomegaconf.dictconfig\nDictConfig\n)\x81}U\x08_contentK\x03sbU\x01bK\x05u."
    (tmp_path / "f.pkl").write_bytes(content)
    assert load_weights(tmp_path / "f.pkl")["b"] == 5


class Options:
    """A class that only its author has."""


class Call:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def _call(name, marker):
    return {
        f"{os.name}.system": Call(os.system, f"touch {marker}"),
        "builtins.eval": Call(eval, f"open({str(marker)!r}, 'w')"),
        "builtins.getattr": Call(getattr, "text", "upper"),
        "builtins.__import__": Call(__import__, "antigravity"),
        "numpy.load": Call(np.load, str(marker)),
        "torch.hub.load": Call(torch.hub.load, "a/b", "c"),
        "functools.partial": Call(__import__("functools").partial, os.system, "true"),
        "operator.attrgetter": Call(__import__("operator").attrgetter, "__class__"),
        f"{__name__}.Options": Options(),
    }[name]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "name",
    list(
        pickle.loads(
            pickle.dumps(
                [
                    f"{os.name}.system",
                    "builtins.eval",
                    "builtins.getattr",
                    "builtins.__import__",
                    "numpy.load",
                    "torch.hub.load",
                    "functools.partial",
                    "operator.attrgetter",
                    f"{__name__}.Options",
                ]
            )
        )
    ),
)
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_what_could_run_is_refused_by_its_name(name, writer, tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "f.pt"
    WRITERS[writer]({**WEIGHTS, "extra": _call(name, marker)}, path)
    with pytest.raises(ForeignGlobalError) as caught:
        load_weights(path)
    asked = re.search(r"asks for (\S+),", str(caught.value))[1]
    assert asked == name
    assert str(caught.value) == (
        f"{path}: refused, it asks for {name}, which is neither weights nor known plain data and could run code; "
        "nothing was run"
    )
    assert not marker.exists()


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.stem(x).mean((2, 3)))


@pytest.mark.parametrize("half", [False, True])
def test_of_a_torchscript_archive_only_the_tensors_are_read(half, tmp_path):
    network = Scripted().half() if half else Scripted()
    torch.jit.script(network).save(tmp_path / "f.pt")
    found, wanted = load_weights(tmp_path / "f.pt"), network.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) and found[key].dtype == wanted[key].dtype for key in wanted)


@pytest.mark.parametrize("old", [False, True])
def test_tensors_that_share_memory_and_those_of_all_kinds(old, tmp_path):
    base = torch.arange(12.0)
    kinds = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool]
    kinds += [torch.complex64, torch.int32, torch.int16]
    content = {"a": base[2:5], "b": base.view(3, 4).t(), "none": torch.zeros(0, 3), "p": nn.Parameter(torch.ones(2))}
    content |= {str(kind): torch.tensor([0, 1, 1]).to(kind) for kind in kinds}
    torch.save(content, tmp_path / "f.pt", _use_new_zipfile_serialization=not old)
    found = load_weights(tmp_path / "f.pt")
    assert all(torch.equal(found[key], value) and found[key].dtype == value.dtype for key, value in content.items())


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("share", [0.02, 0.4, 0.9, 0.999])
def test_an_archive_cut_short_is_one_sentence(old, share, tmp_path):
    file, path = io.BytesIO(), tmp_path / "f.pt"
    torch.save({"a": torch.randn(500), "b": torch.randn(500)}, file, _use_new_zipfile_serialization=not old)
    path.write_bytes(file.getvalue()[: int(share * len(file.getvalue()))])
    with pytest.raises(CheckpointError, match="no torch file, damaged or cut short") as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)
