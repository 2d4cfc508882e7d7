"""Families of CLIPs for photographs: pictures and sentences reach them as open_clip's own code has it.

The networks have no numbers, only names and shapes: what is compared comes before the first layer.
"""

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from eclipsed.pretrained import clip_loading
from eclipsed.pretrained.clip import OpenClip
from eclipsed.pretrained.clip_weights import build_clip
from eclipsed.store.networks import known_sets

FAMILIES = {
    ("ViT-B-32-quickgelu", "openai"): 224,
    ("ViT-B-32-256", "datacomp_s34b_b86k"): 256,
    ("ViT-B-16", "dfn2b"): 224,
    ("ViT-B-32-SigLIP2-256", "webli"): 256,
    ("PE-Core-T-16-384", "meta"): 384,
    ("MobileCLIP2-S0", "dfndr2b"): 256,
}
SENTENCES = ["a person with blond hair", "A man, who wears glasses!"]


def picture(height, width):
    """Grain and gradients, so that each kernel and each cut gives other numbers."""
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([np.sin(rows / 9 + k) * 60 + np.cos(columns / (5 + k)) * 50 + 128 for k in range(3)], axis=-1)
    return (image + np.random.RandomState(0).uniform(-20, 20, image.shape)).clip(0, 255).round().astype(np.uint8)


def built(model, tag):
    """The CLIP as the loader builds it."""
    settings = open_clip.get_pretrained_cfg(model, tag)
    network = build_clip(model, preprocessing=clip_loading._preprocessing(settings), device="meta")
    return OpenClip(network, None, f"{model}/{tag}")


@pytest.mark.parametrize(("model", "tag"), FAMILIES)
def test_pictures_come_as_open_clips_own_transform_has_them(model, tag, monkeypatch):
    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: "not loaded")
    _, _, transform = open_clip.create_model_and_transforms(model, tag, load_weights=False, device="meta")
    clip = built(model, tag)
    assert clip.size == FAMILIES[model, tag]
    for size in ((clip.size, clip.size), (1024, 1024), (300, 411)):
        pixels = picture(*size)
        expected = transform(Image.fromarray(pixels))
        got = clip.preprocess(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1)[0]
        tolerance = 2 / 255 / float(clip.std.min())  # PIL rounds to 8 bits after each of its two passes
        assert_close(got, expected, rtol=0, atol=tolerance)
        assert (got - expected).abs().mean() < tolerance / 4


@pytest.mark.parametrize(("model", "tag"), FAMILIES)
def test_sentences_come_as_open_clips_own_tokenizer_has_them(model, tag):
    try:
        tokenizer = clip_loading._tokenizer(model)
    except (ImportError, OSError):  # transformers, or its files
        pytest.skip(f"the tokenizer of {model} is one of transformers, with files of the hub, which are not here")
    own = open_clip.get_tokenizer(model)
    assert torch.equal(tokenizer(SENTENCES), own(SENTENCES))
    assert tokenizer(SENTENCES).shape[1] == open_clip.get_model_config(model)["text_cfg"].get("context_length", 77)


def test_sets_of_photographs_name_a_clip_that_is_checked_here():
    for name in ("ffhq", "ffhq-512", "ffhq-256", "celebahq-256", "metfaces"):
        clip = known_sets()[name]["clip"]
        assert (clip["model"], clip["pretrained"]) == ("ViT-B-32-256", "datacomp_s34b_b86k")
        assert (clip["model"], clip["pretrained"]) in FAMILIES
