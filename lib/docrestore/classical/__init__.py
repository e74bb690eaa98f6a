"""Restoration without learning: what a network must beat, on the same pages.

`CLASSICAL` holds the binarizers, functions from a page uint8 (H, W) to bool (H, W), True = paper.
They come from doxapy (C++), with the values that its documentation gives. `window` is the side
in pixels of the square that a threshold is computed in; 75 suits a page at 300 dpi.

`BY_TASK` holds the classical methods of every task; those of the grey tasks give uint8 (H, W).
"""

from collections.abc import Callable

import numpy as np
from doxapy import Binarization

from docrestore.classical import gray as classical_gray

__all__ = [
    "BY_TASK",
    "CLASSICAL",
    "gatos",
    "isauvola",
    "niblack",
    "nick",
    "otsu",
    "sauvola",
    "su",
    "wolf",
]

LARGEST_WINDOW = 181  # doxapy sums squares in 32 bits: 181 x 181 x 255 x 255 just fits


def _threshold(page: np.ndarray, algorithm: str, **values: float) -> np.ndarray:
    """Run one doxapy algorithm; a page of a single grey is all paper, or all ink if dark.

    Raises ValueError if the page is not uint8 (H, W), or the window is too large.
    """
    if page.dtype != np.uint8 or page.ndim != 2 or 0 in page.shape:
        raise ValueError(
            f"a page must be uint8 (H, W) with pixels in it, got {page.dtype} {page.shape}; "
            "read it with docrestore.images.read_gray."
        )
    if not 3 <= values.get("window", 3) <= LARGEST_WINDOW:
        raise ValueError(f"window must be 3 to {LARGEST_WINDOW} pixels, got {values['window']}.")
    if page.min() == page.max():  # nothing to split; doxapy's Gatos ends the process on it
        return page > 127
    height, width = page.shape
    # doxapy 0.9.2 writes outside its memory when the window is larger than the page.
    least = 2 * int(max(values.get("window", 0), values.get("glyph", 0), 64))
    margins = [(0, max(least - side, 0)) for side in page.shape]
    page = np.ascontiguousarray(np.pad(page, margins, mode="symmetric"))
    answer = np.empty_like(page)
    run = Binarization(getattr(Binarization.Algorithms, algorithm))
    run.initialize(page)
    run.to_binary(answer, values)
    return answer[:height, :width] > 127


def otsu(page: np.ndarray) -> np.ndarray:
    """One threshold for the page, between the two humps of its histogram (Otsu, 1979)."""
    return _threshold(page, "OTSU")


def niblack(page: np.ndarray, window: int = 75, k: float = -0.2) -> np.ndarray:
    """Local mean + k x local deviation (Niblack, 1986); turns empty paper into speckle."""
    return _threshold(page, "NIBLACK", window=window, k=k)


def sauvola(page: np.ndarray, window: int = 75, k: float = 0.2) -> np.ndarray:
    """Niblack with the deviation measured against its range (Sauvola, Pietikainen, 2000)."""
    return _threshold(page, "SAUVOLA", window=window, k=k)


def wolf(page: np.ndarray, window: int = 75, k: float = 0.2) -> np.ndarray:
    """Sauvola, normalised by the page's contrast and darkest grey (Wolf, Jolion, 2003)."""
    return _threshold(page, "WOLF", window=window, k=k)


def nick(page: np.ndarray, window: int = 75, k: float = -0.2) -> np.ndarray:
    """Niblack with a steadier deviation, for pale ink (Khurshid et al., 2009)."""
    return _threshold(page, "NICK", window=window, k=k)


def isauvola(page: np.ndarray, window: int = 75, k: float = 0.2) -> np.ndarray:
    """Sauvola, kept only where it touches strong local contrast (Hadjadj et al., 2016)."""
    return _threshold(page, "ISAUVOLA", window=window, k=k)


def su(page: np.ndarray) -> np.ndarray:
    """Thresholds from local contrast; window from the stroke width (Su, Lu, Tan, 2010)."""
    return _threshold(page, "SU")


def gatos(page: np.ndarray, window: int = 75, k: float = 0.2, glyph: int = 60) -> np.ndarray:
    """Threshold against an estimated background (Gatos et al., 2006, without its clean-up).

    `glyph` is half the side in pixels of the square that the background is averaged over.
    Raises ValueError if k is not above 0: doxapy would divide by zero and end the process.
    """
    if k <= 0:
        raise ValueError(f"k must be above 0 for Gatos, got {k}.")
    page = np.maximum(page, 1)  # pure black areas would have no background at all: same end
    return _threshold(page, "GATOS", window=window, k=k, glyph=glyph)


CLASSICAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "otsu": otsu,
    "niblack": niblack,
    "sauvola": sauvola,
    "wolf": wolf,
    "nick": nick,
    "isauvola": isauvola,
    "su": su,
    "gatos": gatos,
}

BY_TASK: dict[str, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "binarize": CLASSICAL,
    "clean": {
        "flatten": classical_gray.flatten,
        "flatten_and_stretch": classical_gray.flatten_and_stretch,
    },
    "deblur": {
        "unsharp_mask": classical_gray.unsharp_mask,
        "wiener": classical_gray.wiener,
        "richardson_lucy": classical_gray.richardson_lucy,
    },
    "watermark": {"stretch": classical_gray.stretch, "keep_ink": classical_gray.keep_ink},
}
