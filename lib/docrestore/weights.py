"""Trained weights in and out: safetensors only, with a model card in the metadata.

A pickle can run code when it is opened, so none is ever opened here. The card says which network
the numbers belong to and how they came about.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from docrestore.models import MODELS

__all__ = [
    "WeightsError",
    "card",
    "complete_card",
    "load",
    "load_part",
    "locate",
    "names",
    "save_weights",
]

SHIPPED = Path(__file__).parent / "weights"


class WeightsError(ValueError):
    """Weights that cannot be used; the sentence says why and what to do."""


def names() -> list[str]:
    """The weights that ship with the book."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def locate(name: str | os.PathLike[str]) -> Path:
    """The file behind a shipped name or a path."""
    shipped = SHIPPED / f"{name}.safetensors"
    if shipped.is_file():
        return shipped
    path = Path(name)
    if os.path.isfile(path):
        return path
    raise WeightsError(
        f"no weights called {os.fspath(name)!r}. Name a .safetensors file, or one of: "
        f"{', '.join(names()) or 'none is shipped'}."
    )


def card(name: str | os.PathLike[str]) -> dict[str, Any]:
    """The model card: model, arguments, task, training sets, steps, metrics, licence ...

    Raises:
        WeightsError: if there is no such file or it is not ours.
    """
    path = locate(name)
    try:
        with safe_open(path, framework="pt") as file:
            known = json.loads((file.metadata() or {})["card"])
    except (SafetensorError, OSError) as error:
        head = b""
        with suppress(OSError), path.open("rb") as file:
            head = file.read(2)
        hint = "it looks like a pickle or zip (.pt, .pth), which is never opened"
        why = hint if head == b"PK" or head.startswith(b"\x80") else f"{error}"
        raise WeightsError(
            f"{path.name} is no whole safetensors file: {why}. Copy it again or name another."
        ) from None
    except (KeyError, json.JSONDecodeError):
        known = None
    if not isinstance(known, dict):
        raise WeightsError(
            f"{path.name} has no model card, so nothing says which network it belongs to. "
            f"Save weights with docrestore.weights.save_weights."
        )
    return known


def load(name: str | os.PathLike[str]) -> nn.Module:
    """A ready network on the CPU in float32 and eval mode; `network.card` is its card.

    Raises:
        WeightsError: if the file is damaged or its numbers do not fit the network of its card.
    """
    path, known = locate(name), card(name)
    parts = known.get("parts", {})
    return _build(path, known, "", tuple(f"{part}/" for part in parts))


def load_part(name: str | os.PathLike[str], part: str) -> nn.Module:
    """Another network of the same file, such as "noise", as `load` gives the first one.

    Raises:
        WeightsError: as `load`, or if the file has no such part.
    """
    path, parts = locate(name), card(name).get("parts", {})
    if not isinstance(parts, dict) or part not in parts:
        raise WeightsError(
            f"{path.name} has no part {part!r}; it has: {', '.join(parts) or 'none'}."
        )
    return _build(path, parts[part], f"{part}/", ())


def _build(path: Path, known: dict[str, Any], prefix: str, without: tuple[str, ...]) -> nn.Module:
    """The network of a card, with those numbers of the file whose names begin with `prefix`."""
    model = known.get("model")
    if not isinstance(model, str) or model not in MODELS:
        raise WeightsError(
            f"{path.name} is for {model!r}, a network this version does not know. "
            f"It knows: {', '.join(MODELS)}."
        )
    try:
        # A plan without memory: whatever size a card claims, only what is in the file is read.
        with torch.device("meta"):
            network = MODELS[model](**known.get("arguments", {}))
        with safe_open(path, framework="pt") as file:
            state = {
                key.removeprefix(prefix): file.get_tensor(key)
                for key in file.keys()  # noqa: SIM118
                if key.startswith(prefix) and not key.startswith(without)
            }
        state = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        _check_fit(network, state)
    except (RuntimeError, TypeError, ValueError, SafetensorError) as error:
        why = " ".join(str(error).split()).rstrip(".")
        raise WeightsError(
            f"the numbers in {path.name} do not fit a {model} network ({why}); name the right file."
        ) from None
    network.load_state_dict(state, assign=True)
    network.card = known  # type: ignore[assignment]
    return network.eval().requires_grad_(False)


def _check_fit(network: nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Name the first difference between what a network needs and what a file has."""
    wanted = network.state_dict()
    for key, value in wanted.items():
        if key not in state:
            raise ValueError(f"{key} is missing")
        if state[key].shape != value.shape or state[key].dtype != value.dtype:
            has, needs = tuple(state[key].shape), tuple(value.shape)
            raise ValueError(
                f"{key} is {state[key].dtype} {has} and should be {value.dtype} {needs}"
            )
    if extra := [key for key in state if key not in wanted]:
        raise ValueError(f"{extra[0]} belongs to another network")


def save_weights(
    path: str | os.PathLike[str],
    network: nn.Module,
    card: dict[str, Any],
    *,
    half: bool = True,
    overwrite: bool = True,
    parts: Mapping[str, nn.Module] | None = None,
) -> Path:
    """Write weights and card atomically.

    Args:
        path: a .safetensors file.
        network: one of MODELS.
        card: needs "model" (a key of MODELS) and "arguments"; more is welcome.
        half: store float16, half the bytes; `load` returns float32 either way.
        overwrite: False leaves a file that is there as it is. The released DE-GAN does so after
            every epoch: it keeps the weights of its first one and loses all that it learns later.
        parts: more networks for the same file, each with its `card`; see `load_part`.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        return path
    if missing := {"model", "arguments"} - card.keys():
        raise WeightsError(f"the card lacks {', '.join(sorted(missing))}.")
    card = {**card, "parts": {one: net.card for one, net in parts.items()}} if parts else card
    whole = dict(network.state_dict())
    for part, other in (parts or {}).items():
        whole |= {f"{part}/{key}": value for key, value in other.state_dict().items()}
    state = {
        key: (value.half() if half and value.is_floating_point() else value)
        .detach()
        .cpu()
        .contiguous(memory_format=torch.contiguous_format)
        for key, value in whole.items()
    }
    return _write(path, state, card)


def complete_card(name: str | os.PathLike[str], **facts: Any) -> Path:
    """Add facts, such as metrics, to the card of weights; the numbers stay what they are.

    Raises:
        WeightsError: if there is no such file or it is not ours.
    """
    path = locate(name)
    known = card(path) | facts
    with safe_open(path, framework="pt") as file:
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    return _write(path, state, known)


def _write(path: Path, state: dict[str, torch.Tensor], card: dict[str, Any]) -> Path:
    """A safetensors file with its card, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(save(state, metadata={"card": json.dumps(card, sort_keys=True)}))
    os.replace(temporary, path)
    return path
