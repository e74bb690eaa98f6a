"""Drawn pages are a pure function of their seed, and their sets are whole or not there."""

import json
import sys

import numpy as np
import pytest

from data_prep import clean_pages, drawn_pages, manifest
from data_prep.clean_pages import draw_page
from data_prep.degradations import replay
from data_prep.drawn_pages import TASKS, draw, draw_pair, prepare, split_of
from data_prep.lettering import FONTS, KINDS, font, fonts, passages
from data_prep.page_layouts import LAYOUTS
from data_prep.recipes import MARK_FACES, MARK_WORDS, RECIPES
from docrestore import images

SIZE = (160, 224)


def test_every_font_opens_and_has_its_licence():
    folder = drawn_pages.Path(drawn_pages.__file__).parent / "fonts"
    used = {file for file, kind in FONTS.values() if kind != "paper"}  # those are matplotlib's
    assert used == {path.stem for path in folder.glob("*.woff")}
    for file in used:
        name = file.split("-latin-")[0]
        text = (folder / f"{name}.LICENSE.txt").read_text(encoding="utf-8")
        assert "SIL Open Font License" in text or "SIL OPEN FONT LICENSE" in text
        assert f'"@fontsource/{name}"' in (folder / "package.json").read_text()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 600_000
    assert sorted(fonts(*KINDS)) == sorted(FONTS)


@pytest.mark.parametrize("name", FONTS)
def test_fonts_are_scaled_by_the_height_of_an_x(name):
    _, top, _, bottom = font(name, 40.0).getbbox("x", anchor="ls")
    assert bottom - top == pytest.approx(40, abs=2)


def test_fonts_have_the_letters_of_the_passages():
    letters = set("".join(passages())) - {" "}
    for name in FONTS:
        if name.startswith("computer-modern"):
            continue  # gets its words without accents
        box = bytes(font(name, 20.0).getmask("\uffff"))  # what stands for a missing letter
        missing = [c for c in letters if c.isalpha() and bytes(font(name, 20.0).getmask(c)) == box]
        assert not missing, (name, missing)


def test_test_words_are_not_training_words():
    assert not set(passages("train")) & set(passages("test"))
    assert set(passages("train")) | set(passages("test")) == set(passages())
    assert not set(MARK_WORDS["train"]) & set(MARK_WORDS["test"])
    assert not set(MARK_FACES["train"]) & set(MARK_FACES["test"])
    with pytest.raises(ValueError, match="train, val, test"):
        passages("dev")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_paper_with_some_ink(kind):
    page = draw_page(np.random.default_rng(1), (300, 400), kind=kind, layout="prose")
    assert page.dtype == np.float32 and page.min() >= 0 and page.max() == 1
    assert 0.02 < (page < 0.5).mean() < 0.4


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_draw_at_any_size(layout):
    for size in ((1, 1), (3, 200), (200, 3), (256, 256)):
        page = draw_page(np.random.default_rng(2), size, layout=layout)
        assert page.shape == size and np.isfinite(page).all()
    assert (page < 0.5).any()


def test_fine_keeps_the_height_of_letters():
    values = dict(kind="print", layout="prose", faces=("source-sans",), x_height=(12, 12))
    coarse = draw_page(np.random.default_rng(3), (300, 300), **values)
    fine = draw_page(np.random.default_rng(3), (300, 300), fine=2, **values)
    assert (1 - fine).mean() == pytest.approx((1 - coarse).mean(), rel=0.3)


def test_wrong_names_are_refused():
    with pytest.raises(ValueError, match="no layout is called 'poster'.*ledger"):
        draw_page(np.random.default_rng(0), SIZE, layout="poster")
    with pytest.raises(ValueError, match="print, type, blackletter, hand"):
        draw_page(np.random.default_rng(0), SIZE, kind="runes")
    with pytest.raises(ValueError, match="no task is called 'paint'.*deblur"):
        draw_pair("paint", 0, 0, SIZE)
    with pytest.raises(ValueError, match="0 x 5"):
        draw_pair("clean", 0, 0, (0, 5))


@pytest.mark.parametrize("task", TASKS)
def test_a_pair_is_a_pure_function_of_its_arguments(task):
    first, again = (draw_pair(task, 4, 6, SIZE) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert first[2] == again[2]
    for other in (draw_pair(task, 5, 6, SIZE), draw_pair(task, 4, 7, SIZE)):
        assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("task", TASKS)
def test_pairs_are_honest(task):
    for index in range(6):
        degraded, clean, passport, masks = draw_pair(task, 1, index, SIZE)
        for image in (degraded, clean):
            assert image.dtype == np.uint8 and image.shape == SIZE
        if task == "binarize":
            assert set(np.unique(clean)) <= {0, 255}
        assert json.loads(json.dumps(passport)) == passport
        assert set(masks) == {mask for step in passport["steps"] for mask in step["masks"]}
        assert not np.array_equal(degraded, clean)


@pytest.mark.parametrize("task", TASKS)
def test_the_passport_replays_from_the_clean_page(task):
    degraded, clean, passport = draw(task, 2, 3, SIZE)
    record = json.loads(json.dumps(passport.as_dict()))
    assert np.array_equal(replay(clean, record), degraded)


def test_ink_is_darker_than_its_paper():
    """The truth of a drawn page can be seen in the page: ink below the paper around it."""
    for index in range(12):
        degraded, clean, _, _ = draw_pair("binarize", 3, index, (256, 256))
        ink = clean == 0
        if ink.sum() < 200:
            continue
        assert degraded[ink].mean() < degraded[~ink].mean() - 15


def test_watermark_differs_only_near_its_mark():
    for index in range(12):
        degraded, clean, passport, masks = draw_pair("watermark", 0, index, SIZE)
        assert len([mask for mask in masks if mask.endswith("-mark")]) == 1
        if any(step["name"] == "jpeg" for step in passport["steps"]):
            continue
        mark = next(iter(masks.values()))
        assert np.array_equal(degraded[~mark], clean[~mark])


def test_recipes_of_both_splits_name_their_own_marks():
    for split in ("train", "test"):
        for seed in range(30):
            recipe = RECIPES["watermark"](np.random.default_rng(seed), split)
            mark = recipe.damage[0][1]
            assert mark["text"] in MARK_WORDS[split] and mark["face"] in MARK_FACES[split]


@pytest.mark.parametrize("task", TASKS)
def test_a_larger_set_begins_with_the_smaller_one(task, tmp_path):
    prepare(tmp_path / "small", task=task, pages=2, size=SIZE, progress=False)
    prepare(tmp_path / "large", task=task, pages=4, size=SIZE, progress=False)
    manifest.verify(tmp_path / "large")
    small, large = manifest.read(tmp_path / "small"), manifest.read(tmp_path / "large")
    assert small == large[:2]
    assert [row["split"] for row in large] == ["train", "train", "train", "test"]
    for row in small:
        for column in ("degraded", "clean", "passport", "mask"):
            if row[column]:
                one, two = ((tmp_path / s / row[column]).read_bytes() for s in ("small", "large"))
                assert one == two
        assert bool(row["mask"]) == (task == "watermark")


def test_files_are_what_draw_pair_gives(tmp_path):
    prepare(tmp_path / "set", task="binarize", pages=1, size=SIZE, seed=9, progress=False)
    degraded, clean, passport, masks = draw_pair("binarize", 9, 0, SIZE)
    row = manifest.read(tmp_path / "set")[0]
    assert np.array_equal(images.read_gray(tmp_path / "set" / row["degraded"]), degraded)
    assert np.array_equal(images.read_gray(tmp_path / "set" / row["clean"]), clean)
    assert json.loads((tmp_path / "set" / row["passport"]).read_text()) == passport
    for name, mask in masks.items():
        stored = images.read_gray(tmp_path / "set" / "passports" / f"{row['id']}-{name}.png")
        assert np.array_equal(stored == 255, mask)


def test_an_interrupted_set_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    out = tmp_path / "set"
    real = drawn_pages._save

    def stop(work, task, seed, index, *rest):
        if index == 1:
            raise KeyboardInterrupt
        return real(work, task, seed, index, *rest)

    monkeypatch.setattr(drawn_pages, "_save", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(out, pages=3, size=SIZE, progress=False)
    assert not out.exists() and not list(tmp_path.rglob("manifest.csv"))
    monkeypatch.setattr(drawn_pages, "_save", real)
    prepare(out, pages=3, size=SIZE, progress=False)
    manifest.verify(out)


def test_a_set_that_is_there_is_left_alone(tmp_path, capsys):
    out = tmp_path / "set"
    path = prepare(out, pages=1, size=SIZE, progress=False)
    before = path.stat().st_mtime_ns
    prepare(out, pages=1, size=SIZE, progress=False)
    assert path.stat().st_mtime_ns == before and "there already" in capsys.readouterr().out
    prepare(out, pages=1, size=SIZE, seed=1, progress=False)
    assert path.stat().st_mtime_ns != before
    with pytest.raises(ValueError, match="at least 1 page"):
        prepare(out, pages=0)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_all_words_of_a_page_are_of_its_split(task, split, monkeypatch):
    """The other side of the leaf included, which is a page of its own."""
    asked, words = [], clean_pages.words

    def listening(rng, split=None):
        asked.append(split)
        return words(rng, split)

    monkeypatch.setattr(clean_pages, "words", listening)
    for index in range(6):
        draw(task, 0, index, (64, 64), split)
    assert set(asked) == {split}
    assert (len(asked) > 6) == (task == "binarize"), "the back was drawn too"


def test_a_passport_without_a_split_replays_as_it_was_drawn():
    """Those of sets drawn before the split was noted: the back has words of all passages."""
    page = np.ones(SIZE, np.float32)
    values = {"kind": "print", "x_height_px": 12.0}
    record = {"steps": [{"name": "bleed_through", "values": values}], "seed": [3]}
    old, none, test = (
        replay(page, record | {"steps": [{"name": "bleed_through", "values": values | more}]})
        for more in ({}, {"split": None}, {"split": "test"})
    )
    assert np.array_equal(old, none) and not np.array_equal(old, test)


def test_a_folder_with_other_things_is_not_replaced(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "mine.png").write_bytes(b"mine")
    for out in (tmp_path / "scans", tmp_path / "scans" / "mine.png"):
        with pytest.raises(ValueError, match="something else than a drawn set; name another"):
            prepare(out, pages=1, size=SIZE)
    assert (tmp_path / "scans" / "mine.png").read_bytes() == b"mine"
    (tmp_path / "empty").mkdir()
    manifest.verify(prepare(tmp_path / "empty", pages=1, size=SIZE).parent)


def test_paths_are_printed_from_the_repository_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DOCRESTORE_HOME", str(tmp_path))
    for _ in range(2):
        prepare(tmp_path / "data" / "set", pages=1, size=SIZE)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "data/set: 1 pairs of 160 x 224 px, 0 of them for testing",
        "data/set: 1 drawn pairs are there already",
    ]


def test_pages_are_counted_on_a_terminal_alone(tmp_path, monkeypatch, capsys):
    prepare(tmp_path / "a", pages=2, size=SIZE)
    assert capsys.readouterr().out.count("\n") == 1
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    prepare(tmp_path / "b", pages=2, size=SIZE)
    assert "\r" in (shown := capsys.readouterr().out) and "2 of 2 pairs drawn\n" in shown


def test_another_set_drawn_meanwhile_is_noticed(tmp_path, monkeypatch):
    out, real = tmp_path / "set", drawn_pages._save

    def meanwhile(work, *rest):
        row = real(work, *rest)
        monkeypatch.setattr(drawn_pages, "_save", real)
        work.rename(tmp_path / "other")  # another process builds in its own folder
        prepare(out, pages=1, size=SIZE, seed=2)
        (tmp_path / "other").rename(work)
        return row

    monkeypatch.setattr(drawn_pages, "_save", meanwhile)
    with pytest.raises(manifest.ManifestError, match="another process has drawn another set"):
        prepare(out, pages=1, size=SIZE, seed=1)
    assert json.loads((out / "drawn.json").read_text())["seed"] == 2


def test_the_command_line_draws_a_set(tmp_path):
    arguments = ["--task", "deblur", "--pages", "1", "--size", "90", "120", "--split", "test"]
    drawn_pages.main([str(tmp_path / "d"), *arguments])
    (row,) = manifest.read(tmp_path / "d")
    assert row["split"] == "test"
    assert images.read_gray(tmp_path / "d" / row["degraded"]).shape == (90, 120)


def test_every_fourth_page_is_for_testing():
    assert [split_of(index) for index in range(8)].count("test") == 2
