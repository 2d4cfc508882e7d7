"""Layers, drawing options, and what was drawn: the types that everything above a generator is written against."""

import ast
import dataclasses
import re
from copy import deepcopy
from pathlib import Path

import pytest
import torch

import eclipsed
from eclipsed.compute import graphs
from eclipsed.editor import Editor
from eclipsed.errors import InputError
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.layers import DEFAULT_OPTIONS, Layer, Synthesis, SynthesisOptions, SynthesisPrefix
from eclipsed.networks.stylegan2 import StyleGAN2, SynthesisNetwork
from eclipsed.pretrained.generator import Generator

CONFIG = GeneratorConfig(z_dim=4, w_dim=7, resolution=16, channels=((4, 9), (8, 6), (16, 5)), mapping_layers=1)

#: what the public code says of a generator of 16 px: name, side, row of ws, length of the style, colours, margin
PUBLIC = [
    ("b4.conv1", 4, 0, 9, False, 0),
    ("b4.torgb", 4, 1, 9, True, 0),
    ("b8.conv0", 8, 1, 9, False, 0),
    ("b8.conv1", 8, 2, 6, False, 0),
    ("b8.torgb", 8, 3, 6, True, 0),
    ("b16.conv0", 16, 3, 6, False, 0),
    ("b16.conv1", 16, 4, 5, False, 0),
    ("b16.torgb", 16, 5, 5, True, 0),
]


@pytest.fixture(scope="module")
def network() -> SynthesisNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StyleGAN2(CONFIG).synthesis.requires_grad_(False)


@pytest.fixture
def ws():
    return torch.randn(3, CONFIG.num_ws, CONFIG.w_dim, generator=torch.Generator().manual_seed(1))


def test_the_layers_are_the_public_ones_in_their_order(network):
    assert [dataclasses.astuple(layer) for layer in network.layers] == PUBLIC
    assert all(network.layer(layer.name) is layer for layer in network.layers)


def test_what_a_layer_says_is_what_it_does(network, ws):
    styles = network.styles(ws)
    sides = {}
    for layer in network.layers:
        assert styles[layer.name].shape == (3, layer.channels)
        module = network.get_submodule(layer.name)
        module.register_forward_hook(lambda _, __, out, name=layer.name: sides.update({name: out.shape}))
    network(ws)
    for layer in network.layers:
        assert sides[layer.name][-1] == layer.resolution
        assert (sides[layer.name][1] == 3) == layer.is_rgb  # no feature map has three channels here


def test_a_copy_draws_with_its_own_weights(network, ws):
    before, copy = network(ws).image, deepcopy(network)
    assert torch.equal(copy(ws).image, before)
    copy.get_submodule("b8.conv1").weight.mul_(-1)
    assert not torch.equal(copy(ws).image, before)
    assert torch.equal(network(ws).image, before)


# --- options


def test_the_default_draws_the_full_image():
    assert SynthesisOptions() == DEFAULT_OPTIONS
    values = dataclasses.astuple(DEFAULT_OPTIONS)
    assert values == ("const", None, (), None, None, False)


def test_features_are_layers_or_their_names(network):
    layer = network.layer("b8.conv0")
    options = SynthesisOptions(features=[layer, "b4.conv1"])
    assert options.features == ("b8.conv0", "b4.conv1")
    assert options == SynthesisOptions(features=("b8.conv0", "b4.conv1"))
    assert hash(options) == hash(SynthesisOptions(features=("b8.conv0", "b4.conv1")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise_mode": "some"}, "noise_mode must be one of const, random, none; got 'some'"),
        ({"noise_mode": None}, "noise_mode must be one of const, random, none; got None"),
        ({"resolution": 0}, "resolution must be a whole number from 1; got 0"),
        ({"resolution": True}, "resolution must be a whole number from 1; got True"),
        ({"resolution": "64"}, "resolution must be a whole number from 1; got '64'"),
        ({"features": "b8.conv0"}, "features must be a sequence of layers or of their names; got 'b8.conv0'"),
        ({"features": [3]}, r"features must be a sequence of layers or of their names; got \[3\]"),
        ({"rng": 7}, "rng must be a torch.Generator, or None; got int"),
        ({"dtype": torch.int64}, "dtype must be a floating-point one such as torch.bfloat16, or None; got torch.int64"),
        ({"dtype": "float32"}, "dtype must be a floating-point one .* got 'float32'"),
        ({"checkpointing": 1}, "checkpointing must be true or false; got 1"),
    ],
)
def test_options_of_another_kind_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        SynthesisOptions(**changes)


def test_an_unknown_option_is_an_error():
    with pytest.raises(TypeError, match="truncation"):
        SynthesisOptions(truncation=0.7)


# --- what is drawn


def test_synthesis_is_image_and_features_whether_any_were_asked_for_or_not(network, ws):
    plain = network(ws)
    asked = network(ws, SynthesisOptions(features=[network.layer("b8.conv1"), network.layer("b4.conv1")]))
    assert isinstance(plain, Synthesis)
    assert isinstance(asked, Synthesis)
    assert plain.features == {}
    assert torch.equal(plain.image, asked.image)
    assert {name: tuple(values.shape) for name, values in asked.features.items()} == {
        "b4.conv1": (3, 9, 4, 4),
        "b8.conv1": (3, 6, 8, 8),
    }


@pytest.mark.parametrize("row", range(CONFIG.num_ws))
@pytest.mark.parametrize("side", [8, 16, None])
def test_gone_on_with_a_prefix_every_drawing_is_the_same_to_the_last_bit(network, ws, row, side):
    options = SynthesisOptions(resolution=side, features=("b4.conv1", "b8.conv0"))
    prefix = network.prefix(network.styles(ws), row, options)
    assert prefix.depth == sum(layer.row < row for layer in network.layers_up_to(side))
    assert set(prefix.features) == {name for name in options.features if network.layer(name).row < row}
    other = ws.clone()
    other[:, row:] += 1
    for latents in (ws, other):
        whole, rest = network(latents, options), network(latents, options, prefix=prefix)
        assert torch.equal(rest.image, whole.image)
        assert list(rest.features) == list(whole.features)
        assert all(torch.equal(rest.features[name], whole.features[name]) for name in whole.features)


@pytest.mark.parametrize("side", [8, None])
def test_a_drawing_keeps_the_prefix_that_it_is_asked_for(network, ws, side):
    options = SynthesisOptions(resolution=side, features=("b4.conv1",))
    whole = network(ws, options)
    assert whole.prefix is None
    for row in range(CONFIG.num_ws):
        wanted = network.prefix(network.styles(ws), row, options)
        for drawn in (network(ws, options, split=row), network.from_styles(network.styles(ws), options, split=row)):
            assert torch.equal(drawn.image, whole.image)
            assert drawn.prefix.depth == wanted.depth
            assert torch.equal(drawn.prefix.x, wanted.x)
            assert list(drawn.prefix.features) == list(wanted.features)
        again = network(ws, options, prefix=network.prefix(network.styles(ws), 0, options), split=row)
        assert torch.equal(again.prefix.x, wanted.x)
    with pytest.raises(InputError, match="row must be from 0 to 5; got 6"):
        network(ws, options, split=6)


def test_a_prefix_is_cut_and_joined_like_the_faces_it_is_of(network, ws):
    options = SynthesisOptions(features=("b4.conv1",))
    prefix = network.prefix(network.styles(ws), 3, options)
    joined = SynthesisPrefix.cat([prefix[2:], prefix[:1], prefix[torch.tensor([1, 1])]])
    order = [2, 0, 1, 1]
    wanted = network(ws[order], options)
    drawn = network(ws[order], options, prefix=joined)
    assert torch.equal(drawn.image, network(ws[order], options, prefix=prefix[torch.tensor(order)]).image)
    torch.testing.assert_close(drawn.features["b4.conv1"], wanted.features["b4.conv1"])
    torch.testing.assert_close(drawn.image, wanted.image)
    bare = network.prefix(network.styles(ws), 1, options)  # before the first colours
    assert bare.image is None
    assert SynthesisPrefix.cat([bare[:1], bare[1:]]).image is None


def test_prefixes_of_different_layers_are_not_joined(network, ws):
    styles = network.styles(ws)
    with pytest.raises(InputError, match="all of the same layers; got 1, 4 layers"):
        SynthesisPrefix.cat([network.prefix(styles, 1)[:1], network.prefix(styles, 3)[:1]])
    with pytest.raises(InputError, match="at least one prefix, all of the same layers; got none"):
        SynthesisPrefix.cat([])


def test_a_prefix_that_goes_beyond_the_picture_is_refused(network, ws):
    prefix = network.prefix(network.styles(ws), 5)
    with pytest.raises(InputError, match="the prefix has 7 layers; a picture of this side has only 5"):
        network(ws, SynthesisOptions(resolution=8), prefix=prefix)


def test_a_recording_walks_through_what_is_drawn():
    """CUDA graphs take and give nested dataclasses; the tensors must be found in both, and the depth told apart."""
    drawn = Synthesis(torch.zeros(1), {"a": torch.ones(2)})
    prefix = SynthesisPrefix(4, torch.zeros(3), None, {"a": torch.ones(4)})
    assert [leaf.numel() for leaf in graphs.leaves([drawn, prefix])] == [1, 2, 3, 4]
    again = graphs.rebuilt(prefix, iter([torch.full((3,), 2.0), torch.full((4,), 3.0)]))
    assert isinstance(again, SynthesisPrefix)
    assert (again.depth, again.x[0], again.features["a"][0]) == (4, 2.0, 3.0)
    assert not prefix.x.any()
    recorder = graphs.Recorder(torch.device("cpu"), tape=_Counting())
    for depth in (4, 5) * 3:
        recorder("depth", lambda prefix: prefix.x + prefix.depth, dataclasses.replace(prefix, depth=depth))
    assert len(recorder) == 2


class _Counting:
    """A tape that calls the function again."""

    def warm_up(self, call):
        return call()

    def record(self, call):
        return call(), lambda: None


# --- no layer name is parsed

#: parts of the names of StyleGAN2's layers, in strings that a program could hold a name against
KINDS = re.compile(r"(?<![A-Za-z])(torgb|conv[01])(?![A-Za-z])|^b\d+\b")
ROOTS = [Path(eclipsed.__file__).parent, *(Path(__file__).parents[2] / name for name in ("recipes", "benchmarks"))]
#: file layouts map names, which is what they are for; BiSeNet's layers have names of their own
MAY = re.compile(r"eclipsed/checkpoints/|networks/bisenet\.py|pretrained/parser\.py")


def _strings(tree: ast.AST) -> list[str]:
    """The strings in some code, with 0 for what an f-string puts in."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(one.value) if isinstance(one, ast.Constant) else "0" for one in node.values))
    return found


def _compared(tree: ast.Module) -> list[str]:
    """Strings that code compares, or holds against the beginning or end of another, such as ``"torgb" in name``."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found += _strings(node)
        method = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if method in ("startswith", "endswith", "removeprefix", "removesuffix", "match", "search", "fullmatch"):
            found += _strings(node)
    return found


@pytest.mark.parametrize(
    "code", ['name.endswith("torgb")', '"conv0" in name', 'name.startswith(f"b{side}.")', 'x == "b4.conv1"']
)
def test_the_search_sees_a_name_that_is_parsed(code):
    assert any(KINDS.search(text) for text in _compared(ast.parse(code)))


def test_the_search_lets_names_be_given():
    assert not _compared(ast.parse('features = ("b8.conv0",); name = f"b{side}.{kind}"'))


def test_no_module_parses_the_name_of_a_layer():
    """The order and the fields of layers tell everything, so that a generator with other names works the same."""
    for path in (path for root in ROOTS for path in sorted(root.rglob("*.py")) if not MAY.search(path.as_posix())):
        wrong = [text for text in _compared(ast.parse(path.read_text())) if KINDS.search(text)]
        assert not wrong, (path, wrong)


class Renamed(SynthesisNetwork):
    """The same layers under names that say nothing."""

    def __init__(self, config):
        super().__init__(config)
        fresh = {layer.name: f"layer {place}" for place, layer in enumerate(self.layers)}
        self.layers = tuple(dataclasses.replace(layer, name=fresh[layer.name]) for layer in self.layers)
        self._module_of = {fresh[name]: module for name, module in self._module_of.items()}
        self._by_name = {layer.name: layer for layer in self.layers}


@pytest.fixture(scope="module")
def renamed(editor):
    """The tests' small set, with the same generator but for the names of its layers."""
    generator = editor.generator
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eclipsed.networks.stylegan2.SynthesisNetwork", Renamed)
        generator = Generator(generator.config, generator.network.state_dict(), device="cpu")
    assert generator.style_names[0] == "layer 0"
    return Editor(generator, editor.parser, editor.clip, truncation_psi=editor.truncation_psi)


@pytest.mark.filterwarnings("ignore:.*weak:eclipsed.errors.EclipsedWarning")
@pytest.mark.parametrize("changes", [{"layers": "auto", "probe_steps": 2}, {"space": "S", "styles": "conv"}])
def test_a_generator_whose_layers_have_other_names_trains_and_edits_alike(editor, renamed, quick, changes):
    config = quick.replace(score_layers="all", **changes)
    pictures, deltas = [], []
    for one in (editor, renamed):
        direction = one.train("a person with blond hair", region=["hair"], config=config)
        faces = one.sample(seeds=[1, 2])
        edited = [one.edit(faces, direction, 1.0, blend=blend).images for blend in (None, "features")]
        pictures.append(torch.cat(edited))
        deltas.append(direction.deltas)
    assert torch.equal(*deltas)
    assert torch.equal(*pictures)
    assert renamed.generator.layers[2] == Layer("layer 2", 8, 1, editor.generator.layers[2].channels, False)
