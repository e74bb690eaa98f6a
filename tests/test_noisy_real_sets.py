"""Sets of real noise, from made-up files in the layouts of their authors and of the mirror."""

import builtins
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from data_prep import fetch as fetching
from data_prep import fmd, manifest, mayo_ct, noisy_samples, sources
from data_prep.fetch import FetchError, fetch
from data_prep.pairs import SourceError
from docrestore.images import read_gray, write

STAINS = ("WideField_BPAE_B", "WideField_BPAE_G", "WideField_BPAE_R")
FIELDS = (1, 2, 19)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of data sets, and no mirror unless a test makes one in tmp_path/mirror."""
    monkeypatch.setenv("DOCRESTORE_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "data"


def image(*key: int) -> np.ndarray:
    return np.random.default_rng(key).integers(0, 256, (8, 8), dtype=np.uint8)


def put_fmd(folder: Path, captures: str, means: str, levels: dict[str, int]) -> None:
    """Five captures and a mean of each stain and field; `levels` are folders and their seeds."""
    for stain_number, stain in enumerate(STAINS):
        for number in FIELDS:
            for level, seed in levels.items():
                for capture in range(5):
                    path = captures.format(level=level, stain=stain, field=number)
                    pixels = image(seed, stain_number, number, capture)
                    write(folder / path / f"HV110_P{capture}-PND.png", pixels)
            path = means.format(stain=stain, field=number)
            write(folder / path / "avg50.png", image(0, stain_number, number))


def small_fmd(monkeypatch: pytest.MonkeyPatch, name: str, pairs: int) -> None:
    monkeypatch.setitem(sources.source(name).copies, "official", pairs)


@pytest.mark.parametrize("packed", [True, False], ids=["tar", "folders"])
@pytest.mark.parametrize(
    ("captures", "means", "raw", "test"),
    [
        ("{stain}/{level}/{field}", "{stain}/gt/{field}", "raw", "test_mix"),
        ("train/WF/{level}/{stain}/{field}", "train/WF/gt/{stain}/{field}", "avg1", "test/WF"),
    ],
    ids=["FMD", "GAN2GAN"],
)
def test_fmd_in_either_layout(data, monkeypatch, captures, means, raw, test, packed):
    """Fields 1 and 2 train, the named test images test, field 19 and other microscopes stay out."""
    incoming = data / "incoming" / "fmd"
    put_fmd(incoming, captures, means, {raw: 1, "avg4": 4})
    for level, seed in ((raw, 100), ("gt", 200), ("avg4", 300)):
        for stain in (*STAINS, "Confocal_FISH"):
            write(incoming / test / level / f"{stain}_1.png", image(seed, len(stain)))
    write(incoming / "Confocal_MICE" / raw / "1" / "x.png", image(9))
    for part in list(incoming.iterdir()) if packed else ():  # one archive each, as downloaded
        shutil.make_archive(str(part), "tar", incoming, part.name)
        shutil.rmtree(part)
    small_fmd(monkeypatch, "fmd", 3 * 2 * 5 + 3)
    out = fetch("fmd", data)
    rows = manifest.read(out)
    assert Counter(row["split"] for row in rows) == {"train": 30, "test": 3}
    assert {row["group"] for row in rows if row["split"] == "train"} == {"01", "02"}
    assert {row["group"] for row in rows if row["split"] == "test"} == {"19"}
    row = next(row for row in rows if row["id"] == "WideField_BPAE_G-02-HV110_P3-PND")
    assert (row["average"], row["stain"]) == ("avg1", "WideField_BPAE_G")
    assert np.array_equal(read_gray(out / row["degraded"]), image(1, 1, 2, 3))
    assert np.array_equal(read_gray(out / row["clean"]), image(0, 1, 2))
    assert np.array_equal(read_gray(out / row["second"]), image(1, 1, 2, 4))
    assert all(row["second"] != row["degraded"] for row in rows)
    assert len(list((out / "clean").iterdir())) == 3 * 2 + 3  # a scene's mean is stored once


def test_fmd_takes_one_average_and_four_captures_of_field_19(data, monkeypatch):
    """Means of four share captures, so they have no second one."""
    put_fmd(data / "incoming" / "fmd_avg4", "{stain}/{level}/{field}", "{stain}/gt/{field}",
            {"raw": 1, "avg4": 4})  # fmt: skip
    small_fmd(monkeypatch, "fmd_avg4", 3 * 2 * 5 + 3 * 4)
    out = fetch("fmd_avg4", data)
    rows = manifest.read(out)
    assert Counter((row["split"], row["second"]) for row in rows) == {
        ("train", ""): 30,
        ("test", ""): 12,
    }
    row = next(row for row in rows if row["id"] == "WideField_BPAE_R-19-HV110_P0-PND")
    assert np.array_equal(read_gray(out / row["degraded"]), image(4, 2, 19, 0))


def test_fmd_without_a_mean_or_with_two_is_refused(tmp_path):
    source, out = tmp_path / "files", tmp_path / "out"
    put_fmd(source, "{stain}/{level}/{field}", "{stain}/gt/{field}", {"raw": 1})
    mean = source / STAINS[0] / "gt" / "2" / "avg50.png"
    write(mean.with_name("other.png"), image(5))
    out.mkdir()
    with pytest.raises(SourceError, match="both the mean of one scene"):
        fmd.prepare(source, out, "avg1")
    mean.with_name("other.png").unlink()
    write(mean, np.zeros((4, 4), np.uint8))
    with pytest.raises(SourceError, match=r"differ in size"):
        fmd.prepare(source, remade(out), "avg1")
    mean.unlink()
    with pytest.raises(SourceError, match="field 2 of WideField_BPAE_B has no mean"):
        fmd.prepare(source, remade(out), "avg1")


def remade(out: Path) -> Path:
    for folder in out.iterdir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    return out


def put_mayo(folder: Path, names: tuple[str, ...], slices: int = 2) -> dict[str, np.ndarray]:
    """Patients as MATLAB v7.3 writes them: (slices, columns, rows). Returns them upright."""
    h5py = pytest.importorskip("h5py")
    arrays = {}
    for index, name in enumerate(names):
        for part, key in (("Dose25", "img"), ("Dose50", "img"), ("Clean", "img_clean")):
            array = np.random.default_rng([index, len(part), len(key)]).random((6, 5, slices))
            (folder / part).mkdir(parents=True, exist_ok=True)
            with h5py.File(folder / part / f"{name}.mat", "w") as file:
                file[key] = array.T
            arrays[f"{part}/{name}"] = array
    return arrays


PATIENTS = ("female_1", "female_12", "female_13", "male_3", "male_11", "male_12")


def test_mayo_patients_keep_to_their_side_and_slices_stand_upright(data, monkeypatch):
    arrays = put_mayo(data / "incoming" / "mayo_ct" / "Medical_images", PATIENTS)
    small_fmd(monkeypatch, "mayo_ct", 12)
    out = fetch("mayo_ct", data)
    rows = manifest.read(out)
    assert {row["group"] for row in rows if row["split"] == "test"} == {"female_13", "male_12"}
    assert len({row["group"] for row in rows}) == 6
    row = next(row for row in rows if row["id"] == "male_3-01")
    for column, part in (("degraded", "Dose25"), ("clean", "Clean")):
        stored = np.load(out / row[column])
        assert stored.dtype == np.float32 and stored.shape == (6, 5)
        assert np.allclose(stored, arrays[f"{part}/male_3"][..., 1] / 0.4)


def test_mayo_says_what_is_missing(tmp_path, monkeypatch):
    source, out = tmp_path / "files", tmp_path / "out"
    put_mayo(source, ("male_1",))
    out.mkdir()
    (source / "Dose75").mkdir()
    (source / "Dose25" / "male_1.mat").rename(source / "Dose75" / "male_1.mat")
    (source / "Clean" / "male_1.mat").rename(source / "Dose25" / "male_1.mat")
    with pytest.raises(SourceError, match="male_1 has no file in Clean"):
        mayo_ct.prepare(source, out, "Dose75")
    (source / "Dose25" / "male_1.mat").rename(source / "Clean" / "male_1.mat")
    (source / "Dose50" / "male_1.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(SourceError, match="is no MATLAB file v7.3"):
        mayo_ct.prepare(source, remade_all(out), "Dose50")
    plain = builtins.__import__

    def without_h5py(name, *args, **more):
        if name == "h5py":
            raise ImportError(name)
        return plain(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without_h5py)
    with pytest.raises(SourceError, match=r"h5py is needed .*docrestore\[series\]"):
        mayo_ct.prepare(source, remade_all(out), "Dose75")


def remade_all(out: Path) -> Path:
    for folder in list(out.iterdir()):
        folder.rmdir()
    return out


def test_slices_of_abdomen_come_to_the_scale_of_the_paper(tmp_path, data):
    """Soft tissue, about 0.02 per mm, is 0.5 then."""
    folder = tmp_path / "mirror" / "ldct_mayo_sample" / "abdomen_mat"
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        held = {key: np.full((4, 4), 0.02, np.float32) for key in ("quarter_dose", "routine_dose")}
        held["quarter_dose"][0, 0] = 0.01 * number
        scipy.io.savemat(folder / f"test_case{number}.mat", held)
    out = fetch("mayo_sample", data)
    rows = manifest.read(out)
    assert [row["id"] for row in rows] == ["test_case1", "test_case2", "test_case3"]
    noisy, clean = (np.load(out / rows[2][column]) for column in ("degraded", "clean"))
    assert np.allclose(clean, 0.5) and noisy[0, 0] == pytest.approx(0.75)


NAMES = {
    "fmd_sample": ("fmd/input/image_R_1_001.png", "fmd/gt/image_R_1_avg50.png"),
    "w2s_sample": ("w2s/input/input_avg1_020_1.tif", "w2s/gt/target_avg400_020_1.tif"),
    "mayo_chest_sample": ("lowdose/C162L00228.png", "highdose/C162H00228.png"),
    "polyu": ("CroppedImages/Canon_5_toy_11_real.JPG", "CroppedImages/Canon_5_toy_11_mean.JPG"),
    "sidd_sample": ("input/NOISY_7.png", "gt/GT_7.png"),
}
IDS = {
    "fmd_sample": ("image_R_1", "image_R_1"),
    "w2s_sample": ("020-1", "020"),
    "mayo_chest_sample": ("C162-228", "C162"),
    "polyu": ("Canon_5_toy-11", "Canon_5_toy"),
    "sidd_sample": ("7", "7"),
}


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_paired_by_name_in_folders_or_in_one_heap(name, tmp_path, data, monkeypatch):
    small_fmd(monkeypatch, name, 1)
    files = [tmp_path / "made" / file for file in NAMES[name]]
    for seed, path in enumerate(files):
        write(path, image(seed)) if path.suffix != ".JPG" else jpeg(path, image(seed))
    lonely = tmp_path / "made" / "GT_77.png"
    write(lonely, image(3))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in files:
            archive.write(path, path.relative_to(tmp_path / "made"))
    (data / "incoming" / name).mkdir(parents=True)
    (tmp_path / "set.zip").rename(data / "incoming" / name / "set.zip")
    (row,) = manifest.read(fetch(name, data))
    assert (row["id"], row["group"], row["split"]) == (*IDS[name], "test")
    for column, path in zip(("degraded", "clean"), files, strict=True):
        assert (data / name / row[column]).read_bytes() == path.read_bytes()
    heap = tmp_path / "heap"
    heap.mkdir()
    for path in (*files, lonely):
        (heap / path.name).write_bytes(path.read_bytes())
    (pair,) = noisy_samples.find(heap, sources.source(name).part)
    assert (pair.id, pair.group) == IDS[name]


def jpeg(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "JPEG")


def test_two_different_samples_of_one_name_are_refused(tmp_path):
    write(tmp_path / "a" / "NOISY_1.png", image(1))
    write(tmp_path / "b" / "NOISY_1.png", image(2))
    with pytest.raises(SourceError, match="have one name; leave one"):
        noisy_samples.find(tmp_path, "SIDD")


@pytest.mark.parametrize("name", ["fmd", "fmd_avg16", "mayo_ct", "mayo_ct_100"])
def test_what_is_got_by_hand_says_where_and_which_folders(name, data):
    with pytest.raises(FetchError, match=r"no program can download it.*[Kk]eep the (names|fold)"):
        fetch(name, data)


def test_every_part_of_a_source_is_one_that_its_module_knows():
    """A part that is misspelt would otherwise be found out by whoever fetches it."""
    known = {
        "photographs": set(fetching.importlib.import_module("data_prep.photographs").PARTS),
        "noisy_samples": set(noisy_samples.PARTS),
        "fmd": set(fmd.AVERAGES),
        "mayo_ct": {*mayo_ct.DOSES, "abdomen"},
    }
    used: dict[str, set[str]] = {}
    for name in sources.names():
        source = sources.source(name)
        if source.part:
            used.setdefault(source.module, set()).add(source.part)
    assert used == known
