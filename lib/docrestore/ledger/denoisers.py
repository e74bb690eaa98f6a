"""All denoisers of book/ledger/denoising.json: over kinds of noise, over budgets, over seeds.

A cell is a kind of noise; its test sets are scored by every row. GAN2GAN gives a result for the
first estimate and for each round, with the errors that it estimates of them; `CHOSEN` is the one
that our rule keeps. `PLAIN` is the same of the way that does not rescale its first estimate and
puts noise on its targets.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docrestore.ledger import Claim
from docrestore.ledger.results import Result
from docrestore.ledger.rows import Row, difference
from docrestore.ledger.tables import markdown
from docrestore.paths import here
from docrestore.selection import keep

__all__ = ["CHOSEN", "KNOWN", "NAMES", "OURS", "PHOTONS", "PLAIN", "STAGES", "WAYS", "Run",
           "a_round", "as_result", "best_classical", "budgets", "chosen", "costs_table",
           "published", "read_runs", "rounds", "row", "seconds", "spoken", "stage",
           "versus"]  # fmt: skip

FILE = ("book", "ledger", "denoising.json")
CHOSEN, PLAIN = "GAN2GAN, chosen blindly", "plain GAN2GAN, chosen blindly"
OURS = "gan2gan rescaled"  # the plan's row of what the book recommends
WAYS = {OURS: CHOSEN, "gan2gan": PLAIN}
PHOTONS = "GAN2GAN on roots, chosen blindly"
CHANGED = {"gan2gan photons": PHOTONS}  # rows of the plan that are no way for every noise
STAGES = {"noisier": "first estimate", "g2": "g₂ of the game"}
STAGES |= {f"g2g{number}": f"round {number}" for number in (1, 2, 3)}
NAMES = {  # of a result -> for readers
    "noisy": "the noisy image",
    **{name: f"plain GAN2GAN, {words}" for name, words in STAGES.items()},
    **{f"{OURS} {name}": f"GAN2GAN, {words}" for name, words in STAGES.items()},
    "noise2clean": "clean targets",
    "noise2clean, shuffled": "clean targets, noise shuffled",
    "noise2noise": "Noise2Noise",
    "noise2void": "Noise2Void",
    "neighbor2neighbor": "Neighbor2Neighbor",
    "non-local means, sigma known": "non-local means, σ known",
    "wavelets, sigma known": "wavelets, σ known",
    "total variation, sigma known": "total variation, σ known",
}
KNOWN = tuple(name for name in NAMES if name.endswith("sigma known"))  # classical ones
TWO_CORES = "2 cores"  # what most rows were trained on
TESTS = {"bsd68": "BSD68", "set12": "Set12"}
BLIND = ("noise2void", "neighbor2neighbor", PLAIN, CHOSEN, PHOTONS)  # and not chosen by scores

CLAIMED = {"psnr_gray": "psnr", "ssim_gray": "ssim"}  # a claim's words -> a run's
SUBJECTS = {"network": CHOSEN, "input": "degraded"}
PROTOCOL = (
    "learnt from other photographs with noise of the same kind; restored and clean clipped to "
    "[0, 1], nothing rounded; mean over images"
)

Run = Mapping[str, Any]


def read_runs(path: Path | None = None) -> list[Run]:
    """Every run of the file; an empty list where nothing has been run."""
    path = path or here(*FILE)
    return json.loads(path.read_text("utf-8"))["runs"] if path.is_file() else []


def budgets(runs: Sequence[Run]) -> list[str]:
    """The budgets that something was trained with, the least of steps first."""
    steps = {run["budget"]: run["steps"] for run in runs if run["row"] == "noise2clean"}
    return sorted(steps, key=lambda name: steps[name])


def best_classical(runs: Sequence[Run], test: str) -> Row:
    """The best classical denoiser of each cell, told the strength: no method, a bar."""
    rows = [row(runs, name, test) for name in KNOWN]
    best = Row("best classical, σ known", competes=False)
    for cell in dict.fromkeys(cell for one in rows for cell in one.pages):
        found = [one for one in rows if cell in one.pages]
        first = max(found, key=lambda one: one.means[cell]["psnr"])
        best.pages[cell], best.means[cell] = first.pages[cell], first.means[cell]
    return best


def published(claims: Iterable[Claim], method: str, test: str) -> Row:
    """The row of a method's published means over the cells of a test set."""
    found = Row(f"{method}, published")
    for claim in claims:
        if claim.method == method and claim.set.startswith(f"{test}-"):
            values = {CLAIMED.get(key, key): value for key, value in claim.values.items()}
            found.means.setdefault(claim.set.removeprefix(f"{test}-"), values)
    return found


def spoken(cell: str) -> str:
    """A cell's name for readers.

    >>> spoken("correlated-25")
    'correlated 25'
    """
    kind, _, strength = cell.partition("-")
    return f"{kind} {strength}"


def row(runs: Sequence[Run], name: str, test: str, budget: str | None = None) -> Row:
    """A row over all cells, each the mean of its seeds.

    Args:
        runs: of `read_runs`.
        name: of the result, such as noise2void or g2g2; or CHOSEN, PLAIN or PHOTONS.
        test: the clean set that was made noisy and is scored; a real set scores itself.
        budget: of the training; None for classical rows, which have none.
    """
    found = Row(NAMES.get(name, name), competes=name in BLIND)
    mine = [run for run in runs if _trained(run) == budget]
    ways = [way for way, words in (WAYS | CHANGED).items() if words == name]
    mine = chosen(mine, ways) if ways else [run for run in mine if run["row"] == name]
    for cell in dict.fromkeys(run["cell"] for run in mine):
        pages = [_pages(run, test) for run in mine if run["cell"] == cell]
        if not pages[0]:
            continue
        metrics = [key for key in pages[0][0] if key not in ("set", "id")]
        found.pages[cell] = {
            key: np.mean([[page[key] for page in one] for one in pages], 0).tolist()
            for key in metrics
        }
        found.means[cell] = {key: float(np.mean(found.pages[cell][key])) for key in metrics}
    return found


def chosen(runs: Sequence[Run], ways: Iterable[str] = (OURS,)) -> list[Run]:
    """The stage that our rule keeps of each training of these ways, by its estimated errors.

    A result also holds what was kept on its day; the rule has changed since the first of them.
    """
    found = []
    for way in ways:
        mine = [run for run in runs if run["plan_row"] == way and "selection" in run]
        for first in [run for run in mine if _first(mine, run)]:
            stages = {run["row"]: run for run in rounds(mine, first)}
            judged = {name: run["selection"] for name, run in stages.items()}
            found.append(stages[keep(judged, "error")])
    return found


def rounds(runs: Sequence[Run], run: Run) -> list[Run]:
    """The stages of the training that a run belongs to, in the order of their training."""
    key = ("plan_row", "cell", "budget", "seed")
    mine = [one for one in runs if all(one[word] == run[word] for word in key)]
    return sorted(mine, key=lambda one: one.get("steps", 0))


def a_round(runs: Sequence[Run], run: Run) -> int:
    """The steps of one training of those that a run of GAN2GAN is made of."""
    return min(one["steps"] for one in rounds(runs, run))


def stage(run: Run) -> str:
    """Which stage of GAN2GAN a run is, for readers."""
    return STAGES[run["row"].removeprefix(run["plan_row"]).strip() or run["row"]]


def _first(runs: Sequence[Run], run: Run) -> bool:
    return rounds(runs, run)[0] is run


def _pages(run: Run, test: str) -> list[dict[str, Any]]:
    return [page for page in run["pages"] if page["set"] in (test, run["cell"])]


def seconds(runs: Sequence[Run], run: Run) -> float:
    """What a run took; for GAN2GAN all rounds of its training, which the choice is made among."""
    return max(one["seconds"] for one in rounds(runs, run))


def versus(
    runs: Sequence[Run], cell: str, first: str, second: str, test: str, budget: str
) -> tuple[float, float, float] | None:
    """By how much PSNR a row is above another, image by image, and the 95 % interval.

    None where one of the two was not run.
    """
    ours, theirs = (row(runs, name, test, budget) for name in (first, second))
    if cell not in ours.pages or cell not in theirs.pages:
        return None
    return difference(ours, theirs, "psnr", [cell])


def costs_table(runs: Sequence[Run], cell: str, tests: Sequence[str]) -> str:
    """A line a row and budget of one cell: what it cost and what it is worth, the mean of seeds.

    Minutes are of two cores, or of what is named behind them.
    """
    heads = [f"PSNR {TESTS.get(one, one)}" for one in tests]
    ssims = ["SSIM 11 x 11", "SSIM as released"]
    lines = [["row", "steps", "megapixels seen", "minutes", *heads, *ssims]]
    kept = [id(run) for run in chosen(runs, WAYS)]
    for budget in [None, *budgets(runs)]:
        for name, words in NAMES.items():
            mine = [
                run
                for run in runs
                if (run["cell"], run["row"], _trained(run)) == (cell, name, budget)
                and run["plan_row"] in (name, *WAYS)
            ]
            if not mine:
                continue
            mark = " (chosen)" if any(id(run) in kept for run in mine) else ""
            cost = ["", "", ""]
            if budget:
                seconds = np.mean([run["seconds"] for run in mine])
                places = sorted({_place(run) for run in mine} - {TWO_CORES})
                cost = [f"{mine[0]['steps']:,}", f"{mine[0]['megapixels_seen']:,.0f}",
                        " ".join([f"{seconds / 60:.1f}", *places])]  # fmt: skip
            worth = [f"{_mean(mine, one, 'psnr'):.2f}" for one in tests]
            worth += [f"{_mean(mine, tests[0], key):.3f}" for key in ("ssim", "ssim_released")]
            lines.append([words + mark, *cost, *worth])
    return markdown(lines, 1)


def _place(run: Run) -> str:
    """What a run was trained on, in few words: "2 cores", or a GPU without its memory."""
    machine = run["machine"]
    if machine["device"] == "cpu":
        return f"{machine['threads']} core{'s' * (machine['threads'] != 1)}"
    return re.sub(r" \d+GB.*", "", str(machine["device"]).removeprefix("NVIDIA "))


def as_result(runs: Sequence[Run]) -> Result | None:
    """What the runs say as a result of the ledger, so that claims are judged by the same rules.

    Each kind of noise counts with the longest training that GAN2GAN had on it, and with its first
    seed. Sets of real noise are left out: claims are of the whole sets, ours are samples. None
    where GAN2GAN has not been run.
    """
    runs = [run for run in runs if run["pages"][0]["set"] != run["cell"]]
    best: dict[str, Run] = {}
    for run in sorted(chosen(runs, WAYS), key=lambda one: (-a_round(runs, one), one["seed"])):
        best.setdefault(run["cell"], run)
    if not best:
        return None
    mine = {"network": list(best.values())}
    mine["input"] = [run for run in runs if run["row"] == "noisy" and run["cell"] in best]
    rows, sets = [], dict[str, dict[str, Any]]()
    for kind, found in mine.items():
        for run in found:
            for page in run["pages"]:
                name = f"{page['set']}-{run['cell']}"
                sets.setdefault(name, {"images": 0, "of": "photographs made noisy"})
                sets[name]["images"] += kind == "network"
                facts = {"subject": SUBJECTS[kind], "set": name, "id": page["id"]}
                facts |= dict.fromkeys(("megapixels", "seconds", "cpu_seconds", "text"), math.nan)
                facts |= {"psnr_gray": page["psnr"], "ssim_gray": page["ssim"]}
                rows.append(facts | {"ssim_released": page["ssim_released"]})
    one = next(iter(best.values()))
    subjects = {SUBJECTS[kind]: {"kind": kind} for kind in mine}
    made = {key: one[key] for key in ("command", "commit", "versions", "machine", "date")}
    return Result("gan2gan-denoise", "denoise", PROTOCOL, subjects, sets, rows, made)


def _trained(run: Run) -> str | None:
    """The budget of a run that was trained; None for classical ones."""
    return run["budget"] if "steps" in run else None


def _mean(runs: Sequence[Run], test: str, metric: str) -> float:
    return float(np.mean([run["means"].get(test, {}).get(metric, math.nan) for run in runs]))
