"""Which device and which precision a computation uses, decided in one place."""

import torch
from torch import nn

__all__ = ["fast_bf16", "pick_device", "pick_precision", "to_channels_last"]


def fast_bf16(device: str = "cpu") -> bool:
    """Whether bfloat16 is quick here: a processor with AVX512-BF16 or AMX, or a recent GPU."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def pick_device(device: str = "auto") -> str:
    """Resolve "auto" to "cuda" where there is a GPU, else "cpu"; other names pass through."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def pick_precision(precision: str = "auto", device: str = "cpu") -> str:
    """Resolve "auto" to "bf16" or "float32".

    Raises:
        ValueError: for any other name.
    """
    if precision not in ("auto", "bf16", "float32"):
        raise ValueError(f"precision must be auto, bf16 or float32, got {precision!r}.")
    if precision == "auto":
        return "bf16" if fast_bf16(device) else "float32"
    return precision


def to_channels_last(network: nn.Module) -> nn.Module:
    """Store 4-d weights with channels last, which convolutions in bf16 like best."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
