"""Gets a real data set: from data/, from a local mirror, or from its official address."""

import argparse
import importlib
import sys
import tomllib
from pathlib import Path

from docrestore.paths import here, mirrors

from data_prep import manifest

SOURCES = tomllib.loads(here("data_prep", "sources.toml").read_text(encoding="utf-8"))


def fetch(name: str, data_dir: Path | None = None) -> Path:
    """The prepared folder of a set."""
    folder = Path(data_dir or here("data")) / name
    if (folder / manifest.NAME).is_file():
        return folder
    source = SOURCES[name]
    module = importlib.import_module(f"data_prep.{source['module']}")
    for mirror in mirrors():
        if (mirror / source["mirror"]).is_dir():
            with manifest.building(folder) as work:
                rows = module.prepare(mirror / source["mirror"], work)
                assert len(rows) == source["pairs"], (name, len(rows))
                manifest.write(work, rows)
            print(f"{name}: {len(rows)} pairs in {folder}")
            return folder
    raise FileNotFoundError(name)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    for name in arguments.names:
        fetch(name, arguments.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
