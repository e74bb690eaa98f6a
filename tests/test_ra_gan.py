"""RA-GAN's networks as the paper draws them, the defects of the release, and the compact one.

Each defect is reproduced by form="released" and absent from the default.
"""

import pytest
import torch
from torch import nn

from docrestore.models import ra_gan
from docrestore.models.ra_gan import (
    FORMS,
    Discriminator,
    GateConv,
    Generator,
    GradientGatedConv,
    GuidedAttention,
)
from docrestore.models.ra_gan_compact import CompactGenerator

NARROW = (8, 8, 16, 16, 16)
both_forms = pytest.mark.parametrize("form", FORMS)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# The networks as drawn


def test_every_part_has_the_parameters_of_the_paper_s_table() -> None:
    """In all: 26,163,786 as released, 26,138,570 without the stored copies; critic 6,320,385."""
    with torch.device("meta"):  # nothing is computed
        released, critic = Generator("released"), Discriminator()
    assert (count(released), count(critic)) == (26_163_786, 6_320_385)
    first, attention, second = released.stages[:3]
    assert (count(first), count(second)) == (16_128 + 768 + 11_009, 73_856 + 8_320 + 28_001)
    assert count(attention) == 12_281
    assert [count(block) for pair in released.encode for block in pair] == [
        *(156_032, 147_712, 238_208, 590_336),
        *(951_552, 2_360_320, 3_803_648, 9_439_232),
    ]
    assert [count(one) for one in released.lateral] == [4_160, 8_320, 33_024, 131_584]
    assert [count(one) for one in released.up] == [147_584, 590_080, 2_359_808, 4_719_616]
    assert (count(released.smooth), count(released.out)) == (73_856, 1_154)


@both_forms
def test_the_taps_have_the_paper_s_shapes(form: str) -> None:
    """C2 64 at 128^2, C3 64 at 64^2, C4 128 at 32^2, C5 256 at 16^2, top 512 at 8^2."""
    shapes = []
    with torch.device("meta"):
        network = Generator(form)
        for part in (network.stages, *network.encode, *network.up):
            part.register_forward_hook(lambda _, inputs, out: shapes.append(tuple(out.shape[1:])))
        assert network(torch.empty(1, 5, 256, 256)).shape == (1, 1, 256, 256)
    down = [(64, 128, 128), (64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8)]
    up = [(512, 16, 16), (256, 32, 32), (128, 64, 64), (64, 128, 128)]
    assert shapes == down + up


def test_the_critic_s_last_map_is_four_by_four() -> None:
    """For crops of 256 pixels no averaging takes place: the mean is over one pixel each."""
    with torch.device("meta"):
        critic, seen = Discriminator(), []
        pool = next(one for one in critic.layers if isinstance(one, nn.AdaptiveAvgPool2d))
        pool.register_forward_hook(lambda _, inputs, out: seen.append((inputs[0], out)))
        critic(torch.empty(1, 1, 256, 256), torch.empty(1, 3, 256, 256))
    assert seen[0][0].shape == seen[0][1].shape == (1, 512, 4, 4)


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (33, 7)])
def test_the_critic_learns_from_small_crops_in_bf16(size: tuple[int, int]) -> None:
    """A bf16 kernel left the slope of a stride-2 convolution on 1 x 1 pixels to chance: NaN."""
    torch.manual_seed(0)
    critic = Discriminator(8)
    pages = torch.rand(2, 1, *size)
    junk = [torch.full((64, 64, 3, 3), torch.nan, dtype=torch.bfloat16) for _ in range(8)]
    del junk  # what was there before is what such a slope is made of
    with torch.autocast("cpu", torch.bfloat16):
        score = critic(pages, pages)
    score.mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in critic.parameters())


@both_forms
def test_an_untrained_generator_answers_a_quarter(form: str) -> None:
    """Two sigmoids multiplied: 0.5 * 0.5 wherever one looks."""
    torch.manual_seed(0)
    with torch.no_grad():
        restored = Generator(form, width=32)(torch.rand(2, 3, 64, 64))
    assert restored.mean().item() == pytest.approx(0.25, abs=0.03)
    assert restored.min() > 0.15 and restored.max() < 0.35


def test_guide_maps_may_be_made_before() -> None:
    """Five channels pass as they are; a page gets its maps on the way."""
    page = torch.rand(1, 3, 64, 64)
    for network in (Generator(width=8), CompactGenerator(NARROW)):
        network.eval()
        with torch.no_grad():
            assert torch.equal(network(page), network(network.prepare(page)))


def test_an_unknown_form_is_refused() -> None:
    for network in (Generator, CompactGenerator):
        with pytest.raises(ValueError, match="form must be one of effective, released, got 'new'"):
            network(form="new")


# Gradient-gated convolution


def gradient_gated(theta: float | None, form: str = "effective") -> GradientGatedConv:
    """A layer 3 -> 4 without biases."""
    torch.manual_seed(0)
    layer = GradientGatedConv(3, 4, form=form, theta=theta)
    nn.init.zeros_(layer.conv.bias)
    return layer


@both_forms
def test_theta_one_sees_only_differences(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant image answers 0 before gating, and a constant added to an image changes nothing.

    Inside, that is: at the border the zeros around the page are a difference too.
    """
    monkeypatch.setattr(ra_gan, "gated", lambda answer: answer)
    layer, page = gradient_gated(1.0, form), torch.rand(2, 3, 12, 14)
    with torch.no_grad():
        flat = layer(torch.full((1, 3, 12, 14), 0.7))
        assert flat.shape == (1, 8, 12, 14)
        assert flat[..., 1:-1, 1:-1].abs().max() < 1e-6 < flat.abs().max()
        inside = (layer(page + 0.5) - layer(page))[..., 1:-1, 1:-1]
        assert inside.abs().max() < 1e-5
        assert layer(page).abs().max() > 0.1


@both_forms
@pytest.mark.parametrize("stride", [1, 2])
def test_theta_zero_is_a_plain_gated_convolution(form: str, stride: int) -> None:
    """The same numbers in a GateConv answer the same."""
    layer = GradientGatedConv(3, 4, 5, stride, form=form, theta=0.0)
    plain = GateConv(3, 4, 5, stride)
    plain.conv.load_state_dict(layer.conv.state_dict())
    page = torch.rand(2, 3, 12, 14)
    assert torch.allclose(layer(page), plain(page), atol=1e-6)


def test_the_difference_term_teaches_the_kernel_unless_it_is_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With theta 1 no kernel changes the answer to a flat image, so its true gradient is 0.

    The release hands back the gradient of the first half of the difference alone, as if the
    kernel could.
    """
    monkeypatch.setattr(ra_gan, "gated", lambda answer: answer)
    flat, slope = torch.full((1, 3, 12, 12), 0.7), {}
    for form in FORMS:
        layer = gradient_gated(1.0, form)
        layer(flat)[..., 1:-1, 1:-1].sum().backward()
        slope[form] = layer.conv.weight.grad
    assert slope["effective"].abs().max() < 1e-3
    assert torch.allclose(slope["released"], torch.tensor(0.7 * 10 * 10))


def test_the_released_layer_stores_its_sums_a_step_behind() -> None:
    """What a checkpoint of the release holds is not what its kernel sums to."""
    layer = gradient_gated(1.0, "released").train()
    optimiser = torch.optim.SGD(layer.parameters(), 0.1)
    before = layer.conv.weight.detach().sum((2, 3), keepdim=True)
    layer(torch.rand(1, 3, 8, 8)).sum().backward()
    optimiser.step()
    after = layer.conv.weight.detach().sum((2, 3), keepdim=True)
    assert torch.allclose(layer.flat_weight, before)
    assert not torch.allclose(layer.flat_weight, after)
    assert not hasattr(gradient_gated(1.0), "flat_weight")


@both_forms
def test_theta_lies_between_nought_and_one_and_is_each_page_s_own(form: str) -> None:
    """The release takes one for the batch."""
    layer = GradientGatedConv(3, 4, form=form)
    theta = layer.choose_theta(torch.rand(3, 3, 9, 9) * torch.tensor([0, 1, 4]).reshape(3, 1, 1, 1))
    assert theta.shape == (3, 1, 1, 1) and 0 < theta.min() and theta.max() < 1
    assert len(theta.unique()) == (1 if form == "released" else 3)


# Guided attention


def attention(form: str) -> GuidedAttention:
    torch.manual_seed(0)
    return GuidedAttention(16, form)


def test_released_attention_is_a_convolution_of_three_times_its_input() -> None:
    """x a + x (1 - a) + 2 x = 3 x: whatever the attention says cancels out."""
    layer, x = attention("released"), torch.randn(2, 16, 9, 10)
    assert torch.allclose(layer(x), layer.mix(3 * x), atol=1e-5)
    other = attention("effective")
    assert not torch.allclose(other(x), other.mix(3 * x), atol=1e-2)
    assert not torch.allclose(other(x), other.mix(x + x.mean() * x), atol=1e-2)


@both_forms
def test_attention_learns_unless_it_is_released(form: str) -> None:
    """In the release all parameters of the attention get a gradient of exactly 0."""
    layer = attention(form)
    layer(torch.randn(2, 16, 9, 10)).square().mean().backward()
    for name, parameter in layer.named_parameters():
        moved = bool(parameter.grad.any())
        assert moved is (form == "effective" or name.startswith("mix")), name


def test_two_sigmoids_leave_little_to_say() -> None:
    """Effective attention may lie anywhere in (0, 1), released between 0.5 and 0.731."""
    x = 20 * torch.randn(1, 16, 12, 12)
    low, high = (f(attention("released").attention(x)).item() for f in (torch.min, torch.max))
    assert 0.5 <= low and high <= 0.7311
    wide = attention("effective").attention(x)
    assert wide.min() < 0.1 and wide.max() > 0.9


# Independence


@pytest.mark.parametrize("training", [False, True])
@both_forms
def test_a_tile_depends_on_its_neighbours_in_the_release_alone(form: str, training: bool) -> None:
    """The released theta is averaged over the batch; there are no batch norms in the way."""
    torch.manual_seed(0)
    network = Generator(form, width=16).train(training)
    tiles = torch.cat(
        [torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), torch.ones(1, 3, 64, 64)]
    )
    with torch.no_grad():
        together, alone = network(tiles)[:1], network(tiles[:1])
    far = (together - alone).abs().max().item()
    assert far > 1e-5 if form == "released" else far < 1e-6


def test_the_parts_that_never_learn_in_the_release() -> None:
    """Four attentions and four stored copies; tests/test_models.py has the effective network."""
    torch.manual_seed(0)
    network = Generator("released", width=16)
    network(torch.rand(2, 3, 64, 64)).square().mean().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    parts = {".".join(name.split(".")[:3]) for name in silent}
    words = {f"stages.{i}.{part}" for i in (1, 3, 5, 7) for part in ("place", "channel", "pixel")}
    assert parts == words | {f"stages.{i}.flat_weight" for i in (0, 2, 4, 6)}


# The compact network's parts


def test_guides_choose_the_channels() -> None:
    """Four folded pixels of page and maps; without guides the network takes three channels."""
    page = torch.rand(1, 3, 64, 64)
    for names in ((), ("otsu",), ("sobel",), ("otsu", "sobel")):
        network = CompactGenerator(NARROW, guides=names).eval()
        assert network.stem.conv.in_channels == 4 * (3 + len(names))
        assert network.prepare(page).shape[1] == 3 + len(names)
        assert network(page).shape == (1, 1, 64, 64)
    with pytest.raises(ValueError, match="no guide is called"):
        CompactGenerator(NARROW, guides=("prewitt",))(page)


def test_each_part_can_be_taken_out() -> None:
    """What an argument takes out is gone, and nothing else is."""
    whole = CompactGenerator(NARROW)
    parts = {name for name, _ in whole.named_parameters()}
    without = {name for name, _ in CompactGenerator(NARROW, gate=False).named_parameters()}
    assert parts - without == {name for name in parts if ".gate." in name} and without < parts
    without = {name for name, _ in CompactGenerator(NARROW, attention=False).named_parameters()}
    assert parts - without == {name for name in parts if name.startswith("attention.")}
    for theta in (None, 0.0, 0.7):
        stem = CompactGenerator(NARROW, theta=theta).stem
        chosen = stem.choose_theta(torch.rand(2, 20, 8, 8))
        assert len(chosen.unique()) == (2 if theta is None else 1)
        assert theta is None or torch.allclose(chosen, torch.tensor(theta))
    stem, x = CompactGenerator(NARROW, theta=0.0).stem, torch.rand(1, 20, 8, 8)
    assert torch.allclose(stem(x), ra_gan.gated(stem.conv(x)), atol=1e-6)
    released = CompactGenerator(NARROW, form="released")
    assert released.stem.released and released.attention.released and released.blank == 0
    assert not whole.stem.released and not whole.attention.released and whole.blank > 0
