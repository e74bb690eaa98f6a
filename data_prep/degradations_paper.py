"""What happens to paper: tone and texture, stains, rings, footprints, folds, wrinkles, rules.

Each function takes a page, float32 (H, W) in [0, 1] with paper 1, and a generator; it returns the
new page, what the generator drew (for the passport), and masks, bool (H, W), of what it marked.
Grey levels count from 0 to 255. Paper darkens by multiplication, so ink stays below it.
"""

import numpy as np

from data_prep.fields import blob, facets, smooth, uniform

__all__ = [
    "coffee_ring", "fold", "footprint", "paper_texture", "ruling", "stain", "toning", "wrinkles",
]  # fmt: skip

Result = tuple[np.ndarray, dict[str, object], dict[str, np.ndarray]]


def _darken(page: np.ndarray, grey: np.ndarray, ink_lift: float = 0.0) -> np.ndarray:
    """Darken white paper by `grey` levels (negative: lighten), and what is darker less.

    `ink_lift` lightens ink by that part of the shade on the paper around it: some pages of
    NoisyOffice were put together so, and scanners that stretch contrast do the same.
    """
    dark = grey * np.float32(1 / 255)
    shaded = page * (1 - dark)
    if ink_lift:
        shaded += (1 - page) * np.float32(ink_lift) * np.maximum(dark, 0)
    return np.clip(shaded, 0, 1).astype(np.float32)


def _place(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[float, float]:
    return float(rng.uniform(0, shape[0])), float(rng.uniform(0, shape[1]))


def toning(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    paper_grey: float = 215.0,
    ink_grey: float = 60.0,
) -> Result:
    """Paper yellows and ink browns: white becomes `paper_grey`, black becomes `ink_grey`."""
    toned = ink_grey / 255 + page * np.float32((paper_grey - ink_grey) / 255)
    return toned.astype(np.float32), {}, {}


def paper_texture(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    grain_grey: float = 4.0,
    grain_px: float = 1.5,
    cloud_grey: float = 5.0,
    cloud_px: float = 120.0,
    laid_grey: float = 0.0,
    laid_px: float = 6.0,
) -> Result:
    """The paper's own pattern, in grey levels (standard deviations) and px.

    `grain` are fibres, `cloud` is uneven thickness and old dirt, `laid` are the lines of the
    mould, `laid_px` apart, upright or level. Zero switches a part off.
    """
    grey = np.zeros(page.shape, np.float32)
    drawn: dict[str, object] = {}
    if grain_grey:
        grey += np.float32(grain_grey) * smooth(rng, page.shape, grain_px)
    if cloud_grey:
        grey += np.float32(0.8 * cloud_grey) * smooth(rng, page.shape, cloud_px)
        grey += np.float32(0.6 * cloud_grey) * smooth(rng, page.shape, cloud_px / 5)
    if laid_grey:
        upright = bool(rng.random() < 0.5)
        length = page.shape[1] if upright else page.shape[0]
        wave = np.sin(2 * np.pi * np.arange(length, dtype=np.float32) / laid_px)
        wave = wave[None, :] if upright else wave[:, None]
        grey += np.float32(1.4 * laid_grey) * wave * uniform(rng, page.shape, 60.0) * 1.6
        drawn["laid_upright"] = upright
    return _darken(page, grey), drawn, {}


def stain(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 50.0,
    radius_px: float = 100.0,
    soft_px: float = 10.0,
    rim: float = 0.3,
    ragged: float = 0.4,
    centre: tuple[float, float] | None = None,
) -> Result:
    """A liquid dried on the page: an irregular darker area.

    White paper darkens by about `depth_grey` inside, and by `rim` times as much again at the
    edge, where the liquid left its dirt. `radius_px` is its size, `soft_px` the width of its edge,
    `ragged` the depth of its bays, `centre` (y, x) its place (drawn when None). Mask `stain`.
    """
    centre = centre or _place(rng, page.shape)
    inside = blob(rng, page.shape, centre, radius_px, ragged)
    ramp = np.clip(inside / np.float32(max(soft_px, 1e-3)), 0, 1)
    mottle = 1 + np.float32(0.15) * smooth(rng, page.shape, max(3.0, radius_px / 4))
    edge = np.exp(-np.square((inside - soft_px) / np.float32(0.6 * soft_px + 1.5)))
    depth = np.float32(depth_grey) * ramp * (mottle + np.float32(rim) * edge)
    mask = ramp > 0
    return _darken(page, depth), {"centre": [round(c, 1) for c in centre]}, {"stain": mask}


def coffee_ring(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 70.0,
    radius_px: float = 110.0,
    width_px: float = 9.0,
    closed: float = 0.75,
    drops: int = 3,
    centre: tuple[float, float] | None = None,
) -> Result:
    """The foot of a cup: a ring `width_px` wide, darkest at its outer rim, with spilt drops.

    `closed` is the part of the circle that is there, `drops` the number of small round spots.
    Mask `coffee`.
    """
    cy, cx = centre or _place(rng, page.shape)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]].astype(np.float32)
    dy, dx = y - np.float32(cy), x - np.float32(cx)
    # The cup was not pressed down evenly: the ring wanders, is wide here and broken there.
    reach = np.hypot(dy, dx) + np.float32(0.02 * radius_px) * smooth(rng, page.shape, radius_px)
    start = rng.uniform(0, 2 * np.pi)
    turn = np.mod(np.arctan2(dy, dx) - np.float32(start), np.float32(2 * np.pi))
    arc = np.clip((np.float32(2 * np.pi * closed) - turn) * 6, 0, 1) * np.clip(turn * 6, 0, 1)
    if closed >= 1:
        arc = np.ones_like(arc)
    width = np.float32(width_px) * (0.45 + uniform(rng, page.shape, radius_px / 2))
    into = (np.float32(radius_px) - reach) / width  # 0 at the outer rim, 1 at the inner one
    band = np.clip(into * 5, 0, 1) * np.clip((1 - into) * 2, 0, 1)
    field = band * (1.25 - 0.6 * np.clip(into, 0, 1)) * arc
    for _ in range(drops):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.3) * radius_px
        spot = (cy + away * np.sin(angle), cx + away * np.cos(angle))
        inside = blob(rng, page.shape, spot, float(rng.uniform(0.03, 0.22)) * radius_px, 0.3)
        field = np.maximum(field, np.clip(inside / 3, 0, 1) * np.float32(rng.uniform(0.4, 1.0)))
    field *= 0.75 + 0.5 * uniform(rng, page.shape, 14.0)
    drawn = {"centre": [round(cy, 1), round(cx, 1)], "start_degrees": float(np.degrees(start))}
    return _darken(page, np.float32(depth_grey) * field), drawn, {"coffee": field > 0}


def footprint(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 45.0,
    length_px: float = 420.0,
    bar_px: float = 14.0,
    contact: float = 0.6,
) -> Result:
    """A shoe stepped on the page: the bars of its sole, dirty where it touched.

    `length_px` is the sole's length, `bar_px` the distance of its bars, `contact` the part that
    left dirt. Mask `footprint`.
    """
    cy, cx = _place(rng, page.shape)
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]].astype(np.float32)
    dy, dx = y - np.float32(cy), x - np.float32(cx)
    along = dy * np.float32(np.sin(angle)) + dx * np.float32(np.cos(angle))
    across = -dy * np.float32(np.cos(angle)) + dx * np.float32(np.sin(angle))
    half = np.float32(length_px / 2)
    waist = 1 - 0.3 * np.exp(-np.square(along / (0.35 * half)))
    sole = (np.square(along / half) + np.square(across / (0.38 * half * waist))) < 1
    bars = np.sin(2 * np.pi * (along + 0.25 * np.abs(across)) / np.float32(bar_px))
    blocks = np.sin(2 * np.pi * across / np.float32(2.3 * bar_px))
    print_ = np.clip(2.0 * bars + 0.6 * blocks + 0.3, 0, 1)
    dirt = np.clip((uniform(rng, page.shape, 35.0) - (1 - contact)) * 3, 0, 1)
    dirt *= 0.55 + 0.75 * uniform(rng, page.shape, 2.5)
    field = sole * print_ * dirt
    drawn = {"centre": [round(cy, 1), round(cx, 1)], "degrees": float(np.degrees(angle))}
    return _darken(page, np.float32(depth_grey) * field), drawn, {"footprint": field > 0.02}


def fold(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 40.0,
    width_px: float = 5.0,
    angle_degrees: float | None = None,
    ink_lift: float = 0.0,
) -> Result:
    """A crease across the page: a dark valley beside a light ridge, `width_px` wide.

    White paper darkens by up to `depth_grey` in the valley, less where the crease is weak, and
    the two sides of the sheet catch a little different light. Ink gets lighter by `ink_lift` of
    the paper's shade (0: it lies in the same shade). Mask `fold`.
    """
    if angle_degrees is None:
        angle_degrees = float(rng.choice([0.0, 90.0]) + rng.normal(0, 2))
    cy, cx = _place(rng, page.shape)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]].astype(np.float32)
    angle = np.radians(angle_degrees)
    away = -(y - np.float32(cy)) * np.float32(np.cos(angle))
    away += (x - np.float32(cx)) * np.float32(np.sin(angle))
    away += np.float32(0.4 * width_px) * smooth(rng, page.shape, 30.0)
    near = away / np.float32(width_px)
    strength = 0.5 + 0.6 * uniform(rng, page.shape, 60.0)
    valley = np.exp(-np.square(near)) - 0.5 * np.exp(-np.square(near - 1.6))
    grey = np.float32(depth_grey) * valley * strength
    # Each side leans another way: a slow change of light that dies off from the crease.
    grey += np.float32(0.12 * depth_grey) * np.tanh(near) * np.exp(-np.abs(away) / 120)
    drawn = {"through": [round(cy, 1), round(cx, 1)], "angle_degrees": round(angle_degrees, 2)}
    return _darken(page, grey, ink_lift), drawn, {"fold": np.abs(near) < 2.0}


def wrinkles(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 18.0,
    size_px: float = 60.0,
    sharp: float = 0.7,
    stretch: float = 1.6,
    angle_degrees: float | None = None,
    ink_lift: float = 0.0,
) -> Result:
    """Crumpled paper under light from one side.

    The page is a landscape of facets `size_px` wide, `stretch` times as long as wide; light and
    shade are its slope towards the lamp, with a standard deviation of `depth_grey`. `sharp` 0
    gives soft waves, 1 hard creases. `ink_lift` as in `fold`.
    """
    if angle_degrees is None:
        angle_degrees = float(rng.uniform(0, 180))
    shape = page.shape
    lamp = np.radians(angle_degrees)
    land = smooth(rng, shape, size_px) + 0.3 * smooth(rng, shape, size_px / 3)
    slope_y = np.diff(land, axis=0, append=land[-1:])
    slope_x = np.diff(land, axis=1, append=land[:, -1:])
    waves = slope_y * np.float32(np.sin(lamp)) + slope_x * np.float32(np.cos(lamp))
    shade = np.float32((1 - sharp) / max(float(waves.std()), 1e-6)) * waves
    for part, weight in ((2.2, 0.7), (1.0, 0.8), (0.45, 0.35)):
        flat = facets(rng, shape, size_px * part, stretch, lamp)
        shade += np.float32(sharp * weight) * flat
    shade *= np.float32(depth_grey) / max(float(shade.std()), 1e-6)
    # Cut the few extreme facets; paper can shine only a little.
    grey = np.clip(shade, -2.0 * depth_grey, 3.0 * depth_grey)
    return _darken(page, grey, ink_lift), {"angle_degrees": round(angle_degrees, 2)}, {}


def ruling(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    depth_grey: float = 25.0,
    spacing_px: float = 60.0,
    width_px: float = 1.2,
    upright: bool = False,
) -> Result:
    """Faint ruled lines, `spacing_px` apart: part of the paper, not of the text. Mask `ruling`."""
    height, width = page.shape
    length, other = (width, height) if upright else (height, width)
    start, tilt = rng.uniform(0, spacing_px), rng.normal(0, 0.004)
    at = np.arange(length, dtype=np.float32)[:, None]
    at = at - np.float32(start) - np.float32(tilt) * np.arange(other, dtype=np.float32)[None]
    away = np.abs(np.mod(at + spacing_px / 2, spacing_px) - spacing_px / 2)
    line = np.clip(0.5 + width_px / 2 - away, 0, 1).astype(np.float32)
    line = line.T if upright else line
    line = line * (0.5 + 0.7 * uniform(rng, page.shape, 50.0))
    return _darken(page, np.float32(depth_grey) * line), {}, {"ruling": line > 0.1}
