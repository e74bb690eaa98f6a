"""Which sets serve which task: real pages where they can be had without network, else drawn ones.

The notebooks of a method ask here, so that each of them works alone, on a machine with the real
sets and on one without, and so that each can say which of the two it shows.
"""

import json
from dataclasses import dataclass
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
    """

    task: str
    train: tuple[Path, ...]
    test: tuple[Path, ...]

    def __str__(self) -> str:
        """One sentence that says which pages are real and which were drawn by the book."""
        return f"Training on {_words(self.train)}; testing on {_words(self.test)}."


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
        drawn: pages to draw where none or fewer are there; a larger drawn set is left alone.
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
        own = _drawn(task, drawn, tuple(size), seed, data)
        train, test = train or [own], test or [own]
    return Sets(task, tuple(train), tuple(test))


def _serves_as_test(name: str, folders: dict[str, Path], held_back: tuple | list) -> bool:
    """A set is for testing if it is held back, or if its manifest has a test split of its own."""
    return name in held_back or any(row["split"] == "test" for row in manifest.read(folders[name]))


def _has(folder: Path, split: str) -> bool:
    return any(row["split"] in (split, "all") for row in manifest.read(folder))


def _drawn(task: str, pages: int, size: tuple[int, ...], seed: int, data: Path) -> Path:
    """The drawn set of a task with at least so many pages."""
    folder = data / f"drawn-{task}"
    try:
        record = json.loads((folder / "drawn.json").read_text(encoding="utf-8"))
        enough = len(manifest.read(folder)) >= pages
    except (OSError, ValueError):
        record, enough = {}, False
    if enough:
        height, width = record["size"]
        print(f"{folder.name}: {record['pages']} drawn pairs of {height} x {width} px are there")
    else:
        shape = (size[0], size[1])
        drawn_pages.prepare(folder, task=task, pages=pages, size=shape, seed=seed, progress=False)
    return folder


def _words(folders: tuple[Path, ...]) -> str:
    kinds = {"real pages": [], "pages drawn by this book": []}
    for folder in folders:
        drawn = folder.name.startswith("drawn-")
        kinds["pages drawn by this book" if drawn else "real pages"].append(folder.name)
    return " and ".join(f"{kind} ({', '.join(some)})" for kind, some in kinds.items() if some)
