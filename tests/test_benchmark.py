"""The benchmark measures, prints, and writes only when it is asked to."""

import json

import numpy as np
import pytest

from docrestore import benchmark, provenance
from docrestore.models import ra_gan, ra_gan_compact


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Small networks without shipped weights, in the place of the large ones."""
    monkeypatch.setitem(benchmark.MODELS, "ra_gan", lambda form: ra_gan.Generator(form, width=16))
    monkeypatch.setitem(
        benchmark.MODELS,
        "ra_gan-compact",
        lambda: ra_gan_compact.CompactGenerator(widths=(8, 8, 16, 16)),
    )
    monkeypatch.setattr(benchmark.weights, "names", list)
    monkeypatch.setattr(benchmark, "SMALL", {"ra_gan-compact": "none"})
    monkeypatch.setattr(benchmark.runtime, "pick", lambda *asked: "torch")
    monkeypatch.setattr(benchmark, "A4", (200, 150))


def test_it_times_every_way_and_writes_when_asked(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(provenance, "commit", lambda: "0123")
    monkeypatch.setattr(benchmark, "here", lambda *parts: tmp_path / parts[-1])
    assert benchmark.main(["--crop", "64", "--times", "1", "--record"]) == 0
    found = json.loads((tmp_path / "speed.json").read_text())
    rows = {row["what"]: row for row in found["rows"]}
    for form in ra_gan.FORMS:
        assert rows[f"ra_gan {form}, eager float32"]["ratio"] == 1
        assert rows[f"ra_gan {form}, folded float32"]["difference"] <= 1e-3
        assert rows[f"ra_gan {form}, folded bf16"]["difference"] <= 0.02
    assert rows["ra_gan-compact, torch"]["size"] == [200, 150]
    assert found["provenance"]["machine"]["threads"] >= 1
    assert "ra_gan-compact, torch" in capsys.readouterr().out


def test_it_records_nothing_that_could_not_be_made_again(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(provenance, "commit", lambda: "0123+")
    monkeypatch.setattr(benchmark, "here", lambda *parts: tmp_path / parts[-1])
    assert benchmark.main(["--record"]) == 1
    assert "not committed" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_page_that_is_none_is_told_in_a_sentence(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(b"no page")
    assert benchmark.main(["--page", str(tmp_path / "a.png"), "--crop", "0"]) == 1
    assert "a.png" in capsys.readouterr().err


def test_the_drawn_page_is_in_colour_and_repeatable():
    page = benchmark.drawn_page(400, 300)
    assert page.shape == (400, 300, 3) and page.dtype == np.uint8
    assert (page == benchmark.drawn_page(400, 300)).all() and page[..., 0].std() > 10
    assert (page[..., 0] != page[..., 2]).any()


def test_a_folder_is_restored_by_the_command(monkeypatch):
    """The command runs in a process of its own, so with a network that it knows."""
    monkeypatch.undo()
    monkeypatch.setattr(benchmark, "SMALL", {"de_gan-compact": "not-shipped"})
    monkeypatch.setattr(benchmark, "PAGES", 2)
    page = benchmark.drawn_page(320, 330)
    one, two = benchmark.folder(page, "torch")
    assert one["pages_per_minute"] > 0 and two["size"] == [320, 330]
    (most,) = benchmark.memory(page, "torch", side=400)
    assert not most["gigabytes"] < 0.1
