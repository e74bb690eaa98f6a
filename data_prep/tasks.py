"""Which sets serve which task: real pages where they can be had without network, else drawn ones.

The notebooks of a method ask here, so that each of them works alone, on a machine with the real
sets and on one without, and so that each can say which of the two it shows.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path

from data_prep import drawn_pages, manifest
from data_prep.fetch import available, fetch
from docrestore.paths import here

__all__ = ["REAL", "Sets", "sets"]

REAL: dict[str, tuple[str, ...]] = {
    "binarize": (
        "dibco2009", "dibco2010", "dibco2011", "dibco2012", "dibco2013", "dibco2014",
        "dibco2016", "dibco2017", "bickley_diary",
    ),
    "clean": ("noisyoffice",),
    "deblur": ("text_deblur",),
    "watermark": (),
}  # fmt: skip


@dataclass(frozen=True)
class Sets:
    """Folders of a task's pages, each with a manifest; hand them to `docrestore.data.PairedPages`.

    Args:
        task: binarize, clean, deblur or watermark.
        train: folders to learn from, with `split="train"`.
        test: folders to test on, with `split="test"`. Where a folder stands in both, its manifest
            keeps the pages apart.
        leave_out: pages of `train`, as "set/id", that are known to share content with a page of
            `test`; hand them over as `leave_out` when training.
    """

    task: str
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    leave_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One sentence that says which pages are real and which were drawn by the book."""
        without = f" without {', '.join(self.leave_out)}" if self.leave_out else ""
        return f"Training on {_words(self.train)}{without}; testing on {_words(self.test)}."


def sets(
    task: str,
    *,
    real: bool = True,
    held_back: tuple[str, ...] | list[str] = ("dibco2013",),
    drawn: int = 24,
    size: tuple[int, int] | list[int] = (512, 512),
    seed: int = 0,
    data_dir: Path | None = None,
) -> Sets:
    """Get or draw the sets of a task; nothing is downloaded.

    Real sets with a split of their own are used on both sides (`clean`), real sets for testing
    alone on one (`deblur`), the contest years by name (`binarize`).

    Args:
        task: binarize, clean, deblur or watermark.
        real: use real sets where they are at hand; False asks for drawn pages alone.
        held_back: names of real sets that are for testing and never for training.
        drawn: pages to draw where there are no real ones. Each number, size and seed has a folder
            of its own, so no request changes the pages of another.
        size: (height, width) of a drawn page in px.
        seed: of the drawn pages.
        data_dir: the folder of data sets, by default data/ in the repository.

    Raises:
        ValueError: for an unknown task.
    """
    if task not in REAL:
        raise ValueError(f"no task is called {task!r}; use one of {', '.join(REAL)}.")
    data = Path(data_dir) if data_dir else here("data")
    names = [name for name in REAL[task] if real and available(name, data)]
    folders = {name: fetch(name, data) for name in names}
    ours = [folders[name] for name in names if name not in held_back]
    train = [folder for folder in ours if _has(folder, "train")]
    test = [folders[name] for name in names if _serves_as_test(name, folders, held_back)]
    if not (train and test):
        own = _drawn(task, drawn, size, seed, data)
        train, test = train or [own], test or [own]
    return Sets(task, tuple(train), tuple(test), _leaks(train, test))


def _serves_as_test(name: str, folders: dict[str, Path], held_back: tuple | list) -> bool:
    """A set is for testing if it is held back, or if its manifest has a test split of its own."""
    return name in held_back or any(row["split"] == "test" for row in manifest.read(folders[name]))


def _has(folder: Path, split: str) -> bool:
    return any(row["split"] in (split, "all") for row in manifest.read(folder))


def _drawn(task: str, pages: int, size: Sequence[int], seed: int, data: Path) -> Path:
    """The drawn set of a task, in a folder named for all that was asked for."""
    height, width = size
    folder = data / f"drawn-{task}-{pages}x{height}x{width}-s{seed}"
    drawn_pages.prepare(
        folder, task=task, pages=pages, size=(height, width), seed=seed, progress=False
    )
    return folder


def _leaks(train: Sequence[Path], test: Sequence[Path]) -> tuple[str, ...]:
    """Training pages that leaks.toml lists beside one of the test pages."""
    trained, tested = _pages(train, "train"), _pages(test, "test")
    listed = resources.files("docrestore").joinpath("leakage", "leaks.toml").read_text("utf-8")
    found = set()
    for leak in tomllib.loads(listed)["leak"]:
        for ours, theirs in ((leak["pages"], leak["with"]), (leak["with"], leak["pages"])):
            if _listed(tested, theirs):
                found |= _listed(trained, ours)
    return tuple(sorted(found))


def _pages(folders: Sequence[Path], split: str) -> set[str]:
    """Pages of a split as "set/id"."""
    return {
        f"{folder.name}/{row['id']}"
        for folder in folders
        for row in manifest.read(folder)
        if row["split"] in (split, "all")
    }


def _listed(names: set[str], patterns: Sequence[str]) -> set[str]:
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}


def _words(folders: tuple[Path, ...]) -> str:
    kinds = {"real pages": [], "pages drawn by this book": []}
    for folder in folders:
        drawn = folder.name.startswith("drawn-")
        kinds["pages drawn by this book" if drawn else "real pages"].append(folder.name)
    return " and ".join(f"{kind} ({', '.join(some)})" for kind, some in kinds.items() if some)
