"""The StyleGAN3 network against the reference's own outputs, and what the paper says of it."""

import dataclasses
import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from checkpoint_files import random_stylegan3, sized_stylegan3
from safetensors.torch import load_file
from torch.testing import assert_close

from eclipsed.checkpoints.generators import read_generator
from eclipsed.errors import InputError
from eclipsed.networks.architectures import config_of_json, make_network
from eclipsed.networks.blended import draw_blended
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.networks.stylegan3 import StyleGAN3

FIXTURES = Path(__file__).parents[2].parent / "shared" / "fixtures" / "checkpoints"
T = sized_stylegan3(z_dim=5, w_dim=7, resolution=32, num_layers=5, channel_base=200, channel_max=9)
R = dataclasses.replace(T, conv_kernel=1, use_radial_filters=True, conv_clamp=None)

#: name, side, row of ws, length of the style, whether colours, margin
LAYERS = [
    ("input", 16, 0, 4, False, 10),
    ("L0_36_9", 16, 1, 9, False, 10),
    ("L1_36_9", 16, 2, 9, False, 10),
    ("L2_52_9", 32, 3, 9, False, 10),
    ("L3_52_6", 32, 4, 9, False, 10),
    ("L4_32_6", 32, 5, 6, False, 0),
    ("L5_32_3", 32, 6, 6, True, 0),
]


def build(config, seed=0, **changes):
    network = StyleGAN3(config)
    network.load_state_dict({**random_stylegan3(config, seed), **changes})
    return network.requires_grad_(False)


@pytest.fixture(scope="module", params=[T, R], ids=["T", "R"])
def network(request):
    return build(request.param)


def latents(network, count=2, seed=1):
    return torch.randn(count, network.config.num_ws, 7, generator=torch.Generator().manual_seed(seed))


# --- the reference


@pytest.mark.parametrize("kind", ["t", "r"])
def test_images_and_features_equal_the_reference_implementation(kind):
    path = FIXTURES / f"nvidia-stylegan3-{kind}.pkl"
    if not path.exists():
        pytest.skip("needs the shared fixtures")
    config, state = read_generator(path)
    assert config.architecture == f"StyleGAN3-{kind.upper()}"
    network = StyleGAN3(config)
    network.load_state_dict(state)
    wanted = load_file(FIXTURES / f"nvidia-stylegan3-{kind}.reference.safetensors")
    features = [name.removeprefix("feature.") for name in wanted if name.startswith("feature.")]
    with torch.no_grad():
        assert_close(network.mapping(wanted["z"], truncation_psi=0.7), wanted["ws_psi07"], rtol=0, atol=1e-5)
        drawn = network.synthesis(wanted["ws"], SynthesisOptions(features=features))
    assert_close(drawn.image, wanted["image"], rtol=0, atol=1e-5)
    assert len(drawn.features) == 2
    for name, values in drawn.features.items():
        assert_close(values, wanted[f"feature.{name}"], rtol=0, atol=1e-5)
    for plan in config.plans:  # the filters of the file are those that its frequencies ask for
        for leaf, lowpass in (("up_filter", plan.up_filter), ("down_filter", plan.down_filter)):
            if lowpass is not None:
                assert_close(state[f"synthesis.{plan.name}.{leaf}"], lowpass.make(), rtol=0, atol=1e-6)


# --- layers


def test_what_a_layer_says_is_what_it_does(network):
    assert [dataclasses.astuple(layer) for layer in network.synthesis.layers] == LAYERS
    options = SynthesisOptions(features=[name for name, *_, is_rgb, _ in LAYERS if not is_rgb])
    ws = latents(network)
    styles, drawn = network.synthesis.styles(ws), network.synthesis(ws, options)
    assert drawn.image.shape == (2, 3, 32, 32)
    for layer in network.synthesis.layers:
        assert styles[layer.name].shape == (2, layer.channels)
        if not layer.is_rgb:
            whole = drawn.features[layer.name]
            assert whole.shape[-2:] == (layer.resolution + 2 * layer.margin,) * 2
            inside = layer.on_picture(whole)
            assert inside.shape[-2:] == (layer.resolution,) * 2
            assert torch.equal(inside[0, 0, 0], whole[0, 0, layer.margin][layer.margin :][: layer.resolution])


def test_released_generators_have_the_layers_of_their_release():
    """Names of the layers of stylegan3-t-ffhq-1024x1024.pkl and stylegan3-r-afhqv2-512x512.pkl, as published."""
    t = sized_stylegan3(z_dim=512, w_dim=512, resolution=1024)
    assert [plan.name for plan in t.plans] == [
        "L0_36_512", "L1_36_512", "L2_52_512", "L3_52_512", "L4_84_512", "L5_148_512", "L6_148_512", "L7_276_323",
        "L8_276_203", "L9_532_128", "L10_1044_81", "L11_1044_51", "L12_1044_32", "L13_1024_32", "L14_1024_3",
    ]  # fmt: skip
    assert (t.num_ws, t.plans[-2].margin, t.plans[0].margin) == (16, 0, 10)


@pytest.mark.parametrize("index", range(1, 5))
def test_features_lie_where_their_pixels_are(network, index):
    """A bump at one place of a feature map, margin left out, shows at that place of the picture."""
    even = deepcopy(network)  # whose convolutions do not lean to any side
    for module in even.synthesis.children():
        if module.weight.ndim == 4:
            halves = module.weight + module.weight.flip(2)
            module.weight.copy_((halves + halves.flip(3)) / 4)
    synthesis = even.synthesis
    layer, rest = synthesis.layers[index], synthesis.layers[index + 1 :]
    styles = synthesis.styles(latents(network, 24))  # on the average over faces nothing pulls to any side
    before = synthesis.run(synthesis.layers[: index + 1], styles, synthesis.start(styles["input"]))
    for row, column in (
        (layer.resolution // 2, 6 * layer.resolution // 16),
        (6 * layer.resolution // 16, layer.resolution // 2),
    ):
        x = before.x.clone()
        layer.on_picture(x)[:, :, row, column] += 0.01
        changed, plain = (
            synthesis.run(rest, styles, dataclasses.replace(before, x=one)).image for one in (x, before.x)
        )
        change = (changed - plain).square().sum((0, 1)).square()  # the peak counts, not what a picture cuts off
        places = torch.arange(32) + 0.5
        share = change / change.sum()
        found = ((share.sum(1) * places).sum(), (share.sum(0) * places).sum())
        side = 32 / layer.resolution
        for there, wanted in zip(found, (row, column), strict=True):
            assert abs(float(there) - (wanted + 0.5) * side) < 0.35 * side


def test_no_noise_is_drawn_whatever_the_mode(network):
    ws = latents(network)
    images = [network.synthesis(ws, SynthesisOptions(noise_mode=mode)).image for mode in ("const", "random", "none")]
    assert torch.equal(images[0], images[1])
    assert torch.equal(images[0], images[2])


def test_a_face_does_not_depend_on_its_batch(network):
    ws = latents(network, 3)
    alone = network.synthesis(ws[1:2]).image
    assert_close(network.synthesis(ws).image[1:2], alone, rtol=0, atol=1e-5)
    assert network.synthesis(ws[:0]).image.shape == (0, 3, 32, 32)


def test_a_copy_draws_with_its_own_weights(network):
    ws = latents(network)
    before, copy = network.synthesis(ws).image, deepcopy(network)
    assert torch.equal(copy.synthesis(ws).image, before)
    copy.synthesis.L1_36_9.weight.mul_(-1)
    assert not torch.equal(copy.synthesis(ws).image, before)
    assert torch.equal(network.synthesis(ws).image, before)


# --- spaces, and drawings that stop or go on


def test_styles_draw_what_their_latents_draw(network):
    ws = latents(network)
    styles = network.synthesis.styles(ws)
    assert torch.equal(network.synthesis.from_styles(styles).image, network.synthesis(ws).image)
    moved = {**styles, "L3_52_6": styles["L3_52_6"] + 1}
    assert not torch.equal(network.synthesis.from_styles(moved).image, network.synthesis(ws).image)
    with pytest.raises(InputError, match=r"style input must be \(2, 4\); got \(2, 5\)"):
        network.synthesis.from_styles({**styles, "input": torch.zeros(2, 5)})


def test_a_style_of_zeros_draws_numbers(network):
    styles = {name: torch.zeros_like(style) for name, style in network.synthesis.styles(latents(network)).items()}
    styles["input"] = torch.tensor([[1.0, 0, 0, 0]]).expand(2, -1)
    assert network.synthesis.from_styles(styles).image.isfinite().all()


@pytest.mark.parametrize("row", range(T.num_ws))
def test_gone_on_with_a_prefix_every_drawing_is_the_same_to_the_last_bit(network, row):
    synthesis, ws = network.synthesis, latents(network)
    options = SynthesisOptions(features=("input", "L2_52_9"))
    prefix = synthesis.prefix(synthesis.styles(ws), row, options)
    assert prefix.depth == row
    assert set(prefix.features) == {name for name in options.features if synthesis.layer(name).row < row}
    other = ws.clone()
    other[:, row:] += 1
    for given in (ws, other):
        whole, rest = synthesis(given, options), synthesis(given, options, prefix=prefix[:])
        assert torch.equal(rest.image, whole.image)
        assert all(torch.equal(rest.features[name], whole.features[name]) for name in whole.features)
        kept = synthesis(given, options, split=row)
        assert torch.equal(kept.image, whole.image)
        assert torch.equal(kept.prefix.x, prefix.x)


def test_features_are_had_without_what_comes_after_them(network):
    """A drawing stops at the row that is named, and has by then drawn exactly what the whole one draws."""
    synthesis, ws = network.synthesis, latents(network)
    options = SynthesisOptions(features=("L1_36_9",))
    ran = []
    hook = synthesis.L2_52_9.register_forward_hook(lambda *_: ran.append(True))
    try:
        early = synthesis.prefix(synthesis.styles(ws), 3, options)
    finally:
        hook.remove()
    assert not ran
    assert torch.equal(early.features["L1_36_9"], synthesis(ws, options).features["L1_36_9"])


def test_a_smaller_picture_is_the_mean_of_its_pixels(network):
    ws = latents(network)
    options = SynthesisOptions(resolution=8, features=("L4_32_6",))
    small, whole = network.synthesis(ws, options), network.synthesis(ws, SynthesisOptions(features=("L4_32_6",)))
    assert_close(small.image, whole.image.unfold(2, 4, 4).unfold(3, 4, 4).mean((4, 5)), rtol=0, atol=1e-6)
    assert torch.equal(small.features["L4_32_6"], whole.features["L4_32_6"])
    assert network.synthesis.layers_up_to(8) == network.synthesis.layers
    with pytest.raises(InputError, match="resolution must be one of 4, 8, 16, 32; got 64"):
        network.synthesis(ws, SynthesisOptions(resolution=64))
    with pytest.raises(InputError, match=r"no features \['L5_32_3'\] at this resolution; choose from input, L0_36_9"):
        network.synthesis(ws, SynthesisOptions(features=("L5_32_3",)))


# --- what the paper promises


def shifted(network, right, below):
    """The same network whose waves lie so many widths of the picture further."""
    transform = torch.tensor([[1.0, 0, -right], [0, 1, -below], [0, 0, 1]])
    other = deepcopy(network)
    other.synthesis.input.transform.copy_(transform @ other.synthesis.input.transform)
    return other


def test_a_shift_of_the_input_shifts_the_picture():
    """By whole pixels of the coarsest layer, so that nothing but what comes in over the margin can differ."""
    config = dataclasses.replace(T, channels=(9,) * 5, margin_size=30)
    network = build(config)
    ws = latents(network, 1)
    before, after = network.synthesis(ws).image, shifted(network, 1 / 16, 2 / 16).synthesis(ws).image
    inside, moved = before[:, :, 6:22, 6:22], after[:, :, 10:26, 8:24]  # 2 pixels to the right, 4 down
    assert_close(moved, inside, rtol=0, atol=2e-3 * float(before.std()))
    assert (after[:, :, 6:22, 6:22] - inside).square().mean() > 0.01 * before.var()  # it does move


def test_r_turns_the_picture_with_its_input_and_t_does_not():
    quarter = torch.tensor([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    errors = []
    for config in (R, T):
        network = build(config)
        ws = latents(network, 1)
        before = network.synthesis(ws).image
        network.synthesis.input.transform.copy_(quarter @ network.synthesis.input.transform)
        after = network.synthesis(ws).image
        ways = [torch.rot90(before, k, (2, 3)) for k in (1, -1)]
        errors.append(min(float((after - way).abs().max() / before.std()) for way in ways))
    assert errors[0] < 1e-3
    assert errors[1] > 0.1


def test_the_style_turns_and_shifts_as_the_transform_does(network):
    synthesis = network.synthesis
    styles = synthesis.styles(latents(network, 1))
    upright = {**styles, "input": torch.tensor([[1.0, 0, 0, 0]])}
    moved = {**styles, "input": torch.tensor([[3.0, 0, 3 / 16, 6 / 16]])}  # of any common length
    wanted = shifted(network, 1 / 16, 2 / 16).synthesis.from_styles(upright).image
    assert_close(synthesis.from_styles(moved).image, wanted, rtol=0, atol=1e-4)


# --- gradients and formats


def test_gradients_of_latents_are_those_of_small_steps(network):
    exact = deepcopy(network).double()
    ws = latents(network, 1).double().requires_grad_()

    def look(ws):
        image = exact.synthesis(ws).image
        return (image * torch.linspace(-1, 1, image.numel()).view_as(image)).sum()

    assert torch.autograd.gradcheck(look, ws, eps=1e-6, atol=1e-4, rtol=1e-3)


def test_recomputed_gradients_are_the_same(network):
    grads = []
    for again in (False, True):
        ws = latents(network).requires_grad_()
        network.synthesis(ws, SynthesisOptions(checkpointing=again)).image.square().sum().backward()
        grads.append(ws.grad)
    assert grads[0].isfinite().all()
    assert grads[0].abs().amax((0, 2)).min() > 0  # every row
    assert torch.equal(*grads)


def test_gradients_reach_every_weight(network):
    tuned = deepcopy(network).requires_grad_(True)
    tuned.synthesis(latents(network)).image.square().sum().backward()
    for name, weight in tuned.synthesis.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name


@pytest.mark.parametrize(("dtype", "near"), [(torch.bfloat16, 0.05), (torch.float16, 0.01)])
def test_short_formats_draw_nearly_the_same(network, dtype, near):
    ws = latents(network)
    whole = network.synthesis(ws).image
    short = network.synthesis(ws, SynthesisOptions(dtype=dtype, features=("L2_52_9",)))
    assert (short.image.dtype, short.features["L2_52_9"].dtype) == (torch.float32, dtype)
    assert (short.image - whole).abs().max() < near * whole.abs().max()


def test_features_are_clamped_at_what_the_config_says():
    network = build(dataclasses.replace(T, conv_clamp=0.05))
    colours = network.synthesis(latents(network)).image / T.output_scale
    assert float(colours.abs().max()) == pytest.approx(0.05)


# --- two faces in one


def test_blended_drawings_are_one_face_inside_the_mask_and_the_other_beyond_it(network):
    synthesis = network.synthesis
    before, after = (synthesis.styles(latents(network, 2, seed)) for seed in (1, 2))
    after["L5_32_3"] = before["L5_32_3"]  # beyond the mask, whoever asks for a blend takes the face's own picture
    old, new = (synthesis.from_styles(one).image for one in (before, after))
    mask = torch.zeros(2, 1, 32, 32)
    assert torch.equal(draw_blended(synthesis, before, after, mask + 1, start=16), new)
    mask[:, :, :, :16] = 1
    drawn = draw_blended(synthesis, before, after, mask, start=16)
    far = [(drawn - one).abs().mean((0, 1, 2)) for one in (old, new)]
    assert far[1][:8].mean() < 0.5 * far[0][:8].mean()  # at the left the edited face
    assert far[0][24:].mean() < 0.5 * far[1][24:].mean()  # at the right its own, up to the very edge
    assert far[0][31] < 0.5 * far[1][31]


# --- configs


def test_configs_are_told_apart_as_json():
    two = GeneratorConfig(z_dim=4, w_dim=4, resolution=8, channels=((4, 3), (8, 2)))
    for config, kind in ((T, StyleGAN3), (R, StyleGAN3), (two, StyleGAN2)):
        assert config_of_json(config.to_json()) == config
        assert isinstance(make_network(config), kind)
    assert json.loads(T.to_json())["architecture"] == "stylegan3"
    assert "architecture" not in json.loads(two.to_json())  # whose fingerprints are what they were
    assert (T.architecture, R.architecture, two.architecture) == ("StyleGAN3-T", "StyleGAN3-R", "StyleGAN2")
    assert (two.widths, T.widths["L3_52_6"], list(R.widths)[-1]) == ({4: 3, 8: 2}, 6, "L4_32_6")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resolution": 24}, "resolution must be a power of two from 16 to 16384; got 24"),
        ({"resolution": 2**15}, "resolution must be a power of two from 16 to 16384; got 32768"),
        ({"z_dim": 0}, "z_dim must be a whole number from 1 to 1048576; got 0"),
        ({"conv_kernel": 0}, "conv_kernel must be a whole number from 1 to 15; got 0"),
        ({"filter_size": 2**20}, "filter_size must be a whole number from 1 to 64; got 1048576"),
        ({"margin_size": -1}, "margin_size must be a whole number from 0 to 1024; got -1"),
        ({"output_scale": 0.0}, "output_scale must be a positive number; got 0.0"),
        ({"conv_clamp": -1.0}, "conv_clamp must be positive or None; got -1.0"),
        ({"channels": (3, 3)}, "channels must hold a positive number for each of more than 2 layers; got (3, 3)"),
        ({"channels": (3, 0, 3)}, "channels must hold a positive number for each of more than 2 layers; got (3, 0, 3)"),
        (
            {"first_cutoff": 5.0},
            "first_stopband must be above 1 and first_cutoff, and below that of the last layer; got 5, 4.28709 and "
            "19.6983",
        ),
    ],
)
def test_a_config_out_of_range_is_refused(changes, said):
    with pytest.raises(InputError) as error:
        dataclasses.replace(T, **changes)
    assert str(error.value) == said


def test_what_is_no_config_is_refused():
    values = json.loads(T.to_json())
    for text in (json.dumps({**values, "noise": 1}), json.dumps({**values, "channels": None}), '{"architecture": []}'):
        with pytest.raises(InputError, match="config"):
            config_of_json(text)
