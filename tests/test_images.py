"""Image files in and out, for every kind of scan that an archive may hold."""

import errno
import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from docrestore import images
from docrestore.images import ImageError, count_pixels, pages, read_gray, write, write_pages
from docrestore.images.colour_profiles import gray_twin
from docrestore.images.output import PART, made_by

RAMP = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))  # (48, 64)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def letter_f(height: int = 40, width: int = 24) -> np.ndarray:
    """A page that no turn and no mirror leaves as it is."""
    page = np.full((height, width), 255, np.uint8)
    page[4:36, 4:8] = page[4:8, 4:20] = page[18:22, 4:14] = 0
    return page


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK"])
def test_every_mode_reads_as_the_same_grey(tmp_path, mode):
    suffix = "tif" if mode == "CMYK" else "png"
    image = Image.fromarray(RAMP)
    image = image.convert(mode) if mode == "P" else image.convert("RGB").convert(mode)
    path = saved(tmp_path / f"page.{suffix}", image)
    assert np.abs(read_gray(path).astype(int) - RAMP).max() <= 1


def test_colour_weighs_as_the_eye_does(tmp_path):
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    path = saved(tmp_path / "rgb.png", Image.fromarray(pixels))
    assert read_gray(path).tolist() == [[76, 150, 29]]


def test_ycbcr_and_lab_give_their_lightness(tmp_path):
    path = saved(tmp_path / "y.tif", Image.fromarray(RAMP).convert("RGB").convert("YCbCr"))
    assert np.abs(read_gray(path).astype(int) - RAMP).max() <= 1
    lab = Image.merge("LAB", [Image.fromarray(RAMP), *[Image.new("L", (64, 48), 128)] * 2])
    assert (read_gray(saved(tmp_path / "lab.tif", lab)) == RAMP).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_one_bit(tmp_path, suffix):
    page = letter_f() > 127
    path = saved(tmp_path / f"bit.{suffix}", Image.fromarray(page))
    assert ((read_gray(path) > 127) == page).all()
    assert set(np.unique(read_gray(path))) == {0, 255}


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    deep = RAMP.astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    tifffile.imwrite(tmp_path / "deep.tif", deep)
    tifffile.imwrite(tmp_path / "big_endian.tif", deep, byteorder=">")
    tifffile.imwrite(tmp_path / "rgb16.tif", np.stack([deep] * 3, -1), photometric="rgb")
    for name in ("deep.png", "deep.tif", "big_endian.tif", "rgb16.tif"):
        assert np.abs(read_gray(tmp_path / name).astype(int) - RAMP).max() <= 1, name


@pytest.mark.parametrize("type_", [np.uint8, np.uint16])
def test_a_tiff_whose_zero_is_white(tmp_path, type_):
    values = np.iinfo(type_).max - RAMP.astype(type_) * (257 if type_ is np.uint16 else 1)
    tifffile.imwrite(tmp_path / "white0.tif", values, photometric="miniswhite")
    assert (read_gray(tmp_path / "white0.tif") == RAMP).all()


def test_float_pages_by_the_range_they_use(tmp_path):
    for name, scale in (("one", 1 / 255), ("byte", 1), ("word", 257), ("other", 1000)):
        tifffile.imwrite(tmp_path / f"{name}.tif", RAMP.astype(np.float32) * scale)
    for name in ("one", "byte", "word"):
        assert (read_gray(tmp_path / f"{name}.tif") == RAMP).all(), name
    assert read_gray(tmp_path / "other.tif").max() == 255
    holes = RAMP.astype(np.float32) / 255
    holes[0, 0] = np.nan
    tifffile.imwrite(tmp_path / "holes.tif", holes)
    assert read_gray(tmp_path / "holes.tif")[0, 0] == 255


def test_what_is_transparent_is_paper(tmp_path):
    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[:, 3:, 3] = 255
    wanted = [[255] * 3 + [0] * 3] * 4
    assert read_gray(saved(tmp_path / "rgba.png", Image.fromarray(pixels))).tolist() == wanted
    palette = Image.fromarray((pixels[..., 3] // 255).astype(np.uint8), mode="P")
    palette.putpalette([10, 10, 10, 0, 0, 0])
    path = saved(tmp_path / "palette.png", palette, transparency=0)
    assert read_gray(path).tolist() == wanted
    one = saved(tmp_path / "l.png", Image.fromarray(pixels[..., 3]), transparency=0)
    assert read_gray(one).tolist() == [[255] * 6] * 4


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_turn_of_the_camera_is_applied(tmp_path, suffix, orientation):
    back = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}  # the turn that undoes each turn
    image = Image.fromarray(letter_f()).convert("RGB")
    exif = Image.Exif()
    exif[274] = back.get(orientation, 1)
    stored = ImageOps.exif_transpose(_tagged(image, exif))
    exif[274] = orientation
    path = saved(tmp_path / f"turned.{suffix}", stored, exif=exif, dpi=(300, 200))
    read = next(pages(path))
    assert read.gray.shape == (40, 24)
    assert ((read.gray > 127) == (letter_f() > 127)).mean() > 0.98  # JPEG and WebP are lossy
    if suffix != "webp":  # keeps no resolution
        assert read.dpi == ((200, 300) if orientation > 4 else (300, 200))


def _tagged(image: Image.Image, exif: Image.Exif) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "PNG", exif=exif)
    return Image.open(buffer)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_damaged_exif_block_is_no_reason_to_fail(tmp_path):
    path = saved(tmp_path / "x.jpg", Image.fromarray(RAMP), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert read_gray(path).shape == RAMP.shape


def test_only_tiff_pages_are_pages(tmp_path):
    first, second = Image.fromarray(letter_f()), Image.fromarray(255 - letter_f())
    for suffix in ("gif", "png", "webp"):
        path = tmp_path / f"moving.{suffix}"
        first.save(path, save_all=True, append_images=[second])
        found = list(pages(path))
        assert len(found) == 1 and found[0].count == 1
        assert np.abs(found[0].gray.astype(int) - letter_f()).mean() < 8, suffix
    first.save(tmp_path / "two.tif", save_all=True, append_images=[second])
    found = list(pages(tmp_path / "two.tif"))
    assert [page.index for page in found] == [0, 1] and found[0].count == 2
    assert (found[1].gray == 255 - letter_f()).all()


def test_thumbnails_in_a_tiff_are_left_out(tmp_path):
    with tifffile.TiffWriter(tmp_path / "thumb.tif") as tiff:
        tiff.write(letter_f())
        tiff.write(letter_f()[::4, ::4], subfiletype=1)
        tiff.write(255 - letter_f())
    assert [page.gray.shape for page in pages(tmp_path / "thumb.tif")] == [(40, 24)] * 2


def test_a_tiff_that_links_its_pages_in_a_circle_ends(tmp_path):
    path = tmp_path / "circle.tif"
    Image.fromarray(RAMP).save(path)
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * entries, start)
    path.write_bytes(data)
    assert len(list(pages(path))) == 1


@pytest.mark.parametrize(
    ("unit", "dpi"), [("INCH", (300, 200)), ("CENTIMETER", (762, 508)), ("NONE", None)]
)
def test_resolution_units_of_tiff(tmp_path, unit, dpi):
    tifffile.imwrite(tmp_path / "u.tif", RAMP, resolution=(300, 200), resolutionunit=unit)
    assert next(pages(tmp_path / "u.tif")).dpi == dpi


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_resolution_survives_the_round_trip(tmp_path, suffix):
    path = write(tmp_path / f"r.{suffix}", RAMP, dpi=(300, 400))
    assert next(pages(path)).dpi == (300, 400)
    assert next(pages(write(tmp_path / f"none.{suffix}", RAMP))).dpi is None


@pytest.mark.parametrize("dpi", [(0, 0), (1, 1), (float("nan"), 300), (1e9, 1e9), "300", None])
def test_a_senseless_resolution_is_none(dpi):
    assert images._resolution(dpi) is None


@pytest.mark.parametrize(
    ("name", "format_", "compression"),
    [("b.png", "PNG", None), ("b.tif", "TIFF", "group4"), ("b.tiff", "TIFF", "group4")],
)
def test_a_binarized_page_takes_one_bit_a_pixel(tmp_path, name, format_, compression):
    page = letter_f() > 127
    path = write(tmp_path / name, page)
    with Image.open(path) as image:
        assert (image.format, image.mode, image.info.get("compression")) == (
            format_, "1", compression
        )  # fmt: skip
        assert (np.asarray(image) == page).all()


def test_pages_of_several_kinds_in_one_tiff(tmp_path):
    with images.writing(tmp_path / "book.tif", software="a test") as add:
        add(letter_f() > 127, dpi=(600, 600))
        add(RAMP, dpi=(300, 300))
    first, second = pages(tmp_path / "book.tif")
    assert (first.mode, second.mode) == ("1", "L")
    assert (first.dpi, second.dpi) == ((600, 600), (300, 300))
    assert (first.gray == letter_f()).all() and (second.gray == RAMP).all()
    assert made_by(tmp_path / "book.tif") == "a test"


def test_several_pages_need_a_tiff(tmp_path):
    with pytest.raises(ImageError, match="name the file .tif"):
        write_pages(tmp_path / "two.png", [RAMP, RAMP])
    assert list(tmp_path.iterdir()) == []
    write_pages(tmp_path / "three.tif", iter([RAMP, RAMP, RAMP]))
    assert len(list(pages(tmp_path / "three.tif"))) == 3


@pytest.mark.parametrize(
    "bad", [RAMP.astype(float), RAMP[None], np.zeros((0, 5), np.uint8), np.zeros((4, 4, 4), "u1")]
)
def test_other_arrays_are_refused_in_words(tmp_path, bad):
    with pytest.raises(ImageError, match="an image must be"):
        write(tmp_path / "x.png", bad)


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(ImageError, match="name the result .png or .tif"):
        write(tmp_path / "page.xyz", RAMP)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, suffix, monkeypatch):
    path = write(tmp_path / f"page.{suffix}", RAMP)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ImageError, match="the disk is full; make room"):
        write(path, 255 - RAMP)
    assert path.read_bytes() == before
    assert list(tmp_path.glob(PART)) == []


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = write(tmp_path / "book.tif", RAMP)
    with images.writing(path) as add:
        add(255 - RAMP)
        assert (read_gray(path) == RAMP).all()
    assert (read_gray(path) == 255 - RAMP).all()


def test_results_are_readable_for_those_whom_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        assert write(tmp_path / "p.png", RAMP).stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_a_grey_profile_is_kept_and_an_rgb_profile_gets_its_grey_twin(tmp_path):
    twin = gray_twin(SRGB)
    assert twin is not None and gray_twin(twin) == twin
    # Grey through the twin is what neutral colours were through the original.
    lab = ImageCms.createProfile("LAB")
    to_lab = ImageCms.buildTransform
    colours = Image.fromarray(RAMP).convert("RGB")
    wanted = ImageCms.applyTransform(
        colours, to_lab(ImageCms.ImageCmsProfile(BytesIO(SRGB)), lab, "RGB", "LAB")
    )
    found = ImageCms.applyTransform(
        Image.fromarray(RAMP), to_lab(ImageCms.ImageCmsProfile(BytesIO(twin)), lab, "L", "LAB")
    )
    assert np.abs(np.asarray(wanted).astype(int) - np.asarray(found))[..., 0].max() <= 1
    for name in ("p.png", "p.tif"):
        assert next(pages(write(tmp_path / name, RAMP, icc=SRGB))).icc == twin
        bits = write(tmp_path / f"1-{name}", RAMP > 99, icc=twin)
        assert next(pages(bits)).icc == twin


@pytest.mark.parametrize("icc", [b"", b"x", SRGB[:200], SRGB[:16] + b"CMYK" + SRGB[20:]])
def test_a_profile_that_cannot_be_true_is_left_out(tmp_path, icc):
    assert gray_twin(icc) is None
    assert next(pages(write(tmp_path / "p.png", RAMP, icc=icc))).icc is None


def test_every_flipped_byte_of_a_png_is_noticed(tmp_path):
    whole = saved(tmp_path / "whole.png", Image.fromarray(letter_f())).read_bytes()
    path = tmp_path / "flipped.png"
    for position in range(8, len(whole) - 12):  # the last 12 are the end mark, without content
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        with pytest.raises(ImageError, match=r"^flipped\.png .*\.$"):
            read_gray(path)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", ["jpg", "tif", "webp", "bmp", "gif", "jp2", "png", "pgm"])
def test_bytes_flipped_anywhere_never_give_another_kind_of_error(tmp_path, suffix):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    whole = saved(tmp_path / f"whole.{suffix}", Image.fromarray(noise)).read_bytes()
    path = tmp_path / f"flipped.{suffix}"
    for _ in range(150):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), rng.choice([64, 10**6])), size=3):
            data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        try:
            list(pages(path))
        except ImageError as error:
            assert str(error).endswith(".") and "\n" not in str(error)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "jp2", "webp", "bmp"])
def test_a_truncated_file_is_refused(tmp_path, suffix):
    noise = np.random.default_rng(1).integers(0, 255, (90, 90)).astype(np.uint8)
    path = saved(tmp_path / f"cut.{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(ImageError, match="^cut"):
        read_gray(path)


def test_the_broken_page_of_several_is_named(tmp_path):
    path = write_pages(tmp_path / "book.tif", [RAMP, RAMP, RAMP])
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[1].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[start : start + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"page 2 of 3 in book.tif is damaged"):
        list(pages(path))


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of a few bytes that claims to be huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(
            ">I", zlib.crc32(name + data)
        )  # fmt: skip

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(10_000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + data + chunk(b"IEND", b""))
    return path


def test_a_bomb_is_seen_in_the_header(tmp_path):
    path = bomb(tmp_path / "bomb.png", 100_000, 100_000)
    with pytest.raises(ImageError, match="100000 x 100000 pixels, more than the limit"):
        read_gray(path)
    assert count_pixels(path) == 0


def test_a_page_that_does_not_fit_into_memory_is_not_tried(tmp_path, monkeypatch):
    path = write(tmp_path / "page.png", RAMP)
    monkeypatch.setattr(images, "_free_memory", lambda: 6000.0)
    with pytest.raises(ImageError, match="of memory to be read"):
        read_gray(path)
    monkeypatch.setattr(images, "_free_memory", lambda: 6144.0)
    assert read_gray(path).size == 3072


def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(ImageError, match="a pipe or a device"):
            read_gray(path)


def test_pixels_are_counted_without_decoding(tmp_path):
    write_pages(tmp_path / "two.tif", [RAMP, RAMP])
    assert count_pixels(tmp_path / "two.tif") == 2 * RAMP.size
    assert count_pixels(tmp_path / "missing.png") == 0


def test_tensors_and_arrays_are_each_others_inverse():
    tensor = images.to_tensor(RAMP)
    assert tuple(tensor.shape) == (1, 1, 48, 64) and 0 <= tensor.min() and tensor.max() <= 1
    assert (images.to_array(tensor) == RAMP).all()
