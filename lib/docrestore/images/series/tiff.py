"""TIFF stacks: every page a frame, 8 to 64 bits or float, written back with their tags."""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from docrestore.images.failures import ImageError, damaged, reading
from docrestore.images.output import replacing
from docrestore.images.series.base import Frames, Series, limits, storable, stored

__all__ = ["made_by", "read"]

# Tags that the writer sets by itself, and pointers into the old file. The rest is copied.
NOT_COPIED = {
    *(254, 255, 256, 257, 258, 259, 262, 273, 277, 278, 279, 282, 283, 284, 296, 305, 317, 320),
    *(322, 323, 324, 325, 330, 338, 339, 347, 530, 531, 532, 34665, 34853, 40965),
}
LOSSLESS = {  # in words, as the writer and the reader know them
    1: None, 5: "lzw", 8: "adobe_deflate", 32946: "deflate", 32773: "packbits",
    34925: "lzma", 50000: "zstd",
}  # fmt: skip
PREDICTORS = {1: None, 2: "horizontal", 3: "floatingpoint"}


def read(path: Path, key: str | None = None) -> Series:
    """A TIFF as a series. Its colour channels are frames of their own; alpha is kept as it is."""
    with reading(path), tifffile.TiffFile(path) as file:
        pages = _pages(file)
        first = pages[0]
        if _cut_short(file):  # tifffile would pass over what is missing
            raise ImageError(damaged(path.name, ValueError("its end is missing")))
        for page in pages:
            if page.imagedepth > 1 or page.ndim not in (2, 3):
                raise ImageError(f"{path.name} has pages of {page.shape}; save it as a stack.")
            if page.dtype is None or page.photometric == 3:
                raise ImageError(f"{path.name} has a palette or unknown values; save it in grey.")
            if page.dtype != first.dtype or page.bitspersample == 1:
                storable(path, np.dtype(bool) if page.bitspersample == 1 else page.dtype)
                raise ImageError(f"{path.name} has pages of several types; save them one by one.")
        storable(path, first.dtype)
        # ImageJ writes stacks above 4 GB as one page, with the number of images in its description
        run = (file.imagej_metadata or {}).get("images", 1) if len(file.pages) == 1 else 1
        planes = [(i, c) for i, page in enumerate(pages) for c in range(_channels(page))]
        size = sum(page.imagewidth * page.imagelength * _channels(page) for page in pages)
        about: dict[str, Any] = {"tiff": _flavour(file)}
        if len(pages) < len(file.pages) or any(330 in page.tags for page in pages):
            about["left out"] = "smaller copies and masks beside the full images"
        dtype = np.dtype(first.dtype)
    if run > 1:
        planes, size = [(0, i) for i in range(run)], size * run

    @contextmanager
    def opened() -> Iterator[Callable[[int], np.ndarray]]:
        with reading(path), tifffile.TiffFile(path) as file:
            source = _source(file, run)
            yield lambda index: source(planes[index][0])[planes[index][1]]

    def save(target: Path, frames: Iterator[np.ndarray], software: str) -> None:
        with reading(path):
            file = tifffile.TiffFile(path)
        with file, replacing(target) as temporary:
            _save(file, temporary, frames, dtype, run, software)

    frames = Frames(path, len(planes), opened)
    return Series(path, frames, dtype, limits(dtype), save, size, about)


def _pages(file: tifffile.TiffFile) -> list[Any]:
    """All full images; thumbnails (1) and masks (4) are left out."""
    pages = [page.aspage() for page in file.pages]
    return [page for page in pages if not int(page.subfiletype) & 0b101] or pages


def _cut_short(file: tifffile.TiffFile) -> bool:
    """Whether pixels of a page, or a page after the last one, would lie behind the file's end."""
    pages, kind, size = [page.aspage() for page in file.pages], file.tiff, file.filehandle.size
    for page in pages:
        ends = zip(page.dataoffsets, page.databytecounts, strict=False)
        if max((start + count for start, count in ends), default=0) > size:
            return True
    file.filehandle.seek(pages[-1].offset)
    (tags,) = struct.unpack(kind.tagnoformat, file.filehandle.read(kind.tagnosize))
    file.filehandle.seek(pages[-1].offset + kind.tagnosize + tags * kind.tagsize)
    following = file.filehandle.read(kind.offsetsize)
    if len(following) < kind.offsetsize:
        return True
    return struct.unpack(kind.offsetformat, following)[0] >= size


def _channels(page: Any) -> int:
    """How many samples a pixel has without alpha."""
    return page.samplesperpixel - len(page.extrasamples) or 1


def _source(file: tifffile.TiffFile, run: int) -> Callable[[int], np.ndarray]:
    """A function of a page's index: its planes, (channels and alpha, H, W), in the file's type."""
    if run > 1:
        whole = file.asarray(out="memmap")
        return lambda index: whole.reshape(-1, *whole.shape[-2:])
    pages, held = _pages(file), {}

    def planes(index: int) -> np.ndarray:
        if index not in held:  # the channels of a page are asked for one after the other
            held.clear()
            held[index] = _to_planes(pages[index], pages[index].asarray())
        return held[index]

    return planes


def _to_planes(page: Any, image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        return image[None]
    return image if page.planarconfig == 2 else np.moveaxis(image, -1, 0)


def _flavour(file: tifffile.TiffFile) -> str:
    names = {"OME": file.is_ome, "ImageJ": file.is_imagej, "LSM": file.is_lsm}
    return next((name for name, true in names.items() if true), "plain")


def _save(
    file: tifffile.TiffFile,
    target: Path,
    frames: Iterator[np.ndarray],
    dtype: np.dtype,
    run: int,
    software: str,
) -> None:
    path = Path(file.filehandle.path)
    with reading(path):
        pages, source = _pages(file), _source(file, run)
    big = file.is_bigtiff or file.filehandle.size > 2**32 - 2**25
    with tifffile.TiffWriter(target, bigtiff=big, byteorder=file.byteorder) as writer:
        for index in range(run if run > 1 else len(pages)):
            page = pages[0 if run > 1 else index]
            if run > 1:
                image = stored(next(frames), dtype)
            else:
                with reading(path):
                    planes = np.array(source(index))
                for channel in range(_channels(page)):
                    planes[channel] = stored(next(frames), dtype)
                image = planes[0] if page.ndim == 2 else planes
                image = image if page.planarconfig == 2 else _to_image(page, image)
            writer.write(image, **_options(file, page, software if index == 0 else "", index, run))
    next(frames, None)  # so that one too many is noticed


def _to_image(page: Any, planes: np.ndarray) -> np.ndarray:
    return planes if page.ndim == 2 else np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def _options(
    file: tifffile.TiffFile, page: Any, software: str, index: int, run: int
) -> dict[str, Any]:
    """How a page is laid out, and its tags as bytes, so that none is lost in translation."""
    known = int(page.compression) in LOSSLESS
    options: dict[str, Any] = {
        "photometric": {6: 2}.get(int(page.photometric), int(page.photometric)),  # YCbCr is decoded
        "compression": LOSSLESS[int(page.compression)] if known else "adobe_deflate",
        "predictor": PREDICTORS.get(int(page.predictor)) if known else None,
        "subfiletype": int(page.subfiletype),
        "metadata": None,
        "contiguous": False,
        "software": False,
    }
    if page.samplesperpixel > 1:
        options["planarconfig"] = int(page.planarconfig)
        options["extrasamples"] = [int(one) for one in page.extrasamples] or None
    if page.is_tiled:
        options["tile"] = (page.tilelength, page.tilewidth)
    elif known and page.rowsperstrip and run == 1:
        options["rowsperstrip"] = min(page.rowsperstrip, page.imagelength)
    options["extratags"] = tags = []
    if index and run > 1:
        return options
    for tag in page.tags:
        if tag.code not in NOT_COPIED and int(tag.dtype) not in (13, 18):
            file.filehandle.seek(tag.valueoffset)
            content = file.filehandle.read(tag.valuebytecount)
            tags.append((tag.code, int(tag.dtype), tag.count, content, True))
    if 282 in page.tags and 283 in page.tags:
        options["resolution"] = page.tags[282].value, page.tags[283].value
        options["resolutionunit"] = int(page.tags[296].value) if 296 in page.tags else 1
    if program := _software(page, software):
        options["software"] = program
    return options


def _software(page: Any, ours: str) -> str:
    """Our name before that of the program which wrote the file."""
    theirs = str(page.tags[305].value) if 305 in page.tags else ""
    return "; ".join(name for name in (ours, theirs) if name).encode("ascii", "replace").decode()


def made_by(path: Path) -> str:
    """The program named in the first page."""
    with tifffile.TiffFile(path) as file:
        return str(file.pages[0].aspage().tags[305].value)
