"""Noisy images whose noise grows with the light, made equal for a method that knows one noise.

What the command `docrestore denoise fit --photons` does with files, for sets of noisy images.
"""

from collections.abc import Sequence

import numpy as np
from torch import nn

from docrestore.images.series.photons import Light, Photons
from docrestore.images.series.scale import Scale, usable_parts
from docrestore.noisy import NoisyImages
from docrestore.selection import denoise

__all__ = ["denoise_on", "made_equal"]


def made_equal(images: NoisyImages) -> tuple[NoisyImages, Photons]:
    """The roots of all images of one set, with its name and groups, and the scale to undo them.

    Raises:
        ValueError: if noise does not grow with the light where it was not cut off.
    """
    noisy = [one.degraded for one in images]
    parts = [part.of(one) for one in noisy for part in usable_parts(one)[0]]
    values = Scale.of(noisy, sum(one.size for one in noisy))
    scale, name = Photons.found(Light.of(parts), values), images.sets[0]
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
