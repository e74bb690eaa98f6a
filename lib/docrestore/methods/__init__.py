"""How the parts of a paper train together. METHODS lists every preset by name."""

from collections.abc import Callable

from docrestore.methods import (
    blind,
    de_gan,
    gan2gan,
    noise_game,
    noise_pairs,
    plain,
    ra_gan,
)
from docrestore.methods.one_player import OnePlayer

METHODS: dict[str, Callable[..., OnePlayer]] = {
    "de_gan": de_gan.DEGAN,
    "de_gan-faithful": de_gan.faithful,
    "de_gan-pytorch": de_gan.pytorch_port,
    "gan2gan": gan2gan.GAN2GAN,
    "gan2gan-faithful": gan2gan.faithful,
    "gan2gan-noise": noise_game.NoiseGame,
    "gan2gan-noisier": noise_pairs.NoisierPairs,
    "gan2gan-pairs": noise_pairs.NoisePairs,
    "neighbor2neighbor": blind.Neighbor2Neighbor,
    "noise2clean": blind.noise2clean,
    "noise2clean-shuffled": blind.Noise2CleanShuffled,
    "noise2noise": blind.Noise2Noise,
    "noise2void": blind.Noise2Void,
    "plain": plain.Plain,
    "ra_gan": ra_gan.RAGAN,
    "ra_gan-faithful": ra_gan.faithful,
}
