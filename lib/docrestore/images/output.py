"""Pages to image files, atomically: a reader sees the old file or the whole new one."""

import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import AppendingTiffWriter

from docrestore.images.colour_profiles import gray_twin
from docrestore.images.failures import ImageError

__all__ = ["PART", "ImageError", "made_by", "replacing", "write", "write_pages", "writing"]

PART = ".docrestore-*.part"  # files in the making; one that stays was left by a killed run


def write(
    path: str | os.PathLike[str],
    image: np.ndarray,
    *,
    dpi: tuple[float, float] | None = None,
    icc: bytes | None = None,
) -> Path:
    """Write one image atomically.

    Args:
        path: where; the suffix chooses the format (.png, .tif, .jpg, .webp ...).
        image: bool (H, W), saved with 1 bit a pixel (G4 in TIFF); or uint8 (H, W) or (H, W, 3).
        dpi: pixels per inch, (horizontal, vertical), kept in the file.
        icc: the colour profile of the page that a grey image came from; see `gray_twin`.

    Raises:
        ImageError: if the array is of another kind, or the disk refuses.
    """
    return write_pages(path, [image], dpi=dpi, icc=icc)


def write_pages(
    path: str | os.PathLike[str],
    images: Iterable[np.ndarray],
    *,
    dpi: tuple[float, float] | None = None,
    icc: bytes | None = None,
) -> Path:
    """Write several pages atomically into one file; more than one needs a TIFF. See `write`."""
    with writing(path) as add:
        for image in images:
            add(image, dpi=dpi, icc=icc)
    return Path(path)


@contextmanager
def writing(path: str | os.PathLike[str], software: str = "") -> Iterator[Callable[..., None]]:
    """Give a function `add(image, *, dpi=None, icc=None)` that appends one page to a new file.

    The file appears at `path` when the block ends without an error. One page is in memory at a
    time. `software` is kept in a PNG or TIFF as the name of the program that made it.

    Raises:
        ImageError: as `write`, or if a second page is added to a file that is no TIFF.
    """
    path = Path(path)
    kind, added = _format(path), 0
    with replacing(path) as temporary:
        file = temporary.open("r+b")
        target = AppendingTiffWriter(file) if kind == "TIFF" else file

        def add(
            image: np.ndarray,
            *,
            dpi: tuple[float, float] | None = None,
            icc: bytes | None = None,
        ) -> None:
            nonlocal added
            if added and kind != "TIFF":
                raise ImageError(f"{path.name}: several pages need a TIFF; name the file .tif.")
            frame = _from_array(image)
            with _in_words(path):
                frame.save(target, format=kind, **_options(frame, kind, dpi, icc, software))
                if isinstance(target, AppendingTiffWriter):
                    target.newFrame()
            added += 1

        try:
            yield add
            if not added:
                raise ImageError(f"{path.name}: there is no page to write.")
            with _in_words(path):
                file.close()  # before the renaming, for Windows
        finally:
            with suppress(OSError):  # on a full disk closing fails once more
                file.close()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of an empty file to fill, which takes the place of `path` in the end.

    It does so when the block ends without an error; else it goes, and `path` is what it was.

    Raises:
        ImageError: if the disk refuses, also within the block.
    """
    # O_EXCL and the umask of the user; mkstemp would hide the result from everybody else
    temporary = path.with_name(PART.replace("*", f"{os.getpid()}-{secrets.token_hex(4)}"))
    with _in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("xb").close()
    try:
        with _in_words(path):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _options(
    frame: Image.Image,
    kind: str,
    dpi: tuple[float, float] | None,
    icc: bytes | None,
    software: str,
) -> dict[str, Any]:
    options: dict[str, Any] = {"dpi": dpi} if dpi else {}
    profile = gray_twin(icc) if frame.mode in ("1", "L") else icc
    if profile:
        options["icc_profile"] = profile
    if kind == "TIFF":
        options["compression"] = "group4" if frame.mode == "1" else "tiff_adobe_deflate"
        if software:
            options["software"] = software
    elif kind == "PNG" and software:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Software", software)
    elif kind == "WEBP":
        options["lossless"] = True
    elif kind == "JPEG":
        options |= {"quality": 95, "subsampling": 0}
    return options


def made_by(path: str | os.PathLike[str]) -> str:
    """The `software` that a PNG or TIFF was written with; "" if it has none or is no image."""
    try:
        with Image.open(path, formats=("PNG", "TIFF")) as image:
            tags = getattr(image, "tag_v2", {})
            return str(image.info.get("Software") or tags.get(305, ""))
    except Exception:  # whatever is there, we did not make it
        return ""


def _format(path: Path) -> str:
    try:
        return Image.registered_extensions()[path.suffix.lower()]
    except KeyError:
        raise ImageError(f"{path.name}: name the result .png or .tif.") from None


def _from_array(image: np.ndarray) -> Image.Image:
    """Bool (H, W) to 1-bit, uint8 (H, W) or (H, W, 3) to 8-bit; no page without pixels."""
    whole = image.size > 0
    if whole and image.dtype == bool and image.ndim == 2:
        return Image.fromarray(image)
    if whole and image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2:] == (3,)):
        return Image.fromarray(np.ascontiguousarray(image))
    raise ImageError(
        f"an image must be bool (H, W) or uint8 (H, W) or (H, W, 3) with pixels in it, "
        f"got {image.dtype} {image.shape}."
    )


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """What the system refuses becomes one sentence that says what to do."""
    ways = {
        errno.ENOSPC: "the disk is full; make room and start again",
        errno.EDQUOT: "your share of the disk is full; make room and start again",
        errno.EACCES: f"nothing may be written into {path.parent}; choose another folder",
        errno.EROFS: f"nothing may be written into {path.parent}; choose another folder",
        errno.EISDIR: "a folder has that name; choose another one or move it away",
        errno.ENAMETOOLONG: "the name is too long for this disk; shorten it",
    }
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise ImageError(
            f"{path} could not be written: a file has the name of one of its folders; "
            f"choose another folder."
        ) from None
    except OSError as error:
        why = ways.get(error.errno or 0, f"{error.strerror or error}; is the disk full?")
        raise ImageError(f"{path} could not be written: {why}.") from error
