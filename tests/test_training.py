"""The loop: it learns, it survives SIGKILL bit for bit, and it runs on several processes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from docrestore import images
from docrestore.checkpoints import TrainingError
from docrestore.data import Crops, Pair
from docrestore.methods import METHODS
from docrestore.training import fit, read_log

SMALL = {"generator_arguments": {"widths": (8, 8, 16, 16)}, "critic_arguments": {"width": 8}}


def page(seed: int) -> Pair:
    """A page of dark bars on uneven paper, and its truth."""
    rng = np.random.default_rng(seed)
    clean = np.full((96, 96), 255, np.uint8)
    for top in range(8, 90, 16):
        clean[top : top + 4, 8 : rng.integers(40, 90)] = 0
    light = np.linspace(120, 250, 96)[None]
    degraded = np.where(clean == 0, light - 90, light) + rng.normal(0, 8, clean.shape)
    return Pair(str(seed), "bars", degraded.clip(0, 255).astype(np.uint8), clean, {})


def crops() -> Crops:
    """Small crops of four such pages."""
    return Crops([page(i) for i in range(4)], 48, seed=1)


def test_it_learns(tmp_path: Path) -> None:
    """The content loss of a tiny network falls to less than half in 80 steps."""
    torch.manual_seed(0)
    log = fit(METHODS["de_gan"](**SMALL), crops(), 80, tmp_path, batch=4, progress=False)
    assert log[-1]["content"] < log[0]["content"] / 2
    assert log[-1]["step"] == 80


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    """A second call finds the checkpoint, does no step and returns the same log."""
    torch.manual_seed(0)
    first = fit(METHODS["de_gan"](**SMALL), crops(), 10, tmp_path, batch=2, progress=False)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    again = fit(METHODS["de_gan"](**SMALL), crops(), 10, tmp_path, batch=2, progress=False)
    assert again == first
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_loss_that_is_not_finite_names_step_and_seed(tmp_path: Path) -> None:
    """Training stops with the step, the seed and how to look at the batch."""
    method = METHODS["de_gan"](**SMALL)
    with torch.no_grad():
        next(method.networks["generator"].parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"step 0 \(seed 3, the batch is data.batch\(0, 2\)"):
        fit(method, crops(), 5, tmp_path, batch=2, seed=3, progress=False)


def test_a_checkpoint_of_another_method_is_refused(tmp_path: Path) -> None:
    """A run folder that holds other shapes is named, and nothing is overwritten."""
    fit(METHODS["de_gan"](**SMALL), crops(), 2, tmp_path, batch=2, progress=False)
    other = SMALL | {"generator_arguments": {"widths": (8, 8, 16, 24)}}
    with pytest.raises(TrainingError, match="holds another generator"):
        fit(METHODS["de_gan"](**other), crops(), 2, tmp_path, batch=2, progress=False)


def test_a_run_folder_is_for_one_training(tmp_path: Path) -> None:
    """Other steps, seed or pages would make a card that lies; the differences are named."""
    first = {"batch": 2, "progress": False, "about": {"pages": ["bars/0"]}}
    fit(METHODS["de_gan"](**SMALL), crops(), 2, tmp_path, **first)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    for steps, changed, words in (
        (4, {}, "other steps"),
        (2, {"seed": 1}, "other seed"),
        (2, {"about": {"pages": ["bars/1"]}}, "other pages"),
    ):
        with pytest.raises(TrainingError, match=words):
            fit(METHODS["de_gan"](**SMALL), crops(), steps, tmp_path, **first | changed)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_seconds_go_on_after_a_break(tmp_path: Path) -> None:
    """The log of a resumed training counts the time of the legs before."""
    row = {"step": 2, "seconds": 1000.0}
    fit(METHODS["de_gan"](**SMALL), crops(), 4, tmp_path, batch=2, log_every=2, progress=False)
    stop = StopIteration("here")

    def raise_(_: int) -> None:
        raise stop

    other = tmp_path / "broken"
    with pytest.raises(StopIteration):
        fit(
            METHODS["de_gan"](**SMALL), crops(), 4, other, batch=2, log_every=2, save_every=0,
            progress=False, at=[2], on_step=raise_,
        )  # fmt: skip
    (other / "log.jsonl").write_text(json.dumps(row) + "\n")
    log = fit(METHODS["de_gan"](**SMALL), crops(), 4, other, batch=2, log_every=2, progress=False)
    assert log[0] == row and log[1]["seconds"] > 1000


SETTINGS = [
    "--steps=40",
    "--batch=2",
    "--patch=32",
    "--save-every=0.1",  # some steps apart, so that a kill also loses logged steps
    "--log-every=1",
    "--set",
    "generator_arguments={widths: [8, 8, 16, 16]}",
    "critic_arguments={width: 8}",
]


def folder(root: Path) -> Path:
    """A data folder with four pages and a manifest."""
    data = root / "bars"
    lines = ["id,split,degraded,clean,group,sha256"]
    for index in range(4):
        pair = page(index)
        images.write(data / f"degraded/{index}.png", pair.degraded)
        images.write(data / f"clean/{index}.png", pair.clean > 127)
        lines.append(f"{index},train,degraded/{index}.png,clean/{index}.png,{index},")
    (data / "manifest.csv").write_text("\n".join(lines) + "\n")
    return data


def command(data: Path, run_dir: Path) -> list[str]:
    """The arguments of a short training after `python`."""
    where = ["--data", str(data), "--run-dir", str(run_dir)]
    return ["-m", "docrestore.train", "de_gan", *where, *SETTINGS]


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def test_sigkill_at_three_instants_changes_no_bit(tmp_path: Path) -> None:
    """Killed three times and resumed, the weights equal those of an undisturbed training."""
    data = folder(tmp_path)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([sys.executable, *command(data, whole)], env=ENVIRONMENT, check=True)
    kills, draw = 0, random.Random(time.time_ns())
    for stop_at in (draw.randint(2, 10), draw.randint(14, 22), draw.randint(26, 36)):
        process = subprocess.Popen([sys.executable, *command(data, broken)], env=ENVIRONMENT)
        while process.poll() is None and steps_done(broken) < stop_at:
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    subprocess.run([sys.executable, *command(data, broken)], env=ENVIRONMENT, check=True)
    assert kills == 3, f"only {kills} of 3 kills hit a running training"
    one, other = (load_file(run / "checkpoint.safetensors") for run in (whole, broken))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def steps_done(run_dir: Path) -> int:
    """The last step in the log, 0 before there is one."""
    log = read_log(run_dir / "log.jsonl")
    return int(log[-1]["step"]) if log else 0


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


def test_two_ranks_train_together(tmp_path: Path) -> None:
    """Torchrun over gloo trains the same method; `fit` compares the ranks' parameters itself."""
    words = [*TORCHRUN, *command(folder(tmp_path), tmp_path / "two")]
    subprocess.run(words, env=ENVIRONMENT, check=True, timeout=120)
    assert (tmp_path / "two/weights.safetensors").is_file()


def test_ranks_that_do_not_share_gradients_are_found_out(tmp_path: Path) -> None:
    """With the averaging taken out, the comparison at the end of `fit` fails."""
    script = tmp_path / "selfish.py"
    script.write_text(
        "import sys, torch\n"
        "from docrestore import train\n"
        "from docrestore.training import Trainer\n"
        "def update(self, name, loss):\n"
        "    optimiser = self.method.optimisers[name]\n"
        "    optimiser.zero_grad(); loss.backward(); optimiser.step()\n"
        "Trainer.update = update\n"
        "train.main(sys.argv[1:])\n"
    )
    words = [*TORCHRUN, str(script), *command(folder(tmp_path), tmp_path / "two")[2:]]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "the ranks drifted apart in generator" in done.stderr
