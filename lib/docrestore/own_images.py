"""One's own noisy images, made ready to learn from: read, looked over, and put on one scale."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from docrestore.images import ImageError, why_not_opened
from docrestore.images.series import Series, read_series
from docrestore.images.series.scale import Scale, noise_std, usable_parts
from docrestore.restoring.collecting import Item

__all__ = ["OwnImages", "OwnImagesError", "gather"]

MOST = 256_000_000  # pixels that are kept in memory, 1 GB; of more, every second, third ... frame


class OwnImagesError(ValueError):
    """Images that nothing can be learnt from; the sentence says why."""


@dataclass
class OwnImages:
    """What was found.

    Attributes:
        arrays: float32 (H, W) each, on the scale.
        ids: "FILE, frame N, part M" for each; "FILE" where there is but one of it.
        scale: which values of the files became 0 and 1.
        noise: median standard deviation of the noise, in values of the files; see `noise_std`.
        types: types of the values in the files.
        files: number of files that were read.
        frames: number of frames that teach, wholly or with some parts.
        every: every so many-th frame was taken.
        parts: a sentence for each image of which only a part is used.
        left_out: a sentence for each image that cannot teach.
        unreadable: a sentence for each file that cannot be read.
    """

    arrays: list[np.ndarray] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    scale: Scale = Scale(0.0, 1.0)
    noise: float = 0.0
    types: list[str] = field(default_factory=list)
    files: int = 0
    frames: int = 0
    every: int = 1
    parts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def card(self) -> dict[str, Any]:
        """What a model's card says about the images that it was fitted to."""
        return {
            "scale": self.scale.card(),
            "noise_std": self.noise,
            "images": self.frames,
            "files": self.files,
            "types": self.types,
            "every": self.every,
            "parts": self.parts,
            "left_out": self.left_out,
            "unreadable": self.unreadable,
        }


def gather(
    items: Sequence[Item],
    key: str | None = None,
    *,
    most: int = MOST,
    progress: Callable[[float], None] = lambda pixels: None,
) -> OwnImages:
    """Read the frames of all files that can teach, cut to the part that can.

    A file that cannot be read, and a frame that is constant, clipped or full of holes, is named
    and left out; so it does not stop the others.

    Args:
        items: from `collect`.
        key: of the array in MATLAB and HDF5 files.
        most: pixels to keep at most.
        progress: called with the pixels of each frame that is done.

    Raises:
        OwnImagesError: if no frame is left.
    """
    own, opened = OwnImages(), list[Series]()
    for item in items:
        try:
            if item.problem:
                raise ImageError(item.problem)
            opened.append(read_series(item.source, key))
        except ImageError as error:
            own.unreadable.append(str(error))
        except OSError as error:
            own.unreadable.append(why_not_opened(item.source.name, error))
    own.every = max(1, -(-sum(series.pixels for series in opened) // most))
    own.types = sorted({str(series.dtype) for series in opened})
    for series in opened:
        try:
            _take(series, own, progress)
            own.files += 1
        except ImageError as error:
            own.unreadable.append(str(error))
    if not own.arrays:
        why = "; ".join([*own.unreadable, *own.left_out][:5]).rstrip(".")
        raise OwnImagesError(f"there is no image to learn from: {why or 'no image was found'}.")
    own.noise = float(np.median([noise_std(array) for array in own.arrays[:: _step(own.arrays)]]))
    pixels = sum(array.size for array in own.arrays)
    try:
        own.scale = Scale.of(own.arrays, pixels)
    except ValueError as error:
        raise OwnImagesError(str(error)) from None
    for index, array in enumerate(own.arrays):  # one after the other: not twice in memory
        own.arrays[index] = own.scale.to_unit(array)
    return own


def _take(series: Series, own: OwnImages, progress: Callable[[float], None]) -> None:
    """Add what can teach of a file."""
    frames = series.frames
    wanted = range(0, len(frames), own.every) if len(frames) > own.every else [0]
    for index, frame in zip(wanted, frames.only(wanted), strict=True):
        name = f"{series.path.name}, frame {index + 1}" if len(frames) > 1 else series.path.name
        parts, why = usable_parts(frame)
        for number, part in enumerate(parts, start=1):
            own.arrays.append(np.ascontiguousarray(part.of(frame)))
            own.ids.append(f"{name}, part {number}" if why else name)
        if not parts:
            own.left_out.append(f"{name}: {why}.")
        elif why:
            where = " and ".join(
                f"{p.rows[0]}:{p.rows[1]}, {p.columns[0]}:{p.columns[1]}" for p in parts
            )
            own.parts.append(f"{name}: {why}; of its rows and columns, {where} are used.")
        own.frames += bool(parts)
        progress(frame.size * own.every)


def _step(arrays: Sequence[np.ndarray]) -> int:
    return max(1, len(arrays) // 200)
