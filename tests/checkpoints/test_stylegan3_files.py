"""StyleGAN3 files: NVIDIA's pickles, state dicts by NVIDIA's names, our own layout; and what is said of bad ones."""

import dataclasses
from pathlib import Path

import pytest
import torch
from checkpoint_files import random_stylegan3, saving_nvidia, sized_stylegan3, stylegan3_content, write_nvidia
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from eclipsed.checkpoints.convert import convert_generator
from eclipsed.checkpoints.generators import read_generator
from eclipsed.checkpoints.native import write_generator
from eclipsed.errors import CheckpointError, EclipsedWarning, InputError
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.networks.stylegan3 import StyleGAN3
from eclipsed.pretrained.generator import Generator

BASE, MOST = 200, 9
T = sized_stylegan3(z_dim=5, w_dim=7, resolution=32, num_layers=5, channel_base=BASE, channel_max=MOST)
R = dataclasses.replace(T, conv_kernel=1, use_radial_filters=True, output_scale=2.0, conv_clamp=1.5, mapping_layers=3)
CLASSES = dataclasses.replace(T, c_dim=4)
FIXTURES = Path(__file__).parents[2].parent / "shared" / "fixtures" / "checkpoints"

every = pytest.mark.parametrize("config", [T, R, CLASSES], ids=["T", "R", "classes"])


def write(path, config=T, state=None, **changes):
    state = random_stylegan3(config) if state is None else state
    return write_nvidia(path, stylegan3_content(config, state, base=BASE, most=MOST, **changes))


def assert_same_state(got, wanted):
    assert got.keys() == wanted.keys()
    for key in wanted:
        assert torch.equal(got[key], wanted[key]), key


def refusal(path):
    """The whole message of a refusal, without the path that it begins with."""
    with pytest.raises(CheckpointError) as error:
        read_generator(path)
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


@every
@pytest.mark.parametrize("remember", [True, False])
def test_a_pickle_gives_its_config_and_its_state(tmp_path, config, remember):
    state = random_stylegan3(config)
    found, read = read_generator(write(tmp_path / "g.pkl", config, state, remember=remember))
    assert found == config
    assert_same_state(read, state)


def test_what_a_pickle_leaves_out_is_as_in_nvidias_code(tmp_path):
    unsaid = ("margin_size", "num_critical", "output_scale", "conv_kernel", "filter_size", "lrelu_upsampling")
    unsaid += ("use_radial_filters", "conv_clamp", "first_cutoff", "first_stopband", "last_stopband_rel")
    made = dict.fromkeys((*unsaid, "num_fp16_res"))
    config, _ = read_generator(write(tmp_path / "g.pkl", made=made, remember=False))
    assert config == T
    assert (config.output_scale, config.conv_clamp, config.num_fp16_res, config.margin_size) == (0.25, 256.0, 4, 10)


@every
def test_modules_that_forgot_what_they_were_made_with_still_say_what_they_do(tmp_path, config):
    """As torch.save writes them: attributes, and no arguments of constructors."""
    names = ("z_dim", "c_dim", "w_dim", "img_channels")
    top = {**{name: getattr(config, name) for name in names}, "img_resolution": config.resolution}
    synthesis = {name: getattr(config, name) for name in ("num_critical", "margin_size", "output_scale")}
    settings = {"": (top, {}), "synthesis": ({**synthesis, "num_layers": len(config.channels)}, {})}
    settings["mapping"] = ({"num_layers": config.mapping_layers}, {})
    radial = {"down_radial": config.use_radial_filters, "conv_clamp": config.conv_clamp}
    settings |= {"synthesis.L0_36_9": (radial, {})}
    state = random_stylegan3(config)
    content = stylegan3_content(config, state, base=BASE, most=MOST, settings=settings)
    content["G_ema"].meta["state"]["_init_kwargs"].clear()
    found, read = read_generator(write_nvidia(tmp_path / "g.pkl", content))
    assert found == config
    assert_same_state(read, state)


@every
def test_our_own_layout_gives_the_same_images_to_the_last_bit(tmp_path, config):
    pickle = write(tmp_path / "g.pkl", config)
    path = convert_generator(pickle, tmp_path / "g.safetensors")
    assert_same_state(read_generator(path)[1], read_generator(pickle)[1])
    before, after = (Generator.from_file(file, device="cpu") for file in (pickle, path))
    assert before.fingerprint == after.fingerprint
    assert before.id == dataclasses.replace(after.id, name=before.name)
    before, after = (one.of_class(2) if config.c_dim else one for one in (before, after))
    images = [one.synthesis(one.mapping(one.z([1, 2]), 0.7)).image for one in (before, after)]
    assert torch.equal(*images)
    assert after.save(tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_half_precision_is_nearly_the_same_and_known_again(tmp_path):
    state = random_stylegan3(T)
    path = write_generator(tmp_path / "g.safetensors", T, state, dtype=torch.float16)
    short, whole = Generator.from_file(path, device="cpu"), Generator(T, state, device="cpu")
    assert short.fingerprint != whole.fingerprint
    assert short.id.kinship(whole.id).value == "same"
    assert short.id.rows == whole.id.rows == T.num_ws == 7
    ws = whole.mapping(whole.z([1, 2]))
    assert_close(short.synthesis(ws).image, whole.synthesis(ws).image, rtol=0, atol=0.01)


@pytest.mark.parametrize("kind", ["t", "r"])
def test_the_shared_files_survive_our_own_layout(tmp_path, kind):
    path = FIXTURES / f"nvidia-stylegan3-{kind}.pkl"
    if not path.exists():
        pytest.skip("needs the shared fixtures")
    wanted = load_file(FIXTURES / f"nvidia-stylegan3-{kind}.reference.safetensors")
    generator = Generator.from_file(convert_generator(path, tmp_path / "g.safetensors"), device="cpu")
    features = ("input", generator.style_names[3])
    drawn = generator.synthesis(wanted["ws"], SynthesisOptions(features=features))
    assert_close(drawn.image, wanted["image"], rtol=0, atol=1e-4)
    for name in features:
        assert_close(drawn.features[name], wanted[f"feature.{name}"], rtol=0, atol=1e-4)
    assert_close(generator.mapping(wanted["z"], 0.7), wanted["ws_psi07"], rtol=0, atol=1e-4)
    state = {key: value.numpy().copy() for key, value in read_generator(path)[1].items()}
    torch.save({"G_ema": {key: torch.from_numpy(value) for key, value in state.items()}}, tmp_path / "g.pt")
    with pytest.warns(EclipsedWarning, match="times 0.25, at 256"):
        found, _ = read_generator(tmp_path / "g.pt")
    assert found == dataclasses.replace(generator.config, output_scale=0.25, num_fp16_res=4)


# --- state dicts


@every
def test_a_state_dict_is_taken_as_one_of_nvidias_own(tmp_path, config):
    state = random_stylegan3(config)
    torch.save({"G_ema": state}, tmp_path / "g.pt")
    save_file(state, tmp_path / "g.safetensors")
    for name in ("g.pt", "g.safetensors"):
        with pytest.warns(EclipsedWarning) as caught:
            found, read = read_generator(tmp_path / name)
        assert [str(one.message) for one in caught] == [
            f"{tmp_path / name}: a state dict does not say how large colours are and whether features are clamped; "
            "taken as in NVIDIA's own: times 0.25, at 256"
        ]
        assert found == dataclasses.replace(config, output_scale=0.25, conv_clamp=256.0)
        assert_same_state(read, state)


@pytest.mark.filterwarnings("ignore:.*does not say")
def test_a_missing_mean_of_w_is_measured(tmp_path):
    state = random_stylegan3(T)
    wanted = state.pop("mapping.w_avg")
    torch.save(state, tmp_path / "g.pt")
    found = read_generator(tmp_path / "g.pt")[1]["mapping.w_avg"]
    network = StyleGAN3(T)
    network.load_state_dict({**state, "mapping.w_avg": wanted})
    w = network.mapping.w(torch.randn(4096, 5, generator=torch.Generator().manual_seed(9))).mean(0)
    assert_close(found, w.detach(), rtol=0, atol=0.1)
    pickle = write(tmp_path / "g.pkl", state=state, settings={"mapping": ({"w_avg_beta": None}, {})})
    assert_close(read_generator(pickle)[1]["mapping.w_avg"], found)


def test_filters_of_other_frequencies_need_their_settings(tmp_path):
    other = dataclasses.replace(T, first_cutoff=2.5)
    torch.save(random_stylegan3(other), tmp_path / "g.pt")
    assert refusal(tmp_path / "g.pt") == (
        "'synthesis.L0_36_9.up_filter' is not the filter of NVIDIA's own settings, and a state dict says no others; "
        "give the pickle"
    )
    assert read_generator(write(tmp_path / "g.pkl", other))[0] == other


# --- bad files


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"made": {"num_layers": 6}}, "the settings say 7 layers; the file has 6"),
        ({"made": {"channel_max": 8}}, "the settings say 8 channels for L0_36_9; its weight has 9"),
        ({"made": {"channel_base": 128}}, "the settings say 8 channels for L2_52_9; its weight has 9"),
        (
            {"made": {"margin_size": 9}},
            "the settings ask for a layer synthesis.L0_34_9; the file has synthesis.L0_36_9",
        ),
        ({"made": {"img_resolution": 24}}, "resolution must be a power of two from 16 to 16384; got 24"),
        ({"made": {"img_resolution": "32"}}, "the setting img_resolution must be a whole number; found '32'"),
        (
            {"made": {"img_resolution": [32, 16]}},
            "the setting img_resolution must be a whole number; found [32, 16] (its pictures are not square; only "
            "generators of square pictures can be read)",
        ),
        ({"made": {"output_scale": "big"}}, "the setting output_scale must be a number; found 'big'"),
        ({"made": {"output_scale": 0.0}}, "output_scale must be a positive number; got 0.0"),
        ({"made": {"filter_size": 4096}}, "filter_size must be a whole number from 1 to 64; got 4096"),
        (
            {"made": {"conv_kernel": 1}},
            "synthesis.L0_36_9 has the conv_kernel 3; by the settings of the file it is 1",
        ),
        (
            {"made": {"use_radial_filters": True}},
            "'synthesis.L0_36_9.down_filter' must have shape (12, 12); found (12,)",
        ),
        (
            {"settings": {"synthesis.L1_36_9": ({"padding": [9, 9, 9, 9]}, {})}},
            "synthesis.L1_36_9 has the padding [9, 9, 9, 9]; by the settings of the file it is [9, 8, 9, 8]",
        ),
        (
            {"settings": {"synthesis.L1_36_9": ({"conv_clamp": 3}, {})}},
            "synthesis.L1_36_9 has the conv_clamp 3; by the settings of the file it is 256.0",
        ),
        (
            {"settings": {"synthesis.input": ({"bandwidth": 3.0}, {})}},
            "synthesis.input has the bandwidth 3.0; by the settings of the file it is 2.0",
        ),
        (
            {"settings": {"mapping.fc0": ({"activation": "relu"}, {})}},
            "mapping.fc0 has the activation 'relu'; by the settings of the file it is 'lrelu'",
        ),
    ],
)
def test_settings_that_disagree_with_the_file_are_named(tmp_path, changes, said):
    assert refusal(write(tmp_path / "g.pkl", **changes)) == said


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("synthesis.L2_52_9.weight", None, "the layer L2 of a StyleGAN3 is missing; the file is not whole"),
        (
            "synthesis.L2_52_9.affine.bias",
            None,
            "key 'synthesis.L2_52_9.affine.bias' is missing; the file is not whole",
        ),
        ("mapping.fc1.bias", None, "key 'mapping.fc1.bias' is missing; the file is not whole"),
        ("synthesis.input.freqs", None, "key 'synthesis.input.freqs' is missing; the file is not whole"),
        (
            "synthesis.L1_36_9.noise_strength",
            torch.zeros([]),
            "unknown key 'synthesis.L1_36_9.noise_strength'; a StyleGAN3 generator has none such",
        ),
        (
            "synthesis.L1_36_9.up_filter",
            torch.ones(24),
            "'synthesis.L1_36_9.up_filter' must have shape (12,); found (24,)",
        ),
        (
            "synthesis.L1_36_9.magnitude_ema",
            torch.tensor(float("nan")),
            "'synthesis.L1_36_9.magnitude_ema' holds numbers that are not finite; fetch the file again",
        ),
        (
            "synthesis.L3_52_6.weight",
            torch.ones(6),
            "'synthesis.L3_52_6.weight' must be the weight of a convolution; found (6,)",
        ),
        (
            "synthesis.L0_36_9.weight",
            torch.ones(9, 8, 3, 3),
            "'synthesis.L0_36_9.weight' must have shape (9, 9, 3, 3); found (9, 8, 3, 3)",
        ),
    ],
)
@pytest.mark.parametrize("layout", ["pickle", "state dict"])
def test_keys_and_shapes_that_are_wrong_are_named(tmp_path, key, value, said, layout):
    state = {name: tensor for name, tensor in {**random_stylegan3(T), key: value}.items() if tensor is not None}
    if layout == "pickle":
        path = write(tmp_path / "g.pkl", state=state, remember=False)
    else:
        path = tmp_path / "g.pt"
        torch.save(state, path)
    assert refusal(path) == said


def test_an_input_without_layers_is_named(tmp_path):
    state = {key: value for key, value in random_stylegan3(T).items() if not key.startswith("synthesis.L")}
    said = "it has an input of StyleGAN3, but no layers such as synthesis.L0_36_512"
    assert refusal(write(tmp_path / "g.pkl", state=state, settings={})) == said
    torch.save(state, tmp_path / "g.pt")
    assert refusal(tmp_path / "g.pt") == said


def test_nothing_in_the_file_is_run(tmp_path):
    content = stylegan3_content(T, random_stylegan3(T), base=BASE, most=MOST)
    content["G_ema"].meta["state"]["_init_kwargs"]["channel_base"] = _Spy()
    with saving_nvidia():
        path = write_nvidia(tmp_path / "g.pkl", content)
    with pytest.raises(CheckpointError, match=r"asks for posix\.system"):
        read_generator(path)


class _Spy:
    def __reduce__(self):
        import os

        return os.system, ("exit 3",)


def test_a_state_that_does_not_fit_is_not_written(tmp_path):
    state = random_stylegan3(T)
    del state["synthesis.input.phases"]
    with pytest.raises(InputError, match=r"this state does not fit its config: .*'synthesis.input.phases' is missing"):
        write_generator(tmp_path / "g.safetensors", T, state)
    with pytest.raises(InputError, match="this state does not fit the generator's config"):
        Generator(T, state, device="cpu")
