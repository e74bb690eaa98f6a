"""Small sets of real noise with something clean beside it: microscopes, CT, cameras.

Files are known by their names, wherever they lie: a pattern for noisy files and one for clean ones,
and what they have in common makes a pair. The first part of it, a patient, a scene or a field of
view, is the group. All are for testing. Files keep their bytes, so some images are in colour.

fmd      two wide-field images and the means of 50 captures. Both are red channels of BPAE cells.
w2s      four fields of view and the means of 400 captures. Each file's levels were stretched to 0
         to 255 by whoever passed them on, so noisy and clean do not share one scale exactly.
chest    two slices of chest CT at a tenth of the dose, as 8-bit pictures of one window.
PolyU    real noise of three cameras; the clean image is the mean of many shots. JPEG, in colour.
SIDD     crops of smartphone photographs, made by the owner of the repository they come from.
"""

import re
from pathlib import Path

from data_prep.pairs import Pair, SourceError, images_in, same_bytes, store

__all__ = ["PARTS", "find", "prepare"]

PARTS = {
    "fmd": (r"(BPAE_R_Channel|image_R_1)_(?:noisy_image|001)", r"(.+)_(?:gt_image|avg50)"),
    "w2s": (r"input_avg1_(\d+)_(\d)", r"target_avg400_(\d+)_(\d)"),
    "chest": (r"(C\d+)L0*(\d+)", r"(C\d+)H0*(\d+)"),
    "PolyU": (r"(.+)_(\d+)_real", r"(.+)_(\d+)_mean"),
    "SIDD": (r"NOISY_(\d+)", r"GT_(\d+)"),
}


def find(source: Path, part: str) -> list[Pair]:
    """The pairs of one of `PARTS` below a folder, sorted by id; lone files are left out.

    Raises SourceError for two different files of one name.
    """
    sides: list[dict[tuple[str, ...], Path]] = []
    files = images_in(source)
    for pattern in PARTS[part]:
        found: dict[tuple[str, ...], Path] = {}
        for path in files:
            if match := re.fullmatch(pattern, path.stem):
                other = found.setdefault(match.groups(), path)
                if other != path and not same_bytes(other, path):
                    raise SourceError(f"{other} and {path} have one name; leave one of them there.")
        sides.append(found)
    noisy, clean = sides
    return [
        Pair("-".join(key), noisy[key], clean[key], group=key[0], split="test")
        for key in sorted(noisy.keys() & clean.keys())
    ]


def prepare(source: Path, out: Path, part: str) -> list[dict[str, str]]:
    """Copy the pairs from `source` into the empty folder `out`; return the manifest rows."""
    return store(find(source, part), out, binary=False)
