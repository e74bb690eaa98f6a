"""Text deblurring (Hradis et al., BMVC 2015): 30 triplets and one lossless pair, for testing.

A triplet is one JPEG of three 300 x 300 panels with borders of 2 pixels: blurred, the output of
somebody's network, and the truth. The first and the last are cut out; the middle is not used.
"""

import re
from pathlib import Path

import numpy as np

from data_prep.manifest import sha256
from data_prep.pairs import SourceError, images_in
from docrestore.images import read_gray, write

__all__ = ["panel", "prepare"]

SIDE, BORDER = 300, 2
TRIPLET_SHAPE = (SIDE + 2 * BORDER, 3 * SIDE + 4 * BORDER)
LOSSLESS = re.compile(r"(?P<number>\d{7})_(?P<role>blur|orig)")


def panel(triplet: np.ndarray, index: int) -> np.ndarray:
    """Panel 0, 1 or 2 of a triplet, uint8 (304, 908) -> (300, 300)."""
    left = BORDER + (SIDE + BORDER) * index
    return triplet[BORDER : BORDER + SIDE, left : left + SIDE]


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Cut the panels of `source` into the empty folder `out`; return the manifest rows.

    Ids are T00 ... T29 for the triplets and L followed by its number for a lossless pair.
    Raises SourceError for a triplet of another size.
    """
    images: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    lossless: dict[str, dict[str, Path]] = {}
    for path in images_in(source):
        if match := LOSSLESS.fullmatch(path.stem):
            lossless.setdefault(match["number"], {})[match["role"]] = path
        elif path.stem.isdigit() and len(path.stem) <= 2:
            triplet = read_gray(path)
            if triplet.shape != TRIPLET_SHAPE:
                raise SourceError(
                    f"{path} is {triplet.shape} (height, width), a triplet is {TRIPLET_SHAPE}; "
                    "get the file again."
                )
            images[f"T{int(path.stem):02d}"] = panel(triplet, 0), panel(triplet, 2)
    for number, files in lossless.items():
        if len(files) == 2:
            images[f"L{number}"] = read_gray(files["blur"]), read_gray(files["orig"])
    rows = []
    for name, (blurred, sharp) in sorted(images.items()):
        degraded, clean = f"degraded/{name}.png", f"clean/{name}.png"
        write(out / degraded, blurred)
        write(out / clean, sharp)
        rows.append(
            {
                "id": name,
                "split": "test",
                "degraded": degraded,
                "clean": clean,
                "group": name,
                "clean_sha256": sha256(out / clean),
                "kind": "triplet" if name.startswith("T") else "lossless",
            }
        )
    return rows
