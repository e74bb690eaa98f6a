"""What networks cost, counted."""

import pytest
import torch

from docrestore.costs import gpu_hours, multiply_adds
from docrestore.models import MODELS


def test_gpu_hours_count_three_passes_of_two_operations() -> None:
    """Forward, backward to inputs, backward to weights; a multiply-add is two operations."""
    assert gpu_hours(patches=1e6, gmac=1.0, tflops=6.0) == pytest.approx(1e3 / 3600)


@pytest.mark.parametrize(("name", "billions"), [("de_gan", 54.6), ("de_gan-compact", 1.9)])
def test_networks_are_counted_on_paper(name: str, billions: float) -> None:
    """The paper's generator on 256 x 256 pixels (spec: 54.6), and ours; no memory is used."""
    with torch.device("meta"):
        network, page = MODELS[name](), torch.empty(1, 1, 256, 256)
    assert multiply_adds(network, page) / 1e9 == pytest.approx(billions, abs=0.05)
