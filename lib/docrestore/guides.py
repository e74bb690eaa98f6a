"""The two guide maps that RA-GAN sees beside a page: Otsu's mask and Sobel's edges.

The authors wrote them into folders of files that had to be kept in step with the pages. Here they
are made in memory, from the tensor that is about to be restored, on whatever device it lies.

Pages are float tensors in [0, 1], shaped (B, 1 or 3, H, W); paper is 1.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from docrestore.images import to_tensor

__all__ = [
    "GUIDES",
    "luminance",
    "otsu_mask",
    "otsu_threshold",
    "page_threshold",
    "page_thresholds",
    "sobel",
    "tile_thresholds",
    "with_guides",
]

GUIDES = ("otsu", "sobel")
PATCH = 256  # side of the windows that RA-GAN's release thresholds one by one
BLANK = 0.12  # ink and paper whose means are nearer than this are both paper


def luminance(page: Tensor) -> Tensor:
    """(B, 3, H, W) to its luminance (B, 1, H, W) after ITU-R 601-2; one channel stays as it is."""
    if page.shape[1] == 1:
        return page
    red, green, blue = page.split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def otsu_threshold(gray: Tensor, blank: float = 0.0) -> Tensor:
    """Otsu's threshold of each image of a batch, from its 256 grey levels.

    Args:
        gray: (B, 1, H, W) in [0, 1].
        blank: where the means of the two classes are nearer than this, there is but one class:
            the threshold is -1 and all is paper, black too. Otsu always finds two, in noise too.

    Returns:
        (B, 1, 1, 1); paper is what is above it.

    Source: Otsu, "A threshold selection method from gray-level histograms", 1979.

    >>> page = torch.tensor([0.2, 0.2, 0.9, 0.9]).reshape(1, 1, 2, 2)
    >>> mask = (page > otsu_threshold(page)).flatten().tolist()
    >>> mask
    [False, False, True, True]
    >>> float(otsu_threshold(torch.full((1, 1, 2, 2), 0.7), blank=0.1))
    -1.0
    """
    return _best_cut(_histogram(gray), blank)[..., None, None].to(gray.dtype)


def page_threshold(page: np.ndarray, blank: float = 0.0) -> float:
    """Otsu's threshold, in [0, 1], of a whole page uint8 or float, (H, W) or (H, W, 3)."""
    count = torch.zeros(1, 256, dtype=torch.long)
    for band in np.array_split(page, max(1, page.shape[0] // 512)):
        count += _histogram(luminance(to_tensor(band)))
    return float(_best_cut(count, blank))


def _histogram(gray: Tensor) -> Tensor:
    """Pixels at each of 256 levels: (B, 1, H, W) in [0, 1] to int64 (B, 256).

    In float32 a count would stand still at 2^24, less than a large scan's paper.
    """
    levels = (gray.flatten(1) * 255).round().clamp(0, 255).long()  # (B, H * W)
    count = levels.new_zeros(len(gray), 256)
    return count.scatter_add_(1, levels, torch.ones_like(levels))


def _best_cut(count: Tensor, blank: float) -> Tensor:
    """The threshold of each histogram (B, 256): float32 (B, 1) in [0, 1], or -1."""
    value = torch.arange(256, device=count.device, dtype=torch.float64)
    share = count.double() / count.sum(1, keepdim=True)
    dark = share.cumsum(1)  # of the pixels at or below each level
    mass = (share * value).cumsum(1)
    mean_dark = mass / dark.clamp(min=1e-12)
    mean_bright = (mass[:, -1:] - mass) / (1 - dark).clamp(min=1e-12)
    between = dark * (1 - dark) * (mean_bright - mean_dark) ** 2
    best = between.argmax(1, keepdim=True)
    apart = (mean_bright - mean_dark).gather(1, best) / 255
    two = (apart > blank) & (between.gather(1, best) > 0)
    return ((best + 0.5) / 255).where(two, -1.0).float()


def otsu_mask(page: Tensor, patch: int | None = PATCH, blank: float = BLANK) -> Tensor:
    """1 where a page is brighter than Otsu's threshold: (B, 1, H, W).

    Args:
        page: (B, 1 or 3, H, W).
        patch: side of the windows with a threshold each (the release: 256); None takes one
            threshold for all that is there.
        blank: as in `otsu_threshold`; 0 is the release, which turns an empty window into specks.
    """
    gray = luminance(page).float()
    height, width = gray.shape[-2:]
    if patch is None or (height <= patch and width <= patch):
        return (gray > otsu_threshold(gray, blank)).to(page.dtype)
    threshold = _window_thresholds(gray, patch, blank)
    return (gray > tile_thresholds(threshold, patch, (0, 0), (height, width))).to(page.dtype)


def _window_thresholds(gray: Tensor, patch: int, blank: float) -> Tensor:
    """The threshold of each window: (B, 1, H, W) to (B, 1, windows down, windows across)."""
    height, width = gray.shape[-2:]
    padded = F.pad(gray, (0, -width % patch, 0, -height % patch), mode="replicate")
    down, across = padded.shape[-2] // patch, padded.shape[-1] // patch
    windows = padded.reshape(-1, down, patch, across, patch).transpose(2, 3)
    threshold = otsu_threshold(windows.reshape(-1, 1, patch, patch), blank)
    return threshold.reshape(-1, 1, down, across)


def page_thresholds(page: np.ndarray, patch: int | None = PATCH, blank: float = BLANK) -> Tensor:
    """The thresholds with which `otsu_mask` sees a whole page, without its memory.

    Args:
        page: uint8 or float, (H, W) or (H, W, 3).
        patch, blank: as in `otsu_mask`.

    Returns:
        float32 (1, 1, windows down, windows across); one window where `patch` is None.
    """
    if patch is None or max(page.shape[:2]) <= patch:
        return torch.full((1, 1, 1, 1), page_threshold(page, blank))
    bands = (page[top : top + patch] for top in range(0, len(page), patch))
    rows = [_window_thresholds(luminance(to_tensor(band)), patch, blank) for band in bands]
    return torch.cat(rows, dim=2)


def tile_thresholds(
    thresholds: Tensor, patch: int | None, start: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    """The threshold at every pixel of a tile, from those of the page's windows.

    Args:
        thresholds: (B, 1, windows down, windows across), see `page_thresholds`.
        patch: side of the windows; None where there is one for the page.
        start, size: (top, left) and (height, width) of the tile on the page.
    """
    if patch is None or thresholds[0, 0].numel() == 1:
        return thresholds
    down, across = (
        torch.arange(first, first + length, device=thresholds.device) // patch
        for first, length in zip(start, size, strict=True)
    )
    return thresholds[..., down[:, None], across]  # (B, 1, height, width)


def sobel(page: Tensor) -> Tensor:
    """The strength of a page's edges: the length of Sobel's gradient, cut at 1; (B, 1, H, W)."""
    gray = F.pad(luminance(page), (1, 1, 1, 1), mode="replicate")
    above, below = gray[..., :-2, :], gray[..., 2:, :]
    smooth = above + 2 * gray[..., 1:-1, :] + below
    across = smooth[..., 2:] - smooth[..., :-2]
    step = below - above
    down = step[..., :-2] + 2 * step[..., 1:-1] + step[..., 2:]
    return (across**2 + down**2).sqrt().clamp(max=1)


def with_guides(
    page: Tensor,
    guides: tuple[str, ...] = GUIDES,
    *,
    patch: int | None = PATCH,
    blank: float = BLANK,
    threshold: Tensor | float | None = None,
) -> Tensor:
    """A page in three channels, then its guide maps: (B, 3 + len(guides), H, W).

    Args:
        page: (B, 1 or 3, H, W); grey is repeated.
        guides: any of GUIDES, in the order of the channels.
        patch, blank: as in `otsu_mask`.
        threshold: of the whole page, where `page` is a tile of one, or (B, 1, H, W): it takes the
            place of Otsu's.

    Raises:
        ValueError: for an unknown guide.
    """
    if unknown := set(guides) - set(GUIDES):
        raise ValueError(f"no guide is called {min(unknown)}; use any of {', '.join(GUIDES)}.")
    maps = [page.expand(-1, 3, -1, -1)]
    for name in guides:
        if name == "sobel":
            maps.append(sobel(page))
        elif threshold is None:
            maps.append(otsu_mask(page, patch, blank))
        else:
            maps.append((luminance(page) > threshold).to(page.dtype))
    return torch.cat(maps, dim=1)
