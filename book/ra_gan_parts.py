"""Tables and figures of RA-GAN's chapter, made from the ledger and from the networks."""

from collections.abc import Sequence

import torch
from common_parts import not_run, speed_part
from matplotlib.figure import Figure
from torch import nn

from docrestore import benchmark
from docrestore.ablation import Difference, differences, read_runs
from docrestore.costs import multiply_adds
from docrestore.ledger import Claim, audits, binarizers
from docrestore.ledger.results import Result
from docrestore.ledger.rows import Row, difference, metric_table
from docrestore.ledger.tables import markdown
from docrestore.models import MODELS
from docrestore.viz.ablations import ablation_alt, ablation_figure
from docrestore.viz.audit import audit_alt, audit_figure

__all__ = ["ablation_part", "audit_part", "networks_table", "ra_gan_figures", "ra_gan_parts"]

ABLATIONS = "ra_gan/ablations.png"
AUDIT = "ra_gan/audit.png"
NETWORKS = {  # method whose folds are shipped or recorded -> name for readers
    "ra_gan": "compact RA-GAN",
    "de_gan": "compact DE-GAN",
    "plain": "plain U-Net",
    "ra_gan-exact": "exact RA-GAN",
}
SHAPES = {  # name for readers -> network, its arguments, channels that it is given
    "compact RA-GAN": ("ra_gan-compact", {}, 5),
    "compact DE-GAN": ("de_gan-compact", {}, 1),
    "plain U-Net": ("de_gan-compact", {"widths": (32, 48, 80, 96, 96)}, 1),
    "exact RA-GAN": ("ra_gan", {}, 5),
}
METRICS = {
    "fm": "F-measure, %",
    "pfm_contest": "pseudo F-measure of the contests, %",
    "pfm_skeleton": "pseudo F-measure of the skeleton, %",
    "psnr": "PSNR, dB",
    "drd": "DRD, less is better",
}


def ra_gan_parts(claims: Sequence[Claim], results: dict[str, Result]) -> dict[str, str]:
    """File name -> MyST text, for book/_generated."""
    years = binarizers.years(results)
    nets = [binarizers.network(results, method, name) for method, name in NETWORKS.items()]
    rows = [
        *(row for row in nets if row.pages),
        binarizers.best_classical(results),
        binarizers.classical(results, "otsu", "Otsu"),
        binarizers.claimed(claims, "winners", kind="winner", method="contest winner"),
        binarizers.claimed(claims, "GDB", method="GDB"),
    ]
    tables = {f"ra_gan_{key}.md": metric_table(rows, years, key) for key in METRICS}
    runs, audit = read_runs(), audits.read_audit()
    return tables | {
        "ra_gan_costs.md": binarizers.costs_table(nets, years, work()),
        "ra_gan_networks.md": networks_table(),
        "ra_gan_rivals.md": rivals(nets, years),
        "ra_gan_ablations.md": ablation_part(differences(runs)) if runs else not_run("ablation"),
        "ra_gan_audit.md": audit_part(audit) if audit else not_run("audit"),
        "ra_gan_speed.md": speed_part(benchmark.FILE, "benchmark"),
    }


def rivals(nets: Sequence[Row], years: Sequence[str]) -> str:
    """RA-GAN against the other small networks, page by page, in sentences."""
    whole = [row for row in nets if all(one in row.pages for one in years)]
    told = []
    for other in whole[1:] if whole and whole[0].name == NETWORKS["ra_gan"] else []:
        middle, low, high = difference(whole[0], other, "fm", years)
        clear = "more" if low > 0 or high < 0 else "no more"
        told.append(
            f"Page by page, {whole[0].name} less {other.name} is {middle:+.2f} FM "
            f"(95 % interval {low:+.2f} to {high:+.2f}), {clear} than the choice of pages "
            "explains."
        )
    return " ".join(told) or "No two of the networks have scored all years yet."


def work() -> dict[str, float]:
    """10^9 multiply-adds a megapixel, by the name for readers; guide maps cost next to none."""
    found = {}
    for name, (key, arguments, channels) in SHAPES.items():
        with torch.device("meta"):
            network: nn.Module = MODELS[key](**arguments)
            page = torch.empty(1, channels, 512, 512)
        found[name] = multiply_adds(network, page) / 1e9 / (512 * 512 / 1e6)
    return found


def networks_table() -> str:
    """RA-GAN's networks: parameters, multiplications for 256 x 256 pixels."""
    lines = [["network", "parameters", "10⁹ multiply-adds"]]
    kinds = {
        "`ra_gan`, effective": ("ra_gan", {}),
        "`ra_gan`, released": ("ra_gan", {"form": "released"}),
        "`ra_gan-compact`": ("ra_gan-compact", {}),
        "`ra_gan-discriminator`": ("ra_gan-discriminator", {}),
    }
    for words, (name, arguments) in kinds.items():
        with torch.device("meta"):
            network: nn.Module = MODELS[name](**arguments)
            page = torch.empty(1, 5, 256, 256)
        pages = [page[:, :1], page[:, :3]] if name.endswith("discriminator") else [page]
        size = sum(p.numel() for p in network.parameters())
        lines.append([words, f"{size:,}", f"{multiply_adds(network, *pages) / 1e9:.2f}"])
    return markdown(lines, 1)


def ablation_part(rows: Sequence[Difference]) -> str:
    """The ablations: a figure with alt text, a table, and a sentence on what exceeds the noise."""
    lines = [["taken out", "difference of FM", "95 % interval", "larger than the noise"]]
    for row in rows[1:]:
        span = f"{row.low:+.2f} to {row.high:+.2f}" if len(row.each) > 1 else "one seed"
        word = "yes" if row.beyond_noise else "no"
        lines.append([row.row, f"{row.difference:+.2f}", span, word])
    clear = [f"*{row.row}* ({row.difference:+.1f})" for row in rows[1:] if row.beyond_noise]
    seeds = max(len(row.each) for row in rows[1:])
    told = (
        f"Larger than the noise of {seeds} seeds: {', '.join(clear)}."
        if clear
        else "No difference is larger than the noise."
    )
    return f"""```{{figure}} ../_generated/figures/{ABLATIONS}
:name: fig-ra_gan-ablations
:alt: {ablation_alt(rows)}

Each dot is one training without the part, against the whole network with the same seed. The black
mark is the mean, the bar its 95 % interval. Vermilion bars leave out zero.
```

{markdown(lines, 1)}

{told}"""


def audit_part(audit: Result) -> str:
    """The hallucination audit: its figure with alt text, then its tables, for a chapter."""
    figure = f"""```{{figure}} ../_generated/figures/{AUDIT}
:name: hallucination-audit
:alt: {audit_alt(audit)}

Ink that binarizers invent where there is no text, and strokes that they lose. The scales are
logarithmic down to 1; the green band is an exact 0. Names in bold are networks, on pages that they
have not seen.
```"""
    return f"{figure}\n\n{audits.tables(audit)}"


def ra_gan_figures() -> dict[str, Figure]:
    """Path below book/_generated/figures -> figure, of what has been run."""
    figures = {}
    if audit := audits.read_audit():
        figures[AUDIT] = audit_figure(audit)
    if runs := read_runs():
        figures[ABLATIONS] = ablation_figure(differences(runs))
    return figures
