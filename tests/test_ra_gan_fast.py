"""RA-GAN for use computes what RA-GAN computes: same parts, less work."""

import copy

import pytest
import torch
from torch import Tensor, nn

from docrestore.devices import Float32, keep_memory
from docrestore.guides import GUIDES
from docrestore.inference import folded, runner
from docrestore.models import ra_gan, ra_gan_compact
from docrestore.models.ra_gan_fast import QUICK, Gradient, fast

SIZES = [(33, 47), (1, 70), (64, 96), (97, 131)]
SMALL = {"widths": (8, 8, 16, 16, 16)}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def lively(network: nn.Module) -> nn.Module:
    """Numbers as after a training: no bias is 0, no norm is idle, and the answer has contrast."""
    torch.manual_seed(0)
    for name, values in network.named_parameters():
        if name.endswith("bias") and "flat_bias" not in name:
            nn.init.uniform_(values, -0.3, 0.3)
        if name.endswith("flat_bias"):
            nn.init.uniform_(values, -1, 1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.2, 0.2)  # type: ignore[arg-type]
            nn.init.uniform_(layer.running_var, 0.5, 2)  # type: ignore[arg-type]
    network.eval().requires_grad_(False)
    last, answers = network.out if isinstance(network.out, nn.Conv2d) else network.out.conv, []
    hook = last.register_forward_hook(lambda layer, given, answer: answers.append(answer))
    network(drawn(96, 128))
    hook.remove()
    spread, mean = torch.std_mean(answers[0], (0, 2, 3))
    last.weight.mul_(1.5 / spread[:, None, None, None])
    last.bias.sub_(mean).mul_(1.5 / spread)
    assert network(drawn(96, 128)).std() > 0.1
    return network


def drawn(height: int, width: int) -> Tensor:
    """Paper that darkens to one side, with strokes: (1, 3, H, W)."""
    torch.manual_seed(1)
    page = torch.linspace(0.5, 0.9, width).expand(1, 3, height, width).clone()
    page[..., ::9, :] *= 0.3
    page[..., ::13] *= 0.4
    return (page + 0.03 * torch.randn_like(page)).clamp(0, 1)


def generators() -> list:
    exact = [
        pytest.param(
            lambda f=form, p=patch: ra_gan.Generator(f, width=16, patch=p), id=f"{form}-{patch}"
        )
        for form in ra_gan.FORMS
        for patch in (None, 32)
    ]
    changes = [
        {},
        {"form": "released"},
        {"guides": ()},
        {"gate": False},
        {"theta": 0.7},
        {"attention": False},
    ]
    compact = [
        pytest.param(
            lambda c=change: ra_gan_compact.CompactGenerator(**SMALL, **c), id=f"compact-{change}"
        )
        for change in changes
    ]
    return exact + compact


@pytest.mark.parametrize("make", generators())
def test_the_function_is_the_same(make):
    network = lively(make())
    before = {key: value.clone() for key, value in network.state_dict().items()}
    quick = folded(network)
    with torch.inference_mode():
        for size in SIZES:
            page = drawn(*size)
            torch.testing.assert_close(quick(page), network(page), atol=1e-3, rtol=0)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("form", ra_gan.FORMS)
def test_a_page_is_not_changed_and_a_batch_is_restored_as_before(form):
    """Activations write where they read, but never into what they were given."""
    network = lively(ra_gan.Generator(form, width=16))
    pages = torch.cat([drawn(40, 72), 1 - drawn(40, 72)])
    given = network.prepare(pages)
    kept = given.clone()
    torch.testing.assert_close(folded(network)(given), network(given), atol=1e-3, rtol=0)
    assert torch.equal(given, kept)


@pytest.mark.parametrize("form", ra_gan.FORMS)
def test_in_bf16_it_is_as_near_to_float32_as_asked_for(form):
    """As initialised within 0.02; with contrast no farther off than the network part by part."""
    torch.manual_seed(0)
    network = ra_gan.Generator(form, width=32).eval().requires_grad_(False)
    page = drawn(96, 128)
    errors = []
    for given in (network, lively(copy.deepcopy(network))):
        with torch.inference_mode():
            wanted = given(page)
            with torch.autocast("cpu", torch.bfloat16):
                found, plain = folded(given)(page), given(page)
        assert found.dtype == torch.float32
        errors.append(((found - wanted).abs(), (plain - wanted).abs()))
    assert errors[0][0].max() <= 0.02
    assert errors[1][0].mean() <= 1.1 * errors[1][1].mean()


@pytest.mark.parametrize("form", ra_gan.FORMS)
def test_delicate_parts_stay_in_float32(form, monkeypatch):
    """With contrast, the answer in bf16 is much nearer to float32 than without them."""
    torch.manual_seed(0)
    network = lively(ra_gan.Generator(form, width=32)).eval().requires_grad_(False)
    page = drawn(96, 128)
    with torch.inference_mode():
        wanted = network(page)
    near = (runner(network, "bf16")(page) - wanted).abs().mean()
    monkeypatch.setattr(ra_gan.Generator, "delicate", ())
    far = (runner(network, "bf16")(page) - wanted).abs().mean()
    assert near < 0.8 * far
    assert not any(isinstance(part, Float32) for part in network.modules())


@pytest.mark.parametrize("kind", list(QUICK))
def test_no_part_is_left_as_it_was(kind):
    for network in (ra_gan.Generator(width=16), ra_gan_compact.CompactGenerator(**SMALL)):
        assert not any(type(part) is kind for part in own_parts(folded(network)))


def own_parts(network: nn.Module) -> list[nn.Module]:
    """All parts, but not those that a quick part keeps to ask for theta."""
    return [part for name, part in network.named_modules() if "given" not in name.split(".")]


@pytest.mark.parametrize("make", generators())
def test_a_constant_form_computes_the_same(make):
    """For OpenVINO: no kernel depends on the page."""
    network = lively(make())
    quick = folded(network, constant=True)
    assert not any(isinstance(part, Gradient) for part in quick.modules())
    page = drawn(40, 72)
    with torch.inference_mode():
        torch.testing.assert_close(quick(page), network(page), atol=1e-3, rtol=0)


def test_at_the_border_the_last_layer_sees_zeros_as_the_original_does():
    torch.manual_seed(0)
    last = ra_gan.Probability(6, 1).requires_grad_(False)
    x = torch.randn(2, 6, 5, 8)
    torch.testing.assert_close(fast(copy.deepcopy(last))(x), last(x), atol=1e-5, rtol=0)


def test_other_networks_stay_as_they_are():
    layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.ReLU()))
    parts = list(layers.modules())
    assert fast(layers) is layers and list(layers.modules()) == parts


def test_memory_is_kept_once_and_only_where_the_c_library_can(monkeypatch):
    keep_memory.cache_clear()
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert keep_memory() is False
    keep_memory.cache_clear()
    monkeypatch.undo()
    assert keep_memory() == keep_memory()


def test_guides_may_be_made_before():
    network = lively(ra_gan.Generator(width=16))
    page = drawn(40, 72)
    assert torch.equal(folded(network)(network.prepare(page)), folded(network)(page))
    assert network.prepare(page).shape[1] == 3 + len(GUIDES)
