"""BiSeNet, the face parser's network, at any width, built from facexlib's own blocks."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from eclipsed.compute.graphs import hold
from eclipsed.errors import MissingExtraError
from eclipsed.images.conversion import resize

__all__ = ["BiSeNet", "num_class_of", "width_of"]


def _facexlib(module: str) -> Any:
    """One module of ``facexlib.parsing``, without the rest of facexlib.

    ``import facexlib`` pulls in OpenCV, which needs system libraries (libGL, libxcb) that a plain Python machine
    lacks; the parser's two files need only torch.
    """
    package = "eclipsed.networks._facexlib_parsing"
    if package not in sys.modules:
        spec = importlib.util.find_spec("facexlib")  # looks it up without running it
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError("the face parser needs the package facexlib; install it: pip install facexlib")
        sys.modules[package] = ModuleType(package)
        sys.modules[package].__path__ = [f"{folder}/parsing" for folder in spec.submodule_search_locations]
    return importlib.import_module(f"{package}.{module}")


facexlib_bisenet = _facexlib("bisenet")
facexlib_resnet = _facexlib("resnet")


class BiSeNet(nn.Module):
    """Bilateral segmentation network on a ResNet-18 whose channel counts all follow one width.

    Modules, key names and forward pass are facexlib's; at width 64 so are the shapes and the numbers.

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
        self.ffm = facexlib_bisenet.FeatureFusionModule(2 * context, 2 * context)
        self.conv_out = facexlib_bisenet.BiSeNetOutput(2 * context, 2 * context, num_class)
        self.conv_out16 = facexlib_bisenet.BiSeNetOutput(context, width, num_class)
        self.conv_out32 = facexlib_bisenet.BiSeNetOutput(context, width, num_class)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the main head and of the two auxiliary heads that help training.

        Args:
            images: normalised pictures, (N, 3, H, W), H and W multiples of 32. In training mode N must be at least 2.
        Returns:
            Three tensors (N, num_class, H, W): the main head, the head at 1/8 and the head at 1/16 of the size.
        """
        size = images.shape[2:]
        spatial, context8, context16 = self.cp(images)
        main = self.conv_out(self.ffm(spatial, context8))[0]
        return (
            _enlarge(main, size),
            _enlarge(self.conv_out16(context8)[0], size),
            _enlarge(self.conv_out32(context16)[0], size),
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
        main = self.conv_out(self.ffm(spatial, context8))[0].float()
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


class _ContextPath(facexlib_bisenet.ContextPath):  # type: ignore[misc, name-defined]
    """facexlib's context path, its forward pass untouched, with channels that follow the width."""

    def __init__(self, width: int) -> None:
        nn.Module.__init__(self)
        context = 2 * width
        self.resnet = _ResNet18(width)
        self.arm16 = facexlib_bisenet.AttentionRefinementModule(4 * width, context)
        self.arm32 = facexlib_bisenet.AttentionRefinementModule(8 * width, context)
        self.conv_head32 = facexlib_bisenet.ConvBNReLU(context, context, ks=3, stride=1, padding=1)
        self.conv_head16 = facexlib_bisenet.ConvBNReLU(context, context, ks=3, stride=1, padding=1)
        self.conv_avg = facexlib_bisenet.ConvBNReLU(8 * width, context, ks=1, stride=1, padding=0)


class _ResNet18(facexlib_resnet.ResNet18):  # type: ignore[misc, name-defined]
    """facexlib's ResNet-18, its forward pass untouched, with channels that follow the width."""

    def __init__(self, width: int) -> None:
        nn.Module.__init__(self)
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = facexlib_resnet.create_layer_basic(width, width, bnum=2, stride=1)
        self.layer2 = facexlib_resnet.create_layer_basic(width, 2 * width, bnum=2, stride=2)
        self.layer3 = facexlib_resnet.create_layer_basic(2 * width, 4 * width, bnum=2, stride=2)
        self.layer4 = facexlib_resnet.create_layer_basic(4 * width, 8 * width, bnum=2, stride=2)


def _norms_after(children: list[tuple[str, nn.Module]]) -> Iterator[tuple[tuple[str, Any], tuple[str, Any]]]:
    """The convolutions among some modules, each with the batch normalisation that takes its result.

    facexlib names them alike: ``conv`` and ``bn``, ``conv1`` and ``bn1``, ``conv_atten`` and ``bn_atten``; in a
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
