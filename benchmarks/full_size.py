"""The networks of the real sets at full size, with random weights: speed and memory do not depend on them."""

from __future__ import annotations

import logging

import open_clip
import torch

from eclipsed.checkpoints.parsing import ParserConfig
from eclipsed.networks.bisenet import BiSeNet
from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.pretrained.bisenet_parser import BiSeNetParser
from eclipsed.pretrained.clip import Clip, OpenClip
from eclipsed.pretrained.clip_ensemble import ClipEnsemble
from eclipsed.pretrained.generator import Generator

__all__ = ["clip", "clips", "generator", "generator_config", "parser"]

CLIP = "ViT-B-32"
PROMPT = "a person with blond hair"


def generator_config(resolution: int, *, channel_base: int = 32768, channel_max: int = 512) -> GeneratorConfig:
    """FFHQ's StyleGAN2 (config F) at a resolution."""
    sides = [4 << i for i in range(resolution.bit_length() - 2)]
    channels = tuple((side, min(channel_base // side, channel_max)) for side in sides)
    return GeneratorConfig(z_dim=512, w_dim=512, resolution=resolution, channels=channels, mapping_layers=8)


def generator(resolution: int, device: str = "cpu") -> Generator:
    """A generator with random weights."""
    torch.manual_seed(0)
    config = generator_config(resolution)
    return Generator(config, StyleGAN2(config).state_dict(), device=device, name=f"random {resolution} px")


def parser(device: str = "cpu") -> BiSeNetParser:
    """A BiSeNet of facexlib's size, as it reads pictures of 512 px."""
    torch.manual_seed(1)
    config = ParserConfig(width=64, size=512, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    return BiSeNetParser(BiSeNet(width=64), config).to(device)


def clips(count: int, device: str = "cpu") -> Clip:
    """So many CLIPs of the size that the report used, asked together."""
    each = [clip(device, seed=2 + number) for number in range(count)]
    return ClipEnsemble(each) if count > 1 else each[0]


def clip(device: str = "cpu", *, seed: int = 2) -> OpenClip:
    """A CLIP of the size that the report used."""
    logging.getLogger().setLevel(logging.ERROR)
    torch.manual_seed(seed)
    network = open_clip.create_model(CLIP, precision="fp32")
    return OpenClip(network, open_clip.get_tokenizer(CLIP), f"random {CLIP}, seed {seed}").to(device)
