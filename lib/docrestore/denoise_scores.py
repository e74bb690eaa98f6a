"""Scores of restored photographs and micrographs, as papers on denoising give them.

Both images are clipped to [0, 1]; PSNR has a peak of 1 and is averaged over images. SSIM comes in
two conventions whose values do not compare.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from docrestore.loupe import by_brightness, scene_left
from docrestore.metrics import psnr_gray, ssim_gray
from docrestore.noisy import NoisyImages
from docrestore.smooth import Smooth

__all__ = ["METRICS", "light_ratio", "means", "noise_found", "scores", "ssim_released"]

METRICS = ("psnr", "ssim", "ssim_released")


def ssim_released(restored: np.ndarray, clean: np.ndarray) -> float:
    """SSIM as GAN2GAN's release takes it: uniform 7 x 7, range that of the restored image.

    Its arguments are swapped, so that the range is max - min of what it judges. Values do not
    compare with those of `ssim_gray`. Both images are float32 (H, W) in [0, 1].
    """
    from skimage.metrics import structural_similarity

    span = float(restored.max() - restored.min()) or 1.0
    found: Any = structural_similarity(restored, clean, data_range=span)
    return float(found)


def scores(restored: Sequence[np.ndarray], images: NoisyImages) -> list[dict[str, Any]]:
    """PSNR and both SSIMs of each image, clipped to [0, 1] as every paper does."""
    rows = []
    for one, image in zip(restored, images, strict=True):
        one, clean = (part.clip(0, 1).astype(np.float32) for part in (one, image.clean))
        rows.append(
            {
                "set": image.set.removesuffix(f"-{image.row.get('noise', '')}"),
                "id": image.id,
                "psnr": round(psnr_gray(one, clean), 4),
                "ssim": round(ssim_gray(one, clean), 5),
                "ssim_released": round(ssim_released(one, clean), 5),
            }
        )
    return rows


def light_ratio(images: NoisyImages) -> float | None:
    """How many times as strong the noise is in the light as in the dark: the median of images.

    The deviation of noisy less clean in the brightest tenth of an image's pixels, by the clean
    one, over that in the darkest tenth; see `docrestore.loupe.by_brightness`. 1 for noise that does
    not ask how bright it is. Images whose dark has no noise are left out; None if that is all.
    """
    found = []
    for image in images:
        strength = by_brightness(image.degraded - image.clean, image.clean, bins=10)[1]
        if strength[:1].any():
            found.append(strength[-1] / strength[0])
    return float(np.median(found)) if found else None


def noise_found(smooth: Smooth, images: NoisyImages) -> dict[str, float]:
    """What smooth windows hold, told by the clean images: deviations in grey levels.

    Args:
        smooth: windows of these images.
        images: with clean twins.

    Returns:
        `everywhere` is of the noise of all pixels, `shown` of what the windows show, and `noise`
        and `scene` of the two parts of that.
    """
    clean = [one.clean for one in images]
    rest = [one.degraded - other for one, other in zip(images, clean, strict=True)]
    power = np.concatenate([one.ravel() for one in rest]).std()
    told = {"everywhere": power, "shown": smooth.noise().std()}
    told |= {"noise": scene_left(smooth, rest), "scene": scene_left(smooth, clean)}
    return {name: round(255 * float(one), 3) for name, one in told.items()}


def means(pages: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The mean of each set."""
    found: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(page["set"] for page in pages):
        rows = [page for page in pages if page["set"] == name]
        found[name] = {
            metric: round(sum(row[metric] for row in rows) / len(rows), 4) for metric in METRICS
        }
    return found
