"""The sets of a task: real where they are, drawn elsewhere, never one page on both sides."""

from pathlib import Path

import numpy as np
import pytest

from data_prep import manifest, tasks
from docrestore import images
from docrestore.data import PairedPages

SMALL = {"drawn": 4, "size": (48, 64)}


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without real sets, unless a test puts some into its data folder."""
    monkeypatch.setenv("DOCRESTORE_MIRROR", "")


def real_set(data: Path, name: str, splits: list[str]) -> None:
    """A prepared set of tiny pages in the data folder."""
    with manifest.building(data / name) as work:
        for i, _ in enumerate(splits):
            images.write(work / f"{i}.png", np.full((40, 40), 100 + i, np.uint8))
        rows = [
            {"id": str(i), "split": split, "degraded": f"{i}.png", "clean": f"{i}.png", "group": i}
            for i, split in enumerate(splits)
        ]
        manifest.write(work, rows)


@pytest.mark.parametrize("task", tasks.REAL)
def test_without_real_sets_all_is_drawn(task: str, tmp_path: Path) -> None:
    """Every task has pages to learn from and others to test on, and says that they are drawn."""
    sets = tasks.sets(task, data_dir=tmp_path, **SMALL)
    train = {row["id"] for row in PairedPages(*sets.train, split="train").rows}
    test = {row["id"] for row in PairedPages(*sets.test, split="test").rows}
    assert train and test and not train & test
    assert "drawn by this book" in str(sets) and "real" not in str(sets)


def test_a_year_held_back_is_not_trained_on(tmp_path: Path) -> None:
    """Contest years are told apart by name."""
    for name in ("dibco2009", "dibco2013"):
        real_set(tmp_path, name, ["all"])
    sets = tasks.sets("binarize", held_back=["dibco2013"], data_dir=tmp_path, **SMALL)
    assert [f.name for f in sets.train] == ["dibco2009"]
    assert [f.name for f in sets.test] == ["dibco2013"]
    assert str(sets) == "Training on real pages (dibco2009); testing on real pages (dibco2013)."


def test_a_set_for_testing_alone_is_no_training_set(tmp_path: Path) -> None:
    """Training falls back on drawn pages; the test stays real."""
    real_set(tmp_path, "text_deblur", ["test", "test"])
    sets = tasks.sets("deblur", data_dir=tmp_path, **SMALL)
    assert [f.name for f in sets.train] == ["drawn-deblur"]
    assert [f.name for f in sets.test] == ["text_deblur"]


def test_a_split_of_its_own_serves_both_sides(tmp_path: Path) -> None:
    """The manifest keeps the pages apart."""
    real_set(tmp_path, "noisyoffice", ["train", "test"])
    sets = tasks.sets("clean", data_dir=tmp_path, **SMALL)
    assert sets.train == sets.test == (tmp_path / "noisyoffice",)


def test_real_false_means_drawn(tmp_path: Path) -> None:
    """A reader may ask for the drawn pages although real ones are there."""
    real_set(tmp_path, "noisyoffice", ["train", "test"])
    sets = tasks.sets("clean", real=False, data_dir=tmp_path, **SMALL)
    assert [f.name for f in sets.train + sets.test] == ["drawn-clean", "drawn-clean"]


def test_a_larger_drawn_set_is_left_alone(tmp_path: Path) -> None:
    """Asking for fewer pages must not throw away a night's drawing; asking for more draws."""
    tasks.sets("binarize", data_dir=tmp_path, drawn=4, size=(32, 32))
    folder = tmp_path / "drawn-binarize"
    before = folder.stat().st_ino
    tasks.sets("binarize", data_dir=tmp_path, drawn=2, size=(32, 32))
    assert folder.stat().st_ino == before
    tasks.sets("binarize", data_dir=tmp_path, drawn=5, size=(32, 32))
    assert len(manifest.read(folder)) == 5


def test_an_unknown_task_lists_the_known(tmp_path: Path) -> None:
    """The message names all four."""
    with pytest.raises(ValueError, match="binarize, clean, deblur, watermark"):
        tasks.sets("dewarp", data_dir=tmp_path)
