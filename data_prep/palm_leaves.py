"""PLM, the palm leaves of ICFHR 2016: 50 + 50 Balinese lontar pages, each with two truths.

Two people drew a truth of each page. The first is `clean`; the second lies in `second/`, with its
name in the column `second` and its hash in `second_sha256`: the contest scores against both.
The official split is kept, and the group is the page. The column `collection` is what stands
before `_P` in the page's name (Bangli of Bangli_P9), for those who would hold out whole books.

How certain this is: numbers, two truths and split are stated on the contest's page; the name
`Bangli_P9` with its truth `Bangli_P9_GT` comes from one pair that was seen in the mirror. The
folders of the archives were not seen. A page's split is read from a folder with train or test in
its name, truths are told as in `named_truths`, and the first of the two is the one whose path
comes first: GT1 before GT2, Version 1 before Version 2. A copy without such folders, as the
mirror, has the split "all".
"""

from pathlib import Path

from data_prep.manifest import sha256
from data_prep.named_truths import Files, ids, sort_out
from data_prep.pairs import Pair, SourceError, images_in, read_truth, store
from docrestore.images import write

__all__ = ["find", "prepare", "second_truths"]


def find(source: Path) -> list[Pair]:
    """The pages in a folder, each with the first of its truths; lone files are left out.

    Raises SourceError for two different files that are the same page, and for three truths.
    """
    return [
        Pair(
            name,
            one.page,  # type: ignore[arg-type]
            one.truths[0],
            group=name,
            split=one.split,
            more={"collection": one.name.rpartition("_P")[0]},
        )
        for name, one in _pages(source).items()
    ]


def second_truths(source: Path) -> dict[str, Path]:
    """The second truth of each page that has two, by the page's id."""
    return {name: one.truths[1] for name, one in _pages(source).items() if len(one.truths) == 2}


def _pages(source: Path) -> dict[str, Files]:
    files = sort_out(source, images_in(source))
    for one in files:
        if len(one.truths) > 2:
            raise SourceError(
                f"{one.page} has {len(one.truths)} truths, not two; leave one copy in {source}."
            )
    return dict(zip(ids(files), files, strict=True))


def prepare(source: Path, out: Path) -> list[dict[str, str]]:
    """Copy the pages from `source` into the empty folder `out`; return the manifest rows.

    Raises SourceError where a page and one of its truths differ in size.
    """
    rows = store(find(source), out, binary=True)
    second = second_truths(source)
    for row in rows:
        row["second"] = row["second_sha256"] = ""
        if path := second.get(row["id"]):
            truth, first = read_truth(path), read_truth(out / row["clean"])
            if truth.shape != first.shape:
                raise SourceError(
                    f"{path} is {truth.shape} and the first truth {first.shape} (height, width); "
                    "they must be equal in size, so get the set again."
                )
            row["second"] = f"second/{row['id']}.png"
            write(out / row["second"], truth >= 128)
            row["second_sha256"] = sha256(out / row["second"])
    return rows
