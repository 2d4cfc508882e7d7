"""Ranges and layouts: reference values by hand, identity, gradients, error messages."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.images.conversion import check_images, from_pil, from_uint8, resize, to_pil, to_uint8


def random_images(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_range_is_mapped_end_to_end():
    images = torch.tensor([-1.0, 0.0, 1.0, -1.5, 7.0, float("nan")]).reshape(1, 1, 2, 3).expand(1, 3, 2, 3)
    assert to_uint8(images)[0, :, :, 0].flatten().tolist() == [0, 128, 255, 0, 255, 128]


def test_every_8_bit_value_survives_the_round_trip():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).repeat(1, 1, 1, 3)
    images = from_uint8(pixels)
    assert images.dtype == torch.float32
    assert images.min() == -1
    assert images.max() == 1
    assert torch.equal(to_uint8(images), pixels)


def test_channels_and_axes_keep_their_places():
    pixels = np.zeros((2, 4, 3), np.uint8)  # two rows, four columns
    pixels[0, 3] = (255, 0, 51)
    images = from_uint8(pixels)
    assert images.shape == (1, 3, 2, 4)
    assert_close(images[0, :, 0, 3], torch.tensor([1.0, -1.0, -0.6]))
    picture = to_pil(images)[0]
    assert picture.size == (4, 2)
    assert picture.getpixel((3, 0)) == (255, 0, 51)


def test_from_pil_converts_modes():
    grey = from_pil(Image.new("L", (3, 2), 255))
    assert grey.shape == (1, 3, 2, 3)
    assert (grey == 1).all()
    clear = from_pil(Image.new("RGBA", (3, 2), (0, 0, 0, 0)))
    assert (clear == 1).all()  # transparent black shows as white


def test_from_pil_resizes_to_one_size():
    pictures = [Image.new("RGB", (8, 8), "red"), Image.new("RGB", (5, 9), "red")]
    images = from_pil(pictures, size=(6, 4))
    assert images.shape == (2, 3, 6, 4)
    assert_close(images[1], torch.tensor([1.0, -1.0, -1.0]).reshape(3, 1, 1).expand(3, 6, 4), rtol=0, atol=1e-5)


def area_by_hand(image: np.ndarray, factor: int) -> np.ndarray:
    rows, columns = (n // factor for n in image.shape)
    out = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            out[row, column] = image[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor].mean()
    return out


def test_area_is_the_mean_of_the_covered_pixels():
    images = random_images(1, 3, 6, 9)
    got = resize(images, (2, 3), mode="area")
    for channel in range(3):
        want = area_by_hand(images[0, channel].double().numpy(), 3)
        assert_close(got[0, channel].double(), torch.from_numpy(want), rtol=1e-5, atol=1e-6)


def test_bilinear_enlarges_about_pixel_centres():
    images = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    assert_close(resize(images, (1, 4)), torch.tensor([0.0, 0.25, 0.75, 1.0]).reshape(1, 1, 1, 4))


def test_bilinear_shrinks_with_the_triangle_filter():
    images = random_images(1, 1, 1, 12)
    got = resize(images, (1, 4))[0, 0, 0].double()
    source = images[0, 0, 0].double().numpy()
    for index in range(4):
        centre = (index + 0.5) * 3
        weights = np.maximum(0, 1 - np.abs((np.arange(12) + 0.5 - centre) / 3))
        assert_close(got[index].item(), float((weights * source).sum() / weights.sum()), rtol=1e-5, atol=1e-6)


def test_nearest_takes_the_pixel_whose_centre_is_nearest():
    images = torch.arange(5.0).reshape(1, 1, 1, 5)
    assert resize(images, (1, 3), mode="nearest").flatten().tolist() == [0, 2, 4]


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area", "nearest"])
def test_resize_keeps_the_input_the_dtype_and_the_gradient(mode):
    images = random_images(2, 3, 6, 8).double().requires_grad_()
    assert resize(images, (6, 8), mode=mode) is images
    small = resize(images, (3, 5), mode=mode)
    assert small.dtype == torch.float64
    (gradient,) = torch.autograd.grad(small.square().sum(), images)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


def test_resize_treats_images_of_a_batch_alike():
    images = random_images(3, 3, 7, 7)
    assert_close(resize(images, 4)[1:2], resize(images[1:2], 4))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("a.png", r"images must be a tensor \(N, 3, H, W\); got str"),
        (torch.zeros(3, 4, 4), r"must have the shape \(N, 3, H, W\); got \(3, 4, 4\)"),
        (torch.zeros(1, 1, 4, 4), r"got \(1, 1, 4, 4\)"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), r"must be float in \[-1, 1\]; got torch.uint8"),
    ],
)
def test_check_images_says_what_came(bad, message):
    with pytest.raises(InputError, match=message):
        check_images(bad)


def test_other_error_messages():
    with pytest.raises(InputError, match=r"must be uint8; got torch.float64"):
        from_uint8(np.zeros((1, 2, 2, 3)))
    with pytest.raises(InputError, match=r"got \(1, 2, 2, 4\)"):
        from_uint8(np.zeros((1, 2, 2, 4), np.uint8))
    with pytest.raises(InputError, match="at least one picture"):
        from_pil([])
    with pytest.raises(InputError, match=r"several sizes \(2x3, 4x4\); give size="):
        from_pil([Image.new("RGB", (4, 4)), Image.new("RGB", (2, 3))])
    with pytest.raises(InputError, match="unknown resampling 'lanczos'"):
        resize(torch.zeros(1, 3, 4, 4), 2, mode="lanczos")
    with pytest.raises(InputError, match="at least 1 x 1 pixel; got 0 x 4"):
        resize(torch.zeros(1, 3, 4, 4), (0, 4))
    with pytest.raises(InputError, match=r"torch.int64 \(1, 1, 4, 4\)"):
        resize(torch.zeros(1, 1, 4, 4, dtype=torch.int64), 2)
