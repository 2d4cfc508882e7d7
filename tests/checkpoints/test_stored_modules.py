"""Networks that were saved as whole objects: read by their tensors, whatever their classes were called."""

import argparse
import contextlib
import pickle
import sys
import types
import warnings

import pytest
import torch
from checkpoint_files import random_generator, rosinality_state
from torch import nn

from eclipsed.checkpoints.generators import read_generator
from eclipsed.checkpoints.parsing import read_parser
from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.checkpoints.unpickling import ForeignGlobalError
from eclipsed.errors import CheckpointError
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.networks.generator_config import GeneratorConfig

CONFIG = GeneratorConfig(z_dim=7, w_dim=7, resolution=8, channels=((4, 6), (8, 5)), mapping_layers=2)


@contextlib.contextmanager
def elsewhere(*classes, module="somebody.models.stylegan2"):
    """Classes of a package that is there while a file is written, and gone afterwards."""
    names = [module[:k] for k in (*[i for i, c in enumerate(module) if c == "."], len(module))]
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    for one in classes:
        one.__module__, one.__qualname__ = module, one.__name__
        setattr(sys.modules[module], one.__name__, one)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


class Part(nn.Module):
    """A module with whatever tensors and parts it is given."""

    def __init__(self, state, buffers=()):
        super().__init__()
        self.activation = torch.nn.functional.leaky_relu  # a function that nobody calls
        self.size = (3, 4)
        for name in dict.fromkeys(key.partition(".")[0] for key in state):
            inner = {k.partition(".")[2]: v for k, v in state.items() if k.startswith(name + ".")}
            if inner:
                self.add_module(name, Part(inner))
            elif state[name].is_floating_point():
                self.register_parameter(name, nn.Parameter(state[name]))
            else:
                self.register_buffer(name, state[name])


def torch_file(content, path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old versions of the format look for the classes' source
        torch.save(content, path, **options)


WRITERS = {
    "zip": torch_file,
    "zip 4": lambda content, path: torch_file(content, path, pickle_protocol=4),
    "old torch": lambda content, path: torch_file(content, path, _use_new_zipfile_serialization=False),
    **{f"pickle {k}": lambda content, path, k=k: path.write_bytes(pickle.dumps(content, protocol=k)) for k in range(6)},
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_whole_generator_is_read_by_its_tensors(writer, tmp_path):
    state = random_generator(CONFIG)
    with elsewhere(Part):
        WRITERS[writer](Part(rosinality_state(CONFIG, state)), tmp_path / "g.pt")
    config, found = read_generator(tmp_path / "g.pt")
    assert config.resolution == 8
    for key in (key for key in state if key != "mapping.w_avg"):  # which such an object does not hold
        torch.testing.assert_close(found[key], state[key], msg=key)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda network: {"g_ema": network, "d": nn.Linear(3, 2), "args": argparse.Namespace(size=8)},
        lambda network: [network, {"epoch": 3}],
        lambda network: {"state": {"model": nn.DataParallel(network)}},
        lambda network: nn.Sequential(network),
        lambda network: {"generator": network, "optim": torch.optim.Adam(network.parameters()).state_dict()},
    ],
    ids=["dict", "list", "data parallel", "sequential", "optimiser"],
)
def test_in_whatever_the_object_lies(wrap, tmp_path):
    state = random_generator(CONFIG)
    with elsewhere(Part):
        torch_file(wrap(Part(rosinality_state(CONFIG, state))), tmp_path / "g.pt")
    _, found = read_generator(tmp_path / "g.pt")
    assert torch.equal(found["synthesis.b8.conv1.weight"], state["synthesis.b8.conv1.weight"])


def test_other_networks_too(tmp_path):
    network = BiSeNet(19, 16)
    state = network.state_dict()
    with elsewhere(Part, module="face_parsing.model"):
        torch_file(Part(state), tmp_path / "parser.pth")
    _, found = read_parser(tmp_path / "parser.pth")
    assert set(found) == set(state)
    assert all(torch.equal(found[key], state[key]) for key in state)
    torch_file(nn.Linear(2, 3), tmp_path / "linear.pt")
    content = load_weights(tmp_path / "linear.pt")
    assert {key for key, value in content.items() if isinstance(value, torch.Tensor)} == {"weight", "bias"}
    assert (content["in_features"], content["training"]) == (2, True)


class Options:
    """Plain settings of a class that nobody knows."""

    def __init__(self):
        self.rate = 0.1


class Listed(list):
    """A list of a class that nobody knows."""


class Pair(tuple):
    """A tuple of a class that nobody knows."""

    __slots__ = ()


class Odd:
    """An object with a state that is none of a module's."""

    def __reduce__(self):
        return Odd, (), {"_modules": 3, "_parameters": {}, "_buffers": {}}


class Bare:
    """An object that was told nothing."""

    def __reduce__(self):
        return Bare, ()


class Called:
    """An object that is made by a call."""

    def __reduce__(self):
        return Called, ("argument",)


class Late:
    """A function of a package that is to be called on a network."""


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside a network"])
@pytest.mark.parametrize("writer", ["zip", "old torch", "pickle 0", "pickle 2", "pickle 5"])
@pytest.mark.parametrize("kind", [Options, Listed, Pair, Odd, Bare, Called])
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_what_is_no_module_is_refused_by_its_name(kind, writer, beside, tmp_path):
    with elsewhere(Part, kind):
        made = kind([1, 2]) if kind in (Listed, Pair) else kind()
        network = Part(rosinality_state(CONFIG, random_generator(CONFIG)))
        WRITERS[writer]({"network": network, "extra": made} if beside else {"extra": made}, tmp_path / "g.pt")
    with pytest.raises(ForeignGlobalError) as caught:
        read_generator(tmp_path / "g.pt")
    name = f"somebody.models.stylegan2.{kind.__name__}"
    assert str(caught.value) == (
        f"{tmp_path / 'g.pt'}: refused, it asks for {name}, which is neither weights nor known plain data and could "
        "run code; nothing was run"
    )


def test_a_name_alone_is_refused_where_there_is_no_network(tmp_path):
    with elsewhere(Late):
        torch_file({"a": Late, "w": torch.zeros(2)}, tmp_path / "g.pt")
    with pytest.raises(ForeignGlobalError, match=r"asks for somebody\.models\.stylegan2\.Late,"):
        load_weights(tmp_path / "g.pt")


@pytest.mark.parametrize("name", ["posix.system", "subprocess.Popen", "builtins.exec", "runpy.run_path", "ctypes.CDLL"])
def test_what_belongs_to_python_is_refused_though_never_called(name, tmp_path):
    module, _, function = name.rpartition(".")
    code = f"(dp0\nVa\np1\nc{module}\n{function}\np2\ns.".encode()
    (tmp_path / "g.pkl").write_bytes(code)
    with pytest.raises(ForeignGlobalError, match=f"asks for {name},"):
        load_weights(tmp_path / "g.pkl")


def test_a_network_without_a_known_layout_lists_its_keys(tmp_path):
    with elsewhere(Part):
        torch_file(Part({"stem.weight": torch.zeros(2, 2)}), tmp_path / "g.pt")
    with pytest.raises(CheckpointError, match=r"keys seen: stem\.weight, "):
        read_generator(tmp_path / "g.pt")
