"""What an evaluation compares: the degraded page as it is, the classical methods, a network."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from docrestore import provenance, weights
from docrestore.classical import BY_TASK
from docrestore.devices import pick_precision
from docrestore.inference import TILE, restore, runner

__all__ = ["EvaluationError", "Subject", "classical", "network"]


class EvaluationError(ValueError):
    """An evaluation that would not be sound; the sentence says why and what to do."""


class Subject(NamedTuple):
    """Something that restores a page uint8 (H, W), to uint8 (H, W) or to bool, True = paper.

    Where `channels` is 3 it also takes pages (H, W, 3).
    """

    name: str
    kind: str  # input, classical or network
    restore: Callable[[np.ndarray], np.ndarray]
    facts: dict[str, Any]
    channels: int = 1  # 3: it sees colour where the page has it


def classical(task: str) -> list[Subject]:
    """The degraded page as it is, and the classical methods of a task."""
    if task not in BY_TASK:
        raise EvaluationError(f"no task is called {task!r}; use one of {', '.join(BY_TASK)}.")
    subjects = [Subject("degraded", "input", np.copy, {"parameters": 0})]
    for name, method in BY_TASK[task].items():
        subjects.append(Subject(name, "classical", method, {"parameters": 0}))
    return subjects


def network(name: str | os.PathLike[str], task: str, *, tile: int = TILE) -> Subject:
    """A network with the weights of a shipped name or a file; its first run is not timed.

    Raises:
        WeightsError: if the weights cannot be used.
        EvaluationError: if they were trained for another task.
    """
    loaded = weights.load(name)
    card: dict[str, Any] = loaded.card  # type: ignore[assignment]
    if card.get("task", task) != task:
        raise EvaluationError(f"{name} was trained to {card['task']}, not to {task}.")
    run = runner(loaded)
    run(torch.full((1, 1, 64, 64), 0.5))  # the first call sets things up
    path = weights.locate(name)
    facts = {
        "precision": pick_precision("auto", next(loaded.parameters()).device.type),
        "parameters": sum(p.numel() for p in loaded.parameters()),
        "sha256": provenance.file_hash(path),
        "card": {key: value for key, value in card.items() if key != "trained_on"},
    }
    label = path.stem if path.stem != "weights" else path.parent.name
    return Subject(
        label, "network", lambda page: restore(run, page, tile=tile), facts, run.channels
    )
