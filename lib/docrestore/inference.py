"""Restore a page of any size with bounded memory: cut into tiles, run the network, blend.

Tiles overlap. Near an inner border a tile sees too little of the page, so its outermost pixels
count nothing there, and a ramp leads from one tile to the next. Rows of tiles are finished one
after the other, so that the memory needed grows with the width of the page and not its area.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from docrestore.devices import pick_precision, to_channels_last

GRID = 32  # pixels of the page behind one of the coarsest stage

__all__ = ["binarize", "restore", "runner"]


def runner(network: nn.Module, precision: str = "auto") -> Callable[[Tensor], Tensor]:
    """The network as a plain function in the given precision, ready for `restore`."""
    device = next(network.parameters()).device
    bf16 = pick_precision(precision, device.type) == "bf16"
    network = to_channels_last(network.eval())

    @torch.inference_mode()
    def run(tiles: Tensor) -> Tensor:
        tiles = tiles.to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return network(tiles).float().cpu()

    return run


def restore(
    network: nn.Module | Callable[[Tensor], Tensor],
    page: np.ndarray,
    *,
    tile: int = 1024,
    overlap: int = 128,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Restore one page of any height and width.

    Args:
        network: a network of MODELS, or any function (1, 1, h, w) -> (1, 1, h, w) on [0, 1].
        page: uint8 or float32 in [0, 1], shaped (H, W).
        tile: side of a tile in pixels; memory grows with its square. Best a multiple of 32.
        overlap: pixels that neighbouring tiles share.
        progress: called with the share done, 0 to 1.

    Returns:
        The soft map, of the page's type and shape: the probability of paper, or a grey page.

    Raises:
        ValueError: if the page is not two-dimensional or the overlap is not below the tile.
    """
    if page.ndim != 2 or 0 in page.shape:
        raise ValueError(f"page must be shaped (H, W) with pixels in it, got {page.shape}.")
    if tile < 2 * GRID or not 0 <= overlap <= (tile - GRID) // 2:
        raise ValueError(
            f"tile must be at least {2 * GRID} and overlap 0 to (tile - {GRID}) / 2, "
            f"got tile={tile} and overlap={overlap}."
        )
    run = runner(network) if isinstance(network, nn.Module) else network
    height, width = page.shape
    high, wide = _fit(height, tile, overlap), _fit(width, tile, overlap)
    tops, lefts = _starts(height, high, overlap), _starts(width, wide, overlap)
    result = np.empty_like(page)
    total = np.zeros((min(high, height), width), np.float32)  # of the rows in work
    weight = np.zeros_like(total)
    for row, top in enumerate(tops):
        down = _ramp(top, height, high, overlap)
        for column, left in enumerate(lefts):
            across = _ramp(left, width, wide, overlap)
            window = page[top : top + high, left : left + wide]
            soft = run(_to_tensor(window))[0, 0].numpy()
            share = down[:, None] * across
            total[: len(soft), left : left + wide] += soft * share
            weight[: len(soft), left : left + wide] += share
            if progress:
                progress((row * len(lefts) + column + 1) / (len(tops) * len(lefts)))
        done = (tops[row + 1] if row + 1 < len(tops) else height) - top
        soft = total[:done] / weight[:done]
        if page.dtype == np.uint8:  # not every network ends in a sigmoid: 1.01 is not 2
            soft = (soft * 255 + 0.5).clip(0, 255)
        result[top : top + done] = soft
        total = np.concatenate([total[done:], np.zeros_like(total[:done])])
        weight = np.concatenate([weight[done:], np.zeros_like(weight[:done])])
    return result


def _to_tensor(window: np.ndarray) -> Tensor:
    scale = 255.0 if window.dtype == np.uint8 else 1.0
    return torch.from_numpy(np.asarray(window, dtype=np.float32) / np.float32(scale))[None, None]


def _fit(side: int, tile: int, overlap: int) -> int:
    """The smallest tile that covers a side with no more tiles than `tile` needs."""
    if side <= tile:
        return tile
    count = 1 + -(-(side - tile) // ((tile - overlap) // GRID * GRID))
    return min(tile, -(-(side - overlap) // (count * GRID)) * GRID + overlap)


def _starts(side: int, tile: int, overlap: int) -> list[int]:
    """First pixels of the tiles along one side; the last tile ends at the border.

    All are multiples of GRID, so that every tile folds and pools the same pixels together.
    """
    last = -(-max(side - tile, 0) // GRID) * GRID
    return [*range(0, last, (tile - overlap) // GRID * GRID), last]


def _ramp(start: int, side: int, tile: int, overlap: int) -> np.ndarray:
    """Weights along a tile: 1 inside and at the page's border, falling to 0 at inner borders."""
    length = min(tile, side - start)
    weights = np.ones(length, np.float32)
    if overlap:
        quarter = overlap // 4
        fall = np.clip((np.arange(overlap) - quarter + 0.5) / max(overlap - 2 * quarter, 1), 0, 1)
        fall = np.maximum(fall, 1e-6).astype(np.float32)  # a pixel that only one tile sees counts
        if start > 0:
            weights[:overlap] = fall
        if start + length < side:
            weights[-overlap:] = np.minimum(weights[-overlap:], fall[::-1])
    return weights


def binarize(soft: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Paper where the soft map is at least the threshold: bool (H, W), True is paper."""
    top = 255.0 if soft.dtype == np.uint8 else 1.0
    return soft >= threshold * top
