"""The third stage of GAN2GAN, and a first estimate that needs no game: pairs made with noise.

Paper    Cha et al., ICLR 2021 (`NoisePairs`). `NoisierPairs` is Moran et al., "Noisier2Noise",
         CVPR 2020, with the noise that GAN2GAN's generator has learnt instead of a known one.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docrestore import weights
from docrestore.made_noise import load_noise
from docrestore.methods.one_player import OnePlayer, one_of

__all__ = ["NoisePairs", "NoisierPairs"]


class NoisePairs(OnePlayer):
    """Stage three, one round: learn from pairs of one estimate and two makings of noise.

    source = E(Z) + noise, target = E(Z), or in the paper E(Z) + other noise; the denoiser minimises
    the mean square of what it makes of the source, less the target. Pairs are made of whole
    batches. E is fixed.

    Args:
        generator: the denoiser, a name in MODELS with its arguments.
        noise: the trained noise generator, or a file of its weights, whose unit or calibration
            is kept. "patches" takes the noise of the batch, the extracted patches themselves:
            what does the generator add to those?
        estimator: E, a network or a file of its weights. None: the batch holds estimates already,
            which is quicker where they are made once for all steps.
        noisy_target: the paper's target, with noise. Without it the target has the same mean and
            wanders less.
        schedule: "cosine" with the warm-up of OnePlayer, or "released": half after each third.
        lr, beta1, warmup, ema: as in OnePlayer (paper: 1e-3, 0.9, none, none).

    Attributes:
        frozen: {"noise", "estimator"}, as far as there are.

    Raises:
        ValueError: if no noise is given.
    """

    def __init__(
        self,
        generator: str = "gan2gan-compact",
        generator_arguments: Mapping[str, Any] | None = None,
        *,
        noise: nn.Module | str | Path | None = None,
        estimator: nn.Module | str | Path | None = None,
        noisy_target: bool = False,
        schedule: str = "cosine",
        lr: float = 2e-3,
        beta1: float = 0.9,
        warmup: int = 200,
        ema: float = 0.998,
    ) -> None:
        one_of("schedule", schedule, ("cosine", "released"))
        if noise is None:
            raise ValueError(
                "noise pairs need a noise generator: noise=weights of one, or noise=patches for "
                "the extracted patches themselves."
            )
        super().__init__(generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, ema=ema)
        self.schedule, self.noisy_target = schedule, noisy_target
        self.frozen: dict[str, nn.Module] = {}
        for name, network, read in (
            ("noise", noise, load_noise),
            ("estimator", estimator, weights.load),
        ):
            if network is not None and network != "patches":
                network = network if isinstance(network, nn.Module) else read(network)
                self.frozen[name] = network.eval().requires_grad_(False)
        self.wants = () if "noise" in self.frozen else ("noise",)

    def learning_rate(self, step: int, steps: int, player: str = "generator") -> float:
        """The rate of this step: see `schedule`."""
        if self.schedule == "cosine":
            return super().learning_rate(step, steps, player)
        return self.rates[player] * 0.5 ** (3 * step // max(steps, 1))

    @torch.no_grad()
    def pairs(self, batch: dict[str, Tensor], trainer) -> tuple[Tensor, Tensor]:
        """Source and target of a batch, each (B, 1, H, W)."""
        estimate = batch["degraded"]
        if "estimator" in self.frozen:
            estimate = trainer.forward("estimator", estimate)
        source = estimate + self._noise(estimate, batch, trainer)
        if self.noisy_target:
            return source, estimate + self._noise(estimate, batch, trainer, other=True)
        return source, estimate

    def _noise(self, like: Tensor, batch: dict[str, Tensor], trainer, *, other=False) -> Tensor:
        """Noise of the shape of these patches: made, or the batch's, `other` its next patches."""
        if "noise" not in self.frozen:
            return batch["noise"].roll(1, 0) if other else batch["noise"]
        network: Any = self.frozen["noise"]
        chance = network.draw(len(like), tuple(like.shape[-2:]), device=like.device)
        return trainer.forward("noise", chance)

    def step(self, batch: dict[str, Tensor], trainer) -> dict[str, Tensor]:
        """Train on one batch; return the loss.

        Args:
            batch: {"degraded"} and, with noise="patches", {"noise"}, float32 (B, 1, H, W).
            trainer: the Trainer of docrestore.training.
        """
        source, target = self.pairs(batch, trainer)
        loss = F.mse_loss(trainer.forward("generator", source), target)
        trainer.update("generator", loss)
        self.average(trainer.step)
        return {"content": loss.detach()}


class NoisierPairs(NoisePairs):
    """A first estimate without a game: pairs of a noisy image and made noise, added and taken away.

    source = Z + m, target = Z - m, m made noise. Who sees Z + m = x + n + m cannot tell n from m,
    so it expects as much of either, and the mean of the target x + n - m is that of x, whatever the
    law and the correlation of the noise. The answer is Noisier2Noise's, 2 E[Z | Z + m] - (Z + m),
    learnt in one go.

    So the network learns to remove the square root of two times the noise. One that works in units
    of the noise, as gan2gan-compact does, is taught with a unit so much larger, and then used with
    that of Z: the noise is as strong as it knows it, and the scene has more contrast.

    Args:
        rescale: do so. Without, the network takes away too much.
        arguments: as in NoisePairs; `unit` among those of the network is that of Z.
    """

    def __init__(self, *arguments: Any, rescale: bool = True, **more: Any) -> None:
        super().__init__(*arguments, **more)
        taught: Any = self.networks["generator"]
        self.unit = getattr(taught, "unit", None) if rescale else None
        if self.unit is not None:
            taught.unit = self.unit * 2**0.5

    @property
    def restorer(self) -> nn.Module:
        """The network to keep, in units of the noise of Z."""
        network: Any = super().restorer
        if self.unit is not None and network.unit != self.unit:
            network = deepcopy(network)
            network.unit = self.unit
        return network

    @torch.no_grad()
    def pairs(self, batch: dict[str, Tensor], trainer) -> tuple[Tensor, Tensor]:
        """Noisier images, and noisy ones less the noise that was added, each (B, 1, H, W)."""
        noisy = batch["degraded"]
        made = self._noise(noisy, batch, trainer)
        return noisy + made, noisy - made
