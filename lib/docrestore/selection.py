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
PIECES, WHOLE = 16, 512  # of noise of any size: how many, and up to so many pixels a side
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
    made: Sequence[np.ndarray],
    rule: str,
    *,
    precision: str = "auto",
) -> dict[str, float]:
    """How good a stage is.

    Args:
        network: its denoiser.
        judges: noisy images that it has not learnt from. Clean twins are opened by the rule
            "clean" alone.
        smooth: the windows that show the noise.
        made: noise for each of them, see `noise_for`; the rule "clean" does not look at it.
        rule: one of RULES.
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
    images: Sequence[np.ndarray], smooth: Smooth, noise: nn.Module | str, patch: int = TILE
) -> list[NDArray[np.float32]]:
    """Noise for each image, of its shape (H, W).

    Args:
        images: (H, W) each.
        smooth: the windows that show the noise.
        noise: the noise generator, or "patches" for the windows themselves. One that makes any
            size makes pieces of up to WHOLE pixels a side, so that few images get a seam.
        patch: side of the noise of a generator that does not.
    """
    if isinstance(noise, str):
        pool = np.random.default_rng(0).permutation(smooth.noise(PATCHES))  # not smoothest first
    elif getattr(noise, "size", None):
        pool = sample(noise, PATCHES, patch)
    else:
        height, width = (min(WHOLE, max(one.shape[axis] for one in images)) for axis in (0, 1))
        pool = sample(noise, PIECES, (height, width))
    first = np.cumsum([0, *(_pieces(pool, image.shape).size for image in images)])
    return [mosaic(pool, one.shape, int(at)) for one, at in zip(images, first[:-1], strict=True)]


def mosaic(pool: np.ndarray, shape: tuple[int, ...], first: int = 0) -> NDArray[np.float32]:
    """Pieces (N, h, w) of noise side by side from the `first` on, as large as `shape` (H, W).

    After the last piece comes the first again.
    """
    chosen = (first + _pieces(pool, shape)) % len(pool)
    (rows, columns), (height, width) = chosen.shape, pool.shape[1:]
    whole = pool[chosen].swapaxes(1, 2).reshape(rows * height, columns * width)
    return np.ascontiguousarray(whole[: shape[0], : shape[1]], np.float32)


def _pieces(pool: np.ndarray, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The numbers 0, 1, ... of the pieces that cover `shape`, in rows and columns."""
    rows, columns = (-(-side // one) for side, one in zip(shape, pool.shape[1:], strict=True))
    return np.arange(rows * columns).reshape(rows, columns)
