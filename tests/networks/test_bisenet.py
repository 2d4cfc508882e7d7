"""The width-scalable BiSeNet against facexlib's own."""

from __future__ import annotations

import subprocess
import sys

import facexlib.parsing.bisenet as facexlib
import pytest
import torch
from torch.testing import assert_close

import eclipsed
from eclipsed.images.conversion import resize
from eclipsed.networks.bisenet import BiSeNet, num_class_of, width_of


@pytest.fixture(scope="module")
def reference() -> torch.nn.Module:
    """facexlib's network, in eval mode, with batch statistics that are not the identity."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = facexlib.BiSeNet(num_class=19)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.1)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return network.eval()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.slow
def test_the_network_needs_neither_facexlib_nor_opencv():
    """Both take seconds to import, and OpenCV needs system libraries."""
    code = """
import sys
before = set(sys.modules)
import eclipsed.networks.bisenet
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"cv2", "facexlib", "torchvision"}), [name for name in sys.modules if "facexlib" in name])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[] []"), done.stderr


def test_at_width_64_the_keys_and_shapes_are_facexlibs(reference):
    ours = {key: tuple(value.shape) for key, value in BiSeNet(19, 64).state_dict().items()}
    assert ours == {key: tuple(value.shape) for key, value in reference.state_dict().items()}
    assert len(ours) == 191


@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
def test_at_width_64_all_three_outputs_are_facexlibs(reference, size):
    network = BiSeNet(19, 64)
    network.load_state_dict(reference.state_dict())
    network.eval()
    images = noise(2, 3, *size)
    with torch.no_grad():
        expected = reference(images)
        got = network(images)
        main = network.logits(images)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.shape == (2, 19, *size)
        assert torch.equal(ours, theirs)
    assert torch.equal(main, expected[0])


@pytest.mark.parametrize("size", [(64, 96), (40, 24), (30, 200), (1, 1)])
def test_logits_of_another_size_are_those_of_the_images_resized(size):
    network = BiSeNet(19, 8).eval()
    images = noise(2, 3, 64, 96)
    with torch.no_grad():
        assert_close(network.logits(images, size), resize(network.logits(images), size), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("width", [8, 16])
def test_a_narrow_network_has_the_same_keys_and_scaled_channels(reference, width):
    narrow = BiSeNet(19, width).state_dict()
    assert list(narrow) == list(reference.state_dict())
    for key, value in reference.state_dict().items():
        scaled = [side if side in (1, 3, 7, 19) else side * width // 64 for side in value.shape]
        assert list(narrow[key].shape) == scaled, key


def test_width_and_classes_are_read_from_a_state_dict():
    state = BiSeNet(7, 24).state_dict()
    assert (width_of(state), num_class_of(state)) == (24, 7)


def test_every_parameter_gets_a_finite_gradient_in_training():
    network = BiSeNet(19, 8).train()
    outputs = network(noise(2, 3, 64, 96))
    labels = torch.randint(19, (2, 64, 96), generator=torch.Generator().manual_seed(1))
    sum(torch.nn.functional.cross_entropy(output, labels) for output in outputs).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_one_picture_gives_the_same_alone_and_in_a_batch():
    network = BiSeNet(19, 8).eval()
    images = noise(3, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(network.logits(images)[1:2], network.logits(images[1:2]), rtol=1e-5, atol=1e-5)


def test_the_folded_network_gives_the_same_logits_without_normalisation_layers():
    torch.manual_seed(3)
    network = BiSeNet(19, 8).train()
    for _ in range(3):
        network(torch.randn(2, 3, 64, 64) + 1)  # running statistics that are not those of the start
    network.eval()
    folded = network.folded(torch.float32)
    x = torch.randn(2, 3, 64, 96)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    with torch.no_grad():
        assert_close(folded.logits(x), network.logits(x), rtol=1e-4, atol=1e-5)


def test_labels_of_mini_hardly_change_in_bfloat16():
    editor = eclipsed.Editor.from_pretrained("mini", device="cpu")
    images = editor.sample(seeds=range(8)).images
    exact, short = editor.parser.labels(images), editor.parser.labels(images, dtype=torch.bfloat16)
    assert float((exact == short).float().mean()) > 0.99
    assert not torch.equal(exact, torch.zeros_like(exact))
