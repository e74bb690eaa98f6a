"""Low-dose CT: GAN2GAN's 27 patients at four doses, and three slices that are at hand.

The set of the paper comes as MATLAB files v7.3, one a patient and dose: `Dose25/female_1.mat` with
the array `img`, `Clean/female_1.mat` with `img_clean`, 60 slices of 512 x 512 each; also `Dose50`,
`Dose75` and `Dose100`. Trained on: female 1 and 3 to 12, male 1 to 11. Tested on: female 13 to 15,
male 12 and 13. There is no female 2. The patient is the group.

How certain this is: names, keys and split are those that the paper's repository reads; the files
themselves were not seen. MATLAB turns rows and columns round in such files; here they are turned
back.

The slices at hand, part `abdomen`, are quarter and routine dose of three patients, one slice each,
from the winners of the Mayo Clinic's contest of 2016; older MATLAB files, for testing. The routine
dose counts as clean though it has noise of its own.

Values are linear attenuation. The paper divides by 0.4; the slices are in 1/mm, so 0.04 brings
them to the same scale, where soft tissue is about 0.5. They become `.npy`, float32 (H, W),
neither clipped nor rounded. (The paper clips what it tests on to 0 to 2.)
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from data_prep.manifest import sha256
from data_prep.pairs import SourceError, images_in

__all__ = ["DOSES", "prepare"]

DOSES = ("Dose25", "Dose50", "Dose75", "Dose100")
PATIENT = re.compile(r"(?P<sex>female|male)_(?P<number>\d+)")
TESTED = {"female": 13, "male": 12}  # from this patient on
FULL, FULL_PER_MM = 0.4, 0.04  # the attenuation that becomes 1


def prepare(source: Path, out: Path, part: str) -> list[dict[str, str]]:
    """Write the slices of one part into the empty folder `out`; return the manifest rows.

    Args:
        source: a folder with the files anywhere below it.
        out: an empty folder.
        part: one of `DOSES`, or "abdomen".

    One slice is in memory at a time. Raises SourceError for a patient without a clean file, files
    that do not fit each other, and where h5py is needed and not installed.
    """
    for folder in ("degraded", "clean"):
        (out / folder).mkdir()
    files = images_in(source, {".mat"})
    return _abdomen(files, out) if part == "abdomen" else _patients(files, out, part)


def _patients(files: list[Path], out: Path, dose: str) -> list[dict[str, str]]:
    found = {(path.parent.name, path.stem): path for path in files if PATIENT.fullmatch(path.stem)}
    rows = []
    for folder, name in sorted(found, key=lambda key: _order(key[1])):
        if folder != dose:
            continue
        if ("Clean", name) not in found:
            raise SourceError(f"{name} has no file in Clean; get the set again.")
        sex, number = _order(name)
        split = "test" if number >= TESTED[sex] else "train"
        with (
            _array(found[dose, name], "img") as noisy,
            _array(found["Clean", name], "img_clean") as clean,
        ):
            if noisy.shape != clean.shape or noisy.ndim != 3:
                raise SourceError(
                    f"{name}: {dose} is {noisy.shape} and Clean {clean.shape}; both must be "
                    "(slices, width, height) and equal, so get them again."
                )
            for index in range(len(noisy)):
                pair = noisy[index].T / FULL, clean[index].T / FULL
                rows.append(_save(out, f"{name}-{index:02d}", name, split, *pair))
    return rows


def _abdomen(files: list[Path], out: Path) -> list[dict[str, str]]:
    rows = []
    for path in files:
        if re.fullmatch(r"test_case\d", path.stem):
            held = scipy.io.loadmat(path)
            if not {"quarter_dose", "routine_dose"} <= held.keys():
                raise SourceError(f"{path} lacks quarter_dose or routine_dose; get it again.")
            pair = (held[key] / FULL_PER_MM for key in ("quarter_dose", "routine_dose"))
            rows.append(_save(out, path.stem, path.stem, "test", *pair))
    return rows


def _order(name: str) -> tuple[str, int]:
    """`female_12` to `("female", 12)`, by which patients are sorted."""
    sex, _, number = name.partition("_")
    return sex, int(number)


@contextmanager
def _array(path: Path, key: str) -> Iterator[Any]:
    """An array of a MATLAB file v7.3, of which slices can be read one by one."""
    try:
        import h5py
    except ImportError:
        raise SourceError(
            'h5py is needed to read MATLAB files v7.3; run `pip install "docrestore[series]"`.'
        ) from None
    try:
        with h5py.File(path) as file:
            if key not in file:
                raise SourceError(f"{path} has no {key} but {', '.join(file)}; get it again.")
            yield file[key]
    except OSError as error:
        raise SourceError(f"{path} is no MATLAB file v7.3 ({error}); get it again.") from error


def _save(
    out: Path, name: str, group: str, split: str, degraded: np.ndarray, clean: np.ndarray
) -> dict[str, str]:
    row = {"id": name, "split": split, "group": group}
    for folder, image in (("degraded", degraded), ("clean", clean)):
        row[folder] = f"{folder}/{name}.npy"
        np.save(out / row[folder], np.ascontiguousarray(image, np.float32))
    return row | {"clean_sha256": sha256(out / row["clean"])}
