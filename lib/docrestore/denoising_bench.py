"""Denoisers side by side: `python -m docrestore.denoising_bench --cell gaussian-25 --rows ...`.

What there is to train stands in book/ledger/denoising.yaml; all trainings have equal steps. One
call trains and scores the rows of one cell one after the other and writes a file for each,
runs/denoise-bench/BUDGET-SEED/CELL/ROW.json; what is there is not done again. Calls for other rows
or cells may run beside it, on one machine or several. `--jobs N` starts such calls for all that is
missing, N at a time; `--merge` gathers the files into book/ledger/denoising.json.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from docrestore import provenance
from docrestore.checkpoints import put_in_place
from docrestore.denoise_scores import means, scores
from docrestore.denoising import PRESETS, denoise, fit_denoiser
from docrestore.denoising_plan import Budget, Plan, guard, open_set, read_plan
from docrestore.denoising_presets import in_units
from docrestore.devices import pick_device
from docrestore.methods import METHODS
from docrestore.noisy import NoisyCrops, NoisyImages
from docrestore.paths import here
from docrestore.train import method_arguments
from docrestore.training import fit
from docrestore.weights import load, save_weights

__all__ = ["Bench", "Budget", "Plan", "merge", "read_plan"]

FILE = ("book", "ledger", "denoising.json")
RUNS = ("runs", "denoise-bench")


class Bench:
    """The rows of one cell: trains, scores and writes them.

    Args:
        plan: of denoising.yaml.
        cell: one of its cells, or of its real sets.
        budget: name of one of its budgets.
        seed: of the trainings.
        out: folder of the results, with a folder for the cell.
        data: folder that holds the sets.
        device: auto, cpu or cuda.
        commit: of the code; asked of git where it is not given.

    Raises:
        ValueError: if a set has the noise of another seed than the plan's.
    """

    def __init__(
        self,
        plan: Plan,
        cell: str,
        budget: str,
        *,
        seed: int = 0,
        out: Path,
        data: Path,
        device: str = "auto",
        commit: str | None = None,
    ) -> None:
        self.commit = provenance.commit() if commit is None else commit
        self.plan, self.cell, self.seed, self.device = plan, cell, seed, pick_device(device)
        self.budget_name, self.budget = budget, plan.budgets[budget]
        self.folder = out / f"{budget}-{seed}" / cell
        self.real = cell in plan.real
        if self.real:
            self.train = NoisyImages(data / cell)
            self.tested = [self.train]
        else:
            self.train = open_set(plan, plan.train, cell, "train", data)
            self.tested = [open_set(plan, name, cell, "test", data) for name in plan.tested]

    @cached_property
    def deviation(self) -> float:
        """Of the noise, seen in smooth windows: the unit that all rows work in."""
        side = self.budget.patch
        preset = replace(PRESETS["recommended"], window=side, stride=side // 4)
        return float(preset.smooth(self.train).noise().std())

    def path(self, row: str) -> Path:
        """Where a row's result is written; that of gan2gan comes when its last round is done."""
        return self.folder / f"{re.sub('[^A-Za-z0-9]+', '-', row)}.json"

    def run(self, row: str) -> None:
        """Train and score a row, unless its file is there.

        Raises:
            LeakageError: if a test image is among those to learn from; nothing is trained then.
            ValueError: if the row would learn from the clean images of a real set.
        """
        if self.path(row).is_file():
            return
        if not self.real:
            guard(self.train, self.tested, self.cell, self.folder.parent.parent)
        how = self.plan.rows[row]
        torch.manual_seed(self.seed)
        if "classical" in how:
            self._classical(row, how["classical"])
        elif how["method"] == "gan2gan":
            self._gan2gan(row, how)
        else:
            arguments = method_arguments(how["method"], how.get("words", []))
            method = METHODS[how["method"]](**in_units(self.deviation, arguments, "generator"))
            if self.real and method.wants:
                raise ValueError(
                    f"{row} learns from {' and '.join(method.wants)} images, and those of "
                    f"{self.cell} only score; take a row that learns from noisy images."
                )
            crops = NoisyCrops(self.train, self.budget.patch, seed=self.seed, wants=method.wants)
            log = fit(
                method, crops, self.budget.steps, self.folder / row, batch=self.budget.batch,
                seed=self.seed, device=self.device, progress=False, log_every=50,
            )  # fmt: skip
            network = method.restorer
            card = {"model": method.model, "arguments": method.arguments}
            save_weights(self.folder / row / "weights.safetensors", network, card)
            seconds = log[-1]["seconds"]  # of all legs, where it was killed and went on
            self._write(row, row, network, steps=self.budget.steps, seconds=seconds)

    def _gan2gan(self, row: str, how: dict[str, Any]) -> None:
        budget, times = self.budget, how.get("game_times", 1)
        preset = replace(
            PRESETS[how.get("preset", "recommended")],
            steps=(times * budget.game_steps, budget.steps),
            batch=(budget.game_batch, budget.batch),
            patch=budget.patch,
            log_every=50,
            **how.get("settings", {}),
        )
        fitted = fit_denoiser(
            self.train, self.folder / row, preset=preset, seed=self.seed, device=self.device,
            progress=False,
        )  # fmt: skip
        seconds = fitted.report["seconds"]
        for number, (name, path) in enumerate(fitted.stages.items()):
            trained = number + ("g2" not in fitted.stages)  # g2 comes out of the game itself
            so_far = ["game", *list(fitted.stages)[: number + 1]]
            spent = sum(seconds.get(one, 0.0) for one in so_far)
            self._write(
                row,
                name if row == "gan2gan" else f"{row} {name}",
                load(path).to(self.device),
                steps=trained * budget.steps,
                game_steps=len(fitted.report["games"]) * preset.steps[0],
                seconds=spent,
                chosen=name == fitted.chosen,
                selection=fitted.report["selection"][name],
            )
        put_in_place(self.path(row), json.dumps(fitted.report, indent=1).encode())

    def _classical(self, row: str, name: str) -> None:
        from docrestore.classical.noise import DENOISERS  # what trains needs no library of theirs

        begun, pages = time.perf_counter(), []
        for images in self.tested:
            restored = [
                DENOISERS[name](one.degraded, float((one.degraded - one.clean).std()))
                for one in images
            ]
            pages += scores(restored, images)
        self._note(row, row, pages, seconds_to_restore=round(time.perf_counter() - begun, 1))

    def _write(
        self, row: str, name: str, network: nn.Module, *, seconds: float, **facts: Any
    ) -> None:
        begun, pages = time.perf_counter(), []
        for images in self.tested:
            pages += scores(denoise(network, [one.degraded for one in images]), images)
        steps, budget = facts["steps"], self.budget
        seen = steps * budget.batch + facts.get("game_steps", 0) * budget.game_batch
        self._note(
            row,
            name,
            pages,
            parameters=sum(one.numel() for one in network.parameters()),
            megapixels_seen=round(seen * budget.patch**2 / 1e6, 1),
            seconds=round(seconds, 1),
            seconds_to_restore=round(time.perf_counter() - begun, 1),
            **facts,
        )

    def _note(self, row: str, name: str, pages: list[dict[str, Any]], **facts: Any) -> None:
        """Write a result: `row` is the plan's, `name` that of the result, such as g2g1."""
        command = ["--cell", self.cell, "--rows", row, "--budget", self.budget_name]
        command += ["--seed", str(self.seed)]
        result = {
            "cell": self.cell,
            "row": name,
            "plan_row": row,
            "budget": self.budget_name,
            "seed": self.seed,
            **facts,
            "means": means(pages),
            "command": shlex.join(["python", "-m", "docrestore.denoising_bench", *command]),
            "commit": self.commit,
            "versions": provenance.versions(),
            "machine": provenance.machine(torch.get_num_threads(), self.device),
            "pages": pages,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        put_in_place(self.path(name), json.dumps(result, indent=1).encode())
        print(self.cell, name, json.dumps(result["means"]), flush=True)


def merge(out: Path, path: Path) -> int:
    """Gather the results below `out` into one file, whole or not at all; return their number."""
    found = [json.loads(one.read_text()) for one in sorted(out.glob("*/*/*.json"))]
    lines = [json.dumps(one, ensure_ascii=False) for one in found if "means" in one]
    put_in_place(path, ('{"runs": [\n  ' + ",\n  ".join(lines) + "\n]}\n").encode())
    return len(lines)


def main(given: Sequence[str] | None = None) -> int:
    """Train and score what is missing; returns the exit status."""
    plan = read_plan()
    parser = argparse.ArgumentParser(
        prog="python -m docrestore.denoising_bench", description=__doc__
    )
    add = parser.add_argument
    cells = [*plan.cells, *plan.real]
    add("--cell", nargs="+", choices=cells, default=plan.cells, help="(default: all made ones)")
    add("--rows", nargs="+", choices=plan.rows, default=list(plan.rows), help="(default: all)")
    add("--budget", choices=plan.budgets, default="small")
    add("--seed", type=int, default=0)
    add("--device", default="auto")
    add("--data", type=Path, default=here("data"))
    add("--out", type=Path, default=here(*RUNS))
    add("--jobs", type=int, help="start one process a row, so many at a time")
    add("--commit", help="of the code, on a machine without git")
    add("--merge", nargs="?", type=Path, const=here(*FILE), help="only gather results into a file")
    args = parser.parse_args(given)
    if args.merge:
        print(f"{merge(args.out, args.merge)} results in {args.merge}")
        return 0
    if args.jobs:
        return _spread(args)
    for cell in args.cell:
        bench = Bench(
            plan, cell, args.budget, seed=args.seed, out=args.out, data=args.data,
            device=args.device, commit=args.commit,
        )  # fmt: skip
        for row in args.rows:
            bench.run(row)
    return 0


def _spread(args: argparse.Namespace) -> int:
    """One process for each row of each cell, the longest first; the number of those that failed."""

    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    commit = provenance.commit() if args.commit is None else args.commit

    def one(task: tuple[str, str]) -> int:
        row, cell = task
        words = ["--cell", cell, "--rows", row, "--budget", args.budget, "--seed", str(args.seed)]
        words += ["--device", args.device, "--data", str(args.data), "--out", str(args.out)]
        command = [sys.executable, "-m", "docrestore.denoising_bench", *words, "--commit", commit]
        return int(subprocess.run(command, env=environment).returncode != 0)

    tasks = [(row, cell) for row in args.rows for cell in args.cell]
    with ThreadPoolExecutor(args.jobs) as pool:
        return sum(pool.map(one, tasks))


if __name__ == "__main__":
    sys.exit(main())
