"""The workflow: the list of runs, the Snakefile's dry run, and the profile for a cluster."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
import sample_book
import yaml

from docrestore.paths import here
from docrestore.workflow import WorkflowError, rows

SNAKEFILE = here("Snakefile")
ROWS = """
- {notebook: toy/1_data, stage: data}
- {notebook: toy/2_train, stage: train, needs: toy/1_data, threads: 2}
- {notebook: toy/2_train, page: toy/again, run: toy-again, stage: train, needs: [toy/1_data]}
- {notebook: toy/3_explore, needs: toy/2_train}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A repository with three notebooks and the real Snakefile."""
    monkeypatch.setenv("DOCRESTORE_HOME", str(tmp_path))
    for name in ("1_data", "2_train", "3_explore"):
        path = tmp_path / "notebooks" / "toy" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(sample_book.notebook(), path)
    profiles = tmp_path / "notebooks" / "profiles"
    profiles.mkdir()
    for name in ("smoke", "lesson"):
        (profiles / f"{name}.yaml").write_text("")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "runs.yaml").write_text(ROWS)
    shutil.copy(SNAKEFILE, tmp_path)
    shutil.copytree(SNAKEFILE.parent / "profiles", tmp_path / "profiles")
    return tmp_path


def snakemake(home, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *arguments],
        cwd=home,
        env=os.environ | {"DOCRESTORE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_rows_have_names_folders_and_order(home):
    found = rows()
    assert list(found) == ["toy/1_data", "toy/2_train", "toy/again", "toy/3_explore"]
    assert found["toy/again"].executed("smoke") == home / "runs/toy-again-smoke/2_train.ipynb"
    assert found["toy/3_explore"].stage == "explore"
    assert found["toy/2_train"].needs == ("toy/1_data",)
    assert not found["toy/1_data"].is_done("smoke", found)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("- {notebook: toy/9_no}", "names notebooks/toy/9_no.ipynb, which is not there"),
        ("- {page: toy/9_no}", "names no notebook"),
        ("- {notebook: toy/1_data, stagee: data}", r"unknown \['stagee'\]"),
        ("- {notebook: toy/1_data, stage: dta}", "stage 'dta' is none of data, train"),
        ("- {notebook: toy/1_data, needs: toy/2_train}", "needs toy/2_train, which no earlier"),
        ("- {notebook: toy/1_data}\n- {notebook: toy/1_data}", "two rows write toy/1_data"),
        ("- {notebook: toy/1_data}\n- {notebook: toy/1_data, page: b}", "two rows write b"),
    ],
)
def test_a_wrong_row_is_refused_with_a_sentence(home, row, sentence):
    path = home / "book" / "runs.yaml"
    path.write_text(row)
    with pytest.raises(WorkflowError, match=sentence):
        rows(path)


def test_a_dry_run_explains_itself_and_runs_nothing(home):
    done = snakemake(home, "--dry-run", "--config", "profile=smoke")
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    for words in (
        "Prepare the data: toy/1_data (toy, profile smoke)",
        "Train: toy/again (toy-again, profile smoke)",
        "Explore: toy/3_explore (toy, profile smoke)",
        "Render the book to book/_build/html",
        "Reason: Missing output files",
    ):
        assert words in shown
    assert not (home / "runs").exists()


def test_what_was_read_is_an_input_of_the_next_time(home):
    (home / "book" / "runs.yaml").write_text("- {notebook: toy/1_data, stage: data}\n")
    manifest = home / "data" / "toy" / "manifest.csv"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("id\n")
    path = home / "notebooks" / "toy" / "1_data.ipynb"
    book = sample_book.notebook()
    book.cells = book.cells[:2] + [nbformat.v4.new_code_cell(f"open({str(manifest)!r}).read()")]
    nbformat.write(book, path)
    first = snakemake(home, "notebooks", "--config", "profile=smoke")
    assert first.returncode == 0, first.stderr
    assert (home / "runs" / "toy-smoke" / "1_data.ipynb").is_file()
    dry = ("notebooks", "--dry-run", "--config", "profile=smoke")
    assert "Nothing to be done" in snakemake(home, *dry).stdout
    manifest.write_text("id\nnew\n")
    again = snakemake(home, *dry)
    assert "Prepare the data" in again.stdout + again.stderr
    assert not rows()["toy/1_data"].is_done("smoke", rows())


def test_a_failing_notebook_stops_the_workflow_with_its_sentence(home):
    path = home / "notebooks" / "toy" / "1_data.ipynb"
    book = sample_book.notebook()
    book.cells = book.cells[:2] + [nbformat.v4.new_code_cell("open('nowhere')")]
    nbformat.write(book, path)
    done = snakemake(home, "notebooks", "--config", "profile=smoke")
    assert done.returncode != 0
    assert "toy/1_data failed in cell" in done.stderr and "FileNotFoundError" in done.stderr
    assert not list(home.rglob("*.done"))


def test_the_list_of_the_book_is_sound():
    found = rows()
    pages = yaml.safe_load(here("book", "_toc.yml").read_text())
    listed = str(pages)
    for page in found:
        assert f"_executed/{page}'" in listed, f"book/_toc.yml does not show {page}"


def test_the_slurm_profile_fits_snakemake_and_the_rules():
    from snakemake.cli import get_argument_parser

    profile = yaml.safe_load(here("profiles", "slurm", "config.yaml").read_text())
    options = {
        option.lstrip("-")
        for action in get_argument_parser()._actions
        for option in action.option_strings
    }
    assert profile.keys() <= options, profile.keys() - options
    assert profile["executor"] == "slurm"
    rules = {
        f"{row.stage}_{page.replace('/', '_').replace('-', '_')}" for page, row in rows().items()
    }
    named = profile["set-threads"].keys() | profile["set-resources"].keys()
    assert named <= rules, f"no rule is called {named - rules}; {sorted(rules)}"
    for resources in [profile["default-resources"], *profile["set-resources"].values()]:
        assert resources.keys() <= {
            "slurm_account",
            "slurm_partition",
            "slurm_extra",
            "runtime",
            "mem_mb",
            "cpus_per_task",
        }
        assert all(isinstance(value, int | str) for value in resources.values())
