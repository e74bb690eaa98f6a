"""What a run depended on: hashes of code and data, versions, and the machine.

A run is done when nothing that it read has changed. What it read is not guessed: the kernel
notes every file of the repository that it opens (`python -m docrestore.run` asks it to), so a
training is repeated when `training.py` changes and left alone when `cli.py` does.
"""

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
from pathlib import Path

from docrestore.parameters import cell_source
from docrestore.paths import here

__all__ = [
    "code_hash",
    "commit",
    "device",
    "file_hash",
    "machine",
    "note_reads",
    "read_files",
    "versions",
    "why_not_recorded",
]

PACKAGES = ["docrestore", "torch", "numpy", "scipy", "scikit-image", "matplotlib", "papermill"]
SUFFIXES = {
    ".csv", ".jpg", ".json", ".png", ".py", ".safetensors", ".toml", ".txt", ".woff", ".yaml",
}  # fmt: skip
READS = "DOCRESTORE_READS"  # the file that a kernel writes its list to


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_hash(notebook: dict) -> str:
    """SHA-256 over the code cells of a notebook; an edit of its prose changes nothing."""
    cells = [cell_source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def commit() -> str:
    """The checkout's commit, with "+" when tracked files differ from it; "" outside of git.

    The ledger's rows and the shipped weights may differ: each row names its weights by hash.
    """

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=here(), capture_output=True, text=True, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip()

    head = git("rev-parse", "HEAD")
    others = (":!book/ledger/results", ":!book/ledger/*.json", ":!lib/docrestore/weights")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *others)
    return head + "+" * bool(head and changed)


def why_not_recorded() -> str:
    """Why nothing measured now may enter the ledger, in a sentence; "" if it may."""
    if not commit().endswith("+"):
        return ""
    return (
        "The checkout has changes that are not committed, so nobody could make this again; "
        "commit them first, or leave --record out."
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine(threads: int, asked: str) -> dict[str, object]:
    """The processor, its cores, the threads that a run may use, and the device it gets.

    Args:
        threads: threads given to the run.
        asked: the notebook's `device` parameter: "auto", "cpu", "cuda", ...
    """
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "device": device(asked),
        "system": platform.platform(terse=True),
    }


def processor() -> str:
    """The processor's name, as well as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def device(asked: str) -> str:
    """ "cpu", or the name of the GPU that "auto" or "cuda" gets.

    A processor-only torch is known without importing it.
    """
    if asked not in ("auto", "cuda"):
        return asked
    if "+cpu" in versions().get("torch", "+cpu"):
        return "cpu"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def note_reads() -> None:
    """From now on, append to the file named by DOCRESTORE_READS each path that Python opens.

    Called inside a run's kernel before its first cell. Only paths are noted here; what counts is
    decided by `read_files` when the run has ended. Compiled modules are noted by their source.
    """
    target = os.environ.get(READS)
    if not target:
        return
    root, installed, seen = f"{here()}{os.sep}", f"{sys.prefix}{os.sep}", set[str]()
    note = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, arguments: tuple) -> None:
        if event != "open":
            return
        path, mode = arguments[0], arguments[1]
        if not isinstance(path, str) or path in seen:
            return
        if not isinstance(mode, str) or "r" not in mode:
            return
        seen.add(path)
        if path.endswith(".pyc"):
            folder, _, name = path.rpartition("/__pycache__/")
            path = f"{folder}/{name.split('.')[0]}.py"
        path = os.path.abspath(path)
        if path.startswith(installed) or os.path.splitext(path)[1] not in SUFFIXES:
            return
        if path.startswith(root) or path.endswith("manifest.csv"):
            os.write(note, f"{path}\n".encode())

    sys.addaudithook(hook)


def read_files(note: Path, without: Path, since: float = math.inf) -> dict[str, str]:
    """The files that a run depended on, with their hashes as they are now.

    Args:
        note: the list that `note_reads` wrote.
        without: the run's own folder; what it wrote itself is no dependency.
        since: when the run began, in seconds since 1970. A source that was edited later has no
            hash but a remark, for the run may have read what stood there before.

    Returns:
        {path: sha256}, paths relative to the repository's root where they are below it. In data
        folders the manifest stands for all files. The shipped weights are read by compiled code,
        so they count where `weights.py` was imported.
    """
    root, paths = here(), set[Path]()
    lines = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
    for path in map(Path, lines):
        if path.name == "weights.py" and path.parent.name == "docrestore":
            paths.update(path.parent.glob("weights/*.safetensors"))
        paths.add(path)
    found = {}
    for path in sorted(paths):
        inside = path.is_relative_to(root)
        name = path.relative_to(root).as_posix() if inside else path.as_posix()
        if path.is_relative_to(without.resolve()) or name.startswith("."):
            continue
        if (name.startswith("data/") or not inside) and path.name != "manifest.csv":
            continue
        if path.is_file():
            source = inside and not name.startswith(("data/", "runs/"))
            edited = source and path.stat().st_mtime > since
            found[name] = "edited during the run" if edited else file_hash(path)
    return found
