"""S-MS: 30 letters in iron gall ink, each photographed in eight bands of light (MS-TEx 2015).

A row is one band: 240 in all, ids z97-F1 to z97-F8. The eight bands of a letter share one truth
and are one group, so they are always on the same side of a split; the column `fold`, 0 to 4,
keeps them together too. `band` and `nanometres` tell the light.

How certain this is: the layout is that of the set's page at IAPR TC11: `MSI/zN/F1s.png` to
`F8s.png` and `GT/zNGT`, 1 for paper and 0 for ink. The page names the wavelengths of F1 to F5;
those of F6 to F8 go on in the same steps, as papers on the set have them. The archive itself was
not seen. The contest told 21 letters for training from ten for testing; the set does not say
which.
"""

import re
from pathlib import Path

from data_prep.pairs import Pair, images_in, store, with_folds

__all__ = ["BANDS", "find", "prepare"]

BANDS = {1: 340, 2: 500, 3: 600, 4: 700, 5: 800, 6: 900, 7: 1000, 8: 1100}  # nm, from UV on
BAND = re.compile(r"F(?P<band>[1-8])s?", re.IGNORECASE)
LETTER = re.compile(r"z\d+", re.IGNORECASE)
TRUTH = re.compile(r"(?P<letter>z\d+)_?GT", re.IGNORECASE)


def find(source: Path) -> list[Pair]:
    """A pair for each band of each letter that has a truth; other files are left out."""
    bands: dict[tuple[str, int], Path] = {}
    truths: dict[str, Path] = {}
    for path in images_in(source):
        folder = path.parent.name
        if match := TRUTH.fullmatch(path.stem):
            truths[match["letter"].lower()] = path
        elif LETTER.fullmatch(folder) and (match := BAND.fullmatch(path.stem)):
            bands[folder.lower(), int(match["band"])] = path
    return [
        Pair(
            f"{letter}-F{band}",
            path,
            truths[letter],
            group=letter,
            more={"band": f"F{band}", "nanometres": str(BANDS[band])},
        )
        for (letter, band), path in sorted(bands.items())
        if letter in truths
    ]


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the bands from `source` into the empty folder `out`; return the manifest rows."""
    return store(with_folds(find(source)), out, binary=True)
