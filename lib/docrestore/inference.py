"""Restore a page of any size with bounded memory: cut into tiles, run the network, blend.

A network judges a pixel by what is around it, for example by whether a dark spot is a word or a
part of a large stain. So each tile is seen with a margin of the page around it. Only the middle of
that margin is used, to lead gently from one tile to the next. Rows of tiles are finished one after
the other, so that the memory needed grows with the width of the page and not its area.
"""

import copy
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from docrestore.devices import Float32, keep_memory, pick_precision, to_channels_last
from docrestore.guides import page_thresholds, tile_thresholds
from docrestore.images import to_tensor
from docrestore.models.ra_gan_fast import fast

__all__ = ["TILE", "Prepared", "binarize", "folded", "restore", "runner"]

GRID = 32  # pixels of the page behind one of the coarsest stage
TILE = 1920  # side of a tile in pixels; 2 of this area make an A4 page at 300 dpi
LARGE = 25_000_000  # pixels of a page that itself fills so much memory that tiles must be smaller
SMALL_TILE = 1008  # side of a tile of such a page


class Prepared:
    """A network's layers and what it makes of a tile before: a function for `restore`.

    Args:
        layers: the network as a function, float32 (1, channels, h, w) -> (1, 1, h, w).
        network: whose `prepare` adds guide maps to a tile; one without it takes tiles as they are.
    """

    def __init__(self, layers: Callable[[Tensor], Tensor], network: nn.Module) -> None:
        self.layers = layers
        self.prepare: Callable[..., Tensor] | None = getattr(network, "prepare", None)
        self.channels: int = getattr(network, "channels", 1)  # that it takes of a page
        self.patch: int | None = getattr(network, "patch", None)
        self.blank: float = getattr(network, "blank", 0.0)

    def __call__(self, tiles: Tensor, threshold: Tensor | None = None) -> Tensor:
        return self.layers(self.prepare(tiles, threshold) if self.prepare else tiles)

    def on(self, page: np.ndarray) -> Callable[[Tensor, int, int], Tensor]:
        """A function of a tile of this page and its first row and column.

        Guide maps are made as for the whole page. If each tile set up Otsu's windows at its own
        corner, then pixels that two tiles share would have two masks: a seam.
        """
        if self.prepare is None:
            return lambda tile, top, left: self(tile)
        thresholds = page_thresholds(page, self.patch, self.blank)

        def see(tile: Tensor, top: int, left: int) -> Tensor:
            size = (tile.shape[-2], tile.shape[-1])
            return self(tile, tile_thresholds(thresholds, self.patch, (top, left), size))

        return see


def runner(network: nn.Module, precision: str = "auto") -> Prepared:
    """The network as a plain function in the given precision, ready for `restore`.

    In bf16 the parts that a network lists as `delicate` stay in float32.
    """
    device = next(network.parameters()).device
    bf16 = pick_precision(precision, device.type) == "bf16"
    delicate = getattr(network, "delicate", ())
    network = to_channels_last(folded(network))
    for name in delicate if bf16 else ():
        part = getattr(network, name)
        several = isinstance(part, nn.ModuleList)
        setattr(network, name, nn.ModuleList(map(Float32, part)) if several else Float32(part))
    if device.type == "cpu":
        keep_memory()

    # Guide maps are made before; what the layers do first with all of that rounds it to bf16, so
    # it may as well be done here, where five channels of the page's size take half the memory.
    round_it = bf16 and hasattr(network, "prepare") and not delicate
    given = torch.bfloat16 if round_it else torch.float32

    def run(tiles: Tensor) -> Tensor:  # not @inference_mode, which would hold on to the argument
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            tiles = tiles.to(device, given).contiguous(memory_format=torch.channels_last)
            return network(tiles).float().cpu()

    return Prepared(run, network)


def folded(network: nn.Module, *, constant: bool = False) -> nn.Module:
    """A copy for use, not training: batch norms that follow a convolution are put into it.

    RA-GAN's parts are replaced by their quick forms too; for `constant` see `models.ra_gan_fast`.
    The function is the same. In bf16 it is rounded less often, and as OpenVINO rounds it, so that
    the two runtimes agree.
    """
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for group in network.modules():
        if isinstance(group, nn.Sequential):
            for i, (layer, norm) in enumerate(pairwise(group)):
                if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    group[i], group[i + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
    return fast(network, constant=constant)


def restore(
    network: nn.Module | Callable[[Tensor], Tensor],
    page: np.ndarray,
    *,
    tile: int | None = None,
    overlap: int = 320,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Restore one page of any height and width.

    Args:
        network: a network of MODELS, or any function (1, C, h, w) -> (1, 1, h, w) on [0, 1].
        page: uint8 or float32 in [0, 1], shaped (H, W), or (H, W, 3) for networks that see colour.
        tile: pixels by which tiles follow each other, if they are square. No tile of another shape
            is larger; memory grows with the square of this number. By default TILE, and
            SMALL_TILE for a page above LARGE pixels.
        overlap: pixels of page that the network sees beyond that, shared by neighbouring tiles.
        progress: called with the share done, 0 to 1.

    Returns:
        The soft map, (H, W) of the page's type: the probability of paper, or a grey page.

    Raises:
        ValueError: if the page has another shape, or the tile is too small.
    """
    if page.shape[2:] not in ((), (3,)) or page.ndim < 2 or 0 in page.shape:
        raise ValueError(
            f"page must be shaped (H, W) or (H, W, 3) with pixels in it, got {page.shape}."
        )
    if tile is None:
        tile = TILE if page.shape[0] * page.shape[1] <= LARGE else SMALL_TILE
    if tile < GRID or overlap < 0:
        raise ValueError(
            f"tile must be at least {GRID} and overlap at least 0, got tile={tile} and "
            f"overlap={overlap}."
        )
    run = runner(network) if isinstance(network, nn.Module) else network
    see = run.on(page) if isinstance(run, Prepared) else lambda tile, top, left: run(tile)
    height, width = page.shape[:2]
    tops, high, lefts, wide = _windows(height, width, tile, overlap)
    result = np.empty((height, width), page.dtype)
    ramps = [_ramp(left, width, wide, overlap) for left in lefts]
    shares = np.zeros(width, np.float32)  # of a pixel, by its column, of all tiles of a row
    for left, across in zip(lefts, ramps, strict=True):
        shares[left : left + wide] += across
    total = np.zeros((min(high, height), width), np.float32)  # of the rows in work
    weight = np.zeros((len(total), 1), np.float32)  # of a pixel by its row
    for row, top in enumerate(tops):
        down = _ramp(top, height, high, overlap)[:, None]
        weight[: len(down)] += down
        for column, (left, across) in enumerate(zip(lefts, ramps, strict=True)):
            window = page[top : top + high, left : left + wide]
            soft = see(to_tensor(window), top, left)[0, 0].numpy()
            total[: len(soft), left : left + wide] += soft * (down * across)
            if progress:
                progress((row * len(lefts) + column + 1) / (len(tops) * len(lefts)))
        done = (tops[row + 1] if row + 1 < len(tops) else height) - top
        for first in range(0, done, 64):  # few rows at once, for the sake of memory
            last = min(first + 64, done)
            soft = total[first:last] / (weight[first:last] * shares)
            if page.dtype == np.uint8:  # not every network ends in a sigmoid: 1.01 is not 2
                soft = (soft * 255 + 0.5).clip(0, 255)
            result[top + first : top + last] = soft
        for band in (total, weight):  # the rows that the next tiles add to move up
            band[:-done], band[-done:] = band[done:].copy(), 0
    return result


def _windows(
    height: int, width: int, tile: int, overlap: int
) -> tuple[list[int], int, list[int], int]:
    """First rows of the windows and their height, first columns and their width.

    Of all rows and columns of windows, each of at most (tile + overlap)^2 pixels, those that see
    the fewest pixels twice; of equal ones, those that are nearest to squares.
    """
    most, found = (tile // GRID * GRID + overlap) ** 2, []
    for rows in range(1, max(1, -(-(height - overlap) // GRID)) + 1):
        tops, high = _cut(height, rows, overlap)
        across = most // high
        if across < min(width, overlap + GRID):
            continue
        step = (across - overlap) // GRID * GRID
        columns = 1 if across >= width else -(-(width - overlap) // step)
        lefts, wide = _cut(width, columns, overlap)
        seen = (height + (len(tops) - 1) * overlap) * (width + (len(lefts) - 1) * overlap)
        found.append((seen, high + wide, (tops, high, lefts, wide)))
    return min(found)[2]


def _cut(side: int, count: int, overlap: int) -> tuple[list[int], int]:
    """First pixels of at most `count` windows along one side, and their length.

    The windows are made as small as their number allows; the last may be cut short. All start on
    multiples of GRID, so that every tile folds and pools the same pixels together.
    """
    if count == 1 or side <= overlap:
        return [0], side
    step = -(-(side - overlap) // (count * GRID)) * GRID
    return list(range(0, side - overlap, step)), step + overlap


def _ramp(start: int, side: int, length: int, overlap: int) -> np.ndarray:
    """Weights along a tile: 1 inside and at the page's border, falling to 0 at inner borders.

    The fall takes the middle eighth of the overlap; the rest only informs.
    """
    weights = np.ones(min(length, side - start), np.float32)
    if overlap:
        edge = 7 * overlap // 16
        fall = np.clip((np.arange(overlap) - edge + 0.5) / max(overlap - 2 * edge, 1), 0, 1)
        fall = np.maximum(fall, 1e-6).astype(np.float32)  # a pixel that only one tile sees counts
        if start > 0:
            weights[:overlap] = fall[: len(weights)]
        if start + length < side:
            weights[-overlap:] = np.minimum(weights[-overlap:], fall[::-1][-len(weights) :])
    return weights


def binarize(soft: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Paper where the soft map is at least the threshold: bool (H, W), True is paper."""
    top = 255.0 if soft.dtype == np.uint8 else 1.0
    return soft >= threshold * top
