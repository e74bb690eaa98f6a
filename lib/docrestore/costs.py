"""What a network costs: operations that can be counted without doing them, and hours on a GPU."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["gpu_hours", "multiply_adds"]


def multiply_adds(network: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply-adds of one forward pass, convolutions and matrix products alone.

    Args:
        network: where its numbers are; on the device "meta" the count costs nothing.
        inputs: what it is called with, on the same device.

    >>> with torch.device("meta"):
    ...     multiply_adds(nn.Conv2d(3, 5, 1), torch.empty(2, 3, 7, 7))
    1470
    """
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops() // 2


def gpu_hours(patches: float, gmac: float, tflops: float) -> float:
    """Hours of training, counted from multiplications.

    Args:
        patches: crops seen in all, steps x batch.
        gmac: 10^9 multiply-adds of one forward pass of all networks on one crop. A step costs
            three times as much: forward, and backward to inputs and to weights.
        tflops: 10^12 operations a second that the GPU keeps up; a multiply-add is two.

    >>> round(gpu_hours(patches=6824 * 80, gmac=54.6, tflops=40), 2)
    1.24
    """
    return 3 * 2 * gmac * 1e9 * patches / (tflops * 1e12) / 3600
