"""What choosing a round of GAN2GAN by clean images buys, against rules that see none."""

from collections.abc import Mapping, Sequence
from typing import Any

from docrestore.ledger.denoisers import OURS, WAYS, a_round, chosen, rounds, spoken, stage
from docrestore.ledger.tables import markdown

__all__ = ["gains", "summary", "table"]

Run = Mapping[str, Any]
RULES = {
    "error": "by estimated error",
    "residual": "by the residual's look",
    "last": "the last round",
}


def table(runs: Sequence[Run], test: str) -> str:
    """What each rule chooses, and what the clean test images would: a line a training."""
    lines = [["noise", "way", "steps a round", "seed", *RULES.values(), "by clean images",
              "peeking buys, dB"]]  # fmt: skip
    for run in chosen(runs, WAYS):
        found = _choices(runs, run)
        best = max(rounds(runs, run), key=lambda one: one["means"][test]["psnr"])
        told = [
            f"{stage(one)}: {one['means'][test]['psnr']:.2f}" for one in (*found.values(), best)
        ]
        way = "rescaled" if run["plan_row"] == OURS else "plain"
        gain = best["means"][test]["psnr"] - run["means"][test]["psnr"]
        steps = f"{a_round(runs, run):,}"
        lines.append([spoken(run["cell"]), way, steps, str(run["seed"]), *told, f"{gain:.2f}"])
    return markdown(lines, 1)


def gains(runs: Sequence[Run], test: str, ways: Sequence[str]) -> dict[str, list[float]]:
    """What the best round has more than the chosen one, in dB, for each rule and training."""
    found: dict[str, list[float]] = {rule: [] for rule in RULES}
    for run in chosen(runs, ways):
        best = max(one["means"][test]["psnr"] for one in rounds(runs, run))
        for rule, one in _choices(runs, run).items():
            found[rule].append(best - one["means"][test]["psnr"])
    return found


def summary(runs: Sequence[Run], test: str) -> str:
    """How far below the best round each rule ends, in a sentence for each way."""
    told = []
    for way in reversed(WAYS):
        found = gains(runs, test, [way])
        if count := len(found["error"]):
            name = "plain " if way != OURS else "rescaled "
            words = [
                f"{RULES[rule]} {sum(each) / count:.2f} dB on average and {max(each):.2f} at most"
                for rule, each in found.items()
            ]
            told.append(
                f"Below the best round of {count} {name}training{'s' * (count > 1)} end: "
                f"{'; '.join(words)}."
            )
    return " ".join(told)


def _choices(runs: Sequence[Run], run: Run) -> dict[str, Run]:
    """What each rule keeps of a training, of which `run` is what the estimated error keeps."""
    stages = rounds(runs, run)
    look = min(stages, key=lambda one: one["selection"]["residual"])
    return dict(zip(RULES, (run, look, stages[-1]), strict=True))
