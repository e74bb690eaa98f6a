"""The hallucination audit: its two metrics, pages without text, rows, tables and the figure."""

import math

import chapter_parts
import numpy as np
import pytest
import ra_gan_parts
import torch

from data_prep import blank_pages, drawn_pages, manifest
from docrestore import audit, evaluation, leakage, weights
from docrestore.classical import CLASSICAL
from docrestore.data import Pair
from docrestore.ledger import audits, results
from docrestore.metrics.ink import WIDTHS, empty_paper, invented, strokes, strokes_lost
from docrestore.models import MODELS
from docrestore.provenance import file_hash
from docrestore.subjects import Subject
from docrestore.viz.audit import audit_alt, audit_figure

SIZE = (160, 200)
SMALL = {"widths": (4, 4, 4, 4)}


def bar(width: int, *, height: int = 30, length: int = 60) -> np.ndarray:
    """A page with one level stroke."""
    page = np.ones((height, length + 8), bool)
    page[8 : 8 + width, 4:-4] = False
    return page


@pytest.mark.parametrize("side, margin", [(8, 0), (8, 3), (9, 2)])
def test_empty_paper_is_what_the_definition_says(side, margin):
    clean = np.random.default_rng(0).random((60, 70)) > 0.002
    wanted = np.zeros_like(clean)
    for top in range(60 - side + 1):
        for left in range(70 - side + 1):
            near = clean[max(top - margin, 0) : top + side + margin,
                         max(left - margin, 0) : left + side + margin]  # fmt: skip
            if near.all():
                wanted[top : top + side, left : left + side] = True
    assert 0 < wanted.sum() < wanted.size
    assert np.array_equal(empty_paper(clean, side, margin), wanted)


def test_a_page_smaller_than_the_square_has_no_empty_paper():
    page = np.ones((100, 300), bool)
    assert not empty_paper(page).any()
    assert math.isnan(invented(page, empty_paper(page)))


@pytest.mark.parametrize(
    "width, key",
    [(1, "1-2"), (2, "1-2"), (3, "3-4"), (4, "3-4"), (5, "5-8"), (8, "5-8"), (9, "9+"), (12, "9+")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_strokes_are_told_apart_by_their_width(width, key, turned):
    page = bar(width).T if turned else bar(width)
    found = strokes(page)
    keys = [list(WIDTHS)[index] for index in found.width]
    assert keys.count(key) >= 0.9 * len(keys) > 30  # the corners of a bar are narrower
    assert set(keys) <= set(list(WIDTHS)[: list(WIDTHS).index(key) + 1])


@pytest.mark.parametrize("width", [1, 2, 3, 6, 11])
def test_a_stroke_is_lost_only_when_nothing_of_it_is_left(width):
    page = bar(width)
    blank, thinned = np.ones_like(page), page.copy()
    thinned[8 : 8 + width - 1] = True  # the lowest line is left
    total = strokes_lost(blank, page)
    assert sum(length for length, _ in total.values()) > 30
    assert all(length == gone for length, gone in total.values())
    assert sum(gone for _, gone in strokes_lost(thinned, page).values()) == 0
    assert strokes_lost(page, page, of=strokes(page)) == {k: (n, 0) for k, (n, _) in total.items()}


def test_ink_beside_a_stroke_does_not_stand_for_it():
    page, beside = bar(1), np.ones_like(bar(1))
    beside[9] = False
    assert strokes_lost(beside, page)["1-2"] == strokes_lost(np.ones_like(page), page)["1-2"]


def test_blank_and_wrong_pages():
    blank = np.ones((20, 20), bool)
    assert strokes_lost(~blank, blank) == dict.fromkeys(WIDTHS, (0, 0))
    assert invented(~blank) == 1e6
    with pytest.raises(ValueError, match="bool array"):
        invented(blank.astype(np.uint8))
    with pytest.raises(ValueError, match="one size"):
        invented(blank, blank[1:])
    with pytest.raises(ValueError, match="one size"):
        strokes_lost(blank[1:], blank)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A set of pages without text, and two of written pages that play contests."""
    top = tmp_path_factory.mktemp("data")
    blank_pages.prepare(top / audit.DRAWN, pages=1, size=SIZE)
    for year in (2011, 2013):
        drawn_pages.prepare(
            top / f"dibco{year}", pages=3, size=(300, 400), seed=year, split="test", progress=False
        )
        (top / f"dibco{year}" / "drawn.json").unlink()
    return [top / audit.DRAWN, top / "dibco2011", top / "dibco2013"]


def fold(path, trained_on: list[Pair]):
    """Weights of a tiny network, whose card lists these pages as trained on."""
    torch.manual_seed(0)
    seen = [[f"{p.set}/{p.id}", leakage.fingerprint(p.degraded)] for p in trained_on]
    card = {"model": "de_gan-compact", "arguments": SMALL, "task": "binarize", "trained_on": seen}
    return weights.save_weights(path, MODELS["de_gan-compact"](**SMALL), card)


@pytest.fixture(scope="module")
def made(folders, tmp_path_factory):
    """The audit of these sets with a network of two folds, and one of a single fold."""
    top = tmp_path_factory.mktemp("weights")
    names = [
        fold(top / "both-binarize-without-2011.safetensors", evaluation.pages([folders[2]])),
        fold(top / "both-binarize-without-2013.safetensors", evaluation.pages([folders[1]])),
        fold(top / "half-binarize-without-2013.safetensors", evaluation.pages([folders[1]])),
    ]
    subjects, rows = audit.audit(names, folders, limit=2, progress=False)
    return evaluation.result("audit", "binarize", subjects, rows, folders, protocol="As a test.")


def test_pages_without_text_are_a_function_of_their_seed(folders, capsys):
    rows = manifest.read(folders[0])
    assert [row["kind"] for row in rows] == list(blank_pages.KINDS)
    assert all((pair.clean == 255).all() for pair in evaluation.pages(folders[:1]))
    for number, kind in enumerate(blank_pages.KINDS):
        page, passport = blank_pages.draw(kind, 0, 0, SIZE)
        assert np.array_equal(page, evaluation.pages(folders[:1])[number].degraded)
        assert not np.array_equal(page, blank_pages.draw(kind, 0, 1, SIZE)[0])
        assert ("bleed" in " ".join(passport.masks)) == (kind == "bleed-through")
    before = (folders[0] / "manifest.csv").stat().st_mtime_ns
    blank_pages.main([str(folders[0]), "--pages", "1", "--size", *map(str, SIZE)])
    assert "there already" in capsys.readouterr().out
    assert (folders[0] / "manifest.csv").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="use one of blank"):
        blank_pages.draw("torn", 0, 0)


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds something else"):
        blank_pages.prepare(tmp_path, pages=1, size=SIZE)
    assert (tmp_path / "letter.txt").is_file()


def test_a_network_is_asked_about_unseen_pages_alone(made, folders):
    asked = {name: {row["set"] for row in made.rows if row["subject"] == name}
             for name in made.subjects}  # fmt: skip
    assert asked["both-binarize-without-2011"] == {audit.DRAWN, "dibco2011"}
    assert asked["both-binarize-without-2013"] == {audit.DRAWN, "dibco2013"}
    assert asked["otsu"] == {folder.name for folder in folders}
    assert all(len(made.of(name, ["dibco2013"])) in (0, 2) for name in made.subjects)
    assert audit.unseen_sets("de_gan-binarize-drawn", ["dibco2009"]) == ["dibco2009"]


def test_a_network_that_has_seen_a_page_is_refused(folders, tmp_path):
    path = fold(tmp_path / "n-without-2011.safetensors", evaluation.pages([folders[1]]))
    with pytest.raises(leakage.LeakageError):
        audit.audit([path], folders, progress=False)


def test_rows_hold_what_the_metrics_say(folders):
    pair = evaluation.pages([folders[1]])[0]
    black = Subject("black", "classical", lambda page: np.zeros(page.shape, bool), {})
    white = Subject("white", "classical", lambda page: np.ones(page.shape, bool), {})
    truth = pair.clean > 127
    first, second = audit.measures([black, white], pair)
    assert first["ink"] == first["empty"] == second["empty"] == empty_paper(truth).sum() > 0
    assert second["ink"] == 0
    for width, (length, _) in strokes_lost(truth, truth).items():
        assert first[f"strokes_{width}"] == second[f"lost_{width}"] == length
        assert first[f"lost_{width}"] == 0


def test_folds_are_pooled_and_a_missing_one_is_not_hidden(made):
    assert audits.binarizers(made) == ["degraded", *CLASSICAL, "both-binarize", "half-binarize"]
    rows = [row for row in made.rows if row["subject"].startswith("both")]
    stained = [row["ink"] for row in rows if row["kind"] == "stained"]
    pooled = audits.invented(made, "both-binarize", kind="stained")
    assert len(stained) == 2 and pooled == 1e6 * sum(stained) / (2 * SIZE[0] * SIZE[1])
    written = [row for row in rows if row["kind"] == audits.WRITTEN]
    length, lost = (sum(row[f"{what}_3-4"] for row in written) for what in ("strokes", "lost"))
    assert audits.lost(made, "both-binarize", "3-4") == lost / length
    assert math.isnan(audits.lost(made, "half-binarize", "3-4"))
    assert math.isnan(audits.invented(made, "half-binarize", kind=audits.WRITTEN))
    assert math.isfinite(audits.invented(made, "half-binarize", kind="blank"))
    assert audits.is_network(made, "half-binarize") and not audits.is_network(made, "otsu")


def test_tables_and_figure(made, tmp_path):
    path = results.write(made, tmp_path / "audit.json")
    back = audits.read_audit(path)
    assert audits.read_audit(tmp_path / "none.json") is None
    assert audits.tables(back) == audits.tables(made)
    for table in (audits.drawn_table(back), audits.real_table(back), audits.strokes_table(back)):
        lines = table.split("\n")
        assert len({line.count("|") for line in lines}) == 1
        assert len(lines) == 3 + len(audits.binarizers(back))
    assert audits.real_table(back).count("not run") == 2  # a year, and so all
    assert audits.drawn_table(back).count("not run") == 0
    figure = audit_figure(back)
    left, right = figure.axes
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names[-1] == "half" and sorted(names) == sorted(
        audits.shown(name) for name in audits.binarizers(back)
    )
    assert len(left.get_legend().texts) == len(blank_pages.KINDS) + 1
    assert len(right.get_legend().texts) == len(WIDTHS)
    assert left.get_xticklabels()[0].get_text() == "0"
    assert f"{len(names)} binarizers" in audit_alt(back)


def test_the_chapters_part_shows_the_figure_with_alt_text(made, tmp_path, monkeypatch):
    text = ra_gan_parts.audit_part(made)
    assert f":alt: {audit_alt(made)}\n" in text and "_generated/figures/ra_gan/audit.png" in text
    monkeypatch.setattr(ra_gan_parts.audits, "read_audit", lambda: made)
    chapter_parts.draw_figures(tmp_path)
    assert (tmp_path / "ra_gan" / "audit.png").read_bytes()[1:4] == b"PNG"


def test_the_command_records(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(audits, "FILE", (str(tmp_path), "audit.json"))
    words = ["--weights", "--sets", str(folders[0]), str(folders[1]), "--limit", "1", "--record"]
    monkeypatch.setattr(audit.provenance, "commit", lambda: "abc+")
    assert audit.main(words) == 1 and "not committed" in capsys.readouterr().err
    monkeypatch.setattr(audit.provenance, "commit", lambda: "abc")
    assert audit.main(words) == 0
    assert "| otsu |" in capsys.readouterr().out
    found = audits.read_audit()
    assert found.provenance["command"].startswith("python -m docrestore.audit")
    assert found.sets[audit.DRAWN]["drawn"]["task"] == "blank"
    assert audit.main(["--sets", str(tmp_path / audit.DRAWN)]) == 1
    assert "python -m data_prep.blank_pages" in capsys.readouterr().err


@pytest.mark.skipif(audits.read_audit() is None, reason="no audit has been recorded")
def test_the_books_audit_belongs_to_the_weights_that_ship():
    found = audits.read_audit()
    assert {row["subject"] for row in found.rows} == set(found.subjects)
    for name, facts in found.subjects.items():
        if facts["kind"] == "network":
            assert facts["sha256"] == file_hash(weights.locate(name)), (
                f"{name} has changed since the audit: python -m docrestore.audit --record"
            )
