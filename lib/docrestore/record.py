"""Write the ledger's rows that are missing or out of date: `python -m docrestore.record`.

Which rows there are stands in book/ledger/rows.yaml. A row is out of date when its weights or
pages have changed since it was written, or when another command would make it now. The means of a
row also go into the card of its weights.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from docrestore import evaluation, weights
from docrestore.ledger import LedgerError, results
from docrestore.paths import here
from docrestore.provenance import file_hash

__all__ = ["command", "read_rows", "why"]

KEYS = {"name", "task", "sets", "only", "words"}
PROGRAM = ("python", "-m", "docrestore.evaluation")


def read_rows(path: Path | None = None) -> list[dict[str, Any]]:
    """The rows of rows.yaml. Raises LedgerError for one that lacks something or knows too much."""
    path = path or here("book", "ledger", "rows.yaml")
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    for row in rows:
        if missing := sorted({"name", "task", "sets"} - row.keys()):
            raise LedgerError(f"{path.name}: {row} lacks {', '.join(missing)}.")
        if unknown := sorted(row.keys() - KEYS):
            raise LedgerError(f"{path.name}: {row['name']} has {', '.join(unknown)}, unknown here.")
    return rows


def command(row: dict[str, Any]) -> list[str]:
    """The words after `python -m docrestore.evaluation` that write a row."""
    words = ["--task", row["task"]]
    if not row["name"].startswith("classical-"):
        words += ["--weights", row["name"]]
    words += ["--sets", *row["sets"]]
    if row.get("only"):
        words += ["--only", *(f"{key}={value}" for key, value in row["only"].items())]
    if row.get("words"):
        words += ["--protocol", row["words"]]
    return [*words, "--record"]


def why(row: dict[str, Any], folder: Path | None = None) -> str:
    """Why a row has to be written, in a few words; "" if it is as it should be."""
    path = (folder or here(*results.FOLDER)) / f"{row['name']}.json"
    if not path.is_file():
        return "it is not there"
    old = results.read(path)
    if old.provenance["command"] != shlex.join([*PROGRAM, *command(row)]):
        return "another command makes it now"
    if "--weights" in command(row):
        if old.subjects[row["name"]]["sha256"] != file_hash(weights.locate(row["name"])):
            return "its weights have changed"
    for name, facts in old.sets.items():
        manifest = here("data", name, "manifest.csv")
        if manifest.is_file() and facts["manifest"] != file_hash(manifest):
            return f"{name} has changed"
    return ""


def note_metrics(name: str, path: Path | None = None) -> None:
    """Write the means of a row into the card of its weights, and their new hash into the row."""
    result = results.read(path or here(*results.FOLDER, f"{name}.json"))
    means = {
        one: {metric: round(result.mean(name, metric, [one]), 3) for metric in result.metrics}
        for one in result.sets
    }
    file = weights.complete_card(name, metrics=means)
    result.subjects[name]["sha256"] = file_hash(file)
    results.write(result, path)


def main(words: Sequence[str] | None = None) -> int:
    """Write what has to be written; returns 1 if a row could not be."""
    parser = argparse.ArgumentParser(prog="python -m docrestore.record", description=__doc__)
    parser.add_argument("names", nargs="*", help="of rows (default: all)")
    parser.add_argument("--list", action="store_true", help="only say what would be written")
    args = parser.parse_args(words)
    rows = read_rows()
    if unknown := sorted(set(args.names) - {row["name"] for row in rows}):
        known = ", ".join(row["name"] for row in rows)
        print(f"no row is called {', '.join(unknown)}; there are: {known}.", file=sys.stderr)
        return 1
    failed = 0
    for row in rows:
        if args.names and row["name"] not in args.names:
            continue
        try:
            reason = why(row)
        except ValueError as error:
            print(f"{row['name']}: {error}", file=sys.stderr)
            failed = 1
            continue
        print(f"{row['name']}: {reason or 'up to date'}", flush=True)
        if reason and not args.list:
            failed |= (ended := evaluation.main(command(row)))
            if not ended and "--weights" in command(row):
                note_metrics(row["name"])
    return failed


if __name__ == "__main__":
    sys.exit(main())
