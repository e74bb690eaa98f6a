"""Measured images in and out: stacks, deep and float files, DICOM and arrays, with what they say.

A page (`docrestore.images`) is 8 bits of paper and ink. What a microscope or a scanner measures
is more: 16 bits or floats, many frames a file, a scale, a patient. A series keeps all of that.
"""

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from docrestore import images
from docrestore.images.failures import ImageError, reading
from docrestore.images.series.base import Frames, Series

__all__ = ["SUFFIXES", "Frames", "Series", "is_series", "made_by", "read_series", "result_name"]

_KINDS = {  # the module that reads such files
    "tiff": (".tif", ".tiff", ".btf", ".tf8"),
    "pictures": (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".webp", ".jp2"),
    "dicom": (".dcm", ".dicom", ".ima"),
    "arrays": (".npy", ".mat", ".h5", ".hdf5", ".hdf"),
}
SUFFIXES = tuple(suffix for suffixes in _KINDS.values() for suffix in suffixes)
LOSSY = (".jpg", ".jpeg", ".bmp", ".pgm", ".webp", ".jp2")  # their results become PNG


def read_series(path: str | os.PathLike[str], key: str | None = None) -> Series:
    """Look into a file of measured images; frames are read when they are asked for.

    PNG, JPEG, TIFF (stacks, 8 to 64 bits, float), DICOM, .npy, MATLAB (.mat) and HDF5.

    Args:
        path: of the file. DICOM needs no suffix.
        key: of the array in a MATLAB or HDF5 file that holds several.

    Raises:
        ImageError: if it cannot be read, has no image, or several arrays and no key.
    """
    path = Path(path)
    with reading(path):
        images.check_file(path)
    kind = _kind(path)
    if kind is None:
        raise ImageError(
            f"{path.name} is none of the kinds that are read: {', '.join(SUFFIXES)}, or DICOM."
        )
    read: Callable[[Path, str | None], Series] = import_module(f"{__name__}.{kind}").read
    return read(path, key)


def is_series(path: Path) -> bool:
    """Whether a file is named like a measured image, or is DICOM without a suffix."""
    return _kind(path) is not None


def result_name(path: Path) -> str:
    """The name of a file's result: the same, but what would lose detail becomes a PNG.

    >>> result_name(Path("stack.TIF")), result_name(Path("a.jpg")), result_name(Path("IM0001"))
    ('stack.TIF', 'a.png', 'IM0001')
    """
    return f"{path.stem}.png" if path.suffix.lower() in LOSSY else path.name


def made_by(path: Path) -> str:
    """The `software` that `Series.write` was told; "" if there is none, or no place for it."""
    try:
        kind: Any = import_module(f"{__name__}.{_kind(path)}")
        return kind.made_by(path)
    except Exception:  # whatever is there, we did not make it
        return ""


def _kind(path: Path) -> str | None:
    suffix = path.suffix.lower()
    for kind, suffixes in _KINDS.items():
        if suffix in suffixes:
            return kind
    if path.name == "DICOMDIR":  # the list of a disk's files, no image
        return None
    try:
        with path.open("rb") as file:
            return "dicom" if file.read(132)[128:] == b"DICM" else None
    except OSError:
        return None
