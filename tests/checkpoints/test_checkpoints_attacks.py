"""Pickles that try to run code: each is refused by name, and nothing runs."""

import builtins
import importlib
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from checkpoint_files import (
    Network,
    nvidia_content,
    random_generator,
    rosinality_state,
    tensorflow_content,
    tensorflow_variables,
    write_nvidia,
    write_tensorflow,
)

from eclipsed.checkpoints.generators import read_generator
from eclipsed.checkpoints.stand_ins import PersistentObject
from eclipsed.checkpoints.unpickling import unpickle
from eclipsed.errors import CheckpointError
from eclipsed.networks.generator_config import GeneratorConfig

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
CONFIG = GeneratorConfig(z_dim=7, w_dim=7, resolution=8, channels=((4, 6), (8, 5)), mapping_layers=2)


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.fixture
def marker(tmp_path):
    """A file that every attack tries to make."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


def attacks(marker):
    code = f"open({str(marker)!r}, 'w').close()"
    return {
        "os.system": Call(os.system, f"touch {marker}"),
        "builtins.eval": Call(eval, code),
        "builtins.exec": Call(exec, code),
        "builtins.getattr": Call(getattr, marker, "touch"),
        "io.open": Call(open, str(marker), "w"),
        "importlib.import_module": Call(importlib.import_module, "antigravity"),
        "torch.serialization.load": Call(torch.load, "file"),
        "pickle.loads": Call(pickle.loads, "data"),
    }


NAMES = list(attacks(Path()))


def refused(path, *words):
    with pytest.raises(CheckpointError) as caught:
        read_generator(path)
    message = str(caught.value)
    for word in (path.name, *words):
        assert word in message, message
    return message


def asked_for(name):
    """How a pickle spells a function: os.system is posix.system, or nt.system."""
    return name.replace("os.system", f"{os.name}.system")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", NAMES)
def test_a_bare_call(name, protocol, marker, tmp_path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(attacks(marker)[name], protocol=protocol))
    refused(path, asked_for(name), "refused", "nothing was run")


@pytest.mark.parametrize("place", ["G", "training_set_kwargs", "module", "buffer", "kwargs", "hook"])
def test_a_call_inside_a_nvidia_pickle(place, marker, tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG))
    call = Call(os.system, f"touch {marker}")
    top = content["G_ema"].meta["state"]
    if place == "module":
        top["_modules"]["mapping"].meta["state"]["_modules"]["fc0"] = call
    elif place == "buffer":
        top["_modules"]["mapping"].meta["state"]["_buffers"]["w_avg"] = call
    elif place == "kwargs":
        top["_init_kwargs"]["z_dim"] = call
    elif place == "hook":
        top["_forward_hooks"] = OrderedDict({0: call})
    else:
        content[place] = call
    refused(write_nvidia(tmp_path / "evil.pkl", content), f"{os.name}.system")


def test_source_code_of_the_files_is_not_run(tmp_path):
    state = random_generator(CONFIG)
    read_generator(write_nvidia(tmp_path / "g.pkl", nvidia_content(CONFIG, state)))
    content = tensorflow_content(CONFIG, tensorflow_variables(CONFIG, state))
    read_generator(write_tensorflow(tmp_path / "g.pkl", content))  # both would raise SystemExit


def test_a_call_inside_a_tensorflow_pickle(marker, tmp_path):
    variables = tensorflow_variables(CONFIG, random_generator(CONFIG))
    content = list(tensorflow_content(CONFIG, variables))
    content[0] = Network(variables=Call(builtins.eval, f"open({str(marker)!r}, 'w')"))
    refused(write_tensorflow(tmp_path / "evil.pkl", tuple(content)), "builtins.eval")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old torch"])
def test_a_call_inside_a_torch_file(zipped, marker, tmp_path):
    state = random_generator(CONFIG)
    content = {"g_ema": rosinality_state(CONFIG, state), "extra": Call(os.system, f"touch {marker}")}
    torch.save(content, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    refused(tmp_path / "evil.pt", f"{os.name}.system", "nothing was run")


def test_a_call_in_the_first_pickle_of_a_torch_file(marker, tmp_path):
    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Call(eval, f"open({str(marker)!r}, 'w')"), protocol=2))
        file.writestr("archive/version", "3\n")
    refused(path, "builtins.eval")


def load_from_bytes(data):
    return Call(torch.storage._load_from_bytes, data)


def stored(content, *, zipped=False):
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old torch"])
def test_a_call_inside_a_nested_storage(zipped, marker, tmp_path):
    evil = stored(Call(os.system, f"touch {marker}"), zipped=zipped)
    path = tmp_path / "evil.pkl"
    for content in (load_from_bytes(evil), {"G_ema": load_from_bytes(evil)}, (1, 2, load_from_bytes(evil))):
        path.write_bytes(pickle.dumps(content))
        refused(path, f"{os.name}.system")


def test_a_storage_within_a_storage(marker, tmp_path):
    evil = stored(load_from_bytes(stored(Call(os.system, f"touch {marker}"))))
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"G_ema": load_from_bytes(evil)}))
    refused(path, "torch.storage._load_from_bytes")


@pytest.mark.parametrize("data", [b"", b"junk", "text", None, stored({"a": 1}), stored(torch.zeros(2))])
def test_a_storage_that_is_none(data, tmp_path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"G_ema": load_from_bytes(data)}))
    refused(path, "damaged")


def rebuild(offset, size, stride, storage=None):
    storage = torch.zeros(6).storage() if storage is None else storage
    return Call(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, OrderedDict())


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (7,), (1,)),
        (1, (6,), (1,)),
        (0, (2,), (100,)),
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2,), (-1,)),
        (0, (10**12,), (0,)),  # one number repeated until memory is full
        (0, (10**6, 10**6), (0, 0)),
        (0, (2, 2), (1,)),
        (0.5, (2,), (1,)),
        (True, (2,), (1,)),
        (0, [2], [1]),
        (0, (2**62, 2**62), (1, 1)),
    ],
)
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_tensor_that_reaches_outside_of_its_storage(offset, size, stride, tmp_path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(rebuild(offset, size, stride)))
    refused(path, "damaged")


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_tensors_of_any_layout_are_read(tmp_path):
    path = tmp_path / "fine.pkl"
    tensors = [torch.arange(12.0).reshape(3, 4).t(), torch.arange(6.0)[2:4], torch.zeros(0, 3), torch.tensor(2.0)]
    tensors += [torch.ones(2, dtype=torch.bfloat16), torch.nn.Parameter(torch.ones(3))]
    path.write_bytes(pickle.dumps(tensors))
    for got, wanted in zip(unpickle(path), tensors, strict=True):
        assert torch.equal(got, wanted)
        assert got.dtype == wanted.dtype


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.",  # a dotted name
        b"\x80\x04\x8c\x05numpy\x8c\x08__dict__\x93.",
        b"\x80\x04\x8c\x0btorch._utils\x8c\x0f_import_dotted_\x93.",
        b"\x80\x02\x82\x01.",  # an extension code
        b"\x80\x02Pid\n.",  # a persistent id
        b"\x80\x05\x97.",  # a buffer from outside
    ],
)
def test_other_ways_out_are_closed(content, tmp_path):
    path = tmp_path / "evil.pkl"
    path.write_bytes(content)
    refused(path)


def test_one_file_cannot_change_what_the_next_one_sees(tmp_path):
    """BUILD with a pair sets attributes, also on the classes and functions that a pickle may name."""
    path = tmp_path / "evil.pkl"
    for module, name in [
        ("dnnlib.tflib.network", "Network"),
        ("dnnlib.util", "EasyDict"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"),
        ("collections", "OrderedDict"),
    ]:
        target = f"c{module}\n{name}\n".encode()
        path.write_bytes(b"\x80\x02" + target + b"N}U\x08__call__K\x01sU\x05stateK\x01s\x86b.")
        with pytest.raises(CheckpointError):
            read_generator(path)
    for name in ("nvidia-pytorch.pkl", "nvidia-tf.pkl"):
        read_generator(FIXTURES / name)


@pytest.mark.parametrize(
    "meta",
    [
        {"type": "function", "class_name": "Generator", "state": {}},
        {"type": "class", "class_name": 3, "state": {}},
        {"type": "class", "class_name": "Generator", "state": []},
        {"type": "class", "class_name": "Generator", "state": {"_modules": 3, "_init_kwargs": 4, "_buffers": 5}},
        {"type": "class", "class_name": "Generator", "state": {"_modules": {"synthesis": 1, "mapping": 2}}},
    ],
)
def test_objects_of_the_wrong_kind(meta, tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG))
    content["G_ema"].meta = meta
    refused(write_nvidia(tmp_path / "evil.pkl", content))


def test_states_of_the_wrong_kind(tmp_path):
    """BUILD may replace what a stored object holds; that ends in an error of ours as well."""
    path = tmp_path / "evil.pkl"
    network = b"cdnnlib.tflib.network\nNetwork\n)\x81"
    path.write_bytes(b"\x80\x02NN" + network + b"\x87.")  # never given a state
    refused(path, "version")
    path.write_bytes(b"\x80\x02NN" + network + b"K\x01b\x87.")
    refused(path, "damaged")
    reconstruct = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
    meta = b"}(U\x04typeU\x05classU\nclass_nameU\x01xU\x05state}u"
    path.write_bytes(b"\x80\x02}U\x05G_ema" + reconstruct + meta + b"\x85R}U\x05stateK\x07sbs.")
    refused(path, "not stored as expected")


def test_modules_that_hold_themselves(tmp_path):
    content = nvidia_content(CONFIG, random_generator(CONFIG))
    path = write_nvidia(tmp_path / "evil.pkl", content)
    looped = unpickle(path)["G_ema"]
    assert isinstance(looped, PersistentObject)
    state = content["G_ema"].meta["state"]
    inner = {"_modules": {}}
    deep = inner
    for _ in range(12):
        deep["_modules"]["next"] = _wrapped(content, {"_modules": {}})
        deep = deep["_modules"]["next"].meta["state"]
    state["_modules"]["deep"] = _wrapped(content, inner)
    refused(write_nvidia(path, content), "stored modules")


def _wrapped(content, state):
    return type(content["G_ema"])("Deep", state)
