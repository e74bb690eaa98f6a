"""What a denoiser is worth after so many minutes of training, as a picture."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from docrestore.viz import PALETTE

__all__ = ["cost_alt", "cost_figure"]

MARKS = "os^DvPX"
Curves = Mapping[str, Sequence[tuple[float, float]]]


def cost_figure(panels: Mapping[str, Curves], bars: Mapping[str, Mapping[str, float]]) -> Figure:
    """A panel for each kind of noise: PSNR over minutes of training, a line for each row.

    Args:
        panels: title -> name of a row -> (minutes, PSNR in dB), in the order of minutes.
        bars: title -> name -> PSNR of what needs no training, drawn as a line across.
    """
    figure = Figure(figsize=(7.4, 3.9), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    for axis, (title, curves) in zip(axes, panels.items(), strict=True):
        for name, points in curves.items():
            index = names.index(name)
            axis.plot(
                *zip(*points, strict=True), marker=MARKS[index], color=PALETTE[index],
                label=name, linewidth=1.8, markersize=6,
            )  # fmt: skip
        for name, value in bars.get(title, {}).items():
            axis.axhline(value, color="black", linestyle=":", linewidth=1)
            axis.annotate(name, (0.99, value), xycoords=("axes fraction", "data"), fontsize=9,
                          ha="right", va="bottom")  # fmt: skip
        axis.set_xscale("log")
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200) if _within(tick, curves)]
        axis.set_xticks(ticks, [f"{tick}" for tick in ticks])
        axis.minorticks_off()
        axis.set_title(title, fontsize=12)
        axis.set_xlabel("minutes of training on two cores", fontsize=11)
        axis.grid(alpha=0.3)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].set_ylabel("PSNR on BSD68, dB", fontsize=11)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=10, frameon=False)
    return figure


def cost_alt(panels: Mapping[str, Curves]) -> str:
    """The alt text of the figure: where each line begins and ends."""
    told = []
    for title, curves in panels.items():
        ends = []
        for name, points in curves.items():
            first, last = points[0], points[-1]
            begun = f"{first[1]:.1f} dB after {first[0]:.0f} minutes to " if first != last else ""
            ends.append(f"{name} {begun}{last[1]:.1f} dB after {last[0]:.0f} minutes")
        told.append(f"{title}: {'; '.join(ends)}")
    return f"PSNR over minutes of training. {'. '.join(told)}."


def _within(tick: float, curves: Curves) -> bool:
    minutes = [minute for points in curves.values() for minute, _ in points]
    return min(minutes) / 2 <= tick <= 2 * max(minutes)
