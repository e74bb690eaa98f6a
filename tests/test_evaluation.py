"""Evaluation: the right images, the right figures, and no score on pages that were trained on."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from data_prep import manifest
from data_prep.drawn_pages import prepare
from docrestore import evaluation, images, leakage, subjects, weights
from docrestore.classical import BY_TASK
from docrestore.data import Pair
from docrestore.ledger import results
from docrestore.metrics.tasks import HEADLINE, PROTOCOLS, TASK_METRICS, measurer
from docrestore.models import MODELS

SMALL = {"widths": (4, 4, 4, 4)}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folders of drawn pages by task, four pages each, one of them for testing."""
    top = tmp_path_factory.mktemp("data")
    for task in ("binarize", "watermark"):
        prepare(top / f"drawn-{task}", task=task, pages=4, size=(200, 260), progress=False)
    return {task: top / f"drawn-{task}" for task in ("binarize", "watermark")}


def tiny(path, pages, task="binarize", **more):
    """Weights of a tiny network, whose card lists these pages as trained on."""
    torch.manual_seed(0)
    trained_on = [[f"{p.set}/{p.id}", leakage.fingerprint(p.degraded)] for p in pages]
    card = {"model": "de_gan-compact", "arguments": SMALL, "task": task, "trained_on": trained_on}
    return weights.save_weights(path, MODELS["de_gan-compact"](**SMALL), card | more)


@pytest.mark.parametrize("task", sorted(PROTOCOLS))
def test_every_task_has_its_figures(task):
    rng = np.random.default_rng(0)
    clean = np.where(rng.random((40, 50)) < 0.9, 255, 0).astype(np.uint8)
    pair = Pair("one", "some", clean, clean, {})
    restored = clean > 127 if task == "binarize" else clean
    row = measurer(task, pair)(restored)
    assert set(TASK_METRICS[task]) <= set(row) and HEADLINE[task] in row
    assert math.isinf(row["psnr" if task == "binarize" else "psnr_gray"])


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="use one of binarize"):
        subjects.classical("polish")


def test_pages_of_the_split_and_of_the_column(drawn):
    assert [p.id for p in evaluation.pages([drawn["binarize"]])] == ["00003"]
    train = evaluation.pages([drawn["binarize"]], "train")
    assert [p.id for p in train] == ["00000", "00001", "00002"]
    assert len(evaluation.pages([drawn["binarize"]], "train", limit=2)) == 2
    chosen = evaluation.pages([drawn["binarize"]], "train", only={"group": "0-00001"})
    assert [p.id for p in chosen] == ["00001"]
    assert len(evaluation.pages([drawn["binarize"]], "train", only={"kind": "triplet"})) == 3
    with pytest.raises(evaluation.EvaluationError, match="no page is left"):
        evaluation.pages([drawn["binarize"]], "train", only={"group": "9"})


def test_rows_cover_every_subject_and_page(drawn):
    tested = evaluation.pages([drawn["binarize"]], "train", limit=2)
    asked = subjects.classical("binarize")
    rows = evaluation.evaluate("binarize", asked, tested, progress=False)
    assert len(rows) == 2 * (1 + len(BY_TASK["binarize"]))
    assert {row["subject"] for row in rows} == {"degraded", *BY_TASK["binarize"]}
    for subject in asked:
        assert evaluation.final(subject, tested[0].degraded, "binarize").dtype == bool
    assert all(0 < row["text"] < 0.5 and row["megapixels"] == 0.052 for row in rows)
    by_name = {row["subject"]: row for row in rows if row["id"] == "00000"}
    paper = tested[0].degraded >= 128
    assert by_name["degraded"]["fm"] == measurer("binarize", tested[0])(paper)["fm"]


def test_the_threshold_is_the_networks_alone(drawn):
    tested = evaluation.pages([drawn["binarize"]], limit=1)
    grey = subjects.Subject("grey", "network", np.copy, {"parameters": 1})
    asked = [*subjects.classical("binarize")[:1], grey]
    low, high = (
        evaluation.evaluate("binarize", asked, tested, threshold=t, pseudo=False, progress=False)
        for t in (0.5, 0.95)
    )
    assert low[0]["fm"] == low[1]["fm"] == high[0]["fm"] != high[1]["fm"]


def test_inside_and_outside_of_a_mark_are_told_apart(drawn):
    pair = evaluation.pages([drawn["watermark"]])[0]
    mask = images.read_gray(pair.row["mask"]) > 127
    assert 0 < mask.mean() < 1
    outside = pair.clean.copy()
    outside[~mask] = np.clip(outside[~mask].astype(int) - 10, 0, 255)
    row = measurer("watermark", pair)(outside)
    assert math.isinf(row["psnr_inside"]) and math.isfinite(row["psnr_outside"])
    assert 5 < row["grey_levels_outside"] <= 10
    row = measurer("watermark", pair)(pair.degraded)
    assert row["psnr_inside"] < row["psnr_gray"] < row["psnr_outside"]


@pytest.mark.parametrize("change", ["same", "rescaled", "recompressed", "mirrored"])
def test_a_score_on_a_near_copy_is_refused(drawn, tmp_path, change):
    prepare(tmp_path / "big", pages=4, size=(600, 700), seed=5, progress=False)
    page = evaluation.pages([tmp_path / "big"])[0]
    path = tiny(tmp_path / "w.safetensors", [page])
    copy = Image.fromarray(page.degraded)
    if change == "rescaled":
        copy = copy.resize((560, 480), Image.Resampling.LANCZOS)
    elif change == "mirrored":
        copy = copy.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    elif change == "recompressed":
        copy.save(tmp_path / "x.jpg", quality=40)
        copy = Image.open(tmp_path / "x.jpg")
    gray = np.asarray(copy)
    with pytest.raises(leakage.LeakageError):
        evaluation.guard(path, [Pair("other-name", "elsewhere", gray, gray, {})])


def test_weights_that_do_not_say_what_they_saw_are_refused(drawn, tmp_path):
    network = MODELS["de_gan-compact"](**SMALL)
    card = {"model": "de_gan-compact", "arguments": SMALL}
    path = weights.save_weights(tmp_path / "w.safetensors", network, card)
    with pytest.raises(evaluation.EvaluationError, match="does not say which pages"):
        evaluation.guard(path, evaluation.pages([drawn["binarize"]]))


def test_the_command_also_works_without_pseudo_f_measures(drawn, capsys):
    words = ["--task", "binarize", "--sets", str(drawn["binarize"]), "--no-pseudo", "--limit", "1"]
    assert evaluation.main(words) == 0
    assert "| otsu |" in (printed := capsys.readouterr().out) and "pfm" not in printed


def test_weights_that_have_not_seen_the_pages_are_found(drawn, tmp_path, monkeypatch):
    """The task's own before those without some years, before the rest; None where all have."""
    tested = evaluation.pages([drawn["binarize"]])
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(weights, "SHIPPED", shipped)
    assert evaluation.unseen("binarize", tested) is None
    for name, pages in (
        ("de_gan-binarize", tested),
        ("de_gan-binarize-drawn", []),
        ("de_gan-clean", []),
    ):
        tiny(shipped / f"{name}.safetensors", pages)
    assert evaluation.unseen("binarize", tested) == "de_gan-binarize-drawn"
    tiny(shipped / "de_gan-binarize-without-2013.safetensors", [])
    assert evaluation.unseen("binarize", tested) == "de_gan-binarize-without-2013"
    tiny(shipped / "de_gan-binarize.safetensors", [])
    assert evaluation.unseen("binarize", tested) == "de_gan-binarize"
    assert evaluation.unseen("clean", tested) == "de_gan-clean"
    assert evaluation.unseen("binarize", tested, "ra_gan") is None
    tiny(shipped / "ra_gan-binarize-drawn.safetensors", [])
    assert evaluation.unseen("binarize", tested, "ra_gan") == "ra_gan-binarize-drawn"
    assert evaluation.unseen("binarize", tested, "de_gan") == "de_gan-binarize"


def test_weights_of_another_task_are_refused(tmp_path):
    path = tiny(tmp_path / "w.safetensors", [], task="clean")
    with pytest.raises(evaluation.EvaluationError, match="trained to clean, not to binarize"):
        subjects.network(path, "binarize")


def test_the_command_prints_a_table_and_records(drawn, tmp_path, capsys, monkeypatch):
    train = evaluation.pages([drawn["binarize"]], "train")
    path = tiny(tmp_path / "de_gan-tiny.safetensors", train)
    monkeypatch.setattr(results, "FOLDER", (str(tmp_path), "results"))
    monkeypatch.setattr(evaluation.provenance, "commit", lambda: "a commit without changes")
    words = ["--task", "binarize", "--weights", str(path), "--sets", str(drawn["binarize"])]
    assert evaluation.main([*words, "--record"]) == 0
    printed = capsys.readouterr().out
    assert "drawn-binarize, 1 images" in printed and "| de_gan-tiny |" in printed
    result = results.read(tmp_path / "results" / "de_gan-tiny.json")
    (name, facts), *_ = result.sets.items()
    assert (name, facts["images"], facts["of"]) == ("drawn-binarize", 1, "drawn by this book")
    assert facts["manifest"] == manifest.sha256(drawn["binarize"] / "manifest.csv")
    assert facts["drawn"]["pages"] == 4 and facts["drawn"]["seed"] == 0
    facts = result.subjects["de_gan-tiny"]
    assert facts["parameters"] == sum(
        p.numel() for p in MODELS["de_gan-compact"](**SMALL).parameters()
    )
    assert facts["sha256"] == manifest.sha256(path) and "trained_on" not in facts["card"]
    assert "--weights" in result.provenance["command"]
    assert {"commit", "versions", "machine", "seconds", "date"} <= result.provenance.keys()
    raw = json.loads((tmp_path / "results" / "de_gan-tiny.json").read_text())
    assert len(raw["rows"]) == 1 + len(BY_TASK["binarize"]) + 1


def test_the_command_refuses_a_leak_in_one_sentence(drawn, tmp_path, capsys):
    path = tiny(tmp_path / "w.safetensors", evaluation.pages([drawn["binarize"]]))
    words = ["--task", "binarize", "--weights", str(path), "--sets", str(drawn["binarize"])]
    assert evaluation.main(words) == 1
    told = capsys.readouterr().err
    assert "drawn-binarize/00003" in told and "Traceback" not in told


def test_the_command_tells_how_to_get_a_missing_set(capsys):
    assert evaluation.main(["--task", "clean", "--sets", "no_such_set"]) == 1
    assert "python -m data_prep.fetch no_such_set" in capsys.readouterr().err
