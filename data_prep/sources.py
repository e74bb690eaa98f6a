"""What is known of each real data set: sources.toml, read into plain records."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

__all__ = ["Archive", "Source", "names", "source"]


@dataclass(frozen=True)
class Archive:
    """A file to download. `sha256` is empty where nobody has noted it yet."""

    url: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name in data/incoming/NAME."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Source:
    """A set: where it comes from, under which terms, and how many pairs to expect.

    `copies` tells the number of pairs by where a copy comes from; it is empty where nobody has
    said. A set without `archives` is got by hand. `pages` are the ids of the whole
    set where they are fixed, `absent` those that a known copy lacks. `mirror` is the folder's name
    in a mirror; `ships` the folder in data_prep of a set that comes with the book, or in the
    installed `package`. `part` tells a module that knows several sets which of them is wanted.
    """

    name: str
    title: str
    page: str
    terms: str
    cite: str
    module: str
    part: str = ""
    copies: dict[str, int] = field(default_factory=dict)
    mirror: str = ""
    ships: str = ""
    package: str = ""
    pages: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    archives: tuple[Archive, ...] = ()
    megabytes: int = 0
    note: str = ""

    @property
    def shipped(self) -> Path:
        """The folder of a set that comes with the book or with a package."""
        return Path(str(files(self.package or "data_prep"))) / self.ships


@cache
def _all() -> dict[str, Source]:
    with open(Path(__file__).with_name("sources.toml"), "rb") as file:
        tables = tomllib.load(file)
    return {
        name: Source(
            name=name,
            **table
            | {
                "pages": _ids(table.get("pages", "")),
                "absent": _ids(table.get("absent", "")),
                "archives": tuple(Archive(*archive) for archive in table.get("archives", ())),
            },
        )
        for name, table in tables.items()
    }


def _ids(text: str) -> tuple[str, ...]:
    """`"H01-H03 P01"` to `("H01", "H02", "H03", "P01")`."""
    ids: list[str] = []
    for word in text.split():
        first, _, last = word.partition("-")
        kind = re.match(r"[A-Z]*", first).group()  # type: ignore[union-attr]
        for number in range(int(first[len(kind) :]), int((last or first)[len(kind) :]) + 1):
            ids.append(f"{kind}{number:02d}")
    return tuple(ids)


def names() -> list[str]:
    """The names of all sets, in the order of sources.toml."""
    return list(_all())


def source(name: str) -> Source:
    """What is known of a set. Raises KeyError with the list of names for an unknown one."""
    try:
        return _all()[name]
    except KeyError:
        raise KeyError(f"no set is called {name!r}; the sets are {', '.join(names())}.") from None
