"""Learn to make noise alone: stage two of GAN2GAN without its rough denoiser, for processors.

Idea     our own. In the paper's game five networks play for hours, and the noise generator is what
         stage three lives on. Here it plays alone, or against one critic; two things that a critic
         finds out slowly are told at once: the histogram of the noise and its autocorrelation. So
         by default there is no critic at all.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from docrestore.methods.gan2gan import health, judge
from docrestore.methods.one_player import OnePlayer, one_of
from docrestore.models import MODELS

__all__ = ["NoiseGame", "autocorrelation_distance", "less_plane", "value_distance"]


class NoiseGame(OnePlayer):
    """A noise generator, two distances and a critic, `step(batch)`.

    Args:
        generator: a noise generator of MODELS and its arguments.
        critic, critic_arguments: its critic.
        alpha: weight of the critic's opinion; 0 plays without one.
        match: weight of the two distances; 0 is the bare game.
        critic_steps, clip, critic_lr: as in GAN2GAN.
        unit: real noise is divided by this first, and what is made is to be multiplied by it. The
            generator begins with noise of about 0.1, and other noise is learnt more slowly.
        lr, beta1, warmup, ema: as in OnePlayer.
    """

    wants = ("noise",)

    def __init__(
        self,
        generator: str = "gan2gan-noise-field",
        generator_arguments: Mapping[str, Any] | None = None,
        critic: str = "gan2gan-critic",
        critic_arguments: Mapping[str, Any] | None = None,
        *,
        alpha: float = 0.0,
        match: float = 1.0,
        critic_steps: int = 1,
        clip: float = 0.02,
        unit: float = 1.0,
        lr: float = 4e-3,
        critic_lr: float = 2e-4,
        beta1: float = 0.9,
        warmup: int = 20,
        ema: float = 0.98,
    ) -> None:
        one_of("critic", critic, MODELS)
        super().__init__(generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, ema=ema)
        if alpha:
            width = {"width": 32} if critic_arguments is None else critic_arguments
            network = MODELS[critic](**width)
            self.add_player("noise_critic", network, critic_lr, optimiser="rmsprop")
        self.alpha, self.match, self.unit = alpha, match, unit
        self.critic_steps, self.clip = critic_steps, clip

    @property
    def noise_network(self) -> nn.Module:
        """The noise generator to keep."""
        return self.restorer

    @property
    def noise_kind(self) -> tuple[str, dict[str, Any]]:
        """Name in MODELS and arguments of the noise generator."""
        return self.model, self.arguments

    def learning_rate(self, step: int, steps: int, player: str = "generator") -> float:
        """A cosine for the generator, a constant for the critic."""
        if player == "noise_critic":
            return self.rates[player]
        return super().learning_rate(step, steps, player)

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, Tensor]:
        """Train on one batch; return the distances and the state of the noise.

        Args:
            batch: {"noise"}, float32 (B, 1, H, W), each of mean 0.
            trainer: the Trainer of docrestore.training.
        """
        real = batch["noise"] / self.unit
        draw = self.networks["generator"].draw
        chance = draw(len(real), tuple(real.shape[-2:]), device=real.device)  # type: ignore
        made = trainer.forward("generator", chance)
        told, loss = {}, made.new_zeros(())
        if self.alpha:
            for _ in range(self.critic_steps):
                told["w1"] = judge("noise_critic", real, made.detach(), trainer, self.clip)
            loss = -self.alpha * trainer.forward("noise_critic", made, frozen=True).mean()
        if self.match:
            values = value_distance(less_plane(made), less_plane(real))
            likeness = autocorrelation_distance(made, real)
            told |= {"values": values.detach(), "autocorrelation": likeness.detach()}
            loss = loss + self.match * (values + likeness)
        trainer.update("generator", loss)
        self.average(trainer.step)
        return told | (
            health(self.unit * less_plane(real), self.unit * less_plane(made.detach()))
            if trainer.step % 10 == 0
            else {}
        )


def less_plane(noise: Tensor) -> Tensor:
    """Patches (..., H, W) less their mean and slopes, as docrestore.smooth.levelled does it."""
    noise = noise - noise.mean((-2, -1), keepdim=True)
    for axis in (-2, -1):
        side = noise.shape[axis]
        ramp = torch.arange(side, dtype=noise.dtype, device=noise.device) - (side - 1) / 2
        ramp = ramp[:, None] if axis == -2 else ramp
        noise = noise - ramp * (noise * ramp).mean((-2, -1), keepdim=True) * 12 / (side**2 - 1)
    return noise


def value_distance(made: Tensor, real: Tensor) -> Tensor:
    """Wasserstein distance of all values of two batches (B, 1, H, W), in deviations of `real`."""
    apart = made.flatten().sort().values - real.flatten().sort().values
    return apart.abs().mean() / real.std()


def autocorrelation_distance(made: Tensor, real: Tensor) -> Tensor:
    """Root of the energy of the difference of two autocorrelations, each 1 at 0, both (B, 1, H, W).

    Patches are taken as periodic, and less the plane that is nearest to them: what slow waves lose
    by that where noise is extracted, made noise must lose too.
    """
    found = []
    for noise in (less_plane(made), less_plane(real)):
        power = torch.fft.rfft2(noise, norm="ortho").abs().square().mean((0, 1))
        found.append(torch.fft.irfft2(power, s=noise.shape[-2:]) / noise.square().mean())
    return ((found[0] - found[1]).square().sum() + 1e-8).sqrt()
