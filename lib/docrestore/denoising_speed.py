"""How fast denoisers are trained and used on this machine: `python -m docrestore.denoising_speed`.

A training step of the compact denoiser is timed as this book trains it, and as plain torch would:
float32, channels first. Both learn from the same batches, and their losses are set side by side.
So is a step of GAN2GAN's third stage, which makes its pairs first: here for a whole batch, in plain
torch crop by crop. Then those pairs alone; and an image of 512 x 512 is denoised with torch and
with OpenVINO, where that is installed.

`--memory` measures the most memory that it takes to find smooth windows in 2,850 images of
512 x 512. `--record` writes book/ledger/denoising_speed.json; nothing else is kept.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from docrestore import provenance, runtime
from docrestore.devices import fast_bf16
from docrestore.inference import restore
from docrestore.methods import METHODS
from docrestore.methods.noise_pairs import NoisePairs
from docrestore.models import MODELS
from docrestore.paths import here
from docrestore.stopwatch import Row, record, row, table, timed
from docrestore.trainer import Trainer
from docrestore.training import fit

__all__ = ["FILE", "Blobs", "memory", "pairs", "restoring", "training"]

FILE = ("book", "ledger", "denoising_speed.json")
NETWORK = "gan2gan-compact"
BATCH, PATCH = 32, 64
IMAGES, SIDE = 2850, 512  # of FMD's training set
Run = Callable[[Any, int], tuple[float, list[float]]]
WARM = 5  # first steps, which are not timed
LAST = 20  # last steps, whose losses are averaged


class Blobs:
    """Batches of soft blobs with noise of 25/255, a pure function of the step."""

    def batch(self, step: int, size: int, *, rank: int = 0, world: int = 1) -> dict[str, Tensor]:
        """{"degraded", "clean"}, each float32 (size, 1, PATCH, PATCH)."""
        chance = torch.Generator().manual_seed(step * world + rank)
        shape = (size, 1, PATCH, PATCH)
        coarse = torch.rand((size, 1, PATCH // 8, PATCH // 8), generator=chance)
        clean = F.interpolate(coarse, size=PATCH, mode="bicubic").clamp(0, 1)
        return {"degraded": clean + 25 / 255 * torch.randn(shape, generator=chance), "clean": clean}


PREPARED = {
    "smooth windows": """
import sys
from docrestore.denoising_presets import PRESETS
from docrestore.noisy import NoisyImages
PRESETS["recommended"].smooth(NoisyImages(sys.argv[1]))
""",
    "smooth windows of one's own folder": """
import sys
from pathlib import Path
from docrestore.denoising_presets import PRESETS
from docrestore.noisy import NoisyImages
from docrestore.own_images import CleanParts, gather
from docrestore.restoring.collecting import SERIES, collect
own = gather(collect([Path(sys.argv[1])], Path(sys.argv[1], "out"), SERIES).items)
CleanParts.of(PRESETS["recommended"], own).smooth(NoisyImages.of(own.arrays, own.ids))
""",
}
PEAK = """
try: print(*[l.split()[1] for l in open("/proc/self/status") if "VmHWM" in l])
except OSError: print("nan")
"""


def training(steps: int) -> list[Row]:
    """Seconds of a step by plain torch and as trained here, and the losses of both.

    Of a denoiser that is told the clean images, and of the third stage, which first makes its
    pairs: crop by crop in plain torch.
    """
    rows = list[Row]()
    for what, build in (
        ("training step", METHODS["noise2clean"]),
        ("step of stage three", lambda: NoisePairs(noise=MODELS["gan2gan-noise-field"]())),
    ):
        ways: dict[str, Run] = {"plain torch, float32, channels first": _plain}
        for precision in ["bf16", "float32"] if fast_bf16() else ["float32"]:
            ways[f"as trained here, {precision}"] = partial(_fitted, precision=precision)
        base, wanted = 0.0, 0.0
        for way, run in ways.items():
            torch.manual_seed(0)
            seconds, losses = run(build(), steps)
            loss = float(np.mean(losses[-LAST:]))
            base, wanted = base or seconds, wanted or loss
            line = row(f"{what}, {way}", (PATCH, PATCH), {"seconds": seconds})
            rows.append(line | {"ratio": base / seconds, "loss": loss, "loss_ratio": loss / wanted})
    return rows


def _plain(method: Any, steps: int) -> tuple[float, list[float]]:
    """Plain torch with the method's network, rates and running average."""
    network = method.networks["generator"].train()
    optimiser = torch.optim.Adam(network.parameters(), betas=(0.9, 0.999))
    trainer = _trainer(method, "32-true")
    blobs, losses, begun = Blobs(), list[float](), 0.0
    for step in range(steps):
        if step == WARM:
            begun = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = method.learning_rate(step, steps)
        batch = blobs.batch(step, BATCH)
        source, target = batch["degraded"], batch["clean"]
        if isinstance(method, NoisePairs):
            source, target = _crop_by_crop(method, batch, trainer)
        loss = F.mse_loss(network(source), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        method.average(step)
        losses.append(float(loss.detach()))
    return (time.perf_counter() - begun) / (steps - WARM), losses


def _fitted(method: Any, steps: int, precision: str) -> tuple[float, list[float]]:
    """`fit` with the same method and batches."""
    with tempfile.TemporaryDirectory() as folder:
        log = fit(
            method, Blobs(), steps, folder, batch=BATCH, precision=precision, device="cpu",
            log_every=1, progress=False,
        )  # fmt: skip
    seconds = (log[-1]["seconds"] - log[WARM - 1]["seconds"]) / (steps - WARM)
    return seconds, [line["content"] for line in log]


def _trainer(method: Any, precision: Any) -> Trainer:
    return Trainer(method, Fabric(accelerator="cpu", devices=1, precision=precision))


def _crop_by_crop(
    method: NoisePairs, batch: dict[str, Tensor], trainer: Trainer
) -> tuple[Tensor, Tensor]:
    """The pairs of a batch, each made alone."""
    crops = [
        {name: part[i : i + 1] for name, part in batch.items()} for i in range(len(batch["clean"]))
    ]
    source, target = zip(*(method.pairs(crop, trainer) for crop in crops), strict=True)
    return torch.cat(source), torch.cat(target)


def pairs(times: int) -> list[Row]:
    """The pairs of a step of stage three: for the batch at once, and crop by crop."""
    method = NoisePairs(noise=MODELS["gan2gan-noise-field"]())
    trainer = _trainer(method, "bf16-mixed" if fast_bf16() else "32-true")
    batch = Blobs().batch(0, BATCH)
    ways = {
        "crop by crop": lambda: _crop_by_crop(method, batch, trainer),
        "for the batch": lambda: method.pairs(batch, trainer),
    }
    rows, base = [], 0.0
    for way, work in ways.items():
        spent, _ = timed(work, times)
        base = base or spent["seconds"]
        line = row(f"{BATCH} pairs of stage three, {way}", (PATCH, PATCH), spent)
        rows.append(line | {"ratio": base / spent["seconds"]})
    return rows


def restoring(times: int) -> list[Row]:
    """An image is denoised, with every engine that is there."""
    image, rows = np.random.default_rng(0).random((SIDE, SIDE), np.float32), []
    network = MODELS[NETWORK]().eval().requires_grad_(False)
    for engine in [one for one in ("torch", "openvino") if runtime.pick() in (one, "openvino")]:
        run = runtime.build(network, engine)
        spent, _ = timed(lambda: restore(run, image), times)  # noqa: B023
        rows.append(row(f"{NETWORK}, {engine}", image.shape, spent))
    return rows


def memory(images: int = IMAGES, side: int = SIDE) -> list[Row]:
    """The most memory, in GB, of finding smooth windows in 8-bit images: of a set, and one's own.

    A process of its own does each. Linux keeps its peak in VmHWM; elsewhere it is not known.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        noise = np.random.default_rng(0).normal(128, 25, (side, side)).clip(0, 255)
        first, *others = [Path(folder, f"{i}.png") for i in range(images)]
        Image.fromarray(noise.astype(np.uint8)).save(first)
        for other in others:  # another name is another image to whoever reads it
            other.hardlink_to(first)
        with open(f"{folder}/manifest.csv", "w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["id", "split", "degraded"])
            lines.writerows([i, "train", f"{i}.png"] for i in range(images))
        for what, code in PREPARED.items():
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code + PEAK, folder],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            line = row(f"{what} of {images} images", (side, side), {})
            seconds = time.perf_counter() - begun
            gigabytes = float(done.stdout.split()[-1]) / 1e6
            rows.append(line | {"seconds": seconds, "gigabytes": gigabytes})
    return rows


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and with --record write the file; returns the exit status."""
    given = list(sys.argv[1:] if words is None else words)
    parser = argparse.ArgumentParser(
        prog="python -m docrestore.denoising_speed", description="Time denoisers on this machine."
    )
    parser.add_argument("--steps", type=int, default=100, help="of training (default 100)")
    parser.add_argument("--times", type=int, default=20, help="what is averaged (default 20)")
    parser.add_argument("--memory", action="store_true", help="also the peak of smooth windows")
    parser.add_argument("--record", action="store_true", help=f"write {'/'.join(FILE)}")
    args = parser.parse_args(given)
    if args.steps <= WARM:
        parser.error(f"--steps must be above {WARM}, which are not counted.")
    if args.record and (why := provenance.why_not_recorded()):
        print(why, file=sys.stderr)
        return 1
    machine = provenance.machine(torch.get_num_threads(), "cpu") | {"bf16": fast_bf16()}
    begun, rows = time.perf_counter(), list[Row]()
    for measure in (
        lambda: training(args.steps),
        lambda: pairs(args.times),
        lambda: restoring(args.times),
        lambda: memory() if args.memory else [],
    ):
        found = measure()
        print(table(found), flush=True)
        rows.extend(found)
    if args.record:
        print(record(here(*FILE), rows, "docrestore.denoising_speed", given, machine, begun))
    return 0


if __name__ == "__main__":
    sys.exit(main())
