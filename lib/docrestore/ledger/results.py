"""What our runs obtained: one JSON file a run, each image's figures in it, and how they came.

The files of book/ledger/results/ are written by `python -m docrestore.evaluation ... --record` and
read by the ledger. Figures of single images are kept, so that every mean, interval and comparison
is computed from the file and can be computed in another way later.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from docrestore.metrics import bootstrap, mean
from docrestore.paths import here

__all__ = ["LESS_IS_BETTER", "Result", "ResultError", "read", "read_all", "table", "write"]

FOLDER = ("book", "ledger", "results")
LESS_IS_BETTER = {"nrm", "drd", "grey_levels_outside"}
FACTS = (
    "subject",
    "set",
    "id",
    "megapixels",
    "seconds",
    "cpu_seconds",
    "text",
)  # of a row; the rest are metrics
DIGITS = 5  # of a figure in the file
SHOWN = {"ssim_gray": 3, "nrm": 3, "accuracy": 4, "iou": 3}  # in tables; 2 for all others


class ResultError(ValueError):
    """A result that cannot be used; the sentence says which and why."""


@dataclass(frozen=True)
class Result:
    """One evaluation: several subjects on the same images.

    Args:
        name: of the file, and of the weights where there are some.
        task: binarize, clean, deblur or watermark.
        protocol: in words: what was given, how it was cut, what is averaged.
        subjects: name -> {"kind": input|classical|network, "parameters": int, ...}; the network's
            entry also holds what its card says.
        sets: name -> {"images": int, "of": what they are, "manifest": sha256}.
        rows: one for each subject and image: the FACTS and the metrics.
        provenance: command, commit, versions, machine, seconds, date.
    """

    name: str
    task: str
    protocol: str
    subjects: dict[str, dict[str, Any]]
    sets: dict[str, dict[str, Any]]
    rows: list[dict[str, Any]] = field(repr=False)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """Names of the measured figures, in the order of the rows."""
        return [key for key in (self.rows[0] if self.rows else {}) if key not in FACTS]

    def of(self, subject: str, sets: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """The rows of one subject, of some sets or all, in the order of the images."""
        wanted = set(self.sets if sets is None else sets)
        return [row for row in self.rows if row["subject"] == subject and row["set"] in wanted]

    def values(self, subject: str, metric: str, sets: Iterable[str] | None = None) -> list[float]:
        """One metric of one subject, an image after the other; nan where there is no figure."""
        return [row[metric] for row in self.of(subject, sets)]

    def mean(self, subject: str, metric: str, sets: Iterable[str] | None = None) -> float:
        """The mean over the images; values that are not finite are left out."""
        values = self.values(subject, metric, sets)
        return mean([{metric: value} for value in values])[metric] if values else math.nan

    def interval(
        self, subject: str, metric: str, sets: Iterable[str] | None = None
    ) -> tuple[float, float]:
        """The 95 % bootstrap interval of that mean."""
        return bootstrap(self.values(subject, metric, sets))

    def seconds_per_megapixel(self, subject: str, clock: str = "cpu_seconds") -> float:
        """The time of restoring, without reading and without measuring.

        `cpu_seconds` counts the work of all cores together and does not mind what else the machine
        does; `seconds` is what a clock on the wall shows.
        """
        rows = self.of(subject)
        return sum(row[clock] for row in rows) / sum(row["megapixels"] for row in rows)

    def best(self, kind: str, metric: str, sets: Iterable[str] | None = None) -> str:
        """The subject of a kind with the best mean. Raises ResultError if there is none."""
        names = [name for name, facts in self.subjects.items() if facts["kind"] == kind]
        if not names:
            raise ResultError(f"{self.name} has no subject of the kind {kind!r}.")
        sign = -1 if metric in LESS_IS_BETTER else 1
        return max(names, key=lambda name: sign * self.mean(name, metric, sets))


def write(result: Result, path: Path | None = None) -> Path:
    """Write a result, by default to book/ledger/results/<name>.json; return the path."""
    path = path or here(*FOLDER, f"{result.name}.json")
    columns = list(result.rows[0]) if result.rows else list(FACTS)
    whole = {key: value for key, value in asdict(result).items() if key != "rows"}
    text = json.dumps(whole, indent=1, ensure_ascii=False)
    lines = ",\n  ".join(
        json.dumps([_plain(row[column]) for column in columns], ensure_ascii=False)
        for row in result.rows
    )
    text = f'{text[:-2]},\n "columns": {json.dumps(columns)},\n "rows": [\n  {lines}\n ]\n}}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return path


def _plain(value: Any) -> Any:
    """JSON has no nan and no inf: both become None."""
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    return value


def read(path: Path) -> Result:
    """A result from its file. None is read as nan. Raises ResultError if the file is no result."""
    try:
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
        columns, lines = whole.pop("columns"), whole.pop("rows")
        rows = [
            {
                key: math.nan if value is None else value
                for key, value in zip(columns, line, strict=True)
            }
            for line in lines
        ]
        return Result(**whole, rows=rows)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ResultError(
            f"{path} is no result ({error}); write it anew with "
            "`python -m docrestore.evaluation ... --record`."
        ) from error


def read_all(folder: Path | None = None) -> dict[str, Result]:
    """Every result of the ledger by its name."""
    folder = folder or here(*FOLDER)
    found = [read(path) for path in sorted(folder.glob("*.json"))]
    return {result.name: result for result in found}


def table(
    result: Result, metrics: Sequence[str] | None = None, sets: Iterable[str] | None = None
) -> str:
    """A Markdown table: a row for each subject with means, the headline's interval, size, speed."""
    chosen = list(result.sets if sets is None else sets)
    shown = list(metrics or result.metrics)
    head = ["restored by", *[shown[0], "95 % interval", *shown[1:]], "parameters", "CPU s / Mpx"]
    lines = [head, [":--"] + ["--:"] * (len(head) - 1)]
    for name, facts in result.subjects.items():
        low, high = result.interval(name, shown[0], chosen)
        figures = [f"{result.mean(name, one, chosen):.{SHOWN.get(one, 2)}f}" for one in shown]
        span = f"{low:.2f} to {high:.2f}" if math.isfinite(low) else "one image"
        lines.append(
            [
                name,
                figures[0],
                span,
                *figures[1:],
                f"{facts['parameters']:,}" if facts["parameters"] else "none",
                f"{result.seconds_per_megapixel(name):.3f}",
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
