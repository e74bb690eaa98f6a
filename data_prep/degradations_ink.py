"""What happens to ink: it spreads, wears off, fades, and shows through from the other side.

Each function takes a page, float32 (H, W) in [0, 1] with paper 1, and a generator; it returns the
new page, what the generator drew (for the passport), and masks, bool (H, W), of what it marked.
Grey levels count from 0 to 255.
"""

import numpy as np
from scipy import ndimage

from data_prep.clean_pages import draw_page
from data_prep.fields import smooth, uniform

__all__ = ["bleed_through", "fading_ink", "ink_erosion", "ink_spread"]

Result = tuple[np.ndarray, dict[str, object], dict[str, np.ndarray]]
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


def _move_edge(page: np.ndarray, rng: np.random.Generator, px: float, ragged: float) -> np.ndarray:
    """Move the ink's edge outwards by `px` (inwards if negative), more here and less there."""
    ink, left = 1 - page, abs(px)
    step = ndimage.maximum_filter if px > 0 else ndimage.minimum_filter
    while left > 0:
        part = np.float32(min(left, 1.0))
        if ragged:
            # Two sizes of unevenness: paper fibres, and places where the pen or type pressed.
            uneven = 0.7 * smooth(rng, ink.shape, 2.0) + 0.7 * smooth(rng, ink.shape, 15.0)
            part = np.clip(part * (1 + np.float32(ragged) * uneven), 0, 1)
        ink = ink + part * (step(ink, footprint=CROSS) - ink)
        left -= 1.0
    return 1 - ink


def ink_spread(
    page: np.ndarray, rng: np.random.Generator, *, px: float = 0.5, ragged: float = 0.5
) -> Result:
    """Ink creeps into the paper: edges move out by about `px`; `ragged` 0 to 1 is unevenness."""
    return _move_edge(page, rng, px, ragged).astype(np.float32), {}, {}


def ink_erosion(
    page: np.ndarray, rng: np.random.Generator, *, px: float = 0.5, ragged: float = 0.5
) -> Result:
    """Ink wears off: edges move in by about `px`; `ragged` 0 to 1 is unevenness."""
    return _move_edge(page, rng, -px, ragged).astype(np.float32), {}, {}


def fading_ink(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    loss: float = 0.4,
    uneven: float = 0.5,
    patch_px: float = 40.0,
    grain: float = 0.1,
) -> Result:
    """Ink loses `loss` of its darkness on average (0 none, 1 all).

    `uneven` says how much the loss changes from one place to another, over `patch_px`; `grain` is
    the same from one pixel to the next, as in dry strokes. Mask `faded`: ink that lost more than
    the average.
    """
    # A clear stroke beside a faint one is the usual thing in letters: the pen was dipped again.
    field = smooth(rng, page.shape, patch_px)
    lost = loss * (1 + uneven * field) + grain * smooth(rng, page.shape, 1.6)
    # No place loses all: what nobody can see any more is not the truth of a page.
    most = max(loss, 0.8)
    lost = np.clip(lost, 0, most).astype(np.float32)
    ink = 1 - page
    return 1 - ink * (1 - lost), {}, {"faded": (ink > 0.5) & (lost > loss)}


def bleed_through(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 60.0,
    blur_px: float = 1.5,
    patchy: float = 0.6,
    kind: str | None = None,
    x_height_px: float | None = None,
    split: str | None = None,
) -> Result:
    """The writing of the other side shows through, mirrored.

    It darkens white paper by up to `depth_grey`, is blurred by `blur_px` (standard deviation), and
    comes and goes by `patchy` (0 even, 1 in spots). The other side is drawn anew, of the `kind`,
    `x_height_px` and `split` of `clean_pages.draw_page`; without a split it may have any words.
    Mask `bleed`: where paper darkened noticeably.
    """
    sizes = None if x_height_px is None else (0.9 * x_height_px, 1.1 * x_height_px)
    back = draw_page(rng, page.shape, kind=kind, x_height=sizes, split=split)[:, ::-1]
    ink = ndimage.gaussian_filter(1 - back, blur_px, truncate=3) if blur_px else 1 - back
    spots = 1 - patchy * uniform(rng, page.shape, 90.0)
    dark = np.float32(depth_grey / 255) * spots * ink
    return (page * (1 - dark)).astype(np.float32), {}, {"bleed": dark > 4 / 255}
