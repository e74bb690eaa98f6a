"""Image files in and out: many formats to one grey page, and a page to an honest file.

A page is uint8 shaped (H, W): paper is 255, ink is 0. A binarized page is bool: True is paper.
Tensors are float32 in [0, 1], shaped (B, C, H, W).
"""

import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MAX_PIXELS",
    "READABLE",
    "ImageError",
    "Page",
    "pages",
    "read_gray",
    "to_array",
    "to_tensor",
    "write",
    "write_pages",
]

MAX_PIXELS = 600_000_000  # a 20,000 x 20,000 page passes, a decompression bomb does not
READABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".jp2", ".gif", ".pgm")
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "JPEG2000", "GIF", "PPM", "MPO")
Image.MAX_IMAGE_PIXELS = None  # our own check in `pages` names the limit and the way out


class ImageError(ValueError):
    """A file that cannot be read or written as an image; the sentence says what to do."""


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
    """

    gray: np.ndarray
    dpi: tuple[float, float] | None
    icc: bytes | None
    index: int
    count: int
    mode: str


def _to_gray(image: Image.Image) -> np.ndarray:
    """Any Pillow mode to uint8 (H, W), luminance after ITU-R 601-2, transparency on white."""
    if image.mode.startswith(("I", "F")):  # 16-bit and float scans: the file's own full range
        values = np.asarray(image, dtype=np.float32)
        top = 65535.0 if image.mode != "F" else float(values.max(initial=0.0)) or 1.0
        if image.mode == "F" and top <= 1.0:
            top = 1.0
        return (values * (255.0 / top) + 0.5).clip(0, 255).astype(np.uint8)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(paper, layer)
    if image.mode in ("CMYK", "LAB", "YCbCr", "HSV", "P"):
        image = image.convert("RGB")
    return np.array(image.convert("L"))


def pages(path: str | os.PathLike[str]) -> Iterator[Page]:
    """Read a file's pages one after the other: 1-bit, grey, 16-bit, colour, palette, alpha.

    The turn that a camera wrote into EXIF is applied.

    Raises:
        ImageError: if the file is no readable image, is broken, or has over MAX_PIXELS pixels.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd tags in scans; the pixels are what counts
            yield from _pages(path)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(_why_not_an_image(path)) from None
    except MemoryError:
        raise ImageError(f"{path.name} does not fit into memory; cut it into parts.") from None
    except PermissionError:
        raise ImageError(f"{path.name} may not be read; check its permissions.") from None
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist; check the name.") from None
    except Exception as error:  # Pillow's decoders raise many kinds for a damaged file
        raise ImageError(
            f"{path.name} is damaged and cannot be decoded ({error}); scan or copy it again."
        ) from None


def _pages(path: Path) -> Iterator[Page]:
    if path.is_dir():
        raise ImageError(f"{path.name} is a folder, not an image; name the files inside it.")
    if path.stat().st_size == 0:
        raise ImageError(f"{path.name} is empty (0 bytes); copy it again from its source.")
    with Image.open(path, formats=_FORMATS) as image:
        count = getattr(image, "n_frames", 1)
        for index in range(count):
            image.seek(index)
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageError(
                    f"{path.name} claims {width} x {height} pixels, more than the limit of "
                    f"{MAX_PIXELS // 10**6} million; cut it into parts."
                )
            dpi = image.info.get("dpi")
            icc = image.info.get("icc_profile")
            mode = image.mode
            turned = ImageOps.exif_transpose(image)
            yield Page(
                gray=_to_gray(turned),
                dpi=None if not dpi else (float(dpi[0]), float(dpi[1])),
                icc=icc if isinstance(icc, bytes) else None,
                index=index,
                count=count,
                mode=mode,
            )


def _why_not_an_image(path: Path) -> str:
    head = path.open("rb").read(8)
    if head.startswith(b"%PDF"):
        return f"{path.name} is a PDF; export its pages as TIFF or PNG first (pdftoppm -r 300)."
    return f"{path.name} is no image that can be read ({', '.join(sorted(set(READABLE)))})."


def read_gray(path: str | os.PathLike[str]) -> np.ndarray:
    """The first page of a file as uint8 (H, W). Raises ImageError, as `pages` does."""
    return next(pages(path)).gray


def _gray_profile(icc: bytes | None) -> bytes | None:
    """A colour profile is only true of the pixels it was made for: keep grey ones alone."""
    if icc is None:
        return None
    try:
        from io import BytesIO

        profile = ImageCms.ImageCmsProfile(BytesIO(icc)).profile
        return icc if profile.xcolor_space.strip() == "GRAY" else None
    except Exception:  # a broken profile helps nobody
        return None


def write(
    path: str | os.PathLike[str],
    image: np.ndarray,
    *,
    dpi: tuple[float, float] | None = None,
    icc: bytes | None = None,
) -> Path:
    """Write one image atomically: a reader sees the old file or the whole new one.

    Args:
        path: where; the suffix chooses the format (.png, .tif, .jpg, .webp ...).
        image: bool (H, W), saved with 1 bit a pixel (G4 in TIFF); or uint8 (H, W) or (H, W, 3).
        dpi: pixels per inch, kept in the file.
        icc: a colour profile, kept when it is one for grey images and the image is grey.

    Raises:
        ImageError: if the array is of another kind, or the disk refuses.
    """
    return write_pages(path, [image], dpi=dpi, icc=icc)


def write_pages(
    path: str | os.PathLike[str],
    images: Sequence[np.ndarray],
    *,
    dpi: tuple[float, float] | None = None,
    icc: bytes | None = None,
) -> Path:
    """Write several pages atomically into one file; more than one needs a TIFF. See `write`."""
    path = Path(path)
    frames = [_from_array(image) for image in images]
    options: dict[str, Any] = {}
    if dpi:
        options["dpi"] = dpi
    if all(frame.mode in ("1", "L") for frame in frames) and (profile := _gray_profile(icc)):
        options["icc_profile"] = profile
    if path.suffix.lower() in (".tif", ".tiff"):
        options["compression"] = "group4" if frames[0].mode == "1" else "tiff_adobe_deflate"
        if len(frames) > 1:
            options |= {"save_all": True, "append_images": frames[1:]}
    elif len(frames) > 1:
        raise ImageError(f"{path.name}: {len(frames)} pages need a TIFF; name the file .tif.")
    elif path.suffix.lower() == ".webp":
        options["lossless"] = True
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            frames[0].save(file, format=_format(path), **options)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise ImageError(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def _format(path: Path) -> str:
    try:
        return Image.registered_extensions()[path.suffix.lower()]
    except KeyError:
        raise ImageError(f"{path.name}: name the result .png or .tif.") from None


def _from_array(image: np.ndarray) -> Image.Image:
    """Bool (H, W) to 1-bit, uint8 (H, W) or (H, W, 3) to 8-bit."""
    if image.dtype == bool and image.ndim == 2:
        return Image.fromarray(image)
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2:] == (3,)):
        return Image.fromarray(np.ascontiguousarray(image))
    raise ImageError(
        f"an image must be bool (H, W) or uint8 (H, W) or (H, W, 3), "
        f"got {image.dtype} {image.shape}."
    )


def to_tensor(image: np.ndarray) -> "Tensor":
    """A uint8, bool or float (H, W) page to a float32 tensor (1, 1, H, W) in [0, 1]."""
    import torch  # here, so that reading files does not cost the start of torch

    scale = 255.0 if image.dtype == np.uint8 else 1.0
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / scale)[None, None]


def to_array(tensor: "Tensor") -> np.ndarray:
    """A tensor (..., H, W) with one page in it, in [0, 1], to uint8 (H, W)."""
    page = tensor.detach().float().cpu().reshape(tensor.shape[-2:]).numpy()
    return (page * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
