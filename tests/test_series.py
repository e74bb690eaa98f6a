"""Measured files: what comes out is what was in them, and what goes back is of their kind."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin
from sample_series import DEEP, SOFTWARE, check, dicom, hdf5, written

from docrestore.images import ImageError
from docrestore.images.series import made_by, read_series

LAYOUTS = {
    "plain": {},
    "big end first": {"byteorder": ">"},
    "lzw": {"compression": "lzw", "predictor": True},
    "deflate": {"compression": "zlib", "rowsperstrip": 7},
    "tiles": {"tile": (32, 32), "compression": "zstd"},
    "BigTIFF": {"bigtiff": True},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f2", "f4", "f8"])
def test_tiff_stacks_of_all_types_and_layouts(tmp_path, layout, dtype):
    stack = (DEEP // (16 if dtype == "u1" else 1)).astype(dtype)
    options = dict(LAYOUTS[layout])
    if "predictor" in options and dtype.startswith("f"):
        options["predictor"] = 3 if dtype != "f2" else None
    path = tmp_path / "stack.tif"
    with tifffile.TiffWriter(
        path, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", "<")
    ) as file:
        for page in stack:
            file.write(page, metadata=None, **options)
    if dtype == "f2":  # values step by 1 or 2 here, so that plus 3 is not exact
        series = read_series(path)
        assert written(series, tmp_path / "o.tif").dtype == np.float16
        return
    check(path, stack)
    with tifffile.TiffFile(path) as one, tifffile.TiffFile(tmp_path / "out-stack.tif") as two:
        for name in ("is_bigtiff", "byteorder"):
            assert getattr(one, name) == getattr(two, name)
        for first, second in zip(one.pages, two.pages, strict=True):
            for name in ("compression", "predictor", "is_tiled", "rowsperstrip", "dtype"):
                assert getattr(first, name) == getattr(second, name), name


def tags(path: Path) -> list[dict]:
    """All tags of all pages but those that say where the pixels lie and who wrote the file."""
    moved = {"StripOffsets", "StripByteCounts", "TileOffsets", "TileByteCounts", "Software"}
    with tifffile.TiffFile(path) as file:
        return [
            {
                tag.name: str(tag.value)
                for tag in page.tags
                if tag.name not in moved and tag.name != "NewSubfileType"
            }
            for page in file.pages
        ]


def test_imagej_keeps_scale_labels_and_unit(tmp_path):
    path = tmp_path / "ij.tif"
    known = {"axes": "ZYX", "spacing": 0.5, "unit": "um", "Labels": ["a", "b", "c"], "min": 0.0}
    tifffile.imwrite(path, DEEP, imagej=True, resolution=(9.2, 9.2), metadata=known)
    check(path, DEEP)
    assert tags(path) == tags(tmp_path / "out-ij.tif")
    with tifffile.TiffFile(tmp_path / "out-ij.tif") as file:
        assert file.imagej_metadata["Labels"] == ["a", "b", "c"] and file.series[0].axes == "ZYX"


def test_imagej_stacks_in_one_page(tmp_path):
    """ImageJ writes stacks above 4 GB so, and says only in its description how many there are."""
    path = tmp_path / "ij.tif"
    tifffile.imwrite(path, DEEP, imagej=True, truncate=True, metadata={"axes": "TYX"})
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
    check(path, DEEP)


def test_ome_keeps_its_description(tmp_path):
    path = tmp_path / "a.ome.tif"
    known = {"axes": "TYX", "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(path, DEEP, ome=True, metadata=known, compression="zlib")
    check(path, DEEP)
    assert tags(path) == tags(tmp_path / "out-a.ome.tif")


def test_tags_of_every_page_are_kept(tmp_path):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        for index, page in enumerate(DEEP):
            own = [(65000, "s", 0, f"stage {index}", True), (65001, "d", 2, (0.5, index), True)]
            options = {"resolution": (index + 1, 300.5), "resolutionunit": "CENTIMETER"}
            file.write(
                page[: 100 + index],
                metadata=None,
                description=f"page {index} at 37 °C".encode(),
                software="Scope 3",
                extratags=own,
                **options,
            )
    series = read_series(path)
    assert [frame.shape[0] for frame in series.frames] == [100, 101, 102]
    written(series, tmp_path / "out.tif")
    assert tags(path) == tags(tmp_path / "out.tif")
    assert made_by(tmp_path / "out.tif") == f"{SOFTWARE}; Scope 3"


def test_colours_are_frames_and_alpha_stays(tmp_path):
    colours = np.concatenate([np.moveaxis(DEEP, 0, -1), np.full((*DEEP.shape[1:], 1), 9)], 2)
    path = tmp_path / "rgba.tif"
    image = colours.astype(np.uint16)
    tifffile.imwrite(path, image, photometric="rgb", extrasamples=["unassalpha"])
    check(path, DEEP)
    result = tifffile.imread(tmp_path / "out-rgba.tif")
    np.testing.assert_array_equal(result[..., 3], image[..., 3])


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "RGB;16"])
def test_png_keeps_depth_and_words(tmp_path, mode):
    import imagecodecs

    image = np.moveaxis(DEEP, 0, -1) if "RGB" in mode else DEEP[0]
    image = image if "16" in mode else (image // 16).astype(np.uint8)
    path = tmp_path / "a.png"
    bare = tmp_path / "bare.png"
    bare.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(image)))
    if mode == "RGB;16":  # Pillow cannot write this; it is read without words
        path = bare
    else:
        said = PngImagePlugin.PngInfo()
        said.add_text("Comment", "well B4")
        Image.fromarray(image).save(path, pnginfo=said, dpi=(300, 300))
    check(path, np.moveaxis(image, -1, 0) if image.ndim == 3 else image[None])
    out = tmp_path / f"out-{path.name}"
    assert made_by(out) == SOFTWARE
    with Image.open(out) as result:
        assert result.format == "PNG"
        if mode != "RGB;16":
            assert result.info["Comment"] == "well B4" and round(result.info["dpi"][0]) == 300


def test_grey_in_three_equal_channels_is_one_frame(tmp_path):
    grey = (DEEP[0] // 16).astype(np.uint8)
    Image.fromarray(np.stack([grey] * 3, -1)).save(tmp_path / "a.png")
    check(tmp_path / "a.png", grey[None])
    assert np.asarray(Image.open(tmp_path / "out-a.png")).shape == (*grey.shape, 3)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [0, 2, None])
def test_npy(tmp_path, dtype, order, axis):
    truth = (DEEP[:, :120] // 16).astype(dtype)
    truth = truth[:1] if axis is None else truth
    array = truth[0] if axis is None else np.moveaxis(truth, 0, axis)
    np.save(tmp_path / "a.npy", np.asarray(array, order=order))
    check(tmp_path / "a.npy", truth)
    result = np.load(tmp_path / "out-a.npy")
    assert result.shape == array.shape and result.dtype == array.dtype


def test_hdf5_keeps_all_the_rest(tmp_path):
    path = hdf5(tmp_path / "a.h5", {"entry/data/raw": DEEP, "exposure": np.arange(5.0)})
    check(path, DEEP)
    assert made_by(tmp_path / "out-a.h5") == SOFTWARE
    import h5py

    with h5py.File(tmp_path / "out-a.h5") as file:
        assert file["entry/data/raw"].attrs["unit"] == "counts"
        np.testing.assert_array_equal(file["exposure"], np.arange(5.0))


def test_matlab_73_has_its_axes_in_reverse(tmp_path):
    stack = np.moveaxis(DEEP, 0, -1)  # as MATLAB shows it: rows x columns x images
    path = hdf5(tmp_path / "a.mat", {"img": stack}, matlab=True)
    check(path, DEEP)
    assert (tmp_path / "out-a.mat").read_bytes()[:19] == b"MATLAB 7.3 MAT-file"


def test_older_matlab(tmp_path):
    from scipy import io

    path = tmp_path / "a.mat"
    content = {"quarter": np.moveaxis(DEEP, 0, -1), "note": "37 degrees", "gain": 2.5}
    io.savemat(path, content)
    check(path, DEEP)
    result = io.loadmat(tmp_path / "out-a.mat")
    assert str(result["note"][0]) == "37 degrees" and float(result["gain"][0, 0]) == 2.5
    assert result["quarter"].dtype == np.uint16


def test_several_arrays_are_listed(tmp_path):
    from scipy import io

    path = tmp_path / "a.mat"
    io.savemat(path, {"quarter": DEEP[0], "full": DEEP[1], "gain": 2.5})
    with pytest.raises(ImageError, match=r"--key: full \(130, 150\) uint16, quarter") as told:
        read_series(path)
    assert "gain" not in str(told.value)
    check(path, DEEP[:1], key="quarter")
    with pytest.raises(ImageError, match="no images called half; it has: full"):
        read_series(path, "half")


def test_whole_numbers_are_rounded_and_cut_and_floats_are_not(tmp_path):
    for dtype, wanted in (("u1", [0, 255, 3]), ("f4", [-7.2, 300.4, 2.6])):
        np.save(tmp_path / "a.npy", np.ones((20, 30), dtype))
        series = read_series(tmp_path / "a.npy")
        frame = np.tile(np.float32([-7.2, 300.4, 2.6]), (20, 10))
        series.write(tmp_path / "o.npy", [frame], SOFTWARE)
        np.testing.assert_allclose(np.load(tmp_path / "o.npy")[0, :3], wanted, rtol=1e-6)


@pytest.mark.parametrize("number", [2, 4])
@pytest.mark.parametrize("kind", ["tif", "npy", "h5", "dcm"])
def test_too_few_or_too_many_frames_leave_no_file(tmp_path, number, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "tif":
        tifffile.imwrite(path, DEEP, photometric="minisblack")
    elif kind == "npy":
        np.save(path, DEEP)
    elif kind == "h5":
        hdf5(path, {"a": DEEP})
    else:
        dicom(path, DEEP)
    wrong = [DEEP[0].astype(np.float32)] * number
    with pytest.raises(ImageError, match=f"has 3 frames, but {number}"):
        read_series(path).write(tmp_path / f"out.{kind}", wrong, SOFTWARE)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


def test_what_is_no_measurement_is_refused_in_a_sentence(tmp_path):
    np.save(tmp_path / "mask.npy", np.ones((40, 40), bool))
    np.save(tmp_path / "wave.npy", np.ones((40, 40), complex))
    np.save(tmp_path / "list.npy", np.ones(40))
    np.save(tmp_path / "objects.npy", np.array([{}, []], object), allow_pickle=True)
    tifffile.imwrite(tmp_path / "bits.tif", np.ones((40, 40), bool))
    (tmp_path / "text.tif").write_text("no image at all")
    (tmp_path / "text.h5").write_text("no image at all")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "mask.npy").read_bytes()[:200])
    tifffile.imwrite(tmp_path / "cut.tif", DEEP, compression="zlib", photometric="minisblack")
    (tmp_path / "cut.tif").write_bytes((tmp_path / "cut.tif").read_bytes()[:-9000])
    (tmp_path / "empty.dcm").touch()
    words = {
        "mask.npy": "one bit a pixel", "wave.npy": "of complex values, their magnitude",
        "list.npy": "shape (40,)", "objects.npy": "damaged", "bits.tif": "one bit a pixel",
        "text.tif": "damaged", "text.h5": "no HDF5 file", "cut.npy": "damaged",
        "cut.tif": "damaged", "empty.dcm": "is empty", "missing.tif": "does not exist",
    }  # fmt: skip
    for name, told in words.items():
        with pytest.raises(ImageError) as error:
            list(read_series(tmp_path / name).frames)
        assert name in str(error.value) and told in str(error.value), str(error.value)


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    path = dicom(tmp_path / "a.dcm", DEEP[0])
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(ImageError, match=r'need the library pydicom: pip install "docrestore'):
        read_series(path)
