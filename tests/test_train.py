"""The command line of training: words to arguments, and sentences instead of tracebacks."""

import csv

import numpy as np
import pytest

from docrestore.made_noise import load_noise
from docrestore.methods import METHODS
from docrestore.train import main, method_arguments


def test_words_become_arguments() -> None:
    """Numbers as Python writes them, booleans, lists and maps as YAML does."""
    words = ["lr=2e-3", "decay=false", "generator_arguments={residual: true}", "ema=0"]
    assert method_arguments("de_gan", words) == {
        "lr": 0.002,
        "decay": False,
        "generator_arguments": {"residual": True},
        "ema": 0.0,
    }


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("rate=1", "de_gan has no argument 'rate'; it has: generator,"),
        ("lr=fast", "lr must be a number, got 'fast'"),
        ("generator=unet", "generator must be one of de_gan,"),
        ("adversarial=hinge", "adversarial must be one of"),
        ("condition=none", "condition must be one of degraded, clean"),
    ],
)
def test_a_wrong_word_gets_a_sentence(word: str, sentence: str, tmp_path) -> None:
    """The command ends with one sentence that lists what would be right."""
    words = ["de_gan", "--data", str(tmp_path), "--run-dir", str(tmp_path), "--set", word]
    with pytest.raises(SystemExit, match=sentence):
        main(words)


def test_a_missing_folder_gets_a_sentence(tmp_path) -> None:
    """Data that is not there is named, with the command that makes it."""
    with pytest.raises(SystemExit, match="manifest.csv is missing. Make a real set"):
        main(["de_gan", "--data", str(tmp_path / "none"), "--run-dir", str(tmp_path)])


@pytest.mark.parametrize("steps", [1, 2, 100])
def test_learning_rates_are_rates(steps: int) -> None:
    """Whatever the warm-up, also none, the rate lies between 0 and its peak."""
    for warmup in (0, 1, 200):
        method = METHODS["de_gan"](warmup=warmup)
        rates = [method.learning_rate(step, steps) for step in range(steps)]
        assert all(0 < rate <= method.lr for rate in rates)


def test_the_second_stage_of_gan2gan_hands_its_noise_to_the_third(tmp_path) -> None:
    """`gan2gan` leaves noise.safetensors, which `gan2gan-pairs` takes by name."""
    data = tmp_path / "flat"
    data.mkdir()
    with (data / "manifest.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["id", "split", "degraded"])
        for i in range(2):
            noise = np.random.default_rng(i).normal(0.5, 0.1, (200, 200))
            np.save(data / f"{i}.npy", noise.astype(np.float32))
            lines.writerow([i, "train", f"{i}.npy"])
    small = "{widths: [8, 8]}"
    how = ["--task", "denoise", "--data", str(data), "--steps", "2", "--batch", "2"]
    how += ["--patch", "64", "--device", "cpu"]
    players = [f"generator_arguments={small}", f"back_arguments={small}"]
    players.append("critic_arguments={width: 4}")
    run = tmp_path / "two"
    main(["gan2gan", *how, "--lam", "0.3", "--run-dir", str(run), "--set", *players])
    noise = load_noise(run / "noise.safetensors")
    assert noise(noise.draw(2, 32)).shape == (2, 1, 32, 32)
    third = [f"noise={run / 'noise.safetensors'}", f"generator_arguments={small}"]
    main(["gan2gan-pairs", *how, "--run-dir", str(tmp_path / "three"), "--set", *third])
    assert (tmp_path / "three" / "weights.safetensors").is_file()
