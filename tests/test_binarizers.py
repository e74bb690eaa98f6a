"""The table of all binarizers over all years."""

import math

import pytest

from docrestore.ledger import Claim, binarizers
from docrestore.ledger.results import Result
from docrestore.ledger.rows import Row, difference, mean_interval, metric_table

SETS = ["dibco2011", "dibco2013"]


def a_result(name: str, sets: list[str], kind: str, scores: dict[str, list[float]]) -> Result:
    """Subjects with the same figures in each of the sets."""
    rows = [
        {"subject": subject, "set": one, "id": f"{page}", "megapixels": 2.0, "seconds": 1.0,
         "cpu_seconds": 0.5, "text": 0.05, "fm": fm, "drd": 100 - fm}
        for subject, values in scores.items()
        for one in sets
        for page, fm in enumerate(values)
    ]  # fmt: skip
    card = {"steps": 100, "batch": 8, "patch": 256, "seconds": 60.0}
    facts = {one: {"kind": kind, "parameters": 7, "card": card} for one in scores}
    shown = {one: {"images": 2, "of": "real pages"} for one in sets}
    return Result(name, "binarize", "", facts, shown, rows)


RESULTS = {
    one.name: one
    for one in (
        a_result("classical-binarize", SETS, "classical", {"otsu": [80, 82], "su": [79, 90]}),
        a_result("net-binarize-without-2011", SETS[:1], "network", {"net": [90, 92]}),
        a_result("net-binarize-without-2013", SETS[1:], "network", {"net": [94, 96]}),
    )
}


def test_a_network_is_one_row_of_its_folds() -> None:
    """Each year comes from the fold that left it out; cost and card come along."""
    row = binarizers.network(RESULTS, "net", "Net")
    assert [row.means[one]["fm"] for one in SETS] == [91, 95]
    assert row.mean("fm", SETS) == 93
    assert row.facts["parameters"] == 7 and row.facts["cpu_seconds"] == 0.25
    low, high = mean_interval(row, "fm", SETS)
    assert 92 <= low < 93 < high <= 94
    table = binarizers.costs_table([row, Row("later")], SETS, {"Net": 25.0})
    assert "|  | Net | later |" in table and "| mean FM, % | 93.00 | not run |" in table
    assert "| 95 % interval | 92.00 to 94.00 |  |" in table
    shown = [line.split(" | ")[1] for line in table.splitlines()[4:]]
    assert shown == ["7", "25.0", "0.25", "0", "100", "52", "1", "cpu"]


def test_two_networks_are_compared_page_by_page() -> None:
    """The interval is of the differences, far narrower than the pages' own spread."""
    other = a_result("rival-binarize", SETS, "network", {"rival": [89, 91]})
    rows = [binarizers.network(RESULTS | {"rival-binarize": other}, m, m) for m in ("net", "rival")]
    middle, low, high = difference(rows[0], rows[1], "fm", SETS)
    assert (middle, low, high) == (3, 3, 3)  # 1 in every page of one year, 5 in the other


def test_folds_that_learnt_differently_show_both() -> None:
    """Steps, time and machine are not those of the first fold alone."""
    row = binarizers.network(RESULTS, "net", "Net")
    row.facts["cards"][1] = {"steps": 200, "batch": 8, "patch": 256, "seconds": 600, "device": "X"}
    table = binarizers.costs_table([row], SETS, {})
    assert "| training steps | 100 to 200 |" in table and "| training, min | 1 to 10 |" in table
    assert "| trained on | cpu, X |" in table


def test_the_best_classical_method_is_chosen_by_year() -> None:
    """It is no method but a bar, whatever the metric shown."""
    best = binarizers.best_classical(RESULTS)
    assert best.mean("fm", SETS) == 84.5 and best.mean("drd", SETS) == 15.5
    assert binarizers.classical(RESULTS, "otsu", "Otsu").mean("fm", SETS) == 81


def test_claims_stand_beside_and_are_never_bold() -> None:
    """A published mean is shown where there is one; the measured best of a year is in bold."""
    claims = [
        Claim("GDB", "rival", "dibco2013", {"fm": 99.0, "pfm": 98.0}, "source", "s", "p"),
        Claim("GDB", "rival", "dibco2013", {"fm": 12.0}, "source", "s", "p"),
    ]
    row = binarizers.claimed(claims, "GDB", method="GDB")
    assert row.means["dibco2013"]["pfm_skeleton"] == row.means["dibco2013"]["pfm_contest"] == 98.0
    assert math.isnan(row.mean("fm", SETS))
    rows = [binarizers.network(RESULTS, "net", "Net"), row]
    table = metric_table(rows, SETS, "fm").splitlines()
    assert table[0] == "| binarizer | 2011 | 2013 | mean |"
    assert table[2] == "| Net | **91.0** | **95.0** | 93.0 |"
    assert table[3] == "| GDB |  | 99.0 |  |"


@pytest.mark.parametrize(("metric", "best"), [("fm", "Net"), ("drd", "Net")])
def test_less_can_be_better(metric: str, best: str) -> None:
    """The best DRD is the smallest one."""
    rows = [binarizers.network(RESULTS, "net", "Net"), binarizers.best_classical(RESULTS)]
    lines = metric_table(rows, SETS, metric).splitlines()[2:]
    assert [line.split(" | ")[0][2:] for line in lines if "**" in line] == [best]
