"""Makes noisy images of clean ones: each image once, with the noise of one cell.

    python -m data_prep.noisy_set data/train400-gaussian-25 --from data/train400 \\
        --noise gaussian-25 --seed 1

Noisy images are `degraded/ID.npy`, float32 (H, W), grey levels / 255, neither clipped nor rounded.
`--second` adds the same scenes with noise drawn anew, `second/ID.npy`. Clean images keep
their bytes; one in colour becomes `clean/ID.npy`. The manifest's columns `noise`, `seed` and `gray`
tell what was done, and `second` where the second capture lies.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep import manifest, noise
from data_prep.manifest import sha256
from data_prep.pairs import SourceError
from docrestore import images
from docrestore.images import ImageError

__all__ = ["prepare"]

WEIGHTS = {"0.114": noise.GRAY, "released": noise.RELEASED_GRAY}


def prepare(
    out: Path,
    clean: Path,
    cell: str,
    *,
    seed: int = 0,
    second: bool = False,
    gray: str = "0.114",
) -> Path:
    """Make the set `out` from the clean images of the data folder `clean`; returns `out`.

    A set that is there with the same settings and images is left as it is; another one of this
    command is made anew. An image's noise depends on its place in the manifest of `clean`.

    Args:
        out: folder of the new set.
        clean: a data folder with a column `clean`.
        cell: a kind of noise and its level, see `data_prep.noise`.
        seed: another seed, other noise.
        second: also draw a second capture of each scene.
        gray: how colour becomes grey: "0.114", or "released", whose weights sum to 1.03.

    Raises:
        ValueError: for no kind of noise, or an unknown `gray`.
        SourceError: if `clean` has no clean images, or `out` holds what is not of this command.
        ManifestError, ImageError: if `clean` is no data folder, or an image cannot be read.
    """
    if gray not in WEIGHTS:
        raise ValueError(f"gray must be {' or '.join(WEIGHTS)}, got {gray!r}.")
    noise.standard_deviation(cell)  # says what is wrong with it before anything is read
    out, clean = Path(out), Path(clean)
    given = [row for row in manifest.read(clean) if row["clean"]]
    if not given:
        raise SourceError(f"{clean} has no clean images to make noisy; name a set that has.")
    settings = {"noise": cell, "seed": str(seed), "gray": gray}
    sources = [sha256(clean / row["clean"]) for row in given]
    if _is_there(out, sources, settings, second):
        return out
    _may_go(out)
    with manifest.building(out) as work:
        for folder in ("degraded", "clean", *(["second"] if second else [])):
            (work / folder).mkdir()
        rows = []
        for index, (row, source) in enumerate(zip(given, sources, strict=True)):
            grays, name = _clean(clean / row["clean"], row["id"], work, gray)
            made = {column: row[column] for column in ("id", "split", "group")}
            made |= {"clean": name, "clean_sha256": sha256(work / name), "source_sha256": source}
            for capture, folder in enumerate(["degraded", "second"][: 1 + second]):
                noisy = grays + noise.draw(
                    cell, grays.shape, seed=seed, index=index, capture=capture
                )
                made[folder] = f"{folder}/{row['id']}.npy"
                np.save(work / made[folder], noisy / np.float32(255))
            rows.append(made | settings)
        manifest.write(work, rows)
    return out


def _clean(path: Path, name: str, work: Path, gray: str) -> tuple[np.ndarray, str]:
    """Grey levels, float32 (H, W), of a clean image, and the name under which it was stored."""
    page = next(images.pages(path, colour=True))
    if page.rgb is None or not np.ptp(page.rgb, axis=2).any():
        stored = f"clean/{name}{path.suffix.lower()}"
        shutil.copyfile(path, work / stored)
        return page.gray.astype(np.float32), stored
    grays = noise.gray(page.rgb, WEIGHTS[gray])
    stored = f"clean/{name}.npy"
    np.save(work / stored, grays / np.float32(255))
    return grays, stored


def _is_there(out: Path, sources: list[str], settings: dict[str, str], second: bool) -> bool:
    """Whether `out` was made with these settings from these images, and is whole."""
    try:
        rows = manifest.read(out)
        manifest.verify(out)
    except manifest.ManifestError:
        return False
    return [row.get("source_sha256") for row in rows] == sources and all(
        settings.items() <= row.items() and bool(row.get("second")) == second for row in rows
    )


def _may_go(out: Path) -> None:
    """Raise SourceError if something would be lost when `out` is replaced."""
    if not out.exists() or out.is_dir() and not any(out.iterdir()):
        return
    try:
        rows = manifest.read(out)
    except manifest.ManifestError:
        rows = []
    if not rows or not all(row.get("noise") and row.get("seed") for row in rows):
        raise SourceError(f"{out} holds something else than a noisy set; name another folder.")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.noisy_set", description="Make noisy images of clean ones."
    )
    add = parser.add_argument
    add("out", type=Path, help="folder of the new set")
    add("--from", dest="clean", type=Path, required=True, help="data folder of the clean images")
    add("--noise", required=True, metavar="CELL", help=f"one of {', '.join(noise.CELLS)}")
    add("--seed", type=int, default=0)
    add("--second", action="store_true", help="also a second capture of each scene")
    add("--gray", choices=WEIGHTS, default="0.114", help="how colour becomes grey")
    options = parser.parse_args(arguments)
    try:
        folder = prepare(
            options.out, options.clean, options.noise,
            seed=options.seed, second=options.second, gray=options.gray,
        )  # fmt: skip
    except (SourceError, ImageError, manifest.ManifestError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; no set was made", file=sys.stderr)
        return 130
    rows = manifest.read(folder)
    print(f"{manifest.shown(folder)}: {len(rows)} noisy images, {options.noise}", end=", ")
    print(f"seed {options.seed}{', two captures each' if options.second else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
