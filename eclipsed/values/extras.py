"""How what is not installed gets installed: the one line of pip that messages show."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

__all__ = ["pip_line"]

_PACKAGE = Path(__file__).resolve().parents[1]


def pip_line(*, extra: str = "", package: str = "") -> str:
    """The line that installs an extra of eclipsed, or another package, beside the Python that is running.

    eclipsed is on no index: its extras come from the clone that it was installed from.

    Args:
        extra: of eclipsed, such as ``"studio"``.
        package: instead of an extra, one by its name on PyPI.
    Returns:
        Such as ``pip install ".[studio]"``, with the path of the clone where that is another folder than this one.
    """
    if package:
        return f"{_pip_install()} {package}"
    clone, editable = _clone()
    here = clone is None or clone == Path.cwd().resolve()
    place = f'"{"." if here else clone}[{extra}]"'
    line = f"{_pip_install()} {'-e ' * editable}{place}"
    return line if clone is not None else f"{line} in a clone of eclipsed"


def _pip_install() -> str:
    """The pip of this environment: its name where that leads there, its path, or uv's where it has none."""
    activated = os.environ.get("VIRTUAL_ENV", "")
    own = sys.prefix == sys.base_prefix or (activated and Path(activated).resolve() == Path(sys.prefix).resolve())
    if importlib.util.find_spec("pip") is None:
        return "uv pip install" + ("" if own else f" --python {_near(Path(sys.executable))}")
    if own:
        return "pip install"
    scripts = Path(sys.prefix) / ("Scripts" if os.name == "nt" else "bin")
    found = next((path for path in (scripts / "pip", scripts / "pip.exe") if path.is_file()), None)
    return f"{_near(found) if found is not None else _near(Path(sys.executable)) + ' -m pip'} install"


def _near(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if here in path.parents else path))


def _clone() -> tuple[Path | None, bool]:
    """The clone that this package runs in or was installed from, None where it is gone; whether changes there count."""
    if _is_clone(_PACKAGE.parent):
        return _PACKAGE.parent, True
    try:
        told = json.loads(metadata.distribution("eclipsed").read_text("direct_url.json") or "{}")
        place = Path(url2pathname(urlsplit(told["url"]).path))
    except (metadata.PackageNotFoundError, KeyError, TypeError, ValueError):
        return None, False
    return (place.resolve(), False) if _is_clone(place) else (None, False)


def _is_clone(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file() and (folder / "eclipsed").is_dir()
