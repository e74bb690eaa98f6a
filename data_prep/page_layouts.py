"""Clean pages: prose, columns, letters, ledgers, titles and marginalia, in print or by hand.

`draw_page` is a function of its generator alone. A page is float32 (H, W): paper 1, ink 0, the
edges of letters in between (their coverage).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import ndimage

from data_prep.fields import smooth
from data_prep.lettering import Sheet, Style, fonts, words

__all__ = ["LAYOUTS", "draw_page"]

ITALIC = {
    "garamond": "garamond-italic",
    "old-standard": "old-standard-italic",
    "stix": "stix-italic",
    "source-sans": "source-sans-italic",
}
TALL = ("pinyon", "tangerine")  # scripts with small bodies and long limbs: lines further apart
BOLD = {
    "garamond": "garamond-bold",
    "old-standard": "old-standard-bold",
    "stix": "stix-bold",
    "source-sans": "source-sans-bold",
    "courier": "courier-bold",
}


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
    LAYOUTS[layout](sheet, words(rng, split), style)
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
        return round(float(rng.uniform(0.0, 0.055)) * x_height, 2)
    return round(float(max(0.0, rng.normal(0.0, 0.012))) * x_height, 2)


def _pressure(ink: np.ndarray, rng: np.random.Generator, amount: float, scale: float) -> np.ndarray:
    """Widen strokes by 0 to `amount` px where the pen presses; it changes over `scale` px."""
    press = np.clip(0.5 + 0.5 * smooth(rng, ink.shape, scale), 0, 1) * np.float32(amount)
    wide = ndimage.maximum_filter(ink, footprint=np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]))
    return ink + press * (wide - ink)


def _margins(sheet: Sheet) -> tuple[float, float, float, float]:
    """A text box; often cut by the page's edge, as patches of real pages are."""
    rng, h, w = sheet.rng, sheet.height, sheet.width
    left = rng.uniform(0.0, 0.12) * w
    right = w * (1 - rng.uniform(0.0, 0.1))
    return left, rng.uniform(-0.05, 0.12) * h, right, h * (1.05 - rng.uniform(0, 0.2))


def _scaled(style: Style, factor: float, **changes: object) -> Style:
    values = {**style.__dict__, "x_height": style.x_height * factor, **changes}
    values["stroke"] = round(style.stroke * factor, 2)
    return Style(**values)


def prose(sheet: Sheet, source: Iterator[str], style: Style) -> None:
    """A heading now and then, and paragraphs."""
    left, y, right, bottom = _margins(sheet)
    while y < bottom:
        if sheet.rng.random() < 0.4:
            head = _scaled(
                style,
                sheet.rng.uniform(1.1, 1.8),
                font=BOLD.get(style.font, style.font),
                align=str(sheet.rng.choice(["centred", "ragged"])),
                indent=0.0,
            )
            y = sheet.fill(source, (left, y, right, bottom), head, lines=1) + 0.4 * style.x_height
        count = int(sheet.rng.integers(4, 16))
        y = sheet.fill(source, (left, y, right, bottom), style, lines=count)
        y += sheet.rng.uniform(0, 2) * style.x_height


def columns(sheet: Sheet, source: Iterator[str], style: Style) -> None:
    """Two or three columns, sometimes parted by a rule."""
    left, top, right, bottom = _margins(sheet)
    wanted = int(sheet.rng.integers(2, 4))
    count = max(1, min(wanted, int((right - left) / (14 * style.x_height))))
    gap = 2.2 * style.x_height
    width = (right - left - gap * (count - 1)) / count
    ruled = sheet.rng.random() < 0.3
    for k in range(count):
        x = left + k * (width + gap)
        sheet.fill(source, (x, top, x + width, bottom), style)
        if ruled and k:
            sheet.rule(x - gap / 2, top, x - gap / 2, bottom, style.x_height / 12)


def letter(sheet: Sheet, source: Iterator[str], style: Style) -> None:
    """Place and date at the right, a salutation, ragged lines, a large signature."""
    rng = sheet.rng
    left, y, right, bottom = _margins(sheet)
    x = left + rng.uniform(0.45, 0.6) * (right - left)
    year = f"{rng.integers(1, 29)}. {rng.integers(1, 13)}. {rng.integers(1640, 1930)}"
    sheet.word(x, y + 1.6 * style.x_height, year, style)
    y = sheet.fill(source, (x, y + style.leading * style.x_height, right, bottom), style, lines=1)
    y += style.x_height
    body = Style(**{**style.__dict__, "align": "ragged"})
    while y < bottom - 5 * style.leading * style.x_height:
        y = sheet.fill(source, (left, y, right, bottom), body, lines=int(rng.integers(3, 9)))
    sign = _scaled(style, rng.uniform(1.2, 2.0), align="ragged", indent=0.0)
    x = left + rng.uniform(0.35, 0.55) * (right - left)
    y = sheet.fill(source, (x, y, right, sheet.height), sign, lines=int(rng.integers(1, 3)))


def ledger(sheet: Sheet, source: Iterator[str], style: Style) -> None:
    """Rows of a name and figures, with or without inked rules."""
    rng = sheet.rng
    left, top, right, bottom = _margins(sheet)
    step = style.leading * style.x_height
    count = int(np.clip((right - left) / (12 * style.x_height), 2, 5))
    first, last = left + rng.uniform(0.35, 0.5) * (right - left), right - 3 * style.x_height
    stops = np.linspace(first, last, count - 1) + rng.normal(0, 0.3, count - 1) * style.x_height
    y = top + 1.6 * style.x_height
    ruled = rng.random() < 0.25
    while y < bottom:
        sheet.line(left, y, right - left, [next(source) for _ in range(rng.integers(1, 4))], style)
        for stop in stops:
            if rng.random() < 0.85:
                figure = str(rng.integers(0, 10 ** int(rng.integers(1, 5))))
                mark = str(rng.choice(["", ".", ",", "/", "-", "£", "."]))
                sheet.word(stop, y, figure + mark, style)
        y += step
    if ruled:
        for stop in stops:
            x = stop - 0.8 * style.x_height
            sheet.rule(x, top, x, min(y, bottom), style.x_height / 14)


def title(sheet: Sheet, source: Iterator[str], style: Style) -> None:
    """Centred lines of several sizes, a few of them in capitals, then a block of prose."""
    rng = sheet.rng
    left, y, right, bottom = _margins(sheet)
    for _ in range(int(rng.integers(3, 8))):
        factor = float(np.exp(rng.uniform(np.log(0.9), np.log(3.0))))
        line = _scaled(style, factor, align="centred", leading=2.4)
        shout = rng.random() < 0.4
        text = (word.upper() if shout else word for word in source)
        y = sheet.fill(text, (left, y, right, bottom), line, lines=1, paragraph=0.6)
        y += rng.uniform(0, 1.5) * style.x_height
        if rng.random() < 0.15:
            middle, half = (left + right) / 2, rng.uniform(0.05, 0.3) * (right - left)
            sheet.rule(middle - half, y, middle + half, y, rng.uniform(1, 4))
            y += style.x_height
    sheet.fill(source, (left, y, right, bottom), style)


def marginalia(sheet: Sheet, source: Iterator[str], style: Style) -> None:
    """A block with a large initial, and small notes in the margin, by hand or in italics."""
    rng = sheet.rng
    left, top, right, bottom = _margins(sheet)
    note_width = rng.uniform(0.15, 0.25) * (right - left)
    at_left = rng.random() < 0.5
    inner = (left + note_width, right) if at_left else (left, right - note_width)
    outer = left if at_left else right - note_width + 1.5 * style.x_height
    first = next(source)[:1].upper()
    initial = _scaled(style, rng.uniform(2.0, 3.5))
    step = style.leading * style.x_height
    size = initial.x_height * 1.45  # height of a capital, about
    advance = sheet.word(inner[0], top + size, first, initial) + style.x_height
    y = top - 0.6 * style.x_height
    rows = int(np.ceil(size / step))
    y = sheet.fill(source, (inner[0] + advance, y, inner[1], bottom), style, lines=rows)
    sheet.fill(source, (inner[0], y, inner[1], bottom), style)
    hand = str(rng.choice(fonts("hand") + ["garamond-italic", "old-standard-italic"]))
    note = Style(font=hand, x_height=0.7 * style.x_height, leading=2.4, wander=0.04, indent=0.0)
    y = top + rng.uniform(0, 0.3) * (bottom - top)
    while y < bottom:
        box = (outer, y, outer + note_width - 1.5 * style.x_height, bottom)
        y = sheet.fill(source, box, note, lines=int(rng.integers(1, 5)))
        y += rng.uniform(2, 12) * style.x_height


def report(sheet: Sheet, source: Iterator[str], style: Style) -> None:
    """A paper of today: numbered headings, prose, bullets, references, formulas, boxes."""
    rng, x = sheet.rng, style.x_height
    left, y, right, bottom = _margins(sheet)
    number = int(rng.integers(1, 9))
    while y < bottom:
        part = str(
            rng.choice(["head", "prose", "list", "formula", "box"], p=[0.2, 0.35, 0.2, 0.2, 0.05])
        )
        if part == "head":
            head = _scaled(
                style, rng.uniform(1.0, 1.6), font=BOLD.get(style.font, style.font), indent=0.0
            )
            sheet.word(left, y + 1.6 * x, f"{number}.{rng.integers(1, 9)}", head)
            y = sheet.fill(source, (left + 4 * head.x_height, y, right, bottom), head, lines=1)
            number += 1
        elif part == "list":
            for k in range(int(rng.integers(2, 5))):
                sheet.word(left, y + 1.6 * x, f"[{k + number}]" if number % 2 else "•", style)
                box = (left + 4 * x, y, right, bottom)
                y = sheet.fill(source, box, _scaled(style, 1.0, indent=0.0), lines=2) + 0.5 * x
        elif part == "formula":
            y = _formula(sheet, y + x, left + rng.uniform(0.1, 0.3) * (right - left), right, style)
        elif part == "box":
            tall = rng.uniform(3, 9) * x
            shade = int(rng.choice([0, 30, 60]))
            frame = (left, y, right, y + tall)
            sheet.draw.rectangle(frame, fill=shade, outline=255, width=max(1, round(x / 8)))
            sheet.fill(source, (left + x, y, right - x, y + tall - x), style)
            y += tall
        else:
            y = sheet.fill(source, (left, y, right, bottom), style, lines=int(rng.integers(3, 9)))
        y += rng.uniform(0.3, 2.5) * x


def _formula(sheet: Sheet, y: float, x: float, right: float, style: Style) -> float:
    """A line of displayed mathematics, made of what Latin fonts have; returns the y below."""
    rng, unit = sheet.rng, style.x_height
    italic = _scaled(style, rng.uniform(1.0, 1.3), font=ITALIC.get(style.font, style.font))
    small = _scaled(italic, 0.7)
    base = y + 3 * unit
    while x < right - 6 * unit and rng.random() < 0.93:
        kind = rng.integers(6)
        if kind < 3:
            x += sheet.word(
                x, base, str(rng.choice(list("abcdfghijknmpqrstuvxyzABCDFGJKPSTX"))), italic
            )
            if rng.random() < 0.5:
                drop = unit * float(rng.choice([0.5, -0.9]))
                x += sheet.word(x, base + drop, str(rng.choice(list("ijknt012"))), small)
        elif kind == 3:
            x += sheet.word(
                x, base, str(rng.choice([" = ", " + ", " × ", " - ", " < ", "|", "·"])), style
            )
        elif kind == 4:
            x += sheet.word(
                x,
                base,
                str(rng.choice(["(", ")", "[", "]", "||", "{", "}", "±"])),
                _scaled(style, 1.5),
            )
        else:
            wide = unit * rng.uniform(2, 4)
            sheet.rule(x, base - 0.7 * unit, x + wide, base - 0.7 * unit, unit / 9)
            sheet.word(x + 0.3 * wide, base - 1.2 * unit, str(rng.integers(1, 99)), italic)
            sheet.word(
                x + 0.2 * wide, base + 1.2 * unit, str(rng.choice(list("knpN"))) + "!", italic
            )
            x += wide
        x += 0.25 * unit
    return base + 2 * unit


LAYOUTS: dict[str, Callable[[Sheet, Iterator[str], Style], None]] = {
    "prose": prose,
    "columns": columns,
    "letter": letter,
    "ledger": ledger,
    "title": title,
    "marginalia": marginalia,
    "report": report,
}
OLD_LAYOUTS = tuple(LAYOUTS)[:6]  # those that an old page may have
