"""From a manifest to pages, and from pages to training crops.

A manifest is a CSV file with the columns id, split, degraded, clean, group, sha256 (see
`data_prep.manifest`). Crops are a pure function of (seed, step, index): a training that is killed
and resumed sees the same ones, and the ranks of a distributed run share them without talking.
"""

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from docrestore import images

__all__ = ["Crops", "PairedPages", "Pair", "grid_patches"]


@dataclass(frozen=True)
class Pair:
    """A degraded page and its clean twin, both uint8 (H, W).

    `rgb` is the degraded page in colour, uint8 (H, W, 3), where colour was asked for.
    """

    id: str
    set: str
    degraded: np.ndarray
    clean: np.ndarray
    row: dict[str, str]
    rgb: np.ndarray | None = None

    def seen(self, channels: int = 1) -> np.ndarray:
        """The degraded page as a network of 1 or 3 channels wants it, as far as it is at hand."""
        return self.degraded if channels == 1 or self.rgb is None else self.rgb


class PairedPages(Sequence[Pair]):
    """The pages of one or more data folders, read when first asked for and then kept.

    Args:
        folders: data folders, each with a manifest.csv.
        split: keep the rows of this split alone; rows whose split is "all" belong to every split.
        leave_out: pages to leave out, as "set/id": those that a test page was cut from, say.
        colour: also read the degraded pages in colour, into `Pair.rgb`.

    Raises:
        FileNotFoundError: if a folder has no manifest; the message says how to make one.
        ValueError: if no row is left, a page to leave out is not there, or a page and its
            truth differ in size.
    """

    def __init__(
        self,
        *folders: Path | str,
        split: str | None = None,
        leave_out: Collection[str] = (),
        colour: bool = False,
    ) -> None:
        self.colour = colour
        self.folders = [Path(folder) for folder in folders]
        self.rows: list[dict[str, str]] = []
        self._from: list[Path] = []
        self._cache: dict[int, Pair] = {}
        unseen = set(leave_out)
        for folder in self.folders:
            for row in _manifest(folder):
                name = f"{folder.name}/{row['id']}"
                if name in unseen:
                    unseen.remove(name)
                elif row["clean"] and (split is None or row["split"] in (split, "all")):
                    self.rows.append(row)
                    self._from.append(folder)
        if unseen:
            raise ValueError(f"there is no {', '.join(sorted(unseen))} to leave out; see the ids.")
        if not self.rows:
            names = ", ".join(folder.name for folder in self.folders) or "no folder"
            raise ValueError(f"no pairs with split {split!r} in {names}; look at manifest.csv.")

    @property
    def sets(self) -> list[str]:
        """The set that each page belongs to."""
        return [folder.name for folder in self._from]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Pair:  # type: ignore[override]
        if index not in self._cache:
            row, folder = self.rows[index], self._from[index]
            page = next(images.pages(folder / row["degraded"], colour=self.colour))
            degraded = page.gray
            clean = images.read_gray(folder / row["clean"])
            if degraded.shape != clean.shape:
                raise ValueError(
                    f"{folder.name}/{row['id']}: the page is {degraded.shape} and its truth "
                    f"{clean.shape}; remove the pair from the manifest or mend it."
                )
            self._cache[index] = Pair(row["id"], folder.name, degraded, clean, row, page.rgb)
        return self._cache[index]


def _manifest(folder: Path) -> list[dict[str, str]]:
    path = folder / "manifest.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. Make a real set with `python -m data_prep.fetch {folder.name}`, "
            f"a drawn one with `python -m data_prep.drawn_pages {folder}`."
        )
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Crops:
    """Training crops from pages: `batch(step, size)` is a pure function of its arguments.

    A crop is scaled and sometimes turned, never mirrored: mirrored writing is what shines through
    from the back of a leaf, and a binarizer must tell the two apart. With `old`,
    the degraded side alone also gets the back of another page shining through and another
    contrast, brightness, gamma, focus and noise: the answer must not depend on them. Pages in
    colour also get another colour of light, and are sometimes made grey.

    Args:
        pages: where crops are cut; in colour where they have been read so.
        patch: side of a crop in pixels.
        seed: another seed, other crops.
        augment: False gives plain crops, whatever the next three say.
        old: how much to age the degraded side further, 0 to 1 (right for binarization, wrong
            where grey levels are the answer).
        zoom: crops are scaled by 1 / zoom to zoom; the truth's edges are exact only near 1.
        turned: share of the crops that are turned by 90, 180 or 270 degrees.
        truth_divisor: 1; the released DE-GAN divides its truth by 255 twice, so 255 shows that
            defect.
    """

    def __init__(
        self,
        pages: Sequence[Pair],
        patch: int = 256,
        *,
        seed: int = 0,
        augment: bool = True,
        old: float = 0.0,
        zoom: float = 1.4,
        turned: float = 0.3,
        truth_divisor: float = 1.0,
    ) -> None:
        if not augment:
            old, zoom, turned = 0.0, 1.0, 0.0
        self.pages, self.patch, self.seed = pages, patch, seed
        self.augment, self.old, self.truth_divisor = augment, old, truth_divisor
        self.zoom, self.turned = zoom, turned
        sets = pages.sets if isinstance(pages, PairedPages) else [pair.set for pair in pages]
        self.members = [np.flatnonzero(np.array(sets) == name) for name in dict.fromkeys(sets)]
        self.odds = np.sqrt([len(members) for members in self.members])
        self.odds /= self.odds.sum()

    def _page(self, rng: np.random.Generator) -> Pair:
        """Draw a set by the square root of its size, then one of its pages.

        So many drawn pages do not drown the few real ones.
        """
        members = self.members[int(rng.choice(len(self.members), p=self.odds))]
        return self.pages[int(members[rng.integers(len(members))])]

    def _window(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A window of a page and of its truth: uint8, `patch` times the zoom on a side.

        Most of a page is paper, so up to four windows are tried for one with ink in it.
        """
        tries = 4
        while True:
            pair, size = self._page(rng), self.patch
            if self.augment:
                size = round(self.patch * self.zoom ** rng.uniform(-1, 1))
            clean, top, left = _cut(pair.clean, size, rng)
            tries -= 1
            if (clean < 128).mean() > 0.01 or rng.random() < 0.1 or not tries:
                return _cut(pair.seen(3), size, rng, at=(top, left))[0], clean

    def crop(self, step: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """One pair of crops: (degraded, clean), float32 (patch, patch) in [0, 1].

        In colour the degraded one is (patch, patch, 3).
        """
        rng = np.random.default_rng((self.seed, step, index))
        degraded, clean = self._window(rng)
        if self.augment:
            binary = not np.any((clean > 0) & (clean < 255))
            degraded, clean = _resize(degraded, self.patch), _resize(clean, self.patch)
            if binary:
                clean = np.where(clean < 128, 0, 255).astype(np.uint8)
            turns = int(rng.choice(4, p=(1 - self.turned, *3 * (self.turned / 3,))))
            degraded, clean = np.rot90(degraded, turns), np.rot90(clean, turns)
        x = degraded.astype(np.float32) / 255
        y = clean.astype(np.float32) / 255 / np.float32(self.truth_divisor)
        if self.augment and self.old:
            if x.ndim == 3:
                x = _change_colour(x, rng, self.old)
            if rng.random() < 0.45 * self.old:
                back, _, _ = _cut(self._page(rng).clean, self.patch, rng)
                x = _shine_through(x, back, rng)
            x = _change_tone(x, rng, self.old)
        return x, y

    def batch(self, step: int, size: int, *, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
        """The crops of one step: {"degraded", "clean"}, float32 (size / world, C, patch, patch).

        C is 1, and 3 for the degraded crops of pages in colour.
        """
        pairs = [self.crop(step, index) for index in range(rank, size, world)]
        degraded, clean = (torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))
        degraded = degraded.permute(0, 3, 1, 2) if degraded.ndim == 4 else degraded[:, None]
        return {"degraded": degraded, "clean": clean[:, None]}


def _cut(
    page: np.ndarray, size: int, rng: np.random.Generator, at: tuple[int, int] | None = None
) -> tuple[np.ndarray, int, int]:
    """A size x size window, at random or at `at`; a page too small is continued by reflection."""
    short = [max(size - side, 0) for side in page.shape[:2]]
    if any(short):
        more = [(0, short[0]), (0, short[1]), (0, 0)][: page.ndim]
        page = np.pad(page, more, mode="symmetric")
    if at is None:
        at = tuple(int(rng.integers(side - size + 1)) for side in page.shape[:2])  # type: ignore
    top, left = at  # type: ignore[misc]
    return page[top : top + size, left : left + size], top, left


def _resize(patch: np.ndarray, size: int) -> np.ndarray:
    if patch.shape[:2] == (size, size):
        return patch
    return np.asarray(Image.fromarray(patch).resize((size, size), Image.Resampling.BICUBIC))


def _shine_through(x: np.ndarray, back: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Darken x where the mirrored back of the leaf has ink, softened by the paper between."""
    ink = 1 - back[:, ::-1].astype(np.float32) / 255
    ink = ndimage.gaussian_filter(ink, rng.uniform(0.5, 2.5))
    left = 1 - np.float32(rng.uniform(0.1, 0.7)) * ink
    return x * (left if x.ndim == 2 else left[..., None])


def _change_colour(x: np.ndarray, rng: np.random.Generator, age: float) -> np.ndarray:
    """Another colour of light; more or less of the page's own colours, or none."""
    light = np.exp(age * rng.uniform(-0.3, 0.3, 3)).astype(np.float32)
    gray = x.mean(2, keepdims=True)
    strength = 0.0 if rng.random() < 0.15 else 1 + age * rng.uniform(-1, 0.5)
    return np.clip((gray + np.float32(strength) * (x - gray)) * light, 0, 1)


def _change_tone(x: np.ndarray, rng: np.random.Generator, age: float) -> np.ndarray:
    """Another gamma, contrast and brightness; sometimes a soft focus or noise."""
    x = x ** np.float32(np.exp(age * rng.uniform(-0.5, 0.5)))
    middle = np.float32(x.mean())
    contrast, lift = 1 + age * rng.uniform(-0.5, 0.3), age * rng.uniform(-0.15, 0.15)
    x = (x - middle) * np.float32(contrast) + middle + np.float32(lift)
    if rng.random() < 0.2 * age:
        x = ndimage.gaussian_filter(x, (*2 * (rng.uniform(0.3, 1.2),), 0)[: x.ndim])
    if rng.random() < 0.3 * age:
        x = x + rng.normal(0, rng.uniform(0.01, 0.06), x.shape).astype(np.float32)
    return np.clip(x, 0, 1, dtype=np.float32)


def grid_patches(
    page: np.ndarray, patch: int = 256, stride: int = 192, *, cover: bool = True
) -> list[tuple[int, int]]:
    """Corners (top, left) of the windows that DE-GAN cuts from a page.

    Args:
        page: (H, W).
        patch: side of a window.
        stride: step between windows (paper's code: 192).
        cover: clamp the last window to the border so that every pixel is seen, at least one
            window a page. False is the released rule: pad up to the next multiple (always at
            least one pixel), then leave out the last offset, which loses the bottom and right.
    """

    def offsets(side: int) -> list[int]:
        if not cover:
            padded = (side // patch + 1) * patch
            return list(range(0, padded - patch, stride))
        last = max(side - patch, 0)
        return [*range(0, last, stride), last]

    height, width = page.shape
    return [(top, left) for top in offsets(height) for left in offsets(width)]
