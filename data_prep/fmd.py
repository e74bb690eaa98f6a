"""FMD, wide field: real microscope noise of cells in three colours, at five averages.

A scene is a field of view, photographed 50 times: `raw` (called `avg1` in GAN2GAN's copy), means
of 2, 4, 8 and 16 captures, and the mean of all 50, `gt`, which counts as clean. Three stains, BPAE
R, G and B, of 20 fields of view each. 8-bit PNG, 512 x 512. Fields 1 to 18 and 20 are for
training, 19 for testing, as published: 3 x 19 x 50 = 2850 noisy images, and 12 to test on.

Two layouts are understood: FMD's own, `WideField_BPAE_R/raw/19/NAME.png` with
`test_mix/raw/NAME.png`, and GAN2GAN's, `train/WF/avg1/WideField_BPAE_R/19/NAME.png` with
`test/WF/avg1/NAME.png`. In either `gt` takes the place of the average. Confocal and two-photon
images are left out.

How certain this is: the layouts are those that the two repositories read; the archives were not
seen. Where there is no folder of test images, the first four captures of field 19 of each stain
are taken: 12 too, but perhaps others.

The stains of a field show the same cells, so its number is the group. `second`, for `raw` alone,
is the next capture of the scene; means of several captures share some of them. The clean image of
a scene is stored once.
"""

import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.manifest import sha256
from data_prep.pairs import SourceError, images_in
from docrestore.images import count_pixels

__all__ = ["AVERAGES", "prepare"]

AVERAGES = ("avg1", "avg2", "avg4", "avg8", "avg16")
HELD_OUT = 19  # the field of view for testing
CAPTURES = 4  # of each stain to test on, where the test images are not told
OTHERS = ("confocal", "twophoton")


@dataclass
class _Files:
    """What was found: by (stain, field) the captures and the mean; by name the test images."""

    captures: dict[tuple[str, int], list[Path]] = field(default_factory=lambda: defaultdict(list))
    means: dict[tuple[str, int], Path] = field(default_factory=dict)
    tests: dict[str, Path] = field(default_factory=dict)
    test_means: dict[str, Path] = field(default_factory=dict)


def _look(source: Path, average: str) -> _Files:
    files = _Files()
    for path in images_in(source):
        relative = path.relative_to(source)
        folders = ["avg1" if part == "raw" else part for part in relative.parts[:-1]]
        level = next((part for part in folders if part in (average, "gt")), "")
        if not level or any(name in relative.as_posix().lower() for name in OTHERS):
            continue
        if any(part in ("test", "test_mix") for part in folders):
            (files.test_means if level == "gt" else files.tests)[path.stem] = path
            continue
        *before, last = folders
        stains = [part for part in before if part != level]
        if not last.isdigit() or not stains:
            continue
        scene = stains[-1], int(last)
        if level != "gt":
            files.captures[scene].append(path)
        elif scene in files.means:
            raise SourceError(
                f"{files.means[scene]} and {path} are both the mean of one scene; leave one."
            )
        else:
            files.means[scene] = path
    return files


def prepare(source: Path, out: Path, part: str) -> list[dict[str, str]]:
    """Copy the images of one average from `source` into the empty folder `out`; return the rows.

    Args:
        source: the folder of the unpacked files, in either layout.
        out: an empty folder.
        part: one of `AVERAGES`.

    Raises SourceError for a scene without a mean, and for a noisy image of another size than it.
    """
    files = _look(source, part)
    for folder in ("degraded", "clean"):
        (out / folder).mkdir()
    rows: list[dict[str, str]] = []
    for (stain, number), captures in sorted(files.captures.items()):
        if number == HELD_OUT:
            captures = [] if files.tests else captures[:CAPTURES]
        if not captures:
            continue
        if (stain, number) not in files.means:
            raise SourceError(f"field {number} of {stain} has no mean in `gt`; get the set again.")
        scene = f"{stain}-{number:02d}"
        split = "test" if number == HELD_OUT else "train"
        shared = {"split": split, "group": f"{number:02d}", "average": part, "stain": stain}
        rows += _scene(out, scene, captures, files.means[stain, number], shared)
    for name in sorted(files.tests.keys() & files.test_means.keys()):
        shared = {"split": "test", "group": f"{HELD_OUT:02d}", "average": part, "stain": ""}
        mean = files.test_means[name]
        rows += _scene(out, f"test-{name}", [files.tests[name]], mean, shared)
    return rows


def _scene(
    out: Path, scene: str, captures: list[Path], mean: Path, shared: dict[str, str]
) -> list[dict[str, str]]:
    """Copy the captures of a scene and its mean, and make their rows."""
    clean = f"clean/{scene}{mean.suffix.lower()}"
    shutil.copyfile(mean, out / clean)
    shared = shared | {"clean": clean, "clean_sha256": sha256(out / clean)}
    rows, pixels = [], count_pixels(mean)
    for path in captures:
        if count_pixels(path) != pixels:
            raise SourceError(f"{path} and {mean} differ in size, or are damaged; get them again.")
        name = f"{scene}-{path.stem}" if len(captures) > 1 else scene
        degraded = f"degraded/{name}{path.suffix.lower()}"
        shutil.copyfile(path, out / degraded)
        rows.append({"id": name, "degraded": degraded, **shared})
    for row, following in zip(rows, rows[1:] + rows[:1], strict=True):
        independent = shared["average"] == "avg1" and len(rows) > 1
        row["second"] = following["degraded"] if independent else ""
    return rows
