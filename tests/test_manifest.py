"""A data set is whole or it is not there."""

import os
import subprocess
import sys

import numpy as np
import pytest

from data_prep import manifest
from data_prep.manifest import ManifestError
from docrestore.images import write


def build(folder, names=("H01", "H02")):
    """A small set of grey pages in `folder`."""
    with manifest.building(folder) as work:
        rows = []
        for index, name in enumerate(names):
            write(work / "degraded" / f"{name}.png", np.full((4, 5), 40 * index, np.uint8))
            write(work / "clean" / f"{name}.png", np.eye(4, 5) > 0)
            rows.append(
                {
                    "id": name,
                    "split": "train",
                    "degraded": f"degraded/{name}.png",
                    "clean": f"clean/{name}.png",
                    "clean_sha256": manifest.sha256(work / "clean" / f"{name}.png"),
                    "noise": f"kind, {index}",
                }
            )
        manifest.write(work, rows)
    return folder


def test_rows_come_back_with_their_hash_and_extra_columns(tmp_path):
    rows = manifest.read(build(tmp_path / "set"))
    assert [row["id"] for row in rows] == ["H01", "H02"]
    assert rows[1]["noise"] == "kind, 1"
    assert rows[0]["sha256"] == manifest.sha256(tmp_path / "set" / "degraded" / "H01.png")
    assert list(rows[0])[:6] == list(manifest.COLUMNS)
    manifest.verify(tmp_path / "set")


@pytest.mark.parametrize("file", ["degraded/H02.png", "clean/H01.png"])
def test_verify_names_what_changed_and_what_is_missing(tmp_path, file):
    folder = build(tmp_path / "set")
    (folder / file).write_bytes(b"other")
    with pytest.raises(ManifestError, match=f"{file} has changed.*prepare it again"):
        manifest.verify(folder)
    (folder / file).unlink()
    with pytest.raises(ManifestError, match=f"{file} is missing"):
        manifest.verify(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": "H01"}, "the id 'H01' twice"),
        ({"id": ""}, "twice or empty"),
        ({"split": "dev"}, "split 'dev'; use one of train"),
        ({"degraded": "degraded/H09.png"}, "not in .*write the image before"),
        ({"clean": "../elsewhere.png"}, "outside"),
    ],
)
def test_write_refuses_a_wrong_row(tmp_path, change, sentence):
    folder = build(tmp_path / "set")
    (tmp_path / "elsewhere.png").write_bytes(b"")
    rows = manifest.read(folder)
    rows[1] |= change
    with pytest.raises(ManifestError, match=sentence):
        manifest.write(folder, rows)
    assert len(manifest.read(folder)) == 2  # the old manifest is still there


def test_read_says_what_is_wrong(tmp_path):
    with pytest.raises(ManifestError, match="is not there"):
        manifest.read(tmp_path)
    path = tmp_path / "manifest.csv"
    path.write_text("id,split,degraded\n")
    with pytest.raises(ManifestError, match="lacks the column clean, group, sha256"):
        manifest.read(tmp_path)
    path.write_text("id,split,degraded,clean,group,sha256\nH01,train,a.png\n")
    with pytest.raises(ManifestError, match="too few or too many fields"):
        manifest.read(tmp_path)


def test_a_failed_build_leaves_nothing_and_keeps_the_old_set(tmp_path):
    folder = build(tmp_path / "set")
    with pytest.raises(ZeroDivisionError), manifest.building(folder) as work:
        (work / "half").write_text("half")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["set"]
    manifest.verify(folder)
    with pytest.raises(ManifestError, match="is not there"), manifest.building(folder):
        pass  # nothing was built
    assert len(manifest.read(folder)) == 2


def test_a_finished_build_replaces_the_old_set(tmp_path):
    folder = build(tmp_path / "set")
    build(folder, ["N01"])
    assert [row["id"] for row in manifest.read(folder)] == ["N01"]
    assert not (folder / "degraded" / "H01.png").exists()
    assert os.listdir(tmp_path) == ["set"]


def test_the_first_of_two_builders_wins(tmp_path):
    folder = tmp_path / "set"
    with manifest.building(folder) as work:
        work.rename(tmp_path / "other")  # another process builds in its own folder
        build(folder)
        (tmp_path / "other").rename(work)
        manifest.write(work, [])
    assert len(manifest.read(folder)) == 2


def test_a_killed_build_never_looks_whole_and_is_swept_up(tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path; from data_prep import manifest\n"
        "with manifest.building(Path(sys.argv[1])) as work:\n"
        "    (work / 'degraded').mkdir()\n"
        "    (work / 'degraded' / 'H01.png').write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    folder = tmp_path / "set"
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True)
    assert done.returncode == -9, done.stderr
    assert not folder.exists()
    assert len(os.listdir(tmp_path)) == 1  # what the killed process left
    build(folder)
    assert os.listdir(tmp_path) == ["set"]


def test_what_another_machine_is_building_is_left_alone(tmp_path):
    theirs = tmp_path / ".set.building-elsewhere-1234567"
    theirs.mkdir()
    build(tmp_path / "set")
    assert theirs.is_dir()


RACE = """
import os, sys, time
from pathlib import Path
from data_prep import manifest

folder, go = Path(sys.argv[1]), Path(sys.argv[2])
with manifest.building(folder) as work:
    for index in range(40):
        (work / f"{index}.png").write_bytes(sys.argv[3].encode())
    rows = [{"id": str(i), "split": "train", "degraded": f"{i}.png"} for i in range(40)]
    manifest.write(work, rows)
    print("built", flush=True)
    while not go.exists():
        time.sleep(0.001)
manifest.verify(folder)
"""


@pytest.mark.parametrize("replaces", [False, True])
def test_builders_that_finish_together_leave_one_whole_set(tmp_path, replaces):
    """Each finds a whole set in its place at once, its own or another's."""
    folder, go = tmp_path / "sets" / "set", tmp_path / "go"
    if replaces:
        build(folder)
    command = [sys.executable, "-c", RACE, str(folder), str(go)]
    running = [
        subprocess.Popen([*command, str(i)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for i in range(5)
    ]
    assert [one.stdout.readline() for one in running] == [b"built\n"] * 5
    go.touch()
    told = [one.communicate()[1].decode() for one in running]
    assert [one.returncode for one in running] == [0] * 5, told
    manifest.verify(folder)
    assert len(manifest.read(folder)) == 40
    assert len({path.read_bytes() for path in folder.glob("*.png")}) == 1
    assert os.listdir(folder.parent) == ["set"]
