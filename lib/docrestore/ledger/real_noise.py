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
    """What the noise is like by the clean images, and what GAN2GAN learnt of it; "" without any.

    Scene in the noise is a share of its deviation; deviations and errors are in grey levels. Of
    several seeds the first is shown.
    """
    light = {run["cell"]: float(run["light_ratio"]) for run in runs if run.get("light_ratio")}
    seeds = sorted(chosen(runs), key=lambda run: -run["seed"])
    learnt = {run["cell"]: run for run in seeds if run["budget"] == BUDGET}
    sets = {name: words for name, words in _sets(runs).items() if name in light}
    told: dict[str, Callable[[Run], str]] = {
        "scene in what was taken for noise": lambda run: (
            f"{run['smooth']['contamination'] / run['smooth']['noise_std']:.0%}"
        ),
        "deviation of that noise, grey levels": lambda run: f"{run['smooth']['noise_std']:.1f}",
        "error that stays, estimated": lambda run: f"{run['selection']['error']:+.1f}",
        "error that stays, true": lambda run: f"{run['true_error']:.1f}",
    }
    lines = [["", *sets.values()]]
    lines.append(["noise in the light / in the dark", *(f"{light[name]:.1f}" for name in sets)])
    for words, tell in told.items() if learnt else ():
        lines.append([words, *(tell(learnt[name]) if name in learnt else "" for name in sets)])
    return markdown(lines, 1) if sets else ""


def _sets(runs: Sequence[Run]) -> dict[str, str]:
    """The sets that something was run on -> their names, with the number of images."""
    images = {run["cell"]: len(run["pages"]) for run in runs}
    real = [name for name in read_plan().real if name in images]
    return {name: f"{SETS.get(name, name)} ({images[name]})" for name in real}
