"""How RA-GAN's two players train: who moves in a step, what is weighed how, and that it learns."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from docrestore import metrics
from docrestore.losses.adversarial import bounded_hinge
from docrestore.losses.binarization import dice, jaccard
from docrestore.methods.ra_gan import RAGAN, faithful
from docrestore.training import Trainer

SMALL = {
    "generator_arguments": {"widths": (8, 8, 16, 16, 16)},
    "critic_arguments": {"width": 8},
}


def strokes(pages: int = 2, size: int = 64) -> dict[str, Tensor]:
    """Dark strokes on toned, uneven paper: {"degraded" (B, 3, H, W), "clean" (B, 1, H, W)}."""
    torch.manual_seed(1)
    clean = torch.ones(pages, 1, size, size)
    for index, page in enumerate(clean):
        for top in range(4 + index, size - 8, 12):
            page[0, top : top + 3, 6 + 2 * index : size - 6] = 0
            for left in range(10, size - 8, 9):
                page[0, top : top + 8, left : left + 3] = 0
    tone = torch.tensor([0.9, 0.8, 0.6]).reshape(1, 3, 1, 1) * torch.linspace(0.6, 1, size)
    grain = 0.04 * torch.randn(pages, 3, size, size)
    return {"degraded": (tone * (0.35 + 0.65 * clean) + grain).clamp(0, 1), "clean": clean}


def trainer(method: RAGAN) -> Trainer:
    return Trainer(method, Fabric(accelerator="cpu", devices=1))


def changed(method: RAGAN, batch: dict[str, Tensor], step: int = 0) -> tuple[set[str], set[str]]:
    """Which networks a step moves, and which losses it reports."""
    state = {k: [p.clone() for p in n.parameters()] for k, n in method.networks.items()}
    player = trainer(method)
    player.step = step
    losses = method.step(batch, player)
    moved = {
        name
        for name, network in method.networks.items()
        if not all(
            torch.equal(a, b) for a, b in zip(state[name], network.parameters(), strict=True)
        )
    }
    return moved, set(losses)


CONTENT = {"l1", "bce", "dice", "jaccard"}
PLAYED = {"critic", "adversarial"}
NOTHING = dict.fromkeys(CONTENT, 0.0)  # weights


@pytest.mark.parametrize(
    ("how", "step", "moved", "losses"),
    [
        ({}, 0, {"generator", "critic", "restorer"}, CONTENT | PLAYED),
        ({}, 1, {"generator", "restorer"}, CONTENT),
        ({"critic_every": 1}, 1, {"generator", "critic", "restorer"}, CONTENT | PLAYED),
        ({"adversarial_weight": 0.0}, 0, {"generator", "restorer"}, CONTENT),
        ({"adversarial": "log", "ema": 0.0}, 0, {"generator", "critic"}, CONTENT | PLAYED),
        ({**NOTHING, "adversarial_weight": 0.0}, 0, set(), CONTENT),
        ({**NOTHING, "ema": 0.0}, 0, {"generator", "critic"}, CONTENT | PLAYED),
    ],
)
def test_a_step_trains_who_plays(how: dict, step: int, moved: set[str], losses: set[str]) -> None:
    """The critic plays in every n-th step, and never where its opinion has no weight."""
    torch.manual_seed(0)
    assert changed(RAGAN(**SMALL, **how), strokes(2, 32), step) == (moved, losses)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_step_takes_grey_colour_and_pages_with_their_maps(channels: int) -> None:
    """The critic is never shown the maps."""
    torch.manual_seed(0)
    method, batch = RAGAN(**SMALL), strokes(2, 32)
    if channels == 5:
        batch["degraded"] = method.networks["generator"].prepare(batch["degraded"])
    batch["degraded"] = batch["degraded"][:, :channels]
    seen = []
    method.networks["critic"].register_forward_hook(lambda _, inputs, out: seen.append(inputs[1]))
    assert set(method.step(batch, trainer(method))) == CONTENT | PLAYED
    assert len(seen) == 3
    assert all(torch.equal(page, batch["degraded"][:, :3]) for page in seen)


def test_the_content_losses_are_weighed_as_the_paper_does() -> None:
    """10 L1 + BCE + Dice + Jaccard, each measured on the same page."""
    torch.manual_seed(0)
    method, batch = RAGAN(**SMALL), strokes(2, 32)
    assert method.weights == {"l1": 10.0, "bce": 1.0, "dice": 1.0, "jaccard": 1.0}
    assert method.adversarial_weight == 0.1 and method.adversarial is bounded_hinge
    clean, restored = batch["clean"], batch["clean"] * 0.8 + 0.1
    content = method.content(restored, clean)
    assert content["l1"].item() == pytest.approx(0.1, abs=1e-6)
    assert content["bce"].item() == pytest.approx(0.10536, abs=1e-4)  # -ln 0.9
    assert content["dice"] == dice(restored, clean, "text")
    assert content["jaccard"] == jaccard(restored, clean, "text")


@pytest.mark.parametrize("form", ["effective", "released"])
def test_faithful_has_the_authors_constants(form: str) -> None:
    """Adam 3e-5 and 1e-6 (0.9, 0.999), flat; every step a game; no average."""
    with torch.device("meta"):
        method = faithful(form)
    assert {
        name: sum(p.numel() for p in network.parameters())
        for name, network in method.networks.items()
    } == {
        "generator": 26_163_786 if form == "released" else 26_138_570,
        "critic": 6_320_385,
    }
    for name, lr in (("generator", 3e-5), ("critic", 1e-6)):
        group = method.optimisers[name].param_groups[0]
        assert (group["lr"], group["betas"]) == (lr, (0.9, 0.999))
        assert {method.learning_rate(step, 100, name) for step in (0, 50, 99)} == {lr}
    assert method.weights == {"l1": 10.0, "bce": 1.0, "dice": 1.0, "jaccard": 1.0}
    assert (method.adversarial_weight, method.critic_every) == (0.1, 1)
    assert method.adversarial is bounded_hinge
    assert method.polarity == ("paper" if form == "released" else "text")
    assert (method.model, method.arguments) == ("ra_gan", {"form": form})


def test_unknown_words_are_refused() -> None:
    with pytest.raises(ValueError, match="polarity must be one of text, paper, got 'ink'"):
        RAGAN(polarity="ink")
    with pytest.raises(ValueError, match="adversarial must be one of log, .*, got 'hinge'"):
        RAGAN(adversarial="hinge")


def test_it_learns_four_tiles_by_heart() -> None:
    """F-measure over 98 on each after some steps of the whole game, critic included."""
    torch.manual_seed(0)
    method = RAGAN(**SMALL, ema=0.0, lr=1e-2)
    batch, play, steps = strokes(4, 48), trainer(method), 60
    for play.step in range(steps):
        for name, optimiser in method.optimisers.items():
            optimiser.param_groups[0]["lr"] = method.learning_rate(play.step, steps, name)
        method.step(batch, play)
    with torch.no_grad():
        restored = method.restorer.eval()(batch["degraded"]) >= 0.5
    pairs = zip(restored[:, 0].numpy(), batch["clean"][:, 0].numpy() > 0.5, strict=True)
    assert min(metrics.f_measure(found, wanted) for found, wanted in pairs) > 98
