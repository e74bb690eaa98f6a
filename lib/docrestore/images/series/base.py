"""What all measured files have in common: frames read when asked for, and values written back."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from docrestore.images.failures import ImageError, reading

__all__ = ["Frames", "Series", "library", "limits", "storable", "stored"]

Opened = Callable[[], AbstractContextManager[Callable[[int], np.ndarray]]]


class Frames(Sequence[np.ndarray]):
    """The frames of a file as float32 (H, W), in the units of its values; one is held at a time.

    Args:
        path: of the file, for sentences.
        number: how many there are.
        opened: a context manager that opens the file and gives a function of the frame's index.
    """

    def __init__(self, path: Path, number: int, opened: Opened) -> None:
        self.path, self.number, self.opened = path, number, opened

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return list(self.only(range(self.number)[index]))
        return next(self.only([range(self.number)[index]]))

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.only(range(self.number))

    def only(self, wanted: Iterable[int]) -> Iterator[np.ndarray]:
        """Some of the frames, one after the other; the file is opened once."""
        with self.opened() as read:
            for index in wanted:
                with reading(self.path, f"frame {index + 1}" if len(self) > 1 else ""):
                    frame = np.ascontiguousarray(read(index), np.float32)
                yield frame


@dataclass(frozen=True)
class Series:
    """A file of one or more measured images, and how to write others of its kind.

    Args:
        path: of the file.
        frames: float32 (H, W) each, in the file's own values; of DICOM, after its rescaling.
            Pixels that the file says are none are NaN. The channels of a coloured picture are
            frames of their own.
        dtype: of the values in the file.
        range: smallest and largest value that the file could hold, in the units of `frames`.
        save: writes frames to a path with the metadata of this file; see `write`.
        about: what else the file says: key, axis, slope, unit ...
        pixels: of all frames together.
    """

    path: Path
    frames: Frames
    dtype: np.dtype
    range: tuple[float, float]
    save: Callable[[Path, Iterator[np.ndarray], str], None]
    pixels: int
    about: dict[str, Any] = field(default_factory=dict)

    def write(self, target: Path, frames: Iterable[np.ndarray], software: str) -> None:
        """Write restored frames as this file has its own: type, depth, shape, metadata.

        Whole numbers are rounded, and cut to the range of their type; floats are kept as they
        are. The file appears at `target` when it is complete; this one is only read.

        Args:
            target: where; its suffix must be that of `result_name`.
            frames: as many as there are, float32 (H, W), in the same order and units.
            software: the name of the program that made them, kept in the file where it has a place.

        Raises:
            ImageError: if the disk refuses, or there are fewer or more frames.
        """
        self.save(target, self._counted(frames), software)

    def _counted(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        number, wanted = 0, len(self.frames)
        for number, frame in enumerate(frames, start=1):
            if number > wanted:
                break
            yield frame
        if number != wanted:
            raise ImageError(
                f"{self.path.name} has {wanted} frames, but {number} came to be written."
            )


def storable(path: Path, dtype: np.dtype) -> None:
    """Refuse values that are no measured brightness. Raises ImageError."""
    if dtype.kind == "b":
        raise ImageError(
            f"{path.name} has one bit a pixel: it is a mask or a binarized page, and there is no "
            f"noise to take away."
        )
    if dtype.kind not in "iuf":
        raise ImageError(
            f"{path.name} holds {dtype} values; save it as whole numbers or floats (of complex "
            f"values, their magnitude)."
        )


def limits(dtype: np.dtype) -> tuple[float, float]:
    """The smallest and largest value of a type; infinite for floats.

    >>> limits(np.dtype("uint16")), limits(np.dtype("float32"))
    ((0.0, 65535.0), (-inf, inf))
    """
    if dtype.kind == "f":
        return -np.inf, np.inf
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)


def stored(frame: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A frame as values of a file: whole numbers are rounded and cut to the range of the type.

    >>> stored(np.array([[-3.0, 7.6, 300.0]]), np.dtype("uint8"))
    array([[  0,   8, 255]], dtype=uint8)
    """
    if dtype.kind == "f":
        return frame.astype(dtype)
    low, high = limits(dtype)
    return np.rint(np.nan_to_num(frame.astype(np.float64))).clip(low, high).astype(dtype)


def library(name: str, files: str) -> Any:
    """A library that not everybody needs. Raises ImageError with what to install."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImageError(
            f'{files} need the library {name.split(".")[0]}: pip install "docrestore[series]".'
        ) from None
