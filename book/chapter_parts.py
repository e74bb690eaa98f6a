"""Tables and figures of the chapters, so that no number is typed into prose.

A table is made from the ledger or from the networks themselves, and included by the chapter; a
figure is copied from the run that drew it, or drawn from the ledger. Both land in book/_generated.
"""

import shutil
import tempfile
from pathlib import Path

import torch
from gan2gan_parts import gan2gan_figures, gan2gan_parts
from ra_gan_parts import ra_gan_figures, ra_gan_parts
from torch import nn

from docrestore.costs import multiply_adds
from docrestore.ledger import read_claims
from docrestore.ledger.results import Result, read_all
from docrestore.ledger.tables import claims_table, implied_table, years_table
from docrestore.models import MODELS

__all__ = ["chapter_parts", "copy_figures", "draw_figures"]

EQUAL_STEPS = {  # results of book/ledger, made as the chapter says
    "equal_steps-compact": "compact",
    "equal_steps-paper": "the paper's",
}


def chapter_parts() -> dict[str, str]:
    """File name -> MyST text, for book/_generated."""
    claims, results = read_claims(), read_all()
    paper = [claim for claim in claims if claim.method == "DE-GAN" and claim.kind == "paper"]
    contests = {name: result for name, result in results.items() if result.task == "binarize"}
    ours_gray = {name: result for name, result in results.items() if result.task != "binarize"}
    binary = [claim for claim in claims if claim.set.startswith("dibco")]
    gray = [claim for claim in paper if not claim.set.startswith("dibco")]
    return (
        {
            "de_gan_networks.md": networks_table(),
            "de_gan_implied.md": implied_table(paper, contests),
            "de_gan_years.md": years_table(contests, binary, methods=["de_gan"]),
            "de_gan_tasks.md": years_table(ours_gray, [], "psnr_gray"),
            "de_gan_gray.md": claims_table(gray, results, ["psnr_gray", "ssim_gray"]),
            "de_gan_equal_steps.md": equal_steps_table(results),
        }
        | ra_gan_parts(claims, results)
        | gan2gan_parts(claims)
    )


def networks_table() -> str:
    """Every network of DE-GAN: parameters, multiplications for 256 x 256 pixels."""
    lines = ["| name in `MODELS` | parameters | multiply-adds, in $10^9$ |", "|:--|--:|--:|"]
    for name, model in MODELS.items():
        if not name.startswith("de_gan"):
            continue
        with torch.device("meta"):  # shapes without numbers, so that this costs nothing
            network: nn.Module = model()
            page = torch.empty(1, 1, 256, 256)
        pages = [page, page] if name.endswith("discriminator") else [page]
        size = sum(p.numel() for p in network.parameters())
        lines.append(f"| `{name}` | {size:,} | {multiply_adds(network, *pages) / 1e9:.1f} |")
    return "\n".join(lines)


def equal_steps_table(results: dict[str, Result]) -> str:
    """The compact network and the paper's after equal numbers of steps on equal crops."""
    lines = [
        "| network | parameters | steps | training, s | FM | PSNR | CPU s / megapixel |",
        "|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for name, words in EQUAL_STEPS.items():
        if name not in results:
            lines.append(f"| {words} | | | | not run | | |")
            continue
        result = results[name]
        subject, facts = next(
            (one, facts) for one, facts in result.subjects.items() if facts["kind"] == "network"
        )
        card = facts["card"]
        lines.append(
            f"| {words} | {facts['parameters']:,} | {card['steps']} | {card['seconds']:.0f} "
            f"| {result.mean(subject, 'fm'):.2f} | {result.mean(subject, 'psnr'):.2f} "
            f"| {result.seconds_per_megapixel(subject):.2f} |"
        )
    return "\n".join(lines)


def draw_figures(target: Path) -> None:
    """Draw the figures that come from the ledger into `target`, book/_generated/figures."""
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in (ra_gan_figures() | gan2gan_figures()).items():
            drawn = Path(folder, Path(name).parent, "figures", Path(name).name)
            drawn.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(drawn, dpi=150, facecolor="white")
        copy_figures({one.name: one for one in Path(folder).iterdir()}, target)


def copy_figures(runs: dict[str, Path], target: Path) -> None:
    """Copy `figures/` of each run's folder to `target/<name>/`.

    Args:
        runs: name below `target` -> folder of a run.
        target: book/_generated/figures.
    """
    for name, run in runs.items():
        for figure in sorted((run / "figures").glob("*.png")):
            copy = target / name / figure.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.is_file() or copy.read_bytes() != figure.read_bytes():
                shutil.copyfile(figure, copy)  # a new date would make Sphinx read the page again
