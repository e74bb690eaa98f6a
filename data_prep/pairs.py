"""Files of a source to pairs of a data folder: the degraded page keeps its bytes."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.manifest import sha256
from docrestore.images import read_gray, write

__all__ = ["Pair", "SourceError", "images_in", "same_bytes", "store"]

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


def images_in(folder: Path) -> list[Path]:
    """All image files below a folder, sorted; hidden ones and those of macOS are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGES
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def same_bytes(first: Path, second: Path) -> bool:
    """Whether two files hold the same bytes."""
    return first.stat().st_size == second.stat().st_size and sha256(first) == sha256(second)


def store(pairs: Iterable[Pair], out: Path, *, binary: bool) -> list[dict[str, str]]:
    """Copy pairs into `out/degraded` and `out/clean` and return their manifest rows.

    The degraded file keeps its bytes. The clean one does too, unless `binary`: then it is
    thresholded at 128 and written as a 1-bit PNG. Raises SourceError where the two differ in size.
    """
    rows = []
    for name in ("degraded", "clean"):
        (out / name).mkdir(exist_ok=True)
    for pair in pairs:
        degraded = f"degraded/{pair.id}{pair.degraded.suffix.lower()}"
        clean = _store_clean(pair, out, binary) if pair.clean else ""
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


def _store_clean(pair: Pair, out: Path, binary: bool) -> str:
    assert pair.clean is not None
    page, truth = read_gray(pair.degraded), read_gray(pair.clean)
    if page.shape != truth.shape:
        raise SourceError(
            f"{pair.degraded} is {page.shape} and {pair.clean} is {truth.shape} (height, width); "
            "a page and its truth must be equal in size, so get the set again."
        )
    clean = f"clean/{pair.id}{'.png' if binary else pair.clean.suffix.lower()}"
    if binary:
        write(out / clean, truth >= 128)
    else:
        shutil.copyfile(pair.clean, out / clean)
    return clean
