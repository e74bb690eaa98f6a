"""`docrestore degrade` replaces no original, and no other file unless it is told to."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from data_prep.degrade import main
from docrestore import images

STEP = ("--step", "stain:radius_px=20")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with two clean pages that differ in suffix alone."""
    for grey, name in ((200, "a.jpg"), (210, "a.png")):
        images.write(tmp_path / "scans" / name, np.full((60, 80), grey, np.uint8))
    return tmp_path / "scans"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_results_that_would_share_a_name_keep_their_suffix(scans, tmp_path, capsys):
    before = contents(scans)
    assert run(scans, "-o", tmp_path / "out", *STEP) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / "out" / name) for name in ("a.jpg.png", "a.png.png")
    ]
    assert {name for name in contents(tmp_path / "out") if name.endswith("json")} == {
        "a.jpg.json",
        "a.png.json",
    }
    assert contents(scans) == before


def test_several_folders_have_a_folder_each(scans, tmp_path):
    images.write(tmp_path / "more" / "a.png", np.full((60, 80), 220, np.uint8))
    assert run(scans / "a.png", tmp_path / "more", "-o", tmp_path / "out", *STEP) == 0
    assert {"a.png", "more/a.png", "a.json", "more/a.json"} <= set(contents(tmp_path / "out"))


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_originals_are_never_replaced(scans, tmp_path, capsys, more):
    before = contents(scans)
    assert run(scans, "-o", scans, *STEP, *more) == 1
    assert "mix with the originals" in capsys.readouterr().err
    assert run(scans / "a.png", "-o", scans, *STEP, *more) == 1
    assert "would replace its own original" in capsys.readouterr().err
    assert run(scans / "a.jpg", scans / "a.png", "-o", scans, *STEP) == 0  # a.jpg.png, a.png.png
    (tmp_path / "out").mkdir()
    os.link(scans / "a.png", tmp_path / "out" / "a.png")
    assert run(scans / "a.png", "-o", tmp_path / "out", *STEP, *more) == 1
    assert {name: contents(scans)[name] for name in before} == before


@pytest.mark.parametrize("name", ["b.png", "b.json", "b-0-stain.png"])
def test_a_file_in_the_way_stays_and_the_batch_goes_on(scans, tmp_path, capsys, name):
    """The page, its passport or a mask: nothing of that page is written."""
    images.write(scans / "b.png", np.full((60, 80), 190, np.uint8))
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"mine")
    assert run(scans, "-o", out, *STEP) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert f"{out / name} is there already; choose another folder, or replace it" in told
    found = contents(out)
    assert found[name] == b"mine" and {"a.jpg.png", "a.png.png"} < set(found)
    assert [each for each in found if each.startswith("b")] == [name]
    assert run(scans, "-o", out, *STEP, "--overwrite") == 0
    assert json.loads((out / "b.json").read_text())["steps"][0]["name"] == "stain"
    assert contents(out)[name] != b"mine"


def test_overwriting_takes_no_result_of_the_same_call(scans, tmp_path, capsys):
    """A page called like a mask of another page."""
    images.write(scans / "b.png", np.full((60, 80), 190, np.uint8))
    images.write(scans / "b-0-stain.png", np.full((60, 80), 190, np.uint8))
    assert run(scans, "-o", tmp_path / "out", *STEP, "--overwrite") == 1
    assert "would replace an original or another result" in capsys.readouterr().err


def test_results_inside_the_input_are_no_input(scans):
    for _ in range(2):
        assert run(scans, "-o", scans / "out", *STEP, "--overwrite") == 0
    assert {path.name for path in (scans / "out").glob("*.json")} == {"a.jpg.json", "a.png.json"}
    assert not (scans / "out" / "out").exists()
