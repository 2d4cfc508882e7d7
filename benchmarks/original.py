"""The training step of the original eCLIPsed code, written anew from a description of what it does.

Nothing of it is meant to be good; it is what the speed of ours is compared with. What it does in a step: everything
in float32; one modulated weight per sample; the unedited pictures drawn at full size with the gradient recorded and
all feature maps kept; both batches turned into PIL pictures, resized to 512 px on the CPU, normalised, sent back and
parsed to labels; CLIP's input enlarged eight times by its nearest pixels, pooled to 224 px and batch-normalised in
training mode; the localization score summed over every feature layer but the first, with the mask resized from layer
to layer; Adam on one delta in W+. Weights are not frozen, so they collect gradients.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from eclipsed.networks.blocks import SynthesisLayer, ToRGB
from eclipsed.networks.ops import LRELU_GAIN, LRELU_SLOPE, demodulation, upfirdn2d, upsample2d
from eclipsed.networks.stylegan2 import SynthesisNetwork
from eclipsed.pretrained.bisenet_parser import BiSeNetParser
from eclipsed.pretrained.clip import OpenClip
from eclipsed.pretrained.generator import Generator

__all__ = ["Original"]

Stage = Callable[[str], None]


class Original:
    """One training in the manner of the original code.

    Args:
        generator: its weights are used, not its forward pass.
        parser: likewise.
        clip: likewise.
        prompt: a sentence.
        part: the part of the face to edit.
        batch: faces in a step.
    """

    def __init__(
        self,
        generator: Generator,
        parser: BiSeNetParser,
        clip: OpenClip,
        *,
        prompt: str,
        part: str = "hair",
        batch: int = 2,
    ) -> None:
        self.generator, self.parser, self.clip, self.batch = generator, parser, clip, batch
        for network in (generator.network, parser.network, clip.network):
            network.requires_grad_(True)
        self.part = parser.world.label(part)
        self.text = clip.encode_text(prompt)[0].detach()
        self.norm = nn.BatchNorm2d(3, affine=False).to(generator.device).train()
        shape = (1, generator.num_ws, generator.w_dim)
        self.delta = (0.01 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).to(generator.device)
        self.delta.requires_grad_()
        self.optimiser = torch.optim.Adam([self.delta], lr=1e-3)

    def step(self, number: int, done: Stage = lambda name: None) -> float:
        """One step; `done` is called with the name of each stage after it."""
        rng = torch.Generator().manual_seed(number)
        z = torch.randn(self.batch, self.generator.z_dim, generator=rng).to(self.generator.device)
        ws = self.generator.network.mapping(z)
        done("mapping")
        before, old = self._draw(ws)
        done("synthesis before")
        alpha = torch.rand(self.batch, 1, 1, generator=rng).to(ws)
        after, new = self._draw(ws + alpha * self.delta)
        done("synthesis after")
        masks = [(self._parse(images) == self.part).float()[:, None] for images in (before, after)]
        mask = (masks[0] + masks[1]) / 2
        done("parser")
        seen = F.adaptive_avg_pool2d(F.interpolate(after, scale_factor=8, mode="nearest"), 224)
        seen = F.normalize(self.clip.network.encode_image(self.norm(seen)).float(), dim=-1)
        loss = (1 - seen @ self.text).mean()
        done("CLIP")
        score = after.new_zeros(())
        for a, b in list(zip(old, new, strict=True))[1:]:
            change = (b - a).square().sum(1, keepdim=True)
            mask = F.interpolate(mask, size=change.shape[2:], mode="bilinear", align_corners=True)
            score = score + ((change * mask).sum((1, 2, 3)) / (change.sum((1, 2, 3)) + 1e-12)).mean()
        loss = loss - 0.05 * score / (len(old) - 1)
        self.optimiser.zero_grad()
        loss.backward()
        done("backward")
        self.optimiser.step()
        done("optimiser")
        return float(loss.detach())

    def _draw(self, ws: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The full picture, and the features after every convolution."""
        synthesis = self.generator.network.synthesis
        assert isinstance(synthesis, SynthesisNetwork)
        styles = synthesis.styles(ws)
        const: Tensor = synthesis.get_parameter("b4.const")
        x = const.expand(len(ws), -1, -1, -1).contiguous()
        image, features = None, []
        for layer in synthesis.layers:
            module, style = synthesis.get_submodule(layer.name), styles[layer.name]
            if isinstance(module, ToRGB):
                colours = _convolve(x, module.weight, style * module.weight_gain, demodulate=False)
                colours = colours + module.bias[:, None, None]
                image = colours if image is None else upsample2d(image, synthesis.resample_filter) + colours
                continue
            assert isinstance(module, SynthesisLayer)
            x = _convolve(x, module.weight, style, up=module.up, taps=module.resample_filter)
            x = x + module.noise_const * module.noise_strength
            x = F.leaky_relu(x + module.bias[:, None, None], LRELU_SLOPE) * LRELU_GAIN
            features.append(x)
        assert image is not None
        return image, features

    def _parse(self, images: Tensor) -> Tensor:
        """Labels by way of PIL."""
        parser, inputs = self.parser, []
        for image in images.detach():
            array = ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
            picture = Image.fromarray(array).resize((512, 512), Image.Resampling.BILINEAR)
            pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(512, 512, 3)
            inputs.append((pixels.permute(2, 0, 1).float() / 255 - parser.mean[0].cpu()) / parser.std[0].cpu())
        logits: Tensor = parser.network(torch.stack(inputs).to(images.device))[0]
        return logits.argmax(1)


def _convolve(
    x: Tensor, weight: Tensor, styles: Tensor, *, up: int = 1, taps: Tensor | None = None, demodulate: bool = True
) -> Tensor:
    """Modulated convolution with one weight per sample, as a grouped convolution."""
    n, (outs, ins, k, _) = len(x), weight.shape
    own = weight[None] * styles[:, None, :, None, None]  # (N, O, I, K, K)
    if demodulate:
        own = own * demodulation(weight, styles)[:, :, None, None, None]
    x = x.reshape(1, n * ins, *x.shape[2:])
    if up == 1:
        y = F.conv2d(x, own.reshape(n * outs, ins, k, k), padding=k // 2, groups=n)
        return y.reshape(n, outs, *y.shape[2:])
    y = F.conv_transpose2d(x, own.transpose(1, 2).reshape(n * ins, outs, k, k), stride=2, groups=n)
    assert taps is not None
    return upfirdn2d(y.reshape(n, outs, *y.shape[2:]), taps, padding=1, gain=4.0)
