"""MTCNN's three networks against what the package mtcnn 1.0.0 gives for the same pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from eclipsed.checkpoints.mtcnn import read_mtcnn
from eclipsed.networks.mtcnn import MTCNN
from eclipsed.store.files import find_network

#: inputs, and what mtcnn 1.0.0 on TensorFlow 2.21 made of them: a picture of 31 x 38, and cuts of skimage's astronaut
REFERENCE = Path(__file__).parents[1] / "fixtures" / "mtcnn_reference.npz"


@pytest.fixture(scope="module")
def network():
    network = MTCNN()
    network.load_state_dict(read_mtcnn(find_network("mtcnn")))
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def reference():
    return np.load(REFERENCE)


def pictures(pixels):
    return ((torch.from_numpy(pixels).float() - 127.5) / 128).permute(0, 3, 1, 2)


def close(found, wanted):
    assert_close(found, torch.from_numpy(wanted), atol=3e-6, rtol=0)


def test_the_proposal_network(network, reference):
    scores, boxes = network.proposal(pictures(reference["proposal"]))
    assert scores.shape == (1, 14, 11)
    assert scores.max() > 0.9  # there is a face
    close(scores, reference["proposal_scores"])
    close(boxes.permute(0, 2, 3, 1), reference["proposal_boxes"])


def test_the_refinement_network(network, reference):
    scores, boxes = network.refinement(pictures(reference["refinement"]))
    assert (scores > 0.5).tolist() == [True, True, False]
    close(scores, reference["refinement_scores"])
    close(boxes, reference["refinement_boxes"])


def test_the_output_network(network, reference):
    scores, boxes, points = network.output(pictures(reference["output"]))
    assert (scores > 0.5).tolist() == [True, True, False]
    close(scores, reference["output_scores"])
    close(boxes, reference["output_boxes"])
    assert points.shape == (3, 5, 2)
    close(torch.cat([points[..., 0], points[..., 1]], dim=1), reference["output_points"])


def test_each_picture_counts_for_itself(network, reference):
    whole = network.output(pictures(reference["output"]))
    alone = network.output(pictures(reference["output"][1:2]))
    for one, all_of_them in zip(alone, whole, strict=True):
        assert_close(one, all_of_them[1:2], atol=1e-6, rtol=1e-5)


def test_types_are_kept_and_gradients_are_finite(network, reference):
    double = MTCNN().double()
    images = pictures(reference["refinement"]).double().requires_grad_()
    scores, boxes = double.refinement(images)
    assert scores.dtype == boxes.dtype == torch.float64
    (scores.sum() + boxes.sum()).backward()
    assert images.grad.isfinite().all()
    assert images.grad.abs().sum() > 0
