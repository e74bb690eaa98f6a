"""What the GANs of this book share: a generator and a critic, each with its own optimiser."""

from collections.abc import Mapping
from typing import Any

from docrestore.methods.one_player import OnePlayer, one_of
from docrestore.models import MODELS

__all__ = ["TwoPlayers"]


class TwoPlayers(OnePlayer):
    """A generator and its critic; a method adds `step`.

    Args:
        generator, critic: names in MODELS, with their arguments.
        lr: peak learning rate of the generator.
        critic_lr: of the critic; None takes the generator's.
        beta1, warmup, decay, ema: as in OnePlayer; the first three hold for both.

    Attributes:
        networks: {"generator", "critic", "restorer"}, the last one only where ema > 0.
        optimisers: {"generator", "critic"}.
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
        one_of("critic", critic, MODELS)
        super().__init__(
            generator, generator_arguments, lr=lr, beta1=beta1, warmup=warmup, decay=decay, ema=ema
        )
        rate = lr if critic_lr is None else critic_lr
        self.add_player("critic", MODELS[critic](**critic_arguments), rate, beta1)
