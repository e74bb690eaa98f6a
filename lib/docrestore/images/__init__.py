"""Image files in and out: many formats to one grey page, and a page to an honest file.

A page is uint8 (H, W), or (H, W, 3) in colour: paper is 255, ink is 0. A binarized page is bool:
True is paper. Tensors are float32 in [0, 1], shaped (B, C, H, W).
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from docrestore.images.failures import ImageError, reading, why_not_an_image, why_not_opened
from docrestore.images.grayscale import coloured, to_gray, two_levels, upright
from docrestore.images.output import write, write_pages, writing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MAX_PIXELS",
    "READABLE",
    "ImageError",
    "Page",
    "check_file",
    "count_pixels",
    "pages",
    "read_gray",
    "to_array",
    "to_tensor",
    "two_levels",
    "why_not_opened",
    "write",
    "write_pages",
    "writing",
]

MAX_PIXELS = 600_000_000  # a 20,000 x 20,000 page passes, a decompression bomb does not
READABLE = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jfif", ".mpo", ".tif", ".tiff", ".bmp", ".webp"),
    *(".jp2", ".j2k", ".jpx", ".gif", ".pbm", ".pgm", ".ppm", ".pnm"),
)
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "JPEG2000", "GIF", "PPM")
Image.MAX_IMAGE_PIXELS = None  # our own check names the limit and the way out


@dataclass(frozen=True)
class Page:
    """One page of an image file, with what a scan carries beside its pixels.

    Args:
        gray: uint8 (H, W), paper 255 and ink 0.
        dpi: pixels per inch, (horizontal, vertical), or None.
        icc: the colour profile's bytes, or None.
        index: position in its file, from 0.
        count: pages in the file.
        mode: the file's pixel mode in Pillow's words ("L", "RGB", "I;16", ...).
        rgb: the same in colour, uint8 (H, W, 3), where asked for; see `coloured`.
    """

    gray: np.ndarray
    dpi: tuple[float, float] | None
    icc: bytes | None
    index: int
    count: int
    mode: str
    rgb: np.ndarray | None = None


def pages(path: str | os.PathLike[str], *, colour: bool = False) -> Iterator[Page]:
    """Read a file's pages one after the other: 1-bit, grey, 16-bit, colour, palette, alpha.

    The turn that a camera wrote into EXIF is applied. Damage is noticed where the format allows
    it: a PNG has checksums, a JPEG that was cut is short, but bytes flipped inside it only show as
    false blocks. Only a TIFF has several pages: of an animation or a camera's previews the first
    picture counts, thumbnails and masks are left out. One page is in memory at a time.

    Raises ImageError if the file is no readable image, is broken, or has over MAX_PIXELS pixels.
    """
    path = Path(path)
    with reading(path):
        frames = _frames(path)
    for index, frame in enumerate(frames):
        with reading(path, f"page {index + 1} of {len(frames)}" if len(frames) > 1 else ""):
            held = [_page(path, frame, index, len(frames), colour)]
        yield held.pop()  # and keep none: the caller may let go of a large page


def read_gray(path: str | os.PathLike[str]) -> np.ndarray:
    """The first page of a file as uint8 (H, W). Raises ImageError, as `pages` does."""
    return next(pages(path)).gray


def count_pixels(path: str | os.PathLike[str]) -> int:
    """Pixels in all pages together, by the file's header alone; 0 if it cannot be read."""
    try:
        with reading(Path(path)), _open(Path(path)) as image:
            several = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            return image.width * image.height * several
    except ImageError:
        return 0


def check_file(path: Path) -> None:
    """Refuse what is no file with something in it: reading a pipe might never end.

    Raises ImageError for a folder, a pipe, a device, an empty file, OSError if there is no file.
    """
    about = os.stat(path)
    if stat.S_ISDIR(about.st_mode):
        raise ImageError(f"{path.name} is a folder, not an image; name the files inside it.")
    if not stat.S_ISREG(about.st_mode):
        raise ImageError(f"{path.name} is a pipe or a device, not a file; copy it into a file.")
    if about.st_size == 0:
        raise ImageError(f"{path.name} is empty (0 bytes); copy it again from its source.")


def _open(path: Path) -> Image.Image:
    """Open a file and look at its header; no pixel is decoded yet."""
    check_file(path)
    try:
        image = Image.open(path, formats=_FORMATS)
    except UnidentifiedImageError:
        raise ImageError(why_not_an_image(path)) from None
    _check_size(path, image)
    return image


def _check_size(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path.name} claims {width} x {height} pixels, more than the limit of "
            f"{MAX_PIXELS // 10**6} million; cut it into parts."
        )
    held = {"1": 1, "L": 1, "P": 1, "I;16": 2}.get(image.mode, 4) + 1  # Pillow's bytes and ours
    need, have = width * height * held, _free_memory()
    if need > have:  # or the system would end the whole batch without a word
        raise ImageError(
            f"{path.name} needs {need / 1e9:.1f} GB of memory to be read and {have / 1e9:.1f} GB "
            f"are free; close other programs or cut it into parts."
        )


def _free_memory() -> float:
    """Bytes that can be had without swapping; infinite where only Linux would tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(row.split()[1]) * 1024 for row in lines if row.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float("inf")


def _frames(path: Path) -> list[int]:
    """Which frames of a file are pages. A PNG's checksums are compared on the way."""
    with _open(path) as image:
        if image.format == "PNG":  # Pillow decodes flipped bytes without a word
            image.verify()
        if image.format != "TIFF":
            return [0]
        frames = []
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            kind = image.tag_v2.get(254, 0)  # type: ignore[attr-defined]
            if not int(kind) & 0b101:  # NewSubfileType: 1 is a thumbnail, 4 a mask
                frames.append(frame)
        return frames or [0]


def _page(path: Path, frame: int, index: int, count: int, colour: bool) -> Page:
    """Decode one page. What Pillow holds of it is let go on return, before the caller works."""
    with _open(path) as image:
        if frame:
            image.seek(frame)
            _check_size(path, image)
        mode = image.mode
        tags = getattr(image, "tag_v2", {})
        turned = tags.get(274, 1)  # Pillow turns the pixels of a TIFF when it loads them
        image.load()
        turned = turned if image.format == "TIFF" else _orientation(image)
        undo = 1 if image.format == "TIFF" else turned
        gray = upright(to_gray(image), undo)
        rgb = coloured(image, gray, undo) if colour else None
        dpi, icc = _resolution(image.info.get("dpi")), image.info.get("icc_profile")
        return Page(
            gray=gray,
            dpi=(dpi[1], dpi[0]) if dpi and turned in (5, 6, 7, 8) else dpi,
            icc=icc if isinstance(icc, bytes) and icc else None,
            index=index,
            count=count,
            mode=mode,
            rgb=rgb,
        )


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(274, 1))
    except Exception:  # a damaged EXIF block; the pixels are what counts
        return 1


def _resolution(dpi: Any) -> tuple[float, float] | None:
    """Pixels per inch, (horizontal, vertical), or None where the file says nothing sensible.

    A PNG counts whole pixels per metre: its 299.9994 is what a scanner called 300.
    """
    try:
        values = [float(value) for value in dpi]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if len(values) != 2 or not all(isfinite(value) and 1 < value < 1e5 for value in values):
        return None
    across, down = (round(v) if abs(v - round(v)) < 0.02 else round(v, 3) for v in values)
    return float(across), float(down)


def to_tensor(image: np.ndarray) -> "Tensor":
    """A uint8, bool or float page, (H, W) or (H, W, 3), to float32 (1, 1 or 3, H, W) in [0, 1]."""
    import torch  # here, so that reading files does not cost the start of torch

    if image.ndim == 3 and image.strides[2] == 0:  # a grey page in colour stays a view of it
        return to_tensor(image[..., 0]).expand(-1, 3, -1, -1)
    scale = np.float32(255 if image.dtype == np.uint8 else 1)
    values = torch.from_numpy(np.divide(image, scale, dtype=np.float32))
    return values.permute(2, 0, 1)[None] if values.ndim == 3 else values[None, None]


def to_array(tensor: "Tensor", *, stretch: bool = False) -> np.ndarray:
    """A tensor (..., H, W) with one page in it, in [0, 1], to uint8 (H, W).

    `stretch` spreads the page's own darkest to brightest over 0 to 255, as a plotting library's
    grey colour map does. The released DE-GAN saves so, and a blank white page comes out black.
    """
    page = tensor.detach().float().cpu().reshape(tensor.shape[-2:]).numpy()
    if stretch:
        low, high = page.min(), page.max()
        page = (page - low) / (high - low) if high > low else np.zeros_like(page)
    return (page * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
