"""Patterns that go on without end: hair, straight and curly, and freckles."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["dots", "ringlets", "strands", "threads"]


def strands(x: Tensor, y: Tensor) -> Tensor:
    """Straight hair, light and dark in [−1, 1]."""
    return torch.sin(x * 34 + 2.0 * torch.sin(3 * y))


def threads(x: Tensor, y: Tensor) -> Tensor:
    """Single hairs between the strands, light and dark in [−1, 1]."""
    along = x * 34 + 2.0 * torch.sin(3 * y)
    return torch.sin(5 * along + 2.5 * torch.sin(0.7 * along + 4 * y)) * (0.7 + 0.3 * torch.sin(1.3 * along - 2 * y))


def ringlets(x: Tensor, y: Tensor) -> Tensor:
    """Curly hair, light and dark in [−1, 1]."""
    return torch.sin(x * 30 + 2.2 * torch.sin(y * 15)) * torch.sin(y * 27 + 1.6 * torch.sin(x * 17))


def dots(x: Tensor, y: Tensor) -> Tensor:
    """Freckles without end, 0 between them and up to 1."""
    return ((torch.sin(x * 44) * torch.sin(y * 44 + 1.2 * torch.sin(x * 9)) - 0.30) * 2.2).clamp(0, 1)
