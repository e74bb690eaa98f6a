"""How the parts of a paper train together. METHODS lists every preset by name."""

from collections.abc import Callable

from docrestore.methods.de_gan import DEGAN, faithful, pytorch_port

METHODS: dict[str, Callable[..., DEGAN]] = {
    "de_gan": DEGAN,
    "de_gan-faithful": faithful,
    "de_gan-pytorch": pytorch_port,
}
