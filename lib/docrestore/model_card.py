"""The model card: what weights are, what they have seen, and how they came about."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from docrestore.data import Crops
from docrestore.leakage import fingerprint

__all__ = ["denoiser_card", "denoiser_facts", "model_card", "parent"]


def parent(name: str, sha256: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says of the weights that a training began with: name, hash, steps, pages."""
    return {"name": name, "sha256": sha256} | {
        key: card.get(key) for key in ("steps", "sets", "trained_on", "start_from")
    }


def model_card(
    method: Any,
    crops: Crops,
    *,
    preset: str,
    task: str,
    steps: int,
    batch: int,
    seed: int,
    seconds: float,
    code: str,
    device: str = "",
    profile: str = "",
    method_arguments: Sequence[str] = (),
    left_out: Sequence[str] = (),
    start_from: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The card of weights that `fit` has trained.

    Args:
        method: that was trained; it has `model` and `arguments`.
        crops: that it was trained on.
        preset: name in METHODS.
        task: binarize, clean, deblur or watermark.
        steps, batch, seed: as `fit` was given them.
        seconds: the training took.
        code: `provenance.commit()` of when the training began.
        device: from `provenance.device`, "cpu" or the name of a GPU.
        profile: of the notebook, if one did it.
        method_arguments: NAME=VALUE words of the command line.
        left_out: pages, as "set/id", that were kept out.
        start_from: from `parent`. The pages that it has seen count as seen here.

    Returns:
        A dict for `weights.save_weights`. `trained_on` lists [set/id, fingerprint] of each page,
        for the leakage guard. Pages that the book drew are named without a fingerprint: `drawn`
        holds the recipe that draws them again, and no real page can be a copy of one.
    """
    folders = getattr(crops.pages, "folders", ())
    recipes = {one.name: one / "drawn.json" for one in folders if (one / "drawn.json").is_file()}
    drawn = {name: json.loads(path.read_text("utf-8")) for name, path in recipes.items()}
    seen = [
        [f"{pair.set}/{pair.id}", *([] if pair.set in drawn else [fingerprint(pair.degraded)])]
        for pair in crops.pages
    ]
    begun = dict(start_from or {})
    earlier = begun.pop("trained_on", None) or []
    return {
        "model": method.model,
        "arguments": method.arguments,
        "method": preset,
        "method_arguments": list(method_arguments),
        "task": task,
        "start_from": begun or None,
        "old": crops.old,
        "zoom": crops.zoom,
        "turned": crops.turned,
        "patch": crops.patch,
        "left_out": list(left_out),
        "sets": sorted({pair.set for pair in crops.pages}),
        "drawn": drawn,
        "trained_on": seen + [page for page in earlier if page not in seen],
        "steps": steps,
        "batch": batch,
        "seed": seed,
        "seconds": seconds,
        "device": device,
        "profile": profile,
        "commit": code,
        "metrics": {},
        "licence": "MIT (weights); the training pages keep their own terms",
    }


def denoiser_card(
    method: Any,
    names: Sequence[str],
    *,
    method_arguments: Sequence[str] = (),
    start_from: Mapping[str, Any] | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """The card of a denoiser that `fit` has trained; arguments as in `model_card`.

    `names` are the noisy images, as "set/id". `unit` is there where made noise is to be multiplied
    by it. The other facts are those of `denoiser_facts`.
    """
    begun = dict(start_from or {})
    earlier = begun.pop("trained_on", None) or []
    card = denoiser_facts(names, **facts)
    seen = card["trained_on"]
    return card | {
        "model": method.model,
        "arguments": method.arguments,
        "method_arguments": list(method_arguments),
        "start_from": begun or None,
        **({"unit": method.unit} if hasattr(method, "unit") else {}),
        "trained_on": seen + [page for page in earlier if page not in seen],
    }


def denoiser_facts(
    names: Sequence[str],
    *,
    preset: str,
    steps: int,
    batch: int,
    patch: int,
    seed: int,
    seconds: float,
    code: str,
    device: str = "",
    left_out: Sequence[str] = (),
) -> dict[str, Any]:
    """What the card of any denoiser says beside its model: the images and the training.

    `names` are the noisy images, as "set/id". They are named without a fingerprint: noise hides
    what a perceptual hash would look at.
    """
    return {
        "method": preset,
        "task": "denoise",
        "patch": patch,
        "left_out": list(left_out),
        "sets": sorted({name.rpartition("/")[0] for name in names}),
        "trained_on": [[name] for name in names],
        "steps": steps,
        "batch": batch,
        "seed": seed,
        "seconds": seconds,
        "device": device,
        "commit": code,
        "metrics": {},
        "licence": "MIT (weights); the training images keep their own terms",
    }
