"""Which files a batch reads, and where each result goes.

Folders are searched to any depth and their structure is kept. Results never land on an original,
and the results of earlier runs that lie inside an input are not eaten again.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docrestore.images import READABLE, series
from docrestore.restoring.report import REPORT, is_report

__all__ = ["PAGES", "SERIES", "Batch", "CollectError", "Item", "Kind", "collect"]

TOLD = (".pdf", ".heic", ".heif", ".avif", ".djvu", ".jxl")  # pages too; said, not passed over
LOSSLESS = (".png", ".tif", ".tiff")  # a result may have one of these suffixes


class CollectError(ValueError):
    """Inputs and output that do not go together; the sentence says what to change."""


@dataclass(frozen=True)
class Kind:
    """Which files a batch is about.

    Args:
        named_like_one: whether a path is one of them, or is told rather than passed over.
        result_name: the name of a file's result.
        single: suffixes that a single result may be given.
        plural: what such files are called.
    """

    named_like_one: Callable[[Path], bool]
    result_name: Callable[[Path], str]
    single: tuple[str, ...]
    plural: str


@dataclass(frozen=True)
class Item:
    """One file to restore and where to; or a problem, a sentence, instead."""

    source: Path
    target: Path | None
    problem: str = ""


@dataclass(frozen=True)
class Batch:
    """All items of a run, the report's path, and what was passed over on purpose.

    Args:
        items: in the order in which they are restored.
        report: where the report is written.
        others: number of files in the folders that are no pages.
        results: folders below an input that hold results of an earlier run.
    """

    items: list[Item]
    report: Path
    others: int
    results: list[Path]


@dataclass
class _Found:
    """What a walk has come across."""

    seen: set[tuple[int, int]]
    out: Path
    kind: Kind
    others: int = 0


def collect(inputs: Sequence[Path], out: Path, kind: Kind | None = None) -> Batch:
    """Pair every file with the path of its result.

    Args:
        inputs: files and folders. With several, the content of a folder goes to OUT/FOLDER/.
        out: a folder; or, for a single file, the result's own name (.png, .tif).
        kind: PAGES by default, or SERIES.

    Raises:
        CollectError: if the output cannot be used with these inputs at all.
    """
    kind = kind or PAGES
    single = _single(inputs, out, kind)
    if os.path.exists(out) and not os.path.isdir(out) and not single:
        raise CollectError(f"{out} is a file; name a folder for the results with -o.")
    for folder in inputs:
        if os.path.isdir(folder) and _real(folder) == _real(out):
            raise CollectError(
                f"the results would mix with the originals in {folder}; choose another folder "
                f"with -o."
            )
    found, items, results = _Found(set(), _real(out), kind), [], []
    for given in inputs:
        if not os.path.isdir(given):
            target = out if single else out / kind.result_name(given)
            items.append(Item(given, target))
            continue
        under = out / _real(given).name if len(inputs) > 1 else out
        before = len(items)
        for path, problem in _walk(given, found, results):
            place = under / path.relative_to(given)
            items.append(Item(path, place.with_name(kind.result_name(path)), problem))
        if len(items) == before:
            items.append(Item(given, None, f"{given.name} is a folder without images in it."))
    report = out.with_name(f"{out.name}.{REPORT}") if single else out / REPORT
    return Batch(_apart(items), report, found.others, results)


def _single(inputs: Sequence[Path], out: Path, kind: Kind) -> bool:
    """Whether `out` is the name of one result and not a folder."""
    one = len(inputs) == 1 and not os.path.isdir(inputs[0])  # unlike Path's, it never raises
    return one and out.suffix.lower() in kind.single and not os.path.isdir(out)


def _walk(folder: Path, found: _Found, results: list[Path]) -> Iterator[tuple[Path, str]]:
    """Page files below a folder in the order of their names, with a problem or ""."""
    about = os.stat(folder)
    found.seen.add((about.st_dev, about.st_ino))
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield folder, f"the folder {folder.name} cannot be opened ({error.strerror}); see to it."
        return
    for entry in entries:
        path = folder / entry.name
        named_like_a_page = found.kind.named_like_one(path)
        if entry.name.startswith("."):  # hidden; macOS keeps a shadow of every image
            continue
        try:
            about = os.stat(path)
        except OSError as error:
            if named_like_a_page or entry.is_symlink():
                yield path, _dead_link(path, error)
            continue
        if not stat.S_ISDIR(about.st_mode):
            if named_like_a_page:
                yield path, ""
            else:
                found.others += entry.name != REPORT
        elif _real(path) == found.out:
            continue
        elif (about.st_dev, about.st_ino) in found.seen:
            yield (
                path,
                (
                    f"{path.name} is a link to a folder that is in this batch already; remove the "
                    f"link, or give the folder itself."
                ),
            )
        elif is_report(path / REPORT):
            results.append(path)
        else:
            inside = list(_walk(path, found, results))
            if named_like_a_page and not inside:
                yield path, f"{path.name} is a folder, not an image; rename it or fill it."
            yield from inside


def _dead_link(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path.name} is a link to a file that is gone; remove it or link it again."
    return f"{path.name} is a link that cannot be followed ({error.strerror}); remove it."


def _result_name(source: Path) -> str:
    """A TIFF stays a TIFF, since it may have several pages; all else becomes a PNG.

    >>> _result_name(Path("a/scan 7.JPG")), _result_name(Path("b.TIFF"))
    ('scan 7.png', 'b.tiff')
    """
    suffix = source.suffix.lower()
    return f"{source.stem}{suffix if suffix in LOSSLESS else '.png'}"


PAGES = Kind(
    lambda path: path.suffix.lower() in (*READABLE, *TOLD), _result_name, LOSSLESS, "pages"
)
SERIES = Kind(series.is_series, series.result_name, series.SUFFIXES, "measured images")


def _apart(items: list[Item]) -> list[Item]:
    """Give results that would share a name the full names of their sources; guard originals.

    `a.jpg` and `a.png` side by side become `a.jpg.png` and `a.png.png`. Names are compared
    without case, as some disks do.
    """

    def key(item: Item) -> str:
        return str(item.target).casefold()

    shared = Counter(key(item) for item in items if not item.problem)
    named = []
    for item in items:
        if item.target and not item.problem and shared[key(item)] > 1:
            longer = f"{item.source.name}{item.target.suffix}"
            item = replace(item, target=item.target.with_name(longer))
        named.append(item)
    originals = {_real(item.source) for item in named}
    taken: set[str] = set()
    kept = []
    for item in named:
        if item.target and not item.problem:
            problem = ""
            if _real(item.target) in originals:
                problem = (
                    f"the result of {item.source.name} would replace an original; choose another "
                    f"folder with -o."
                )
            elif key(item) in taken:
                problem = (
                    f"the result of {item.source.name} would replace that of another input; "
                    f"restore them into two folders."
                )
            taken.add(key(item))
            item = replace(item, problem=problem)
        kept.append(item)
    return kept


def _real(path: Path) -> Path:
    """The path without links; a link in a circle stays as it is."""
    return Path(os.path.realpath(path))
