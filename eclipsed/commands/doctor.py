"""``eclipsed doctor``: what is installed and what this machine can do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import Any

from eclipsed.commands.options import Json
from eclipsed.commands.progress import waiting
from eclipsed.commands.terminal import result, result_json
from eclipsed.store.networks import known_sets
from eclipsed.values.extras import pip_line

__all__ = ["doctor", "examine"]

_PACKAGES = ("torch", "torchvision", "open_clip_torch", "spacy", "facexlib", "numpy", "pillow", "safetensors", "ninja")
_COMPILERS = ("nvcc", "c++", "g++", "clang++", "cl")


def doctor(as_json: Json = False) -> None:
    """Say what is installed and what this machine can do.

    Packages, devices, compilers, and which model sets are present.
    """
    with waiting("looking at this machine"):
        found = examine()
    if as_json:
        result_json(found)
        return
    result(f"eclipsed {found['eclipsed']}, Python {found['python']}, {found['platform']}")
    result("packages: " + ", ".join(f"{name} {version or 'MISSING'}" for name, version in found["packages"].items()))
    devices = ", ".join(found["devices"])
    result(f"devices: {devices}; the default is {found['default_device']} ({found['threads']} threads on the CPU)")
    compilers = [f"{name} ({path})" for name, path in found["compilers"].items() if path]
    result("compilers: " + (", ".join(compilers) or "none; fused CUDA kernels need one, all else does not"))
    result("MP4: " + ("yes" if found["mp4"] else f"no; {pip_line(extra='video')}"))
    for models in found["models"]:
        if models["present"]:
            result(f"models {models['name']}: present")
        elif models["name"] not in known_sets():
            result(f"models {models['name']}: absent, needs {'; '.join(models['missing'])}")
    absent = [each["name"] for each in found["models"] if not each["present"] and each["name"] in known_sets()]
    if absent:
        result(f"models that can be fetched: {', '.join(absent)}; eclipsed models list says more")
    result(f"your folder: {found['home']}; what was fetched: {found['cache']}")


def examine() -> dict[str, Any]:
    """What `doctor` prints, as plain values."""
    import torch

    from eclipsed.commands.models import describe_sets
    from eclipsed.compute.devices import default_device
    from eclipsed.store.files import data_home, home
    from eclipsed.values.version import VERSION

    devices = ["cpu", *(f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "eclipsed": VERSION,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "devices": devices,
        "default_device": str(default_device()),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "compilers": {name: shutil.which(name) for name in _COMPILERS},
        "mp4": _version("imageio-ffmpeg") is not None,
        "models": describe_sets(),
        "home": str(data_home()),
        "cache": str(home()),
    }


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
