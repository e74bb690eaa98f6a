"""The same restored images under other rules: what a figure owes to its protocol.

Papers that call a figure "PSNR on BSD68" clip or do not, round or do not, make grey of colour with
one triple of weights or another. `Protocol` says it all, `PUBLISHED` holds the habits of some
releases, and `audit` scores one folder of results under each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from docrestore.denoise_scores import ssim_released
from docrestore.images import READABLE, pages
from docrestore.paths import by_name
from docrestore.pixels import as_float, read_pixels

__all__ = [
    "GRAYS",
    "PUBLISHED",
    "Protocol",
    "Restored",
    "audit",
    "every",
    "read_results",
    "switches",
]

GRAYS = {  # offset and weights of red, green and blue, on the scale 0 to 1
    "0.114": (0.0, (0.299, 0.587, 0.114)),
    "0.144": (0.0, (0.299, 0.587, 0.144)),  # GAN2GAN's release: white is 1.03
    "video": (16 / 255, (65.481 / 255, 128.553 / 255, 24.966 / 255)),  # BT.601: 16 to 235
}
SSIMS = ("gaussian", "uniform")


@dataclass(frozen=True)
class Protocol:
    """The rules of a score. PSNR has a peak of 1 and is averaged over images.

    Attributes:
        gray: how colour becomes grey, a name in GRAYS. A grey image counts as one whose three
            colours are equal.
        clip: cut both images to [0, 1].
        eight_bits: round both to whole levels of 8 bits.
        border: rows and columns left out on each side.
        ssim: "gaussian", a window of 11 x 11 and a range of 1, as `ssim_gray`; or "uniform",
            7 x 7 and the range of the restored image, as GAN2GAN's release takes it.
    """

    gray: str = "0.114"
    clip: bool = True
    eight_bits: bool = False
    border: int = 0
    ssim: str = "gaussian"

    def __post_init__(self) -> None:
        if self.gray not in GRAYS or self.ssim not in SSIMS or self.border < 0:
            raise ValueError(
                f"gray is one of {', '.join(GRAYS)}, ssim one of {', '.join(SSIMS)} and border not "
                f"below 0; got {self.gray!r}, {self.ssim!r} and {self.border}."
            )

    def seen(self, image: np.ndarray) -> NDArray[np.float64]:
        """What is compared: (H, W) of an image (H, W) or (H, W, 3), floats in about [0, 1]."""
        offset, weights = GRAYS[self.gray]
        values = np.asarray(image, np.float64)
        values = offset + (
            values * round(sum(weights), 9) if values.ndim == 2 else values @ weights
        )
        values = values.clip(0, 1) if self.clip else values
        values = np.rint(values * 255) / 255 if self.eight_bits else values
        inner = slice(self.border, -self.border or None)
        if min(values.shape) <= 2 * self.border:
            raise ValueError(f"a border of {self.border} leaves nothing of {values.shape}.")
        return values[inner, inner]

    def psnr(self, restored: np.ndarray, clean: np.ndarray) -> float:
        """PSNR in dB; infinite where both are equal."""
        error = float(((self.seen(restored) - self.seen(clean)) ** 2).mean())
        return -10 * float(np.log10(error)) if error else float("inf")

    def similarity(self, restored: np.ndarray, clean: np.ndarray) -> float:
        """SSIM, in the variant of this protocol."""
        one, other = self.seen(restored), self.seen(clean)
        if self.ssim == "uniform":
            return ssim_released(one, other)
        from torchmetrics.functional.image import structural_similarity_index_measure

        tensors = [torch.from_numpy(image)[None, None] for image in (one, other)]
        return float(structural_similarity_index_measure(*tensors, sigma=1.5, data_range=1.0))  # type: ignore[arg-type]


PUBLISHED = {
    "this book": Protocol(),
    "DnCNN, Neighbor2Neighbor": Protocol(eight_bits=True),
    "Noise2Void": Protocol(clip=False),
    "GAN2GAN": Protocol(gray="0.144", ssim="uniform"),
    "super-resolution": Protocol(gray="video", eight_bits=True, border=4),
}


@dataclass(frozen=True)
class Restored:
    """One result and its truth, floats (H, W) or (H, W, 3), nominally in [0, 1]."""

    id: str
    restored: NDArray[np.float32]
    clean: NDArray[np.float32]


def read_results(restored: Path, clean: Path) -> list[Restored]:
    """The images of two folders, paired by their names.

    Files are images of 8 or 16 bits, or `.npy` or grey TIFF with floats of 32 bits, which alone
    can show what clipping and rounding do. Clean images without a result are left out.

    Raises:
        ValueError: if a result has no clean twin, or one of another size, or two; or if there are
            no results.
    """
    ours, theirs = _named(restored), _named(clean)
    if not ours:
        raise ValueError(f"{restored} holds no image that can be read.")
    found = []
    for name, path in ours.items():
        if name not in theirs:
            raise ValueError(f"{path} has no clean image of its name in {clean}.")
        one, truth = _read(path), _read(theirs[name])
        if one.shape[:2] != truth.shape[:2]:
            raise ValueError(f"{path} is {one.shape[:2]} and its clean image {truth.shape[:2]}.")
        found.append(Restored(name, one, truth))
    return found


def _named(folder: Path) -> dict[str, Path]:
    named = by_name(Path(folder), {".npy", *READABLE})
    for paths in named.values():
        if len(paths) > 1:
            raise ValueError(f"{paths[0]} and {paths[1]} have one name; leave one of them there.")
    return {name: paths[0] for name, paths in named.items()}


def _read(path: Path) -> NDArray[np.float32]:
    if path.suffix == ".npy":
        return as_float(np.load(path))
    with Image.open(path) as picture:
        deep = picture.mode[0] in "IF"  # 16 bits or floats
    if deep:
        return as_float(read_pixels(path))
    page = next(pages(path, colour=True))
    return as_float(page.gray if page.rgb is None else page.rgb)


def audit(
    results: Sequence[Restored], protocols: Mapping[str, Protocol] = PUBLISHED
) -> list[dict[str, Any]]:
    """Mean PSNR and SSIM of the same results under each protocol: one row each."""
    rows = []
    for name, rules in protocols.items():
        psnr = [rules.psnr(one.restored, one.clean) for one in results]
        ssim = [rules.similarity(one.restored, one.clean) for one in results]
        rows.append({"protocol": name, "psnr": float(np.mean(psnr)), "ssim": float(np.mean(ssim))})
    return rows


def switches(start: Protocol | None = None, border: int = 4) -> dict[str, Protocol]:
    """Protocols that differ from `start` in one rule of PSNR each, by what was changed."""
    start = start or Protocol()
    changes = {
        "grey with 0.144": {"gray": "0.144"},
        "grey of video": {"gray": "video"},
        "clipped" if not start.clip else "not clipped": {"clip": not start.clip},
        "rounded" if not start.eight_bits else "not rounded": {"eight_bits": not start.eight_bits},
        f"border of {border} px cut": {"border": border},
    }
    return {name: replace(start, **change) for name, change in changes.items()}


def every(border: int = 4) -> Iterator[Protocol]:
    """All combinations of the rules of PSNR."""
    for gray, clip, bits, cut in product(GRAYS, (True, False), (False, True), (0, border)):
        yield Protocol(gray, clip, bits, cut)
