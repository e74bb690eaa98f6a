"""Weights in and out: the same numbers, a card, and no file that can do harm."""

import json
import os
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from shell import small_weights

from docrestore import weights
from docrestore.models import MODELS
from docrestore.weights import WeightsError, card, load, save_weights

CARD = {"model": "de_gan-compact", "arguments": {"widths": [4, 8]}, "task": "binarize"}


def network(*widths: int) -> torch.nn.Module:
    torch.manual_seed(1)
    return MODELS["de_gan-compact"](widths=widths or (4, 8)).eval()


@pytest.mark.parametrize(("half", "tolerance"), [(True, 2e-3), (False, 0.0)])
def test_the_same_network_comes_back(tmp_path, half, tolerance):
    saved = network()
    back = load(save_weights(tmp_path / "w.safetensors", saved, CARD | {"steps": 7}, half=half))
    assert back.card == CARD | {"steps": 7} and not back.training
    page = torch.rand(1, 1, 33, 47)
    assert (back(page) - saved(page)).abs().max() <= tolerance
    for key, value in back.state_dict().items():
        assert value.dtype == saved.state_dict()[key].dtype and value.device.type == "cpu"
    assert not any(parameter.requires_grad for parameter in back.parameters())


def test_half_takes_half(tmp_path):
    sizes = [
        save_weights(tmp_path / f"{half}.safetensors", network(32, 64), CARD, half=half).stat()
        for half in (True, False)
    ]
    assert sizes[0].st_size < 0.6 * sizes[1].st_size


def test_saving_is_atomic_and_wants_a_card(tmp_path, monkeypatch):
    path = save_weights(tmp_path / "w.safetensors", network(), CARD)
    before = path.read_bytes()
    with pytest.raises(WeightsError, match="the card lacks arguments, model"):
        save_weights(path, network(), {"task": "binarize"})

    def fail(*_: object) -> None:
        raise OSError("the power went out")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="power"):
        save_weights(path, network(), CARD | {"steps": 1})
    assert path.read_bytes() == before


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights called 'nothing'. Name a .safetensors"):
        load("nothing")
    with pytest.raises(WeightsError, match="no weights called"):
        load(tmp_path)


@pytest.mark.parametrize("name", weights.names() or [None])
def test_shipped_weights_load_and_fit_in_5_megabytes(name):
    if name is None:
        pytest.skip("no weights are shipped yet")
    restored = load(name)(torch.ones(1, 1, 40, 56))
    assert restored.shape == (1, 1, 40, 56) and restored.isfinite().all()
    assert weights.locate(name).stat().st_size < 5_000_000
    assert {"model", "task", "steps", "sets", "trained_on", "licence"} <= card(name).keys()


def refused(path: Path, words: str) -> None:
    """Both ways in give one sentence with these words."""
    for read in (load, card):
        try:
            read(path)
        except WeightsError as error:
            assert words in str(error) and str(error).endswith(".") and "\n" not in str(error)
        else:
            assert read is card  # a card may be read though its numbers do not fit


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_truncated(tmp_path, share):
    path = save_weights(tmp_path / "w.safetensors", network(), CARD)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(WeightsError, match="is no whole safetensors file"):
        load(path)
    refused(path, "Copy it again or name another.")


def _with_header(path: Path, change: dict, length: int | None = None) -> Path:
    """Change entries of the header; `length` replaces the number of bytes it claims."""
    data = save_weights(path, network(), CARD).read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    for key, value in change.items():
        header[key] = header.get(key, {}) | value
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", length or len(text)) + text + data[8 + size :])
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"stem.weight": {"data_offsets": [0, 2**40]}},
        {"stem.weight": {"data_offsets": [2**63, 2**64 - 1]}},
        {"stem.weight": {"shape": [10**6, 10**6, 3, 3]}},
        {"stem.weight": {"shape": [2**40, 2**40, 2**40]}},
        {"stem.weight": {"dtype": "F32"}},
        {"stem.weight": {"dtype": "PICKLE"}},
        {"stem.weight": {"data_offsets": [-5, 10]}},
        {"extra": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}},
    ],
)
def test_a_header_that_lies(tmp_path, change):
    path = _with_header(tmp_path / "w.safetensors", change)
    with pytest.raises(WeightsError, match=r"^w.safetensors is no whole safetensors file|do not f"):
        load(path)


@pytest.mark.parametrize("length", [1, 2**31, 2**63, 2**64 - 1])
def test_a_header_of_another_length(tmp_path, length):
    path = _with_header(tmp_path / "w.safetensors", {}, length)
    with pytest.raises(WeightsError, match="is no whole safetensors file"):
        load(path)


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (
            {"arguments": {"widths": [4, 16]}},
            "encode.1.body.0.weight is torch.float32 (8, 8, 3, 3) and should be",
        ),
        ({"arguments": {"widths": [100_000, 100_000, 100_000]}}, "do not fit"),
        ({"arguments": {"widths": 7}}, "do not fit"),
        ({"arguments": {"depth": 7}}, "do not fit"),
        ({"arguments": ["widths"]}, "do not fit"),
        ({"model": "de_gan", "arguments": {"neck": "bogus"}}, "neck must be relu"),
        ({"model": "de_gan"}, "do not fit a de_gan network"),
        ({"model": "resnet"}, "is for 'resnet', a network this version does not know."),
        ({"model": ["de_gan"]}, "a network this version does not know"),
        ({"model": None}, "a network this version does not know"),
    ],
)
def test_wrong_architecture(tmp_path, lie, words):
    path = save_weights(tmp_path / "w.safetensors", network(), CARD)
    path.write_bytes(save(network().state_dict(), metadata={"card": json.dumps(CARD | lie)}))
    with pytest.raises(WeightsError):
        load(path)
    refused(path, words)


def test_numbers_too_few_or_too_many(tmp_path):
    state = network().state_dict()
    metadata = {"card": json.dumps(CARD)}
    path = tmp_path / "w.safetensors"
    path.write_bytes(save({k: v for k, v in state.items() if k != "out.bias"}, metadata))
    refused(path, "out.bias is missing")
    path.write_bytes(save(state | {"out.more": torch.ones(1)}, metadata))
    refused(path, "out.more belongs to another network")


@pytest.mark.parametrize(
    "metadata", [None, {}, {"card": "no json"}, {"card": "[1]"}, {"card": "null"}]
)
def test_no_card(tmp_path, metadata):
    path = tmp_path / "w.safetensors"
    path.write_bytes(save(network().state_dict(), metadata=metadata))
    with pytest.raises(WeightsError, match="has no model card"):
        load(path)


class Bomb:
    """An object whose pickle does something when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_in_disguise_is_not_opened(tmp_path, protocol):
    path, mark = tmp_path / "w.safetensors", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Bomb(mark), protocol))
    with pytest.raises(WeightsError, match="is no whole safetensors file"):
        load(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())  # the test means something: this one is live
    assert mark.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_of_torch_in_disguise_is_not_opened(tmp_path, zipped):
    path, mark = tmp_path / "w.safetensors", tmp_path / "executed"
    torch.save(
        {"state": network().state_dict(), "bomb": Bomb(mark)},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(WeightsError, match="looks like a pickle or zip"):
        load(path)
    assert not mark.exists()


def test_a_pickle_behind_a_true_header_is_only_numbers(tmp_path):
    path, mark = _with_header(tmp_path / "w.safetensors", {}), tmp_path / "executed"
    data = path.read_bytes()
    bomb = pickle.dumps(Bomb(mark))
    path.write_bytes(data[: -len(bomb)] + bomb)
    load(path)
    assert not mark.exists()


def test_small_weights_of_the_other_tests_are_good_ones(tmp_path):
    restored = load(small_weights(tmp_path / "w.safetensors"))(torch.tensor([[[[0.1, 0.9]]]]))
    assert restored[0, 0, 0, 0] < 0.1 and restored[0, 0, 0, 1] > 0.9
