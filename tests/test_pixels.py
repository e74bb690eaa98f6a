"""Grey image files of all depths as numbers: nothing is rounded, cut or wrapped around."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from docrestore.pixels import Shelf, as_float, read_pixels


def test_a_float_tiff_keeps_its_values(tmp_path: Path) -> None:
    """Noise below 0 and above 1, and all digits."""
    noisy = np.random.default_rng(0).normal(0.5, 0.4, (30, 40)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", noisy)
    found = read_pixels(tmp_path / "a.tif")
    assert found.dtype == np.float32 and np.array_equal(found, noisy)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_16_bits_of_either_byte_order(tmp_path: Path, order: str, suffix: str) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (30, 40)).astype(f"{order}u2")
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, deep)
    else:
        tifffile.imwrite(path, deep, byteorder=order)
    found = read_pixels(path)
    assert found.dtype == np.uint16 and found.dtype.isnative and np.array_equal(found, deep)
    np.testing.assert_allclose(as_float(found), deep / 65535, atol=1e-6)


@pytest.mark.parametrize("value", [-1, 65536])
def test_32_bits_that_do_not_fit_are_refused(tmp_path: Path, value: int) -> None:
    whole = np.full((30, 40), 7, np.int32)
    tifffile.imwrite(tmp_path / "a.tif", whole)
    assert np.array_equal(read_pixels(tmp_path / "a.tif"), whole.astype(np.uint16))
    whole[3, 4] = value
    tifffile.imwrite(tmp_path / "a.tif", whole)
    with pytest.raises(ValueError, match="do not fit into 16 bits; save it as floats"):
        read_pixels(tmp_path / "a.tif")


def test_colour_and_palettes_become_grey(tmp_path: Path) -> None:
    Image.new("RGB", (9, 8), (90, 90, 90)).save(tmp_path / "a.png")
    Image.new("RGB", (9, 8), (90, 90, 90)).convert("P").save(tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        found = read_pixels(tmp_path / name)
        assert found.dtype == np.uint8 and abs(int(found[0, 0]) - 90) < 20


def test_a_shelf_keeps_the_latest_and_reads_the_others_again(tmp_path: Path) -> None:
    """Two images of 100 bytes fit; what a memory map shows takes no memory."""
    for name in "abc":
        Image.fromarray(np.full((10, 10), ord(name), np.uint8)).save(tmp_path / f"{name}.png")
    np.save(tmp_path / "large.npy", np.zeros((400, 400), np.float32))
    shelf = Shelf(most=200)
    first = {name: shelf.take(tmp_path / f"{name}.png") for name in "abc"}
    assert shelf.take(tmp_path / "c.png") is first["c"]
    assert shelf.take(tmp_path / "b.png") is first["b"]
    assert isinstance(shelf.take(tmp_path / "large.npy"), np.memmap) and shelf.size == 200
    again = shelf.take(tmp_path / "a.png")
    assert again is not first["a"] and (again == ord("a")).all() and shelf.size == 200
    assert shelf.take(tmp_path / "b.png") is first["b"], "the oldest went, which was c"
