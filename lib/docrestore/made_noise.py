"""Noise that a generator makes, brought to the values of the noise that it was taught with.

A game soon learns how noise hangs together from pixel to pixel, and is slow with its histogram,
above all with tails: one value in ten may be as large as the others never are. The
histogram, though, is known from the extracted patches. So each value that is made is replaced by
the extracted one of the same rank.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from docrestore.weights import load, load_part

__all__ = ["CalibratedNoise", "calibration", "load_noise", "sample"]

LEVELS = 511  # between the smallest and the largest value
AT_ONCE = 32 * 64 * 64  # pixels that are made at once


class CalibratedNoise(nn.Module):
    """A noise generator and a table from its values to those of extracted noise.

    Args:
        noise: a noise generator of MODELS.
        made, real: the two columns of the table, rising, of one length; None changes nothing.
        unit: where there is no table, made noise is multiplied by this; see NoiseGame.

    Shape:
        what `draw` gives -> noise (B, 1, H, W).
    """

    made: Tensor
    real: Tensor

    def __init__(
        self,
        noise: nn.Module,
        made: list[float] | None = None,
        real: list[float] | None = None,
        unit: float = 1.0,
    ) -> None:
        super().__init__()
        self.noise, self.draw, self.unit = noise, noise.draw, unit
        self.size: int | None = getattr(noise, "size", None)  # None: it makes any
        self.register_buffer("made", torch.tensor(made or []))
        self.register_buffer("real", torch.tensor(real or []))

    def forward(self, r: Tensor) -> Tensor:
        values = self.noise(r).float()
        if not len(self.made):
            return values * self.unit
        right = torch.bucketize(values, self.made).clamp(1, len(self.made) - 1)
        low, high = self.made[right - 1], self.made[right]
        share = ((values - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        return torch.lerp(self.real[right - 1], self.real[right], share)


def calibration(made: np.ndarray, real: np.ndarray) -> dict[str, list[float]]:
    """The table of `CalibratedNoise`: equal quantiles of made and of extracted noise."""
    levels = np.r_[0, (np.arange(LEVELS) + 0.5) / LEVELS, 1]
    columns = [np.quantile(noise, levels) for noise in (made, real - real.mean())]
    return {
        name: [float(f"{v:.6g}") for v in c]
        for name, c in zip(("made", "real"), columns, strict=True)
    }


@torch.no_grad()
def sample(noise: nn.Module, count: int, size: int | tuple[int, int], seed: int = 0) -> np.ndarray:
    """Noise that a generator makes, always with the same chance: float32 (count, H, W).

    `size` is an integer, or (H, W), in pixels.
    """
    device = next(noise.parameters()).device
    noise.eval()
    chance = torch.Generator().manual_seed(seed)
    pixels = size**2 if isinstance(size, int) else size[0] * size[1]
    once = min(count, max(1, AT_ONCE // pixels))
    made = [
        noise(noise.draw(once, size, generator=chance, device=device)).float().cpu()  # type: ignore
        for _ in range(-(-count // once))
    ]
    return torch.cat(made)[:count, 0].numpy()


def load_noise(path: Path | str, part: str = "") -> CalibratedNoise:
    """The noise generator of a file, or of a part of it, as it was used in training."""
    network = load_part(Path(path), part) if part else load(path)
    card: dict[str, Any] = network.card  # type: ignore[assignment]
    table = card.get("calibration") or {}
    unit = float(card.get("unit", 1.0))
    return CalibratedNoise(network, table.get("made"), table.get("real"), unit).eval()
