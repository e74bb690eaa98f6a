"""Learn a denoiser from noisy images alone: `fit_denoiser(images, run_dir)`.

The three stages of GAN2GAN one after the other: smooth windows give samples of the noise, a game of
five networks gives a noise generator and a rough denoiser, rounds of noise pairs make that better.
Which of them is kept is told by noisy images that were held out. Each stage has its own folder with
its checkpoints, so a run that was killed goes on, and what is finished is not done again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from docrestore.checkpoints import put_in_place
from docrestore.denoising_presets import PRESETS, Preset, same_fit, steps_once
from docrestore.devices import pick_device
from docrestore.held_out import held_out
from docrestore.inference import restore, runner
from docrestore.made_noise import CalibratedNoise, calibration, sample
from docrestore.methods.gan2gan import GAN2GAN
from docrestore.methods.noise_game import NoiseGame
from docrestore.methods.noise_pairs import NoisePairs
from docrestore.noisy import NoisyAndNoise, NoisyImages
from docrestore.selection import RULES, denoise, judge, keep, noise_for
from docrestore.smooth import Smooth, levelled
from docrestore.training import fit, read_log
from docrestore.weights import load, save_weights

__all__ = ["PRESETS", "Fitted", "Preset", "denoise", "fit_denoiser"]

TRIES = 3  # games, each with another seed, where the made noise is wrong
TOLERANCE = 0.05  # of its standard deviation


@dataclass(frozen=True)
class Fitted:
    """What a fit has learnt.

    Attributes:
        run_dir: holds a folder of each stage.
        stages: weights of each denoiser, in the order of training: g2, g2g1, g2g2, ...
        chosen: the name of the best of them, told by noisy images alone.
        noise: weights of the noise generator, for made_noise.load_noise; None with patches.
        report: of the smooth windows, the games, the selection, steps and seconds.
    """

    run_dir: Path
    stages: dict[str, Path]
    chosen: str
    noise: Path | None
    report: dict[str, Any]

    @property
    def denoiser(self) -> nn.Module:
        """The chosen denoiser, on the CPU, in float32."""
        return load(self.stages[self.chosen])

    def save(self, path: Path, **facts: Any) -> Path:
        """Write one file with the denoiser, the noise generator and the report.

        `weights.load` reads the denoiser out of it, `weights.load_part(path, "noise")` the noise
        generator. More facts, such as the scale of the images, go into its card.
        """
        network, parts = self.denoiser, {"noise": load(self.noise)} if self.noise else None
        card = {**network.card, "task": "denoise", "report": self.report, **facts}  # type: ignore
        return save_weights(path, network, card, parts=parts)


def fit_denoiser(
    images: NoisyImages,
    run_dir: Path,
    *,
    preset: str | Preset = "recommended",
    minutes: float | None = None,
    steps: tuple[int, int] | None = None,
    rounds: int | None = None,
    lam: float | None = None,
    seed: int = 0,
    select: str = "error",
    device: str = "auto",
    precision: str = "auto",
    progress: bool = True,
) -> Fitted:
    """Learn from these noisy images; a second call with the same arguments goes on.

    Args:
        images: noisy ones. Their clean twins, if any, are not opened (but see `select`).
        run_dir: gets a folder of each stage and report.json.
        preset: a name in PRESETS, or one's own.
        minutes: about how long to train; steps are chosen so, after a short trial on this
            machine. None takes the preset's steps.
        steps: of stage two and of each round of stage three, instead.
        rounds: of stage three, instead of the preset's.
        lam: lambda of the smooth windows; None ranks them.
        seed: of everything drawn.
        select: how a stage is chosen, one of docrestore.selection.RULES. "clean" opens clean
            images, and is there to show what that buys.
        device, precision, progress: as in docrestore.training.

    Raises:
        SmoothWindowsError: if too few windows are smooth; the sentence says what would do.
        TrainingError: as in docrestore.training, or if run_dir holds another fit.
        ValueError: for an unknown preset or selection.
    """
    if select not in RULES:
        raise ValueError(f"select must be one of {', '.join(RULES)}, got {select!r}.")
    if isinstance(preset, str) and preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}.")
    plan = PRESETS[preset] if isinstance(preset, str) else preset
    plan = replace(plan, rounds=plan.rounds if rounds is None else rounds)
    run_dir = Path(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    held, kept = held_out(images.groups)
    train, judges = images.only(kept), images.only(held)
    smooth = plan.smooth(train, lam)
    deviation = float(smooth.noise().std())
    how = {"device": device, "precision": precision, "progress": progress}
    if steps is None and minutes is not None:
        steps = steps_once(run_dir, plan, train, smooth, minutes, how)
    plan = replace(plan, steps=steps or plan.steps)
    report: dict[str, Any] = {"smooth": smooth.report(), "steps": list(plan.steps)}
    report |= {"games": [], "seconds": {}}
    about = {"images": [f"{one.set}/{one.id}" for one in train], "window": smooth.window}
    same_fit(run_dir, plan, {"seed": seed, "lambda": lam} | about)

    game, noise = None, "patches"
    if plan.noise == "made":
        game, noise = _best_game(train, smooth, run_dir, plan, seed, how, report)
    stages: dict[str, Path] = {}
    estimator: nn.Module | None = None
    names = ["g2" if isinstance(game, GAN2GAN) else "noisier"]
    names += [f"g2g{number}" for number in range(1, plan.rounds + 1)]
    for number, name in enumerate(names):
        path = run_dir / f"{name}.safetensors"
        if name == "g2":
            assert game is not None
            estimator = game.restorer
            _keep(path, game, estimator)
        elif path.is_file():  # an earlier call has finished it
            estimator = load(path).to(pick_device(device))
            log = read_log(run_dir / name / "log.jsonl")
            report["seconds"][name] = log[-1]["seconds"] if log else 0.0
        else:
            torch.manual_seed(seed + number)
            method = plan.pairs_method(noise, deviation, first=estimator is None)
            seen = train
            if estimator is not None:
                _begin_with(method, estimator)
                seen = _estimates(run_dir / "estimates.npy", estimator, train, precision)
            log = fit(
                method,
                plan.pairs_data(seen, smooth, seed + number),
                plan.steps[1],
                run_dir / name,
                batch=plan.batch[1],
                seed=seed + number,
                about={"stage": name} | about,
                log_every=plan.log_every,
                **how,
            )
            report["seconds"][name] = log[-1]["seconds"] if log else 0.0
            estimator = method.restorer
            _keep(path, method, estimator)
        stages[name] = path

    (run_dir / "estimates.npy").unlink(missing_ok=True)
    parts = plan.parts(judges)
    made = noise_for([one.degraded for one in parts], smooth, noise, plan.patch)
    report["selection"] = judged = {
        name: judge(
            load(path).to(pick_device(device)), parts, smooth, made, select, precision=precision
        )
        for name, path in stages.items()
    }
    chosen = keep(judged, select)
    report |= {"chosen": chosen, "select": select, "held_out": [f"{i.set}/{i.id}" for i in judges]}
    put_in_place(run_dir / "report.json", json.dumps(report, indent=1).encode())
    return Fitted(run_dir, stages, chosen, run_dir / "noise.safetensors" if game else None, report)


def _estimates(path: Path, network: nn.Module, images: NoisyImages, precision: str) -> NoisyImages:
    """What a network makes of all images, kept in a file and not in memory."""
    ends = np.cumsum([image.pixels.size for image in images])
    kept = np.lib.format.open_memmap(path, "w+", np.float32, (int(ends[-1]),))
    run, views = runner(network, precision), []
    for image, end in zip(images, ends, strict=True):
        part = kept[end - image.pixels.size : end].reshape(image.pixels.shape)
        part[:] = restore(run, np.ascontiguousarray(image.degraded))
        views.append(part)
    return NoisyImages.of(views)


def _best_game(
    train: NoisyImages,
    smooth: Smooth,
    run_dir: Path,
    plan: Preset,
    seed: int,
    how: Mapping[str, Any],
    report: dict[str, Any],
) -> tuple[GAN2GAN | NoiseGame, nn.Module]:
    """Play stage two, again with another seed while the noise is wrong; keep the best game.

    Returns:
        The game, and its noise generator as stage three is to use it.
    """
    real = smooth.noise(size=plan.patch)
    played: list[tuple[float, GAN2GAN | NoiseGame, np.ndarray]] = []
    for attempt in range(TRIES):
        own = seed + 1000 * attempt
        torch.manual_seed(own)
        method = plan.game_method(float(real.std()))
        log = fit(
            method,
            NoisyAndNoise(train, smooth, plan.patch, seed=own),
            plan.steps[0],
            run_dir / ("game" if not attempt else f"game-{attempt + 1}"),
            batch=plan.batch[0],
            seed=own,
            about={"stage": "game", "images": [f"{one.set}/{one.id}" for one in train]},
            log_every=plan.log_every,
            **how,
        )
        bare = sample(method.noise_network, 256, plan.patch)
        made = levelled(bare, plan.level) + bare.mean()  # as the extracted noise was
        unit = getattr(method, "unit", 1.0)
        ratio = float(made.std() * unit / max(real.std(), 1e-12))
        last = {key: round(value, 4) for key, value in log[-1].items()} if log else {}
        mean = float(made.mean()) * unit
        report["games"].append({"seed": own, "std_ratio": ratio, "mean": mean} | last)
        report["seconds"]["game"] = report["seconds"].get("game", 0.0) + last.get("seconds", 0.0)
        played.append((abs(ratio - 1), method, made))
        if abs(ratio - 1) <= TOLERANCE:
            break
    _, method, made = min(played, key=lambda one: one[0])
    name, arguments = method.noise_kind
    table = calibration(made, real) if plan.calibrate else {}
    unit = getattr(method, "unit", 1.0)
    card = {"model": name, "arguments": arguments, "calibration": table, "unit": unit}
    save_weights(run_dir / "noise.safetensors", method.noise_network, card, half=False)
    return method, CalibratedNoise(method.noise_network, **table, unit=unit)


def _keep(path: Path, method: Any, network: nn.Module) -> None:
    """Write a stage's weights, as they are."""
    save_weights(path, network, {"model": method.model, "arguments": method.arguments}, half=False)


def _begin_with(method: NoisePairs, trained: nn.Module) -> None:
    """Let a round begin with the numbers of the one before, if its network is of the same kind."""
    fresh = method.networks["generator"]
    state, other = trained.state_dict(), fresh.state_dict()
    shapes = [{key: value.shape for key, value in one.items()} for one in (state, other)]
    heads = [getattr(one, "head", "linear") for one in (trained, fresh)]
    if type(trained) is type(fresh) and shapes[0] == shapes[1] and heads[0] == heads[1]:
        for name in ("generator", "restorer"):
            if name in method.networks:
                method.networks[name].load_state_dict(state)
