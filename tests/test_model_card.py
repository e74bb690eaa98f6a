"""The card that goes into the weights: complete, and honest about what came before."""

from pathlib import Path

import numpy as np
import pytest

from data_prep import drawn_pages
from docrestore import leakage
from docrestore.data import Crops, Pair, PairedPages
from docrestore.methods import METHODS
from docrestore.model_card import model_card, parent

WANTED = {  # design: what a card must hold
    "model", "arguments", "sets", "trained_on", "steps", "profile", "commit", "metrics", "licence",
}  # fmt: skip


def crops(name: str) -> Crops:
    """Crops of one page of noise."""
    page = np.random.default_rng(len(name)).integers(0, 256, (64, 64)).astype(np.uint8)
    return Crops([Pair(name, "set", page, page, {})], 32, turned=0.0)


def card(name: str, **more) -> dict:
    """A card of a training on that page."""
    method = METHODS["de_gan"](generator_arguments={"residual": True})
    facts = {
        "preset": "de_gan",
        "task": "clean",
        "steps": 7,
        "batch": 2,
        "seed": 0,
        "seconds": 1.0,
        "code": "",
    }
    return model_card(method, crops(name), **facts, **more)


def test_a_card_says_all_that_is_promised() -> None:
    """Every field of the contract, and how the crops were cut."""
    made = card("a")
    assert made.keys() >= WANTED
    assert made["arguments"] == {"residual": True} and made["turned"] == 0.0
    assert [name for name, _ in made["trained_on"]] == ["set/a"] and made["start_from"] is None


def test_what_the_first_weights_saw_counts_as_seen() -> None:
    """A training that begins with weights lists their pages too, once each."""
    first = card("a")
    second = card("bc", start_from=parent("first", "0" * 64, first))
    assert [name for name, _ in second["trained_on"]] == ["set/bc", "set/a"]
    assert second["start_from"]["name"] == "first" and second["start_from"]["steps"] == 7
    assert "trained_on" not in second["start_from"]
    again = card("bc", start_from=parent("second", "1" * 64, second))
    assert len(again["trained_on"]) == 2


def test_drawn_pages_are_named_with_their_recipe(tmp_path: Path) -> None:
    """A thousand fingerprints would be larger than the network; the recipe draws the pages."""
    folder = tmp_path / "mine"
    drawn_pages.prepare(folder, task="clean", pages=4, size=(64, 64))
    method = METHODS["de_gan"]()
    pages = PairedPages(folder, split="train")
    facts = {
        "preset": "de_gan",
        "task": "clean",
        "steps": 7,
        "batch": 2,
        "seed": 0,
        "seconds": 1.0,
        "code": "",
    }
    made = model_card(method, Crops(pages, 32), **facts)
    assert all(len(entry) == 1 for entry in made["trained_on"])
    assert len(made["trained_on"]) == 3 and made["drawn"]["mine"]["task"] == "clean"
    with pytest.raises(leakage.LeakageError, match="the same page"):
        leakage.check([(made["trained_on"][0][0], pages[0].degraded)], made["trained_on"])
