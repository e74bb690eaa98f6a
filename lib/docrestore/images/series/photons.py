"""Noise that grows with the light, made equal by a square root, and the way back.

A detector counts photons. A count of mean N has the variance N, and electronics add a constant. So
the variance is a line over the brightness, and it reaches nothing at some value, the `zero` of this
module, that need not lie among the values of the image. The root of what is above it has the same
noise everywhere, whatever the gain is.

Papers  Anscombe, "The Transformation of Poisson, Binomial and Negative-Binomial Data", Biometrika
        1948. Mäkitalo and Foi, "Optimal Inversion of the Generalized Anscombe Transformation",
        IEEE TIP 2013, for why the way back is not the square alone.
Differs `zero` is found from the images: no gain and no black level has to be known. The way back is
        exact for noise of one variance: E r² = (E r)² + Var r.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from docrestore.images.series.scale import Scale

__all__ = ["Photons", "noise_by_light", "scale_of", "strongest", "zero_light"]

AREA, CLASSES = 16, 16  # pixels a side that brightness is the mean of; classes of brightness
FARTHEST = np.logspace(-3, 2, 101)  # of the range of brightness, that the zero may lie below it


@dataclass(frozen=True)
class Photons(Scale):
    """unit = (root - low) / (high - low), where root is that of value - zero.

    Attributes:
        low, high: roots that become 0 and 1.
        zero: the value where noise would vanish; less becomes `zero`.
        variance: of the noise of the roots, which the way back adds: squares of means are too dark.

    >>> scale = Photons(0.0, 10.0, zero=100.0, variance=0.25)
    >>> scale.to_unit(np.array([100.0, 125.0, 90.0]))
    array([0. , 0.5, 0. ], dtype=float32)
    >>> scale.from_unit(np.array([0.5]))
    array([125.25])
    """

    zero: float = 0.0
    variance: float = 0.0

    @classmethod
    def of(cls, frames: Iterable[np.ndarray], pixels: int, zero: float = 0.0) -> "Photons":
        """As `Scale.of`, from the roots of all frames; for `zero` see `zero_light`."""
        roots = Scale.of((_root(frame, zero) for frame in frames), pixels)
        return cls(roots.low, roots.high, zero)

    def to_unit(self, frame: np.ndarray) -> np.ndarray:
        return super().to_unit(_root(frame, self.zero))

    def from_unit(self, frame: np.ndarray) -> np.ndarray:
        return np.square(super().from_unit(frame).clip(0)) + self.variance + self.zero

    def knowing(self, noise: float) -> "Photons":
        return replace(self, variance=(noise * self.span) ** 2)


def scale_of(card: dict[str, float]) -> Scale:
    """The scale that `card()` of a Scale or of Photons has written down."""
    values = {name: float(value) for name, value in card.items()}
    return Photons(**values) if "zero" in values else Scale(**values)


def _root(frame: np.ndarray, zero: float) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(frame.astype(np.float64) - zero, 0.0))


def noise_by_light(frames: Iterable[np.ndarray]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Brightness and variance of the noise in classes of brightness, from noisy images alone.

    Frames, (H, W) each, are parted into areas, and these by their mean into classes of equal
    number. The noise of an area is that of its finest diagonal details, and a class has the median
    of its areas: where few areas of a class hold fine texture, those do not count. For correlated
    noise all variances are too small by one factor.
    """
    means, powers = [], []
    for frame in frames:
        tall, wide = (side // AREA for side in frame.shape)
        even = frame[: tall * AREA, : wide * AREA].astype(np.float64)
        a, b, c, d = even[::2, ::2], even[::2, 1::2], even[1::2, ::2], even[1::2, 1::2]
        for found, values in ((means, (a + b + c + d) / 4), (powers, ((a - b - c + d) / 2) ** 2)):
            areas = values.reshape(tall, AREA // 2, wide, AREA // 2)
            found.append(areas.mean((1, 3)).ravel())
    mean, power = np.concatenate(means), np.concatenate(powers)
    edges = np.quantile(mean, np.linspace(0, 1, CLASSES + 1)[1:-1]) if mean.size else np.zeros(0)
    part = np.searchsorted(edges, mean, side="right")
    there = [part == number for number in np.unique(part)]
    return (
        np.array([np.median(mean[one]) for one in there]),
        np.array([np.median(power[one]) for one in there]),
    )


def strongest(frames: Iterable[np.ndarray]) -> float:
    """How many times as strong the strongest noise of a class is as that of the darkest.

    1 where the darkest has none.
    """
    _, power = noise_by_light(frames)
    return float(np.sqrt(power.max() / power[0])) if power.size and power[0] > 0 else 1.0


def zero_light(frames: Sequence[np.ndarray]) -> float | None:
    """The value at which a line through the variances of `noise_by_light` reaches nothing.

    The line that is nearest to them by factors, not by differences: dark classes count like bright
    ones. None where it does not halve what they are apart: light does not explain them then.
    """
    mean, power = noise_by_light(frames)
    mean, power = mean[power > 0], power[power > 0]
    if len(mean) < 3:
        return None
    zeros = mean[0] - (mean[-1] - mean[0]) * FARTHEST
    apart = [float(np.std(np.log(power / (mean - zero)))) for zero in zeros]
    best = int(np.argmin(apart))
    return float(zeros[best]) if apart[best] < np.std(np.log(power)) / 2 else None
