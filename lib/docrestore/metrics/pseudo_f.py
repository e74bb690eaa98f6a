"""The pseudo F-measures of the DIBCO contests: errors weighted by where on the page they are.

Two measures share the name, and their figures are not comparable: the one with weights (since 2013)
and an older one whose recall looks at the text's skeleton only. The rest is about the first.

Idea: Ntirogiannis, Gatos and Pratikakis, "Performance Evaluation Methodology for Historical
Document Image Binarization", IEEE Trans. Image Processing 22(2), 2013. A missed pixel in the middle
of a stroke weighs more than one on its rim, so that each break of a stroke costs the same. A false
pixel weighs more the farther it is from the stroke, and most where it closes the gap between two.

The paper alone does not fix every rounding. The order of the steps, which is part of the result,
follows the procedure that reproduces the weight files of the contest's own tool. Where a distance
passes 249 pixels the tool is out of its range; here it then counts as outside.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from docrestore.metrics.confusion import Page, count, same_size, two_level
from docrestore.metrics.rings import Components, components, gather, last_writer
from docrestore.metrics.thinning import NEIGHBOURS, contest_skeleton, guo_hall_skeleton

__all__ = ["WeightMaps", "pseudo_f_contest", "pseudo_f_skeleton", "weight_maps"]

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]

OUTSIDE = 250  # a distance from here on is no distance: too far, or not in the region


class WeightMaps(NamedTuple):
    """What a missed and a false text pixel cost: two float64 maps (H, W)."""

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]


def pseudo_f_contest(restored: Page, clean: Page, *, maps: WeightMaps | None = None) -> float:
    """The pseudo F-measure of the contests since 2013, in percent.

    Recall counts the middle of a stroke more than its rim, and precision counts a false pixel more
    the farther it is from the text: see `weight_maps`. Hand over `maps` from
    `weight_maps(clean)` where several restorations are compared with one clean page.

    >>> clean = np.ones((9, 16), bool)
    >>> clean[3:6, 2:14] = False
    >>> thin_strokes = np.ones_like(clean)
    >>> thin_strokes[4, 2:14] = False
    >>> pseudo_f_contest(thin_strokes, clean)  # F-measure 50
    100.0
    """
    _, false, missed, _ = count(restored, clean)
    if false + missed == 0:
        return 100.0
    cost = maps or weight_maps(clean)
    same_size(cost.recall.shape, clean.shape)
    text, said = ~clean, ~restored
    found, lost = cost.recall[text & said].sum(), cost.recall[text & ~said].sum()
    right, wrong = cost.precision[text & said].sum(), cost.precision[~text & said].sum()
    if not found or not right:
        return 0.0
    return harmonic(100 * found / (found + lost), 100 * right / (right + wrong))


def pseudo_f_skeleton(restored: Page, clean: Page) -> float:
    """The older pseudo F-measure (H-DIBCO 2010 to 2012), in percent.

    Recall is the share of the clean text's skeleton that was found; precision is the ordinary one.
    Most Python repositories print this one as "pFM", on the skeleton of Guo and Hall, as here.

    >>> clean = np.ones((9, 16), bool)
    >>> clean[3:6, 2:14] = False
    >>> restored = clean.copy()
    >>> restored[:, :8] = True
    >>> round(pseudo_f_skeleton(restored, clean), 2)
    66.67
    """
    right, false, missed, _ = count(restored, clean)
    if false + missed == 0:
        return 100.0
    skeleton = guo_hall_skeleton(~clean)
    found = (skeleton & ~restored).sum()
    if not found:
        return 0.0
    return harmonic(100 * found / skeleton.sum(), 100 * right / (right + false))


def harmonic(one: float, other: float) -> float:
    """The harmonic mean of two positive numbers."""
    return float(2 * one * other / (one + other))


def weight_maps(clean: Mask) -> WeightMaps:
    """The two weight maps of a true page.

    `clean` is bool (H, W), True is paper. `recall` is 0 on paper; `precision` is 1 on text and
    beyond the reach of every stroke, and at most 3. A page without text has recall weight 0
    everywhere. ValueError unless `clean` is bool (H, W) and not empty. Source: the paper's
    equations 2, 3, 10 and 11.

    >>> page = np.ones((7, 12), bool)
    >>> page[2:5, 2:10] = False
    >>> weight_maps(page).recall[3].round(2).tolist()
    [0.0, 0.0, 0.0, 0.33, 0.5, 0.5, 0.5, 0.33, 0.33, 0.0, 0.0, 0.0]
    """
    two_level("clean", clean)
    same_size(clean.shape, clean.shape)
    ink = ~clean
    if not ink.any():
        return WeightMaps(np.zeros(clean.shape), np.ones(clean.shape))
    text = components(ink)
    inside = np.pad(ink, 1)
    rim = ink & ~(inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:])
    far = np.minimum(away(rim), OUTSIDE)

    skeleton = seeded(contest_skeleton(ink), text)
    depth = np.where(ink, far, 0)
    depth[rim & skeleton] = 1
    raise_ridge(depth, skeleton)
    factor, norm = normalise(depth, rim, skeleton, text)
    recall = np.divide(depth, norm, out=np.zeros(clean.shape), where=(depth > 0) & (norm > 0))

    widths = stroke_widths(factor, skeleton, text)
    precision = background(ink, rim, far, text.labels, widths, near(text, widths, clean))
    return WeightMaps(recall, 1 + precision)


def background(
    ink: Mask, rim: Mask, far: Ints, text: Ints, widths: Ints, region: Mask
) -> NDArray[np.float64]:
    """The precision weight less one: distance from the text over the gap or the stroke width."""
    paper = components(~ink)
    framed = np.zeros_like(ink)
    framed[1:-1, 1:-1] = ~ink[1:-1, 1:-1]
    skeleton = seeded(contest_skeleton(framed), paper)
    depth = np.where(ink, 0, np.where(region, far, OUTSIDE))
    raise_ridge(depth, skeleton)
    _, area = normalise(depth, rim, skeleton, paper)
    gap = np.floor(np.sqrt(area) + 0.5).astype(np.int64)

    asking = valid(depth) & (depth <= widths.max())
    last = len(widths)  # above every label, so that the greatest of the rest is the least label
    reach, one, other = gather([widths[text], text, last - text], rim, asking, paper)
    reached = asking & (depth <= reach)
    meeting = reached & (one + other != last)
    to_meeting = np.full(ink.shape, OUTSIDE + int(widths.max()))
    if meeting.any():
        to_meeting = away(meeting)
    slack = reach - depth
    merging = (slack > 0) & (to_meeting <= slack) & (gap < reach)
    span = np.where(merging, gap, reach)
    share = np.divide(depth, span, out=np.zeros(ink.shape), where=reached & (span > 0))
    return np.minimum(share, 2.0)


def seeded(skeleton: Mask, parts: Components) -> Mask:
    """The skeleton with one pixel for each component that thinning left empty.

    That pixel is the rounded centre of mass, or the component's first pixel if that lies outside.
    """
    labels = parts.labels
    full = np.bincount(labels[skeleton], minlength=len(parts.boxes) + 1)
    for label in np.flatnonzero(full[1:] == 0) + 1:
        box = parts.boxes[label - 1]
        rows, columns = np.nonzero(labels[box] == label)
        y, x = int(np.floor(rows.mean() + 0.5)), int(np.floor(columns.mean() + 0.5))
        if labels[box][y, x] != label:
            y, x = rows[0], columns[0]
        skeleton[box[0].start + y, box[1].start + x] = True
    return skeleton


def away(features: Mask) -> Ints:
    """The chessboard distance of each pixel to the nearest feature; there must be one."""
    return np.asarray(ndimage.distance_transform_cdt(~features, "chessboard"), np.int64)


def valid(depth: Ints) -> Mask:
    """Where the distance is one: from 1 to 249."""
    return (depth > 0) & (depth < OUTSIDE)


def raise_ridge(depth: Ints, skeleton: Mask) -> None:
    """Add 1, in place and in raster order, where a skeleton pixel equals its four neighbours.

    Where the pixel above or to the left was raised just before, it no longer does. So the pixels
    that may rise are found at once, and only they are visited one by one. At the border a pixel
    meets itself.
    """
    edged = np.pad(depth, 1, mode="edge")
    level = (edged[:-2, 1:-1] == depth) & (edged[2:, 1:-1] == depth)
    level &= (edged[1:-1, :-2] == depth) & (edged[1:-1, 2:] == depth)
    for y, x in np.argwhere(skeleton & valid(depth) & level).tolist():
        here = depth[y, x]
        if depth[max(y - 1, 0), x] == here == depth[y, max(x - 1, 0)]:
            depth[y, x] += 1


def normalise(depth: Ints, rim: Mask, skeleton: Mask, parts: Components) -> tuple[Ints, Ints]:
    """The factor of each skeleton pixel, and the value by which each pixel's depth is divided."""
    to_skeleton = away(skeleton)
    to_skeleton[skeleton & ~rim] = 1
    asking = valid(depth)
    writer = last_writer(skeleton, asking, parts)
    factor = skeleton.astype(np.int64)
    spots = np.flatnonzero(writer >= 0)
    deep = depth.ravel()[spots]
    factor.ravel()[spots] = deep + (to_skeleton.ravel()[writer.ravel()[spots]] >= deep)
    inherit_at_ends(factor, skeleton, parts)
    (norm,) = gather([depth * factor], skeleton, asking, parts)
    norm[norm < 0] = 0
    smear_right(norm, asking)
    return factor, norm


def inherit_at_ends(factor: Ints, skeleton: Mask, parts: Components) -> None:
    """A skeleton pixel with one skeleton neighbour takes its factor and 1, in place, in order.

    Neighbours beyond the border are clamped to it, so that a pixel there may meet itself. For the
    neighbour below on the right the contest's tool reads column 1 of that row (column 0 at the
    right border), and so do we; where it reads a 0 there, the pixel stays.
    """
    height, width = skeleton.shape
    ys, xs = np.nonzero(skeleton)
    found = np.zeros(ys.size, int)
    source = np.zeros(ys.size, int)
    for dy, dx in NEIGHBOURS:
        y, x = np.clip(ys + dy, 0, height - 1), np.clip(xs + dx, 0, width - 1)
        met = skeleton[y, x]
        found += met
        column = (xs < width - 1).astype(int) if (dy, dx) == (1, 1) else x
        source[met] = (y * width + column)[met]
    order = np.argsort(parts.labels[ys, xs], kind="stable")
    order = order[found[order] == 1]
    flat = factor.ravel()
    for here, there in zip((ys * width + xs)[order].tolist(), source[order].tolist(), strict=True):
        if flat[there] > 0:
            flat[here] = flat[there] + 1


def smear_right(norm: Ints, may: Mask) -> None:
    """Copy the left value, in place in raster order, where a value differs from all four around.

    A pixel that equals its left neighbour gains nothing by the copy. So within a row each run of
    pixels that differ from above, below and right takes the value before the run.
    """
    width = norm.shape[1]
    columns = np.arange(width)
    for y in range(1, norm.shape[0] - 1):
        row, above, below = norm[y], norm[y - 1], norm[y + 1]
        copies = may[y] & (above > 0) & (below > 0) & (row != above) & (row != below)
        copies[[0, -1]] = False
        copies[1:] &= row[:-1] > 0
        copies[:-1] &= (row[1:] > 0) & (row[:-1] != row[1:])
        if copies.any():
            norm[y] = row[np.maximum.accumulate(np.where(copies, 0, columns))]


def stroke_widths(factor: Ints, skeleton: Mask, parts: Components) -> Ints:
    """Twice the floored mean factor of each component; index 0 stands for paper."""
    labels = parts.labels[skeleton]
    count = np.bincount(labels, minlength=len(parts.boxes) + 1)
    total = np.zeros_like(count)
    np.add.at(total, labels, factor[skeleton])
    return 2 * (total // np.maximum(count, 1))


def near(parts: Components, widths: Ints, paper: Mask) -> Mask:
    """The paper within two stroke widths of some component's bounding box."""
    region = np.zeros_like(paper)
    for (rows, columns), width in zip(parts.boxes, widths[1:].tolist(), strict=True):
        reach = 2 * width
        region[
            max(rows.start - reach, 0) : rows.stop + reach,
            max(columns.start - reach, 0) : columns.stop + reach,
        ] = True
    return region & paper
