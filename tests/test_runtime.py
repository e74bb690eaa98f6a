"""The engines that run a network: they agree, and a missing one is told in words."""

import numpy as np
import pytest
import torch
from sample_pages import binarizer, drawn_page, guided_binarizer, noise
from torch import nn

from docrestore import runtime
from docrestore.inference import binarize, restore
from docrestore.models import MODELS


@pytest.fixture
def network() -> nn.Module:
    return binarizer()


@pytest.mark.skipif(
    runtime.importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed"
)
class TestOpenVINO:
    """The other engine computes the same function."""

    @pytest.mark.parametrize("make", [binarizer, guided_binarizer])
    def test_it_agrees_with_torch(self, make):
        network = make()
        page = drawn_page(500, 611).astype(np.float32) / 255
        by_torch = restore(network, page, tile=256)
        by_openvino = restore(runtime.openvino_runner(network), page, tile=256)
        assert (np.abs(by_openvino - by_torch) <= 0.02).mean() >= 0.999
        assert (binarize(by_openvino) != binarize(by_torch)).mean() < 1e-4

    @pytest.mark.parametrize("form", ["effective", "released"])
    def test_it_takes_the_published_networks(self, form):
        torch.manual_seed(0)
        exact = MODELS["ra_gan"](form, width=8).eval()
        page = drawn_page(70, 90)
        found = restore(runtime.openvino_runner(exact), page)
        assert np.abs(found.astype(int) - restore(exact, page)).max() <= 6

    @pytest.mark.parametrize("size", [(1, 1), (3, 700), (65, 63)])
    def test_it_takes_every_size(self, network, size):
        run = runtime.openvino_runner(network)
        restored = restore(run, noise(*size))
        assert restored.shape == size
        assert np.abs(restored.astype(int) - restore(network, noise(*size))).max() <= 6

    def test_it_may_be_called_from_several_threads(self, network):
        from concurrent.futures import ThreadPoolExecutor

        run = runtime.openvino_runner(network, jobs=3)
        given = [noise(70 + i, 90, seed=i) for i in range(6)]
        alone = [restore(run, page) for page in given]
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(lambda page: restore(run, page), given * 3))
        for found, wanted in zip(together, alone * 3, strict=True):
            assert np.abs(found.astype(int) - wanted).max() <= 1

    def test_it_asks_nobody_and_tells_nobody(self, network, monkeypatch):
        """The makers' usage data: the conversion that would send them is not used."""
        openvino = pytest.importorskip("openvino")

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("convert_model was called")

        monkeypatch.setattr(openvino, "convert_model", refuse)
        assert runtime.build(network, "openvino") is not None


def test_without_openvino_auto_is_torch_and_asking_for_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None)
    assert runtime.pick("auto") == "torch"
    with pytest.raises(runtime.RuntimeMissingError, match=r"pip install .docrestore\[fast\]"):
        runtime.pick("openvino")
    with pytest.raises(runtime.RuntimeMissingError, match="auto, torch, openvino"):
        runtime.pick("onnx")
