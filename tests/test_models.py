"""Over the registry, so that a new network is tested by being listed in MODELS."""

import doctest
import inspect
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from docrestore import weights
from docrestore.models import MODELS
from docrestore.models.gan2gan import NoiseField, NoiseGenerator

# The big networks are tested at a width at which a processor needs no patience. The counts of
# the paper's own width are pinned by the doctests, which run below.
SMALL = {
    "de_gan": {"width": 64},
    "de_gan-discriminator": {"width": 8},
    "de_gan-compact": {"widths": (8, 8, 16, 16)},
    "ra_gan": {"width": 32},
    "ra_gan-discriminator": {"width": 8},
    "ra_gan-compact": {"widths": (8, 8, 32, 16, 16)},
    "dncnn": {"layers": 4},
    "gan2gan-critic": {"width": 8},
    "gan2gan-compact": {"widths": (8, 16, 16)},
}
CRITICS = [name for name in MODELS if name.endswith("discriminator")]
NOISES = [name for name in MODELS if name.endswith(("noise", "noise-field"))]
RESTORERS = [name for name in MODELS if name not in [*CRITICS, *NOISES, "gan2gan-critic"]]


def build(name: str) -> nn.Module:
    """A network of the registry, small where it can be, always with the same numbers."""
    torch.manual_seed(0)
    return MODELS[name](**SMALL.get(name, {}))


def call(network: nn.Module, page: Tensor) -> Tensor:
    """Restore a page, judge it (beside another), or make noise of its size; always the same."""
    if isinstance(network, NoiseGenerator | NoiseField):
        chance = torch.Generator().manual_seed(1)
        return network(network.draw(4, generator=chance)[: len(page)])
    wanted = len(inspect.signature(network.forward).parameters)
    return network(*[page, page.flip(-1)][:wanted])


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (17, 16), (40, 56), (64, 64)])
@pytest.mark.parametrize("name", RESTORERS)
def test_a_restorer_keeps_any_size(name: str, size: tuple[int, int]) -> None:
    """Any H and W from 1 x 1 up come back, finite; a padded edge does not change the type."""
    page = torch.rand(2, 1, *size)
    restored = build(name).eval()(page)
    assert restored.shape == page.shape
    assert restored.dtype == torch.float32
    assert torch.isfinite(restored).all()


@pytest.mark.parametrize("name", ["de_gan", "de_gan-compact", "ra_gan", "ra_gan-compact"])
def test_a_sigmoid_keeps_the_answer_in_range(name: str) -> None:
    """Probabilities of paper lie between 0 and 1, whatever comes in."""
    restored = build(name).eval()(100 * torch.randn(1, 1, 32, 32))
    assert 0 <= restored.min() and restored.max() <= 1


@pytest.mark.parametrize("name", CRITICS)
def test_a_critic_judges_patches(name: str) -> None:
    """Of 256 x 256 pixels DE-GAN's critics score 16 x 16 neighbourhoods, RA-GAN's the whole."""
    pages = torch.rand(1, 1, 256, 256)
    side = 1 if name.startswith("ra_gan") else 16
    assert build(name).eval()(pages, pages).shape == (1, 1, side, side)


@pytest.mark.parametrize("name", CRITICS)
def test_a_critic_looks_at_both_pages(name: str) -> None:
    """A critic that ignored the degraded page would make the GAN unconditional."""
    one, two = torch.rand(2, 1, 1, 64, 64)
    critic = build(name).eval()
    assert not torch.allclose(critic(one, one), critic(one, two))
    assert not torch.allclose(critic(one, one), critic(two, one))


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_every_parameter(name: str) -> None:
    """A parameter without a gradient never learns; the paper's own neck is the exception."""
    network = build(name).train()
    if name == "de_gan":
        network = MODELS[name](**SMALL[name], neck="leaky")
    call(network, torch.rand(4, 1, 64, 64)).square().mean().backward()
    silent = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("name", MODELS)
def test_a_page_does_not_depend_on_its_neighbours(name: str) -> None:
    """In eval mode the answer is the same alone and in a batch."""
    network, pages = build(name).eval(), torch.rand(3, 1, 48, 32)
    with torch.no_grad():
        together, alone = call(network, pages), call(network, pages[:1])
    assert torch.allclose(together[:1], alone, atol=1e-5)


def test_a_residual_network_that_knows_nothing_gives_the_page_back() -> None:
    """With its last layer silenced the answer is the page; without `residual` it is one grey."""
    page = torch.rand(1, 1, 50, 70)
    for residual in (True, False):
        network = MODELS["de_gan-compact"](residual=residual).eval()
        torch.nn.init.zeros_(network.out.weight)
        torch.nn.init.zeros_(network.out.bias)
        with torch.no_grad():
            answer = network(page)
        expected = page if residual else torch.full_like(page, 0.5)
        assert torch.allclose(answer, expected, atol=1 / 510)


@pytest.mark.parametrize("name", MODELS)
def test_save_and_load(name: str, tmp_path: Path) -> None:
    """A network goes through a file and comes back with the same answer and its card."""
    network, page = build(name).eval(), torch.rand(1, 1, 32, 32)
    card = {"model": name, "arguments": SMALL.get(name, {}), "task": "binarize"}
    path = weights.save_weights(tmp_path / "w.safetensors", network, card, half=False)
    again = weights.load(path)
    for key, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    with torch.no_grad():  # where numbers lie in memory moves the last bit of a sum
        assert torch.allclose(call(network, page), call(again, page), atol=1e-6)
    assert again.card["model"] == name
    assert weights.card(path)["task"] == "binarize"


@pytest.mark.parametrize("module", sorted({model.__module__ for model in MODELS.values()}))
def test_counts_and_shapes_of_the_docstrings(module: str) -> None:
    """The doctests pin parameter counts; every listed network must have one."""
    result = doctest.testmod(sys.modules[module])
    listed = [model for model in MODELS.values() if model.__module__ == module]
    assert result.failed == 0
    assert all("p.numel()" in (model.__doc__ or "") for model in listed)


def test_constructors_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """A constructor builds layers and nothing else."""
    for name in MODELS:
        build(name)
    assert capsys.readouterr() == ("", "")
