"""All degradations by name, and their composition: a damaged page and its passport.

A degradation is `f(page, rng, *, physical quantities) -> (page, drawn, masks)`. A composition
runs several of them in order. Its passport says which, with which values, what chance drew, and
where (the masks): enough to make the same page again from the clean one (`replay`).
"""

import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_prep import degradations_capture as capture
from data_prep import degradations_ink as ink
from data_prep import degradations_marks as marks
from data_prep import degradations_paper as paper
from docrestore import images

__all__ = ["DEGRADATIONS", "Passport", "compose", "replay"]

Degradation = Callable[..., tuple[np.ndarray, dict[str, object], dict[str, np.ndarray]]]
Step = tuple[str, Mapping[str, object]]

DEGRADATIONS: dict[str, Degradation] = {
    "ink_spread": ink.ink_spread,
    "ink_erosion": ink.ink_erosion,
    "fading_ink": ink.fading_ink,
    "bleed_through": ink.bleed_through,
    "toning": paper.toning,
    "paper_texture": paper.paper_texture,
    "stain": paper.stain,
    "coffee_ring": paper.coffee_ring,
    "footprint": paper.footprint,
    "fold": paper.fold,
    "wrinkles": paper.wrinkles,
    "ruling": paper.ruling,
    "stamp": marks.stamp,
    "watermark": marks.watermark,
    "port_mark": marks.port_mark,
    "uneven_light": capture.uneven_light,
    "fold_shadow": capture.fold_shadow,
    "defocus": capture.defocus,
    "motion_blur": capture.motion_blur,
    "camera_shake": capture.camera_shake,
    "noise": capture.noise,
    "jpeg": capture.jpeg,
}


@dataclass
class Passport:
    """What was done to a page. `steps` holds plain values only; `masks` are bool (H, W) arrays.

    A mask's key is `<number of the step>-<name>`, as in the step's own list.
    """

    seed: list[int]
    size: tuple[int, int]
    steps: list[dict[str, object]] = field(default_factory=list)
    masks: dict[str, np.ndarray] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The passport without its masks, ready for JSON."""
        return {"seed": self.seed, "size": list(self.size), "steps": self.steps}

    def files(self, path: Path) -> list[Path]:
        """The files that `save` writes: `path`, then a file for each mask."""
        path = Path(path)
        return [path, *(path.with_name(f"{path.stem}-{name}.png") for name in self.masks)]

    def save(self, path: Path) -> None:
        """Write `path` (JSON), and each mask beside it as a 1-bit PNG, white on what it marks."""
        path, *beside = self.files(path)
        for place, mask in zip(beside, self.masks.values(), strict=True):
            images.write(place, mask)
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)


def compose(
    page: np.ndarray, steps: Sequence[Step], seed: int | Sequence[int]
) -> tuple[np.ndarray, Passport]:
    """Run `steps` on a page, float32 (H, W) in [0, 1]; return the degraded page and its passport.

    A step is (name in DEGRADATIONS, its values). Each has a generator of its own, made of `seed`
    and its number, so a value changed in one step leaves the others as they were. Raises
    ValueError for an unknown name or value.
    """
    seeds = [int(s) for s in np.atleast_1d(seed)]
    passport = Passport(seeds, (int(page.shape[0]), int(page.shape[1])))
    page = np.asarray(page, np.float32)
    for number, (name, values) in enumerate(steps):
        _check(name, values)
        rng = np.random.default_rng([*seeds, number])
        page, drawn, masks = DEGRADATIONS[name](page, rng, **values)
        named = {f"{number}-{mask}": array for mask, array in masks.items()}
        passport.masks |= named
        passport.steps.append(
            {"name": name, "values": dict(values), "drawn": drawn, "masks": list(named)}
        )
    return page, passport


def replay(page: np.ndarray, passport: Passport | Mapping[str, object]) -> np.ndarray:
    """Degrade a clean page again as its passport says; gives the same page, bit by bit.

    Takes a Passport or the dict that was saved as JSON.
    """
    record = passport.as_dict() if isinstance(passport, Passport) else passport
    steps = [(step["name"], step["values"]) for step in record["steps"]]
    return compose(page, steps, record["seed"])[0]


def _check(name: str, values: Mapping[str, object]) -> None:
    if name not in DEGRADATIONS:
        raise ValueError(
            f"no degradation is called {name!r}; use one of {', '.join(DEGRADATIONS)}."
        )
    known = list(inspect.signature(DEGRADATIONS[name]).parameters)[2:]
    if unknown := set(values) - set(known):
        raise ValueError(f"{name} does not take {sorted(unknown)}; it takes {', '.join(known)}.")
