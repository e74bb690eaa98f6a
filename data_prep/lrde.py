"""LRDE DBD: 125 pages of one French magazine, printed, scanned and registered to their originals.

The set has each page three times: `original` (from the PDF), `clean` (its pictures removed) and
`scanned` (the clean page on paper and back). The truth was made for the clean pages, so the
scanned ones, which match them pixel by pixel, are the degraded side; the other two are left out.
All pages are of one issue; the group is the page.

How certain this is: the three versions, their number and the truth are stated on the set's page.
The names of the folders and files were not seen. A file is of a version, or a truth, if its name
ends with the word or a folder has it; the rest of the names must be equal. Where no file is said
to be scanned, `image/` and `mask/` are read as in `named_truths`: so the scripts of Suh et al. do.
"""

import re
from pathlib import Path

from data_prep.named_truths import TRUTH, one_truth_each, white_on_black
from data_prep.pairs import Pair, images_in, store, with_folds

__all__ = ["find", "prepare"]

SCANNED = re.compile(r"scan", re.IGNORECASE)
OTHER = re.compile(r"(?<![a-z])(original|clean)(?![a-z])", re.IGNORECASE)
VERSION = re.compile(r"[ _-]+(?:original|clean|scan(?:ned)?)$", re.IGNORECASE)


def find(source: Path) -> list[Pair]:
    """The pairs in a folder; lone files and the other versions are left out.

    Raises SourceError for two different files that are the same page or the same truth.
    """
    inner = {path: path.relative_to(source).parts for path in images_in(source)}
    told = any(SCANNED.search(part) for parts in inner.values() for part in parts)
    images = [path for path, parts in inner.items() if not told or not _other_version(parts)]
    return one_truth_each(source, images, ignore=VERSION)


def _other_version(parts: tuple[str, ...]) -> bool:
    """Whether a path is that of an original or clean page, judged by its innermost such word."""
    if any(TRUTH.search(part) for part in parts):
        return False
    words = (part for part in reversed(parts) if SCANNED.search(part) or OTHER.search(part))
    return not SCANNED.search(next(words, "scan"))


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the pages from `source` into the empty folder `out`; return the manifest rows.

    The column `fold`, 0 to 4, is for cross-validation by page, as Suh et al. do it.
    """
    pairs = find(source)
    return store(with_folds(pairs), out, binary=True, inverted=white_on_black(pairs))
