"""Where things are: the repository's root and the local mirrors of real data."""

import os
from pathlib import Path

__all__ = ["here", "mirrors"]


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
