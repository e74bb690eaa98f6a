"""A fit from noisy images alone: it runs, goes on, opens no clean image, and is one file."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from docrestore import denoising, train, training, weights
from docrestore.denoising import PRESETS, Preset, denoise, fit_denoiser
from docrestore.held_out import held_out
from docrestore.made_noise import CalibratedNoise, calibration, load_noise, sample
from docrestore.methods.noise_game import less_plane
from docrestore.models import MODELS
from docrestore.noisy import NoisyImages
from docrestore.smooth import autocorrelation, levelled

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


def folder(
    path: Path, poison: bool = False, *, split: str = "train", seed: int = 1, tilt: float = 0.0
) -> Path:
    """Six noisy images, half flat and half striped, and their clean twins, poisoned or not."""
    path.mkdir(parents=True)
    rows = []
    for i in range(6):
        clean = np.full((72, 72), 0.3 + 0.05 * i, np.float32)
        clean[:, 40:] += 0.3 * (np.arange(32) % 8 > 3)
        clean += np.float32(tilt) * np.arange(72, dtype=np.float32)[:, None] / 72
        noise = np.random.default_rng(i).normal(0, 0.1, clean.shape)
        np.save(path / f"noisy-{i}.npy", (clean + noise).astype(np.float32))
        np.save(path / f"clean-{i}.npy", np.full_like(clean, np.nan) if poison else clean)
        rows.append({"id": str(i), "split": split, "degraded": f"noisy-{i}.npy"})
        rows[-1] |= {
            "clean": f"clean-{i}.npy",
            "group": str(i),
            "sha256": "",
            "noise": "gaussian-25",
            "seed": str(seed),
        }
    with (path / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


ROUGH = ("noisier", "game", "patches")


def tiny(rough: str) -> Preset:
    """A small fit whose first estimate comes from there."""
    if rough == "patches":
        return replace(TINY, noise="patches")
    game = SMALL | {
        "back_arguments": SMALL["generator_arguments"],
        "critic_arguments": {"width": 4},
    }
    return replace(TINY, rough=rough, game=game if rough == "game" else {})


@pytest.mark.parametrize("rough", ROUGH)
def test_all_stages_run_and_are_not_repeated(tmp_path: Path, rough: str) -> None:
    """The stages are there by name; a second call returns the same without a step."""
    plan = tiny(rough)
    images = NoisyImages(folder(tmp_path / "set"))
    first = fit_denoiser(images, tmp_path / "run", preset=plan, **HOW)
    assert list(first.stages) == ["g2" if rough == "game" else "noisier", "g2g1", "g2g2"]
    assert first.chosen == min(
        first.report["selection"], key=lambda name: first.report["selection"][name]["total"]
    )
    assert first.report["smooth"]["windows"] >= 100
    games = len(first.report["games"])
    assert games == 0 if rough == "patches" else 1 <= games <= denoising.TRIES
    before = {path: path.read_bytes() for path in first.stages.values()}
    again = fit_denoiser(images, tmp_path / "run", preset=plan, **HOW)
    assert again.report == first.report
    assert {path: path.read_bytes() for path in again.stages.values()} == before
    assert json.loads((tmp_path / "run" / "report.json").read_text())["chosen"] == first.chosen


@pytest.mark.parametrize("rough", ROUGH)
def test_poison_in_the_clean_column_changes_nothing(tmp_path: Path, rough: str) -> None:
    """Same weights, same choice, whether the clean twins are right or not numbers at all."""
    fits = [
        fit_denoiser(NoisyImages(folder(tmp_path / name / "set", poison)), tmp_path / name / "run",
                     preset=tiny(rough), **HOW)
        for name, poison in (("a", False), ("b", True))
    ]  # fmt: skip
    one, other = fits
    assert one.chosen == other.chosen and one.report["selection"] == other.report["selection"]
    for name in one.stages:
        assert one.stages[name].read_bytes() == other.stages[name].read_bytes()
    with pytest.raises(ValueError, match="NaN"):  # the released rule does open them
        fit_denoiser(
            NoisyImages(tmp_path / "b" / "set"), tmp_path / "c", preset=tiny(rough),
            select="clean", **HOW,
        )  # fmt: skip


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


def test_the_best_game_is_kept_in_the_units_of_the_images(tmp_path: Path, monkeypatch) -> None:
    """Noise of 0.02 is played for as noise of 0.1; stage three and the file get 0.02 again.

    No game is good enough here, so three are played, each with a seed of its own.
    """
    monkeypatch.setattr(denoising, "TOLERANCE", -1.0)
    rng = np.random.default_rng(0)
    images = NoisyImages.of([rng.normal(0.5, 0.02, (72, 72)).astype(np.float32) for _ in range(6)])
    plan = replace(TINY, rounds=0, steps=(60, 2), calibrate=False)
    fitted = fit_denoiser(images, tmp_path / "run", preset=plan, **HOW)
    games = fitted.report["games"]
    assert len({one["seed"] for one in games}) == len({one["std_ratio"] for one in games}) == 3
    best = min(games, key=lambda one: abs(one["std_ratio"] - 1))
    made = sample(load_noise(fitted.noise), 256, 32)
    real = fitted.report["smooth"]["noise_std"] / 255
    assert made.std() / real == pytest.approx(best["std_ratio"], rel=0.02)
    assert made.mean() == pytest.approx(best["mean"], abs=1e-5)
    fitted.save(tmp_path / "model.safetensors")
    again = sample(load_noise(tmp_path / "model.safetensors", "noise"), 256, 32)
    assert again.std() == pytest.approx(made.std(), rel=0.01)


def test_whole_groups_are_held_out(tmp_path: Path) -> None:
    """No capture of a scene that judges is learnt from; there are never more judges than 16."""
    groups = [f"scene {i // 5}" for i in range(60)]
    held, kept = held_out(groups)
    assert held and not {groups[i] for i in held} & {groups[i] for i in kept}
    held, kept = held_out([f"field {i // 50}" for i in range(1000)])
    assert len(held) <= 16 and not {i // 50 for i in held} & {i // 50 for i in kept}
    held, kept = held_out([""] * 400)
    assert len(held) == 16 and sorted(held + kept) == list(range(400))
    path = folder(tmp_path / "set") / "manifest.csv"
    rows = list(csv.DictReader(path.open()))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"group": str(i // 2)} for i, row in enumerate(rows))
    fitted = fit_denoiser(
        NoisyImages(path.parent), tmp_path / "run", preset=replace(TINY, rounds=0), **HOW
    )
    learnt = json.loads((tmp_path / "run" / "plan.json").read_text())["images"]
    assert fitted.report["held_out"] == ["set/2", "set/3"]
    assert learnt == ["set/0", "set/1", "set/4", "set/5"]


def test_the_released_presets_are_the_released_ones() -> None:
    """A fixed lambda in the order of the images; more rounds for microscopes, U-Nets for CT."""
    plan = PRESETS["faithful-microscope"]
    images = NoisyImages.of([np.random.default_rng(0).normal(0, 1, (400, 400))])
    smooth = plan.smooth(images)
    assert smooth.lam == 0.42 and len(smooth) == smooth.looked_at, "white noise passes, in order"
    assert np.array_equal(smooth.places[:, 1], np.sort(smooth.places[:, 1]))
    assert plan.smooth(images, 0.2).lam == 0.2 and PRESETS["faithful"].lam == 0.1
    assert plan.pairs_method("patches").model == "dncnn"
    ct = PRESETS["faithful-ct"]
    assert (plan.rounds, ct.rounds, ct.batch[1], ct.lam) == (7, 3, 4, 0.15)
    assert ct.game_method().model == "gan2gan-unet"
    method = ct.pairs_method("patches")
    assert method.model == "gan2gan-unet" and method.schedule == "released"
    assert "restorer" not in method.networks, "no running average"


def test_a_game_that_nobody_plays_is_refused() -> None:
    """Patches as noise leave the paper's g2 without a game."""
    with pytest.raises(ValueError, match="plays no game"):
        replace(PRESETS["game"], noise="patches")
    with pytest.raises(ValueError, match="rough"):
        replace(PRESETS["recommended"], rough="smooth")


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
    with pytest.raises(ValueError, match="select must be one of error, residual, clean"):
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
    assert card.get("unit") == (1.0 if method == "gan2gan-noise" else None)
    with pytest.raises(SystemExit, match="data_prep.noisy_set"):
        train.main([*words[:2], str(tmp_path), *words[3:]])


def test_the_trainer_leaves_out_what_it_is_told_to(tmp_path: Path, capsys) -> None:
    """Images by "set/id", as pages; what noise forbids is refused and not ignored."""
    words = ["noise2void", "--data", str(folder(tmp_path / "set")), "--task", "denoise"]
    words += ["--steps", "1", "--batch", "2", "--patch", "32", "--run-dir", str(tmp_path / "run")]
    words += ["--set", "generator_arguments={widths: [8, 16], depth: 1}"]
    train.main([*words, "--leave-out", "set/1", "set/4"])
    card = weights.card(tmp_path / "run" / "weights.safetensors")
    assert card["left_out"] == ["set/1", "set/4"]
    assert card["trained_on"] == [[f"set/{i}"] for i in (0, 2, 3, 5)]
    with pytest.raises(SystemExit, match="no set/9 to leave out"):
        train.main([*words, "--leave-out", "set/9"])
    for option in ("--old", "--zoom", "--turned"):
        with pytest.raises(SystemExit, match=f"--task denoise has no {option}"):
            train.main([*words, option, "1.0"])


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


def test_wider_windows_are_taken_as_long_as_they_hold_no_scene() -> None:
    """Slow waves make a small window look rough; stripes that only large ones reach are scene."""
    rng = np.random.default_rng(0)
    plan = PRESETS["recommended"]
    waves = gaussian_filter(rng.normal(size=(40, 200, 200)), (0, 3, 3), mode="wrap")
    slow = 0.05 * waves / waves.std() + rng.normal(0, 0.05, waves.shape)
    wide = plan.smooth(NoisyImages.of(list((0.5 + slow).astype(np.float32))))
    narrow = replace(plan, wider=0).smooth(wide.images)
    assert (wide.window, narrow.window) == (96, 64)
    true = autocorrelation(slow, 4)[4]
    found, small = (autocorrelation(one.noise(), 4)[4] for one in (wide, narrow))
    assert small < found < 1.05 * true
    squares = rng.normal(0, 0.02, (40, 200, 200))
    squares[:, ::80] += rng.uniform(-1, 1, (40, 3, 200))
    squares[:, :, ::80] += rng.uniform(-1, 1, (40, 200, 3))
    images = NoisyImages.of(list((0.5 + squares).astype(np.float32)))
    assert plan.smooth(images).window == 64


def test_made_noise_is_compared_as_the_extracted_noise_is_levelled() -> None:
    """In torch as in numpy."""
    noise = np.random.default_rng(0).normal(size=(3, 32, 48)).astype(np.float32)
    noise += np.linspace(0, 3, 32, dtype=np.float32)[:, None]
    found = less_plane(torch.from_numpy(noise)).numpy()
    np.testing.assert_allclose(found, levelled(noise, "plane"), atol=1e-5)
