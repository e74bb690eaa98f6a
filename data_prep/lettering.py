"""Letters on paper: the fonts of the book and of matplotlib, the words, and lines of both.

Lines are set word by word on a sheet of ink coverage (0 bare paper, 1 ink), so that a hand can
wander between words. `page_layouts` arranges lines into pages. Everything random comes from the
generator that is passed in.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from data_prep.fields import smooth

__all__ = ["FONTS", "Sheet", "Style", "font", "fonts", "passages", "plain", "words"]

FOLDER = Path(__file__).parent
KINDS = ("print", "type", "blackletter", "hand", "paper")

# name -> (file, kind). The kinds say what a font may stand for: on an old page, or on a paper of
# today. Those of the kind "paper" come with matplotlib, an installed package.
FONTS = {
    "garamond": ("eb-garamond-latin-400-normal", "print"),
    "garamond-italic": ("eb-garamond-latin-400-italic", "print"),
    "garamond-bold": ("eb-garamond-latin-700-normal", "print"),
    "old-standard": ("old-standard-tt-latin-400-normal", "print"),
    "old-standard-italic": ("old-standard-tt-latin-400-italic", "print"),
    "old-standard-bold": ("old-standard-tt-latin-700-normal", "print"),
    "stix": ("stix-two-text-latin-400-normal", "print"),
    "stix-italic": ("stix-two-text-latin-400-italic", "print"),
    "stix-bold": ("stix-two-text-latin-700-normal", "print"),
    "source-sans": ("source-sans-3-latin-400-normal", "print"),
    "source-sans-italic": ("source-sans-3-latin-400-italic", "print"),
    "source-sans-bold": ("source-sans-3-latin-700-normal", "print"),
    "barlow-bold": ("barlow-condensed-latin-700-normal", "print"),
    "courier": ("courier-prime-latin-400-normal", "type"),
    "courier-bold": ("courier-prime-latin-700-normal", "type"),
    "unifraktur": ("unifrakturcook-latin-700-normal", "blackletter"),
    "caveat": ("caveat-latin-400-normal", "hand"),
    "tangerine": ("tangerine-latin-700-normal", "hand"),
    "aurore": ("la-belle-aurore-latin-400-normal", "hand"),
    "pinyon": ("pinyon-script-latin-400-normal", "hand"),
    "cedarville": ("cedarville-cursive-latin-400-normal", "hand"),
    "times": ("STIXGeneral", "paper"),
    "times-italic": ("STIXGeneralItalic", "paper"),
    "times-bold": ("STIXGeneralBol", "paper"),
    "computer-modern": ("cmr10", "paper"),
    "computer-modern-bold": ("cmb10", "paper"),
    "computer-modern-sans": ("cmss10", "paper"),
    "computer-modern-type": ("cmtt10", "paper"),
}


def fonts(*kinds: str) -> list[str]:
    """Names of the fonts of these kinds (see KINDS), in a fixed order.

    Raises ValueError for an unknown kind.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"unknown kind of font {sorted(unknown)}; use {', '.join(KINDS)}.")
    return [name for name, (_, kind) in FONTS.items() if kind in kinds]


@lru_cache(maxsize=256)
def font(name: str, x_height: float) -> ImageFont.FreeTypeFont:
    """A font scaled so that its letter x is `x_height` px high. Raises ValueError if unknown."""
    if name not in FONTS:
        raise ValueError(f"no font is called {name!r}; use one of {', '.join(FONTS)}.")
    file, kind = FONTS[name]
    if kind == "paper":
        file = str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{file}.ttf"))
    else:
        file = str(FOLDER / "fonts" / f"{file}.woff")
    # The basic layout engine is the one that every Pillow has, so pages agree between machines.
    probe = ImageFont.truetype(file, 400, layout_engine=ImageFont.Layout.BASIC)
    _, top, _, bottom = probe.getbbox("x", anchor="ls")
    size = x_height * 400 / (bottom - top)
    return ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4)
def passages(split: str | None = None) -> tuple[str, ...]:
    """The passages of passages.txt; `train` and `test` share none, None gives all.

    Every fourth passage is kept for test pages, so that a network is never judged on words that
    it has seen.
    """
    text = (FOLDER / "passages.txt").read_text(encoding="utf-8")
    blocks = [b.split("\n", 1)[1] for b in text.split("\n\n") if not b.startswith("#")]
    kept = {None: (0, 1, 2, 3), "train": (0, 1, 2), "val": (0, 1, 2), "test": (3,)}
    if split not in kept:
        raise ValueError(f"unknown split {split!r}; use train, val, test or None.")
    return tuple(" ".join(b.split()) for i, b in enumerate(blocks) if i % 4 in kept[split])


def words(rng: np.random.Generator, split: str | None = None) -> Iterator[str]:
    """Words without end: passages in random order, the first one from a random word on."""
    texts = passages(split)
    start = True
    while True:
        text = texts[rng.integers(len(texts))].split(" ")
        yield from text[rng.integers(len(text)) if start else 0 :]
        start = False


def plain(source: Iterator[str]) -> Iterator[str]:
    """The same words without accents: Computer Modern has the letters of ASCII alone."""
    for word in source:
        letters = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
        if letters:
            yield letters


@dataclass(frozen=True)
class Style:
    """How a run of lines is set. Lengths in px unless said otherwise."""

    font: str
    x_height: float
    leading: float  # from baseline to baseline, in x-heights
    stroke: float = 0.0  # extra width on each side of every stroke
    align: str = "ragged"  # ragged, justified, centred
    wander: float = 0.0  # of a word off its baseline, standard deviation, in x-heights
    indent: float = 2.0  # of a paragraph's first line, in x-heights


class Sheet:
    """Ink coverage (H, W) being filled; 0 is bare paper, 255 is ink."""

    def __init__(self, size: tuple[int, int], rng: np.random.Generator):
        self.height, self.width = size
        self.rng = rng
        self.image = Image.new("L", (self.width, self.height), 0)
        self.draw = ImageDraw.Draw(self.image)

    def word(self, x: float, y: float, text: str, style: Style, x_height: float = 0.0) -> float:
        """Write `text` with its baseline at (x, y); return its width."""
        face = font(style.font, round(x_height or style.x_height, 1))
        drop = self.rng.normal(0, style.wander * style.x_height) if style.wander else 0.0
        self.draw.text(
            (x, y + drop), text, fill=255, font=face, anchor="ls", stroke_width=style.stroke
        )
        return face.getlength(text)

    def line(self, x: float, y: float, width: float, line: list[str], style: Style) -> None:
        """Write a list of words from x on, spread over `width` as the style's align says."""
        face = font(style.font, round(style.x_height, 1))
        lengths = [face.getlength(word) for word in line]
        space = face.getlength(" ") + style.stroke
        slack = width - sum(lengths) - space * (len(line) - 1)
        if style.align == "justified" and len(line) > 1 and slack < 0.35 * width:
            space += slack / (len(line) - 1)
        elif style.align == "centred":
            x += slack / 2
        for word, length in zip(line, lengths, strict=True):
            self.word(x, y, word, style)
            loose = 1 + (self.rng.normal(0, 0.15) if style.wander else 0.0)
            x += length + space * max(0.5, loose)

    def fill(
        self,
        source: Iterator[str],
        box: tuple[float, float, float, float],
        style: Style,
        lines: int | None = None,
        paragraph: float = 0.1,
    ) -> float:
        """Fill box (left, top, right, bottom) with words; return the y below the last line.

        `paragraph` is the chance that a line is the last of its paragraph.
        """
        left, top, right, bottom = box
        face = font(style.font, round(style.x_height, 1))
        space = face.getlength(" ") + style.stroke
        step = style.leading * style.x_height
        y, count, first = top + 1.6 * style.x_height, 0, True
        pending: str | None = None
        while y < bottom and (lines is None or count < lines):
            indent = style.indent * style.x_height if first and style.align != "centred" else 0.0
            ragged = 0.0
            if style.align == "ragged":
                ragged = abs(self.rng.normal(0, 0.03)) * (right - left)
            width = right - left - indent - ragged
            last = self.rng.random() < paragraph
            limit = width * (self.rng.uniform(0.3, 0.9) if last else 1.0)
            line, used = [], 0.0
            while True:
                word = pending or next(source)
                length = face.getlength(word)
                if line and used + space + length > limit:
                    pending = word
                    break
                line.append(word)
                used += length + (space if len(line) > 1 else 0.0)
                pending = None
            self.line(left + indent, y, width, line, style)
            y, count, first = y + step, count + 1, last
        return y - 1.6 * style.x_height

    def rule(self, x0: float, y0: float, x1: float, y1: float, thickness: float = 1.0) -> None:
        """Draw a straight inked line; `thickness` in px, at least 1."""
        self.draw.line((x0, y0, x1, y1), fill=255, width=max(1, round(thickness)))

    def coverage(
        self, *, slant: float = 0.0, turn: float = 0.0, wobble: float = 0.0, scale: float = 12.0
    ) -> np.ndarray:
        """The sheet as float32 (H, W) in [0, 1], after the movements of a hand.

        `slant` and `turn` are degrees; `wobble` px is the standard deviation of a smooth shift
        with features of `scale` px, which makes no two letters alike.
        """
        ink = np.asarray(self.image, np.float32) / 255
        if not (slant or turn or wobble):
            return ink
        y, x = np.mgrid[: self.height, : self.width].astype(np.float32)
        centre_y, centre_x = self.height / 2, self.width / 2
        shear, angle = np.tan(np.radians(slant)), np.radians(turn)
        dx, dy = x - centre_x, y - centre_y
        source_x = centre_x + dx * np.cos(angle) + dy * np.sin(angle) + shear * dy
        source_y = centre_y - dx * np.sin(angle) + dy * np.cos(angle)
        if wobble:
            shape = ink.shape
            source_x += wobble * smooth(self.rng, shape, scale)
            source_y += 0.6 * wobble * smooth(self.rng, shape, scale)
            # A slow wave bends whole lines, as an unruled line does.
            source_y += 1.5 * wobble * smooth(self.rng, shape, 25 * scale)
        moved = ndimage.map_coordinates(ink, [source_y, source_x], order=1, mode="constant")
        return np.clip(moved, 0, 1)
