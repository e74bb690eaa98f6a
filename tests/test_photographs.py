"""Train400, BSD68 and Set12 from a made-up repository in which they lie side by side."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from data_prep import manifest, packaged_photographs, sources
from data_prep.fetch import FetchError, available, fetch
from data_prep.pairs import SourceError
from docrestore.images import read_gray, write

LAYOUT = {
    "train400": ("TrainingCodes/v1.0/data/Train400/test_{:03d}.png", "train"),
    "bsd68": ("testsets/BSD68/test{:03d}.png", "test"),
    "set12": ("testsets/Set12/{:02d}.png", "test"),
}


def photograph(name: str, number: int) -> np.ndarray:
    rng = np.random.default_rng([len(name), number])
    return rng.integers(0, 256, (6, 5), dtype=np.uint8)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of data sets, sets of four images, and no mirror but tmp_path/mirror."""
    monkeypatch.setenv("DOCRESTORE_MIRROR", str(tmp_path / "mirror"))
    for name in LAYOUT:
        monkeypatch.setitem(sources.source(name).copies, "mirror", 4)
    return tmp_path / "data"


@pytest.mark.parametrize("name", LAYOUT)
def test_each_set_is_found_in_the_repository_that_has_them_all(name, tmp_path, data):
    incoming = data / "incoming" / name
    incoming.mkdir(parents=True)
    with zipfile.ZipFile(incoming / "repository.zip", "w") as archive:
        for other, (layout, _) in LAYOUT.items():
            for number in range(1, 5):
                path = tmp_path / "made" / other / f"{number}.png"
                write(path, photograph(other, number))
                archive.write(path, f"DnCNN-main/{layout.format(number)}")
        archive.write(path, "DnCNN-main/utilities/01.png")
    out = fetch(name, data)
    rows = manifest.read(out)
    assert {row["split"] for row in rows} == {LAYOUT[name][1]}
    assert [(row["degraded"], row["sha256"]) for row in rows] == [("", "")] * 4
    for number, row in enumerate(rows, start=1):
        assert np.array_equal(read_gray(out / row["clean"]), photograph(name, number))


def test_a_mirror_is_flat(tmp_path, data):
    for number in range(1, 5):
        write(tmp_path / "mirror" / "bsd68" / f"test{number:03d}.png", photograph("bsd68", number))
    out = fetch("bsd68", data)
    assert [row["id"] for row in manifest.read(out)] == [f"test{n:03d}" for n in range(1, 5)]
    (out / "clean" / "test002.png").write_bytes(b"")
    with pytest.raises(manifest.ManifestError, match="clean/test002.png has changed"):
        fetch("bsd68", data)


def test_two_different_photographs_of_one_name_are_refused(data):
    for seed, folder in enumerate(("a/Set12", "b/Set12")):
        write(data / "incoming" / "set12" / folder / "01.png", photograph("set12", seed))
    with pytest.raises(FetchError, match="are both 01; leave one"):
        fetch("set12", data)


def test_nine_photographs_are_always_there(tmp_path, monkeypatch):
    """They come with a package of the lock file: no mirror, no network."""
    monkeypatch.delenv("DOCRESTORE_MIRROR", raising=False)
    assert available("photographs", tmp_path)
    rows = manifest.read(fetch("photographs", tmp_path))
    assert [row["split"] for row in rows] == 6 * ["train"] + 3 * ["test"]
    for row in rows:
        assert read_gray(tmp_path / "photographs" / row["clean"]).std() > 5


def test_a_photograph_that_is_missing_is_named(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match="has no brick"):
        packaged_photographs.prepare(tmp_path, tmp_path / "out")
