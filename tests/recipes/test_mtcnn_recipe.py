"""The recipe that converts MTCNN: joblib's files read without running anything, and weights in another order."""

import io
import os

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from recipes.mtcnn.convert import convert, network_state
from recipes.mtcnn.joblib_arrays import arrays_of

joblib = pytest.importorskip("joblib")

SHAPES = {
    "proposal": [
        (3, 3, 3, 10), (10,), (1, 1, 10), (3, 3, 10, 16), (16,), (1, 1, 16), (3, 3, 16, 32), (32,), (1, 1, 32),
        (1, 1, 32, 4), (4,), (1, 1, 32, 2), (2,),
    ],
    "refinement": [
        (3, 3, 3, 28), (28,), (1, 1, 28), (3, 3, 28, 48), (48,), (1, 1, 48), (2, 2, 48, 64), (64,), (1, 1, 64),
        (576, 128), (128,), (128,), (128, 4), (4,), (128, 2), (2,),
    ],
}  # fmt: skip


def arrays(name):
    rng = np.random.RandomState(0)
    return [0.2 * rng.randn(*shape).astype(np.float32) for shape in SHAPES[name]]


def dumped(content):
    stream = io.BytesIO()
    joblib.dump(content, stream)
    return stream.getvalue()


def test_arrays_come_back_as_they_were():
    wanted = [
        *arrays("refinement"),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.zeros((0, 3), "f4"),
    ]
    found = arrays_of(dumped(wanted))
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


class Evil:
    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.mark.parametrize(
    "content",
    [
        [Evil()],
        [np.array([Evil()], dtype=object)],
        {"weights": np.zeros(2, "f4")},
        [np.zeros(2, "f4"), 3],
        [np.array(["a", "b"])],
    ],
    ids=["a call", "a call in an array", "a dictionary", "a number", "words"],
)
def test_anything_else_is_refused_and_nothing_runs(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"^(refused|expected)"):
        arrays_of(dumped(content))
    assert not list(tmp_path.iterdir())


def test_a_file_cut_short_is_no_array():
    content = dumped(arrays("proposal"))
    for length in range(1, len(content) - 1, len(content) // 40):
        with pytest.raises(ValueError):
            arrays_of(content[:length])


def keras(images, weights):
    """The refinement network by Keras' layers: channels last, padding at the end, columns before rows."""
    left = [torch.from_numpy(one) for one in weights]

    def layer(x, after):
        kernel, bias, slope = (left.pop(0) for _ in range(3))
        windows = x.unfold(1, kernel.shape[0], 1).unfold(2, kernel.shape[1], 1)  # (N, h, w, in, kh, kw)
        x = torch.einsum("nhwckl,klco->nhwo", windows, kernel) + bias
        return after(torch.where(x > 0, x, slope.reshape(-1) * x))

    def pooled(x, end):
        x = F.pad(x, (0, 0, 0, end, 0, end), value=-torch.inf)
        return x.unfold(1, 3, 2).unfold(2, 3, 2).amax((-1, -2))

    x = layer(images, lambda x: pooled(x, 1))
    x = layer(x, lambda x: pooled(x, 0))
    x = layer(x, lambda x: x.permute(0, 2, 1, 3).flatten(1))
    kernel, bias, slope = (left.pop(0) for _ in range(3))
    x = x @ kernel + bias
    x = torch.where(x > 0, x, slope * x)
    box = x @ left.pop(0) + left.pop(0)
    return torch.softmax(x @ left.pop(0) + left.pop(0), 1)[:, 1], box


def test_the_weights_do_the_same_in_pytorchs_order():
    from eclipsed.networks.mtcnn import RefinementNetwork

    network = RefinementNetwork()
    network.load_state_dict(network_state("refinement", arrays("refinement")))
    images = torch.randn(3, 24, 24, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = network(images.permute(0, 3, 1, 2))
    for one, other in zip(found, keras(images, arrays("refinement")), strict=True):
        assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_another_wheel_is_refused(tmp_path):
    wheel = tmp_path / "mtcnn-1.0.0-py3-none-any.whl"
    wheel.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"is not the wheel of mtcnn 1\.0\.0: expected the sha256 0a96b486"):
        convert(wheel, tmp_path)
