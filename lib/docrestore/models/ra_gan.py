"""RA-GAN: a gated GAN that binarizes a page from its colours, its Otsu mask and its edges.

Paper    "RA-GAN", a region-adaptive GAN for document binarization, under review in 2024; the
         authors published code, no numbers and no weights.
Code     written for this book from a description of the published networks.
Idea     every convolution is gated: half of its channels say how much of the other half passes.
         The first four also subtract a share theta of what a flat patch would answer, so that
         they see edges more than greys.
Differs  two forms of one network. "released" computes what the authors' code computes, and there
         two parts do nothing: guided attention cancels out, and the difference term gets no
         gradient. "effective", the default, is the same network with its parts at work.
Role     trained in notebooks/ra_gan/2_train.ipynb; our small one is in `ra_gan_compact`.
Licence  MIT.

Pages are float tensors in [0, 1], shaped (B, 1 or 3, H, W); paper is 1. Any H and W will do. The
last sigmoids are taken in float32: in bf16 a probability next to 1 has steps of 0.004.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from docrestore.guides import BLANK, GUIDES, PATCH, with_guides
from docrestore.models.de_gan import pad_to_multiple

__all__ = ["FORMS", "Discriminator", "Generator", "GradientGatedConv", "GuidedAttention"]

FORMS = ("effective", "released")


def gated(answer: Tensor) -> Tensor:
    """The first half of the channels, as far as the second half lets it pass: C to C / 2."""
    feature, gate = answer.chunk(2, dim=1)
    return F.leaky_relu(feature, 0.2) * torch.sigmoid(gate)


class GateConv(nn.Module):
    """A gated convolution: (B, inside, H, W) -> (B, outside, H / stride, W / stride)."""

    def __init__(self, inside: int, outside: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, 2 * outside, kernel, stride, kernel // 2)
        nn.init.kaiming_normal_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        return gated(self.conv(x))


class GateDeConv(GateConv):
    """Twice the size, then a gated convolution: (B, inside, H, W) -> (B, outside, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2.0, mode="bilinear"))


class Probability(GateDeConv):
    """Twice the size, then two sigmoids multiplied: (B, inside, H, W) -> (B, outside, 2H, 2W)."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        feature, gate = self.conv(x).float().chunk(2, dim=1)
        return torch.sigmoid(feature) * torch.sigmoid(gate)


class GradientGatedConv(nn.Module):
    """A gated convolution that subtracts a share theta of the answer to a flat patch.

    (B, inside, H, W) -> (B, outside, H / stride, W / stride). A small network looks at the input
    and chooses theta between 0 (a plain gated convolution) and 1 (differences from the centre
    pixel alone).

    Args:
        inside, outside, kernel, stride: as in GateConv.
        form: "effective": one theta an image, and the kernel learns through the difference term.
            "released": one theta a batch, so that a page's result depends on its neighbours; the
            difference term is made from a copy of the kernel that gets no gradient.
        theta: a number instead of the small network's choice.
        judge: channels of the small network (paper: 32).
    """

    def __init__(
        self,
        inside: int,
        outside: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        form: str = "effective",
        theta: float | None = None,
        judge: int = 32,
    ) -> None:
        super().__init__()
        self.released, self.theta = form == "released", theta
        self.conv = nn.Conv2d(inside, 2 * outside, kernel, stride, kernel // 2)
        nn.init.kaiming_normal_(self.conv.weight)
        self.flat_bias = nn.Parameter(torch.zeros(2 * outside))
        if self.released:  # the release stores the sums of its kernel too, a step behind
            copy = self.conv.weight.detach().sum((2, 3), keepdim=True)
            self.flat_weight = nn.Parameter(copy, requires_grad=False)
        sizes = ((inside, judge), (judge, judge), (judge, 1))
        layers = [nn.Conv2d(a, b, 3, padding=1) for a, b in sizes]
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.judge = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])

    def choose_theta(self, x: Tensor) -> Tensor:
        """(B, 1, 1, 1) in [0, 1]; all B are equal in the released form."""
        if self.theta is not None:
            return x.new_full((len(x), 1, 1, 1), self.theta)
        map = torch.sigmoid(self.judge(x))
        theta = map.mean((1, 2, 3), keepdim=True)
        return theta.mean(0, keepdim=True).expand(len(x), -1, -1, -1) if self.released else theta

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight.sum((2, 3), keepdim=True)
        if self.released:
            weight = weight.detach()
            if self.training:
                self.flat_weight.data.copy_(weight)
        flat = F.conv2d(x, weight, self.flat_bias, self.conv.stride)
        return gated(self.conv(x) - self.choose_theta(x) * flat)


class GuidedAttention(nn.Module):
    """Weigh every value by what its channel, its place and its own pixel say; keeps (B, C, H, W).

    Args:
        channels: C.
        form: "effective": out = mix(x + attention x). "released": the same tensor is blended with
            itself, x attention + x (1 - attention), so the attention cancels: out = mix(3 x).
        reduction: of the channel branch.
    """

    def __init__(self, channels: int, form: str = "effective", reduction: int = 8) -> None:
        super().__init__()
        self.released, c, few = form == "released", channels, channels // reduction
        self.place = nn.Sequential(
            nn.Conv2d(2, 2, 1),
            nn.ReLU(),
            nn.Conv2d(2, 1, 7, padding=3, padding_mode="reflect"),
        )
        self.channel = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(c, few, 1),
            nn.Conv2d(few, few, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(few, c, 1),
        )
        self.pixel = nn.Conv2d(2 * c, c, 7, padding=3, padding_mode="reflect", groups=c)
        self.mix = nn.Conv2d(c, c, 1)

    def attention(self, x: Tensor) -> Tensor:
        """How much each value counts: (B, C, H, W) in (0, 1); (0.5, 0.73) in the released form."""
        both = x + x  # the release adds its two inputs, which are one
        ends = torch.cat([both.mean(1, keepdim=True), both.amax(1, keepdim=True)], dim=1)
        coarse = self.place(ends) + self.channel(both)  # (B, C, H, W)
        pairs = torch.stack([both, coarse], dim=2).flatten(1, 2)  # (B, 2C, H, W), shuffled
        fine = torch.sigmoid(self.pixel(pairs))
        return torch.sigmoid(fine) if self.released else fine

    def forward(self, x: Tensor) -> Tensor:
        attention = self.attention(x)
        if self.released:
            return self.mix(2 * x + attention * x + (1 - attention) * x)
        return self.mix(x + attention * x)


class Residual(nn.Module):
    """Two gated convolutions and a shortcut: (B, inside, H, W) -> (B, outside, H / s, W / s)."""

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        super().__init__()
        self.first = GateConv(inside, inside, stride=stride)
        self.second = GateConv(inside, outside)
        same = stride == 1 and inside == outside
        self.shortcut = nn.Identity() if same else GateConv(inside, outside, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


class Generator(nn.Module):
    """The authors' generator: four gradient-gated stages, eight residual blocks, a gated pyramid.

    Args:
        form: "effective" or "released", see the two classes above.
        width: channels of the first stages (paper: 64).
        patch: side of the windows that have an Otsu threshold each; None takes one for the page.
        blank: difference of means under which a window counts as empty; the released form has 0.

    Shape:
        degraded (B, 1 or 3, H, W), or (B, 5, H, W) with the guide maps made before
        -> probability of paper (B, 1, H, W) in (0, 1).

    Raises:
        ValueError: for an unknown form.

    Example:
        >>> count = lambda network: sum(p.numel() for p in network.parameters())
        >>> count(Generator()), count(Generator("released"))
        (26138570, 26163786)
        >>> tuple(Generator()(torch.rand(1, 3, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    channels = 3  # that it takes of a page
    delicate = ("stages", "lateral", "out")  # stay float32 in bf16: half the error is theirs

    def __init__(
        self,
        form: str = "effective",
        *,
        width: int = 64,
        patch: int | None = PATCH,
        blank: float | None = None,
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}.")
        self.patch = patch
        self.blank = (0.0 if form == "released" else BLANK) if blank is None else blank
        w = width
        self.stages = nn.Sequential(
            GradientGatedConv(3 + len(GUIDES), w, 5, form=form),
            GuidedAttention(w, form),
            GradientGatedConv(w, w, 3, 2, form=form),
            GuidedAttention(w, form),
            GradientGatedConv(w, w, form=form),
            GuidedAttention(w, form),
            GradientGatedConv(w, w, form=form),
            GuidedAttention(w, form),
        )
        wider = ((w, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w))
        self.encode = nn.ModuleList(
            nn.Sequential(Residual(a, b, 2), Residual(b, b)) for a, b in wider
        )
        self.lateral = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in wider)
        tops = (2 * w, 4 * w, 8 * w, 8 * w)  # what comes from above at 1/4, 1/8, 1/16, 1/32
        self.up = nn.ModuleList(GateDeConv(a, b) for a, (_, b) in zip(tops, wider, strict=True))
        self.smooth = GateConv(w, w)
        self.out = Probability(w, 1)

    def prepare(self, degraded: Tensor, threshold: Tensor | float | None = None) -> Tensor:
        """The five channels that the layers see; see `guides.with_guides`."""
        return with_guides(degraded, patch=self.patch, blank=self.blank, threshold=threshold)

    def forward(self, degraded: Tensor) -> Tensor:
        height, width = degraded.shape[-2:]
        x = degraded if degraded.shape[1] == 5 else self.prepare(degraded)
        x = self.stages(pad_to_multiple(x, 32))  # (B, 64, H/2, W/2)
        taps = []
        for encode in self.encode:
            taps.append(x)  # 64 at 1/2, 64 at 1/4, 128 at 1/8, 256 at 1/16
            x = encode(x)
        for up, lateral, tap in list(zip(self.up, self.lateral, taps, strict=True))[::-1]:
            x = up(x) + lateral(tap)
        return self.out(self.smooth(x))[..., :height, :width]


class Discriminator(nn.Module):
    """The authors' critic: one score in (0, 1) for a binary page on the page it claims to restore.

    Every convolution but the last is kept from growing by spectral normalisation.

    Args:
        width: channels of the first layer (paper: 64).

    Shape:
        candidate (B, 1, H, W), degraded (B, 1 or 3, H, W) -> (B, 1, 1, 1). The paper's crops have
        256 pixels a side; others are averaged onto the same last 4 x 4 map, up to 32 as if 64.

    Example:
        >>> sum(p.numel() for p in Discriminator().parameters())
        6320385
        >>> tuple(Discriminator()(torch.rand(2, 1, 64, 64), torch.rand(2, 3, 64, 64)).shape)
        (2, 1, 1, 1)
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        w, layers = width, []
        plan = [(4, w, 5, 1), (w, w, 3, 2), (w, 2 * w, 3, 2), (2 * w, 4 * w, 3, 2)]
        plan += [(4 * w, 8 * w, 3, 2), (8 * w, 8 * w, 3, 2), (8 * w, 8 * w, 3, 2)]
        for inside, outside, kernel, stride in plan:
            conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2)
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Conv2d(8 * w, 1, 4))

    def forward(self, candidate: Tensor, degraded: Tensor) -> Tensor:
        x = torch.cat([candidate, degraded.expand(-1, 3, -1, -1)], dim=1)
        x = pad_to_multiple(x, 64) if min(x.shape[-2:]) <= 32 else x  # bf16 fails at 1 x 1
        return torch.sigmoid(self.layers(x).float())
