"""The public surface, and that importing it is light."""

import subprocess
import sys
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
        assert getattr(eclipsed, name).__doc__, name
        assert name in dir(eclipsed)


def test_the_surface_is_what_it_was():
    public = {"Clip", "Direction", "Editor", "Faces", "Generator", "Parser", "Region", "TrainConfig", "TrainStep"}
    public |= {"CallableClip", "CallableParser", "Evaluation", "Stack", "StopTraining", "evaluate", "fetch"}
    public |= {"Latent", "Space", "register_space"}
    public |= {"BiSeNetParser", "Reading", "World", "find_set", "read"}
    assert public == {n for n in eclipsed.__all__ if not n.endswith(("Error", "Warning"))}


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
