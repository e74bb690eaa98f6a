"""Adversarial losses: values worked out by hand, and which way they push."""

import math

import pytest
import torch

from docrestore.losses.adversarial import ADVERSARIAL, least_squares, log


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
    """A critic that is sure and right has no loss; sure and wrong, the most."""
    loss = ADVERSARIAL[name]
    real, fake = torch.ones(3), torch.zeros(3)
    assert loss(real, True) == 0 and loss(fake, False) == 0
    assert loss(real, False) > loss(torch.full((3,), 0.5), False) > 0


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
