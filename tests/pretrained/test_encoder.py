"""The encoder against the reference implementations of e4e and pSp, and the files it is read from."""

import json
import pickle
import zlib
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eclipsed.checkpoints.encoding import read_encoder, write_encoder
from eclipsed.errors import CheckpointError, EclipsedWarning, InputError, MissingModelError
from eclipsed.networks import encoder as networks
from eclipsed.networks.encoder import EncoderConfig
from eclipsed.pretrained.encoder import Encoder

FIXTURES = Path(__file__).parents[1] / "fixtures" / "checkpoints"
SMALL = EncoderConfig(
    kind="e4e", stem=4, stages=((4, 1), (6, 2), (8, 1), (10, 1)), halvings=(1, 1, 2, 3), style_width=6, w_dim=5
)
PRELU = ("input_layer.2.weight", "res_layer.2.weight")


def by_rule(key, shape):
    """The weight of the reference that a key stands for."""
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    x = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape).astype(np.float32)
    if key.endswith("running_var"):
        x = 1 + 0.1 * np.abs(x)
    elif key.endswith(("running_mean", "bias")):
        x = 0.1 * x
    elif len(shape) >= 2:
        x = x if key.endswith("linear.weight") else x / np.sqrt(np.prod(shape[1:]))
    else:
        x = 0.25 + 0.05 * x if key.endswith(PRELU) else 1 + 0.1 * x
    return torch.from_numpy(np.asarray(x, dtype=np.float32))


def small_state(config=SMALL, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return networks.Encoder(config).state_dict()


def public(state, kind="Encoder4Editing", **more):
    """The content of a .pt as e4e writes it."""
    content = {f"encoder.{key}": value for key, value in state.items()} | {"decoder.style.1.weight": torch.zeros(2, 2)}
    latent_avg = torch.arange(20.0).view(4, 5)
    return {"state_dict": content, "opts": {"encoder_type": kind, "device": "cuda"}, "latent_avg": latent_avg} | more


@pytest.mark.slow
def test_e4e_and_psp_equal_the_references(tmp_path):
    shapes = json.loads((FIXTURES / "e4e-keys.json").read_text())
    reference = load_file(FIXTURES / "e4e.reference.safetensors")
    state = {f"encoder.{key}": by_rule(key, shape) for key, shape in shapes.items()}
    file = tmp_path / "e4e.pt"
    options = Namespace(encoder_type="Encoder4Editing", start_from_latent_avg=True)
    torch.save({"state_dict": state, "opts": vars(options), "latent_avg": torch.zeros(18, 512)}, file)
    config, read, latent_avg = read_encoder(file)
    assert (config.size, config.num_ws, config.w_dim) == (256, 18, 512)
    for kind in ("e4e", "psp"):
        with torch.device("meta"):
            network = networks.Encoder(replace(config, kind=kind))
        network.load_state_dict(read, assign=True)
        codes = Encoder(network, latent_avg).encode(reference["image"])
        torch.testing.assert_close(codes, reference[f"{kind}_codes"], rtol=0, atol=1e-3)


@pytest.mark.parametrize(("kind", "ours"), [("Encoder4Editing", "e4e"), ("GradualStyleEncoder", "psp")])
def test_the_public_layout_is_read_without_its_decoder(tmp_path, kind, ours):
    file = tmp_path / "encoder.pt"
    state = small_state()
    torch.save(public(state, kind), file)
    config, read, latent_avg = read_encoder(file)
    assert config == replace(SMALL, kind=ours)
    assert set(read) == set(state)
    assert torch.equal(latent_avg, torch.arange(20.0).view(4, 5))


@pytest.mark.parametrize("prefix", ["", "encoder.", "module.encoder.", "net.", "pSp.encoder."])
@pytest.mark.parametrize("key", [None, "state_dict", "model", "any"])
def test_an_encoder_is_found_in_whatever_it_was_saved_in(tmp_path, prefix, key):
    file, state = tmp_path / "encoder.pt", small_state()
    stored = {f"{prefix}{k}": v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    around = {k: v for k, v in public(state).items() if k != "state_dict"}
    torch.save({**around, **(stored if key is None else {key: stored})}, file)
    config, read, latent_avg = read_encoder(file)
    assert config == SMALL
    assert read.keys() == state.keys()
    assert all(torch.equal(read[k], v) for k, v in state.items() if not k.endswith("num_batches_tracked"))
    assert torch.equal(latent_avg, torch.arange(20.0).view(4, 5))


def test_options_may_be_a_namespace_and_one_mean_serve_all_rows(tmp_path):
    file = tmp_path / "encoder.pt"
    options = Namespace(encoder_type="Encoder4Editing")
    torch.save(public(small_state(), opts=options, latent_avg=torch.arange(5.0)), file)
    assert torch.equal(read_encoder(file)[2], torch.arange(5.0).expand(4, 5))


@pytest.mark.parametrize(
    ("name", "kind", "other"), [("encoder.pt", "e4e", "psp"), ("pSp_ffhq.pt", "psp", "e4e"), ("e4e.pt", "e4e", "psp")]
)
@pytest.mark.parametrize("options", [None, {}, {"device": "cuda"}])
def test_without_options_the_name_of_the_file_says_the_kind_or_else_e4e(tmp_path, name, kind, other, options):
    file, state = tmp_path / name, small_state()
    torch.save(public(state, opts=options), file)
    with pytest.warns(EclipsedWarning) as caught:
        config, read, _ = read_encoder(file)
    assert config == replace(SMALL, kind=kind)
    assert all(torch.equal(read[key], value) for key, value in state.items())
    assert [str(one.message) for one in caught] == [
        f"{file} has no options (opts) that say of which kind the encoder is; taken for {kind}, and for {other} where "
        f"{other} is in its name"
    ]


def test_bare_safetensors_of_an_encoder(tmp_path):
    file, state = tmp_path / "e4e.safetensors", small_state()
    stored = {f"encoder.{key}": value.clone() for key, value in state.items()}
    save_file({**stored, "latent_avg": torch.arange(20.0).view(4, 5)}, file)
    with pytest.warns(EclipsedWarning, match="has no options"):
        config, read, latent_avg = read_encoder(file)
    assert config == SMALL
    assert all(torch.equal(read[key], value) for key, value in state.items())
    assert torch.equal(latent_avg, torch.arange(20.0).view(4, 5))


def test_e4e_adds_to_the_first_row_and_psp_does_not():
    state = small_state()
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    codes = {}
    for kind in ("e4e", "psp"):
        network = networks.Encoder(replace(SMALL, kind=kind))
        network.load_state_dict(state)
        codes[kind] = network.eval()(image)
    assert torch.equal(codes["e4e"][:, 0], codes["psp"][:, 0])
    torch.testing.assert_close(codes["e4e"][:, 1:], codes["psp"][:, 1:] + codes["psp"][:, :1])


def test_our_own_file_gives_the_same_guesses(tmp_path):
    file = write_encoder(tmp_path / "e.safetensors", SMALL, small_state(), torch.ones(4, 5), dtype=torch.float32)
    network = networks.Encoder(SMALL)
    network.load_state_dict(small_state())
    image = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    encoder = Encoder.from_file(file, device="cpu")
    assert torch.equal(encoder.encode(image), network.eval()(image) + 1)
    assert encoder.encode(torch.zeros(1, 3, 50, 70)).shape == (1, 4, 5)
    each = torch.cat([encoder.encode(one[None]) for one in image])
    torch.testing.assert_close(each, encoder.encode(image), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("encoder.body.1.res_layer.3.weight"), r"body\.1\.res_layer\.3\.weight"),
        (lambda s: s.pop("encoder.latlayer1.bias"), r"lacks latlayer1\.bias"),
        (lambda s: s.pop("encoder.styles.2.linear.weight"), r"styles\.2\.linear\.weight"),
        (lambda s: s.update({"encoder.latlayer9.bias": torch.zeros(1)}), r"does not have: latlayer9\.bias"),
        (lambda s: s.update({"encoder.latlayer1.bias": torch.zeros(3)}), r"latlayer1\.bias has the shape \(3,\)"),
        (
            lambda s: s.update({"encoder.styles.0.linear.weight": torch.zeros(7, 9)}),
            r"styles\.0\.linear\.weight has the shape \(7, 9\)",
        ),
        (
            lambda s: s.update({"encoder.latlayer2.bias": torch.full((10,), torch.nan)}),
            r"latlayer2\.bias holds values that are not finite",
        ),
    ],
)
def test_a_wrong_key_is_refused_by_name(tmp_path, change, message):
    content = public(small_state())
    change(content["state_dict"])
    torch.save(content, tmp_path / "encoder.pt")
    with pytest.raises(CheckpointError, match=message):
        read_encoder(tmp_path / "encoder.pt")


def test_what_is_no_encoder_is_refused(tmp_path):
    file = tmp_path / "encoder.pt"
    for content, message in (
        ({"g_ema": {}}, "no state_dict"),
        (public(small_state(), kind="SingleStyleCodeEncoder"), "SingleStyleCodeEncoder"),
        (public({}, latent_avg=torch.zeros(4, 5)), "no keys that begin"),
        (public(small_state(), latent_avg=None), "lacks latent_avg"),
        (public(small_state(), latent_avg=torch.zeros(3, 5)), r"latent_avg has the shape \(3, 5\)"),
    ):
        torch.save(content, file)
        with pytest.raises(CheckpointError, match=message):
            read_encoder(file)
    with pytest.raises(MissingModelError):
        read_encoder(tmp_path / "nothing.pt")
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="holds no encoder"):
        read_encoder(tmp_path / "x.safetensors")
    (tmp_path / "text.pt").write_text("hello, this is no checkpoint")
    with pytest.raises(CheckpointError, match="no encoder"):
        read_encoder(tmp_path / "text.pt")


class _Evil:
    def __reduce__(self):
        return (Path.touch, (Path("owned"),))


def test_a_file_that_wants_to_run_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(public(small_state(), opts=_Evil()), "evil.pt")
    Path("evil.pkl").write_bytes(pickle.dumps({"state_dict": _Evil()}))
    for name in ("evil.pt", "evil.pkl"):
        with pytest.raises(CheckpointError):
            read_encoder(name)
    assert not Path("owned").exists()


def test_sizes_that_cannot_be():
    with pytest.raises(InputError, match="e4e or psp"):
        replace(SMALL, kind="other")
    with pytest.raises(InputError, match="at least 3 stages"):
        replace(SMALL, stages=((4, 1), (6, 1)))
    with pytest.raises(InputError, match="levels"):
        replace(SMALL, halvings=(1, 2, 3, 4))
    with pytest.raises(InputError, match="above 0"):
        replace(SMALL, style_width=0)
    with pytest.raises(InputError, match=r"\(N, 3, 32, 32\)"):
        networks.Encoder(SMALL)(torch.zeros(1, 3, 64, 64))
