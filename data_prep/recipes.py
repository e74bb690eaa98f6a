"""Recipes: which degradations, in which order and strength, stand for each task's real pages.

A recipe draws a list of steps for `degradations.compose`. The ranges were chosen by looking at
the real sets that the networks meet later, and each says which.
"""

import numpy as np

__all__ = ["RECIPES"]

Steps = list[tuple[str, dict[str, object]]]
Recipe = tuple[dict[str, object], Steps]  # values for draw_page, steps for compose


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 3)


def binarize(rng: np.random.Generator, split: str) -> Recipe:
    """Old letters and prints, as in DIBCO: toned paper, bleed-through, faint ink, stains.

    Order is that of life: ink, the other side, paper and its accidents, light, camera.
    """
    kind = str(rng.choice(["print", "hand", "blackletter", "type"], p=[0.34, 0.5, 0.11, 0.05]))
    low, high = (14, 40) if kind == "hand" else (9, 28)
    x_height = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    page = {"kind": kind, "x_height": (x_height, x_height)}
    steps: Steps = []
    paper = round(float(rng.triangular(150, 225, 252)), 1)
    ink = _between(rng, 10, min(120, paper - 75))
    chance = rng.random
    if chance() < 0.35:
        steps.append(("ink_spread", {"px": _between(rng, 0.1, 0.5), "ragged": 0.8}))
    elif chance() < 0.4:
        steps.append(("ink_erosion", {"px": _between(rng, 0.1, 0.4), "ragged": 0.9}))
    loss = 0.0
    if chance() < 0.75:
        loss = round(0.55 * float(rng.beta(1.2, 1.6)), 3)
        steps.append(
            (
                "fading_ink",
                {
                    "loss": loss,
                    "uneven": _between(rng, 0.1, 0.7),
                    "patch_px": _between(rng, 12, 150),
                    "grain": _between(rng, 0, 0.15),
                },
            )
        )
    steps.append(("toning", {"paper_grey": paper, "ink_grey": ink}))
    if chance() < 0.6:
        # The other side is paler than this one, or nobody could tell them apart.
        deepest = 0.7 * (1 - loss) * (paper - ink) * 255 / paper
        steps.append(
            (
                "bleed_through",
                {
                    "depth_grey": _between(rng, 10, deepest),
                    "blur_px": _between(rng, 0.6, 3.5),
                    "patchy": _between(rng, 0.2, 0.9),
                    "kind": kind,
                    "x_height_px": round(x_height, 1),
                },
            )
        )
    laid = _between(rng, 1.5, 6) if chance() < 0.25 else 0.0
    steps.append(
        (
            "paper_texture",
            {
                "grain_grey": _between(rng, 0.5, 9),
                "grain_px": _between(rng, 1, 3),
                "cloud_grey": _between(rng, 0.5, 9),
                "cloud_px": _between(rng, 60, 300),
                "laid_grey": laid,
                "laid_px": _between(rng, 3, 9),
            },
        )
    )
    if chance() < 0.2:
        steps.append(
            (
                "ruling",
                {
                    "depth_grey": _between(rng, 8, 45),
                    "spacing_px": _between(rng, 40, 110),
                    "width_px": _between(rng, 1, 2.5),
                    "upright": bool(chance() < 0.2),
                },
            )
        )
    if chance() < 0.45:
        for _ in range(int(rng.integers(1, 4))):
            steps.append(
                (
                    "stain",
                    {
                        "depth_grey": _between(rng, 8, 95),
                        "radius_px": _between(rng, 15, 260),
                        "soft_px": _between(rng, 1.5, 45),
                        "rim": _between(rng, 0, 0.8),
                        "ragged": _between(rng, 0.2, 0.9),
                    },
                )
            )
    if chance() < 0.25:
        steps.append(
            ("fold", {"depth_grey": _between(rng, 10, 70), "width_px": _between(rng, 1.5, 7)})
        )
    if chance() < 0.12:
        steps.append(
            (
                "wrinkles",
                {
                    "depth_grey": _between(rng, 4, 14),
                    "size_px": _between(rng, 30, 140),
                    "sharp": _between(rng, 0.3, 0.9),
                },
            )
        )
    if chance() < 0.5:
        steps.append(("uneven_light", {"range_grey": _between(rng, 10, 90)}))
    if chance() < 0.15:
        steps.append(
            (
                "fold_shadow",
                {"depth_grey": _between(rng, 40, 150), "width_px": _between(rng, 40, 160)},
            )
        )
    if chance() < 0.7:
        steps.append(("defocus", {"radius_px": _between(rng, 0.5, 1.8)}))
    steps.append(
        ("noise", {"std_grey": _between(rng, 0.3, 5), "grain_px": float(rng.choice([1.0, 1.5]))})
    )
    if chance() < 0.5:
        steps.append(("jpeg", {"quality": int(rng.integers(50, 95))}))
    return page, steps


RECIPES = {"binarize": binarize}
