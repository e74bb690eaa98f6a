"""Made-up noise of known law: the ten cells of GAN2GAN's test on BSD68, and others like them.

Paper    Cha et al., "GAN2GAN", ICLR 2021. Levels are those of 8-bit images: 25 is a tenth of the
         way from black to white. Noise is added, never clipped and never rounded.
gaussian    N(0, s^2) in each pixel.
mixture     in each pixel, one of three: U(-s, s) with probability 0.1, N(0, a^2) with 0.2,
            N(0, b^2) with 0.7; (a, b) is (1, 0.1) for s = 15, 25 and (25, 15) for s = 30, 50.
correlated  0.7 n + 0.3 / sqrt(255) m with n as in `gaussian` and m the sum of n over 16 x 16
            pixels, 8 before to 7 behind, without the one that lies 1 before in both directions.
            Nothing lies outside the image, so noise is a little weaker at the edge.

A field of noise is a pure function of (cell, seed, index, capture): the released test drew its
noise without a seed, so nobody can draw it again.
"""

import numpy as np

__all__ = ["CELLS", "GRAY", "RELEASED_GRAY", "draw", "gray", "standard_deviation"]

CELLS = (
    "gaussian-15", "gaussian-25", "gaussian-30", "gaussian-50",
    "mixture-15", "mixture-25", "mixture-30", "mixture-50",
    "correlated-15", "correlated-25",
)  # fmt: skip
KINDS = ("gaussian", "mixture", "correlated")
WIDTHS = {15: (1.0, 0.1), 25: (1.0, 0.1), 30: (25.0, 15.0), 50: (25.0, 15.0)}  # a and b by s
OWN, SIDE = 0.7, 16  # a pixel's own share of the correlated noise; side of the window

GRAY = (0.299, 0.587, 0.114)
RELEASED_GRAY = (0.299, 0.587, 0.144)  # a slip of the release: white becomes 262.65


def gray(rgb: np.ndarray, weights: tuple[float, float, float] = GRAY) -> np.ndarray:
    """A colour image (H, W, 3), levels 0 to 255, to grey levels, float32 (H, W), not rounded."""
    return (rgb.astype(np.float64) @ np.array(weights)).astype(np.float32)


def draw(
    cell: str, size: tuple[int, int], *, seed: int = 0, index: int = 0, capture: int = 0
) -> np.ndarray:
    """The noise of one image, float32 (height, width), in grey levels of 8 bits.

    Args:
        cell: a kind and a level, as "gaussian-25". `CELLS` are those of the paper; `gaussian` and
            `correlated` take any level above 0.
        size: (height, width) of the image.
        seed: of the whole set.
        index: the image's number in its set.
        capture: 0 for the first noisy image of a scene, 1 for the second, ...

    Raises:
        ValueError: for what is no cell; the message lists them.
    """
    kind, level = _parsed(cell)
    rng = np.random.default_rng((seed, index, capture, KINDS.index(kind), round(1000 * level)))
    if kind == "mixture":
        noise = _mixture(rng, size, level)
    else:
        noise = rng.normal(0.0, level, size)
        if kind == "correlated":
            noise = OWN * noise + (1 - OWN) / np.sqrt(SIDE**2 - 1) * _around(noise)
    return noise.astype(np.float32)


def standard_deviation(cell: str) -> float:
    """Of the noise of a cell, in grey levels of 8 bits, away from the image's edge.

    >>> [round(standard_deviation(f"mixture-{s}"), 2) for s in (15, 25, 30, 50)]
    [2.78, 4.59, 17.68, 19.13]
    >>> round(standard_deviation("correlated-25"), 2)
    19.47
    """
    kind, level = _parsed(cell)
    if kind == "mixture":
        a, b = WIDTHS[int(level)]
        return float(np.sqrt(0.1 * level**2 / 3 + 0.2 * a**2 + 0.7 * b**2))
    if kind == "correlated":  # the sum holds the pixel itself, once
        both = 2 * OWN * (1 - OWN) / np.sqrt(SIDE**2 - 1)
        return float(level * np.sqrt(OWN**2 + (1 - OWN) ** 2 + both))
    return level


def _parsed(cell: str) -> tuple[str, float]:
    kind, _, text = cell.partition("-")
    try:
        level = float(text)
        if kind not in KINDS or not 0 < level < 1000 or (kind == "mixture" and level not in WIDTHS):
            raise ValueError(cell)
    except ValueError:
        raise ValueError(
            f"no noise is called {cell!r}; use one of {', '.join(CELLS)}, or gaussian and "
            "correlated with another level."
        ) from None
    return kind, level


def _mixture(rng: np.random.Generator, size: tuple[int, int], level: float) -> np.ndarray:
    a, b = WIDTHS[int(level)]
    which = rng.random(size)
    flat, wide, narrow = rng.uniform(-level, level, size), *rng.normal(0.0, 1.0, (2, *size))
    return np.where(which < 0.1, flat, np.where(which < 0.3, a * wide, b * narrow))


def _around(noise: np.ndarray) -> np.ndarray:
    """The sum over the window of 16 x 16 pixels around each pixel, without one of them."""
    height, width = noise.shape
    before = SIDE // 2
    padded = np.pad(noise, (before, before - 1))
    sums = np.zeros((height + SIDE, width + SIDE))
    sums[1:, 1:] = padded.cumsum(0).cumsum(1)
    window = sums[SIDE:, SIDE:] - sums[SIDE:, :-SIDE] - sums[:-SIDE, SIDE:] + sums[:-SIDE, :-SIDE]
    return window - padded[before - 1 : before - 1 + height, before - 1 : before - 1 + width]
