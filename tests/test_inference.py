"""Restoring a page of any size: what comes out is the page, whole and without seams."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from sample_pages import binarizer, drawn_page, noise
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from docrestore import images, inference
from docrestore.inference import GRID, binarize, restore
from docrestore.models import MODELS


class Identity(nn.Module):
    """Gives back what it gets, with a parameter as every network has."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return x.float()


def blur(x: Tensor) -> Tensor:
    """A network with a known reach of 24 pixels that, like most, pads with zeros."""
    kernel = torch.ones(1, 1, 49, 49) / 49**2
    return F.conv2d(x, kernel, padding=24)


@pytest.fixture
def network() -> nn.Module:
    return binarizer()


SIZES = [(1, 1), (1, 70), (3, 700), (64, 64), (65, 63), (97, 131), (200, 333), (257, 129)]
RESTORERS = [  # neither critics nor networks that make noise
    name
    for name, network in MODELS.items()
    if not name.endswith(("discriminator", "critic")) and not hasattr(network, "draw")
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("tile", "overlap"), [(64, 0), (64, 16), (70, 48), (32, 80), (1280, 320)])
def test_the_identity_gives_the_page_back_bit_by_bit(size, tile, overlap):
    page = noise(*size)
    assert (restore(Identity(), page, tile=tile, overlap=overlap) == page).all()


@pytest.mark.parametrize("size", SIZES)
def test_a_float_page_keeps_its_type_and_values(size):
    page = noise(*size).astype(np.float32) / 255
    restored = restore(Identity(), page, tile=64, overlap=16)
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, page, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 700), (17, 5), (33, 31)])
@pytest.mark.parametrize("name", RESTORERS)
def test_every_network_takes_every_size(name, size):
    small = MODELS[name](widths=(8, 16)) if name == "de_gan-compact" else MODELS[name]()
    restored = restore(small, noise(*size))
    assert restored.shape == size and restored.dtype == np.uint8


@pytest.mark.parametrize("name", ["de_gan-compact", "de_gan-pytorch"])
def test_folding_batch_norms_keeps_the_function_and_the_original(name):
    torch.manual_seed(0)
    plain = MODELS[name](widths=(8, 16)) if name == "de_gan-compact" else MODELS[name]()
    for layer in plain.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.2, 0.2)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    page = torch.rand(1, 1, 32, 32)
    short = inference.folded(plain)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in short.modules())
    with torch.inference_mode():
        torch.testing.assert_close(short(page), plain.eval()(page), atol=1e-4, rtol=1e-4)
    assert all((value == before[key]).all() for key, value in plain.state_dict().items())


def test_values_beyond_paper_and_ink_are_cut_not_wrapped():
    page = np.array([[0, 128, 255]], np.uint8)
    assert restore(lambda x: 1.5 * x - 0.1, page).tolist() == [[0, 167, 255]]


@pytest.mark.parametrize("height", [1, 31, 64, 100, 512, 1000, 2480, 20_000])
@pytest.mark.parametrize("width", [1, 70, 640, 3508, 20_000])
@pytest.mark.parametrize(
    ("tile", "overlap"), [(64, 16), (70, 0), (32, 256), (512, 96), (inference.TILE, 320)]
)
def test_windows_cover_the_page_and_start_on_the_grid(height, width, tile, overlap):
    tops, high, lefts, wide = inference._windows(height, width, tile, overlap)
    assert high * wide <= (tile + overlap) ** 2
    for side, starts, length in ((height, tops, high), (width, lefts, wide)):
        ends = [min(start + length, side) for start in starts]
        assert starts[0] == 0 and ends[-1] == side
        assert all(start % GRID == 0 for start in starts)
        assert all(end - after >= overlap for end, after in zip(ends, starts[1:], strict=False))
        assert all(end == start + length for start, end in zip(starts[:-1], ends[:-1], strict=True))


@pytest.mark.parametrize(
    ("size", "most"), [((3508, 2480), 1.24), ((10_000, 10_000), 1.5), ((1049, 4161), 1.08)]
)
def test_fitted_tiles_compute_little_twice(size, most):
    """Pixels seen over pixels of the page: an A4 page at 300 dpi, 100 Mpx, a strip."""
    tops, high, lefts, wide = inference._windows(*size, inference.TILE, 320)
    down = sum(min(top + high, size[0]) - top for top in tops)
    across = sum(min(left + wide, size[1]) - left for left in lefts)
    assert down * across < most * size[0] * size[1]


def test_inside_the_page_tiles_agree_with_the_whole():
    """What is farther from a tile's border than the network's reach comes out the same."""
    page = noise(300, 420).astype(np.float32) / 255
    whole = blur(torch.from_numpy(page)[None, None])[0, 0].numpy()
    tiled = restore(blur, page, tile=96, overlap=64)  # 7/16 of 64 are 28
    assert np.abs(tiled - whole).max() < 1e-5
    short = restore(blur, page, tile=96, overlap=32)
    assert np.abs(short - whole).max() > 1e-3


@pytest.mark.parametrize("tile", [128, 320, 512])
def test_another_tile_size_hardly_moves_the_soft_map(network, tile):
    page = drawn_page().astype(np.float32) / 255
    page[200:500, 300:700] *= 0.7  # a stain that is larger than what is left of a small tile
    moved = np.abs(restore(network, page, tile=tile) - restore(network, page)) >= 0.02
    assert moved.mean() <= 0.001


def test_no_seam_shows(network):
    """Steps of the soft map where one tile leads to the next are no larger than elsewhere.

    The page is the same all along its rows, so a step along a row comes from the network's own
    grid, which is everywhere, or from a seam.
    """
    line = drawn_page(640, 1)[:, 0].astype(np.float32) / 255
    page = np.repeat(line[:, None], 1100, axis=1)
    tile, overlap = 160, 128
    soft = restore(network, page, tile=tile, overlap=overlap)
    steps = np.abs(np.diff(soft, axis=1)).max(axis=0)
    starts = inference._windows(640, 1100, tile, overlap)[2]
    blended = np.zeros(len(steps), bool)
    for start in starts[1:]:
        blended[start - 1 : start + overlap] = True
    inside = np.ones(len(steps), bool)
    inside[:64] = inside[-64:] = False  # the border of the page is another matter
    assert len(starts) > 4 and blended.any() and (inside & ~blended).any()
    assert steps[blended & inside].max() <= steps[~blended & inside].max() + 0.01


def test_the_test_for_seams_sees_a_seam():
    """Without overlap a network that pads with zeros leaves dark lines; with it, none."""
    page = np.full((200, 640), 0.8, np.float32)
    seam = restore(blur, page, tile=256, overlap=0)[100, 40:-40]
    assert np.abs(np.diff(seam)).max() > 0.005
    whole = restore(blur, page, tile=256, overlap=64)[100, 40:-40]
    assert np.abs(np.diff(whole)).max() < 1e-4


@pytest.mark.parametrize("patch", [None, 64])
def test_guide_maps_are_those_of_the_whole_page_in_every_tile(patch):
    """Otsu's windows stand still while tiles move over them."""
    network = MODELS["ra_gan-compact"](widths=(8, 16, 16))
    network.patch = patch
    page = drawn_page(300, 420).astype(np.float32) / 255
    page[100:200, 100:300] *= 0.5
    mask = network.prepare(images.to_tensor(page))[0, 3].numpy()
    show = inference.Prepared(lambda seen: seen[:, 3:4], network)
    for tile in (64, 96, 160):
        assert np.abs(restore(show, page, tile=tile, overlap=16) - mask).max() < 1e-6
    assert 0.1 < mask.mean() < 0.9


@pytest.mark.parametrize("grey", [255, 235, 200])
def test_a_blank_page_stays_blank(network, grey):
    page = np.full((300, 260), grey, np.uint8)
    assert binarize(restore(network, page)).all()
    grain = (page + np.random.default_rng(0).normal(0, 2, page.shape)).clip(0, 255)
    assert binarize(restore(network, grain.astype(np.uint8))).all()


def test_paper_begins_at_the_threshold():
    assert binarize(np.array([[127, 128]], np.uint8)).tolist() == [[False, True]]
    assert binarize(np.array([[0.49, 0.5]], np.float32)).tolist() == [[False, True]]
    assert binarize(np.array([[200]], np.uint8), 0.9).tolist() == [[False]]


def test_progress_rises_to_one():
    shares: list[float] = []
    restore(Identity(), noise(150, 150), tile=64, overlap=16, progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 4


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 4, 4), (4,)])
def test_what_is_no_page_is_refused(shape):
    with pytest.raises(ValueError, match=r"page must be shaped \(H, W\)"):
        restore(Identity(), np.zeros(shape, np.uint8))


@pytest.mark.parametrize(("tile", "overlap"), [(31, 0), (0, 0), (128, -1)])
def test_impossible_tiles_are_refused(tile, overlap):
    with pytest.raises(ValueError, match="tile must be at least"):
        restore(Identity(), noise(9, 9), tile=tile, overlap=overlap)


def test_memory_grows_with_the_width_of_a_page_not_its_area():
    """Peak memory of numpy while pages of 4 and 16 Mpx with the same width are restored."""
    code = """
        import tracemalloc, numpy as np
        from docrestore.inference import restore
        tracemalloc.start()
        for height in (4000, 16000):
            page = np.full((height, 1000), 200, np.uint8)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            restore(lambda x: x, page, tile=512, overlap=64)
            print(tracemalloc.get_traced_memory()[1] - before - page.nbytes)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    small, large = map(int, done.stdout.split())
    assert large - small < 1_000_000 and large < 20_000_000
