"""Noisy images and crops of them, for methods that learn without clean ones.

A set of noisy images is a data folder whose manifest names a `degraded` file for each id. The
columns `clean` and `second` (another noisy capture of the scene) may be there or not; a file of
theirs is opened only by who asks for it by name. So a method that asks for nothing sees nothing.

Values are float32, nominally in [0, 1]. Noise goes below 0 and above 1; nothing is clipped.
Crops are a pure function of (seed, step, index).
"""

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from docrestore.pixels import Shelf, as_float, checked, read_pixels, window

__all__ = ["NoisyAndNoise", "NoisyCrops", "NoisyImage", "NoisyImages", "turned"]

EXTRA = ("clean", "second")


@dataclass(frozen=True)
class NoisyImage:
    """One noisy image, and where its clean twin and its second capture would be.

    `pixels` are (H, W) as the file has them: floats in [0, 1], or integers of 8 or 16 bits, which
    take less memory. `degraded` is the image as float32.
    """

    id: str
    set: str
    pixels: np.ndarray
    row: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def degraded(self) -> NDArray[np.float32]:
        """The noisy image, float32 (H, W)."""
        return as_float(self.pixels)

    @property
    def clean(self) -> NDArray[np.float32]:
        """The clean image, float32 (H, W): for scores, and for methods that are taught by it."""
        return as_float(self.read("clean"))

    @property
    def second(self) -> NDArray[np.float32]:
        """Another noisy capture of the same scene, float32 (H, W): for Noise2Noise."""
        return as_float(self.read("second"))

    def read(self, column: str) -> np.ndarray:
        """The pixels of another column; ValueError where the manifest names none."""
        if self.folder is None or not self.row.get(column):
            raise ValueError(
                f"{self.set}/{self.id} has no {column} image; its manifest names none."
            )
        found = read_pixels(self.folder / self.row[column])
        if found.shape != self.pixels.shape:
            raise ValueError(
                f"{self.set}/{self.id}: the noisy image is {self.pixels.shape} and its {column} "
                f"one {found.shape}; mend the manifest."
            )
        return found


class NoisyImages(Sequence[NoisyImage]):
    """The noisy images of one or more data folders, read when asked for; the latest are kept.

    Args:
        folders: data folders, each with a manifest.csv; clean and second images are optional.
        split: keep the rows of this split alone; rows whose split is "all" belong to every split.
        leave_out: images to leave out, as "set/id".

    Raises:
        FileNotFoundError: if a folder has no manifest.
        ValueError: if no row is left, or an image to leave out is not there.
    """

    def __init__(
        self, *folders: Path | str, split: str | None = None, leave_out: Collection[str] = ()
    ) -> None:
        self.folders = [Path(folder) for folder in folders]
        self.rows: list[dict[str, str]] = []
        self._from: list[Path] = []
        self._own: dict[int, NoisyImage] = {}
        self._shelf = Shelf()
        unseen = set(leave_out)
        for folder in self.folders:
            for row in _manifest(folder):
                name = f"{folder.name}/{row['id']}"
                if name in unseen:
                    unseen.remove(name)
                elif split is None or row.get("split") in (split, "all"):
                    self.rows.append(row)
                    self._from.append(folder)
        if unseen:
            raise ValueError(f"there is no {', '.join(sorted(unseen))} to leave out; see the ids.")
        if not self.rows:
            names = ", ".join(folder.name for folder in self.folders) or "no folder"
            raise ValueError(f"no noisy images with split {split!r} in {names}; see manifest.csv.")

    @classmethod
    def of(
        cls, arrays: Sequence[np.ndarray], ids: Sequence[str] | None = None, name: str = "own"
    ) -> "NoisyImages":
        """Images that are in memory already: each (H, W), floats in [0, 1] or 8/16 bit integers."""
        if not len(arrays):
            raise ValueError("no noisy images: the list is empty.")
        ids = [str(i) for i in range(len(arrays))] if ids is None else ids
        made = cls.__new__(cls)
        made.folders, made._from = [], []
        made.rows = [{"id": one} for one in ids]
        made._shelf = Shelf()
        made._own = {
            i: NoisyImage(one, name, checked(array, f"{name}/{one}"), made.rows[i])
            for i, (one, array) in enumerate(zip(ids, arrays, strict=True))
        }
        return made

    @property
    def sets(self) -> list[str]:
        """The set that each image belongs to."""
        return [self[i].set if i in self._own else self._from[i].name for i in range(len(self))]

    @property
    def groups(self) -> list[str]:
        """What each image must stay together with, as "set/group"; "" where nothing is said."""
        named = [row.get("group") or "" for row in self.rows]
        return [name and f"{one}/{name}" for one, name in zip(self.sets, named, strict=True)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> NoisyImage:  # type: ignore[override]
        if index in self._own:
            return self._own[index]
        row, folder = self.rows[index], self._from[index]
        pixels = self._shelf.take(folder / row["degraded"])
        return NoisyImage(row["id"], folder.name, pixels, row, folder)

    def only(self, indices: Sequence[int]) -> "NoisyImages":
        """Some of the images, such as those held out; what is kept in memory is shared."""
        made = type(self).__new__(type(self))
        made.folders = self.folders
        made.rows = [self.rows[i] for i in indices]
        made._from = [self._from[i] for i in indices] if self._from else []
        made._own = {new: self._own[old] for new, old in enumerate(indices) if old in self._own}
        made._shelf = self._shelf
        return made

    def spread(self, count: int) -> "NoisyImages":
        """So many images at equal distances over the set, or all for 0 or more than there are."""
        apart = max(len(self) // (count or len(self) or 1), 1)
        return self.only(range(0, len(self), apart)[: count or None])


def _manifest(folder: Path) -> list[dict[str, str]]:
    path = folder / "manifest.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. Make clean images noisy with `python -m data_prep.noisy_set "
            f"{folder} --from FOLDER --noise gaussian-25`, or fetch a set of noisy ones."
        )
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def turned(crop: np.ndarray, turn: int) -> np.ndarray:
    """One of the eight ways to lay a square: bit 0 mirrors it, 1 flips it, 2 turns it by 90."""
    crop = crop[:, ::-1] if turn & 1 else crop
    crop = crop[::-1] if turn & 2 else crop
    return crop.T if turn & 4 else crop


class NoisyCrops:
    """Training crops: `batch(step, size)` is a pure function of its arguments.

    Each image is drawn as often as any other. A crop is mirrored and flipped, nothing else: to
    scale or turn by small angles would change the noise.

    Args:
        images: where crops are cut.
        patch: side of a crop in pixels.
        seed: another seed, other crops.
        wants: what is cut beside the noisy crop, at the same place and flipped alike: "clean",
            "second", both or neither.
        quarter_turns: also turn by 90 degrees. Not for noise that runs along rows.
    """

    def __init__(
        self,
        images: Sequence[NoisyImage],
        patch: int = 64,
        *,
        seed: int = 0,
        wants: Sequence[str] = (),
        quarter_turns: bool = False,
    ) -> None:
        if unknown := [name for name in wants if name not in EXTRA]:
            raise ValueError(f"wants may hold {', '.join(EXTRA)}, got {', '.join(unknown)}.")
        self.images, self.patch, self.seed, self.wants = images, patch, seed, tuple(wants)
        self.turns = 8 if quarter_turns else 4
        self._extra: dict[tuple[str, int], np.ndarray] = {}

    def _pixels(self, name: str, index: int) -> np.ndarray:
        if name == "degraded":
            return self.images[index].pixels
        if (name, index) not in self._extra:
            self._extra[name, index] = self.images[index].read(name)
        return self._extra[name, index]

    def batch(self, step: int, size: int, *, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
        """The crops of one step: "degraded" and what is wanted, float32 (size / world, 1, p, p)."""
        draws = np.random.default_rng((self.seed, step)).random((size, 4))[rank::world]
        places = []
        for chosen, down, right, turn in draws:
            index = int(chosen * len(self.images))
            height, width = self.images[index].pixels.shape
            top = int(down * (max(height - self.patch, 0) + 1))
            left = int(right * (max(width - self.patch, 0) + 1))
            places.append((index, top, left, int(turn * self.turns)))
        return {
            name: _stack(
                [
                    turned(window(self._pixels(name, index), top, left, self.patch), turn)
                    for index, top, left, turn in places
                ]
            )
            for name in ("degraded", *self.wants)
        }


class Windows(Protocol):
    """Smooth windows, as docrestore.smooth finds them."""

    @property
    def window(self) -> int: ...  # noqa: D102
    def __len__(self) -> int: ...
    def noise_crop(self, index: int, top: int, left: int, size: int) -> np.ndarray: ...  # noqa: D102


class NoisyAndNoise:
    """Crops of noisy images and crops of smooth windows, for the second stage of GAN2GAN.

    Args:
        images: where noisy crops are cut.
        smooth: the accepted windows of the same images; without their mean they are noise.
        patch: side of a crop, at most that of a smooth window.
        seed: another seed, other crops.
        together: as released, a noise crop lies in its window where the noisy crop lies in one of
            that size, and both are flipped alike. False draws both of each.
    """

    def __init__(
        self,
        images: Sequence[NoisyImage],
        smooth: Windows,
        patch: int = 64,
        *,
        seed: int = 0,
        together: bool = True,
    ) -> None:
        if patch > smooth.window:
            raise ValueError(
                f"a crop of {patch} pixels does not fit into smooth windows of {smooth.window}; "
                "take a smaller patch or a larger window."
            )
        self.images, self.smooth, self.patch, self.seed = images, smooth, patch, seed
        self.together = together

    def batch(self, step: int, size: int, *, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
        """One step's {"degraded", "noise"}, float32 (size / world, 1, p, p); noise has mean 0."""
        draws = np.random.default_rng((self.seed, step)).random((size, 10))[rank::world]
        spare = self.smooth.window - self.patch + 1
        noisy, noise = [], []
        for one, down, right, offset_y, offset_x, turn, *own in draws:
            pixels = self.images[int(one * len(self.images))].pixels
            height, width = (max(side - self.smooth.window, 0) for side in pixels.shape)
            within = int(offset_y * spare), int(offset_x * spare)
            top, left = int(down * (height + 1)) + within[0], int(right * (width + 1)) + within[1]
            noisy.append(turned(window(pixels, top, left, self.patch), int(turn * 4)))
            if not self.together:
                within, turn = (int(own[0] * spare), int(own[1] * spare)), own[2]
            crop = self.smooth.noise_crop(int(own[3] * len(self.smooth)), *within, self.patch)
            noise.append(turned(crop, int(turn * 4)))
        return {"degraded": _stack(noisy), "noise": _stack(noise)}


def _stack(crops: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(crops))[:, None]
