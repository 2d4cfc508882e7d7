"""Which network a config asks for, and which config a text is."""

from __future__ import annotations

import json

from eclipsed.networks.generator_config import GeneratorConfig
from eclipsed.networks.stylegan2 import StyleGAN2
from eclipsed.networks.stylegan3 import StyleGAN3
from eclipsed.networks.stylegan3_config import STYLEGAN3, StyleGAN3Config

__all__ = ["AnyConfig", "config_of_json", "make_network"]

#: every size of a generator, whatever its architecture
AnyConfig = GeneratorConfig | StyleGAN3Config


def make_network(config: AnyConfig) -> StyleGAN2 | StyleGAN3:
    """The network of a config, with random weights."""
    return StyleGAN3(config) if isinstance(config, StyleGAN3Config) else StyleGAN2(config)


def config_of_json(text: str) -> AnyConfig:
    """Read what `to_json` of either config wrote.

    Raises:
        InputError: it is neither, or a value is out of range.
    """
    try:
        values = json.loads(text)
    except ValueError:
        values = None  # as the config itself will say
    if isinstance(values, dict) and values.get("architecture") == STYLEGAN3:
        return StyleGAN3Config.from_json(text)
    return GeneratorConfig.from_json(text)
