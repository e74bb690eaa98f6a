"""Checkpoints: everything a killed training needs, in one safetensors file, whole or not at all."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

__all__ = ["TrainingError", "load_checkpoint", "put_in_place", "save_checkpoint"]


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the step and what to do."""


class Trained(Protocol):
    """What has a state worth keeping: networks and optimisers by name."""

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]


def put_in_place(path: Path, content: bytes | Path) -> None:
    """Replace `path` by these bytes or this finished file, so that no reader sees half of it."""
    temporary = content
    if isinstance(temporary, bytes):
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_bytes(content)  # type: ignore[arg-type]
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save_checkpoint(
    method: Trained, path: Path, step: int, about: Mapping[str, Any] | None = None
) -> None:
    """Write networks, optimiser states, the step and what the training is about, atomically."""
    tensors: dict[str, Tensor] = {}
    for name, network in method.networks.items():
        for key, value in network.state_dict().items():
            tensors[f"network/{name}/{key}"] = value.detach().cpu().contiguous()
    for name, optimiser in method.optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimiser/{name}/{index}/{key}"] = value.detach().cpu().contiguous()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(tensors, temporary, metadata={"step": str(step), "about": json.dumps(about)})
    put_in_place(path, temporary)


def load_checkpoint(method: Trained, path: Path, about: Mapping[str, Any] | None = None) -> int:
    """Put a checkpoint back into a method's networks and optimisers; return its step.

    Raises:
        TrainingError: if the file is damaged, or belongs to another method or another training.
    """
    try:
        with safe_open(path, framework="pt") as file:
            step = int(file.metadata()["step"])
            was = json.loads(file.metadata().get("about", "null"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{path} is no checkpoint ({error}); delete it to start anew."
        ) from error
    if was != json.loads(json.dumps(about)):  # as JSON has it
        keys = sorted(key for key in {**(was or {}), **(about or {})} if _differ(was, about, key))
        raise TrainingError(
            f"{path.parent} holds a training with other {', '.join(keys)}. It cannot go on as this "
            "one: use another run_dir, or delete that folder."
        )
    for name, network in method.networks.items():
        prefix = f"network/{name}/"
        state = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise TrainingError(
                f"{path} holds another {name} than this method's; use another run_dir. "
                f"({str(error).splitlines()[0]})"
            ) from None
    for name, optimiser in method.optimisers.items():
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        moments: dict[int, dict[str, Any]] = {}
        for key, value in tensors.items():
            if key.startswith(f"optimiser/{name}/"):
                _, _, index, field = key.split("/")
                if value.shape == parameters[int(index)].shape:  # the same memory layout as before
                    value = torch.empty_like(parameters[int(index)]).copy_(value)
                moments.setdefault(int(index), {})[field] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return step


def _differ(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None, key: str) -> bool:
    """Whether two descriptions say different things of a key, compared as JSON has them."""
    one, other = (json.dumps((about or {}).get(key)) for about in (was, now))
    return one != other
