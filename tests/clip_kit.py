"""A tiny CLIP that open_clip knows by name, and its weights in the layouts in which people have them."""

import copy
import warnings
import zipfile

import open_clip
import torch

NAME = "ViT-T-16"
TAG = "openai"
MODEL = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": 64},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
}
SETTINGS = {
    "url": "",
    "hf_hub": "nobody/tiny/",
    "quick_gelu": True,
    "mean": open_clip.OPENAI_DATASET_MEAN,
    "std": open_clip.OPENAI_DATASET_STD,
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
SIZES = {"input_resolution": 32, "context_length": 16, "vocab_size": 49408}


def register(monkeypatch, tmp_path):
    """Let open_clip know the model and its tag, and let the store and every cache be empty."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, NAME, copy.deepcopy(MODEL))
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, NAME, {TAG: dict(SETTINGS)})
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def network(seed=11):
    """The model with random weights, that computes as OpenAI's do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return open_clip.CLIP(**MODEL, quick_gelu=True).eval()


def half(state):
    """A state dict in the mixed precision of OpenAI's: matrices in half, norms in float32."""
    return {key: value if ".ln_" in f".{key}" else value.half() for key, value in state.items()}


def write_archive(path, *, mask_is_a_buffer=False, seed=11):
    """The model as OpenAI publishes theirs: traced, in half precision, with its sizes as buffers."""
    model = network(seed)
    if not mask_is_a_buffer:  # a plain attribute in OpenAI's
        mask = model._buffers.pop("attn_mask")
        model.attn_mask = mask
    for name, size in SIZES.items():
        if hasattr(model, name):
            delattr(model, name)
        model.register_buffer(name, torch.tensor(size))
    inputs = {"encode_image": (torch.ones(1, 3, 32, 32),), "encode_text": (torch.zeros(1, 16, dtype=torch.long),)}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace_module(model, inputs, check_trace=False)
        for name, parameter in traced.named_parameters():
            if ".ln_" not in f".{name}":
                parameter.data = parameter.data.half()
        torch.jit.save(traced, str(path))
    return path


def rewritten(source, target, changes):
    """A copy of an archive with other content; ``None`` leaves an entry out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        root = old.namelist()[0].split("/")[0]
        for entry in old.infolist():
            content = changes.get(entry.filename.removeprefix(f"{root}/"), old.read(entry))
            if content is not None:
                new.writestr(entry, content)
        for name, content in changes.items():
            if f"{root}/{name}" not in old.namelist() and content is not None:
                new.writestr(f"{root}/{name}", content)
    return target
