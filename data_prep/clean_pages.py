"""Clean pages, in print or by hand, before anything happened to them.

`draw_page` is a function of its generator alone. A page is float32 (H, W): paper 1, ink 0, the
edges of letters in between (their coverage).
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from data_prep.fields import smooth
from data_prep.lettering import Sheet, Style, fonts, plain, words
from data_prep.page_layouts import LAYOUTS, OLD_LAYOUTS

__all__ = ["draw_page"]

TALL = ("pinyon", "tangerine")  # scripts with small bodies and long limbs: lines further apart


def draw_page(
    rng: np.random.Generator,
    size: tuple[int, int] = (768, 1024),
    *,
    kind: str | None = None,
    x_height: tuple[float, float] | None = None,
    layout: str | None = None,
    faces: Sequence[str] | None = None,
    split: str | None = None,
    fine: int = 1,
) -> np.ndarray:
    """Draw one clean page, float32 (H, W): paper 1, ink 0.

    `kind` is print, type, blackletter or hand, `layout` one of LAYOUTS, `faces` the fonts to
    choose from; None leaves the choice to the generator. `x_height` is the range in px of the
    main text (default 9 to 26 in print, 14 to 40 by hand). `split` chooses the words
    (`lettering.passages`). `fine` draws that many times larger and averages, as a page that was
    rendered or scanned at a higher resolution: letters then lie between pixels. Raises
    ValueError for an unknown name.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ValueError(f"no layout is called {layout!r}; use one of {', '.join(LAYOUTS)}.")
    if kind is None:
        kind = str(rng.choice(["print", "hand", "blackletter", "type"], p=[0.38, 0.46, 0.1, 0.06]))
    by_hand = kind == "hand"
    low, high = x_height or ((14, 40) if by_hand else (9, 26))
    height = fine * float(np.exp(rng.uniform(np.log(low), np.log(high))))
    name = str(rng.choice(list(faces or fonts(kind))))
    style = Style(
        font=name,
        x_height=height,
        leading=float(rng.uniform(2.6, 4.2) if by_hand else rng.uniform(2.1, 3.2))
        * (1.35 if name in TALL else 1.0),
        stroke=_stroke(rng, name, height),
        align="ragged" if by_hand else str(rng.choice(["justified", "ragged"], p=[0.8, 0.2])),
        wander=float(rng.uniform(0.02, 0.12)) if by_hand else 0.0,
    )
    sheet = Sheet((size[0] * fine, size[1] * fine), rng)
    layout = layout or str(rng.choice(OLD_LAYOUTS, p=[0.32, 0.16, 0.18, 0.12, 0.1, 0.12]))
    source = words(rng, split)
    if name.startswith("computer-modern"):
        source = plain(source)
    LAYOUTS[layout](sheet, source, style)
    if by_hand:
        ink = sheet.coverage(
            slant=float(rng.normal(4, 7)),
            turn=float(rng.normal(0, 1.2)),
            wobble=float(rng.uniform(0.02, 0.06)) * height,
            scale=float(rng.uniform(0.7, 1.4)) * height,
        )
        ink = _pressure(ink, rng, amount=float(rng.uniform(0.2, 1.0)), scale=height)
    else:
        ink = sheet.coverage(turn=float(rng.normal(0, 0.4)) if rng.random() < 0.5 else 0.0)
    if fine > 1:
        ink = ink.reshape(size[0], fine, size[1], fine).mean((1, 3), dtype=np.float32)
    return (1 - ink).astype(np.float32)


def _stroke(rng: np.random.Generator, name: str, x_height: float) -> float:
    """Extra px on each side of a stroke: pens differ, and the thin scripts stay readable."""
    if name in ("tangerine", "pinyon", "aurore", "cedarville", "caveat"):
        return round(float(rng.uniform(0.0, 0.07)) * x_height, 2)
    return round(float(max(0.0, rng.normal(0.0, 0.012))) * x_height, 2)


def _pressure(ink: np.ndarray, rng: np.random.Generator, amount: float, scale: float) -> np.ndarray:
    """Widen strokes by 0 to `amount` px where the pen presses; it changes over `scale` px."""
    press = np.clip(0.5 + 0.5 * smooth(rng, ink.shape, scale), 0, 1) * np.float32(amount)
    wide = ndimage.maximum_filter(ink, footprint=np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]))
    return ink + press * (wide - ink)
