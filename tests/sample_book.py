"""A small book of one executed page, made with the real machinery in a folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from docrestore.paths import here

PARAMETERS = """profile: str = "lesson"  # smoke | lesson | full
run_dir: str = "runs/sample-lesson"  # where the results go"""
CELLS = [
    ("markdown", "# A sample page\n\n$$\na^2 + b^2 = c^2\n$$"),
    ("parameters", PARAMETERS),
    (
        "code",
        "import numpy as np\n"
        "from matplotlib.figure import Figure\n\n"
        "from docrestore import viz\n\n"
        "page = np.random.default_rng(0).random((200, 300))",
    ),
    (
        "code",
        "def draw(k=0.2, window=3):\n"
        "    figure = Figure(figsize=(7.4, 2), layout='constrained')\n"
        "    figure.subplots().plot([0, 1, window], [0, k, 0])\n"
        "    return figure\n\n\n"
        "viz.show(draw(), 'A triangle')\n"
        "viz.slider(draw, 'A triangle', k=[0.1, 0.2, 0.4])",
    ),
    ("code", "viz.slider(draw, 'Triangles', window=[3, 5], k=[0.2, 0.4])"),
    ("code", "viz.before_after(page, page > 0.5, 'Noise')"),
    ("markdown", "Look at it.\n\n**Exercise 1. Count.** How many corners has it?"),
    ("solution", "print('three corners')"),
]


def notebook() -> nbformat.NotebookNode:
    """The page's notebook, as an author would commit it."""
    cells = []
    for kind, source in CELLS:
        if kind == "markdown":
            cells.append(nbformat.v4.new_markdown_cell(source))
        else:
            tags = [] if kind == "code" else [kind]
            cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make(home: Path) -> Path:
    """Write a repository below `home`, and make its book with the real build; the HTML folder."""
    (home / "notebooks" / "profiles").mkdir(parents=True)
    (home / "notebooks" / "profiles" / "smoke.yaml").write_text("")
    nbformat.write(notebook(), home / "notebooks" / "sample.ipynb")
    book = home / "book"
    for name in ("_static", "vendor"):
        shutil.copytree(here("book", name), book / name)
    for path in [*here("book").glob("*.py"), here("book", "_config.yml")]:
        if path.name != "ledger.py":
            shutil.copy(path, book)
    shutil.copy(here("Snakefile"), home)
    shutil.copytree(here("profiles"), home / "profiles")
    (book / "references.bib").write_text("")
    (book / "runs.yaml").write_text("- {notebook: sample, stage: explore}\n")
    (book / "index.md").write_text("# A book\n\nSee [](_executed/sample.ipynb).\n")
    (book / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nchapters:\n"
        "  - file: _executed/sample\n  - file: _generated/run_times\n"
    )
    done = subprocess.run(
        [sys.executable, "book/build.py", "--profile", "smoke", "--jobs", "1"],
        cwd=home,
        env=os.environ | {"DOCRESTORE_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"the sample book was not made:\n{done.stdout}{done.stderr}"
    return book / "_build" / "html"
