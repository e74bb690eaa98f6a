"""One notebook in one kernel: papermill with a polite environment and one kind of failure."""

import contextlib
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from docrestore import parameters, provenance
from docrestore.paths import here

__all__ = ["NotebookError", "environment", "execute", "fill_in", "stop_on_sigterm"]


class NotebookError(RuntimeError):
    """A notebook that did not run to its end; the sentence names the cell and the error."""

    status = "failed"


class KernelKilledError(NotebookError):
    """The notebook's process died under it."""

    status = "killed"


def fill_in(notebook: Path, target: Path, values: dict[str, object]) -> None:
    """Write the notebook to `target` with its values injected, without running it."""
    import papermill

    with quiet():
        papermill.execute_notebook(
            notebook,
            target,
            values,
            prepare_only=True,
            kernel_name="python3",
            language="python",
            progress_bar=False,
        )


def execute(notebook: Path, target: Path, values: dict[str, object]) -> None:
    """Let papermill run the notebook; its several ways to fail become one NotebookError."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    name = parameters.notebook_key(notebook)
    arguments = [
        "--IPKernelApp.log_level=ERROR",  # not the warning about TCP for each kernel
        "--IPKernelApp.exec_lines=__import__('docrestore.provenance').provenance.note_reads()",
    ]
    try:
        with quiet(), heartbeat(name, target.parent / "log.jsonl"):
            papermill.execute_notebook(
                notebook,
                target,
                values,
                kernel_name="python3",
                language="python",
                cwd=here(),
                progress_bar={"desc": name, "dynamic_ncols": True},  # pyright: ignore[reportArgumentType]
                extra_arguments=arguments,
            )
    except papermill.PapermillExecutionError as error:
        what = f"{error.ename}: {error.evalue}".rstrip(": ")
        raise NotebookError(
            f"{name} failed in cell {error.cell_index}: {what}{guilty_line(error.traceback)}."
        ) from None
    except DeadKernelError:
        raise KernelKilledError(
            f"{name}: the kernel was killed, most often because memory ran out."
        ) from None
    except CellTimeoutError as error:
        raise NotebookError(f"{name}: a cell ran too long: {error}.") from None


def guilty_line(traceback: list[str]) -> str:
    """The notebook's line that IPython marks with an arrow, for an error without words.

    >>> guilty_line(["Cell In[3], line 2", "      1 x = 1", "----> 2 assert x > 1"])
    ' in `assert x > 1`'
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))
    found = re.search(r"^-+> ?\d+ (.+)$", text, re.MULTILINE)
    return f" in `{found.group(1).strip()}`" if found else ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep papermill's log to errors; its progress bar stays."""
    logger = logging.getLogger("papermill")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def heartbeat(name: str, log: Path, every: float = 20.0) -> Iterator[None]:
    """Say now and then that a long cell lives, and which step its training has reached.

    Args:
        name: the notebook, as it is shown.
        log: the log.jsonl that a training in this notebook would write.
        every: seconds between two lines.
    """
    started, over = time.time(), threading.Event()

    def beat() -> None:
        while not over.wait(every):
            step = ""
            if log.is_file() and log.stat().st_mtime > started:
                with contextlib.suppress(ValueError, IndexError, KeyError, TypeError):
                    step = f", step {json.loads(log.read_text().splitlines()[-1])['step']}"
            print(f"{name}: {time.time() - started:.0f} s{step}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def environment(threads: int, reads: Path) -> Iterator[None]:
    """The environment of the kernel: threads that wait politely, and where to note reads.

    OpenMP's waiting threads spin by default; beside one other busy process that makes two torch
    threads about four times slower.
    """
    extra = {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        provenance.READS: str(reads),
    }
    before = {key: os.environ.get(key) for key in extra}
    os.environ.update(extra)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@contextlib.contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM (a scheduler's time limit) into SystemExit, so that the record is written."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    except ValueError:  # not the main thread, where no handler can be set
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
