"""Words and bounds that both the options, which load no torch, and the code that computes with them must know."""

from __future__ import annotations

__all__ = ["BACKBONES", "DIFFERENCES", "LAST_ROW", "LOCALITY_LOSSES", "MASKS", "PRECISIONS", "ROW_GROUPS", "STARTS"]

#: Where a judge of one's own begins: with what the classifier of `mini` learned, with nothing, or with a network of the
#: store that torchvision publishes.
BACKBONES = (
    "mini",
    "scratch",
    "resnet18",
    "resnet50",
    "efficientnet-b0",
    "efficientnet-b1",
    "efficientnet-b2",
    "vit-b-16",
)

#: How two feature maps are told apart, place by place.
DIFFERENCES = ("l2", "l1", "cosine")

#: How the region before an edit and that after it become one mask.
MASKS = ("average", "union", "intersection")

#: What the locality loss makes of the change inside the mask and outside.
LOCALITY_LOSSES = ("score", "ratio", "bounded")

#: Where a delta begins.
STARTS = ("zero", "small", "unit", "faces", "atlas")

#: What networks compute in; the first is the format that the device is fast in.
PRECISIONS = ("auto", "float32", "bfloat16", "float16")

#: Names of rows of ws that act alike; the last is all of them.
ROW_GROUPS = ("coarse", "middle", "fine", "all")

#: The highest row of ws that any generator may have.
LAST_ROW = 1023
