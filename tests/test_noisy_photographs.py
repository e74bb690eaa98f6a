"""The photographs that GAN2GAN's pages learn from and test on."""

import pytest

from data_prep import noisy_photographs as module
from data_prep.noisy_photographs import SEEDS, noisy_photographs
from docrestore.denoising_bench import read_plan
from docrestore.noisy import NoisyImages


def test_without_the_papers_sets_one_folder_serves_both_sides(tmp_path):
    train, test = noisy_photographs("gaussian-25", real=False, data_dir=tmp_path)
    assert train == test == tmp_path / "photographs-gaussian-25"
    learnt, tested = (
        {one["id"] for one in NoisyImages(train, split=s).rows} for s in ("train", "test")
    )
    assert learnt and tested and not learnt & tested


def test_the_papers_sets_need_both(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "available", lambda name, data: name == "train400")
    train, _ = noisy_photographs("gaussian-25", data_dir=tmp_path)
    assert train.name == "photographs-gaussian-25"


def test_the_noise_is_that_of_the_bench():
    plan = read_plan()
    assert SEEDS[plan.train] == plan.seeds["train"]
    assert SEEDS[plan.tested[0]] == plan.seeds["test"]


def test_an_unknown_noise_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no noise is called"):
        noisy_photographs("snow-3", real=False, data_dir=tmp_path)
