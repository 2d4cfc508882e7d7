"""The public surface, and that importing it is light."""

import ast
import inspect
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import eclipsed

ROOT = Path(__file__).parents[1]


def _python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_loads_no_torch():
    heavy = "('torch', 'numpy', 'PIL', 'open_clip', 'spacy', 'torchvision', 'facexlib')"
    assert _python(f"import eclipsed, sys; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_the_options_of_training_load_no_torch():
    code = "import sys; from eclipsed import TrainConfig, InputError; TrainConfig(); print('torch' in sys.modules)"
    assert _python(code) == "False"


def test_every_public_name_is_there_and_documented():
    assert sorted(eclipsed.__all__) == list(eclipsed.__all__)
    for name in eclipsed.__all__:
        value = getattr(eclipsed, name)
        assert value.__doc__, name
        assert not value.__doc__.startswith(f"{name}("), f"{name} has the docstring that dataclasses write"
        assert name in dir(eclipsed)
        for key, member in vars(value).items() if isinstance(value, type) else ():
            if not key.startswith("_") and (callable(member) or isinstance(member, (classmethod, property))):
                assert inspect.getdoc(getattr(value, key)), f"{name}.{key}"


def test_the_surface_is_what_it_was():
    public = {"Clip", "Direction", "Editor", "Faces", "Generator", "Parser", "Region", "TrainConfig", "TrainStep"}
    public |= {"CallableParser", "Evaluation", "Stack", "StopTraining", "evaluate", "fetch"}
    public |= {"Latent", "Space", "register_space"}
    public |= {"BiSeNetParser", "CallableClip", "ClipEnsemble", "Reading", "World", "find_set", "read"}
    public |= {"BrokenTraining", "Edit", "StackEntry", "find_direction", "save_picture"}
    public |= {"Compared", "Interval", "Strength", "Target", "compare", "judge"}
    public |= {"SuiteEvaluation", "SuiteRow", "evaluate_suite"}
    public |= {"EditedFilm", "EditedPeople", "EditedPerson", "EditedPhoto"}
    public |= {"FaceFinder", "InversionConfig", "InversionStep", "Origin", "Photo", "Placement", "save_photo"}
    public |= {"GeneratorConfig", "Layer", "Synthesis", "SynthesisOptions", "SynthesisPrefix", "read_generator"}
    public |= {"StyleGAN3Config"}
    public |= {"Classifier", "Encoder", "FetchStep", "Identity", "ModelSet", "OwnKind", "SetStatus", "list_sets"}
    public |= {"Finder", "ProgressBar", "Step", "Term", "View", "Vocabulary", "WStatistics", "register_term"}
    public |= {"ClassScores", "JudgeConfig", "JudgeStep", "Scores", "TrainedJudge"}
    public |= {"classify", "score_judge", "train_judge"}
    public |= {"Mask", "PaintedParser", "PaintedPart", "Segmenter", "read_mask"}
    public |= {"Atlas", "Prospect"}
    public |= {"WorldCheck", "WorldFault", "check_world"}
    public |= {"Crew", "Span", "TrainedPrompt", "train_many", "tune"}
    assert public == {n for n in eclipsed.__all__ if not n.endswith(("Error", "Warning"))}


def test_what_is_offered_lazily_is_what_a_type_checker_sees():
    """The names of `__all__`, of the loader and of the imports for type checkers are the same, from one home each."""
    tree = ast.parse(Path(eclipsed.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {one.name: node.module for node in block.body for one in node.names}
    assert sorted(seen) == list(eclipsed.__all__)
    for name, module in seen.items():
        assert getattr(eclipsed, name) is getattr(import_module(module), name), name
        assert getattr(getattr(eclipsed, name), "__module__", module) == module, f"{name} has another home"


def _python_of(page):
    """The Python on a page of the documents, in a script, or in a notebook."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".py":
        return [text]
    if page.suffix == ".ipynb":
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "8<" not in block]


PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.py")]


@pytest.mark.parametrize("page", sorted([*PAGES, *(ROOT / "examples").glob("*.ipynb")]), ids=lambda page: page.name)
def test_documents_and_examples_need_the_front_door_only(page):
    for code in _python_of(page):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "eclipsed":
                assert node.module == "eclipsed", f"{page.name} imports from {node.module}"
                assert {one.name for one in node.names} <= set(eclipsed.__all__)
            if isinstance(node, ast.Import):
                assert not [one.name for one in node.names if one.name.startswith("eclipsed.")]
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "eclipsed":
                assert node.attr in eclipsed.__all__, f"{page.name} takes eclipsed.{node.attr}"


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'eclipsed' has no attribute 'nothing'"):
        eclipsed.nothing  # noqa: B018


def test_the_version_is_the_one_of_the_package():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    assert f'version = "{eclipsed.__version__}"' in lines


def test_every_error_is_one_of_ours_and_of_the_builtin_that_fits():
    for name, builtin in {
        "InputError": ValueError,
        "OutputError": OSError,
        "MissingModelError": FileNotFoundError,
    }.items():
        error = getattr(eclipsed, name)
        assert issubclass(error, eclipsed.EclipsedError)
        assert issubclass(error, builtin)
