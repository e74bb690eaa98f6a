"""The hallucination audit as figures and Markdown tables; `python -m docrestore.audit` makes it.

The file book/ledger/audit.json is a result like the others, with rows of single pages, but stands
apart from them: its figures are no scores. The folds of a network, `NAME-without-YEARS`, are one
line, NAME, since together they have restored every page once without having seen it.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docrestore.ledger.results import Result, read
from docrestore.ledger.tables import markdown, short
from docrestore.metrics.ink import WIDTHS
from docrestore.paths import here

__all__ = [
    "FILE", "WRITTEN", "binarizers", "drawn_table", "invented", "is_network", "kinds", "lost",
    "read_audit", "real_table", "shown", "strokes_table", "tables",
]  # fmt: skip

FILE = ("book", "ledger", "audit.json")
WRITTEN = "written"  # the kind of a page with text, of which only the empty paper is audited
Rows = Sequence[dict[str, Any]]


def read_audit(path: Path | None = None) -> Result | None:
    """The audit of the ledger; None where there is none yet. ResultError for a spoilt file."""
    path = path or here(*FILE)
    return read(path) if path.is_file() else None


def binarizers(audit: Result) -> list[str]:
    """The lines of the tables: the page cut at mid-grey, classical methods, networks."""
    return list(dict.fromkeys(_family(name) for name in audit.subjects))


def shown(name: str) -> str:
    """A binarizer's name for readers."""
    return {"degraded": "cut at mid-grey"}.get(name, name.removesuffix("-binarize"))


def is_network(audit: Result, binarizer: str) -> bool:
    """Whether a line of the tables is a network's."""
    facts = audit.subjects.items()
    return any(_family(name) == binarizer and one["kind"] == "network" for name, one in facts)


def kinds(audit: Result) -> list[str]:
    """The kinds of drawn pages, in the order of the file."""
    return list(dict.fromkeys(row["kind"] for row in audit.rows if row["kind"] != WRITTEN))


def _family(name: str) -> str:
    return name.partition("-without-")[0]


def _rows(audit: Result, binarizer: str, **only: str) -> Rows:
    """A binarizer's rows; none where it has not restored all pages that others have."""
    asked = [row for row in audit.rows if all(row[key] == value for key, value in only.items())]
    mine = [row for row in asked if _family(row["subject"]) == binarizer]
    pages = {(row["set"], row["id"]) for row in asked}
    return mine if {(row["set"], row["id"]) for row in mine} == pages else []


def megapixels(audit: Result, **only: str) -> float:
    """The empty paper that each binarizer was asked about; arguments as in `invented`."""
    rows = [row for row in audit.rows if all(row[key] == value for key, value in only.items())]
    return sum({(row["set"], row["id"]): row["empty"] for row in rows}.values()) / 1e6


def invented(audit: Result, binarizer: str, **only: str) -> float:
    """Ink pixels in a million of empty paper, all pages pooled.

    Args:
        audit: from `read_audit`.
        binarizer: from `binarizers`; where several folds restored a page, all of them count.
        only: column=value of the rows, such as kind="stained" or set="dibco2013".

    Returns:
        nan where there is no such paper, or the binarizer has not restored all of its pages.
    """
    rows = _rows(audit, binarizer, **only)
    empty = sum(row["empty"] for row in rows)
    return 1e6 * sum(row["ink"] for row in rows) / empty if empty else math.nan


def lost(audit: Result, binarizer: str, width: str) -> float:
    """The share of the strokes of a width (a key of WIDTHS) that left no trace; nan as above."""
    rows = _rows(audit, binarizer, kind=WRITTEN)
    length = sum(row[f"strokes_{width}"] for row in rows)
    return sum(row[f"lost_{width}"] for row in rows) / length if length else math.nan


def drawn_table(audit: Result) -> str:
    """A row a binarizer, a column a kind of drawn page: ink pixels invented per megapixel."""
    return _invented_table(audit, {kind: {"kind": kind} for kind in kinds(audit)})


def real_table(audit: Result) -> str:
    """The same on the empty paper of real pages: a column a set, and one for all of them."""
    names = sorted({row["set"] for row in audit.rows if row["kind"] == WRITTEN})
    columns = {short(name): {"set": name} for name in names}
    return _invented_table(audit, columns | {"all": {"kind": WRITTEN}})


def _invented_table(audit: Result, columns: dict[str, dict[str, str]]) -> str:
    areas = [f"*{megapixels(audit, **only):.1f}*" for only in columns.values()]
    lines = [["binarizer", *columns], ["*megapixels of empty paper*", *areas]]
    for name in binarizers(audit):
        figures = [_whole(invented(audit, name, **only)) for only in columns.values()]
        lines.append([shown(name), *figures])
    return markdown(lines, 1)


def strokes_table(audit: Result) -> str:
    """A row a binarizer, a column a width of strokes in pixels: the share lost, in percent."""
    first = next(iter(audit.subjects))
    rows = _rows(audit, _family(first), kind=WRITTEN)
    lengths = [f"*{sum(row[f'strokes_{width}'] for row in rows):,}*" for width in WIDTHS]
    lines = [["binarizer", *(f"{width} px" for width in WIDTHS)], ["*pixels of stroke*", *lengths]]
    for name in binarizers(audit):
        shares = [lost(audit, name, width) for width in WIDTHS]
        figures = ["not run" if math.isnan(one) else f"{100 * one:.1f}" for one in shares]
        lines.append([shown(name), *figures])
    return markdown(lines, 1)


def _whole(figure: float) -> str:
    """A count for a table: 0 is exact, what rounds to it is not."""
    if math.isnan(figure):
        return "not run"
    return "< 1" if 0 < figure < 0.5 else f"{figure:,.0f}"


def tables(audit: Result) -> str:
    """The three tables with a line above each; "not run" stands where a fold is missing."""
    parts = {
        "Ink on drawn pages without text, pixels invented per megapixel:": drawn_table(audit),
        "Ink on the empty paper of real pages, pixels invented per megapixel:": real_table(audit),
        "Strokes of real pages that left no trace, in %, by their width:": strokes_table(audit),
    }
    return "\n\n".join(f"{words}\n\n{table}" for words, table in parts.items())
