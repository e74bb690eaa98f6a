"""A right-sized denoiser for processors without a GPU.

Paper    the game is that of docrestore.models.gan2gan, or a rival's; this network is our own.
Idea     DE-GAN's compact U-Net with what a denoiser needs: it predicts the noise.
Differs  fewer scales, more of the work at the widest one, and a linear answer x - noise(x): noise
         leaves [0, 1], and so may the answer. It sees the image less its local mean, in units of
         the noise: bf16 keeps 8 bits, and noise of 0.01 beside a white of 1 would not be seen.
Licence  MIT.

Images are float tensors, shaped (B, 1, H, W), nominally in [0, 1]. Any H and W will do.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docrestore.models.de_gan import pad_to_multiple
from docrestore.models.de_gan_compact import Residual
from docrestore.models.dncnn import answer

__all__ = ["CompactDenoiser"]

AROUND = 17  # pixels on a side that the local mean is of


class CompactDenoiser(nn.Module):
    """A residual U-Net on pixels folded 2 x 2 into channels.

    Args:
        widths: channels of each scale; the first works at 1 / fold of the image, the others at a
            half of the one before.
        depth: residual blocks of the first scale, on the way down and again on the way up; the
            others have one.
        fold: squares of so many pixels on a side become channels; 1 keeps full resolution.
        unit: about the standard deviation of the noise. The network works in multiples of it; it
            may be wrong by a factor of two.

    Shape:
        degraded (B, 1, H, W) -> restored (B, 1, H, W).

    Example:
        >>> import torch
        >>> model = CompactDenoiser()
        >>> sum(p.numel() for p in model.parameters())
        1021700
        >>> tuple(model(torch.rand(1, 1, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 96, 128),
        *,
        depth: int = 2,
        fold: int = 2,
        unit: float = 0.1,
    ) -> None:
        super().__init__()
        if unit <= 0:
            raise ValueError(f"unit must be above 0, got {unit}.")

        def stage(scale: int) -> nn.Sequential:
            blocks = 1 if scale else depth
            return nn.Sequential(*(Residual(widths[scale]) for _ in range(blocks)))

        pairs = list(zip(widths, widths[1:], strict=False))
        self.fold, self.unit = fold, unit
        self.stem = nn.Conv2d(fold**2 + 1, widths[0], 3, padding=1)
        self.encode = nn.ModuleList(map(stage, range(len(widths))))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.decode = nn.ModuleList(map(stage, range(len(pairs))))
        self.out = nn.Conv2d(widths[0], fold**2, 3, padding=1)
        nn.init.normal_(self.out.weight, 0.0, 1e-4)  # begins with next to the noisy image itself
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    @property
    def multiple(self) -> int:
        """H and W are padded to a multiple of this."""
        return self.fold * 2 ** len(self.down)

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        x = pad_to_multiple(degraded.float(), self.multiple)
        mean = local_mean(x)
        x = F.pixel_unshuffle((x - mean) / self.unit, self.fold)
        x = self.stem(torch.cat([x, F.avg_pool2d(mean, self.fold)], 1))  # (B, widths[0], H/2, W/2)
        skips = []
        for encode, down in zip(self.encode, self.down, strict=False):
            skips.append(encode(x))
            x = down(skips[-1])
        x = self.encode[-1](x)  # (B, widths[-1], H/8, W/8)
        for up, decode, skip in zip(
            reversed(self.up), reversed(self.decode), reversed(skips), strict=True
        ):
            x = decode(skip + F.interpolate(up(x), scale_factor=2.0))
        noise = F.pixel_shuffle(self.out(x), self.fold)[..., :height, :width]  # (B, 1, H, W)
        return answer(degraded, noise.float() * self.unit, "linear")


def local_mean(image: Tensor, side: int = AROUND) -> Tensor:
    """Mean of the square around each pixel, as far as it lies in the image: (B, 1, H, W), as given.

    `side` is odd, in pixels.
    """
    half = side // 2
    rows = F.avg_pool2d(image, (side, 1), 1, (half, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, side), 1, (0, half), count_include_pad=False)
