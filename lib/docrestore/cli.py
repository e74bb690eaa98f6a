"""The command line: `docrestore restore scans -o restored --task binarize`.

Only typer is imported here; torch and the rest are imported by the command that needs them, so
that help appears at once. Exit status 0: all is done; 1: something is not, and a sentence says
what; 2: the words on the command line are wrong; 130: stopped by Ctrl-C.
"""

import io
import logging
import sys
import warnings
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from docrestore.denoise_cli import app as denoise_app

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Restore degraded pages: binarize, clean, deblur, remove watermarks.",
)
app.add_typer(denoise_app, name="denoise")
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class Task(StrEnum):
    """What a network was trained to do."""

    binarize = "binarize"
    clean = "clean"
    deblur = "deblur"
    watermark = "watermark"
    denoise = "denoise"


class Runtime(StrEnum):
    """What runs a network."""

    auto = "auto"
    torch = "torch"
    openvino = "openvino"


@app.command()
def restore(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Files and folders.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results, or FILE.png for one.")
    ],
    task: Annotated[Task | None, typer.Option(help="By default that of the model.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "--weights", help="A name of `docrestore models`, or a .safetensors file."
        ),
    ] = None,
    runtime: Annotated[
        Runtime, typer.Option(help="auto takes OpenVINO where it is installed.")
    ] = Runtime.auto,
    soft: Annotated[
        bool, typer.Option("--soft", help="Binarize: keep the probability of paper, in grey.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Redo what is done; replace files in the way.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Files at the same time.")] = 1,
    key: Annotated[
        str | None, typer.Option(help="Denoise: the array that is meant in .mat and HDF5 files.")
    ] = None,
) -> None:
    """Restore pages. Started again, it goes on where it stopped. Originals are never touched."""
    from docrestore.restoring import prepare, run_batch
    from docrestore.restoring.collecting import collect
    from docrestore.restoring.terminal import say

    restorer = prepare(
        task.value if task else None, model, runtime.value, soft=soft, jobs=jobs, key=key
    )
    batch = collect(inputs, out, restorer.kind)
    report, status = run_batch(batch, restorer, overwrite=overwrite, jobs=jobs)
    for folder in batch.results:
        say(f"{folder} holds results of an earlier run; it was left out.")
    counts = ", ".join(f"{number} {word}" for word, number in report.counts.items() if number)
    others = (
        f" Files left out that are no {restorer.kind.plural}: {batch.others}."
        if batch.others
        else ""
    )
    say(f"{counts or 'nothing done'}.{others} The report is in {report.path}")
    if status == "stopped":
        say("Stopped; start again to go on.")
        raise typer.Exit(130)
    raise typer.Exit(1 if report.counts["failed"] else 0)


@app.command()
def models() -> None:
    """List the weights that ship, with what their cards say."""
    from docrestore import weights

    if not weights.names():
        print("No weights are here yet. Train some: python -m docrestore.train --help")
    for name in weights.names():
        card = weights.card(name)
        size = weights.locate(name).stat().st_size / 1e6
        sets = ", ".join(card.get("sets", [])) or "unknown pages"
        print(f"{name}  ({card.get('task', 'any task')}, {card['model']}, {size:.1f} MB)")
        pages = f"{len(card['trained_on'])} pages of " if card.get("trained_on") else ""
        print(f"    trained on {pages}{sets}; {card.get('steps', '?')} steps")
        for tested, means in card.get("metrics", {}).items():
            known = [one for one in ("fm", "psnr", "psnr_gray", "ssim_gray") if one in means]
            figures = ", ".join(f"{metric} {means[metric]:g}" for metric in known)
            print(f"    on {tested}: {figures}")
        if card.get("licence"):
            print(f"    {card['licence']}")


@app.command()
def info(image: Annotated[Path, typer.Argument(help="An image file.")]) -> None:
    """Say what is in an image file: size, resolution, pixels, how it looks."""
    from docrestore.images.facts import facts
    from docrestore.restoring.terminal import shown

    for word, text in facts(image):
        print(f"{word:15} {shown(text)}")


@app.command()
def evaluate(
    results: Annotated[Path, typer.Argument(help="A restored file, or a folder of them.")],
    truth: Annotated[Path, typer.Argument(help="The clean file, or a folder with equal names.")],
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file.")] = None,
    pseudo: Annotated[bool, typer.Option(help="With the pseudo F-measures (slow).")] = True,
) -> None:
    """Measure results against the truth: F-measures, PSNR, DRD; PSNR and SSIM for grey truths."""
    from docrestore import scoring
    from docrestore.restoring.terminal import say

    pairs, problems = scoring.pair_up(results, truth)
    rows, failures = scoring.score_all(pairs, pseudo=pseudo)
    if rows:
        print(scoring.table(rows))
    if json:
        scoring.save(json, rows)
    for sentence in [*problems, *failures]:
        say(sentence)
    raise typer.Exit(1 if problems or failures else 0)


@app.command(context_settings=PASS_ON, add_help_option=False)
def degrade(context: typer.Context) -> None:
    """Damage own clean pages on purpose, with stains, bleed-through, blur ... (--help for more)."""
    raise typer.Exit(_data_prep("degrade", context.args))


@app.command(context_settings=PASS_ON, add_help_option=False)
def fetch(context: typer.Context) -> None:
    """Get real data sets into data/NAME. (--help for more)"""
    raise typer.Exit(_data_prep("fetch", context.args))


@app.command(context_settings=PASS_ON, add_help_option=False)
def run(context: typer.Context) -> None:
    """Run a notebook of the book under a profile. (--help for more)"""
    from docrestore.run import main as run_notebook

    raise typer.Exit(run_notebook(context.args))


def _data_prep(module: str, words: Sequence[str]) -> int:
    """Hand over to `python -m data_prep.MODULE`.

    The library must work without data_prep, which stands above it and imports it. So its name
    appears only here, at the door for users, and only when a command asks for it.
    """
    from importlib import import_module

    try:
        command = import_module(f"data_prep.{module}").main
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("data_prep"):
            raise
        print(
            f"`docrestore {module}` needs the folder data_prep of the book's repository; install "
            f"from there (pip install -e .).",
            file=sys.stderr,
        )
        return 1
    return command(words) or 0


def main(words: Sequence[str] | None = None) -> None:
    """The entry point: our own errors become one sentence on stderr and exit status 1."""
    warnings.filterwarnings("ignore", module="PIL")  # odd tags in scans; the pixels are what counts
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # likewise; what matters is said
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal lacks letters for
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=words, prog_name="docrestore")
    except ValueError as error:
        if not type(error).__module__.startswith("docrestore."):
            raise
        from docrestore.restoring.terminal import say

        say(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
