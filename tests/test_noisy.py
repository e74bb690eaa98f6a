"""Noisy images, their crops, and smooth windows: what is drawn, and what is never opened."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep.noise import draw
from docrestore.noisy import NoisyAndNoise, NoisyCrops, NoisyImages
from docrestore.pixels import read_pixels
from docrestore.smooth import Smooth, SmoothWindowsError, choose, levelled, statistic


def scene(seed: int = 0, side: int = 160, sigma: float = 0.1) -> np.ndarray:
    """A flat upper half, a half of busy texture below, and white noise on both."""
    rng = np.random.default_rng(seed)
    clean = np.full((side, side), 0.5)
    busy = np.sin(np.arange(side) * 1.1) * (np.arange(side)[:, None] % 7 > 3)
    clean[side // 2 :] += 0.4 * busy[side // 2 :]
    return (clean + rng.normal(0, sigma, clean.shape)).astype(np.float32)


def folder(path: Path, count: int = 3, second: bool = True) -> Path:
    """A noisy set on disk: each clean image has its number as its grey level."""
    rows = []
    for i in range(count):
        clean = np.full((70, 90), i / 10, np.float32) + np.arange(90, dtype=np.float32) / 1000
        row = {"id": f"{i}", "split": "train" if i else "test", "group": f"{i}", "sha256": ""}
        for name, shift in (("degraded", 0.3), ("clean", 0.0), ("second", -0.3)):
            if name == "second" and not second:
                continue
            path.mkdir(exist_ok=True)
            np.save(path / f"{name}-{i}.npy", clean + np.float32(shift))
            row[name] = f"{name}-{i}.npy"
        rows.append(row)
    with (path / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_crops_of_all_columns_lie_at_one_place(tmp_path: Path) -> None:
    """The three differ by the noise alone, mirrored and turned alike; noise is not clipped."""
    images = NoisyImages(folder(tmp_path / "set"))
    crops = NoisyCrops(images, 32, seed=3, wants=("clean", "second"), quarter_turns=True)
    batch = crops.batch(5, 16)
    assert {name: tuple(one.shape) for name, one in batch.items()} == dict.fromkeys(
        ("degraded", "clean", "second"), (16, 1, 32, 32)
    )
    for name, shift in (("degraded", 0.3), ("second", -0.3)):
        assert np.allclose(batch[name] - batch["clean"], shift, atol=1e-6)
    assert batch["second"].min() < 0
    levels = {int(10 * one) for one in batch["clean"].amin((1, 2, 3)).tolist()}
    assert levels == {0, 1, 2}, "each image is drawn"


def test_a_batch_is_a_function_of_seed_step_and_index(tmp_path: Path) -> None:
    """Ranks share what one process draws alone; other steps and seeds draw other crops."""
    images = NoisyImages(folder(tmp_path / "set"))
    whole = NoisyCrops(images, 32, seed=1).batch(2, 6)["degraded"]
    again = NoisyCrops(images, 32, seed=1)
    for rank in range(2):
        assert np.array_equal(again.batch(2, 6, rank=rank, world=2)["degraded"], whole[rank::2])
    assert not np.array_equal(again.batch(3, 6)["degraded"], whole)
    assert not np.array_equal(NoisyCrops(images, 32, seed=2).batch(2, 6)["degraded"], whole)
    assert np.array_equal(again.batch(2, 3)["degraded"], whole[:3]), "size changes no crop"


def test_clean_and_second_are_opened_by_who_asks_alone(tmp_path: Path) -> None:
    """Poison in both columns: whoever wants neither sees nothing of it; whoever wants it fails."""
    path = folder(tmp_path / "set")
    for file in [*path.glob("clean-*"), *path.glob("second-*")]:
        file.write_bytes(b"poison")
    images = NoisyImages(path, split="train")
    assert len(images) == 2 and images.sets == ["set", "set"]
    assert NoisyCrops(images, 32).batch(0, 2)["degraded"].isfinite().all()
    with pytest.raises(ValueError):
        NoisyCrops(images, 32, wants=("clean",)).batch(0, 2)


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    """No manifest, no column, no such split, NaN, colour: a sentence each."""
    with pytest.raises(FileNotFoundError, match="data_prep.noisy_set"):
        NoisyImages(tmp_path)
    images = NoisyImages(folder(tmp_path / "set", second=False))
    with pytest.raises(ValueError, match="set/0 has no second image"):
        _ = images[0].second
    with pytest.raises(ValueError, match="no noisy images with split 'val' in set"):
        NoisyImages(tmp_path / "set", split="val")
    with pytest.raises(ValueError, match="own/0 holds NaN"):
        NoisyImages.of([np.full((8, 8), np.nan, np.float32)])
    with pytest.raises(ValueError, match=r"must be grey \(H, W\)"):
        NoisyImages.of([np.zeros((8, 8, 3), np.float32)])
    with pytest.raises(ValueError, match="wants may hold clean, second"):
        NoisyCrops(images, 32, wants=("truth",))


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_scaled_by_their_largest_value(tmp_path: Path, dtype, top: int) -> None:
    """Image files of 8 and 16 bits, and arrays of the same: white is 1, and 1 of them 1 / top."""
    pixels = np.array([[0, 1], [2, top]], dtype)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    for read in (read_pixels(tmp_path / "one.png"), pixels):
        image = NoisyImages.of([read])[0]
        assert image.degraded.dtype == np.float32
        assert np.allclose(image.degraded, pixels / top, atol=1e-7)


def test_small_images_are_continued_by_reflection() -> None:
    """An image of 20 x 50 gives crops of 32: no zero is added."""
    image = np.random.default_rng(0).uniform(0.5, 1, (20, 50)).astype(np.float32)
    assert NoisyCrops(NoisyImages.of([image]), 32).batch(0, 4)["degraded"].min() >= 0.5


def test_a_part_is_spread_over_the_set() -> None:
    images = NoisyImages.of([np.full((8, 8), i, np.float32) for i in range(10)])
    seen = {count: [one.pixels[0, 0] for one in images.spread(count)] for count in (3, 4, 0, 99)}
    assert seen == {3: [0, 3, 6], 4: [0, 2, 4, 6], 0: list(range(10)), 99: list(range(10))}


def test_the_statistic_is_that_of_each_window_alone() -> None:
    """All windows at once, by sums over the Haar bands, against one window after the other."""
    image = scene(1, 150)
    found = statistic(image, 96, 24)
    assert found.shape == (3, 3)  # 0, 24, 48; 54 is the last that would fit
    for row, column in ((0, 0), (1, 2), (2, 1)):
        part = image[24 * row : 24 * row + 96, 24 * column : 24 * column + 96].astype(float)
        a, b, c, d = part[::2, ::2], part[::2, 1::2], part[1::2, ::2], part[1::2, 1::2]
        bands = [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d]
        s = np.array([np.std(band / 2) for band in bands])
        assert found[row, column] == pytest.approx(np.abs(s - s.mean()).mean() / s.mean())


def test_the_statistic_agrees_with_pywavelets() -> None:
    """The same bands from a library made for them."""
    pywt = pytest.importorskip("pywt")
    image = scene(2, 98)
    approximation, details = pywt.dwt2(image[:96, :96].astype(float), "haar")
    s = np.array([approximation.std(), *(one.std() for one in details)])
    expected = np.abs(s - s.mean()).mean() / s.mean()
    assert statistic(image, 96, 24)[0, 0] == pytest.approx(expected)


def test_the_strict_bound_leaves_out_a_window_that_just_fits() -> None:
    """Start + window < side, as released: 96 pixels hold no window of 96, 97 hold one."""
    assert statistic(np.zeros((96, 300)), 96, 24).size == 0
    assert statistic(np.zeros((97, 97)), 96, 24).shape == (1, 1)


@pytest.mark.parametrize("law", ["normal", "uniform", "laplace"])
def test_white_noise_of_any_law_is_smooth(law: str) -> None:
    """Mean 0.010 +- 0.002 in windows of 96 pixels, as calibrated."""
    noise = getattr(np.random.default_rng(0), law)(size=(1500, 1500))
    assert statistic(noise, 96, 48).mean() == pytest.approx(0.010, abs=0.002)


def test_correlated_noise_is_as_smooth_as_calibrated() -> None:
    """Mean 0.12 +- 0.01 in windows of 96 pixels, though nothing but noise is there."""
    noise = draw("correlated-25", (1500, 1500), seed=0, index=0)
    assert statistic(noise, 96, 48).mean() == pytest.approx(0.12, abs=0.01)


def test_a_plane_is_forgiven_only_if_asked() -> None:
    """A slope makes a window unsmooth under the paper's rule; levelled, only noise is left."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.05, (130, 130)).astype(np.float32)
    tilted = noise + np.linspace(0, 0.4, 130, dtype=np.float32)[:, None]
    assert statistic(tilted, 64, 16).min() > 0.15
    assert statistic(tilted, 64, 16, level="plane").max() < 0.05
    assert levelled(tilted[:64, :64], "plane").std() == pytest.approx(
        noise[:64, :64].std(), rel=0.01
    )
    assert levelled(tilted[:64, :64]).std() > 0.06
    with pytest.raises(ValueError, match="level must be mean or plane"):
        statistic(noise, level="median")


def test_ranking_finds_the_flat_half() -> None:
    """The accepted windows lie where nothing is; their noise has the deviation of the noise."""
    images = NoisyImages.of([scene(i) for i in range(40)])
    smooth = choose(images, at_least=120, window=48, stride=8)
    assert len(smooth) == 120 and np.all(np.diff(smooth.statistic) >= 0)
    assert np.mean(smooth.places[:, 1] + 48 <= 80) > 0.95
    report = smooth.report()
    assert report["noise_std"] == pytest.approx(25.5, rel=0.03)
    assert report["lambda"] == smooth.statistic[-1]
    assert abs(report["autocorrelation"][1]) < 0.02
    assert report["contamination"] < 5


def test_more_windows_mean_more_scene() -> None:
    """Contamination, told from noisy images alone, rises with the share that is accepted."""
    images = NoisyImages.of([scene(i) for i in range(10)])
    found = [
        choose(images, at_least=count, window=48, stride=8).report()["contamination"]
        for count in (200, 1000, 1900)
    ]
    assert found[0] < found[1] < found[2]
    own = choose(images, at_least=None, window=48, stride=8)
    assert 100 <= len(own) < 1000 and own.report()["contamination"] < found[1]


def test_the_published_rule_accepts_in_order_until_the_cap() -> None:
    """A fixed lambda takes the first windows, smooth enough, and no more than the cap."""
    images = NoisyImages.of([scene(i) for i in range(10)])
    all_of_them = choose(images, 0.05, at_least=10, window=48, stride=8)
    assert np.all(all_of_them.statistic <= 0.05) and all_of_them.lam == 0.05
    few = choose(images, 0.05, at_least=10, cap=25, window=48, stride=8)
    assert np.array_equal(few.places, all_of_them.places[:25])
    counts = [len(choose(images, lam, at_least=0, window=48, stride=8)) for lam in (0.02, 0.1, 1)]
    assert counts == sorted(counts) and counts[0] < counts[2]


def test_too_few_windows_say_which_lambda_would_do() -> None:
    """The named lambda then accepts enough; where there are not enough windows, size is named."""
    images = NoisyImages.of([scene(i) for i in range(3)])
    with pytest.raises(SmoothWindowsError, match="Lambda [0-9.]+ would do") as caught:
        choose(images, 0.001, at_least=50, window=48, stride=8)
    lam = float(str(caught.value).split("Lambda ")[1].split(" ")[0])
    assert len(choose(images, lam, at_least=50, window=48, stride=8)) >= 50
    sentence = "larger images would do.* a stride below 24 or a window below 96"
    with pytest.raises(SmoothWindowsError, match=sentence):
        choose(images)


def smooth_of(images: NoisyImages) -> Smooth:
    return choose(images, at_least=30, window=48, stride=8)


def test_noise_comes_with_mean_zero_and_one_flip_for_both() -> None:
    """Noise crops have mean 0, and the deviation of the noise."""
    images = NoisyImages.of([scene(i) for i in range(3)])
    smooth = smooth_of(images)
    batch = NoisyAndNoise(images, smooth, 32, seed=1).batch(0, 8)
    assert batch["degraded"].shape == batch["noise"].shape == (8, 1, 32, 32)
    assert batch["noise"].mean((1, 2, 3)).abs().max() < 1e-6
    assert abs(batch["noise"].std().item() - 0.1) < 0.01
    again = NoisyAndNoise(images, smooth, 32, seed=1).batch(0, 8)
    assert np.array_equal(again["noise"], batch["noise"])
    apart = NoisyAndNoise(images, smooth, 32, seed=1, together=False).batch(0, 8)
    assert np.array_equal(apart["degraded"], batch["degraded"])
    assert not np.array_equal(apart["noise"], batch["noise"])
    with pytest.raises(ValueError, match="does not fit into smooth windows of 48"):
        NoisyAndNoise(images, smooth, 64)


def test_together_means_one_place_and_one_flip() -> None:
    """With windows as large as the images, the released rule cuts both crops at one place."""
    image = np.random.default_rng(0).normal(0.5, 0.1, (49, 49)).astype(np.float32)
    images = NoisyImages.of([image])
    smooth = choose(images, at_least=1, window=48, stride=8)
    batch = NoisyAndNoise(images, smooth, 32, seed=5).batch(0, 64)
    same = sum(
        np.allclose(noisy - noisy.mean(), noise, atol=1e-5)
        for noisy, noise in zip(batch["degraded"], batch["noise"], strict=True)
    )
    assert same > 5, "the noisy window starts at row and column 0 or 1, the smooth one at 0"
