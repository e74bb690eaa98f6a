"""Clean grey photographs that noise is added to: Train400, BSD68 and Set12.

The rows have a clean image and no degraded one; `data_prep.noisy_set` makes noisy sets of them.
The three lie side by side in the repository of DnCNN, so files are known by their names: `test_001`
to `test_400` for Train400, `test001` to `test068` for BSD68, `01` to `12` for Set12, in a folder
that is called after the set wherever there are several folders.

Train400 are 180 x 180 crops of training photographs of the Berkeley set, BSD68 whole photographs
of its test part; template matching found none of the one in the other. Ids are the files' names.
"""

import re
import shutil
from pathlib import Path

from data_prep.manifest import sha256
from data_prep.pairs import SourceError, images_in, same_bytes

__all__ = ["PARTS", "prepare"]

PARTS = {  # names of the files, and the split
    "Train400": (re.compile(r"test_\d{3}"), "train"),
    "BSD68": (re.compile(r"test\d{3}"), "test"),
    "Set12": (re.compile(r"\d{2}"), "test"),
}


def prepare(source: Path, out: Path, part: str) -> list[dict[str, str]]:
    """Copy one of the sets from `source` into the empty folder `out`; return the manifest rows.

    Raises SourceError for two different files of one name.
    """
    name, split = PARTS[part]
    found: dict[str, Path] = {}
    for path in images_in(source):
        inside = path.relative_to(source).parts[:-1]
        if not name.fullmatch(path.stem) or inside and inside[-1].lower() != part.lower():
            continue
        if (other := found.get(path.stem)) and not same_bytes(path, other):
            raise SourceError(f"{other} and {path} are both {path.stem}; leave one of them there.")
        found.setdefault(path.stem, path)
    rows = []
    (out / "clean").mkdir()
    for stem, path in sorted(found.items()):
        clean = f"clean/{stem}{path.suffix.lower()}"
        shutil.copyfile(path, out / clean)
        row = {"id": stem, "split": split, "clean": clean, "group": stem}
        rows.append(row | {"clean_sha256": sha256(out / clean)})
    return rows
