"""Losses that compare a probability of paper with a binary truth, beside pixel-wise ones.

Both arguments are float tensors (B, 1, H, W) in [0, 1]; paper is 1.
"""

from torch import Tensor

__all__ = ["POLARITIES", "dice", "jaccard"]

POLARITIES = ("text", "paper")


def dice(restored: Tensor, clean: Tensor, polarity: str = "text") -> Tensor:
    """One minus the Dice overlap, averaged over the images: 0 is perfect, 1 the worst.

    Args:
        restored, clean: (B, 1, H, W).
        polarity: "text" asks how well the ink overlaps, with a smoothing of 1 that gives an empty
            page kept empty a loss of 0. "paper" is the release: on a page with little text
            nearly all of both is paper, and the loss is next to flat.

    Source: RA-GAN, the authors' code ("paper").
    """
    p, t = _positive(restored, polarity), _positive(clean, polarity)
    both, sizes = (p * t).sum(1), (p * p).sum(1) + (t * t).sum(1)
    if polarity == "paper":
        return 1 - (2 * both / (sizes + 0.0021)).mean()
    return 1 - ((2 * both + 1) / (sizes + 1)).mean()


def jaccard(restored: Tensor, clean: Tensor, polarity: str = "text") -> Tensor:
    """One minus intersection over union, over the whole batch: 0 is perfect, 1 the worst.

    Args and source as for `dice`.
    """
    p, t = _positive(restored, polarity), _positive(clean, polarity)
    both, small = (p * t).sum(), 1e-6 if polarity == "paper" else 1.0
    return 1 - (both + small) / (p.sum() + t.sum() - both + small)


def _positive(page: Tensor, polarity: str) -> Tensor:
    """What counts as the thing to find, (B, H * W)."""
    return (page if polarity == "paper" else 1 - page).flatten(1)
