"""Which images can teach, which part of them, and which values count as dark and bright.

The released GAN2GAN divides CT slices by 0.4 and the rest by 255. Here the range is found: 0.1
and 99.9 percent of all measured values become 0 and 1. Nothing is cut there, for noise that is
cut is no longer what the scanner made.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Part", "Scale", "diagonal", "fill_holes", "noise_std", "usable_parts"]

PERCENTILES = (0.1, 99.9)
CLIPPED = 0.01  # share of pixels at the lowest or highest value that is no chance any more
LEAST = 65  # pixels a side: one more than a window of smooth patches
BLOCK, PARTS = 16, 6  # parts are found by blocks of so many pixels a side; at most so many
SAMPLE = 4_000_000  # pixels that the percentiles are taken from


@dataclass(frozen=True)
class Scale:
    """unit = (value - low) / (high - low).

    >>> scale = Scale(100.0, 300.0)
    >>> scale.to_unit(np.array([100.0, 200.0, 320.0]))
    array([0. , 0.5, 1.1], dtype=float32)
    >>> scale.from_unit(np.array([0.5]))
    array([200.])
    """

    low: float
    high: float

    @classmethod
    def of(cls, frames: Iterable[np.ndarray], pixels: int) -> "Scale":
        """From the finite values of all frames, (H, W) each.

        Args:
            frames: the parts that can teach.
            pixels: of all frames together.

        Raises:
            ValueError: if they have no range.
        """
        step = max(1, pixels // SAMPLE) | 1  # odd, so that it does not stay in one column
        sample = [frame.ravel()[::step] for frame in frames]
        values = np.concatenate(sample) if sample else np.zeros(0, np.float32)
        values = values[np.isfinite(values)]
        if not values.size or values.min() == values.max():
            raise ValueError("the images have one value everywhere; there is nothing to learn.")
        low, high = (float(v) for v in np.percentile(values, PERCENTILES))
        if low == high:
            low, high = float(values.min()), float(values.max())
        return cls(low, high)

    @property
    def span(self) -> float:
        """How much of the file's values makes 1."""
        return self.high - self.low

    def to_unit(self, frame: np.ndarray) -> np.ndarray:
        return ((frame - self.low) / self.span).astype(np.float32)

    def from_unit(self, frame: np.ndarray) -> np.ndarray:
        return frame.astype(np.float64) * self.span + self.low

    def knowing(self, noise: float) -> "Scale":
        """The same with what it needs to know of the noise, a deviation on its scale: nothing."""
        return self

    def card(self) -> dict[str, float]:
        """For the model's card."""
        return asdict(self)


class Part(NamedTuple):
    """A rectangle of a frame: rows and columns, (first, behind the last)."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    def of(self, frame: np.ndarray) -> np.ndarray:
        return frame[slice(*self.rows), slice(*self.columns)]


def usable_parts(frame: NDArray[np.float32]) -> tuple[list[Part], str]:
    """The whole of a frame, or its largest rectangles without holes and clipped values, or none.

    Holes are NaN and infinite values. Where more than a hundredth of all pixels have the lowest
    or the highest value, that value is where the detector or the file ends: noise is cut off. And
    where a square of BLOCK pixels has one value, nothing was measured: a border, a caption.

    Args:
        frame: float32 (H, W).

    Returns:
        At most PARTS rectangles that do not overlap, the largest first, of LEAST pixels a side or
        more; and why they are not the whole, or "".

    >>> frame = np.random.default_rng(0).normal(size=(200, 300)).astype(np.float32)
    >>> usable_parts(frame)
    ([Part(rows=(0, 200), columns=(0, 300))], '')
    >>> frame[:, :100] = np.nan
    >>> usable_parts(frame)
    ([Part(rows=(0, 200), columns=(112, 300))], '33 % of its pixels are NaN or infinite')
    """
    finite = np.isfinite(frame)
    if not finite.any():
        return [], "no pixel is a number"
    low, high = float(frame[finite].min()), float(frame[finite].max())
    if low == high:
        return [], f"all pixels are {low:g}"
    if min(frame.shape) < LEAST:
        return [], f"it is smaller than {LEAST} x {LEAST} pixels"
    bad, reasons = ~finite, []
    if bad.any():
        reasons.append(f"{_percent(bad)} of its pixels are NaN or infinite")
    for value, word in ((low, "lowest"), (high, "highest")):
        there = np.equal(frame, value)
        if there.mean() > CLIPPED:
            bad = bad | there
            reasons.append(f"{_percent(there)} have the {word} value, {value:g}")
    if (flat := _flat_blocks(frame) & ~bad).any():
        bad = bad | flat
        reasons.append(f"{_percent(flat)} lie in squares of one value")
    if not reasons:
        return [Part((0, frame.shape[0]), (0, frame.shape[1]))], ""
    first, *rest = reasons
    first = first if "its pixels" in first else first.replace("%", "% of its pixels", 1)
    return _rectangles(bad), " and ".join([first, *rest])


def _flat_blocks(frame: np.ndarray) -> np.ndarray:
    """Where whole squares have one value, (H, W); what is left over at the far sides is passed."""
    tall, wide = frame.shape[0] // BLOCK, frame.shape[1] // BLOCK
    blocks = frame[: tall * BLOCK, : wide * BLOCK].reshape(tall, BLOCK, wide, BLOCK)
    flat = blocks.min(axis=(1, 3)) == blocks.max(axis=(1, 3))
    mask = np.zeros(frame.shape, bool)
    mask[: tall * BLOCK, : wide * BLOCK] = flat.repeat(BLOCK, 0).repeat(BLOCK, 1)
    return mask


def _percent(mask: np.ndarray) -> str:
    return f"{max(100 * float(np.mean(mask)), 0.01):.2g} %"


def _rectangles(bad: np.ndarray) -> list[Part]:
    """The largest rectangle of blocks without a bad pixel, the largest of the rest, and so on."""
    height, width = bad.shape
    tall, wide = -(-height // BLOCK), -(-width // BLOCK)
    padded = np.zeros((tall * BLOCK, wide * BLOCK), bool)
    padded[:height, :width] = bad
    free: Any = ~padded.reshape(tall, BLOCK, wide, BLOCK).any(axis=(1, 3))
    parts: list[Part] = []
    while len(parts) < PARTS:
        top, bottom, left, right = _largest(free)
        rows = top * BLOCK, min(bottom * BLOCK, height)
        columns = left * BLOCK, min(right * BLOCK, width)
        if rows[1] - rows[0] < LEAST or columns[1] - columns[0] < LEAST:
            break
        parts.append(Part(rows, columns))
        free[top:bottom, left:right] = False
    return parts


def _largest(free: Any) -> tuple[int, int, int, int]:
    """First row, behind the last, first column, behind the last, of the largest free rectangle.

    Only those of LEAST pixels a side count, so that a long sliver does not end the search.
    """
    tall, wide = free.shape
    least = -(-LEAST // BLOCK)
    above, best = np.zeros(wide, int), (0, (0, 0, 0, 0))
    for bottom in range(tall):  # free blocks above each one; for each width, the lowest of them
        above = np.where(free[bottom], above + 1, 0)
        for left in range(wide - least + 1):
            lowest = np.minimum.accumulate(above[left:])
            areas = lowest * np.arange(1, len(lowest) + 1)
            areas[: least - 1], areas[lowest < least] = 0, 0
            right = int(areas.argmax())
            if areas[right] > best[0]:
                top = bottom + 1 - int(lowest[right])
                best = int(areas[right]), (top, bottom + 1, left, left + right + 1)
    return best[1]


def fill_holes(frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """The frame with each NaN or infinite pixel replaced by the nearest finite one.

    So that a network does not spread them over their surroundings. All holes: all zeros.
    """
    holes = ~np.isfinite(frame)
    if not holes.any():
        return frame
    if holes.all():
        return np.zeros_like(frame)
    places: Any = ndimage.distance_transform_edt(holes, return_distances=False, return_indices=True)
    return frame[tuple(places)]


def noise_std(frame: np.ndarray) -> float:
    """The standard deviation of white noise in a frame, (H, W), by its finest diagonal details.

    The median of Haar's diagonal coefficients is that of the noise where edges are few (Donoho
    and Johnstone, 1994). Correlated noise comes out too low.

    >>> round(noise_std(np.random.default_rng(0).normal(5, 2, (400, 400))), 1)
    2.0
    """
    details = diagonal(frame)
    details = details[np.isfinite(details)]
    return float(np.median(np.abs(details)) / 0.6745) if details.size else 0.0


def diagonal(frame: np.ndarray) -> np.ndarray:
    """Haar's finest diagonal details of (H, W): (H // 2, W // 2), of white noise's deviation."""
    even = frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
    return (even[::2, ::2] - even[::2, 1::2] - even[1::2, ::2] + even[1::2, 1::2]) / 2
