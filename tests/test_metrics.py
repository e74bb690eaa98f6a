"""Metrics: values worked by hand, the decided cases of 0 / 0, and doxapy."""

import math

import doxapy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from docrestore import metrics
from docrestore.metrics import binarization
from docrestore.metrics.confusion import count
from docrestore.paths import here

PAIRS = array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


def pair(right: int, false: int, missed: int, paper: int) -> tuple[np.ndarray, np.ndarray]:
    """A restored and a clean page of one row with these counts."""
    restored = np.repeat([False, False, True, True], [right, false, missed, paper])
    clean = np.repeat([False, True, False, True], [right, false, missed, paper])
    return restored[None], clean[None]


def test_counts_take_text_as_positive():
    assert count(*pair(27, 11, 8, 5)) == (27, 11, 8, 5)


def test_basic_values_by_hand():
    row = binarization(*pair(27, 11, 8, 54), pseudo=False)
    assert row["recall"] == pytest.approx(100 * 27 / 35)
    assert row["precision"] == pytest.approx(100 * 27 / 38)
    assert round(row["fm"], 2) == 73.97
    assert row["nrm"] == pytest.approx((8 / 35 + 11 / 65) / 2)
    assert row["accuracy"] == pytest.approx(0.81)
    assert row["iou"] == pytest.approx(27 / 46)
    assert row["psnr"] == pytest.approx(-10 * math.log10(0.19))


def test_documented_sample_of_the_contest():
    # Recall, precision, F-measure and PSNR as the contest's tool prints them for its own sample,
    # from the counts of the sample.
    row = binarization(*pair(61573, 1929, 6493, 251404), pseudo=False)
    printed = {"recall": 90.4607, "precision": 96.9623, "fm": 93.5987, "psnr": 15.8163}
    assert {key: round(row[key], 4) for key in printed} == printed


def test_drd_weights():
    weights = metrics.drd_weights()
    assert weights.sum() == pytest.approx(1)
    listed = {(0, 0): 0.025582, (0, 1): 0.032359, (0, 2): 0.036179, (1, 1): 0.051164}
    listed |= {(1, 2): 0.072357, (2, 2): 0}
    for (y, x), value in listed.items():
        for spot in ((y, x), (x, y), (4 - y, x), (y, 4 - x), (4 - x, 4 - y)):
            assert weights[spot] == pytest.approx(value, abs=5e-7)
    assert 1 / weights[1, 2] == pytest.approx(13.820349, abs=1e-6)


def test_drd_by_hand():
    # The example of Doxa's tests: one pixel of a slanted line is lost; three neighbours differ.
    clean = np.array([list(row) for row in """
        11111011 11111111 01111111 10111111 11000111 11111111 11111101 10111110
    """.split()]) == "1"  # fmt: skip
    restored = clean.copy()
    restored[4, 3] = True
    wanted = 2 * 0.072357 + 0.032359
    assert metrics.drd(restored, clean) == pytest.approx(wanted, abs=2e-6)


def test_drd_counts_whole_mixed_blocks_only():
    clean = np.ones((20, 27), bool)
    clean[7, 7] = False  # the last pixel of the first block: doxapy 0.9.2 does not see it
    clean[17, 3] = clean[3, 25] = False  # in partial blocks, below and on the right
    restored = clean.copy()
    restored[7, 7] = True
    # No neighbour of the lost pixel is text, so the change costs nothing to its surroundings ...
    assert metrics.drd(restored, clean) == 0
    # ... and a false pixel on clean paper costs all the weights, over one mixed block.
    restored = clean.copy()
    restored[12, 12] = False
    assert metrics.drd(restored, clean) == pytest.approx(1)
    clean[10, 18] = False
    assert metrics.drd(restored & clean, clean) == pytest.approx(1 / 2)


def test_drd_neighbours_beyond_the_page_cost_nothing():
    clean = np.ones((8, 8), bool)
    clean[7, 7] = False
    restored = clean.copy()
    restored[0, 0] = False
    weights = metrics.drd_weights()
    assert metrics.drd(restored, clean) == pytest.approx(weights[2:, 2:].sum())


@pytest.mark.parametrize(("text", "paper"), [(1, 0), (0, 1), (10, 0), (0, 10), (3, 7)])
def test_equal_pages(text, paper):
    _, page = pair(text, 0, 0, paper)
    wanted = dict.fromkeys(("fm", "precision", "recall", "pfm_contest", "pfm_skeleton"), 100)
    wanted |= {"nrm": 0, "accuracy": 1, "iou": 1, "psnr": math.inf, "drd": 0}
    assert binarization(page, page) == wanted


def test_no_text_in_the_truth():
    row = binarization(*pair(0, 3, 0, 97))
    for key in ("fm", "precision", "iou", "pfm_contest", "pfm_skeleton"):
        assert row[key] == 0
    for key in ("recall", "nrm", "drd"):
        assert math.isnan(row[key])


def test_only_text_in_the_truth():
    row = binarization(*pair(90, 0, 10, 0))
    assert math.isnan(row["nrm"]) and math.isnan(row["drd"])
    assert row["recall"] == 90 and row["precision"] == 100


def test_blank_result():
    row = binarization(*pair(0, 0, 20, 80))
    for key in ("fm", "precision", "recall", "iou", "pfm_contest", "pfm_skeleton"):
        assert row[key] == 0
    assert row["nrm"] == 0.5 and row["accuracy"] == 0.8


@given(PAIRS)
@settings(deadline=None)
def test_psnr_is_a_function_of_accuracy(pages):
    wrong = 1 - metrics.accuracy(*pages)
    if wrong:
        assert metrics.psnr_binary(*pages) == pytest.approx(-10 * math.log10(wrong))
    else:
        assert metrics.psnr_binary(*pages) == math.inf


@given(PAIRS)
@settings(deadline=None, max_examples=60)
def test_values_stay_in_their_ranges_and_turn_with_the_page(pages):
    row = binarization(*pages)
    for key, top in {
        "fm": 100,
        "pfm_contest": 100,
        "pfm_skeleton": 100,
        "iou": 1,
        "nrm": 1,
    }.items():
        assert math.isnan(row[key]) or 0 <= row[key] <= top + 1e-9
    turned = binarization(*(page[::-1, ::-1] for page in pages), pseudo=False)
    for key in ("fm", "precision", "recall", "nrm", "accuracy", "iou", "psnr"):
        assert turned[key] == pytest.approx(row[key], nan_ok=True)


@given(PAIRS)
@settings(deadline=None)
def test_f_measure_is_the_harmonic_mean(pages):
    row = binarization(*pages, pseudo=False)
    if row["fm"]:
        halves = row["precision"], row["recall"]
        assert row["fm"] == pytest.approx(2 / (1 / halves[0] + 1 / halves[1]))


@pytest.fixture(scope="module")
def generated() -> tuple[np.ndarray, np.ndarray]:
    """Strokes, and the same with a rough rim, gaps and specks."""
    rng = np.random.default_rng(3)
    clean = np.ones((120, 200), bool)
    for _ in range(30):
        y, x, tall, wide = rng.integers(0, (110, 180, 14, 14)) + (0, 0, 3, 3)
        clean[y : y + tall, x : x + wide] = False
    return clean ^ (rng.random(clean.shape) < 0.03), clean


def doxa_drd(restored: np.ndarray, clean: np.ndarray) -> float:
    """DRD as doxapy 0.9.2 has it: of each block it looks at 7 x 7 pixels, and its product of the
    count with 1,000,000 overflows 32 bits beyond 4,294 blocks."""
    height, width = clean.shape[0] // 8, clean.shape[1] // 8
    blocks = clean[: height * 8, : width * 8].reshape(height, 8, width, 8)
    seven, eight = (blocks[:, :side, :, :side].mean((1, 3)) for side in (7, 8))
    seen, whole = (int(((part > 0) & (part < 1)).sum()) for part in (seven, eight))
    return metrics.drd(restored, clean) * whole * 1_000_000 / (seen * 1_000_000 % 2**32)


@pytest.mark.parametrize("times", [1, 4])
def test_doxapy_agrees(generated, times):
    restored, clean = (np.tile(page, (times, 2 * times)) for page in generated)
    ours = binarization(restored, clean, pseudo=False)
    theirs = doxapy.calculate_performance(
        *(page.astype(np.uint8) * 255 for page in (clean, restored))
    )
    assert ours["fm"] == pytest.approx(theirs["fm"], abs=1e-10)
    assert ours["psnr"] == pytest.approx(theirs["psnr"], abs=1e-10)
    assert ours["nrm"] == pytest.approx(theirs["nrm"], abs=1e-12)
    assert 100 * ours["accuracy"] == pytest.approx(theirs["accuracy"], abs=1e-10)
    # Its DRD differs, and this is why. The larger page has more than 4,294 mixed blocks.
    assert theirs["drdm"] == pytest.approx(doxa_drd(restored, clean), rel=1e-5)
    assert theirs["drdm"] > 1.05 * ours["drd"]


def test_doxapy_agrees_on_a_real_page():
    folder = here("data_prep", "pages")
    if not (folder / "2-john-truth.png").is_file():
        pytest.skip("the page 2-john is not in data_prep/pages")
    truth = np.array(Image.open(folder / "2-john-truth.png").convert("L"))
    gray = np.array(Image.open(folder / "2-john.png").convert("L"))
    otsu = doxapy.Binarization(doxapy.Binarization.Algorithms.OTSU)
    otsu.initialize(gray)
    answer = np.empty_like(gray)
    otsu.to_binary(answer, {})
    ours = binarization(answer >= 128, truth >= 128, pseudo=False)
    theirs = doxapy.calculate_performance(truth, answer)
    assert ours["fm"] == pytest.approx(theirs["fm"], abs=1e-10)
    assert ours["psnr"] == pytest.approx(theirs["psnr"], abs=1e-10)


@pytest.mark.parametrize(
    ("restored", "clean", "said"),
    [
        (np.ones((3, 4), np.uint8), np.ones((3, 4), bool), "restored page must be a bool array"),
        (np.ones((3, 4), bool), np.ones((3, 4)), "float64"),
        (np.ones((3, 4, 3), bool), np.ones((3, 4, 3), bool), r"\(3, 4, 3\)"),
        ([[True]], np.ones((1, 1), bool), "it is list"),
        (np.ones((3, 4), bool), np.ones((4, 3), bool), r"\(3, 4\) and \(4, 3\)"),
        (np.ones((0, 4), bool), np.ones((0, 4), bool), "at least one pixel"),
    ],
)
def test_wrong_pages_get_one_sentence(restored, clean, said):
    with pytest.raises(ValueError, match=said) as caught:
        binarization(restored, clean)
    assert "\n" not in str(caught.value)


def test_maps_need_a_two_level_page():
    with pytest.raises(ValueError, match="clean page must be a bool array"):
        metrics.weight_maps(np.ones((3, 4)))


def test_psnr_gray_by_hand():
    clean = np.zeros((5, 7), np.uint8)
    restored = clean.copy()
    restored[2, 3] = 51  # 0.2 in [0, 1]
    assert metrics.psnr_gray(restored, clean) == pytest.approx(10 * math.log10(35 / 0.04), abs=1e-4)
    floats = restored / np.float32(255)
    assert metrics.psnr_gray(floats, clean) == pytest.approx(10 * math.log10(35 / 0.04), abs=1e-4)
    assert metrics.psnr_gray(clean, clean) == math.inf


def test_ssim_gray_by_hand():
    clean, restored = np.full((20, 30), 0.8), np.full((20, 30), 0.4)
    wanted = (2 * 0.8 * 0.4 + 0.0001) / (0.8**2 + 0.4**2 + 0.0001)  # flat pages differ in mean only
    assert metrics.ssim_gray(restored, clean) == pytest.approx(wanted, abs=1e-6)
    assert metrics.ssim_gray(clean, clean) == 1
    assert math.isnan(metrics.ssim_gray(clean[:10], clean[:10]))


@pytest.mark.parametrize(
    ("restored", "said"),
    [
        (np.full((12, 12), 1.5), "floats in"),
        (np.full((12, 12), math.nan), "floats in"),
        (np.ones((12, 12), bool), "it is bool"),
        (np.ones((12, 12), np.uint16), "it is uint16"),
        (np.ones((12, 12, 3)), r"\(12, 12, 3\)"),
        (np.ones((12, 13)), r"\(12, 13\) and \(12, 12\)"),
    ],
)
def test_wrong_gray_pages_get_one_sentence(restored, said):
    for metric in (metrics.psnr_gray, metrics.ssim_gray):
        with pytest.raises(ValueError, match=said):
            metric(restored, np.ones((12, 12)))


def test_every_metric_has_a_protocol():
    row = binarization(*pair(3, 1, 1, 5))
    assert set(row) | {"psnr_gray", "ssim_gray"} == set(metrics.PROTOCOLS)
