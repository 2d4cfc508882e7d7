"""How the house is built: few rooms, none too large, no name thrice, and the light ones light."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "eclipsed"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)

#: Floors, or single modules of heavier floors, that load no torch.
LIGHT = ("errors", "files", "prompts", "store", "training", "training.config", "values", "worlds")


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def test_there_are_at_most_two_dozen_entries():
    entries = [path.name for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "_shipped")]
    assert len(entries) <= 24, entries


def test_no_file_is_longer_than_four_hundred_lines():
    beside = [path for folder in ("benchmarks", "examples", "recipes") for path in (ROOT / folder).rglob("*.py")]
    every = [*FILES, *beside]
    assert len(every) > len(FILES) > 100
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in every}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_no_three_modules_share_a_name():
    names = Counter(path.name for path in FILES if path.name not in ("__init__.py", "__main__.py"))
    assert {name: count for name, count in names.items() if count > 2} == {}


def test_every_folder_and_file_says_what_it_is():
    for path in FILES:
        first = path.read_text(encoding="utf-8").lstrip()
        assert first.startswith('"""') or path.name == "__main__.py", path


def test_one_door_leads_to_the_users_folder():
    """Asked for in two ways, it would be two folders on Windows."""
    asking = [path.relative_to(PACKAGE).as_posix() for path in FILES if "platformdirs" in path.read_text("utf-8")]
    assert asking == ["store/files.py"]


def test_one_header_stands_at_the_top_of_our_own_files():
    """No module but the header's reads or writes safetensors by itself."""
    opening = [
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if any(word in path.read_text("utf-8") for word in ("safe_open", "save_file(", "__metadata__"))
    ]
    assert opening == ["files/header.py"]


def test_light_rooms_load_no_torch():
    light = []
    for name in LIGHT:
        place = PACKAGE / name.replace(".", "/")
        light += sorted(place.rglob("*.py")) if place.is_dir() and name != "training" else []
    modules = sorted({*map(module_of, light), *(f"eclipsed.{name}" for name in LIGHT)})
    code = "\n".join(
        (
            "import importlib, sys",
            f"for name in {modules!r}:",
            "    importlib.import_module(name)",
            "    assert 'torch' not in sys.modules, name",
            "print(len(sys.modules))",
        )
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(modules) > 30


def test_a_number_that_two_floors_share_is_written_once():
    """The kept share of variance, the range of the rows, the length of a prompt: each has a name and one place."""
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in FILES}
    for number, place in {"0.9995": "values/variance.py", "1023": "values/choices.py"}.items():
        assert [name for name, text in texts.items() if number in text] == [place]


def test_no_module_is_made_up_or_hidden():
    """No file puts a module of its own making among those that Python has imported, or stands between it and others."""
    ways = ("sys.modules[", "sys.meta_path", "sys.path_hooks", "find_spec(self")
    assert [path.name for path in FILES if any(way in path.read_text("utf-8") for way in ways)] == []
