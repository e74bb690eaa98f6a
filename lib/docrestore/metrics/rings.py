"""Rings: what a pixel meets first when a square grows around it inside its component's box.

The contest's pseudo F-measure asks this for every pixel: grow a square until its rim holds a
feature, but never leave the bounding box of the pixel's component; all features on that rim count,
not one nearest. Two facts make it one pass for the whole page. The features that a cell meets at
distance r are those that its neighbours meet at distance r - 1. And boxes that overlap on the page
can be copied side by side on a canvas, with walls between them.
"""

from collections.abc import Iterator
from math import isqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Components", "components", "gather", "last_writer"]

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]

CELLS = 2**23  # a canvas beyond one box stays below this, so that memory stays bounded


class Components(NamedTuple):
    """Labels (H, W), 0 elsewhere and 1, 2, ... in raster order of first pixels; bounding boxes."""

    labels: Ints
    boxes: list[tuple[slice, slice]]


class Canvas(NamedTuple):
    """Bounding boxes side by side, flat: the arrays have one entry for each cell."""

    pixel: Ints  # flat index into the page, -1 for a wall
    own: Mask  # the cell belongs to the component whose box this is
    steps: list[int]  # from a cell to its eight neighbours


def components(mask: Mask) -> Components:
    """The 8-connected components of `mask`, bool (H, W)."""
    labels = np.zeros(mask.shape, np.int64)
    ndimage.label(mask, np.ones((3, 3), int), output=labels)
    return Components(labels, ndimage.find_objects(labels))


def gather(values: list[Ints], features: Mask, asking: Mask, parts: Components) -> list[Ints]:
    """For each asking pixel the greatest of the values among the features that its ring meets.

    Each of `values` is (H, W) and not negative; so is each answer, -1 where no feature is met.
    `features` and `asking` are bool (H, W).
    """
    pages = [np.full(features.shape, -1) for _ in values]
    for canvas in canvases(parts):
        asks = canvas.own & asking.ravel()[canvas.pixel]
        rings = levels(features, asks, canvas)
        for page, source in zip(pages, values, strict=True):
            best = np.full(asks.size, -1)
            for distance, cells in enumerate(rings):
                if distance == 0:
                    best[cells] = source.ravel()[canvas.pixel[cells]]
                else:
                    best[cells] = greatest(best, cells, canvas.steps)
            page.ravel()[canvas.pixel[asks]] = best[asks]
    return pages


def last_writer(features: Mask, asking: Mask, parts: Components) -> Ints:
    """For each feature the last asking pixel whose ring meets it, as a flat index; -1 if none.

    Last in the order of components, then rows, then columns. Everything is (H, W).
    """
    page = np.full(features.shape, -1)
    for canvas in canvases(parts):
        asks = canvas.own & asking.ravel()[canvas.pixel]
        rings = levels(features, asks, canvas)
        pixels = canvas.pixel[asks]
        turn = np.full(asks.size, -1)
        turn[asks] = parts.labels.ravel()[pixels] * page.size + pixels
        latest = np.full(asks.size, -1)
        for cells in reversed(rings):
            latest[cells] = np.maximum(turn[cells], greatest(latest, cells, canvas.steps))
        for met in rings[:1]:
            np.maximum.at(page.ravel(), canvas.pixel[met], latest[met])
    return np.where(page < 0, -1, page % page.size)


def canvases(parts: Components) -> Iterator[Canvas]:
    """Lay the boxes out, tallest first in shelves; a new canvas when one would grow too large."""
    sizes = [
        (rows.stop - rows.start + 1, columns.stop - columns.start + 1)
        for rows, columns in parts.boxes
    ]
    batch: list[int] = []
    area = 0
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index][0]):
        more = sizes[index][0] * sizes[index][1]
        if batch and area + more > CELLS:
            yield lay_out(parts, batch, sizes)
            batch, area = [], 0
        batch.append(index)
        area += more
    if batch:
        yield lay_out(parts, batch, sizes)


def lay_out(parts: Components, batch: list[int], sizes: list[tuple[int, int]]) -> Canvas:
    """One canvas with the boxes in `batch`; the sizes count one wall below and to the right."""
    area = sum(sizes[index][0] * sizes[index][1] for index in batch)
    span = 1 + max(isqrt(area), max(sizes[index][1] for index in batch))
    corners = []
    y, x, shelf = 1, 1, 0
    for index in batch:
        height, width = sizes[index]
        if x + width > span:
            y, x, shelf = y + shelf, 1, 0
        corners.append((index, y, x))
        x, shelf = x + width, max(shelf, height)
    pixel = np.full((y + shelf, span), -1)
    own = np.zeros(pixel.shape, bool)
    page_width = parts.labels.shape[1]
    for index, y, x in corners:
        rows, columns = box = parts.boxes[index]
        cells = np.s_[y : y + rows.stop - rows.start, x : x + columns.stop - columns.start]
        down = np.arange(rows.start, rows.stop) * page_width
        pixel[cells] = down[:, None] + np.arange(columns.start, columns.stop)
        own[cells] = parts.labels[box] == index + 1
    steps = [dy * span + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    return Canvas(pixel.ravel(), own.ravel(), steps)


def levels(features: Mask, asks: Mask, canvas: Canvas) -> list[Ints]:
    """The cells at distance 0, 1, 2, ... from the features of their box, until all that ask have.

    A cell whose box holds no feature is in no level.
    """
    fresh = canvas.pixel >= 0
    front = np.flatnonzero(fresh & features.ravel()[canvas.pixel])
    fresh[front] = False
    left = np.count_nonzero(asks)
    found = []
    while front.size and left:
        found.append(front)
        left -= np.count_nonzero(asks[front])
        fronts = []
        for step in canvas.steps:
            cells = front + step
            cells = cells[fresh[cells]]
            fresh[cells] = False
            fronts.append(cells)
        front = np.concatenate(fronts)
    return found


def greatest(values: Ints, cells: Ints, steps: list[int]) -> Ints:
    """The greatest value around each cell; cells of the same level have none yet."""
    top = values[cells + steps[0]]
    for step in steps[1:]:
        np.maximum(top, values[cells + step], out=top)
    return top
