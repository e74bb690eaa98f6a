"""Noise has the law it claims, and noisy sets keep it to the last bit."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep import manifest, noise, noisy_set
from data_prep.fetch import available, fetch
from data_prep.pairs import SourceError
from docrestore.images import read_gray, write
from docrestore.paths import here


def correlation(field: np.ndarray, down: int, right: int) -> float:
    """Of pixels that lie so far from each other; field (H, W)."""
    height, width = field.shape
    one = field[: height - down, : width - right]
    two = field[down:, right:]
    return float((one * two).mean() / (field * field).mean())


@pytest.mark.parametrize("cell", noise.CELLS)
def test_noise_is_as_strong_as_published_and_has_no_mean(cell):
    """The stds of the spec: 15 to 50; 2.78, 4.59, 17.68, 19.13; 0.7787 sigma."""
    published = {
        "mixture-15": 2.78, "mixture-25": 4.59, "mixture-30": 17.68, "mixture-50": 19.13,
        "correlated-15": 0.7787 * 15, "correlated-25": 0.7787 * 25,
    }  # fmt: skip
    wanted = published.get(cell, float(cell.rpartition("-")[2]))
    field = noise.draw(cell, (1200, 1200), seed=3)
    assert field.dtype == np.float32 and field.shape == (1200, 1200)
    assert field.std() == pytest.approx(wanted, rel=0.01)
    assert noise.standard_deviation(cell) == pytest.approx(wanted, rel=0.002)
    assert abs(field.mean()) < 0.02 * wanted


def test_the_shares_of_the_mixture():
    """With s = 15 seven pixels of ten are nearly untouched, one of ten is anywhere within 15."""
    size = np.abs(noise.draw("mixture-15", (1000, 1000)))
    assert size.max() <= 15
    assert (size > 4).mean() == pytest.approx(0.1 * 11 / 15, abs=0.002)  # no Gaussian comes there
    assert (size < 0.4).mean() == pytest.approx(0.7 + 0.2 * 0.311 + 0.1 * 0.4 / 15, abs=0.003)


def test_correlated_noise_is_correlated_as_published():
    """0.18 one pixel on, 0.10 at eight, nothing from sixteen on; alike down and right."""
    field = noise.draw("correlated-25", (2000, 2000))
    for lag, wanted in ((1, 0.18), (8, 0.10), (16, 0.0), (24, 0.0)):
        assert correlation(field, 0, lag) == pytest.approx(wanted, abs=0.02)
        assert correlation(field, lag, 0) == pytest.approx(wanted, abs=0.02)
    for cell in ("gaussian-25", "mixture-25"):
        assert abs(correlation(noise.draw(cell, (1000, 1000)), 0, 1)) < 0.005


def test_the_window_reaches_from_8_before_to_7_behind_without_one_pixel():
    """A single lit pixel shows the window turned round: it lights those that count it."""
    lit = np.zeros((40, 40))
    lit[20, 20] = 1
    counted = noise._around(lit)
    wanted = np.zeros((40, 40))
    wanted[20 - 7 : 20 + 9, 20 - 7 : 20 + 9] = 1
    wanted[21, 21] = 0  # its pixel (-1, -1) is the one left out
    assert np.allclose(counted, wanted, atol=1e-9)
    assert counted.sum() == pytest.approx(255)


def test_noise_is_a_pure_function_of_its_arguments():
    first = noise.draw("correlated-25", (32, 48), seed=1, index=2)
    assert np.array_equal(first, noise.draw("correlated-25", (32, 48), seed=1, index=2))
    for other in (
        noise.draw("correlated-25", (32, 48), seed=2, index=2),
        noise.draw("correlated-25", (32, 48), seed=1, index=3),
        noise.draw("correlated-25", (32, 48), seed=1, index=2, capture=1),
        noise.draw("correlated-15", (32, 48), seed=1, index=2),
    ):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("cell", ["gauss-25", "gaussian", "gaussian-0", "mixture-20", "x-nan", ""])
def test_what_is_no_noise_is_refused(cell):
    with pytest.raises(ValueError, match="no noise is called .* use one of gaussian-15"):
        noise.draw(cell, (8, 8))


def test_white_is_255_and_262_in_the_release():
    white = np.full((2, 3, 3), 255, np.uint8)
    assert noise.gray(white) == pytest.approx(np.full((2, 3), 255.0))
    assert noise.gray(white, noise.RELEASED_GRAY) == pytest.approx(np.full((2, 3), 262.65))


@pytest.mark.skipif(not available("bsd68"), reason="BSD68 is not here")
@pytest.mark.parametrize(("sigma", "published"), [(15, 24.61), (25, 20.17), (50, 14.15)])
def test_noisy_bsd68_has_the_published_psnr(tmp_path, sigma, published):
    mine = here("data")
    folder = fetch("bsd68", mine if (mine / "bsd68").is_dir() else tmp_path)
    values = []
    for index, row in enumerate(manifest.read(folder)):
        clean = read_gray(folder / row["clean"]).astype(np.float64)
        noisy = clean + noise.draw(f"gaussian-{sigma}", clean.shape, index=index)
        values.append(10 * np.log10(255**2 / np.mean((noisy - clean) ** 2)))
    assert len(values) == 68
    assert np.mean(values) == pytest.approx(published, abs=0.02)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A data folder of three clean images, one of them in colour."""
    folder, rng, rows = tmp_path / "clean_set", np.random.default_rng(0), []
    for name, size in (("a", (40, 30)), ("b", (30, 40)), ("c", (30, 30, 3))):
        write(folder / "clean" / f"{name}.png", rng.integers(0, 256, size, dtype=np.uint8))
        rows.append({"id": name, "split": "train", "clean": f"clean/{name}.png", "group": name})
    manifest.write(folder, rows)
    return folder


def test_a_noisy_set_holds_clean_plus_noise_unclipped(tmp_path, clean):
    out = noisy_set.prepare(tmp_path / "noisy", clean, "gaussian-50", seed=7, second=True)
    rows = manifest.read(out)
    manifest.verify(out)
    assert [(row["id"], row["split"], row["noise"], row["seed"]) for row in rows] == [
        (name, "train", "gaussian-50", "7") for name in "abc"
    ]
    first, second = (np.load(out / rows[1][column]) for column in ("degraded", "second"))
    page = read_gray(out / rows[1]["clean"])
    assert (out / rows[1]["clean"]).read_bytes() == (clean / "clean" / "b.png").read_bytes()
    assert first.dtype == np.float32 and first.shape == (30, 40)
    for capture, noisy in enumerate((first, second)):
        given = noise.draw("gaussian-50", (30, 40), seed=7, index=1, capture=capture)
        assert np.array_equal(noisy, (page + given) / np.float32(255))
    assert first.min() < 0 and first.max() > 1


def test_colour_becomes_gray_by_either_set_of_weights(tmp_path, clean):
    rgb = np.asarray(Image.open(clean / "clean" / "c.png"))
    for name, weights in noisy_set.WEIGHTS.items():
        out = noisy_set.prepare(tmp_path / name, clean, "gaussian-15", gray=name)
        row = manifest.read(out)[2]
        grays = np.load(out / row["clean"])
        assert row["clean"] == "clean/c.npy" and row["gray"] == name
        assert grays == pytest.approx(rgb.astype(float) @ weights / 255, abs=1e-5)
        given = noise.draw("gaussian-15", (30, 30), index=2)
        assert np.load(out / row["degraded"]) == pytest.approx(grays + given / 255, abs=1e-6)


def test_a_noisy_set_is_kept_or_made_anew_and_nothing_else_is_replaced(tmp_path, clean, capsys):
    out = tmp_path / "noisy"
    words = [str(out), "--from", str(clean), "--noise", "mixture-30"]
    assert noisy_set.main([*words, "--seed", "1"]) == 0
    assert "3 noisy images, mixture-30, seed 1" in capsys.readouterr().out
    before = (out / "manifest.csv").stat()
    assert noisy_set.main([*words, "--seed", "1"]) == 0
    assert (out / "manifest.csv").stat().st_ino == before.st_ino
    one = np.load(out / "degraded" / "a.npy")
    assert noisy_set.main([*words, "--seed", "2"]) == 0
    assert not np.array_equal(one, np.load(out / "degraded" / "a.npy"))
    assert not (out / "second").exists()
    for row in manifest.read(clean):  # other images under the old names
        write(clean / row["clean"], 255 - read_gray(clean / row["clean"]))
    assert noisy_set.main([*words, "--seed", "2"]) == 0
    assert np.array_equal(read_gray(out / "clean" / "a.png"), read_gray(clean / "clean" / "a.png"))
    with pytest.raises(SourceError, match="holds something else than a noisy set"):
        noisy_set.prepare(clean, out, "gaussian-25")
    with pytest.raises(ValueError, match="gray must be 0.114 or released, got '0.144'"):
        noisy_set.prepare(out, clean, "gaussian-25", gray="0.144")
    assert noisy_set.main([str(out), "--from", str(clean), "--noise", "rain-1"]) == 1
    assert "no noise is called 'rain-1'" in capsys.readouterr().err
