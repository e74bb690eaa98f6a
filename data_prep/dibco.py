"""DIBCO and H-DIBCO, 2009 to 2017: contest pages with a 1-bit truth.

Every year names its files in its own way. One rule reads them all: a truth is a file whose name
ends in `_GT`, `_estGT` or `_target`, or that lies in a folder with GT in its name; `HW3`, `H03`
and plain `3` are page H03, `PR3` and `P03` are page P03. Skeletons (`_skelGT`) and weights are
left alone.
"""

import re
from pathlib import Path

from data_prep.pairs import Pair, SourceError, images_in, same_bytes, store

__all__ = ["find", "prepare"]

STEM = re.compile(
    r"(?:DIBCO\d{4}_)?(?P<kind>HW?|PR?|)0*(?P<number>[1-9]\d?)"
    r"(?:_(?P<role>gt|estgt|target|source))?",
    re.IGNORECASE,
)
TRUTH_FOLDER = re.compile(r"(^|[^a-z])gt([^a-z]|$|images)", re.IGNORECASE)
TRUTHS = {"gt", "estgt", "target"}


def find(source: Path) -> list[Pair]:
    """The pairs in a folder in the layout of the contest or of the mirror; lone files are left out.

    Raises SourceError if two different files claim the same page.
    """
    degraded: dict[str, Path] = {}
    clean: dict[str, Path] = {}
    for path in images_in(source):
        match = STEM.fullmatch(path.stem)
        if match is None:
            continue
        role = (match["role"] or "").lower()
        folders = path.relative_to(source).parts[:-1]
        truth = role in TRUTHS or (not role and any(TRUTH_FOLDER.search(name) for name in folders))
        page = f"{(match['kind'] or 'H')[0].upper()}{int(match['number']):02d}"
        known = clean if truth else degraded
        if page in known and not same_bytes(path, known[page]):
            raise SourceError(
                f"{path} and {known[page]} are both page {page}; leave one of them in {source}."
            )
        known.setdefault(page, path)
    pages = sorted(degraded.keys() & clean.keys())
    return [Pair(page, degraded[page], clean[page], group=page) for page in pages]


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy a year's pages from `source` into the empty folder `out`; return the manifest rows."""
    return store(find(source), out, binary=True)
