"""RA-GAN's parts for use, not training: the same functions with less work.

Where the time of the networks in `ra_gan` and `ra_gan_compact` goes on a processor, beside the
convolutions themselves, and what is done about it:

- The difference term is a second convolution. For one image theta is one number, so both are one:
  its kernel is the old one, minus theta times the old one's sums at the centre.
- The released attention cancels out: mix(3 x) is a 1 x 1 convolution with three times the numbers.
- The effective attention stacks page and map, pads both and convolves them in pairs. The map is
  the sum of a place and a channel, so a convolution of each channel and one of the place do.
- The last convolution sees 64 channels enlarged to the size of the page. Enlarging is linear, so
  four kernels on the small map do.
- Halves of one answer lie apart in memory, which makes what follows several times slower: the two
  halves of a gated convolution become two convolutions.
- Sums, products and activations write where they read.

Shapes are those of the parts that are replaced.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docrestore.models import ra_gan, ra_gan_compact

__all__ = ["fast"]


def fast(network: nn.Module, *, constant: bool = False) -> nn.Module:
    """Replace RA-GAN's parts in a network by their quick forms, in place; return it.

    Other networks stay as they are. What comes out must not be trained, and its numbers have other
    names than those of weights files. Batch norms should have been folded before.

    Args:
        network: in eval mode, without gradients.
        constant: no kernel may depend on the image. OpenVINO prepares kernels once, and is slower
            with those that come later.
    """
    if constant and isinstance(network, ra_gan.GradientGatedConv):
        return Difference(network)
    for kind, quick in QUICK.items():
        if isinstance(network, kind):
            return quick(network)
    for name, part in network.named_children():
        setattr(network, name, fast(part, constant=constant))
    return network


def pass_gate(feature: Tensor, gate: Tensor, slope: float = 0.2) -> Tensor:
    """leaky_relu(feature) * sigmoid(gate), written over both."""
    return F.leaky_relu(feature, slope, inplace=True).mul_(gate.sigmoid_())


def together(images: list[Tensor]) -> Tensor:
    """One batch; that of a single image is the image itself, where `torch.cat` would copy it."""
    return images[0] if len(images) == 1 else torch.cat(images)


def constant_of(values: Tensor) -> nn.Parameter:
    """A copy that moves with the network it belongs to."""
    return nn.Parameter(values.detach().clone(), requires_grad=False)


def bias_of(conv: nn.Conv2d) -> Tensor:
    """The bias of a convolution, zeros where it has none: (outside,)."""
    return conv.weight.new_zeros(len(conv.weight)) if conv.bias is None else conv.bias.detach()


def part_of(conv: nn.Conv2d, channels: slice) -> nn.Conv2d:
    """A convolution that gives some of another one's channels."""
    weight = conv.weight.detach()[channels]
    with torch.device("meta"):  # its own numbers are never drawn
        part = nn.Conv2d(conv.in_channels, len(weight), 1)
    part.kernel_size, part.stride, part.padding = conv.kernel_size, conv.stride, conv.padding
    part.weight, part.bias = constant_of(weight), constant_of(bias_of(conv)[channels])
    return part


class Gate(nn.Module):
    """`ra_gan.GateConv` and `GateDeConv`."""

    def __init__(self, given: ra_gan.GateConv) -> None:
        super().__init__()
        half = given.conv.out_channels // 2
        self.twice = isinstance(given, ra_gan.GateDeConv)
        self.feature = part_of(given.conv, slice(None, half))
        self.gate = part_of(given.conv, slice(half, None))

    def forward(self, x: Tensor, slope: float = 0.2) -> Tensor:
        if self.twice:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        return pass_gate(self.feature(x), self.gate(x), slope)


class Residual(nn.Module):
    """`ra_gan.Residual`. A gate is positive, so the ReLU after the first may come before it."""

    def __init__(self, given: ra_gan.Residual) -> None:
        super().__init__()
        self.first, self.second = Gate(given.first), Gate(given.second)
        self.shortcut = fast(given.shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x, slope=0.0)).add_(self.shortcut(x)).relu_()


class Last(nn.Module):
    """`ra_gan.Probability`: enlarging and the kernel make four kernels, one for each new pixel.

    They see a page that goes on beyond its border, where the original sees zeros. So pixels at the
    border are computed as the original does.
    """

    def __init__(self, given: ra_gan.Probability) -> None:
        super().__init__()
        self.conv = given.conv
        # What the three taps of the kernel see of three pixels, for the first and the second pixel
        # that is made of the middle one: (2, tap, pixel).
        sees = torch.tensor(
            [
                [[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0.75, 0.25]],
                [[0.25, 0.75, 0], [0, 0.75, 0.25], [0, 0.25, 0.75]],
            ]
        ).to(given.conv.weight)
        weight = torch.einsum("ocde,pdi,qej->opqcij", given.conv.weight.detach(), sees, sees)
        self.weight = constant_of(weight.flatten(0, 2))  # (8, inside, 3, 3)
        self.bias = constant_of(bias_of(given.conv).repeat_interleave(4))

    def forward(self, x: Tensor) -> Tensor:
        answer = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.weight, self.bias)
        answer = F.pixel_shuffle(answer, 2)  # (B, 2, 2H, 2W)
        answer[..., :1, :] = self.plain(x[..., :2, :])[..., :1, :]
        answer[..., -1:, :] = self.plain(x[..., -2:, :])[..., -1:, :]
        answer[..., :1] = self.plain(x[..., :2])[..., :1]
        answer[..., -1:] = self.plain(x[..., -2:])[..., -1:]
        feature, gate = answer.float().chunk(2, dim=1)
        return feature.sigmoid() * gate.sigmoid()

    def plain(self, x: Tensor) -> Tensor:
        """(B, inside, H, W) -> (B, 2, 2H, 2W)."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="bilinear"))


class CompactGate(nn.Module):
    """`ra_gan_compact.Gated`."""

    def __init__(self, given: ra_gan_compact.Gated) -> None:
        super().__init__()
        self.feature, self.gate = given.feature, given.gate

    def forward(self, x: Tensor) -> Tensor:
        feature = self.feature(x)
        if self.gate is None:
            return F.leaky_relu(feature, 0.2, inplace=True)
        return pass_gate(feature, self.gate(x))


class CompactResidual(nn.Module):
    """`ra_gan_compact.Residual`."""

    def __init__(self, given: ra_gan_compact.Residual) -> None:
        super().__init__()
        self.body, self.shortcut = fast(given.body), given.shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).add_(self.shortcut(x))


class Gradient(nn.Module):
    """`ra_gan.GradientGatedConv`: one convolution, whose kernel depends on the image."""

    def __init__(self, given: ra_gan.GradientGatedConv) -> None:
        super().__init__()
        for layer in given.judge:
            if isinstance(layer, nn.ReLU):
                layer.inplace = True
        self.given = given  # which chooses theta
        self.stride, self.padding = given.conv.stride, given.conv.padding
        self.centre = given.conv.weight.shape[-1] // 2
        self.weight = constant_of(given.conv.weight)
        self.bias = constant_of(bias_of(given.conv))
        self.flat = constant_of(given.conv.weight.sum((2, 3)))  # (2 outside, inside)
        self.flat_bias = constant_of(given.flat_bias)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.given.choose_theta(x).float()[:, 0, 0]  # (B, 1)
        pairs = zip(x.split(1), theta, strict=True)
        return together([self.convolve(image, share) for image, share in pairs])

    def convolve(self, x: Tensor, theta: Tensor) -> Tensor:
        """The answer for one image: x (1, inside, H, W), theta (1,)."""
        weight = self.weight.clone()
        weight[:, :, self.centre, self.centre] -= theta * self.flat
        bias = self.bias - theta * self.flat_bias
        feature, gate = (
            F.conv2d(x, some, part, self.stride, self.padding)
            for some, part in zip(weight.chunk(2), bias.chunk(2), strict=True)
        )
        return pass_gate(feature, gate)


class Difference(nn.Module):
    """`ra_gan.GradientGatedConv` with constant kernels: only its two halves are set apart."""

    def __init__(self, given: ra_gan.GradientGatedConv) -> None:
        super().__init__()
        self.given = given  # which chooses theta
        half = given.conv.out_channels // 2
        self.feature = part_of(given.conv, slice(None, half))
        self.gate = part_of(given.conv, slice(half, None))
        self.flat_bias = constant_of(given.flat_bias)

    def forward(self, x: Tensor) -> Tensor:
        theta, biases = self.given.choose_theta(x), self.flat_bias.chunk(2)
        feature = self.feature(x) - theta * flat(self.feature, x, biases[0])
        gate = self.gate(x) - theta * flat(self.gate, x, biases[1])
        return pass_gate(feature, gate)


def flat(conv: nn.Conv2d, x: Tensor, bias: Tensor) -> Tensor:
    """What a convolution would answer if every pixel were like its middle one."""
    weight = conv.weight.sum((2, 3), keepdim=True)
    return F.conv2d(x, weight, bias, conv.stride)  # type: ignore[arg-type]


class Attention(nn.Module):
    """`ra_gan.GuidedAttention` in its effective form."""

    def __init__(self, given: ra_gan.GuidedAttention) -> None:
        super().__init__()
        self.place, self.channel, self.mix = given.place, given.channel, given.mix
        weight = given.pixel.weight  # (C, 2, 7, 7): of x + x and of the map
        self.own, self.map = constant_of(2 * weight[:, :1]), constant_of(weight[:, 1:])
        self.total = constant_of(weight[:, 1].sum((1, 2)))
        self.bias = constant_of(bias_of(given.pixel))

    def forward(self, x: Tensor) -> Tensor:
        ends = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1).mul_(2)
        same = self.channel(2 * x.mean((2, 3), keepdim=True))  # (B, C, 1, 1)
        pairs = zip(reflected(self.place(ends)).split(1), same[:, :, 0, 0], strict=True)
        fine = together([self.convolve(place, share) for place, share in pairs])
        fine.add_(F.conv2d(reflected(x), self.own, groups=x.shape[1])).sigmoid_()
        return self.mix(fine.mul_(x).add_(x))

    def convolve(self, place: Tensor, same: Tensor) -> Tensor:
        """What the map of one image adds: place (1, 1, H + 6, W + 6), same (C,)."""
        return F.conv2d(place, self.map, same * self.total + self.bias)


def reflected(x: Tensor) -> Tensor:
    """Three pixels more on each side. Autocast would make float32 of bf16 here."""
    with torch.autocast(x.device.type, enabled=False):
        return F.pad(x, (3, 3, 3, 3), mode="reflect")


def attention(given: ra_gan.GuidedAttention) -> nn.Module:
    """The effective form as `Attention`; the released one as the convolution that it is."""
    if not given.released:
        return Attention(given)
    mix = part_of(given.mix, slice(None))
    mix.weight.mul_(3)  # in place: a constant needs no gradient
    return mix


QUICK = {
    ra_gan.Residual: Residual,
    ra_gan.Probability: Last,
    ra_gan.GateConv: Gate,
    ra_gan.GradientGatedConv: Gradient,
    ra_gan.GuidedAttention: attention,
    ra_gan_compact.Gated: CompactGate,
    ra_gan_compact.Residual: CompactResidual,
}
