"""How the parts of a paper train together. METHODS lists every preset by name."""

from collections.abc import Callable

from docrestore.methods import de_gan, plain, ra_gan
from docrestore.methods.one_player import OnePlayer

METHODS: dict[str, Callable[..., OnePlayer]] = {
    "de_gan": de_gan.DEGAN,
    "de_gan-faithful": de_gan.faithful,
    "de_gan-pytorch": de_gan.pytorch_port,
    "plain": plain.Plain,
    "ra_gan": ra_gan.RAGAN,
    "ra_gan-faithful": ra_gan.faithful,
}
