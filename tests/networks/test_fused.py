"""The fused operations against the reference. Without a GPU the same arithmetic runs in the library's host loop."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from eclipsed.errors import EclipsedWarning, InputError
from eclipsed.networks import frozen_layer, fused, ops

pytestmark = pytest.mark.slow  # the operations are compiled first

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TAPS = [[1, 3, 3, 1], [1, 2, 3, 4], [2, 5, 1], [[1.0, 2.0, 0.5], [0.3, 4.0, 1.0]]]  # asymmetric, odd, not square
FILTERS = [
    {},
    {"padding": (2, 1, 1, 2)},
    {"up": 2, "padding": (2, 1, 2, 1), "gain": 4.0},
    {"up": 2, "padding": (3, 0, -1, 4), "flip_filter": True},
    {"down": 2, "padding": (1, 1, 1, 1)},
    {"up": 3, "down": 2, "padding": (4, -1, -2, 3), "flip_filter": True},
]


@pytest.fixture(scope="module", autouse=True)
def built(tmp_path_factory):
    if shutil.which(os.environ.get("CXX", "c++")) is None:
        pytest.skip("there is no C++ compiler")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECLIPSED_HOME", str(tmp_path_factory.mktemp("kernels")))
        patch.setattr(torch.backends.cudnn, "allow_tf32", False)  # the reference must be exact
        fused.load(cuda=DEVICE == "cuda")
        yield


def rand(*shape, seed=0, dtype=torch.float32, last=False):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    return x.contiguous(memory_format=torch.channels_last) if last else x


def tolerance(dtype):
    return {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("taps", TAPS)
@pytest.mark.parametrize("options", FILTERS)
def test_upfirdn2d_agrees_with_the_reference(taps, options, dtype, last):
    f = ops.setup_filter(taps).to(DEVICE)
    for shape in [(2, 5, 7, 9), (2, 8, 9, 11), (1, 2, 40, 133)]:  # the last is several tiles of the kernels
        x = rand(*shape, dtype=dtype, last=last)
        got = ops.upfirdn2d(x, f, impl="fused", **options)
        wanted = ops.upfirdn2d(x.float(), f, impl="reference", **options)
        assert got.dtype == dtype
        assert got.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
        assert_close(got.float(), wanted, rtol=tolerance(dtype), atol=tolerance(dtype))


@pytest.mark.parametrize("options", FILTERS)
def test_upfirdn2d_takes_tensors_that_lie_anyhow(options):
    f = ops.setup_filter([1, 2, 3, 4]).to(DEVICE)
    views = [
        rand(3, 7, 20, 30)[:, 2:5],
        rand(2, 4, 20, 30)[:, :, 1:, 3:-2],
        rand(2, 4, 20, 30).transpose(2, 3),
        rand(2, 4, 20, 30, last=True)[:, 1:],
        rand(4, 8, 20, 30, last=True)[::2, :4],
        rand(2, 4, 1, 1).expand(-1, -1, 20, 30),
    ]
    for x in views:
        got, wanted = (ops.upfirdn2d(x, f, impl=impl, **options) for impl in ("fused", "reference"))
        assert_close(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [4, 8, 128, 256])
def test_upfirdn2d_of_the_sizes_of_a_generator(size):
    f = ops.setup_filter([1, 3, 3, 1]).to(DEVICE)
    for x in (rand(1, 4, size + 1, size + 1), rand(1, 4, size + 1, size + 1, last=True)):
        got, wanted = (ops.upfirdn2d(x, f, padding=1, gain=4.0, impl=impl) for impl in ("fused", "reference"))
        assert_close(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("taps", TAPS)
@pytest.mark.parametrize("options", FILTERS)
def test_gradients_of_upfirdn2d_agree_with_the_reference(taps, options):
    f = ops.setup_filter(taps).to(DEVICE)
    for shape, last in [((2, 3, 8, 7), False), ((2, 8, 7, 9), True), ((1, 1, 36, 140), False)]:
        gradients = []
        for impl in ("fused", "reference"):
            x = rand(*shape, last=last).requires_grad_()
            y = ops.upfirdn2d(x, f, impl=impl, **options)
            (gradient,) = torch.autograd.grad((y * rand(*y.shape, seed=1)).sum(), x)
            gradients.append(gradient)
        assert_close(gradients[0], gradients[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", FILTERS)
def test_gradients_of_the_reference_are_those_of_differences(options):
    f = ops.setup_filter([1, 2, 3, 4]).double().to(DEVICE)
    x = rand(1, 2, 5, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ops.upfirdn2d(x, f, impl="reference", **options), x)


ACTS = [
    {"act": "linear"},
    {"act": "lrelu"},
    {"act": "lrelu", "clamp": 0.7},
    {"act": "linear", "gain": 0.3, "clamp": 0.2},
    {"act": "lrelu", "gain": 2.0},
]


@pytest.mark.parametrize("shape", [(2, 5, 7, 9), (2, 16, 8, 4), (3, 5), (3, 16), (1, 5, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("options", ACTS)
def test_bias_act_agrees_with_the_reference(shape, options, biased, dtype):
    for last in (False, True) if len(shape) == 4 else (False,):
        x = rand(*shape, dtype=dtype, last=last)
        b = rand(shape[1], seed=1, dtype=dtype) if biased else None
        got = ops.bias_act(x, b, impl="fused", **options)
        wanted = ops.bias_act(x.float(), None if b is None else b.float(), impl="reference", **options)
        assert got.dtype == dtype
        assert got.stride() == x.stride()
        assert_close(got.float(), wanted, rtol=tolerance(dtype), atol=tolerance(dtype))


@pytest.mark.parametrize("options", ACTS)
def test_gradients_of_bias_act_agree_with_the_reference(options):
    gradients = []
    for impl in ("fused", "reference"):
        x, b = rand(2, 5, 7, 9).requires_grad_(), rand(5, seed=1).requires_grad_()
        y = ops.bias_act(x, b, impl=impl, **options)
        gradients.append(torch.autograd.grad((y * rand(*y.shape, seed=2)).sum(), (x, b)))
    for got, wanted in zip(*gradients, strict=True):
        assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def layers():
    """Frozen layers that do and do not double the size, with few channels and with enough for packs of eight."""
    for up, channels, clamp in [(1, 5, 0.9), (2, 5, None), (2, 16, 0.9), (1, 16, None)]:
        weight, taps = rand(channels, channels, 3, 3), ops.setup_filter([1, 2, 3, 4]).to(DEVICE)
        power = weight.square().sum((2, 3))
        yield frozen_layer.FrozenLayer(weight, power, rand(channels, seed=1), taps, up, clamp)


@pytest.mark.parametrize("noise", [None, (), (2, 1)])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_follows_a_convolution_agrees_with_the_passes_it_replaces(dtype, last, noise):
    for layer in layers():
        x = rand(2, len(layer.bias), 8, 7, seed=2, dtype=dtype, last=last)
        scale = rand(*x.shape[:2], seed=3)
        around = None if noise is None else rand(*noise, 8, 7, seed=4)
        got = fused.finish(x, scale, around, layer.bias, clamp=layer.clamp)
        wanted = x.float() * scale[:, :, None, None] + (0.0 if around is None else around)
        wanted = ops.bias_act(wanted, layer.bias, act="lrelu", gain=1.0, clamp=layer.clamp, impl="reference")
        assert got.dtype == dtype
        assert got.stride() == x.stride()
        assert_close(got.float(), wanted, rtol=tolerance(dtype), atol=tolerance(dtype))


@pytest.mark.parametrize("noise", [None, (), (2, 1)])
@pytest.mark.parametrize("last", [False, True])
def test_frozen_layers_agree_with_and_without_fused_operations(last, noise, monkeypatch):
    for layer in layers():
        x = rand(2, len(layer.bias), 8, 8, seed=2, last=last).requires_grad_()
        style = rand(*x.shape[:2], seed=3).requires_grad_()
        around = None if noise is None else rand(*noise, 8 * layer.up, 8 * layer.up, seed=4)
        results = []
        for takes in (True, False):
            monkeypatch.setattr(frozen_layer, "_takes_fused", lambda y, takes=takes: takes)
            y = frozen_layer.frozen_layer(x, style, around, layer)
            results.append((y, *torch.autograd.grad((y * rand(*y.shape, seed=5)).sum(), (x, style))))
        for got, wanted in zip(*results, strict=True):
            assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_a_single_sample_may_scale_the_weight_instead_of_the_features(monkeypatch):
    for layer in layers():
        x = rand(1, len(layer.bias), 8, 8, seed=2).requires_grad_()
        style = rand(*x.shape[:2], seed=3).requires_grad_()
        results = []
        for modulate in (lambda x, style, w: (x, w * style[0, :, None, None]), frozen_layer._modulate):
            monkeypatch.setattr(frozen_layer, "_modulate", modulate)
            y = frozen_layer.frozen_layer(x, style, None, layer)
            results.append((y, *torch.autograd.grad((y * rand(*y.shape, seed=5)).sum(), (x, style))))
        for got, wanted in zip(*results, strict=True):
            assert_close(got, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("noise", [None, (), (2, 1)])
def test_gradients_of_frozen_layers_are_those_of_differences(noise):
    for layer in layers():
        if len(layer.bias) > 5:
            continue
        double = {name: getattr(layer, name).cpu().double() for name in ("weight", "power", "bias", "taps")}
        layer = replace(layer, **double, clamp=None)
        x, style = torch.randn(2, 5, 3, 3).double().requires_grad_(), torch.randn(2, 5).double().requires_grad_()
        around = None if noise is None else torch.randn(*noise, 3 * layer.up, 3 * layer.up).double()

        def draw(x, style, layer=layer, around=around):
            return frozen_layer.frozen_layer(x, style, around, layer)

        assert torch.autograd.gradcheck(draw, (x, style))


def test_bias_along_another_axis():
    x, b = rand(4, 3, 6), rand(6, seed=1)
    assert_close(ops.bias_act(x, b, dim=-1, impl="fused"), x + b)
    x, b = rand(2, 8, 3, 6, last=True), rand(6, seed=1)
    assert_close(ops.bias_act(x, b, dim=3, impl="fused"), x + b)


def test_what_the_fused_operations_do_not_take_is_refused_or_left_to_the_reference():
    x, f = rand(1, 1, 4, 4).double(), ops.setup_filter([1, 1]).to(DEVICE)
    with pytest.raises(InputError, match=r"not to be had for torch\.float64"):
        ops.upfirdn2d(x, f, impl="fused")
    with pytest.raises(InputError, match="not to be had"):
        ops.bias_act(x, impl="fused")
    assert ops.upfirdn2d(x, f).dtype == torch.float64
    with pytest.raises(InputError, match="impl must be auto, reference or fused; got 'fast'"):
        ops.bias_act(x, impl="fast")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_left_to_choose_a_gpu_takes_the_fused_operations():
    x = rand(1, 2, 4, 4).requires_grad_()
    assert ops.bias_act(x).grad_fn.name().startswith("_BiasAct")


FAKE = """#!/bin/sh
echo run >> {log}
while [ "$1" != "-o" ]; do shift; done
{then}
"""


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """A compiler that only writes down that it was run."""

    def install(then='echo library > "$2"'):
        path = tmp_path / "c++"
        path.write_text(FAKE.format(log=tmp_path / "log", then=then))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("CXX", str(path))
        monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path / "home"))
        return lambda: len((tmp_path / "log").read_text().split()) if (tmp_path / "log").exists() else 0

    return install


def test_a_build_is_kept_until_the_sources_change(compiler, tmp_path, monkeypatch):
    runs = compiler()
    first = fused.build(cuda=False)
    assert first.is_file()
    assert runs() == 2  # compiled and linked
    assert fused.build(cuda=False) == first
    assert runs() == 2
    changed = tmp_path / "sources"
    shutil.copytree(fused.FOLDER, changed)
    (changed / "launch.h").write_text((changed / "launch.h").read_text() + "\n// changed\n")
    monkeypatch.setattr(fused, "FOLDER", changed)
    assert fused.build(cuda=False) != first
    assert runs() == 4
    monkeypatch.setattr(torch, "__version__", "99.0")
    fused.build(cuda=False)
    assert runs() == 6


def test_two_processes_may_build_at_once(compiler, tmp_path):
    compiler()
    code = "from eclipsed.networks import fused; print(fused.build(cuda=False))"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    places = {process.communicate()[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(places) == 1
    assert [path.name for path in (tmp_path / "home" / "kernels").iterdir()] == [places.pop().split("/")[-2]]


def test_a_failing_build_leaves_nothing_and_says_why(compiler, tmp_path):
    compiler("echo 'fused.cpp:1: error: no such luck' >&2; exit 1")
    with pytest.raises(RuntimeError, match="no such luck"):
        fused.build(cuda=False)
    assert list((tmp_path / "home" / "kernels").iterdir()) == []


def test_without_a_toolkit_there_is_one_warning_and_then_the_reference(compiler, monkeypatch):
    compiler()
    monkeypatch.setattr(fused, "_serves", None)
    monkeypatch.setattr(fused, "_nvcc", lambda: (_ for _ in ()).throw(RuntimeError("nvcc was not found")))
    with pytest.warns(EclipsedWarning, match="could not be built") as seen:
        fused._load_or_warn()
    assert len(seen) == 1
    assert not fused.is_ready(rand(1, 1))


def test_the_cuda_kernels_compile(tmp_path, monkeypatch):
    if shutil.which("nvcc") is None or torch.version.cuda is None:
        pytest.skip("there is no CUDA toolkit, or torch has no CUDA")
    monkeypatch.setenv("ECLIPSED_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "9.0")
    assert fused.build(cuda=True).is_file()
