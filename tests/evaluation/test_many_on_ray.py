"""Many trainings on a Ray cluster of three nodes in one machine: the bits of one process, whoever is killed."""

import os
import signal
import sys
import time
from functools import partial

import crew_kit
import numpy as np
import pytest
from directions_kit import make
from PIL import Image
from test_train_many import FACES, held, killed, names, same

import eclipsed
from eclipsed.inversion.inverter import InversionConfig

cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]

PROMPTS = ["blond hair", "black hair", "red hair", "a man with a hat"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three nodes of one CPU; a worker takes six tenths of it, so that each node holds one."""
    os.environ["ECLIPSED_HOME"] = str(tmp_path_factory.mktemp("home"))  # the workers' too
    started = cluster_utils.Cluster()
    try:
        crew_kit.add_node(started, include_dashboard=False)  # the head
        crew_kit.add_node(started)
        crew_kit.add_node(started)
        yield started
    finally:
        started.shutdown()
        del os.environ["ECLIPSED_HOME"]


@pytest.fixture(scope="module")
def config(quick):
    return quick.replace(steps=2, start="small", start_faces=None)


@pytest.fixture(scope="module")
def serial(editor, config, tmp_path_factory):
    """What one process makes of twelve trainings."""
    folder = tmp_path_factory.mktemp("serial")
    rows = eclipsed.train_many(editor, PROMPTS, folder, seeds=[0, 1, 2], configs=config, faces=FACES)
    assert len(held(folder)) == 12
    return folder, rows


@pytest.fixture
def on_ray(cluster, config, model_set, tmp_path):
    """Train twelve on the cluster; gives the rows."""

    def call(**options):
        models = partial(crew_kit.open_noted, model_set, tmp_path)
        given = {
            "seeds": [0, 1, 2],
            "configs": config,
            "faces": FACES,
            "ray": cluster.address,
            "workers": 3,
            "cpus": 0.6,
        }
        return eclipsed.train_many(models, PROMPTS, tmp_path / "out", **{**given, **options})

    return call


def opened(folder):
    """Processes that opened the networks, in order."""
    return [int(line.split()[-1]) for line in (folder / "log").read_text().splitlines()]


def test_twelve_trainings_on_three_nodes_are_those_of_one_process(on_ray, serial, tmp_path):
    rows = on_ray()
    assert held(tmp_path / "out") == held(serial[0])
    assert names(tmp_path / "out") == names(serial[0])
    assert [same(row) for row in rows] == [same(row) for row in serial[1]]
    assert 1 <= len(opened(tmp_path)) == len(set(opened(tmp_path))) <= 3  # once in each worker


def test_a_worker_is_killed_and_a_node_is_gone(on_ray, serial, cluster, tmp_path):
    node, gone = crew_kit.add_node(cluster), []

    def tell(done, total, row):
        if done == 1:
            os.kill(opened(tmp_path)[0], signal.SIGKILL)
        if done == 3:
            cluster.remove_node(node, allow_graceful=False)
            gone.append(node)

    rows = on_ray(workers=4, tell=tell)
    assert gone
    assert {row.outcome for row in rows} <= {"trained", "done before"}  # it wrote, and was killed before it said so
    assert held(tmp_path / "out") == held(serial[0])
    assert names(tmp_path / "out") == names(serial[0])  # nothing half-written, nothing twice


def test_the_driver_is_killed_and_started_again(on_ray, serial, cluster, config, model_set, tmp_path):
    out = tmp_path / "out"
    killed(tmp_path, str(model_set), str(tmp_path), str(out), PROMPTS, config.to_json(), 2, cluster.address)
    for pid in opened(tmp_path):  # the workers of a driver that is gone are ended by Ray
        ended = time.monotonic() + 60
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < ended:
            time.sleep(0.1)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    assert 2 <= len(before) < 12
    rows = on_ray()
    assert len(before) <= sum(row.outcome == "done before" for row in rows) < 12
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert held(out) == held(serial[0])
    assert names(out) == names(serial[0])


def test_a_folder_of_photographs_on_the_cluster(editor, cluster, tmp_path):
    """As many rows as pictures and stacks, whatever they are; the bits of one process, and a table for pandas."""
    pandas = pytest.importorskip("pandas")
    folder, rng = tmp_path / "in", np.random.default_rng(5)
    folder.mkdir()
    for number in range(6):
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(folder / f"{number}.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    given = {"aligned": True, "config": InversionConfig(steps_from_mean=2, finish_steps=1), "table": True}
    direction = make(editor.generator)
    stacks = {"one": direction, "other": {direction: -0.5}}
    editor.edit_photos(folder, stacks, tmp_path / "one", **given)
    rows = editor.edit_photos(folder, stacks, tmp_path / "ray", ray=cluster.address, workers=3, cpus=0.6, **given)
    assert [row.outcome for row in rows] == 12 * ["edited"] + 2 * ["failed"]
    assert [row.stack for row in rows] == 7 * ["one", "other"]
    assert len(list((tmp_path / "ray").glob("*/*.png"))) == 12
    for path in (tmp_path / "one").rglob("*"):
        if path.name.endswith((".png", ".face.safetensors")):
            place = path.relative_to(tmp_path / "one")
            assert (tmp_path / "ray" / place).read_bytes() == path.read_bytes(), place
    one, ray = (
        pandas.read_parquet(tmp_path / name / "table.parquet").drop(columns="seconds") for name in ("one", "ray")
    )
    assert len(ray) == 14
    assert one.to_json() == ray.to_json()


def test_a_search_draws_the_same_options_and_learns_nothing_twice(cluster, config, model_set, tmp_path):
    models = partial(crew_kit.open_noted, model_set, tmp_path)
    search = {"locality_weight": eclipsed.Span(0.01, 0.5, log=True), "space": ["W", "W+"]}
    given = {"trials": 4, "config": config.replace(steps=4), "faces": FACES, "workers": 2, "cpus": 0.6}
    rows = eclipsed.tune(models, "blond hair", tmp_path / "out", search, ray=cluster.address, **given)
    done = [row for row in rows if row.outcome == "trained"]
    assert {row.outcome for row in rows} <= {"trained", "stopped"}
    assert len(rows) == 4
    assert [row.rank for row in rows] == [*range(1, len(done) + 1), *(0 for _ in rows[len(done) :])]
    assert len(done) >= 1
    assert set(held(tmp_path / "out")) == {row.file for row in done}
    assert all(row.says.startswith("stopped after step ") for row in rows[len(done) :])
    drawn = {(row.options["locality_weight"], row.options.get("space", "W+")) for row in rows}
    assert all(0.01 <= weight <= 0.5 and space in ("W", "W+") for weight, space in drawn)
    assert len({weight for weight, _ in drawn}) == 4
    again = eclipsed.tune(models, "blond hair", tmp_path / "out", search, ray=cluster.address, **given)
    assert {(row.options["locality_weight"], row.options.get("space", "W+")) for row in again} == drawn
    kept = {row.digest for row in again if row.outcome == "done before"}
    assert {row.digest for row in done} <= kept
