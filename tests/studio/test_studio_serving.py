"""The server: importing it changes nothing, and what it starts tells nobody anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import eclipsed
from eclipsed.commands import cli
from eclipsed.errors import InputError
from eclipsed.studio.serving import serve

CODE = """
import os, sys
before = dict(os.environ)
from eclipsed.studio import serving
assert dict(os.environ) == before, "importing the server changed the environment"
assert "gradio" not in sys.modules, "importing the server loads gradio"
blocks, address = serving.serve("mini", port=0, device="cpu", block=False)
import gradio.analytics, huggingface_hub.constants
assert gradio.analytics.analytics_enabled() is False
assert huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY is True
assert blocks.analytics_enabled is False
assert os.environ["GRADIO_TEMP_DIR"] == before["GRADIO_TEMP_DIR"]
print(address)
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.slow
def test_nothing_is_told_to_anyone_and_importing_changes_nothing(tmp_path):
    ours = {"ECLIPSED_HOME": str(tmp_path / "home"), "GRADIO_TEMP_DIR": str(tmp_path / "cache")}
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "HF_HUB_DISABLE"))}
    place = {"PYTHONPATH": str(Path(eclipsed.__file__).parents[1])}
    words = [sys.executable, "-c", CODE]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env={**quiet, **place, **ours})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("http://127.0.0.1:")


def cut(name):
    """Break one file of a model set."""

    def harm(folder):
        (folder / name).write_bytes((folder / name).read_bytes()[:300])

    return harm


def swap(folder):
    """Put the parser where the generator should be."""
    shutil.copy(folder / "parser.safetensors", folder / "generator.safetensors")


@pytest.mark.parametrize(
    ("harm", "words", "error"),
    [
        (None, ["--device", "abacus"], "unknown device 'abacus'; use 'cpu', 'cuda', 'cuda:0' … or 'mps'"),
        (None, ["--device", "cuda:99"], "device 'cuda:99' is not on this machine; use "),
        (cut("generator.safetensors"), [], "{folder}/generator.safetensors: damaged or cut short safetensors file"),
        (cut("parser.safetensors"), [], "{folder}/parser.safetensors "),
        (swap, [], "{folder}/generator.safetensors: expected a generator; this file holds 'parser'"),
        (lambda folder: (folder / "generator.safetensors").unlink(), [], "the model set 'stub' in {folder} is not "),
        (lambda folder: (folder / "set.json").write_text("{"), [], "{folder}/set.json: cannot be read as JSON"),
        (lambda folder: (folder / "set.json").unlink(), [], "'{folder}' is not the folder of a model set: "),
    ],
)
def test_what_cannot_work_ends_with_a_sentence_and_no_address(harm, words, error, model_set, tmp_path, capsys):
    folder = shutil.copytree(model_set, tmp_path / "stub")
    if harm is not None:
        harm(folder)
    code = cli.run(["studio", "--models", str(folder), "--port", "0", *words])
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert (code, out) == (1, "")
    assert last.startswith("error: " + error.format(folder=folder)), last
    assert "unexpected" not in last


def test_the_address_comes_when_the_first_face_is_drawn(model_set, monkeypatch, capsys):
    told = []

    def build(engine, jobs):
        told.append((engine._editor.done(), engine.editor.name, engine.face(1, None).seeds))
        raise InputError("far enough")

    monkeypatch.setattr("eclipsed.studio.app.build", build)
    assert cli.run(["studio", "--models", str(model_set), "--port", "0", "--device", "cpu"]) == 1
    assert told == [(True, "stub", (1,))]
    assert capsys.readouterr().err == "loading stub …\nerror: far enough\n"


@pytest.mark.parametrize("port", [-1, 65536, True, "7860"])
def test_a_bad_port_changes_nothing(port, monkeypatch):
    monkeypatch.delenv("GRADIO_ANALYTICS_ENABLED", raising=False)
    with pytest.raises(InputError, match="the port must be a whole number"):
        serve(port=port)
    assert "GRADIO_ANALYTICS_ENABLED" not in os.environ
