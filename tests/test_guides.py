"""The guide maps against the libraries that define them, and what empty paper does to Otsu."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.filters import threshold_otsu
from torch import Tensor

from docrestore import guides
from docrestore.images import to_tensor

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def noise(height: int, width: int, seed: int = 0, colour: bool = False) -> np.ndarray:
    shape = (height, width, 3) if colour else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def drawn(height: int = 300, width: int = 421, seed: int = 0) -> np.ndarray:
    """Strokes on paper that darkens to the right, with grain: uint8 (H, W)."""
    rng = np.random.default_rng(seed)
    page = np.linspace(235, 120, width) + rng.normal(0, 6, (height, width))
    for top in range(10, height - 10, 22):
        for left in range(8, width - 8, 15):
            page[top : top + 11, left : left + int(rng.integers(1, 5))] *= 0.4
    return page.clip(0, 255).astype(np.uint8)


def by_skimage(gray: np.ndarray) -> np.ndarray:
    """What is brighter than scikit-image's threshold; it calls a page of one grey all ink."""
    return gray > threshold_otsu(gray) if np.ptp(gray) else np.ones(gray.shape, bool)


def mask(page: np.ndarray, **how: object) -> np.ndarray:
    return guides.otsu_mask(to_tensor(page), **how)[0, 0].numpy().astype(bool)  # type: ignore


def spread(values: list[float]) -> Tensor:
    """One row of pixels as a page (1, 1, 1, W)."""
    return torch.tensor(values).reshape(1, 1, 1, -1)


# Otsu


@pytest.mark.parametrize("seed", range(6))
def test_otsu_is_that_of_scikit_image(seed: int) -> None:
    """On noise, on few levels, on strokes over uneven paper."""
    few = (noise(64, 70, seed) // 60 * 50 + 7).astype(np.uint8)
    skewed = (noise(90, 31, seed) / 255.0) ** (seed + 1)
    for gray in (noise(57, 83, seed), few, (skewed * 255).astype(np.uint8), drawn(seed=seed)):
        assert (mask(gray, patch=None, blank=0) == by_skimage(gray)).all()


def test_each_image_of_a_batch_has_its_own_threshold() -> None:
    """Together as alone."""
    pages = torch.cat([to_tensor(drawn(seed=i) // (i + 1)) for i in range(3)])
    together = guides.otsu_threshold(pages)
    assert together.shape == (3, 1, 1, 1)
    assert len(together.unique()) == 3
    for page, threshold in zip(pages, together, strict=True):
        assert torch.equal(guides.otsu_threshold(page[None])[0], threshold)


def test_otsu_by_hand() -> None:
    """The cut lies half a level above the last level of the dark class."""
    page = spread([10 / 255, 20 / 255, 200 / 255, 210 / 255])
    assert guides.otsu_threshold(page).item() == pytest.approx(20.5 / 255)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (256, 256), (300, 421), (513, 257)])
def test_windows_are_thresholded_one_by_one(size: tuple[int, int]) -> None:
    """Each whole window as scikit-image would have it; one that the page ends in is continued."""
    page = drawn(*size) if min(size) > 20 else noise(*size)
    found = mask(page, blank=0)
    assert found.shape == size
    more = ((0, -size[0] % 256), (0, -size[1] % 256))
    padded = np.pad(page, more, mode="edge") if max(size) > 256 else page
    for top in range(0, size[0], 256):
        for left in range(0, size[1], 256):
            window = (slice(top, top + 256), slice(left, left + 256))
            inside, wanted = found[window], by_skimage(padded[window])
            assert (inside == wanted[: inside.shape[0], : inside.shape[1]]).all()


def test_one_threshold_for_the_page_loses_what_lies_in_the_dark() -> None:
    """Where half of a page lies in shadow, the windows find its strokes and the page does not."""
    page = np.full((256, 512), 230, np.uint8)
    page[40:60, 40:200] = 60
    page[:, 256:] = 90
    page[40:60, 300:460] = 20
    paper = np.ones(page.shape, bool)
    paper[40:60, 40:200] = paper[40:60, 300:460] = False
    assert (mask(page) == paper).all()
    assert not mask(page, patch=None)[:, 256:].any()


@pytest.mark.parametrize("grey", [40, 128, 230])
def test_empty_paper_stays_empty_and_is_specks_in_the_release(grey: int) -> None:
    """Otsu always finds two classes: in grain it cuts the paper in two."""
    rng = np.random.default_rng(grey)
    page = (grey + rng.normal(0, 4, (300, 256))).round().astype(np.uint8)
    assert mask(page).all()
    assert 0.2 < mask(page, blank=0).mean() < 0.8


def test_a_window_of_one_grey_has_no_ink() -> None:
    """Without grain there is nothing to cut, in the release neither."""
    for blank in (0.0, guides.BLANK):
        assert mask(np.full((40, 40), 200, np.uint8), blank=blank).all()


def test_faint_writing_is_not_taken_for_empty_paper() -> None:
    """Ink counts from a difference of means of 0.12, which is 31 of 256 levels."""
    for drop, found in ((25, False), (36, True)):
        page = np.full((256, 256), 220, np.uint8)
        page[::8] -= drop
        assert bool((~mask(page)).any()) is found


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (40, 700), (1500, 37), (1024, 200)])
def test_a_page_read_in_bands_has_the_threshold_of_the_whole(
    size: tuple[int, int], colour: bool
) -> None:
    """`page_threshold` holds a few rows as floats at a time and answers the same number."""
    for blank in (0.0, guides.BLANK):
        page = noise(*size, colour=colour)
        whole = guides.otsu_threshold(guides.luminance(to_tensor(page)), blank)
        assert guides.page_threshold(page, blank) == whole.item()
        real = page.astype(np.float32) / 255
        assert guides.page_threshold(real, blank) == whole.item()
    faint = np.full((600, 8), 200, np.uint8)
    faint[::2] = 190
    assert guides.page_threshold(faint, guides.BLANK) == -1 < guides.page_threshold(faint)


def test_luminance_weighs_as_the_readers_do() -> None:
    """ITU-R 601-2, so that colour and grey pages give one mask; a grey page is left alone."""
    primaries = torch.eye(3).reshape(3, 3, 1, 1)
    assert guides.luminance(primaries).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])
    grey = torch.rand(2, 1, 5, 7)
    assert guides.luminance(grey) is grey
    repeated = guides.luminance(grey.expand(-1, 3, -1, -1))
    assert torch.allclose(repeated, grey, atol=1e-6)


# Sobel


def by_scipy(gray: np.ndarray) -> np.ndarray:
    """sqrt(gx^2 + gy^2) in 8-bit units, cut at 255, the border continued by its own pixels."""
    gray = gray.astype(float)
    return np.hypot(ndimage.sobel(gray, 0), ndimage.sobel(gray, 1)).clip(max=255)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 2), (33, 57), (64, 64)])
def test_sobel_is_that_of_scipy(size: tuple[int, int], device: str) -> None:
    """On steep noise, most of it cut, and on noise faint enough to be measured."""
    for page in (noise(*size), noise(*size) // 16):
        found = guides.sobel(to_tensor(page).to(device))
        assert found.device.type == device and found.dtype == torch.float32
        assert np.abs(found[0, 0].cpu().numpy() * 255 - by_scipy(page)).max() < 0.01


def test_sobel_by_hand() -> None:
    """A step of 10 levels answers 40 on both of its sides, whichever way it runs and falls."""
    step = torch.zeros(1, 1, 6, 6)
    step[..., 3:] = 10 / 255
    for page in (step, step.mT, 1 - step):
        edges = guides.sobel(page)
        edges = edges if page is not step.mT else edges.mT
        rows = (edges * 255).round().reshape(6, 6)
        assert sorted(set(rows.flatten().tolist())) == [0, 40]
        assert rows.sum() == 2 * 6 * 40
    assert guides.sobel(torch.full((1, 3, 8, 8), 0.3)).abs().max() < 1e-6


def test_sobel_sees_colour_as_grey() -> None:
    """The edges of a coloured page are those of its luminance."""
    page = to_tensor(noise(20, 31, colour=True))
    assert torch.equal(guides.sobel(page), guides.sobel(guides.luminance(page)))


# Together


@pytest.mark.parametrize("device", DEVICES)
def test_the_maps_stand_behind_the_page_in_the_order_asked_for(device: str) -> None:
    """Three channels of page, then the guides; a grey page is repeated."""
    for page in (to_tensor(drawn()).to(device), to_tensor(noise(9, 11, colour=True)).to(device)):
        maps = {"otsu": guides.otsu_mask(page), "sobel": guides.sobel(page)}
        for names in ((), ("sobel",), ("otsu", "sobel"), ("sobel", "otsu")):
            x = guides.with_guides(page, names)
            assert x.shape == (1, 3 + len(names), *page.shape[2:])
            assert x.dtype == page.dtype and x.device == page.device
            assert torch.equal(x[:, :3], page.expand(-1, 3, -1, -1))
            for name, channel in zip(names, x[0, 3:], strict=True):
                assert torch.equal(channel, maps[name][0, 0])
    assert torch.equal(guides.with_guides(page), guides.with_guides(page, guides.GUIDES))


def test_a_threshold_of_the_page_takes_the_place_of_the_tile_s() -> None:
    """A tile of a page is cut where the whole page is cut."""
    page = drawn(400, 500)
    threshold = guides.page_threshold(page)
    whole = guides.with_guides(to_tensor(page), patch=None, blank=0)
    tile = guides.with_guides(to_tensor(page[100:200, 300:]), threshold=threshold)
    assert torch.equal(tile[:, 3], whole[:, 3, 100:200, 300:])
    assert set(whole[:, 3].unique().tolist()) == {0.0, 1.0}


def test_an_unknown_guide_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"no guide is called prewitt; use any of otsu, sobel\."):
        guides.with_guides(torch.ones(1, 1, 4, 4), ("otsu", "prewitt"))


def test_a_black_frame_is_no_speckled_ink() -> None:
    """An empty window is paper to the last pixel, one from a scanner's black frame too."""
    frame = np.random.default_rng(0).integers(0, 4, (64, 64)).astype(np.uint8)
    assert mask(frame).all()
