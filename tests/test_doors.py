"""One door each: what a module takes from another stands there, in its ``__all__``, and is not private."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


class Module:
    """What a file of the package defines, offers and takes."""

    def __init__(self, path):
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.defines, self.offers = set(), ()
        for node in self.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                self.defines.add(node.name)
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets += [node.target] if isinstance(node, ast.AnnAssign) else []
            named = {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
            self.defines |= named
            if "__all__" in named:
                self.offers = ast.literal_eval(node.value)

    def takes(self, modules):
        """Pairs of module and name: imported by name, or reached through an imported module."""
        inside = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                for one in node.names:
                    place = modules.get(f"{node.module}.{one.name}")
                    if place is None:
                        yield modules[node.module], one.name
                    else:
                        inside[one.asname or one.name] = place
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in inside:
                module = inside[node.value.id]
                if node.attr in module.defines:
                    yield module, node.attr


@pytest.fixture(scope="module")
def modules():
    return {module.name: module for module in map(Module, sorted((ROOT / "eclipsed").rglob("*.py")))}


@pytest.mark.parametrize("folder", ["eclipsed", "recipes", "benchmarks", "examples"])
def test_what_a_module_takes_from_another_is_offered_there(modules, folder):
    wrong = set()
    for path in sorted((ROOT / folder).rglob("*.py")):
        for module, name in Module(path).takes(modules):
            if module.name == "eclipsed":
                continue  # the front door, see test_import.py
            if name.startswith("_") or name not in module.offers:
                wrong.add(f"{path.relative_to(ROOT)} takes {name} of {module.name}, which is not in its __all__")
            elif name not in module.defines:
                wrong.add(f"{path.relative_to(ROOT)} takes {name} through {module.name}, which does not define it")
    assert not wrong, "\n".join(sorted(wrong))


def test_what_is_offered_is_there(modules):
    for module in modules.values():
        if module.name != "eclipsed":
            assert set(module.offers) <= module.defines, module.name
        assert len(set(module.offers)) == len(module.offers), module.name


def test_what_docstrings_refer_to_is_there(modules):
    """A name in backticks that begins with the package's is a module of it, or something in one."""
    for module in modules.values():
        texts = [ast.get_docstring(node) or "" for node in ast.walk(module.tree) if isinstance(node, _DOCUMENTED)]
        for name in re.findall(r"`(eclipsed\.[A-Za-z_.]+)`", "\n".join(texts)):
            place, rest = name, ""
            while place not in modules:
                place, _, last = place.rpartition(".")
                rest = f"{last}.{rest}" if rest else last
                assert place, f"{module.name} refers to {name}"
            first = rest.partition(".")[0]
            assert not rest or first in modules[place].defines or place == "eclipsed", f"{module.name} refers to {name}"
