"""Which figures a task is judged by, and how they are taken from one page."""

from collections.abc import Callable

import numpy as np

from docrestore import images, metrics
from docrestore.data import Pair

__all__ = ["HEADLINE", "MEANING", "PROTOCOLS", "TASK_METRICS", "measurer"]

HEADLINE = {"binarize": "fm", "clean": "psnr_gray", "deblur": "psnr_gray", "watermark": "psnr_gray"}
_GRAY = ("psnr_gray", "ssim_gray")
TASK_METRICS = {
    "binarize": ("fm", "pfm_contest", "pfm_skeleton", "psnr", "drd"),
    "clean": _GRAY,
    "deblur": _GRAY,
    "watermark": (*_GRAY, "psnr_inside", "psnr_outside", "grey_levels_outside"),
}
MEANING = metrics.PROTOCOLS | {
    "psnr_inside": "the same PSNR, of the pixels under the mark alone, dB",
    "psnr_outside": "the same PSNR, of all other pixels, dB",
    "grey_levels_outside": "mean change of all other pixels, in grey levels of 255",
}
_GRAY_PROTOCOL = "Whole grey pages in and out; PSNR with peak 1.0, the mean of the single images"
PROTOCOLS = {
    "binarize": "Whole grey pages in, two-level pages out, against the truth of the contest; "
    "the mean of the single images. The degraded page is cut at mid-grey.",
    "clean": f"{_GRAY_PROTOCOL}.",
    "deblur": f"{_GRAY_PROTOCOL}.",
    "watermark": f"{_GRAY_PROTOCOL}, on all pixels, inside the mark and outside of it.",
}


def measurer(
    task: str, pair: Pair, pseudo: bool = True
) -> Callable[[np.ndarray], dict[str, float]]:
    """A function from a restored page to its metrics; what depends on the truth is done once.

    Args:
        task: a key of PROTOCOLS. `binarize` wants bool (H, W), the grey tasks uint8 (H, W).
        pair: the page; for `watermark` its row's `mask` is the path of the mark's area, if any.
        pseudo: also the two pseudo F-measures, which take most of the time.

    Raises:
        ValueError: for an unknown task.
    """
    if task not in PROTOCOLS:
        raise ValueError(f"no task is called {task!r}; use one of {', '.join(PROTOCOLS)}.")
    if task == "binarize":
        truth = pair.clean > 127
        maps = metrics.weight_maps(truth) if pseudo else None
        return lambda restored: metrics.binarization(restored, truth, pseudo, maps=maps)
    mask = _mask(pair)

    def measure(restored: np.ndarray) -> dict[str, float]:
        row = {
            "psnr_gray": metrics.psnr_gray(restored, pair.clean),
            "ssim_gray": metrics.ssim_gray(restored, pair.clean),
        }
        if task == "watermark":
            row |= _inside_and_outside(restored, pair.clean, mask)
        return row

    return measure


def _mask(pair: Pair) -> np.ndarray | None:
    """Where the mark is, bool (H, W)."""
    if not pair.row.get("mask"):
        return None
    return images.read_gray(pair.row["mask"]) > 127


def _inside_and_outside(
    restored: np.ndarray, clean: np.ndarray, mask: np.ndarray | None
) -> dict[str, float]:
    """PSNR where the mark was; elsewhere PSNR and the mean change in grey levels of 255."""
    nan = float("nan")
    if mask is None or not mask.any() or mask.all():
        return {"psnr_inside": nan, "psnr_outside": nan, "grey_levels_outside": nan}
    change = np.abs(restored[~mask].astype(float) - clean[~mask])
    return {
        "psnr_inside": metrics.psnr_gray(restored[mask][None], clean[mask][None]),
        "psnr_outside": metrics.psnr_gray(restored[~mask][None], clean[~mask][None]),
        "grey_levels_outside": float(change.mean()),
    }
