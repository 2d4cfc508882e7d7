"""``--mask FILE`` of train, edit and evaluate: the same as in Python, and one sentence where it is no mask."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from eclipsed.commands import cli
from eclipsed.errors import InputError
from eclipsed.evaluation.evaluate import evaluate
from eclipsed.images.change import region_changes
from eclipsed.images.masks import painted
from eclipsed.latents.direction import Direction
from eclipsed.values.mask import Mask

QUICK = ["--steps", "2", "--batch", "2", "--layers", "all", "--set", "calibrate=false", "--set", "start_faces=64"]


def box(side=32, top=4, left=6, height=16, width=14):
    numbers = np.zeros((side, side), bool)
    numbers[top : top + height, left : left + width] = True
    return numbers


@pytest.fixture
def mask(tmp_path):
    Image.fromarray(box().astype(np.uint8) * 255).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.fixture
def at(model_set):
    return ["--models", str(model_set), "--device", "cpu"]


def refused(capsys, *words):
    assert cli.run([str(word) for word in words]) != 0
    return capsys.readouterr().err


def test_train_edit_and_evaluate(editor, at, mask, tmp_path, capsys):
    place = tmp_path / "d.safetensors"
    cli.run(["train", "a person with blond hair", "--mask", str(mask), "--out", str(place), *QUICK, *at, "--json"])
    out = capsys.readouterr()
    assert "-> a mask" in out.err
    assert json.loads(out.out)["region"]["mask"] == Mask(box()).to_json()
    direction = Direction.load(place)
    assert direction.region.mask == Mask(box())
    words = ["edit", place, "--seeds", "1", "--blend", "pixels", "--mask", mask, "--out", tmp_path / "faces", *at]
    cli.run([str(word) for word in words])
    capsys.readouterr()
    before, after = (
        np.asarray(Image.open(path)) for path in sorted((tmp_path / "faces").iterdir(), key=lambda p: len(p.name))
    )
    assert np.array_equal(before[~box()], after[~box()])
    assert (before != after).any()
    cli.run([str(w) for w in ("evaluate", place, "--seeds", "1-2", "--alphas", "1", "--mask", mask, *at, "--json")])
    found = json.loads(capsys.readouterr().out)
    assert found["strengths"][0]["inside"]["mean"] >= 0


def test_figures_are_those_of_the_region_that_is_named(editor, direction):
    faces = editor.sample(seeds=[1, 2])
    after = editor.edit(faces, direction)
    for region in (Mask(box()), box(), torch.from_numpy(box())):
        found = evaluate(editor, direction, seeds=[1, 2], alphas=[1.0], region=region, extras=()).strengths[0]
        old, new = (one.images.clamp(-1, 1) for one in (faces, after))
        inside, outside = region_changes(old, new, painted(Mask(box()), faces.images))
        assert found.inside.mean == pytest.approx(float(inside.mean()), rel=1e-5)
        assert found.outside.mean == pytest.approx(float(outside.mean()), rel=1e-5)
    own, named = (
        evaluate(editor, direction, seeds=[1, 2], alphas=[1.0], region=region, extras=()).strengths[0].inside.mean
        for region in (None, direction.region.parts)
    )
    assert own == named
    with pytest.raises(InputError, match="give one mask for all faces, or one for each of the 2; got 3 masks"):
        evaluate(editor, direction, seeds=[1, 2], region=np.stack([box(), box(top=9), box()]), extras=())


def test_figures_within_a_mask_of_each_face(editor, direction):
    masks = [box(), box(top=9)]

    def figures(seeds, region):
        found = evaluate(editor, direction, seeds=seeds, alphas=[1.0], region=region, extras=()).strengths[0]
        return torch.tensor([found.inside.mean, found.outside.mean], dtype=torch.float64)

    apart = torch.stack([figures([seed], one) for seed, one in zip((1, 2), masks, strict=True)])
    together = figures([1, 2], np.stack(masks))
    assert torch.allclose(together, apart.mean(dim=0), rtol=1e-4)
    assert not torch.allclose(together, figures([1, 2], masks[0]), rtol=1e-3)
    several = range(1, 11)  # more than are drawn at once
    many = figures(several, np.stack([masks[seed % 2] for seed in several]))
    odd, even = (figures([s for s in several if s % 2 == one], masks[one]) for one in (1, 0))
    assert torch.allclose(many, (odd + even) / 2, rtol=1e-4)


def test_one_sentence_each(at, mask, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(photo)
    prompt, out = "a person with blond hair", ["--out", tmp_path / "d.safetensors"]
    both = refused(capsys, "train", prompt, "--mask", mask, "--region", "hair", *out, *at)
    assert "give either --region or --mask" in both
    assert "as in a photograph" in refused(capsys, "train", prompt, "--mask", photo, *out, *at)
    assert "there is no mask" in refused(capsys, "train", prompt, "--mask", tmp_path / "gone.png", *out, *at)
    alone = refused(capsys, "edit", "blond-hair", "--seeds", "1", "--mask", mask, "--out", tmp_path / "x", *at)
    assert "--mask holds a blended edit: add --blend features or --blend pixels, and no --stack" in alone
    suite = refused(capsys, "evaluate", "--suite", "standard", "--mask", mask, *at)
    assert "--mask has no meaning with --suite standard; leave it out" in suite
