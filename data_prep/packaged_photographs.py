"""Clean photographs for noise to be added to, out of scikit-image: here wherever the book is.

The rows have a clean image and no degraded one; `data_prep.noisy_set` makes noisy sets of them.
Those that are free of restrictions were chosen; see `sources.toml`.
"""

import shutil
from pathlib import Path

from data_prep.manifest import sha256
from data_prep.pairs import SourceError

__all__ = ["PHOTOGRAPHS", "prepare"]

PHOTOGRAPHS = {  # name of the PNG file -> split
    "brick": "train",
    "cell": "train",
    "chelsea": "train",
    "grass": "train",
    "gravel": "train",
    "retina": "train",
    "camera": "test",
    "coins": "test",
    "microaneurysms": "test",
}


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the photographs from `source` into the empty folder `out`; return the manifest rows.

    Raises SourceError for one that is not there.
    """
    rows = []
    (out / "clean").mkdir()
    for name, split in PHOTOGRAPHS.items():
        found = [path for path in source.glob(f"{name}.*") if path.suffix in (".png", ".jpg")]
        if not found:
            raise SourceError(f"{source} has no {name}; install the scikit-image of the lock file.")
        clean = f"clean/{found[0].name}"
        shutil.copyfile(found[0], out / clean)
        row = {"id": name, "split": split, "clean": clean, "group": name}
        rows.append(row | {"clean_sha256": sha256(out / clean)})
    return rows
