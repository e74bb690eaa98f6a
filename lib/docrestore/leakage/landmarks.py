"""Landmarks of a page: blobs that stay where they are when it is scaled, recompressed or paler.

They are the maxima of a difference of Gaussians over place and size (Lowe, "Distinctive image
features from scale-invariant keypoints", IJCV 2004, sections 3 and 4), without his orientation:
pages are not turned. A landmark's surroundings are told by 63 bits: the signs of their lowest
cosine frequencies. `docrestore.leakage` compares pages by them. On the 110 real pages of DIBCO and
Bickley, at most 2 of the 96 landmarks of a fingerprint agree with a page that shares nothing, and
at least 9 with a copy that was mirrored, reduced to 0.6, made paler and recompressed at quality 30.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import fft, ndimage

__all__ = ["Landmarks", "agreeing", "landmarks", "mirrored"]

AREA = 400_000  # pixels; larger pages are reduced to this
MOST = 1000  # landmarks of a page
FINEST = 1.6  # sigma of the finest blobs, in pixels
PER_OCTAVE = 3  # sizes between sigma and 2 sigma
FAINTEST = 0.002  # of the range from ink to paper; fainter blobs are noise
EDGE = 10.0  # a blob with curvatures further apart than this factor is a line, not a landmark
WINDOW, GRID, FREQUENCIES = 6.0, 16, 8  # surroundings: +-6 sigma, seen at 16 x 16 points
BITS_APART = 8  # of 63; landmarks that differ in more bits do not look alike
CANDIDATES, HYPOTHESES = 400, 200  # limits that keep a pair of pages under some milliseconds


class Landmarks(NamedTuple):
    """N landmarks of a page, strongest first.

    x, y and sigma are float (N,) in pixels of the reduced page, bits is bool (N, 8, 8) indexed by
    vertical and horizontal frequency, width is the reduced page's width in pixels.
    """

    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray
    bits: np.ndarray
    width: int


def landmarks(gray: np.ndarray) -> Landmarks:
    """The strongest landmarks of a page uint8 (H, W); none for a page without blobs."""
    height, width = gray.shape
    image = Image.fromarray(gray)
    if (factor := (AREA / (height * width)) ** 0.5) < 1:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        image = image.resize(size, Image.Resampling.LANCZOS)
    level = np.asarray(image, np.float32) / 255
    level = ndimage.gaussian_filter(level, (FINEST**2 - 0.5**2) ** 0.5, mode="nearest")
    found, step = [_none()], 1
    while min(level.shape) >= GRID:
        sigmas = FINEST * 2.0 ** (np.arange(PER_OCTAVE + 3) / PER_OCTAVE)
        levels = [level]
        for finer, coarser in zip(sigmas[:-1], sigmas[1:], strict=True):
            sigma = (coarser**2 - finer**2) ** 0.5
            levels.append(ndimage.gaussian_filter(levels[-1], sigma, mode="nearest"))
        strength, place, bits = _blobs(np.stack(levels))
        found.append((strength, place * step, bits))
        level, step = levels[PER_OCTAVE][::2, ::2], 2 * step
    strength, place, bits = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(-strength, kind="stable")[:MOST]
    x, y, sigma = place[order].T
    return Landmarks(x, y, sigma, bits[order], image.width)


def mirrored(marks: Landmarks) -> Landmarks:
    """The landmarks of the page seen from behind: odd horizontal frequencies change their sign."""
    bits = marks.bits.copy()
    bits[:, :, 1::2] ^= True
    return marks._replace(x=marks.width - 1 - marks.x, bits=bits)


def agreeing(first: Landmarks, second: Landmarks) -> int:
    """How many landmarks look alike and lie in the same arrangement, up to scale and shift."""
    i, j = _alike(first, second)
    if len(i) < 2:
        return 0
    here = np.stack([first.x[i], first.y[i]], axis=1)  # (M, 2)
    there = np.stack([second.x[j], second.y[j]], axis=1)
    ratio = second.sigma[j] / first.sigma[i]
    a, b, scale = _hypotheses(here, there, ratio)
    best = 0
    for u, v, size in zip(a, b, scale, strict=True):
        shift = (there[u] + there[v] - size * (here[u] + here[v])) / 2
        miss = np.abs(there - size * here - shift).max(axis=1)
        fits = (miss < 1.0 + 1.4 * second.sigma[j]) & (np.abs(np.log(ratio / size)) < 0.35)
        best = max(best, min(len(np.unique(i[fits])), len(np.unique(j[fits]))))
    return best


def _none() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros(0), np.zeros((0, 3)), np.zeros((0, FREQUENCIES, FREQUENCIES), bool)


def _blobs(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blobs in one octave (L, H, W): strength (N,), x y sigma (N, 3), bits (N, 8, 8)."""
    change = levels[1:] - levels[:-1]
    size = np.abs(change)
    peak = (size == ndimage.maximum_filter(size, 3, mode="nearest")) & (size > FAINTEST)
    inner = np.zeros_like(peak)
    inner[1:-1, 2:-2, 2:-2] = True
    k, y, x = np.nonzero(peak & inner)
    value = change[k, y, x]
    right, left = change[k, y, x + 1], change[k, y, x - 1]
    down, up = change[k, y + 1, x], change[k, y - 1, x]
    wider, narrower = change[k + 1, y, x], change[k - 1, y, x]
    xx, yy, kk = (a + b - 2 * value for a, b in ((right, left), (down, up), (wider, narrower)))
    corner = change[k, y + 1, x + 1] + change[k, y - 1, x - 1]
    xy = (corner - change[k, y + 1, x - 1] - change[k, y - 1, x + 1]) / 4
    round_ = (xx + yy) ** 2 * EDGE < (EDGE + 1) ** 2 * (xx * yy - xy**2)
    keep = np.flatnonzero(round_ & (xx * yy > 0))
    keep = keep[np.argsort(-np.abs(value[keep]), kind="stable")[:MOST]]
    if not len(keep):
        return _none()
    k, x, y = k[keep], x[keep], y[keep]
    place = np.stack(
        [
            x + _top(left[keep], right[keep], xx[keep]),
            y + _top(up[keep], down[keep], yy[keep]),
            FINEST * 2 ** ((k + _top(narrower[keep], wider[keep], kk[keep])) / PER_OCTAVE),
        ],
        axis=1,
    )
    return np.abs(value[keep]), place, _surroundings(levels, k, place)


def _top(before: np.ndarray, after: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """Where between its neighbours a peak lies: the top of the parabola, within half a step."""
    safe = np.where(curvature == 0, 1, curvature)
    return np.where(curvature == 0, 0, (before - after) / 2 / safe).clip(-0.5, 0.5)


def _surroundings(levels: np.ndarray, k: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Signs of the 8 x 8 lowest cosine frequencies around each blob; the mean is left out."""
    x, y, sigma = place.T
    window = np.linspace(-WINDOW, WINDOW, GRID)
    across = x[:, None] + sigma[:, None] * window  # (N, 16)
    down = y[:, None] + sigma[:, None] * window
    shape = (len(x), GRID, GRID)
    points = [
        np.broadcast_to(k[:, None, None], shape),
        np.broadcast_to(down[:, :, None], shape),
        np.broadcast_to(across[:, None, :], shape),
    ]
    seen = ndimage.map_coordinates(levels, points, order=1, mode="nearest")
    waves = np.asarray(fft.dctn(seen, axes=(1, 2)))[:, :FREQUENCIES, :FREQUENCIES].copy()
    waves[:, 0, 0] = 0
    return waves > 0


def _alike(first: Landmarks, second: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """Indices of landmarks that look alike, the CANDIDATES likest ones."""
    words = [
        np.packbits(marks.bits.reshape(-1, FREQUENCIES**2), axis=1).view(np.uint64)[:, 0]
        for marks in (first, second)
    ]
    apart = np.bitwise_count(words[0][:, None] ^ words[1][None, :])
    i, j = np.nonzero(apart <= BITS_APART)
    likest = np.argsort(apart[i, j], kind="stable")[:CANDIDATES]
    return i[likest], j[likest]


def _hypotheses(
    here: np.ndarray, there: np.ndarray, ratio: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of matches (M, 2) that a scale without turning explains: two indices and the scale."""
    step_here = here[:, None] - here[None]  # (M, M, 2)
    step_there = there[:, None] - there[None]
    far_here = np.hypot(step_here[..., 0], step_here[..., 1])
    far_there = np.hypot(step_there[..., 0], step_there[..., 1])
    scale = far_there / np.maximum(far_here, 1e-6)
    apart = far_here > 20.0  # pixels; a short base makes a bad ruler
    expected = np.sqrt(ratio[:, None] * ratio[None])
    same_scale = np.abs(np.log(np.maximum(scale, 1e-6) / expected)) < 0.25
    miss = np.abs(step_there - scale[..., None] * step_here).max(axis=-1)
    good = np.triu(apart & same_scale & (miss < 0.08 * far_there))
    a, b = np.nonzero(good)
    support = good.sum(axis=0) + good.sum(axis=1)
    best = np.argsort(-(support[a] + support[b]), kind="stable")[:HYPOTHESES]
    a, b = a[best], b[best]
    return a, b, scale[a, b]
