"""Losses: values worked out by hand, and which way they push."""

import math

import pytest
import torch

from docrestore.losses.adversarial import ADVERSARIAL, bounded_hinge, least_squares, log
from docrestore.losses.binarization import POLARITIES, dice, jaccard


def test_log_by_hand() -> None:
    """-ln 0.8 for a real page scored 0.8; -ln(1 - 0.8) for a fake one."""
    score = torch.full((2, 1, 4, 4), 0.8)
    assert log(score, True).item() == pytest.approx(-math.log(0.8), rel=1e-5)
    assert log(score, False).item() == pytest.approx(-math.log(0.2), rel=1e-5)


def test_least_squares_by_hand() -> None:
    """(0.8 - 1)^2 and 0.8^2; a mean over the map, so its size does not matter."""
    for size in (1, 4, 16):
        score = torch.full((2, 1, size, size), 0.8)
        assert least_squares(score, True).item() == pytest.approx(0.04, rel=1e-5)
        assert least_squares(score, False).item() == pytest.approx(0.64, rel=1e-5)


def test_least_squares_takes_any_score() -> None:
    """The port's critic has no sigmoid: 3 is as wrong for a real page as -1."""
    three, minus_one = torch.tensor([3.0]), torch.tensor([-1.0])
    assert least_squares(three, True) == least_squares(minus_one, True) == 4


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_right_answer_costs_nothing(name: str) -> None:
    """A critic that is sure and right has the least loss; sure and wrong, the most.

    The least is 0, but for a hinge on a score that cannot go below 0.
    """
    loss = ADVERSARIAL[name]
    real, fake = torch.ones(3), torch.zeros(3)
    least = 1 if name == "bounded_hinge" else 0
    assert loss(real, True) == 0 and loss(fake, False) == least
    assert loss(real, False) > loss(torch.full((3,), 0.5), False) > least


def test_a_hinge_on_probabilities_never_stops_pulling() -> None:
    """For the critic it is 2 - real + fake, with a slope of 1 however sure the critic is."""
    for real, fake in ((0.5, 0.5), (0.9, 0.2), (0.999, 0.001)):
        score = torch.tensor([real, fake], requires_grad=True)
        loss = bounded_hinge(score[:1], True) + bounded_hinge(score[1:], False)
        loss.backward()
        assert loss.item() == pytest.approx(2 - real + fake)
        assert score.grad.tolist() == [-1, 1]


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("real", [True, False])
def test_gradients_point_to_the_label(name: str, real: bool) -> None:
    """Going down the loss raises the score of a real page and lowers that of a fake one."""
    score = torch.tensor([0.1, 0.5, 0.9], requires_grad=True)
    ADVERSARIAL[name](score, real).backward()
    assert (score.grad < 0).all() if real else (score.grad > 0).all()


def test_the_generator_keeps_a_slope_when_the_critic_is_winning() -> None:
    """At a score near 0 the log form -ln(s) is steep where ln(1 - s) would be flat."""
    score = torch.tensor([1e-3], requires_grad=True)
    log(score, True).backward()
    assert abs(score.grad.item()) == pytest.approx(1e3, rel=1e-2)
    score.grad = None
    (-log(score, False)).backward()  # the form of the min-max game itself
    assert abs(score.grad.item()) == pytest.approx(1.0, rel=1e-2)


def test_certainty_stays_finite() -> None:
    """A probability of exactly 0 or 1 on the wrong side gives a large loss, not infinity."""
    for real in (True, False):
        score = torch.tensor([0.0 if real else 1.0], requires_grad=True)
        loss = log(score, real)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(score.grad).all()


def pages(*rows: list[float]) -> torch.Tensor:
    """Pages of one row of pixels: (B, 1, 1, W)."""
    return torch.tensor(rows)[:, None, None]


def test_dice_and_jaccard_by_hand() -> None:
    """Ink is found in 1 of 2 pixels and invented in 1 of 2; of paper 1 of 2 pixels as well."""
    clean, restored = pages([0, 0, 1, 1]), pages([0, 1, 1, 0])
    assert dice(restored, clean).item() == pytest.approx(1 - 3 / 5)  # (2 * 1 + 1) / (2 + 2 + 1)
    assert jaccard(restored, clean).item() == pytest.approx(1 - 2 / 4)
    assert dice(restored, clean, "paper").item() == pytest.approx(1 - 2 / 4.0021)
    assert jaccard(restored, clean, "paper").item() == pytest.approx(1 - 1 / 3)
    soft = pages([0.2, 0.2, 0.9, 0.9])
    assert dice(soft, clean, "paper").item() == pytest.approx(1 - 3.6 / 3.7021, abs=1e-6)
    assert jaccard(soft, clean, "paper").item() == pytest.approx(1 - 1.8 / (2.2 + 2 - 1.8))


def test_dice_is_a_mean_over_pages_and_jaccard_is_one_of_all() -> None:
    """One page right and one wrong, of different size in ink."""
    clean, restored = pages([0, 1, 1, 1], [0, 0, 0, 0]), pages([0, 1, 1, 1], [1, 1, 1, 1])
    assert dice(restored, clean).item() == pytest.approx((0 + 1 - 1 / 5) / 2)
    assert jaccard(restored, clean).item() == pytest.approx(1 - 2 / 6)


@pytest.mark.parametrize("polarity", POLARITIES)
@pytest.mark.parametrize("loss", [dice, jaccard])
def test_a_restored_page_like_the_clean_one_costs_nothing(loss, polarity: str) -> None:
    """Also an empty page that stays empty; the opposite costs most of what can be."""
    empty, written = torch.ones(2, 1, 8, 8), (torch.arange(128) % 3 > 0).float().reshape(2, 1, 8, 8)
    for page in (empty, written):
        assert loss(page, page, polarity).item() == pytest.approx(0, abs=1e-4)
        assert loss(1 - page, page, polarity) > 0.9


def test_the_released_polarity_hardly_sees_sparse_text() -> None:
    """All ink of a page is lost: all is wrong about the ink, next to nothing about the paper."""
    clean = torch.ones(1, 1, 64, 64)
    clean[..., 10:12, 10:50] = 0
    blank = torch.ones_like(clean)
    for loss in (dice, jaccard):
        assert loss(blank, clean, "text") > 0.98 and loss(blank, clean, "paper") < 0.03
