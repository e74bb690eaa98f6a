"""What a method's step needs from the training loop, and what the loop asks of a method."""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from docrestore.checkpoints import TrainingError

__all__ = ["Batches", "Method", "Trainer"]


class Method(Protocol):
    """What `fit` asks of a method: networks, optimisers and one step."""

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]

    def learning_rate(self, step: int, steps: int, player: str) -> float: ...  # noqa: D102
    def step(  # noqa: D102
        self, batch: dict[str, Tensor], trainer: "Trainer"
    ) -> Mapping[str, float | Tensor]: ...


class Batches(Protocol):
    """What `fit` asks of the data: the batch of a step, for one rank of several."""

    def batch(  # noqa: D102
        self, step: int, size: int, *, rank: int = 0, world: int = 1
    ) -> dict[str, Tensor]: ...


class Trainer:
    """What a method's step needs from the loop: where it stands, and how to move a network.

    Gradients are averaged over the ranks by hand. A GAN runs its critic twice or three times in
    one step and freezes it in between, which wrappers around modules do not like.

    A processor's numbers are looked at as they come. A GPU would have to stop for each look, so
    what it has seen is asked for once a line of the log: `check`.
    """

    def __init__(self, method: Method, fabric: Fabric) -> None:
        self.method, self.fabric, self.step = method, fabric, 0
        self.frozen: Mapping[str, nn.Module] = getattr(method, "frozen", {})
        self._unsound: dict[str, Tensor] = {}  # what to say, and whether it has to be said

    def forward(
        self, name: str, *inputs: Tensor, training: bool = True, frozen: bool = False
    ) -> Tensor:
        """Run a network in the run's precision; the answer is float32.

        Args:
            name: key in method.networks or method.frozen; a network of the latter is used as it
                is after training.
            inputs: float32 tensors.
            training: False switches dropout off and batch norm to its running statistics.
            frozen: let gradients pass through the network without collecting its own.
        """
        if name in self.frozen:
            network = self.frozen[name]
        else:
            network = self.method.networks[name].train(training)
        if frozen:
            network.requires_grad_(False)
        try:
            with self.fabric.autocast():
                answer = network(*inputs).float()
            whole = answer.detach().sum()
            self._look(whole, f"the {name} answers with no numbers (NaN or infinity)")
            return answer
        finally:
            if frozen:
                network.requires_grad_(True)

    def update(self, name: str | Sequence[str], loss: Tensor) -> None:
        """One optimiser step on one network, or on each of several that share a loss.

        The gradients of `loss` are averaged over the ranks.
        """
        names = [name] if isinstance(name, str) else list(name)
        self._look(loss.detach(), f"the loss of {' and '.join(names)} is {{}}")
        for one in names:
            self.method.optimisers[one].zero_grad(set_to_none=True)
        loss.backward()
        for one in names:
            if self.fabric.world_size > 1:
                for parameter in self.method.networks[one].parameters():
                    if parameter.grad is not None:
                        torch.distributed.all_reduce(parameter.grad)
                        parameter.grad /= self.fabric.world_size
            self.method.optimisers[one].step()

    def _look(self, value: Tensor, sentence: str) -> None:
        """Refuse a number that is not finite: now, or on a GPU at the next `check`."""
        if value.device.type == "cpu":
            if not math.isfinite(seen := value.item()):
                raise TrainingError(sentence.format(seen))
            return
        bad = ~torch.isfinite(value)
        self._unsound[sentence] = bad | self._unsound.get(sentence, bad)

    def check(self) -> None:
        """Raise TrainingError if a GPU has met a number that is not finite since the last check."""
        if self._unsound:
            bad = torch.stack(list(self._unsound.values())).tolist()
            sentences, self._unsound = list(self._unsound), {}
            if any(bad):
                raise TrainingError(sentences[bad.index(True)].format("not finite"))
