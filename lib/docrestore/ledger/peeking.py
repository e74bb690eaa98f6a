"""What choosing a round of GAN2GAN by clean images buys, against rules that see none.

The plain way is left out: its errors were estimated by an older rule than ours of today.
"""

from collections.abc import Sequence

from docrestore.ledger.denoisers import Run, a_round, chosen, rounds, spoken, stage
from docrestore.ledger.tables import markdown

__all__ = ["estimates", "gains", "summary", "table"]

RULES = {
    "error": "by estimated error",
    "residual": "by the residual's look",
    "last": "the last round",
}


def table(runs: Sequence[Run], test: str) -> str:
    """What each rule chooses, and what the clean test images would: a line a training."""
    lines = [["noise", "steps a round", "seed", *RULES.values(), "by clean images",
              "peeking buys, dB"]]  # fmt: skip
    for run in chosen(runs):
        found = _choices(runs, run)
        best = max(rounds(runs, run), key=lambda one: one["means"][test]["psnr"])
        told = [
            f"{stage(one)}: {one['means'][test]['psnr']:.2f}" for one in (*found.values(), best)
        ]
        gain = best["means"][test]["psnr"] - run["means"][test]["psnr"]
        steps = f"{a_round(runs, run):,}"
        lines.append([spoken(run["cell"]), steps, str(run["seed"]), *told, f"{gain:.2f}"])
    return markdown(lines, 1)


def gains(runs: Sequence[Run], test: str) -> dict[str, list[float]]:
    """What the best round has more than the chosen one, in dB, for each rule and training."""
    found: dict[str, list[float]] = {rule: [] for rule in RULES}
    for run in chosen(runs):
        best = max(one["means"][test]["psnr"] for one in rounds(runs, run))
        for rule, one in _choices(runs, run).items():
            found[rule].append(best - one["means"][test]["psnr"])
    return found


def summary(runs: Sequence[Run], test: str) -> str:
    """How far below the best round each rule ends, in a sentence."""
    found = gains(runs, test)
    count = len(found["error"])
    words = [
        f"{RULES[rule]} {sum(each) / count:.2f} dB on average and {max(each):.2f} at most"
        for rule, each in found.items()
    ]
    return f"Below the best round of {count} training{'s' * (count > 1)} end: {'; '.join(words)}."


def estimates(runs: Sequence[Run]) -> str:
    """The estimated and the true error of images held out: a line a training; "" without any."""
    lines = []
    for run in chosen(runs):
        kept = (rounds(runs, run)[0], run)
        if all("true_error" in one for one in kept):
            told = [(one["selection"]["error"], one["true_error"]) for one in kept]
            figures = [f"{figure:.2f}" for pair in told for figure in pair]
            lines.append([spoken(run["cell"]), f"{a_round(runs, run):,}", *figures])
    heads = ["noise", "steps a round", "first estimate: estimated", "true",
             "chosen stage: estimated", "true"]  # fmt: skip
    return markdown([heads, *lines], 1) if lines else ""


def _choices(runs: Sequence[Run], run: Run) -> dict[str, Run]:
    """What each rule keeps of a training, of which `run` is what the estimated error keeps."""
    stages = rounds(runs, run)
    look = min(stages, key=lambda one: one["selection"]["residual"])
    return dict(zip(RULES, (run, look, stages[-1]), strict=True))
