"""Look into a network: what goes into its parts and what comes out, for one page."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from docrestore.images import to_tensor

__all__ = ["watch"]


def watch(
    network: nn.Module, page: np.ndarray, parts: Sequence[str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Run a network once, in float32, and keep what passes through some of its parts.

    Args:
        network: one of MODELS; it is put into eval mode and otherwise left as it was.
        page: uint8 or float32 in [0, 1], (H, W) or (H, W, 3). It is not cut into tiles.
        parts: names from `network.named_modules()`, such as "stem" or "encode.0.body".

    Returns:
        Name -> (first input, output) of the part, (1, C, H, W) each; of the last call, where a
        part is called more than once.

    Raises:
        ValueError: for a name that the network does not have; the message lists its top parts.

    >>> found = watch(nn.Sequential(nn.ReLU()), np.float32([[-1, 1]]), ["0"])
    >>> [one.flatten().tolist() for one in found["0"]]
    [[-1.0, 1.0], [0.0, 1.0]]
    """
    named = dict(network.named_modules())
    if unknown := [name for name in parts if name not in named]:
        top = ", ".join(name for name, _ in network.named_children())
        raise ValueError(f"no part is called {unknown[0]!r}; the network has {top} and their own.")
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = [
        named[name].register_forward_hook(
            lambda _, inputs, output, name=name: seen.update({name: (inputs[0], output)})
        )
        for name in parts
    ]
    try:
        with torch.no_grad():  # not inference_mode: what is kept may be asked for gradients
            network.eval()(to_tensor(page))
    finally:
        for hook in hooks:
            hook.remove()
    return seen
