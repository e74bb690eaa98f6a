"""How RA-GAN trains: a gated generator, four content losses, and a critic with a small say.

Paper    see docrestore.models.ra_gan for the networks.
Presets  `recommended` (this class's defaults: the compact network) and `faithful` (the authors'
         network, constants and losses; their data defects repaired).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from docrestore.losses.adversarial import ADVERSARIAL
from docrestore.losses.binarization import POLARITIES, dice, jaccard
from docrestore.methods.one_player import one_of
from docrestore.methods.two_players import TwoPlayers

__all__ = ["RAGAN", "faithful"]


class RAGAN(TwoPlayers):
    """One generator, one critic, `step(batch)`.

    Args:
        generator: a name in MODELS and its arguments, "ra_gan-compact" by default.
        critic: a name in MODELS, with `critic_arguments`.
        l1, bce, dice, jaccard: weights of the content losses (paper: 10, 1, 1, 1).
        polarity: of Dice and Jaccard: "text", or the release's "paper".
        adversarial: "bounded_hinge" (the authors' code), or another of ADVERSARIAL.
        adversarial_weight: weight of the critic's opinion (paper: 0.1); 0 trains without a critic.
        critic_every: the critic and its opinion take part in every n-th step (paper: 1).
        lr, critic_lr: peak learning rates (paper: 3e-5 and 1e-6).
        beta1, warmup, decay, ema: as in TwoPlayers.
    """

    def __init__(
        self,
        generator: str = "ra_gan-compact",
        generator_arguments: Mapping[str, Any] | None = None,
        critic: str = "ra_gan-discriminator",
        critic_arguments: Mapping[str, Any] | None = None,
        *,
        l1: float = 10.0,
        bce: float = 1.0,
        dice: float = 1.0,
        jaccard: float = 1.0,
        polarity: str = "text",
        adversarial: str = "bounded_hinge",
        adversarial_weight: float = 0.1,
        critic_every: int = 4,
        lr: float = 2e-3,
        critic_lr: float = 2e-4,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        one_of("polarity", polarity, POLARITIES)
        one_of("adversarial", adversarial, ADVERSARIAL)
        super().__init__(
            generator,
            generator_arguments,
            critic,
            {"width": 16} if critic_arguments is None else critic_arguments,
            lr=lr,
            critic_lr=critic_lr,
            beta1=beta1,
            warmup=warmup,
            decay=decay,
            ema=ema,
        )
        self.weights = {"l1": l1, "bce": bce, "dice": dice, "jaccard": jaccard}
        self.polarity, self.critic_every = polarity, critic_every
        self.adversarial, self.adversarial_weight = ADVERSARIAL[adversarial], adversarial_weight

    def content(self, restored: Tensor, clean: Tensor) -> dict[str, Tensor]:
        """How far a restored page is from the clean one: four losses, without their weights."""
        return {
            "l1": F.l1_loss(restored, clean),
            "bce": F.binary_cross_entropy(restored, clean),
            "dice": dice(restored, clean, self.polarity),
            "jaccard": jaccard(restored, clean, self.polarity),
        }

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, float]:
        """Train both players on one batch; return the losses.

        Args:
            batch: {"degraded": (B, 1 or 3, H, W), "clean": (B, 1, H, W)}, float32 in [0, 1].
                `degraded` may have five channels, where the guide maps were made before.
            trainer: the Trainer of docrestore.training.
        """
        degraded, clean = batch["degraded"], batch["clean"]
        page = degraded[:, :3]  # the critic sees no guide maps
        plays = self.adversarial_weight > 0 and trainer.step % self.critic_every == 0
        restored = trainer.forward("generator", degraded)
        losses = {}
        if plays:  # the critic learns first, from the page that the generator then answers for
            real = self.adversarial(trainer.forward("critic", clean, page), True)
            fake = trainer.forward("critic", restored.detach(), page)
            critic_loss = real + self.adversarial(fake, False)
            trainer.update("critic", critic_loss)
            losses["critic"] = critic_loss.item()

        content = self.content(restored, clean)
        loss = torch.stack([self.weights[name] * one for name, one in content.items()]).sum()
        if plays:
            score = trainer.forward("critic", restored, page, frozen=True)
            opinion = F.binary_cross_entropy(score, torch.ones_like(score))
            loss = loss + self.adversarial_weight * opinion
            losses["adversarial"] = opinion.item()
        trainer.update("generator", loss)
        self.average(trainer.step)
        return {name: one.item() for name, one in content.items()} | losses


def faithful(form: str = "effective") -> RAGAN:
    """The authors' network and constants: Adam 3e-5 and 1e-6, batch 4, 60 epochs, no average.

    With form="released" also their Dice and Jaccard of the paper; their data defects are repaired
    in either form.
    """
    return RAGAN(
        "ra_gan",
        {"form": form},
        critic_arguments={},
        polarity="paper" if form == "released" else "text",
        critic_every=1,
        lr=3e-5,
        critic_lr=1e-6,
        decay=False,
        ema=0.0,
    )
