"""Which segmentation networks a set may name as its parser, and what their classes are in its world; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eclipsed.errors import InputError

__all__ = ["SEGMENTERS", "VOC_CLASSES", "Segmentation", "check_classes"]

#: torchvision's networks by their names in the catalogue
SEGMENTERS = (
    "deeplabv3-resnet50",
    "deeplabv3-resnet101",
    "deeplabv3-mobilenet-v3-large",
    "lraspp-mobilenet-v3-large",
)

#: what they tell apart, in their order: Pascal VOC's classes
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


@dataclass(frozen=True)
class Segmentation:
    """A segmentation network as a set names it.

    Args:
        name: one of `SEGMENTERS`.
        classes: class of `VOC_CLASSES` -> part or group of the set's world.
    """

    name: str
    classes: Mapping[str, str]


def check_classes(classes: object) -> dict[str, str]:
    """What the classes of a segmentation network are in a world.

    Args:
        classes: class of `VOC_CLASSES` -> part or group.
    Raises:
        InputError: it is no dict of texts, is empty, or a class is unknown.
    """
    if not isinstance(classes, Mapping) or not classes or not all(isinstance(one, str) for one in classes.values()):
        raise InputError(f'classes say which part each is, such as {{"car": "body"}}; got {classes!r}')
    unknown = [name for name in classes if name not in VOC_CLASSES]
    if unknown:
        raise InputError(f"there is no class {unknown[0]!r}; known: {', '.join(VOC_CLASSES)}")
    return {str(name): part for name, part in classes.items()}
