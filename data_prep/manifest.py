"""manifest.csv: the one list that makes a folder of images a data set.

A row is a pair: `id, split, degraded, clean, group, sha256`, more columns may follow. Paths are
relative to the folder. `group` names what must stay on one side of a split. `sha256` is of the
degraded file; the optional column `clean_sha256` is of the clean one.
"""

import csv
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from docrestore.paths import here

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["COLUMNS", "ManifestError", "building", "read", "sha256", "shown", "verify", "write"]

NAME = "manifest.csv"
COLUMNS = ("id", "split", "degraded", "clean", "group", "sha256")
SPLITS = ("train", "val", "test", "all")
CHECKED = (("degraded", "sha256"), ("clean", "clean_sha256"))


class ManifestError(ValueError):
    """A data folder is not what its manifest says; the sentence says what to do."""


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shown(path: Path) -> str:
    """A path as it is printed: from the repository's root on, where it lies below it."""
    inside = path.is_relative_to(here())
    return (path.relative_to(here()) if inside else path).as_posix()


def write(folder: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Write `folder/manifest.csv`, whole or not at all, and return its path.

    `sha256` is computed here where a row has none. Raises ManifestError for an id used twice, an
    unknown split, a path that leads out of the folder, and a file that is not there.
    """
    folder = Path(folder)
    filled = []
    for row in rows:
        row = dict.fromkeys(COLUMNS, "") | {key: str(value) for key, value in row.items()}
        filled.append(row)
        _check_row(folder, row)
        if row["degraded"] and not row["sha256"]:
            row["sha256"] = sha256(folder / row["degraded"])
    _check_ids(folder, filled)
    columns = list(dict.fromkeys(column for row in filled for column in row)) or list(COLUMNS)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{NAME}.")
    with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(filled)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, 0o644)  # mkstemp gives 0600, which would hide a shared data folder
    os.replace(temporary, folder / NAME)
    return folder / NAME


def read(folder: Path) -> list[dict[str, str]]:
    """The rows of `folder/manifest.csv`, in file order. Raises ManifestError if it is unusable."""
    path = Path(folder) / NAME
    if not path.is_file():
        raise ManifestError(
            f"{path} is not there, so {folder} is not a prepared data set; "
            "make it with `python -m data_prep.fetch NAME` or another preparation of data_prep."
        )
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
        if missing:
            raise ManifestError(
                f"{path} lacks the column {', '.join(missing)}; "
                f"delete {folder} and prepare it again."
            )
        rows = list(reader)
    for row in rows:
        if None in row or None in row.values():
            raise ManifestError(
                f"{path} has a row with too few or too many fields ({row.get('id')!r}); "
                f"delete {folder} and prepare it again."
            )
    return rows


def verify(folder: Path) -> None:
    """Check that every file of the manifest is there with the hash that was noted.

    Raises ManifestError that names the files (the first five) and what is wrong with them.
    """
    folder = Path(folder)
    rows = read(folder)
    _check_ids(folder, rows)
    bad = []
    for row in rows:
        for column, hash_column in CHECKED:
            if not row[column]:
                continue
            path, wanted = folder / row[column], row.get(hash_column, "")
            if not path.is_file():
                bad.append(f"{row[column]} is missing")
            elif wanted and sha256(path) != wanted:
                bad.append(f"{row[column]} has changed")
    if bad:
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise ManifestError(
            f"{folder} is not as its manifest says: {', '.join(bad[:5])}{more}; "
            "delete the folder and prepare it again."
        )


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Give an empty sibling of `folder` to build in; put it in place only when it is whole.

    On success the sibling is verified and renamed to `folder`, which it replaces. If another
    process has finished the same folder meanwhile, theirs stays. On failure the sibling is
    removed. One left behind by a killed process is removed by the next build on that machine.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(folder)
    before = _identity(folder)
    work = _sibling(folder, "building")
    work.mkdir()
    try:
        yield work
        verify(work)
        with _locked(folder.parent):
            if _identity(folder) == before:
                _put_in_place(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_row(folder: Path, row: Mapping[str, str]) -> None:
    if row["split"] not in SPLITS:
        raise ManifestError(
            f"row {row['id']!r} has the split {row['split']!r}; use one of {', '.join(SPLITS)}."
        )
    for column in ("degraded", "clean"):
        name = row[column]
        if name and not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise ManifestError(
                f"row {row['id']!r} names {name}, outside {folder}; copy the file into the folder."
            )
        if name and not (folder / name).is_file():
            raise ManifestError(
                f"row {row['id']!r} names {name}, which is not in {folder}; "
                "write the image before the manifest."
            )


def _check_ids(folder: Path, rows: list[dict[str, str]]) -> None:
    seen: set[str] = set()
    for row in rows:
        if not row["id"] or row["id"] in seen:
            raise ManifestError(
                f"the manifest of {folder} has the id {row['id']!r} twice or empty; "
                "give each pair its own id."
            )
        seen.add(row["id"])


def _identity(folder: Path) -> int | None:
    """Tells one folder from another that was renamed into its place."""
    return folder.stat().st_ino if folder.exists() else None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time rename in a folder, on systems and disks that can lock one."""
    if not fcntl:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # also unlocks


def _sibling(folder: Path, kind: str) -> Path:
    """A hidden name beside `folder` that tells which process on which machine owns it."""
    return folder.with_name(f".{folder.name}.{kind}-{platform.node()}-{os.getpid()}")


def _put_in_place(work: Path, folder: Path) -> None:
    old = _sibling(folder, "old")
    if folder.exists():
        os.replace(folder, old)
    os.replace(work, folder)
    shutil.rmtree(old, ignore_errors=True)


def _remove_stale(folder: Path) -> None:
    """Remove siblings whose process is gone, and those that this very process left behind.

    Processes of other machines, which may share the disk, cannot be asked; theirs stay.
    """
    for kind in ("building", "old"):
        start = f".{folder.name}.{kind}-{platform.node()}-"
        for left in folder.parent.iterdir():
            owner = left.name.removeprefix(start)
            if left.name.startswith(start) and owner.isdigit():
                if int(owner) == os.getpid() or not _alive(int(owner)):
                    shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    if os.name == "nt":  # there, os.kill would end the process instead of asking
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # not ours, or a system that cannot ask: leave the folder alone
        return True
    return True
