"""RA-GAN's way to vary its training crops: as released, with its defects, and repaired.

Three crops in ten are turned by up to ten degrees, and every second one gets another hue,
saturation and brightness. The release made the guide maps before, and then

- turned the page, its Otsu mask and the truth, but not its Sobel map;
- filled the corners with black ink in the page and with paper in the truth;
- let brightness wrap around in 8 bits, so that bright paper, 230 * 1.2, becomes black, 20;
- cut hue at 0 (and at 255, which it never reaches), although hues are a circle of 180.

`repaired` draws the same numbers, turns page and truth alike and makes the maps afterwards, from
the page that the network sees. Both are functions of their arguments and the generator of random
numbers alone. Source: RA-GAN, the authors' code; it leaves open how pixels are interpolated when
a page is turned: here linearly in the page, by the nearest one in masks.

Pages are uint8 (H, W, 3), truths uint8 (H, W); paper is 255. Hue, saturation and value are those
of OpenCV in 8 bits: hue is half the angle, 0 to 179, the other two are 0 to 255.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv
from torch import Tensor

from docrestore.data import Crops, Pair
from docrestore.guides import PATCH, otsu_mask, sobel, with_guides
from docrestore.images import to_tensor

__all__ = ["AugmentedCrops", "released", "repaired"]

Both = tuple[Tensor, Tensor]
Augmentation = Callable[[np.ndarray, np.ndarray, np.random.Generator], Both]
Jitter = tuple[float, float, float, float]  # factors of value, saturation, hue; a shift of hue


def released(page: np.ndarray, clean: np.ndarray, rng: np.random.Generator) -> Both:
    """What the release trains on, defects included.

    Args:
        page: uint8 (H, W, 3).
        clean: its truth, uint8 (H, W).
        rng: is drawn from.

    Returns:
        (page with Otsu mask and Sobel map, truth): float32 (5, H, W) and (1, H, W) in [0, 1].
    """
    angle, jitter = _draw(rng)
    seen = to_tensor(page)
    mask, edges = otsu_mask(seen, blank=0.0), sobel(seen)
    page = _turned(page, angle, smooth=True, fill=0)
    clean = _turned(clean, angle, fill=255)
    mask = to_tensor(_turned(mask[0, 0].numpy(), angle, fill=1))
    page = _jittered(page, jitter, wrap=True)
    return torch.cat([to_tensor(page), mask, edges], dim=1)[0], to_tensor(clean)[0]


def repaired(page: np.ndarray, clean: np.ndarray, rng: np.random.Generator) -> Both:
    """The same changes without the defects; arguments and answer as for `released`.

    Corners are filled by reflection, in the page and in the truth, so that the truth goes on
    telling what is ink.
    """
    angle, jitter = _draw(rng)
    page = _jittered(_turned(page, angle, smooth=True), jitter, wrap=False)
    clean = _turned(clean, angle)
    return with_guides(to_tensor(page))[0], to_tensor(clean)[0]


class AugmentedCrops:
    """Training crops that are varied by one of the functions above; a drop-in for `data.Crops`.

    Args:
        pages: where crops are cut, in colour where they have been read so.
        augmentation: `released`, `repaired`, or another of their form.
        patch: side of a crop in pixels (paper: 256).
        seed: another seed, other crops. Two augmentations with one seed get the same windows.
    """

    def __init__(
        self,
        pages: Sequence[Pair],
        augmentation: Augmentation = repaired,
        patch: int = PATCH,
        *,
        seed: int = 0,
    ) -> None:
        self.windows = Crops(pages, patch, seed=seed, augment=False)
        self.augmentation, self.seed = augmentation, seed

    def batch(self, step: int, size: int, *, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
        """The crops of one step: {"degraded": (B, 5, H, W), "clean": (B, 1, H, W)}, float32.

        B is size / world. A pure function of its arguments, as in `data.Crops`.
        """
        pairs = []
        for index in range(rank, size, world):
            page, clean = (_bytes(side) for side in self.windows.crop(step, index))
            page = page if page.ndim == 3 else np.repeat(page[..., None], 3, axis=2)
            rng = np.random.default_rng((self.seed, step, index, 1))  # not that of the window
            pairs.append(self.augmentation(page, clean, rng))
        degraded, clean = (torch.stack(side) for side in zip(*pairs, strict=True))
        return {"degraded": degraded, "clean": clean}


def _draw(rng: np.random.Generator) -> tuple[float, Jitter | None]:
    """An angle in degrees, often 0, and as often as not a jitter."""
    angle = rng.uniform(-10, 10) if rng.random() < 0.3 else 0.0
    if rng.random() >= 0.5:
        return angle, None
    value, saturation, hue = rng.uniform(0.8, 1.2, 3).tolist()
    return angle, (value, saturation, hue, rng.uniform(-0.1, 0.1) * 255)


def _turned(
    image: np.ndarray, angle: float, *, smooth: bool = False, fill: float | None = None
) -> np.ndarray:
    """Turned about its centre, in the same size; what comes in is `fill`, or a reflection."""
    if not angle:
        return image
    mode, fill = ("reflect", 0) if fill is None else ("constant", fill)
    return ndimage.rotate(image, angle, reshape=False, order=int(smooth), mode=mode, cval=fill)


def _jittered(page: np.ndarray, jitter: Jitter | None, *, wrap: bool) -> np.ndarray:
    """uint8 (H, W, 3) in another hue, saturation and value; `wrap` has the release's overflow."""
    if jitter is None:
        return page
    more_value, more_saturation, more_hue, shift = jitter
    scale = np.array([180, 255, 255])
    hue, saturation, value = np.moveaxis(np.rint(rgb2hsv(page) * scale), 2, 0)
    hue, saturation, value = hue % 180, saturation * more_saturation, value * more_value
    if wrap:
        hue = (np.clip(hue * more_hue, 0, 255) // 1 + shift).clip(0, 255)
        value = value // 1 % 256  # a cast to 8 bits keeps the last eight
    else:
        hue, value = (hue * more_hue + shift) % 180, value.clip(0, 255)
    hsv = np.stack([hue, saturation.clip(0, 255), value], axis=2) // 1 / scale
    return _bytes(hsv2rgb(hsv))


def _bytes(image: np.ndarray) -> np.ndarray:
    """A page in [0, 1] as uint8."""
    return np.rint(image * 255).astype(np.uint8)
