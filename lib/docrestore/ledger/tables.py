"""The ledger as Markdown tables; see `docrestore.ledger` for what stands in them."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from docrestore.ledger import METHODS, Claim, Verdict, ours, same_method, text_coverage, verdict
from docrestore.ledger.plausibility import implied_text_coverage
from docrestore.ledger.results import Result

__all__ = [
    "claims_table",
    "implied_table",
    "markdown",
    "methods_table",
    "reproduced_table",
    "runs_table",
    "short",
    "years_table",
]

WORDS = {
    "fm": "FM",
    "pfm": "pFM",
    "psnr": "PSNR",
    "drd": "DRD",
    "psnr_gray": "PSNR",
    "ssim_gray": "SSIM",
    "ssim_released": "SSIM as released",
    "cer": "CER, %",
}
PFM = ("pfm_contest", "pfm_skeleton")  # what a source's pFM can mean


def markdown(lines: Sequence[Sequence[str]], numbers_from: int) -> str:
    """A table from its lines; the first is the head, columns from there on are set right."""
    head, *body = lines
    rule = [":--" if column < numbers_from else "--:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))


def short(name: str) -> str:
    """A set's name as the head of a column: the year alone for the contests."""
    return name.removeprefix("dibco")


def runs_table(results: Mapping[str, Result]) -> str:
    """A row a result: task, pages, when and by which command it was made."""
    lines = [["result", "task", "images", "pages", "made", "by"]]
    for name, result in results.items():
        images = sum(facts["images"] for facts in result.sets.values())
        of = " and ".join(sorted({facts["of"] for facts in result.sets.values()}))
        made = result.provenance
        lines.append([name, result.task, str(images), of, made["date"], f"`{made['command']}`"])
    return markdown(lines, 6)


def claims_table(
    claims: Iterable[Claim], results: Mapping[str, Result], metrics: Sequence[str]
) -> str:
    """A row a claim: its values, ours with interval, verdict, reason, and a numbered note.

    Values quoted from memory stand in brackets with a question mark. The notes below the table
    name source, how we know it, and protocol.
    """
    head = ["set", "method", *(WORDS[one] for one in metrics), "ours", "verdict", "why", "note"]
    lines, notes = [head], list[str]()
    for claim in claims:
        judged = verdict(claim, results)
        protocol = claim.protocol[0].upper() + claim.protocol[1:]
        note = f"{claim.source}: {claim.mark}. {protocol}."
        if note not in notes:
            notes.append(note)
        values = [_value(claim, metric) for metric in metrics]
        number = str(notes.index(note) + 1)
        lines.append(
            [claim.set, claim.method, *values, _ours(judged), judged.word, judged.reason, number]
        )
    listed = "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))
    return f"{markdown(lines, len(head))}\n\n{listed}"


def _value(claim: Claim, metric: str) -> str:
    if metric not in claim.values:
        return ""
    text = f"{claim.values[metric]:g}"
    return f"({text}?)" if claim.quoted_from_memory else text


def _ours(judged: Verdict) -> str:
    if not math.isfinite(judged.obtained):
        return "not run"
    low, high = judged.interval
    span = f" ({low:.2f} to {high:.2f})" if math.isfinite(low) else ""
    return f"{WORDS[judged.metric]} {judged.obtained:.2f}{span}"


def years_table(
    results: Mapping[str, Result],
    claims: Iterable[Claim],
    metric: str = "fm",
    methods: Sequence[str] = METHODS,
) -> str:
    """A row a set: the degraded pages, the best classical method, the contest's winner, ours.

    Ours is the first of `methods` that has scored the set. It comes with its 95 % interval and the
    processor's seconds for a megapixel. The column of winners is left out where no set has one.
    """
    winners: dict[str, Mapping[str, float]] = {}
    for one in claims:
        if one.kind == "winner":
            winners.setdefault(one.set, one.values)  # rank 1 is listed first
    lines = [["set", "images", "degraded", "best classical", "winner", "ours", "CPU s / Mpx"]]
    for name in sorted({one for result in results.values() for one in result.sets}):
        found = ours(results, name, methods)
        result = found[0] if found else next(one for one in results.values() if name in one.sets)
        best = result.best("classical", metric, [name])
        winner = winners.get(name, {}).get(metric)
        mine, seconds = "not run", ""
        if found:
            low, high = result.interval(found[1], metric, [name])
            mine = f"{result.mean(found[1], metric, [name]):.2f} ({low:.2f} to {high:.2f})"
            seconds = f"{result.seconds_per_megapixel(found[1]):.2f}"
        lines.append(
            [
                short(name),
                str(result.sets[name]["images"]),
                f"{result.mean('degraded', metric, [name]):.2f}",
                f"{best} {result.mean(best, metric, [name]):.2f}",
                "" if winner is None else f"{winner:g}",
                mine,
                seconds,
            ]
        )
    if not any(line[4] for line in lines[1:]):
        lines = [line[:4] + line[5:] for line in lines]
    return markdown(lines, 1)


def methods_table(means: Mapping[str, Mapping[str, float]]) -> str:
    """A row a method, a column a set, and the mean of the sets; from method -> set -> figure."""
    sets = list(next(iter(means.values())))
    lines = [["method", *map(short, sets), "mean"]]
    for name, row in sorted(means.items(), key=lambda one: float(np.mean(list(one[1].values())))):
        figures = [*row.values(), float(np.mean(list(row.values())))]
        lines.append([name, *(f"{figure:.2f}" for figure in figures)])
    return markdown(lines, 1)


def implied_table(claims: Iterable[Claim], results: Mapping[str, Result]) -> str:
    """A row a claim with FM and PSNR: the share of text that the two imply, and the true one."""
    lines = [["set", "method", "FM", "PSNR", "text implied", "text there"]]
    for claim in claims:
        if {"fm", "psnr"} <= claim.values.keys():
            fm, psnr = claim.values["fm"], claim.values["psnr"]
            low, high = implied_text_coverage(fm, psnr)
            there = text_coverage(results, claim.set)
            seen = f"{there:.1%}" if math.isfinite(there) else "pages not at hand"
            implied = f"{low:.1%} to {high:.1%}"
            lines.append([claim.set, claim.method, f"{fm:g}", f"{psnr:g}", implied, seen])
    return markdown(lines, 2)


def reproduced_table(claims: Iterable[Claim], results: Mapping[str, Result]) -> str:
    """A row for each printed figure of a classical method that we have run on the same set."""
    lines = [["method", "set", "figure", "printed", "ours"]]
    for claim in claims:
        found = same_method(claim, results) if claim.kind == "classical" else None
        if not found:
            continue
        for metric, value in claim.values.items():
            mean = {key: found[0].mean(found[1], key, [claim.set]) for key in _meant(metric)}
            text = " or ".join(f"{figure:.2f}{_variant(key)}" for key, figure in mean.items())
            lines.append([claim.method, claim.set, WORDS[metric], f"{value:g}", text])
    return markdown(lines, 3)


def _meant(metric: str) -> tuple[str, ...]:
    return PFM if metric == "pfm" else (metric,)


def _variant(key: str) -> str:
    return f" ({key.removeprefix('pfm_')})" if key in PFM else ""
