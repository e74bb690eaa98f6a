"""How words lie on a page: prose, columns, letters, ledgers, titles, marginalia, reports.

A layout fills a sheet with words in a style. All that it decides comes from the sheet's generator.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from data_prep.lettering import Sheet, Style, fonts

__all__ = ["LAYOUTS", "OLD_LAYOUTS"]

BOLD = {
    "garamond": "garamond-bold",
    "old-standard": "old-standard-bold",
    "stix": "stix-bold",
    "source-sans": "source-sans-bold",
    "courier": "courier-bold",
    "times": "times-bold",
    "computer-modern": "computer-modern-bold",
}
ITALIC = {
    "garamond": "garamond-italic",
    "old-standard": "old-standard-italic",
    "stix": "stix-italic",
    "source-sans": "source-sans-italic",
    "times": "times-italic",
    "computer-modern": "times-italic",  # its own italics have no figures
}


def _symbols(style: Style) -> Style:
    """The style for bullets and signs: Computer Modern has them in fonts of their own."""
    return replace(style, font="times") if style.font.startswith("computer") else style


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
                bullet = f"[{k + number}]" if number % 2 else "•"
                sheet.word(left, y + 1.6 * x, bullet, _symbols(style))
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
    rng, unit, style = sheet.rng, style.x_height, _symbols(style)
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
