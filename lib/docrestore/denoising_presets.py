"""How long and how the stages of a fit are trained: PRESETS, and steps out of minutes."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from docrestore.checkpoints import TrainingError, put_in_place
from docrestore.methods.gan2gan import GAN2GAN, faithful
from docrestore.methods.noise_game import NoiseGame
from docrestore.methods.noise_pairs import NoisePairs, NoisierPairs
from docrestore.methods.one_player import one_of
from docrestore.noisy import NoisyAndNoise, NoisyCrops, NoisyImages
from docrestore.smooth import Smooth, SmoothWindowsError, choose
from docrestore.training import fit

__all__ = ["PRESETS", "Preset", "in_units", "same_fit", "steps_in", "steps_once"]

COMPACT = "gan2gan-compact"
STRONGER, UNEVEN = 1.05, 1.1  # wide windows than small ones, at most; scene makes them both


@dataclass(frozen=True)
class Preset:
    """How long and how each stage is trained.

    Attributes:
        steps: of stage two, and of each round of stage three.
        rounds: of stage three (paper: 3).
        batch: patches a step, in stage two and in stage three.
        patch: side of a patch in pixels.
        window, stride, level, at_least, lam: of the smooth windows, see docrestore.smooth.choose.
        wider: side of larger windows, which are taken where they are no stronger and no more uneven
            than the small ones, so that no scene has come in. Slow waves of the noise make a small
            window look rough, and ranking leaves them out. 0 does without.
        rough: where the first estimate comes from: "noisier", our way without a game of five, or
            "game", the paper's g2, which needs noise="made".
        rescale: use the first estimate of "noisier" in units of less noise, see NoisierPairs.
        noise: "made" plays stage two; "patches" draws the extracted patches themselves: what does
            a generator add to those?
        released: the published networks, constants and schedules.
        calibrate: replace each value of the made noise by the extracted one of the same rank.
        game, pairs: arguments of the method of stage two and of NoisePairs.
        log_every: steps a line of the log.

    Raises:
        ValueError: for an unknown `rough` or `noise`, or a game that nobody plays.
    """

    steps: tuple[int, int]
    rounds: int = 3
    batch: tuple[int, int] = (16, 32)
    patch: int = 64
    window: int = 64
    stride: int = 16
    wider: int = 96
    level: str = "plane"
    at_least: int | None = None
    lam: float | None = None
    rough: str = "noisier"
    rescale: bool = True
    noise: str = "made"
    released: bool = False
    calibrate: bool = True
    game: Mapping[str, Any] = field(default_factory=dict)
    pairs: Mapping[str, Any] = field(default_factory=dict)
    log_every: int = 20

    def __post_init__(self) -> None:
        one_of("rough", self.rough, ("noisier", "game"))
        one_of("noise", self.noise, ("made", "patches"))
        if self.noise == "patches" and self.rough == "game":
            raise ValueError(
                "noise='patches' plays no game, so rough='game' has no estimate to give; take "
                "rough='noisier'."
            )

    def parts(self, images: NoisyImages) -> NoisyImages:
        """Where noise may be looked for and judged by: in these images, everywhere."""
        return images

    def smooth(self, images: NoisyImages, lam: float | None = None) -> Smooth:
        """The smooth windows that this preset learns from; SmoothWindowsError if too few."""
        images = self.parts(images)
        lam = self.lam if lam is None else lam
        how = {"at_least": self.at_least, "level": self.level}
        narrow = choose(images, lam, window=self.window, stride=self.stride, **how)
        if not self.wider or lam is not None or self.at_least is not None:
            return narrow
        try:
            stride = max(2, self.stride * 3 // 8 * 2)
            wide = choose(images, window=self.wider, stride=stride, **how)
        except SmoothWindowsError:
            return narrow
        stronger = wide.noise().std() / max(narrow.noise().std(), 1e-12)
        more_uneven = wide.unevenness() / max(narrow.unevenness(), 1e-12)
        return wide if stronger <= STRONGER and more_uneven <= UNEVEN else narrow

    def game_method(self, deviation: float = 0.1) -> GAN2GAN | NoiseGame:
        """Stage two, for noise of this standard deviation."""
        if self.released:
            return faithful(**self.game)
        if self.rough == "game":
            return GAN2GAN(**in_units(deviation, self.game, "generator", "back"))
        return NoiseGame(unit=max(deviation, 1e-6) / 0.1, **self.game)

    def pairs_method(
        self, noise: nn.Module | str, deviation: float = 0.1, *, first: bool = False
    ) -> NoisePairs:
        """A round of stage three; or, where the game gives no estimate, the first estimate."""
        if self.released and not first:
            own = {"generator": "dncnn", "schedule": "released", "lr": 1e-3, "ema": 0.0}
            own |= {"noisy_target": True, **self.pairs}
            return NoisePairs(noise=noise, **own)
        arguments = in_units(deviation, self.pairs, "generator")
        if first:
            return NoisierPairs(noise=noise, rescale=self.rescale, **arguments)
        return NoisePairs(noise=noise, **arguments)

    def pairs_data(
        self, images: NoisyImages, smooth: Smooth, seed: int
    ) -> NoisyCrops | NoisyAndNoise:
        """What a round learns from: crops of estimates, with noise patches where none is made."""
        if self.noise == "patches":
            return NoisyAndNoise(images, smooth, self.patch, seed=seed, together=False)
        return NoisyCrops(images, self.patch, seed=seed)


# The released constants, for white made noise; correlated noise wants a lambda of 0.15 to 0.2. The
# README's 10,000 windows are a rule of thumb: the 400 crops of 180 pixels that papers learn from
# have 6,400 windows in all, and with white noise of 25 a lambda of 0.05 takes 80 of them, 0.1 takes
# 160. Estimates are made of whole images, once a round; the release makes them of each crop.
FAITHFUL = Preset(
    (30 * 625, 30 * 160),
    batch=(64, 128),
    window=96,
    stride=24,
    wider=0,
    level="mean",
    lam=0.1,
    rough="game",
    released=True,
    calibrate=False,
)
UNET = {"generator": "gan2gan-unet"}
PRESETS = {
    "quick": Preset((200, 200), rounds=1),
    "recommended": Preset((500, 2000)),
    "game": Preset((2000, 2000), rough="game"),
    "faithful": FAITHFUL,
    "faithful-microscope": replace(FAITHFUL, lam=0.42, rounds=7),
    "faithful-ct": replace(
        FAITHFUL,
        steps=(30 * 625, 30 * 5125),
        batch=(64, 4),
        lam=0.15,
        game=UNET | {"back": "gan2gan-unet"},
        pairs=UNET,
    ),
}


def in_units(deviation: float, arguments: Mapping[str, Any], *players: str) -> dict[str, Any]:
    """Arguments of a method whose compact denoisers are to work in units of the noise.

    Args:
        deviation: of the noise, on the images' scale; it is rounded to three digits.
        arguments: of the method; a unit that they name is kept.
        players: names of arguments that name a network: "generator", "back".
    """
    found = dict(arguments)
    for player in players:
        if found.get(player, COMPACT) == COMPACT:
            name = f"{player}_arguments"
            unit = float(f"{max(deviation, 1e-6):.3g}")
            found[name] = {"unit": unit, **(found.get(name) or {})}
    return found


def steps_in(
    minutes: float,
    plan: Preset,
    train: NoisyImages,
    smooth: Smooth,
    how: Mapping[str, Any],
) -> tuple[int, int]:
    """The steps of stage two and of each round that take about so long on this machine.

    A few steps of each are done and thrown away.
    """
    how = {**how, "progress": False}
    game = plan.game_method()
    pairs = plan.pairs_method(game.noise_network)
    trials = (
        (game, NoisyAndNoise(train, smooth, plan.patch), plan.batch[0]),
        (pairs, NoisyCrops(train, plan.patch), plan.batch[1]),
    )
    seconds = []
    for method, data, batch in trials:
        with tempfile.TemporaryDirectory() as folder:
            log = fit(method, data, 9, Path(folder), batch=batch, log_every=3, **how)
        seconds.append((log[-1]["seconds"] - log[0]["seconds"]) / 6)
    if plan.rough == "noisier":  # the noise alone is soon learnt
        game_steps = min(plan.steps[0], int(0.15 * 60 * minutes / max(seconds[0], 1e-3)))
        left, trainings = 60 * minutes - game_steps * seconds[0], plan.rounds + 1
    else:
        game_steps = int(0.4 * 60 * minutes / max(seconds[0], 1e-3))
        left, trainings = 0.6 * 60 * minutes, max(plan.rounds, 1)
    return max(20, game_steps), max(20, int(left / trainings / max(seconds[1], 1e-3)))


def steps_once(
    run_dir: Path,
    plan: Preset,
    train: NoisyImages,
    smooth: Smooth,
    minutes: float,
    how: Mapping[str, Any],
) -> tuple[int, int]:
    """`steps_in`, tried once and then kept in run_dir, so that a fit can go on with the same."""
    path = run_dir / "steps.json"
    if not path.is_file():
        found = steps_in(minutes, plan, train, smooth, how)
        put_in_place(path, json.dumps({"minutes": minutes, "steps": found}).encode())
    return tuple(json.loads(path.read_text())["steps"])  # type: ignore[return-value]


def same_fit(run_dir: Path, plan: Preset, about: Mapping[str, Any]) -> None:
    """Write down what a fit is about, or refuse to go on with another one: TrainingError."""
    path = run_dir / "plan.json"
    now = json.loads(json.dumps({**asdict(plan), **about}, default=str))
    if not path.is_file():
        put_in_place(path, json.dumps(now).encode())
        return
    was = json.loads(path.read_text())
    if other := sorted(key for key in was | now if was.get(key) != now.get(key)):
        raise TrainingError(
            f"{run_dir} holds a fit with other {', '.join(other)}. It cannot go on as this one: "
            "use another run_dir, or delete that folder."
        )
