"""Damages own pages on purpose: a clean scan in, a degraded page and its passport out.

    python -m data_prep.degrade scans -o damaged --task binarize --seed 3
    python -m data_prep.degrade page.png -o damaged --step stain:radius_px=80 --step jpeg:quality=30

A page is a pure function of its pixels, its name, the seed and the recipe.
"""

import argparse
import ast
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.degradations import DEGRADATIONS, Step, compose
from data_prep.pairs import images_in
from data_prep.recipes import RECIPES
from docrestore import images

__all__ = ["degrade", "parse_step"]


def degrade(
    source: Path, target: Path, *, task: str = "binarize", steps: Sequence[Step] = (), seed: int = 0
) -> list[Path]:
    """Degrade the pages of one file into PNG files, each with its passport (JSON) beside it.

    Args:
        source: a clean page; dark text on light paper.
        target: where, ending in .png; of a file with several pages, each gets a number.
        task: whose recipe is drawn, if no steps are given.
        steps: (name in DEGRADATIONS, its values), in order.
        seed: of all chance.

    Returns:
        The paths of the degraded pages.

    Raises:
        ImageError: if the file cannot be read or written.
        ValueError: for an unknown task, step or value, or if the result would replace its source.
    """
    if task not in RECIPES:
        raise ValueError(f"no task is called {task!r}; use one of {', '.join(RECIPES)}.")
    written = []
    for page in images.pages(source):
        name = f"{target.stem}-{page.index + 1}" if page.count > 1 else target.stem
        path = target.with_name(f"{name}.png")
        if path.exists() and path.samefile(source):
            raise ValueError(f"{path} would replace its own original; choose another folder.")
        key = [seed, zlib.crc32(source.name.encode("utf-8", "surrogateescape")), page.index]
        chosen = list(steps) or RECIPES[task](np.random.default_rng(key), "train").damage
        degraded, passport = compose(page.gray.astype(np.float32) / 255, chosen, key)
        shown = np.rint(degraded.clip(0, 1) * 255).astype(np.uint8)
        images.write(path, shown, dpi=page.dpi, icc=page.icc)
        passport.save(path.with_suffix(".json"))
        written.append(path)
    return written


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
    options = parser.parse_args(arguments)
    failed = False
    for given in options.inputs:
        sources = images_in(given) if given.is_dir() else [given]
        if not sources:
            print(f"{given} is a folder without images in it.", file=sys.stderr)
            failed = True
        for source in sources:
            place = source.relative_to(given) if given.is_dir() else Path(source.name)
            try:
                steps = [parse_step(text) for text in options.step]
                target = options.out / place.with_suffix(".png")
                for path in degrade(
                    source, target, task=options.task, steps=steps, seed=options.seed
                ):
                    print(path)
            except (ValueError, TypeError, OSError) as error:
                print(error, file=sys.stderr)
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
