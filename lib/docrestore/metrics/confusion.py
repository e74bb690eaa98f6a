"""Two-level pages compared pixel by pixel: what every metric of them starts from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Counts", "Page", "count", "same_size", "two_level"]

Page = NDArray[np.bool_]


class Counts(NamedTuple):
    """Pixels by what they were said to be and are."""

    right_text: int
    false_text: int
    missed_text: int
    right_paper: int


def count(restored: Page, clean: Page) -> Counts:
    """Compare two pages; ValueError if they are not bool (H, W) of one size, not empty."""
    two_level("restored", restored)
    two_level("clean", clean)
    same_size(restored.shape, clean.shape)
    false_text, missed_text = clean & ~restored, restored & ~clean
    wrong = int(false_text.sum()), int(missed_text.sum())
    text = clean.size - int(clean.sum())
    return Counts(text - wrong[1], *wrong, clean.size - text - wrong[0])


def two_level(name: str, page: Page) -> None:
    """ValueError unless the page is bool (H, W)."""
    if not isinstance(page, np.ndarray):
        came = type(page).__name__
    elif page.dtype != bool or page.ndim != 2:
        came = f"{page.dtype} {page.shape}"
    else:
        return
    raise ValueError(
        f"The {name} page must be a bool array (H, W), True for paper, but it is {came}: threshold "
        "it first, for example page >= 128 for 8-bit grey."
    )


def same_size(restored: tuple[int, ...], clean: tuple[int, ...]) -> None:
    """ValueError unless the two shapes are equal and hold a pixel."""
    if restored != clean or 0 in clean:
        raise ValueError(
            "The restored and the clean page must have one size and at least one pixel, but they "
            f"are {restored} and {clean} (height, width): crop or resize one to the other."
        )
