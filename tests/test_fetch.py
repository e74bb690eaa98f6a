"""Real sets from made-up files in the layouts of contests, mirrors and archives."""

import dataclasses
import functools
import hashlib
import os
import subprocess
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from data_prep import dibco, manifest, noisy_office, sources
from data_prep import fetch as fetching
from data_prep.fetch import FetchError, available, fetch, main
from docrestore.images import read_gray, write

PAGES_2009 = [f"{kind}{number:02d}" for kind in "HP" for number in range(1, 6)]


def page(seed, size=(12, 16)):
    """A made-up degraded page and its truth in grey, paper 255."""
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random(size) < 0.2, 0, 255).astype(np.uint8)
    return (truth // 2 + rng.integers(0, 90, size)).astype(np.uint8), truth


def mirror_of(root, year, pages):
    """A year as a mirror has it, with its SHA256SUMS; returns the mirror's folder."""
    folder = root / "mirror" / f"dibco{year}"
    for index, name in enumerate(pages):
        degraded, truth = page(index)
        write(folder / "input" / f"DIBCO{year}_{name}_source.webp", degraded)
        write(folder / "gt" / f"DIBCO{year}_{name}_target.png", truth >= 128)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*_*.*"))
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))
    return folder


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty folder of data sets, and no mirror unless a test makes one in tmp_path/mirror."""
    monkeypatch.setenv("DOCRESTORE_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "data"


def test_a_mirror_becomes_a_data_folder(tmp_path, data, capsys):
    source = mirror_of(tmp_path, 2009, PAGES_2009)
    assert available("dibco2009", data)
    folder = fetch("dibco2009", data)
    assert folder == data / "dibco2009"
    assert "10 pages in" in capsys.readouterr().out
    rows = manifest.read(folder)
    assert [row["id"] for row in rows] == PAGES_2009
    assert {row["split"] for row in rows} == {"all"}
    given = source / "input" / "DIBCO2009_P03_source.webp"
    assert (folder / "degraded" / "P03.webp").read_bytes() == given.read_bytes()
    assert np.array_equal(read_gray(folder / "clean" / "P03.png"), page(7)[1])
    assert fetch("dibco2009", data) == folder  # the second time it only looks
    assert capsys.readouterr().out == ""


def test_paths_are_printed_from_the_repository_on(tmp_path, data, monkeypatch, capsys):
    mirror_of(tmp_path, 2009, PAGES_2009)
    monkeypatch.setenv("DOCRESTORE_HOME", str(tmp_path))
    assert main(["dibco2009"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("dibco2009: 10 pages in data/dibco2009, expected 10")
    assert second == "dibco2009: data/dibco2009"


def test_a_page_that_copies_lack_may_be_missing_but_no_other(tmp_path, data):
    pages = sources.source("dibco2013").pages
    source = mirror_of(tmp_path, 2013, pages)
    sums = (source / "SHA256SUMS").read_text().splitlines(keepends=True)
    (source / "SHA256SUMS").write_text("".join(line for line in sums if "_H08_s" not in line))
    (source / "input" / "DIBCO2013_H08_source.webp").unlink()
    assert len(manifest.read(fetch("dibco2013", data))) == 15
    (source / "SHA256SUMS").unlink()
    (source / "input" / "DIBCO2013_P01_source.webp").unlink()
    with pytest.raises(FetchError, match="lacks P01"):
        fetch("dibco2013", data / "second")


def test_a_damaged_mirror_is_named(tmp_path, data):
    source = mirror_of(tmp_path, 2009, PAGES_2009)
    path = source / "gt" / "DIBCO2009_H02_target.png"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FetchError, match=r"H02_target\.png differs from .*SHA256SUMS; copy"):
        fetch("dibco2009", data)
    path.unlink()
    with pytest.raises(FetchError, match=r"H02_target\.png is missing"):
        fetch("dibco2009", data)
    assert not (data / "dibco2009").exists()


OFFICIAL = {
    "2009": ["DIBCO2009_Test_images-printed/P05.bmp", "DIBCO2009-GT-Test-images_printed/P05.tiff"],
    "2010": ["H05.jpg", "H05_estGT.tiff", "H05_skelGT.tiff"],
    "2011": ["DIBCO11-machine_printed/PR5.png", "DIBCO11-machine_printed/PR5_GT.tiff"],
    "2012": ["H-DIBCO2012-dataset/H05.png", "H-DIBCO2012-dataset/H05_GT.tif"],
    "2013": ["OriginalImages/PR05.bmp", "GTimages/PR05_estGT.tiff"],
    "2014": ["original_images/H05.png", "GT/H05_estGT.tiff"],
    "2016": ["DIPCO2016_dataset/5.bmp", "DIPCO2016_Dataset_GT/5_gt.bmp"],
    "2017": ["Dataset/5.bmp", "GT/5_gt.bmp", "GT/5_gt_PWeights.dat"],
}


@pytest.mark.parametrize(("year", "files"), OFFICIAL.items())
def test_the_names_of_every_year_are_understood(tmp_path, year, files):
    for name in [*files, "__MACOSX/._H05.png", "Thumbs.db"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (pair,) = dibco.find(tmp_path)
    assert pair.id == ("P05" if "P" in files[0].rpartition("/")[2] else "H05")
    assert [str(path.relative_to(tmp_path)) for path in (pair.degraded, pair.clean)] == files[:2]


def test_two_different_files_for_one_page_are_refused(tmp_path):
    (tmp_path / "H05.png").write_bytes(b"one")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "H05.png").write_bytes(b"one")
    assert dibco.find(tmp_path) == []  # equal copies do no harm; the truth is missing
    (tmp_path / "copy" / "HW5.bmp").write_bytes(b"two")
    with pytest.raises(dibco.SourceError, match="both page H05; leave one"):
        dibco.find(tmp_path)


def official_zips(folder):
    """The two archives of 2016 with made-up pages; returns their records without an address."""
    folder.mkdir(parents=True, exist_ok=True)
    archives = []
    for name, inner, role in (
        ("DIBCO2016_dataset-original.zip", "DIPCO2016_dataset/{}.bmp", 0),
        ("DIBCO2016_dataset-GT.zip", "DIPCO2016_Dataset_GT/{}_gt.bmp", 1),
    ):
        with zipfile.ZipFile(folder / name, "w") as archive:
            for number in range(1, 11):
                image = write(folder / "one.bmp", page(number)[role])
                archive.write(image, inner.format(number))
        (folder / "one.bmp").unlink()
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        archives.append(sources.Archive(f"http://127.0.0.1:9/{name}", digest))
    return tuple(archives)


@pytest.fixture
def known_2016(monkeypatch):
    """Lets a test say which archives the set of 2016 has."""

    def use(archives):
        changed = dataclasses.replace(sources.source("dibco2016"), archives=archives)
        monkeypatch.setattr(fetching, "source", lambda name: changed)

    return use


def test_archives_put_there_by_hand_are_unpacked(data, known_2016):
    incoming = data / "incoming" / "dibco2016"
    known_2016(official_zips(incoming))
    rows = manifest.read(fetch("dibco2016", data))
    assert [row["id"] for row in rows] == [f"H{number:02d}" for number in range(1, 11)]
    assert sorted(os.listdir(incoming)) == [
        "DIBCO2016_dataset-GT.zip",
        "DIBCO2016_dataset-original.zip",
    ]


def test_unpacked_files_put_there_by_hand_come_before_the_mirror(tmp_path, data):
    for index, name in enumerate(PAGES_2009):
        degraded, truth = page(50 + index)
        write(data / "incoming" / "dibco2009" / "images" / f"{name}.bmp", degraded)
        write(data / "incoming" / "dibco2009" / "GT" / f"{name}.tiff", truth)
    mirror_of(tmp_path, 2009, PAGES_2009)
    folder = fetch("dibco2009", data)
    assert np.array_equal(read_gray(folder / "clean" / "H01.png"), page(50)[1])


def test_a_wrong_archive_put_there_by_hand_is_refused(data, known_2016):
    incoming = data / "incoming" / "dibco2016"
    archives = official_zips(incoming)
    known_2016((archives[0], sources.Archive(archives[1].url, "0" * 64)))
    with pytest.raises(FetchError, match=r"GT\.zip does not have the sha256 0000.*unpack it"):
        fetch("dibco2016", data)


class Server(SimpleHTTPRequestHandler):
    """Serves a folder; a file called broken.* breaks off in the middle."""

    asked: list[str] = []

    def do_GET(self):  # noqa: N802 - the name that http.server calls
        self.asked.append(self.path)
        if "broken" not in self.path:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """The address of a web server on this machine, and the folder that it serves."""
    folder = tmp_path / "web"
    folder.mkdir()
    Server.asked.clear()
    handler = functools.partial(Server, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}", folder
        httpd.shutdown()


def test_download_breaks_off_and_goes_on(data, server, known_2016):
    address, folder = server
    first, second = official_zips(folder)
    first = sources.Archive(f"{address}/{first.name}", first.sha256)
    known_2016((first, sources.Archive(f"{address}/broken.zip", second.sha256)))
    with pytest.raises(FetchError, match=r"broken\.zip could not be downloaded.*visit https://"):
        fetch("dibco2016", data)
    incoming = data / "incoming" / "dibco2016"
    assert os.listdir(incoming) == [first.name]  # half a file has no name
    assert not available("dibco2016", data)
    known_2016((first, sources.Archive(f"{address}/{second.name}", second.sha256)))
    assert len(manifest.read(fetch("dibco2016", data))) == 10
    assert Server.asked.count(f"/{first.name}") == 1


def test_download_with_another_hash_is_refused(data, server, known_2016):
    address, folder = server
    first, _ = official_zips(folder)
    known_2016((sources.Archive(f"{address}/{first.name}", "ab" * 32),))
    with pytest.raises(FetchError, match="does not have the sha256 abab.*damaged or.*changed"):
        fetch("dibco2016", data)
    assert os.listdir(data / "incoming" / "dibco2016") == []
    known_2016((sources.Archive(f"{address}/nothing.zip"),))
    with pytest.raises(FetchError, match=r"nothing\.zip could not be.*the server answers 404"):
        fetch("dibco2016", data)


def test_what_cannot_be_had_says_where_to_get_it(data, known_2016, capsys):
    known_2016((sources.Archive("http://127.0.0.1:9/a.zip"),))
    assert not available("dibco2016", data)
    assert main(["dibco2016", "--data", str(data)]) == 1
    message = capsys.readouterr().err
    known = sources.source("dibco2016")
    for part in (known.page, "terms: No explicit licence", "DOCRESTORE_MIRROR"):
        assert part in message
    assert str(data / "incoming" / "dibco2016") in message


def test_files_in_the_way_are_not_touched(data, tmp_path):
    mirror_of(tmp_path, 2009, PAGES_2009)
    (data / "dibco2009").mkdir(parents=True)
    (data / "dibco2009" / "mine.png").write_bytes(b"mine")
    with pytest.raises(FetchError, match="has files but no manifest.csv; move"):
        fetch("dibco2009", data)
    assert (data / "dibco2009" / "mine.png").read_bytes() == b"mine"


def test_a_fetch_killed_half_way_leaves_no_set(tmp_path, data):
    mirror_of(tmp_path, 2009, PAGES_2009)
    script = (
        "import os, shutil, signal, sys; from pathlib import Path\n"
        "copy, done = shutil.copyfile, []\n"
        "def copyfile(*paths):\n"
        "    done.append(copy(*paths))\n"
        "    if len(done) == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "shutil.copyfile = copyfile\n"
        "from data_prep.fetch import fetch; fetch('dibco2009', Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(data)], capture_output=True)
    assert done.returncode == -9, done.stderr
    assert not (data / "dibco2009").exists()
    fetch("dibco2009", data)
    assert os.listdir(data) == ["dibco2009"]


def test_noisy_office_keeps_groups_together(tmp_path):
    for group in range(6):
        for kind in range(4):
            number = 2 + 36 * group + 3 * kind
            write(tmp_path / "train" / f"{number}.png", page(number)[0])
            write(tmp_path / "train_cleaned" / f"{number}.png", page(1000 + group)[1])
    pairs = noisy_office.find(tmp_path)
    assert len(pairs) == 24
    assert {pair.group for pair in pairs if pair.split == "test"} == {"38", "146"}
    assert [pair.more["noise"] for pair in pairs[:4]] == list(noisy_office.KINDS.values())
    (tmp_path / "train" / "5.png").unlink()
    with pytest.raises(noisy_office.SourceError, match="comes with 3 kinds of noise, not 4"):
        noisy_office.find(tmp_path)


def test_noisy_office_from_uci_keeps_the_official_split(tmp_path):
    base = tmp_path / "SimulatedNoisyOffice"
    for part in ("TR", "VA", "TE"):
        write(base / "clean_images_grayscale" / f"Fontfre_Clean_{part}.png", page(1)[1])
        for kind in "cfpw":
            name = f"Fontfre_Noise{kind}_{part}.png"
            write(base / "simulated_noisy_images_grayscale" / name, page(2)[0])
    pairs = noisy_office.find(tmp_path)
    assert len(pairs) == 12
    assert {(pair.group, pair.split) for pair in pairs} == {
        ("fre-TR", "train"),
        ("fre-VA", "val"),
        ("fre-TE", "test"),
    }


def test_text_deblur_uses_the_first_and_the_last_panel(tmp_path, data):
    folder = tmp_path / "mirror" / "text_deblur_bmvc15_sample"
    grays = (70, 128, 200)
    triplet = np.zeros((304, 908), np.uint8)
    for index, gray in enumerate(grays):
        triplet[2:302, 2 + 302 * index : 302 + 302 * index] = gray
    for number in range(30):
        write(folder / "triplets" / f"{number}.png", triplet)
    for role in ("blur", "orig"):
        write(folder / "pair" / f"0000184_{role}.png", page(3, (300, 300))[0])
    out = fetch("text_deblur", data)
    rows = manifest.read(out)
    assert len(rows) == 31 and {row["split"] for row in rows} == {"test"}
    first = next(row for row in rows if row["id"] == "T00")
    assert np.array_equal(read_gray(out / first["degraded"]), np.full((300, 300), 70))
    assert np.array_equal(read_gray(out / first["clean"]), np.full((300, 300), 200))


def test_the_pages_that_ship_are_small_and_named_in_the_readme(data):
    folder = fetch("permissive", data)
    readme = (Path(fetching.__file__).parent / "pages" / "README.md").read_text()
    rows = manifest.read(folder)
    assert [row["id"] for row in rows if row["clean"]] == ["2-john"]
    for row in rows:
        path = folder / row["degraded"]
        assert f"`{path.name}`" in readme
        assert path.stat().st_size < 1_000_000
        assert min(read_gray(path).shape) > 100


def test_the_list_shows_every_set_with_its_terms(data, capsys):
    assert main(["--list", "--data", str(data)]) == 0
    shown = capsys.readouterr().out
    for name in fetching.names():
        known = sources.source(name)
        assert f"{name}: " in shown and known.page in shown and known.terms in shown
    with pytest.raises(KeyError, match="no set is called 'dibco2015'; the sets are dibco2009"):
        fetch("dibco2015", data)
    with pytest.raises(SystemExit):
        main(["dibco2015"])


def test_sources_agree_with_themselves():
    for name in sources.names():
        known = sources.source(name)
        assert known.mirror or known.ships
        assert set(known.absent) <= set(known.pages)
        if known.pages:
            assert known.copies["official"] == len(known.pages)
            assert known.copies["mirror"] == len(known.pages) - len(known.absent)
        for archive in known.archives:
            assert archive.url.startswith(("http://", "https://"))
            assert not archive.sha256 or len(bytes.fromhex(archive.sha256)) == 32
