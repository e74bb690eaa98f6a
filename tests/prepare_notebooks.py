"""Fill in each notebook with the smoke profile and write it to runs/nbval, for `make test`.

nbval then executes them cell by cell and fails on any error, also inside a slider's callback,
which papermill does not see.
"""

import shutil

from docrestore.paths import here
from docrestore.run import prepare
from docrestore.workflow import rows


def main() -> None:
    """Prepare each notebook of the book once, with the parameters of its first row."""
    shutil.rmtree(here("runs", "nbval"), ignore_errors=True)
    seen = set()
    for row in rows().values():
        if row.notebook not in seen:
            seen.add(row.notebook)
            name = f"nbval/{row.run}"
            print(prepare(here(row.notebook), "smoke", name=name, **row.parameters))


if __name__ == "__main__":
    main()
