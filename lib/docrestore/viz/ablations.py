"""The ablations as a picture: what each part is worth, beside what chance alone does."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from docrestore.ablation import Difference
from docrestore.viz import PALETTE

__all__ = ["ablation_alt", "ablation_figure"]


def ablation_figure(rows: Sequence[Difference], unit: str = "F-measure, points") -> Figure:
    """A line for each row but the first: the difference of each seed, their mean and interval.

    Rows whose interval leaves out zero are drawn in full colour, the others pale. An interval that
    reaches beyond the picture is cut at its edge; a row of one seed has none.
    """
    shown = list(rows[1:])
    figure = Figure(figsize=(7.4, 1.2 + 0.42 * len(shown)), layout="constrained")
    axis = figure.subplots()
    edge = 1.25 * max((abs(one) for row in shown for one in row.each), default=1.0)
    for y, row in enumerate(shown):
        color = PALETTE[1] if row.beyond_noise else PALETTE[0]
        alpha = 1.0 if row.beyond_noise else 0.65
        low, high = max(row.low, -edge), min(row.high, edge)
        if len(row.each) > 1:
            axis.plot([low, high], [y, y], color=color, alpha=alpha, linewidth=2.2)
        axis.plot(row.each, np.full(len(row.each), y), "o", color=color, alpha=alpha, markersize=5)
        axis.plot(row.difference, y, "|", color="black", markersize=15, markeredgewidth=2)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(shown)), [row.row for row in shown], fontsize=11)
    axis.set_ylim(len(shown) - 0.5, -0.5)
    axis.set_xlim(-edge, edge)
    axis.set_xlabel(f"difference from the row compared with, {unit}", fontsize=11)
    axis.grid(axis="x", alpha=0.3)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
    return figure


def ablation_alt(rows: Sequence[Difference], unit: str = "F-measure, points") -> str:
    """The alt text of the figure: every mean, and which are larger than the noise."""
    told = [f"{row.row} {row.difference:+.2f}" for row in rows[1:]]
    clear = [row.row for row in rows[1:] if row.beyond_noise]
    words = f"Larger than the noise: {', '.join(clear)}." if clear else "None exceeds the noise."
    if all(len(row.each) < 2 for row in rows[1:]):
        words = "There is one seed, so the noise is not known."
    return f"A line for each change, with its difference in {unit}: {'; '.join(told)}. {words}"
