"""Denoising without learning, at a known deviation of the noise: scikit-image's three.

Every function takes a noisy image, float32 (H, W), nominally in [0, 1], and the deviation of its
noise on that scale. Nothing is clipped.
"""

import numpy as np
from skimage import restoration

__all__ = ["DENOISERS", "nothing", "nlm", "tv", "wavelet"]


def nothing(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """The noisy image itself: what all others must beat."""
    return noisy


def nlm(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """Non-local means, patches of 5 x 5 within 13 x 13, filter strength 0.8 sigma."""
    return restoration.denoise_nl_means(
        noisy, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True
    )


def wavelet(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """Soft thresholds of BayesShrink on Daubechies-2 wavelets, over 4 x 4 shifts.

    Raises:
        ImportError: without PyWavelets, which scikit-image needs here.
    """
    return restoration.cycle_spin(
        noisy,
        func=restoration.denoise_wavelet,
        max_shifts=3,
        workers=1,
        func_kw={"sigma": sigma, "wavelet": "db2", "mode": "soft", "method": "BayesShrink"},
    )


def tv(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """Chambolle's total variation; its weight is 0.9 sigma."""
    return restoration.denoise_tv_chambolle(noisy, weight=0.9 * sigma, max_num_iter=300)


DENOISERS = {"none": nothing, "nlm": nlm, "wavelet": wavelet, "tv": tv}
