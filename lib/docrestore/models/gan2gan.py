"""GAN2GAN's networks: noise out of nothing, two critics, a U-Net that shares its weights.

Paper    Cha, Park, Kim, Baek, Kim, Moon, "GAN2GAN: Generative Noise Learning for Blind Denoising
         with Single Noisy Images", ICLR 2021 (arXiv 1905.10488).
Code     written for this book from a description of the published networks.
Role     `NoiseGenerator` is g1; `Critic` judges noise (c1) and noisy images (c2); `SharedUNet` is
         g2, g3 and the denoiser for CT. For other images those three are docrestore.models.dncnn.
Differs  `SharedUNet` pads inside, the published one takes multiples of 32 alone. `NoiseField` is
         ours: a noise generator that makes any size and starts near the answer.
Licence  MIT.

Images and noise are float tensors, shaped (B, 1, H, W), on one scale, with [0, 1] as the images'
nominal range.
"""

import torch
from torch import Tensor, nn

from docrestore.models.de_gan import pad_to_multiple
from docrestore.models.dncnn import answer, one_head

__all__ = ["Critic", "NoiseField", "NoiseGenerator", "SharedUNet", "gan_weights"]

Size = int | tuple[int, int]


def gan_weights(module: nn.Module) -> nn.Module:
    """Give a network, in place, the paper's start of the GAN stage; returns it.

    Convolutions N(0, 0.02), batch norm N(1, 0.02), biases 0. `NoiseField` keeps its own start.
    """
    if isinstance(module, NoiseField):
        return module
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return module


class NoiseGenerator(nn.Module):
    """g1: a vector of chance to a patch of noise, by five transposed convolutions.

    Shape:
        r (B, 128), standard normal -> noise (B, 1, 64, 64), between -1 and 1.

    Example:
        >>> model = NoiseGenerator()
        >>> sum(p.numel() for p in model.parameters())
        174448
        >>> tuple(model(model.draw(2)).shape)
        (2, 1, 64, 64)
    """

    latent = 128
    size = 64

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ConvTranspose2d(self.latent, 64, 4, bias=False)]  # 4 x 4
        for width in (64, 32, 16, 8):  # 8, 16, 32, 64 pixels
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            outside = width // 2 if width > 8 else 1
            layers += [nn.ConvTranspose2d(width, outside, 4, stride=2, padding=1, bias=False)]
        self.layers = nn.Sequential(*layers)

    def draw(
        self,
        count: int,
        size: Size = 64,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """Standard normal vectors (count, 128). Raises ValueError for a size other than 64."""
        if size not in (self.size, (self.size, self.size)):
            raise ValueError(
                f"g1 makes patches of {self.size} x {self.size} alone, got size {size}; "
                'for other sizes take "gan2gan-noise-field".'
            )
        return _normal((count, self.latent), generator, device)

    def forward(self, r: Tensor) -> Tensor:
        return torch.tanh(self.layers(r[:, :, None, None]).float())


class Critic(nn.Module):
    """c1 and c2: how real is this patch? A score without bounds, for the Wasserstein game.

    Args:
        width: channels of the first layer (paper: 128).

    Shape:
        patch (B, 1, 64, 64) -> score (B,), the mean of a 5 x 5 map. Any H and W from 32 up will
        do; the map grows with them.

    Example:
        >>> model = Critic()
        >>> sum(p.numel() for p in model.parameters())
        2634369
        >>> tuple(model(torch.randn(2, 1, 64, 64)).shape)
        (2,)
    """

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inside = 1
        for outside in (width, 2 * width, 4 * width):
            layers += [
                nn.Conv2d(inside, outside, 4, stride=2, padding=1),
                nn.BatchNorm2d(outside),
                nn.LeakyReLU(0.2),
            ]
            inside = outside
        self.layers = nn.Sequential(*layers, nn.Conv2d(inside, 1, 4))

    def forward(self, patch: Tensor) -> Tensor:
        return self.layers(patch).float().mean(dim=(1, 2, 3))


def conv(inside: int, outside: int) -> list[nn.Module]:
    """A 3x3 convolution and ReLU: (B, inside, H, W) -> (B, outside, H, W)."""
    return [nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU()]


def up(channels: int) -> nn.Module:
    """A transposed convolution: (B, C, H, W) -> (B, C, 2H, 2W)."""
    return nn.ConvTranspose2d(channels, channels, 3, stride=2, padding=1, output_padding=1)


class SharedUNet(nn.Module):
    """The U-Net for CT: four of its stages down are one, three of its stages up are one.

    It starts with He's weights, as published.

    Args:
        head: "linear" gives x - noise(x), "sigmoid" the sigmoid of that.

    Shape:
        degraded (B, 1, H, W) -> restored (B, 1, H, W).

    Example:
        >>> model = SharedUNet()
        >>> sum(p.numel() for p in model.parameters())
        698017
        >>> tuple(model(torch.rand(1, 1, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    def __init__(self, head: str = "linear") -> None:
        super().__init__()
        self.head = one_head(head)
        self.first = nn.Sequential(*conv(1, 48), *conv(48, 48), nn.MaxPool2d(2))
        self.down = nn.Sequential(*conv(48, 48), nn.MaxPool2d(2))
        self.bottom = nn.Sequential(*conv(48, 48), up(48))
        self.up1 = nn.Sequential(*conv(96, 96), *conv(96, 96), up(96))
        self.up = nn.Sequential(*conv(144, 96), *conv(96, 96), up(96))
        self.noise = nn.Sequential(*conv(97, 64), *conv(64, 32), nn.Conv2d(32, 1, 3, padding=1))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        page = pad_to_multiple(degraded, 32)
        skips = [self.first(page)]  # (B, 48, H/2, W/2)
        for _ in range(4):
            skips.append(self.down(skips[-1]))  # (B, 48, H/4 .. H/32, W/4 .. W/32)
        x = self.bottom(skips.pop())  # (B, 48, H/16, W/16)
        x = self.up1(torch.cat([x, skips.pop()], dim=1))  # (B, 96, H/8, W/8)
        while skips:
            x = self.up(torch.cat([x, skips.pop()], dim=1))  # (B, 96, H/4 .. H, W/4 .. W)
        noise = self.noise(torch.cat([x, page], dim=1))[..., :height, :width]
        return answer(degraded, noise, self.head)


class NoiseField(nn.Module):
    """Our noise generator: white noise, its running means at six scales, a small network on top.

    It has no fixed size, no edge and no batch norm: every pixel is the same function of the
    chance around it, so the noise is stationary. One pixel's chance alone makes independent
    noise of any histogram; means over 2 to 32 pixels make correlations as long. Call `scale_to`
    with the noise's standard deviation before training: then weak noise learns like strong.

    Args:
        latent: fields of chance.
        width: channels of the network on top.

    Shape:
        r (B, latent, H + 33, W + 33), standard normal -> noise (B, 1, H, W), without bounds.

    Example:
        >>> model = NoiseField()
        >>> sum(p.numel() for p in model.parameters())
        11161
        >>> tuple(model(model.draw(2, (40, 56))).shape)
        (2, 1, 40, 56)
    """

    scales = (1, 2, 4, 8, 16, 32)
    margin = 33  # 31 for the widest mean, 2 for the 3x3 convolution
    gain: Tensor

    def __init__(self, latent: int = 4, *, width: int = 32) -> None:
        super().__init__()
        self.latent = latent
        inside = latent * len(self.scales)
        self.straight = nn.Conv2d(inside, 1, 1, bias=False)
        self.bent = nn.Sequential(
            nn.Conv2d(inside, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 1),
            nn.LeakyReLU(0.2),
        )
        self.near = nn.Conv2d(width, width, 3)
        self.out = nn.Conv2d(width, 1, 1)
        self.register_buffer("gain", torch.tensor(0.1))
        self._start()

    def _start(self) -> None:
        """As white Gaussian noise, which is one field of chance alone.

        The bent path begins with kinks all over that field's range: any histogram is a bent line
        of it. The other fields come in as far as they are needed.
        """
        first = self.bent[0]
        for weight in (self.straight.weight, first.weight):  # type: ignore[union-attr]
            nn.init.normal_(weight, 0.0, 0.02)  # type: ignore[arg-type]
        nn.init.ones_(self.straight.weight[:, 0])
        nn.init.normal_(first.weight[:, 0])  # type: ignore[index, union-attr]
        nn.init.normal_(first.bias)  # type: ignore[union-attr, arg-type]
        for layer in (self.near, self.out):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def scale_to(self, std: float) -> None:
        """Start with noise about as strong as this, on the images' scale."""
        self.gain.fill_(std)

    def draw(
        self,
        count: int,
        size: Size = 64,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """The chance for noise of `size`, an integer or (height, width)."""
        height, width = (size, size) if isinstance(size, int) else size
        shape = (count, self.latent, height + self.margin, width + self.margin)
        return _normal(shape, generator, device)

    def forward(self, r: Tensor) -> Tensor:
        x = self.means(r)  # (B, 6 latent, H + 2, W + 2)
        bent = self.bent(x)
        bent = self.out(bent[..., 1:-1, 1:-1] + self.near(bent))
        return self.gain * (self.straight(x[..., 1:-1, 1:-1]) + bent).float()

    def means(self, r: Tensor) -> Tensor:
        """Sums over 1 to 32 pixels square, each divided so that its variance is 1."""
        height, width = (side - self.scales[-1] + 1 for side in r.shape[-2:])
        if min(height, width) < 3:
            raise ValueError(
                f"r must be {self.margin} pixels larger than the noise, got {tuple(r.shape)}; "
                "take it from draw."
            )
        fields, total = [], r
        for scale in self.scales:
            top = self.scales[-1] // 2 - scale // 2  # all windows have one centre
            part = total[..., top : top + height, top : top + width]
            fields.append(part / scale)
            if scale < self.scales[-1]:  # the sum over 2s x 2s pixels from that over s x s
                total = total[..., :-scale, :] + total[..., scale:, :]
                total = total[..., :, :-scale] + total[..., :, scale:]
        return torch.cat(fields, dim=1)


def _normal(
    shape: tuple[int, ...],
    generator: torch.Generator | None,
    device: torch.device | str | None,
) -> Tensor:
    """Standard normal numbers; drawn where the generator lives, then moved to `device`."""
    home = generator.device if generator is not None else device
    return torch.randn(shape, generator=generator, device=home).to(device or home)
