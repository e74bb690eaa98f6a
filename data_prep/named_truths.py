"""Sets of pages and truths with equal names: shipping labels, PHIBD 2012, CHB.

One rule reads them. A truth is a file whose name ends in GT, `_mask` or `_target`, or one in a
folder that says so (GT, ground truth, mask, truth, binarized); of several such folders the
innermost counts. What remains of the names must be equal: `image/7.png` and `mask/7.png`,
`P01.png` and `P01_GT.bmp`. A folder with train or test in its name gives the split, else it is
"all". Truths that are white on black throughout are turned.

How certain this is: of the labels, `image/` and `mask/` with equal names are what the scripts of
their authors read (opensuh/DocumentBinarization, Common/make_ground_truth_label.py). The inner
layout of the archives of PHIBD 2012 and CHB was not seen; the rule covers the usual ones. Groups
are pages: nothing tells which labels or manuscripts share a hand or a book.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.pairs import (
    Pair,
    SourceError,
    images_in,
    mostly_dark,
    read_truth,
    same_bytes,
    store,
    with_folds,
)

__all__ = ["Files", "find", "ids", "one_truth_each", "prepare", "sort_out", "white_on_black"]

ROLE = re.compile(r"(?<=.)(?:[ _-]+(?i:(?:est)?gt|mask|target)|GT)[ _-]*\d?$")
TRUTH = re.compile(
    r"(?<![A-Za-z])gt(?![a-z])|GT(?![A-Z])|(?i:gt_?im|truth|mask|binari[sz]ed)"
)  # also TrainGT and GTimages
PAGE = re.compile(r"orig|image|img|input|scan|page", re.IGNORECASE)
SPLIT = re.compile(r"(?<![a-z])([Tt]rain|TRAIN|[Tt]est|TEST)(?:ing|ING)?(?![a-z])")


@dataclass
class Files:
    """The files of one page: the page itself, and its truths in the order of their names."""

    split: str
    name: str
    page: Path | None
    truths: list[Path]


def sort_out(
    source: Path, images: Iterable[Path], *, ignore: re.Pattern[str] | None = None
) -> list[Files]:
    """Sort the image files below `source` into pages and truths, by split and name.

    What `ignore` finds in a name does not count. Pages without a truth and truths without a page
    are left out. Raises SourceError if two different files are the same page.
    """
    found: dict[tuple[str, str], Files] = {}
    for path in images:
        role = ROLE.search(path.stem)
        folders = path.relative_to(source).parts[-2::-1]  # the innermost first
        name = path.stem[: role.start()] if role else path.stem
        name = ignore.sub("", name) if ignore else name
        split = next((match[1].lower() for one in folders if (match := SPLIT.search(one))), "all")
        files = found.setdefault((split, name.casefold()), Files(split, name, None, []))
        if role or _of_truths(folders):
            if not any(same_bytes(path, truth) for truth in files.truths):
                files.truths.append(path)
        elif files.page and not same_bytes(path, files.page):
            raise SourceError(
                f"{path} and {files.page} are both page {name}; leave one of them in {source}."
            )
        else:
            files.page, files.name = path, name
    for (split, key), files in found.items():  # one folder of truths may serve both splits
        if split != "all" and files.page and not files.truths and ("all", key) in found:
            files.truths = found["all", key].truths
    return [found[key] for key in sorted(found) if found[key].page and found[key].truths]


def _of_truths(folders: Sequence[str]) -> bool:
    for name in folders:
        if TRUTH.search(name):
            return True
        if PAGE.search(name):
            return False
    return False


def ids(files: Sequence[Files]) -> list[str]:
    """The id of each page: its name, after its split where two splits use the same name."""
    names = [one.name.casefold() for one in files]
    return [
        f"{one.split}-{one.name}" if names.count(one.name.casefold()) > 1 else one.name
        for one in files
    ]


def one_truth_each(
    source: Path, images: Iterable[Path], *, ignore: re.Pattern[str] | None = None
) -> list[Pair]:
    """The pairs below `source`, sorted out as `sort_out` does; lone files are left out.

    Raises SourceError for two different files that are the same page or the same truth.
    """
    files = sort_out(source, images, ignore=ignore)
    for one in files:
        if len(one.truths) > 1:
            first, second = one.truths[:2]
            raise SourceError(
                f"{first} and {second} are both the truth of {one.page}; "
                f"leave one of them in {source}."
            )
    return [
        Pair(name, one.page, one.truths[0], group=name, split=one.split)  # type: ignore[arg-type]
        for name, one in zip(ids(files), files, strict=True)
    ]


def white_on_black(pairs: Iterable[Pair]) -> set[str]:
    """The ids of all pairs if each of their truths is mostly dark, else of none."""
    seen = set()
    for pair in pairs:
        if not pair.clean or not mostly_dark(read_truth(pair.clean)):
            return set()
        seen.add(pair.id)
    return seen


def find(source: Path) -> list[Pair]:
    """The pairs in a folder; lone files are left out. Raises SourceError, as `one_truth_each`."""
    return one_truth_each(source, images_in(source))


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the pages from `source` into the empty folder `out`; return the manifest rows.

    The column `fold`, 0 to 4, is for cross-validation by page.
    """
    pairs = find(source)
    return store(with_folds(pairs), out, binary=True, inverted=white_on_black(pairs))
