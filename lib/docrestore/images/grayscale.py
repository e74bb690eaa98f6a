"""Any Pillow mode to one grey page, stripe by stripe, so that a huge page is never held twice."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

__all__ = ["to_gray", "upright"]

STRIPE = 4_000_000  # pixels that are converted at a time


def to_gray(image: Image.Image) -> np.ndarray:
    """A loaded image as uint8 (H, W): luminance after ITU-R 601-2, transparency on white paper.

    16-bit pages are scaled by 65535. A float or 32-bit page is scaled by the smallest of 1, 255,
    65535 that holds its largest value, else by that value.
    """
    gray = np.empty((image.height, image.width), np.uint8)
    top = _top(image)
    for first, stripe in _stripes(image):
        rows = gray[first : first + stripe.height]
        rows[:] = _scaled(stripe, top) if top else _luminance(stripe)
    if _white_is_zero(image):
        np.invert(gray, out=gray)
    return gray


def _stripes(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    rows = max(1, STRIPE // image.width)
    for first in range(0, image.height, rows):
        last = min(first + rows, image.height)
        yield first, image.crop((0, first, image.width, last))


def _top(image: Image.Image) -> float:
    """The value of white in a page of deep pixels; 0 for a page of 8 bits or fewer."""
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in ("I", "F"):
        return 0.0
    largest = max(_largest(np.asarray(stripe)) for _, stripe in _stripes(image))
    steps = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    return next((top for top in steps if largest <= top), largest)


def _largest(values: np.ndarray) -> float:
    return float(values.max(initial=0, where=np.isfinite(values))) or 1.0


def _scaled(stripe: Image.Image, top: float) -> np.ndarray:
    values = np.asarray(stripe).astype(np.float32)
    values[~np.isfinite(values)] = top  # a hole in a measured page is paper
    return (values * (255.0 / top) + 0.5).clip(0, 255).astype(np.uint8)


def _luminance(stripe: Image.Image) -> np.ndarray:
    if stripe.mode in ("LAB", "YCbCr"):  # lightness is a channel of its own
        return np.asarray(stripe.getchannel(0))
    if stripe.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in stripe.info:
        layer = stripe.convert("RGBA")
        stripe = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if stripe.mode not in ("1", "L", "RGB"):
        stripe = stripe.convert("RGB")
    return np.asarray(stripe.convert("L"))


def _white_is_zero(image: Image.Image) -> bool:
    """A 16-bit TIFF whose 0 is white: the one such case that Pillow does not turn over itself."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I;16") and tags.get(262) == 0


def upright(gray: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a page as its EXIF orientation, 1 to 8, asks; any other number leaves it as it is."""
    if orientation in (5, 6, 7, 8):
        gray = gray.T
    if orientation in (2, 3, 6, 7):
        gray = gray[:, ::-1]
    if orientation in (3, 4, 7, 8):
        gray = gray[::-1]
    return np.ascontiguousarray(gray)
