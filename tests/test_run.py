"""The runner: what it refuses, what it records, and when it does nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from docrestore import parameters, provenance
from docrestore.kernel import NotebookError, heartbeat
from docrestore.parameters import ParameterError
from docrestore.run import default_name, is_done, main, prepare, run

PARAMETERS = """steps: int = 3  # optimiser steps
lr: float = 0.1  # step size
task: str = "binarize"  # one of four tasks
sizes: list[int] = [
    8,  # small
    16,
]  # two sizes, with a # in the comment
device: str = "auto"  # auto | cpu | cuda
profile: str = "lesson"  # smoke | lesson | full
run_dir: str = "runs/toy-lesson"  # where the results go"""


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook with the parameters above and the given code cells."""
    first = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    rest = [nbformat.v4.new_code_cell(cell) for cell in cells]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Toy"), first, *rest])
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)
    return path


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A repository of its own, with two profiles and one notebook."""
    monkeypatch.setenv("DOCRESTORE_HOME", str(tmp_path))
    monkeypatch.delenv("DOCRESTORE_MIRROR", raising=False)
    profiles = tmp_path / "notebooks" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "smoke.yaml").write_text(
        "common: {device: cpu, seed: 1}\ntoy/1_count: {steps: 1}\n"
    )
    (profiles / "full.yaml").write_text("toy/1_count: {lr: 1e-3}\n")
    return tmp_path


@pytest.fixture
def toy(home) -> Path:
    """A notebook that reads a manifest and writes what it was given."""
    manifest = home / "data" / "toy" / "manifest.csv"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("id\na\n")
    return write_notebook(
        home / "notebooks" / "toy" / "1_count.ipynb",
        "import json, os\n"
        "from docrestore.paths import here\n"
        "rows = here('data/toy/manifest.csv').read_text().split()\n"
        "given = [steps, task, run_dir, profile, os.environ['OMP_NUM_THREADS']]\n"
        "here(run_dir, 'given.json').write_text(json.dumps(given))",
    )


def record(folder: Path, stem: str = "1_count") -> dict:
    return json.loads((folder / f"{stem}.run.json").read_text())


def test_parameters_are_read_with_type_default_and_comment(toy):
    have = parameters.declared(toy)
    assert list(have) == ["steps", "lr", "task", "sizes", "device", "profile", "run_dir"]
    assert (have["lr"].type, have["lr"].default, have["lr"].comment) == ("float", 0.1, "step size")
    assert have["sizes"].default == [8, 16]
    assert have["sizes"].comment == "small two sizes, with a # in the comment"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"stepz": 1}, "has no parameter stepz. Its parameters are: steps, lr, task"),
        ({"lr": "1e-3"}, "lr is str '1e-3', expected float (write 0.001;"),
        ({"steps": 2.5}, "steps is float 2.5, expected int"),
        ({"steps": True}, "steps is bool True, expected int"),
        ({"sizes": [8, "x"]}, "sizes is list [8, 'x'], expected list[int]"),
    ],
)
def test_unknown_names_and_wrong_types_are_refused_before_anything_runs(
    toy, home, values, sentence
):
    with pytest.raises(ParameterError) as caught:
        run(toy, "smoke", **values)
    assert sentence in str(caught.value)
    assert not (home / "runs").exists()


def test_a_profile_with_a_wrong_type_is_refused(toy):
    with pytest.raises(ParameterError, match=r"lr is str '1e-3', expected float \(write 0.001"):
        run(toy, "full")


def test_an_unknown_profile_lists_the_known_ones(toy):
    with pytest.raises(ParameterError, match="no profile 'quick'.*are: full, smoke"):
        run(toy, "quick")


def test_a_missing_notebook_lists_its_neighbours(toy):
    with pytest.raises(ParameterError, match="no notebook .*2_train.ipynb; .* 1_count.ipynb"):
        run(toy.with_name("2_train.ipynb"), "smoke")


def test_the_command_line_says_one_sentence_and_exits_1(toy, capsys):
    assert main([str(toy), "smoke", "-p", "stepz=1"]) == 1
    shown = capsys.readouterr()
    assert "has no parameter stepz" in shown.err and "Traceback" not in shown.err


def test_a_computed_default_is_refused(home):
    path = home / "notebooks" / "toy" / "bad.ipynb"
    book = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell("n: int = 2 * 3", metadata={"tags": ["parameters"]})
    book.cells = [cell]
    nbformat.write(book, path.parent.mkdir() or path)
    with pytest.raises(ParameterError, match="n is computed. Only literals"):
        parameters.declared(path)


def test_names_of_runs():
    assert default_name(Path("notebooks/de_gan/2_train.ipynb"), "smoke") == "de_gan-smoke"


def test_prepare_fills_in_and_does_not_run(toy, home):
    target = prepare(toy, "smoke", name="nbval", task="clean")
    text = target.read_text()
    assert 'task = \\"clean\\"' in text and "runs/nbval" in text
    assert not (home / "runs" / "nbval" / "given.json").exists()


def test_a_run_writes_its_record_and_the_next_one_is_skipped(toy, home, capfd):
    folder = run(toy, "smoke", task="clean", threads=1)
    assert folder == home / "runs" / "toy-smoke"
    given = json.loads((folder / "given.json").read_text())
    assert given == [1, "clean", "runs/toy-smoke", "smoke", "1"]

    first = record(folder)
    assert first["status"] == "ok" and first["error"] is None and first["seconds"] > 0
    assert first["parameters"] == {
        "device": "cpu",
        "steps": 1,
        "task": "clean",
        "profile": "smoke",
        "run_dir": "runs/toy-smoke",
    }
    assert first["machine"]["threads"] == 1 and first["machine"]["device"] == "cpu"
    assert first["versions"]["papermill"]
    assert list(first["reads"]) == ["data/toy/manifest.csv"]
    assert "encryption" not in capfd.readouterr().err

    run(toy, "smoke", task="clean", threads=1)
    assert record(folder) == first
    assert "nothing changed" in capfd.readouterr().err

    (folder / "given.json").unlink()
    run(toy, "smoke", task="clean", threads=1, force=True)
    assert (folder / "given.json").exists(), "it ran again, whatever the clock says"


def test_what_makes_a_run_count_no_more(toy, home, monkeypatch):
    upstream = home / "0_data.run.json"
    upstream.write_text("{}")
    folder = run(toy, "smoke", needs=[upstream])

    def done(**changed):
        return is_done(toy, "smoke", needs=[upstream], **changed)

    assert done()
    assert not done(steps=2)
    book = nbformat.read(toy, 4)
    book.cells[0].source = "# Another title"
    nbformat.write(book, toy)
    assert done(), "an edit of prose is no reason to run again"
    monkeypatch.setenv("DOCRESTORE_MIRROR", "/elsewhere")
    assert not done()
    monkeypatch.delenv("DOCRESTORE_MIRROR")

    manifest = home / "data" / "toy" / "manifest.csv"
    manifest.write_text("id\na\nb\n")
    assert not done()
    manifest.write_text("id\na\n")
    assert done()

    upstream.write_text('{"newer": true}')
    assert not done()
    upstream.write_text("{}")
    (folder / "1_count.ipynb").unlink()
    assert not done()


def test_a_failing_cell_is_named_and_the_part_that_ran_is_kept(home):
    path = write_notebook(home / "notebooks" / "toy" / "1_count.ipynb", "1 / 0")
    with pytest.raises(
        NotebookError, match="1_count failed in cell .*ZeroDivisionError.*in `1 / 0`"
    ):
        run(path, "smoke")
    folder = home / "runs" / "toy-smoke"
    assert record(folder)["status"] == "failed"
    assert "ZeroDivisionError" in record(folder)["error"]
    assert "ZeroDivisionError" in (folder / "1_count.ipynb").read_text()
    assert not is_done(path, "smoke")


def test_a_killed_kernel_is_recorded_as_killed(home):
    path = write_notebook(
        home / "notebooks" / "toy" / "1_count.ipynb",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    )
    with pytest.raises(NotebookError, match="kernel was killed"):
        run(path, "smoke")
    assert record(home / "runs" / "toy-smoke")["status"] == "killed"
    assert not is_done(path, "smoke")


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGTERM, "interrupted"), (signal.SIGKILL, "running")]
)
def test_a_killed_runner_never_looks_finished(home, sent, status):
    path = write_notebook(
        home / "notebooks" / "toy" / "1_count.ipynb",
        "import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(60)",
    )
    runner = subprocess.Popen(
        [sys.executable, "-m", "docrestore.run", str(path), "smoke"],
        env=os.environ | {"DOCRESTORE_HOME": str(home)},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.time() + 60
    while not (home / "started").exists() and time.time() < deadline:
        time.sleep(0.1)
    runner.send_signal(sent)
    assert runner.wait(timeout=30) != 0
    assert record(home / "runs" / "toy-smoke")["status"] == status
    assert not is_done(path, "smoke")


def test_a_long_cell_is_heard_of_with_its_step(tmp_path, capsys):
    log = tmp_path / "log.jsonl"
    with heartbeat("toy/2_train", log, every=0.05):
        time.sleep(0.12)
        log.write_text('{"step": 10}\n{"step": 20}\n{"st')
        time.sleep(0.12)
        log.write_text('{"step": 10}\n{"step": 20}\n')
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "toy/2_train: 0 s" and lines[-1] == "toy/2_train: 0 s, step 20"


def test_a_source_edited_during_a_run_has_no_hash(tmp_path, monkeypatch):
    """What the run read then is unknown, so the next call must not take it for unchanged."""
    monkeypatch.setenv("DOCRESTORE_HOME", str(tmp_path))
    source, note = tmp_path / "code.py", tmp_path / "note"
    source.write_text("1")
    note.write_text(f"{source}\n")
    now = source.stat().st_mtime
    assert provenance.read_files(note, tmp_path / "run", now + 1) == {
        "code.py": provenance.file_hash(source)
    }
    assert provenance.read_files(note, tmp_path / "run", now - 1) == {
        "code.py": "edited during the run"
    }
