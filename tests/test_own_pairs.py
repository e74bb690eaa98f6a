"""Two folders of a reader's own become a data set, and what is unclear is asked about."""

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_prep import manifest, own_pairs, two_folders
from data_prep.own_pairs import held_back, main
from data_prep.pairs import SourceError
from docrestore.data import PairedPages
from docrestore.images import read_gray, write


class Terminal(io.StringIO):
    """A reader who types these lines."""

    def isatty(self) -> bool:
        return True


class Desk:
    """The folders of a reader, and the command."""

    def __init__(self, root: Path) -> None:
        self.pages, self.truths, self.out = root / "scans", root / "truths", root / "data" / "mine"

    def put(self, page: str, truth: str, seed: int = 1, levels: tuple[int, ...] = (0, 255)):
        """A page (H, W) = (8, 10), and a truth with a fifth of the first level; returns it."""
        rng = np.random.default_rng(seed)
        drawn = rng.choice(levels, (8, 10), p=[0.2, *[0.8 / (len(levels) - 1)] * (len(levels) - 1)])
        drawn.flat[: len(levels)] = levels
        write(self.pages / page, rng.integers(0, 256, (8, 10), dtype=np.uint8))
        write(self.truths / truth, drawn.astype(np.uint8))
        return drawn.astype(np.uint8)

    def make(self, *words: str) -> int:
        folders = ["--degraded", str(self.pages), "--clean", str(self.truths)]
        return main(["mine", *folders, "--out", str(self.out), *words])

    def rows(self) -> list[dict[str, str]]:
        manifest.verify(self.out)
        return manifest.read(self.out)

    def hashes(self) -> dict[Path, str]:
        files = [path for one in (self.pages, self.truths) for path in one.rglob("*.*")]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Empty folders, and nobody at the keyboard."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return Desk(tmp_path)


def test_two_folders_become_a_set_and_the_next_command_is_printed(desk, capsys):
    truth = desk.put("HW1.png", "hw1_GT.tif")
    desk.put("book/P2.webp", "book/P2.png", 2)
    before = desk.hashes()
    assert desk.make() == 0
    second, first = desk.rows()
    assert (first["id"], first["group"], first["split"]) == ("HW1", "HW1", "all")
    assert second["degraded"] == "degraded/book-P2.webp"
    assert np.array_equal(read_gray(desk.out / first["clean"]), truth)
    assert (desk.out / first["degraded"]).read_bytes() == (desk.pages / "HW1.png").read_bytes()
    told = capsys.readouterr().out
    assert "2 pairs, 2 groups, 2 in the split all" in told
    assert f"python -m docrestore.train de_gan --data {desk.out} --run-dir runs/mine" in told
    assert len(PairedPages(desk.out, split="train")) == 2
    assert desk.hashes() == before


def test_by_default_the_set_goes_to_data(desk, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DOCRESTORE_HOME", str(tmp_path))
    desk.put("1.png", "1.png")
    assert main(["mine", "--degraded", str(desk.pages), "--clean", str(desk.truths)]) == 0
    assert capsys.readouterr().out.startswith("data/mine: 1 pair, 1 group")
    assert len(desk.rows()) == 1


def test_what_does_not_fit_is_told_in_a_sentence_each_and_left_out(desk, capsys):
    for name in "abcdefg":
        desk.put(f"{name}.png", f"{name}.png", ord(name))
    (desk.truths / "a.png").rename(desk.truths / "x.png")
    write(desk.truths / "b.png", np.ones((8, 11), bool))
    (desk.pages / "c.png").write_bytes(b"no image")
    write(desk.truths / "d_gt.bmp", np.ones((8, 10), bool))
    write(desk.pages / "e" / "f.png", np.ones((8, 10), bool))
    write(desk.truths / "e" / "f.png", np.ones((8, 10), bool))
    desk.put("e-f.png", "e-f.png")
    assert desk.make() == 1
    told = capsys.readouterr()
    for sentence in (
        "a.png has no truth of its name; it is left out.",
        "x.png has no page of its name; it is left out.",
        "b is left out: the page is 10 x 8 pixels, its truth 11 x 8; make them equal.",
        "c is left out: c.png is not an image",
        "d_gt.bmp have one name; leave one of them there.",
        "would both be e-f; rename one.",
    ):
        assert sentence in told.err
    assert [row["id"] for row in desk.rows()] == ["e", "e-f", "f", "g"]
    assert "6 left out, as told above" in told.out


def test_one_folder_may_hold_both_or_one_lie_in_the_other(desk):
    desk.truths = desk.pages
    desk.put("1.png", "1_GT.png")
    assert desk.make() == 0 and [row["id"] for row in desk.rows()] == ["1"]
    desk.truths = desk.pages / "gt"
    desk.put("1.png", "1.png")
    (desk.pages / "1_GT.png").unlink()
    assert two_folders.match(desk.pages, desk.truths)[1] == []
    with pytest.raises(SourceError, match="is not a folder; name one"):
        two_folders.match(desk.pages, desk.pages / "nowhere")


@pytest.mark.parametrize(
    ("words", "typed", "becomes"),
    [
        (["--cut", "128"], "", 0),
        (["--cut", "60"], "", 255),
        (["--keep-gray"], "", 100),
        ([], "what\ny\n", 0),
        ([], "N\n", 100),
    ],
)
def test_grey_truths_are_cut_or_kept_as_the_reader_says(desk, monkeypatch, words, typed, becomes):
    truth = desk.put("1.png", "1.png", levels=(0, 100, 255))
    truth.flat[3:60] = 255  # and so mostly light
    write(desk.truths / "1.png", truth)
    if typed:
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert desk.make(*words) == 0
    clean = read_gray(desk.out / desk.rows()[0]["clean"])
    assert set(np.unique(clean)) == {0, 255, becomes}
    assert list(clean.flat[:3]) == [0, becomes, 255]


@pytest.mark.parametrize(
    ("words", "typed", "turned"),
    [(["--invert"], "", True), (["--no-invert"], "", False), ([], "y\n", True), ([], "n\n", False)],
)
def test_white_text_is_turned_over_or_not_as_the_reader_says(
    desk, monkeypatch, capsys, words, typed, turned
):
    white = desk.put("1.png", "1.png", levels=(255, 0))
    black = desk.put("2.png", "2.png", 2)
    if typed:
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert desk.make(*words) == 0
    first, second = (read_gray(desk.out / row["clean"]) for row in desk.rows())
    assert np.array_equal(first, 255 - white if turned else white)
    assert np.array_equal(second, black)
    told = capsys.readouterr().out
    assert ("1 truth turned over" in told) is turned
    assert not typed or "1 of 2 truths (1) has more dark pixels" in told


@pytest.mark.parametrize(
    ("levels", "options"),
    [((0, 100, 255), "--cut 128 or --keep-gray"), ((255, 0), "--invert or --no-invert")],
)
@pytest.mark.parametrize("keyboard", [io.StringIO, Terminal])
def test_without_an_answer_it_stops_and_names_the_options(
    desk, monkeypatch, capsys, levels, options, keyboard
):
    monkeypatch.setattr(sys, "stdin", keyboard())  # nobody, or somebody who closes the terminal
    desk.put("1.png", "1.png", levels=levels)
    assert desk.make() == 1
    assert f"say {options}. Nothing was made." in capsys.readouterr().err
    assert not desk.out.exists()


@pytest.mark.parametrize("words", [[], ["--keep-gray"]])
def test_a_mask_of_zero_and_one_is_spread(desk, words):
    truth = desk.put("1.png", "1.png", levels=(0, 1))
    assert desk.make(*words) == 0
    assert np.array_equal(read_gray(desk.out / desk.rows()[0]["clean"]), truth * 255)


@pytest.mark.parametrize(
    ("rule", "groups"),
    [
        ("folder", ["a", "a", "b"]),
        (r"hand(\d)", ["1", "2", "1"]),
        ("hand2", ["a-hand1-x", "hand2", "b-hand1-x"]),
    ],
)
def test_groups_come_from_folders_or_names(desk, rule, groups):
    for name in ("a/hand1-x", "a/hand2-y", "b/hand1-x"):
        desk.put(f"{name}.png", f"{name}.png")
    assert desk.make("--group-by", rule) == 0
    assert [row["group"] for row in desk.rows()] == groups


def test_folds_and_a_held_back_share_keep_groups_together(desk, capsys):
    for number in range(20):
        desk.put(f"h{number // 2}-{number}.png", f"h{number // 2}-{number}.png", number)
    assert desk.make("--group-by", "^h[0-9]+", "--folds", "5") == 0
    rows = desk.rows()
    assert len({(row["group"], row["fold"]) for row in rows}) == 10
    assert "4 in fold 0, 4 in fold 1" in capsys.readouterr().out
    assert desk.make("--replace", "--group-by", "^h[0-9]+", "--split", "0.2") == 0
    rows = desk.rows()
    assert sum(row["split"] == "test" for row in rows) == 4
    assert len({(row["group"], row["split"]) for row in rows}) == 10
    assert held_back(["a"] * 9 + ["b"], 0.01) == {"b"}
    assert desk.make("--replace", "--split", "test") == 0
    assert "Next" not in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--group-by", "("], "'(' is no regular expression"),
        (["--group-by", "zzz"], "'zzz' is in no page's name, such as 1."),
        (["--folds", "5"], "1 group cannot make 5 folds; take fewer --folds."),
        (["--split", "0.5"], "all pages are one group"),
    ],
)
def test_options_that_make_no_set_are_explained(desk, capsys, words, sentence):
    desk.put("1.png", "1.png")
    assert desk.make(*words) == 1
    assert sentence in capsys.readouterr().err and not desk.out.exists()
    for wrong in (["--split", "some"], ["--split", "1.5"], ["--folds", "1"], ["--cut", "999"]):
        with pytest.raises(SystemExit):
            desk.make(*wrong)


def test_originals_and_other_sets_are_never_in_the_way(desk, capsys):
    desk.put("1.png", "1.png")
    before = desk.hashes()
    desk.out = desk.pages.parent
    assert desk.make("--replace") == 1
    desk.out = desk.pages / "set"
    assert desk.make() == 1
    assert capsys.readouterr().err.count("lie in each other; choose another --out.") == 2
    desk.out = desk.pages.parent / "data" / "mine"
    write(desk.out / "something.png", np.ones((4, 4), bool))
    assert desk.make("--replace") == 1
    assert "was not made by this command" in capsys.readouterr().err
    assert main(["dibco2009", "--degraded", str(desk.pages), "--clean", str(desk.truths)]) == 1
    assert "cannot be the name of your set" in capsys.readouterr().err
    assert desk.hashes() == before and (desk.out / "something.png").is_file()


def test_a_set_is_made_anew_only_when_asked(desk, capsys):
    desk.put("1.png", "1.png")
    assert desk.make() == 0
    desk.put("2.png", "2.png", 2)
    assert desk.make() == 1 and "or --replace to make it anew" in capsys.readouterr().err
    assert len(desk.rows()) == 1
    assert desk.make("--replace") == 0 and len(desk.rows()) == 2


def test_a_killed_run_leaves_nothing_that_looks_whole(desk):
    desk.put("1.png", "1.png")
    script = (
        "import os, signal, sys; from data_prep import own_pairs\n"
        "own_pairs.manifest.write = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "own_pairs.main(sys.argv[1:])\n"
    )
    words = ["mine", "--degraded", desk.pages, "--clean", desk.truths, "--out", desk.out]
    done = subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True)
    assert done.returncode == -9, done.stderr
    assert not desk.out.exists()
    assert desk.make() == 0 and os.listdir(desk.out.parent) == ["mine"]
    assert (desk.out / own_pairs.MARK).is_file()
