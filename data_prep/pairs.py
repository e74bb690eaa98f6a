"""Files on disk to pairs of a data folder: the degraded page as given, the clean one as 1 bit."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

__all__ = ["IMAGES", "Pair", "SourceError", "images_in", "store"]

IMAGES = {".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp"}


class SourceError(ValueError):
    """The files of a set are not what its preparation expects; the sentence says what to do."""


class Pair(NamedTuple):
    """One degraded page and its truth, as files of the source."""

    id: str
    degraded: Path
    clean: Path
    group: str
    split: str = "all"
    more: dict[str, str] = {}  # noqa: RUF012 - never changed


def images_in(folder: Path) -> list[Path]:
    """All image files below a folder, sorted; hidden ones and those of macOS are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGES
        and path.is_file()
        and not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
    )


def store(pairs: Iterable[Pair], out: Path, *, binary: bool) -> list[dict[str, str]]:
    """Copy pairs into `out/degraded` and `out/clean` and return their manifest rows.

    The degraded file keeps its bytes; the clean one is thresholded at 128 and written as a 1-bit
    PNG (`binary`), or kept as given. Raises SourceError where the two differ in size.
    """
    rows = []
    for folder in ("degraded", "clean"):
        (out / folder).mkdir()
    for pair in pairs:
        with Image.open(pair.degraded) as degraded, Image.open(pair.clean) as clean:
            if degraded.size != clean.size:
                raise SourceError(
                    f"{pair.degraded} is {degraded.size} and {pair.clean} is {clean.size} pixels; "
                    "a page and its truth must be equal in size, so get the set again."
                )
            truth = np.asarray(clean.convert("L")) >= 128 if binary else None
        degraded_name = f"degraded/{pair.id}{pair.degraded.suffix.lower()}"
        suffix = ".png" if binary else pair.clean.suffix.lower()
        clean_name = f"clean/{pair.id}{suffix}"
        shutil.copyfile(pair.degraded, out / degraded_name)
        if truth is None:
            shutil.copyfile(pair.clean, out / clean_name)
        else:
            Image.fromarray(truth).save(out / clean_name)
        rows.append(
            {
                "id": pair.id,
                "split": pair.split,
                "degraded": degraded_name,
                "clean": clean_name,
                "group": pair.group,
                **pair.more,
            }
        )
    return rows
