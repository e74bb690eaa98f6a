"""What the build writes for the chapters: tables that follow their sources, figures copied once."""

import os
import re
from pathlib import Path

import chapter_parts as parts

from docrestore.ledger.results import Result
from docrestore.paths import here


def test_the_chapter_includes_what_is_written() -> None:
    """Every part is included by a chapter, and every include is a part."""
    text = "".join(path.read_text() for path in here("book", "chapters").glob("*.md"))
    written = parts.chapter_parts()
    for name, part in written.items():
        assert f"_generated/{name}" in text and part.strip()
    asked = re.findall(r"^```\{include\} \.\./_generated/(\S+)", text, re.MULTILINE)
    assert set(asked) == set(written)


def test_networks_are_counted() -> None:
    """The paper's sizes: 31,031,685 parameters and 54.6 thousand million multiply-adds."""
    assert "| `de_gan` | 31,031,685 | 54.6 |" in parts.networks_table()


def test_what_was_not_run_says_so() -> None:
    """Without results every row says "not run"; with one, its figures stand there."""
    assert parts.equal_steps_table({}).count("not run") == len(parts.EQUAL_STEPS)
    row = {
        "subject": "n",
        "set": "s",
        "id": "a",
        "megapixels": 2.0,
        "seconds": 3.0,
        "text": 0.1,
        "cpu_seconds": 3.0,
    }
    card = {"steps": 7, "seconds": 60.0}
    facts = {"kind": "network", "parameters": 1234, "card": card}
    result = Result(
        "equal_steps-compact", "binarize", "", {"n": facts}, {"s": {"images": 1}},
        [row | {"fm": 91.0, "psnr": 19.0}],
    )  # fmt: skip
    table = parts.equal_steps_table({result.name: result})
    assert "| 1,234 | 7 | 60 | 91.00 | 19.00 | 1.50 |" in table
    assert table.count("not run") == len(parts.EQUAL_STEPS) - 1


def test_figures_are_copied_only_when_they_change(tmp_path: Path) -> None:
    """An unchanged copy keeps its date, so that Sphinx leaves the page alone."""
    figure = tmp_path / "run" / "figures" / "a.png"
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"one")
    copy = tmp_path / "out" / "de_gan" / "a.png"
    parts.copy_figures({"de_gan": figure.parent.parent}, tmp_path / "out")
    os.utime(copy, (0, 0))
    parts.copy_figures({"de_gan": figure.parent.parent}, tmp_path / "out")
    assert copy.stat().st_mtime == 0
    figure.write_bytes(b"two")
    parts.copy_figures({"de_gan": figure.parent.parent}, tmp_path / "out")
    assert copy.read_bytes() == b"two"
