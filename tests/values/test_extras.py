"""The one line of pip: it works where it is shown, whatever environment that is."""

import importlib.util
import json
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from eclipsed.values import extras
from eclipsed.values.extras import pip_line

ROOT = Path(__file__).parents[2]
NO_CLONE = re.compile(r"eclipsed\[\w+\]")  # what pip would look for on an index, where nothing of this name is ours


@pytest.fixture
def activated(monkeypatch):
    """The environment is the activated one, and has a pip."""
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: object())


@pytest.mark.usefixtures("activated")
def test_in_a_clone_an_extra_is_one_of_the_folder(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert pip_line(extra="studio") == 'pip install -e ".[studio]"'
    assert pip_line(package="transformers") == "pip install transformers"


@pytest.mark.usefixtures("activated")
def test_elsewhere_the_clone_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert pip_line(extra="video") == f'pip install -e "{ROOT}[video]"'


@pytest.mark.usefixtures("activated")
def test_an_installed_package_remembers_its_clone(tmp_path, monkeypatch):
    told = {"url": tmp_path.resolve().as_uri(), "dir_info": {}}

    class Installed:
        def read_text(self, name):
            return json.dumps(told) if name == "direct_url.json" else None

    monkeypatch.setattr(extras, "_PACKAGE", tmp_path / "site-packages" / "eclipsed")
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    monkeypatch.chdir(tmp_path)
    assert pip_line(extra="heic") == 'pip install ".[heic]" in a clone of eclipsed'  # the clone has gone
    (tmp_path / "eclipsed").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert pip_line(extra="heic") == 'pip install ".[heic]"'
    monkeypatch.chdir(ROOT)
    assert pip_line(extra="heic") == f'pip install "{tmp_path.resolve()}[heic]"'
    told.clear()  # as from an index
    assert pip_line(extra="heic") == 'pip install ".[heic]" in a clone of eclipsed'


def test_the_pip_of_this_environment_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setattr(extras.sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(extras.sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(extras.os, "name", "posix")
    assert pip_line(package="lpips") == ".venv/bin/python -m pip install lpips"
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/pip").touch()
    assert pip_line(package="lpips") == ".venv/bin/pip install lpips"
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda name: None)  # as uv makes environments
    assert pip_line(package="lpips") == "uv pip install --python .venv/bin/python lpips"
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / ".venv"))
    assert pip_line(package="lpips") == "uv pip install lpips"
    assert importlib.util.find_spec is extras.importlib.util.find_spec


def test_no_text_of_ours_asks_an_index_for_eclipsed():
    """It is on none: wherever an extra is named, it is one of a clone."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    offered = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    known = set(re.findall(r"^(\w+) = \[", offered, re.MULTILINE))
    found = []
    folders = ("benchmarks", "docs", "eclipsed", "examples", "recipes", "scripts", "checkpoints", "models")
    files = [*ROOT.glob("*.md"), *(one for folder in folders for one in (ROOT / folder).rglob("*"))]
    for path in files:
        if path.suffix in (".py", ".md", ".html", ".js", ".ipynb", ".json", ".txt"):
            page = path.read_text(encoding="utf-8")
            assert NO_CLONE.findall(page) == [], path
            found += re.findall(r"""install (?:-q )?(?:-e )?["']\.\[(\w+)\]""", page)
            found += re.findall(r"""pip_line\(extra=["'](\w+)["']""", page)
    assert set(found) <= known
    assert {"studio", "video", "heic", "lpips", "test"} <= set(found)
