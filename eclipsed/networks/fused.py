"""The fused CUDA operations: built on first use into the user's cache, loaded, and given gradients.

`eclipsed.networks.ops` chooses between them and the readable reference. The sources lie in ``kernels``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.store.files import home

__all__ = ["bias_act", "build", "cache_folder", "finish", "finish_grad", "is_ready", "load", "upfirdn2d"]

FOLDER = Path(__file__).parent / "kernels"
_TAKES = (torch.float32, torch.float16, torch.bfloat16)
_LIBRARY = "eclipsed_fused.so"

#: devices that the loaded library serves; None before the first question
_serves: tuple[str, ...] | None = None


def cache_folder() -> Path:
    """Where built kernels lie: ``kernels`` in the user's folder."""
    return home() / "kernels"


def is_ready(x: Tensor) -> bool:
    """Whether the fused operations take a tensor; the first CUDA tensor that is asked about lets them be built.

    Warns:
        EclipsedWarning: once, when they cannot be built.
    """
    if x.dtype not in _TAKES:
        return False
    if _serves is None and x.device.type == "cuda":
        _load_or_warn()
    return _serves is not None and x.device.type in _serves


def _load_or_warn() -> None:
    global _serves
    try:
        load(cuda=True)
    except (OSError, RuntimeError) as error:
        _serves = ()
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        message = f"the fused CUDA operations could not be built ({reason}); the slower PyTorch ones run instead"
        warnings.warn(EclipsedWarning(message), stacklevel=4)


def load(*, cuda: bool) -> None:
    """Build the operations where the cache lacks them, and make them known to PyTorch. Once in a process.

    Args:
        cuda: see `build`. The CUDA library has the host's loop too.
    Raises:
        RuntimeError: the other library is loaded already, or it cannot be built.
        OSError: the cache cannot be written, or the library not be loaded.
    """
    global _serves
    wanted = ("cpu", "cuda") if cuda else ("cpu",)
    if _serves:
        if not set(wanted) <= set(_serves):
            raise RuntimeError("the fused operations are loaded already, without CUDA; start a new process")
        return
    torch.ops.load_library(str(build(cuda=cuda)))
    _serves = wanted


def build(*, cuda: bool) -> Path:
    """Build the operations unless the cache has them.

    The cache's key is made of the sources, torch, Python and, with CUDA, the GPU's architecture. Each process builds
    in a folder of its own and moves the result into place, so two that build at once do not meet.

    Args:
        cuda: with the CUDA kernels; else the host's loop alone, which tests hold against the reference.
    Returns:
        The library.
    Raises:
        RuntimeError: no compiler or CUDA toolkit, or the build fails.
        OSError: the cache cannot be written.
    """
    place = cache_folder() / _key(cuda) / _LIBRARY
    if not place.is_file():
        _compile(place, cuda)
    return place


def _key(cuda: bool) -> str:
    digest = hashlib.sha256()
    for path in sorted(FOLDER.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    facts = [torch.__version__, sys.version, platform.machine(), *(_architectures() if cuda else ["host"])]
    digest.update("\n".join(facts).encode())
    return digest.hexdigest()[:20]


def _architectures() -> list[str]:
    """What TORCH_CUDA_ARCH_LIST would say: the GPUs of this machine, or that variable itself."""
    given = os.environ.get("TORCH_CUDA_ARCH_LIST")
    if given:
        return given.replace(";", " ").split()
    if not torch.cuda.is_available():
        return ["8.0"]
    count = torch.cuda.device_count()
    return sorted({"{}.{}".format(*torch.cuda.get_device_capability(index)) for index in range(count)})


def _compile(place: Path, cuda: bool) -> None:
    place.parent.parent.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(prefix=".building-", dir=place.parent.parent))
    try:
        for path in FOLDER.iterdir():
            shutil.copy(path, own / path.name)
        (own / "build.ninja").write_text(_ninja_file(cuda), encoding="utf-8")
        _run_ninja(own)
        place.parent.mkdir(exist_ok=True)
        os.replace(own / _LIBRARY, place)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _run_ninja(folder: Path) -> None:
    try:
        import ninja

        command = [str(Path(ninja.BIN_DIR) / "ninja")]
    except ImportError:
        command = ["ninja"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()]
        raise RuntimeError(said[0] if said else "the build failed")


def _ninja_file(cuda: bool) -> str:
    """What ninja is told: at most two files to compile, one library to link.

    With CUDA nvcc drives all three, for it knows where the headers and libraries of its toolkit lie.
    """
    from torch.utils import cpp_extension

    kind = "cuda" if cuda else "cpu"
    includes = " ".join(f"-I{path}" for path in cpp_extension.include_paths(kind))
    libraries = " ".join(f"-L{path}" for path in cpp_extension.library_paths(kind))
    links = "-lc10 -ltorch_cpu -ltorch"
    if not cuda:
        compiler = os.environ.get("CXX", "c++")
        compile_cpp = f"{compiler} -O3 -std=c++20 -fPIC {includes}"
        link = f"{compiler} -shared"
    else:
        nvcc = _nvcc()
        compile_cpp = f"{nvcc} -x c++ -O3 -std=c++20 --compiler-options=-fPIC -DECLIPSED_CUDA {includes}"
        link = f"{nvcc} -shared -cudart=shared"
        links += " -lc10_cuda -ltorch_cuda"
    lines = ["rule cpp", f"  command = {compile_cpp} -c $in -o $out", "build fused_host.o: cpp fused.cpp"]
    objects = "fused_host.o"
    if cuda:
        lines += ["rule nvcc", f"  command = {nvcc} {' '.join(_nvcc_flags())} -c $in -o $out"]
        lines += ["build fused_cuda.o: nvcc fused.cu"]
        objects += " fused_cuda.o"
    lines += ["rule link", f"  command = {link} $in -o $out {libraries} {links}", f"build {_LIBRARY}: link {objects}"]
    return "\n".join([*lines, ""])


def _nvcc() -> str:
    from torch.utils.cpp_extension import CUDA_HOME

    found = shutil.which("nvcc") or (shutil.which("nvcc", path=str(Path(CUDA_HOME) / "bin")) if CUDA_HOME else None)
    if found is None:
        raise RuntimeError("there is no CUDA toolkit: nvcc was not found")
    return found


def _nvcc_flags() -> list[str]:
    targets = []
    for name in _architectures():
        number = name.split("+")[0].replace(".", "")
        targets.append(f"-gencode=arch=compute_{number},code=sm_{number}")
    return ["-O3", "-std=c++17", "--compiler-options=-fPIC", *targets]


def bias_act(x: Tensor, b: Tensor | None, *, dim: int, lrelu: bool, gain: float, clamp: float | None) -> Tensor:
    """`eclipsed.networks.ops.bias_act` in one pass, with a gradient of one pass."""
    if gain <= 0:
        raise InputError(f"the fused bias_act takes a gain above 0; got {gain}")
    bias = x.new_empty(0, dtype=torch.float32) if b is None else b
    settings = (dim % x.ndim, lrelu, gain, -1.0 if clamp is None else clamp)
    if torch.is_grad_enabled() and (x.requires_grad or bias.requires_grad):
        result: Tensor = _BiasAct.apply(x, bias, *settings)
        return result
    return _bias_act(x, bias, *settings)


def _bias_act(x: Tensor, bias: Tensor, dim: int, lrelu: bool, gain: float, clamp: float) -> Tensor:
    none = x.new_empty(0)
    result: Tensor = torch.ops.eclipsed_fused.bias_act(x, bias, none, none, dim, lrelu, gain, clamp)
    return result


def finish(x: Tensor, scale: Tensor, noise: Tensor | None, b: Tensor, *, clamp: float | None) -> Tensor:
    """All that follows a synthesis layer's convolution, in one pass: leaky ReLU of scale · x + noise + b, clamped.

    No gradient is recorded; `finish_grad` begins one.

    Args:
        x: what the convolution gave, (N, C, H, W).
        scale: (N, C).
        noise: (H, W) or (N, 1, H, W); None is none.
        b: bias, (C,).
        clamp: largest absolute value of the result; None leaves it.
    """
    none = x.new_empty(0)
    limit = -1.0 if clamp is None else clamp
    around = none if noise is None else noise
    result: Tensor = torch.ops.eclipsed_fused.bias_act(x, b, scale, around, 1, True, 1.0, limit)
    return result


def finish_grad(grad: Tensor, result: Tensor, *, clamp: float | None) -> Tensor:
    """Gradient of scale · x + noise + b in `finish`, from that of the result and the result itself."""
    limit = -1.0 if clamp is None else clamp
    inner: Tensor = torch.ops.eclipsed_fused.bias_act_grad(grad, result, True, 1.0, limit)
    return inner


def upfirdn2d(
    x: Tensor, f: Tensor, *, up: int, down: int, padding: tuple[int, int, int, int], flip_filter: bool, gain: float
) -> Tensor:
    """`eclipsed.networks.ops.upfirdn2d` in one pass, with a gradient of one pass."""
    if torch.is_grad_enabled() and x.requires_grad:
        result: Tensor = _UpFirDn.apply(x, f, up, down, padding, flip_filter, gain)
        return result
    return _upfirdn2d(x, f, up, down, padding, flip_filter, gain)


def _upfirdn2d(
    x: Tensor, f: Tensor, up: int, down: int, padding: tuple[int, int, int, int], flip: bool, gain: float
) -> Tensor:
    result: Tensor = torch.ops.eclipsed_fused.upfirdn2d(x, f, up, down, *padding, flip, gain)
    return result


class _BiasAct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, dim: int, lrelu: bool, gain: float, clamp: float) -> Tensor:
        result = _bias_act(x, bias, dim, lrelu, gain, clamp)
        ctx.save_for_backward(result)
        ctx.settings = (bias.numel() > 0, bias.dtype, dim, lrelu, gain, clamp)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None, None, None]:
        (result,) = ctx.saved_tensors
        biased, dtype, dim, lrelu, gain, clamp = ctx.settings
        inner = torch.ops.eclipsed_fused.bias_act_grad(grad, result, lrelu, gain, clamp)
        own = None
        if biased and ctx.needs_input_grad[1]:
            others = [axis for axis in range(inner.ndim) if axis != dim]
            own = (inner.sum(others, dtype=torch.float32) if others else inner).to(dtype)
        return inner, own, None, None, None, None


class _UpFirDn(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        f: Tensor,
        up: int,
        down: int,
        padding: tuple[int, int, int, int],
        flip: bool,
        gain: float,
    ) -> Tensor:
        result = _upfirdn2d(x, f, up, down, padding, flip, gain)
        ctx.save_for_backward(f)
        ctx.settings = (x.shape[2:], result.shape[2:], up, down, padding, flip, gain)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None, None, None]:
        (f,) = ctx.saved_tensors
        (height, width), (high, wide), up, down, (left, _, top, _), flip, gain = ctx.settings
        # The gradient is the same operation with up and down exchanged and the filter turned round.
        kh, kw = f.shape
        first_x, first_y = kw - left - 1, kh - top - 1
        last_x = width * up - wide * down + left - up + 1
        last_y = height * up - high * down + top - up + 1
        pads = (first_x, last_x, first_y, last_y)
        inner = _upfirdn2d(grad, f, down, up, pads, not flip, gain)
        return inner, None, None, None, None, None, None
