"""A small U-Net, to be replaced by your network.

Paper    whose idea this is, and where it was published.
Differs  what you do otherwise than they, and why.
Licence  MIT.

Pages are float tensors in [0, 1], shaped (B, 1, H, W); paper is 1. Any H and W will do.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docrestore.models.de_gan import pad_to_multiple

__all__ = ["MyNet"]


class MyNet(nn.Module):
    """Two scales and one skip.

    Args:
        width: channels at full resolution; twice as many at half.

    Shape:
        degraded (B, 1, H, W) -> probability of paper (B, 1, H, W) in [0, 1].

    Example:
        >>> model = MyNet()
        >>> sum(p.numel() for p in model.parameters())
        12161
        >>> tuple(model(torch.rand(1, 1, 41, 57)).shape)
        (1, 1, 41, 57)
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.fine = nn.Conv2d(1, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.coarse = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.up = nn.Conv2d(2 * width, width, 1)
        self.out = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        fine = F.leaky_relu(self.fine(pad_to_multiple(degraded, 2)), 0.2)
        coarse = F.leaky_relu(self.coarse(self.down(fine)), 0.2)  # (B, 2 * width, H / 2, W / 2)
        x = fine + F.interpolate(self.up(coarse), scale_factor=2.0)
        x = self.out(x).float()[..., :height, :width]  # the sigmoid is taken in float32
        return torch.sigmoid(x)
