"""An atlas that is killed while it is built, again and again, ends as one that was not."""

import json
import os
import subprocess
import sys

import pytest

KILLS, FACES = 10, 320

#: builds an atlas in one go, then in a home of its own in processes that are killed at random moments
DRIVER = """
import hashlib, json, os, random, signal, sys, time
from pathlib import Path
import torch
from eclipsed import Editor
from eclipsed.directions import atlas
from eclipsed.directions.atlas_file import AtlasFile

models, home, kills, faces, seed = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
torch.set_num_threads(1)
atlas._KEPT_EVERY = 1
editor = Editor.from_pretrained(models, device="cpu")
editor.generator, editor.clip, editor.parser  # loaded before any fork

def build(name):
    os.environ["ECLIPSED_HOME"] = str(home / name)
    child = os.fork()
    if not child:
        try:
            editor.atlas(faces=faces)
        finally:
            os._exit(0)
    return child

def kept(name):
    os.environ["ECLIPSED_HOME"] = str(home / name)
    file = AtlasFile(editor.generator, editor.clip, editor.parser, side=32)
    seen = file.read()
    return 0 if seen is None else len(seen.embedding), file.path

began = time.monotonic()
os.waitpid(build("whole"), 0)
took = time.monotonic() - began
rng, left = random.Random(seed), []
while len(left) < kills:
    child = build("killed")
    time.sleep(rng.uniform(0, took / 6))
    os.kill(child, signal.SIGKILL)
    if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        left.append(kept("killed")[0])
    else:
        break  # it was faster
os.waitpid(build("killed"), 0)
digests = [hashlib.sha256(kept(name)[1].read_bytes()).hexdigest() for name in ("whole", "killed")]
print(json.dumps({"left": left, "faces": kept("killed")[0], "digests": digests}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_one_that_is_killed_at_random_ten_times_is_the_same_bit_for_bit(model_set, tmp_path):
    words = [sys.executable, "-c", DRIVER, str(model_set), str(tmp_path), str(KILLS), str(FACES), "25"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["left"]) == KILLS
    assert told["left"] == sorted(told["left"])  # what was kept is gone on with
    assert 0 < told["left"][-1] < FACES == told["faces"]
    assert len(set(told["digests"])) == 1
