"""Denoisers on sets of real noisy images: their scores, and what the noise of each set is like."""

from collections.abc import Callable, Sequence

from docrestore.denoising_plan import read_plan
from docrestore.ledger.denoisers import KNOWN, Run, chosen, row
from docrestore.ledger.rows import metric_table
from docrestore.ledger.tables import markdown

__all__ = ["noise_table", "scores_table"]

BUDGET = "real"
SETS = {
    "fmd_sample": "FMD",
    "w2s_sample": "W2S",
    "mayo_sample": "CT, abdomen",
    "mayo_chest_sample": "CT, chest",
    "sidd_sample": "SIDD",
    "polyu": "PolyU",
}


def scores_table(runs: Sequence[Run], trained: Sequence[str], metric: str = "psnr") -> str:
    """The noisy images, classical rows, and these trained ones, over the sets; "" without any."""
    rows = [row(runs, name, "") for name in ("noisy", *KNOWN)]
    rows += [row(runs, name, "", BUDGET) for name in trained]
    sets = _sets(runs)
    rows = [one for one in rows if one.pages.keys() & set(sets)]
    if not rows:
        return ""
    return metric_table(rows, [*sets], metric, head="restored by", names=lambda one: sets[one])


def noise_table(runs: Sequence[Run]) -> str:
    """What the noise is like by the clean images, and what a fit believes; "" without any.

    Deviations and errors are in grey levels. Of several seeds the first is shown.
    """
    truth = {run["cell"]: run for run in runs if run.get("light_ratio")}
    seeds = sorted(chosen(runs), key=lambda run: -run["seed"])
    learnt = {run["cell"]: run for run in seeds if run["budget"] == BUDGET}
    sets = {name: words for name, words in _sets(runs).items() if name in truth}
    told: dict[str, tuple[dict[str, Run], Callable[[Run], str]]] = {
        "noise in the light / in the dark": (truth, lambda run: f"{run['light_ratio']:.1f}"),
        "deviation of the noise, everywhere": (truth, lambda run: _level(run, "everywhere")),
        "deviation of what smooth windows show": (truth, lambda run: _level(run, "shown")),
        "of that, noise": (truth, lambda run: _level(run, "noise")),
        "of that, scene": (truth, lambda run: _level(run, "scene")),
        "of that, scene as the fit believes": (
            learnt, lambda run: f"{run['smooth']['contamination']:.1f}"
        ),
        "error that stays": (learnt, lambda run: f"{run['true_error']:.1f}"),
        "error that stays, as the fit believes": (
            learnt, lambda run: f"{run['selection']['error']:+.1f}"
        ),
    }  # fmt: skip
    lines = [["", *sets.values()]]
    for words, (known, tell) in told.items():
        figures = [tell(known[name]) if name in known else "" for name in sets]
        lines += [[words, *figures]] if any(figures) else []
    return markdown(lines, 1) if sets else ""


def _level(run: Run, name: str) -> str:
    """A figure of `docrestore.denoise_scores.noise_found`, of runs that have it."""
    return f"{run['found'][name]:.1f}" if "found" in run else ""


def _sets(runs: Sequence[Run]) -> dict[str, str]:
    """The sets that something was run on -> their names, with the number of images."""
    images = {run["cell"]: len(run["pages"]) for run in runs}
    real = [name for name in read_plan().real if name in images]
    return {name: f"{SETS.get(name, name)} ({images[name]})" for name in real}
