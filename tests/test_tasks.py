"""The sets of a task: real where they are, drawn elsewhere, never one page on both sides."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep import drawn_pages, manifest, tasks
from docrestore import images
from docrestore.data import PairedPages

SMALL = {"drawn": 4, "size": (48, 64)}


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without real sets, unless a test puts some into its data folder."""
    monkeypatch.setenv("DOCRESTORE_MIRROR", "")


def real_set(data: Path, name: str, splits: list[str], ids: list[str] | None = None) -> None:
    """A prepared set of tiny pages in the data folder."""
    ids = ids or [str(i) for i in range(len(splits))]
    with manifest.building(data / name) as work:
        for i in range(len(splits)):
            images.write(work / f"{i}.png", np.full((40, 40), 100 + i, np.uint8))
        rows = [
            {"id": ids[i], "split": split, "degraded": f"{i}.png", "clean": f"{i}.png", "group": i}
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
    assert [f.name for f in sets.train] == ["drawn-deblur-4x48x64-s0"]
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
    assert [f.name for f in sets.train + sets.test] == ["drawn-clean-4x48x64-s0"] * 2


def test_each_request_has_its_own_drawn_set(tmp_path: Path) -> None:
    """Number, size and seed: what one notebook draws changes nothing for another."""
    given = {"drawn": 4, "size": (32, 32), "seed": 0}
    asked = [given, given | {"drawn": 5}, given | {"size": [32, 40]}, given | {"seed": 1}]
    folders = [tasks.sets("binarize", data_dir=tmp_path, **one).train[0] for one in asked]
    assert [folder.name for folder in folders] == [
        "drawn-binarize-4x32x32-s0",
        "drawn-binarize-5x32x32-s0",
        "drawn-binarize-4x32x40-s0",
        "drawn-binarize-4x32x32-s1",
    ]
    before = [folder.stat().st_ino for folder in folders]
    for one in asked:
        tasks.sets("binarize", data_dir=tmp_path, **one)
    assert [folder.stat().st_ino for folder in folders] == before
    assert len({(f / "manifest.csv").read_text() for f in folders}) == len(folders)


@pytest.mark.parametrize("changed", ["split", "code"])
def test_a_set_that_is_out_of_date_is_drawn_anew(changed: str, tmp_path: Path) -> None:
    """Whether somebody drew training pages alone into the folder, or the recipes were edited."""
    small = {"task": "binarize", "pages": 4, "size": (32, 32)}
    folder = tmp_path / "drawn-binarize-4x32x32-s0"
    drawn_pages.prepare(folder, **small, split="train" if changed == "split" else None)
    if changed == "code":
        noted = json.loads((folder / "drawn.json").read_text())
        (folder / "drawn.json").write_text(json.dumps(noted | {"code": "older"}))
    before = folder.stat().st_ino
    sets = tasks.sets("binarize", data_dir=tmp_path, drawn=4, size=(32, 32))
    assert sets.test == (folder,) and folder.stat().st_ino != before
    assert PairedPages(*sets.test, split="test")


@pytest.mark.parametrize(
    ("held_back", "left_out"),
    [
        ("dibco2017", ("dibco2011/0", "dibco2011/1")),
        ("dibco2011", ("dibco2017/0", "dibco2017/2")),
        ("dibco2013", ()),
    ],
)
def test_known_leaks_are_left_out_of_training(
    held_back: str, left_out: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that share content with a page of the held-back year, and no others."""
    listed = [
        {"pages": ["dibco2011/[01]"], "with": ["dibco2017/0", "dibco2017/2"]},
        {"pages": ["dibco2017/1"], "with": ["dibco2017/2"]},  # on one side of the split together
        {"pages": ["dibco2013/9"], "with": ["dibco2011/2"]},  # a page that this copy lacks
    ]
    text = "".join(f"[[leak]]\npages = {one['pages']}\nwith = {one['with']}\n" for one in listed)
    (tmp_path / "leakage").mkdir()
    (tmp_path / "leakage" / "leaks.toml").write_text(text)
    monkeypatch.setattr(tasks.resources, "files", lambda package: tmp_path)
    for name in ("dibco2011", "dibco2013", "dibco2017"):
        real_set(tmp_path, name, ["all"] * 3)
    sets = tasks.sets("binarize", held_back=[held_back], data_dir=tmp_path)
    assert sets.leave_out == left_out
    train = PairedPages(*sets.train, split="train", leave_out=sets.leave_out)
    assert len(train) == 6 - len(left_out)
    assert all(name in str(sets) for name in left_out)


def test_the_leaks_between_2011_and_2017_are_known(tmp_path: Path) -> None:
    """The list that ships with the package, by the names of the contest."""
    real_set(tmp_path, "dibco2011", ["all"] * 3, ["H01", "P01", "P02"])
    real_set(tmp_path, "dibco2017", ["all"] * 3, ["H10", "H11", "H13"])
    sets = tasks.sets("binarize", held_back=["dibco2017"], data_dir=tmp_path)
    assert sets.leave_out == ("dibco2011/P01", "dibco2011/P02")
    assert "(dibco2011) without dibco2011/P01, dibco2011/P02; testing on" in str(sets)


def test_an_unknown_task_lists_the_known(tmp_path: Path) -> None:
    """The message names all four."""
    with pytest.raises(ValueError, match="binarize, clean, deblur, watermark"):
        tasks.sets("dewarp", data_dir=tmp_path)
