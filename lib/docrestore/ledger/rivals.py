"""GAN2GAN image by image: against its rivals, and the way we recommend against the plain one."""

from collections.abc import Sequence

from docrestore.ledger.denoisers import (
    CHOSEN,
    NAMES,
    OURS,
    PLAIN,
    Run,
    budgets,
    row,
    spoken,
    versus,
)
from docrestore.ledger.tables import markdown

__all__ = ["table", "units"]

RIVALS = ("noise2void", "neighbor2neighbor", "noise2clean")


def table(runs: Sequence[Run], cells: Sequence[str], test: str) -> str:
    """What the chosen stage has more than each rival with as many steps a training, in dB.

    A line a kind of noise and budget, with the steps of one training; "" where nothing was run.
    The plain way stands in, and is named, where the other was not run.
    """
    lines = []
    for cell, budget, steps, mine in _trainings(runs, cells):
        there = row(mine, CHOSEN, test, budget).pages
        way, ours = ("", CHOSEN) if there else (", plain", PLAIN)
        found = [versus(mine, cell, ours, one, test, budget) for one in RIVALS]
        if any(found):
            lines.append([spoken(cell) + way, f"{steps:,}", *map(_told, found)])
    heads = ["noise", "steps", *(f"less {NAMES[one]}" for one in RIVALS)]
    return markdown([heads, *lines], 1) if lines else ""


def units(runs: Sequence[Run], cells: Sequence[str], test: str) -> str:
    """PSNR of the first estimate and of the chosen stage of both ways; "" where not both are."""
    lines = []
    for cell, budget, steps, mine in _trainings(runs, cells):
        names = ("noisier", f"{OURS} noisier", PLAIN, CHOSEN)
        means = [row(mine, one, test, budget).means.get(cell) for one in names]
        if all(means):
            told = [f"{one['psnr']:.2f}" for one in means if one]
            gain = _told(versus(mine, cell, CHOSEN, PLAIN, test, budget))
            lines.append([spoken(cell), f"{steps:,}", *told, gain])
    heads = ["noise", "steps a training", "first estimate, plain", "first estimate, rescaled",
             "chosen, plain", "chosen, rescaled", "gain of the chosen"]  # fmt: skip
    return markdown([heads, *lines], 1) if lines else ""


def _trainings(runs: Sequence[Run], cells: Sequence[str]) -> list[tuple[str, str, int, list[Run]]]:
    """Kind of noise, budget, steps of one training, and the runs of that noise."""
    found = []
    for cell in cells:
        mine = [run for run in runs if run["cell"] == cell]
        for budget in budgets(mine):
            ceiling = ("noise2clean", budget)
            steps = next(run["steps"] for run in mine if (run["row"], run["budget"]) == ceiling)
            found.append((cell, budget, steps, mine))
    return found


def _told(found: tuple[float, float, float] | None) -> str:
    """A difference and its interval, which no line break is to take apart."""
    if not found:
        return ""
    reach = " to ".join(f"{one:+.2f}" for one in found[1:])
    return f"{found[0]:+.2f} ({reach})".replace(" to ", "\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}")
