"""Thin text to lines one pixel wide, in the two ways that the pseudo F-measures need.

The contest: Zhang and Suen (1984), run until nothing changes, leaves staircases. Sequential passes
with the table of Lee and Chen (1992) then take away each pixel that the line can do without.
The common Python ports of the older pseudo F-measure: Guo and Hall (1989), known as "thin" in
bwmorph and scikit-image. Each rule gives other lines, so none can stand in for another.
"""

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

__all__ = ["contest_skeleton", "guo_hall_skeleton"]

# The eight neighbours by bit of a pixel's address: N, NE, E, SE, S, SW, W, NW.
NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
# This bit of an address says that the pixel itself is not text, so no table deletes it again.
OFF = 256
SIMPLE = (
    "05 0D 0E 14 16 17 1D 34 35 36 37 3D 41 43 45 47 4D 4F 50 53 54 56 58 59 5B 5C 5E 61 63 65 67 "
    "6D 6F 71 73 74 76 79 7B 85 8D 95 97 9D B5 B7 BD BF C5 CD D0 D1 D3 D4 D6 D8 D9 DB DC DE E0 E5 "
    "ED EF F4 F6 FB FE"
)

Table = NDArray[np.bool_]


def zhang_suen_table(second: bool) -> Table:
    """Which of the 512 addresses one half-step of Zhang and Suen deletes: bool (512,)."""
    table = np.zeros(2 * OFF, bool)
    for address in range(OFF):
        ring = [address >> bit & 1 for bit in range(8)]
        north, _, east, _, south, _, west, _ = ring
        starts = sum(a < b for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
        if second:
            blocked = north and west and (east or south)
        else:
            blocked = east and south and (north or west)
        table[address] = 2 <= sum(ring) <= 6 and starts == 1 and not blocked
    return table


def guo_hall_table(second: bool) -> Table:
    """Which of the 512 addresses one half-step of Guo and Hall deletes: bool (512,)."""
    table = np.zeros(2 * OFF, bool)
    for address in range(OFF):
        n, ne, e, se, s, sw, w, nw = (address >> bit & 1 for bit in range(8))
        branches = sum(((ne or n) > e, (nw or w) > n, (sw or s) > w, (se or e) > s))
        fewest = min((e or ne) + (n or nw) + (w or sw) + (s or se),
                     (ne or n) + (nw or w) + (sw or s) + (se or e))  # fmt: skip
        blocked = w and (sw or s or not nw) if second else e and (ne or n or not se)
        table[address] = branches == 1 and 2 <= fewest <= 3 and not blocked
    return table


ZHANG_SUEN = zhang_suen_table(second=False), zhang_suen_table(second=True)
GUO_HALL = guo_hall_table(second=False), guo_hall_table(second=True)
LEE_CHEN = np.zeros(2 * OFF, bool)
LEE_CHEN[[int(address, 16) for address in SIMPLE.split()]] = True


def contest_skeleton(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skeleton of the contest's weight tool: bool (H, W) in, bool (H, W) out.

    Outside the image counts as empty. Source: Zhang and Suen, Comm. ACM 27(3), 1984, then table 1
    of Lee and Chen, Pattern Recognition 25(5), 1992, as the 2013 paper on pseudo F-measure names.

    >>> bar = np.zeros((5, 9), bool)
    >>> bar[1:4, 1:8] = True
    >>> [(int(row), int(column)) for row, column in np.argwhere(contest_skeleton(bar))]
    [(2, 2), (2, 3), (2, 4), (2, 5)]
    """
    flat, steps = addresses(mask)
    erode(flat, steps, ZHANG_SUEN)
    drop_simple(flat, steps)
    return on(flat, mask.shape)


def guo_hall_skeleton(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skeleton of Guo and Hall, Comm. ACM 32(3), 1989: bool (H, W) in, bool (H, W) out.

    Equal to `skimage.morphology.thin`, and about ten times faster on a page.

    >>> bar = np.zeros((5, 9), bool)
    >>> bar[1:4, 1:8] = True
    >>> [(int(row), int(column)) for row, column in np.argwhere(guo_hall_skeleton(bar))]
    [(2, 2), (2, 3), (2, 4), (2, 5), (2, 6)]
    """
    flat, steps = addresses(mask)
    erode(flat, steps, GUO_HALL)
    return on(flat, mask.shape)


def addresses(mask: NDArray[np.bool_]) -> tuple[NDArray[np.uint16], list[int]]:
    """The address of every pixel, one empty pixel around, flat; and the steps to the neighbours."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    found = np.where(padded, 0, OFF).astype(np.uint16)
    for bit, (dy, dx) in enumerate(NEIGHBOURS):
        seen = padded[1 + dy : height + 1 + dy, 1 + dx : width + 1 + dx]
        found[1:-1, 1:-1] |= seen.astype(np.uint16) << bit
    return found.ravel(), [dy * (width + 2) + dx for dy, dx in NEIGHBOURS]


def on(flat: NDArray[np.uint16], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels that are left, without the padding."""
    return flat.reshape(shape[0] + 2, shape[1] + 2)[1:-1, 1:-1] < OFF


def erode(flat: NDArray[np.uint16], steps: list[int], tables: tuple[Table, Table]) -> None:
    """Two half-steps in turn until a round of both deletes nothing, in place on the addresses.

    A pixel's fate changes only with its address. So after the first round only the neighbours of
    what was just deleted are looked at, and the cost is that of the pixels, not of the rounds.
    """
    ticket = np.empty(flat.size, np.int32)
    gone: list[NDArray[np.int64]] = []
    while len(gone) < 2 or gone[0].size + gone[1].size:
        for table in tables:
            if len(gone) < 2:
                look = np.flatnonzero(flat < OFF)
            else:
                look = np.concatenate([part + step for part in gone for step in steps])
            now = look[table[flat[look]]]
            ticket[now] = order = np.arange(now.size, dtype=np.int32)
            now = now[ticket[now] == order]  # each once
            flat[now] |= OFF
            for bit, step in enumerate(steps):
                flat[now + step] &= forget(bit)
            gone = [*gone[-1:], now]


def drop_simple(flat: NDArray[np.uint16], steps: list[int]) -> None:
    """Raster passes that delete at once what LEE_CHEN names, until a pass deletes nothing.

    In place on the addresses. Only the pixels that can go are visited, in raster order. One that
    becomes free behind the scan waits for the next pass.
    """
    table = LEE_CHEN.tolist()
    address = flat.data  # plain integers, in place
    queue = np.flatnonzero(LEE_CHEN[flat]).tolist()
    while queue:
        later = set()
        while queue:
            here = heappop(queue)
            if not table[address[here]]:
                continue
            address[here] |= OFF
            for bit, step in enumerate(steps):
                there = here + step
                address[there] &= forget(bit)
                if table[address[there]]:
                    if there > here:
                        heappush(queue, there)
                    else:
                        later.add(there)
        queue = sorted(later)


def forget(bit: int) -> int:
    """The mask that takes a pixel out of the address of its neighbour at `bit`."""
    return 0xFFFF ^ 1 << (bit + 4) % 8
