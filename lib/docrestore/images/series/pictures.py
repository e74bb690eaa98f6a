"""PNG with 8 or 16 bits a channel, and everyday formats, whose results are PNG."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from docrestore.images.failures import ImageError, reading, why_not_an_image
from docrestore.images.output import replacing
from docrestore.images.series.base import Frames, Series, limits, storable, stored

__all__ = ["made_by", "read"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What a PNG says beside its pixels and is still true of its result. The rest depends on how the
# pixels are coded (PLTE, tRNS, bKGD, hIST, sBIT), or is an animation.
KEPT = (b"gAMA", b"cHRM", b"iCCP", b"sRGB", b"cICP", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt",
        b"tIME", b"sCAL", b"oFFs", b"pCAL")  # fmt: skip


def read(path: Path, key: str | None = None) -> Series:
    """A picture as a series of its channels; alpha is kept as it is."""
    with reading(path):
        image = _decode(path)
    storable(path, image.dtype)
    dtype, channels, colours = image.dtype, image.shape[2], _colours(image)
    pixels = image.shape[0] * image.shape[1] * colours
    del image  # a batch looks into all its files first

    @contextmanager
    def opened() -> Iterator[Callable[[int], np.ndarray]]:
        planes = _decode(path)
        yield lambda index: planes[..., index]

    def save(target: Path, frames: Iterator[np.ndarray], software: str) -> None:
        result = _decode(path).copy()
        for channel in range(colours):
            result[..., channel] = stored(next(frames), dtype)
        next(frames, None)  # so that one too many is noticed
        if colours == 1 and channels >= 3:
            result[..., 1:3] = result[..., :1]
        coded = bytes(imagecodecs.png_encode(result[..., 0] if result.shape[2] == 1 else result))
        with replacing(target) as temporary:
            temporary.write_bytes(_with_chunks(coded, [*_chunks(path), _text(software)]))

    return Series(path, Frames(path, colours, opened), dtype, limits(dtype), save, pixels)


def _same_channels(image: np.ndarray) -> bool:
    """Whether a coloured picture is a grey one in disguise."""
    return image.shape[2] >= 3 and all(
        np.array_equal(image[..., 0], image[..., channel]) for channel in (1, 2)
    )


def _colours(image: np.ndarray) -> int:
    """How many channels are frames of their own: alpha is none, and equal ones are one."""
    return 1 if _same_channels(image) or image.shape[2] < 3 else 3


def _decode(path: Path) -> np.ndarray:
    """The pixels, (H, W, channels), uint8 or uint16, as they are in the file: not turned."""
    content = path.read_bytes()
    if content.startswith(SIGNATURE):
        _check(content)
        image = imagecodecs.png_decode(content)
    else:
        try:
            with Image.open(io.BytesIO(content)) as picture:
                deep = picture.mode.startswith("I;16") or picture.mode in ("L", "RGB", "RGBA", "LA")
                image = np.asarray(picture if deep else picture.convert("RGB"))
        except Image.UnidentifiedImageError:
            raise ImageError(why_not_an_image(path)) from None
    return image if image.ndim == 3 else image[..., None]


def _check(content: bytes) -> None:
    """Compare a PNG's checksums: decoders pass over flipped bytes."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        image.verify()


def _parts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG: (name, content)."""
    at = len(SIGNATURE)
    while at + 8 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += 12 + length


def _chunks(path: Path) -> list[tuple[bytes, bytes]]:
    """What is said beside the pixels, as chunks of a PNG."""
    content = path.read_bytes()
    if not content.startswith(SIGNATURE):  # let Pillow translate it
        with Image.open(io.BytesIO(content)) as image:
            info: dict[str, Any] = {
                name: image.info[name]
                for name in ("dpi", "icc_profile", "exif")
                if name in image.info
            }
        small, content = io.BytesIO(), b""
        Image.new("L" if image.mode in ("1", "L") else "RGB", (1, 1)).save(small, "PNG", **info)
        content = small.getvalue()
    kept = [(name, data) for name, data in _parts(content) if name in KEPT]
    return [one for one in kept if not (one[0] == b"tEXt" and one[1].startswith(b"Software\0doc"))]


def _text(software: str) -> tuple[bytes, bytes]:
    return b"tEXt", b"Software\0" + software.encode("latin1", "replace")


def _with_chunks(coded: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG with more chunks, right behind its header."""
    (head, *rest), whole = _parts(coded), [SIGNATURE]
    for name, data in [head, *chunks, *rest]:
        check = zlib.crc32(name + data)
        whole.append(struct.pack(">I", len(data)) + name + data + struct.pack(">I", check))
    return b"".join(whole)


def made_by(path: Path) -> str:
    """The last program named in the file, which is ours."""
    names = [data for name, data in _parts(path.read_bytes()) if name == b"tEXt"]
    ours = [data[9:].decode("latin1") for data in names if data.startswith(b"Software\0")]
    return ours[-1] if ours else ""
