"""Looking into a network: the right tensors, and no hook left behind."""

import numpy as np
import pytest
import torch

from docrestore import inside
from docrestore.models import MODELS


def test_what_passes_through_the_parts_is_kept():
    torch.manual_seed(0)
    network = MODELS["ra_gan-compact"]((8, 8, 16, 16, 16)).eval()
    page = np.random.default_rng(0).integers(0, 256, (40, 70), dtype=np.uint8)
    found = inside.watch(network, page, ["stem", "encode.1", "attention", "out"])
    assert list(found) == ["stem", "encode.1", "attention", "out"]
    assert found["stem"][0].shape == (1, 20, 32, 48) and found["stem"][1].shape == (1, 8, 32, 48)
    assert torch.equal(found["attention"][0], found["encode.1"][1])
    assert torch.equal(network.attention(found["attention"][0]), found["attention"][1])
    assert not any(part._forward_hooks for part in network.modules())


def test_an_unknown_part_is_refused():
    network = MODELS["ra_gan-compact"]((8, 8, 16, 16, 16))
    with pytest.raises(ValueError, match=r"'gate'; the network has stem, first, encode"):
        inside.watch(network, np.zeros((8, 8), np.uint8), ["gate"])
    assert not any(part._forward_hooks for part in network.modules())
