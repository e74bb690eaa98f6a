"""Cleaning, deblurring and removing marks without learning, on grey pages.

Every function takes and gives a page uint8 (H, W). Their values were chosen on training pages
alone: NoisyOffice's training groups for cleaning, drawn training pages for the other two tasks.
"""

import numpy as np
from scipy import ndimage
from skimage import filters, restoration
from skimage.filters import rank

__all__ = [
    "flatten",
    "flatten_and_stretch",
    "keep_ink",
    "richardson_lucy",
    "stretch",
    "unsharp_mask",
    "wiener",
]


def flatten(page: np.ndarray, window: int = 31) -> np.ndarray:
    """Divide by the background: the median of a square of `window` pixels, wider than a stroke."""
    share = page / _background(page, window)
    return _bytes(np.minimum(share, 1))


def flatten_and_stretch(
    page: np.ndarray, window: int = 31, ink: float = 0.2, paper: float = 0.9
) -> np.ndarray:
    """Divide by the background, then spread [ink, paper] over [0, 1]: faint stains go white."""
    share = page / _background(page, window)
    return _bytes(((share - ink) / (paper - ink)).clip(0, 1))


def unsharp_mask(page: np.ndarray, radius: float = 1.5, amount: float = 1.0) -> np.ndarray:
    """Add what a Gaussian blur of `radius` pixels takes away, `amount` times."""
    return _bytes(filters.unsharp_mask(page / 255, radius, amount).clip(0, 1))


def wiener(page: np.ndarray, radius: int = 2, balance: float = 0.02) -> np.ndarray:
    """Wiener filter for a guessed cause: a lens out of focus by a disc of `radius` pixels.

    `balance` is the price of roughness: larger is smoother.
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (np.hypot(x, y) <= radius + 0.5).astype(float)
    sharp = restoration.wiener(_framed(page), disc / disc.sum(), balance)
    return _bytes(_unframed(np.asarray(sharp), page.shape))


def richardson_lucy(page: np.ndarray, sigma: float = 1.5, rounds: int = 10) -> np.ndarray:
    """Richardson's and Lucy's iteration for a guessed Gaussian blur of `sigma` pixels."""
    reach = int(3 * sigma + 1)
    line = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    blur = np.outer(line, line)
    sharp = restoration.richardson_lucy(_framed(page), blur / blur.sum(), num_iter=rounds)
    return _bytes(_unframed(np.asarray(sharp), page.shape))


def stretch(page: np.ndarray, ink: float = 0.1, paper: float = 0.8) -> np.ndarray:
    """Spread [ink, paper] x the paper's grey over all greys: pale marks go, so does pale ink."""
    white = max(float(np.median(page)), 1.0)
    share = ((page / white - ink) / (paper - ink)).clip(0, 1)
    return _bytes(share * white / 255)


def keep_ink(page: np.ndarray, share: float = 0.6) -> np.ndarray:
    """Paint everything with the paper's grey that is not ink, nor next to it.

    Ink is darker than `share` x the paper's grey (the median); one pixel around it is kept for
    its soft edge. A mark as dark as ink stays, ink as pale as a mark goes.
    """
    white = np.median(page)
    kept = ndimage.binary_dilation(page < share * white)
    return np.where(kept | (page >= white), page, white.astype(np.uint8))


def _background(page: np.ndarray, window: int) -> np.ndarray:
    return np.maximum(rank.median(page, np.ones((window, window), np.uint8)), 1)


FRAME = 20  # pixels of mirrored page around it, so that its border is no edge to sharpen


def _framed(page: np.ndarray) -> np.ndarray:
    return np.pad(page / 255, FRAME, mode="symmetric")


def _unframed(page: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return page[FRAME : FRAME + shape[0], FRAME : FRAME + shape[1]].clip(0, 1)


def _bytes(page: np.ndarray) -> np.ndarray:
    return np.rint(page * 255).astype(np.uint8)
