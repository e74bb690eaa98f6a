"""Timing things, and keeping what was found with its provenance: what all benchmarks share."""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docrestore import provenance
from docrestore.checkpoints import put_in_place

__all__ = ["Row", "record", "row", "table", "timed"]

Row = dict[str, Any]


def timed(work: Callable[[], Any], times: int) -> tuple[dict[str, float], Any]:
    """Mean seconds of a piece of work, on the wall and of all cores together; and its result."""
    result = work()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"seconds": wall / times, "cpu_seconds": cpu / times}, result


def row(what: str, size: Sequence[int], spent: dict[str, float]) -> Row:
    """What was timed, on how many pixels (height, width), and what it took."""
    return {"what": what, "size": list(size), **spent}


def table(rows: Sequence[Row]) -> str:
    """The rows for reading: seconds on the wall, seconds of all cores, what else was measured."""
    lines = []
    for row in rows:
        parts = [f"{row['what']:55}", f"{row['size'][0]:5} x {row['size'][1]:<5}"]
        parts.append(f"{row['seconds']:7.2f} s")
        parts.append(f"{row['cpu_seconds']:7.2f} s CPU" if "cpu_seconds" in row else " " * 13)
        for key, form in (
            ("ratio", "{:.2f} x faster"),
            ("difference", "differs by {:.1e} at most"),
            ("spread", "(spread {:.1e})"),
            ("loss", "loss {:.3e}"),
            ("pages_per_minute", "{:.1f} pages a minute"),
            ("gigabytes", "{:.2f} GB"),
        ):
            if key in row:
                parts.append(form.format(row[key]))
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def record(
    path: Path,
    rows: Sequence[Row],
    module: str,
    words: Sequence[str],
    machine: dict[str, Any],
    begun: float,
) -> Path:
    """Write rows with their provenance; return the path.

    Args:
        path: of the file, whole or not at all.
        rows: what was measured.
        module, words: the command was `python -m module words`.
        machine: what it was measured on.
        begun: of time.perf_counter, when measuring began.
    """
    facts = {
        "command": shlex.join(["python", "-m", module, *words]),
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "machine": machine,
        "seconds": round(time.perf_counter() - begun, 1),
        "date": datetime.now(UTC).date().isoformat(),
    }
    text = json.dumps({"rows": list(rows), "provenance": facts}, indent=1)
    put_in_place(path, f"{text}\n".encode())
    return path
