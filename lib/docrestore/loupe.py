"""Noise under the loupe, where the clean image is known: for lessons and tests, never for training.

A method that learns from noisy images alone cannot ask these questions. A lesson can, and so shows
what the method does not see.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from docrestore.noisy import NoisyImages
from docrestore.smooth import Smooth

__all__ = ["by_brightness", "scene_left"]

FEWEST = 100  # pixels that a standard deviation is told from


def by_brightness(
    noise: np.ndarray, clean: np.ndarray, bins: int = 12
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How strong noise is where the clean image has this brightness.

    Pixels are sorted by brightness into `bins` parts of equal number; parts of one brightness
    become one, and those of fewer than 100 pixels are left out.

    Args:
        noise: degraded less clean, any shape.
        clean: of that shape, on the same scale.
        bins: parts at most.

    Returns:
        mean brightness and standard deviation of the noise in each part, both on the scale that
        was given.

    >>> clean = np.repeat([0.2, 0.6], 500)
    >>> noise = np.tile([-1, 1], 500) * np.repeat([0.01, 0.03], 500)
    >>> [one.round(3).tolist() for one in by_brightness(noise, clean)]
    [[0.2, 0.6], [0.01, 0.03]]
    """
    if noise.shape != clean.shape:
        raise ValueError(f"noise is {noise.shape} and clean {clean.shape}; they must be alike.")
    noise, clean = (np.asarray(one, np.float64).ravel() for one in (noise, clean))
    edges = np.unique(np.quantile(clean, np.linspace(0, 1, bins + 1)[1:-1]))
    part = np.searchsorted(edges, clean, side="right")
    found = [(clean[part == i].mean(), noise[part == i].std()) for i in _full(part)]
    middle, strength = np.array(found).reshape(-1, 2).T
    return middle, strength


def _full(part: NDArray[np.int64]) -> list[int]:
    numbers, counts = np.unique(part, return_counts=True)
    return [int(one) for one, count in zip(numbers, counts, strict=True) if count >= FEWEST]


def scene_left(smooth: Smooth, clean: Sequence[np.ndarray], count: int = 512) -> float:
    """The standard deviation of the clean image in accepted windows: what noise is taken to be.

    `Smooth.report` estimates this from the noisy images alone, as `contamination`.

    Args:
        smooth: windows of noisy images.
        clean: the clean images in the order of the noisy ones, each (H, W).
        count: windows that are looked at, evenly among them.
    """
    same = replace(smooth, images=NoisyImages.of([np.asarray(one) for one in clean]))
    return float(same.noise(count).std())
