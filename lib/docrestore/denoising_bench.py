"""Denoisers side by side: `python -m docrestore.denoising_bench --cell gaussian-25 --rows ...`.

What there is to train stands in book/ledger/denoising.yaml; all trainings have equal steps. One
call trains and scores the rows of one cell one after the other and writes a file for each,
runs/denoise-bench/BUDGET-SEED/CELL/ROW.json; what is there is not done again. Calls for other rows
or cells may run beside it, on one machine or several. `--jobs N` starts such calls for all that is
missing, N at a time; `--merge` puts the results into book/ledger/denoising.json, where others stay.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from docrestore import provenance
from docrestore.checkpoints import put_in_place
from docrestore.denoising_plan import read_plan
from docrestore.denoising_rows import Bench, result_file
from docrestore.paths import here

__all__ = ["merge"]

FILE = ("book", "ledger", "denoising.json")
RUNS = ("runs", "denoise-bench")


def merge(out: Path, path: Path) -> int:
    """Put the results below `out` into a file, whole or not at all; return how many it holds then.

    A row that was run anew replaces the one in the file with all its stages, unless that is of a
    later day. Other rows stay, for the folder of runs of one machine rarely has them all. Stages of
    a GAN2GAN that was stopped before its last one was scored are left out.
    """
    made = []
    for result in out.glob("*/*/*.json"):
        one = json.loads(result.read_text())
        if "means" in one and result_file(result.parent, one["plan_row"]).is_file():
            made.append(one)
    kept = json.loads(path.read_text())["runs"] if path.is_file() else []
    ours, theirs = _days(made), _days(kept)
    anew = {row for row, day in ours.items() if day >= theirs.get(row, "")}
    results = [one for one in made if _of_plan(one) in anew]
    results += [one for one in kept if _of_plan(one) not in anew]
    results.sort(key=lambda one: result_file(Path(*_of_plan(one)[:2]), one["row"]))
    lines = [json.dumps(one, ensure_ascii=False) for one in results]
    put_in_place(path, ('{"runs": [\n  ' + ",\n  ".join(lines) + "\n]}\n").encode())
    return len(lines)


def _days(results: Sequence[dict[str, Any]]) -> dict[tuple[str, str, str], str]:
    """The day on which each run wrote its last result."""
    return {_of_plan(one): one["date"] for one in sorted(results, key=lambda one: one["date"])}


def _of_plan(result: dict[str, Any]) -> tuple[str, str, str]:
    """What one run made: budget and seed, cell, row of the plan."""
    return f"{result['budget']}-{result['seed']}", result["cell"], result["plan_row"]


def main(given: Sequence[str] | None = None) -> int:
    """Train and score what is missing; returns the exit status."""
    plan = read_plan()
    parser = argparse.ArgumentParser(
        prog="python -m docrestore.denoising_bench", description=__doc__
    )
    add = parser.add_argument
    cells = [*plan.cells, *plan.real]
    add("--cell", nargs="+", choices=cells, default=plan.cells, help="(default: all made ones)")
    rows = [*plan.rows, *plan.changes]
    add("--rows", nargs="+", choices=rows, help="(default: all that suit a cell, unchanged)")
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
        for row in args.rows or plan.rows_for(cell):
            bench.run(row)
    return 0


def _spread(args: argparse.Namespace) -> int:
    """One process for each row of each cell; the number of those that failed."""

    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    commit = provenance.commit() if args.commit is None else args.commit

    def one(task: tuple[str, str]) -> int:
        row, cell = task
        words = ["--cell", cell, "--rows", row, "--budget", args.budget, "--seed", str(args.seed)]
        words += ["--device", args.device, "--data", str(args.data), "--out", str(args.out)]
        command = [sys.executable, "-m", "docrestore.denoising_bench", *words, "--commit", commit]
        return int(subprocess.run(command, env=environment).returncode != 0)

    plan = read_plan()
    tasks = [(row, cell) for cell in args.cell for row in args.rows or plan.rows_for(cell)]
    with ThreadPoolExecutor(args.jobs) as pool:
        return sum(pool.map(one, tasks))


if __name__ == "__main__":
    sys.exit(main())
