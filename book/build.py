"""Make the book: run what is missing, lay out the pages, render them to book/_build/html.

    python book/build.py [--profile lesson] [--jobs 2] [--force] [--no-run]

A notebook runs only when something that it depends on has changed; snakemake then runs those.
Rendering executes nothing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chapter_parts import chapter_parts, copy_figures, draw_figures
from ledger_page import ledger_page
from pages import PageError, page
from run_times import run_times

from docrestore.parameters import ParameterError
from docrestore.paths import here
from docrestore.workflow import Row, WorkflowError, rows

BOOK = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="lesson", help="smoke, lesson or full")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cores to use")
    parser.add_argument("--force", action="store_true", help="run every notebook again")
    parser.add_argument("--no-run", action="store_true", help="only render what has been run")
    asked = parser.parse_args(arguments)
    started = time.time()
    try:
        pages = rows()
        if not asked.no_run:
            run_notebooks(pages, asked.profile, asked.jobs, asked.force)
        lay_out(pages, asked.profile)
        render(BOOK)
    except (WorkflowError, ParameterError, PageError) as error:
        say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd[:3]))
        say(f"Stopped: `{command} ...` ended with status {error.returncode}; see above.")
        return 1
    index = BOOK / "_build" / "html" / "index.html"
    say(f"The book is at {index} ({time.time() - started:.0f} s).")
    return 0


def run_notebooks(pages: dict[str, Row], profile: str, jobs: int, force: bool) -> None:
    """Let snakemake run what is not done; it is not even started when all is."""
    waiting = [name for name, row in pages.items() if force or not row.is_done(profile, pages)]
    if not waiting:
        say(f"All {len(pages)} notebooks of the profile {profile} are done.")
        return
    say(f"{len(waiting)} of {len(pages)} notebooks to run: {', '.join(waiting)}.")
    command = [sys.executable, "-m", "snakemake", "notebooks", "--cores", str(jobs)]
    command += ["--config", f"profile={profile}", "--quiet", "host", "progress", "reason", "rules"]
    command += ["--forceall"] * force
    subprocess.run(command, cwd=here(), check=True)


def lay_out(pages: dict[str, Row], profile: str) -> None:
    """Write the pages that are not written by hand: notebooks, run times, ledger."""
    records = {}
    kept = set()
    for name, row in pages.items():
        path = row.record(profile)
        if not path.is_file():
            raise PageError(f"{name} has not been run under {profile}: make book PROFILE={profile}")
        records[name] = json.loads(path.read_text(encoding="utf-8"))
        if records[name]["status"] != "ok":
            raise PageError(f"The run of {name} ended as {records[name]['status']}: {path}")
        target = BOOK / "_executed" / f"{name}.ipynb"
        text = page(here(row.notebook), row.executed(profile), records[name], name)
        write_if_new(target, text)
        kept.add(target)
    for path in (BOOK / "_executed").rglob("*.ipynb"):
        if path not in kept:
            path.unlink()
    write_if_new(BOOK / "_generated" / "run_times.md", run_times(pages, records))
    if (BOOK / "ledger").is_dir():
        write_if_new(BOOK / "_generated" / "ledger.md", ledger_page())
        for name, text in chapter_parts().items():
            write_if_new(BOOK / "_generated" / name, text)
        draw_figures(BOOK / "_generated" / "figures")
    drawn = {row.run: row.executed(profile).parent for row in pages.values()}
    copy_figures(drawn, BOOK / "_generated" / "figures")
    if "00_start_here" in pages:
        landing(pages["00_start_here"].record(profile).parent)


def landing(run: Path) -> None:
    """Give the landing page its two pictures: a page that ships, and what a run made of it."""
    target = BOOK / "_static" / "landing"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(here("data_prep", "pages", "page.png"), target / "before.png")
    shutil.copyfile(run / "page-restored.png", target / "after.png")


def write_if_new(path: Path, text: str) -> None:
    """Write a file only when that changes it, so that Sphinx reads again only what is new."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def render(source: Path) -> None:
    """Render with warnings as errors; pages that did not change are kept from the last time."""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(source)]
    subprocess.run([*command, "-W", "-n", "--keep-going"], check=True)


def say(sentence: str) -> None:
    """One line for the person who watches."""
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
