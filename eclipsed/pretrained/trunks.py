"""Where a judge of one's own begins: a network that has learned to see, with a new last layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from eclipsed.checkpoints.plain import fill_network
from eclipsed.networks.backbones import BackboneNetwork
from eclipsed.networks.classifier import AttributeNetwork, JudgeNetwork
from eclipsed.pretrained.classifier import Classifier, new_network
from eclipsed.store.files import find_network
from eclipsed.store.sets import DEFAULT_SET, find_set

__all__ = ["SCRATCH", "begin"]

#: the backbone of random weights
SCRATCH = "scratch"


def begin(backbone: str, classes: Sequence[int], *, seed: int) -> AttributeNetwork | BackboneNetwork:
    """A network whose trunk is pretrained and whose last layer is new; on the CPU.

    Args:
        backbone: one of `eclipsed.values.choices.BACKBONES`; ``"scratch"`` has a new trunk as well.
        classes: how many each attribute has.
        seed: of the new weights; torch's own generator stays as it is.
    Raises:
        MissingModelError: the network is not on this machine; names the command that gets it.
        CheckpointError: its file is damaged, or another network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if backbone == SCRATCH:
            return new_network(backbone, classes)
        if backbone == DEFAULT_SET:
            return _of_set(classes)
        network = BackboneNetwork(backbone)
        fill_network(find_network(backbone), network.network, f"trunk ({backbone})")
        network.give_classes(classes)
        return network.requires_grad_(True)


def _of_set(classes: Sequence[int]) -> JudgeNetwork:
    """The classifier of the set that ships, but for its last layer."""
    network = JudgeNetwork(classes)
    file = find_set(DEFAULT_SET).classifier
    assert file is not None, "the set that ships has a classifier"
    learned = Classifier.from_file(file, device="cpu").network.state_dict()
    own = network.state_dict()
    network.load_state_dict(own | {name: value for name, value in learned.items() if name in own})
    return network
