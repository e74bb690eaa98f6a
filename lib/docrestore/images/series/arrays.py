"""Arrays in files: .npy, MATLAB's .mat old and new (v7.3), HDF5. A 3-D array is a stack."""

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from docrestore.images.failures import ImageError, reading
from docrestore.images.output import replacing
from docrestore.images.series.base import Frames, Series, library, limits, storable, stored

__all__ = ["made_by", "read"]

SMALLEST = 16  # pixels a side; MATLAB keeps every number as an array
MARK = "denoised_by"  # an attribute of the array in an HDF5 file


def read(path: Path, key: str | None = None) -> Series:
    """An array of a file as a series."""
    if path.suffix.lower() == ".npy":
        return _read_npy(path)
    with path.open("rb") as file:
        head = file.read(520)
    if b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:520]):
        return _read_hdf5(path, key)
    if path.suffix.lower() == ".mat":
        return _read_old_mat(path, key)
    raise ImageError(f"{path.name} is no HDF5 file, whatever its name says; check it.")


def _read_npy(path: Path) -> Series:
    with reading(path):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    shape, dtype, order = array.shape, array.dtype, np.isfortran(array)
    del array  # a batch looks into all its files first, and only so many can be open
    if not _looks_like_images(shape, np.dtype("float32")):
        raise ImageError(
            f"{path.name} holds an array of shape {shape}; images are (rows, columns) or (images, "
            f"rows, columns), with {SMALLEST} pixels a side at least."
        )
    axis = _stack_axis(shape)

    @contextmanager
    def opened() -> Iterator[Callable[[int], np.ndarray]]:
        whole = np.load(path, mmap_mode="r", allow_pickle=False)
        yield lambda index: whole[_place(axis, index)]

    def save(target: Path, frames: Iterator[np.ndarray], software: str) -> None:
        with replacing(target) as temporary:
            whole = np.lib.format.open_memmap(
                temporary, "w+", dtype=dtype, shape=shape, fortran_order=order
            )
            for index, frame in enumerate(frames):
                whole[_place(axis, index)] = stored(frame, dtype)
            whole.flush()
            del whole  # before the renaming, for Windows

    return _series(path, shape, dtype, axis, opened, save, {})


def _read_hdf5(path: Path, key: str | None) -> Series:
    h5py = library("h5py", "HDF5 and MATLAB v7.3 files")
    found: dict[str, Any] = {}

    def look(name: str, one: Any) -> None:
        if isinstance(one, h5py.Dataset) and not name.startswith("#"):  # MATLAB's own: #refs#
            found[name] = (one.shape, one.dtype, "MATLAB_class" in one.attrs)

    with reading(path), h5py.File(path, "r") as file:
        file.visititems(look)
    key = _choose(path, key, {name: (shape, dtype) for name, (shape, dtype, _) in found.items()})
    shape, dtype, matlab = found[key]
    # MATLAB writes its axes in reverse: rows x columns x images is images x columns x rows here.
    axis = None if len(shape) == 2 else 0 if matlab else _stack_axis(shape)

    @contextmanager
    def opened() -> Iterator[Callable[[int], np.ndarray]]:
        with h5py.File(path, "r") as file:
            whole = file[key]
            yield lambda index: _turned(whole[_place(axis, index)], matlab)

    def save(target: Path, frames: Iterator[np.ndarray], software: str) -> None:
        with replacing(target) as temporary:
            shutil.copyfile(path, temporary)
            with h5py.File(temporary, "r+") as file:
                whole = file[key]
                for index, frame in enumerate(frames):
                    whole[_place(axis, index)] = stored(_turned(frame, matlab), dtype)
                whole.attrs[MARK] = software

    about = {"key": key} | ({"matlab": "v7.3"} if matlab else {})
    return _series(path, shape, dtype, axis, opened, save, about)


def _read_old_mat(path: Path, key: str | None) -> Series:
    from scipy import io

    with reading(path):
        content = io.loadmat(path)
    arrays = {
        name: (value.shape, value.dtype)
        for name, value in content.items()
        if isinstance(value, np.ndarray) and not name.startswith("__")
    }
    key = _choose(path, key, arrays)
    shape, dtype = arrays[key]
    axis = None if len(shape) == 2 else 2  # MATLAB counts images along the last
    del content

    @contextmanager
    def opened() -> Iterator[Callable[[int], np.ndarray]]:
        array = io.loadmat(path, variable_names=[key])[key]
        yield lambda index: array[_place(axis, index)]

    def save(target: Path, frames: Iterator[np.ndarray], software: str) -> None:
        content = io.loadmat(path)
        result = np.empty_like(content[key])
        for index, frame in enumerate(frames):
            result[_place(axis, index)] = stored(frame, dtype)
        others = {name: value for name, value in content.items() if not name.startswith("__")}
        with replacing(target) as temporary, temporary.open("wb") as file:
            io.savemat(file, others | {key: result}, do_compression=True)

    return _series(path, shape, dtype, axis, opened, save, {"key": key, "matlab": "before v7.3"})


def _series(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype,
    axis: int | None,
    opened: Any,
    save: Any,
    about: dict[str, Any],
) -> Series:
    storable(path, dtype)
    count = 1 if axis is None else shape[axis]
    if axis is not None:
        about = about | {"axis": f"images along axis {axis} of {shape}"}
    frames = Frames(path, count, opened)
    return Series(path, frames, dtype, limits(dtype), save, math.prod(shape), about)


def _turned(frame: np.ndarray, matlab: bool) -> np.ndarray:
    return frame.T if matlab else frame


def _place(axis: int | None, index: int) -> Any:
    """Where a frame is in its array.

    >>> _place(0, 3), _place(None, 0)
    ((3,), ())
    """
    return () if axis is None else (slice(None),) * axis + (index,)


def _stack_axis(shape: tuple[int, ...]) -> int | None:
    """Along which axis the images of an array lie: the first, or the last if it is by far shorter.

    >>> _stack_axis((30, 512, 512)), _stack_axis((512, 512, 30)), _stack_axis((512, 512))
    (0, 2, None)
    """
    if len(shape) == 2:
        return None
    return 2 if 2 * shape[2] < min(shape[:2]) else 0


def _looks_like_images(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    sides = sorted(shape)[-2:]
    return len(shape) in (2, 3) and dtype.kind in "iuf" and min(sides, default=0) >= SMALLEST


def _choose(
    path: Path, key: str | None, arrays: dict[str, tuple[tuple[int, ...], np.dtype]]
) -> str:
    """The array that is meant: the one asked for, or the only one that looks like images."""
    able = {name: one for name, one in arrays.items() if _looks_like_images(*one)}
    told = ", ".join(f"{name} {shape} {dtype}" for name, (shape, dtype) in sorted(able.items()))
    if not able:
        raise ImageError(
            f"{path.name} has no array of numbers with 2 or 3 axes and {SMALLEST} pixels a side; "
            f"it has: {', '.join(sorted(arrays)) or 'nothing'}."
        )
    if key is not None:
        key = key.strip("/")
        if key not in able:
            raise ImageError(f"{path.name} has no images called {key}; it has: {told}.")
        return key
    if len(able) > 1:
        raise ImageError(f"{path.name} has several arrays; name one with --key: {told}.")
    return next(iter(able))


def made_by(path: Path) -> str:
    """The program named at the array of an HDF5 file; other files have no place for it."""
    h5py, found = library("h5py", "HDF5 files"), []

    def look(name: str, one: Any) -> None:
        if MARK in one.attrs:
            found.append(str(one.attrs[MARK]))

    with h5py.File(path, "r") as file:
        file.visititems(look)
    return found[0] if found else ""
