"""Pages and small networks for tests of what restores pages."""

import functools

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from docrestore import images, weights
from docrestore.models import MODELS


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)


def drawn_page(height: int = 700, width: int = 900) -> np.ndarray:
    """Toned paper with strokes of ink."""
    rng = np.random.default_rng(3)
    page = np.full((height, width), 200.0)
    page += 20 * np.sin(np.arange(width) / 90) + rng.normal(0, 5, page.shape)
    for top in range(20, height - 20, 24):
        for left in range(20, width - 20, 13):
            page[top : top + 12, left : left + int(rng.integers(2, 5))] = 60
    return page.clip(0, 255).astype(np.uint8)


def learnt(small: nn.Module) -> nn.Module:
    """A small network that has looked at a page for a moment."""
    optimiser = torch.optim.Adam(small.parameters(), 3e-3)
    page = images.to_tensor(drawn_page())
    for step in range(60):
        top, left = 64 * (step % 8), 64 * (step % 11)
        patch = page[..., top : top + 128, left : left + 128]
        loss = F.mse_loss(small(patch), (patch > 0.5).float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return small.eval().requires_grad_(False)


@functools.cache
def binarizer() -> nn.Module:
    """Shipped weights where there are some."""
    if "de_gan-binarize" in weights.names():
        return weights.load("de_gan-binarize")
    torch.manual_seed(0)
    return learnt(MODELS["de_gan-compact"](widths=(8, 16, 16)))


@functools.cache
def guided_binarizer() -> nn.Module:
    """A network with guide maps, as shipped where it is."""
    if "ra_gan-binarize" in weights.names():
        return weights.load("ra_gan-binarize")
    torch.manual_seed(0)
    return learnt(MODELS["ra_gan-compact"](widths=(8, 16, 16)))
