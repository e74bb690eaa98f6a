"""Grey images as numbers: floats as they are, integers of 8 or 16 bits over their largest value."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Shelf", "as_float", "checked", "read_pixels", "window"]

KEPT = 3e8  # bytes of pixels that a shelf keeps in memory; more are read again
SCALES = {np.dtype(np.uint8): 1 / 255, np.dtype(np.uint16): 1 / 65535}


def read_pixels(path: Path) -> np.ndarray:
    """A grey image (H, W): a .npy file as it is, by memory map, or an image file.

    Image files hold 8 or 16 bits, or floats (TIFF), which stay as they are. Values come in the
    byte order of this machine.

    Raises:
        ValueError: if it has another shape or type, holds NaN or infinity, or integers of 32 bits
            that do not fit into 16.
    """
    if path.suffix == ".npy":
        pixels = np.load(path, mmap_mode="r")
    else:
        with Image.open(path) as picture:
            if picture.mode not in ("L", "I", "F") and not picture.mode.startswith("I;16"):
                picture = picture.convert("L")
            pixels = np.asarray(picture)
        if pixels.dtype == np.int32:  # how Pillow reads 16 bits of some files, and all 32
            low, high = int(pixels.min()), int(pixels.max())
            if low < 0 or high > 65535:
                raise ValueError(
                    f"{path} holds integers from {low} to {high}, which do not fit into 16 bits; "
                    "save it as floats, nominally in [0, 1]."
                )
            pixels = pixels.astype(np.uint16)
    if not pixels.dtype.isnative:
        pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    return checked(pixels, str(path))


def checked(pixels: np.ndarray, name: str) -> np.ndarray:
    """The same pixels, if they are a grey image of finite values; ValueError otherwise."""
    known = pixels.dtype in SCALES or np.issubdtype(pixels.dtype, np.floating)
    if pixels.ndim != 2 or 0 in pixels.shape or not known:
        raise ValueError(
            f"{name} must be grey (H, W), floats or integers of 8 or 16 bits, got {pixels.dtype} "
            f"{pixels.shape}."
        )
    if pixels.dtype not in SCALES and not np.isfinite(pixels).all():
        raise ValueError(f"{name} holds NaN or infinity; leave it out or mend it.")
    return pixels


def as_float(pixels: np.ndarray) -> NDArray[np.float32]:
    """Pixels as float32: integers of 8 or 16 bits over their largest value, floats as they are."""
    values = np.asarray(pixels, np.float32)
    return values * np.float32(SCALES[pixels.dtype]) if pixels.dtype in SCALES else values


def window(pixels: np.ndarray, top: int, left: int, size: int) -> NDArray[np.float32]:
    """A size x size window as float32; an image too small is continued by reflection."""
    short = [
        max(start + size - side, 0) for start, side in zip((top, left), pixels.shape, strict=True)
    ]
    if any(short):
        pixels = np.pad(pixels, [(0, more) for more in short], mode="symmetric")
    return as_float(pixels[top : top + size, left : left + size])


class Shelf:
    """Pixels that were read, the latest ones, up to `most` bytes; memory maps count for nothing."""

    def __init__(self, most: float = KEPT) -> None:
        self.most, self.size = most, 0
        self._pixels: OrderedDict[Path, np.ndarray] = OrderedDict()

    def take(self, path: Path) -> np.ndarray:
        """The pixels of a file, as `read_pixels` gives them."""
        if path in self._pixels:
            self._pixels.move_to_end(path)
            return self._pixels[path]
        pixels = self._pixels[path] = read_pixels(path)
        self.size += _held(pixels)
        while self.size > self.most and len(self._pixels) > 1:
            self.size -= _held(self._pixels.popitem(last=False)[1])
        return pixels


def _held(pixels: np.ndarray) -> int:
    return 0 if isinstance(pixels, np.memmap) else pixels.nbytes
