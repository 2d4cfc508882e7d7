"""The editor's door for directions that no sentence trained."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from eclipsed.directions.margins import class_margin, contrast_margin
from eclipsed.errors import DirectionError, InputError
from eclipsed.latents.direction import Direction
from eclipsed.latents.spaces import make_space
from eclipsed.prompts.region import Region
from eclipsed.prompts.target import Target


@dataclass
class Lighter:
    """A finder that takes no more than a delta."""

    editor: object
    prompt: str | None = None
    method = "by hand"

    def find(self):
        generator = self.editor.generator
        delta = torch.zeros(generator.num_ws, generator.w_dim)
        delta[:, 0] = 2.0
        region = Region.from_parts(["hair"])
        return Direction.of(generator, delta, method="to be replaced", region=region, prompt=self.prompt)


def light(images):
    return 10 * images.mean(dim=(1, 2, 3))


def test_what_a_finder_finds_is_calibrated_and_says_how_it_was_made(editor, tmp_path):
    found = editor.find(Lighter(editor), margin=light, count=6)
    assert (found.method, found.prompt, found.title, found.name) == ("by hand", None, "by-hand", "by-hand")
    assert found.scale != 1.0
    assert found.alpha_range[1] >= 1.0
    assert {"margin_gain", "margin_success", "localization", "weak"} < set(found.scores)
    again = Direction.load(found.save(tmp_path / "d.safetensors"))
    assert again.metadata() == found.metadata()
    assert (again.method, again.prompt, again.clip) == ("by hand", None, "")
    edited = editor.edit(editor.sample(seeds=[1]), again)
    assert edited.edits[0].prompt == "by-hand"


def test_clip_judges_a_direction_with_a_prompt_and_is_noted(editor):
    found = editor.find(Lighter(editor, "a person with blond hair"), count=6)
    assert found.clip == editor.clip.name
    assert "clip_gain" in found.scores
    assert found.name == "blond-hair"


def test_what_cannot_be_judged_is_said(editor):
    with pytest.raises(InputError, match=r"'by-hand' has no prompt that CLIP could judge; give a margin"):
        editor.find(Lighter(editor))
    with pytest.raises(InputError, match="this model set has no classifier"):
        editor.find(Lighter(editor), margin="glasses=clear")
    with pytest.raises(InputError, match="a margin is a function of pictures, or a target; got 3"):
        editor.calibrate(Lighter(editor).find(), margin=3)

    @dataclass
    class Wrong:
        method = "wrong"

        def find(self):
            return torch.zeros(3)

    with pytest.raises(InputError, match=r"a finder gives a Direction, see Direction.of; got Tensor"):
        editor.find(Wrong(), margin=light)


def test_the_margin_of_a_classifier_is_the_log_odds_of_its_target():
    class Judge:
        attributes: ClassVar = {"glasses": ("no", "clear", "dark")}

        def probabilities(self, images):
            return {"glasses": torch.tensor([[0.5, 0.25, 0.25], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0]])}

    margin = class_margin(Judge(), Target("glasses", ("clear", "dark")))
    found = margin(torch.zeros(3, 3, 8, 8))
    assert found[:2].tolist() == pytest.approx([0.0, torch.log(torch.tensor(1 / 9)).item()], abs=1e-4)
    assert bool(found.isfinite().all())
    with pytest.raises(InputError, match="glasses has no class 'red'"):
        class_margin(Judge(), Target("glasses", ("red",)))


def test_contrast_margin_by_hand():
    texts = torch.eye(3)
    images = torch.tensor([[0.8, 0.6, 0.0], [0.0, 0.6, 0.8]])
    assert contrast_margin(images, texts, temperature=10.0).tolist() == pytest.approx([2.0, -8.0])
    with pytest.raises(InputError, match="at least one other caption"):
        contrast_margin(images, texts[:1], temperature=10.0)


@pytest.mark.parametrize("space", ["W", "W+", "S"])
def test_a_direction_of_a_delta(editor, space):
    place = make_space(space, editor.generator, layers=[2, 3])
    delta = torch.ones(*place.shape)
    made = Direction.of(
        editor.generator, delta, method="m", space=space, layers=[2, 3], region=Region.from_parts(["hair"])
    )
    assert made.layers == (2, 3)
    assert made.space_of(editor.generator).shape == place.shape
    assert len(made) == 1
    assert torch.equal(made.deltas[0], place.keep(delta))
    assert len(Direction.of(editor.generator, delta[None].repeat(3, *[1] * delta.ndim), method="m", space=space,
                            layers=[2, 3], region=Region.from_parts(["hair"]))) == 3  # fmt: skip


def test_a_delta_of_another_shape_is_refused(editor):
    with pytest.raises(DirectionError, match=r"a delta of the space W\+ of .* has the shape \(8, 16\); got \(3, 16\)"):
        Direction.of(editor.generator, torch.zeros(3, 16), method="m", region=Region.from_parts(["hair"]))
