"""The sets beside DIBCO, from made-up files in the layouts that their pages describe."""

import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_prep import fetch as fetching
from data_prep import lrde, manifest, multispectral, named_truths, palm_leaves, sources
from data_prep.fetch import FetchError, available, fetch
from data_prep.pairs import SourceError, fold_of
from docrestore.data import PairedPages
from docrestore.images import read_gray, write

NEW = ("shipping_label", "phibd2012", "plm2016", "s_ms", "lrde_dbd", "chb")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of data sets, and no mirror unless a test makes one in tmp_path/mirror."""
    monkeypatch.setenv("DOCRESTORE_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "data"


def page(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A made-up page, uint8 (9, 12, 3), and its truth, bool (9, 12), True on paper."""
    rng = np.random.default_rng(seed)
    truth = rng.random((9, 12)) > 0.2
    return rng.integers(0, 256, (9, 12, 3), dtype=np.uint8), truth


def put(folder: Path, degraded: str, clean: str, seed: int, turn: bool = False) -> np.ndarray:
    """Write a page and its truth under these names; return the truth."""
    colour, truth = page(seed)
    write(folder / degraded, colour)
    write(folder / clean, truth ^ turn)
    return truth


def small(monkeypatch: pytest.MonkeyPatch, name: str, pages: int) -> None:
    """Let a set be whole with fewer pages, so that a test need not draw all of them."""
    known = sources.source(name)
    monkeypatch.setitem(known.copies, "official", pages)


def folds(rows: list[dict[str, str]]) -> Counter:
    """How many rows are in each fold; no group may be in two."""
    assert len({(row["group"], row["fold"]) for row in rows}) == len({r["group"] for r in rows})
    return Counter(row["fold"] for row in rows)


def test_labels_from_the_folders_of_their_authors(data, monkeypatch):
    small(monkeypatch, "shipping_label", 11)
    for number in range(11):
        truth = put(
            data / "incoming" / "shipping_label" / "Label_data",
            f"image/{number}.png", f"mask/{number}.png", number,
        )  # fmt: skip
    out = fetch("shipping_label", data)
    rows = manifest.read(out)
    assert sorted(folds(rows).items()) == [("0", 3), *[(fold, 2) for fold in "1234"]]
    assert np.array_equal(read_gray(out / "clean" / "10.png") > 0, truth)
    pages = PairedPages(out, split="train")
    assert len(pages) == 11 and pages[0].degraded.shape == (9, 12)


def test_phibd_from_an_archive_put_there_by_hand(data):
    incoming = data / "incoming" / "phibd2012"
    folder = data / "made"
    for number in range(1, 16):
        put(folder, f"Original/P{number:02d}.png", f"GT/P{number:02d}_GT.bmp", number)
    incoming.mkdir(parents=True)
    with zipfile.ZipFile(incoming / "PHIBD2012.zip", "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, f"PHIBD 2012/{path.relative_to(folder)}")
    rows = manifest.read(fetch("phibd2012", data))
    assert [row["id"] for row in rows] == [f"P{number:02d}" for number in range(1, 16)]
    assert set(folds(rows).values()) == {3} and {row["split"] for row in rows} == {"all"}


def test_chb_may_have_any_number_of_pages_but_not_none(data, capsys):
    folder = data / "incoming" / "chb"
    for number in range(3):
        put(folder, f"img/a{number}.jpg.png", f"gt/a{number}.jpg.png", number, turn=True)
    out = fetch("chb", data)
    assert "3 pages in" in (told := capsys.readouterr().out) and "is not known" in told
    truth = page(2)[1]
    assert np.array_equal(read_gray(out / "clean" / "a2.jpg.png") > 0, truth)  # it was turned
    shutil.rmtree(out)
    shutil.rmtree(folder / "gt")
    with pytest.raises(FetchError, match="has 0 pages of chb, expected some"):
        fetch("chb", data)


@pytest.mark.parametrize(
    ("files", "split"),
    [
        (["Train/3.png", "Train/3_GT.png"], "train"),
        (["TestImages/3.png", "TestGT/3.tif"], "test"),
        (["images/3.jpg", "ground truth/3.png"], "all"),
        (["a/train_images/3.png", "a/masks/3.png"], "train"),
        (["latest/3.png", "latest/3-gt.png"], "all"),
        (["Binarized GT/original/3.png", "GT_images/3.png"], "all"),
        (["x/z3.png", "x/z3GT.png"], "all"),
    ],
)
def test_truths_and_splits_are_told_from_names(tmp_path, files, split):
    put(tmp_path, *files, seed=1)
    put(tmp_path, "alone.png", "gt/other.png", seed=2)
    (pair,) = named_truths.find(tmp_path)
    assert pair.id == Path(files[0]).stem and pair.split == split
    assert [pair.degraded, pair.clean] == [tmp_path / name for name in files]


def test_two_different_files_for_one_page_or_truth_are_refused(tmp_path):
    put(tmp_path, "image/1.png", "mask/1.png", 1)
    put(tmp_path, "copy/image/1.png", "copy/mask/1.png", 1)
    assert len(named_truths.find(tmp_path)) == 1  # equal copies do no harm
    write(tmp_path / "copy" / "mask" / "1.png", page(2)[1])
    with pytest.raises(SourceError, match="both the truth of .*1.png; leave one of them"):
        named_truths.find(tmp_path)
    write(tmp_path / "copy" / "image" / "1.png", page(2)[0])
    with pytest.raises(SourceError, match="both page 1; leave one of them"):
        named_truths.find(tmp_path)


def test_palm_leaves_keep_the_official_split_and_both_truths(data, monkeypatch):
    small(monkeypatch, "plm2016", 6)
    folder = data / "incoming" / "plm2016"
    for number in range(6):
        part = ("Train", "Test")[number % 2]
        put(folder, f"{part}/Images/B_P{number}.jpg", f"{part}/GT 1/B_P{number}.png", number)
        write(folder / part / "GT 2" / f"B_P{number}.png", page(number + 50)[1])
    out = fetch("plm2016", data)
    rows = manifest.read(out)
    assert Counter(row["split"] for row in rows) == {"train": 3, "test": 3}
    assert {row["collection"] for row in rows} == {"B"}
    row = next(row for row in rows if row["id"] == "B_P4")
    for column, seed in (("clean", 4), ("second", 54)):
        assert np.array_equal(read_gray(out / row[column]) > 0, page(seed)[1])
    assert manifest.sha256(out / row["second"]) == row["second_sha256"]
    train = {row["id"] for row in PairedPages(out, split="train").rows}
    assert train == {"B_P0", "B_P2", "B_P4"}


def test_palm_leaves_may_have_one_name_in_both_halves(tmp_path):
    for part in ("train", "test"):
        put(tmp_path, f"{part}/7.png", f"{part}/7_GT.png", seed=len(part))
    assert [pair.id for pair in palm_leaves.find(tmp_path)] == ["test-7", "train-7"]
    assert palm_leaves.second_truths(tmp_path) == {}
    for number in (2, 3):
        write(tmp_path / "test" / f"7_GT{number}.png", page(number + 9)[1])
    with pytest.raises(SourceError, match="has 3 truths, not two"):
        palm_leaves.find(tmp_path)


def test_the_palm_leaf_of_the_mirror(tmp_path, data):
    mirror = tmp_path / "mirror" / "plm_sample"
    put(mirror, "input/Bangli_P9.webp", "gt/Bangli_P9_GT.webp.png", 3)
    (mirror / "gt" / "Bangli_P9_GT.webp.png").rename(mirror / "gt" / "Bangli_P9_GT.png")
    (row,) = manifest.read(fetch("plm2016", data))
    assert (row["id"], row["split"], row["second"]) == ("Bangli_P9", "all", "")


def test_the_bands_of_a_letter_stay_together(data, monkeypatch):
    small(monkeypatch, "s_ms", 56)
    folder = data / "incoming" / "s_ms"
    for letter in range(30, 37):
        truth = page(letter)[1].astype(np.uint8)  # 1 for paper, 0 for ink, as the page says
        write(folder / "GT" / f"z{letter}GT.png", truth)
        for band in range(1, 9):
            write(folder / "MSI" / f"z{letter}" / f"F{band}s.png", page(band)[0][..., 0])
    write(folder / "MSI" / "z99" / "F1s.png", page(1)[0])  # without a truth
    out = fetch("s_ms", data)
    rows = manifest.read(out)
    assert set(folds(rows).values()) == {8, 16}
    assert Counter(row["group"] for row in rows) == {f"z{number}": 8 for number in range(30, 37)}
    row = next(row for row in rows if row["id"] == "z31-F5")
    assert (row["band"], row["nanometres"]) == ("F5", "800")
    assert np.array_equal(read_gray(out / row["clean"]) > 0, page(31)[1])
    assert len(multispectral.BANDS) == 8


@pytest.mark.parametrize(
    ("clean", "scanned", "truth"),
    [
        ("clean/{}.png", "scanned/{}.png", "groundtruth/clean/{}.png"),
        ("img/{}-clean.png", "img/{}-scanned.png", "img/{}-gt.png"),
        ("lrde-clean/{}.png", "lrde-scanned/{}.png", "lrde-gt/{}_gt.png"),
    ],
)
def test_lrde_takes_the_scanned_pages_alone(data, monkeypatch, clean, scanned, truth):
    small(monkeypatch, "lrde_dbd", 5)
    folder = data / "incoming" / "lrde_dbd"
    for number in range(5):
        put(folder, scanned.format(number), truth.format(number), number)
        for version in ("clean", "original"):
            write(folder / clean.format(number).replace("clean", version), page(77)[0])
    out = fetch("lrde_dbd", data)
    rows = manifest.read(out)
    assert set(folds(rows).values()) == {1}
    for row in rows:
        wanted = folder / scanned.format(row["id"])
        assert (out / row["degraded"]).read_bytes() == wanted.read_bytes()


def test_lrde_also_reads_two_plain_folders(tmp_path):
    put(tmp_path, "image/a.png", "mask/a.png", 1)
    assert [pair.id for pair in lrde.find(tmp_path)] == ["a"]


@pytest.mark.parametrize("name", NEW)
def test_what_no_program_can_download_says_where_to_get_it(name, data, capsys):
    known = sources.source(name)
    assert not available(name, data)
    with pytest.raises(FetchError) as told:
        fetch(name, data)
    for part in (known.page, known.terms.rstrip("."), str(data / "incoming" / name)):
        assert part in str(told.value)
    assert not (data / name).exists()
    fetching.main(["--list", "--data", str(data)])
    assert f"{name}: to be got by hand" in capsys.readouterr().out


def test_folds_are_balanced_and_depend_on_the_groups_alone():
    groups = [f"page{number}" for number in range(1082)]
    fold = fold_of(groups)
    assert fold == fold_of(groups[::-1])
    assert sorted(Counter(fold.values()).values()) == [216, 216, 216, 217, 217]
    uneven = ["a"] * 9 + ["b"] * 3 + ["c"] * 3 + ["d"] * 3
    fold = fold_of(uneven, 2)
    assert fold["a"] != fold["b"] == fold["c"] == fold["d"]
