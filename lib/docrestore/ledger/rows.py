"""Methods over several sets: a row each, their tables, and differences image by image."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from docrestore.ledger.results import LESS_IS_BETTER
from docrestore.ledger.tables import markdown, short

__all__ = ["Row", "difference", "mean_interval", "metric_table"]

PERCENT = ("fm", "pfm_contest", "pfm_skeleton")


@dataclass(frozen=True)
class Row:
    """One method: its figures of single pages by set, or a claimed mean by set.

    Args:
        name: for readers.
        pages: set -> metric -> a figure for each page; empty where only means are known.
        means: set -> metric -> mean.
        facts: parameters, cpu seconds a megapixel and the like, where known.
        competes: False for what others are measured by, such as a ceiling.
    """

    name: str
    pages: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    means: dict[str, dict[str, float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    competes: bool = True

    def mean(self, metric: str, sets: Sequence[str]) -> float:
        """The mean of the sets' means; nan where one of them is not known."""
        return float(np.mean([self.means.get(one, {}).get(metric, math.nan) for one in sets]))


def mean_interval(
    row: Row, metric: str, sets: Sequence[str], draws: int = 2000
) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean of the sets' means: pages are drawn within a set."""
    if any(one not in row.pages for one in sets):
        return math.nan, math.nan
    return _interval([row.pages[one][metric] for one in sets], draws)


def difference(
    row: Row, other: Row, metric: str, sets: Sequence[str], draws: int = 2000
) -> tuple[float, float, float]:
    """How much more a row has than another on the same pages: mean of the sets' means, interval.

    Pages differ more than binarizers do, so the bootstrap draws the differences page by page.

    Raises:
        ValueError: if the two have not scored as many pages of each set.
    """
    apart = [
        [a - b for a, b in zip(row.pages[s][metric], other.pages[s][metric], strict=True)]
        for s in sets
    ]
    return float(np.mean([np.mean(one) for one in apart])), *_interval(apart, draws)


def _interval(figures: Sequence[Sequence[float]], draws: int) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    total = np.zeros(draws)
    for values in figures:
        kept = np.array([v for v in values if math.isfinite(v)])
        total += kept[rng.integers(len(kept), size=(draws, len(kept)))].mean(1)
    low, high = np.quantile(total / len(figures), [0.025, 0.975])
    return float(low), float(high)


def metric_table(
    rows: Sequence[Row],
    sets: Sequence[str],
    metric: str,
    *,
    head: str = "binarizer",
    names: Callable[[str], str] = short,
) -> str:
    """A line a row, a column a set, the mean; the best measured figure of a column in bold.

    Args:
        rows: those that do not compete are never in bold.
        sets: of the columns.
        metric: one of the rows' metrics.
        head: what stands above the names of the rows.
        names: a set's name for readers.
    """
    digits = 1 if metric in PERCENT else 3 if metric.startswith("ssim") else 2  # many columns
    sign = -1 if metric in LESS_IS_BETTER else 1
    best = {
        one: max(
            (sign * row.means[one][metric] for row in rows if _competes(row, one)), default=math.nan
        )
        for one in sets
    }
    lines = [[head, *map(names, sets), "mean"]]
    for row in rows:
        figures = []
        for one in sets:
            value = row.means.get(one, {}).get(metric, math.nan)
            text = f"{value:.{digits}f}" if math.isfinite(value) else ""
            bold = _competes(row, one) and sign * value == best[one]
            figures.append(f"**{text}**" if bold else text)
        mean = row.mean(metric, sets)
        lines.append([row.name, *figures, f"{mean:.{digits}f}" if math.isfinite(mean) else ""])
    return markdown(lines, 1)


def _competes(row: Row, one: str) -> bool:
    return row.competes and one in row.pages
