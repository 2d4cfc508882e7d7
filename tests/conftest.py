"""A model set with random weights, of the same formats and classes as the real ones, small enough for every test."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach for the network
os.environ |= {  # Ray looks at them when it is first imported, by whichever test
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # all on 127.0.0.1
}

with contextlib.suppress(ImportError):  # it takes the place of distutils, and must come before whatever imports that
    import setuptools  # noqa: F401

import clip_kit
import file_server
import open_clip
import pytest
import store_kit
import torch
from safetensors.torch import save_file

from eclipsed.checkpoints.convert import convert_generator
from eclipsed.checkpoints.native import write_generator
from eclipsed.checkpoints.parsing import ParserConfig, write_parser
from eclipsed.directions import atlas_file, survey_file
from eclipsed.editor import Editor
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.store import networks
from eclipsed.store.files import home
from eclipsed.training.config import TrainConfig

RESOLUTION = 32
CLIP_CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear", "resize_mode": "shortest"}


def make_generator(path, *, seed=0, w_dim=16):
    """Write a random generator of 32 px with 8 rows of ws."""
    config = GeneratorConfig(
        z_dim=12, w_dim=w_dim, resolution=RESOLUTION, channels=((4, 8), (8, 8), (16, 8), (32, 6)), mapping_layers=2
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = StyleGAN2(config)
    state = network.state_dict()
    return write_generator(path, config, {name: _visible(name, value) for name, value in state.items()})


def _visible(name, value):
    """Noise that shows, so that a test can see which noise was used."""
    return value + 0.05 if name.endswith("noise_strength") else value


def make_parser(path, *, seed=0):
    """Write a random parser whose labels differ from place to place."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BiSeNet(width=8)
    state = network.state_dict()
    last = state["conv_out.conv_out.weight"]
    last[[11, 17]] = last[[17, 11]]  # what this seed sees most is called hair, so that there is a region to edit
    config = ParserConfig(width=8, size=64, mean=(0.5,) * 3, std=(0.5,) * 3)
    return write_parser(path, config, state)


def make_clip(folder, *, seed=0):
    """Write a random CLIP with a vocabulary."""
    folder.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = open_clip.CLIP(**CLIP_CONFIG)
    state = {name: value.clone().contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CLIP_CONFIG, "preprocess_cfg": PREPROCESS}))
    words = "a person with the blond black brown red grey hair glasses mouth open closed face photo of man woman no hat"
    (folder / "vocabulary.txt").write_text("\n".join(words.split()))
    return folder


@pytest.fixture(scope="session")
def model_set(tmp_path_factory):
    """Folder of a whole model set."""
    folder = tmp_path_factory.mktemp("models") / "stub"
    folder.mkdir()
    make_generator(folder / "generator.safetensors")
    make_parser(folder / "parser.safetensors")
    make_clip(folder / "clip")
    description = {
        "format": 1,
        "name": "stub",
        "description": "random weights for tests",
        "licence": "MIT",
        "generator": "generator.safetensors",
        "parser": "parser.safetensors",
        "clip": "clip",
        "truncation_psi": 0.8,
    }
    (folder / "set.json").write_text(json.dumps(description))
    return folder


@pytest.fixture(scope="session")
def editor(model_set):
    """An editor of random networks."""
    return Editor.from_pretrained(model_set, device="cpu")


@pytest.fixture(scope="session")
def quick():
    """A training of a second, not calibrated (random networks are bound to be weak)."""
    return TrainConfig(
        steps=6,
        batch=2,
        start_faces=64,
        layers=None,
        resolution=RESOLUTION,
        calibrate=False,
        warmup=1,
        probe_steps=2,
    )


@pytest.fixture(scope="session")
def direction(editor, quick):
    """A trained direction."""
    return editor.train("a person with blond hair", config=quick)


@pytest.fixture(scope="session", autouse=True)
def surveys_apart(tmp_path_factory):
    """What the networks of the tests saw is not kept among the user's own files."""
    folder = tmp_path_factory.mktemp("surveys")
    with pytest.MonkeyPatch.context() as patch:
        for kept in (survey_file, atlas_file):
            patch.setattr(kept, "home", lambda: home() if os.environ.get("ECLIPSED_HOME") else folder)
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Files of weights by their names; see `store_kit`."""
    return store_kit.make_files(tmp_path_factory.mktemp("authors"))


@pytest.fixture(scope="session")
def right(files, tmp_path_factory):
    """The sha256 of everything that may lie in the store, by file name."""
    folder = tmp_path_factory.mktemp("right")
    found = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name.endswith(".pth")}
    for name in ("pinned", "open"):
        (folder / f"{name}.pkl").write_bytes(files[f"{name}.pkl"])
        target = convert_generator(folder / f"{name}.pkl", folder / f"{name}-generator.safetensors")
        found[target.name] = hashlib.sha256(target.read_bytes()).hexdigest()
    return found


@pytest.fixture
def server(files, tmp_path, monkeypatch):
    """The server, and a catalogue that points to it."""
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ECLIPSED_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", str(tmp_path / "hub"))
    real = networks._CATALOGUE
    with file_server.serving(random.Random(0)) as server:
        server.files = dict(files)
        store_kit.make_catalogue(tmp_path / "networks.json", files, server.address + "/weights")
        store_kit.use_catalogue(tmp_path / "networks.json")
        yield server
    store_kit.use_catalogue(real)


@pytest.fixture
def tiny_clip(monkeypatch, tmp_path):
    """open_clip knows a tiny model by name, and the store and every cache are empty."""
    clip_kit.register(monkeypatch, tmp_path)


@pytest.fixture
def only_ours(monkeypatch):
    """PyTorch's and open_clip's loaders may not be asked."""

    def run(*_, **__):
        raise AssertionError("another loader was asked")

    monkeypatch.setattr(torch.jit, "load", run)
    monkeypatch.setattr(torch, "load", run)
    monkeypatch.setattr(open_clip.factory, "load_state_dict", run)
