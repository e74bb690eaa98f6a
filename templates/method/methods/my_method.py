"""How my network trains: pixel by pixel, and by the overlap of its ink with the true ink.

Paper    see docrestore.models.my_net.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from docrestore.losses.binarization import dice
from docrestore.methods.one_player import OnePlayer

__all__ = ["MyMethod"]


class MyMethod(OnePlayer):
    """One network, two losses, `step(batch)`.

    Args:
        generator: a name in MODELS and its arguments, "my_net" by default.
        overlap: weight of the Dice loss beside the cross-entropy.
        lr: peak learning rate.
        ema: decay of the running average that is kept; 0 keeps the last network.
    """

    def __init__(
        self,
        generator: str = "my_net",
        generator_arguments: Mapping[str, Any] | None = None,
        *,
        overlap: float = 0.5,
        lr: float = 2e-3,
        ema: float = 0.998,
    ) -> None:
        super().__init__(generator, generator_arguments, lr=lr, ema=ema)
        self.overlap = overlap

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, float]:
        """Train on one batch; return the losses, which go into the log.

        Args:
            batch: {"degraded": (B, 1, H, W), "clean": (B, 1, H, W)}, float32 in [0, 1].
            trainer: the Trainer of docrestore.training: forward passes in its precision, updates
                on all ranks alike.
        """
        restored = trainer.forward("generator", batch["degraded"])
        pixels = F.binary_cross_entropy(restored, batch["clean"])
        overlap = dice(restored, batch["clean"])
        trainer.update("generator", pixels + self.overlap * overlap)
        self.average(trainer.step)
        return {"bce": pixels.item(), "dice": overlap.item()}
