"""The classical methods: sane on a page with known ink, and safe on pages that crash doxapy."""

import numpy as np
import pytest
from scipy import ndimage

from docrestore.classical import BY_TASK, CLASSICAL, gatos, sauvola

GREY = [(task, name) for task in BY_TASK if task != "binarize" for name in BY_TASK[task]]


def error(page: np.ndarray, clean: np.ndarray) -> float:
    return float(np.square(page.astype(float) - clean).mean())


def lined_page(height: int = 240, width: int = 260) -> tuple[np.ndarray, np.ndarray]:
    """A page of dark bars on uneven, noisy paper, and where its paper is."""
    paper = np.ones((height, width), bool)
    for top in range(20, height - 20, 24):
        paper[top : top + 5, 20:-20] = False
    light = np.linspace(140, 240, width)[None, :] * np.ones((height, 1))
    noise = np.random.default_rng(0).normal(0, 3, paper.shape)
    page = np.where(paper, light, light - 90) + noise
    return page.clip(0, 255).astype(np.uint8), paper


@pytest.mark.parametrize("name", sorted(set(CLASSICAL) - {"otsu", "niblack"}))
def test_local_methods_see_through_uneven_light(name: str) -> None:
    page, paper = lined_page()
    assert (CLASSICAL[name](page) == paper).mean() > 0.95


def test_one_threshold_does_not() -> None:
    page, paper = lined_page()
    assert (CLASSICAL["otsu"](page) == paper).mean() < 0.9


@pytest.mark.parametrize("name", sorted(CLASSICAL))
@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (74, 76)])
def test_pages_smaller_than_the_window(name: str, shape: tuple[int, int]) -> None:
    page = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    restored = CLASSICAL[name](page)
    assert restored.shape == shape and restored.dtype == bool


@pytest.mark.parametrize("name", sorted(CLASSICAL))
def test_blank_pages_stay_blank(name: str) -> None:
    assert CLASSICAL[name](np.full((200, 300), 255, np.uint8)).all()
    assert not CLASSICAL[name](np.zeros((200, 300), np.uint8)).any()


def test_values_that_would_end_the_process_are_refused() -> None:
    page, _ = lined_page()
    with pytest.raises(ValueError, match="k must be above 0"):
        gatos(page, k=-0.2)
    with pytest.raises(ValueError, match="window must be 3 to 181"):
        sauvola(page, window=301)
    with pytest.raises(ValueError, match="uint8"):
        sauvola(page / 255)


def test_gatos_survives_a_wide_black_border() -> None:
    page, paper = lined_page()
    framed = np.pad(page, 200)
    assert (gatos(framed)[200:-200, 200:-200] == paper).mean() > 0.95


@pytest.mark.parametrize(("task", "name"), GREY)
@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (200, 90)])
def test_grey_methods_take_any_page_and_leave_white_white(task: str, name: str, shape) -> None:
    page = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    restored = BY_TASK[task][name](page)
    assert restored.shape == shape and restored.dtype == np.uint8
    white = np.full(shape, 255, np.uint8)
    assert BY_TASK[task][name](white).min() >= 254


def grey_pair(task: str) -> tuple[np.ndarray, np.ndarray]:
    """A degraded and a clean page of bars, uint8."""
    _, paper = lined_page()
    clean = ndimage.gaussian_filter(np.where(paper, 255.0, 20.0), 0.6)
    degraded = clean.copy()
    if task == "clean":
        degraded *= np.linspace(0.7, 0.95, clean.shape[1])
    elif task == "deblur":
        degraded = ndimage.gaussian_filter(clean, 1.5)
    else:
        degraded[60:160, 60:200] *= 0.85
    return degraded.astype(np.uint8), clean.astype(np.uint8)


@pytest.mark.parametrize(("task", "name"), GREY)
def test_grey_methods_help(task: str, name: str) -> None:
    degraded, clean = grey_pair(task)
    assert error(BY_TASK[task][name](degraded), clean) < 0.8 * error(degraded, clean)
