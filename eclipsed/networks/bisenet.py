"""BiSeNet, the face parser's network, at any width.

At width 64 its keys, shapes and numbers are facexlib's. Its blocks stand here because facexlib cannot be asked for them
alone: importing any module of it first imports all the others, OpenCV and torchvision among them, which takes seconds
and needs system libraries (libGL, libxcb) that a plain Python machine lacks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from eclipsed.compute.graphs import hold
from eclipsed.images.conversion import resize

__all__ = ["BiSeNet", "num_class_of", "width_of"]


class BiSeNet(nn.Module):
    """Bilateral segmentation network on a ResNet-18 whose channel counts all follow one width.

    Args:
        num_class: number of labels.
        width: channels after the stem; the four stages have 1, 2, 4 and 8 times as many.
    Source: Yu et al. 2018, arXiv:1808.00897, in the form of zllrunning/face-parsing.PyTorch and facexlib.
    """

    def __init__(self, num_class: int = 19, width: int = 64) -> None:
        super().__init__()
        self.num_class = num_class
        self.width = width
        context = 2 * width
        self.cp = _ContextPath(width)
        self.ffm = _FeatureFusion(2 * context, 2 * context)
        self.conv_out = _Head(2 * context, 2 * context, num_class)
        self.conv_out16 = _Head(context, width, num_class)
        self.conv_out32 = _Head(context, width, num_class)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the main head and of the two auxiliary heads that help training.

        Args:
            images: normalised pictures, (N, 3, H, W), H and W multiples of 32. In training mode N must be at least 2.
        Returns:
            Three tensors (N, num_class, H, W): the main head, the head at 1/8 and the head at 1/16 of the size.
        """
        size = images.shape[2:]
        spatial, context8, context16 = self.cp(images)
        main = self.conv_out(self.ffm(spatial, context8))
        return (
            _enlarge(main, size),
            _enlarge(self.conv_out16(context8), size),
            _enlarge(self.conv_out32(context16), size),
        )

    def logits(self, images: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Logits of the main head alone: the first output of the forward pass, for less work.

        Args:
            images: as `forward` takes them.
            size: (height, width) to resize the logits to, antialiased; None leaves them at the images' size.
        Returns:
            (N, num_class, height, width), float32.
        """
        spatial, context8, _ = self.cp(images)
        main = self.conv_out(self.ffm(spatial, context8)).float()
        if size is None:
            return _enlarge(main, images.shape[2:])
        down = hold(_resampling(main.shape[2], images.shape[2], size[0], main.device))
        across = hold(_resampling(main.shape[3], images.shape[3], size[1], main.device))
        logits: Tensor = down @ (main @ across.t())
        return logits

    def folded(self, dtype: torch.dtype) -> BiSeNet:
        """A copy for inference in a short format: batch normalisation moved into the convolutions before it, and
        channels last in memory. It gives the same logits up to rounding.

        Args:
            dtype: of its weights and of the pictures that it takes.
        """
        copied = copy.deepcopy(self).eval()
        for module in list(copied.modules()):
            children = list(module.named_children())
            for (conv_name, conv), (norm_name, norm) in _norms_after(children):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())
        return copied.requires_grad_(False).to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class _ConvNormRelu(nn.Module):
    """A convolution, batch normalisation and ReLU."""

    def __init__(self, before: int, after: int, size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, size, padding=size // 2, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return F.relu(x)


class _Head(nn.Module):
    """Logits from features."""

    def __init__(self, before: int, between: int, num_class: int) -> None:
        super().__init__()
        self.conv = _ConvNormRelu(before, between)
        self.conv_out = nn.Conv2d(between, num_class, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.conv_out(self.conv(x))
        return logits


class _AttentionRefinement(nn.Module):
    """Features, each channel weighted by what the whole picture says of it."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = _ConvNormRelu(before, after)
        self.conv_atten = nn.Conv2d(after, after, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        attention: Tensor = self.bn_atten(self.conv_atten(_pooled(x))).sigmoid()
        return x * attention


class _FeatureFusion(nn.Module):
    """Two maps as one, in which channels are strengthened by what the whole picture says of them."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convblk = _ConvNormRelu(before, after, size=1)
        self.conv1 = nn.Conv2d(after, after // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(after // 4, after, 1, bias=False)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        x: Tensor = self.convblk(torch.cat([spatial, context], dim=1))
        attention: Tensor = self.conv2(F.relu(self.conv1(_pooled(x)))).sigmoid()
        return x * attention + x


class _ContextPath(nn.Module):
    """What lies around each place: the backbone's last two stages and the whole picture, brought to 1/8 of its size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        context = 2 * width
        self.resnet = _ResNet18(width)
        self.arm16 = _AttentionRefinement(4 * width, context)
        self.arm32 = _AttentionRefinement(8 * width, context)
        self.conv_head32 = _ConvNormRelu(context, context)
        self.conv_head16 = _ConvNormRelu(context, context)
        self.conv_avg = _ConvNormRelu(8 * width, context, size=1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The backbone's features at 1/8 of the size, and context at 1/8 and 1/16."""
        stage8, stage16, stage32 = self.resnet(images)
        whole = F.interpolate(self.conv_avg(_pooled(stage32)), stage32.shape[2:], mode="nearest")
        context32 = self.arm32(stage32) + whole
        context16 = self.conv_head32(F.interpolate(context32, stage16.shape[2:], mode="nearest"))
        context8 = F.interpolate(self.arm16(stage16) + context16, stage8.shape[2:], mode="nearest")
        return stage8, self.conv_head16(context8), context16


class _ResNet18(nn.Module):
    """The backbone: features at 1/8, 1/16 and 1/32 of the size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, stride=1)
        self.layer2 = _stage(width, 2 * width, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, stride=2)
        self.layer4 = _stage(4 * width, 8 * width, stride=2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, stride=2, padding=1)
        stage8 = self.layer2(self.layer1(x))
        stage16 = self.layer3(stage8)
        return stage8, stage16, self.layer4(stage16)


class _BasicBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample: nn.Module | None = None
        if before != after or stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu((x if self.downsample is None else self.downsample(x)) + residual)


def _stage(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_BasicBlock(before, after, stride), _BasicBlock(after, after, 1))


def _pooled(x: Tensor) -> Tensor:
    """The mean of each channel, (N, C, 1, 1)."""
    return F.avg_pool2d(x, (x.shape[2], x.shape[3]))


def _norms_after(children: list[tuple[str, nn.Module]]) -> Iterator[tuple[tuple[str, Any], tuple[str, Any]]]:
    """The convolutions among some modules, each with the batch normalisation that takes its result.

    They are named alike: ``conv`` and ``bn``, ``conv1`` and ``bn1``, ``conv_atten`` and ``bn_atten``; in a
    ``downsample`` they are ``0`` and ``1``.
    """
    named = dict(children)
    for name, module in children:
        other = "1" if name == "0" else name.replace("conv", "bn")
        if isinstance(module, nn.Conv2d) and isinstance(named.get(other), nn.BatchNorm2d):
            yield (name, module), (other, named[other])


@lru_cache(maxsize=64)
def _resampling(start: int, between: int, end: int, device: torch.device) -> Tensor:
    """One axis of enlarging logits to the images' size and resizing them from there, as one matrix, (end, start).

    Both steps are linear and take each axis by itself, so the large logits between them need not be made.
    """
    with torch.inference_mode(False), torch.no_grad():
        picture = torch.eye(start)[None, None]  # only its height changes, so its columns are those of the matrix
        return resize(_enlarge(picture, torch.Size((between, start))), (end, start))[0, 0].to(device)


def _enlarge(logits: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(logits, size, mode="bilinear", align_corners=True)


def width_of(state: Mapping[str, Tensor]) -> int:
    """Width of the `BiSeNet` that a state dict belongs to; KeyError when it is not one's."""
    return int(state["cp.resnet.conv1.weight"].shape[0])


def num_class_of(state: Mapping[str, Tensor]) -> int:
    """Number of labels of the `BiSeNet` that a state dict belongs to; KeyError when it is not one's."""
    return int(state["conv_out.conv_out.weight"].shape[0])
