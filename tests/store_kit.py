"""A small store for tests: a catalogue of four networks, their files, and a server that has them."""

import hashlib
import json

import torch
from checkpoint_files import nvidia_content, random_generator, write_nvidia

from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.store import files as store
from eclipsed.store import networks
from eclipsed.store.files import networks_folder

CONFIG = GeneratorConfig(
    z_dim=12, w_dim=16, resolution=16, channels=((4, 24), (8, 24), (16, 16)), mapping_layers=2, conv_clamp=256
)
LICENCES = {
    "free": {"text": "MIT", "address": "https://example.org/mit", "non_commercial": False},
    "closed": {"text": "for non-commercial use only", "address": "https://example.org/nc", "non_commercial": True},
}


def make_files(folder):
    """Files by the names of their authors."""
    for seed, name in enumerate(("pinned.pkl", "open.pkl")):
        write_nvidia(folder / name, nvidia_content(CONFIG, random_generator(CONFIG, seed)))
    for seed, name in enumerate(("pinned.pth", "sized.pth", "open.pth")):
        rng = torch.Generator().manual_seed(seed)
        torch.save({"weight": torch.randn(80, 300, generator=rng)}, folder / name)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def make_catalogue(path, files, address):
    """A catalogue that names the files: hash and size published, only the size, or nothing."""
    entries = {}
    for file, data in files.items():
        name = file.replace(".pkl", "-generator").replace(".pth", "-weights")
        entry = {"kind": "generator" if file.endswith("pkl") else "parser", "description": f"made up {name}"}
        entry |= {"file": file, "addresses": [f"{address}/{file}"], "licence": "free"}
        if file.startswith("pinned"):
            entry |= {"sha256": hashlib.sha256(data).hexdigest()}
        if not file.startswith("open"):
            entry |= {"size": len(data)}
        entries[name] = entry
    clip = {"model": "ViT-B-32-quickgelu", "pretrained": "openai"}
    own = {"description": "a set", "generator": "pinned-generator", "parser": "pinned-weights", "clip": clip}
    own |= {"encoder": "sized-weights", "photos": ["open-weights"]}
    bare = {"description": "no parser", "generator": "open-generator", "clip": clip, "truncation_psi": 0.5}
    content = {"licences": LICENCES, "networks": entries, "sets": {"own": {**own, "truncation_psi": 0.7}, "bare": bare}}
    path.write_text(json.dumps(content))
    return entries


def use_catalogue(path):
    """Let eclipsed read this catalogue from now on; call it again with the real one afterwards."""
    networks._CATALOGUE = path
    networks._content.cache_clear()
    networks.known_networks.cache_clear()
    store._verified.clear()


def check_store(right):
    """Every file is right; nothing but files, their records and the unfinished ones is there."""
    for path in networks_folder().iterdir() if networks_folder().is_dir() else ():
        if path.is_file() and path.suffix != ".json":
            assert hashlib.sha256(path.read_bytes()).hexdigest() == right[path.name], path
