"""Denoise measured images: every frame of a file, in the units of its own values."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docrestore import __version__
from docrestore.images import ImageError
from docrestore.images.series import Series, made_by, read_series, result_name
from docrestore.images.series.photons import Photons, scale_of
from docrestore.images.series.scale import Scale, fill_holes, noise_std
from docrestore.inference import restore
from docrestore.restoring import Restorer
from docrestore.restoring.collecting import SERIES

__all__ = ["SeriesRestorer"]

KNOWN = (-0.5, 1.5)  # 0 to 1 holds 99.8 % of the values that a network was fitted to
OTHER_NOISE = 2.0  # times stronger or weaker than the noise that the model has learnt


@dataclass(frozen=True)
class SeriesRestorer(Restorer):
    """What is done to every file of measured images.

    Args:
        scale: which values are 0 and 1 for the network; None takes the range of whole numbers.
        noise: standard deviation of the noise that it has learnt, as `noise_std` sees it in images
            where `scale` is undone; None if that is not known.
        key: of the array in MATLAB and HDF5 files.
    """

    scale: Scale | None = None
    noise: float | None = None
    key: str | None = None

    kind = SERIES

    @classmethod
    def of(cls, base: Restorer, card: dict[str, Any], key: str | None) -> "SeriesRestorer":
        """Of a network, and of what its card says about the images that it was fitted to."""
        known = card.get("scale")
        scale = scale_of(known) if known else None
        return cls(base.run, base.facts | {"key": key}, scale, card.get("noise_std"), key)

    def pixels(self, source: Path) -> int:
        try:
            return read_series(source, self.key).pixels
        except (ImageError, OSError):
            return 0  # what is wrong with it is said when its turn comes

    def made_by(self, target: Path) -> str:
        return made_by(target)

    def restore_file(
        self, source: Path, target: Path, advance: Callable[[float], None]
    ) -> dict[str, Any]:
        """Read, denoise and write one frame after the other; facts for the report."""
        begun, noises = time.perf_counter(), []
        series = read_series(source, self.key)
        if target.suffix.lower() != Path(result_name(source)).suffix.lower():
            raise ImageError(
                f"the result of {source.name} keeps its format; name it "
                f"{Path(target.stem + Path(result_name(source)).suffix)}, or name a folder."
            )

        def frames() -> Iterator[np.ndarray]:
            for index, frame in enumerate(series.frames):
                noises.append(noise_std(frame))
                share = len(series.frames)
                yield self.denoise(frame, series, lambda part: advance((index + part) / share))  # noqa: B023

        series.write(target, frames(), self.software)
        facts: dict[str, Any] = {
            "frames": len(series.frames),
            "type": str(series.dtype),
            "noise_std": [float(f"{one:.4g}") for one in noises],
            "about": series.about,
        }
        if note := self._note(float(np.median(noises))):
            facts["note"] = note
        return facts | {
            "software": made_by(target) or self.software,
            "version": __version__,
            "seconds": round(time.perf_counter() - begun, 3),
        }

    def denoise(
        self, frame: np.ndarray, series: Series, progress: Callable[[float], None]
    ) -> np.ndarray:
        """One frame, float32 (H, W), in its own units; what is no number stays so."""
        holes = ~np.isfinite(frame)
        filled = fill_holes(frame)
        if filled.min() == filled.max():  # nothing was measured; a network would guess
            return frame
        scale = self.scale or _range_of(series)
        unit = scale.to_unit(filled)
        known = unit.clip(*KNOWN)  # a network is lost among values that it has hardly ever seen
        restored = scale.from_unit(restore(self.run, known, progress=progress) + (unit - known))
        restored[holes] = frame[holes]
        return restored

    def _note(self, noise: float) -> str:
        """A sentence where the noise of a file is not that of the model."""
        if isinstance(self.scale, Photons):  # theirs is as strong as a file is bright
            return ""
        if not self.noise or 1 / OTHER_NOISE <= noise / self.noise <= OTHER_NOISE:
            return ""
        return (
            f"its noise has a standard deviation of {noise:.3g} and the model knows "
            f"{self.noise:.3g}; fit a model to these images."
        )


def _range_of(series: Series) -> Scale:
    low, high = series.range
    return Scale(low, high) if np.isfinite([low, high]).all() else Scale(0.0, 1.0)
