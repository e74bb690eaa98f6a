"""Noise that grows with the light, made equal by a square root, and the way back.

A detector counts photons. A count of mean N has the variance N, and electronics add a constant. So
the variance is a line over the brightness, and it reaches nothing at some value that need not lie
among the values of the image. The root of what is above that value has nearly the same noise
everywhere, whatever the gain is.

Papers  Anscombe, "The Transformation of Poisson, Binomial and Negative-Binomial Data", Biometrika
        1948, for the root. Mäkitalo and Foi, "Optimal Inversion of the
        Generalized Anscombe Transformation", IEEE TIP 2013, for why the way back is not the square
        alone.
Differs the line is found in the images: no gain and no black level has to be known. The way back is
        right where the noise of the roots has one variance: E r² = (E r)² + Var r. Below about two
        photons it has not, and dark comes out up to a quarter of a photon too bright.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docrestore.images.series.scale import Scale, diagonal

__all__ = ["Light", "Photons", "scale_of"]

AREA, CLASSES = 16, 16  # pixels a side that brightness is the mean of; classes of brightness
FARTHEST = np.logspace(-3, 2, 101)  # of the range of brightness, that the end may lie below it
CUT = 1.0  # percent of a frame that may lie below the value of no light


class Light(NamedTuple):
    """What the light does to the noise, from noisy images alone.

    Attributes:
        mean, power: brightness, and variance of the noise, in classes of brightness. For correlated
            noise all variances are too small, by one factor.
        floor: a hundredth of the darkest frame's pixels lies below it.
    """

    mean: NDArray[np.float64]
    power: NDArray[np.float64]
    floor: float = 0.0

    @classmethod
    def of(cls, frames: Iterable[np.ndarray]) -> "Light":
        """Of frames (H, W), parted into areas, and these by their mean into classes of one number.

        The noise of an area is that of its finest diagonal details, and a class has the median of
        its areas: where few areas of a class hold fine texture, those do not count. Classes
        without noise are left out: nothing was measured there, or it was cut off.
        """
        means, powers, floors = [np.zeros(0)], [np.zeros(0)], [np.inf]
        for frame in frames:
            tall, wide = (side // AREA for side in frame.shape)
            if not tall or not wide:
                continue
            floors.append(float(np.percentile(frame, CUT)))
            whole = np.asarray(frame, np.float32)[: tall * AREA, : wide * AREA]
            for found, values in ((means, whole), (powers, np.square(diagonal(whole)))):
                side = values.shape[0] // tall
                areas = values.reshape(tall, side, wide, side)
                found.append(areas.mean((1, 3), dtype=np.float64).ravel())
        mean, power = np.concatenate(means), np.concatenate(powers)
        if not mean.size:
            return cls(mean, power, min(floors))
        part = np.searchsorted(
            np.quantile(mean, np.linspace(0, 1, CLASSES + 1)[1:-1]), mean, "right"
        )
        there = [part == number for number in np.unique(part)]
        middle, median = (np.array([np.median(v[one]) for one in there]) for v in (mean, power))
        return cls(middle[median > 0], median[median > 0], min(floors))

    @property
    def growth(self) -> float:
        """How many times as strong the strongest noise of a class is as that of the darkest."""
        return float(np.sqrt(self.power.max() / self.power[0])) if self.power.size else 1.0

    @property
    def zero(self) -> float | None:
        """The value whose root is to be 0: where a line through the variances ends, or the floor.

        The line that is nearest to them by factors, not by differences: dark classes count like
        bright ones. None where it does not halve what they are apart: light does not explain them.
        """
        if len(self.mean) < 3:
            return None
        ends = self.mean[0] - (self.mean[-1] - self.mean[0]) * FARTHEST
        apart = [float(np.std(np.log(self.power / (self.mean - end)))) for end in ends]
        best = int(np.argmin(apart))
        halved = apart[best] < np.std(np.log(self.power)) / 2
        return min(float(ends[best]), self.floor) if halved else None


@dataclass(frozen=True)
class Photons(Scale):
    """unit = (root - low) / (high - low), where root is that of value - zero.

    Attributes:
        low, high: roots that become 0 and 1.
        zero: the value whose root is 0; less becomes `zero`.
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
    def found(cls, light: Light, values: Scale) -> "Photons":
        """Of what light does to the noise, and of a scale of the values.

        Raises:
            ValueError: if noise does not grow with the light.
        """
        if light.zero is None:
            raise ValueError("the noise does not grow with the light here; leave photons out.")
        low, high = (max(end - light.zero, 0.0) ** 0.5 for end in (values.low, values.high))
        return cls(low, high, light.zero)

    def to_unit(self, frame: np.ndarray) -> np.ndarray:
        above = np.maximum(frame - np.float32(self.zero), np.float32(0))
        return super().to_unit(np.sqrt(above, out=above))

    def from_unit(self, frame: np.ndarray) -> np.ndarray:
        return np.square(super().from_unit(frame).clip(0)) + self.variance + self.zero

    def knowing(self, noise: float) -> "Photons":
        return replace(self, variance=(noise * self.span) ** 2)


def scale_of(card: dict[str, float]) -> Scale:
    """The scale that `card()` of a Scale or of Photons has written down."""
    values = {name: float(value) for name, value in card.items()}
    return Photons(**values) if "zero" in values else Scale(**values)
