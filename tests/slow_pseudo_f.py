"""The contest's weight maps in plain loops, word for word after the procedure, for small images.

Nothing is shared with the fast implementation, so that an error would have to be made twice.
Pixels are (row, column); sets and dictionaries stand for maps.
"""

import math

import numpy as np

DELETE = {
    int(code, 16)
    for code in """
    05 0D 0E 14 16 17 1D 34 35 36 37 3D 41 43 45 47 4D 4F 50 53 54 56 58 59 5B 5C 5E 61 63 65 67
    6D 6F 71 73 74 76 79 7B 85 8D 95 97 9D B5 B7 BD BF C5 CD D0 D1 D3 D4 D6 D8 D9 DB DC DE E0 E5
    ED EF F4 F6 FB FE""".split()
}
AROUND = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
FOUR = [(-1, 0), (1, 0), (0, -1), (0, 1)]


def slow_maps(clean):
    """Recall and precision weights (H, W) of a page, bool (H, W), True is paper."""
    height, width = clean.shape
    page = [(y, x) for y in range(height) for x in range(width)]
    text = {p for p in page if not clean[p]}
    paper = set(page) - text
    recall, precision = np.zeros(clean.shape), np.ones(clean.shape)
    if not text:
        return recall, precision

    # 1. Components and contour.
    letters = components(text, page)
    contour = {(y, x) for y, x in text if any((y + a, x + b) not in text for a, b in FOUR)}
    # 2. Skeleton.
    bones = seeded(thinned(text, page), letters)
    # 3. Distance.
    depth = {p: chessboard(p, contour) if p in text else 0 for p in page}
    depth.update({p: 1 for p in contour & bones})
    raise_ridge(depth, bones, letters, clean.shape)
    # 4 to 6.
    factor, norm = normalise(depth, contour, bones, letters, clean.shape)
    # 7.
    for p in text:
        recall[p] = depth[p] / norm[p] if depth[p] and norm[p] else 0
    widths = []
    for letter in letters:
        factors = [factor[p] for p in letter if p in bones]
        widths.append(2 * math.floor(sum(factors) / len(factors)))
    if not paper:
        return recall, precision
    # 8. Background.
    region = set()
    for letter, wide in zip(letters, widths, strict=True):
        top, bottom, left, right = box(letter)
        for y, x in paper:
            if (
                top - 2 * wide <= y <= bottom + 2 * wide
                and left - 2 * wide <= x <= right + 2 * wide
            ):
                region.add((y, x))
    grounds = components(paper, page)
    inner = {(y, x) for y, x in paper if 0 < y < height - 1 and 0 < x < width - 1}
    veins = seeded(thinned(inner, page), grounds)
    far = {p: 0 if p in text else chessboard(p, contour) if p in region else 250 for p in page}
    raise_ridge(far, veins, grounds, clean.shape)
    _, area = normalise(far, contour, veins, grounds, clean.shape)
    gap = {p: math.floor(math.sqrt(area[p]) + 0.5) for p in page}
    # 9. What the rings meet of the text.
    owner = {p: index for index, letter in enumerate(letters) for p in letter}
    reach, markers = {}, set()
    for ground in grounds:
        for p in ground:
            if 1 <= far[p] < 250:
                met = ring(p, ground, contour)
                reach[p] = max((widths[owner[q]] for q in met), default=-1)
                if far[p] <= reach[p] and len({owner[q] for q in met}) > 1 and gap[p]:
                    markers.add(p)
    for p, wide in reach.items():
        if far[p] > wide:
            continue
        slack = wide - far[p]
        merging = slack > 0 and markers and chessboard(p, markers) <= slack
        span = gap[p] if merging and gap[p] < wide else wide
        if span:
            precision[p] = 1 + min(2, far[p] / span)
    return recall, precision


def components(pixels, page):
    """The 8-connected components, each in raster order, in the order of their first pixels."""
    found, seen = [], set()
    for first in page:
        if first in pixels and first not in seen:
            heap, part = [first], {first}
            while heap:
                y, x = heap.pop()
                for near in ((y + a, x + b) for a, b in AROUND):
                    if near in pixels and near not in part:
                        part.add(near)
                        heap.append(near)
            seen |= part
            found.append(sorted(part))
    return found


def thinned(pixels, page):
    """Zhang and Suen to convergence, then the table, pixel by pixel, to convergence."""
    left = set(pixels)
    changed = True
    while changed:
        changed = False
        for half in (0, 1):
            gone = set()
            for y, x in left:
                p2, p3, p4, p5, p6, p7, p8, p9 = ((y + a, x + b) in left for a, b in AROUND)
                ring_ = [p2, p3, p4, p5, p6, p7, p8, p9, p2]
                rises = sum(not a and b for a, b in zip(ring_, ring_[1:], strict=False))
                if half == 0:
                    edges = not (p2 and p4 and p6) and not (p4 and p6 and p8)
                else:
                    edges = not (p2 and p4 and p8) and not (p2 and p6 and p8)
                if 2 <= sum(ring_[:8]) <= 6 and rises == 1 and edges:
                    gone.add((y, x))
            left -= gone
            changed |= bool(gone)
    changed = True
    while changed:
        changed = False
        for y, x in page:
            if (y, x) in left:
                code = sum(1 << bit for bit, (a, b) in enumerate(AROUND) if (y + a, x + b) in left)
                if code in DELETE:
                    left.remove((y, x))
                    changed = True
    return left


def seeded(bones, parts):
    """One pixel for each component without skeleton."""
    bones = set(bones)
    for part in parts:
        if not bones.intersection(part):
            centre = tuple(
                math.floor(sum(axis) / len(part) + 0.5) for axis in zip(*part, strict=True)
            )
            bones.add(centre if centre in part else part[0])
    return bones


def chessboard(p, targets):
    """The chessboard distance to the nearest target."""
    return min(max(abs(p[0] - y), abs(p[1] - x)) for y, x in targets)


def clamped(y, x, shape):
    """The nearest pixel of the image."""
    return min(max(y, 0), shape[0] - 1), min(max(x, 0), shape[1] - 1)


def raise_ridge(depth, bones, parts, shape):
    """In place, in component, row, column order."""
    for part in parts:
        for y, x in part:
            here = depth[y, x]
            same = all(depth[clamped(y + a, x + b, shape)] == here for a, b in FOUR)
            if (y, x) in bones and 1 <= here < 250 and same:
                depth[y, x] += 1


def box(part):
    """Top, bottom, left, right of a component."""
    rows, columns = zip(*part, strict=True)
    return min(rows), max(rows), min(columns), max(columns)


def ring(p, part, features):
    """The features on the first ring around p that holds any, inside the component's box."""
    top, bottom, left, right = box(part)
    for r in range(1000):
        y0, y1 = max(p[0] - r, top), min(p[0] + r, bottom)
        x0, x1 = max(p[1] - r, left), min(p[1] + r, right)
        rim = {(y, x) for y in range(y0, y1 + 1) for x in (x0, x1)}
        rim |= {(y, x) for y in (y0, y1) for x in range(x0, x1 + 1)}
        if rim & features:
            return rim & features
        if (y0, y1, x0, x1) == (top, bottom, left, right):
            return set()
    raise AssertionError("the ring never filled its box")


def normalise(depth, contour, bones, parts, shape):
    """The factors of the skeleton and NR of every pixel (0 where there is none)."""
    to_bones = {p: 1 if p in bones - contour else chessboard(p, bones) for p in depth}
    factor = {p: int(p in bones) for p in depth}
    rings = {
        p: ring(p, part, bones) for part in parts for p in part if 1 <= depth[p] < 250
    }  # in the order of writing
    for p, met in rings.items():
        for q in met:
            factor[q] = depth[q] + (1 if to_bones[p] >= depth[q] else 0)
    for part in parts:
        for y, x in part:
            if (y, x) not in bones:
                continue
            met = [(a, b) for a, b in AROUND if clamped(y + a, x + b, shape) in bones]
            if len(met) == 1:
                source = clamped(y + met[0][0], x + met[0][1], shape)
                if met[0] == (1, 1):
                    source = source[0], int(x + 1 < shape[1])  # the tool's slip
                if factor[source] > 0:
                    factor[y, x] = factor[source] + 1
    norm = dict.fromkeys(depth, 0)
    for p, met in rings.items():
        norm[p] = max((depth[q] * factor[q] for q in met), default=0)
    for y, x in rings:
        around = [norm[clamped(y + a, x + b, shape)] for a, b in FOUR]
        if all(around) and norm[y, x] not in around:
            norm[y, x] = norm[y, x - 1]
    return factor, norm
