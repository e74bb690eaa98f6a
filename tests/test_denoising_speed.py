"""The benchmark of denoisers measures every way, and writes only when it is asked to."""

import json
from pathlib import Path

import pytest
import torch

from docrestore import denoising_speed, provenance
from docrestore.models.denoiser_compact import CompactDenoiser


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A small network, few crops, and no other engine than torch."""
    monkeypatch.setitem(
        denoising_speed.MODELS, "gan2gan-compact", lambda **_: CompactDenoiser((8, 8))
    )
    monkeypatch.setattr(denoising_speed, "BATCH", 4)
    monkeypatch.setattr(denoising_speed.runtime, "pick", lambda *asked: "torch")


def test_both_ways_of_training_learn_the_same(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(provenance, "commit", lambda: "0123")
    monkeypatch.setattr(denoising_speed, "here", lambda *parts: tmp_path / parts[-1])
    assert denoising_speed.main(["--steps", "30", "--times", "1", "--record"]) == 0
    found = json.loads((tmp_path / "denoising_speed.json").read_text())
    rows = {line["what"]: line for line in found["rows"]}
    for what in ("training step", "step of stage three"):
        plain = rows.pop(f"{what}, plain torch, float32, channels first")
        assert plain["ratio"] == plain["loss_ratio"] == 1
        trained = [line for name, line in rows.items() if name.startswith(what)]
        assert trained and all(line["loss_ratio"] == pytest.approx(1, abs=0.05) for line in trained)
    assert rows["gan2gan-compact, torch"]["size"] == [512, 512]
    one, many = (
        rows[f"4 pairs of stage three, {way}"] for way in ("crop by crop", "for the batch")
    )
    assert many["ratio"] == pytest.approx(one["seconds"] / many["seconds"])
    assert "training step, as trained here" in capsys.readouterr().out


def test_smooth_windows_are_found_in_a_process_of_its_own():
    lines = denoising_speed.memory(images=40, side=96)
    folder = "smooth windows of one's own folder of 40 images"
    assert [line["what"] for line in lines] == ["smooth windows of 40 images", folder]
    if Path("/proc/self/status").is_file():  # else nobody knows
        assert all(0.1 < line["gigabytes"] < 3 for line in lines)


def test_it_records_nothing_that_could_not_be_made_again(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(provenance, "commit", lambda: "0123+")
    monkeypatch.setattr(denoising_speed, "here", lambda *parts: tmp_path / parts[-1])
    assert denoising_speed.main(["--record"]) == 1
    assert "not committed" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_batches_are_a_function_of_the_step():
    one, two = (denoising_speed.Blobs().batch(3, 2) for _ in range(2))
    assert torch.equal(one["degraded"], two["degraded"])
    assert 20 < 255 * (one["degraded"] - one["clean"]).std() < 30
