"""All binarizers over all contest years: one row each, with what they cost.

A row is a network whose folds have each scored the years that they left out (METHOD-without-...),
a classical method, the best classical one of each year, or the claims of a paper.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from docrestore.ledger import Claim, ours
from docrestore.ledger.results import Result
from docrestore.ledger.rows import Row, mean_interval
from docrestore.ledger.tables import markdown

__all__ = ["best_classical", "claimed", "classical", "costs_table", "network", "years"]


def years(results: Mapping[str, Result]) -> list[str]:
    """The contest sets that have been scored, in order."""
    found = {one for result in results.values() if result.task == "binarize" for one in result.sets}
    return sorted(one for one in found if one.startswith("dibco"))


def network(results: Mapping[str, Result], method: str, name: str) -> Row:
    """A network's row: each year as scored by the fold that has not seen it."""
    row = Row(name)
    seconds, megapixels = 0.0, 0.0
    for one in years(results):
        if found := ours(results, one, [method]):
            result, subject = found
            _take(row, result, subject, one)
            row.facts.setdefault("parameters", result.subjects[subject]["parameters"])
            if card := result.subjects[subject].get("card"):
                row.facts.setdefault("cards", []).append(card)
            seconds += sum(line["cpu_seconds"] for line in result.of(subject, [one]))
            megapixels += sum(line["megapixels"] for line in result.of(subject, [one]))
    if megapixels:
        row.facts["cpu_seconds"] = seconds / megapixels
    return row


def classical(results: Mapping[str, Result], method: str, name: str) -> Row:
    """A classical method's row."""
    return _by_set(results, name, lambda result, one: method)


def best_classical(results: Mapping[str, Result], metric: str = "fm") -> Row:
    """The best classical method of each year, chosen on the very pages: no method, a bar."""
    return _by_set(results, "best classical", lambda r, one: r.best("classical", metric, [one]))


def _by_set(results: Mapping[str, Result], name: str, choose: Callable[[Result, str], str]) -> Row:
    row = Row(name)
    source = results["classical-binarize"]
    for one in years(results):
        _take(row, source, choose(source, one), one)
    return row


def _take(row: Row, result: Result, subject: str, one: str) -> None:
    row.pages[one] = {metric: result.values(subject, metric, [one]) for metric in result.metrics}
    row.means[one] = {metric: result.mean(subject, metric, [one]) for metric in result.metrics}


def claimed(claims: Iterable[Claim], name: str, **only: str) -> Row:
    """The row of published means: claims whose fields are as `only` says; the first of a set."""
    row = Row(name)
    for claim in claims:
        if all(getattr(claim, key) == value for key, value in only.items()):
            values = dict(claim.values)
            if "pfm" in values:  # a claim does not say which variant: it stands in both
                values |= {"pfm_contest": values["pfm"], "pfm_skeleton": values["pfm"]}
            row.means.setdefault(claim.set, values)
    return row


def costs_table(rows: Sequence[Row], sets: Sequence[str], macs: Mapping[str, float]) -> str:
    """A column a network: mean F-measure with interval, size, work and time.

    Args:
        rows: of networks; one without pages has not been run.
        sets: years that the mean is of.
        macs: name of a row -> 10^9 multiply-adds a megapixel.
    """
    lines = [["", *(row.name for row in rows)]]
    columns = [_costs(row, sets, macs.get(row.name)) for row in rows]
    for fact in COSTS:
        lines.append([fact, *(column.get(fact, "") for column in columns)])
    return markdown(lines, 1)


COSTS = (
    "mean FM, %",
    "95 % interval",
    "parameters",
    "10⁹ multiply-adds a megapixel",
    "CPU s a megapixel",
    "steps on drawn pages first",
    "training steps",
    "megapixels seen",
    "training, min",
    "trained on",
)


def span(values: Sequence[float]) -> str:
    """The least and the most of the folds, or the one that all have.

    >>> span([3000, 4000]), span([24.2])
    ('3,000 to 4,000', '24')
    """
    ends = (min(values), max(values)) if values else ()
    return " to ".join(dict.fromkeys(f"{value:,.0f}" for value in ends))


def _costs(row: Row, sets: Sequence[str], macs: float | None) -> dict[str, str]:
    if not row.pages:
        return {COSTS[0]: "not run"}
    low, high = mean_interval(row, "fm", sets)
    cards, mean = row.facts.get("cards", []), row.mean("fm", sets)
    seen = [card["steps"] * card["batch"] * card["patch"] ** 2 / 1e6 for card in cards]
    facts = (
        f"{mean:.2f}" if math.isfinite(mean) else "years missing",
        f"{low:.2f} to {high:.2f}" if math.isfinite(mean) else "",
        f"{row.facts['parameters']:,}",
        "" if macs is None else f"{macs:.1f}",
        f"{row.facts['cpu_seconds']:.2f}",
        span([(card.get("start_from") or {}).get("steps", 0) for card in cards]),
        span([card["steps"] for card in cards]),
        span(seen),
        span([card["seconds"] / 60 for card in cards]),
        ", ".join(dict.fromkeys(card.get("device") or "cpu" for card in cards)),
    )
    return dict(zip(COSTS, facts, strict=True))
