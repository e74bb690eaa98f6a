"""A fit from noisy images alone: it runs, goes on, opens no clean image, and is one file."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from docrestore import denoising, train, training, weights
from docrestore.denoising import PRESETS, denoise, fit_denoiser
from docrestore.made_noise import CalibratedNoise, calibration, load_noise, sample
from docrestore.models import MODELS
from docrestore.noisy import NoisyImages

SMALL = {"generator_arguments": {"widths": (8, 16), "depth": 1}}
TINY = replace(
    PRESETS["recommended"],
    steps=(6, 4),
    rounds=2,
    batch=(8, 4),
    patch=32,
    window=32,
    stride=8,
    pairs=SMALL,
)
HOW = {"progress": False, "precision": "float32"}


def folder(path: Path, poison: bool = False) -> Path:
    """Six noisy images, half flat and half striped, and their clean twins, poisoned or not."""
    path.mkdir(parents=True)
    rows = []
    for i in range(6):
        clean = np.full((72, 72), 0.3 + 0.05 * i, np.float32)
        clean[:, 40:] += 0.3 * (np.arange(32) % 8 > 3)
        noise = np.random.default_rng(i).normal(0, 0.1, clean.shape)
        np.save(path / f"noisy-{i}.npy", (clean + noise).astype(np.float32))
        np.save(path / f"clean-{i}.npy", np.full_like(clean, np.nan) if poison else clean)
        rows.append({"id": str(i), "split": "train", "degraded": f"noisy-{i}.npy"})
        rows[-1] |= {
            "clean": f"clean-{i}.npy",
            "group": str(i),
            "sha256": "",
            "noise": "gaussian-25",
        }
    with (path / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("rough", ["noisier", "game", "patches"])
def test_all_stages_run_and_are_not_repeated(tmp_path: Path, rough: str) -> None:
    """The stages are there by name; a second call returns the same without a step."""
    plan = replace(TINY, noise="patches") if rough == "patches" else replace(TINY, rough=rough)
    if rough == "game":
        game = SMALL | {"back_arguments": SMALL["generator_arguments"]}
        plan = replace(plan, game=game | {"critic_arguments": {"width": 4}})
    images = NoisyImages(folder(tmp_path / "set"))
    first = fit_denoiser(images, tmp_path / "run", preset=plan, **HOW)
    assert list(first.stages) == ["g2" if rough == "game" else "noisier", "g2g1", "g2g2"]
    assert first.chosen == min(
        first.report["selection"], key=lambda name: first.report["selection"][name]["total"]
    )
    assert first.report["smooth"]["windows"] >= 100
    assert len(first.report["games"]) == (0 if rough == "patches" else len(first.report["games"]))
    before = {path: path.read_bytes() for path in first.stages.values()}
    again = fit_denoiser(images, tmp_path / "run", preset=plan, **HOW)
    assert again.report == first.report
    assert {path: path.read_bytes() for path in again.stages.values()} == before
    assert json.loads((tmp_path / "run" / "report.json").read_text())["chosen"] == first.chosen


def test_poison_in_the_clean_column_changes_nothing(tmp_path: Path) -> None:
    """Same weights, same choice, whether the clean twins are right or not numbers at all."""
    fits = [
        fit_denoiser(NoisyImages(folder(tmp_path / name / "set", poison)), tmp_path / name / "run",
                     preset=TINY, **HOW)
        for name, poison in (("a", False), ("b", True))
    ]  # fmt: skip
    one, other = fits
    assert one.chosen == other.chosen and one.report["selection"] == other.report["selection"]
    for name in one.stages:
        assert one.stages[name].read_bytes() == other.stages[name].read_bytes()
    with pytest.raises(ValueError, match="NaN"):  # the released rule does open them
        fit_denoiser(
            NoisyImages(tmp_path / "b" / "set"), tmp_path / "c", preset=TINY, select="clean", **HOW
        )


def test_one_file_holds_denoiser_noise_and_report(tmp_path: Path) -> None:
    """`weights.load` gives the chosen denoiser, `load_noise` noise with the extracted deviation."""
    images = NoisyImages(folder(tmp_path / "set"))
    fitted = fit_denoiser(images, tmp_path / "run", preset=TINY, **HOW)
    path = fitted.save(tmp_path / "model.safetensors", scale={"span": 2.0})
    network = weights.load(path)
    noisy = images[0].degraded
    expected = denoise(fitted.denoiser, [noisy], "float32")[0]
    assert np.allclose(denoise(network, [noisy], "float32")[0], expected, atol=2e-3)  # half
    card = weights.card(path)
    assert card["task"] == "denoise" and card["scale"] == {"span": 2.0}
    assert card["report"]["chosen"] == fitted.chosen
    made = sample(load_noise(path, "noise"), 32, 32)
    assert 255 * made.std() == pytest.approx(fitted.report["smooth"]["noise_std"], rel=0.05)
    with pytest.raises(weights.WeightsError, match="has no part 'critic'; it has: noise"):
        weights.load_part(path, "critic")
    weights.complete_card(path, note="x")  # as the command line does
    assert np.array_equal(sample(load_noise(path, "noise"), 32, 32), made)


def test_another_fit_in_the_folder_is_refused(tmp_path: Path) -> None:
    """Other steps cannot go on from these checkpoints."""
    images = NoisyImages(folder(tmp_path / "set"))
    fit_denoiser(images, tmp_path / "run", preset=replace(TINY, rounds=0), **HOW)
    with pytest.raises(RuntimeError, match="other rounds, steps"):
        fit_denoiser(images, tmp_path / "run", preset=TINY, steps=(7, 4), **HOW)


def test_a_killed_fit_ends_with_the_same_bits(tmp_path: Path, monkeypatch) -> None:
    """Killed before its last round, it does that one alone; no estimates are left behind."""
    images = NoisyImages(folder(tmp_path / "set"))
    whole = fit_denoiser(images, tmp_path / "whole", preset=TINY, **HOW)
    done = []

    def dying(method, data, steps, run_dir, **options):
        done.append(run_dir.name)
        if run_dir.name == "g2g2" and done.count("g2g2") == 1:
            raise KeyboardInterrupt
        return training.fit(method, data, steps, run_dir, **options)

    monkeypatch.setattr(denoising, "fit", dying)
    with pytest.raises(KeyboardInterrupt):
        fit_denoiser(images, tmp_path / "run", preset=TINY, **HOW)
    again = fit_denoiser(images, tmp_path / "run", preset=TINY, **HOW)
    assert [name for name in done if name.startswith("g2g")] == ["g2g1", "g2g2", "g2g2"]
    assert again.chosen == whole.chosen
    for name in whole.stages:
        assert again.stages[name].read_bytes() == whole.stages[name].read_bytes()
    assert not (tmp_path / "run" / "estimates.npy").exists()


def test_minutes_become_steps_once(tmp_path: Path) -> None:
    """The trial's answer is kept, so that a killed fit goes on with the same steps."""
    images = NoisyImages(folder(tmp_path / "set"))
    plan = replace(TINY, rounds=0, steps=(3, 4))
    fit_denoiser(images, tmp_path / "run", preset=plan, minutes=0.01, **HOW)
    kept = json.loads((tmp_path / "run" / "steps.json").read_text())
    kept["steps"] = [5, 3]
    (tmp_path / "run2").mkdir()
    (tmp_path / "run2" / "steps.json").write_text(json.dumps(kept))
    again = fit_denoiser(images, tmp_path / "run2", preset=plan, minutes=0.01, **HOW)
    assert again.report["steps"] == [5, 3]


def test_unknown_words_are_refused(tmp_path: Path) -> None:
    """The sentences list what there is."""
    images = NoisyImages.of([np.zeros((64, 64), np.float32)])
    with pytest.raises(ValueError, match="preset must be one of quick, recommended"):
        fit_denoiser(images, tmp_path, preset="best")
    with pytest.raises(ValueError, match="select must be noisy or clean"):
        fit_denoiser(images, tmp_path, select="psnr")


@pytest.mark.parametrize("method", ["noise2void", "noise2clean", "gan2gan-noise"])
def test_the_trainer_learns_from_noisy_folders(tmp_path: Path, method: str, capsys) -> None:
    """`--task denoise` gives each method what it wants, and a card that names the images."""
    words = [method, "--data", str(folder(tmp_path / "set")), "--task", "denoise", "--steps", "2"]
    words += ["--batch", "2", "--patch", "32", "--run-dir", str(tmp_path / "run")]
    small = "{widths: [8, 16], depth: 1}" if method != "gan2gan-noise" else "{width: 8}"
    train.main([*words, "--set", f"generator_arguments={small}"])
    card = weights.card(tmp_path / "run" / "weights.safetensors")
    assert card["task"] == "denoise" and card["sets"] == ["set"] and card["patch"] == 32
    assert card["trained_on"] == [[f"set/{i}"] for i in range(6)]
    weights.load(tmp_path / "run" / "weights.safetensors")
    with pytest.raises(SystemExit, match="data_prep.noisy_set"):
        train.main([*words[:2], str(tmp_path), *words[3:]])


def test_calibrated_noise_has_the_values_of_the_extracted() -> None:
    """A Gaussian generator gives a mixture with long tails; mean 0, whatever its own."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    real = np.where(rng.random((64, 64, 64)) < 0.1, 0.06, 0.002) * rng.uniform(-1, 1, (64, 64, 64))
    network = MODELS["gan2gan-noise-field"]()
    table = calibration(sample(network, 64, 64), real + 0.3)
    made = sample(CalibratedNoise(network, **table), 64, 64, seed=1)
    assert made.std() == pytest.approx(real.std(), rel=0.02) and abs(made.mean()) < 1e-3
    levels = [0.001, 0.05, 0.25, 0.75, 0.95, 0.999]
    assert np.allclose(np.quantile(made, levels), np.quantile(real, levels), atol=2e-3)
    plain = CalibratedNoise(network)
    assert np.array_equal(sample(plain, 2, 16), sample(network, 2, 16))
