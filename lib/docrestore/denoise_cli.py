"""`docrestore denoise fit FOLDER -o MODEL`: learn the noise of one's own images, from them alone.

Only typer is imported here, as in docrestore.cli.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["FitError", "app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Learn to denoise from noisy images alone; `docrestore restore --task denoise` does it.",
)
SCENE = 0.3  # share of the noise's deviation that may be scene
UNEVEN = 1.8  # times the noise is as strong in the light as in the dark: worth a sentence
UNLIKE = 0.6  # of the windows' statistic: CT noise, which is correlated, comes to 0.4
MUCH = 1.2  # of the noise's deviation: who takes away more takes scene
LITTLE = 0.85  # of the noise's deviation: an error above it is hardly less than the noise was
RECORD = "fit.json"  # in the folder beside the model: what the fit is about


class FitError(ValueError):
    """A fit that cannot begin or go on; the sentence says what to do."""


@app.callback()
def denoise() -> None:
    """Learn to denoise from noisy images alone: no clean ones, no second captures."""


@app.command()
def fit(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Files and folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model, MODEL.safetensors.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="About how long to train.")] = 30,
    lam: Annotated[
        float | None,
        typer.Option(help="Lambda of the smooth windows; by default the smoothest are taken."),
    ] = None,
    photons: Annotated[
        bool,
        typer.Option(
            "--photons", help="Make noise that grows with the light equal; undo it after."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another training.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a fit stopped.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew; replace the model.")
    ] = False,
    key: Annotated[
        str | None, typer.Option(help="The array that is meant in .mat and HDF5 files.")
    ] = None,
) -> None:
    """Learn to denoise images like these: PNG, TIFF stacks, DICOM, .npy, MATLAB, HDF5.

    They are only read. All should come from one instrument and one setting.
    """
    from docrestore.own_images import gather
    from docrestore.restoring.collecting import SERIES, collect
    from docrestore.restoring.terminal import bar, say

    out = out if out.suffix else out.with_suffix(".safetensors")
    run_dir = _check(out, resume, overwrite)
    batch = collect(inputs, run_dir, SERIES)
    with bar("reading", sum(_size(item.source) for item in batch.items)) as progress:
        own = gather(
            batch.items, key, photons=photons, progress=lambda pixels: progress.advance(pixels)
        )
    for sentence in own.unreadable:
        say(sentence)
    for words, sentences in (("left out", own.left_out), ("cut off in part", own.parts)):
        if sentences:
            more = f" So are {len(sentences) - 1} more, see {run_dir / RECORD}."
            say(f"{words.capitalize()}: {sentences[0]}{more if len(sentences) > 1 else ''}")
    say(_found(own))
    if sentence := _of_light(own, photons):
        say(sentence)
    if overwrite and run_dir.exists():
        shutil.rmtree(run_dir)
    asked = {"minutes": minutes, "lam": lam, "photons": photons, "seed": seed, "key": key}
    _note(run_dir, asked, batch.items, own.card())
    try:
        report = _fit(own, run_dir, out, minutes, lam, seed)
    except KeyboardInterrupt:
        say("Stopped; the same command with --resume goes on.")
        raise typer.Exit(130) from None
    for line in _learnt(report, own.scale.span, len(own.arrays)):
        say(line)
    if photons:
        say("Deviations and errors in these last lines are of roots, not of values.")
    say(f"The model is {out} ({out.stat().st_size / 1e6:.1f} MB); {run_dir} has the report.")
    say(f"docrestore restore --task denoise --weights {out} FOLDER -o denoised")


def _fit(own: Any, run_dir: Path, out: Path, minutes: float, lam: float | None, seed: int) -> Any:
    from docrestore.checkpoints import TrainingError
    from docrestore.denoising import PRESETS, fit_denoiser
    from docrestore.held_out import held_out
    from docrestore.noisy import NoisyImages
    from docrestore.own_images import CleanParts

    images = NoisyImages.of(own.arrays, own.ids)
    try:
        plan = CleanParts.of(PRESETS["recommended"], own)
        train = images.only(held_out(images.groups)[1])  # as the fit will take them
        found = plan.smooth(train, lam).report()
        if lam is None:  # a lambda is of the small windows
            found["lambda"] = replace(plan, wider=0).smooth(train).report()["lambda"]
        _look_for_noise(found, own.scale.span, lam)
        fitted = fit_denoiser(images, run_dir, preset=plan, minutes=minutes, lam=lam, seed=seed)
    except TrainingError as error:
        raise FitError(f"{error}") from None
    own.scale = own.scale.knowing(fitted.report["smooth"]["noise_std"] / 255)
    fitted.save(out, **own.card())
    return fitted.report


def _look_for_noise(found: dict[str, Any], span: float, lam: float | None) -> None:
    """Say, before hours are spent, that what looks smoothest in these images is still scene."""
    std, scene = (found[name] * span / 255 for name in ("noise_std", "contamination"))
    if scene <= SCENE * std and found["lambda"] <= UNLIKE:
        return
    sentence = (
        f"no smooth areas were found to learn the noise from: the {found['windows']} smoothest "
        f"windows of {found['window']} pixels, with a deviation of {std:.3g}, differ more than one "
        f"noise does: they hold scene too, or its strength is not the same everywhere. Add images "
        f"with areas where nothing is to be seen"
    )
    if lam is None:
        from docrestore.smooth import rounded_up

        enough = rounded_up(found["lambda"])
        raise FitError(f"{sentence}; --lam {enough:g} goes on with these.")
    from docrestore.restoring.terminal import say

    say(f"{sentence}. The result may be worse than the images.")


def _size(path: Path) -> float:
    from docrestore.images import ImageError
    from docrestore.images.series import read_series

    try:
        return read_series(path).pixels
    except (ImageError, OSError):
        return 0.0


def _check(out: Path, resume: bool, overwrite: bool) -> Path:
    """The folder of the fit, after looking for what must not be lost."""
    if out.suffix != ".safetensors":
        raise FitError(f"{out.name}: a model is a .safetensors file; name it so.")
    run_dir = out.with_suffix(".fit")
    if run_dir.exists() and not (run_dir / RECORD).is_file() and any(run_dir.iterdir()):
        raise FitError(f"{run_dir} was not made by docrestore; move it away or name another model.")
    if overwrite:
        return run_dir  # what it holds goes when there is something to begin anew with
    if (run_dir / RECORD).is_file() and not resume:
        raise FitError(
            f"{run_dir} holds a fit already; --resume goes on with it, --overwrite begins anew."
        )
    elif out.exists() and not resume:
        raise FitError(f"{out} is there already; name another model or give --overwrite.")
    return run_dir


def _note(run_dir: Path, asked: dict[str, Any], items: Any, found: dict[str, Any]) -> None:
    """Write down what the fit is about; refuse to go on with another one."""
    from docrestore.checkpoints import put_in_place
    from docrestore.provenance import file_hash

    files = {str(item.source): file_hash(item.source) for item in items if not item.problem}
    about = {"program": "docrestore", **asked, "files": files}
    record = run_dir / RECORD
    if record.is_file():
        was = {"photons": False} | json.loads(record.read_text("utf-8"))  # older ones do not say
        other = [name for name, value in about.items() if was.get(name) != value]
        if other:
            raise FitError(
                f"{run_dir} holds a fit with other {', '.join(other)}; give the same again, or "
                f"--overwrite to begin anew."
            )
    run_dir.mkdir(parents=True, exist_ok=True)
    text = json.dumps(about | {"found": found}, indent=1, ensure_ascii=False)
    put_in_place(record, (text + "\n").encode("utf-8", "backslashreplace"))


def _of_light(own: Any, photons: bool) -> str:
    """What is to be said of noise that is stronger in the light; "" where it is not."""
    if own.light.growth < UNEVEN:
        return ""
    times = f"the noise is {own.light.growth:.2g} times as strong as in the dark"
    if photons:
        return f"Among the roots {times} still: are all images of one instrument and one setting?"
    if own.light.zero is None:
        return ""
    return f"In the light {times}, and one strength is learnt. Begin anew with --photons."


def _found(own: Any) -> str:
    import numpy as np

    sizes = sorted({array.shape for array in own.arrays})
    size = " x ".join(map(str, sizes[0])) if len(sizes) == 1 else "several sizes"
    rest = f", one frame in {own.every}" if own.every > 1 else ""
    files = f"{own.files} file{'s' * (own.files != 1)} ({', '.join(own.types)}{rest})"
    low, high = own.scale.from_unit(np.array([0.0, 1.0]))
    return (
        f"{len(own.arrays)} images of {size} in {files}; {low:.5g} to {high:.5g} hold 99.8 % of "
        f"their values; noise about {own.noise:.3g}."
    )


def _learnt(report: dict[str, Any], span: float, images: int) -> list[str]:
    """What the fit to so many images says of itself, in units of the files."""
    from docrestore.denoising import TOLERANCE

    lines = []
    smooth = report.get("smooth") or report
    if "windows" in smooth:
        std, rest = (smooth.get(name, 0.0) * span / 255 for name in ("noise_std", "contamination"))
        lines.append(
            f"{smooth['windows']} smooth windows of {smooth.get('looked_at', '?')} (lambda "
            f"{smooth.get('lambda', 0):.2g}): noise of {std:.3g}; about {rest:.2g} of it may be "
            "scene."
        )
    wrong = min((abs(game["std_ratio"] - 1) for game in report.get("games", [])), default=0.0)
    if wrong > TOLERANCE:
        lines.append(
            f"The made noise was {wrong:.0%} off in its deviation, after {len(report['games'])} "
            "trainings. Its strength was corrected, its pattern may be wrong: --overwrite with "
            "another --seed tries anew."
        )
    chosen = report.get("selection", {}).get(report.get("chosen"), {})
    if "residual_std" in chosen and smooth.get("noise_std"):
        share = chosen["residual_std"] / smooth["noise_std"]
        error = chosen.get("error", 0.0)
        told = f"is estimated as {error * span / 255:.2g}"
        where = "On images held out" if images > 1 else "On the image that it has learnt"
        lines.append(
            f"{where}, what is taken away has {share:.0%} of the noise's deviation, and the error "
            f"that stays {told if error > 0 else 'cannot be estimated: theirs is other noise'}."
        )
        advice = "Train longer: --overwrite, and more --minutes."
        if share > MUCH:
            lines.append(f"That is too much: scene goes with it. {advice}")
        elif error > LITTLE * smooth["noise_std"]:
            lines.append(f"That is hardly less than the noise was. {advice}")
    return lines
