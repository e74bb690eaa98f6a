"""Pages that the book draws itself: a clean page, and the same page as the years left it.

They need no network and no licence, they come in any number, and their truth is exact. A pair is
a pure function of (task, seed, index, size, split), so page 7 is the same in a set of 8 and of
8000. `python -m data_prep.drawn_pages OUT --task binarize --pages 8`
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep import manifest
from data_prep.clean_pages import draw_page
from data_prep.degradations import Passport, compose
from data_prep.recipes import RECIPES
from docrestore import images

__all__ = ["TASKS", "draw", "draw_page", "draw_pair", "prepare", "split_of"]

TASKS = tuple(RECIPES)
SOURCES = (
    "passages.txt", "fields.py", "lettering.py", "page_layouts.py", "clean_pages.py",
    "degradations.py", "degradations_ink.py", "degradations_paper.py",
    "degradations_capture.py", "degradations_marks.py", "recipes.py", "drawn_pages.py",
)  # fmt: skip


def split_of(index: int) -> str:
    """Every fourth page is a test page. Its words are in no training page."""
    return "test" if index % 4 == 3 else "train"


def draw(
    task: str, seed: int, index: int, size: tuple[int, int] = (768, 1024), split: str | None = None
) -> tuple[np.ndarray, np.ndarray, Passport]:
    """One pair and its passport: degraded and clean page, float32 (H, W) in [0, 1].

    The clean page is the anti-aliased one. `split` (train or test) chooses words, and marks for
    `watermark`; None takes that of `split_of`. Raises ValueError for an unknown task or size.
    """
    if task not in RECIPES:
        raise ValueError(f"no task is called {task!r}; use one of {', '.join(RECIPES)}.")
    if min(size) < 1:
        raise ValueError(f"a page of {size[0]} x {size[1]} px cannot be drawn; use 1 x 1 or more.")
    split = split or split_of(index)
    key = [seed, index, TASKS.index(task), int(split == "test")]
    rng = np.random.default_rng(key)
    recipe = RECIPES[task](rng, split)
    clean = draw_page(rng, size, split=split, **recipe.page)
    clean, _ = compose(clean, recipe.paper, [*key, 0])
    degraded, passport = compose(clean, recipe.damage, [*key, 1])
    return degraded, clean, passport


def draw_pair(
    task: str, seed: int, index: int, size: tuple[int, int] = (768, 1024), split: str | None = None
) -> tuple[np.ndarray, np.ndarray, dict[str, object], dict[str, np.ndarray]]:
    """One pair as it is stored: degraded and clean uint8 (H, W), passport dict, masks bool (H, W).

    The clean page of `binarize` is 0 (ink) where ink covers more than half of a pixel, else 255;
    that of the other tasks is grey. Arguments and errors as in `draw`.
    """
    degraded, clean, passport = draw(task, seed, index, size, split)
    truth = clean >= 0.5 if task == "binarize" else clean
    return _bytes(degraded), _bytes(truth), passport.as_dict(), passport.masks


def _bytes(page: np.ndarray) -> np.ndarray:
    return np.rint(page * np.float32(255)).astype(np.uint8)


def prepare(
    out: Path,
    *,
    task: str = "binarize",
    pages: int = 8,
    size: tuple[int, int] = (512, 512),
    seed: int = 0,
    split: str | None = None,
    progress: bool = True,
) -> Path:
    """Draw a set of pairs into the folder `out`; return the path of its manifest.

    Gives `degraded/`, `clean/`, `passports/` (JSON, with masks as 1-bit PNG) and `manifest.csv`
    with the extra columns `passport` and `mask` (the mark's area, for watermark). Every fourth
    page is in the split `test`, unless `split` names one for all. A set that is there already
    with the same settings is left as it is; one with others, or drawn by other code, is drawn
    anew. `progress` counts the pages on a terminal.

    Raises:
        ValueError: for an unknown task, no pages, or a folder that holds anything but a drawn set.
        ManifestError: if another process has drawn another set into the folder meanwhile.
    """
    if pages < 1:
        raise ValueError(f"a set needs at least 1 page, not {pages}.")
    out = Path(out)
    name = manifest.shown(out)
    recipe = _recipe(task, pages, size, seed, split)
    if _is_there(out, recipe):
        print(f"{name}: {pages} drawn pairs are there already")
        return out / manifest.NAME
    if not _may_go(out):
        raise ValueError(f"{out} holds something else than a drawn set; name another folder.")
    progress = progress and sys.stdout.isatty()
    with manifest.building(out) as work:
        for folder in ("degraded", "clean", "passports"):
            (work / folder).mkdir()
        rows = []
        for index in range(pages):
            rows.append(_save(work, task, seed, index, size, split or split_of(index)))
            if progress:
                print(f"\r{name}: {index + 1} of {pages} pairs drawn", end="", flush=True)
        if progress:
            print()
        (work / "drawn.json").write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
        manifest.write(work, rows)
    if not _is_there(out, recipe):
        raise manifest.ManifestError(
            f"another process has drawn another set into {out}; name another folder, or try again."
        )
    tests = sum(row["split"] == "test" for row in rows)
    print(f"{name}: {pages} pairs of {size[0]} x {size[1]} px, {tests} of them for testing")
    return out / manifest.NAME


def _save(
    work: Path, task: str, seed: int, index: int, size: tuple[int, int], split: str
) -> dict[str, str]:
    name = f"{index:05d}"
    degraded, clean, passport = draw(task, seed, index, size, split)
    row = {
        "id": name,
        "split": split,
        "degraded": f"degraded/{name}.png",
        "clean": f"clean/{name}.png",
        "group": f"{seed}-{name}",
        "passport": f"passports/{name}.json",
        "mask": "",
    }
    images.write(work / row["degraded"], _bytes(degraded))
    images.write(work / row["clean"], clean >= 0.5 if task == "binarize" else _bytes(clean))
    passport.save(work / row["passport"])
    if marks := [mask for mask in passport.masks if mask.endswith("-mark")]:
        row["mask"] = f"passports/{name}-{marks[0]}.png"
    return row


def _recipe(
    task: str, pages: int, size: tuple[int, int], seed: int, split: str | None
) -> dict[str, object]:
    """Everything that the set depends on, the drawing code included."""
    code = hashlib.sha256()
    for name in SOURCES:
        code.update((Path(__file__).parent / name).read_bytes())
    settings = {"task": task, "pages": pages, "size": list(size), "seed": seed, "split": split}
    return settings | {"code": code.hexdigest()}


def _is_there(out: Path, recipe: dict[str, object]) -> bool:
    try:
        same = json.loads((out / "drawn.json").read_text(encoding="utf-8")) == recipe
        return same and len(manifest.read(out)) == recipe["pages"]
    except (OSError, ValueError):
        return False


def _may_go(out: Path) -> bool:
    """Whether nothing is lost when `out` is replaced: it is a drawn set, empty, or not there."""
    if not out.exists() or (out / "drawn.json").is_file():
        return True
    return out.is_dir() and not any(out.iterdir())


def main(argv: Sequence[str] | None = None) -> None:
    """The command line: see `--help`."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.drawn_pages",
        description="Draw pairs of degraded and clean pages.",
    )
    parser.add_argument("out", type=Path, help="folder of the new set")
    parser.add_argument("--task", choices=TASKS, default="binarize")
    parser.add_argument("--pages", type=int, default=8, help="number of pairs (default 8)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(512, 512), metavar=("H", "W"), help="in px"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=("train", "test"), help="one split for all pages")
    args = parser.parse_args(argv)
    prepare(
        args.out,
        task=args.task,
        pages=args.pages,
        size=tuple(args.size),
        seed=args.seed,
        split=args.split,
    )


if __name__ == "__main__":
    main()
