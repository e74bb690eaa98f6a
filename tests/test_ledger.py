"""The ledger: its file keeps its own rules, its arithmetic is right, its verdicts follow."""

import math
from dataclasses import replace

import numpy as np
import pytest
import yaml

from docrestore import ledger, metrics, weights
from docrestore.ledger import Claim, LedgerError, results
from docrestore.ledger import tables as ledger_tables
from docrestore.ledger.plausibility import fm_from_psnr, implied_text_coverage
from docrestore.ledger.results import Result
from docrestore.paths import here
from docrestore.provenance import file_hash


def claim(**changes) -> Claim:
    values = {"fm": 91.0, "psnr": 18.3}
    base = Claim("rival", "rival", "dibco2017", values, "read", "a source", "unstated", images=20)
    return replace(base, **changes)


def a_result(fm: list[float], text: float = 0.08, name: str = "de_gan-binarize-without-2014-2017"):
    """A result on dibco2017 with these F-measures for a network and 10 less for Otsu."""
    rows = [
        {
            "subject": subject,
            "set": "dibco2017",
            "id": f"H{index}",
            "megapixels": 1.0,
            "seconds": 0.5,
            "cpu_seconds": 1.0,
            "text": text,
            "fm": value - less,
            "psnr": 18.0,
        }
        for subject, less in (("degraded", 30), ("otsu", 10), ("net", 0))
        for index, value in enumerate(fm)
    ]
    kinds = {"degraded": "input", "otsu": "classical", "net": "network"}
    subjects = {one: {"kind": kind, "parameters": 0} for one, kind in kinds.items()}
    sets = {"dibco2017": {"images": len(fm), "of": "real pages", "manifest": ""}}
    return {name: Result(name, "binarize", "in words", subjects, sets, rows)}


def test_the_claims_of_the_book_keep_the_rules():
    claims = ledger.read_claims()
    assert len(claims) > 60
    assert {"paper", "rival", "winner", "classical"} <= {one.kind for one in claims}
    once = [(one.method, one.set, one.protocol, key) for one in claims for key in one.values]
    assert len(once) == len(set(once)), "a number is claimed twice"


def test_numbers_quoted_from_memory_are_never_printed_bare():
    for one in ledger.read_claims():
        if one.quoted_from_memory:
            line = ledger_tables.claims_table([one], {}, list(one.values)).split("\n")[2]
            for value in one.values.values():
                assert f"({value:g}?)" in line and f"| {value:g} |" not in line
            assert "no verdict" in line and "from memory" in line


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mark": "hearsay"}, "mark .hearsay. is none of"),
        ({"mark": "memory"}, "go together"),
        ({"quoted_from_memory": True}, "go together"),
        ({"values": {"f1": 3.0}}, "f1 is none of"),
        ({"kind": "winners"}, "none of paper"),
        ({"setting": "x"}, "means nothing"),
        ({"protocol": None}, "lacks protocol"),
    ],
)
def test_a_claim_that_breaks_the_rules_is_refused(tmp_path, change, message):
    whole = yaml.safe_load(here("book", "ledger", "claims.yaml").read_text())
    entry = whole["claims"][0] | change
    whole["claims"] = [{key: value for key, value in entry.items() if value is not None}]
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(whole))
    with pytest.raises(LedgerError, match=message):
        ledger.read_claims(path)


def test_fm_and_psnr_of_one_page_bracket_its_text():
    """Whatever the errors are, the truth's share of text lies in the implied range."""
    rng = np.random.default_rng(0)
    for text, missed, invented in [(0.05, 0.1, 0.01), (0.3, 0.0, 0.05), (0.1, 0.4, 0.0)]:
        clean = rng.random((300, 300)) >= text
        restored = np.where(clean, rng.random(clean.shape) >= invented, False)
        restored |= ~clean & (rng.random(clean.shape) < missed)
        fm = metrics.f_measure(restored, clean)
        psnr = metrics.psnr_binary(restored, clean)
        share = float((~clean).mean())
        low, high = implied_text_coverage(fm, psnr)
        assert low - 1e-9 <= share <= high + 1e-9
        least, most = fm_from_psnr(psnr, share)
        assert least - 1e-9 <= fm <= most + 1e-9


def test_the_papers_values_need_a_third_of_the_page_to_be_text():
    assert implied_text_coverage(99.5, 24.9) == pytest.approx((0.322, 0.325), abs=0.001)
    assert implied_text_coverage(97.91, 18.74) == pytest.approx((0.313, 0.327), abs=0.001)
    assert implied_text_coverage(77.59, 16.16)[0] == pytest.approx(0.042, abs=0.001)


@pytest.mark.parametrize("pair", [(100.0, 20.0), (90.0, 0.0), (-1.0, 20.0)])
def test_impossible_pairs_are_refused(pair):
    with pytest.raises(ValueError, match="below 100 and psnr above 0"):
        implied_text_coverage(*pair)


def test_a_verdict_for_each_rule():
    mine = a_result([91.0, 92.0, 93.0, 94.0])

    def words(changed: Claim) -> tuple[str, str]:
        judged = ledger.verdict(changed, mine)
        return judged.word, judged.reason

    assert words(claim(quoted_from_memory=True))[0] == "no verdict"
    assert "contradicts itself" in words(claim(values={"fm": 97.91, "psnr": 18.74}))[1]
    assert words(claim(doubt="leakage")) == ("no verdict", "leakage")
    assert words(claim(set="dibco2018"))[0] == "not run"
    assert words(claim(other_images="others")) == ("no verdict", "others")
    assert words(claim(values={"fm": 92.4}))[0] == "level"
    assert words(claim(values={"fm": 96.0}))[0] == "we are below"
    assert words(claim(values={"fm": 80.0})) == (
        "we are above",
        "our 4 of its 20 images; outside our interval",
    )


def test_a_classical_claim_is_set_against_the_same_method():
    mine = a_result([91.0, 92.0, 93.0])
    otsu = claim(method="Otsu", kind="classical", values={"fm": 82.03}, images=3)
    assert ledger.verdict(otsu, mine).word == "agrees"
    assert ledger.verdict(replace(otsu, values={"fm": 82.1}), mine).word == "differs"
    assert ledger.verdict(replace(otsu, method="Sauvola"), mine).word == "not run"


def test_the_paper_contradicts_itself_only_on_pages_with_less_text():
    values = {"fm": 97.91, "psnr": 18.74}
    crowded = a_result([91.0, 92.0], text=0.32)
    assert "contradicts" not in ledger.verdict(claim(values=values), crowded).reason


def test_only_shipped_weights_speak_for_us():
    assert ledger.ours(a_result([90.0, 91.0], name="an-experiment"), "dibco2017") is None
    assert ledger.ours(a_result([90.0, 91.0]), "dibco2016") is None


def test_the_arithmetic_holds_on_equal_pages():
    mine = a_result([90.0, 90.0], text=0.0714)
    result = next(iter(mine.values()))
    low, high, seen = ledger.coverage_check(result, "net", "dibco2017")
    assert low < seen < high


def test_tables_are_whole_markdown():
    mine = a_result([91.0, 92.0, 93.0])
    claims = ledger.read_claims()
    text = ledger_tables.claims_table(claims, mine, ["fm", "pfm", "psnr", "drd"])
    table, _, notes = text.partition("\n\n")
    assert len({line.count("|") for line in table.split("\n")}) == 1
    assert len(table.split("\n")) == len(claims) + 2
    assert notes.startswith("1. ")
    years = ledger_tables.years_table(mine, claims)
    assert "| 2017 | 3 | 62.00 | otsu 82.00 | 91.04 | 92.00 (91.00 to 93.00) | 1.00 |" in years
    losers = [replace(one, values={"fm": 1.0}) for one in claims]  # later ranks change nothing
    assert ledger_tables.years_table(mine, [*claims, *losers]) == years
    alone = ledger_tables.years_table(mine, [])
    assert "| 2017 | 3 | 62.00 | otsu 82.00 | 92.00 (91.00 to 93.00) | 1.00 |" in alone


def test_tables_name_what_is_there_and_what_was_printed():
    mine = a_result([91.0, 92.0, 93.0])
    claims = ledger.read_claims()
    implied = ledger_tables.implied_table(claims, mine)
    assert "| dibco2017 | DE-GAN | 97.91 | 18.74 | 31.3% to 32.6% | 8.0% |" in implied
    assert "| dibco2018 | DE-GAN | 77.59 | 16.16 | 4.2% to 6.6% | pages not at hand |" in implied
    otsu = claim(method="Otsu", kind="classical", values={"fm": 82.0, "psnr": 18.1})
    printed = ledger_tables.reproduced_table([otsu], mine)
    assert "| Otsu | dibco2017 | FM | 82 | 82.00 |" in printed
    means = {"worse": {"dibco2009": 80.0, "dibco2010": 90.0}, "better": {"dibco2009": 86.0}}
    means["better"]["dibco2010"] = 85.0
    table = ledger_tables.methods_table(means).split("\n")
    assert table[0] == "| method | 2009 | 2010 | mean |"
    assert table[2:] == ["| worse | 80.00 | 90.00 | 85.00 |", "| better | 86.00 | 85.00 | 85.50 |"]


def test_a_result_comes_back_as_it_was(tmp_path):
    result = next(iter(a_result([91.0, math.inf]).values()))
    path = results.write(result, tmp_path / "one.json")
    back = results.read(path)
    assert back.subjects == result.subjects and back.sets == result.sets
    assert back.values("net", "fm")[0] == 91.0 and math.isnan(back.values("net", "fm")[1])
    assert back.mean("net", "fm") == 91.0
    assert back.best("classical", "fm") == "otsu"
    assert back.seconds_per_megapixel("net") == 1.0
    assert "| net | 91.00 | one image | 18.00 | none | 1.000 |" in results.table(back)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"columns": [], "rows": []}'])
def test_a_file_that_is_no_result_is_named(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(results.ResultError, match="bad.json is no result"):
        results.read(path)


def test_results_in_the_book_can_be_read_and_name_their_origin():
    for name, result in results.read_all().items():
        assert name == result.name
        assert result.protocol and result.provenance["command"].startswith("python -m docrestore.")
        assert {row["set"] for row in result.rows} == set(result.sets)
        assert {row["subject"] for row in result.rows} == set(result.subjects)


def test_the_ledgers_rows_belong_to_the_weights_that_ship():
    for name, result in results.read_all().items():
        if name in weights.names():
            again = f"python -m docrestore.record {name}"
            assert result.subjects[name]["sha256"] == file_hash(weights.locate(name)), (
                f"{name} was trained again after its row was written; write it anew: {again}"
            )
