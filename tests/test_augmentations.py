"""RA-GAN's augmentation as released and repaired: the same draws, with and without defects."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from docrestore import augmentations
from docrestore.augmentations import AugmentedCrops, released, repaired
from docrestore.data import Crops, Pair
from docrestore.guides import otsu_mask, sobel, with_guides
from docrestore.images import to_tensor
from docrestore.methods.ra_gan import RAGAN
from docrestore.training import fit

BOTH = pytest.mark.parametrize("augmentation", [released, repaired])


def written(height: int = 96, width: int = 120, seed: int = 0) -> Pair:
    """Brown strokes on bright paper with grain; the truth knows the strokes."""
    rng = np.random.default_rng(seed)
    clean = np.full((height, width), 255, np.uint8)
    for top in range(6, height - 10, 14):
        for left in range(0, width - 6, 10):
            clean[top : top + 9, left : left + 3] = 0
    paper = np.array([230, 215, 190]) + rng.normal(0, 3, (height, width, 3))
    rgb = np.where(clean[..., None] == 0, np.array([90, 60, 40]), paper).round().astype(np.uint8)
    gray = np.asarray(Image.fromarray(rgb).convert("L"))
    return Pair(str(seed), "written", gray, clean, {}, rgb)


def varied(
    augmentation, monkeypatch, *, angle=0.0, jitter=None, page=None
) -> tuple[Tensor, Tensor]:
    """What an augmentation makes of a page, given what it would draw."""
    monkeypatch.setattr(augmentations, "_draw", lambda rng: (angle, jitter))
    pair = written()
    return augmentation(pair.rgb if page is None else page, pair.clean, np.random.default_rng(0))


def coloured(*rgb: int) -> np.ndarray:
    """A page of one colour, as large as `written`."""
    return np.full((96, 120, 3), rgb, np.uint8)


def first_pixel(x: Tensor) -> list[int]:
    return (x[:3, 0, 0] * 255).round().int().tolist()


def test_without_a_change_both_are_the_page_with_its_maps(monkeypatch) -> None:
    """Five channels float32 in [0, 1], a truth of 0 and 1; Otsu as the release or as we do."""
    pair = written()
    for augmentation, blank in ((released, 0.0), (repaired, None)):
        x, y = varied(augmentation, monkeypatch)
        more = {} if blank is None else {"blank": blank}
        assert torch.equal(x, with_guides(to_tensor(pair.rgb), **more)[0])
        assert torch.equal(y, to_tensor(pair.clean)[0])
        assert x.dtype == y.dtype == torch.float32
        assert x.shape == (5, 96, 120) and y.shape == (1, 96, 120)


# Turning


def test_the_released_sobel_map_stays_behind_when_the_page_turns(monkeypatch) -> None:
    """Edges where no edges are; repaired, the map is that of the page that the network sees."""
    pair = written()
    for angle in (-8.0, 8.0):
        x, _ = varied(released, monkeypatch, angle=angle)
        assert torch.equal(x[4:], sobel(to_tensor(pair.rgb))[0])
        middle = (slice(30, 66), slice(30, 90))  # the corners have edges of their own
        assert (x[4] - sobel(x[None, :3])[0, 0]).abs()[middle].mean() > 0.2
        x, _ = varied(repaired, monkeypatch, angle=angle)
        assert torch.equal(x[None, 4:], sobel(x[None, :3]))
        assert torch.equal(x[None, 3:4], otsu_mask(x[None, :3]))


def test_the_released_corners_are_black_paper(monkeypatch) -> None:
    """Ink in the page, paper in mask and truth; repaired, what is there is told as it is."""
    x, y = varied(released, monkeypatch, angle=10.0)
    assert x[:3, 0, 0].max() == 0 and x[3, 0, 0] == y[0, 0, 0] == 1
    black = x[:3].amax(0) == 0
    assert black.float().mean() > 0.05 and y[0][black].min() == 1
    x, y = varied(repaired, monkeypatch, angle=10.0)
    assert x[:3].amax(0).min() > 0.2
    assert ((x[:3].mean(0) > 0.55).float() == y[0]).float().mean() > 0.97


@BOTH
@pytest.mark.parametrize("angle", [-10.0, 3.0, 10.0])
def test_page_and_truth_turn_alike(augmentation, angle: float, monkeypatch) -> None:
    """In the middle ink lies on ink, and the truth has but two values."""
    x, y = varied(augmentation, monkeypatch, angle=angle)
    middle = (slice(24, 72), slice(24, 96))
    page, mask, truth = x[:3].mean(0)[middle], x[3][middle], y[0][middle]
    assert ((page > 0.55).float() == truth).float().mean() > 0.97
    assert (mask == truth).float().mean() > 0.97
    assert set(y.unique().tolist()) == set(x[3].unique().tolist()) == {0.0, 1.0}
    still = to_tensor(written().clean)[0, 0][middle]
    assert (truth == still).float().mean() < 0.95


# Jitter


@pytest.mark.parametrize(
    ("value", "factor", "wrapped", "clipped"),
    [(230, 1.2, 20, 255), (213, 1.2, 255, 255), (214, 1.2, 0, 255), (100, 0.8, 80, 80)],
)
def test_released_brightness_wraps_around(
    value: int, factor: float, wrapped: int, clipped: int, monkeypatch
) -> None:
    """230 * 1.2 is 276, and 276 - 256 is 20: bright paper becomes black, and stays paper."""
    page, jitter = coloured(value, value, value), (factor, 1.0, 1.0, 0.0)
    for augmentation, wanted in ((released, wrapped), (repaired, clipped)):
        x, _ = varied(augmentation, monkeypatch, jitter=jitter, page=page)
        assert first_pixel(x) == [wanted] * 3


def test_released_maps_are_those_of_the_page_before(monkeypatch) -> None:
    """Bright paper wraps around and is darker than its ink, while the mask still calls it paper."""
    jitter, ink = (1.2, 1.0, 1.0, 0.0), written().clean == 0
    x, _ = varied(released, monkeypatch, jitter=jitter)
    assert x[0, ~ink].max() < x[0, ink].min() and x[3, ~ink].min() == 1
    x, _ = varied(repaired, monkeypatch, jitter=jitter)
    assert x[0, ~ink].min() > x[0, ink].max()
    assert torch.equal(x, with_guides(x[None, :3])[0])


@pytest.mark.parametrize(
    ("colour", "factor", "shift", "cut", "round_"),
    [
        ((200, 0, 0), 1.0, -20.0, [200, 0, 0], [200, 0, 133]),  # 0 - 20: red, or 160 of 180
        ((200, 0, 0), 1.0, 20.0, [200, 133, 0], [200, 133, 0]),
        ((200, 0, 33), 1.2, 25.0, [33, 200, 0], [33, 200, 0]),  # 175 * 1.2 + 25 = 235, or 55
        ((120, 120, 120), 1.2, 25.0, [120] * 3, [120] * 3),
    ],
)
def test_released_hue_is_cut_and_repaired_goes_round(
    colour: tuple[int, int, int],
    factor: float,
    shift: float,
    cut: list[int],
    round_: list[int],
    monkeypatch,
) -> None:
    """Hue is half the angle: 0 red, 30 yellow, 60 green, 120 blue, 179 red again."""
    for augmentation, wanted in ((released, cut), (repaired, round_)):
        x, _ = varied(
            augmentation, monkeypatch, jitter=(1.0, 1.0, factor, shift), page=coloured(*colour)
        )
        assert first_pixel(x) == wanted


def test_more_and_less_saturation(monkeypatch) -> None:
    """200 of 255 times 0.8 is 160; the largest is 255."""
    for factor, lowest in ((0.8, 255 - 160), (1.2, 255 - 240)):
        jitter = (1.0, factor, 1.0, 0.0)
        x, _ = varied(repaired, monkeypatch, jitter=jitter, page=coloured(255, 55, 55))
        assert first_pixel(x) == [255, lowest, lowest]
    x, _ = varied(repaired, monkeypatch, jitter=jitter, page=coloured(255, 10, 10))
    assert first_pixel(x) == [255, 0, 0]


def test_a_jitter_by_one_changes_next_to_nothing(monkeypatch) -> None:
    """Through 8-bit hue and back: a few levels, as hue has 180 steps only."""
    rng = np.random.default_rng(0)
    page = rng.integers(0, 256, (96, 120, 3), dtype=np.uint8)
    for augmentation in (released, repaired):
        x, _ = varied(augmentation, monkeypatch, jitter=(1.0, 1.0, 1.0, 0.0), page=page)
        assert np.abs(x[:3].permute(1, 2, 0).numpy() * 255 - page).max() < 6


# Draws


def test_what_is_drawn_as_often_as_the_paper_says() -> None:
    """Three in ten are turned by up to 10 degrees; half get factors of 0.8 to 1.2."""
    rng = np.random.default_rng(0)
    angles, jitters = zip(*(augmentations._draw(rng) for _ in range(4000)), strict=True)
    angles = np.array(angles)
    jitters = np.array([jitter for jitter in jitters if jitter])
    assert (angles != 0).mean() == pytest.approx(0.3, abs=0.03)
    assert len(jitters) == pytest.approx(2000, abs=120)
    assert -10 <= angles.min() < -9.5 and 9.5 < angles.max() <= 10
    assert (jitters[:, :3].min(0) < 0.81).all() and (jitters[:, :3].max(0) > 1.19).all()
    assert np.abs(jitters[:, 3]).max() == pytest.approx(25.5, abs=0.3)


@BOTH
def test_a_pure_function_of_the_generator(augmentation) -> None:
    """The same numbers give the same bits, other numbers others; the arguments stay as they are."""
    pair = written()
    rgb, clean = pair.rgb.copy(), pair.clean.copy()
    ten = [augmentation(rgb, clean, np.random.default_rng(seed))[0] for seed in range(10)]
    again = [augmentation(rgb, clean, np.random.default_rng(seed))[0] for seed in range(10)]
    assert all(torch.equal(a, b) for a, b in zip(ten, again, strict=True))
    assert len({tuple(x.flatten().tolist()) for x in ten}) > 4
    assert (rgb == pair.rgb).all() and (clean == pair.clean).all()
    one, two = np.random.default_rng(5), np.random.default_rng(5)
    released(rgb, clean, one), repaired(rgb, clean, two)
    assert one.random() == two.random()  # both have drawn the same


# Crops


@BOTH
def test_batches_of_five_channels(augmentation) -> None:
    """The contract of `Crops.batch`, from grey pages and from pages in colour."""
    for page in (written(), replace(written(), rgb=None)):
        batch = AugmentedCrops([page], augmentation, 64).batch(0, 3)
        assert batch["degraded"].shape == (3, 5, 64, 64)
        assert batch["clean"].shape == (3, 1, 64, 64)
        for side in batch.values():
            assert side.dtype == torch.float32 and 0 <= side.min() and side.max() <= 1


def test_crops_are_a_pure_function_and_shared_by_ranks() -> None:
    """Nothing depends on what was asked before; the ranks' crops are those of one process."""
    pages = [written(seed=seed) for seed in range(3)]
    crops = AugmentedCrops(pages, released, 48, seed=4)
    whole = crops.batch(7, 6)
    crops.batch(1, 2)
    for rank in range(3):
        part = AugmentedCrops(pages, released, 48, seed=4).batch(7, 6, rank=rank, world=3)
        for side, value in part.items():
            assert torch.equal(value, whole[side][rank::3])
    for other in (crops.batch(8, 6), AugmentedCrops(pages, released, 48, seed=5).batch(7, 6)):
        assert not torch.equal(other["degraded"], whole["degraded"])


def test_the_windows_are_those_of_plain_crops() -> None:
    """So two augmentations are compared on the same pieces of page."""
    pages = [written(seed=seed) for seed in range(3)]
    plain = Crops(pages, 48, seed=4, augment=False).batch(2, 8)

    def unchanged(page: np.ndarray, clean: np.ndarray, rng: object) -> tuple[Tensor, Tensor]:
        return to_tensor(page)[0], to_tensor(clean)[0]

    found = AugmentedCrops(pages, unchanged, 48, seed=4).batch(2, 8)
    for side, value in plain.items():
        assert torch.equal(found[side], value)


@BOTH
def test_the_network_trains_on_them(augmentation, tmp_path) -> None:
    """Five channels go into the generator as they are."""
    torch.manual_seed(0)
    method = RAGAN("ra_gan-compact", {"widths": (8, 8, 16, 16, 16)}, critic_arguments={"width": 8})
    crops = AugmentedCrops([written()], augmentation, 32)
    log = fit(method, crops, 2, tmp_path, batch=2, progress=False, device="cpu", log_every=1)
    assert [row["step"] for row in log] == [1, 2] and "critic" in log[0]
