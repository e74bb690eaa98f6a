"""GAN2GAN's networks do what the others rely on; that they run is in test_models."""

import pytest
import torch
from torch import Tensor, nn

from docrestore.models import MODELS
from docrestore.models.denoiser_compact import CompactDenoiser
from docrestore.models.dncnn import DnCNN
from docrestore.models.gan2gan import Critic, NoiseField, NoiseGenerator, SharedUNet, gan_weights
from docrestore.runtime import openvino_runner


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def silenced(network: nn.Module) -> nn.Module:
    """The network with all weights 0: it predicts no noise."""
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network.eval()


def correlation(noise: Tensor, lag: int) -> float:
    """Of pixels `lag` apart in a row; noise (B, 1, H, W)."""
    left, right = noise[..., :-lag], noise[..., lag:]
    return float((left * right).mean() / noise.square().mean())


@pytest.mark.parametrize(
    "network", [DnCNN(3), SharedUNet(), CompactDenoiser((8, 8)), CompactDenoiser((8, 8), fold=1)]
)
def test_a_linear_denoiser_that_predicts_nothing_gives_its_input_back(network: nn.Module) -> None:
    """Also below 0 and above 1, to the last bit: nothing is clipped or rounded."""
    noisy = 3 * torch.randn(1, 1, 21, 34, generator=chance())
    with torch.no_grad():
        assert torch.equal(silenced(network)(noisy), noisy)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(network(noisy), noisy)


def test_the_sigmoid_head_lifts_the_dark() -> None:
    """The released g2 starts a dark page at 0.5 and above; the linear head starts at the page."""
    dark = torch.full((1, 1, 32, 32), 0.2)
    for network in (DnCNN(3, "sigmoid"), SharedUNet("sigmoid")):
        assert torch.allclose(silenced(network)(dark), torch.full_like(dark, 0.5498), atol=1e-4)


@pytest.mark.parametrize("network", [DnCNN, SharedUNet])
def test_an_unknown_head_is_refused(network: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match="head must be linear or sigmoid, got 'tanh'"):
        network(head="tanh")


def test_stages_that_share_their_weights_are_stored_once() -> None:
    """Four pools down and three stages up of the U-Net come from one set of weights each."""
    calls: list[tuple[str, int]] = []
    network = SharedUNet().eval()
    for name in ("down", "up"):
        network.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: calls.append((name, out.shape[-1]))
        )
    network(torch.rand(1, 1, 64, 64))
    assert calls == [
        *(("down", side) for side in (16, 8, 4, 2)),
        *(("up", s) for s in (16, 32, 64)),
    ]


def test_critic_gives_the_mean_of_its_map() -> None:
    """5 x 5 scores of a 64 x 64 patch, averaged; each patch has one score."""
    critic, patches = Critic(8).eval(), torch.randn(3, 1, 64, 64)
    scores = critic.layers(patches)
    assert scores.shape == (3, 1, 5, 5)
    assert torch.allclose(critic(patches), scores.mean(dim=(1, 2, 3)))


def test_the_start_of_the_gan_stage() -> None:
    """N(0, 0.02), batch norm N(1, 0.02), no bias; our noise field keeps its own start."""
    critic = gan_weights(Critic(32))
    for layer in critic.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert not layer.bias.any()
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1, abs=0.01)
            assert 0.01 < layer.weight.std().item() < 0.03 and not layer.bias.any()
    field = NoiseField()
    before = [p.clone() for p in field.parameters()]
    after = gan_weights(field).parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("network", [NoiseGenerator(), NoiseField()])
def test_chance_is_a_pure_function_of_the_generator(network: NoiseGenerator | NoiseField) -> None:
    one, two, other = (network.draw(3, 64, generator=chance(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert one.mean().abs() < 0.2 and 0.9 < one.std() < 1.1
    assert network(one).shape == (3, 1, 64, 64)


def test_g1_makes_one_size_alone_and_the_field_any() -> None:
    with pytest.raises(ValueError, match="g1 makes patches of 64 x 64 alone, got size 96"):
        NoiseGenerator().draw(1, 96)
    field = NoiseField()
    for size in ((1, 1), (17, 90)):
        assert field(field.draw(2, size)).shape == (2, 1, *size)
    with pytest.raises(ValueError, match="33 pixels larger than the noise"):
        field(torch.randn(1, 4, 33, 64))


def test_running_means_have_unit_variance_and_the_correlation_of_their_width() -> None:
    """The mean over k pixels has the correlation 1 - lag / k up to k, and none from there on."""
    field = NoiseField()
    means = field.means(field.draw(16, 256, generator=chance())).unflatten(1, (6, 4))
    for index, scale in enumerate(field.scales):
        mean = means[:, index].flatten(0, 1)[:, None]
        assert mean.std().item() == pytest.approx(1, abs=0.03)
        for lag in (1, 4, 12, 40):
            assert correlation(mean, lag) == pytest.approx(max(0, 1 - lag / scale), abs=0.05)


def test_the_noise_field_starts_as_white_gaussian_noise_as_strong_as_told() -> None:
    """Whatever the seed: then plain noise is nearly right before the game begins."""
    for seed, std in ((0, 0.01), (1, 0.1), (2, 0.2)):
        torch.manual_seed(seed)
        field = NoiseField()
        field.scale_to(std)
        with torch.no_grad():
            noise = field(field.draw(8, 128, generator=chance()))
        assert 0.7 < noise.std() / std < 1.4
        assert abs(correlation(noise - noise.mean(), 1)) < 0.1
        assert field.state_dict()["gain"] == pytest.approx(std)  # it is saved, and does not learn
        assert "gain" not in dict(field.named_parameters())


def test_the_noise_field_is_stationary() -> None:
    """A shift of the chance shifts the noise: no pixel of the field, edges too, is special."""
    field = NoiseField().eval()
    r = field.draw(1, 48, generator=chance())
    with torch.no_grad():
        assert torch.allclose(field(r)[..., 5:, 7:], field(r[..., 5:, 7:]), atol=1e-5)


def test_the_noise_field_holds_the_correlated_noise_of_the_papers_test() -> None:
    """r n + (1 - r) / sqrt(255) times the sum of n over 16 x 16 pixels is two of its weights."""
    field = silenced(NoiseField())
    weights = field.straight.weight.data[0, :, 0, 0].unflatten(0, (6, 4))
    weights[0, 0], weights[4, 0] = 0.7, 0.3 * 16 / 255**0.5
    field.scale_to(1.0)
    with torch.no_grad():
        noise = field(field.draw(8, 256, generator=chance()))
    assert noise.std().item() == pytest.approx(0.7787, rel=0.01)
    assert correlation(noise, 1) == pytest.approx(0.18, abs=0.02)
    assert correlation(noise, 8) == pytest.approx(0.10, abs=0.02)
    assert correlation(noise, 17) == pytest.approx(0, abs=0.02)


def test_the_cpu_denoiser_keeps_to_its_budget() -> None:
    network = MODELS["gan2gan-compact"]()
    assert sum(p.numel() for p in network.parameters()) <= 1_200_000


def test_openvino_does_not_round_the_image_either() -> None:
    """In bf16 it must still subtract in float32: a 16-bit image has more levels than bf16."""
    pytest.importorskip("openvino")
    page = torch.rand(1, 1, 40, 56, generator=chance())
    restored = openvino_runner(silenced(CompactDenoiser((8, 8))))(page)
    assert torch.equal(restored, page)


def test_weak_noise_under_a_bright_light_is_seen_in_bf16() -> None:
    """The network is given the image less its local mean, in units of the noise."""
    network = CompactDenoiser((8, 8), unit=0.001).eval()
    noise = 0.001 * torch.randn(1, 1, 48, 48, generator=chance())
    assert ((1 + noise).bfloat16() == 1).float().mean() > 0.9  # what the bare image would show
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        network.stem.weight[:, -1] = 0  # the mean itself
        network.out.weight.normal_(0, 0.1, generator=chance())
        dark, bright = (network(level + noise) - level for level in (0.0, 1.0))
    changed = (dark - noise)[..., 9:-9, 9:-9]
    assert ((bright - dark)[..., 9:-9, 9:-9]).std() < 0.02 * changed.std()
