"""PSNR and SSIM of grey pages, from torchmetrics, with the protocol fixed.

Figures of one name but another protocol are not comparable: a peak of 255 on pages in [0, 1], SSIM
on a uniform window, or a mean over channels each move them. So nothing is to be chosen here; the
peak alone is an argument, to show what a wrong one does.
"""

import math

import numpy as np
from numpy.typing import NDArray

from docrestore.metrics.confusion import same_size

__all__ = ["psnr_gray", "ssim_gray"]

Gray = NDArray[np.uint8] | NDArray[np.floating]

SSIM_WINDOW = 11


def psnr_gray(restored: Gray, clean: Gray, *, peak: float = 1.0) -> float:
    """PSNR, peak 1.0, of grey pages, in dB; inf where they are equal.

    Pages are (H, W), uint8 or floats in [0, 1]; ValueError otherwise. One value for all pixels.
    A `peak` other than 1 is a mistake: 127.5 is what pages in [-1, 1] with a peak of 255 come to,
    42.11 dB too much, as in a notebook that circulates with "65.96 dB".

    >>> page = np.full((4, 4), 0.5)
    >>> round(psnr_gray(page + 0.1, page), 4)
    20.0
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    return float(peak_signal_noise_ratio(*unit_tensors(restored, clean), data_range=peak))


def ssim_gray(restored: Gray, clean: Gray) -> float:
    """SSIM of grey pages: Gaussian window 11 x 11, sigma 1.5, K1 0.01, K2 0.03, peak 1.0.

    The mean of the whole map, pages mirrored at their borders. Pages as in `psnr_gray`; nan where a
    side is shorter than the window. Source: Wang et al., IEEE Trans. Image Processing 13(4), 2004.

    >>> page = np.tile(np.linspace(0, 1, 16), (16, 1))
    >>> ssim_gray(page, page)
    1.0
    """
    from torchmetrics.image import StructuralSimilarityIndexMeasure

    tensors = unit_tensors(restored, clean)
    if min(clean.shape) < SSIM_WINDOW:
        return math.nan
    return float(StructuralSimilarityIndexMeasure(sigma=1.5, data_range=1.0)(*tensors))


def unit_tensors(restored: Gray, clean: Gray):
    """Both pages as float64 tensors (1, 1, H, W) in [0, 1]; ValueError for any other."""
    import torch  # here, so that the metrics of two-level pages start without it

    pages = unit("restored", restored), unit("clean", clean)
    same_size(restored.shape, clean.shape)
    return [torch.from_numpy(page)[None, None] for page in pages]


def unit(name: str, page: Gray) -> NDArray[np.float64]:
    """The page as float64 in [0, 1]; ValueError for any other."""
    came = type(page).__name__
    if isinstance(page, np.ndarray):
        if page.ndim == 2 and page.dtype == np.uint8:
            return page / 255
        if page.ndim == 2 and in_unit(page):
            return page.astype(np.float64)
        came = f"{page.dtype} {page.shape}, or has other values"
    raise ValueError(
        f"The {name} page must be grey (H, W), uint8 or floats in [0, 1], but it is {came}: scale "
        "or convert it first."
    )


def in_unit(page: Gray) -> bool:
    """Floats, all in [0, 1] but for rounding; nan is not."""
    floats = np.issubdtype(page.dtype, np.floating)
    return bool(floats and np.all((page >= -1e-6) & (page <= 1 + 1e-6)))
