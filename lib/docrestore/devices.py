"""Which device and which precision a computation uses, decided in one place."""

import ctypes
import functools
import platform

import torch
from torch import nn

__all__ = ["Float32", "fast_bf16", "keep_memory", "pick_device", "pick_precision",
           "to_channels_last"]  # fmt: skip


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


class Float32(nn.Module):
    """A part of a network that computes in float32 while autocast rounds all around it."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.part(x.float())


@functools.cache
def keep_memory() -> bool:
    """Let this process keep the memory that it frees, for the next tensor; True where it can.

    The C library of Linux hands every block above 32 MB back to the system at once. Then each
    layer's answer lies on new pages, which the system fills with zeros when they are first
    touched: a third of the time that a network takes on a large tile. What is kept is about the
    peak, so that peak hardly grows. All threads share what is kept: a store for each thread
    holds no block above 64 MB, and is of no use to the others. Other C libraries, and other
    systems, are left alone.

    Source: mallopt(3). The values are C ints, the first two the largest that there is.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    trim_threshold, mmap_threshold, arena_max, most = -1, -3, -8, 2**31 - 1
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    wanted = ((mmap_threshold, most), (trim_threshold, most), (arena_max, 1))
    return all([mallopt(name, value) for name, value in wanted])
