"""Compare results with the truth, file by file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docrestore import images, metrics
from docrestore.images import ImageError
from docrestore.paths import by_name

__all__ = ["ScoringError", "pair_up", "save", "score", "score_all", "table"]

SHOWN = ("fm", "pfm_contest", "pfm_skeleton", "precision", "recall", "nrm", "psnr", "drd")
HEADS = {"pfm_contest": "pFM", "pfm_skeleton": "pFM skel", "psnr_gray": "PSNR", "ssim_gray": "SSIM"}


class ScoringError(ValueError):
    """Results and truths that cannot be compared; the sentence says what to do."""


def pair_up(results: Path, truth: Path) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Results and truths of the same name; suffixes, and `_GT` after a truth's name, do not count.

    Args:
        results: a file or a folder.
        truth: a file or a folder.

    Returns:
        Pairs in the order of their names, and a sentence for each file without a partner.

    Raises:
        ScoringError: if there is no pair at all.
    """
    for path in (results, truth):
        if not os.path.exists(path):
            raise ScoringError(f"{path} does not exist; check the name.")
    if not os.path.isdir(results) and not os.path.isdir(truth):
        return [(results, truth)], []
    have, want = _by_name(results), _by_name(truth)
    pairs = [(path, want[name]) for name, path in have.items() if name in want]
    lonely = [
        f"{path.name} has no truth; it is left out." for n, path in have.items() if n not in want
    ]
    lonely += [f"{path.name} has no result." for n, path in want.items() if n not in have]
    if not pairs:
        raise ScoringError(
            f"no file in {results} has the name of one in {truth}; name the truths as the results."
        )
    return pairs, lonely


def _by_name(path: Path) -> dict[str, Path]:
    return {name: found[-1] for name, found in by_name(path, images.READABLE).items()}


def score(result: Path, truth: Path, *, pseudo: bool = True) -> dict[str, float]:
    """The metrics of one result: of binarization if its truth has two levels, else PSNR and SSIM.

    Args:
        result: an image file; its first page counts. For a binary truth it is cut at mid-grey.
        truth: an image file of the same size.
        pseudo: also the two pseudo F-measures, which take most of the time.

    Raises:
        ScoringError: if the sizes differ.
        ImageError: if a file cannot be read.
    """
    found, wanted = images.read_gray(result), images.read_gray(truth)
    if found.shape != wanted.shape:
        (high, wide), (tall, broad) = found.shape, wanted.shape
        raise ScoringError(
            f"{result.name} is {wide} x {high} pixels and its truth {broad} x {tall}; "
            f"compare pages of one size."
        )
    if images.two_levels(wanted):
        return metrics.binarization(found >= 128, wanted >= 128, pseudo)
    return {
        "psnr_gray": metrics.psnr_gray(found, wanted),
        "ssim_gray": metrics.ssim_gray(found, wanted),
    }


def score_all(
    pairs: Sequence[tuple[Path, Path]], *, pseudo: bool = True
) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each pair, {"file": ..., metrics}, and a sentence for each that has none."""
    rows, failures = [], []
    for result, truth in pairs:
        try:
            rows.append({"file": result.name, **score(result, truth, pseudo=pseudo)})
        except (ImageError, ScoringError) as error:
            failures.append(str(error))
    return rows, failures


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as text, one table for each set of metrics, each with its mean."""
    parts = []
    for keys in dict.fromkeys(tuple(row) for row in rows):
        some = [row for row in rows if tuple(row) == keys]
        shown = [key for key in keys if key in SHOWN or key in HEADS]
        wide = max(len("file"), *(len(row["file"]) for row in some))
        lines = [f"{'file':{wide}}" + "".join(f"{HEADS.get(k, k.upper()):>11}" for k in shown)]
        for row in [*some, {"file": "mean", **metrics.mean(some)}]:
            figures = "".join(f"{row[key]:11.{_digits(key)}f}" for key in shown)
            lines.append(f"{row['file']:{wide}}{figures}")
        lines += ["", *(f"{HEADS.get(k, k.upper())}: {metrics.PROTOCOLS[k]}" for k in shown)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def save(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows and means as JSON; ScoringError if the disk refuses."""
    means = metrics.mean(rows) if len({tuple(row) for row in rows}) == 1 else {}
    whole = {"mean": metrics.jsonable(means), "files": [metrics.jsonable(row) for row in rows]}
    try:
        path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise ScoringError(f"{path} could not be written: {error.strerror}.") from None


def _digits(key: str) -> int:
    return 4 if key in ("nrm", "ssim_gray") else 2
