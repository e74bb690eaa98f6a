"""Whatever an archive holds, each file gets its result or one sentence, and the rest is done."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from shell import Ran, docrestore, png, report, small_weights, written_page

from docrestore import images, weights
from docrestore.models import MODELS

HTML = '<b>page & "one"</b> #%41.png'.replace("/", "\u2044")
NAMES = ["with spaces, and more.png", "古籍 第一頁.png", HTML, "new\nline.png", "caf\udce9.png"]
GOOD = ["good.png", "sub/good.jpg", "1x1.png", "sliver.png", "white.png", "black.png", *NAMES]

# what is in the batch -> words that its sentence must have, what to do among them
BAD = {
    "empty.png": "is empty (0 bytes); copy it again",
    "text.png": "is not an image, whatever its name says",
    "truncated.png": "is damaged and cannot be decoded",
    "truncated.jpg": "is damaged and cannot be decoded",
    "flipped.png": "is damaged and cannot be decoded",
    "bomb.png": "claims 100000 x 100000 pixels, more than the limit of 600 million; cut it",
    "folder.png": "is a folder, not an image; rename it or fill it",
    "circle.png": "is a link that cannot be followed",
    "gone.png": "is a link to a file that is gone",
    "above": "is a link to a folder that is in this batch already; remove the link",
    "pipe.png": "is a pipe or a device, not a file",
    "broken.pdf": "is a PDF; export its pages as TIFF or PNG first",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return small_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")


@pytest.fixture(scope="module")
def batch(tmp_path_factory, model) -> tuple[Path, Path, Ran]:
    """All of it in one folder, restored with one command, into a folder inside of it."""
    folder = tmp_path_factory.mktemp("archive") / "scans"
    (folder / "sub").mkdir(parents=True)
    page = written_page()
    for name in ["good.png", "sub/good.jpg", *NAMES]:
        Image.fromarray(page).save(folder / name)
    Image.fromarray(page[:1, :1]).save(folder / "1x1.png")
    Image.fromarray(np.tile(page[:3], 8)[:, :700]).save(folder / "sliver.png")
    Image.fromarray(np.full_like(page, 255)).save(folder / "white.png")
    Image.fromarray(np.zeros_like(page)).save(folder / "black.png")

    (folder / "empty.png").touch()
    (folder / "text.png").write_text("This is no image.\n" * 9)
    for name in ("truncated.png", "truncated.jpg"):
        noise = np.random.default_rng(0).integers(0, 256, (99, 99)).astype(np.uint8)
        Image.fromarray(noise).save(folder / name)
        (folder / name).write_bytes((folder / name).read_bytes()[:2000])
    data = bytearray((folder / "good.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / "flipped.png").write_bytes(data)
    png(folder / "bomb.png", 100_000, 100_000, bytes(12_500), rows=8)
    (folder / "folder.png").mkdir()
    (folder / "circle.png").symlink_to("circle.png")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "above").symlink_to("..", target_is_directory=True)
    (folder / "above").unlink()
    (folder / "above").symlink_to(".", target_is_directory=True)
    os.mkfifo(folder / "pipe.png")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< broken")
    (folder / "notes.txt").write_text("no page")
    before = _state(folder)
    out = folder / "restored"
    ran = docrestore(
        "restore", folder, "-o", out, "--model", model, "--runtime", "torch", "--jobs", 2
    )
    assert _state(folder, without=out) == before
    return folder, out, ran


def _state(folder: Path, without: Path | None = None) -> dict[str, object]:
    """Contents and dates of all files: originals are never touched."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
        if not (without and path.is_relative_to(without)) and path != folder / "restored"
        and not stat.S_ISDIR(path.lstat().st_mode)
    }  # fmt: skip


def test_the_batch_ends_with_status_1_and_a_summary(batch):
    _, _, ran = batch
    assert ran.status == 1
    assert ran.err.splitlines()[-1].startswith(f"{len(GOOD)} restored, {len(BAD)} failed. ")


@pytest.mark.parametrize("name", BAD)
def test_each_bad_file_gets_one_sentence(batch, name):
    folder, out, ran = batch
    entries = [e for e in report(out)["files"] if e.get("input") == str(folder / name)]
    assert len(entries) == 1 and entries[0]["status"] == "failed"
    why = entries[0]["why"]
    assert BAD[name] in why and name in why and why.endswith(".") and "\n" not in why
    lines = [line for line in ran.err.splitlines() if why in line]
    assert len(lines) == 1


@pytest.mark.parametrize("name", GOOD)
def test_the_rest_is_done(batch, name):
    folder, out, _ = batch
    source, target = folder / name, (out / name).with_suffix(".png")
    with Image.open(source) as given, Image.open(target) as result:
        assert result.size == given.size and result.mode == "1"
    if name not in ("1x1.png", "black.png"):
        paper = images.read_gray(target) > 127
        assert (paper == (images.read_gray(source) > 127)).mean() > 0.95


def test_blank_pages_come_out_blank(batch):
    _, out, _ = batch
    for name in ("white.png", "black.png"):
        assert (images.read_gray(out / name) == 255).all()
        assert [e for e in report(out)["files"] if e.get("output") == name][0]["pages"][0]["blank"]


def test_results_inside_the_input_are_not_eaten_again(batch, model):
    folder, out, _ = batch
    again = docrestore("restore", folder, "-o", out, "--model", model, "--runtime", "torch")
    assert again.err.splitlines()[-1].startswith(f"{len(GOOD)} skipped, {len(BAD)} failed. ")
    other = docrestore(
        "restore", folder, "-o", folder / "other", "--model", model, "--runtime", "torch"
    )
    assert f"{out} holds results of an earlier run; it was left out." in other.err
    assert other.err.splitlines()[-1].startswith(f"{len(GOOD)} restored, {len(BAD)} failed. ")
    shutil.rmtree(folder / "other")


@pytest.mark.parametrize("name", ["empty.png", "text.png", "bomb.png", "pipe.png", "circle.png"])
def test_a_bad_file_given_by_itself(batch, model, tmp_path, name):
    ran = docrestore("restore", batch[0] / name, "-o", tmp_path / "out", "--model", model)
    assert ran.status == 1 and name in ran.err
    assert ran.err.splitlines()[-1].startswith("1 failed. ")


def test_a_missing_file_and_a_folder_without_images(tmp_path, model):
    (tmp_path / "bare.png").mkdir()
    out = tmp_path / "out"
    ran = docrestore(
        "restore", tmp_path / "missing.png", tmp_path / "bare.png", "-o", out, "--model", model
    )
    assert ran.status == 1
    assert "missing.png does not exist; check the name." in ran.err
    assert "bare.png is a folder without images in it." in ran.err


def test_a_file_that_may_not_be_read(model):
    """As another user where the tests run as root, for whom there are no locks."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    try:
        folder.chmod(0o777)
        for name in ("a.png", "locked.png", "z.png"):
            Image.fromarray(written_page()).save(folder / name)
        (folder / "closed").mkdir()
        (folder / "closed").chmod(0)
        (folder / "locked.png").chmod(0)
        shutil.copy(model, folder / "w.safetensors")
        with _as_nobody():
            ran = docrestore(
                "restore", folder, "-o", folder / "out", "--model", folder / "w.safetensors"
            )
            into = folder / "closed" / "out"
            from_closed = docrestore(
                "restore", folder / "closed/x.png", "-o", into, "--model", folder / "w.safetensors"
            )
            closed_model = docrestore(
                "restore", folder / "a.png", "-o", folder / "o", "--model", folder / "locked.png"
            )
        assert from_closed.status == 1 and len(from_closed.err.splitlines()) == 2
        assert "x.png may not be read" in from_closed.err
        assert "report.json could not be written (Permission denied)" in from_closed.err
        assert closed_model.status == 1 and "is no whole safetensors file" in closed_model.err
        assert ran.status == 1
        assert "locked.png may not be read; change its permissions (chmod u+r)." in ran.err
        assert "the folder closed cannot be opened (Permission denied)" in ran.err
        assert ran.err.splitlines()[-1].startswith("2 restored, 2 failed. ")
    finally:
        (folder / "closed").chmod(0o700)
        shutil.rmtree(folder)


class _as_nobody:  # noqa: N801
    """Give up the rights of root for a while."""

    def __enter__(self) -> None:
        self.root = os.geteuid() == 0
        if self.root:
            os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        if self.root:
            os.seteuid(0)


def test_an_output_folder_that_may_not_be_written(model):
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        Image.fromarray(written_page()).save(folder / "a.png")
        shutil.copy(model, folder / "w.safetensors")
        (folder / "out").mkdir(mode=0o555)
        with _as_nobody():
            ran = docrestore(
                "restore", folder, "-o", folder / "out", "--model", folder / "w.safetensors"
            )
        assert ran.status == 1
        assert f"nothing may be written into {folder / 'out'}; choose another folder." in ran.err
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 64 kB, where the tests may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode
    except OSError:
        done = 1
    if done:
        pytest.skip("only root can mount a small disk; the test below simulates one")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk(small_disk, tmp_path, model):
    """What fits is done, what does not is told, and no half file stays."""
    (tmp_path / "in").mkdir()
    Image.fromarray(written_page()).save(tmp_path / "in" / "a.png")
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "in" / "large.png")
    Image.fromarray(noise).save(tmp_path / "in" / "large.tif")
    Image.fromarray(written_page()).save(tmp_path / "in" / "z.png")
    ran = docrestore("restore", tmp_path / "in", "-o", small_disk, "--model", model)
    assert ran.status == 1
    assert ran.err.count("could not be written: the disk is full; make room and start again.") == 2
    assert ran.err.splitlines()[-1].startswith("2 restored, 2 failed. ")
    assert {path.name for path in small_disk.iterdir()} == {"a.png", "z.png", "report.json"}


def test_a_disk_that_fills_up_at_the_last_moment(tmp_path, model, monkeypatch):
    """The same where nothing can be mounted, and the report cannot be written either."""
    Image.fromarray(written_page()).save(tmp_path / "a.png")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    ran = docrestore("restore", tmp_path / "a.png", "-o", tmp_path / "out", "--model", model)
    assert ran.status == 1
    assert "a.png could not be written: the disk is full; make room and start again." in ran.err
    assert "report.json could not be written (No space left on device)" in ran.err
    assert [path for path in (tmp_path / "out").rglob("*") if path.suffix == ".png"] == []


def test_a_result_never_replaces_an_original(tmp_path, model):
    page = tmp_path / "a.png"
    Image.fromarray(written_page()).save(page)
    before = page.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for words in (
        ("restore", tmp_path, "-o", tmp_path),
        ("restore", tmp_path, "-o", tmp_path / "link"),
        ("restore", page, "-o", tmp_path, "--overwrite"),
        ("restore", page, "-o", page, "--overwrite"),
        ("restore", page, "-o", tmp_path / "link" / "a.png"),
    ):
        ran = docrestore(*words, "--model", model)
        assert ran.status == 1 and "choose another folder with -o." in ran.err, words
        assert page.read_bytes() == before


def test_an_output_that_is_a_file(tmp_path, model):
    Image.fromarray(written_page()).save(tmp_path / "a.png")
    (tmp_path / "out").write_text("mine")
    ran = docrestore("restore", tmp_path / "a.png", "-o", tmp_path / "out", "--model", model)
    assert ran.status == 1 and "is a file; name a folder for the results" in ran.err
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("name", ["no-such-model", "missing.safetensors"])
def test_an_unknown_model(tmp_path, name):
    Image.fromarray(written_page()).save(tmp_path / "a.png")
    ran = docrestore("restore", tmp_path / "a.png", "-o", tmp_path / "out", "--model", name)
    assert ran.status == 1 and len(ran.err.splitlines()) == 1
    assert f"no weights called '{name}'. Name a .safetensors file, or one of: " in ran.err
    assert not (tmp_path / "out").exists()


def _foreign(kind: str, path: Path) -> Path:
    card = {"model": "de_gan-compact", "arguments": {"widths": [4, 8]}, "task": "binarize"}
    if kind == "other network":
        other = MODELS["de_gan-compact"](widths=(4, 16))
        return weights.save_weights(path, other, card)
    if kind == "unknown network":
        return weights.save_weights(path, torch.nn.Linear(2, 2), card | {"model": "resnet"})
    if kind == "discriminator":
        critic = MODELS["de_gan-discriminator"](width=4)
        named = card | {"model": "de_gan-discriminator", "arguments": {"width": 4}}
        return weights.save_weights(path, critic, named)
    if kind == "no numbers":
        broken = MODELS["de_gan-compact"](widths=(4, 8))
        torch.nn.init.constant_(broken.out.weight, float("nan"))
        return weights.save_weights(path, broken, card)
    return small_weights(path, task="clean")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("other network", "do not fit a de_gan-compact network"),
        ("unknown network", "a network this version does not know"),
        ("discriminator", "holds a network that does not restore pages; name another."),
        ("no numbers", "gives no numbers (NaN), its training failed; name another."),
        ("other task", "was trained to clean; give --task clean or another model."),
    ],
)
def test_weights_of_another_network(tmp_path, kind, sentence):
    path = _foreign(kind, tmp_path / "w.safetensors")
    Image.fromarray(written_page()).save(tmp_path / "a.png")
    ran = docrestore(
        "restore", tmp_path / "a.png", "-o", tmp_path / "out", "--model", path, "--task", "binarize"
    )
    assert ran.status == 1 and len(ran.err.splitlines()) == 1 and sentence in ran.err
    assert not (tmp_path / "out").exists()


def test_a_page_of_400_megapixels_is_restored_within_bounds(tmp_path, model):
    """The whole way of a 20,000 x 20,000 one-bit page, but for the network, which takes minutes.

    Peak memory of the process, torch included. The page itself takes 0.4 GB as bytes, and so do
    Pillow's copy of it and the result.
    """
    page = png(tmp_path / "huge.png", 20_000, 20_000, b"\xff\xff\xff\x00\xff" * 500)
    code = f"""
        import resource, sys
        from docrestore import cli, inference, runtime
        runtime.build = lambda network, *_: inference.Prepared(lambda tiles: tiles, network)
        try:
            cli.main(["restore", {str(page)!r}, "-o", {str(tmp_path / "out")!r},
                      "--model", {str(model)!r}])
        finally:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 1.8  # GB
    with Image.open(tmp_path / "out" / "huge.png") as result:
        assert result.size == (20_000, 20_000) and result.mode == "1"
        corner = np.asarray(result.crop((19_960, 19_960, 20_000, 20_000)))
    assert (corner == (np.arange(40) // 8 != 3)).all()
