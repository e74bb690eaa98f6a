"""A right-sized generator for RA-GAN's game, for processors without a GPU.

Paper    the game is that of docrestore.models.ra_gan; this network is our own.
Kept     the five input channels, gates in every stage, a theta for each page, guided attention,
         and the additive pyramid. They are the ideas of the paper.
Differs  pixels are folded 2 x 2 into channels, so the widest stage works at half resolution; one
         gradient-gated stage and one attention instead of four; one residual block a scale; batch
         norms, with which it learns in minutes. 27 times fewer parameters.
Role     all shipped weights of RA-GAN are of this network, and each of its parts can be taken
         out by one argument: the book's ablations.
Licence  MIT.

Pages are float tensors in [0, 1], shaped (B, 1 or 3, H, W); paper is 1. Any H and W will do. The
last sigmoid is taken in float32: in bf16 a probability next to 1 has steps of 0.004.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docrestore.guides import BLANK, GUIDES, PATCH, with_guides
from docrestore.models.de_gan import pad_to_multiple
from docrestore.models.ra_gan import FORMS, GradientGatedConv, GuidedAttention

__all__ = ["CompactGenerator"]


class Gated(nn.Module):
    """A normalised gated convolution: (B, inside, H, W) -> (B, outside, H / stride, W / stride).

    The feature looks at 3 x 3 pixels and the gate at one: a ninth of the work, and no halves of
    one answer that lie apart in memory. Without `gate` it is a plain convolution.
    """

    def __init__(self, inside: int, outside: int, stride: int = 1, *, gate: bool = True) -> None:
        super().__init__()

        def normalised(kernel: int) -> nn.Sequential:
            conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(outside))

        self.feature = normalised(3)
        self.gate = normalised(1) if gate else None

    def forward(self, x: Tensor) -> Tensor:
        feature = F.leaky_relu(self.feature(x), 0.2)
        return feature if self.gate is None else feature * torch.sigmoid(self.gate(x))


class Residual(nn.Module):
    """Two gated convolutions and a shortcut: (B, inside, H, W) -> (B, outside, H / s, W / s)."""

    def __init__(self, inside: int, outside: int, stride: int, *, gate: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Gated(inside, outside, stride, gate=gate), Gated(outside, outside, gate=gate)
        )
        same = stride == 1 and inside == outside
        self.shortcut = nn.Identity() if same else nn.Conv2d(inside, outside, stride, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class CompactGenerator(nn.Module):
    """A right-sized RA-GAN: gated, guided, a pyramid, with the paper's inputs.

    Args:
        widths: channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the page.
        form: "effective" or "released", of the gradient-gated stage and of the attention.
        guides: maps seen beside the page: "otsu", "sobel", both or none.
        gate: False takes the gates out of every stage but the first.
        theta: a number instead of the page's own; 0 makes the first stage a plain gated one.
        attention: False takes the guided attention out.

    Shape:
        degraded (B, 1 or 3, H, W), or with the guide maps behind three channels
        -> probability of paper (B, 1, H, W) in (0, 1).

    Raises:
        ValueError: for an unknown form.

    Example:
        >>> model = CompactGenerator()
        >>> sum(p.numel() for p in model.parameters())
        965422
        >>> tuple(model(torch.rand(1, 1, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    channels = 3  # that it takes of a page

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 80, 96, 96),
        *,
        form: str = "effective",
        guides: tuple[str, ...] = GUIDES,
        gate: bool = True,
        theta: float | None = None,
        attention: bool = True,
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}.")
        self.guides, self.patch = tuple(guides), PATCH
        self.blank = 0.0 if form == "released" else BLANK
        wide = widths[0]
        pairs = list(zip(widths, widths[1:], strict=False))
        self.stem = GradientGatedConv(
            4 * (3 + len(self.guides)), wide, form=form, theta=theta, judge=8
        )
        self.first = Residual(wide, wide, 1, gate=gate)
        self.encode = nn.ModuleList(Residual(a, b, 2, gate=gate) for a, b in pairs)
        self.attention = GuidedAttention(widths[2], form) if attention else nn.Identity()
        self.lateral = nn.ModuleList(nn.Conv2d(a, a, 1) for a in widths[:-1])
        self.up = nn.ModuleList(Gated(b, a, gate=gate) for a, b in pairs)
        self.smooth = Residual(wide, wide, 1, gate=gate)
        self.out = nn.Conv2d(wide, 4, 3, padding=1)

    @property
    def multiple(self) -> int:
        """H and W are padded to a multiple of this."""
        return 2 ** (len(self.encode) + 1)

    def prepare(self, degraded: Tensor, threshold: Tensor | float | None = None) -> Tensor:
        """The channels that the layers see; see `guides.with_guides`."""
        return with_guides(
            degraded, self.guides, patch=self.patch, blank=self.blank, threshold=threshold
        )

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        x = degraded if degraded.shape[1] == 3 + len(self.guides) else self.prepare(degraded)
        x = F.pixel_unshuffle(pad_to_multiple(x, self.multiple), 2)  # (B, 20, H/2, W/2)
        x = self.first(self.stem(x))
        taps = []
        for scale, encode in enumerate(self.encode):
            taps.append(x)
            x = encode(x)
            if scale == 1:
                x = self.attention(x)  # (B, widths[2], H/8, W/8)
        for up, lateral in zip(reversed(self.up), reversed(self.lateral), strict=True):
            x = F.interpolate(up(x), scale_factor=2.0, mode="bilinear") + lateral(taps.pop())
        x = F.pixel_shuffle(self.out(self.smooth(x)).float(), 2)  # (B, 1, H, W)
        return torch.sigmoid(x[..., :height, :width])
