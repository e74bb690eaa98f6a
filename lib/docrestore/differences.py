"""Where a restoration differs from the clean page, as a picture in colours that all can tell apart.

Ink that is missing is orange, ink that was invented is blue (Okabe and Ito, 2008); what is right
keeps its own tone: black ink on white paper.
"""

import numpy as np

__all__ = ["INVENTED", "MISSED", "VERDICTS", "disagreement", "error_map", "fullest_window"]

MISSED = (213, 94, 0)  # vermilion, on paper where the truth has ink
INVENTED = (0, 114, 178)  # blue, ink where the truth has paper
VERDICTS = {  # of two binarizers on one pixel; they also differ in brightness
    "both right": None,  # its own tone: pale ink on white paper
    "only the first right": (0, 114, 178),
    "only the second right": (230, 159, 0),
    "both wrong": (0, 0, 0),
}


def error_map(restored: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """The clean page with its errors in colour: uint8 (H, W, 3).

    Args:
        restored: bool (H, W), True = paper, or uint8 (H, W).
        clean: of the same shape; bool, or uint8 where grey levels are the answer.

    On grey pages a colour is as strong as the difference: full at a quarter of the range or more.

    Raises:
        ValueError: if the two differ in shape.

    >>> error_map(np.array([[True, False]]), np.array([[False, False]]))[0].tolist()
    [[213, 94, 0], [0, 0, 0]]
    """
    if restored.shape != clean.shape:
        raise ValueError(f"restored is {restored.shape} and clean {clean.shape}; compare equals.")
    found, truth = _unit(restored), _unit(clean)
    strength = np.clip(np.abs(found - truth) * 4, 0, 1)[..., None]
    colour = np.where((found > truth)[..., None], np.array(MISSED), np.array(INVENTED))
    picture = truth[..., None] * 255 * (1 - strength) + colour * strength
    return np.rint(picture).astype(np.uint8)


def disagreement(
    first: np.ndarray, second: np.ndarray, clean: np.ndarray
) -> tuple[np.ndarray, dict[str, int]]:
    """Who of two binarizers is right, pixel by pixel.

    Args:
        first, second: bool (H, W), True = paper.
        clean: the truth, of the same shape.

    Returns:
        A picture uint8 (H, W, 3) in the colours of VERDICTS, and the count of pixels of each.

    Raises:
        ValueError: if the three differ in shape or are not bool.

    >>> truth = np.array([[True, True, False, False]])
    >>> picture, counts = disagreement(truth, ~truth, truth)
    >>> counts["only the first right"], picture[0, 0].tolist()
    (4, [0, 114, 178])
    """
    shapes = {(one.shape, one.dtype.name) for one in (first, second, clean)}
    if shapes != {(clean.shape, "bool")}:
        raise ValueError(f"compare three bool pages of one shape, got {sorted(shapes)}.")
    one, two = first == clean, second == clean
    where = dict(zip(VERDICTS, (one & two, one & ~two, two & ~one, ~one & ~two), strict=True))
    picture = np.where(clean, 255, 190).astype(np.uint8)[..., None].repeat(3, 2)
    for verdict, colour in VERDICTS.items():
        if colour is not None:
            picture[where[verdict]] = colour
    return picture, {verdict: int(mask.sum()) for verdict, mask in where.items()}


def fullest_window(marked: np.ndarray, size: int = 300) -> tuple[int, int, int]:
    """Where most is marked: (top, left, size) of a square, as `viz.compare` takes it for `zoom`.

    Args:
        marked: bool (H, W).
        size: side in pixels; smaller where the page is. Squares stand half a side apart.

    >>> marked = np.zeros((90, 70), bool)
    >>> marked[60:70, 30:50] = True
    >>> fullest_window(marked, 20)
    (50, 30, 20)
    """
    size = min(size, *marked.shape)
    corners = [
        (int(marked[top : top + size, left : left + size].sum()), -top, -left)
        for top in _corners(marked.shape[0], size)
        for left in _corners(marked.shape[1], size)
    ]
    _, top, left = max(corners)  # of equals the first in reading order
    return -top, -left, size


def _corners(side: int, size: int) -> list[int]:
    last = side - size
    return [*range(0, last, max(size // 2, 1)), last]


def _unit(page: np.ndarray) -> np.ndarray:
    return page.astype(np.float32) / (255 if page.dtype == np.uint8 else 1)
