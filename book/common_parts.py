"""Parts that several chapters have: what a benchmark measured, and what was not run."""

import json
from collections.abc import Sequence

from docrestore.ledger.tables import markdown
from docrestore.paths import here

__all__ = ["not_run", "speed_part"]

COLUMNS = {  # key of a row -> head and form
    "seconds": ("seconds", "{:.3g}"),
    "ratio": ("ratio", "{:.2f}"),
    "difference": ("differs by", "{:.0e}"),
    "loss": ("loss at the end", "{:.3e}"),
    "loss_ratio": ("of the first loss", "{:.3f}"),
    "pages_per_minute": ("pages a minute", "{:.1f}"),
    "gigabytes": ("GB", "{:.2f}"),
}


def not_run(module: str) -> str:
    """What stands in place of a result that is missing."""
    return f"It was not run for this copy of the book; `python -m docrestore.{module}` runs it."


def speed_part(file: Sequence[str], module: str) -> str:
    """What a benchmark measured: a table, and on which machine.

    Args:
        file: parts of the path of its record.
        module: below docrestore, that makes the record.
    """
    path = here(*file)
    if not path.is_file():
        return not_run(module)
    speed = json.loads(path.read_text("utf-8"))
    columns = {
        key: words for key, words in COLUMNS.items() if any(key in row for row in speed["rows"])
    }
    lines = [["what", "pixels", *(head for head, _ in columns.values())]]
    for row in speed["rows"]:
        facts = [form.format(row[key]) if key in row else "" for key, (_, form) in columns.items()]
        lines.append([row["what"], " x ".join(map(str, row["size"])), *facts])
    machine = speed["provenance"]["machine"]
    where = f"{machine['threads']} threads of {machine['processor']}"
    return f"{markdown(lines, 1)}\n\nMeasured with {where}, {speed['provenance']['date']}."
