"""Which stage of a fit is kept: judged by noisy images that were held out, or by clean ones.

error     the least estimated error; see docrestore.blind_error. Our choice.
residual  what was taken away looks most like the extracted noise; see docrestore.whiteness.
clean     the least error against clean images. The released rule looks at them too: at the test
          set's, after each epoch. This one looks at those of the held-out images, after each round.
          Nobody who needs such a method has clean images: it is there to compare with.

Where no clean image is opened the first two are both told, for they may disagree, and that is worth
a look.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from docrestore import blind_error
from docrestore.inference import restore, runner
from docrestore.made_noise import sample
from docrestore.noisy import NoisyImages
from docrestore.smooth import Smooth
from docrestore.whiteness import TILE, score

__all__ = ["RULES", "denoise", "judge", "keep", "mosaic", "noise_for"]

RULES = ("error", "residual", "clean")
PATCHES = 256  # of noise that comes in patches alone
WHOLE = 512  # pixels a side, up to which a generator makes noise without a seam
TIE = 0.1  # of the root of an estimated error: so close, stages are as good


def denoise(
    network: nn.Module, images: Sequence[np.ndarray], precision: str = "auto"
) -> list[np.ndarray]:
    """Restore noisy images, each float (H, W) of any size, to float32; nothing is clipped."""
    run = runner(network, precision)
    return [restore(run, np.ascontiguousarray(image, np.float32)) for image in images]


def judge(
    network: nn.Module,
    judges: NoisyImages,
    smooth: Smooth,
    noise: nn.Module | str,
    rule: str,
    *,
    patch: int = TILE,
    precision: str = "auto",
) -> dict[str, float]:
    """How good a stage is.

    Args:
        network: its denoiser.
        judges: noisy images that it has not learnt from. Clean twins are opened by the rule
            "clean" alone.
        smooth: the windows that show the noise.
        noise: the noise generator, or "patches" for the windows themselves.
        rule: one of RULES.
        patch: side of the noise of a generator that does not make any size.
        precision: as in docrestore.training.

    Returns:
        `total` is what is to be small; by the rule "clean" there is no more. `error` is the root of
        the estimated mean square in units of 1/255, with its sign; `residual` is the sum of the
        three distances of whiteness; `residual_std` is in units of 1/255.
    """
    noisy = [image.degraded for image in judges]
    restored = denoise(network, noisy, precision)
    if rule == "clean":
        wrong = [
            float(np.square(one.clip(0, 1) - image.clean).mean())
            for one, image in zip(restored, judges, strict=True)
        ]
        return {"total": float(np.mean(np.log10(wrong)) * 10)}
    made = noise_for(noisy, smooth, noise, patch)
    error = blind_error.estimate(lambda images: denoise(network, images, precision), noisy, made)
    residuals = [one - other for one, other in zip(noisy, restored, strict=True)]
    seen = score(residuals, smooth.noise(), min(TILE, smooth.window), level=smooth.level).as_row()
    residual = seen.pop("total")
    return seen | {
        "residual": residual,
        "residual_std": 255 * float(np.mean([one.std() for one in residuals])),
        "error": 255 * math.copysign(math.sqrt(abs(error)), error),
        "total": error if rule == "error" else residual,
    }


def keep(judged: Mapping[str, Mapping[str, float]], rule: str) -> str:
    """The name of the stage to keep: the one whose `total` is least.

    Args:
        judged: stages in the order of their training, each as `judge` gives it.
        rule: the one that they were judged by. Estimated errors are right for Gaussian noise, and
            less so for rare hits; so among stages within TIE of the least the last one is kept.
            Estimated errors below zero cannot be: the noise of these images is not the one that was
            learnt, and their order says nothing. Then it is the last of all.

    >>> keep({"g2g1": {"total": 0.2}, "g2g2": {"total": 0.1}, "g2g3": {"total": 0.3}}, "error")
    'g2g2'
    >>> keep({"g2g1": {"total": 0.2}, "g2g2": {"total": 0.1}, "g2g3": {"total": 0.12}}, "error")
    'g2g3'
    >>> keep({"g2g1": {"total": -0.2}, "g2g2": {"total": 0.1}, "g2g3": {"total": 0.3}}, "error")
    'g2g3'
    """
    totals = {name: one["total"] for name, one in judged.items()}
    least = min(totals.values())
    if rule != "error":
        return min(totals, key=totals.__getitem__)
    enough = least * (1 + TIE) ** 2 if least >= 0 else math.inf
    return [name for name, total in totals.items() if total <= enough][-1]


def noise_for(
    images: Sequence[np.ndarray], smooth: Smooth, noise: nn.Module | str, patch: int
) -> list[NDArray[np.float32]]:
    """Noise for each image, of its shape, without a seam where the generator makes any size."""
    if isinstance(noise, str) or getattr(noise, "size", None):
        patches = smooth.noise(PATCHES) if isinstance(noise, str) else sample(noise, PATCHES, patch)
        return [mosaic(patches, image.shape, seed) for seed, image in enumerate(images)]
    made = []
    for seed, image in enumerate(images):
        height, width = (min(side, WHOLE) for side in image.shape)
        pieces = -(-image.shape[0] // height) * -(-image.shape[1] // width)
        made.append(mosaic(sample(noise, pieces, (height, width), seed), image.shape, seed))
    return made


def mosaic(patches: np.ndarray, shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    """Patches (N, h, w) of noise side by side, drawn by chance, as large as `shape` (H, W)."""
    count, height, width = patches.shape
    rows, columns = (-(-side // one) for side, one in zip(shape, (height, width), strict=True))
    chosen = np.random.default_rng(seed).integers(count, size=(rows, columns))
    whole = patches[chosen].swapaxes(1, 2).reshape(rows * height, columns * width)
    return np.ascontiguousarray(whole[: shape[0], : shape[1]], np.float32)
