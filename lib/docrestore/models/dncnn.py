"""DnCNN: a plain chain of convolutions that predicts the noise.

Paper    Zhang, Zuo, Chen, Meng, Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN
         for Image Denoising", IEEE TIP 2017.
Role     in GAN2GAN's game 15 layers with a sigmoid are the rough denoiser g2, 17 layers the way
         back g3 and the denoiser; 20 layers, trained with clean targets, are its baseline.
Differs  the sigmoid head is GAN2GAN's, not DnCNN's. It must be taken of x - noise, so that an
         answer of 0 or 1 needs a large logit and a dark page starts at about 0.55.
Licence  MIT.

Images are float tensors, shaped (B, 1, H, W), nominally in [0, 1]; noise may leave that range.
Any H and W will do. The subtraction is done in float32: in bf16 it would round the image itself.
"""

import torch
from torch import Tensor, nn

__all__ = ["DnCNN", "HEADS", "answer"]

HEADS = ("linear", "sigmoid")


def answer(degraded: Tensor, noise: Tensor, head: str) -> Tensor:
    """`degraded` less the predicted noise, both (B, 1, H, W); through a sigmoid if so asked."""
    restored = degraded.float() - noise.float()
    return torch.sigmoid(restored) if head == "sigmoid" else restored


def one_head(head: str) -> str:
    """The name of a head, if it is one. Raises ValueError for any other."""
    if head not in HEADS:
        raise ValueError(f"head must be {' or '.join(HEADS)}, got {head!r}.")
    return head


class DnCNN(nn.Module):
    """A chain of 3x3 convolutions, batch norm in all but the first and the last.

    Args:
        layers: convolutions, three at least (GAN2GAN: 15, 17 and 20).
        head: "linear" gives x - noise(x), "sigmoid" the sigmoid of that.
        width: channels between the convolutions (paper: 64).

    Shape:
        degraded (B, 1, H, W) -> restored (B, 1, H, W).

    Example:
        >>> [sum(p.numel() for p in DnCNN(layers).parameters()) for layers in (15, 17, 20)]
        [482048, 556032, 667008]
        >>> tuple(DnCNN()(torch.rand(1, 1, 40, 56)).shape)
        (1, 1, 40, 56)
    """

    def __init__(self, layers: int = 17, head: str = "linear", *, width: int = 64) -> None:
        super().__init__()
        if layers < 3:
            raise ValueError(f"layers must be 3 or more, got {layers}.")
        self.head = one_head(head)
        chain: list[nn.Module] = [nn.Conv2d(1, width, 3, padding=1, bias=False), nn.ReLU()]
        for _ in range(layers - 2):
            chain += [
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
        self.noise = nn.Sequential(*chain, nn.Conv2d(width, 1, 3, padding=1, bias=False))

    def forward(self, degraded: Tensor) -> Tensor:
        return answer(degraded, self.noise(degraded), self.head)
