"""The server: importing it changes nothing, and what it starts tells nobody anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import eclipsed
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


def test_nothing_is_told_to_anyone_and_importing_changes_nothing(tmp_path):
    ours = {"ECLIPSED_HOME": str(tmp_path / "home"), "GRADIO_TEMP_DIR": str(tmp_path / "cache")}
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "HF_HUB_DISABLE"))}
    place = {"PYTHONPATH": str(Path(eclipsed.__file__).parents[1])}
    words = [sys.executable, "-c", CODE]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env={**quiet, **place, **ours})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("port", [-1, 65536, True, "7860"])
def test_a_bad_port_changes_nothing(port, monkeypatch):
    monkeypatch.delenv("GRADIO_ANALYTICS_ENABLED", raising=False)
    with pytest.raises(InputError, match="the port must be a whole number"):
        serve(port=port)
    assert "GRADIO_ANALYTICS_ENABLED" not in os.environ
