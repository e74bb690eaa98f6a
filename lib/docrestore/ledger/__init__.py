"""Claims beside results: what papers say, what our runs obtained, and what may be concluded.

`book/ledger/claims.yaml` holds the claims, `book/ledger/results/*.json` the results. A verdict
follows from rules alone, in this order:

1. quoted from memory: no verdict; the number is printed as a hint, in brackets.
2. its F-measure and its PSNR contradict each other on these pages: no verdict.
3. doubted, for a reason that the file gives: no verdict.
4. we have no result on the set: not run.
5. other images than ours: no verdict, the two stand side by side.
6. a classical method is set against our run of the same one: agrees within 0.05, or differs.
7. else our mean is above or below, or level when the claim lies inside our 95 % interval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from docrestore.ledger.plausibility import implied_text_coverage
from docrestore.ledger.results import LESS_IS_BETTER, Result
from docrestore.metrics.tasks import HEADLINE
from docrestore.paths import here

__all__ = [
    "METHODS",
    "Claim",
    "LedgerError",
    "Verdict",
    "coverage_check",
    "ours",
    "contradiction",
    "read_claims",
    "same_method",
    "text_coverage",
    "verdict",
]

METHODS = ("ra_gan", "de_gan", "gan2gan")  # the first that has a set speaks for the book
OWN = {
    "DE-GAN": ("de_gan",),
    "RA-GAN": ("ra_gan",),
    "GAN2GAN": ("gan2gan",),
}  # whose claims are set against which
KINDS = ("paper", "rival", "winner", "classical", "yardstick")
METRICS = ("fm", "pfm", "psnr", "drd", "psnr_gray", "ssim_gray", "ssim_released", "cer")
NEEDED = ("method", "kind", "set", "values", "mark", "source", "protocol")
OPTIONAL = ("images", "doubt", "other_images", "quoted_from_memory")
AGREES = 0.05  # two implementations of one method
FACTOR = 3.0  # a coverage further off is a contradiction; means of our own are off by up to 2.4


class LedgerError(ValueError):
    """A claim that does not follow the file's own rules; the sentence says which."""


@dataclass(frozen=True)
class Claim:
    """One line of claims.yaml, with its mark, source and protocol in words."""

    method: str
    kind: str
    set: str
    values: Mapping[str, float]
    mark: str
    source: str
    protocol: str
    images: int = 0
    doubt: str = ""
    other_images: str = ""
    quoted_from_memory: bool = False


@dataclass(frozen=True)
class Verdict:
    """What may be said of one claim beside our result, and why."""

    word: str
    reason: str
    metric: str = ""
    obtained: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)


def read_claims(path: Path | None = None) -> list[Claim]:
    """Every claim of the file. Raises LedgerError for one that breaks the file's rules."""
    path = path or here("book", "ledger", "claims.yaml")
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [_claim(entry, whole) for entry in whole["claims"]]


def _claim(entry: dict, whole: dict) -> Claim:
    told = f"claims.yaml: {entry.get('method')!r} on {entry.get('set')!r}"
    if missing := [key for key in NEEDED if key not in entry]:
        raise LedgerError(f"{told} lacks {', '.join(missing)}.")
    if unknown := sorted(entry.keys() - {*NEEDED, *OPTIONAL}):
        raise LedgerError(f"{told} has {', '.join(unknown)}, which means nothing here.")
    if entry["kind"] not in KINDS:
        raise LedgerError(f"{told}: the kind {entry['kind']!r} is none of {', '.join(KINDS)}.")
    if bad := sorted(set(entry["values"]) - set(METRICS)):
        raise LedgerError(f"{told}: {', '.join(bad)} is none of {', '.join(METRICS)}.")
    words = dict(entry)
    for key in ("mark", "source", "protocol"):
        known = whole[f"{key}s"]
        if entry[key] not in known:
            raise LedgerError(f"{told}: the {key} {entry[key]!r} is none of {', '.join(known)}.")
        words[key] = known[entry[key]]
    if (entry["mark"] == "memory") != bool(entry.get("quoted_from_memory")):
        raise LedgerError(f"{told}: `mark: memory` and `quoted_from_memory: true` go together.")
    return Claim(**words)


def ours(
    results: Mapping[str, Result], set_name: str, methods: Sequence[str] = METHODS
) -> tuple[Result, str] | None:
    """Our result on a set, and its network: the shipped weights, not another experiment's.

    Shipped weights are named METHOD-TASK or METHOD-TASK-without-YEARS. The first of the methods
    that has such a result counts, whatever it scored; of several results, the first name.
    """
    for method in methods:
        for name, result in sorted(results.items()):
            networks = [one for one, facts in result.subjects.items() if facts["kind"] == "network"]
            whole = f"{method}-{result.task}"
            named = name == whole or name.startswith(f"{whole}-without-")
            if set_name in result.sets and networks and named:
                return result, networks[0]
    return None


def same_method(claim: Claim, results: Mapping[str, Result]) -> tuple[Result, str] | None:
    """Our run of the method that a claim names, on its set."""
    name = claim.method.lower()
    for result in results.values():
        if claim.set in result.sets and name in result.subjects:
            return result, name
    return None


def text_coverage(results: Mapping[str, Result], set_name: str) -> float:
    """The share of a set's pixels that are text, all pages pooled; nan where we have no pages."""
    for result in results.values():
        if set_name in result.sets:
            rows = result.of(next(iter(result.subjects)), [set_name])
            pixels = sum(row["megapixels"] for row in rows)
            return sum(row["megapixels"] * row["text"] for row in rows) / pixels
    return math.nan


def coverage_check(result: Result, subject: str, set_name: str) -> tuple[float, float, float]:
    """How far the arithmetic of pooled pages holds for means of single pages, on our own result.

    Returns:
        The smallest and the largest share of text that our mean FM and mean PSNR imply, and the
        share that the pages have.
    """
    low, high = implied_text_coverage(
        result.mean(subject, "fm", [set_name]), result.mean(subject, "psnr", [set_name])
    )
    return low, high, text_coverage({"": result}, set_name)


def verdict(claim: Claim, results: Mapping[str, Result]) -> Verdict:
    """What may be said of a claim; the rules stand at the head of this module."""
    if claim.kind == "classical":
        found = same_method(claim, results)
    else:
        found = ours(results, claim.set, OWN.get(claim.method, METHODS))
    metric = headline(claim)
    obtained, interval = math.nan, (math.nan, math.nan)
    if found and metric in found[0].metrics:
        result, subject = found
        obtained = result.mean(subject, metric, [claim.set])
        interval = result.interval(subject, metric, [claim.set])

    def say(word: str, reason: str) -> Verdict:
        return Verdict(word, reason, metric, obtained, interval)

    if claim.quoted_from_memory:
        return say("no verdict", "quoted from memory, not checked")
    if reason := contradiction(claim, text_coverage(results, claim.set)):
        return say("no verdict", reason)
    if claim.doubt:
        return say("no verdict", claim.doubt)
    if not found or not math.isfinite(obtained):
        return say("not run", f"we have no {metric} on this set")
    if claim.other_images:
        return say("no verdict", claim.other_images)
    count = found[0].sets[claim.set]["images"]
    shared = f"our {count} of its {claim.images} images" if claim.images > count else "same images"
    value = claim.values[metric]
    if claim.kind == "classical":
        if abs(obtained - value) <= AGREES:
            return say("agrees", f"{shared}, the same method")
        return say("differs", f"{shared}; our settings are those of docrestore.classical")
    if interval[0] <= value <= interval[1]:
        return say("level", f"{shared}; inside our interval")
    better = (obtained < value) == (metric in LESS_IS_BETTER)
    return say("we are above" if better else "we are below", f"{shared}; outside our interval")


def headline(claim: Claim) -> str:
    """The metric that a claim is judged by: the first that it states of FM and PSNR."""
    for metric in (*HEADLINE.values(), "psnr"):
        if metric in claim.values:
            return metric
    return next(iter(claim.values))


def contradiction(claim: Claim, text: float) -> str:
    """Why FM and PSNR of a claim cannot both be true of pages with this share of text, or ""."""
    if not {"fm", "psnr"} <= claim.values.keys() or not math.isfinite(text):
        return ""
    low, high = implied_text_coverage(claim.values["fm"], claim.values["psnr"])
    if low / FACTOR <= text <= high * FACTOR:
        return ""
    return (
        f"contradicts itself: its FM and PSNR need {100 * low:.0f} to {100 * high:.0f} % of the "
        f"pixels to be text, the pages have {100 * text:.0f} %"
    )
