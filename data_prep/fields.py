"""Random fields: the smooth noise from which stains, paper, light and wobble are made."""

import numpy as np
from PIL import Image

__all__ = ["blob", "smooth", "uniform"]


def smooth(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Smooth noise (H, W) float32 with features of about `scale` px, mean 0, deviation about 1.

    White noise on a grid of `scale` px, enlarged with a cubic spline: as fast for wide features
    as for narrow ones. Below 1 px it is white noise.
    """
    height, width = shape
    if scale <= 1:
        return rng.standard_normal(shape, dtype=np.float32)
    # Three cells of margin keep the spline's border rule off the page; a random offset of the
    # grid would cost more than the little that it adds.
    rows, columns = int(np.ceil(height / scale)) + 3, int(np.ceil(width / scale)) + 3
    grid = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
    box = (1.0, 1.0, 1.0 + width / scale, 1.0 + height / scale)
    field = np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC, box=box))
    return field * np.float32(1.3)  # the spline averages neighbours: bring the deviation back


def uniform(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Smooth noise (H, W) float32 in [0, 1], about evenly spread."""
    field = smooth(rng, shape, scale)
    return (0.5 + 0.5 * np.tanh(1.1 * field)).astype(np.float32)


def blob(
    rng: np.random.Generator,
    shape: tuple[int, int],
    centre: tuple[float, float],
    radius: float,
    ragged: float = 0.2,
) -> np.ndarray:
    """Signed distance (H, W) float32 in px to the rim of an irregular blob, positive inside.

    `centre` is (y, x), `radius` in px, `ragged` the depth of the rim's bays as a part of it.
    """
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    distance = radius - np.hypot(y - np.float32(centre[0]), x - np.float32(centre[1]))
    for octave in (1.0, 0.35, 0.12):
        rim = smooth(rng, shape, max(2.0, octave * radius))
        distance += np.float32(ragged * radius * octave * 0.5) * rim
    return distance
