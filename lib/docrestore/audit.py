"""The hallucination audit: what does a binarizer write on empty paper, and what does it drop?

    python -m data_prep.blank_pages data/drawn-blank
    python -m docrestore.audit --record

restores drawn pages without text, and pages of the contests whole. Of those, ink is counted where
the truth is empty, and strokes of the truth that left no trace. `--record` writes
book/ledger/audit.json, from which `docrestore.ledger.audits` makes tables. A network is only asked
about real pages that it has not seen: one named `...-without-2013-2016` about those two years.
"""

import argparse
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from docrestore import evaluation, provenance, weights
from docrestore.data import Pair
from docrestore.ledger import audits, results
from docrestore.metrics.ink import empty_paper, invented, strokes, strokes_lost
from docrestore.paths import here
from docrestore.subjects import Subject

__all__ = ["audit", "chosen", "folds", "measures", "unseen_sets"]

TASK = "binarize"
DRAWN = "drawn-blank"
YEARS = (2009, 2010, 2011, 2012, 2013, 2014, 2016, 2017)
PROTOCOL = (
    "Drawn pages without text, and whole pages of the contests. Ink is counted on all of a drawn "
    "page, on a real one where squares of 128 px lie at least 16 px from the truth's text. Strokes "
    "are pixels of the truth's skeleton; one is lost when no ink of it is found across its width. "
    "A network restores the real pages of the years that it has not seen, and every drawn page."
)


def folds() -> list[str]:
    """Names of the shipped weights that leave years out for testing."""
    return [name for name in weights.names() if f"-{TASK}-without-" in name]


def unseen_sets(name: str, sets: Sequence[str]) -> list[str]:
    """The sets that weights leave out by their name; all where it names no year.

    >>> unseen_sets("net-binarize-without-2013-2016", ["dibco2012", "dibco2013", "dibco2016"])
    ['dibco2013', 'dibco2016']
    """
    years = re.findall(r"\d{4}", name.partition("-without-")[2])
    return [one for one in sets if not years or one.removeprefix("dibco") in years]


def chosen(folder: Path, limit: int = 0) -> list[Pair]:
    """Pages of a set, at most `limit` (0: all), evenly spread over its list.

    The lists begin with handwriting and end with print, so the first few would be of one kind.
    """
    pairs = evaluation.pages([folder])
    if not limit or limit >= len(pairs):
        return pairs
    return [pairs[index] for index in np.linspace(0, len(pairs) - 1, limit).round().astype(int)]


def measures(subjects: Sequence[Subject], pair: Pair) -> Iterator[dict[str, Any]]:
    """A row of the audit for each subject, on one page."""
    truth = pair.clean > 127
    drawn = bool(truth.all())
    where = np.ones_like(truth) if drawn else empty_paper(truth)
    pixels = int(where.sum())
    lines = strokes(truth)
    for subject in subjects:
        restored = evaluation.final(subject, pair.seen(subject.channels), TASK)
        row = {
            "subject": subject.name,
            "set": pair.set,
            "id": pair.id,
            "kind": pair.row.get("kind", "blank") if drawn else audits.WRITTEN,
            "empty": pixels,
            "ink": round(invented(restored, where) * pixels / 1e6) if pixels else 0,
        }
        for width, (length, lost) in strokes_lost(restored, truth, of=lines).items():
            row |= {f"strokes_{width}": length, f"lost_{width}": lost}
        yield row


def audit(
    names: Sequence[str | os.PathLike[str]],
    folders: Sequence[Path],
    *,
    limit: int = 0,
    progress: bool = True,
) -> tuple[list[Subject], list[dict[str, Any]]]:
    """Audit classical methods on all pages, networks on the drawn ones and on those unseen.

    Args:
        names: of weights, shipped or files; those that end in `-without-YEARS` are asked about
            real pages of these years alone.
        folders: of real sets and of sets of `data_prep.blank_pages`.
        limit: pages of a real set at most; 0 takes all.
        progress: show a bar.

    Returns:
        All that were audited, and rows, one a page and subject, that count pixels: `empty` that
        should stay so, those of them that are `ink`, and for each of `metrics.ink.WIDTHS` those of
        `strokes_` and those `lost_`.

    Raises:
        LeakageError: if a network has seen one of the pages that it would be asked about.
        EvaluationError, WeightsError: as `evaluation.guard` and `evaluation.network`.
    """
    sets = {folder.name: chosen(folder, 0 if _is_drawn(folder) else limit) for folder in folders}
    real = [folder.name for folder in folders if not _is_drawn(folder)]
    subjects = evaluation.classical(TASK)
    asked = {name: subjects.copy() for name in sets}
    for name in names:
        network = evaluation.network(name, TASK)
        left_out = unseen_sets(network.name, real)
        mine = [one for one in sets if one in left_out or one not in real]
        evaluation.guard(name, [pair for one in mine for pair in sets[one]])
        for one in mine:
            asked[one].append(network)
        subjects.append(network)
    work = [(asked[name], pair) for name, pairs in sets.items() for pair in pairs]
    bar = tqdm(work, desc="auditing", unit="page", disable=not progress)
    return subjects, [row for some, pair in bar for row in measures(some, pair)]


def _is_drawn(folder: Path) -> bool:
    return (folder / "drawn.json").is_file()


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    p = argparse.ArgumentParser(
        prog="python -m docrestore.audit",
        description="Count the ink that binarizers invent and the strokes that they lose.",
    )
    p.add_argument(
        "--weights",
        nargs="*",
        help="shipped names or files (default: all shipped folds; nothing after it: none)",
    )
    real = [f"dibco{year}" for year in YEARS]
    p.add_argument("--sets", nargs="+", default=[DRAWN, *real], help="names in data/, or folders")
    p.add_argument("--limit", type=int, default=6, help="pages of a real set (default 6, 0: all)")
    p.add_argument("--record", action="store_true", help="write book/ledger/audit.json")
    return p


def main(words: Sequence[str] | None = None) -> int:
    """Audit, print the tables, and with --record write the file; returns the exit status."""
    given = list(sys.argv[1:] if words is None else words)
    args = parser().parse_args(given)
    if args.record and (why := provenance.why_not_recorded()):
        print(why, file=sys.stderr)
        return 1
    folders = [here("data", one) if os.sep not in one else here(one) for one in args.sets]
    begun = time.perf_counter()
    try:
        if missing := [one for one in folders if one.name == DRAWN and not _is_drawn(one)]:
            raise evaluation.EvaluationError(
                f"{missing[0]} is not there; draw it with `python -m data_prep.blank_pages "
                f"data/{DRAWN}`."
            )
        names = folds() if args.weights is None else args.weights
        subjects, rows = audit(names, folders, limit=args.limit)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    found = evaluation.result(
        "audit",
        TASK,
        subjects,
        rows,
        folders,
        protocol=PROTOCOL,
        command=shlex.join(["python", "-m", "docrestore.audit", *given]),
        seconds=time.perf_counter() - begun,
    )
    print(f"\n{audits.tables(found)}")
    if args.record:
        print(f"\n{results.write(found, here(*audits.FILE))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
