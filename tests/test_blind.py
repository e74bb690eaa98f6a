"""GAN2GAN's parts and its rivals: what each is told, and what it makes of it."""

import math
from copy import deepcopy

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from docrestore import weights
from docrestore.methods import METHODS
from docrestore.methods.blind import Neighbor2Neighbor, Noise2Void
from docrestore.methods.noise_game import autocorrelation_distance, value_distance
from docrestore.models import MODELS
from docrestore.training import Trainer

SMALL = {"widths": (8, 16), "depth": 1}


def trainer_of(method) -> Trainer:
    for network in getattr(method, "frozen", {}).values():
        network.eval()
    return Trainer(method, Fabric(accelerator="cpu", devices=1))


def game(**options):
    torch.manual_seed(0)
    return METHODS["gan2gan"](
        generator_arguments=SMALL, back_arguments=SMALL, critic_arguments={"width": 4}, **options
    )


def batch(size: int = 4) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "degraded": 0.5 + 0.1 * torch.randn(size, 1, 64, 64),
        "noise": 0.1 * torch.randn(size, 1, 64, 64),
    }


def test_noise2void_hides_pixels_and_shows_neighbours() -> None:
    """Replaced pixels come from the window, never from their own place; the others are kept."""
    method = Noise2Void(generator_arguments=SMALL, window=5, share=0.05)
    noisy = torch.arange(40 * 50, dtype=torch.float32).view(1, 1, 40, 50).repeat(8, 1, 1, 1)
    shown, hidden = method.hide(noisy)
    assert torch.equal(shown[hidden == 0], noisy[hidden == 0])
    assert hidden.mean().item() == pytest.approx(0.05, rel=0.15)
    here, there = noisy[hidden == 1].long(), shown[hidden == 1].long()
    down, right = there // 50 - here // 50, there % 50 - here % 50
    assert down.abs().max() == 2 and right.abs().max() == 2
    inside = (here // 50 > 1) & (here // 50 < 38) & (here % 50 > 1) & (here % 50 < 48)
    assert not torch.any((down == 0) & (right == 0) & inside)
    seen = {(int(a), int(b)) for a, b in zip(down[inside], right[inside], strict=True)}
    assert len(seen) == 24, "all places of the window but the middle"


def test_shuffled_noise_comes_from_another_crop(monkeypatch) -> None:
    """The network sees the clean crop under the noise of its neighbour, and is to give the crop."""
    method = METHODS["noise2clean-shuffled"](generator_arguments=SMALL)
    clean = torch.rand(3, 1, 16, 16)
    noise = torch.tensor([0.1, 0.2, 0.3])[:, None, None, None].expand_as(clean)
    trainer, seen = trainer_of(method), []
    monkeypatch.setattr(trainer, "forward", lambda name, shown: seen.append(shown) or shown)
    loss = method.loss({"degraded": clean + noise, "clean": clean}, trainer)
    torch.testing.assert_close(seen[0] - clean, noise.roll(1, 0))
    assert loss.item() == pytest.approx((0.01 + 0.04 + 0.09) / 3, rel=1e-4)


def test_noise2void_does_not_look_at_what_it_shows() -> None:
    """The loss is of hidden pixels alone: a wrong answer elsewhere costs nothing."""
    method = Noise2Void(generator_arguments=SMALL)

    class Liar(nn.Module):
        def forward(self, shown: torch.Tensor) -> torch.Tensor:
            return torch.where(shown == shown_now, shown + 9, noisy)

    noisy = batch()["degraded"]
    torch.manual_seed(3)
    shown_now, hidden = method.hide(noisy)
    kept = hidden == 0
    shown_now = torch.where(kept, shown_now, torch.inf)
    method.networks["generator"] = Liar()
    torch.manual_seed(3)
    assert method.loss({"degraded": noisy}, trainer_of(method)).item() == 0.0


def test_halves_are_neighbours_of_one_cell() -> None:
    """Each pair shares a side, both orders come, and all eight pairs are drawn."""
    like = torch.zeros(4, 1, 64, 64)
    first, second = Neighbor2Neighbor.choose(like)
    rows, columns = (first // 2 - second // 2).abs(), (first % 2 - second % 2).abs()
    assert torch.all(rows + columns == 1)
    assert (
        len({(int(a), int(b)) for a, b in zip(first.flatten(), second.flatten(), strict=True)}) == 8
    )
    image = torch.arange(16.0).view(1, 1, 4, 4)
    chosen = (torch.tensor([[[[0, 1], [2, 3]]]]), torch.tensor([[[[1, 3], [0, 2]]]]))
    one, other = Neighbor2Neighbor.halves(image, chosen)
    assert one.flatten().tolist() == [0, 3, 12, 15]
    assert other.flatten().tolist() == [1, 7, 8, 14]


def test_pairs_differ_by_two_makings_of_noise() -> None:
    """Source - target has mean 0 and twice the noise's variance; the estimate is in both."""
    torch.manual_seed(0)
    noise = MODELS["gan2gan-noise-field"]()
    method = METHODS["gan2gan-pairs"](generator_arguments=SMALL, noise=noise, noisy_target=True)
    estimate = torch.rand(32, 1, 64, 64)
    source, target = method.pairs({"degraded": estimate}, trainer_of(method))
    with torch.no_grad():
        made = noise(noise.draw(64))
    apart = source - target
    assert abs(apart.mean()) < 0.02 * apart.std()
    assert apart.var().item() == pytest.approx(2 * made.var().item(), rel=0.05)
    quiet = METHODS["gan2gan-pairs"](generator_arguments=SMALL, noise=noise)
    assert torch.equal(quiet.pairs({"degraded": estimate}, trainer_of(quiet))[1], estimate)


def test_pairs_use_the_estimator_where_there_is_one() -> None:
    """E(Z) and not Z; it is not trained; without noise the sentence says what to give."""

    class Half(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / 2

    noise = MODELS["gan2gan-noise-field"]()
    method = METHODS["gan2gan-pairs"](generator_arguments=SMALL, noise=noise, estimator=Half())
    noisy = torch.rand(2, 1, 64, 64)
    assert torch.equal(method.pairs({"degraded": noisy}, trainer_of(method))[1], noisy / 2)
    assert not any(p.requires_grad for p in noise.parameters())
    with pytest.raises(ValueError, match="noise pairs need a noise generator"):
        METHODS["gan2gan-pairs"]()


@pytest.mark.parametrize(
    "facts", [{"unit": 0.2}, {"calibration": {"made": [-9.0, 9.0], "real": [-0.9, 0.9]}}]
)
def test_noise_of_a_file_keeps_its_unit_or_its_calibration(tmp_path, facts) -> None:
    """The file of a game that played in another unit gives noise as strong as was learnt."""
    torch.manual_seed(0)
    noise = MODELS["gan2gan-noise-field"]()
    path = tmp_path / "noise.safetensors"
    card = {"model": "gan2gan-noise-field", "arguments": {}}
    weights.save_weights(path, noise, card | facts, half=False)
    method = METHODS["gan2gan-pairs"](generator_arguments=SMALL, noise=path)
    black = {"degraded": torch.zeros(16, 1, 64, 64)}
    source, _ = method.pairs(black, trainer_of(method))
    with torch.no_grad():
        made = noise(noise.draw(16))
    assert source.std().item() == pytest.approx(made.std().item() * facts.get("unit", 0.1), rel=0.1)


def test_patches_of_the_batch_may_be_the_noise() -> None:
    """Source and target get different patches."""
    method = METHODS["gan2gan-pairs"](generator_arguments=SMALL, noise="patches", noisy_target=True)
    given = batch()
    source, target = method.pairs(given, trainer_of(method))
    assert torch.equal(source, given["degraded"] + given["noise"])
    assert torch.equal(target[1:], given["degraded"][1:] + given["noise"][:-1])
    assert method.wants == ("noise",)


def test_noisier_pairs_are_taught_in_units_of_more_noise(tmp_path) -> None:
    """The network to keep answers as the taught one does where contrast and noise are larger."""
    torch.manual_seed(0)
    method = METHODS["gan2gan-noisier"](
        generator_arguments=SMALL | {"unit": 0.1}, noise=MODELS["gan2gan-noise-field"](), ema=0.0
    )
    taught, kept = method.networks["generator"], method.restorer
    taught.eval(), kept.eval()
    assert method.arguments["unit"] == kept.unit == 0.1
    nn.init.normal_(taught.out.weight)
    kept.load_state_dict(taught.state_dict())
    rows = torch.arange(32)
    board = 0.1 * (-1.0) ** (rows + rows[:, None])[None, None]  # its local mean is next to nothing
    with torch.no_grad():
        loud = taught(2**0.5 * board) - 2**0.5 * board
        told = kept(board) - board
    assert told.abs().max() > 0.01
    assert torch.allclose(loud, 2**0.5 * told, atol=0.02 * told.abs().max().item())
    plain = METHODS["gan2gan-noisier"](generator_arguments=SMALL, noise="patches", rescale=False)
    assert plain.networks["generator"].unit == plain.restorer.unit
    chain = {"generator": "dncnn", "generator_arguments": {"layers": 3}}
    assert METHODS["gan2gan-noisier"](**chain, noise="patches").unit is None


def test_noisier_pairs_expect_the_clean_image() -> None:
    """The best linear answer to Z + m, taught with Z - m, is that to clean targets; of any law."""
    rng = np.random.default_rng(0)
    clean = rng.normal(0, 1, 200_000)
    first, second = (rng.exponential(1, clean.size) - 1 for _ in range(2))
    source, target = clean + first + second, clean + first - second
    taught, ideal = ((source * one).mean() / (source**2).mean() for one in (target, clean))
    assert taught == pytest.approx(ideal, abs=0.01)
    method = METHODS["gan2gan-noisier"](generator_arguments=SMALL, noise="patches")
    given = batch()
    source, target = method.pairs(given, trainer_of(method))
    assert torch.allclose(source - target, 2 * given["noise"], atol=1e-6)
    assert torch.allclose((source + target) / 2, given["degraded"], atol=1e-6)


def test_critics_are_clipped_and_play_five_rounds_a_step() -> None:
    """All parameters of both critics, batch norm's too, stay within 0.02."""
    method = game(start="own")
    trainer = trainer_of(method)
    counted = {"n": 0}
    update = trainer.update

    def counting(name, loss) -> None:
        counted["n"] += 1
        update(name, loss)

    trainer.update = counting
    told = method.step(batch(), trainer)
    assert counted["n"] == 11
    for name in ("noise_critic", "image_critic"):
        for parameter in method.networks[name].parameters():
            assert parameter.abs().max() <= 0.02 + 1e-9
    health = {"made_mean", "real_std", "made_std", "real_lag1", "made_lag1"}
    assert told.keys() == {"w1", "w2", "cycle"} | health
    assert told["real_std"].item() == pytest.approx(25.5, rel=0.05)


def test_the_same_chance_serves_all_eleven_updates_unless_fresh_is_asked() -> None:
    """The generator of noise runs once a step; with `fresh` eleven times."""
    for fresh, calls in ((False, 1), (True, 11)):
        method = game(start="own", fresh=fresh)
        seen = []
        method.networks["noise"].register_forward_hook(lambda *_, seen=seen: seen.append(1))
        method.step(batch(), trainer_of(method))
        assert len(seen) == calls


def test_the_released_schedule_is_an_epoch_late() -> None:
    """Epoch i trains with f(i - 1): 1 up to 11, 0.95 at 12, 0.10 at 29; critics are constant."""
    method = METHODS["gan2gan-faithful"]()
    rates = [method.learning_rate(625 * epoch, 30 * 625) / 4e-4 for epoch in range(30)]
    assert rates[:12] == [1.0] * 12
    assert rates[12] == pytest.approx(0.95) and rates[29] == pytest.approx(0.10)
    assert method.learning_rate(18000, 18750, "noise_critic") == 5e-5
    pairs = METHODS["gan2gan-pairs"](
        generator_arguments=SMALL, noise="patches", schedule="released", lr=1e-3
    )
    assert [pairs.learning_rate(s, 30) for s in (0, 9, 10, 20)] == [1e-3, 1e-3, 5e-4, 2.5e-4]


def test_the_faithful_game_has_the_published_players() -> None:
    """Networks by their counts, RMSprop and Adam with the released constants."""
    method = METHODS["gan2gan-faithful"]()
    counts = {n: sum(p.numel() for p in net.parameters()) for n, net in method.networks.items()}
    assert counts == {
        "generator": 482_048, "back": 556_032, "noise": 174_448,
        "noise_critic": 2_634_369, "image_critic": 2_634_369,
    }  # fmt: skip
    assert method.networks["generator"].head == "sigmoid"
    assert method.networks["back"].head == "linear"
    for name in ("noise_critic", "image_critic"):
        assert isinstance(method.optimisers[name], torch.optim.RMSprop)
        assert method.optimisers[name].defaults["alpha"] == 0.99
    assert method.optimisers["noise"].defaults["betas"] == (0.5, 0.999)


def test_from_the_identity_g2_begins_with_the_noisy_image() -> None:
    """Its first answer is its input."""
    method = game()
    noisy = batch()["degraded"]
    assert torch.equal(method.networks["generator"].eval()(noisy), noisy)


def test_distances_are_zero_for_equals_and_in_units_of_the_noise() -> None:
    """Twice the noise is 0.8 deviations away; a blur is told by the autocorrelation."""
    torch.manual_seed(0)
    one, other = 0.1 * torch.randn(2, 64, 1, 64, 64)
    assert value_distance(one, one) == 0
    assert value_distance(2 * one, other).item() == pytest.approx(math.sqrt(2 / math.pi), rel=0.02)
    assert autocorrelation_distance(one, one).item() < 1e-3
    blurred = nn.functional.avg_pool2d(one, 3, stride=1, padding=1)
    near, far = (autocorrelation_distance(x, other).item() for x in (one, blurred))
    assert near < 0.2 < 1 < far


def test_the_game_of_noise_alone_learns_its_deviation() -> None:
    """From 25 to 8 of 255 in 60 steps, where the unit says so: another histogram, not only unit."""
    torch.manual_seed(0)
    method = METHODS["gan2gan-noise"](unit=0.3)
    trainer = trainer_of(method)
    rng = np.random.default_rng(0)
    first = None
    for trainer.step in range(60):
        for group in method.optimisers["generator"].param_groups:
            group["lr"] = method.learning_rate(trainer.step, 60)
        noise = torch.from_numpy(rng.uniform(-0.06, 0.06, (8, 1, 32, 32)).astype(np.float32))
        told = method.step({"noise": noise}, trainer)
        first = first or float(told["values"])
    assert told["values"] < first / 2


def test_a_gpu_would_be_asked_once_a_line() -> None:
    """Numbers that are not finite are collected and raised by `check`, with their sentence."""
    trainer = trainer_of(METHODS["noise2noise"](generator_arguments=SMALL))
    for value in (1.0, math.nan, 2.0):
        fake = torch.tensor(value, device="cpu")
        trainer._unsound["the loss of generator is {}"] = ~torch.isfinite(fake) | deepcopy(
            trainer._unsound.get("the loss of generator is {}", torch.tensor(False))
        )
    with pytest.raises(RuntimeError, match="the loss of generator is not finite"):
        trainer.check()
    trainer.check()
