"""The chain of real size: generator of 1024 px, ViT-B/32 and BiSeNet, random weights in the public layouts."""

import json
import resource
import time

import open_clip
import pytest
import torch
from checkpoint_files import nvidia_content, write_nvidia
from safetensors.torch import save_file

from eclipsed.checkpoints.convert import convert_generator
from eclipsed.editor import Editor
from eclipsed.inversion.inverter import InversionConfig
from eclipsed.latents.direction import Direction
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.training.config import TrainConfig
from eclipsed.worlds.world import find_world

CHANNELS = tuple((2**i, min(32768 // 2**i, 512)) for i in range(2, 11))
CONFIG = GeneratorConfig(z_dim=512, w_dim=512, resolution=1024, channels=CHANNELS, mapping_layers=8)
LIMIT = 24 * 2**30  # bytes


def random_generator():
    """Weights as a training would begin with, but noise that shows."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = StyleGAN2(CONFIG).state_dict()
    return {key: value + 0.05 if key.endswith("noise_strength") else value for key, value in state.items()}


def write_parser(path):
    """Random weights under the 191 keys of ``parsing_bisenet.pth``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = BiSeNet(width=64).state_dict()
    last = state["conv_out.conv_out.weight"]
    last[find_world().label("hair")] = last[find_world().label("skin")].neg()  # so that there is hair somewhere
    torch.save(state, path)
    return state


def write_clip(folder):
    """A ViT-B/32 of random weights as a local folder of open_clip."""
    settings = open_clip.get_model_config("ViT-B-32")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = open_clip.CLIP(**settings).state_dict()
    folder.mkdir()
    save_file({key: value.half().contiguous() for key, value in state.items()}, folder / "open_clip_model.safetensors")
    mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    preprocess = {"mean": mean, "std": std, "interpolation": "bicubic", "resize_mode": "shortest"}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": settings, "preprocess_cfg": preprocess}))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::eclipsed.errors.EclipsedWarning")  # random weights resemble nothing
def test_the_chain_of_real_size(tmp_path, capsys):
    """The pickle is converted, all is loaded, one training step, one edit of a 1024 px face, one as a photograph."""
    state = random_generator()
    write_nvidia(tmp_path / "ffhq.pkl", nvidia_content(CONFIG, state, nested=True))
    assert len(write_parser(tmp_path / "parsing_bisenet.pth")) == 191
    write_clip(tmp_path / "clip")
    times, began = {}, time.perf_counter()

    def lap(name):
        times[name] = time.perf_counter() - began - sum(times.values())

    folder = tmp_path / "set"
    folder.mkdir()
    convert_generator(tmp_path / "ffhq.pkl", folder / "generator.safetensors")
    lap("convert")
    content = {"format": 1, "generator": "generator.safetensors", "parser": "../parsing_bisenet.pth"}
    (folder / "set.json").write_text(json.dumps({**content, "clip": "../clip"}))
    editor = Editor.from_pretrained(folder, device="cpu")
    last = "synthesis.b1024.conv1.weight"
    assert torch.equal(editor.generator.network.state_dict()[last], state[last])
    assert editor.parser.size == 512
    assert editor.clip.size == 224
    lap("load")
    config = TrainConfig(steps=1, start_faces=64, layers=None, calibrate=False)  # without what chooses rows
    direction = editor.train("a person with blond hair", config=config)
    lap("train, 64 faces looked at")
    face = editor.sample(seeds=3)
    edited = editor.edit(face, direction, 1.0)
    lap("edit")
    search = InversionConfig(level="best", steps_from_mean=1, tuning_steps=1, keep_steps=1, keep_above=0.0)
    kept = editor.invert(face.pil()[0], aligned=True, force=True, config=search)
    (pasted,) = editor.paste(editor.edit(kept, direction, 1.0))
    lap("invert at best in a step of each kind, edit and paste")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with capsys.disabled():
        shown = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in times.items())
        print(f"\nfull size: {shown}; peak memory {peak / 2**30:.1f} GiB")
    assert face.images.shape == edited.images.shape == (1, 3, 1024, 1024)
    assert direction.deltas.abs().max() > 0
    assert not torch.equal(face.images, edited.images)
    assert edited.images.isfinite().all()
    assert kept.origins[0].kept is not None
    assert pasted.size == (1024, 1024)
    direction.save(tmp_path / "d.safetensors")
    assert Direction.load(tmp_path / "d.safetensors").generator == editor.generator.fingerprint
    assert peak < LIMIT
