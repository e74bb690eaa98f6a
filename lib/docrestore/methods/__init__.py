"""How the parts of a paper train together. METHODS lists every preset by name."""

from collections.abc import Callable

from docrestore.methods import de_gan, ra_gan
from docrestore.methods.two_players import TwoPlayers

METHODS: dict[str, Callable[..., TwoPlayers]] = {
    "de_gan": de_gan.DEGAN,
    "de_gan-faithful": de_gan.faithful,
    "de_gan-pytorch": de_gan.pytorch_port,
    "ra_gan": ra_gan.RAGAN,
    "ra_gan-faithful": ra_gan.faithful,
}
