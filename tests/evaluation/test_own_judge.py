"""Judges of one's own: what they learn from pictures, how they are measured and kept, and what is refused."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from emblems import CLASSES, folder
from PIL import Image

from eclipsed.commands import cli
from eclipsed.errors import CheckpointError, EclipsedWarning, InputError, MissingModelError, TrainingError
from eclipsed.evaluation.classifying import classify, score_judge
from eclipsed.evaluation.judge_config import JudgeConfig
from eclipsed.evaluation.judge_training import train_judge
from eclipsed.files import header
from eclipsed.files.kinds import CLASSIFIER
from eclipsed.pretrained.classifier import Classifier

SHORT = JudgeConfig(frozen_epochs=1, epochs=2, batch=8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two classes of pictures, one rarer than the other."""
    place = tmp_path_factory.mktemp("pictures") / "emblem"
    folder(place, 12, seed=1, classes=("cross", "ring"))
    for path in sorted((place / "ring").iterdir())[7:]:
        path.unlink()
    return place


@pytest.fixture(scope="module")
def judge(pictures):
    return train_judge(pictures, config=SHORT, device="cpu")


@pytest.fixture(scope="module")
def file(judge, tmp_path_factory):
    return judge.save(tmp_path_factory.mktemp("judges") / "judge.safetensors")


@pytest.fixture
def copy(pictures, tmp_path):
    return Path(shutil.copytree(pictures, tmp_path / "emblem"))


def weights(judge):
    return judge.classifier.network.state_dict()


def alike(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.slow
def test_a_trunk_that_has_learned_to_see_beats_none_with_fifty_pictures_a_class(tmp_path):
    """The same pictures, four passes over them, the same changes; judged on others. The trunk has seen faces only."""
    learn, unseen = folder(tmp_path / "learn", 50, seed=1), folder(tmp_path / "unseen", 40, seed=2)
    found = {}
    for backbone in ("mini", "scratch"):
        config = JudgeConfig(backbone=backbone, frozen_epochs=1, epochs=3, patience=3)
        found[backbone] = train_judge(learn, config=config, held_out=unseen, device="cpu").scores
    assert found["mini"].count == found["scratch"].count == 200
    assert found["mini"].classes == tuple(sorted(CLASSES))
    assert found["mini"].macro.f1 > found["scratch"].macro.f1 + 0.1
    assert found["mini"].accuracy > 0.6


def test_the_file_is_a_classifier(judge, file):
    read = Classifier.from_file(file, device="cpu")
    assert read.attributes == {"emblem": ("cross", "ring")}
    assert read.backbone == "mini"
    assert alike(weights(judge), read.network.state_dict())
    images = torch.rand(3, 3, 40, 30) * 2 - 1
    assert torch.equal(judge.classifier.probabilities(images)["emblem"], read.probabilities(images)["emblem"])
    learned = header.read_data(file, CLASSIFIER)["learned"]
    assert learned["scores"] == judge.scores.to_json()
    assert JudgeConfig.from_json(learned["config"]) == SHORT
    assert learned["pictures"] == {"cross": 8, "ring": 5}  # two of each class less, and one
    assert (learned["epochs"], learned["best_epoch"]) == (3, judge.best_epoch)


def test_the_pictures_are_parted_class_by_class(judge):
    assert [sum(row) for row in judge.scores.confusion] == [2, 1]


def test_the_same_seed_gives_the_same_judge_and_leaves_torchs_generator_alone(pictures, judge):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    again = train_judge(pictures, config=SHORT, device="cpu")
    assert torch.equal(torch.rand(3), expected)
    assert alike(weights(judge), weights(again))


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_killed_training_goes_on_as_if_it_had_not_been(pictures, judge, tmp_path, epoch):
    state, done = tmp_path / "run.safetensors", []

    def kill(step):
        if step.phase != "read":
            done.append(step)
            if len(done) == epoch:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_judge(pictures, config=SHORT, device="cpu", state=state, callback=kill)
    steps = []
    resumed = train_judge(pictures, config=SHORT, device="cpu", resume=state, callback=steps.append)
    assert [step.step for step in steps if step.phase != "read"] == [1, 2][epoch - 1 :]
    assert alike(weights(judge), weights(resumed))
    assert resumed.best_epoch == judge.best_epoch
    finished = train_judge(pictures, config=SHORT, device="cpu", resume=state)
    assert alike(weights(judge), weights(finished))


def test_another_training_is_not_resumed(pictures, copy, file, tmp_path):
    state = tmp_path / "run.safetensors"
    train_judge(pictures, config=SHORT, device="cpu", state=state)
    other = JudgeConfig(frozen_epochs=1, epochs=2, batch=4)
    with pytest.raises(InputError) as caught:
        train_judge(pictures, config=other, device="cpu", resume=state)
    assert str(caught.value) == (
        "the saved training has the option batch 8; asked for is 4: resume it as it was, or start anew"
    )
    next((copy / "cross").iterdir()).unlink()
    with pytest.raises(InputError, match=r"^the saved training has the pictures '[0-9a-f]{12}'; asked for is '"):
        train_judge(copy, config=SHORT, device="cpu", resume=state)
    with pytest.raises(InputError, match="holds no saved training of a judge but 'classifier'; give what `eclipsed"):
        train_judge(pictures, config=SHORT, device="cpu", resume=file)
    with pytest.raises(
        MissingModelError, match=r"there is no saved training of a judge .*; start one without resuming"
    ):
        train_judge(pictures, config=SHORT, device="cpu", resume=tmp_path / "none")


def test_only_the_last_layer_moves_while_the_trunk_is_frozen(pictures, tmp_path):
    state = tmp_path / "run.safetensors"

    def stop(step):
        if step.phase == "frozen" and step.step == 2:
            raise KeyboardInterrupt

    config = JudgeConfig(frozen_epochs=3, epochs=1, batch=8)
    with pytest.raises(KeyboardInterrupt):
        train_judge(pictures, config=config, device="cpu", state=state, callback=stop)
    from eclipsed.evaluation.judge_state import JudgeState
    from eclipsed.pretrained.trunks import begin

    start = begin("mini", [2], seed=0).state_dict()
    saved = JudgeState.load(state, like=start).network
    moved = {name for name, value in saved.items() if not torch.equal(value, start[name])}
    assert moved == {"last.weight", "last.bias"}


def test_training_stops_when_nothing_gets_better(pictures):
    config = JudgeConfig(frozen_epochs=0, epochs=40, patience=2, batch=8, learning_rate=1e-8, trunk_rate=0, light=0)
    steps = []
    judge = train_judge(pictures, config=config, device="cpu", callback=steps.append)
    losses = [step.validation_loss for step in steps if step.phase == "fine"]
    assert len(losses) == judge.epochs < 40
    assert judge.best_epoch == losses.index(min(losses)) + 1 == judge.epochs - 2


def test_a_rare_class_counts_as_much_as_a_common_one(tmp_path):
    """Of 36 pictures that nothing tells apart 6 are of the other class; a judge that counts pictures would say 0.17."""
    place = folder(tmp_path / "emblem", 36, seed=1, classes=("cross",))
    (place / "other").mkdir()
    for path in sorted((place / "cross").iterdir())[30:]:
        path.rename(place / "other" / path.name)
    config = JudgeConfig(frozen_epochs=6, frozen_rate=1e-3, epochs=1, learning_rate=1e-6, batch=16)
    judge = train_judge(place, config=config, device="cpu").classifier
    files = sorted(folder(tmp_path / "unseen", 24, seed=2, classes=("cross",)).rglob("*.png"))
    shares = [found["emblem"]["other"] for found in classify(judge, files)]
    assert 0.33 < sum(shares) / len(shares) < 0.67


def test_a_loss_that_is_no_number_ends_it(pictures, monkeypatch):
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", lambda logits, *_, **__: logits.sum() * math.nan)
    with pytest.raises(TrainingError) as caught:
        train_judge(pictures, config=SHORT, device="cpu")
    assert str(caught.value) == "the loss is no number after 1 epochs; lower learning_rate"


def test_pictures_are_classified_one_by_one(judge, pictures):
    files = sorted(pictures.rglob("*.png"))
    together, alone = classify(judge.classifier, files), classify(judge.classifier, [Image.open(files[3])])
    assert list(together[3]["emblem"]) == list(alone[0]["emblem"])
    assert together[3]["emblem"] == pytest.approx(alone[0]["emblem"], abs=1e-5)
    for found in together:
        assert sum(found["emblem"].values()) == pytest.approx(1)
        assert list(found["emblem"].values()) == sorted(found["emblem"].values(), reverse=True)
    with pytest.raises(InputError, match="is not there; check the path of the photo"):
        classify(judge.classifier, [pictures / "none.png"])


def test_a_judge_is_measured_on_other_pictures(judge, pictures, tmp_path):
    scores = score_judge(judge.classifier, pictures)
    right = sum(
        next(iter(found["emblem"])) == path.parent.name
        for path, found in ((path, classify(judge.classifier, [path])[0]) for path in sorted(pictures.rglob("*.png")))
    )
    assert (scores.count, scores.accuracy) == (19, right / 19)
    one = folder(tmp_path / "one", 1, seed=9, classes=("ring",))
    assert [sum(row) for row in score_judge(judge.classifier, one).confusion] == [0, 1]
    with pytest.raises(InputError) as caught:
        score_judge(judge.classifier, folder(tmp_path / "other", 1, seed=9, classes=("star",)))
    assert str(caught.value).endswith("has the class 'star', which the judge does not know; it knows cross, ring")
    with pytest.raises(InputError, match="unknown attribute 'hat'; the classifier knows emblem"):
        score_judge(judge.classifier, pictures, attribute="hat")
    two = Classifier({"a": ("no", "yes"), "b": ("no", "yes")})
    with pytest.raises(InputError, match="the classifier reads several attributes; name one of a, b"):
        score_judge(two, pictures)


def test_held_out_pictures_that_were_learned_from_do_not_count(pictures, copy):
    folder(copy, 14, seed=1, classes=("cross",))
    with pytest.warns(EclipsedWarning, match=r"^19 pictures held out are among those that are learned from, so they "):
        judge = train_judge(pictures, config=SHORT, held_out=copy, device="cpu")
    assert judge.scores.count == 2
    with pytest.raises(InputError, match="all held-out pictures are among those that are learned from; give others"):
        train_judge(pictures, config=SHORT, held_out=pictures, device="cpu")


def test_an_unknown_backbone_in_a_file_is_said(judge, tmp_path):
    data = {"attributes": {"emblem": ["cross", "ring"]}, "backbone": "alexnet"}
    path = header.write(tmp_path / "odd.safetensors", CLASSIFIER, data, weights(judge))
    with pytest.raises(CheckpointError) as caught:
        Classifier.from_file(path)
    known = "mini, scratch, resnet18, resnet50, efficientnet-b0, efficientnet-b1, efficientnet-b2, vit-b-16"
    assert str(caught.value) == (
        f"{path} has the backbone 'alexnet', which this eclipsed does not know; known: {known}"
    )


def test_options_are_checked():
    assert JudgeConfig.from_json(JudgeConfig(seed=3).to_json()) == JudgeConfig(seed=3)
    for options, said in (
        ({"backbone": "alexnet"}, "backbone must be one of mini, scratch, resnet18, "),
        ({"batch": 1}, "batch must be a whole number from 2 to 4096; got 1"),
        ({"held_out": 0.5}, "held_out must be a number from 0.01 to 0.45; got 0.5"),
    ):
        with pytest.raises(InputError) as caught:
            JudgeConfig(**options)
        assert str(caught.value).startswith(said)
    with pytest.raises(InputError, match="unknown option 'rate' of a judge; known: backbone, frozen_epochs, epochs,"):
        JudgeConfig.from_json({"rate": 1})


def test_from_the_terminal(pictures, file, tmp_path, capsys):
    out, matrix = tmp_path / "j.safetensors", tmp_path / "m.webp"
    words = ["--frozen-epochs", "1", "--epochs", "1", "--attribute", "sign", "--device", "cpu"]
    assert cli.run(["judge", "train", str(pictures), "--out", str(out), "--matrix", str(matrix), *words]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(out), str(matrix)]
    assert "sign: " in told.err
    assert "macro mean" in told.err
    assert Image.open(matrix).width > 200
    assert Classifier.from_file(out).attributes == {"sign": ("cross", "ring")}

    assert cli.run(["judge", "run", str(out), str(pictures / "ring"), "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert all(f"{pictures / 'ring'}" in line and ": sign " in line and line.endswith("%") for line in lines)

    assert cli.run(["judge", "score", str(file), str(pictures), "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["confusion"] == [
        list(row) for row in score_judge(Classifier.from_file(file), pictures).confusion
    ]
    assert cli.run(["judge", "train", str(pictures), "--out", "judge.bin"]) == 1
    assert capsys.readouterr().err == "error: a judge ends in .safetensors; got 'judge.bin'\n"
