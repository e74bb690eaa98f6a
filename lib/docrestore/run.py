"""Run one notebook under a named profile: `python -m docrestore.run NOTEBOOK PROFILE`.

Papermill does the work. This module adds what papermill leaves out: unknown names and wrong
types are errors, every run has its own folder with a record of what ran, a killed kernel is told
from a finished one, and a run that is started again does nothing when nothing has changed.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from docrestore import kernel, parameters, provenance
from docrestore.kernel import NotebookError
from docrestore.parameters import ParameterError
from docrestore.paths import here

__all__ = ["NotebookError", "default_name", "is_done", "prepare", "record_path", "run"]


def default_name(notebook: Path, profile: str) -> str:
    """The run's name where none is given: <method>-<profile>.

    >>> default_name(Path("notebooks/de_gan/2_train.ipynb"), "smoke")
    'de_gan-smoke'
    >>> default_name(Path("notebooks/00_start_here.ipynb"), "smoke")
    '00_start_here-smoke'
    """
    return f"{parameters.notebook_key(notebook).split('/')[-2:][0]}-{profile}"


def record_path(notebook: Path, folder: Path) -> Path:
    """Where the record of a notebook's run is: <stem>.run.json in the run's folder."""
    return folder / f"{Path(notebook).stem}.run.json"


def plan(
    notebook: Path, profile: str, runs: Path, name: str | None, overrides: dict[str, object]
) -> tuple[Path, dict[str, object]]:
    """The run's folder and the checked values to inject, `profile` and `run_dir` among them."""
    folder = runs / (name or default_name(notebook, profile))
    inside = folder.is_relative_to(here())
    given: dict[str, object] = {
        "profile": profile,
        "run_dir": (folder.relative_to(here()) if inside else folder).as_posix(),
    }
    sections = parameters.profile(profile, here(parameters.PROFILES))
    values = parameters.merge(notebook, sections, overrides)
    have = parameters.declared(notebook)
    return folder, values | {key: value for key, value in given.items() if key in have}


def inputs(notebook: Path, values: dict[str, object], needs: Sequence[Path]) -> dict[str, object]:
    """What is known before a run and decides whether an earlier one still counts."""
    return {
        "notebook": parameters.notebook_key(notebook),
        "parameters": values,
        "code": provenance.code_hash(parameters.read_notebook(notebook)),
        "mirror": os.environ.get("DOCRESTORE_MIRROR", ""),
        "needs": {path.name: provenance.file_hash(path) for path in needs if path.is_file()},
    }


def why_not_done(record: Path, wanted: dict[str, object]) -> str:
    """The reason to run, in a few words; "" when the recorded run still counts."""
    try:
        before = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return "it has not been run"
    if before.get("status") != "ok":
        return f"the last run ended as {before.get('status')!r}"
    if not record.with_name(f"{record.name.removesuffix('.run.json')}.ipynb").is_file():
        return "the executed notebook is gone"
    for key, words in {
        "notebook": "another notebook used its folder",
        "parameters": "its parameters changed",
        "code": "its code changed",
        "mirror": "DOCRESTORE_MIRROR changed",
        "needs": "a run that it builds on is newer",
    }.items():
        if before.get(key) != json.loads(json.dumps(wanted[key])):
            return words
    for name, digest in before.get("reads", {}).items():
        path = here(name)
        if not path.is_file() or provenance.file_hash(path) != digest:
            return f"{name} changed"
    return ""


def is_done(
    notebook: Path,
    profile: str,
    *,
    runs: Path | None = None,
    name: str | None = None,
    needs: Sequence[Path] = (),
    **overrides: object,
) -> bool:
    """Whether the run that `run` would make with these arguments is already there."""
    folder, values = plan(notebook, profile, runs or here("runs"), name, overrides)
    record = record_path(notebook, folder)
    return not why_not_done(record, inputs(notebook, values, needs))


def prepare(
    notebook: Path,
    profile: str,
    *,
    runs: Path | None = None,
    name: str | None = None,
    **overrides: object,
) -> Path:
    """Write the notebook with its values filled in, not executed, and return its path."""
    notebook = Path(notebook)
    folder, values = plan(notebook, profile, runs or here("runs"), name, overrides)
    folder.mkdir(parents=True, exist_ok=True)
    kernel.fill_in(notebook, folder / notebook.name, values)
    return folder / notebook.name


def run(
    notebook: Path,
    profile: str,
    *,
    runs: Path | None = None,
    name: str | None = None,
    needs: Sequence[Path] = (),
    threads: int | None = None,
    force: bool = False,
    **overrides: object,
) -> Path:
    """Execute a notebook into runs/<name>/ and return that folder.

    Args:
        notebook: its path; nothing is written to it.
        profile: the stem of a file in notebooks/profiles.
        runs: the folder of all runs, by default runs/ of the repository.
        name: the run's name, by default <method>-<profile>.
        needs: records (*.run.json) of the runs that this one builds on; when one is newer, an
            earlier run of this notebook no longer counts.
        threads: threads of numerical libraries, by default one for each core.
        force: run even if an earlier run still counts.
        **overrides: values of the notebook's parameters; they win over the profile's.

    Raises:
        ParameterError: an unknown name, a wrong type, an unknown profile; nothing has run.
        NotebookError: a cell failed or the kernel died; the record and the part that ran are kept.
    """
    notebook, runs = Path(notebook), Path(runs) if runs else here("runs")
    folder, values = plan(notebook, profile, runs.resolve(), name, overrides)
    record = record_path(notebook, folder)
    wanted = inputs(notebook, values, needs)
    reason = "it was asked for" if force else why_not_done(record, wanted)
    if not reason:
        say(f"{wanted['notebook']}: done before and nothing changed ({folder.name}).")
        return folder
    say(f"{wanted['notebook']}: runs as {folder.name}, for {reason}.")
    folder.mkdir(parents=True, exist_ok=True)
    threads = threads or os.cpu_count() or 1
    started = time.time()
    facts: dict[str, object] = {
        "status": "running",
        "error": None,
        "name": folder.name,
        "profile": profile,
        **wanted,
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "machine": provenance.machine(threads, str(values.get("device", "auto"))),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": None,
        "reads": {},
    }
    write_json(record, facts)
    reads = folder / f".{notebook.stem}.reads"
    reads.unlink(missing_ok=True)
    facts["status"] = "interrupted"  # what stays if not even the next lines come to an end
    try:
        with kernel.environment(threads, reads), kernel.stop_on_sigterm():
            kernel.execute(notebook, folder / notebook.name, values)
        facts["status"] = "ok"
    except NotebookError as error:
        facts |= {"status": error.status, "error": str(error)}
        raise
    finally:
        facts["seconds"] = round(time.time() - started, 1)
        facts["reads"] = provenance.read_files(reads, folder, started)
        reads.unlink(missing_ok=True)
        write_json(record, facts)
    say(f"{wanted['notebook']}: {facts['seconds']} s.")
    return folder


def write_json(path: Path, value: object) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def say(sentence: str) -> None:
    """One line for the person who watches."""
    print(sentence, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docrestore.run", description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("profile", help="smoke, lesson or full")
    parser.add_argument("--name", help="the run's folder in runs/ (default: <method>-<profile>)")
    parser.add_argument("--runs", type=Path, help="the folder of all runs (default: runs/)")
    parser.add_argument("-p", dest="values", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--needs", type=Path, nargs="*", default=[], help="records it builds on")
    parser.add_argument("--threads", type=int, help="default: one for each core")
    parser.add_argument("--force", action="store_true", help="run even if nothing changed")
    parser.add_argument("--prepare-only", action="store_true", help="fill in, do not execute")
    asked = parser.parse_args(arguments)
    try:
        overrides = parse_pairs(asked.notebook, asked.values)
        if asked.prepare_only:
            target = prepare(
                asked.notebook, asked.profile, runs=asked.runs, name=asked.name, **overrides
            )
        else:
            target = run(
                asked.notebook,
                asked.profile,
                runs=asked.runs,
                name=asked.name,
                needs=asked.needs,
                threads=asked.threads,
                force=asked.force,
                **overrides,
            )
    except (ParameterError, NotebookError) as error:
        say(str(error))
        return 1
    print(target)
    return 0


def parse_pairs(notebook: Path, pairs: Sequence[str]) -> dict[str, object]:
    """`-p steps=20` as {"steps": 20}, read by the type that the notebook declares."""
    have = parameters.declared(notebook)
    texts = {}
    for pair in pairs:
        key, sign, texts[key] = pair.partition("=")
        if not sign:
            raise ParameterError(f"-p takes KEY=VALUE, got {pair!r}. Keys are: {', '.join(have)}.")
    parameters.refuse_unknown(notebook, texts, have)
    return {key: parameters.parse(text, have[key].type) for key, text in texts.items()}


if __name__ == "__main__":
    sys.exit(main())
