"""The bench at equal budgets: rows of one cell, one file each, gathered into the ledger."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_denoising import folder

from docrestore import denoising_bench
from docrestore.classical.noise import DENOISERS
from docrestore.denoise_scores import means, scores, ssim_released
from docrestore.denoising_bench import Bench, Budget, Plan, merge, read_plan
from docrestore.denoising_presets import PRESETS
from docrestore.methods import METHODS
from docrestore.noisy import NoisyImages
from docrestore.train import method_arguments

PLAN = Plan(
    train="a",
    tested=["b"],
    seeds={"train": 1, "test": 2},
    cells=["gaussian-25"],
    budgets={"tiny": Budget(2, 2, 32, 3, 8)},
    rows={
        "noise2void": {
            "method": "noise2void",
            "words": ["generator_arguments={widths: [8, 16], depth: 1}"],
        },
        "gan2gan": {
            "method": "gan2gan",
            "settings": {
                "pairs": {"generator_arguments": {"widths": (8, 16), "depth": 1}},
                "window": 32,
                "stride": 8,
                "rounds": 1,
            },
        },
        "noisy": {"classical": "none"},
    },
)


def bench(path: Path) -> Bench:
    for name in "ab":
        if not (path / f"{name}-gaussian-25").is_dir():
            folder(path / f"{name}-gaussian-25")
    return Bench(PLAN, "gaussian-25", "tiny", out=path / "out", data=path, commit="abc")


def test_each_row_is_a_file_and_is_not_done_again(tmp_path: Path, capsys) -> None:
    """GAN2GAN gives a row for each stage; all hold what they cost and what they are worth."""
    for row in PLAN.rows:
        bench(tmp_path).run(row)
    where = tmp_path / "out" / "tiny-0" / "gaussian-25"
    assert {path.stem for path in where.glob("*.json")} == {
        "noise2void", "gan2gan", "noisier", "g2g1", "noisy",
    }  # fmt: skip
    one = json.loads((where / "g2g1.json").read_text())
    assert one["steps"] == 4 and one["game_steps"] == 3 and one["commit"] == "abc"
    assert one["megapixels_seen"] == round((4 * 2 + 3 * 8) * 32**2 / 1e6, 1)
    assert set(one["means"]["b"]) == {"psnr", "ssim", "ssim_released"} and len(one["pages"]) == 6
    noisy = json.loads((where / "noisy.json").read_text())
    assert noisy["means"]["b"]["psnr"] == pytest.approx(20.0, abs=0.3)
    capsys.readouterr()
    bench(tmp_path).run("noise2void")
    assert capsys.readouterr().out == ""
    assert merge(tmp_path / "out", tmp_path / "all.json") == 4
    rows = json.loads((tmp_path / "all.json").read_text())["runs"]
    assert {run["row"] for run in rows} == {"noise2void", "noisier", "g2g1", "noisy"}


def test_the_plan_of_the_ledger_can_be_trained() -> None:
    """Ten cells; each row names a method, words, a preset and settings that there are."""
    plan = read_plan()
    assert len(plan.cells) == 10
    for how in plan.rows.values():
        if "classical" in how:
            assert how["classical"] in DENOISERS
            continue
        if how["method"] == "gan2gan":
            assert how.get("preset", "recommended") in PRESETS
            fields = PRESETS["recommended"].__dataclass_fields__
            assert set(how.get("settings", {})) <= set(fields)
        else:
            METHODS[how["method"]](**method_arguments(how["method"], how.get("words", [])))


def test_jobs_run_one_process_for_each_row(monkeypatch) -> None:
    """Each gets its row and cell, few threads, and the commit of the one that starts them."""
    seen = []

    class Done:
        returncode = 0

    def run(command, env):
        seen.append((command, env["OMP_NUM_THREADS"]))
        return Done()

    monkeypatch.setattr(denoising_bench.subprocess, "run", run)
    words = ["--cell", "gaussian-25", "mixture-15", "--rows", "noise2void", "noisy", "--jobs", "2"]
    assert denoising_bench.main([*words, "--commit", "abc"]) == 0
    assert len(seen) == 4
    cells = {command[command.index("--cell") + 1] for command, _ in seen}
    assert cells == {"gaussian-25", "mixture-15"}
    assert all(command[-2:] == ["--commit", "abc"] for command, _ in seen)


def test_scores_are_of_clipped_images(tmp_path: Path) -> None:
    """Values beyond [0, 1] cost nothing where white is right; the two SSIMs differ in range."""
    images = NoisyImages(folder(tmp_path / "set"))
    white = [image.clean for image in images]
    rows = scores(white, images)
    assert all(row["ssim"] == 1.0 for row in rows)
    flat = np.clip(images[0].clean, 0.3, 0.35)
    assert ssim_released(flat, images[0].clean) < 0.9
    wrong = [np.where(image.clean > 0.8, image.clean, image.clean + 0.01) for image in images]
    bright = [np.where(image.clean > 0.8, 9.0, image.clean + 0.01) for image in images]
    white = [np.where(image.clean > 0.8, 1.0, image.clean + 0.01) for image in images]
    found = [means(scores(one, images))["set"]["psnr"] for one in (wrong, bright, white)]
    assert found[0] > 40 > found[1] == found[2]


@pytest.mark.parametrize("name", ["nlm", "wavelet", "tv"])
def test_classical_denoisers_gain_decibels(name: str) -> None:
    """On a half plane with noise of 25 of 255 each leaves less than a quarter of the error."""
    if name == "wavelet":
        pytest.importorskip("pywt")
    clean = np.repeat((np.arange(96) > 40) * 0.5 + 0.2, 96).reshape(96, 96).astype(np.float32)
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape).astype(np.float32)
    restored = DENOISERS[name](noisy, 0.1)
    assert np.square(restored - clean).mean() < np.square(noisy - clean).mean() / 4
