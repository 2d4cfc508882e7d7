"""Boxes and squares of a detector, against computations by hand."""

import numpy as np
import torch

from eclipsed.photos.boxes import best_of, moved
from eclipsed.photos.squares import Squares, halvings


def test_edges_move_by_shares_of_the_sides():
    found = moved(np.array([[10.0, 20.0, 30.0, 60.0]]), np.array([[0.1, -0.1, 0.5, 0.25]]))
    np.testing.assert_allclose(found, [[12, 16, 40, 70]])


def test_the_best_of_those_that_overlap():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10], [2, 2, 6, 6], [9, 0, 19, 10]], dtype=float)
    scores = np.array([0.8, 0.9, 0.7, 0.95, 0.6])
    # 1 covers 0.8 of 0; 3 covers 0.2 of 1 and 0.16 of 0, and lies wholly in both
    assert best_of(boxes, scores, 0.7).tolist() == [3, 1, 2, 4]
    assert best_of(boxes, scores, 0.8).tolist() == [3, 1, 0, 2, 4]
    assert best_of(boxes, scores, 0.7, of_smaller=True).tolist() == [3, 2, 4]
    assert best_of(np.empty((0, 4)), np.empty(0), 0.5).tolist() == []


def test_one_that_was_taken_away_takes_none_away():
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], dtype=float)  # shares of 0.43, 0.11 and 0.43
    assert best_of(boxes, np.array([0.9, 0.8, 0.7]), 0.4).tolist() == [0, 2]


def ramp(width, height):
    """Red grows by 1 a pixel to the right, green downwards; a value counts at the pixel's middle."""
    x, y = torch.meshgrid(torch.arange(width) + 0.5, torch.arange(height) + 0.5, indexing="xy")
    return torch.stack([x, y, torch.zeros_like(x)])[None]


def test_halves_are_exact_means():
    one = torch.randn(1, 3, 64, 130, generator=torch.Generator().manual_seed(0))
    whole, half = halvings(one)
    assert whole is one
    torch.testing.assert_close(half, one.view(1, 3, 32, 2, 65, 2).mean((3, 5)))


def test_what_is_cut_out_lies_where_it_should():
    """At every size, turned, from whichever halving."""
    pictures = halvings(ramp(800, 600))
    assert len(pictures) > 3
    squares = Squares(
        np.array([[400.0, 300.0], [300.5, 250.0], [420.0, 310.0]]), np.array([[9.0, 3.0], [40, -30], [-180, 60]])
    )
    found = squares.cut(pictures, 24)
    steps = (np.arange(24) + 0.5) / 24
    uv = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(1, -1, 2)
    wanted = squares.places(uv).reshape(3, 24, 24, 2)
    np.testing.assert_allclose(found[:, 0].numpy(), wanted[..., 0], atol=0.05)
    np.testing.assert_allclose(found[:, 1].numpy(), wanted[..., 1], atol=0.05)


def test_beyond_the_picture_everything_is_grey():
    found = Squares(np.array([[-50.0, 20.0]]), np.array([[20.0, 0.0]])).cut([torch.ones(1, 3, 40, 40)], 48)
    assert torch.equal(found, torch.zeros(1, 3, 48, 48))


def test_squares_around_boxes_and_their_largest_size():
    squares = Squares.around(np.array([[10.0, 20.0, 30.0, 60.0]]))
    np.testing.assert_allclose(squares.centres, [[20, 40]])
    np.testing.assert_allclose(squares.places(np.array([[[0.0, 0.0], [1.0, 1.0]]])), [[[0, 20], [40, 60]]])
    np.testing.assert_allclose(squares.at_most(np.array([5.0])).halves, [5])
    np.testing.assert_allclose(squares.at_most(np.array([50.0])).halves, [20])
