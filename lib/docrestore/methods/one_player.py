"""What every method of this book has: a network, its optimiser, a schedule, a running average."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from docrestore.models import MODELS

__all__ = ["OnePlayer", "one_of"]


def one_of(word: str, value: str, known: Any) -> None:
    """Refuse a value that is not among the known ones, which the sentence lists."""
    if value not in known:
        raise ValueError(f"{word} must be one of {', '.join(known)}, got {value!r}.")


class OnePlayer:
    """A network that restores; a method adds `step`, and more players where it needs them.

    Args:
        generator: a name in MODELS, with its arguments.
        lr: peak learning rate.
        beta1: Adam's first momentum.
        warmup: steps in which lr rises to its peak, at most a fifth of all (with `decay`).
        decay: lr falls to zero along a cosine; False keeps it flat.
        ema: decay of the running average of the generator that is kept; 0 keeps the last one.

    Attributes:
        networks: {"generator", "restorer"}, the last one only where ema > 0.
        optimisers: {"generator"}.
        rates: peak learning rate of each player.

        wants: what a batch must hold beside "degraded".

    Raises:
        ValueError: for a network that MODELS does not list.
    """

    wants: Sequence[str] = ("clean",)

    def __init__(
        self,
        generator: str,
        generator_arguments: Mapping[str, Any] | None = None,
        *,
        lr: float,
        beta1: float = 0.9,
        warmup: int = 200,
        decay: bool = True,
        ema: float = 0.998,
    ) -> None:
        one_of("generator", generator, MODELS)
        self.model, self.arguments = generator, dict(generator_arguments or {})
        self.networks: dict[str, nn.Module] = {}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self.rates: dict[str, float] = {}
        self.lr, self.warmup, self.decay, self.ema = lr, warmup, decay, ema
        self.add_player("generator", MODELS[generator](**self.arguments), lr, beta1)
        self.averages: dict[str, str] = {}
        self.keep("restorer", "generator")

    def add_player(
        self,
        name: str,
        network: nn.Module,
        lr: float,
        beta1: float = 0.9,
        optimiser: str = "adam",
    ) -> None:
        """Let a network take part, with this peak learning rate and an Adam or RMSprop of its own.

        RMSprop is torch's, with its alpha of 0.99; it has no `beta1`.
        """
        one_of("optimiser", optimiser, ("adam", "rmsprop"))
        self.networks[name], self.rates[name] = network, lr
        if optimiser == "rmsprop":
            self.optimisers[name] = torch.optim.RMSprop(network.parameters(), lr)
        else:
            self.optimisers[name] = torch.optim.Adam(
                network.parameters(), lr, (beta1, 0.999), fused=True
            )

    def keep(self, average: str, network: str) -> None:
        """Let `networks[average]` be another's running average from now on, unless ema is 0."""
        if self.ema:
            self.networks[average] = deepcopy(self.networks[network]).requires_grad_(False)
            self.averages[average] = network

    @property
    def channels(self) -> int:
        """Of a page that the generator takes: 1 is grey, 3 colour."""
        return getattr(self.networks["generator"], "channels", 1)

    @property
    def restorer(self) -> nn.Module:
        """The network to keep: the generator, or its running average."""
        return self.networks.get("restorer", self.networks["generator"])

    def step(self, batch: dict[str, Tensor], trainer) -> Mapping[str, float | Tensor]:
        """Train on one batch; return the losses, which go into the log. The method's own."""
        raise NotImplementedError(f"{type(self).__name__} has no step(batch, trainer).")

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
        """Move the running averages, where there are any, a little towards their networks."""
        keep = min(self.ema, (1 + step) / (10 + step))
        for average, network in self.averages.items():
            pairs = list(
                zip(
                    self.networks[average].state_dict().values(),
                    self.networks[network].state_dict().values(),
                    strict=True,
                )
            )
            floats = [pair for pair in pairs if pair[0].is_floating_point()]
            averages, values = (list(side) for side in zip(*floats, strict=True))
            torch._foreach_lerp_(averages, values, 1 - keep)  # type: ignore[attr-defined]
            for old, now in pairs:
                if not old.is_floating_point():
                    old.copy_(now)
