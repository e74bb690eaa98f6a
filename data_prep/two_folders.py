"""Pages in one folder, truths in another: what belongs together, and what does not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.pairs import Pair, SourceError, mostly_dark, spread_mask
from docrestore import images
from docrestore.images import ImageError
from docrestore.paths import by_name

__all__ = ["Look", "look", "match"]


@dataclass(frozen=True)
class Look:
    """What a truth looks like: `grey` has levels between ink and paper, `dark` is mostly ink."""

    grey: bool
    dark: bool


def match(degraded: Path, clean: Path) -> tuple[list[Pair], list[str]]:
    """Pairs of two folders by their names, each its own group, and a sentence for each lone file.

    The folders may be one and the same: then the truths are the files with `_GT`. They may lie in
    each other. An id is a page's path without its suffix, with `-` between folders.

    Raises SourceError if a folder is not there, or nothing in them fits together.
    """
    for folder in (degraded, clean):
        if not folder.is_dir():
            raise SourceError(f"{folder} is not a folder; name one with images in it.")
    pages, truths = _files(degraded, clean, truths=False), _files(clean, degraded, truths=True)
    problems, unclear = [], set()
    for files in (pages, truths):
        for name, (one, *others) in files.items():
            if others:
                problems.append(f"{one} and {others[0]} have one name; leave one of them there.")
                unclear.add(name)
    for name in unclear:
        pages.pop(name, None)
        truths.pop(name, None)
    pairs: dict[str, Pair] = {}
    for name in sorted(pages.keys() & truths.keys()):
        (page,), (truth,) = pages[name], truths[name]
        key = page.relative_to(degraded).with_suffix("").as_posix().replace("/", "-")
        if key in pairs:
            problems.append(f"{page} and {pairs[key].degraded} would both be {key}; rename one.")
        else:
            pairs[key] = Pair(key, page, truth, group=key)
    lonely = sorted(pages.keys() - truths.keys())
    problems += [f"{pages[name][0]} has no truth of its name; it is left out." for name in lonely]
    lonely = sorted(truths.keys() - pages.keys())
    problems += [f"{truths[name][0]} has no page of its name; it is left out." for name in lonely]
    if not pairs:
        raise SourceError(
            f"no page in {degraded} has the name of a truth in {clean}; name the truths as the "
            "pages, with _GT at the end or without."
        )
    return list(pairs.values()), problems


def _files(folder: Path, other: Path, *, truths: bool) -> dict[str, list[Path]]:
    """The images of a folder by name, without those of the other folder if that lies inside."""
    one, two = folder.resolve(), other.resolve()
    inner = two != one and two.is_relative_to(one)
    kept: dict[str, list[Path]] = {}
    for name, files in by_name(folder, images.READABLE).items():
        if inner:
            files = [path for path in files if not path.resolve().is_relative_to(two)]
        elif one == two:
            files = [p for p in files if p.stem.casefold().endswith("_gt") is truths]
        if files:
            kept[name] = files
    return kept


def look(pairs: Sequence[Pair]) -> tuple[list[Pair], dict[str, Look], list[str]]:
    """Read all files once: the pairs that fit, what their truths look like by id, and sentences.

    A sentence tells of a file that cannot be read, has several pages, or differs in size from
    its partner; its pair is left out.
    """
    good, looks, problems = [], {}, []
    for pair in pairs:
        assert pair.clean is not None
        try:
            page, truth = (next(images.pages(path)) for path in (pair.degraded, pair.clean))
        except ImageError as error:
            problems.append(f"{pair.id} is left out: {error}")
            continue
        (high, wide), (tall, broad) = page.gray.shape, truth.gray.shape
        if page.count > 1 or truth.count > 1:
            problems.append(f"{pair.id} is left out: it is a file of several pages; take it apart.")
        elif (high, wide) != (tall, broad):
            problems.append(
                f"{pair.id} is left out: the page is {wide} x {high} pixels, its truth "
                f"{broad} x {tall}; make them equal."
            )
        else:
            levels = spread_mask(truth.gray)
            looks[pair.id] = Look(not images.two_levels(levels), mostly_dark(levels))
            good.append(pair)
    return good, looks, problems
