"""Over the registry, so that a new method is tested by being listed in METHODS."""

import math

import pytest
import torch
from lightning_fabric import Fabric

from docrestore.methods import METHODS
from docrestore.methods.one_player import OnePlayer
from docrestore.models import MODELS
from docrestore.training import Trainer

# Small networks, where a preset allows it, so that a processor needs no patience.
SMALL = {
    "de_gan": {
        "generator_arguments": {"widths": (8, 8, 16, 16)},
        "critic_arguments": {"width": 8},
    },
    "de_gan-faithful": {"width": 64},
    "gan2gan": {
        "start": "own",  # from the identity g3 has nothing to learn in the first step
        "generator_arguments": {"widths": (8, 16), "depth": 1},
        "back_arguments": {"widths": (8, 16), "depth": 1},
        "critic_arguments": {"width": 8},
    },
    "gan2gan-noisier": {
        "generator_arguments": {"widths": (8, 16), "depth": 1},
        "noise": MODELS["gan2gan-noise-field"](),
    },
    "gan2gan-pairs": {
        "generator_arguments": {"widths": (8, 16), "depth": 1},
        "noise": MODELS["gan2gan-noise-field"](),
    },
    "noise2clean": {"generator_arguments": {"widths": (8, 16), "depth": 1}},
    "noise2clean-shuffled": {"generator_arguments": {"widths": (8, 16), "depth": 1}},
    "plain": {"generator_arguments": {"widths": (8, 8, 16, 16)}},
    "ra_gan": {
        "generator_arguments": {"widths": (8, 8, 32, 16, 16)},
        "critic_arguments": {"width": 8},
    },
}
BARS = (torch.arange(64) % 16 > 4).float().expand(64, 64)  # ink is 0


def build(name: str) -> OnePlayer:
    """A method of the registry, small where it can be, always with the same numbers."""
    torch.manual_seed(0)
    return METHODS[name](**SMALL.get(name, {}))


@pytest.mark.parametrize("name", METHODS)
def test_a_step_trains_every_player_and_says_how_it_went(name: str) -> None:
    """Finite losses; every network with an optimiser has moved, and so has the one to be kept."""
    method = build(name)
    before = {n: [p.clone() for p in net.parameters()] for n, net in method.networks.items()}
    clean = BARS.expand(2, 1, 64, 64)
    degraded = 0.3 + 0.4 * clean.expand(2, method.channels, 64, 64) + 0.3 * torch.rand(clean.shape)
    trainer = Trainer(method, Fabric(accelerator="cpu", devices=1))
    for optimiser in method.optimisers.values():
        optimiser.param_groups[0]["lr"] = 1e-3
    noise = 0.1 * torch.randn(clean.shape)
    batch = {"degraded": degraded, "clean": clean, "second": degraded + noise, "noise": noise}
    losses = method.step(batch, trainer)
    assert losses and all(math.isfinite(value) for value in losses.values())
    for player, network in method.networks.items():
        pairs = zip(before[player], network.parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs), f"{player} did not move"


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_what_fit_and_the_card_ask_for(name: str) -> None:
    """Its players, their rates, the network to keep, and how to build that network again."""
    method = build(name)
    assert method.optimisers.keys() <= method.networks.keys()
    assert method.restorer in method.networks.values()
    assert method.channels in (1, 3)
    for player in method.optimisers:
        rates = [method.learning_rate(step, 100, player) for step in range(100)]
        assert all(rate > 0 for rate in rates)
    again = MODELS[method.model](**method.arguments).state_dict()
    kept = method.restorer.state_dict()
    assert {key: value.shape for key, value in kept.items()} == {
        key: value.shape for key, value in again.items()
    }


def test_a_method_without_a_step_says_so() -> None:
    """What a class forgot is named."""
    with pytest.raises(NotImplementedError, match="OnePlayer has no step"):
        OnePlayer("de_gan-compact", lr=1e-3).step({}, None)


def test_an_unknown_network_is_refused() -> None:
    """The sentence lists the networks that there are."""
    with pytest.raises(ValueError, match="generator must be one of de_gan, "):
        METHODS["plain"]("unet")
