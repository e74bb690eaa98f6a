"""Own pages and their truths to a data set: two folders in, data/NAME with a manifest out.

    python -m data_prep.own_pairs mine --degraded scans/ --clean truths/

A page and its truth have the same name; suffixes, case and `_GT` at the end do not count. The
originals are only read. What does not fit is listed, a sentence each, and left out. What may be
meant in two ways is asked about: truths with grey levels, and truths whose text is white.
Where nobody can answer, the command stops and names the options that say it. Exit status 0: every
file is in the set; 1: a file was left out, or there is no set; 130: stopped by Ctrl-C.
"""

import argparse
import json
import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from data_prep import manifest
from data_prep.pairs import Pair, SourceError, in_draw_order, store, with_folds
from data_prep.sources import names
from data_prep.two_folders import Look, look, match
from docrestore.images import ImageError
from docrestore.paths import here

__all__ = ["OwnPairsError", "grouped", "held_back", "main", "make"]

MARK = "own.json"  # says that a folder was made here, so that --replace may remove it
SHOWN = 3  # names in a question
NEXT = {  # binary truths or not: what to train with, from the shipped weights on
    True: "--start-from de_gan-binarize --old 0.3 --zoom 1.15 --set lr=0.001",
    False: "--start-from de_gan-clean --task clean",
}


class OwnPairsError(ValueError):
    """The options do not make a data set; the sentence says what to do."""


def grouped(pairs: Sequence[Pair], folder: Path, by: str) -> list[Pair]:
    """The pairs with new groups: `by` is "folder", or a regular expression.

    The expression is looked for in a page's path below `folder` without its suffix; the group is
    what its first brackets hold, or all that it found. A page without a match is its own group.
    Raises OwnPairsError for a wrong expression, and for one that matches no page.
    """
    paths = [pair.degraded.relative_to(folder).with_suffix("") for pair in pairs]
    if by == "folder":
        found: list[str | None] = [path.parent.as_posix() for path in paths]
    else:
        try:
            hits = [re.search(by, path.as_posix()) for path in paths]
        except re.error as error:
            raise OwnPairsError(f"{by!r} is no regular expression: {error}.") from None
        found = [hit and (hit[1] if hit.re.groups else hit[0]) for hit in hits]
    if not any(found):
        raise OwnPairsError(f"{by!r} is in no page's name, such as {paths[0].as_posix()}.")
    return [replace(pair, group=new or pair.id) for pair, new in zip(pairs, found, strict=True)]


def held_back(groups: Sequence[str], share: float) -> set[str]:
    """Groups with about `share` of the pages, chosen by their names alone; never none, never all.

    `groups` holds the group of every page. Raises OwnPairsError if there is only one group.
    """
    sizes = Counter(groups)
    if len(sizes) < 2:
        raise OwnPairsError("all pages are one group, so none can be held back; see --group-by.")
    chosen: set[str] = set()
    for group in in_draw_order(groups):
        taken = sum(sizes[one] for one in chosen)
        if len(chosen) < len(sizes) - 1 and taken + sizes[group] / 2 <= share * len(groups):
            chosen.add(group)
    return chosen or {min(in_draw_order(groups), key=lambda name: sizes[name])}


def make(options: argparse.Namespace) -> int:
    """Make the set that the command line asks for; return the exit status.

    Raises OwnPairsError, SourceError, ImageError, ManifestError or OSError; then there is no new
    set, and an old one stays.
    """
    out = _place(options)
    pairs, problems = match(options.degraded, options.clean)
    pairs, looks, unfit = look(pairs)
    for sentence in [*problems, *unfit]:
        print(sentence, file=sys.stderr)
    if not pairs:
        raise OwnPairsError("no pair is left, so no set was made.")
    if options.group_by:
        pairs = grouped(pairs, options.degraded, options.group_by)
    pairs = _divided(pairs, options.split, options.folds)
    binary, inverted = _decide(looks, options)
    with manifest.building(out) as work:
        rows = store(pairs, work, binary=binary, cut=options.cut or 128, inverted=inverted)
        manifest.write(work, rows)
        about = {"pairs": len(rows), "binary": binary, "inverted": sorted(inverted)}
        (work / MARK).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    _tell(out, pairs, binary, inverted, left_out=len(problems) + len(unfit))
    return 1 if problems or unfit else 0


def _place(options: argparse.Namespace) -> Path:
    """The folder of the new set; refuses names of real sets, originals, and what is in use."""
    if not re.fullmatch(r"\w[\w.-]*", options.name) or options.name in [*names(), "incoming"]:
        raise OwnPairsError(
            f"{options.name!r} cannot be the name of your set: take letters, digits, - and _, and "
            "no name of a real set (python -m data_prep.fetch --list)."
        )
    out = options.out or here("data", options.name)
    for folder in (options.degraded, options.clean):
        first, second = folder.resolve(), out.resolve()
        if first.is_relative_to(second) or second.is_relative_to(first):
            raise OwnPairsError(f"{out} and {folder} lie in each other; choose another --out.")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        if not (out / MARK).is_file():
            raise OwnPairsError(f"{out} is there and was not made by this command; rename one.")
        if not options.replace:
            raise OwnPairsError(f"{out} is there; take another name, or --replace to make it anew.")
    return out


def _divided(pairs: list[Pair], split: str | float, folds: int | None) -> list[Pair]:
    groups = [pair.group for pair in pairs]
    if folds:
        if (number := len(set(groups))) < folds:
            raise OwnPairsError(
                f"{_count(number, 'group')} cannot make {folds} folds; take fewer --folds."
            )
        return with_folds(pairs, folds)
    if isinstance(split, str):
        return [replace(pair, split=split) for pair in pairs]
    test = held_back(groups, split)
    return [replace(pair, split="test" if pair.group in test else "train") for pair in pairs]


def _decide(looks: dict[str, Look], options: argparse.Namespace) -> tuple[bool, set[str]]:
    """Whether truths become ink and paper alone, and the ids of those that are turned over."""
    grey = [name for name, one in looks.items() if one.grey]
    dark = [name for name, one in looks.items() if one.dark]
    binary, turn = not options.keep_gray, options.invert
    if grey and not options.keep_gray and options.cut is None:
        told = f"{_some(grey, looks)} grey levels between ink and paper"
        question = "Cut all truths at 128 into ink and paper (n keeps the grey)"
        binary = _ask(told, question, "--cut 128", "--keep-gray")
    if dark and turn is None:
        told = f"{_some(dark, looks)} more dark pixels than light ones, as if the text were white"
        turn = _ask(told, "Turn these over, white to black", "--invert", "--no-invert")
    return binary, set(dark) if turn else set()


def _some(found: Sequence[str], looks: dict[str, Look]) -> str:
    more = ", ..." if len(found) > SHOWN else ""
    these = f"{len(found)} of {_count(len(looks), 'truth')} ({', '.join(found[:SHOWN])}{more})"
    return f"{these} {'has' if len(found) == 1 else 'have'}"


def _ask(told: str, question: str, yes: str, no: str) -> bool:
    """Ask on a terminal until the answer is y or n; elsewhere raise OwnPairsError."""
    while sys.stdin is not None and sys.stdin.isatty():
        try:
            answer = input(f"{told}. {question}? [y/n] ").strip().lower()
        except EOFError:
            break
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")
    raise OwnPairsError(f"{told}: look at them, then say {yes} or {no}. Nothing was made.")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _tell(out: Path, pairs: list[Pair], binary: bool, inverted: set[str], left_out: int) -> None:
    splits = Counter(pair.split for pair in pairs)
    folds = sorted(Counter(pair.more["fold"] for pair in pairs if "fold" in pair.more).items())
    parts = [_count(len(pairs), "pair"), _count(len({pair.group for pair in pairs}), "group")]
    parts += [f"{number} in the split {split}" for split, number in sorted(splits.items())]
    parts += [f"{number} in fold {fold}" for fold, number in folds]
    parts += ["truths of ink and paper alone" if binary else "truths as they are"]
    parts += [f"{_count(len(inverted), 'truth')} turned over"] if inverted else []
    parts += [f"{left_out} left out, as told above"] if left_out else []
    print(f"{manifest.shown(out)}: {', '.join(parts)}")
    if splits.keys() & {"train", "all"}:
        data, run = shlex.quote(manifest.shown(out)), shlex.quote(f"runs/{out.name}")
        train = f"python -m docrestore.train de_gan --data {data} --run-dir {run}"
        print(f"Next, to train on it:\n    {train} --steps 1000 {NEXT[binary]}")


def _split(text: str) -> str | float:
    """A split's name, or the share of the pages to hold back."""
    if text in manifest.SPLITS:
        return text
    share = float(text)
    if not 0 < share < 1:
        raise ValueError(text)
    return share


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.own_pairs",
        description="Make a data set of own pages and their truths.",
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="name of the set")
    add("--degraded", type=Path, required=True, metavar="FOLDER", help="the pages")
    add("--clean", type=Path, required=True, metavar="FOLDER", help="their truths, equal names")
    add("--out", type=Path, metavar="FOLDER", help="folder of the set (default: data/NAME)")
    add("--replace", action="store_true", help="make a set of this command anew")
    add(
        "--group-by",
        metavar="RULE",
        help="what stays on one side of a split: `folder`, or a regular expression on the name",
    )
    one = parser.add_mutually_exclusive_group()
    help = "train, val, test or all for every page, or a share to hold back for testing (0.2)"
    one.add_argument("--split", type=_split, default="all", help=help)
    one.add_argument("--folds", type=_number(2, 100), metavar="N", help="a column fold, 0 to N-1")
    one = parser.add_mutually_exclusive_group()
    help = "levels from this on are paper, the others ink"
    one.add_argument("--cut", type=_number(1, 255), metavar="LEVEL", help=help)
    one.add_argument("--keep-gray", action="store_true", help="leave the truths' levels alone")
    help = "turn over the truths with more dark pixels than light ones, or do not"
    add("--invert", action=argparse.BooleanOptionalAction, help=help)
    try:
        return make(parser.parse_args(arguments))
    except (OwnPairsError, SourceError, ImageError, manifest.ManifestError, OSError) as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; no set was made", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
