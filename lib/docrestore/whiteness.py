"""How much a residual looks like noise: what is taken from a noisy image should be no more.

It was our first rule to choose a denoiser by. It misleads, see docrestore.selection, and is worth a
look all the same.

What a denoiser takes away from a noisy image, the residual, is compared with the noise that was
extracted from smooth windows. If it takes too much, the residual holds edges and texture: values,
correlation and spectrum differ from the noise. If it takes too little, its values are too small.
Noise with a correlation of its own is not held against anybody, for that of the residual is
compared with that of the noise and not with zero.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from docrestore.smooth import levelled

__all__ = ["Selection", "score"]

TILE = 64
REACH = 16  # pixels


@dataclass(frozen=True)
class Selection:
    """How unlike noise a residual is; 0 is best in all four, and `total` is their sum.

    Attributes:
        whiteness: root of the energy of the autocorrelation up to 16 pixels away, less that of
            the noise, where the energy at 0 is 1, and less what two samples differ by anyway.
        values: Wasserstein distance of the values, in standard deviations of the noise.
        spectrum: Wasserstein distance of the power over the distance from frequency 0, as a share
            of the highest frequency. Power is divided by its sum first.
    """

    whiteness: float
    values: float
    spectrum: float

    @property
    def total(self) -> float:
        """What is to be small."""
        return self.whiteness + self.values + self.spectrum

    def as_row(self) -> dict[str, float]:
        """The three parts and their total, rounded, for a report."""
        return {name: round(one, 5) for name, one in (asdict(self) | {"total": self.total}).items()}


def score(
    residuals: Sequence[np.ndarray], noise: np.ndarray, tile: int = TILE, *, level: str = "mean"
) -> Selection:
    """Compare residuals of held-out noisy images with extracted noise; lower is better.

    Args:
        residuals: noisy less restored, each (H, W), on one scale with the noise. They are cut into
            tiles; a tile's mean or plane is taken away, as it was from the noise.
        noise: (N, h, w), each of mean 0, as `Smooth.noise` gives it.
        tile: side of the squares in which both are compared, in pixels.
        level: "mean" or "plane", as in docrestore.smooth.

    Raises:
        ValueError: if no residual is as large as a tile, or a value is not finite.
    """
    ours, theirs = _tiles(residuals, tile, level), _tiles(noise, tile, level)
    for name, tiles in (("residuals", ours), ("noise", theirs)):
        if not len(tiles):
            raise ValueError(f"the {name} must be at least {tile} x {tile} pixels large.")
        if not np.isfinite(tiles).all():
            raise ValueError(f"the {name} hold NaN or infinity.")
    deviation = max(float(theirs.std()), 1e-12)
    power = [(np.abs(np.fft.fft2(tiles)) ** 2).mean(0) for tiles in (ours, theirs)]
    shapes = [one / max(one.sum(), 1e-30) for one in power]
    apart = np.fft.ifft2(shapes[0] - shapes[1]).real * tile**2
    reach = min(REACH, tile // 2 - 1)
    near = np.r_[0 : reach + 1, -reach:0]
    energy = (apart[np.ix_(near, near)] ** 2).sum()
    chance = len(near) ** 2 * (1 / ours.size + 1 / theirs.size)  # of two samples of white noise
    return Selection(
        whiteness=float(np.sqrt(max(energy - chance, 0.0) / 2)),
        values=_wasserstein(ours.ravel(), theirs.ravel()) / deviation,
        spectrum=_radial_distance(*shapes),
    )


def _tiles(
    images: Sequence[np.ndarray] | np.ndarray, tile: int, level: str
) -> NDArray[np.floating]:
    """(N, tile, tile): whole tiles of all images, levelled."""
    cut = [
        image[top : top + tile, left : left + tile]
        for image in images
        for top in range(0, image.shape[0] - tile + 1, tile)
        for left in range(0, image.shape[1] - tile + 1, tile)
    ]
    if not cut:
        return np.zeros((0, tile, tile))
    return levelled(np.stack(cut).astype(np.float32), level)


def _wasserstein(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """The mean difference of equal quantiles, at 1,000 of them."""
    levels = (np.arange(1000) + 0.5) / 1000
    return float(np.abs(np.quantile(one, levels) - np.quantile(other, levels)).mean())


def _radial_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Wasserstein distance of two spectra, each of sum 1, over the distance from frequency 0."""
    side = len(one)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)) / np.sqrt(0.5)
    edges = np.linspace(0, 1, side + 1)
    ours, theirs = (
        np.histogram(radius, edges, weights=shape)[0].cumsum() for shape in (one, other)
    )
    return float(np.abs(ours - theirs).mean())
