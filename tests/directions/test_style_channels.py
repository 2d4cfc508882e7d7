"""Directions of single style channels, by number and from examples."""

import pytest
import torch

from eclipsed.directions.style_channels import StyleChannels, channels_of_examples, parse_channels
from eclipsed.editing import faces as editing
from eclipsed.errors import InputError
from eclipsed.latents.latent import Latent
from eclipsed.latents.w_statistics import WStatistics
from eclipsed.prompts.region import Region


@pytest.fixture(scope="module")
def generator(editor):
    return editor.generator


def test_channels_are_named_as_stylespace_numbers_them():
    assert parse_channels("s:12.479") == {(12, 479): 1.0}
    assert parse_channels("s:12.479, 12.266=-0.5,s:5.9=+2") == {(12, 479): 1.0, (12, 266): -0.5, (5, 9): 2.0}
    for wrong in ("", "s:12", "12,479", "s:a.b", "s:1.2;3.4", "s:1.2=x", "s:-1.2"):
        with pytest.raises(InputError, match=r"style channels are named by layer and channel, such as s:12.479 or"):
            parse_channels(wrong)
    with pytest.raises(InputError, match=r"the style channel s:1.2 is named twice"):
        parse_channels("s:1.2,1.2=3")


def test_each_channel_moves_by_its_weight_in_standard_deviations(generator, editor):
    found = StyleChannels(generator=generator, channels="s:2.3,2.5=-2,4.1=0.5").find()
    names = (generator.layers[2].name, generator.layers[4].name)
    assert tuple(name for name, _ in found.styles) == names
    _, deviations = WStatistics.of_generator(generator).styles(generator, names)
    expected = torch.zeros_like(deviations)
    width = generator.layers[2].channels
    for place, weight in ((3, 1.0), (5, -2.0), (width + 1, 0.5)):
        expected[place] = weight * deviations[place]
    torch.testing.assert_close(found.deltas[0], expected)
    assert (found.method, found.config["channels"]) == ("style channels", "s:2.3,2.5=-2,4.1=0.5")
    assert found.name == "s-2.3-2.5x-2-4.1x0.5"
    faces = editor.sample(seeds=[1])
    moved = editor.edit(faces, found).latent.styles(generator)
    before = faces.latent.styles(generator)
    for layer in generator.layers:
        change = moved[layer.name] - before[layer.name]
        assert int((change.abs() > 1e-6).sum()) == {names[0]: 2, names[1]: 1}.get(layer.name, 0)


def test_a_direction_of_channels_is_found_and_calibrated_as_any_other(editor):
    region = Region.from_parts(["hair"])
    finder = StyleChannels(generator=editor.generator, channels={(2, 3): 1.0}, region=region, name="bright")
    found = editor.find(finder, margin=lambda images: 10 * images.mean(dim=(1, 2, 3)), count=4)
    assert (found.method, found.name, found.space) == ("style channels", "bright", "S")
    assert "margin_gain" in found.scores


def test_channels_that_are_not_there_are_said(generator):
    layers = len(generator.layers)
    for wrong in ({(layers, 0): 1.0}, {(0, 99_999): 1.0}, {"a": 1.0}):
        with pytest.raises(
            InputError, match=f"the generator 'stub' has the style layers 0 to {layers - 1}, with 6 to 8"
        ):
            StyleChannels(generator=generator, channels=wrong).find()
    with pytest.raises(InputError, match="the weight of a style channel is a number other than 0; got 0"):
        StyleChannels(generator=generator, channels={(0, 0): 0.0}).find()
    with pytest.raises(InputError, match=r"expected style channels such as s:12.479 .*; got none"):
        StyleChannels(generator=generator, channels={}).find()


def test_the_channel_that_examples_share_is_found(generator):
    """Faces whose channel 3 of layer 5 was set to three standard deviations above the mean, and no other."""
    layer = generator.layers[5]
    mean, deviation = WStatistics.of_generator(generator).styles(generator, (layer.name,))
    latent = Latent.of_seeds(generator, range(1, 13))
    offset = torch.zeros(12, layer.channels)
    offset[:, 3] = mean[3] + 3 * deviation[3] - latent.styles(generator)[layer.name][:, 3]
    planted = Latent(latent.ws, offsets={layer.name: offset})
    faces = editing.sample(generator, planted)
    ((place, weight),) = channels_of_examples(generator, faces).items()
    assert place == (5, 3)
    assert weight == pytest.approx(3.0, abs=1e-4)
    several = channels_of_examples(generator, faces, count=4)
    assert len(several) == 4
    assert next(iter(several)) == (5, 3)
    assert not any(generator.layers[number].is_rgb for number, _ in several)
    with pytest.raises(InputError, match="from at least two faces that have something in common; got 1"):
        channels_of_examples(generator, faces[0])
    with pytest.raises(InputError, match="count must be a whole number from 1"):
        channels_of_examples(generator, faces, count=0)
