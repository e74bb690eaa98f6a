"""Noisy images whose noise grows with the light, made equal for a method that knows one noise.

What the command `docrestore denoise fit --photons` does with files, for sets of noisy images.
"""

from collections.abc import Sequence

import numpy as np
from torch import nn

from docrestore.images.series.photons import Photons, zero_light
from docrestore.images.series.scale import Scale
from docrestore.noisy import NoisyImages
from docrestore.selection import denoise

__all__ = ["denoise_on", "made_equal"]


def made_equal(images: NoisyImages) -> tuple[NoisyImages, Photons]:
    """The roots of all images of one set, with its name and groups, and the scale to undo them.

    Raises:
        ValueError: if noise that grows with the light is not seen in them.
    """
    noisy = [one.degraded for one in images]
    name, zero = images.sets[0], zero_light(noisy)
    if zero is None:
        raise ValueError(f"noise that grows with the light is not seen in {name}.")
    scale = Photons.of(noisy, sum(one.size for one in noisy), zero)
    made = NoisyImages.of([scale.to_unit(one) for one in noisy], [one.id for one in images], name)
    for row, old in zip(made.rows, images.rows, strict=True):
        row["group"] = old.get("group", "")
    return made, scale


def denoise_on(
    scale: Scale | None, network: nn.Module, images: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """As `selection.denoise`, for a network that was taught on a scale; None is that of images."""
    if scale is None:
        return denoise(network, images)
    restored = denoise(network, [scale.to_unit(one) for one in images])
    return [scale.from_unit(one).astype(np.float32) for one in restored]
