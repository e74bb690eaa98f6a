"""Ablations: the plan, the comparison seed by seed, and the picture."""

import json
import math
from pathlib import Path

import pytest

from docrestore import ablation, train
from docrestore.ablation import Plan, differences
from docrestore.methods import METHODS
from docrestore.viz.ablations import ablation_alt, ablation_figure


def a_run(row: str, seed: int, *fm: float) -> dict:
    """A run with pages that reach these F-measures."""
    return {"row": row, "seed": seed, "pages": [{"fm": one} for one in fm]}


RUNS = [
    *(a_run("whole", seed, fm, fm + 2) for seed, fm in enumerate((89.0, 90.0, 91.0))),
    *(a_run("worse", seed, fm, fm + 2) for seed, fm in enumerate((86.0, 87.2, 87.8))),
    *(a_run("alike", seed, fm, fm + 2) for seed, fm in enumerate((90.0, 89.0, 91.1))),
]


def test_rows_are_compared_seed_by_seed() -> None:
    """Mean and Student's interval of three differences, worked by hand."""
    whole, worse, alike = differences(RUNS)
    assert whole.mean == pytest.approx(91.0) and whole.each == [0.0, 0.0, 0.0]
    assert worse.each == pytest.approx([-3.0, -2.8, -3.2])
    assert worse.difference == pytest.approx(-3.0)
    assert worse.high - worse.low == pytest.approx(2 * 4.3027 * 0.2 / math.sqrt(3), rel=1e-4)
    assert worse.beyond_noise
    assert not alike.beyond_noise


def test_rows_are_compared_on_one_device() -> None:
    """The whole network on a GPU is no measure for a part that was taken out on a processor."""
    runs = [run | {"machine": {"device": "gpu"}} for run in RUNS if run["row"] != "worse"]
    runs += [run | {"machine": {"device": "cpu"}} for run in RUNS if run["row"] == "worse"]
    assert differences(runs)[-1].each == []
    runs += [a_run("whole", seed, 86.0, 86.0) | {"machine": {"device": "cpu"}} for seed in range(3)]
    assert differences(runs)[-1].each == pytest.approx([1.0, 2.2, 2.8])


def test_one_seed_proves_nothing() -> None:
    """Without a second seed nobody knows what chance does."""
    rows = differences([run for run in RUNS if run["seed"] == 0])
    worse = rows[1]
    assert worse.difference == pytest.approx(-3.0)
    assert math.isinf(worse.low) and not worse.beyond_noise
    lines = [
        len(axis.lines)
        for axis in (*ablation_figure(rows).axes, *ablation_figure(differences(RUNS)).axes)
    ]
    assert lines == [2 * 2 + 1, 2 * 3 + 1], "an interval for several seeds alone"


def test_the_plan_of_the_ledger_can_be_trained() -> None:
    """Each row's words are understood by the trainer and by the method; only one part differs."""
    plan = ablation.read_plan()
    assert len(plan.rows) == 9 and len(plan.seeds) >= 3
    first, *others = plan.rows.values()
    assert first == [] and all(len(words) == 1 for words in others)
    for row in plan.rows:
        args = train.parser().parse_args(ablation.words(plan, row, 1))
        assert args.seed == 1
        assert not set(plan.tested) & {folder.name for folder in args.data}
        METHODS[args.method](**train.method_arguments(args.method, args.set))


def test_what_is_done_is_not_done_again(tmp_path: Path, monkeypatch, capsys) -> None:
    """A run that is in the file with the same command is left out of the list."""
    plan = Plan("ra_gan --data data/x", ["y"], [0, 1], {"whole": [], "bare": ["l1=1"]})
    monkeypatch.setattr(ablation, "read_plan", lambda: plan)
    path = tmp_path / "ablations.json"
    done = a_run("bare", 1, 90.0)
    done["command"] = "python -m docrestore.train " + " ".join(ablation.words(plan, "bare", 1))
    ablation.write_runs(plan, [done, a_run("whole", 0, 90.0)], path)
    assert [run["row"] for run in json.loads(path.read_text())["runs"]] == ["whole", "bare"]
    monkeypatch.setattr(
        ablation, "read_runs", lambda: ablation.json.loads(path.read_text())["runs"][1:]
    )
    assert ablation.main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in listed] == [
        "whole, seed 0",
        "bare, seed 0",
        "whole, seed 1",
    ]


def test_the_picture_tells_every_row() -> None:
    """A line a row but for the whole, and an alt text that names them with what is clear."""
    rows = differences(RUNS)
    (axis,) = ablation_figure(rows).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["worse", "alike"]
    alt = ablation_alt(rows)
    assert "worse -3.00" in alt and "Larger than the noise: worse." in alt
