"""Where things are: the repository's root, mirrors of real data, files of the same name."""

import os
from collections.abc import Collection
from pathlib import Path

__all__ = ["by_name", "here", "mirrors", "pair_name"]


def root() -> Path:
    """The repository's root: DOCRESTORE_HOME, else the nearest checkout, else the current folder.

    The package is installed in editable mode by `make`, so the checkout is found from this file.
    A copy installed elsewhere works on the folder that the user stands in.
    """
    if home := os.environ.get("DOCRESTORE_HOME"):
        return Path(home).resolve()
    for folder in Path(__file__).resolve().parents:
        if (folder / "lib" / "docrestore").is_dir():
            return folder
    return Path.cwd()


def here(*parts: str | os.PathLike[str]) -> Path:
    """A path from the repository's root; an absolute last part wins, as in pathlib."""
    return root().joinpath(*parts)


def mirrors() -> list[Path]:
    """Existing folders named by DOCRESTORE_MIRROR, in order.

    Several are separated as in PATH. A relative one counts from the repository's root.
    """
    named = os.environ.get("DOCRESTORE_MIRROR", "").split(os.pathsep)
    return [here(name) for name in named if name and here(name).is_dir()]


def pair_name(path: Path) -> str:
    """What a page and its truth have in common: no suffix, no case, no `_GT` at the end.

    >>> pair_name(Path("sub/HW1_GT.tiff")), pair_name(Path("sub/HW1.png"))
    ('sub/hw1', 'sub/hw1')
    """
    return path.with_suffix("").as_posix().casefold().removesuffix("_gt")


def by_name(path: Path, suffixes: Collection[str]) -> dict[str, list[Path]]:
    """A file, or the files of a folder that end in one of `suffixes`, by their `pair_name`.

    Names count from the folder on. Hidden files are left out. A list of two or more files means
    that they cannot be told apart by their names.
    """
    if not os.path.isdir(path):
        return {pair_name(Path(path.name)): [path]}
    named: dict[str, list[Path]] = {}
    for found in sorted(path.rglob("*")):
        if found.suffix.lower() in suffixes and not found.name.startswith("."):
            named.setdefault(pair_name(found.relative_to(path)), []).append(found)
    return named
