"""Tables and figures of GAN2GAN's chapter, made from book/ledger/denoising.json."""

from collections.abc import Sequence

import torch
from common_parts import not_run, speed_part
from matplotlib.figure import Figure
from torch import nn

from docrestore import denoising_speed
from docrestore.ablation import Difference, differences
from docrestore.denoising_plan import read_plan
from docrestore.ledger import Claim, denoisers, peeking, real_noise, rivals
from docrestore.ledger.denoisers import CHOSEN, OURS, PHOTONS, PLAIN, WAYS, Run, row, spoken
from docrestore.ledger.rows import metric_table
from docrestore.ledger.tables import markdown
from docrestore.models import MODELS
from docrestore.viz.ablations import ablation_alt, ablation_figure
from docrestore.viz.denoisers import cost_alt, cost_figure

__all__ = ["gan2gan_figures", "gan2gan_parts"]

BENCH = "denoising_bench"
COSTS, STAGES = "gan2gan/costs.png", "gan2gan/stages.png"
TEST = "bsd68"
CELLS = "cells"  # the budget that all kinds of noise have
STAGED = "stages"  # that of the changes of one part
HEADLINES = ("gaussian-25", "correlated-25")
METRICS = {"psnr": "PSNR", "ssim": "SSIM", "ssim_released": "SSIM as released"}
ROUNDS = [f"{OURS} {name}" for name in ("noisier", "g2g1", "g2g2", "g2g3")]
SINGLE = ("noise2void", "neighbor2neighbor", PLAIN, *ROUNDS, CHOSEN)
REAL = (*SINGLE, PHOTONS)
CURVES = ("noise2clean", "noise2clean, shuffled", "noise2noise", "noise2void", "neighbor2neighbor")
UNIT = "PSNR, dB"


def gan2gan_parts(claims: Sequence[Claim]) -> dict[str, str]:
    """File name -> MyST text, for book/_generated."""
    runs = denoisers.read_runs()
    made, whole = made_noisy(runs)
    parts = {f"gan2gan_{metric}.md": cells_table(whole, claims, metric) for metric in METRICS}
    for cell in HEADLINES:
        there = any(run["cell"] == cell for run in whole)
        table = denoisers.costs_table(whole, cell, ["bsd68", "set12"]) if there else not_run(BENCH)
        parts[f"gan2gan_{cell}.md"] = table
    return parts | {
        "gan2gan_set12.md": cells_table(whole, claims, "psnr", "set12"),
        "gan2gan_budget.md": budget_part(whole),
        "gan2gan_ceiling.md": ceiling_part(whole),
        "gan2gan_rivals.md": rivals.table(whole, read_plan().cells, TEST) or not_run(BENCH),
        "gan2gan_units.md": rivals.units(whole, read_plan().cells, TEST) or not_run(BENCH),
        "gan2gan_peeking.md": peeking_part(made),
        "gan2gan_estimates.md": peeking.estimates(made) or not_run(BENCH),
        "gan2gan_curve.md": curve_part(whole),
        "gan2gan_stages.md": stages_part(runs),
        "gan2gan_real.md": real_noise.scores_table(runs, REAL) or not_run(BENCH),
        "gan2gan_real_ssim.md": real_noise.scores_table(runs, REAL, "ssim") or not_run(BENCH),
        "gan2gan_real_noise.md": real_noise.noise_table(runs) or not_run(BENCH),
        "gan2gan_speed.md": speed_part(denoising_speed.FILE, "denoising_speed"),
    }


def made_noisy(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """The runs on photographs that were made noisy, and those of them with all parts in place."""
    cells = read_plan().cells
    made = [run for run in runs if run["cell"] in cells]
    return made, [run for run in made if run["budget"] != STAGED]


def budget_part(runs: Sequence[Run]) -> str:
    """What all kinds of noise are trained with, in a sentence."""
    plan = read_plan()
    budget = plan.budgets[CELLS]
    missing = set(plan.cells) - {run["cell"] for run in runs if run["budget"] == CELLS}
    begin = f"{len(missing)} of the ten are missing; the others have" if missing else "All ten have"
    ways = {way: row(runs, way, TEST, CELLS).pages.keys() for way in (PLAIN, CHOSEN)}
    alone = [spoken(cell) for cell in plan.cells if cell in ways[PLAIN] - ways[CHOSEN]]
    end = f" On {' and '.join(alone)} GAN2GAN was trained the plain way alone." if alone else ""
    with torch.device("meta"):
        network: nn.Module = MODELS["gan2gan-compact"]()
    size = sum(p.numel() for p in network.parameters())
    return (
        f"{begin} {budget.steps:,} steps of {budget.batch} crops of "
        f"{budget.patch} x {budget.patch} pixels a training, of a network of {size:,} numbers.{end}"
    )


def cells_table(runs: Sequence[Run], claims: Sequence[Claim], metric: str, test: str = TEST) -> str:
    """All rows over all kinds of noise, at the small equal budget, and what was published."""
    trained = [row(runs, name, test, CELLS) for name in ("noise2clean", "noise2noise", *SINGLE)]
    rows = [row(runs, "noisy", test), denoisers.best_classical(runs, test), *trained]
    rows = [one for one in rows if one.pages]
    if not rows:
        return not_run(BENCH)
    told = [denoisers.published(claims, name, test) for name in ("GAN2GAN", "GAN2GAN's N2C")]
    rows += [one for one in told if any(metric in values for values in one.means.values())]
    there = {run["cell"] for run in runs}
    cells = [cell for cell in read_plan().cells if cell in there]
    table = metric_table(rows, cells, metric, head="restored by", names=spoken)
    return table if any(one.pages for one in trained) else f"{not_run(BENCH)}\n\n{table}"


def ceiling_part(runs: Sequence[Run]) -> str:
    """How far from clean targets GAN2GAN ends, and on which noise it is farthest, in sentences."""
    told = []
    for way, begin in ((CHOSEN, "Chosen blindly, GAN2GAN"), (PLAIN, "Plain GAN2GAN")):
        ours, ceiling = (row(runs, name, TEST, CELLS).means for name in (way, "noise2clean"))
        gaps = {c: ours[c]["psnr"] - ceiling[c]["psnr"] for c in ours if c in ceiling}
        if not gaps:
            continue
        worst, best = (pick(gaps, key=gaps.__getitem__) for pick in (min, max))
        told.append(
            f"{begin} ends between {gaps[worst]:+.2f} dB ({spoken(worst)}) and "
            f"{gaps[best]:+.2f} dB ({spoken(best)}) from clean targets, in the mean of "
            f"{len(gaps)} kinds of noise {sum(gaps.values()) / len(gaps):+.2f} dB."
        )
    return " ".join(told) or not_run(BENCH)


def peeking_part(runs: Sequence[Run]) -> str:
    """What choosing by clean images buys: the table, and all rules in a sentence."""
    if not denoisers.chosen(runs):
        return not_run(BENCH)
    return f"{peeking.table(runs, TEST)}\n\n{peeking.summary(runs, TEST)}"


def curves(runs: Sequence[Run]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Kind of noise -> row -> (minutes, PSNR), of seed 0 and with every budget, on two cores.

    GAN2GAN counts with the minutes of all its rounds, for it chooses when all are done.
    """
    panels = {}
    for cell in HEADLINES:
        mine = [
            run
            for run in runs
            if (run["cell"], run["seed"]) == (cell, 0)
            and "steps" in run
            and (run["machine"]["device"], run["machine"]["threads"]) == ("cpu", 2)
        ]
        found = {name: denoisers.chosen(mine, [way]) for way, name in WAYS.items()}
        found |= {denoisers.NAMES[n]: [run for run in mine if run["row"] == n] for n in CURVES}
        lines = {
            name: sorted(
                (denoisers.seconds(mine, run) / 60, run["means"][TEST]["psnr"]) for run in trained
            )
            for name, trained in found.items()
            if trained
        }
        if lines:
            panels[spoken(cell)] = lines
    return panels


def curve_part(runs: Sequence[Run]) -> str:
    """The figure of PSNR over minutes, with its alt text."""
    panels = curves(runs)
    if not panels:
        return not_run(BENCH)
    return f"""```{{figure}} ../_generated/figures/{COSTS}
:name: fig-gan2gan-costs
:alt: {cost_alt(panels)}

What so many minutes of training on two cores are worth. Each mark is one training; for GAN2GAN
all stages, and the round that its estimated error chose.
```"""


def stage_runs(runs: Sequence[Run]) -> list[dict]:
    """The last rounds of GAN2GAN and of it with one thing changed, as rows of an ablation."""
    mine = [
        run
        for run in runs
        if (run["budget"], run["cell"]) == (STAGED, HEADLINES[0])
        and run["plan_row"].startswith("gan2gan")
    ]
    if not (whole := [run for run in mine if run["plan_row"] == OURS]):
        return []
    end = max(whole, key=lambda one: one["steps"])["row"].split()[-1]  # of a training that is done
    last = [run for run in mine if run["row"].split()[-1] == end]
    return [
        {
            "row": bare(run["plan_row"]),
            "seed": run["seed"],
            "machine": run["machine"],
            "pages": [page for page in run["pages"] if page["set"] == TEST],
        }
        for run in sorted(
            last, key=lambda one: (one["plan_row"] != OURS, one["plan_row"], one["seed"])
        )
    ]


def bare(name: str) -> str:
    """How a changed row is called in the table: by what was changed."""
    special = {OURS: "GAN2GAN", "gan2gan": "plain"}
    return special.get(name) or name.removeprefix("gan2gan").strip()


def bases() -> dict[str, str]:
    """Changed row -> the row that it was changed in, where that is not GAN2GAN as it is."""
    changes = read_plan().changes
    return {bare(name): bare(how["against"]) for name, how in changes.items() if "against" in how}


def stage_rows(runs: Sequence[Run]) -> list[Difference]:
    """GAN2GAN first, then each change whose row to compare with was run; or nothing."""
    rows = differences(stage_runs(runs), "psnr", bases())
    if not rows or rows[0].row != "GAN2GAN":
        return []
    return [one for one in rows if one.each]


def stages_part(runs: Sequence[Run]) -> str:
    """What each part is worth: a figure with alt text and a table."""
    rows = stage_rows(runs)
    if len(rows) < 2:
        return not_run(f"{BENCH} --cell {HEADLINES[0]} --budget {STAGED} --rows ...")
    changed_in = bases()
    lines = [["changed", "PSNR, dB", "against", "difference", "95 % interval", "beyond the noise"]]
    for one in rows:
        span = f"{one.low:+.2f} to {one.high:+.2f}" if len(one.each) > 1 else "one seed"
        facts = ["", "", "", ""]
        if one is not rows[0]:
            base = changed_in.get(one.row, rows[0].row)
            clear = ("yes" if one.beyond_noise else "no") if len(one.each) > 1 else "not known"
            facts = [base, f"{one.difference:+.2f}", span, clear]
        lines.append([one.row, f"{one.mean:.2f}", *facts])
    return f"""```{{figure}} ../_generated/figures/{STAGES}
:name: fig-gan2gan-stages
:alt: {ablation_alt(rows, UNIT)}

Each dot is the last round of one training with one thing changed, against the row that it was
changed in, with the same seed. The black mark is the mean, the bar its 95 % interval; one seed has
none. Vermilion bars leave out zero.
```

{markdown(lines, 1)}"""


def gan2gan_figures() -> dict[str, Figure]:
    """Path below book/_generated/figures -> figure, of what has been run."""
    runs, figures = denoisers.read_runs(), {}
    _, whole = made_noisy(runs)
    if panels := curves(whole):
        bars = {}
        for cell in HEADLINES:
            best = denoisers.best_classical(whole, TEST)
            if cell in best.means:
                bars[spoken(cell)] = {"best classical": best.means[cell]["psnr"]}
        figures[COSTS] = cost_figure(panels, bars)
    if len(rows := stage_rows(runs)) > 1:
        figures[STAGES] = ablation_figure(rows, UNIT)
    return figures
