"""How DE-GAN trains, and the defects of its released code.

Each defect is reproduced by one option and absent without it: a test fails when the repair is
taken out.
"""

import io
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from docrestore import images, weights
from docrestore.data import Crops, Pair, grid_patches
from docrestore.losses.adversarial import least_squares
from docrestore.methods.de_gan import DEGAN, faithful, pytorch_port
from docrestore.metrics import psnr_gray
from docrestore.models import MODELS
from docrestore.models.de_gan import Generator
from docrestore.training import Trainer, fit

SMALL = {"generator_arguments": {"widths": (8, 8, 16, 16)}, "critic_arguments": {"width": 8}}


class Witness(Trainer):
    """A trainer that notes who was asked what, and who was updated."""

    def __init__(self, method: DEGAN) -> None:
        super().__init__(method, Fabric(accelerator="cpu", devices=1))
        self.calls: list[tuple[str, tuple[Tensor, ...], dict[str, bool]]] = []
        self.updates: list[str] = []

    def forward(self, name: str, *inputs: Tensor, **how: bool) -> Tensor:
        self.calls.append((name, inputs, how))
        return super().forward(name, *inputs, **how)

    def update(self, name: str, loss: Tensor) -> None:
        self.updates.append(name)
        super().update(name, loss)


def batch(size: int = 32) -> dict[str, Tensor]:
    """Dark strokes on uneven paper, twice."""
    clean = torch.ones(2, 1, size, size)
    clean[:, :, 8:12, 4:-4] = 0
    light = torch.linspace(0.5, 0.9, size)
    return {"degraded": clean * light * 0.6 + 0.1, "clean": clean}


def state(network: torch.nn.Module) -> list[Tensor]:
    """A copy of the numbers that are learnt."""
    return [p.detach().clone() for p in network.parameters()]


def equal(one: list[Tensor], two: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


# The game


def test_each_player_learns_from_its_own_loss() -> None:
    """The generator's loss passes through the critic and leaves no gradient there."""
    torch.manual_seed(0)
    method = DEGAN(**SMALL)
    trainer = Witness(method)
    losses = method.step(batch(), trainer)
    assert losses.keys() == {"content", "critic", "adversarial"}
    assert trainer.updates == ["critic", "generator"]
    frozen = [how for name, _, how in trainer.calls if name == "critic" and how.get("frozen")]
    assert len(frozen) == 1
    critic = method.networks["critic"]
    before = [p.grad.clone() for p in critic.parameters()]
    score = trainer.forward("critic", batch()["clean"].requires_grad_(), batch()["degraded"],
                            frozen=True)  # fmt: skip
    least_squares(score, True).backward()
    assert equal(before, [p.grad for p in critic.parameters()])
    assert all(p.requires_grad for p in critic.parameters())


def test_a_step_without_the_critic_leaves_it_alone() -> None:
    """`critic_every=4`: in three of four steps the content loss works alone."""
    torch.manual_seed(0)
    method = DEGAN(**SMALL)
    trainer = Witness(method)
    trainer.step = 1
    critic, generator = state(method.networks["critic"]), state(method.networks["generator"])
    assert method.step(batch(), trainer).keys() == {"content"}
    assert equal(critic, state(method.networks["critic"]))
    assert not equal(generator, state(method.networks["generator"]))


def test_the_adversarial_loss_reaches_the_generator() -> None:
    """With a content weight of 0 the generator still moves, and only then by the critic alone."""
    torch.manual_seed(0)
    method = DEGAN(content_weight=0.0, ema=0.0, critic_every=1, **SMALL)
    before = state(method.networks["generator"])
    method.step(batch(), Witness(method))
    assert not equal(before, state(method.networks["generator"]))
    torch.manual_seed(0)
    method = DEGAN(content_weight=0.0, adversarial_weight=0.0, critic_every=1, **SMALL)
    before = state(method.networks["generator"])
    method.step(batch(), Witness(method))
    assert equal(before, state(method.networks["generator"]))


@pytest.mark.parametrize("adversarial", ["log", "least_squares"])
def test_both_adversarial_forms_learn(adversarial: str, tmp_path: Path) -> None:
    """The content loss falls to less than half with either."""
    torch.manual_seed(0)
    method = DEGAN(adversarial=adversarial, **SMALL)
    trainer = Witness(method)
    losses = [method.step(batch(), trainer)["content"] for _ in range(60)]
    assert losses[-1] < losses[0] / 2


def test_the_average_follows_the_generator() -> None:
    """The restorer lags behind; without `ema` it is the generator itself."""
    method = DEGAN(**SMALL)
    trainer = Witness(method)
    for trainer.step in range(4):
        method.step(batch(), trainer)
    assert method.restorer is method.networks["restorer"]
    assert not equal(state(method.restorer), state(method.networks["generator"]))
    plain = DEGAN(ema=0.0, **SMALL)
    assert plain.restorer is plain.networks["generator"]


def test_the_rate_rises_and_falls_or_stays_flat() -> None:
    """Recommended: a short rise, then a cosine to zero. Faithful: 1e-4 throughout."""
    method = DEGAN(lr=1.0, **SMALL)
    rates = [method.learning_rate(step, 1000) for step in (0, 199, 500, 999)]
    assert rates[0] == pytest.approx(1 / 200) and rates[1] > 0.9
    assert rates[2] == pytest.approx(0.5, abs=0.01) and rates[3] < 1e-4
    assert {faithful(64).learning_rate(step, 1000) for step in (0, 500, 999)} == {1e-4}


def test_faithful_has_the_authors_constants() -> None:
    """BCE x 100, least squares x 1, Adam 1e-4 (0.9, 0.999); the critic before the generator."""
    torch.manual_seed(0)
    method = faithful(width=64)
    assert (method.content_weight, method.adversarial_weight) == (100.0, 1.0)
    assert method.adversarial is least_squares
    assert method.content is torch.nn.functional.binary_cross_entropy
    group = method.optimisers["generator"].param_groups[0]
    assert (group["lr"], group["betas"]) == (1e-4, (0.9, 0.999))
    trainer = Witness(method)
    method.step(batch(), trainer)
    assert trainer.updates == ["critic", "critic", "generator"]
    names = [(name, how.get("training", True)) for name, _, how in trainer.calls]
    fake, real, false, restored, judged = names
    assert fake == ("generator", False)  # dropout is off while the critic learns
    assert restored == ("generator", True)
    assert real == false == judged == ("critic", True)


def test_faithful_is_the_paper_s_size() -> None:
    """31 million parameters against 1.7 million, counted without building tensors."""
    with torch.device("meta"):
        method = faithful()
    count = {k: sum(p.numel() for p in n.parameters()) for k, n in method.networks.items()}
    assert count == {"generator": 31_031_685, "critic": 1_713_345 - 1_280}  # less running values


def test_the_port_s_constants() -> None:
    """MSE x 500, Adam 2e-4 (0.5, 0.999)."""
    with torch.device("meta"):
        method = pytorch_port()
    assert method.content is torch.nn.functional.mse_loss and method.content_weight == 500
    group = method.optimisers["generator"].param_groups[0]
    assert (group["lr"], group["betas"]) == (2e-4, (0.5, 0.999))


# The defects


def page(height: int = 96, width: int = 96) -> Pair:
    """Dark bars on paper."""
    clean = np.full((height, width), 255, np.uint8)
    clean[8::16, 8:-8] = clean[9::16, 8:-8] = 0
    return Pair("bars", "bars", (clean * 0.6 + 60).astype(np.uint8), clean, {})


def mean_after_training(divisor: float, run_dir: Path) -> float:
    """What a small network answers on average after 60 steps."""
    torch.manual_seed(0)
    method = DEGAN(**SMALL)
    crops = Crops([page()], 32, truth_divisor=divisor)
    fit(method, crops, 60, run_dir, batch=4, progress=False, precision="float32", device="cpu")
    with torch.no_grad():
        return method.restorer.eval()(crops.batch(99, 8)["degraded"]).mean().item()


def test_dividing_the_truth_twice_trains_towards_black(tmp_path: Path) -> None:
    """Paper becomes 1 / 255; the network obeys and answers black. By default paper is 1."""
    assert Crops([page()], 32).batch(0, 4)["clean"].max() == 1
    twice = Crops([page()], 32, truth_divisor=255).batch(0, 4)["clean"]
    assert twice.max().item() == pytest.approx(1 / 255)
    assert mean_after_training(1, tmp_path / "once") > 0.7
    assert mean_after_training(255, tmp_path / "twice") < 0.1


@pytest.mark.parametrize(
    ("size", "rows", "columns"), [((1000, 1500), 168, 92), ((500, 1500), 52, 92)]
)
def test_the_released_grid_loses_the_bottom_and_the_right(
    size: tuple[int, int], rows: int, columns: int
) -> None:
    """The end of the range is left out: of 1000 x 1500 pixels 168 rows and 92 columns go unseen."""
    for cover, lost in ((False, (rows, columns)), (True, (0, 0))):
        seen = np.zeros(size, bool)
        for top, left in grid_patches(seen, cover=cover):
            seen[top : top + 256, left : left + 256] = True
        assert ((~seen.any(1)).sum(), (~seen.any(0)).sum()) == lost


def test_the_released_grid_has_no_window_for_a_small_page() -> None:
    """A page under 256 px teaches nothing at all; ours gives one window."""
    small = np.zeros((200, 900))
    assert grid_patches(small, cover=False) == []
    assert grid_patches(small)[0] == (0, 0)


def test_weights_saved_once_are_those_of_the_first_time(tmp_path: Path) -> None:
    """The release writes only while its folder does not exist; by default the last ones count."""
    first, last = (MODELS["de_gan-compact"](widths=(8, 8, 8, 8)) for _ in range(2))
    card = {"model": "de_gan-compact", "arguments": {"widths": (8, 8, 8, 8)}}
    for overwrite, kept in ((True, last), (False, first)):
        path = tmp_path / f"{overwrite}.safetensors"
        for network in (first, last):
            weights.save_weights(path, network, card, half=False, overwrite=overwrite)
        assert equal(state(weights.load(path)), state(kept))


def gradients(neck: dict[str, str]) -> tuple[float, float]:
    """(largest gradient before the neck, spread of the answer) where both channels are negative."""
    torch.manual_seed(0)
    network = Generator(width=64, **neck)
    torch.nn.init.constant_(network.neck[0].bias, -100.0)
    restored = network(batch()["degraded"])
    restored.mean().backward()
    largest = max(p.grad.abs().max().item() for p in network.encode1.parameters())
    return largest, restored.std().item()


def test_the_neck_of_the_release_can_die() -> None:
    """Both channels negative: with ReLU the answer is one grey and nothing is learnt again."""
    assert gradients({"neck": "relu"}) == (0.0, 0.0)
    largest, spread = gradients({})  # the default keeps a slope
    assert largest > 0 and spread > 0


def conditions(method: DEGAN) -> list[Tensor]:
    """What the critic is shown beside the candidate, call by call."""
    trainer = Witness(method)
    method.step(batch(), trainer)
    return [inputs[1] for name, inputs, _ in trainer.calls if name == "critic"]


def test_the_critic_is_asked_under_the_condition_that_it_learnt() -> None:
    """The port shows it the clean page in the generator's step; the other two see the page."""
    degraded, clean = batch()["degraded"], batch()["clean"]
    for method in (DEGAN(**SMALL), DEGAN(condition="degraded", **SMALL)):
        assert all(torch.equal(seen, degraded) for seen in conditions(method))
    *learning, asked = conditions(DEGAN(condition="clean", **SMALL))
    assert all(torch.equal(seen, degraded) for seen in learning)
    assert torch.equal(asked, clean)


def test_a_wrong_peak_adds_42_dB_to_any_pair() -> None:  # noqa: N802
    """A peak of 255 on pages in [-1, 1] is a peak of 127.5 in [0, 1]: 65.96 dB are 23.85."""
    rng = np.random.default_rng(0)
    one = rng.random((32, 32))
    other = np.clip(one + rng.normal(0, 0.05, one.shape), 0, 1)
    right, wrong = psnr_gray(other, one), psnr_gray(other, one, peak=127.5)
    assert right == pytest.approx(-10 * np.log10(((other - one) ** 2).mean()))
    by_hand = 10 * np.log10(255**2 / ((2 * other - 2 * one) ** 2).mean())
    assert wrong == pytest.approx(by_hand)
    assert 65.96 - (wrong - right) == pytest.approx(23.85, abs=0.005)


def test_a_stretched_save_turns_blank_paper_black() -> None:
    """As the plotting library does that the release saves with; by default white stays white."""
    blank = torch.ones(1, 1, 8, 8)
    assert (images.to_array(blank) == 255).all()
    assert (images.to_array(blank, stretch=True) == 0).all()
    grey = torch.linspace(0.4, 0.6, 64).reshape(8, 8)
    assert (images.to_array(grey).min(), images.to_array(grey).max()) == (102, 153)
    for tensor in (blank, grey):
        file = io.BytesIO()
        matplotlib.image.imsave(file, tensor.numpy().reshape(8, 8), cmap="gray", format="png")
        theirs = (matplotlib.image.imread(io.BytesIO(file.getvalue()))[..., 0] * 255).round()
        assert np.abs(images.to_array(tensor, stretch=True) - theirs).max() <= 1


def test_the_momentum_of_batch_norm_is_the_authors() -> None:
    """Keras' 0.8 keeps 80 % of the old value; PyTorch's number is the other share, 0.2."""
    norms = [m for m in MODELS["de_gan-discriminator"]().modules()
             if isinstance(m, torch.nn.BatchNorm2d)]  # fmt: skip
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.2, 1e-3)}
