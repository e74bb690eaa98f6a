"""How good a restoration is: the field's metrics for two-level pages, and PSNR and SSIM for grey.

Two-level pages are bool (H, W), True is paper. Text (False) is the positive class: precision is the
share of the found text that is text, recall the share of the text that was found. The F-measures,
precision and recall are in percent; accuracy, IoU and NRM are in [0, 1]; PSNR is in dB; of NRM and
DRD less is better. Over a set of pages the field reports the mean of the values of single images.

What happens where a formula is 0 / 0:

=====================  =====================================================================
the pages are equal    FM, precision, recall and both pFM 100, IoU 1, NRM and DRD 0, PSNR inf;
                       two blank pages are equal
no text in the truth   else: recall and NRM nan, precision, IoU and the F-measures 0
only text in it        else: NRM nan
blank result           else: precision, recall, IoU and the F-measures 0, so that giving up
                       never raises a mean
no mixed 8 x 8 block   else: DRD nan
=====================  =====================================================================

`mean` leaves nan and inf out and says so. `jsonable` turns them into None, since JSON has neither.
"""

import math

import numpy as np
from numpy.typing import NDArray

from docrestore.metrics.confusion import Page, count
from docrestore.metrics.gray import psnr_gray, ssim_gray
from docrestore.metrics.pseudo_f import WeightMaps, pseudo_f_contest, pseudo_f_skeleton, weight_maps
from docrestore.restoring.summary import bootstrap, jsonable, mean

__all__ = [
    "PROTOCOLS",
    "accuracy",
    "binarization",
    "bootstrap",
    "drd",
    "f_measure",
    "iou",
    "jsonable",
    "mean",
    "nrm",
    "precision",
    "pseudo_f_contest",
    "pseudo_f_skeleton",
    "psnr_binary",
    "psnr_gray",
    "recall",
    "ssim_gray",
    "weight_maps",
]

PROTOCOLS = {
    "fm": "F-measure of text, %",
    "precision": "precision of text, %",
    "recall": "recall of text, %",
    "nrm": "negative rate metric",
    "accuracy": "share of right pixels",
    "iou": "intersection over union of text",
    "psnr": "PSNR of two-level pages, dB",
    "drd": "DRD, 5 x 5 window, over mixed 8 x 8 blocks",
    "pfm_contest": "pseudo F-measure, contest weights (2013), %",
    "pfm_skeleton": "pseudo F-measure, recall on the Guo-Hall skeleton (2010), %",
    "psnr_gray": "PSNR, peak 1.0, dB",
    "ssim_gray": "SSIM, Gaussian window 11 x 11, sigma 1.5, K 0.01 and 0.03, peak 1.0",
}


def precision(restored: Page, clean: Page) -> float:
    """The share of the found text that is text, in percent.

    >>> clean, restored = np.array([[0, 0, 0, 1, 1]], bool), np.array([[0, 0, 1, 0, 1]], bool)
    >>> round(precision(restored, clean), 2)
    66.67
    """
    right, false, missed, _ = count(restored, clean)
    if false + missed == 0:
        return 100.0
    return 100 * right / (right + false) if right else 0.0


def recall(restored: Page, clean: Page) -> float:
    """The share of the text that was found, in percent; nan where there was none.

    >>> clean, restored = np.array([[0, 0, 0, 0, 1]], bool), np.array([[0, 0, 1, 0, 0]], bool)
    >>> recall(restored, clean)
    75.0
    """
    right, false, missed, _ = count(restored, clean)
    if false + missed == 0:
        return 100.0
    return 100 * right / (right + missed) if right + missed else math.nan


def f_measure(restored: Page, clean: Page) -> float:
    """The harmonic mean of precision and recall, in percent (FM of the DIBCO contests).

    >>> clean, restored = np.array([[0, 0, 0, 1, 1]], bool), np.array([[0, 0, 1, 0, 1]], bool)
    >>> round(f_measure(restored, clean), 2)
    66.67
    """
    right, false, missed, _ = count(restored, clean)
    if false + missed == 0:
        return 100.0
    return 100 * 2 * right / (2 * right + false + missed)


def nrm(restored: Page, clean: Page) -> float:
    """Negative rate metric: the mean of the shares of missed text and of false text, in [0, 1].

    nan where the clean page lacks text or paper and the pages differ.

    >>> clean, restored = np.array([[0, 0, 1, 1, 1, 1]], bool), np.array([[0, 1, 0, 1, 1, 1]], bool)
    >>> nrm(restored, clean)
    0.375
    """
    right, false, missed, paper = count(restored, clean)
    if false + missed == 0:
        return 0.0
    if right + missed == 0 or false + paper == 0:
        return math.nan
    return (missed / (right + missed) + false / (false + paper)) / 2


def accuracy(restored: Page, clean: Page) -> float:
    """The share of right pixels, in [0, 1].

    >>> accuracy(np.array([[0, 1, 1, 1]], bool), np.array([[0, 0, 1, 1]], bool))
    0.75
    """
    right, _, _, paper = count(restored, clean)
    return (right + paper) / clean.size


def iou(restored: Page, clean: Page) -> float:
    """Intersection over union of the two texts, in [0, 1].

    >>> iou(np.array([[0, 1, 0, 1]], bool), np.array([[0, 0, 1, 1]], bool)) == 1 / 3
    True
    """
    right, false, missed, _ = count(restored, clean)
    return right / (right + false + missed) if false + missed else 1.0


def psnr_binary(restored: Page, clean: Page) -> float:
    """PSNR between two-level pages in dB, -10 log10(1 - accuracy); inf where they are equal.

    >>> psnr_binary(np.array([[0, 1] * 50], bool), np.array([[1, 1] + [0, 1] * 49], bool))
    20.0
    """
    _, false, missed, _ = count(restored, clean)
    return 10 * math.log10(clean.size / (false + missed)) if false + missed else math.inf


def drd_weights() -> NDArray[np.float64]:
    """The 5 x 5 weights of DRD: one over the distance to the centre, together 1.

    >>> drd_weights()[0].round(6).tolist()
    [0.025582, 0.032359, 0.036179, 0.032359, 0.025582]
    """
    away = np.hypot(*np.mgrid[-2:3, -2:3])
    inverse = np.divide(1, away, out=np.zeros_like(away), where=away > 0)
    return inverse / inverse.sum()


def drd(restored: Page, clean: Page) -> float:
    """Distance reciprocal distortion: how much the wrong pixels disturb the eye; 0 is best.

    A wrong pixel costs the weighted share of its 5 x 5 neighbours that are clean and unlike it.
    Neighbours beyond the page cost nothing. The sum is divided by the number of 8 x 8 blocks of the
    clean page that hold both text and paper; partial blocks on the right and below are not counted.
    nan where there is no such block and the pages differ. Source: Lu, Kot and Shi, IEEE Signal
    Processing Letters 11(2), 2004, as the DIBCO contests use it.

    >>> clean = np.ones((8, 8), bool)
    >>> clean[3, 2:6] = False
    >>> restored = clean.copy()
    >>> restored[3, 3] = True
    >>> round(drd(restored, clean), 6)  # 0.072357 on either side, 0.036179 two to the right
    0.180893
    """
    count(restored, clean)
    rows, columns = np.nonzero(restored != clean)
    if rows.size == 0:
        return 0.0
    height, width = clean.shape
    framed = np.pad(clean.astype(np.int8), 2, constant_values=-1)
    unlike = 1 - restored[rows, columns].astype(np.int8)
    total = 0.0
    for (y, x), weight in np.ndenumerate(drd_weights()):
        total += float(weight) * int((framed[rows + y, columns + x] == unlike).sum())
    whole = clean[: height // 8 * 8, : width // 8 * 8]
    paper = whole.reshape(height // 8, 8, width // 8, 8).sum((1, 3))
    mixed = int(((paper > 0) & (paper < 64)).sum())
    return total / mixed if mixed else math.nan


def binarization(
    restored: Page, clean: Page, pseudo: bool = True, *, maps: WeightMaps | None = None
) -> dict[str, float]:
    """All metrics of a binarized page, by the short names of PROTOCOLS.

    `pseudo=False` leaves out the two pseudo F-measures, which take about half a second a megapixel.
    `maps` as in `pseudo_f_contest`. ValueError unless both pages are bool (H, W) of one size.

    >>> page = np.array([[0, 1], [1, 1]], bool)
    >>> binarization(page, page, pseudo=False)["fm"]
    100.0
    """
    row = {
        "fm": f_measure(restored, clean),
        "precision": precision(restored, clean),
        "recall": recall(restored, clean),
        "nrm": nrm(restored, clean),
        "accuracy": accuracy(restored, clean),
        "iou": iou(restored, clean),
        "psnr": psnr_binary(restored, clean),
        "drd": drd(restored, clean),
    }
    if pseudo:
        row["pfm_contest"] = pseudo_f_contest(restored, clean, maps=maps)
        row["pfm_skeleton"] = pseudo_f_skeleton(restored, clean)
    return row
