"""Take one part out, train again, score again: `python -m docrestore.ablation`.

Which rows there are, and on what they are trained, stands in book/ledger/ablations.yaml. Each row
is trained once for every seed and scored on pages that no row has seen. What is done is written
into book/ledger/ablations.json at once, so a run that was stopped goes on. Two trainings differ by
chance alone; so a row is compared with the whole network seed by seed.
"""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from scipy import stats

from docrestore import evaluation, provenance
from docrestore import train as training
from docrestore.paths import here
from docrestore.subjects import network

__all__ = ["Difference", "Plan", "differences", "read_plan", "read_runs", "words"]

PLAN = ("book", "ledger", "ablations.yaml")
FILE = ("book", "ledger", "ablations.json")
METRICS = ("fm", "psnr", "drd")


@dataclass(frozen=True)
class Plan:
    """What is trained and scored; see book/ledger/ablations.yaml for the fields."""

    train: str
    tested: list[str]
    seeds: list[int]
    rows: dict[str, list[str]]


@dataclass(frozen=True)
class Difference:
    """A row against the whole network: mean over the seeds and its 95 % interval.

    The interval is Student's, of the differences seed by seed; with three seeds it is wide, as it
    should be. `each` holds the differences themselves, `mean` the row's own figure.
    """

    row: str
    mean: float
    difference: float
    low: float
    high: float
    each: list[float]

    @property
    def beyond_noise(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def read_plan(path: Path | None = None) -> Plan:
    """The plan of ablations.yaml."""
    return Plan(**yaml.safe_load((path or here(*PLAN)).read_text(encoding="utf-8")))


def words(plan: Plan, row: str, seed: int) -> list[str]:
    """The words after `python -m docrestore.train` that make one run of a row.

    >>> plan = Plan("ra_gan --data data/x", ["y"], [0], {"bare": ["adversarial_weight=0"]})
    >>> " ".join(words(plan, "bare", 0))
    'ra_gan --data data/x --seed 0 --run-dir runs/ablation/bare-0 --set adversarial_weight=0'
    """
    name = "".join(letter if letter.isalnum() else "_" for letter in row)
    where = f"--seed {seed} --run-dir runs/ablation/{name}-{seed}"
    made = shlex.split(f"{plan.train} {where}")
    return [*made, "--set", *plan.rows[row]] if plan.rows[row] else made


def read_runs(path: Path | None = None) -> list[dict[str, Any]]:
    """The runs of ablations.json: row, seed, words, pages with their metrics, provenance."""
    path = path or here(*FILE)
    return json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []


def differences(
    runs: Sequence[dict[str, Any]], metric: str = "fm", against: Mapping[str, str] | None = None
) -> list[Difference]:
    """Each row against the first one, or the row named in `against`, seed by seed, in order.

    A GPU rounds otherwise than a processor, so a run is compared with one on the same device.
    """
    found: dict[str, dict[tuple[int, str], float]] = {}
    for run in runs:
        mean = float(np.mean([page[metric] for page in run["pages"]]))
        device = run.get("machine", {}).get("device", "")
        found.setdefault(run["row"], {})[run["seed"], device] = mean
    first, rows = next(iter(found), ""), []
    for row, means in found.items():
        whole = found.get((against or {}).get(row, first), {})
        each = [means[key] - whole[key] for key in sorted(means.keys() & whole.keys())]
        middle = float(np.mean(each)) if each else float("nan")
        reach = float("inf")
        if len(each) > 1:
            error = float(np.std(each, ddof=1)) / len(each) ** 0.5
            reach = float(stats.t.ppf(0.975, len(each) - 1)) * error
        mean = float(np.mean(list(means.values())))
        rows.append(Difference(row, mean, middle, middle - reach, middle + reach, each))
    return rows


def run_one(plan: Plan, row: str, seed: int) -> dict[str, Any]:
    """Train one row with one seed and score it."""
    made = words(plan, row, seed)
    args = training.parser().parse_args(made)
    begun, worked = time.perf_counter(), time.process_time()
    training.train(args)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - worked
    file = here(args.run_dir) / "weights.safetensors"
    tested = evaluation.pages([here("data", name) for name in plan.tested])
    evaluation.guard(file, tested)
    subject = network(file, args.task)
    pages = evaluation.evaluate(args.task, [subject], tested, pseudo=False)
    return {
        "row": row,
        "seed": seed,
        "command": shlex.join(["python", "-m", "docrestore.train", *made]),
        "parameters": subject.facts["parameters"],
        "steps": args.steps,
        "megapixels_seen": args.steps * args.batch * args.patch**2 / 1e6,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "commit": provenance.commit(),
        "machine": provenance.machine(torch.get_num_threads(), "auto"),
        "pages": [
            {"set": page["set"], "id": page["id"]} | {key: round(page[key], 4) for key in METRICS}
            for page in pages
        ],
    }


def write_runs(plan: Plan, runs: Sequence[dict[str, Any]], path: Path | None = None) -> Path:
    """Write the runs in the order of the plan, whole or not at all; return the path."""
    path = path or here(*FILE)
    order = {row: index for index, row in enumerate(plan.rows)}
    kept = sorted(runs, key=lambda run: (order.get(run["row"], len(order)), run["seed"]))
    lines = ",\n  ".join(json.dumps(run, ensure_ascii=False) for run in kept)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(f'{{"runs": [\n  {lines}\n]}}\n', encoding="utf-8")
    os.replace(temporary, path)
    return path


def main(given: Sequence[str] | None = None) -> int:
    """Train and score what is missing; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docrestore.ablation", description=__doc__)
    parser.add_argument("--list", action="store_true", help="only say what would be run")
    parser.add_argument("--seeds", type=int, nargs="*", help="of the plan's (default: all)")
    args = parser.parse_args(given)
    plan, runs = read_plan(), read_runs()
    there = {(run["row"], run["seed"], run["command"]) for run in runs}
    for seed in plan.seeds if args.seeds is None else args.seeds:
        for row in plan.rows:
            command = shlex.join(["python", "-m", "docrestore.train", *words(plan, row, seed)])
            if (row, seed, command) in there:
                continue
            print(f"{row}, seed {seed}: {command}", flush=True)
            if args.list:
                continue
            if why := provenance.why_not_recorded():
                print(why, file=sys.stderr)
                return 1
            runs = [run for run in runs if (run["row"], run["seed"]) != (row, seed)]
            runs.append(run_one(plan, row, seed))
            write_runs(plan, runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
