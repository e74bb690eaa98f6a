"""The contract that every notebook keeps, as assertions on its JSON.

A failure names the notebook, the cell (counted from 0) and what to write instead.
"""

import ast
import json
import re
from pathlib import Path

import pytest

from docrestore import parameters
from docrestore.parameters import cell_source
from docrestore.paths import here

NOTEBOOKS = sorted(here("notebooks").rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
PROFILES = ("smoke", "lesson", "full")
COMMON = {"profile": "str", "seed": "int", "data_dir": "str", "run_dir": "str", "device": "str"}
RESERVED = {"name", "runs", "needs", "threads", "force"}  # arguments of the runner itself
SHOWS = {"show": 1, "slider": 1, "before_after": 2}  # where each has its alt text
IMAGE = re.compile(r"!\[(.*?)\]\(|<img\b(?![^>]*\balt=\"[^\"]+\")")

every_notebook = pytest.mark.parametrize(
    "notebook", NOTEBOOKS, ids=[parameters.notebook_key(path) for path in NOTEBOOKS]
)


def cells(notebook: Path, kind: str | None = None) -> list[tuple[int, dict, str]]:
    """(position, cell, source) of the notebook's cells, of one kind or all."""
    document = parameters.read_notebook(notebook)
    return [
        (i, cell, cell_source(cell))
        for i, cell in enumerate(document["cells"])
        if kind in (None, cell["cell_type"])
    ]


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def trees(notebook: Path) -> list[tuple[int, ast.Module]]:
    """(position, syntax tree) of the code cells; magics and shell lines are dropped."""
    lines = re.compile(r"^\s*[%!?].*$", re.MULTILINE)
    return [(i, ast.parse(lines.sub("", text))) for i, _, text in cells(notebook, "code")]


def called(node: ast.Call) -> str:
    """The last name of what is called: `viz.show(...)` and `show(...)` are both "show"."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def calls(notebook: Path) -> list[tuple[int, ast.Call]]:
    """(position, call) of every call in the notebook."""
    return [
        (i, node)
        for i, tree in trees(notebook)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


@every_notebook
def test_the_first_cell_says_what_is_learnt_and_what_it_costs(notebook):
    _, cell, text = cells(notebook)[0]
    assert cell["cell_type"] == "markdown", f"{notebook}: begin with a markdown cell."
    assert re.match(r"# \S", text), f"{notebook}: the first cell begins with a `# Title`."
    assert re.search(r"^\s*([-*]|\d+\.) ", text, re.MULTILINE), (
        f"{notebook}: list the objectives in the first cell (lines that begin with `- `)."
    )
    missing = [name for name in PROFILES if name not in text]
    assert not missing, f"{notebook}: the first cell tells no cost for the profiles {missing}."


@every_notebook
def test_the_second_cell_holds_the_parameters(notebook):
    _, cell, _ = cells(notebook)[1]
    assert cell["cell_type"] == "code" and "parameters" in tags(cell), (
        f"{notebook}: the second cell is the one tagged `parameters`."
    )
    have = parameters.declared(notebook)  # literals only, exactly one such cell, or it raises
    for name, type_ in COMMON.items():
        assert name in have and have[name].type == type_, (
            f"{notebook}: declare `{name}: {type_}` among the parameters."
        )
    for one in have.values():
        assert one.comment, f"{notebook}: parameter {one.name} has no comment on its line."
        assert parameters.fits(one.type, one.default), (
            f"{notebook}: {one.name} is declared {one.type} but is {one.default!r}."
        )
        assert one.name not in RESERVED, f"{notebook}: {one.name} is an argument of the runner."
    assert have["profile"].default == "lesson", f"{notebook}: the defaults are the lesson profile."


@every_notebook
def test_imports_are_in_one_cell_right_after_the_parameters(notebook):
    where = [
        i
        for i, tree in trees(notebook)
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))
    ]
    first_code = [i for i, _, _ in cells(notebook, "code")][1:2]
    assert where == first_code, (
        f"{notebook}: imports stand in cells {where}; put all into the code cell after the "
        f"parameters, {first_code}."
    )


@every_notebook
def test_nothing_but_a_draw_is_defined(notebook):
    for i, tree in trees(notebook):
        for node in ast.walk(tree):
            assert not isinstance(node, ast.ClassDef), (
                f"{notebook}, cell {i}: class {node.name} belongs into lib."
            )
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.name.startswith("draw"), (
                    f"{notebook}, cell {i}: def {node.name} belongs into lib; only a `draw` for "
                    "a slider may be defined in a notebook."
                )


@every_notebook
def test_no_outputs_are_kept(notebook):
    for i, cell, _ in cells(notebook, "code"):
        assert not cell.get("outputs") and cell.get("execution_count") is None, (
            f"{notebook}, cell {i} holds outputs; strip them: nbstripout {notebook}"
        )
    metadata = json.loads(notebook.read_text())["metadata"]
    assert "widgets" not in metadata, f"{notebook} holds widget state; strip it with nbstripout."
    assert metadata.get("kernelspec", {}).get("name") == "python3", (
        f"{notebook}: the kernel must be called python3."
    )


@every_notebook
def test_cells_are_short_and_narrow(notebook):
    for i, _, text in cells(notebook, "code"):
        lines = text.split("\n")
        assert len(lines) <= 25, f"{notebook}, cell {i} has {len(lines)} lines; at most 25."
        for number, line in enumerate(lines, 1):
            assert len(line) <= 80, (
                f"{notebook}, cell {i}, line {number} has {len(line)} columns; at most 80."
            )


@every_notebook
def test_no_shell_no_installation_no_path_tricks(notebook):
    for i, _, text in cells(notebook, "code"):
        for number, line in enumerate(text.split("\n"), 1):
            assert not line.lstrip().startswith(("!", "%")), (
                f"{notebook}, cell {i}, line {number}: no `!` and no `%`: {line}"
            )
        assert "sys.path" not in text, f"{notebook}, cell {i}: the package is installed."
        for node in ast.walk(ast.parse(re.sub(r"^\s*[%!?].*$", "", text, flags=re.MULTILINE))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"(/|~/|\.\./|[A-Z]:\\)\w", node.value), (
                    f"{notebook}, cell {i}: the path {node.value!r} leaves the repository; "
                    "use here(...)."
                )


@every_notebook
def test_every_training_says_on_which_device(notebook):
    for i, call in calls(notebook):
        if called(call) == "fit":
            assert any(word.arg == "device" for word in call.keywords), (
                f"{notebook}, cell {i}: give fit a device; by itself it takes a GPU where there is "
                "one, and what follows may expect the networks on the processor."
            )


@every_notebook
def test_every_picture_has_alt_text(notebook):
    for i, call in calls(notebook):
        if called(call) in SHOWS:
            place = SHOWS[called(call)]
            named = [word.value for word in call.keywords if word.arg == "alt"]
            alt = named[0] if named else call.args[place] if len(call.args) > place else None
            assert alt is not None and not (isinstance(alt, ast.Constant) and not alt.value), (
                f"{notebook}, cell {i}: {called(call)} needs alt text."
            )
        assert ast.unparse(call.func) != "plt.show", (
            f"{notebook}, cell {i}: use docrestore.viz.show(figure, alt), which keeps alt text."
        )
    for i, _, text in cells(notebook, "markdown"):
        for match in IMAGE.finditer(text):
            assert match.group(1), f"{notebook}, cell {i}: {match.group(0)} has no alt text."


@every_notebook
def test_a_slider_wraps_a_draw_that_was_shown_without_it(notebook):
    shown = ""
    for i, call in calls(notebook):
        if called(call) != "slider":
            continue
        drawn = ast.unparse(call.args[0])
        before = "\n".join(text for j, _, text in cells(notebook, "code") if j <= i)
        shown = before.replace(f"slider({drawn}", "").replace(f"def {drawn}(", "")
        assert f"{drawn}(" in shown, (
            f"{notebook}, cell {i}: call {drawn}(...) once and show it before the slider, so "
            "that an error in it is a plain error."
        )


@every_notebook
def test_prose_stands_before_code(notebook):
    run = 0
    for i, cell, _ in cells(notebook)[2:]:
        run = run + 1 if cell["cell_type"] == "code" else 0
        assert run <= 3 or "solution" in tags(cell), (
            f"{notebook}, cell {i}: {run} code cells in a row; say in prose what comes."
        )


@every_notebook
def test_solutions_follow_an_exercise(notebook):
    exercise = -9
    for i, cell, text in cells(notebook):
        if "solution" in tags(cell):
            assert i - exercise <= 2, (
                f"{notebook}, cell {i} is tagged `solution` but no exercise stands right before "
                "it (a markdown cell with the word Exercise, then at most one cell to fill in)."
            )
            exercise = i - 1  # a solution may have several cells
        elif cell["cell_type"] == "markdown" and re.search(r"\bExercise\b", text):
            exercise = i


@every_notebook
def test_every_exercise_has_a_folded_solution(notebook):
    listed = cells(notebook)
    for i, cell, text in listed:
        if cell["cell_type"] == "markdown" and re.search(r"Exercise \d", text):
            assert re.search(r"^\*\*Exercise \d+\W[^*\n]*\*\*", text, re.M), (
                f"{notebook}, cell {i}: begin the paragraph as **Exercise 1. Title.**, by which "
                "the page knows it."
            )
            near = [tags(next_cell) for _, next_cell, _ in listed[i + 1 : i + 3]]
            assert any("solution" in one for one in near), (
                f"{notebook}, cell {i}: the exercise has no cell tagged `solution` after it."
            )


@every_notebook
def test_train_and_evaluate_end_by_writing_metrics(notebook):
    if not re.search(r"train|evaluate", notebook.stem):
        pytest.skip("neither a training nor an evaluation")
    code = [text for _, cell, text in cells(notebook, "code") if "solution" not in tags(cell)]
    assert "metrics.json" in "\n".join(code[-3:]), (
        f"{notebook}: one of the last cells writes metrics.json into run_dir."
    )


def test_there_are_notebooks():
    assert NOTEBOOKS, "notebooks/ holds no notebook."
