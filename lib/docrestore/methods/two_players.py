"""What the GANs of this book share: two networks, two optimisers, a schedule, an average."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from docrestore.models import MODELS

__all__ = ["TwoPlayers", "one_of"]


def one_of(word: str, value: str, known: Any) -> None:
    """Refuse a value that is not among the known ones, which the sentence lists."""
    if value not in known:
        raise ValueError(f"{word} must be one of {', '.join(known)}, got {value!r}.")


class TwoPlayers:
    """A generator and its critic; a method adds `step`.

    Args:
        generator, critic: names in MODELS, with their arguments.
        lr: peak learning rate of the generator.
        critic_lr: of the critic; None takes the generator's.
        beta1: Adam's first momentum.
        warmup: steps in which lr rises to its peak, at most a fifth of all (with `decay`).
        decay: lr falls to zero along a cosine; False keeps it flat.
        ema: decay of the running average of the generator that is kept; 0 keeps the last one.

    Attributes:
        networks: {"generator", "critic", "restorer"}, the last one only where ema > 0.
        optimisers: {"generator", "critic"}.
        channels: of a page that the generator takes.
    """

    def __init__(
        self,
        generator: str,
        generator_arguments: Mapping[str, Any] | None,
        critic: str,
        critic_arguments: Mapping[str, Any],
        *,
        lr: float,
        critic_lr: float | None = None,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        one_of("generator", generator, MODELS)
        one_of("critic", critic, MODELS)
        self.model, self.arguments = generator, dict(generator_arguments or {})
        self.networks: dict[str, nn.Module] = {
            "generator": MODELS[generator](**self.arguments),
            "critic": MODELS[critic](**critic_arguments),
        }
        if ema:
            self.networks["restorer"] = deepcopy(self.networks["generator"]).requires_grad_(False)
        rates = {"generator": lr, "critic": lr if critic_lr is None else critic_lr}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam(self.networks[name].parameters(), rate, (beta1, 0.999))
            for name, rate in rates.items()
        }
        self.lr, self.warmup, self.decay, self.ema = lr, warmup, decay, ema
        self.rates = rates

    @property
    def channels(self) -> int:
        """Of a page that the generator takes: 1 is grey, 3 colour."""
        return getattr(self.networks["generator"], "channels", 1)

    @property
    def restorer(self) -> nn.Module:
        """The network to keep: the generator, or its running average."""
        return self.networks.get("restorer", self.networks["generator"])

    def learning_rate(self, step: int, steps: int, player: str = "generator") -> float:
        """The rate of this step: a short rise, then a cosine to zero (flat without `decay`)."""
        lr = self.rates[player]
        if not self.decay:
            return lr
        rise = min(1.0, (step + 1) / max(min(self.warmup, steps // 5), 1))
        fall = 0.5 + 0.5 * torch.cos(torch.tensor(torch.pi * step / max(steps, 1))).item()
        return lr * rise * fall

    @torch.no_grad()
    def average(self, step: int) -> None:
        """Move the running average, where there is one, a little towards the generator."""
        if not self.ema:
            return
        keep = min(self.ema, (1 + step) / (10 + step))
        pairs = zip(
            self.networks["restorer"].state_dict().values(),
            self.networks["generator"].state_dict().values(),
            strict=True,
        )
        for average, now in pairs:
            if average.is_floating_point():
                average.lerp_(now, 1 - keep)
            else:
                average.copy_(now)
