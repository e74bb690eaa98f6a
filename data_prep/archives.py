"""Archives of data sets: download with a hash, unpack with what the machine has."""

import logging
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pooch

from data_prep.manifest import sha256
from data_prep.pairs import SourceError
from data_prep.sources import Archive

__all__ = ["SUFFIXES", "download", "unpack"]

SUFFIXES = (".zip", ".rar", ".7z", ".tar", ".tar.gz", ".tgz")
TIMEOUT = 30.0  # seconds without an answer; contest servers are slow, not dead


def download(archive: Archive, folder: Path) -> Path:
    """Download an archive into a folder, with a progress bar, and check its hash.

    A file that is there with the right hash, or whose hash nobody knows, is not fetched again;
    half a file never takes its name. Raises SourceError that says what failed.
    """
    path = folder / archive.name
    if path.exists():
        check(path, archive)
        return path
    pooch.get_logger().setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        pooch.retrieve(
            archive.url,
            known_hash=f"sha256:{archive.sha256}" if archive.sha256 else None,
            fname=archive.name,
            path=folder,
            downloader=pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT),
        )
    except ValueError as error:  # pooch's word for a wrong hash; it has removed the file
        raise SourceError(
            f"{archive.url} does not have the sha256 {archive.sha256}: the download is damaged or "
            "the archive was changed; try again, or look at the page it comes from."
        ) from error
    except OSError as error:  # requests' errors are all OSErrors
        answer = getattr(error, "response", None)
        reason = "no connection" if answer is None else f"the server answers {answer.status_code}"
        raise SourceError(f"{archive.url} could not be downloaded ({reason}).") from error
    return path


def check(path: Path, archive: Archive) -> None:
    """Raise SourceError if a file is not the archive that is known."""
    if archive.sha256 and sha256(path) != archive.sha256:
        raise SourceError(
            f"{path} does not have the sha256 {archive.sha256}: the download is damaged or the "
            f"archive was changed; delete it and get it again from {archive.url}, or unpack it "
            "beside it and delete it if you trust it."
        )


def unpack(path: Path, folder: Path) -> Path:
    """Unpack an archive into `folder/<its name without suffix>`, whole or not at all.

    .zip and .tar need nothing; .rar and .7z need bsdtar, 7-Zip, unar or unrar.
    Raises SourceError for a damaged archive and where no tool for it is installed.
    """
    suffix = next(suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix))
    target = folder / path.name[: -len(suffix)]
    if target.is_dir():
        return target
    work = folder / f".{target.name}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(work)
        elif suffix in (".rar", ".7z"):
            _unpack_with_tool(path, work)
        else:
            with tarfile.open(path) as archive:
                archive.extractall(work, filter="data")
        work.rename(target)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, subprocess.CalledProcessError) as error:
        raise SourceError(
            f"{path} could not be unpacked ({_short(error)}); delete it and get it again."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _unpack_with_tool(path: Path, folder: Path) -> None:
    commands = {
        "bsdtar": ["-xf", str(path), "-C", str(folder)],
        "7zz": ["x", "-y", f"-o{folder}", str(path)],
        "7z": ["x", "-y", f"-o{folder}", str(path)],
        "unar": ["-quiet", "-no-directory", "-output-directory", str(folder), str(path)],
        "unrar": ["x", "-y", "-inul", str(path), f"{folder}/"],
    }
    if path.suffix.lower() != ".rar":
        del commands["unrar"]
    for tool, arguments in commands.items():
        if found := shutil.which(tool):
            subprocess.run([found, *arguments], check=True, capture_output=True)
            return
    raise SourceError(
        f"{path} needs a program that unpacks {path.suffix}; install 7-Zip, unar or "
        f"libarchive-tools (bsdtar), or unpack it by hand into {path.parent}."
    )


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
