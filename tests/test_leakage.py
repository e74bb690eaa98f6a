"""The leakage guard finds near copies and pieces, and lets other pages pass."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from docrestore import leakage
from docrestore.images import read_gray
from docrestore.leakage import LeakageError, check, conflicts, fingerprint, near
from docrestore.leakage.landmarks import agreeing, landmarks, mirrored

PAGES = Path(__file__).parents[1] / "data_prep" / "pages"


def scaled(gray, factor):
    image = Image.fromarray(gray)
    size = round(image.width * factor), round(image.height * factor)
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def jpeg(gray, quality=30):
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def paler(gray):
    return (gray * 0.6 + 60).astype(np.uint8)


def behind(gray):
    return np.ascontiguousarray(gray[:, ::-1])


def quarter(gray):
    height, width = gray.shape
    return np.ascontiguousarray(gray[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4])


COPIES = {
    "half": lambda gray: scaled(gray, 0.5),
    "larger": lambda gray: scaled(gray, 1.6),
    "jpeg": jpeg,
    "paler": paler,
    "mirrored": behind,
    "all at once": lambda gray: jpeg(paler(scaled(behind(gray), 0.7))),
}


@pytest.fixture(scope="module")
def shipped():
    """Three real pages that ship with the book."""
    names = ("2-john.png", "congress.jpg", "page.png")
    return {f"permissive/{name[:-4]}": read_gray(PAGES / name) for name in names}


@pytest.fixture(scope="module")
def card(shipped):
    """The fingerprints of the pages, as a weights card holds them."""
    return [[name, fingerprint(gray)] for name, gray in shipped.items()]


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_a_planted_near_copy_is_found(shipped, card, copy):
    for name, gray in shipped.items():
        planted = copy(gray)
        found = conflicts([("mine/page", planted)], card)
        assert [(one.test, one.trained) for one in found] == [("mine/page", name)]
        marks = dict(card)
        assert near(fingerprint(planted), marks[name])
        assert sum(near(fingerprint(planted), mark) for mark in marks.values()) == 1


def test_a_piece_and_its_whole_are_found_from_both_sides(shipped):
    for name in ("permissive/congress", "permissive/2-john"):
        whole, piece = shipped[name], quarter(shipped[name])
        assert conflicts([("test/piece", piece)], [["train/whole", fingerprint(whole)]])
        assert conflicts([("test/whole", whole)], [["train/piece", fingerprint(piece)]])


def test_check_names_the_pairs_and_says_what_to_do(shipped, card):
    planted = COPIES["all at once"](shipped["permissive/congress"])
    with pytest.raises(
        LeakageError, match=r"mine/7 and permissive/congress \(\d+ landmarks"
    ) as info:
        check([("mine/7", planted)], card)
    assert "Leave these pages out" in str(info.value)
    names = [(f"mine/{number}", planted) for number in range(12)]
    with pytest.raises(LeakageError, match="and 2 more pairs"):
        check(names, card)


def written_page(text, seed):
    """A page of lines of words in one typeface, in an order that the seed gives."""
    rng = np.random.default_rng(seed)
    words = text.split()
    image = Image.new("L", (700, 500), 235)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    for line in range(15):
        draw.text((20, 15 + 31 * line), " ".join(rng.permutation(words)[:8]), fill=40, font=font)
    noise = rng.normal(0, 6, (500, 700))
    return (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)


TEXT = """Paper is one and ink is zero, so a page becomes a field of numbers which some network
learns to restore; what was written shines through from behind, stains spread, light falls unevenly,
folds cast shadows and letters fade, yet readers guess every word because they know the tongue."""


def test_distinct_pages_pass_even_in_the_same_words_and_type(shipped, card):
    pages = [(f"drawn/{seed}", written_page(TEXT, seed)) for seed in range(4)]
    check(pages, card)
    for name, gray in pages:
        others = [[other, fingerprint(page)] for other, page in pages if other != name]
        check([(name, gray)], others)


def test_a_clean_page_is_found_where_the_degraded_one_hides_it(shipped):
    clean = written_page(TEXT, 1)
    noise = np.random.default_rng(0).integers(0, 256, clean.shape).astype(np.uint8)
    other_noise = np.random.default_rng(1).integers(0, 256, clean.shape).astype(np.uint8)
    trained = [["train/1", fingerprint(noise), fingerprint(clean)]]
    assert conflicts([("test/1", other_noise)], trained) == []
    assert conflicts([("test/1", other_noise, clean)], trained)


@pytest.mark.parametrize(
    ("test", "trained", "why"),
    [
        ("dibco2017/H11", "dibco2011/P01", "a piece of H11"),
        ("dibco2011/P02", "dibco2017/H13", "pieces of one page"),
        ("rain100l/14", "train400/test_067", "a crop of Train400"),
        ("rain100l/3", "bsd68/test033", "an image of BSD68"),
        ("rain100l/5", "rain100l/14", "two rains"),
        ("noisyoffice/2", "noisyoffice/2", "the same page"),
    ],
)
def test_known_traps_are_found_by_name_alone(test, trained, why):
    blank = np.full((40, 40), 255, np.uint8)
    for one, other in ((test, trained), (trained, test)):
        with pytest.raises(LeakageError, match=why):
            check([(one, blank)], [[other, fingerprint(blank)]])


def test_names_that_are_not_listed_pass():
    blank = np.full((40, 40), 255, np.uint8)
    check([("rain100l/18", blank)], [["train400/test_001", fingerprint(blank)]])
    check([("dibco2017/H11", blank)], [["dibco2011/P02", fingerprint(blank)]])


def test_pages_known_to_share_nothing_that_matters_pass(shipped):
    """Two texts under one stain; the same pair under other names still alarms."""
    page = next(iter(shipped.values()))
    mark = fingerprint(page)
    assert conflicts([("noisyoffice/38", page)], [("noisyoffice/2", mark)]) == []
    assert conflicts([("noisyoffice/38", page)], [("noisyoffice/3", mark)])
    assert conflicts([("noisyoffice/38", page)], [("noisyoffice/38", mark)])


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (300, 5)])
def test_pages_too_small_for_landmarks_are_near_to_nothing(size):
    gray = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    assert not near(fingerprint(gray), fingerprint(gray))


def test_a_string_that_is_no_fingerprint_is_refused():
    for wrong in ("dibco2009", "abc", "0123456789"):
        with pytest.raises(ValueError, match="is not a fingerprint; make it with"):
            near(wrong, wrong)


def test_a_fingerprint_is_short_and_says_what_the_landmarks_say(shipped):
    gray = shipped["permissive/congress"]
    mark = fingerprint(gray)
    assert mark == fingerprint(gray.copy()) and len(mark) <= 2500
    read, full = leakage._read(mark), landmarks(gray)
    assert len(read.x) == leakage.KEPT
    assert agreeing(read, full) >= 0.95 * leakage.KEPT
    coarse = min(leakage.KEPT // 2, (full.sigma >= leakage.COARSE).sum())
    assert coarse > 30 and (read.sigma > 0.98 * leakage.COARSE).sum() >= coarse


def test_the_mirror_of_landmarks_is_the_landmarks_of_the_mirror(shipped):
    gray = shipped["permissive/2-john"]
    assert agreeing(mirrored(landmarks(gray)), landmarks(behind(gray))) > 300
    assert agreeing(landmarks(gray), landmarks(behind(gray))) < leakage.AGREEING
