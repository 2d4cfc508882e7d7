"""Whether a file holds the network that it is fetched as, by the keys and shapes of that network."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from eclipsed.checkpoints.plain import compare_state, read_plain_state, with_counters
from eclipsed.checkpoints.torch_file import load_weights
from eclipsed.networks.backbones import BackboneNetwork
from eclipsed.pretrained.segmenter import new_segmenter

__all__ = ["check_network"]

_SMALL_DETECTOR = "body.stage1.0.0.weight"  # of RetinaFace on MobileNet


def check_network(kind: str, path: Path, *, name: str = "") -> None:
    """Open a file of weights and compare it with the network of its kind.

    Args:
        kind: as in the catalogue; a detector, landmarks, a backbone, a trunk and a segmenter are compared, others only
            opened.
        path: the file.
        name: of the network in the catalogue; that of a trunk or segmenter says its architecture.
    Raises:
        CheckpointError: it is damaged, asks to run code, or is another network.
    """
    if kind not in ("detector", "landmarks", "backbone", "trunk", "segmenter"):
        load_weights(path)
        return
    try:
        what, networks = _of_kind(kind, name)
    except ImportError:  # OpenCV, which facexlib needs, needs libraries of the system
        load_weights(path)
        return
    states = [network.state_dict() for network in networks]
    state = read_plain_state(path, what, states[0])
    expected = states[-1] if _SMALL_DETECTOR in state else states[0]
    compare_state(path, expected, with_counters(expected, state), f"a {what}")


def _of_kind(kind: str, name: str) -> tuple[str, list[Any]]:
    """What such a network is called, and those that it may be."""
    with warnings.catch_warnings(), torch.device("meta"):  # shapes only: no memory, no random numbers
        warnings.simplefilter("ignore")  # torchvision's, about how facexlib calls it
        if kind == "detector":
            from facexlib.detection.retinaface import RetinaFace

            both = [RetinaFace(network_name=name, device="meta") for name in ("resnet50", "mobile0.25")]
            return "face detector (RetinaFace)", both
        if kind == "landmarks":
            from facexlib.alignment.awing_arch import FAN

            return "landmark network (AWing, 98 points)", [FAN(num_modules=4, num_landmarks=98, device="meta")]
        if kind == "trunk":
            return f"trunk ({name})", [BackboneNetwork(name).network]
        if kind == "segmenter":
            return f"segmentation network ({name})", [new_segmenter(name)]
        from torchvision.models import alexnet

        return "backbone of LPIPS (AlexNet)", [alexnet(weights=None)]
