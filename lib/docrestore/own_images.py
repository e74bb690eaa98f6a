"""One's own noisy images, made ready to learn from: read, looked over, and put on one scale.

A denoiser must see all that it will be asked to restore: air around a body, a black field. But
noise may only be learnt where it was not cut off. So images stay whole, and smooth windows are
looked for in their clean parts.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from docrestore.denoising_presets import Preset
from docrestore.images import ImageError, why_not_opened
from docrestore.images.series import Series, read_series
from docrestore.images.series.photons import Light, Photons
from docrestore.images.series.scale import Part, Scale, fill_holes, noise_std, usable_parts
from docrestore.noisy import NoisyImages
from docrestore.restoring.collecting import Item

__all__ = ["CleanParts", "OwnImages", "OwnImagesError", "gather"]

MOST = 100_000_000  # pixels that are kept in memory, 0.4 GB; of more, every second, third ... frame
WINDOWS, CLOSEST = 3000, 4  # to choose smooth ones from; the least stride, in pixels


class OwnImagesError(ValueError):
    """Images that nothing can be learnt from; the sentence says why."""


@dataclass
class OwnImages:
    """What was found.

    Attributes:
        arrays: float32 (H, W) each, on the scale; holes are filled.
        ids: "FILE", or "FILE, frame N", for each.
        clean: the parts of each in which noise was not cut off.
        scale: which values of the files became 0 and 1.
        noise: median standard deviation of the noise, in values of the files; see `noise_std`.
        light: the noise over the light in the clean parts, as learnt from: of roots with `photons`.
        types: types of the values in the files.
        files: number of files that were read.
        every: one frame in so many was taken, counted through all files.
        parts: a sentence for each image in which noise was cut off somewhere.
        left_out: a sentence for each image that cannot teach.
        unreadable: a sentence for each file that cannot be read.
    """

    arrays: list[np.ndarray] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    clean: dict[str, list[Part]] = field(default_factory=dict)
    scale: Scale = Scale(0.0, 1.0)
    noise: float = 0.0
    light: Light = field(default_factory=lambda: Light.of([]))
    types: list[str] = field(default_factory=list)
    files: int = 0
    every: int = 1
    parts: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def clean_parts(self) -> list[np.ndarray]:
        """All parts in which noise was not cut off, (h, w) each: views, not copies."""
        return [
            part.of(array)
            for name, array in zip(self.ids, self.arrays, strict=True)
            for part in self.clean[name]
        ]

    def card(self) -> dict[str, Any]:
        """What a model's card says about the images that it was fitted to."""
        return {
            "scale": self.scale.card(),
            "noise_std": self.noise,
            "images": len(self.arrays),
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
    photons: bool = False,
    most: int = MOST,
    progress: Callable[[float], None] = lambda pixels: None,
) -> OwnImages:
    """Read the frames of all files that can teach.

    A file that cannot be read, and a frame that is constant, clipped or full of holes, is named
    and left out; so it does not stop the others.

    Args:
        items: from `collect`.
        key: of the array in MATLAB and HDF5 files.
        photons: make noise that grows with the light equal, see docrestore.images.series.photons.
        most: pixels to keep at most.
        progress: called with the pixels of each frame that is done.

    Raises:
        OwnImagesError: if no frame is left, or with `photons` if the noise does not grow.
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
    before = 0  # frames of the files before this one
    for series in opened:
        try:
            _take(series, own, -before % own.every, progress)
            own.files += 1
        except ImageError as error:
            own.unreadable.append(str(error))
        before += len(series.frames)
    if not own.arrays:
        why = "; ".join([*own.unreadable, *own.left_out][:5]).rstrip(".")
        raise OwnImagesError(f"there is no image to learn from: {why or 'no image was found'}.")
    parts = own.clean_parts()[:: _step(own)]
    own.noise = float(np.median([noise_std(part) for part in parts]))
    own.light = Light.of(parts)
    pixels = sum(array.size for array in own.arrays)
    try:
        own.scale = Scale.of(own.arrays, pixels)
        own.scale = Photons.found(own.light, own.scale) if photons else own.scale
    except ValueError as error:
        raise OwnImagesError(str(error)) from None
    for index, array in enumerate(own.arrays):  # one after the other: not twice in memory
        own.arrays[index] = own.scale.to_unit(array)
    if photons:
        own.light = Light.of(own.clean_parts()[:: _step(own)])
    return own


def _take(series: Series, own: OwnImages, first: int, progress: Callable[[float], None]) -> None:
    """Add what can teach of a file, of every so many frames from `first` on."""
    frames, done = series.frames, 0
    each = series.pixels / max(len(frames), 1)
    wanted = range(first, len(frames), own.every)
    for index, frame in zip(wanted, frames.only(wanted), strict=True):
        name = f"{series.path.name}, frame {index + 1}" if len(frames) > 1 else series.path.name
        parts, why = usable_parts(frame)
        if not parts:
            own.left_out.append(f"{name}: {why}.")
        else:
            while name in own.clean:  # the same name in another folder
                name += "'"
            own.arrays.append(fill_holes(frame))
            own.ids.append(name)
            own.clean[name] = parts
        if parts and why:
            where = [
                f"{part.rows[0]}:{part.rows[1]}, {part.columns[0]}:{part.columns[1]}"
                for part in parts
            ]
            own.parts.append(f"{name}: {why}; noise is looked for in [{'], ['.join(where)}].")
        progress(each * (index + 1 - done))
        done = index + 1
    progress(each * (len(frames) - done))


def _step(own: OwnImages) -> int:
    return max(1, len(own.arrays) // 200)


@dataclass(frozen=True)
class CleanParts(Preset):
    """A preset that looks for smooth windows in the clean parts of images alone.

    Attributes:
        clean: parts of each image, by its id.
    """

    clean: Mapping[str, list[Part]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Preset, own: OwnImages) -> "CleanParts":
        """As another preset, with windows that lie closer where the parts are few or small."""
        shapes = [part.shape for part in own.clean_parts()]
        stride = plan.stride
        while stride > CLOSEST and _windows(shapes, plan.window, stride) < WINDOWS:
            stride //= 2
        known = {one.name: getattr(plan, one.name) for one in fields(plan)}
        return cls(**known | {"stride": stride, "clean": own.clean})

    def parts(self, images: NoisyImages) -> NoisyImages:
        """The clean parts of these images that hold a window; the images, if there is none."""
        parts = [part.of(image.pixels) for image in images for part in self.clean[image.id]]
        parts = [part for part in parts if min(part.shape) >= self.window]
        return NoisyImages.of(parts) if parts else images


def _windows(shapes: Sequence[tuple[int, ...]], window: int, stride: int) -> int:
    return sum(math.prod(max(0, side - window) // stride for side in shape) for shape in shapes)
