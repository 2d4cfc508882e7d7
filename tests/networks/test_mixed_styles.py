"""Two styles mixed by a mask at every convolution, against the definition with a style map."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.networks.mixed_styles import draw_mixed
from eclipsed.networks.ops import up_conv2d, upsample2d


def styles(generator, seed):
    ws = generator.mapping(torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(seed)))
    return generator.styles(ws)


def half():
    mask = torch.zeros(2, 1, 32, 32)
    mask[..., 5:19, 3:20] = 1.0
    return mask


def by_definition(network, old, new, mask):
    """In double precision: features times the map of styles, the plain weight, demodulation by the old style."""
    x = network.b4.const.double()[None].expand(2, -1, -1, -1)
    image = None
    for layer in network.layers:
        block = getattr(network, f"b{layer.resolution}")
        module = getattr(block, layer.name.split(".")[1])
        side = x.shape[-1]
        share = F.avg_pool2d(mask.double(), 32 // side)
        if side > 16:
            taps = torch.exp(-torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64) / (2 * (side / 16) ** 2))
            kernel = torch.outer(taps, taps) / taps.sum() ** 2
            share = F.conv2d(F.pad(share, (1, 1, 1, 1), mode="replicate"), kernel[None, None])
        one, two = (each[layer.name].double()[:, :, None, None] for each in (old, new))
        scaled = x * (share * two + (1 - share) * one)
        weight = module.weight.double()
        if layer.is_rgb:
            colours = F.conv2d(scaled, weight) * module.weight_gain + module.bias.double()[:, None, None]
            image = colours if image is None else upsample2d(image, network.resample_filter.double()) + colours
            continue
        size = (weight[None] * one[:, None]).square().sum(dim=(2, 3, 4)).add(1e-8).rsqrt()
        if module.up == 2:
            y = up_conv2d(scaled, weight, module.resample_filter.double(), 2)
        else:
            y = F.conv2d(scaled, weight, padding=1)
        y = y * size[:, :, None, None] + (module.noise_const * module.noise_strength).double()
        x = F.leaky_relu(y + module.bias.double()[:, None, None], 0.2) * 2**0.5
        x = x if module.clamp is None else x.clamp(-module.clamp, module.clamp)
    return image


def test_it_is_what_the_definition_says(editor):
    network = editor.generator.network.synthesis
    old, new = styles(editor.generator, 1), styles(editor.generator, 2)
    drawn = draw_mixed(network, old, new, half())
    assert_close(drawn.double(), by_definition(network, old, new, half()), rtol=1e-3, atol=1e-3)


def test_an_empty_mask_draws_the_one_and_alike_styles_too(editor):
    network = editor.generator.network.synthesis
    old, new = styles(editor.generator, 1), styles(editor.generator, 2)
    plain = network.from_styles(old).image
    assert_close(draw_mixed(network, old, new, 0 * half()), plain, rtol=1e-4, atol=1e-4)
    assert_close(draw_mixed(network, old, old, half()), plain, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(draw_mixed(network, old, new, half()), plain, atol=1e-2)


def test_an_entry_of_nothing_divides_nothing(editor):
    network = editor.generator.network.synthesis
    old, new = styles(editor.generator, 1), styles(editor.generator, 2)
    without = {name: torch.where(torch.arange(style.shape[1]) == 1, 0.0, style) for name, style in old.items()}
    drawn = draw_mixed(network, without, new, half())
    assert_close(drawn.double(), by_definition(network, without, new, half()), rtol=1e-2, atol=1e-2)


def test_each_face_is_its_own_and_the_mask_has_the_shape_of_the_picture(editor):
    network = editor.generator.network.synthesis
    old, new = styles(editor.generator, 1), styles(editor.generator, 2)
    both = draw_mixed(network, old, new, half())
    first = draw_mixed(network, {k: v[:1] for k, v in old.items()}, {k: v[:1] for k, v in new.items()}, half()[:1])
    assert_close(both[:1], first, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match=r"the shape \(2, 1, 32, 32\); got \(2, 1, 16, 16\)"):
        draw_mixed(network, old, new, half()[:, :, :16, :16])
