"""The generator against a plain rewriting of it, with one weight per sample and float64 throughout."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import Layer, SynthesisOptions
from eclipsed.networks.stylegan2 import StyleGAN2

SMALL = GeneratorConfig(z_dim=5, w_dim=7, resolution=8, channels=((4, 9), (8, 6)), mapping_layers=1)
ODD = GeneratorConfig(
    z_dim=6,
    w_dim=11,
    resolution=32,
    channels=((32, 3), (4, 13), (16, 7), (8, 10)),
    mapping_layers=3,
    mapping_features=17,
    mapping_lr_multiplier=0.1,
    conv_clamp=0.9,
    resample_filter=(1.0, 2.0, 3.0, 4.0),
)
CONDITIONAL = GeneratorConfig(
    z_dim=6, w_dim=8, resolution=16, channels=((4, 6), (8, 5), (16, 4)), c_dim=3, embed_features=9, mapping_layers=2
)
ONLY_CLASS = GeneratorConfig(z_dim=0, w_dim=8, resolution=8, channels=((4, 6), (8, 5)), c_dim=2, mapping_layers=1)
CONFIGS = {"small": SMALL, "odd": ODD, "conditional": CONDITIONAL, "only class": ONLY_CLASS}


def make(config, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = StyleGAN2(config)
        with torch.no_grad():
            for name, value in network.named_parameters():
                if name.endswith(("bias", "noise_strength")):
                    value += torch.randn(value.shape) * (30 if name.startswith("mapping") else 0.3)
            network.mapping.w_avg.normal_()
    return network.requires_grad_(False)


def inputs(config, n=3, seed=1):
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(n, config.z_dim, generator=rng)
    c = F.one_hot(torch.arange(n) % config.c_dim, config.c_dim).float() if config.c_dim else None
    return z, c


def latents(config, n=3, seed=2):
    return torch.randn(n, config.num_ws, config.w_dim, generator=torch.Generator().manual_seed(seed))


def names(synthesis):
    return [layer.name for layer in synthesis.layers]


def convs(synthesis):
    return [layer for layer in synthesis.layers if not layer.is_rgb]


def random_noise(seed):
    return SynthesisOptions(noise_mode="random", rng=torch.Generator().manual_seed(seed))


def dense(state, name, x, lr=1.0):
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return F.linear(x, weight * lr / math.sqrt(weight.shape[1]), bias * lr)


def unit_rows(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def map_by_hand(config, state, z, c):
    x = unit_rows(z) if config.z_dim else z
    if config.c_dim:
        x = torch.cat([x, unit_rows(dense(state, "mapping.embed", c))], 1)
    for i in range(config.mapping_layers):
        x = F.leaky_relu(dense(state, f"mapping.fc{i}", x, config.mapping_lr_multiplier), 0.2) * math.sqrt(2)
    return x


def up_by_hand(x, kernel, before, after):
    """Zero insertion and a true convolution, channel by channel."""
    n, c, h, w = x.shape
    big = x.new_zeros(n, c, 2 * h, 2 * w)
    big[:, :, ::2, ::2] = x
    big = F.pad(big, (before, after, before, after)).reshape(n * c, 1, 2 * h + before + after, -1)
    y = F.conv2d(big, kernel.flip((0, 1))[None, None] * 4)
    return y.reshape(n, c, *y.shape[2:])


def draw_by_hand(config, state, ws, noise=True):
    """The image of one sample after another, block by block; a list with the colours after each."""
    taps = torch.tensor(config.resample_filter, dtype=torch.float64)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    clamp, skips, row, features = config.conv_clamp or math.inf, {}, 0, {}
    x, rgb = state["synthesis.b4.const"].expand(len(ws), -1, -1, -1), None
    for side in config.resolutions:
        for kind in ("conv0", "conv1") if side > 4 else ("conv1",):
            name = f"synthesis.b{side}.{kind}"
            styles = dense(state, f"{name}.affine", ws[:, row])
            out = []
            for image, style in zip(x, styles, strict=True):
                weight = state[f"{name}.weight"] * style[None, :, None, None]
                weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
                if kind == "conv0":
                    spread = up_by_hand(image[None], kernel, 3, 2)
                    out.append(F.conv2d(spread, weight.flip((2, 3))))
                else:
                    out.append(F.conv2d(image[None], weight, padding=1))
            x = torch.cat(out)
            if noise:
                x = x + state[f"{name}.noise_const"] * state[f"{name}.noise_strength"]
            x = x + state[f"{name}.bias"][None, :, None, None]
            x = (F.leaky_relu(x, 0.2) * math.sqrt(2)).clip(-clamp, clamp)
            features[f"b{side}.{kind}"] = x
            row += 1
        name = f"synthesis.b{side}.torgb"
        styles = dense(state, f"{name}.affine", ws[:, row]) / math.sqrt(x.shape[1])
        y = torch.einsum("nihw,oi,ni->nohw", x, state[f"{name}.weight"][:, :, 0, 0], styles)
        y = (y + state[f"{name}.bias"][None, :, None, None]).clip(-clamp, clamp)
        rgb = y if rgb is None else y + up_by_hand(rgb, kernel, 2, 1)
        skips[side] = rgb
    return skips, features


def double(network):
    return {key: value.double() for key, value in network.state_dict().items()}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_mapping_matches_the_definition(config):
    network, (z, c) = make(config), inputs(config)
    wanted = map_by_hand(config, double(network), z.double(), None if c is None else c.double())
    ws = network.mapping(z, c)
    assert ws.shape == (3, config.num_ws, config.w_dim)
    for row in range(config.num_ws):
        assert_close(ws[:, row].double(), wanted, rtol=1e-5, atol=1e-5)


def test_truncation_pulls_towards_the_mean():
    network, (z, _) = make(ODD), inputs(ODD)
    ws, average = network.mapping(z), network.mapping.w_avg
    assert_close(network.mapping(z, truncation_psi=0.7), average + 0.7 * (ws - average))
    assert_close(network.mapping(z, truncation_psi=0.0), average.expand_as(ws))
    cut = network.mapping(z, truncation_psi=0.7, truncation_cutoff=4)
    assert_close(cut[:, :4], average + 0.7 * (ws[:, :4] - average))
    assert torch.equal(cut[:, 4:], ws[:, 4:])


def test_the_length_of_z_plays_no_part():
    network, (z, _) = make(SMALL), inputs(SMALL)
    assert_close(network.mapping(z * 9), network.mapping(z))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("noise_mode", ["const", "none"])
def test_synthesis_matches_the_definition(config, noise_mode):
    network, ws = make(config), latents(config)
    skips, features = draw_by_hand(config, double(network), ws.double(), noise_mode == "const")
    drawn = network.synthesis(ws, SynthesisOptions(noise_mode=noise_mode, features=convs(network.synthesis)))
    image, got = drawn.image, drawn.features
    assert image.shape == (3, 3, config.resolution, config.resolution)
    assert_close(image.double(), skips[config.resolution], rtol=1e-5, atol=1e-4)
    assert list(got) == list(features)
    for name, value in features.items():
        assert_close(got[name].double(), value, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("noise_mode", ["const", "none"])
def test_bfloat16_rounds_but_draws_the_same(config, noise_mode):
    network, ws = make(config), latents(config).requires_grad_()
    exact = network.synthesis(ws, SynthesisOptions(noise_mode=noise_mode)).image
    short = network.synthesis(ws, SynthesisOptions(noise_mode=noise_mode, dtype=torch.bfloat16)).image
    assert_close(short, exact, rtol=0, atol=0.04 * float(exact.detach().abs().max()))
    gradients = [torch.autograd.grad(image.square().sum(), ws)[0].flatten() for image in (exact, short)]
    assert float(F.cosine_similarity(*gradients, dim=0)) > 0.99


@pytest.mark.parametrize("side", [4, 8, 16, 32])
def test_stopping_early_gives_the_colours_so_far(side):
    network, ws = make(ODD), latents(ODD)
    skips, _ = draw_by_hand(ODD, double(network), ws.double())
    image = network.synthesis(ws, SynthesisOptions(resolution=side)).image
    assert_close(image.double(), skips[side], rtol=1e-5, atol=1e-4)
    drawn = network.synthesis(ws, SynthesisOptions(resolution=side, features=["b4.conv1"]))
    assert torch.equal(drawn.image, image)
    assert list(drawn.features) == ["b4.conv1"]


def test_stopping_early_runs_no_later_layer():
    network, ran = make(ODD), []
    for name in names(network.synthesis):
        layer = network.synthesis.get_submodule(name)
        layer.register_forward_hook(lambda *_, name=name: ran.append(name))
    network.synthesis(latents(ODD), SynthesisOptions(resolution=8))
    assert ran == ["b4.conv1", "b4.torgb", "b8.conv0", "b8.conv1", "b8.torgb"]


def test_features_are_what_the_layers_gave():
    network, seen = make(ODD), {}
    for name in (layer.name for layer in convs(network.synthesis)):
        layer = network.synthesis.get_submodule(name)
        layer.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.clone()}))
    features = network.synthesis(latents(ODD), SynthesisOptions(features=("b8.conv0", "b32.conv1"))).features
    assert sorted(features) == ["b32.conv1", "b8.conv0"]
    for name, value in features.items():
        assert torch.equal(value, seen[name])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_styles_read_out_and_put_in_give_the_same_images(config):
    synthesis, ws = make(config).synthesis, latents(config)
    styles = synthesis.styles(ws)
    assert list(styles) == names(synthesis)
    assert [value.shape[1] for value in styles.values()] == [layer.channels for layer in synthesis.layers]
    for options in (
        SynthesisOptions(),
        SynthesisOptions(resolution=8),
        SynthesisOptions(noise_mode="none", features=["b8.conv0"]),
    ):
        drawn, wanted = synthesis.from_styles(styles, options), synthesis(ws, options)
        assert torch.equal(drawn.image, wanted.image)
        assert list(drawn.features) == list(wanted.features) == list(options.features)
        assert all(torch.equal(drawn.features[name], wanted.features[name]) for name in options.features)


def test_each_style_reads_its_own_row():
    synthesis, ws = make(ODD).synthesis, latents(ODD)
    before = synthesis.styles(ws)
    for row in range(ODD.num_ws):
        moved = ws.clone()
        moved[:, row] += 1
        after = synthesis.styles(moved)
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed == {layer.name for layer in synthesis.layers if layer.row == row}
        assert changed


def test_names_and_rows_at_1024_pixels():
    channels = tuple((2**i, 1) for i in range(2, 11))
    with torch.device("meta"):
        synthesis = StyleGAN2(GeneratorConfig(z_dim=4, w_dim=4, resolution=1024, channels=channels)).synthesis
    assert len(synthesis.layers) == 26
    assert sum(not layer.is_rgb for layer in synthesis.layers) == 17
    assert names(synthesis)[:4] == ["b4.conv1", "b4.torgb", "b8.conv0", "b8.conv1"]
    assert [layer.row for layer in synthesis.layers[:6]] == [0, 1, 1, 2, 3, 3]
    assert synthesis.layer("b1024.torgb") == synthesis.layers[-1] == Layer("b1024.torgb", 1024, 17, 1, True)
    for side, rows in ((4, 2), (256, 14), (1024, 18)):
        assert {layer.row for layer in synthesis.layers_up_to(side)} == set(range(rows))
    assert synthesis.layers_up_to(None) == synthesis.layers
    with pytest.raises(InputError, match="resolution must be one of"):
        synthesis.layers_up_to(100)
    assert synthesis.config.num_ws == 18


def test_random_noise_comes_from_the_generator_that_is_given():
    synthesis, ws = make(ODD).synthesis, latents(ODD)

    def draw(seed):
        return synthesis(ws, random_noise(seed)).image

    state = torch.get_rng_state()
    assert torch.equal(draw(1), draw(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(draw(1), draw(2))
    options = SynthesisOptions(noise_mode="random")
    assert not torch.equal(synthesis(ws, options).image, synthesis(ws, options).image)
    same = ws[:1].expand(2, -1, -1)
    pair = synthesis(same, random_noise(0)).image
    assert not torch.equal(pair[0], pair[1])  # each sample has noise of its own


def test_no_noise_reads_no_noise():
    network, ws = make(SMALL), latents(SMALL)
    options = SynthesisOptions(noise_mode="none")
    before = network.synthesis(ws, options).image
    for name, value in network.synthesis.named_buffers():
        if name.endswith("noise_const"):
            value.fill_(float("nan"))
    assert torch.equal(network.synthesis(ws, options).image, before)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_sample_does_not_depend_on_its_batch(config):
    network, ws, (z, c) = make(config), latents(config), inputs(config)
    images, mapped = network.synthesis(ws).image, network.mapping(z, c)
    for i in range(3):
        assert_close(network.synthesis(ws[i : i + 1]).image[0], images[i], rtol=1e-5, atol=1e-5)
        one = network.mapping(z[i : i + 1], None if c is None else c[i : i + 1])
        assert_close(one[0], mapped[i], rtol=1e-5, atol=1e-5)


def test_float64_stays_float64():
    network = make(ODD).double()
    image = network.synthesis(latents(ODD).double()).image
    assert image.dtype == torch.float64
    assert_close(image, draw_by_hand(ODD, double(network), latents(ODD).double())[0][32], rtol=1e-6, atol=1e-6)


def test_every_parameter_gets_a_finite_gradient():
    network = make(CONDITIONAL).requires_grad_(True)
    ws = network.mapping(*inputs(CONDITIONAL))
    network.synthesis(ws).image.square().mean().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
        assert value.grad.isfinite().all(), name
        assert value.grad.abs().max() > 0, name


def test_gradients_of_ws_are_right():
    network = make(SMALL).double()
    ws = latents(SMALL, n=2).double().requires_grad_()
    options = SynthesisOptions(noise_mode="none")
    assert torch.autograd.gradcheck(lambda ws: network.synthesis(ws, options).image, ws, fast_mode=True)


def test_public_initialisation():
    """Equalised learning rate: stored weights are N(0, 1), over the multiplier in the mapping; affine biases are 1."""
    config = GeneratorConfig(z_dim=64, w_dim=64, resolution=16, channels=((4, 64), (8, 64), (16, 64)), mapping_layers=4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = StyleGAN2(config)
    state = network.state_dict()
    assert state["mapping.fc1.weight"].std().item() == pytest.approx(100, rel=0.05)
    for key in ("synthesis.b8.conv0.weight", "synthesis.b8.conv0.affine.weight", "synthesis.b8.conv0.noise_const"):
        assert state[key].std().item() == pytest.approx(1, rel=0.2)
    for key, value in state.items():
        if key.endswith("affine.bias"):
            assert (value == 1).all()
        elif key.endswith(("bias", "noise_strength", "w_avg")):
            assert (value == 0).all()
    z = torch.randn(64, 64, generator=torch.Generator().manual_seed(1))
    assert network.mapping(z).square().mean().item() == pytest.approx(1, rel=0.35)
    drawn = network.synthesis(network.mapping(z), SynthesisOptions(features=convs(network.synthesis)))
    for value in drawn.features.values():  # borders and the low-pass filter take some of the unit power
        assert 0.1 < value.square().mean().item() < 1.5


def test_keys_are_nvidias():
    keys = set(StyleGAN2(CONDITIONAL).state_dict())
    layers = {f"b{r}.{k}" for r in (8, 16) for k in ("conv0", "conv1")} | {"b4.conv1"}
    wanted = {f"mapping.{layer}.{leaf}" for layer in ("embed", "fc0", "fc1") for leaf in ("weight", "bias")}
    wanted |= {"mapping.w_avg", "synthesis.b4.const"}
    for leaf in ("weight", "bias", "affine.weight", "affine.bias", "noise_const", "noise_strength"):
        wanted |= {f"synthesis.{layer}.{leaf}" for layer in layers}
    for leaf in ("weight", "bias", "affine.weight", "affine.bias"):
        wanted |= {f"synthesis.b{r}.torgb.{leaf}" for r in (4, 8, 16)}
    assert keys == wanted


def test_the_mean_of_w_follows_a_training():
    mapping = make(SMALL).mapping
    before, batch = mapping.w_avg.clone(), torch.ones(4, 7) * torch.arange(4.0)[:, None]
    mapping.update_w_avg(batch)
    assert_close(mapping.w_avg, 0.998 * before + 0.002 * 1.5)


def test_the_whole_network_is_mapping_then_synthesis():
    network, (z, c) = make(CONDITIONAL), inputs(CONDITIONAL)
    wanted = network.synthesis(network.mapping(z, c, truncation_psi=0.5)).image
    assert torch.equal(network(z, c, truncation_psi=0.5), wanted)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_configs_survive_json(config):
    assert GeneratorConfig.from_json(config.to_json()) == config
    assert json.loads(config.to_json())["resolution"] == config.resolution


def test_channels_are_sorted():
    assert [r for r, _ in ODD.channels] == [4, 8, 16, 32]
    assert ODD.num_ws == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 24}, "power of two from 8 up; got 24"),
        ({"resolution": 4, "channels": ((4, 9),)}, "power of two from 8 up; got 4"),
        ({"channels": ((4, 9),)}, r"one positive number for each of \(4, 8\)"),
        ({"channels": ((4, 9), (8, 0))}, "one positive number"),
        ({"w_dim": 0}, "w_dim must be at least 1"),
        ({"mapping_layers": 0}, "mapping_layers must be at least 1"),
        ({"img_channels": 0}, "img_channels must be at least 1"),
        ({"z_dim": 0}, "needs z or a class"),
        ({"conv_clamp": -1.0}, "conv_clamp must be positive or None; got -1.0"),
        ({"mapping_lr_multiplier": 0.0}, "mapping_lr_multiplier must be positive"),
        ({"resample_filter": ()}, "finite taps"),
        ({"colour": 3}, "has the fields"),
        ({"z_dim": "five"}, "not a generator config"),
    ],
)
def test_bad_configs_are_named(change, message):
    values = {**json.loads(SMALL.to_json()), **change}
    with pytest.raises(InputError, match=message):
        GeneratorConfig.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "[]", "null", '{"z_dim": 4}'])
def test_other_json_is_no_config(text):
    with pytest.raises(InputError, match="config"):
        GeneratorConfig.from_json(text)


def test_wrong_shapes_and_names_are_named():
    network, ws = make(CONDITIONAL), latents(CONDITIONAL)
    mapping, synthesis = network.mapping, network.synthesis
    z, c = inputs(CONDITIONAL)
    styles = synthesis.styles(ws)
    for call, message in [
        (lambda: mapping(z[:, :-1], c), r"z must have shape \(N, 6\); got \(3, 5\)"),
        (lambda: mapping(z), r"c must be \(N, 3\); got none"),
        (lambda: mapping(z, c[:, :2]), r"c must be \(N, 3\); got \(3, 2\)"),
        (lambda: synthesis(ws[:, :-1]), r"ws must have shape \(N, 6, 8\); got \(3, 5, 8\)"),
        (lambda: synthesis.styles(ws[0]), r"ws must have shape \(N, 6, 8\); got \(6, 8\)"),
        (lambda: synthesis(ws, SynthesisOptions(resolution=12)), "resolution must be one of 4, 8, 16; got 12"),
        (lambda: synthesis(ws, SynthesisOptions(resolution=32)), "resolution must be one of 4, 8, 16; got 32"),
        (lambda: synthesis(ws, SynthesisOptions(features=["b4.conv0"])), r"no features \['b4.conv0'\]"),
        (lambda: synthesis(ws, SynthesisOptions(features=["b8.torgb"])), r"no features \['b8.torgb'\]"),
        (
            lambda: synthesis(ws, SynthesisOptions(features=["b16.conv0"], resolution=8)),
            "choose from b4.conv1, b8.conv0, b8.conv1",
        ),
        (lambda: synthesis.layer("b32.conv0"), "unknown layer 'b32.conv0'; known: b4.conv1, b4.torgb, b8.conv0"),
        (lambda: synthesis.prefix(styles, 6), "row must be from 0 to 5; got 6"),
        (lambda: synthesis.from_styles({**styles, "b7": ws}), r"unknown \['b7'\]"),
        (lambda: synthesis.from_styles({"b4.conv1": styles["b4.conv1"]}), "missing"),
        (lambda: synthesis.from_styles({**styles, "b8.conv0": ws}), r"style b8.conv0 must be \(3, 6\)"),
    ]:
        with pytest.raises(InputError, match=message):
            call()
