"""Rivals of GAN2GAN: how else a denoiser is taught, with one noisy image, with two, with the truth.

Noise2Void        Krull, Buchholz, Jug, CVPR 2019: hide a pixel, guess it from its neighbours.
Neighbor2Neighbor Huang et al., CVPR 2021: two neighbours are two noisy captures of nearly one
                  thing. Both hold for noise that is independent from pixel to pixel.
Noise2Noise       Lehtinen et al., ICML 2018: a second noisy capture is as good as the truth.
Noise2Clean       the truth itself: the ceiling. Shuffled, each scene gets other noise every time.

All take the same network, schedule and running average, so that they differ in what they are told.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from docrestore.methods.one_player import OnePlayer
from docrestore.methods.plain import Plain

__all__ = ["Neighbor2Neighbor", "Noise2CleanShuffled", "Noise2Noise", "Noise2Void", "noise2clean"]


class Denoiser(OnePlayer):
    """What the four share: the compact denoiser, `step(batch)` with a mean square.

    Args:
        generator: a denoiser of MODELS and its arguments.
        lr, beta1, warmup, decay, ema: as in OnePlayer.
    """

    wants = ()

    def __init__(
        self,
        generator: str = "gan2gan-compact",
        generator_arguments: Mapping[str, Any] | None = None,
        *,
        lr: float = 2e-3,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        super().__init__(
            generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, decay=decay, ema=ema
        )

    def loss(self, batch: dict[str, Tensor], trainer) -> Tensor:
        """What is made small; the method's own."""
        raise NotImplementedError(f"{type(self).__name__} has no loss(batch, trainer).")

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, Tensor]:
        """Train on one batch; return the loss.

        Args:
            batch: {"degraded"} and what the method `wants`, float32 (B, 1, H, W).
            trainer: the Trainer of docrestore.training.
        """
        loss = self.loss(batch, trainer)
        trainer.update("generator", loss)
        self.average(trainer.step)
        return {"content": loss.detach()}


class Noise2Noise(Denoiser):
    """Restore one noisy capture so that it is near the other; arguments as in Denoiser."""

    wants = ("second",)

    def loss(self, batch: dict[str, Tensor], trainer) -> Tensor:
        """Mean square between restored and second capture."""
        return F.mse_loss(trainer.forward("generator", batch["degraded"]), batch["second"])


class Noise2Void(Denoiser):
    """Replace a few pixels by neighbours, and guess what they were.

    Args:
        window: side of the square that a replacement is drawn from, odd; never the pixel itself.
        share: of the pixels that are replaced (paper: 64 of 64 x 64, 0.016).
        the others: as in Denoiser.
    """

    def __init__(
        self,
        generator: str = "gan2gan-compact",
        generator_arguments: Mapping[str, Any] | None = None,
        *,
        window: int = 11,
        share: float = 0.016,
        lr: float = 2e-3,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        if window < 3 or window % 2 == 0 or not 0 < share <= 1:
            raise ValueError(f"window must be odd and share in (0, 1], got {window} and {share}.")
        super().__init__(
            generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, decay=decay, ema=ema
        )
        self.window, self.share = window, share

    def hide(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """The images with some pixels replaced, and a mask that is 1 there."""
        height, width = noisy.shape[-2:]
        reach, side = self.window // 2, self.window
        hidden = torch.rand(noisy.shape, device=noisy.device) < self.share
        other = torch.randint(side * side - 1, noisy.shape, device=noisy.device)
        other = other + (other >= side * side // 2)  # the middle is left out
        down, right = other // side - reach, other % side - reach
        rows = torch.arange(height, device=noisy.device)[:, None] + down
        columns = torch.arange(width, device=noisy.device) + right
        places = _mirror(rows, height) * width + _mirror(columns, width)
        replaced = noisy.flatten(1).gather(1, places.flatten(1)).view_as(noisy)
        return torch.where(hidden, replaced, noisy), hidden.float()

    def loss(self, batch: dict[str, Tensor], trainer) -> Tensor:
        """Mean square at the hidden pixels."""
        noisy = batch["degraded"]
        shown, hidden = self.hide(noisy)
        wrong = (trainer.forward("generator", shown) - noisy) * hidden
        return wrong.square().sum() / hidden.sum().clamp(min=1)


def _mirror(places: Tensor, side: int) -> Tensor:
    """Indices below 0 or beyond the side, mirrored at the first and last pixel."""
    places = places.abs()
    return torch.where(places >= side, 2 * (side - 1) - places, places)


class Neighbor2Neighbor(Denoiser):
    """Cut two half-size images out of one, restore the first so that it is near the second.

    Args:
        gamma: weight of the regulariser: what restoring changes about the difference of the two
            halves is no noise (paper: rises to 1 or 2).
        the others: as in Denoiser.
    """

    def __init__(
        self,
        generator: str = "gan2gan-compact",
        generator_arguments: Mapping[str, Any] | None = None,
        *,
        gamma: float = 1.0,
        lr: float = 2e-3,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        super().__init__(
            generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, decay=decay, ema=ema
        )
        self.gamma = gamma

    @staticmethod
    def choose(like: Tensor) -> tuple[Tensor, Tensor]:
        """Two neighbours out of each 2 x 2 cell: their numbers 0 to 3, (B, 1, H / 2, W / 2)."""
        shape = (len(like), 1, like.shape[-2] // 2, like.shape[-1] // 2)
        side = torch.randint(4, shape, device=like.device)  # 0-1, 0-2, 1-3 or 2-3
        first, second = (side - 1).clamp(min=0), (side + 1).clamp(max=3)
        turned = torch.rand(shape, device=like.device) < 0.5
        return torch.where(turned, second, first), torch.where(turned, first, second)

    @staticmethod
    def halves(image: Tensor, chosen: tuple[Tensor, Tensor]) -> list[Tensor]:
        """The two half-size images (B, 1, H / 2, W / 2) that these numbers cut out."""
        cells = F.pixel_unshuffle(image, 2)
        return [cells.gather(1, one) for one in chosen]

    def loss(self, batch: dict[str, Tensor], trainer) -> Tensor:
        """Mean square between the halves, and that of the regulariser."""
        noisy = batch["degraded"]
        chosen = self.choose(noisy)
        first, second = self.halves(noisy, chosen)
        with torch.no_grad():
            whole = trainer.forward("generator", noisy, training=False)
        whole_first, whole_second = self.halves(whole, chosen)
        wrong = trainer.forward("generator", first) - second
        return wrong.square().mean() + self.gamma * (
            (wrong - (whole_first - whole_second)).square().mean()
        )


def noise2clean(
    generator: str = "gan2gan-compact",
    generator_arguments: Mapping[str, Any] | None = None,
    *,
    lr: float = 2e-3,
    ema: float = 0.998,
) -> Plain:
    """Taught by the clean image: what all others are measured by."""
    return Plain(generator, generator_arguments, content="mse", lr=lr, ema=ema)


class Noise2CleanShuffled(Denoiser):
    """Taught by the clean image, with the noise of another crop on it; arguments as in Denoiser.

    A set that was made noisy once can be learnt by heart. Here no noise lies on the same scene
    twice, as if it were drawn anew. For noise that does not depend on the scene.
    """

    wants = ("clean",)

    def loss(self, batch: dict[str, Tensor], trainer) -> Tensor:
        """Mean square between restored and clean."""
        clean = batch["clean"]
        other = (batch["degraded"] - clean).roll(1, 0)
        return F.mse_loss(trainer.forward("generator", clean + other), clean)
