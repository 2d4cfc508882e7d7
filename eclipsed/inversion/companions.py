"""The networks that photographs need: a set's own, or those of the store that are on this machine."""

from __future__ import annotations

import warnings

import torch

from eclipsed.errors import EclipsedWarning, MissingModelError
from eclipsed.photos.cascade import MTCNNFinder
from eclipsed.photos.finding import FaceFinder, FacexlibFinder
from eclipsed.pretrained.encoder import Encoder
from eclipsed.pretrained.identity import Identity
from eclipsed.store.files import find_network, local_file
from eclipsed.store.networks import known_sets, network
from eclipsed.store.sets import ModelSet

__all__ = ["encoder", "finder", "identity"]


def encoder(models: ModelSet, device: torch.device) -> Encoder | None:
    """The encoder of a set: its own, or the one that the catalogue names, if that is on this machine.

    Warns:
        EclipsedWarning: the catalogue names one that is not here.
    """
    if models.encoder is not None:
        return Encoder.from_file(models.encoder, device=device)
    name = known_sets().get(models.name, {}).get("encoder")
    if name is None:
        return None
    try:
        by_hand = models.folder / network(name).file
        return Encoder.from_file(by_hand if by_hand.is_file() else find_network(name), device=device)
    except MissingModelError as error:
        warnings.warn(EclipsedWarning(f"photos are inverted without an encoder: {error}"), stacklevel=3)
        return None


def identity(models: ModelSet, device: torch.device) -> Identity | None:
    """ArcFace, for sets of photographed faces and where it is on this machine."""
    if "arcface" not in known_sets().get(models.name, {}).get("photos", ()):
        return None
    try:
        return Identity.from_file(find_network("arcface"), device=device)
    except MissingModelError:
        return None  # inversion does without it


def finder(device: torch.device) -> FaceFinder:
    """What finds faces: facexlib's networks where both were fetched, else MTCNN, which ships with eclipsed.

    Raises:
        MissingExtraError: facexlib's networks are here, but facexlib cannot be imported.
        CheckpointError: a file is not what was fetched or shipped.
    """
    wanted = ("face-detector", "face-landmarks")
    if all(local_file(network(name)) is not None for name in wanted):
        detector, landmarks = map(find_network, wanted)
        return FacexlibFinder.from_files(detector, landmarks, device=device)
    return MTCNNFinder.from_file(find_network("mtcnn"), device=device)
