"""Files of a source to pairs of a data folder: the degraded page keeps its bytes."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data_prep.manifest import sha256
from docrestore.images import read_gray, write

__all__ = [
    "IMAGES",
    "Pair",
    "SourceError",
    "fold_of",
    "images_in",
    "in_draw_order",
    "mostly_dark",
    "read_truth",
    "same_bytes",
    "spread_mask",
    "store",
    "with_folds",
]

IMAGES = {".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp"}


class SourceError(ValueError):
    """The files of a set are not what its preparation expects; the sentence says what to do."""


@dataclass(frozen=True)
class Pair:
    """A degraded page and its truth, as files of the source; a page may have no truth."""

    id: str
    degraded: Path
    clean: Path | None
    group: str
    split: str = "all"
    more: Mapping[str, str] = field(default_factory=dict)


def images_in(folder: Path, suffixes: Collection[str] = IMAGES) -> list[Path]:
    """All image files below a folder, sorted; hidden ones and those of macOS are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def same_bytes(first: Path, second: Path) -> bool:
    """Whether two files hold the same bytes."""
    return first.stat().st_size == second.stat().st_size and sha256(first) == sha256(second)


def in_draw_order(groups: Iterable[str]) -> list[str]:
    """The different groups in an order that looks random and depends on their names alone."""
    return sorted(set(groups), key=lambda name: hashlib.sha256(name.encode()).digest())


def fold_of(groups: Sequence[str], folds: int = 5) -> dict[str, int]:
    """The fold, 0 to `folds` - 1, of each group; `groups` holds the group of every page.

    The largest groups are dealt out first, each to the fold with the fewest pages so far, so the
    folds differ by one page where all groups are equal. The order of the pages does not matter.

    >>> fold_of(["a", "a", "b", "c"], 2) == fold_of(["c", "b", "a", "a"], 2)
    True
    """
    sizes = Counter(groups)
    pages = [0] * folds
    fold: dict[str, int] = {}
    for group in sorted(in_draw_order(groups), key=lambda name: -sizes[name]):
        fold[group] = pages.index(min(pages))
        pages[fold[group]] += sizes[group]
    return fold


def with_folds(pairs: Sequence[Pair], folds: int = 5) -> list[Pair]:
    """The pairs with a column `fold` more; the pages of a group are in one fold."""
    fold = fold_of([pair.group for pair in pairs], folds)
    return [replace(one, more={**one.more, "fold": str(fold[one.group])}) for one in pairs]


def read_truth(path: Path) -> np.ndarray:
    """A truth as uint8 (H, W), with `spread_mask`. Raises ImageError, as `read_gray` does."""
    return spread_mask(read_gray(path))


def spread_mask(gray: np.ndarray) -> np.ndarray:
    """A mask of the levels 0 and 1, uint8 (H, W), as 0 and 255; any other page as it is."""
    return gray * 255 if gray.max(initial=0) == 1 else gray


def mostly_dark(truth: np.ndarray) -> bool:
    """Whether more than half of the pixels of a truth are dark: then its text may be white."""
    return bool(np.mean(truth < 128) > 0.5)


def store(
    pairs: Iterable[Pair],
    out: Path,
    *,
    binary: bool,
    cut: int = 128,
    inverted: Collection[str] = (),
) -> list[dict[str, str]]:
    """Copy pairs into `out/degraded` and `out/clean` and return their manifest rows.

    The degraded file keeps its bytes. The clean one does too, unless `binary`: then it is
    thresholded at `cut` (levels from there on are paper) and written as a 1-bit PNG. The truths
    of the ids in `inverted` are turned first, 0 to 255. Raises SourceError where a page and its
    truth differ in size.
    """
    rows = []
    for name in ("degraded", "clean"):
        (out / name).mkdir(exist_ok=True)
    for pair in pairs:
        degraded = f"degraded/{pair.id}{pair.degraded.suffix.lower()}"
        clean = _store_clean(pair, out, binary, cut, pair.id in inverted) if pair.clean else ""
        shutil.copyfile(pair.degraded, out / degraded)
        rows.append(
            {
                "id": pair.id,
                "split": pair.split,
                "degraded": degraded,
                "clean": clean,
                "group": pair.group,
                "clean_sha256": sha256(out / clean) if clean else "",
                **pair.more,
            }
        )
    return rows


def _store_clean(pair: Pair, out: Path, binary: bool, cut: int, turn: bool) -> str:
    assert pair.clean is not None
    page, raw = read_gray(pair.degraded), read_gray(pair.clean)
    if page.shape != raw.shape:
        raise SourceError(
            f"{pair.degraded} is {page.shape} and {pair.clean} is {raw.shape} (height, width); "
            "a page and its truth must be equal in size, so get the set again."
        )
    truth = 255 - spread_mask(raw) if turn else spread_mask(raw)
    changed = binary or truth is not raw
    clean = f"clean/{pair.id}{'.png' if changed else pair.clean.suffix.lower()}"
    if changed:
        write(out / clean, truth >= cut if binary else truth)
    else:
        shutil.copyfile(pair.clean, out / clean)
    return clean
