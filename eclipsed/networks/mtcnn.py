"""MTCNN's three networks, which find faces and five points of each: one proposes, one refines, one decides."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["MTCNN", "OutputNetwork", "ProposalNetwork", "RefinementNetwork"]


class ProposalNetwork(nn.Module):
    """P-Net: looks at every square of 12 px of a picture, two pixels apart."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*_convolution(3, 10), _halved(2), *_convolution(10, 16), *_convolution(16, 32))
        self.box = nn.Conv2d(32, 4, 1)
        self.face = nn.Conv2d(32, 2, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What every square holds.

        Args:
            images: (N, 3, H, W), both sides at least 12, range [-1, 1].
        Returns:
            Scores (N, h, w) in [0, 1], and by which shares of its side each edge of the square moves to fit the face,
            left, top, right, bottom, (N, 4, h, w). Square (i, j) begins at the pixel (2i, 2j).
        """
        features = self.features(images)
        return self.face(features).softmax(1)[:, 1], self.box(features)


class RefinementNetwork(nn.Module):
    """R-Net: looks at squares of 24 px."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 28), _halved(3), *_convolution(28, 48), nn.MaxPool2d(3, 2), *_convolution(48, 64, 2),
            *_linear(64 * 3 * 3, 128),
        )  # fmt: skip
        self.box = nn.Linear(128, 4)
        self.face = nn.Linear(128, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Whether squares hold a face, and where.

        Args:
            images: (N, 3, 24, 24), range [-1, 1].
        Returns:
            Scores (N,) in [0, 1], and by which shares of its side each edge moves, (N, 4).
        """
        features = self.features(images)
        return self.face(features).softmax(1)[:, 1], self.box(features)


class OutputNetwork(nn.Module):
    """O-Net: looks at squares of 48 px."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 32), _halved(3), *_convolution(32, 64), nn.MaxPool2d(3, 2), *_convolution(64, 64),
            _halved(2), *_convolution(64, 128, 2), *_linear(128 * 3 * 3, 256),
        )  # fmt: skip
        self.box = nn.Linear(256, 4)
        self.points = nn.Linear(256, 10)
        self.face = nn.Linear(256, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Whether squares hold a face, where, and five points of it.

        Args:
            images: (N, 3, 48, 48), range [-1, 1].
        Returns:
            Scores (N,) in [0, 1]; by which shares of its side each edge moves, (N, 4); and left eye, right eye, nose,
            left and right corner of the mouth as they lie on the picture, x and y as shares of the side, (N, 5, 2).
        """
        features = self.features(images)
        points = self.points(features).view(-1, 2, 5).transpose(1, 2)  # x of all, then y of all
        return self.face(features).softmax(1)[:, 1], self.box(features), points


class MTCNN(nn.Module):
    """The three networks under one name.

    Source: Zhang et al. 2016, arXiv:1604.02878, figure 2, with the channels of their published networks, which the
        package mtcnn 1.0.0 has too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.proposal = ProposalNetwork()
        self.refinement = RefinementNetwork()
        self.output = OutputNetwork()


def _convolution(before: int, after: int, size: int = 3) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, after, size), nn.PReLU(after)


def _linear(before: int, after: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    return nn.Flatten(), nn.Linear(before, after), nn.PReLU(after)


def _halved(size: int) -> nn.Module:
    """Maxima two pixels apart, those at the far edges over what is left of a window."""
    return nn.MaxPool2d(size, 2, ceil_mode=True)
