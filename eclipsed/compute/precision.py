"""In which number format the networks compute while a direction is learned."""

from __future__ import annotations

import torch

from eclipsed.values.checks import one_of
from eclipsed.values.choices import PRECISIONS

__all__ = ["compute_dtype"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """What features and activations are computed in; weights, losses and pictures stay float32.

    Args:
        precision: ``"float32"``, ``"bfloat16"``, ``"float16"`` or ``"auto"``, which takes bfloat16 where the hardware
            multiplies it (NVIDIA GPUs from Ampere on, processors with AMX or AVX-512 BF16), float16 on older NVIDIA
            GPUs, float32 elsewhere.
        device: where the networks run.
    Raises:
        InputError: the precision is unknown.
    """
    if one_of("precision", precision, PRECISIONS) != "auto":
        return _DTYPES[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and _multiplies_bfloat16() else torch.float32


def _multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16; elsewhere the format only costs conversions."""
    known = (getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return any(ask is not None and bool(ask()) for ask in known)
