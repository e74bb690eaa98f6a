"""How GAN2GAN learns from single noisy images: a noise generator first, then pairs made with it.

Paper    Cha et al., ICLR 2021. See docrestore.models.gan2gan for the networks, docrestore.smooth
         for its first stage. `GAN2GAN` is the second stage; the third,
         `NoisePairs` is in docrestore.methods.noise_pairs.
Presets  `GAN2GAN` (defaults: for a processor), `faithful` (the released constants).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docrestore.methods.one_player import OnePlayer, one_of
from docrestore.models import MODELS
from docrestore.models.gan2gan import gan_weights

__all__ = ["GAN2GAN", "faithful"]

CRITICS = ("noise_critic", "image_critic")
EPOCHS = 30  # that the released schedules think in


class GAN2GAN(OnePlayer):
    """Stage two: three networks learn to make noise, a rough estimate, and the way back.

    `noise` (g1) makes noise out of chance, `generator` (g2) a rough estimate of the clean image,
    `back` (g3) the noisy image out of that. `noise_critic` (c1) tells smooth patches from made
    noise, `image_critic` (c2) noisy images from estimates with made noise on them.

    Args:
        generator, back, noise, critic: names in MODELS with their arguments; both critics are
            alike.
        alpha, beta, gamma: weights of the critics' opinions and of the cycle (paper: 5, 1, 10).
        critic_steps: updates of each critic before one of the generators (paper: 5).
        clip: all parameters of the critics are kept in [-clip, clip] (paper: 0.02).
        fresh: new chance for each update; the paper uses the same in all eleven of a step.
        lr, critic_lr: peak learning rates (paper: 4e-4 and 5e-5).
        beta1: first momentum of the generators' three Adams (paper: 0.5). Critics have RMSprop.
        schedule: "cosine", or "released": flat for a third, then a line to a tenth, an epoch late.
            The critics' rate is constant in both.
        start: "identity" lets g2 and g3 begin by changing nothing, "gan" is the paper's
            N(0, 0.02), "own" the first weights that each network comes with.
        anchor: weight of an extra loss: means over 8 x 8 pixels of estimate and noisy image agree,
            up to what noise of mean 0 does to them. The paper has none; its game may settle on
            another contrast first.
        ema: of the rough estimator, as in OnePlayer; the noise generator is averaged alike.

    Attributes:
        networks: also "kept_noise", the average of the noise generator, where ema > 0.
    """

    wants = ("noise",)

    def __init__(
        self,
        generator: str = "gan2gan-compact",
        generator_arguments: Mapping[str, Any] | None = None,
        back: str = "gan2gan-compact",
        back_arguments: Mapping[str, Any] | None = None,
        noise: str = "gan2gan-noise-field",
        noise_arguments: Mapping[str, Any] | None = None,
        critic: str = "gan2gan-critic",
        critic_arguments: Mapping[str, Any] | None = None,
        *,
        alpha: float = 5.0,
        beta: float = 1.0,
        gamma: float = 10.0,
        critic_steps: int = 5,
        clip: float = 0.02,
        fresh: bool = False,
        lr: float = 1e-3,
        critic_lr: float = 2e-4,
        beta1: float = 0.5,
        schedule: str = "cosine",
        start: str = "identity",
        anchor: float = 0.0,
        warmup: int = 50,
        ema: float = 0.99,
    ) -> None:
        one_of("schedule", schedule, ("cosine", "released"))
        one_of("start", start, ("identity", "own", "gan"))
        for name, model in (("back", back), ("noise", noise), ("critic", critic)):
            one_of(name, model, MODELS)
        super().__init__(generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, ema=0.0)
        self.noise_model, self.noise_arguments = noise, dict(noise_arguments or {})
        self.add_player("back", MODELS[back](**(back_arguments or {})), lr, beta1)
        self.add_player("noise", MODELS[noise](**self.noise_arguments), lr, beta1)
        width = {"width": 32} if critic_arguments is None else critic_arguments
        for name in CRITICS:
            self.add_player(name, MODELS[critic](**width), critic_lr, optimiser="rmsprop")
        if start == "gan":
            for network in self.networks.values():
                gan_weights(network)
        elif start == "identity":
            for name in ("generator", "back"):
                last = [m for m in self.networks[name].modules() if isinstance(m, nn.Conv2d)][-1]
                for parameter in last.parameters():
                    nn.init.zeros_(parameter)
        self.ema = ema
        self.anchor = anchor
        self.keep("restorer", "generator")
        self.keep("kept_noise", "noise")
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self.critic_steps, self.clip, self.fresh, self.schedule = (
            critic_steps,
            clip,
            fresh,
            schedule,
        )

    @property
    def noise_network(self) -> nn.Module:
        """The noise generator to keep: the last one, or its running average."""
        return self.networks.get("kept_noise", self.networks["noise"])

    @property
    def noise_kind(self) -> tuple[str, dict[str, Any]]:
        """Name in MODELS and arguments of the noise generator."""
        return self.noise_model, self.noise_arguments

    def learning_rate(self, step: int, steps: int, player: str = "generator") -> float:
        """The rate of this step: see `schedule`."""
        if player in CRITICS:
            return self.rates[player]
        if self.schedule == "cosine":
            return super().learning_rate(step, steps, player)
        late = max(EPOCHS * step // max(steps, 1) - 1, 0)
        return self.rates[player] * (1 - max(0, late - 10) / 20)

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, Tensor]:
        """Train all five on one batch; return what a healthy game can be told by.

        Args:
            batch: {"degraded", "noise"}, float32 (B, 1, H, W); noise patches have mean 0.
            trainer: the Trainer of docrestore.training.
        """
        noisy, real = batch["degraded"], batch["noise"]
        made = self._make(noisy, trainer)
        rough = trainer.forward("generator", noisy)
        remade = rough + made
        w1 = w2 = noisy.new_zeros(())
        for _ in range(self.critic_steps):
            fake = self._make(noisy, trainer) if self.fresh else made
            w1 = judge("noise_critic", real, fake.detach(), trainer, self.clip)
        for _ in range(self.critic_steps):
            fake = rough + self._make(noisy, trainer) if self.fresh else remade
            w2 = judge("image_critic", noisy, fake.detach(), trainer, self.clip)

        noise_loss = -trainer.forward("noise_critic", made, frozen=True).mean()
        image_loss = -trainer.forward("image_critic", remade, frozen=True).mean()
        cycle = F.l1_loss(trainer.forward("back", rough), noisy)
        loss = self.alpha * noise_loss + self.beta * image_loss + self.gamma * cycle
        if self.anchor:
            apart = F.avg_pool2d(rough - noisy, 8)
            loss = loss + self.anchor * apart.square().mean()
        trainer.update(("noise", "generator", "back"), loss)
        self.average(trainer.step)
        told = {"w1": w1, "w2": w2, "cycle": cycle.detach()}
        return told | (health(real, made.detach()) if trainer.step % 10 == 0 else {})

    def _make(self, like: Tensor, trainer) -> Tensor:
        """Noise of the shape of these patches."""
        network = self.networks["noise"]
        chance = network.draw(len(like), tuple(like.shape[-2:]), device=like.device)  # type: ignore
        return trainer.forward("noise", chance)


def judge(critic: str, real: Tensor, fake: Tensor, trainer, clip: float) -> Tensor:
    """One update of a critic and its clipping; returns how far it told the two apart."""
    apart = trainer.forward(critic, real).mean() - trainer.forward(critic, fake).mean()
    trainer.update(critic, -apart)
    with torch.no_grad():
        for parameter in trainer.method.networks[critic].parameters():
            parameter.clamp_(-clip, clip)
    return apart.detach()


def health(real: Tensor, made: Tensor) -> dict[str, Tensor]:
    """Deviation x 255 and correlation with the neighbour, real and made; mean x 255 of the made."""
    return {
        "made_mean": 255 * made.mean(),
        "real_std": 255 * real.std(),
        "made_std": 255 * made.std(),
        "real_lag1": lag_one(real),
        "made_lag1": lag_one(made),
    }


def lag_one(noise: Tensor) -> Tensor:
    """Correlation of noise (..., H, W) of mean 0 with its neighbours below and to the right."""
    down = (noise[..., 1:, :] * noise[..., :-1, :]).mean()
    right = (noise[..., :, 1:] * noise[..., :, :-1]).mean()
    return (down + right) / 2 / noise.square().mean()


def faithful(
    generator: str = "dncnn",
    generator_arguments: Mapping[str, Any] | None = None,
    back: str = "dncnn",
    back_arguments: Mapping[str, Any] | None = None,
) -> GAN2GAN:
    """The released networks and constants (for CT both networks are "gan2gan-unet").

    It takes patches of 64 pixels, 64 a batch, and 30 epochs of about 625 steps.
    """
    if generator_arguments is None:
        generator_arguments = {"head": "sigmoid"} | ({"layers": 15} if generator == "dncnn" else {})
    return GAN2GAN(
        generator,
        generator_arguments,
        back,
        back_arguments,
        noise="gan2gan-noise",
        critic_arguments={},
        lr=4e-4,
        critic_lr=5e-5,
        schedule="released",
        start="gan",
        ema=0.0,
    )
