"""The pages that ship with the book: one pair with a truth, and pages to look at.

Their terms stand file by file in `data_prep/pages/README.md`.
"""

from pathlib import Path

from data_prep.pairs import Pair, images_in, store

__all__ = ["find", "prepare"]

TRUTH = "-truth"


def find(source: Path) -> list[Pair]:
    """Every page of the folder; `NAME-truth.*` is the truth of `NAME.*`."""
    files = {path.stem: path for path in images_in(source)}
    return [
        Pair(name, path, files.get(name + TRUTH), group=name)
        for name, path in files.items()
        if not name.endswith(TRUTH)
    ]


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the pages from `source` into the empty folder `out`; return the manifest rows."""
    return store(find(source), out, binary=True)
