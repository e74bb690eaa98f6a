"""Which runs the book is made of: the rows of book/runs.yaml, with their folders and order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from docrestore import run as runner
from docrestore.paths import here

__all__ = ["STAGES", "Row", "WorkflowError", "rows"]

STAGES = ("data", "train", "evaluate", "explore", "compare")


class WorkflowError(ValueError):
    """A row of book/runs.yaml that does not fit; the sentence says which and why."""


@dataclass(frozen=True)
class Row:
    """One notebook run under one name, and the page that it becomes."""

    page: str
    notebook: Path
    run: str
    stage: str
    needs: tuple[str, ...] = ()
    threads: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)

    def name(self, profile: str) -> str:
        """The run's folder below runs/, such as "de_gan-clean-smoke"."""
        return f"{self.run}-{profile}"

    def executed(self, profile: str) -> Path:
        """The executed notebook."""
        return here("runs", self.name(profile), self.notebook.name)

    def record(self, profile: str) -> Path:
        """The record of the run."""
        return runner.record_path(self.notebook, self.executed(profile).parent)

    def is_done(self, profile: str, others: dict[str, "Row"]) -> bool:
        """Whether this run is there and nothing that it depended on has changed."""
        needs = [others[page].record(profile) for page in self.needs]
        name = self.name(profile)
        return runner.is_done(
            here(self.notebook), profile, name=name, needs=needs, **self.parameters
        )


def rows(path: Path | None = None) -> dict[str, Row]:
    """The rows of book/runs.yaml by page, each after all that it needs.

    Raises:
        WorkflowError: an unknown key or stage, a missing notebook, two rows with one page or one
            executed notebook, or a need that stands later or nowhere.
    """
    path = path or here("book", "runs.yaml")
    found: dict[str, Row] = {}
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        row = make_row(entry)
        if row.page in found or any(
            (one.run, one.notebook) == (row.run, row.notebook) for one in found.values()
        ):
            raise WorkflowError(f"{path.name}: two rows write {row.page} ({row.run}).")
        if unknown := [page for page in row.needs if page not in found]:
            raise WorkflowError(
                f"{path.name}: {row.page} needs {', '.join(unknown)}, which no earlier row makes. "
                f"Earlier rows: {', '.join(found)}."
            )
        found[row.page] = row
    return found


def make_row(entry: dict) -> Row:
    """A row from its entry in the file."""
    keys = {"page", "notebook", "run", "stage", "needs", "threads", "parameters"}
    if "notebook" not in entry:
        raise WorkflowError(f"runs.yaml: {entry} names no notebook.")
    if unknown := entry.keys() - keys:
        raise WorkflowError(
            f"runs.yaml: unknown {sorted(unknown)} in {entry}; known: {sorted(keys)}."
        )
    notebook = Path("notebooks", f"{entry['notebook']}.ipynb")
    if not here(notebook).is_file():
        raise WorkflowError(f"runs.yaml: a row names {notebook}, which is not there.")
    stage = entry.get("stage", "explore")
    if stage not in STAGES:
        raise WorkflowError(f"runs.yaml: stage {stage!r} is none of {', '.join(STAGES)}.")
    return Row(
        page=entry.get("page", entry["notebook"]),
        notebook=notebook,
        run=entry.get("run", runner.default_name(notebook, "").rstrip("-")),
        stage=stage,
        needs=as_tuple(entry.get("needs", ())),
        threads=entry.get("threads", 1),
        parameters=entry.get("parameters", {}),
    )


def as_tuple(value: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)
