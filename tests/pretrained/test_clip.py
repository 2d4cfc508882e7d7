"""CLIP: open_clip's own preprocessing, loading by name and folder, and every way that can fail."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from eclipsed.errors import CheckpointError, InputError, MissingExtraError, MissingModelError, VocabularyWarning
from eclipsed.pretrained.clip import Clip, OpenClip
from eclipsed.pretrained.frozen import shortened
from eclipsed.values.extras import pip_line

MODEL = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
PREPROCESS = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "interpolation": "bicubic", "resize_mode": "shortest"}


def make_folder(folder, *, preprocess=PREPROCESS, dtype=torch.float32):
    """A tiny CLIP with random weights, laid out as open_clip's local-dir wants it."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        state = open_clip.CLIP(**MODEL).state_dict()
    state["logit_scale"] = torch.tensor(3.0)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": MODEL, "preprocess_cfg": preprocess}))
    stored = {key: value.to(dtype).contiguous() for key, value in state.items()}
    save_file(stored, folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def clip(folder):
    return Clip.from_pretrained(folder, device="cpu")


def picture(height: int, width: int) -> np.ndarray:
    """A photograph-like 8-bit picture: gradients, an edge and some grain."""
    rows, columns = np.mgrid[0:height, 0:width]
    rng = np.random.RandomState(height * 1000 + width)
    planes = [np.sin(rows / 9.0 + k) * 60 + np.cos(columns / (5.0 + k)) * 50 + 128 for k in range(3)]
    image = np.stack(planes, axis=-1) + rng.uniform(-20, 20, (height, width, 3))
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 5, 120)
    return image.clip(0, 255).round().astype(np.uint8)


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1


# --- preprocessing


@pytest.mark.parametrize("resize_mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(32, 32), (128, 128), (100, 71), (71, 133), (20, 17), (32, 90)])
def test_preprocessing_is_open_clips_own_transform(tmp_path, resize_mode, interpolation, size):
    config = {**PREPROCESS, "resize_mode": resize_mode, "interpolation": interpolation, "fill_color": 90}
    clip = bare_clip(config)
    pixels = picture(*size)
    expected = image_transform_v2(PreprocessCfg(size=32, **config), is_train=False)(Image.fromarray(pixels))
    got = clip.preprocess(as_tensor(pixels))
    assert got.shape == (1, 3, 32, 32)
    # PIL rounds to 8 bits after each of its two passes; that is up to 2 / 255 before the division by std
    tolerance = 2.0 / 255 / min(config["std"])
    assert_close(got[0], expected, rtol=0, atol=tolerance)
    assert (got[0] - expected).abs().mean() < tolerance / 4


def bare_clip(config):
    """An `OpenClip` around a network that only knows its preprocessing."""
    network = torch.nn.Module()
    network.visual = torch.nn.Module()
    network.visual.preprocess_cfg = {"size": 32, "mode": "RGB", "fill_color": 0, **config}
    return OpenClip(network, None, "bare")


def test_at_the_models_own_size_nothing_is_resampled():
    clip = bare_clip(PREPROCESS)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mean, std = (torch.tensor(PREPROCESS[key])[None, :, None, None] for key in ("mean", "std"))
    assert_close(clip.preprocess(images), ((images + 1) / 2 - mean) / std, rtol=1e-6, atol=1e-6)
    assert torch.equal(clip.preprocess(images * 3), clip.preprocess((images * 3).clamp(-1, 1)))


def test_preprocessing_comes_from_the_folder_and_defaults_to_openais(tmp_path, clip):
    assert clip.size == 32
    assert_close(clip.mean.flatten(), torch.tensor(PREPROCESS["mean"]))
    assert_close(clip.std.flatten(), torch.tensor(PREPROCESS["std"]))
    plain = Clip.from_pretrained(make_folder(tmp_path / "plain", preprocess={}), device="cpu")
    assert_close(plain.mean.flatten(), torch.tensor([0.48145466, 0.4578275, 0.40821073]))
    assert_close(plain.std.flatten(), torch.tensor([0.26862954, 0.26130258, 0.27577711]))


@pytest.mark.parametrize("change", [{"size": [32, 48]}, {"resize_mode": "stretch"}])
def test_unknown_preprocessing_is_refused(change):
    with pytest.raises(CheckpointError, match="eclipsed knows square pictures and 'shortest', 'longest' and 'squash'"):
        bare_clip({**PREPROCESS, **change})


# --- vectors


def test_vectors_are_open_clips(folder, clip):
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")
    pixels = picture(80, 60)
    prompts = ["a person with blond hair", "red lipstick"]
    with torch.no_grad():
        image = model.eval().encode_image(transform(Image.fromarray(pixels))[None])
        text = model.encode_text(tokens(prompts))
    assert tokens.context_length == 16
    image, text = (x / x.square().sum(-1, keepdim=True).sqrt() for x in (image, text))
    assert_close(clip.encode_text(prompts), text, rtol=1e-4, atol=1e-5)
    ours = clip.encode_images(as_tensor(pixels))
    assert (ours * image).sum() > 0.999
    assert_close(ours.norm(dim=-1), torch.ones(1))
    assert clip.logit_scale == pytest.approx(np.exp(3.0))


def test_half_precision_files_load_as_float32(tmp_path, clip):
    half = Clip.from_pretrained(make_folder(tmp_path / "half", dtype=torch.float16), device="cpu")
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float32}
    images = as_tensor(picture(32, 32))
    assert_close(half.encode_images(images), clip.encode_images(images), rtol=0, atol=5e-3)


def test_gradients_reach_the_images_and_not_the_weights(clip):
    images = as_tensor(picture(50, 40)).mul(0.9).requires_grad_()
    similarity = clip.encode_images(images) @ clip.encode_text("a hat").T
    similarity.sum().backward()
    assert images.grad.isfinite().all()
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in clip.parameters())


def test_the_model_is_frozen_in_eval_mode_and_float32(clip):
    assert not any(parameter.requires_grad for parameter in clip.parameters())
    assert clip.train() is clip
    assert not any(module.training for module in clip.modules())
    assert clip.encode_images(as_tensor(picture(32, 32)).half()).dtype == torch.float32


def test_one_picture_gives_the_same_alone_and_in_a_batch(clip):
    images = torch.cat([as_tensor(picture(40, 40)), as_tensor(picture(40, 40)).flip(3)])
    assert_close(clip.encode_images(images)[1:], clip.encode_images(images[1:]), rtol=1e-5, atol=1e-6)


def test_each_prompt_is_encoded_once(folder, monkeypatch):
    clip = Clip.from_pretrained(folder, device="cpu")
    calls = []
    original = clip.network.encode_text
    monkeypatch.setattr(clip.network, "encode_text", lambda tokens: calls.append(len(tokens)) or original(tokens))
    first = clip.encode_text(["a hat", "glasses"])
    again = clip.encode_text(["glasses", "a hat", "glasses"])
    assert calls == [1, 1]
    assert torch.equal(again, first[[1, 0, 1]])
    assert torch.equal(clip.encode_text("a hat"), first[:1])
    first.zero_()
    assert clip.encode_text("a hat").norm() > 0.99  # what was handed out is a copy


def test_loading_draws_nothing_from_torchs_generator(folder):
    before = torch.random.get_rng_state()
    Clip.from_pretrained(folder, device="cpu")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_loading_neither_logs_nor_sets_up_logging(folder, monkeypatch, capfd):
    monkeypatch.setattr(logging.root, "handlers", [])
    level = logging.root.manager.disable
    Clip.from_pretrained(folder, device="cpu")
    assert logging.root.handlers == []
    assert logging.root.manager.disable == level
    assert capfd.readouterr() == ("", "")


# --- words


def test_unknown_words_are_those_outside_the_vocabulary(tmp_path):
    folder = make_folder(tmp_path / "worded")
    (folder / "vocabulary.txt").write_text("a\nperson\nwith\n\nBlond\nhair\n")
    clip = Clip.from_pretrained(folder, device="cpu")
    assert clip.unknown_words("A person's blond HAIR, 3 of them!") == ("of", "them")
    assert clip.unknown_words("purple mohawk, purple hair") == ("purple", "mohawk")
    assert clip.unknown_words("a person with blond-hair") == ()


def test_without_a_vocabulary_no_word_is_unknown(clip):
    assert clip.unknown_words("flibbertigibbet") == ()


def test_a_prompt_longer_than_the_context_warns_with_the_figures(folder):
    clip = Clip.from_pretrained(folder, device="cpu")
    with pytest.warns(VocabularyWarning, match="the prompt has 15 tokens but CLIP tiny reads the first 14"):
        clip.encode_text("hair " * 15)
    clip.encode_text("hair " * 14)


# --- names and folders


@pytest.mark.parametrize("as_text", [str, "local-dir:{}".format])
def test_a_folder_is_taken_as_text_too(folder, as_text):
    clip = Clip.from_pretrained(as_text(folder), device="cpu")
    assert clip.name == "tiny"
    assert clip.encode_text("hair").shape == (1, 24)


def test_the_activation_follows_the_tag(folder, monkeypatch):
    built, asked = {}, []

    def stop(model, **options):
        built.update(model=model, **options)
        raise RuntimeError("stop here")

    def here(model, tag):
        asked.append((model, tag))
        return folder / "open_clip_model.safetensors"

    monkeypatch.setattr("eclipsed.store.clip_files.clip_file", here)
    monkeypatch.setattr(open_clip, "create_model", stop)
    for model, tag, quick in [
        ("ViT-B-32", "openai", True),
        ("ViT-B/32", "openai", True),
        ("ViT-B-32-quickgelu", "openai", True),
        ("ViT-B-16", "dfn2b", True),
        ("ViT-B-32", "laion2b_s34b_b79k", False),
    ]:
        with pytest.raises(CheckpointError, match="stop here"):
            Clip.from_pretrained(model, tag, device="cpu")
        assert built["model"] == model.replace("/", "-")
        assert asked[-1] == (model.replace("/", "-"), tag)
        assert built["force_quick_gelu"] is quick
        assert built["precision"] == "fp32"


def test_a_file_of_weights_goes_with_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(open_clip, "list_models", lambda: ["tiny"])
    path = make_folder(tmp_path / "tiny") / "open_clip_model.safetensors"
    monkeypatch.setattr("open_clip.factory.get_model_config", lambda name: json.loads(json.dumps(MODEL)))
    clip = Clip.from_pretrained("tiny", str(path), device="cpu")
    assert torch.equal(clip.network.text_projection, load_file(path)["text_projection"])
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"open_clip_model\.safetensors"):
        Clip.from_pretrained("tiny", str(path), device="cpu")


# --- errors


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ViT-B-23", "did you mean ViT-B-"), ("vit-l-14", "ViT-L-14"), ("qqqqqqqq", "see open_clip.list_models()")],
)
def test_an_unknown_name_suggests_close_ones(name, hint):
    with pytest.raises(InputError) as caught:
        Clip.from_pretrained(name, "openai", device="cpu")
    assert f"no CLIP model is called {name!r}" in str(caught.value)
    assert hint in str(caught.value)


def test_an_unknown_or_missing_tag_lists_the_tags():
    with pytest.raises(InputError, match="ViT-B-32 has no weights 'opneai'; it has: openai, laion400m_e31"):
        Clip.from_pretrained("ViT-B-32", "opneai", device="cpu")
    with pytest.raises(InputError, match="ViT-B-32 needs the tag of its weights as well; it has: openai"):
        Clip.from_pretrained("ViT-B-32", device="cpu")


@pytest.mark.parametrize("model", ["", "local-dir:", None, 3])
def test_something_that_is_no_name_is_refused(model):
    with pytest.raises(InputError, match="a CLIP model is an open_clip name or a folder"):
        Clip.from_pretrained(model, device="cpu")


@pytest.mark.parametrize(
    ("model", "tag", "named", "command"),
    [
        ("ViT-B-32", "openai", "ViT-B-32 (openai)", "clip:ViT-B-32/openai"),
        ("ViT-B-32", "metaclip_400m", "ViT-B-32 (metaclip_400m)", "clip:ViT-B-32/metaclip_400m"),
        ("hf-hub:some/one", None, "hf-hub:some/one", "clip:hf-hub:some/one"),
    ],
)
def test_weights_that_are_not_here_are_not_fetched_but_named(model, tag, named, command, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # open_clip's own cache is empty there
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)

    def reached(*args, **options):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", reached)
    monkeypatch.setattr("socket.getaddrinfo", reached)
    with pytest.raises(MissingModelError) as caught:
        Clip.from_pretrained(model, tag, device="cpu")
    assert f"weights of {named} are not on this machine; get them: eclipsed models fetch {command}," in str(
        caught.value
    )
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named_with_its_pip_line(folder, monkeypatch):
    def absent(*args, **options):
        raise ModuleNotFoundError("No module named 'transformers.models'", name="transformers.models")

    monkeypatch.setattr(open_clip, "get_tokenizer", absent)
    line = re.escape(pip_line(package="transformers"))
    with pytest.raises(MissingExtraError, match=f"needs the package transformers; install it: {line}$"):
        Clip.from_pretrained(folder, device="cpu")


def test_missing_files_of_a_folder_are_named(tmp_path):
    gone = tmp_path / "gone"
    with pytest.raises(MissingModelError, match=r"gone does not exist; expected a folder with open_clip_config\.json"):
        Clip.from_pretrained(gone, device="cpu")
    for name in ("open_clip_config.json", "open_clip_model.safetensors"):
        folder = make_folder(tmp_path / f"without-{name}")
        (folder / name).unlink()
        with pytest.raises(MissingModelError, match=f"has no {name}"):
            Clip.from_pretrained(folder, device="cpu")


def test_damaged_files_of_a_folder_are_one_clear_error(tmp_path):
    def message(change):
        folder = make_folder(tmp_path / "damaged")
        change(folder)
        with pytest.raises(CheckpointError) as caught:
            Clip.from_pretrained(folder, device="cpu")
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)
        return str(caught.value)

    weights = "open_clip_model.safetensors"
    message(lambda f: (f / weights).write_bytes((f / weights).read_bytes()[:5000]))
    message(lambda f: (f / "open_clip_config.json").write_text("{nonsense"))
    message(lambda f: (f / "open_clip_config.json").write_text('{"width": 3}'))
    other = {"model_cfg": {**MODEL, "depth": 3}, "preprocess_cfg": PREPROCESS}
    assert "depth" in message(lambda f: (f / "open_clip_config.json").write_text(json.dumps(other)))
    narrow = {"model_cfg": {**MODEL, "embed_dim": 8}, "preprocess_cfg": PREPROCESS}
    assert "proj" in message(lambda f: (f / "open_clip_config.json").write_text(json.dumps(narrow)))
    few = {"logit_scale": torch.tensor(1.0)}
    assert "lacks positional_embedding" in message(lambda f: save_file(few, f / weights))
    message(lambda f: (f / "vocabulary.txt").write_bytes(b"\xff\xfe\xfa"))


# --- mini's architecture


@pytest.fixture(scope="module")
def architecture():
    path = Path(__file__).parents[2] / "recipes" / "drawn" / "clip_architecture.py"
    spec = importlib.util.spec_from_file_location("clip_architecture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("options", [{}, {"width": 24, "image_size": 64}])
def test_minis_architecture_is_saved_and_read_again(tmp_path, architecture, options):
    before = torch.random.get_rng_state()
    model = architecture.build(seed=5, **options)
    assert torch.equal(torch.random.get_rng_state(), before)
    tokenize = open_clip.get_tokenizer(f"local-dir:{architecture.save(model, tmp_path / 'clip')}")
    assert tokenize.context_length == 32
    clip = Clip.from_pretrained(tmp_path / "clip", device="cpu")
    side = options.get("image_size", 128)
    assert clip.size == side
    images = as_tensor(picture(side, side))
    model.eval()
    with torch.no_grad():
        image, text = model.encode_image(images)[0], model.encode_text(tokenize(["a hat"]))[0]
    assert_close(clip.encode_images(images)[0], image / image.norm(), rtol=0, atol=5e-3)
    assert_close(clip.encode_text("a hat")[0], text / text.norm(), rtol=0, atol=5e-3)
    assert torch.equal(architecture.build(seed=5, **options).text_projection, model.text_projection)
    assert not torch.equal(architecture.build(seed=6, **options).text_projection, model.text_projection)


def test_words_that_training_never_used_are_stored_as_zeros(tmp_path, architecture):
    model = architecture.build()
    architecture.save(model, tmp_path, tokens=[49406, 320, 320, 49407])
    stored = load_file(tmp_path / "open_clip_model.safetensors")["token_embedding.weight"]
    assert stored.any(dim=1).nonzero().flatten().tolist() == [320, 49406, 49407]
    assert torch.equal(stored[320], model.token_embedding.weight[320].half())
    assert model.token_embedding.weight.any(dim=1).all()  # the model itself is left alone


# --- errors of use


def test_bad_prompts_and_images_are_refused(clip):
    with pytest.raises(InputError, match="the prompt is empty"):
        clip.encode_text("  ")
    with pytest.raises(InputError, match="a prompt must be text; got int"):
        clip.encode_text(["hair", 3])
    with pytest.raises(InputError, match="at least one prompt"):
        clip.encode_text([])
    with pytest.raises(InputError, match=r"\(N, 3, H, W\)"):
        clip.encode_images(torch.zeros(3, 32, 32))


def test_an_unknown_device_is_refused(folder):
    with pytest.raises(InputError, match="abacus"):
        Clip.from_pretrained(folder, device="abacus")


def test_a_network_with_short_weights_gives_the_same_under_autocast(tmp_path):
    clip = Clip.from_pretrained(make_folder(tmp_path / "clip"), device="cpu")
    inputs = torch.rand(2, 3, clip.size, clip.size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = []
    for encode in (clip.network.encode_image, shortened(clip.network.visual, torch.bfloat16)):
        with torch.autocast("cpu", torch.bfloat16):
            vectors = encode(inputs)
        found.append((vectors, *torch.autograd.grad(vectors.float().sum(), inputs)))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
