"""The bench of denoisers: rows of one cell, one file each, gathered into the ledger."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from test_denoising import folder

from docrestore import denoising, denoising_bench, weights
from docrestore.classical.noise import DENOISERS
from docrestore.denoise_scores import light_ratio, means, scores, ssim_released
from docrestore.denoising_bench import merge
from docrestore.denoising_plan import Budget, Plan, read_plan
from docrestore.denoising_presets import PRESETS
from docrestore.denoising_rows import Bench
from docrestore.leakage import LeakageError
from docrestore.methods import METHODS
from docrestore.noisy import NoisyImages
from docrestore.train import method_arguments

PLAN = Plan(
    train="a",
    tested=["b"],
    seeds={"train": 1, "test": 2},
    cells=["gaussian-25"],
    budgets={"tiny": Budget(2, 2, 32, 3, 8)},  # steps, batch, patch, of the game: steps, batch
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
    if not (path / "a-gaussian-25").is_dir():
        folder(path / "a-gaussian-25")
        folder(path / "b-gaussian-25", split="test", seed=2, tilt=0.2)
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
    assert one["plan_row"] == "gan2gan" and one["command"].endswith(
        "--rows gan2gan --budget tiny --seed 0"
    )
    assert 0 < one["true_error"] < 60, "of the images held out, in grey levels"
    assert one["precision"] in ("bf16", "float32") and len(one["std_ratios"]) >= 1
    assert one["smooth"]["noise_std"] == pytest.approx(25.5, rel=0.25)
    assert one["machine"]["device"] == "cpu"
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
    (where / "gan2gan.json").unlink()  # as if stopped between two stages
    assert merge(tmp_path / "out", tmp_path / "others.json") == 2


def test_merging_keeps_what_other_machines_made(tmp_path: Path) -> None:
    """A row made anew replaces its old stages, of which there were more; others stay in place."""
    bench(tmp_path).run("noisy")
    path = tmp_path / "out" / "tiny-0" / "gaussian-25" / "noisy.json"
    ours = json.loads(path.read_text())
    kept = [
        ours | {"row": "a second stage"},
        ours | {"row": "other row", "plan_row": "other row"},
        ours | {"row": "other seed", "plan_row": "noisy", "seed": 1},
    ]
    out = tmp_path / "all.json"
    out.write_text(json.dumps({"runs": kept}))
    assert merge(tmp_path / "out", out) == 3
    runs = json.loads(out.read_text())["runs"]
    assert [(run["row"], run["seed"]) for run in runs] == [
        ("noisy", 0), ("other row", 0), ("other seed", 1),
    ]  # fmt: skip
    later = [one | {"date": "9999-01-01"} for one in kept]
    out.write_text(json.dumps({"runs": later}))
    assert merge(tmp_path / "out", out) == 3, "an old result does not replace a later one"
    assert json.loads(out.read_text())["runs"][0]["row"] == "a second stage"


def test_seconds_count_what_was_trained_before_a_kill(tmp_path: Path) -> None:
    """A row whose training is done but not scored takes its time from the log."""
    bench(tmp_path).run("noise2void")
    where = tmp_path / "out" / "tiny-0" / "gaussian-25"
    log = where / "noise2void" / "log.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps(row | {"seconds": 1234.0}) + "\n" for row in rows))
    (where / "noise2void.json").unlink()
    bench(tmp_path).run("noise2void")
    assert json.loads((where / "noise2void.json").read_text())["seconds"] == 1234.0


def test_all_games_that_were_played_are_counted(tmp_path: Path, monkeypatch) -> None:
    """Three games, where the noise of none is right, and of the preset's steps each."""
    monkeypatch.setattr(denoising, "TOLERANCE", -1.0)
    bench(tmp_path).run("gan2gan")
    one = json.loads((tmp_path / "out" / "tiny-0" / "gaussian-25" / "g2g1.json").read_text())
    assert one["game_steps"] == 3 * 3
    assert one["megapixels_seen"] == round((4 * 2 + 9 * 8) * 32**2 / 1e6, 1)


def test_noise_of_another_seed_is_refused(tmp_path: Path) -> None:
    """With the command that makes the right one."""
    folder(tmp_path / "a-gaussian-25")
    folder(tmp_path / "b-gaussian-25", split="test", seed=1)
    with pytest.raises(ValueError, match="seed 1, and the plan asks for 2.*noisy_set"):
        bench(tmp_path)


def test_a_real_set_is_learnt_from_and_restored_and_its_clean_images_only_score(
    tmp_path: Path,
) -> None:
    folder(tmp_path / "mine", split="test")
    rows = PLAN.rows | {"noise2clean": {"method": "noise2clean"}}
    plan = replace(PLAN, real=["mine"], rows=rows)
    made = Bench(plan, "mine", "tiny", out=tmp_path / "out", data=tmp_path, commit="abc")
    with pytest.raises(ValueError, match="noise2clean learns from clean images, and those of mine"):
        made.run("noise2clean")
    made.run("noisy")
    noisy = json.loads((tmp_path / "out" / "tiny-0" / "mine" / "noisy.json").read_text())
    assert noisy["light_ratio"] == pytest.approx(1, abs=0.1), "its noise does not ask for light"
    found = noisy["found"]
    both = (found["noise"] ** 2 + found["scene"] ** 2) ** 0.5
    assert found["shown"] == pytest.approx(both, rel=0.05), "they do not know each other"
    assert found["noise"] == pytest.approx(found["everywhere"], rel=0.1), "it is one law"
    made.run("noise2void")
    one = json.loads((tmp_path / "out" / "tiny-0" / "mine" / "noise2void.json").read_text())
    assert set(one["means"]) == {"mine"} and len(one["pages"]) == len(made.train)


@pytest.mark.parametrize("row", ["noise2void", "gan2gan"])
def test_each_training_leaves_weights_that_say_what_they_are(tmp_path: Path, row: str) -> None:
    bench(tmp_path).run(row)
    path = tmp_path / "out" / "tiny-0" / "gaussian-25" / row / "weights.safetensors"
    card = weights.card(path)
    assert {"model", "task", "steps", "sets", "trained_on", "licence"} <= card.keys()
    assert card["noise"] == "gaussian-25" and card["sets"] == ["a-gaussian-25"]
    assert card["trained_on"][0] == ["a-gaussian-25/0"] and card["commit"] == "abc"
    assert card["metrics"]["b-gaussian-25"]["psnr_gray"] > 10
    restored = denoising.denoise(weights.load(path), [np.zeros((40, 50), np.float32)])
    assert restored[0].shape == (40, 50)


def photograph(path: Path, split: str, seed: int, chance: int, piece: slice) -> None:
    """A set of one noisy image with many blobs, or of a piece of it."""
    blobs = ndimage.gaussian_filter(np.random.default_rng(chance).normal(size=(200, 200)), 2)
    clean = (0.5 + blobs / np.ptp(blobs)).clip(0, 1)[piece, piece].astype(np.float32)
    path.mkdir(parents=True)
    np.save(path / "clean.npy", clean)
    np.save(path / "noisy.npy", clean + np.float32(0.1))
    row = f"{path.name[0]}1,{split},noisy.npy,clean.npy,,,{seed}"
    (path / "manifest.csv").write_text(f"id,split,degraded,clean,group,sha256,seed\n{row}\n")


@pytest.mark.parametrize("leave_out", [[], ["a/a1"]])
def test_a_test_image_that_was_learnt_from_is_refused(tmp_path: Path, leave_out) -> None:
    """A piece of it is enough; nothing is trained. What the plan leaves out does no harm."""
    photograph(tmp_path / "a-gaussian-25", "train", 1, 5, slice(20, 180))
    photograph(tmp_path / "b-gaussian-25", "test", 2, 5, slice(None))
    other = tmp_path / "c" / "a2-gaussian-25"
    photograph(other, "train", 1, 6, slice(20, 180))
    for name in ("clean.npy", "noisy.npy"):
        (other / name).rename(tmp_path / "a-gaussian-25" / f"2{name}")
    with (tmp_path / "a-gaussian-25" / "manifest.csv").open("a") as file:
        file.write("a2,train,2noisy.npy,2clean.npy,,,1\n")
    made = Bench(
        replace(PLAN, leave_out=leave_out), "gaussian-25", "tiny",
        out=tmp_path / "out", data=tmp_path, commit="abc",
    )  # fmt: skip
    assert len(made.train) == 2 - len(leave_out)
    if leave_out:
        made.run("noisy")
        assert len(list((tmp_path / "out").glob("nothing-shared-*.json"))) == 1
        return
    with pytest.raises(LeakageError, match="b/b1 and a/a1"):
        made.run("noisy")
    assert not (tmp_path / "out").exists()


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


def test_noise_that_grows_with_the_light_is_told(tmp_path: Path) -> None:
    clean = np.tile(np.linspace(0.1, 0.8, 200, dtype=np.float32), (100, 1))
    noise = np.random.default_rng(0).normal(0, 0.1, clean.shape).astype(np.float32)
    for name, image in (("clean", clean), ("noisy", clean + noise * clean)):
        np.save(tmp_path / f"{name}.npy", image)
    (tmp_path / "manifest.csv").write_text("id,split,degraded,clean\n1,all,noisy.npy,clean.npy\n")
    assert light_ratio(NoisyImages(tmp_path)) == pytest.approx(0.765 / 0.135, rel=0.05)
    np.save(tmp_path / "noisy.npy", np.where(clean < 0.3, clean, clean + noise))
    assert light_ratio(NoisyImages(tmp_path)) is None, "there is no noise in the dark"


@pytest.mark.parametrize("name", ["nlm", "wavelet", "tv"])
def test_classical_denoisers_gain_decibels(name: str) -> None:
    """On a half plane with noise of 25 of 255 each leaves less than a quarter of the error."""
    if name == "wavelet":
        pytest.importorskip("pywt")
    clean = np.repeat((np.arange(96) > 40) * 0.5 + 0.2, 96).reshape(96, 96).astype(np.float32)
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape).astype(np.float32)
    restored = DENOISERS[name](noisy, 0.1)
    assert np.square(restored - clean).mean() < np.square(noisy - clean).mean() / 4
