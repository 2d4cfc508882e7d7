"""The evaluation of a direction: its figures against plain computations, what it refuses, and the command."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from eclipsed.commands import cli
from eclipsed.editor import Editor
from eclipsed.errors import CheckpointError, InputError, MissingModelError
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.evaluation.judging import judge
from eclipsed.images import metrics
from eclipsed.latents.direction import Direction
from eclipsed.pretrained.callable_clip import CallableClip
from eclipsed.pretrained.classifier import Classifier
from eclipsed.prompts import reading
from eclipsed.prompts.target import Target
from eclipsed.store.sets import find_set, shipped_directions

SEEDS = tuple(range(2000, 2008))


@pytest.fixture(scope="module")
def mini():
    return Editor.from_pretrained("mini", device="cpu")


@pytest.fixture(scope="module")
def lipstick():
    return Direction.load(shipped_directions() / "red-lipstick.safetensors")


@pytest.fixture(scope="module")
def found(mini, lipstick):
    return evaluate(mini, lipstick, seeds=SEEDS, alphas=(1.0, 0.0, -1.0))


def test_no_strength_changes_nothing(found):
    nothing = found.strengths[1]
    assert nothing.alpha == 0.0
    assert (nothing.inside.mean, nothing.outside.mean, nothing.clip_gain.mean) == (0.0, 0.0, 0.0)
    assert (nothing.kept.mean, nothing.success.mean, nothing.ssim.mean) == (1.0, 0.0, pytest.approx(1.0))
    assert nothing.psnr.count == 0  # infinite for every face
    assert all(flip.mean == 0 for flip in nothing.flips.values() if flip.count)


@pytest.mark.parametrize(("scale", "all_rise"), [(1e6, False), (1e-6, True)])
def test_how_far_clip_may_waver_is_said_in_its_own_logits(editor, direction, scale, all_rise):
    """Cosines that rise and fall are no wavering where CLIP's scale makes nothing of them."""
    clip = CallableClip(
        editor.clip.encode_images, editor.clip.encode_text, name="scaled", size=32, logit_scale=scale, device="cpu"
    )
    scaled = Editor(editor.generator, editor.parser, clip, name="stub")
    alphas = (-4.0, -2.0, -1.0, 1.0, 2.0, 4.0, 8.0)
    assert (evaluate(scaled, direction, seeds=range(2000, 2008), alphas=alphas).monotone.mean == 1.0) is all_rise


def test_the_figures_are_those_of_the_edit(found, mini, lipstick):
    full = found.strengths[2]
    before = mini.sample(seeds=SEEDS)
    after = mini.edit(before, lipstick, 1.0)
    was, now = mini.classifier.labels(before.images), mini.classifier.labels(after.images)
    red = mini.classifier.attributes["lip_colour"].index("red")
    lacked = was["lip_colour"] != red
    assert full.success == metrics.share(now["lip_colour"][lacked] == red)
    assert full.success.mean > found.strengths[1].success.mean
    assert full.flips["skin"].mean == float((was["skin"] != now["skin"]).double().mean())
    assert "lip_colour" not in full.flips
    hat = mini.classifier.attributes["hat"].index("yes")
    hats = (was["hat"] == hat) & (now["hat"] == hat)
    assert full.flips["hat_colour"] == metrics.share((was["hat_colour"] != now["hat_colour"])[hats])
    kept = []
    for k in range(len(SEEDS)):
        seen = [n for n in full.flips if mini.classifier.seen(was)[n][k] and mini.classifier.seen(now)[n][k]]
        kept.append(sum(bool(was[n][k] == now[n][k]) for n in seen) / len(seen))
    assert full.kept.mean == pytest.approx(sum(kept) / len(kept))
    text = mini.clip.encode_text([lipstick.prompt])[0]
    gain = (mini.clip.encode_images(after.images) - mini.clip.encode_images(before.images)) @ text
    assert full.clip_gain.mean == pytest.approx(float(gain.mean()), abs=1e-5)
    mask = torch.maximum(*(mini.parser.mask(f.images, lipstick.region.parts) for f in (before, after)))
    far = 1 - torch.nn.functional.max_pool2d(mask, 27, 1, 13)  # 5 % of 256 px is 13 px to each side
    change = (after.images.clamp(-1, 1) - before.images.clamp(-1, 1)).abs().mean(dim=1, keepdim=True)
    outside = (change * far).sum(dim=(1, 2, 3)) / far.sum(dim=(1, 2, 3))
    assert full.outside.mean == pytest.approx(float(outside.mean()), rel=1e-4)
    assert full.inside.mean > 3 * full.outside.mean
    assert full.clip_rank.mean >= 1
    assert found.strengths[0].clip_gain.mean < 0 < full.clip_gain.mean  # the other way round at -1


def test_it_is_plain_json_and_repeats(found, mini, lipstick):
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["target"] == {"attribute": "lip_colour", "classes": ["red"]}
    assert [one["alpha"] for one in data["strengths"]] == [-1.0, 0.0, 1.0]
    assert data["seconds_per_edit"] > 0
    again = evaluate(mini, lipstick, seeds=SEEDS, alphas=(-1.0, 0.0, 1.0))
    assert again.strengths == found.strengths


def test_a_set_without_a_classifier(editor, direction):
    found = evaluate(editor, direction, seeds=(1, 2), alphas=(1.0,))
    assert found.strengths[0].success is None
    assert found.strengths[0].kept is None
    assert math.isfinite(found.strengths[0].clip_gain.mean)
    assert "no classifier" in found.notes[0]
    with pytest.raises(InputError, match="no classifier"):
        evaluate(editor, direction, seeds=(1, 2), target="hair_colour=blond")


def test_the_sentence_is_read_once(mini, lipstick, monkeypatch):
    asked = []
    bind = reading.bind
    monkeypatch.setattr(reading, "bind", lambda prompt, world: asked.append(prompt) or bind(prompt, world))
    evaluate(mini, lipstick, seeds=(1, 2), alphas=(1.0,))
    assert asked == [lipstick.prompt]


@pytest.mark.parametrize("seeds", [(1_000_000_001,), (900_000_000,), (1, 7)])
def test_seeds_that_were_trained_on_are_refused(mini, lipstick, seeds):
    trained = replace(lipstick, config={**lipstick.config, "seeds": [7]})
    with pytest.raises(InputError, match="training never saw"):
        evaluate(mini, trained, seeds=seeds)


def test_a_prompt_that_names_no_attribute(mini, lipstick):
    found = evaluate(mini, replace(lipstick, prompt="a landscape"), seeds=(1, 2), alphas=(1.0,))
    assert found.target is None
    assert found.strengths[0].success is None
    assert len(found.strengths[0].flips) == len(mini.classifier.attributes)


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("a person with blond hair", "hair_colour=blond"),
        ("CURLY HAIR", "hair_texture=curly"),
        ("a person with the mouth open", "mouth_open=open"),
        ("a person with glasses", "glasses=clear,sunglasses"),
        ("a person without glasses", "glasses=no"),
        ("sunglasses", "glasses=sunglasses"),
        ("red lipstick", "lip_colour=red"),
        ("dark skin", "skin=dark"),
        ("a smiling woman", "smile=smile"),
        ("a man with a beard", "beard=yes"),
        ("green eyes", "eye_colour=green"),
        ("thick eyebrows", "brows=thick"),
        ("an old person", "age=old"),
        ("a man", "gender=man"),
        ("a landscape", None),
    ],
)
def test_what_a_prompt_aims_at(mini, prompt, wanted):
    known = mini.classifier.attributes
    assert Target.of_prompt(prompt, known) == (None if wanted is None else Target.parse(wanted, known))


@pytest.mark.parametrize("text", ["", "hair", "hair_colour", "hair_colour=straw", "hair_colour=blond,straw"])
def test_bad_targets(mini, text):
    with pytest.raises(InputError):
        Target.parse(text, mini.classifier.attributes)


def test_judging_any_pair_of_faces(found, mini, lipstick):
    before = mini.sample(seeds=SEEDS)
    after = mini.edit(before, lipstick, 1.0)
    target = Target("lip_colour", ("red",))
    values = judge(mini, before, after, prompt=lipstick.prompt, parts=lipstick.region.parts, target=target)
    full = found.strengths[2]
    for name in ("clip_gain", "inside", "outside", "kept"):
        assert metrics.bootstrap(values[name]) == getattr(full, name)
    assert metrics.share(values["success"][values["success"].isfinite()] > 0.5) == full.success
    assert values["flip skin"].shape == (len(SEEDS),)
    with pytest.raises(InputError, match="as many faces"):
        judge(mini, before, after[:2], prompt="x", parts=("hair",))


# --- what can be seen


LOOKS = {"bald": ("hair", "bald"), "hat": ("no", "yes"), "bun": ("no", "yes"), "pin": ("no", "yes")}
NEEDS = {"bun": {"bald": ("hair",), "hat": ("no",)}, "pin": {"bun": ("yes",)}}


def test_what_is_required_must_itself_be_seen():
    labels = {name: torch.tensor(values) for name, values in {
        "bald": [0, 1, 0, 0], "hat": [0, 0, 1, 0], "bun": [1, 1, 1, 0], "pin": [1, 1, 1, 1],
    }.items()}  # fmt: skip
    seen = Classifier(LOOKS, NEEDS).seen(labels)
    assert seen["bald"].tolist() == seen["hat"].tolist() == [True] * 4
    assert seen["bun"].tolist() == [True, False, False, True]
    assert seen["pin"].tolist() == [True, False, False, False]
    assert all(bool(one.all()) for one in Classifier(LOOKS).seen(labels).values())


@pytest.mark.parametrize(
    ("requires", "words"),
    [
        ({"bow": {"hat": ("no",)}}, "unknown attribute 'bow'"),
        ({"bun": {"bow": ("no",)}}, "unknown attribute 'bow'"),
        ({"bun": {"hat": ("none",)}}, "which has no, yes; got"),
        ({"bun": {"hat": ()}}, "which has no, yes; got"),
        ({"bun": {"pin": ("no",)}, "pin": {"bun": ("no",)}}, "circle: bun → pin → bun"),
    ],
)
def test_what_cannot_be_required(requires, words):
    with pytest.raises(InputError, match=words):
        Classifier(LOOKS, requires)


def test_what_does_not_apply_is_no_flip(mini):
    """A hat put on bald and other heads: colours of hats count for nobody, colours of hair for those with hair."""
    before = mini.sample(seeds=SEEDS)
    labels = {name: torch.zeros(len(SEEDS), dtype=torch.long) for name in mini.classifier.attributes}
    after = {name: value.clone() for name, value in labels.items()}
    labels["bald"][:3] = after["bald"][:3] = 1
    after["hat"][:] = after["hat_colour"][:] = after["hair_colour"][:] = 1
    looks = iter((labels, after))
    editor = _Seeing(mini, lambda images: next(looks))
    values = judge(editor, before, before, prompt="a hat", parts=("hat",), target=Target("hat", ("yes",)))
    assert bool(values["flip hat_colour"].isnan().all())
    assert values["flip hair_colour"].isnan().tolist() == [True] * 3 + [False] * 5
    assert values["flip hair_colour"][3:].tolist() == [1.0] * 5
    assert values["success"].tolist() == [1.0] * 8
    looks = iter((labels, after))
    values = judge(editor, before, before, prompt="x", parts=("hat",), target=Target("hair_colour", ("brown",)))
    assert values["success"].isnan().tolist() == [True] * 3 + [False] * 5  # the bald cannot turn brown


class _Seeing:
    """An editor whose classifier sees what it is told to."""

    def __init__(self, editor, labels):
        self.clip, self.parser, self.generator = editor.clip, editor.parser, editor.generator
        self.classifier = Classifier(editor.classifier.attributes, editor.classifier.requires)
        self.classifier.labels = labels


# --- the classifier's file


def test_the_classifier_sees_pictures_of_any_size(mini):
    faces = mini.sample(seeds=SEEDS)
    large = torch.nn.functional.interpolate(faces.images, scale_factor=2, mode="bilinear")
    small, big = mini.classifier.labels(faces.images), mini.classifier.labels(large)
    agree = torch.stack([(small[name] == big[name]).float().mean() for name in small]).mean()
    assert float(agree) > 0.95
    for probability in mini.classifier.probabilities(faces.images).values():
        assert torch.allclose(probability.sum(dim=1), torch.ones(len(SEEDS)))


def test_bad_classifier_files(tmp_path):
    path = find_set("mini").classifier
    tensors = load_file(path)
    with pytest.raises(MissingModelError, match="does not exist"):
        Classifier.from_file(tmp_path / "none.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        Classifier.from_file(cut)
    plain = {"kind": "classifier", "version": 1, "attributes": {"a": ["one", "two"]}}
    headers = [
        (None, "holds no classifier"),
        ({"kind": "parser"}, "holds no classifier but 'parser'"),
        ({"kind": "classifier", "version": 2}, "format 2"),
        ({"kind": "classifier", "version": 1, "attributes": {"a": ["one"]}}, "which attributes"),
        (plain, "head.4.weight has the shape .*; expected .2, 320."),
        ({**plain, "requires": []}, "requires must"),
        ({**plain, "requires": {"b": {"a": ["one"]}}}, "unknown attribute 'b'"),
    ]
    for header, words in headers:
        file = tmp_path / "other.safetensors"
        save_file(tensors, file, metadata=None if header is None else {"eclipsed": json.dumps(header)})
        with pytest.raises(CheckpointError, match=words):
            Classifier.from_file(file)


@pytest.mark.parametrize("prefix", ["", "module.", "net.classifier."])
@pytest.mark.parametrize("way", [(), ("state_dict",), ("checkpoint", "g_ema")])
def test_a_classifier_as_pytorch_keeps_it(tmp_path, prefix, way):
    path = find_set("mini").classifier
    ours = Classifier.from_file(path, device="cpu")
    content = {prefix + key: value for key, value in load_file(path).items() if not key.endswith("num_batches_tracked")}
    for key in reversed(way):
        content = {key: content}
    file = tmp_path / "classifier.pt"
    torch.save({**content, "attributes": ours.attributes, "requires": ours.requires, "epoch": 3}, file)
    theirs = Classifier.from_file(file, device="cpu")
    assert (theirs.attributes, theirs.requires) == (ours.attributes, ours.requires)
    images = torch.rand(2, 3, 128, 128, generator=torch.manual_seed(0)) * 2 - 1
    for name, values in theirs.probabilities(images).items():
        assert torch.equal(values, ours.probabilities(images)[name])


def test_a_classifier_as_pytorch_keeps_it_that_does_not_say_enough(tmp_path):
    file = tmp_path / "classifier.pt"
    torch.save({"state_dict": load_file(find_set("mini").classifier)}, file)
    with pytest.raises(CheckpointError) as caught:
        Classifier.from_file(file)
    assert str(caught.value) == (
        f"{file} does not say which attributes it reads; expected attributes beside its weights, a list of two or more"
        " classes for each name"
    )
    torch.save({"attributes": {"hat": ["no", "yes"]}, "w": torch.zeros(3)}, file)
    with pytest.raises(CheckpointError, match=r"is not a classifier: "):
        Classifier.from_file(file)


# --- the command


@pytest.mark.slow
def test_the_command(capsys, tmp_path):
    sheet = tmp_path / "sheet.png"
    arguments = ["evaluate", "glasses", "--seeds", "2000-2003", "--alphas=-1,1", "--out", str(sheet)]
    assert cli.run([*arguments, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [one["alpha"] for one in data["strengths"]] == [-1.0, 1.0]
    assert data["target"]["attribute"] == "glasses"
    assert data["file_size"] > 1000
    assert sheet.stat().st_size > 1000
    assert cli.run(arguments) == 0
    text = capsys.readouterr().out
    assert "success" in text
    assert "flips most at +1" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "nothing"], "no direction file"),
        (["evaluate", "glasses", "--seeds", "1000000001"], "training never saw"),
        (["evaluate", "glasses", "--seeds", "1", "--attribute", "hats=yes"], "unknown attribute 'hats'"),
        (["evaluate", "glasses", "--seeds", "1", "--alphas", "nan"], "finite numbers"),
        (["evaluate", "glasses", "--seeds", "1", "--out", "sheet.xyz"], "picture format"),
    ],
)
def test_the_command_refuses(capsys, arguments, words):
    assert cli.run(arguments) == 1
    assert words in capsys.readouterr().err
