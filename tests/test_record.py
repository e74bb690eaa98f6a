"""The ledger's rows: what has to be written is found, and nothing else is written."""

import shlex
from dataclasses import replace

import pytest
import torch

from docrestore import record, weights
from docrestore.ledger import LedgerError, results
from docrestore.ledger.results import Result
from docrestore.metrics.tasks import PROTOCOLS
from docrestore.models import MODELS
from docrestore.provenance import file_hash

SMALL = {"widths": (4, 4, 4, 4)}
ROW = {"name": "net", "task": "deblur", "sets": ["a", "b"], "only": {"kind": "x"}, "words": "So."}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of shipped weights with one tiny network called net."""
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    card = {"model": "de_gan-compact", "arguments": SMALL}
    return weights.save_weights(
        tmp_path / "net.safetensors", MODELS["de_gan-compact"](**SMALL), card
    )


def written(folder, row, sha256, command=None):
    """The file of a row, as an evaluation would leave it."""
    words = shlex.join([*record.PROGRAM, *(command or record.command(row))])
    subjects = {row["name"]: {"kind": "network", "parameters": 1, "sha256": sha256}}
    result = Result(row["name"], row["task"], "", subjects, {}, [], {"command": words})
    return results.write(result, folder / f"{row['name']}.json")


def test_the_rows_of_the_book_are_sound():
    rows = record.read_rows()
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) and {row["task"] for row in rows} == set(PROTOCOLS)
    folds = [row for row in rows if "without" in row["name"]]
    years = (2009, 2010, 2011, 2012, 2013, 2014, 2016, 2017)
    for method in {row["name"].partition("-")[0] for row in folds}:  # no year twice
        mine = [row for row in folds if row["name"].startswith(f"{method}-")]
        scored = [one for row in mine for one in row["sets"]]
        assert len(scored) == len(set(scored)), method
        assert set(scored) <= {f"dibco{year}" for year in years}, method
    for row in folds:  # each is scored on the years it has not seen
        assert all(one.removeprefix("dibco") in row["name"] for one in row["sets"])


def test_a_rows_command():
    assert shlex.join(record.command(ROW)) == (
        "--task deblur --weights net --sets a b --only kind=x --protocol So. --record"
    )
    assert "--weights" not in record.command(ROW | {"name": "classical-deblur"})


def test_a_row_is_written_for_a_reason(tmp_path, shipped):
    folder = tmp_path / "results"
    assert record.why(ROW, folder) == "it is not there"
    written(folder, ROW, file_hash(shipped))
    assert record.why(ROW, folder) == ""
    assert record.why(ROW | {"sets": ["a"]}, folder) == "another command makes it now"
    torch.manual_seed(1)
    card = {"model": "de_gan-compact", "arguments": SMALL}
    weights.save_weights(shipped, MODELS["de_gan-compact"](**SMALL), card)
    assert record.why(ROW, folder) == "its weights have changed"


def test_rows_that_say_too_little_or_too_much_are_refused(tmp_path):
    path = tmp_path / "rows.yaml"
    path.write_text("- {name: x, task: clean}")
    with pytest.raises(LedgerError, match="lacks sets"):
        record.read_rows(path)
    path.write_text("- {name: x, task: clean, sets: [a], weight: y}")
    with pytest.raises(LedgerError, match="weight, unknown"):
        record.read_rows(path)


def test_the_command_writes_what_is_missing_and_names_what_it_knows(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(record.evaluation, "main", lambda words: ran.append(words) or 0)
    monkeypatch.setattr(record, "read_rows", lambda: [ROW, ROW | {"name": "other"}])
    monkeypatch.setattr(record, "note_metrics", lambda name: ran.append(name))
    monkeypatch.setattr(record, "why", lambda row: "it is not there" * (row["name"] == "net"))
    assert record.main(["--list"]) == 0 and not ran
    assert record.main([]) == 0 and ran == [record.command(ROW), "net"]
    assert "other: up to date" in capsys.readouterr().out
    assert record.main(["nett"]) == 1
    assert "there are: net, other" in capsys.readouterr().err


def test_the_means_of_a_row_go_into_the_card(tmp_path, shipped):
    network, folder = weights.load(shipped), tmp_path / "results"
    path = written(folder, ROW, file_hash(shipped))
    row = {"subject": "net", "set": "a", "id": "1", "megapixels": 1.0, "seconds": 1.0}
    row |= {"cpu_seconds": 1.0, "text": 0.1}
    result = results.read(path)
    rows = [row | {"psnr_gray": value} for value in (20.0, 23.0)]
    results.write(replace(result, sets={"a": {"images": 2, "manifest": ""}}, rows=rows), path)
    record.note_metrics("net", path)
    assert weights.card("net")["metrics"] == {"a": {"psnr_gray": 21.5}}
    assert record.why(ROW, folder) == ""
    again = weights.load("net").state_dict()
    assert all(torch.equal(value, again[key]) for key, value in network.state_dict().items())


def test_a_row_from_an_unknown_state_of_the_code_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(record.evaluation.provenance, "commit", lambda: "abc+")
    assert record.evaluation.main(record.command(ROW)) == 1
    assert "commit them first" in capsys.readouterr().err
