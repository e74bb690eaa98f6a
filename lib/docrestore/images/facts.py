"""What can be said of a page file at a glance, before it is restored."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from docrestore import images

__all__ = ["Look", "facts", "look"]

BLANK = 24  # grey levels between the darkest and lightest percent of a page without text
INCH = 2.54  # centimetres


class Look(NamedTuple):
    """How a page looks: `kind` is a word, `advice` a sentence or ""."""

    kind: str
    advice: str


def look(gray: np.ndarray) -> Look:
    """Blank, light text on dark, or dark text on light, judged by the histogram.

    Args:
        gray: uint8 (H, W).

    >>> look(np.full((9, 9), 240, np.uint8)).kind
    'blank'
    """
    counts = np.bincount(gray.ravel(), minlength=256)
    share = np.cumsum(counts) / gray.size
    low, high = (int(np.searchsorted(share, part)) for part in (0.01, 0.99))
    lightest, darkest = int(np.flatnonzero(counts)[-1]), int(np.flatnonzero(counts)[0])
    if max(high - low, (lightest - darkest) // 2) < BLANK:
        return Look("blank", "There is next to nothing on it.")
    middle = int(np.searchsorted(share, 0.5))
    if lightest - middle > 1.5 * (middle - darkest):
        return Look("light text on dark", "The networks know dark text on light: invert it first.")
    return Look("dark text on light", "")


def facts(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Lines about an image file, (word, text), a few for each page.

    Raises:
        ImageError: if the file cannot be read.
    """
    path = Path(path)
    try:
        lines = [("file", f"{path.name}, {path.stat().st_size / 1e6:.2f} MB")]
    except OSError as error:
        raise images.ImageError(images.why_not_opened(path.name, error)) from None
    for page in images.pages(path):
        height, width = page.gray.shape
        if page.count > 1:
            lines.append(("page", f"{page.index + 1} of {page.count}"))
        lines.append(("size", f"{width} x {height} pixels, {page.gray.size / 1e6:.2f} Mpx"))
        if page.dpi:
            wide, high = (s / d * INCH for s, d in zip((width, height), page.dpi, strict=True))
            dpi = " x ".join(f"{value:g}" for value in dict.fromkeys(page.dpi))
            lines.append(("resolution", f"{dpi} dpi, so {wide:.1f} x {high:.1f} cm"))
        else:
            lines.append(("resolution", "not in the file"))
        lines.append(("pixels", _MODES.get(page.mode, page.mode)))
        lines.append(("colour profile", f"{len(page.icc)} bytes" if page.icc else "none"))
        seen = look(page.gray)
        lines.append(("looks", f"{seen.kind}. {seen.advice}".strip(" .") + "."))
    return lines


_MODES = {
    "1": "1 bit, black and white",
    "L": "8 bits, grey",
    "LA": "8 bits, grey with transparency",
    "P": "palette of up to 256 colours",
    "RGB": "8 bits a channel, colour",
    "RGBA": "8 bits a channel, colour with transparency",
    "CMYK": "8 bits a channel, inks of a printer",
    "I;16": "16 bits, grey",
    "I;16B": "16 bits, grey",
    "F": "floating point, grey",
}
