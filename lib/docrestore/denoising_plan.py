"""What the bench of denoisers trains and scores: its plan, and its sets, looked over first.

A set that was made noisy with another seed gives other scores, and a test image that was learnt
from gives untrue ones. Both are refused.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from docrestore import leakage
from docrestore.checkpoints import put_in_place
from docrestore.noisy import NoisyImages
from docrestore.paths import here

__all__ = ["Budget", "Plan", "guard", "open_set", "read_plan"]

PLAN = ("book", "ledger", "denoising.yaml")


@dataclass(frozen=True)
class Budget:
    """How long each training is; see book/ledger/denoising.yaml."""

    steps: int
    batch: int
    patch: int
    game_steps: int
    game_batch: int


@dataclass(frozen=True)
class Plan:
    """What is trained and scored; see book/ledger/denoising.yaml for the fields."""

    train: str
    tested: list[str]
    seeds: dict[str, int]
    cells: list[str]
    budgets: dict[str, Budget]
    rows: dict[str, dict[str, Any]]
    leave_out: list[str] = field(default_factory=list)
    real: list[str] = field(default_factory=list)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def row(self, name: str) -> dict[str, Any]:
        """What a row is, or a row with one thing changed."""
        return (self.rows | self.changes)[name]

    def rows_for(self, cell: str) -> list[str]:
        """The rows of a cell: for real sets those that learn from noisy images alone."""
        return [
            name for name, how in self.rows.items() if cell in self.cells or not how.get("told")
        ]


def read_plan(path: Path | None = None) -> Plan:
    """The plan of denoising.yaml."""
    plan = yaml.safe_load((path or here(*PLAN)).read_text(encoding="utf-8"))
    plan["budgets"] = {name: Budget(**one) for name, one in plan["budgets"].items()}
    return Plan(**plan)


def open_set(plan: Plan, name: str, cell: str, split: str, data: Path) -> NoisyImages:
    """The images of a clean set that were made noisy for a cell, those of one split.

    Args:
        plan: its seed of this split must be that of the noise; what it leaves out is left out.
        name: of the clean set.
        cell: kind of noise.
        split: train or test.
        data: folder that holds the sets.

    Raises:
        ValueError: if the noise was drawn with another seed, or no image is left.
    """
    folder, seed = data / f"{name}-{cell}", str(plan.seeds[split])
    gone = [one.rpartition("/") for one in plan.leave_out]
    gone = [f"{folder.name}/{image}" for one, _, image in gone if one == name]
    images = NoisyImages(folder, split=split, leave_out=gone)
    if other := sorted({row.get("seed") or "none" for row in images.rows} - {seed}):
        raise ValueError(
            f"{folder} has noise of seed {', '.join(other)}, and the plan asks for {seed}. Make it "
            f"anew: python -m data_prep.noisy_set {folder} --from {data / name} --noise {cell} "
            f"--seed {seed}{' --second' if split == 'train' else ''}"
        )
    return images


def guard(train: NoisyImages, tested: Sequence[NoisyImages], cell: str, known: Path) -> None:
    """Refuse to score where a test image, or a piece of it, is among those that are learnt from.

    The clean images are compared, for noise hides what images share.

    Args:
        train, tested: sets made noisy for a cell.
        cell: its name, which the names of the sets end with.
        known: folder that keeps the answer "nothing is shared" for these very images.

    Raises:
        LeakageError: with the names of the pairs.
    """
    pages = [[(_name(one.set, one.id, cell), _gray(one.clean)) for one in s] for s in tested]
    taught = [(_name(one.set, one.id, cell), _gray(one.clean)) for one in train]
    digest = hashlib.sha256()
    for name, gray in [*taught, ("", np.zeros((1, 1), np.uint8)), *sum(pages, [])]:
        digest.update(f"{name} {gray.shape}".encode() + gray.tobytes())
    path = known / f"nothing-shared-{digest.hexdigest()[:16]}.json"
    if path.is_file():
        return
    marks = [(name, leakage.fingerprint(gray)) for name, gray in taught]
    leakage.check(sum(pages, []), marks)
    known.mkdir(parents=True, exist_ok=True)
    counts = {"learnt": len(taught), "tested": sum(map(len, pages))}
    put_in_place(path, json.dumps(counts).encode())


def _name(one: str, image: str, cell: str) -> str:
    return f"{one.removesuffix(f'-{cell}')}/{image}"


def _gray(clean: np.ndarray) -> np.ndarray:
    return (clean.clip(0, 1) * 255).round().astype(np.uint8)
