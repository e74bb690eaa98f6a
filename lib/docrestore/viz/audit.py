"""The hallucination audit as a picture: ink invented and strokes lost, a line a binarizer."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from docrestore.ledger import audits
from docrestore.ledger.results import Result
from docrestore.metrics.ink import WIDTHS
from docrestore.viz import PALETTE

__all__ = ["audit_alt", "audit_figure"]

REAL = "empty paper of real pages"
MARKERS = "osD^vPX"  # so that colour is never the only difference
DECADES = [0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000]
SHARES = [0, 1, 2, 5, 10, 20, 50, 100]


def audit_figure(audit: Result) -> Figure:
    """Two panels with one line for each binarizer, the least inventive on top.

    Left: pixels of ink invented in a million, for each kind of drawn page without text and for the
    empty paper of real pages. Right: the share of strokes lost, by their width. Both scales are
    logarithmic down to 1, and then lead on to an exact 0, in a green band. Networks are set in
    bold. What a binarizer was not asked about is left out.
    """
    names = _order(audit)
    figure = Figure(figsize=(7.4, 1.9 + 0.47 * len(names)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.45, 1))
    found = {kind: [audits.invented(audit, n, kind=kind) for n in names] for kind in _kinds(audit)}
    words = {audits.WRITTEN: REAL}
    _dots(left, {words.get(kind, kind): row for kind, row in found.items()}, PALETTE)
    _scale(left, DECADES, ["0", "1", "10", "100", "10³", "10⁴", "10⁵", "10⁶"])
    left.set_xlabel("ink invented, pixels per megapixel", fontsize=11)
    shares = {
        f"{width} px": [100 * audits.lost(audit, name, width) for name in names] for width in WIDTHS
    }
    _dots(right, shares, [PALETTE[6], PALETTE[0], PALETTE[4], PALETTE[5]])
    _scale(right, SHARES, [str(share) for share in SHARES])
    right.set_xlabel("strokes lost, %", fontsize=11)
    left.set_yticks(range(len(names)), [audits.shown(name) for name in names], fontsize=11)
    left.set_ylim(len(names) - 0.5, -0.5)
    for label, name in zip(left.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if audits.is_network(audit, name) else "normal")
    for axis, title in ((left, "page"), (right, "width of the stroke")):
        axis.legend(
            title=title, title_fontsize=10, fontsize=9.5, frameon=False, ncols=2,
            loc="lower center", bbox_to_anchor=(0.5, 1.0), handletextpad=0.2, columnspacing=0.9,
        )  # fmt: skip
    return figure


def audit_alt(audit: Result) -> str:
    """The alt text of the figure, with the figures of both ends."""
    names = [n for n in _order(audit) if not math.isnan(_real(audit, n))]
    first, last = names[0], names[-1]
    thin = {name: audits.lost(audit, name, next(iter(WIDTHS))) for name in names}
    kept = min(thin, key=lambda name: thin[name])
    gone = max(thin, key=lambda name: thin[name])
    return (
        f"Two panels with a line for each of {len(audits.binarizers(audit))} binarizers. Left, ink "
        f"invented per megapixel on pages without text: on the empty paper of real pages from "
        f"{_real(audit, first):,.0f} pixels ({audits.shown(first)}) to {_real(audit, last):,.0f} "
        f"({audits.shown(last)}). Right, strokes lost by width: of those one or two pixels wide "
        f"from {100 * thin[kept]:.0f} % ({audits.shown(kept)}) to {100 * thin[gone]:.0f} % "
        f"({audits.shown(gone)})."
    )


def _kinds(audit: Result) -> list[str]:
    return [*audits.kinds(audit), audits.WRITTEN]


def _real(audit: Result, name: str) -> float:
    return audits.invented(audit, name, kind=audits.WRITTEN)


def _order(audit: Result) -> list[str]:
    """Binarizers by their ink on the empty paper of real pages; those without such pages last."""
    found = {name: _real(audit, name) for name in audits.binarizers(audit)}
    return sorted(found, key=lambda name: (math.isnan(found[name]), found[name]))


def _dots(axis: Axes, rows: Mapping[str, Sequence[float]], colors: Sequence[str]) -> None:
    """A dot for each figure; the rows lie a little below each other, so that none is hidden."""
    shifts = np.linspace(-0.33, 0.33, len(rows))
    for (label, values), shift, color, marker in zip(
        rows.items(), shifts, colors, MARKERS[: len(rows)], strict=False
    ):
        y = np.arange(len(values)) + shift
        axis.plot(
            values, y, marker, color=color, label=label, markersize=5, clip_on=False, zorder=3
        )


def _scale(axis: Axes, ticks: Sequence[float], labels: Sequence[str]) -> None:
    """A logarithmic scale that ends in a marked 0, and stripes that tell the lines apart."""
    axis.set_xscale("symlog", linthresh=1, linscale=0.45)
    axis.set_xlim(-0.15, ticks[-1])
    axis.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticklabels(labels, fontsize=10)
    axis.get_xticklabels()[0].set_fontweight("bold")
    axis.axvspan(-0.15, 0.15, color=PALETTE[2], alpha=0.13, linewidth=0)
    axis.grid(axis="x", alpha=0.3)
    axis.tick_params(axis="y", length=0)
    for line in range(0, 99, 2):
        axis.axhspan(line - 0.5, line + 0.5, color="0.95", zorder=0, linewidth=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
