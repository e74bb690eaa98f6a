"""Executed notebooks as pages: today's prose with the run's outputs, exercises, folded solutions.

The page takes its text and code from the notebook in notebooks/ and the outputs from the executed
copy in runs/. So an edit of prose shows at once, and only an edit of code asks for a new run.
"""

import json
import re
from pathlib import Path

from docrestore.parameters import cell_source, read_notebook
from docrestore.provenance import code_hash

__all__ = ["PageError", "page", "ran"]

INJECTED = "injected-parameters"  # papermill's tag
# A paragraph that begins "**Exercise 2. Title.**"; the number is given anew by the book.
EXERCISE = re.compile(r"^\*\*Exercise \d+\W*(?P<title>[^*\n]*)\*\*", re.MULTILINE)


class PageError(RuntimeError):
    """A page that cannot be made from its run; the sentence says which run is wanted."""


def page(source: Path, executed: Path, record: dict, name: str) -> str:
    """The page's notebook as JSON text.

    Args:
        source: the notebook as it stands in notebooks/.
        executed: the same notebook after its run.
        record: the run's record (*.run.json).
        name: the page's name, which makes the labels of its exercises unique.

    Raises:
        PageError: the code of the two differs, so that the outputs belong to something else.
    """
    document, ran_document = read_notebook(source), read_notebook(executed)
    if code_hash(document) != record.get("code"):
        raise PageError(f"{source} was edited after its run {executed}; run it again.")
    outputs = [cell for cell in ran_document["cells"] if cell["cell_type"] == "code"]
    injected = [cell for cell in outputs if INJECTED in tags(cell)]
    outputs = iter([cell for cell in outputs if INJECTED not in tags(cell)])
    cells: list[dict] = []
    for position, cell in enumerate(document["cells"]):
        clean = {"cell_type": cell["cell_type"], "source": cell_source(cell)}
        clean["metadata"] = {"tags": tags(cell)}
        if cell["cell_type"] == "code":
            clean |= {"outputs": next(outputs)["outputs"], "execution_count": None}
        if position == 0:
            title, _, rest = clean["source"].partition("\n")
            clean["source"] = f"{title}\n\n{ran(record)}\n{rest}"
        cells.append(clean)
        if "parameters" in tags(cell) and injected:
            cells.append(folded(bare(injected[0]), f"What the profile {record['profile']} set"))
    label = re.sub(r"\W+", "-", name)
    document["cells"] = exercises(cells, label)
    document["metadata"]["widgets"] = ran_document["metadata"].get("widgets", {})
    document["nbformat_minor"] = 4  # cells without ids
    return json.dumps(document, indent=1, ensure_ascii=False)


def ran(record: dict) -> str:
    """The line under each title: how long the run took, on what, and under which profile."""
    machine = record["machine"]
    threads = f"{machine['threads']} thread" + "s" * (machine["threads"] != 1)
    where = machine["device"] if machine["device"] != "cpu" else machine["processor"]
    return (
        f"{{.ran}}\nRun under the profile `{record['profile']}` in {record['seconds']:.0f} s on "
        f"{where} with {threads}, {record['started'][:10]}."
    )


def tags(cell: dict) -> list[str]:
    """The tags of a cell."""
    return cell["metadata"].get("tags", [])


def markdown(text: str) -> dict:
    """A markdown cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def bare(cell: dict) -> dict:
    """A code cell without what the run wrote into it."""
    source = {"cell_type": "code", "metadata": {"tags": []}, "source": cell_source(cell)}
    return source | {"outputs": cell["outputs"], "execution_count": None}


def folded(cell: dict, prompt: str) -> dict:
    """A code cell that opens with a click, with its outputs."""
    fold = {"code_prompt_show": prompt, "code_prompt_hide": prompt}
    metadata = {"tags": [*tags(cell), "hide-cell"], "mystnb": fold}
    return cell | {"metadata": metadata}


def exercises(cells: list[dict], label: str) -> list[dict]:
    """Frame what follows `**Exercise 2. Title**` in a cell, and fold the solutions."""
    made: list[dict] = []
    number = 0
    for cell in cells:
        found = EXERCISE.search(cell["source"]) if cell["cell_type"] == "markdown" else None
        if "solution" in tags(cell):
            fold = cell["cell_type"] == "code"
            made.append(folded(cell, "Show the solution") if fold else dropdown(cell))
        elif found:
            number += 1
            title = found["title"].rstrip(" .:")
            before, text = (cell["source"][: found.start()], cell["source"][found.end() :].strip())
            head = f"````{{exercise}} {title}".rstrip()
            made.extend([markdown(before)] if before.strip() else [])
            made.append(markdown(f"{head}\n:label: {label}-{number}\n\n{text or title}\n````"))
        else:
            made.append(cell)
    return made


def dropdown(cell: dict) -> dict:
    """A solution in prose, folded."""
    return markdown(f"````{{dropdown}} Show the solution\n{cell['source']}\n````")
