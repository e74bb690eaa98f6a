"""Losses that compare a restored page with the clean one, pixel by pixel.

Both arguments are float tensors (B, 1, H, W) in [0, 1]; the answer is a mean over all pixels.
"bce" is for networks that end in a sigmoid: it takes the logarithm of what it is given.
"""

from torch.nn import functional as F

__all__ = ["CONTENT"]

CONTENT = {"bce": F.binary_cross_entropy, "mse": F.mse_loss, "l1": F.l1_loss}
