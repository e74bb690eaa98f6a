"""Any Pillow mode to a grey or coloured page, in stripes, so that no huge page is held twice."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

__all__ = ["coloured", "to_gray", "to_rgb", "two_levels", "upright"]

STRIPE = 4_000_000  # pixels that are converted at a time
BETWEEN = 0.001  # share of pixels between ink and paper that a binary page may have


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


def to_rgb(image: Image.Image) -> np.ndarray:
    """A loaded image as uint8 (H, W, 3), as `to_gray` reads it; grey pages are repeated."""
    if not _has_colour(image):
        return np.repeat(to_gray(image)[..., None], 3, axis=2)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for first, stripe in _stripes(image):
        rgb[first : first + stripe.height] = np.asarray(_on_paper(stripe).convert("RGB"))
    return rgb


def coloured(image: Image.Image, gray: np.ndarray, orientation: int) -> np.ndarray:
    """A loaded image as upright uint8 (H, W, 3).

    That of a grey page is a view of `gray`, its upright form, and cannot be written to: three
    times the page need not take three times the memory.
    """
    if _has_colour(image):
        return upright(to_rgb(image), orientation)
    return np.broadcast_to(gray[..., None], (*gray.shape, 3))


def _has_colour(image: Image.Image) -> bool:
    return not (_top(image) or image.mode in ("1", "L", "LA", "La", "LAB"))


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
    return np.asarray(_on_paper(stripe).convert("L"))


def _on_paper(stripe: Image.Image) -> Image.Image:
    """A 1-bit, grey or RGB picture; what is transparent shows white paper."""
    if stripe.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in stripe.info:
        layer = stripe.convert("RGBA")
        stripe = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return stripe if stripe.mode in ("1", "L", "RGB") else stripe.convert("RGB")


def _white_is_zero(image: Image.Image) -> bool:
    """A 16-bit TIFF whose 0 is white: the one such case that Pillow does not turn over itself."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I;16") and tags.get(262) == 0


def upright(gray: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a page, (H, W) or (H, W, 3), as its EXIF orientation, 1 to 8, asks; else leave it."""
    if orientation in (5, 6, 7, 8):
        gray = gray.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        gray = gray[:, ::-1]
    if orientation in (3, 4, 7, 8):
        gray = gray[::-1]
    return np.ascontiguousarray(gray)


def two_levels(gray: np.ndarray) -> bool:
    """Whether a page is ink and paper alone: under 0.1 % of uint8 (H, W) lies between the two."""
    return bool(np.mean((gray > 8) & (gray < 247)) < BETWEEN)
