"""NoisyOffice: printed pages with folds, wrinkles, coffee stains and footprints, and clean ones.

A clean page comes with four kinds of noise; the four pairs are one group and one side of a split.
Beware of what the groups still share: the noise was laid over every clean page from the same
four scans, so a held-out page shows new letters under a stain that was seen in training.
The column `noise` lets a reader hold out a kind as well.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from data_prep.manifest import sha256
from data_prep.pairs import Pair, SourceError, images_in, store

__all__ = ["find", "prepare"]

KINDS = {"c": "coffee", "f": "folded", "p": "footprints", "w": "wrinkled"}
UCI = re.compile(
    r"Font(?P<font>[A-Za-z]{3})_(?P<what>Clean|Noise(?P<kind>[cfpw]))_(?P<part>TR|VA|TE)"
)
PARTS = {"TR": "train", "VA": "val", "TE": "test"}


def find(source: Path) -> list[Pair]:
    """The pairs in a folder in the layout of Kaggle (which the mirror has) or of UCI."""
    images = images_in(source)
    kaggle = [path for path in images if path.stem.isdigit()]
    return _kaggle(kaggle) if kaggle else _uci(images)


def _kaggle(images: Iterable[Path]) -> list[Pair]:
    """`train/N.png` with `train_cleaned/N.png`; equal clean pages are a group.

    Within a group, ids ascend with the kind's letter (looked at on the six groups of the mirror).
    Every third group, from the second on, is for testing: of the mirror's six, 38 and 146.
    """
    noisy = {int(path.stem): path for path in images if path.parent.name == "train"}
    cleaned = {int(path.stem): path for path in images if path.parent.name == "train_cleaned"}
    by_page: dict[str, list[int]] = defaultdict(list)
    for number in sorted(noisy.keys() & cleaned.keys()):
        by_page[sha256(cleaned[number])].append(number)
    pairs = []
    for index, numbers in enumerate(sorted(by_page.values())):
        if len(numbers) != len(KINDS):
            raise SourceError(
                f"the clean page of {noisy[numbers[0]]} comes with {len(numbers)} kinds of noise, "
                f"not {len(KINDS)}; get the whole group: its ids are three apart."
            )
        for number, kind in zip(numbers, KINDS.values(), strict=True):
            pairs.append(
                Pair(
                    str(number),
                    noisy[number],
                    cleaned[number],
                    group=str(numbers[0]),
                    split="test" if index % 3 == 1 else "train",
                    more={"noise": kind},
                )
            )
    return pairs


def _uci(images: Iterable[Path]) -> list[Pair]:
    """`FontXYZ_NoiseK_PART.png` with `FontXYZ_Clean_PART.png`, official split, 200 dpi."""
    noisy: dict[tuple[str, str, str], Path] = {}
    clean: dict[tuple[str, str], Path] = {}
    for path in images:
        match = UCI.fullmatch(path.stem)
        if match and path.parent.name == "clean_images_grayscale":
            clean[match["font"], match["part"]] = path
        elif match and path.parent.name == "simulated_noisy_images_grayscale" and match["kind"]:
            noisy[match["font"], match["part"], match["kind"]] = path
    return [
        Pair(
            f"{font}-{part}-{kind}",
            path,
            clean[font, part],
            group=f"{font}-{part}",
            split=PARTS[part],
            more={"noise": KINDS[kind]},
        )
        for (font, part, kind), path in sorted(noisy.items())
        if (font, part) in clean
    ]


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the pages from `source` into the empty folder `out`; return the manifest rows."""
    return store(find(source), out, binary=False)
