"""Nothing but fetching uses the network: in a process where sockets are watched, all the rest is done."""

import json
import os
import subprocess
import sys

import pytest

import eclipsed

CODE = """
import json, os, sys, warnings

calls = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        calls.append(event)
        raise ConnectionRefusedError("the network was used: " + event)
sys.addaudithook(watch)
warnings.simplefilter("ignore")

folder, work = sys.argv[1:]
from eclipsed.commands import cli
import eclipsed

def run(*words):
    code = cli.run([str(word) for word in words])
    assert not calls, (words, calls)
    return code

quick = ["--models", folder, "--set", "layers=null", "--set", "resolution=32", "--set", "calibrate=false"]
codes = {
    "list": run("models", "list"),
    "networks": run("models", "list", "--networks"),
    "info": run("models", "info", folder),
    "absent": run("models", "info", "ffhq"),
    "verify": run("models", "verify"),
    "path": run("models", "path", "bisenet"),
    "doctor": run("doctor"),
    "train": run("train", "a person with blond hair", "--steps", 2, *quick, "--out", work + "/d.safetensors"),
    "edit": run("edit", work + "/d.safetensors", "--seeds", "1", "--models", folder, "--out", work + "/o"),
    "evaluate": run("evaluate", work + "/d.safetensors", "--models", folder, "--seeds", "1-4"),
    "region": run("region", "a person with blond hair"),
    "ffhq": run("sample", "--models", "ffhq", "--seeds", "1", "--out", work + "/p"),
}
for model, tag in (("ViT-B-32", "openai"), ("ViT-B-32", "metaclip_400m"), ("hf-hub:some/one", None)):
    try:
        eclipsed.Clip.from_pretrained(model, tag, device="cpu")
    except eclipsed.MissingModelError:
        pass
assert not calls, calls
try:
    eclipsed.Editor.from_pretrained("ffhq")
except eclipsed.MissingModelError as error:
    codes["said"] = str(error)
offline = cli.run(["models", "fetch", "face-detector", "--offline"])
assert not calls, calls
codes["fetch"] = cli.run(["models", "fetch", "face-detector"])  # the watch itself works
codes["calls"] = calls
codes["offline"] = offline
print("RESULT" + json.dumps(codes))
"""


@pytest.mark.slow
def test_nothing_but_fetching_uses_the_network(model_set, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"ECLIPSED_HOME": str(tmp_path / "home"), "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": os.path.dirname(os.path.dirname(eclipsed.__file__))}
    environment.pop("ECLIPSED_OFFLINE", None)
    words = [sys.executable, "-c", CODE, str(model_set), str(tmp_path)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.split("RESULT")[1])
    for name in ("list", "networks", "info", "absent", "verify", "doctor", "train", "edit", "evaluate", "region"):
        assert found[name] == 0, (name, done.stderr)
    assert found["path"] == found["ffhq"] == found["offline"] == found["fetch"] == 1
    assert found["said"].endswith("get it: eclipsed models fetch ffhq")
    assert found["calls"]
    assert "Traceback" not in done.stderr
