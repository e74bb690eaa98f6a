"""The two players' losses of a GAN, side by side.

A critic's score is a probability in (0, 1) unless said otherwise. Every function says which
network it trains; `fake` must be detached by the caller where only the critic learns.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["ADVERSARIAL", "bounded_hinge", "least_squares", "log"]


def log(score: Tensor, real: bool) -> Tensor:
    """Goodfellow's log loss: cross-entropy of the score against "real" or "fake".

    The critic minimises log(real, True) + log(fake, False); the generator minimises
    log(fake, True), the form that keeps its slope when the critic is winning.

    Source: DE-GAN paper, equation 1 (the authors' code uses `least_squares`).
    """
    target = torch.full_like(score, float(real))
    return F.binary_cross_entropy(score, target)


def least_squares(score: Tensor, real: bool) -> Tensor:
    """Mao's least squares: (score - 1)^2 for real, score^2 for fake. Any real score will do.

    The critic minimises both on real and fake pages; the generator minimises
    least_squares(fake, True). Source: the authors' DE-GAN code.
    """
    return (score - float(real)).square().mean()


def bounded_hinge(score: Tensor, real: bool) -> Tensor:
    """The hinge loss on a probability: max(0, 1 - score) for real, max(0, 1 + score) for fake.

    The critic minimises both. A hinge is made for scores without bounds; on one in (0, 1) it
    never stops pulling, and the sum is 2 - real + fake. RA-GAN's generator minimises the
    cross-entropy of the score against "real" instead. Source: the authors' RA-GAN code.
    """
    return F.relu(1 - score).mean() if real else F.relu(1 + score).mean()


ADVERSARIAL = {"log": log, "least_squares": least_squares, "bounded_hinge": bounded_hinge}
