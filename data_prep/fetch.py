"""Gets a real data set and makes a data folder of it: data/NAME with a manifest.

It looks in data/NAME, in data/incoming/NAME (files put there by hand), in the mirrors named by
DOCRESTORE_MIRROR, and at last downloads from the official address. What was downloaded stays in
data/incoming/NAME until you delete it, so a set can be made again without network.

    python -m data_prep.fetch --list
    python -m data_prep.fetch dibco2009 dibco2010
"""

import argparse
import importlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from data_prep import manifest
from data_prep.archives import SUFFIXES, check, download, unpack
from data_prep.pairs import IMAGES, SourceError, images_in
from data_prep.sources import Source, names, source
from docrestore.paths import here, mirrors

__all__ = ["FetchError", "available", "fetch", "names"]


class FetchError(RuntimeError):
    """A set cannot be had; the message says which page to visit and where to put the files."""


def fetch(name: str, data_dir: Path | None = None) -> Path:
    """The folder `data_dir/name` with a manifest; makes it where it is not there yet.

    Args:
        name: one of `names()`.
        data_dir: the folder of data sets, by default data/ in the repository.

    Raises:
        KeyError: for an unknown name; the message lists the known ones.
        ManifestError: if the folder is there and was changed since it was made.
        FetchError: if the set cannot be had from anywhere, or a copy of it is damaged.
    """
    known = source(name)
    data = Path(data_dir) if data_dir else here("data")
    folder, incoming = data / name, data / "incoming" / name
    if (folder / manifest.NAME).is_file():
        manifest.verify(folder)
        return folder
    if folder.exists() and any(folder.iterdir()):
        raise FetchError(
            f"{folder} has files but no {manifest.NAME}; move what you put there to {incoming}, "
            f"then run `python -m data_prep.fetch {name}` again."
        )
    try:
        if known.ships:
            return _prepare(known, known.shipped, folder)
        if _complete(known, incoming):
            return _prepare_incoming(known, incoming, folder)
        if mirror := _mirror(known):
            _check_sums(mirror)
            return _prepare(known, mirror, folder)
        if not known.archives:
            raise SourceError("no program can download it, only a person.")
        for archive in known.archives:
            print(f"{name}: {archive.url}", flush=True)
            download(archive, incoming)
        return _prepare_incoming(known, incoming, folder)
    except SourceError as error:
        raise FetchError(_advice(known, incoming, error)) from error


def available(name: str, data_dir: Path | None = None) -> bool:
    """Whether a set can be had without network: prepared, put in by hand, shipped or mirrored."""
    known = source(name)
    data = Path(data_dir) if data_dir else here("data")
    return _where(known, data) not in ("download", "by hand")


def _where(known: Source, data: Path) -> str:
    if (data / known.name / manifest.NAME).is_file():
        return "ready"
    if known.ships:
        return "ships"
    if _complete(known, data / "incoming" / known.name):
        return "incoming"
    if _mirror(known):
        return "mirror"
    return "download" if known.archives else "by hand"


def _mirror(known: Source) -> Path | None:
    folders = (mirror / known.mirror for mirror in mirrors() if known.mirror)
    return next((folder for folder in folders if folder.is_dir()), None)


def _complete(known: Source, incoming: Path) -> bool:
    """Whether somebody put the set there: all its known archives, another one, or loose files."""
    if not incoming.is_dir():
        return False
    present = {path.name for path in incoming.iterdir() if path.is_file()}
    wanted = {archive.name for archive in known.archives}
    if wanted and wanted <= present:
        return True
    if any(name.lower().endswith(SUFFIXES) for name in present - wanted):
        return True
    return any(path.name not in wanted for path in images_in(incoming, IMAGES | {".mat"}))


def _prepare_incoming(known: Source, incoming: Path, folder: Path) -> Path:
    wanted = {archive.name: archive for archive in known.archives}
    unpacked = incoming / "unpacked"
    for path in sorted(incoming.iterdir()) if incoming.is_dir() else ():
        if path.name in wanted:
            check(path, wanted[path.name])
        if path.name.lower().endswith(SUFFIXES):
            unpack(path, unpacked)
    _prepare(known, incoming, folder)
    shutil.rmtree(unpacked, ignore_errors=True)
    return folder


def _prepare(known: Source, files: Path, folder: Path) -> Path:
    module = importlib.import_module(f"data_prep.{known.module}")
    with manifest.building(folder) as work:
        part = (known.part,) if known.part else ()
        rows = module.prepare(files, work, *part)
        _check_counts(known, [row["id"] for row in rows], files)
        manifest.write(work, rows)
    expected = ", ".join(f"{count} ({copy})" for copy, count in known.copies.items())
    expected = f"expected {expected}" if expected else "the number to expect is not known"
    absent = sorted(set(known.pages) - {row["id"] for row in rows})
    lacking = f"; without {' '.join(absent)}" if absent else ""
    where = manifest.shown(folder)
    pages = "1 page" if len(rows) == 1 else f"{len(rows)} pages"
    print(f"{known.name}: {pages} in {where}, {expected}{lacking}", flush=True)
    return folder


def _check_counts(known: Source, found: Sequence[str], files: Path) -> None:
    missing = sorted(set(known.pages) - set(found) - set(known.absent))
    if missing and found:
        raise SourceError(f"{files} lacks {' '.join(missing)} (each needs a page and its truth).")
    if not found or known.copies and len(found) not in known.copies.values():
        expected = " or ".join(str(count) for count in known.copies.values()) or "some"
        raise SourceError(f"{files} has {len(found)} pages of {known.name}, expected {expected}.")


def _check_sums(mirror: Path) -> None:
    """Compare a mirror's images with its SHA256SUMS."""
    sums = mirror / "SHA256SUMS"
    if not sums.is_file():
        return
    for line in sums.read_text(encoding="utf-8").splitlines():
        wanted, _, name = line.partition("  ")
        path = mirror / name
        if not path.is_file():
            raise SourceError(f"{path} is missing though {sums} lists it; copy the mirror again.")
        if manifest.sha256(path) != wanted:
            raise SourceError(f"{path} differs from {sums}; copy the mirror again.")


def _advice(known: Source, incoming: Path, error: Exception) -> str:
    note = f" {known.note}" if known.note else ""
    return (
        f"{known.name}, {known.title}: {error} To get it by hand, visit {known.page} "
        f"(terms: {known.terms.rstrip('.')}), put the archives or the unpacked files into "
        f"{incoming}, and run `python -m data_prep.fetch {known.name}` again; or name a folder "
        f"that holds {known.mirror}/ in DOCRESTORE_MIRROR.{note}"
    )


def _list(data: Path) -> None:
    words = {
        "ready": "ready",
        "ships": "comes with the book",
        "incoming": "put in by hand, not yet prepared",
        "mirror": "in a mirror",
        "download": "to download",
        "by hand": "to be got by hand",
    }
    for name in names():
        known = source(name)
        counts = ", ".join(f"{count} {copy}" for copy, count in known.copies.items()) or "unknown"
        size = f", {known.megabytes} MB" if known.megabytes else ""
        print(f"{name}: {words[_where(known, data)]}")
        print(f"    {known.title}; pairs: {counts}{size}")
        print(f"    {known.page}\n    {known.terms}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.fetch", description="Get real data sets into data/NAME."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="sets to get")
    parser.add_argument("--data", type=Path, help="folder of data sets (default: data)")
    parser.add_argument("--list", action="store_true", help="show each set, where it is, its terms")
    options = parser.parse_args(arguments)
    if options.list:
        _list(options.data or here("data"))
        return 0
    if not options.names:
        parser.error(f"name at least one set: {', '.join(names())}")
    failed = False
    for name in options.names:
        try:
            print(f"{name}: {manifest.shown(fetch(name, options.data))}")
        except (FetchError, manifest.ManifestError, OSError) as error:
            failed = True
            print(error, file=sys.stderr)
        except KeyError as error:
            parser.error(error.args[0])
        except KeyboardInterrupt:
            print("stopped; run it again to go on, finished files are kept", file=sys.stderr)
            return 130
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
