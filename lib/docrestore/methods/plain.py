"""Plain supervised training: one network, one loss, no critic.

Idea     what a method must beat to have earned its parts. A network of equal size, the same pages,
         schedule and running average as the GANs; all that is missing is the critic and whatever
         else a paper adds.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from docrestore.losses.restoration import CONTENT
from docrestore.methods.one_player import OnePlayer, one_of

__all__ = ["Plain"]


class Plain(OnePlayer):
    """One network, `step(batch)`.

    Args:
        generator: any restorer of MODELS and its arguments.
        content: "bce", "mse" or "l1" between restored and clean. "bce" is for networks that end
            in a sigmoid.
        lr: peak learning rate.
        beta1, warmup, decay, ema: as in OnePlayer.
    """

    def __init__(
        self,
        generator: str = "de_gan-compact",
        generator_arguments: Mapping[str, Any] | None = None,
        *,
        content: str = "bce",
        lr: float = 2e-3,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        one_of("content", content, CONTENT)
        super().__init__(
            generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, decay=decay, ema=ema
        )
        self.content = CONTENT[content]

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, Tensor]:
        """Train on one batch; return the loss.

        Args:
            batch: {"degraded": (B, 1 or 3, H, W), "clean": (B, 1, H, W)}, float32 in [0, 1].
            trainer: the Trainer of docrestore.training.
        """
        restored = trainer.forward("generator", batch["degraded"])
        loss = self.content(restored, batch["clean"])
        trainer.update("generator", loss)
        self.average(trainer.step)
        return {"content": loss.detach()}
