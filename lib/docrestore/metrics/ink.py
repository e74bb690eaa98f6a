"""Ink that was invented where a page is empty, and strokes that were lost, by their width.

An F-measure mixes the two with everything else. Here they stand alone: a restoration that puts ink
on blank paper adds text that nobody wrote, and one that drops thin strokes takes text away.
Pages are bool (H, W), True is paper, as everywhere in `docrestore.metrics`.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from docrestore.metrics.confusion import Page, same_size, two_level
from docrestore.metrics.thinning import guo_hall_skeleton

__all__ = ["WIDTHS", "Strokes", "empty_paper", "invented", "strokes", "strokes_lost"]

# Width of a stroke in pixels -> the radius of the disc that fits into it: from a pixel of ink to
# the nearest of paper it is 1 in the middle of strokes 1 and 2 wide, 2 of 3 and 4, 3 of 5 and 6.
WIDTHS = {"1-2": 1, "3-4": 2, "5-8": 3, "9+": 5}


def invented(restored: Page, where: NDArray[np.bool_] | None = None) -> float:
    """Pixels of ink in a million pixels that should have none.

    Args:
        restored: bool (H, W), True is paper.
        where: bool (H, W), True on the pixels that should have none; None means all.

    Returns:
        0 at best, 1,000,000 where all is ink; nan where no pixel is asked for.

    Raises:
        ValueError: if an array is not bool (H, W), or their sizes differ.

    >>> page = np.ones((10, 10), bool)
    >>> page[0, :3] = False
    >>> invented(page)
    30000.0
    >>> lower = np.zeros((10, 10), bool)
    >>> lower[5:] = True
    >>> invented(page, lower)
    0.0
    """
    two_level("restored", restored)
    if where is None:
        where = np.ones_like(restored)
    two_level("audited", where)
    same_size(restored.shape, where.shape)
    pixels = int(where.sum())
    return 1e6 * int((where & ~restored).sum()) / pixels if pixels else math.nan


def empty_paper(clean: Page, side: int = 128, margin: int = 16) -> NDArray[np.bool_]:
    """Where a page is surely empty: bool (H, W), True on all squares without ink in or near them.

    The squares are `side` px wide, lie on the page as a whole and anywhere on it, and are `margin`
    px away from the nearest ink. So gaps between lines and words do not count, columns without
    text and ends of pages do, whatever shines through or lies on them.

    >>> page = np.ones((8, 12), bool)
    >>> page[4, 0] = False
    >>> empty_paper(page, side=8, margin=3).sum(0)  # the square begins four columns away
    array([0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8])
    """
    two_level("clean", clean)
    far = np.pad(clean, margin, constant_values=True)
    far = ndimage.minimum_filter(far.view(np.uint8), 2 * margin + 1)
    far = far[margin : margin + clean.shape[0], margin : margin + clean.shape[1]]
    centres = ndimage.minimum_filter(far, side, mode="constant", cval=0)
    back = -1 if side % 2 == 0 else 0  # an even square has no middle pixel
    return ndimage.maximum_filter(centres, side, mode="constant", cval=0, origin=back) > 0


class Strokes(NamedTuple):
    """The middle line of a page's strokes, a pixel after the other; from `strokes`."""

    at: NDArray[np.intp]  # (N, 2): row and column
    reach: NDArray[np.float64]  # (N,): to the nearest paper, in pixels
    width: NDArray[np.intp]  # (N,): which of WIDTHS


def strokes(clean: Page) -> Strokes:
    """The pixels of the skeleton of Guo and Hall, each with the width of its stroke.

    A pixel belongs to the widest class whose disc fits into the ink and covers it. So the twigs
    that a skeleton sends into the corners of a broad stroke do not count as thin ones. Beyond the
    page is paper. ValueError unless the page is bool (H, W).
    """
    two_level("clean", clean)
    ink = ~clean
    at = np.argwhere(guo_hall_skeleton(ink))
    depth = ndimage.distance_transform_edt(np.pad(ink, 1))[1:-1, 1:-1]  # type: ignore[index]
    width = np.zeros(len(at), np.intp)
    for index, radius in enumerate(WIDTHS.values()):
        width[_distance(at, depth >= radius) < radius] = index
    return Strokes(at, depth[tuple(at.T)], width)


def strokes_lost(
    restored: Page, clean: Page, *, of: Strokes | None = None
) -> dict[str, tuple[int, int]]:
    """How much of a page's strokes has left no trace, by their width.

    A pixel of the skeleton is lost when the stroke's found ink is further away than its paper is:
    when nothing of the stroke is left across its whole width. Strokes that became thinner are not
    lost; a gap in one is, but for its two ends.

    Args:
        restored: bool (H, W), True is paper.
        clean: the truth, likewise.
        of: `strokes(clean)`, where several restorations are measured against one truth.

    Returns:
        Key of WIDTHS -> (pixels of the skeleton, those lost).

    Raises:
        ValueError: unless both pages are bool (H, W) of one size.

    A hair line of 12 pixels beside a bar that is 5 wide; the right half of the hair line is gone,
    and of the bar only the upper edge is left. The found half reaches one pixel further:

    >>> clean = np.ones((12, 14), bool)
    >>> clean[1, 1:13] = clean[4:9, 1:13] = False
    >>> restored = clean.copy()
    >>> restored[1, 7:] = restored[6:9] = True
    >>> strokes_lost(restored, clean)
    {'1-2': (12, 5), '3-4': (0, 0), '5-8': (8, 0), '9+': (0, 0)}
    """
    two_level("restored", restored)
    two_level("clean", clean)
    same_size(restored.shape, clean.shape)
    at, reach, width = of or strokes(clean)
    lost = restored[tuple(at.T)]
    lost[lost] = _distance(at[lost], ~restored & ~clean) > reach[lost]
    count = np.bincount(width, minlength=len(WIDTHS))
    gone = np.bincount(width[lost], minlength=len(WIDTHS))
    return {key: (int(count[i]), int(gone[i])) for i, key in enumerate(WIDTHS)}


def _distance(at: NDArray[np.intp], to: NDArray[np.bool_]) -> NDArray[np.float64]:
    """From each of the points (N, 2) to the nearest pixel that is on; inf where none is."""
    return KDTree(np.argwhere(to)).query(at)[0]
