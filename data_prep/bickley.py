"""The Bickley diary: seven photographed pages under strong uneven light.

Their truth is anti-aliased (up to 13.6 % of the pixels are neither black nor white), so it is
thresholded at 128. All pages are in one hand: they are one group.
"""

import re
from pathlib import Path

from data_prep.pairs import Pair, images_in, store

__all__ = ["find", "prepare"]

STEM = re.compile(r"Bick(?:el|le)y2010_(?P<page>H\d\d)_(?P<role>source|target)")
FOLDERS = {"original": "source", "original_gt": "target"}


def find(source: Path) -> list[Pair]:
    """The pairs in a folder, laid out as the mirror or as the archive; lone files are left out.

    The archive has `original/NAME.*` and `original_gt/NAME*`, where NAME ends before the first `_`.
    """
    files: dict[tuple[str, str], Path] = {}
    for path in images_in(source):
        if match := STEM.fullmatch(path.stem):
            files[match["page"], match["role"]] = path
        elif path.parent.name in FOLDERS:
            files[path.stem.partition("_")[0], FOLDERS[path.parent.name]] = path
    return [
        Pair(page, path, files[page, "target"], group="bickley")
        for (page, role), path in sorted(files.items())
        if role == "source" and (page, "target") in files
    ]


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the pages from `source` into the empty folder `out`; return the manifest rows."""
    return store(find(source), out, binary=True)
