"""Colour from the file to the figure: readers, crops, tiles and evaluation, beside grey."""

import csv

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor, nn

from docrestore import evaluation, images
from docrestore.data import Crops, Pair, PairedPages
from docrestore.guides import luminance, with_guides
from docrestore.images import grayscale
from docrestore.images.grayscale import to_gray, to_rgb
from docrestore.inference import restore
from docrestore.models import MODELS
from docrestore.subjects import Subject

HEIGHT, WIDTH = 24, 40


def painted(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Colours that change from place to place, so that a turn or a swap shows: uint8 (H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    red, green, blue = 255 * x / width, 255 * y / height, 255 * (x + y) / (width + height)
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def gray_of(rgb: np.ndarray) -> np.ndarray:
    """Pillow's luminance, ITU-R 601-2."""
    return np.asarray(Image.fromarray(rgb).convert("L"))


def near(one: np.ndarray, two: np.ndarray, levels: int = 1) -> bool:
    return one.shape == two.shape and int(np.abs(one.astype(int) - two).max()) <= levels


# Files


def in_mode(mode: str) -> Image.Image:
    image = Image.fromarray(painted())
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(Image.fromarray(painted()[..., 0]))
        return image
    if mode == "I;16":
        return Image.fromarray(gray_of(painted()).astype(np.uint16) * 257)
    return image.convert(mode)


MODES = ["1", "L", "RGB", "RGBA", "P", "LA", "I;16", "CMYK", "YCbCr", "F", "I"]


@pytest.mark.parametrize("mode", MODES)
def test_a_page_in_colour_has_the_luminance_of_the_grey_page(mode: str, monkeypatch) -> None:
    """Whatever the mode: transparent is paper, deep pixels are scaled; also stripe by stripe."""
    image = in_mode(mode)
    gray, rgb = to_gray(image), to_rgb(image)
    assert rgb.shape == (HEIGHT, WIDTH, 3) and rgb.dtype == gray.dtype == np.uint8
    assert near(gray_of(rgb), gray, 2 if mode == "YCbCr" else 1)
    coloured = bool(np.ptp(rgb.astype(int), axis=2).max() > 20)
    assert coloured is (mode in ("RGB", "RGBA", "P", "CMYK", "YCbCr"))
    if not coloured:
        assert (rgb == gray[..., None]).all()
    monkeypatch.setattr(grayscale, "STRIPE", 5 * WIDTH)
    assert (to_rgb(image) == rgb).all() and (to_gray(image) == gray).all()


@pytest.mark.parametrize(
    ("mode", "name"),
    [(mode, "page.png") for mode in ("1", "L", "RGB", "RGBA", "P", "LA", "I;16")]
    + [(mode, "page.tif") for mode in ("1", "L", "RGB", "RGBA", "P", "LA", "I;16", "CMYK")],
)
def test_a_file_gives_both(mode: str, name: str, tmp_path) -> None:
    """The grey page is the one that is read without colour; colour is there when asked for."""
    image = in_mode(mode)
    image.save(tmp_path / name)
    page = next(images.pages(tmp_path / name, colour=True))
    assert (page.gray == images.read_gray(tmp_path / name)).all()
    assert near(gray_of(page.rgb), page.gray) and near(page.rgb, to_rgb(image))
    assert np.shares_memory(page.rgb, page.gray) is (mode in ("1", "L", "LA", "I;16"))
    seen = images.to_tensor(page.rgb)
    assert torch.equal(seen, images.to_tensor(page.rgb.copy())) and seen.dtype == torch.float32
    assert next(images.pages(tmp_path / name)).rgb is None


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_colour_is_turned_as_the_grey_page_is(suffix: str, orientation: int, tmp_path) -> None:
    """By the camera's EXIF mark, which a TIFF keeps in a tag of its own."""
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(painted()).save(tmp_path / f"t.{suffix}", exif=exif, quality=95)
    page = next(images.pages(tmp_path / f"t.{suffix}", colour=True))
    assert page.gray.shape == ((WIDTH, HEIGHT) if orientation > 4 else (HEIGHT, WIDTH))
    assert near(gray_of(page.rgb), page.gray, 3)
    assert near(page.rgb, images.grayscale.upright(painted(), orientation), 25)  # JPEG is lossy


@pytest.mark.parametrize("type_", [np.uint8, np.uint16])
def test_a_tiff_whose_zero_is_white_in_colour(tmp_path, type_) -> None:
    """Repeated grey, right way round."""
    gray, top = gray_of(painted()), np.iinfo(type_).max
    tifffile.imwrite(
        tmp_path / "white0.tif", top - gray.astype(type_) * (top // 255), photometric="miniswhite"
    )
    page = next(images.pages(tmp_path / "white0.tif", colour=True))
    assert (page.gray == gray).all() and (page.rgb == gray[..., None]).all()


def test_every_page_of_a_tiff_has_its_own_colours(tmp_path) -> None:
    """Page by page, grey ones among coloured ones."""
    one, two = Image.fromarray(painted()), Image.fromarray(gray_of(painted()))
    one.save(tmp_path / "two.tif", save_all=True, append_images=[two])
    first, second = images.pages(tmp_path / "two.tif", colour=True)
    assert (first.rgb == painted()).all() and (first.gray == gray_of(painted())).all()
    assert (second.rgb == gray_of(painted())[..., None]).all()


def test_luminance_is_the_readers_grey() -> None:
    """What a network computes from colour is what a grey page would have been, to half a level."""
    rgb = painted()
    found = luminance(images.to_tensor(rgb))[0, 0].numpy() * 255
    assert np.abs(found - gray_of(rgb)).max() < 0.51


# Pages and crops


@pytest.fixture
def folder(tmp_path):
    """A data folder with two coloured pages and their truths."""
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "split", "degraded", "clean", "group", "sha256"])
        for name, size in (("A", (90, 120)), ("B", (70, 60))):
            rgb = painted(*size)
            Image.fromarray(rgb).save(tmp_path / f"{name}.png")
            images.write(tmp_path / f"{name}-clean.png", gray_of(rgb) > 120)
            table.writerow([name, "test", f"{name}.png", f"{name}-clean.png", name, ""])
    return tmp_path


def test_pairs_show_a_network_what_it_takes(folder) -> None:
    """Grey to one channel, colour to three; grey again where colour was not read."""
    coloured, grey = PairedPages(folder, colour=True)[0], PairedPages(folder)[0]
    assert (coloured.rgb == painted(90, 120)).all() and grey.rgb is None
    assert (coloured.degraded == grey.degraded).all() and (coloured.clean == grey.clean).all()
    assert coloured.seen() is coloured.degraded and coloured.seen(3) is coloured.rgb
    assert grey.seen() is grey.degraded and grey.seen(3) is grey.degraded


@pytest.mark.parametrize("old", [0.0, 1.0])
def test_crops_in_colour_are_a_pure_function(folder, old: float) -> None:
    """(B, 3, H, W) in [0, 1], the same bits after a restart, and shared by ranks."""
    first = Crops(PairedPages(folder, colour=True), 48, seed=3, old=old)
    whole = first.batch(5, 6)
    assert whole["degraded"].shape == (6, 3, 48, 48) and whole["clean"].shape == (6, 1, 48, 48)
    assert all(side.dtype == torch.float32 for side in whole.values())
    assert 0 <= whole["degraded"].min() and whole["degraded"].max() <= 1
    resumed = Crops(PairedPages(folder, colour=True), 48, seed=3, old=old)
    resumed.batch(2, 3)
    for side, value in resumed.batch(5, 6).items():
        assert torch.equal(value, whole[side])
        for rank in range(2):
            part = resumed.batch(5, 6, rank=rank, world=2)[side]
            assert torch.equal(part, value[rank::2])


def test_coloured_crops_lie_where_grey_crops_lie(folder) -> None:
    """Scaled and turned alike: reading colour changes no draw until the page is aged."""
    grey = PairedPages(folder)
    repeated = [
        Pair(p.id, p.set, p.degraded, p.clean, p.row, np.repeat(p.degraded[..., None], 3, 2))
        for p in grey
    ]
    for how in ({"augment": False}, {}, {"turned": 1.0, "zoom": 2.0}):
        one, three = (Crops(pages, 32, seed=1, **how).batch(4, 8) for pages in (grey, repeated))
        assert torch.equal(one["clean"], three["clean"])
        assert torch.equal(one["degraded"].expand(-1, 3, -1, -1), three["degraded"])


def test_aged_crops_differ_in_colour_and_some_are_grey(folder) -> None:
    """Other light for each crop; about one in seven has no colour but that of the light."""
    aged = Crops(PairedPages(folder, colour=True), 32, old=1.0).batch(0, 40)["degraded"]
    means = aged.mean((2, 3))
    assert (means[:, 0] - means[:, 2]).std() > 0.05
    assert len({tuple(row) for row in means.tolist()}) == 40


# Tiles


class Mask(nn.Module):
    """Answers with the Otsu mask that it is given: a network that believes its guide."""

    channels, blank = 3, 0.0

    def __init__(self, patch: int | None) -> None:
        super().__init__()
        self.patch = patch
        self.one = nn.Parameter(torch.ones(()))

    def prepare(self, page: Tensor, threshold: Tensor | float | None = None) -> Tensor:
        return with_guides(page, ("otsu",), patch=self.patch, blank=0.0, threshold=threshold)

    def forward(self, x: Tensor) -> Tensor:
        return (x if x.shape[1] == 4 else self.prepare(x))[:, 3:]


@pytest.mark.parametrize("colour", [False, True])
def test_the_threshold_of_the_whole_page_does_not_depend_on_tiles(colour: bool) -> None:
    """With patch=None every tile is cut where the page is cut; with windows it is not."""
    page = painted(200, 330) if colour else gray_of(painted(200, 330))
    whole = restore(Mask(None), page, tile=1280)
    for tile, overlap in ((64, 0), (64, 32), (96, 16)):
        assert (restore(Mask(None), page, tile=tile, overlap=overlap) == whole).all()
        windows = restore(Mask(256), page, tile=tile, overlap=overlap)
        assert (windows != whole).mean() > 0.05
    assert set(np.unique(whole)) == {0, 255}


@pytest.mark.parametrize("name", ["ra_gan", "ra_gan-compact"])
def test_a_page_in_colour_is_restored_to_grey(name: str) -> None:
    """(H, W, 3) becomes (H, W) of the page's type; a grey page is one of equal channels."""
    torch.manual_seed(0)
    small = {"width": 8} if name == "ra_gan" else {"widths": (8, 8, 16, 16, 16)}
    network, rgb = MODELS[name](**small).eval(), painted(70, 110)
    soft = restore(network, rgb)
    assert soft.shape == (70, 110) and soft.dtype == np.uint8
    exact = restore(network, rgb.astype(np.float32) / 255)
    assert exact.dtype == np.float32 and np.abs(exact * 255 - soft).max() < 2
    gray = gray_of(rgb)
    repeated = np.repeat(gray[..., None], 3, axis=2)
    assert near(restore(network, gray), restore(network, repeated))
    with torch.no_grad():
        plain = network(images.to_tensor(rgb))[0, 0].numpy()
    assert np.abs(plain - exact).max() < 0.02  # bf16 on some processors


# Evaluation


def test_an_evaluation_shows_colour_to_those_who_see_it(folder) -> None:
    """A network of three channels gets (H, W, 3), all others the grey page."""
    seen: dict[str, list[tuple[int, ...]]] = {"one": [], "three": []}

    def subject(name: str, channels: int) -> Subject:
        def look(page: np.ndarray) -> np.ndarray:
            seen[name].append(page.shape)
            return page if page.ndim == 2 else gray_of(page)

        return Subject(name, "network", look, {"parameters": 0}, channels)

    tested = evaluation.pages([folder])
    asked = [subject("one", 1), subject("three", 3)]
    rows = evaluation.evaluate("binarize", asked, tested, pseudo=False, progress=False)
    assert seen == {"one": [(90, 120), (70, 60)], "three": [(90, 120, 3), (70, 60, 3)]}
    assert rows[0]["fm"] == rows[1]["fm"] > 0
