"""The share of a GPU from memory that was measured, with a memory that tells what the test wants."""

import contextlib
import pickle

import pytest

import eclipsed
from eclipsed.commands import cli
from eclipsed.compute import crew_ray, gpu_share
from eclipsed.compute.crew_processes import Here
from eclipsed.compute.gpu_share import Taken, share_of
from eclipsed.errors import InputError
from eclipsed.evaluation import many_share
from eclipsed.evaluation.many_job import ManyJob
from eclipsed.evaluation.many_wanted import Wanted

GB = 1 << 30
FACES = (1, 2)


@pytest.mark.parametrize(
    ("peak", "total", "share"),
    [
        (4 * GB, 80 * GB, 0.0833),  # thirteen would fit, twelve are enough
        (8 * GB, 80 * GB, 0.1428),  # 80 / (10 + 0.75) = 7.4: seven, and seven of 0.1428 are below 1
        (20 * GB, 80 * GB, 0.3333),
        (39 * GB, 80 * GB, 1.0),  # with the margin two do not fit
        (79 * GB, 80 * GB, 1.0),
        (300 * GB, 80 * GB, 1.0),  # never above
        (0, 80 * GB, 0.0833),
    ],
)
def test_the_share_leaves_a_margin_and_is_never_above_one(peak, total, share):
    found = share_of(Taken(peak, total))
    assert found == share
    assert 0 < found <= 1
    many = int(1 / found + 1e-9)
    assert many == 1 or many * (peak * 1.25 + 0.75 * GB) <= total


class Told:
    """Memory that grows with each training that is looked at."""

    begun = 0

    def begin(self):
        Told.begun += 1

    def taken(self):
        return Taken(20 * GB, 80 * GB)


@pytest.fixture
def wanted(quick):
    configs = quick.replace(steps=40, start="small", start_faces=None)
    return [Wanted("", None, configs.replace(batch=2)), Wanted("blond hair", None, configs.replace(batch=1))]


def test_two_steps_of_the_first_training_that_can_be_done_are_measured(editor, wanted, tmp_path, monkeypatch):
    monkeypatch.setattr(Told, "begun", 0)
    done, work_at = [], many_share.work_at

    def noted(job):
        def work(one, turn):
            row = work_at(job)(one, turn)
            done.append((one.prompt, one.config.steps, row.outcome))
            return row

        return work

    monkeypatch.setattr(many_share, "work_at", noted)
    job = ManyJob(tmp_path / "out", (editor,), FACES)
    assert many_share.measured_share(job, wanted, crew=eclipsed.Crew(), memory=Told) == 0.3333
    assert done == [("", 2, "failed"), ("blond hair", 2, "trained")]
    assert Told.begun == 1
    assert not (tmp_path / "out").exists()
    assert many_share.measured_share(job, wanted[:1], crew=eclipsed.Crew(), memory=Told) == 1.0


def test_the_measured_share_is_what_ray_sets_aside(editor, quick, tmp_path, monkeypatch):
    """On a cluster of GPUs one worker with a whole one measures, and the others get their share; without GPUs none."""
    asked = []

    @contextlib.contextmanager
    def place(make, **shares):
        asked.append((shares["workers"], shares["gpus"]))
        yield lambda: Here(pickle.loads(pickle.dumps(make)), shares["threads"]), 1

    monkeypatch.setattr(crew_ray, "ray_place", place)
    monkeypatch.setattr(crew_ray, "connected", contextlib.nullcontext)
    monkeypatch.setattr(gpu_share, "CudaMemory", Told)
    config = quick.replace(steps=2, start="small", start_faces=None)
    given = {"configs": config, "faces": FACES, "ray": "auto", "gpus": "auto"}
    for count, wanted in ((2.0, [(1, 1.0), (None, 0.3333)]), (0.0, [(None, 0.0)])):
        asked.clear()
        monkeypatch.setattr(crew_ray, "gpus_there", lambda count=count: count)
        (row,) = eclipsed.train_many(editor, "blond hair", tmp_path / str(count), **given)
        assert row.outcome == "trained"
        assert asked == wanted


def test_what_auto_cannot_mean_is_one_sentence(editor, tmp_path, capsys):
    with pytest.raises(InputError) as caught:
        eclipsed.train_many(editor, "blond hair", tmp_path, gpus="auto")
    assert str(caught.value) == 'gpus="auto" is measured on a Ray cluster; give ray, too'
    with pytest.raises(InputError, match=r"gpus must be a number from 0 to 64"):
        eclipsed.train_many(editor, "blond hair", tmp_path, ray="auto", gpus="many")
    words = ["train", "--file", "none.txt", "--out", str(tmp_path), "--ray", "auto"]
    assert cli.run([*words, "--gpus", "half"]) == 1
    assert capsys.readouterr().err == "error: --gpus takes a number such as 0.25, or auto; got 'half'\n"
    assert cli.run(["train", "blond hair", "--gpus", "auto"]) == 1
    assert capsys.readouterr().err == "error: --gpus has no meaning without --file; leave it out\n"
