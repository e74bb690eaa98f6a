"""Score a network on pages it has not seen, beside the degraded page and every classical method.

    python -m docrestore.evaluation --task binarize --weights de_gan-binarize-without-2013-2016 \\
        --sets dibco2013 dibco2016 --record

prints the table; `--record` also writes book/ledger/results/NAME.json. Without `--weights` the
classical methods alone are scored. A score is refused when a test page, or a near copy of one, is
among those that the weights' card lists as trained on.
"""

import argparse
import importlib.metadata
import json
import os
import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from docrestore import leakage, provenance, weights
from docrestore.data import Pair, PairedPages
from docrestore.inference import TILE, binarize
from docrestore.ledger import results
from docrestore.metrics.tasks import PROTOCOLS, TASK_METRICS, measurer
from docrestore.paths import here
from docrestore.subjects import EvaluationError, Subject, classical, network

__all__ = [
    "EvaluationError",
    "Subject",
    "classical",
    "evaluate",
    "final",
    "guard",
    "network",
    "pages",
    "result",
    "unseen",
]


def pages(
    folders: Sequence[Path],
    split: str = "test",
    *,
    only: dict[str, str] | None = None,
    limit: int = 0,
) -> list[Pair]:
    """The pages to be scored.

    Args:
        folders: data folders with a manifest.
        split: rows of this split, or "all" in the manifest.
        only: column -> value that a row must have, where its manifest has the column.
        limit: pages of a set at most; 0 takes all.

    Returns:
        Pairs; the path in the column `mask` is made to stand alone.
    """
    kept: list[Pair] = []
    for folder in folders:
        paired = PairedPages(folder, split=split, colour=True)
        fits = [
            index
            for index, row in enumerate(paired.rows)
            if all(row.get(key, value) == value for key, value in (only or {}).items())
        ]
        for index in fits[:limit] if limit else fits:
            pair = paired[index]
            if pair.row.get("mask"):
                mask = str(Path(folder, pair.row["mask"]))
                pair = replace(pair, row=pair.row | {"mask": mask})
            kept.append(pair)
    if not kept:
        raise EvaluationError(f"no page is left with {only}; look at the manifests.")
    return kept


def guard(name: str | os.PathLike[str], tested: Iterable[Pair]) -> None:
    """Refuse a score on pages that the network has seen.

    Raises:
        LeakageError: if a page, or a near copy of one, is among those trained on.
        EvaluationError: if the card does not say what it was trained on.
    """
    trained_on = weights.card(name).get("trained_on")
    if trained_on is None:
        raise EvaluationError(
            f"the card of {name} does not say which pages it was trained on, so nobody can tell "
            "whether the score means anything. Train it again with docrestore.train."
        )
    leakage.check(((f"{p.set}/{p.id}", p.degraded) for p in tested), trained_on)


def unseen(task: str, tested: Sequence[Pair], method: str = "") -> str | None:
    """The shipped weights of a task that have seen none of the pages, or None.

    Where several have not: those of the task before those that left some years out, and these
    before the rest. With `method`, such as "ra_gan", those of that method alone.
    """
    pages = [(f"{pair.set}/{pair.id}", pair.degraded) for pair in tested]
    mine = [
        name
        for name in weights.names()
        if name.partition("-")[2].startswith(task) and method in ("", name.partition("-")[0])
    ]
    mine.sort(key=lambda name: (not name.endswith(f"-{task}"), "-without-" not in name))
    for name in mine:
        if not leakage.conflicts(pages, weights.card(name)["trained_on"]):
            return name
    return None


def final(subject: Subject, page: np.ndarray, task: str, threshold: float = 0.5) -> np.ndarray:
    """The image that is judged: bool (H, W), True = paper, for `binarize`, else uint8 (H, W)."""
    restored = subject.restore(page)
    if task == "binarize" and restored.dtype != bool:
        restored = binarize(restored, threshold if subject.kind == "network" else 0.5)
    return restored


def evaluate(
    task: str,
    subjects: Sequence[Subject],
    tested: Sequence[Pair],
    *,
    threshold: float = 0.5,
    pseudo: bool = True,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Restore every page with every subject and measure: one row a page and subject.

    Args:
        task: decides on the metrics.
        subjects: from `classical` and `network`.
        tested: from `pages`; give a network's to `guard` first.
        threshold: paper where a soft map is at least this (binarize).
        pseudo: also the two pseudo F-measures.
        progress: show a bar.

    Returns:
        Rows with the columns of results.FACTS, `text` being the share of the truth's pixels that
        are text (nan in grey tasks), then the metrics of the task.
    """
    rows = []
    for pair in tqdm(tested, desc="evaluating", unit="page", disable=not progress):
        measure = measurer(task, pair, pseudo)
        for subject in subjects:
            begun, worked = time.perf_counter(), time.process_time()
            restored = final(subject, pair.seen(subject.channels), task, threshold)
            seconds = time.perf_counter() - begun
            cpu_seconds = time.process_time() - worked
            text = float((pair.clean < 128).mean()) if task == "binarize" else float("nan")
            rows.append(
                {
                    "subject": subject.name,
                    "set": pair.set,
                    "id": pair.id,
                    "megapixels": pair.degraded.size / 1e6,
                    "seconds": seconds,
                    "cpu_seconds": cpu_seconds,
                    "text": text,
                    **measure(restored),
                }
            )
    return rows


def result(
    name: str,
    task: str,
    subjects: Sequence[Subject],
    rows: list[dict[str, Any]],
    folders: Sequence[Path],
    *,
    protocol: str = "",
    command: str = "",
    seconds: float = 0.0,
) -> results.Result:
    """Rows with all that says how they came about, ready to be written into the ledger.

    Args:
        name: of the result, such as the weights' name.
        task: of the rows.
        subjects: that were scored.
        rows: from `evaluate`.
        folders: of the sets that were scored.
        protocol: in words, added to those of the task.
        command: that makes the result again.
        seconds: of the whole evaluation.
    """
    sets = {}
    for folder in folders:
        images = {row["id"] for row in rows if row["set"] == folder.name}
        sets[folder.name] = {
            "images": len(images),
            "of": "real pages",
            "manifest": provenance.file_hash(folder / "manifest.csv"),
        }
        if (settings := folder / "drawn.json").is_file():
            drawn = json.loads(settings.read_text(encoding="utf-8"))
            sets[folder.name] |= {"of": "drawn by this book", "drawn": drawn}
    return results.Result(
        name=name,
        task=task,
        protocol=f"{PROTOCOLS[task]} {protocol}".strip(),
        subjects={one.name: {"kind": one.kind, **one.facts} for one in subjects},
        sets=sets,
        rows=rows,
        provenance={
            "command": command,
            "commit": provenance.commit(),
            "versions": provenance.versions() | {"doxapy": importlib.metadata.version("doxapy")},
            "machine": provenance.machine(torch.get_num_threads(), "auto"),
            "seconds": round(seconds, 1),
            "date": datetime.now(UTC).date().isoformat(),
        },
    )


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    p = argparse.ArgumentParser(
        prog="python -m docrestore.evaluation",
        description="Score weights beside the classical methods, on pages they have not seen.",
    )
    p.add_argument("--task", choices=PROTOCOLS, required=True)
    p.add_argument("--weights", help="a shipped name or a file; without it, classical alone")
    p.add_argument("--sets", nargs="+", required=True, help="names in data/, or folders")
    p.add_argument("--split", default="test", help="rows of the manifests (default: test)")
    p.add_argument("--only", nargs="*", default=[], metavar="COLUMN=VALUE", help="of the rows")
    p.add_argument("--threshold", type=float, default=0.5, help="paper from here on (binarize)")
    p.add_argument("--tile", type=int, default=TILE, help="side of a tile in pixels")
    p.add_argument("--limit", type=int, default=0, help="pages of a set at most")
    p.add_argument("--no-pseudo", action="store_true", help="without the pseudo F-measures")
    p.add_argument("--protocol", default="", help="words added to the task's protocol")
    p.add_argument("--record", action="store_true", help="write the ledger's file")
    p.add_argument("--name", help="of that file (default: of the weights, or classical-TASK)")
    return p


def main(words: Sequence[str] | None = None) -> int:
    """Score, print the table, and with --record write the result; returns the exit status."""
    given = list(sys.argv[1:] if words is None else words)
    args = parser().parse_args(given)
    if args.record and (why := provenance.why_not_recorded()):
        print(why, file=sys.stderr)
        return 1
    folders = [here("data", one) if os.sep not in one else here(one) for one in args.sets]
    begun = time.perf_counter()
    try:
        only = dict(pair.split("=", 1) for pair in args.only)
        tested = pages(folders, args.split, only=only, limit=args.limit)
        subjects = classical(args.task)
        if args.weights:
            guard(args.weights, tested)
            subjects.append(network(args.weights, args.task, tile=args.tile))
        rows = evaluate(
            args.task,
            subjects,
            tested,
            threshold=args.threshold,
            pseudo=not args.no_pseudo,
        )
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    name = args.name or (subjects[-1].name if args.weights else f"classical-{args.task}")
    cut = f"Cut at {args.threshold}." if args.task == "binarize" and args.weights else ""
    found = result(
        name,
        args.task,
        subjects,
        rows,
        folders,
        protocol=f"{cut} {args.protocol}".strip(),
        command=shlex.join(["python", "-m", "docrestore.evaluation", *given]),
        seconds=time.perf_counter() - begun,
    )
    for one in found.sets:
        print(f"\n{one}, {found.sets[one]['images']} images\n")
        shown = [metric for metric in TASK_METRICS[args.task] if metric in found.metrics]
        print(results.table(found, shown, [one]))
    if args.record:
        print(f"\n{results.write(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
