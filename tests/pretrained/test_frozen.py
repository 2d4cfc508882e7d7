"""What all pretrained networks share: frozen, in eval mode, one way to standardise pictures, one place for copies."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from eclipsed.errors import InputError
from eclipsed.pretrained.frozen import FrozenNetwork, shortened


class Some(FrozenNetwork):
    def __init__(self, **how):
        super().__init__(**how)
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))


def test_whatever_is_put_in_is_frozen_and_stays_in_eval_mode():
    some = Some()
    some.later = nn.Linear(2, 2)
    for _ in range(2):
        assert not any(module.training for module in some.modules())
        assert not any(parameter.requires_grad for parameter in some.parameters())
        assert some.train() is some
    assert not some.training


def test_statistics_stay_as_they_are():
    some = Some().train()
    before = {name: value.clone() for name, value in some.state_dict().items()}
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(some.network(x), some.network(x))
    assert all(torch.equal(value, before[name]) for name, value in some.state_dict().items())


def test_mean_and_deviation_are_no_part_of_the_state():
    assert set(Some(mean=0.5, std=0.2).state_dict()) == set(Some().state_dict())
    assert all(name.startswith("network.") for name in Some().state_dict())


@pytest.mark.parametrize(("mean", "std"), [((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)), (0.5, 0.25)])
def test_pictures_are_brought_to_what_the_network_knows(mean, std):
    some = Some(mean=mean, std=std)
    images = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(1)).double() * 3 - 1.5
    sizes = []
    got = some.standardised(images, lambda x: (sizes.append((x.min(), x.max())), x[:, :, 1:, 2:])[1])
    assert got.dtype == torch.float32
    assert sizes[0] == (0, 1)
    for channel in range(3):
        m, s = (v if isinstance(v, float) else v[channel] for v in (mean, std))
        wanted = (images[:, channel, 1:, 2:].clamp(-1, 1) / 2 + 0.5 - m) / s
        assert_close(got[:, channel].double(), wanted, rtol=1e-5, atol=1e-5)


def test_gradients_reach_the_pictures_and_not_the_weights():
    some = Some(mean=0.5, std=0.5)
    images = torch.zeros(1, 3, 8, 8, requires_grad=True)
    some.network(some.standardised(images, lambda x: x)).square().sum().backward()
    assert torch.isfinite(images.grad).all()
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in some.parameters())


def test_what_is_no_picture_is_refused():
    with pytest.raises(InputError, match=r"\(N, 3, H, W\)"):
        Some().standardised(torch.zeros(3, 8, 8), lambda x: x)


def test_a_short_copy_is_made_once_for_each_format():
    some, made = Some(), []

    def build(dtype):
        made.append(dtype)
        return shortened(some.network, dtype)

    with torch.inference_mode():
        copies = [some.short_copy(t, lambda t=t: build(t)) for t in (torch.bfloat16, torch.float16, torch.bfloat16)]
    assert made == [torch.bfloat16, torch.float16]
    assert copies[0] is copies[2]
    assert copies[0][0].weight.dtype == torch.bfloat16
    assert copies[0][1].weight.dtype == torch.float32  # autocast leaves it so
    assert not copies[0][0].weight.is_inference()
    assert some.network[0].weight.dtype == torch.float32


def test_it_knows_where_it_runs():
    assert Some().device == torch.device("cpu")
    assert Some().to("meta").device == torch.device("meta")
