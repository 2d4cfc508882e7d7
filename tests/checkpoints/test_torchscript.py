"""TorchScript archives: the tensors of ``state_dict()``, and nothing in them is compiled or run."""

import pickle
import warnings
import zipfile
from pathlib import Path

import clip_kit
import pytest
import torch

from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.checkpoints.unpickling import ForeignGlobalError
from eclipsed.errors import CheckpointError


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(3)
        self.register_buffer("table", torch.arange(6).reshape(2, 3).t())  # not contiguous
        self.plain = torch.ones(2)  # an attribute, no buffer

    def forward(self, x):
        return self.norm(x) + self.table.sum() + self.plain.sum()


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Inner(), Inner()
        self.again = self.first.norm
        self.scale = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
        self.flags = torch.nn.Parameter(torch.tensor([True, False]), requires_grad=False)

    def forward(self, x):
        return self.again(self.second(self.first(x))) * self.scale.float()


@pytest.fixture(scope="module", params=["traced", "scripted"])
def archive(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "some.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Outer().eval()
        made = torch.jit.script(model) if request.param == "scripted" else torch.jit.trace(model, torch.ones(4, 3))
        torch.jit.save(made, str(path))
    return path


def reference(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.load(str(path)).state_dict()


def test_the_tensors_are_those_of_the_state_dict(archive):
    expected = reference(archive)
    found = load_weights(archive)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key].dtype == value.dtype, key
        assert torch.equal(found[key], value), key
    assert "first.plain" not in found


def test_half_precision_is_kept(tmp_path):
    path = clip_kit.write_archive(tmp_path / "clip.pt")
    expected = reference(path)
    found = load_weights(path)
    assert {key: value.dtype for key, value in found.items()} == {key: value.dtype for key, value in expected.items()}
    assert found["visual.proj"].dtype == torch.float16
    assert found["ln_final.weight"].dtype == torch.float32
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_nothing_is_compiled(archive, only_ours, tmp_path):
    code = "import os\nos.system('touch /tmp/eclipsed-was-run')\n"
    with zipfile.ZipFile(archive) as opened:
        programs = [name.partition("/")[2] for name in opened.namelist() if name.endswith(".py")]
    changed = clip_kit.rewritten(archive, tmp_path / "changed.pt", dict.fromkeys(programs, code))
    found = load_weights(changed)  # without its lists every tensor counts
    assert {"first.table", "first.norm.weight", "scale"} <= set(found)
    assert not Path("/tmp/eclipsed-was-run").exists()


class Call:
    def __init__(self, what, *arguments):
        self.what, self.arguments = what, arguments

    def __reduce__(self):
        return self.what, self.arguments


def test_what_asks_for_more_is_refused(archive, only_ours, tmp_path):
    import os

    ran = tmp_path / "ran"
    content = pickle.dumps(Call(os.system, f"touch {ran}"), protocol=2)
    path = clip_kit.rewritten(archive, tmp_path / "bad.pt", {"data.pkl": content})
    with pytest.raises(ForeignGlobalError) as caught:
        load_weights(path)
    assert "refused, it asks for posix.system" in str(caught.value)
    assert "\n" not in str(caught.value)
    for content in (b"c__torch__\nA\n(S'x'\ntR.", b"c__torch__.os\nsystem\n(S'touch x'\ntR."):
        path = clip_kit.rewritten(archive, tmp_path / "bad.pt", {"data.pkl": content})
        with pytest.raises(CheckpointError, match="no torch file, damaged or cut short"):
            load_weights(path)
    assert not ran.exists()


def module(inner):
    return b"\x80\x02c__torch__\nA\n)\x81}(" + inner + b"ub."


def tensor(key=b"0", count=b"K\x06", size=b"(K\x02K\x03t", stride=b"(K\x03K\x01t", offset=b"K\x00"):
    storage = b"((U\x07storagectorch\nFloatStorage\nU" + bytes([len(key)]) + key + b"U\x03cpu" + count + b"tQ"
    return b"U\x01wctorch._utils\n_rebuild_tensor_v2\n" + storage + offset + size + stride + b"\x89)tR"


def write(path, content, entries=(("data/0", b"\0" * 24),), **options):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", content)
        archive.writestr("x/constants.pkl", b"\x80\x02).")
        for name, data in entries:
            archive.writestr(f"x/{name}", data, **options)
    return path


def test_an_archive_written_by_hand(tmp_path):
    found = load_weights(write(tmp_path / "a.pt", module(tensor())))
    assert torch.equal(found["w"], torch.zeros(2, 3))


@pytest.mark.parametrize(
    "changes",
    [
        {"size": b"(K\x02K\x04t", "stride": b"(K\x04K\x01t"},
        {"offset": b"K\x01"},
        {"stride": b"(K\x00K\x00t", "size": b"(M\xff\xffM\xff\xfft"},
        {"stride": b"(J\xff\xff\xff\xffK\x01t"},
        {"stride": b"(K\x01t"},
        {"key": b"1"},
        {"key": b"../x"},
    ],
)
def test_tensors_that_reach_outside(tmp_path, changes):
    with pytest.raises(
        CheckpointError, match=r"a\.pt: no torch file, damaged or cut short \(.*\); fetch it again$"
    ) as caught:
        load_weights(write(tmp_path / "a.pt", module(tensor(**changes))))
    assert "\n" not in str(caught.value)


def test_archives_that_are_bombs(tmp_path):
    level = b"c__torch__\nA\n)\x81q\x00}b0"
    for number in range(60):  # each of two names of the last: two to the power of sixty modules
        last, own = bytes([number]), bytes([number + 1])
        level += b"c__torch__\nA\n)\x81q" + own + b"}(U\x01ah" + last + b"U\x01bh" + last + b"ub0"
    path = write(tmp_path / "b.pt", b"\x80\x02" + level + b"h" + bytes([60]) + b".")
    with pytest.raises(CheckpointError, match="modules within modules without an end"):
        load_weights(path)


def test_other_damage(archive, tmp_path):
    assert load_weights(write(tmp_path / "a.pt", module(b""))) == {}
    path = clip_kit.rewritten(archive, tmp_path / "big.pt", {"byteorder": b"big"})
    with pytest.raises(CheckpointError, match="its numbers are those of a big-endian machine"):
        load_weights(path)
    for changes in ({"data/0": None}, {"data.pkl": b""}, {"data/0": b"abc"}):
        path = clip_kit.rewritten(archive, tmp_path / "damaged.pt", changes)
        with pytest.raises(CheckpointError, match="no torch file, damaged or cut short") as caught:
            load_weights(path)
        assert "\n" not in str(caught.value)
    whole = archive.read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="no torch file, damaged or cut short"):
        load_weights(tmp_path / "cut.pt")
