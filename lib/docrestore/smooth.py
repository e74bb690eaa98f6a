"""Windows of noisy images with nothing in them but noise: where GAN2GAN takes its noise from.

Where a scene is flat, a noisy image shows its noise alone. Noise without structure has as much of
itself in the coarse band of a Haar transform as in the three fine ones; edges, texture and shading
have more in the coarse one. So a window counts as smooth when its four bands vary alike.

Paper    GAN2GAN, ICLR 2021, equation 4. `choose` has its rule, a fixed lambda, and our ranking.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from docrestore.noisy import NoisyImage
from docrestore.pixels import window

__all__ = ["SmoothWindowsError", "Smooth", "choose", "haar", "rounded_up", "statistic"]

WINDOW, STRIDE = 96, 24
LEVELS = ("mean", "plane")
FEWEST = 100  # windows that a noise can be learnt from at all
CONSTANT = 1e-5  # deviation of a window that was cut off: it has no noise to show


class SmoothWindowsError(ValueError):
    """Too few smooth windows; the sentence says which lambda or window would do."""


def haar(image: np.ndarray) -> NDArray[np.float64]:
    """The four bands (4, H // 2, W // 2) of the one-level orthonormal Haar transform of (H, W).

    Averages first, then differences to the right, downwards and across; an odd last row or column
    is left out.
    """
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2].astype(np.float64)
    a, b, c, d = even[::2, ::2], even[::2, 1::2], even[1::2, ::2], even[1::2, 1::2]
    return np.stack([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d]) / 2


def statistic(
    image: np.ndarray, window: int = WINDOW, stride: int = STRIDE, *, level: str = "mean"
) -> NDArray[np.float64]:
    """How unlike the four Haar bands of each window vary: mean |s_k - m| / m, m the mean of s_k.

    s_k is the standard deviation of a band of the one-level orthonormal Haar transform. White
    noise of any distribution comes to about 0.01 in a window of 96 pixels, a flat window to 0.

    Args:
        image: (H, W).
        window, stride: in pixels, both even: then the bands of the whole image hold those of all
            windows. Windows begin at 0, stride, 2 stride, ... and end before the last row and
            column (start + window < side), as released.
        level: "mean" is the paper. "plane" forgives a window its slope: shading from one side to
            the other is no texture, and `Smooth` takes it away from the noise.

    Returns:
        (rows, columns), one number a window; a side may be 0.
    """
    one_level(level)
    if window % 2 or stride % 2 or window < 4 or stride < 2:
        raise ValueError(f"window and stride must be even, got {window} and {stride}.")
    counts = [max(0, -(-(side - window) // stride)) for side in image.shape]
    if 0 in counts:
        return np.zeros(counts)
    half, step = window // 2, stride // 2

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return _sums(values, half)[::step, ::step][: counts[0], : counts[1]] / half**2

    found = []
    for band in haar(image):
        band = band - band.mean()  # near zero, where squares lose no digits
        middle = mean(band)
        variance = mean(band * band) - middle * middle
        if level == "plane" and not found:  # a plane leaves the three other bands flat
            for axis, count in enumerate(counts):
                places = np.arange(band.shape[axis], dtype=np.float64)
                start = np.arange(count) * step + (half - 1) / 2
                places, start = (one[:, None] if axis == 0 else one for one in (places, start))
                together = mean(band * places) - middle * start
                variance = variance - together**2 / ((half**2 - 1) / 12)
        found.append(np.sqrt(np.maximum(variance, 0)))
    deviations = np.stack(found)
    middle = deviations.mean(0)
    unlike = np.abs(deviations - middle).mean(0)
    return np.divide(unlike, middle, out=np.full_like(middle, np.inf), where=middle > CONSTANT)


def one_level(level: str) -> str:
    """The name of what is taken from a window; ValueError for any other."""
    if level not in LEVELS:
        raise ValueError(f"level must be {' or '.join(LEVELS)}, got {level!r}.")
    return level


def levelled(noise: NDArray[np.float32], level: str = "mean") -> NDArray[np.float32]:
    """Patches (..., h, w) less their mean, or less the plane that is nearest to them."""
    noise = noise - noise.mean((-2, -1), keepdims=True)
    if level == "plane":
        for axis in (-2, -1):
            side = noise.shape[axis]
            ramp = (np.arange(side, dtype=np.float32) - (side - 1) / 2).astype(np.float32)
            ramp = ramp[:, None] if axis == -2 else ramp
            slope = (noise * ramp).mean((-2, -1), keepdims=True) / ((side**2 - 1) / 12)
            noise = noise - slope.astype(np.float32) * ramp
    return noise


def _sums(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The sum over each side x side square, by its upper left corner."""
    total = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]


@dataclass(frozen=True)
class Smooth:
    """The accepted windows, the smoothest first under our rule.

    Attributes:
        images: where they lie.
        places: int (N, 3), index of the image, first row, first column.
        statistic: (N,), as `statistic` gives it.
        window, stride: in pixels.
        lam: the lambda that was given, or that results: the largest statistic accepted.
        looked_at: how many windows there were.
        level: what is taken from a window to leave the noise alone: "mean" or "plane".
    """

    images: Sequence[NoisyImage]
    places: NDArray[np.int64]
    statistic: NDArray[np.float64]
    window: int
    stride: int
    lam: float
    looked_at: int
    level: str = "mean"

    def __len__(self) -> int:
        return len(self.places)

    def crop(self, index: int, top: int, left: int, size: int) -> NDArray[np.float32]:
        """A size x size piece of a window, `top` rows and `left` columns into it."""
        image, row, column = (int(one) for one in self.places[index])
        return window(self.images[image].pixels, row + top, column + left, size)

    def noise_crop(self, index: int, top: int, left: int, size: int) -> NDArray[np.float32]:
        """The noise of a piece of a window: the piece less its mean, or less its plane."""
        return levelled(self.crop(index, top, left, size), self.level)

    def best(self, count: int) -> "Smooth":
        """The `count` smoothest of these windows."""
        order = np.argsort(self.statistic, kind="stable")[:count]
        kept = self.statistic[order]
        return replace(self, places=self.places[order], statistic=kept, lam=float(kept[-1]))

    def noise(self, count: int = 512, size: int | None = None) -> NDArray[np.float32]:
        """Noise from up to `count` windows, evenly among them: (n, size, size)."""
        size = self.window if size is None else size
        chosen = np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).round().astype(int))
        return np.stack([self.noise_crop(int(i), 0, 0, size) for i in chosen])

    def unevenness(self) -> float:
        """By how much the variance of the noise differs from window to window, as a share of it.

        A larger window has more pixels to tell it from, so that of noise falls with the side of
        the windows. Where it rises, scene has come in.
        """
        variance = self.noise().var((1, 2))
        return float(variance.std() / max(variance.mean(), 1e-30))

    def report(self, reach: int = 16) -> dict[str, object]:
        """What was found: counts, lambda, and the noise in units of 1/255.

        `contamination` is how much of the deviation may be scene, as far as the noisy images alone
        can say: what the variance of all windows exceeds that of the smoothest tenth by, as a
        standard deviation. Noise that is stronger in some windows counts as well.
        """
        sample, first = self.noise(), self.best(max(1, len(self) // 10)).noise()
        excess = max(0.0, float(sample.var() - first.var()))
        return {
            "windows": len(self),
            "looked_at": self.looked_at,
            "lambda": self.lam,
            "window": self.window,
            "stride": self.stride,
            "noise_std": 255 * float(sample.std()),
            "best_tenth_std": 255 * float(first.std()),
            "contamination": 255 * excess**0.5,
            "autocorrelation": [round(float(one), 4) for one in autocorrelation(sample, reach)],
        }


def autocorrelation(noise: np.ndarray, reach: int = 16) -> NDArray[np.float64]:
    """Correlation of noise with itself 0, 1, ... `reach` pixels away, over rows and columns.

    Args:
        noise: (N, H, W) of mean 0, H and W above `reach`.
        reach: the last distance in pixels.
    """
    noise = np.asarray(noise, np.float64)
    power = (noise * noise).mean()
    if not power:
        return np.r_[1.0, np.zeros(reach)]
    found = [1.0]
    for lag in range(1, reach + 1):
        down = (noise[:, lag:] * noise[:, :-lag]).mean()
        right = (noise[:, :, lag:] * noise[:, :, :-lag]).mean()
        found.append(float((down + right) / 2 / power))
    return np.array(found)


def choose(
    images: Sequence[NoisyImage],
    lam: float | None = None,
    *,
    at_least: int | None = 10_000,
    cap: int = 100_000,
    window: int = WINDOW,
    stride: int = STRIDE,
    level: str = "mean",
    contamination: float = 0.1,
) -> Smooth:
    """The smooth windows of noisy images.

    Args:
        images: noisy ones; nothing else of them is read.
        lam: accept windows whose statistic is at most this, in order, until `cap` (the paper).
            None ranks all windows and accepts the best.
        at_least: fewer windows are not enough (paper: 10,000); as many are accepted of the
            ranked. None asks for 100 and accepts more as long as the noise stays clean.
        cap: the most windows that are accepted (paper: 100,000).
        window, stride: in pixels, even (paper: 96 and 24).
        level: "mean", or "plane", see `statistic`.
        contamination: where `at_least` is None, how much scene may be in the noise, as a share of
            the noise's deviation. What the variance of all accepted windows exceeds that of
            the best hundred by counts as scene.

    Raises:
        SmoothWindowsError: if there are too few; the sentence says what would do.
    """
    found = [statistic(image.degraded, window, stride, level=level) for image in images]
    ends, how = np.cumsum([one.size for one in found]), np.concatenate([o.ravel() for o in found])

    def where(accepted: NDArray[np.intp]) -> NDArray[np.intp]:
        """Index of the image, first row and first column of these windows, (N, 3)."""
        index = np.searchsorted(ends, accepted, side="right")
        places = [
            (one, *(stride * side for side in divmod(flat - ends[one], found[one].shape[1])))
            for one, flat in zip(index, accepted + [found[one].size for one in index], strict=True)
        ]
        return np.array(places, dtype=np.intp).reshape(-1, 3)

    needed = FEWEST if at_least is None else at_least
    if len(how) < needed:
        raise SmoothWindowsError(
            f"the {len(images)} images hold {len(how)} windows of {window} pixels, fewer than the "
            f"{needed} that are asked for. More or larger images would do, or, where they can be "
            f"chosen, a stride below {stride} or a window below {window}."
        )
    order = np.argsort(how, kind="stable")
    if lam is None:
        accepted = order[: cap if at_least is None else at_least]
        ranked = Smooth(
            images, where(accepted), how[accepted], window, stride, 0.0, len(how), level
        )
        return ranked.best(_clean_count(ranked, contamination) if at_least is None else at_least)
    accepted = np.flatnonzero(how <= lam)[:cap]
    if len(accepted) < needed:
        enough = rounded_up(float(how[order[needed - 1]]))
        raise SmoothWindowsError(
            f"lambda {lam:g} accepts {len(accepted)} of {len(how)} windows of {window} pixels, "
            f"fewer than the {needed} that are asked for. Lambda {enough:g} would do."
        )
    return Smooth(images, where(accepted), how[accepted], window, stride, lam, len(how), level)


def _clean_count(ranked: Smooth, contamination: float) -> int:
    """How many of the ranked windows hold no more scene than this share of the noise."""
    total, allowed, count = 0.0, np.inf, min(FEWEST, len(ranked))
    for index in range(len(ranked)):
        total += float(ranked.noise_crop(index, 0, 0, ranked.window).var())
        if index + 1 == FEWEST:
            allowed = total / FEWEST * (1 + contamination**2)
        if total / (index + 1) > allowed:
            break
        count = max(count, index + 1)
    return count


def rounded_up(value: float) -> float:
    """The next number of two significant digits that is not smaller."""
    unit = 10.0 ** (np.floor(np.log10(value)) - 1) if value > 0 else 0.01
    return float(np.ceil(value / unit - 1e-9) * unit)
