"""How DE-GAN trains: a generator against a patch critic, tied to the truth by a content loss.

Paper    Souibgui and Kessentini, TPAMI 2022. See docrestore.models.de_gan for the networks.
Presets  `recommended` (this class's defaults), `faithful` (the authors' constants, their data
         defects repaired) and `pytorch_port` (the variant that circulates as a PyTorch port).
"""

import torch
from torch import Tensor

from docrestore.losses.adversarial import ADVERSARIAL
from docrestore.losses.restoration import CONTENT
from docrestore.methods.one_player import one_of
from docrestore.methods.two_players import TwoPlayers

__all__ = ["DEGAN", "faithful", "pytorch_port"]


class DEGAN(TwoPlayers):
    """One generator, one critic, `step(batch)`.

    Args:
        generator: a name in MODELS and its arguments, "de_gan-compact" by default.
        critic: a name in MODELS, with `critic_arguments`.
        adversarial: "least_squares" (the authors' code) or "log" (their paper).
        adversarial_weight: weight of the critic's opinion in the generator's loss.
        content: "bce", "mse" or "l1" between restored and clean.
        content_weight: (paper: 500; the authors' code: 100).
        critic_weight: weight of each half of the critic's loss (the authors' code: 1).
        critic_every: the critic and its opinion take part in every n-th step. 1 is the paper;
            4 saves a third of the time for small generators.
        critic_together: one critic update on real and fake; False makes two, as the authors do.
        condition: what the critic sees beside the candidate in the generator's step. "clean" is
            the PyTorch port's bug; "degraded" is right.
        lr: peak learning rate of both players.
        beta1, warmup, decay, ema: as in TwoPlayers.
    """

    def __init__(
        self,
        generator: str = "de_gan-compact",
        generator_arguments: dict | None = None,
        critic: str = "de_gan-discriminator",
        critic_arguments: dict | None = None,
        *,
        adversarial: str = "least_squares",
        adversarial_weight: float = 1.0,
        content: str = "bce",
        content_weight: float = 500.0,
        critic_weight: float = 0.5,
        critic_every: int = 4,
        critic_together: bool = True,
        condition: str = "degraded",
        lr: float = 2e-3,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        one_of("adversarial", adversarial, ADVERSARIAL)
        one_of("content", content, CONTENT)
        one_of("condition", condition, ("degraded", "clean"))
        super().__init__(
            generator,
            generator_arguments,
            critic,
            {"width": 16} if critic_arguments is None else critic_arguments,
            lr=lr,
            beta1=beta1,
            warmup=warmup,
            decay=decay,
            ema=ema,
        )
        self.adversarial, self.adversarial_weight = ADVERSARIAL[adversarial], adversarial_weight
        self.content, self.content_weight = CONTENT[content], content_weight
        self.critic_weight, self.critic_every = critic_weight, critic_every
        self.critic_together, self.condition = critic_together, condition

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, float]:
        """Train both players on one batch; return the losses.

        Args:
            batch: {"degraded", "clean"}, each float32 (B, 1, H, W) in [0, 1].
            trainer: the Trainer of docrestore.training: forward passes in its precision, updates
                on all ranks alike.
        """
        degraded, clean = batch["degraded"], batch["clean"]
        plays = trainer.step % self.critic_every == 0
        losses = {}
        if plays:
            losses["critic"] = self._critic_step(degraded, clean, trainer)

        restored = trainer.forward("generator", degraded)
        content = self.content(restored, clean)
        loss = self.content_weight * content
        if plays:
            condition = degraded if self.condition == "degraded" else clean
            score = trainer.forward("critic", restored, condition, frozen=True)
            adversarial = self.adversarial(score, True)
            loss = loss + self.adversarial_weight * adversarial
            losses["adversarial"] = adversarial.item()
        trainer.update("generator", loss)
        self.average(trainer.step)
        return {"content": content.item(), **losses}

    def _critic_step(self, degraded: Tensor, clean: Tensor, trainer) -> float:
        """Teach the critic: the clean page is real, the restored one is fake."""
        with torch.no_grad():  # this fake teaches the critic alone
            fake = trainer.forward("generator", degraded, training=False)
        real_loss = self.adversarial(trainer.forward("critic", clean, degraded), True)
        if not self.critic_together:
            trainer.update("critic", self.critic_weight * real_loss)
        fake_loss = self.adversarial(trainer.forward("critic", fake, degraded), False)
        loss = fake_loss + real_loss if self.critic_together else fake_loss
        trainer.update("critic", self.critic_weight * loss)
        return (real_loss + fake_loss).item() / 2


def faithful(width: int = 1024) -> DEGAN:
    """The authors' constants with only the data defects repaired (1e-4, BCE x 100, batch 1)."""
    return DEGAN(
        "de_gan",
        {"width": width, "neck": "relu"},
        critic_arguments={},
        content_weight=100.0,
        critic_weight=1.0,
        critic_every=1,
        critic_together=False,
        lr=1e-4,
        decay=False,
        ema=0.0,
    )


def pytorch_port(condition: str = "clean") -> DEGAN:
    """The PyTorch port: MSE x 500, Adam 2e-4 (0.5, 0.999), and its condition bug by default."""
    return DEGAN(
        "de_gan-pytorch",
        critic="de_gan-pytorch-discriminator",
        critic_arguments={},
        content="mse",
        condition=condition,
        critic_every=1,
        lr=2e-4,
        beta1=0.5,
        decay=False,
        ema=0.0,
    )
