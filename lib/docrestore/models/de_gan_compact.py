"""A right-sized generator for DE-GAN's game, for processors without a GPU.

Paper    the game is that of docrestore.models.de_gan; this network is our own.
Idea     the U-Net of the paper at half resolution: 16 times fewer parameters.
Differs  pixels are folded 2 x 2 into channels; residual blocks with batch norm; skips are added;
         strided convolutions; no dropout; no two-channel neck.
Role     all shipped weights of DE-GAN are of this network.
Licence  MIT.

Images are float tensors in [0, 1], shaped (B, 1, H, W); paper is 1. Any H and W will do. The last
sigmoid is taken in float32: in bf16 a probability next to 1 has steps of 0.004.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docrestore.models.de_gan import pad_to_multiple

__all__ = ["CompactGenerator"]


class Residual(nn.Module):
    """Two normalised 3x3 convolutions and a skip; keeps the shape (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.body(x)).relu_()


class CompactGenerator(nn.Module):
    """A right-sized U-Net for processors without a GPU: DE-GAN's game, a smaller player.

    Kept from the paper: one network for every task, the U-Net with skips, the sigmoid. Changed:
    the widest stage works at half resolution, on pixels folded 2 x 2 into channels.

    Args:
        widths: channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the page.
        residual: the layers add to the page's own logits instead of giving all of them. Right
            where most of the answer is the page itself, as in the three grey tasks.

    Shape:
        degraded (B, 1, H, W) -> restored (B, 1, H, W), both in [0, 1].

    Example:
        >>> model = CompactGenerator()
        >>> sum(p.numel() for p in model.parameters())
        1955140
        >>> tuple(model(torch.rand(1, 1, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    def __init__(
        self, widths: tuple[int, ...] = (32, 64, 96, 144, 160), *, residual: bool = False
    ) -> None:
        super().__init__()
        self.residual = residual
        self.stem = nn.Conv2d(4, widths[0], 3, padding=1)
        self.encode = nn.ModuleList(Residual(w) for w in widths)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 2, stride=2) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.up = nn.ModuleList(
            nn.Conv2d(b, a, 1) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.decode = nn.ModuleList(Residual(w) for w in widths[:-1])
        self.out = nn.Conv2d(widths[0], 4, 3, padding=1)

    @property
    def multiple(self) -> int:
        """H and W are padded to a multiple of this."""
        return 2 ** len(self.encode)

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        x = F.pixel_unshuffle(pad_to_multiple(degraded, self.multiple), 2)  # (B, 4, H/2, W/2)
        x = self.stem(x)
        skips = []
        for encode, down in zip(self.encode, self.down, strict=False):
            skips.append(encode(x))
            x = down(skips[-1])
        x = self.encode[-1](x)  # (B, widths[-1], H/32, W/32)
        for up, decode, skip in zip(
            reversed(self.up), reversed(self.decode), reversed(skips), strict=True
        ):
            x = decode(skip + F.interpolate(up(x), scale_factor=2.0))
        x = F.pixel_shuffle(self.out(x).float(), 2)[..., :height, :width]  # (B, 1, H, W)
        if self.residual:
            grey = degraded.float().clamp(1 / 512, 511 / 512)
            x = x + torch.log(grey / (1 - grey))
        return torch.sigmoid(x)
