"""DE-GAN: one conditional GAN for binarizing, cleaning, deblurring, removing watermarks.

Paper    Souibgui and Kessentini, "DE-GAN: A Conditional Generative Adversarial Network for
         Document Enhancement", IEEE TPAMI 44(3), 2022 (arXiv 2010.08764).
Code     written for this book from a description of the published networks.
Role     trained in notebooks/de_gan/2_train.ipynb.
Differs  `Generator` and `Discriminator` are the authors' Keras networks layer by layer, but for
         the slope of one layer (`neck`). The two `PyTorch...` classes are the variant that
         circulates as a PyTorch port. Our own smaller generator is in `de_gan_compact`.
Licence  MIT.

The last sigmoid is taken in float32: in bf16 a probability next to 1 has steps of 0.004.

Images are float tensors in [0, 1], shaped (B, 1, H, W); paper is 1. Any H and W will do.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = [
    "Discriminator",
    "Generator",
    "PyTorchDiscriminator",
    "PyTorchGenerator",
]


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until H and W are multiples; crop the answer to undo."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


class SameConv(nn.Conv2d):
    """A convolution with Keras' "same" padding: an odd pixel more goes to the bottom and right."""

    def forward(self, input: Tensor) -> Tensor:
        pads = []
        for size, kernel, stride in zip(
            input.shape[:-3:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(input, pads))


def double_conv(inside: int, outside: int) -> nn.Sequential:
    """Two 3x3 convolutions with ReLU: (B, inside, H, W) -> (B, outside, H, W)."""
    return nn.Sequential(
        SameConv(inside, outside, 3), nn.ReLU(), SameConv(outside, outside, 3), nn.ReLU()
    )


def up_conv(inside: int, outside: int) -> nn.Sequential:
    """Nearest x2 and a 2x2 convolution: (B, inside, H, W) -> (B, outside, 2H, 2W)."""
    return nn.Sequential(nn.Upsample(scale_factor=2), SameConv(inside, outside, 2), nn.ReLU())


class Generator(nn.Module):
    """The authors' U-Net: no normalisation, dropout in the two deepest stages.

    Args:
        width: channels at the bottom (paper: 1024; the watermark weights: 512).
        neck: the 64 -> 2 layer before the last. "leaky" keeps a slope where it is negative;
            "relu" is the authors' layer, which passes nothing back where both channels are
            negative, and some networks are born that way; "none" leaves the layer out.

    Shape:
        degraded (B, 1, H, W) -> restored (B, 1, H, W), both in [0, 1].

    Example:
        >>> sum(p.numel() for p in Generator().parameters())
        31031685
        >>> model = Generator(width=512)
        >>> sum(p.numel() for p in model.parameters())
        15825797
        >>> tuple(model(torch.rand(1, 1, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    def __init__(self, width: int = 1024, *, neck: str = "leaky") -> None:
        super().__init__()
        if neck not in ("relu", "leaky", "none"):
            raise ValueError(f"neck must be relu, leaky or none, got {neck!r}.")
        self.encode1 = double_conv(1, 64)
        self.encode2 = double_conv(64, 128)
        self.encode3 = double_conv(128, 256)
        self.encode4 = double_conv(256, width // 2)
        self.middle = double_conv(width // 2, width)
        self.drop = nn.Dropout(0.5)
        self.up4, self.decode4 = up_conv(width, 512), double_conv(width // 2 + 512, 512)
        self.up3, self.decode3 = up_conv(512, 256), double_conv(512, 256)
        self.up2, self.decode2 = up_conv(256, 128), double_conv(256, 128)
        self.up1, self.decode1 = up_conv(128, 64), double_conv(128, 64)
        if neck == "none":
            self.neck, self.out = nn.Identity(), nn.Conv2d(64, 1, 1)
        else:
            bend = nn.ReLU() if neck == "relu" else nn.LeakyReLU(0.2)
            self.neck, self.out = nn.Sequential(SameConv(64, 2, 3), bend), nn.Conv2d(2, 1, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        x = pad_to_multiple(degraded, 16)
        skip1 = self.encode1(x)  # (B, 64, H, W)
        skip2 = self.encode2(F.max_pool2d(skip1, 2))  # (B, 128, H/2, W/2)
        skip3 = self.encode3(F.max_pool2d(skip2, 2))  # (B, 256, H/4, W/4)
        skip4 = self.drop(self.encode4(F.max_pool2d(skip3, 2)))  # (B, width/2, H/8, W/8)
        x = self.drop(self.middle(F.max_pool2d(skip4, 2)))  # (B, width, H/16, W/16)
        x = self.decode4(torch.cat([skip4, self.up4(x)], dim=1))  # (B, 512, H/8, W/8)
        x = self.decode3(torch.cat([skip3, self.up3(x)], dim=1))  # (B, 256, H/4, W/4)
        x = self.decode2(torch.cat([skip2, self.up2(x)], dim=1))  # (B, 128, H/2, W/2)
        x = self.decode1(torch.cat([skip1, self.up1(x)], dim=1))  # (B, 64, H, W)
        return torch.sigmoid(self.out(self.neck(x)).float())[..., :height, :width]


class Discriminator(nn.Module):
    """The authors' patch critic: is this page the clean twin of that degraded one?

    Args:
        width: channels of the first layer (paper: 64).

    Shape:
        candidate and degraded, each (B, 1, H, W) -> (B, 1, H/16, W/16), probabilities.

    Example:
        >>> model = Discriminator()
        >>> pages = torch.rand(2, 1, 256, 256)
        >>> tuple(model(pages, pages).shape)
        (2, 1, 16, 16)
        >>> parameters = sum(p.numel() for p in model.parameters())
        >>> running = sum(b.numel() for b in model.buffers() if b.ndim)
        >>> parameters + running  # Keras counts the running statistics too
        1713345
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [SameConv(2, width, 4, stride=2), nn.LeakyReLU(0.2)]
        inside = width
        for outside in (2 * width, 4 * width, 4 * width):
            layers += [
                SameConv(inside, outside, 4, stride=2),
                nn.LeakyReLU(0.2),
                nn.BatchNorm2d(outside, eps=1e-3, momentum=0.2),  # Keras' momentum of 0.8
            ]
            inside = outside
        self.layers = nn.Sequential(*layers, SameConv(inside, 1, 4))

    def forward(self, candidate: Tensor, degraded: Tensor) -> Tensor:
        x = self.layers(torch.cat([candidate, degraded], dim=1))
        return torch.sigmoid(x.float())


def norm_conv(inside: int, outside: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for channels in (inside, outside):
        layers += [nn.Conv2d(channels, outside, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*layers)


class PyTorchGenerator(nn.Module):
    """The PyTorch port's U-Net: batch norm, transposed convolutions, no activation at the end.

    Shape:
        degraded (B, 1, H, W) in [0, 1] -> restored (B, 1, H, W), near [0, 1] but unbounded.
        The port works on [-1, 1]; that scaling is done inside, so that the contract holds.

    Example:
        >>> model = PyTorchGenerator()
        >>> sum(p.numel() for p in model.parameters())
        31036481
        >>> tuple(model(torch.rand(1, 1, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 64, 128, 256, 512, 1024)
        self.down = nn.ModuleList(norm_conv(a, b) for a, b in zip(widths, widths[1:], strict=False))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(w, w // 2, 2, stride=2) for w in (1024, 512, 256, 128)
        )
        self.merge = nn.ModuleList(norm_conv(w, w // 2) for w in (1024, 512, 256, 128))
        self.out = nn.Conv2d(64, 1, 1)

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        x = pad_to_multiple(2 * degraded - 1, 16)
        skips = []
        for stage in self.down:
            x = stage(x if not skips else F.max_pool2d(x, 2))  # (B, 64..1024, H..H/16, W..W/16)
            skips.append(x)
        for up, merge, skip in zip(self.up, self.merge, skips[-2::-1], strict=True):
            x = merge(torch.cat([skip, up(x)], dim=1))
        return (self.out(x)[..., :height, :width] + 1) / 2


class PyTorchDiscriminator(nn.Module):
    """The PyTorch port's critic: pooled 3x3 convolutions, raw scores on a 16 x 16 map.

    Shape:
        candidate and condition, each (B, 1, H, W) -> (B, 1, H/16, W/16), unbounded scores.

    Example:
        >>> model = PyTorchDiscriminator()
        >>> sum(p.numel() for p in model.parameters())
        1554241
        >>> pages = torch.rand(1, 1, 256, 256)
        >>> tuple(model(pages, pages).shape)
        (1, 1, 16, 16)
    """

    def __init__(self) -> None:
        super().__init__()

        def block(inside: int, outside: int, *, norm: bool, pool: bool) -> list[nn.Module]:
            layers: list[nn.Module] = [nn.Conv2d(inside, outside, 3, padding=1)]
            layers += [nn.LeakyReLU(0.01)]
            layers += [nn.BatchNorm2d(outside)] if norm else []
            return layers + ([nn.MaxPool2d(2)] if pool else [])

        self.layers = nn.Sequential(
            *block(2, 64, norm=False, pool=True),
            *block(64, 128, norm=False, pool=True),
            *block(128, 256, norm=True, pool=True),
            *block(256, 256, norm=True, pool=True),
            *block(256, 256, norm=True, pool=False),
            nn.Conv2d(256, 1, 3, padding=1),
        )

    def forward(self, candidate: Tensor, condition: Tensor) -> Tensor:
        return self.layers(2 * torch.cat([candidate, condition], dim=1) - 1)
