"""The documents say what is there: paths, public names, commands, Python that runs, pictures that are shown."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import eclipsed
from scripts import command_line

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
FOLDERS = ("benchmarks", "checkpoints", "docs", "eclipsed", "examples", "models", "recipes", "scripts", "tests")
ALL = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])

_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|toml|yml|json))`")
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_PYTHON = re.compile(r"```python\n(.*?)```", flags=re.DOTALL)

#: folders and files that are named but come from elsewhere, or only with use
_NOT_HERE = {"out/site"}


def _of(pages):
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


def test_every_path_of_the_map_is_there():
    named = _PATH.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert len(named) > 30
    assert [path for path in named if path not in _NOT_HERE and not (ROOT / path).exists()] == []


def test_the_map_names_every_folder_and_module_of_the_package():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    entries = [one for one in (ROOT / "eclipsed").iterdir() if not one.name.startswith(("_", "."))]
    entries = [f"eclipsed/{one.name}{'/' * one.is_dir()}" for one in entries if one.name != "py.typed"]
    assert [entry for entry in entries if f"`{entry}`" not in text] == []


def test_every_benchmark_is_in_the_table():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    runs = [path for path in (ROOT / "benchmarks").rglob("*.py") if "def main()" in path.read_text(encoding="utf-8")]
    names = [path.parent.name if path.stem == "__main__" else path.stem for path in runs]
    assert [name for name in names if f"`{name}`" not in text] == []
    assert {"gpu", "against"} <= set(names)


@_of(ALL)
def test_links_paths_and_modules_are_there_and_nothing_is_of_one_machine(page):
    text = page.read_text(encoding="utf-8")
    assert [link for link in _LINK.findall(text) if not (page.parent / link).exists()] == []
    ours = [path for path in _PATH.findall(text) if path.split("/")[0] in FOLDERS and "/" in path]
    assert [path for path in ours if not (ROOT / path).exists() and not (page.parent / path).exists()] == []
    modules = {
        name.replace(".", "/") + ".py" for name in re.findall(r"python -m ((?:benchmarks|recipes)\.[.a-z_0-9]+)", text)
    }
    assert [path for path in modules if not (ROOT / path).exists()] == []
    assert re.findall(r"(?:/home/|/root|/tmp/|/work/|/Users/)\S*", text) == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


def test_every_public_name_has_a_place():
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    assert sorted(re.findall(r"^::: eclipsed\.(\w+)$", text, flags=re.MULTILINE)) == sorted(eclipsed.__all__)


def test_the_page_of_the_command_line_is_current():
    assert command_line.PAGE.read_text(encoding="utf-8") == command_line.page(), "run scripts/docs --write"


def test_every_picture_is_shown_and_all_are_small():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = [one for one in (DOCS / "images").rglob("*") if one.is_file()]
    assert [one.name for one in pictures if one.suffix != ".webp" or one.relative_to(DOCS).as_posix() not in text] == []
    assert sum(one.stat().st_size for one in DOCS.rglob("*") if one.is_file()) < 4_000_000


@_of([page for page in PAGES if _PYTHON.search(page.read_text(encoding="utf-8"))])
def test_python_on_a_page_names_what_is_there(page):
    """Every block is Python, and what it imports from the package, or takes of it, is public."""
    for block in _PYTHON.findall(page.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("eclipsed"):
                module = import_module(node.module)
                assert [one.name for one in node.names if one.name not in module.__all__] == []
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "eclipsed":
                assert node.attr in eclipsed.__all__
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "editor":
                assert hasattr(eclipsed.Editor, node.attr)


@_of(sorted(DOCS.rglob("*.md")))
def test_what_a_page_shows_of_a_file_is_there(page):
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r'^--8<-- "(.+)"$', text, flags=re.MULTILINE)
    assert len(shown) == text.count("--8")
    assert [path for path in shown if not (ROOT / path).is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "docs/first-edit.md", "docs/judging-edits.md", "docs/photographs.md"])
def test_python_on_a_page_runs(name, tmp_path, monkeypatch):
    """With a short training in place of the default one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    train = eclipsed.Editor.train
    short = eclipsed.TrainConfig(steps=4, layers=None, calibrate=False)
    monkeypatch.setattr(eclipsed.Editor, "train", lambda self, prompt: train(self, prompt, config=short))
    block = _PYTHON.findall((ROOT / name).read_text(encoding="utf-8"))[0]
    names = {}
    exec(block, names)
    assert names["edited"].images.shape[1:] == (3, 256, 256) if "edited" in names else names["found"].strengths
