"""Damages own pages on purpose: a clean scan in, a degraded page and its passport out.

    python -m data_prep.degrade scans -o damaged --task binarize --seed 3
    python -m data_prep.degrade page.png -o damaged --step stain:radius_px=80 --step jpeg:quality=30

A page is a pure function of its pixels, its name, the seed and the recipe. Results are named as
`docrestore restore` names them; an original is never replaced, any other file only if asked for.
"""

import argparse
import ast
import os
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from data_prep.degradations import DEGRADATIONS, Step, compose
from data_prep.pairs import images_in
from data_prep.recipes import RECIPES
from docrestore import images

__all__ = ["degrade", "parse_step"]


def degrade(
    source: Path,
    target: Path,
    *,
    task: str = "binarize",
    steps: Sequence[Step] = (),
    seed: int = 0,
    overwrite: bool = False,
    kept: set[tuple[int, int]] | None = None,
) -> list[Path]:
    """Degrade the pages of one file into PNG files, each with its passport (JSON) beside it.

    Args:
        source: a clean page; dark text on light paper.
        target: where, ending in .png; of a file with several pages, each gets a number.
        task: whose recipe is drawn, if no steps are given.
        steps: (name in DEGRADATIONS, its values), in order.
        seed: of all chance.
        overwrite: replace files that are there already, but never `source` or those `kept`.
        kept: files that stay, from `identities`; those written here are added.

    Returns:
        The paths of the degraded pages.

    Raises:
        ImageError: if the file cannot be read or written.
        ValueError: for an unknown task, step or value, or if a file is in the way.
    """
    if task not in RECIPES:
        raise ValueError(f"no task is called {task!r}; use one of {', '.join(RECIPES)}.")
    kept = set() if kept is None else kept
    written = []
    for page in images.pages(source):
        name = f"{target.stem}-{page.index + 1}" if page.count > 1 else target.stem
        path = target.with_name(f"{name}.png")
        key = [seed, zlib.crc32(source.name.encode("utf-8", "surrogateescape")), page.index]
        chosen = list(steps) or RECIPES[task](np.random.default_rng(key), "train").damage
        degraded, passport = compose(page.gray.astype(np.float32) / 255, chosen, key)
        files = [path, *passport.files(path.with_suffix(".json"))]
        _check_free(files, source, overwrite, kept)
        shown = np.rint(degraded.clip(0, 1) * 255).astype(np.uint8)
        images.write(path, shown, dpi=page.dpi, icc=page.icc)
        passport.save(path.with_suffix(".json"))
        kept |= identities(files)
        written.append(path)
    return written


def identities(paths: Iterable[Path]) -> set[tuple[int, int]]:
    """What tells files apart whatever their names: links and letter case do not hide one."""
    found = set()
    for path in paths:
        if os.path.exists(path):
            about = os.stat(path)
            found.add((about.st_dev, about.st_ino))
    return found


def _check_free(
    paths: Iterable[Path], source: Path, overwrite: bool, kept: set[tuple[int, int]]
) -> None:
    """Raise ValueError if a path is taken by a file that has to stay."""
    for path in paths:
        there = identities([path])
        if there & identities([source]):
            raise ValueError(f"{path} would replace its own original; choose another folder.")
        if there & kept:
            raise ValueError(
                f"{path}, made of {source}, would replace an original or another result; "
                "choose another folder."
            )
        if os.path.lexists(path) and not overwrite:
            raise ValueError(
                f"{path} is there already; choose another folder, or replace it with --overwrite."
            )


def parse_step(text: str) -> Step:
    """A step as it is written on the command line.

    >>> parse_step("stain:radius_px=80,rim=0.5")
    ('stain', {'radius_px': 80, 'rim': 0.5})
    >>> parse_step("jpeg")
    ('jpeg', {})
    """
    name, _, rest = text.partition(":")
    values = {}
    for part in filter(None, rest.split(",")):
        key, sign, value = part.partition("=")
        if not sign:
            raise ValueError(f"a step is NAME:key=value,key=value, got {text!r}.")
        try:
            values[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):  # a word
            values[key] = value
    if name not in DEGRADATIONS:
        raise ValueError(f"no step is called {name!r}; use one of {', '.join(DEGRADATIONS)}.")
    return name, values


def _pair(given: Path, out: Path, several: bool) -> list[tuple[Path, Path]]:
    """The page files of one input, each with the path of its result.

    The structure of a folder is kept; where there are several inputs, it goes to OUT/FOLDER/.
    """
    if not given.is_dir():
        return [(given, out / f"{given.stem}.png")]
    folder, results = given.resolve(), out.resolve()
    if folder == results:
        raise ValueError(
            f"the results would mix with the originals in {given}; choose another folder with -o."
        )
    found = images_in(given)
    if results.is_relative_to(folder):  # results of an earlier run are no originals
        found = [path for path in found if not path.resolve().is_relative_to(results)]
    if not found:
        raise ValueError(f"{given} is a folder without images in it.")
    under = out / folder.name if several else out
    return [(path, under / path.relative_to(given).with_suffix(".png")) for path in found]


def _apart(pairs: list[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Give results that would share a name the full names of their sources.

    `a.jpg` and `a.png` side by side become `a.jpg.png` and `a.png.png`. Names are compared
    without case, as some disks do.
    """
    shared = Counter(str(target).casefold() for _, target in pairs)
    named = []
    for source, target in pairs:
        if shared[str(target).casefold()] > 1:
            target = target.with_name(f"{source.name}.png")
        named.append((source, target))
    return named


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="docrestore degrade", description="Damage own clean pages on purpose."
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="files and folders")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--task", choices=RECIPES, default="binarize", help="whose recipe is drawn")
    parser.add_argument(
        "--step",
        action="append",
        default=[],
        metavar="NAME:key=value,...",
        help=f"instead of a recipe, these in order: {', '.join(DEGRADATIONS)}",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that are there; never an INPUT"
    )
    options = parser.parse_args(arguments)
    pairs, failed = [], False
    for given in options.inputs:
        try:
            pairs += _pair(given, options.out, several=len(options.inputs) > 1)
        except (ValueError, OSError) as error:
            print(error, file=sys.stderr)
            failed = True
    kept = identities(source for source, _ in pairs)
    for source, target in _apart(pairs):
        try:
            steps = [parse_step(text) for text in options.step]
            for path in degrade(
                source,
                target,
                task=options.task,
                steps=steps,
                seed=options.seed,
                overwrite=options.overwrite,
                kept=kept,
            ):
                print(path)
        except (ValueError, TypeError, OSError) as error:
            print(error, file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
