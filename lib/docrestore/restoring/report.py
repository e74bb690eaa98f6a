"""The report beside the results: what was done to each file. It also says what is done already."""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docrestore import __version__
from docrestore.provenance import file_hash

__all__ = ["PROGRAM", "REPORT", "Report", "ReportError", "is_report"]

REPORT = "report.json"
PROGRAM = "docrestore"
SAME = (
    "input_sha256",
    "model_sha256",
    "task",
    "soft",
    "key",
)  # equal in these: the result still counts


class ReportError(ValueError):
    """A file where the report should be, or the result; the sentence says what to do."""


def is_report(path: Path) -> bool:
    """Whether a file is a report of this program."""
    try:
        return json.loads(path.read_text("utf-8")).get("program") == PROGRAM
    except (OSError, ValueError, AttributeError):
        return False


class Report:
    """The report of a folder of results, kept across runs.

    Entries of earlier runs stay as long as their results do; failures are those of this run.

    Args:
        path: of the report; results are named in it relative to its folder.

    Raises:
        ReportError: if something else has that name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.began = datetime.now(UTC)
        self.entries: dict[str, dict[str, Any]] = {}
        self.failures: list[dict[str, Any]] = []
        self.counts = {"restored": 0, "skipped": 0, "failed": 0}
        self._saved, self._cost = 0.0, 0.0
        if os.path.exists(path):  # False, too, where we may not look; saving will tell
            if not is_report(path):
                raise ReportError(
                    f"{path} was not written by docrestore; move it away or choose another folder."
                )
            old = json.loads(path.read_text("utf-8")).get("files", [])
            for entry in old:
                if entry.get("status") == "restored" and self._path(entry["output"]).is_file():
                    self.entries[entry["output"]] = {**entry, "this_run": "not asked for"}

    def _name(self, target: Path) -> str:
        return Path(os.path.relpath(target, self.path.parent)).as_posix()

    def _path(self, name: str) -> Path:
        return self.path.parent / name

    def is_done(self, target: Path, facts: Mapping[str, Any]) -> bool:
        """Whether `target` is the untouched result of the same input, model and wishes."""
        entry = self.entries.get(self._name(target))
        return (
            entry is not None
            and target.is_file()
            and all(entry.get(key) == facts.get(key) for key in SAME)
            and file_hash(target) == entry["output_sha256"]
        )

    def check_free(self, target: Path, maker: str) -> None:
        """Refuse to replace a file that this program did not make, or that was edited since.

        A run that was killed may leave a result that is not in the report yet. It bears our name:
        `maker` is the program that the file names, or "".
        """
        if not target.exists():
            return
        entry = self.entries.get(self._name(target))
        ours = maker.startswith(f"{PROGRAM} ") and (entry is None or maker != entry["software"])
        if not ours and not (entry and file_hash(target) == entry["output_sha256"]):
            raise ReportError(
                f"{target.name} is in the output folder already and is not, or no longer, what "
                f"docrestore made; move it away or give --overwrite."
            )

    def restored(self, target: Path, facts: Mapping[str, Any]) -> None:
        """Note a result. The report on disk follows soon, not at once; see `save`."""
        self.counts["restored"] += 1
        name = self._name(target)
        when = datetime.now(UTC).isoformat(timespec="seconds")
        self.entries[name] = {
            "output": name,
            "status": "restored",
            "this_run": "restored",
            **facts,
            "output_sha256": file_hash(target),
            "when": when,
        }
        if time.monotonic() - self._saved > max(1.0, 20 * self._cost):
            self.save("running")

    def skipped(self, target: Path) -> None:
        """Note a file that was done before."""
        self.counts["skipped"] += 1
        self.entries[self._name(target)]["this_run"] = "skipped, done before"

    def failed(self, source: Path, sentence: str) -> None:
        """Note a file that could not be restored, and why."""
        self.counts["failed"] += 1
        self.failures.append({"input": str(source), "status": "failed", "why": sentence})

    def save(self, status: str, facts: Mapping[str, Any] | None = None) -> None:
        """Write the report atomically.

        Args:
            status: "running", "finished" or "stopped".
            facts: about the run as a whole, at its end.
        """
        begun = time.monotonic()
        seconds = (datetime.now(UTC) - self.began).total_seconds()
        run = {
            "began": self.began.isoformat(timespec="seconds"),
            "status": status,
            "seconds": round(seconds, 2),
            **self.counts,
            **(facts or {}),
        }
        whole = {
            "program": PROGRAM,
            "version": __version__,
            "run": run,
            "files": [*self.failures, *(self.entries[name] for name in sorted(self.entries))],
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f".{self.path.name}.part")
        # a name that is no valid text survives as an escape, which JSON reads back
        with part.open("w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(whole, file, indent=1, ensure_ascii=False)
            file.write("\n")
        os.replace(part, self.path)
        self._saved = time.monotonic()
        self._cost = self._saved - begun
