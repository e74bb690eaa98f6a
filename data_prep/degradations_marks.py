"""Marks on a page: stamps, seals and watermarks, of the port's recipe and of a wider one.

Each function takes a page, float32 (H, W) in [0, 1] with paper 1, and a generator; it returns the
new page, what the generator drew (for the passport), and the mask `mark`, bool (H, W): every
pixel that the mark touches. Grey levels count from 0 to 255.
"""

import numpy as np
from PIL import Image, ImageChops, ImageDraw
from scipy import ndimage

from data_prep.fields import smooth
from data_prep.lettering import font

__all__ = ["MODES", "PORT_WORDS", "SHAPES", "port_mark", "stamp", "watermark"]

Result = tuple[np.ndarray, dict[str, object], dict[str, np.ndarray]]
MODES = ("over", "multiply", "under")
SHAPES = ("plain", "box", "ring", "seal")
PORT_WORDS = (
    "CLASSIFIED", "TOP SECRET", "DO NOT COPY", "VERIFIED", "CONFIDENTIAL", "RIGHTS RESERVED",
    "PYTHON", "WATERMARKING", "COMPANY", "DRAFT",
)  # fmt: skip


def _word(text: str, face: str, letter_px: float, border_px: float = 0.0) -> Image.Image:
    """Text on its own small sheet of coverage; letters (as x) `letter_px` high, maybe framed."""
    type_ = font(face, max(1.0, round(letter_px, 1)))
    left, top, right, bottom = type_.getbbox(text)
    pad = int(np.ceil(2 + (3 * border_px if border_px else 0)))
    sheet = Image.new("L", (int(right - left) + 2 * pad + 1, int(bottom - top) + 2 * pad + 1), 0)
    draw = ImageDraw.Draw(sheet)
    draw.text((pad - left, pad - top), text, fill=255, font=type_)
    if border_px:
        box = (0, 0, sheet.width - 1, sheet.height - 1)
        draw.rectangle(box, outline=255, width=max(1, round(border_px)))
    return sheet


def _around(text: str, face: str, letter_px: float, radius: float) -> Image.Image:
    """A round seal: `text` along a circle between two rings, a star in the middle."""
    half = int(np.ceil(radius + 3 * letter_px))
    sheet = Image.new("L", (2 * half + 1, 2 * half + 1), 0)
    draw = ImageDraw.Draw(sheet)
    line = max(1, round(letter_px / 4))
    for ring in (radius - 0.8 * letter_px, radius + 2.2 * letter_px):
        draw.ellipse((half - ring, half - ring, half + ring, half + ring), outline=255, width=line)
    turns = np.arange(10) * np.pi / 5
    reach = np.where(np.arange(10) % 2, 0.2, 0.45) * radius
    star = [(half + r * np.sin(t), half - r * np.cos(t)) for r, t in zip(reach, turns, strict=True)]
    draw.polygon(star, fill=255)
    angle = -0.5 * len(text) * 1.25 * letter_px / radius
    for letter in text:
        glyph = _word(letter, face, letter_px).rotate(
            -np.degrees(angle), Image.Resampling.BICUBIC, expand=True
        )
        middle = radius + 0.7 * letter_px
        x = round(half + middle * np.sin(angle) - glyph.width / 2)
        y = round(half - middle * np.cos(angle) - glyph.height / 2)
        spot = (x, y, x + glyph.width, y + glyph.height)
        sheet.paste(ImageChops.lighter(sheet.crop(spot), glyph), spot)
        angle += 1.25 * letter_px / radius
    return sheet


def _shape(shape: str, text: str, face: str, letter_px: float) -> Image.Image:
    if shape == "plain":
        return _word(text, face, letter_px)
    if shape == "box":
        return _word(text, face, letter_px, border_px=letter_px / 6)
    circle = max(len(text) + 1, 9) * 1.25 * letter_px / (2 * np.pi)  # room for the whole text
    if shape == "ring":
        sheet = _word(text, face, letter_px)
        half = round(0.62 * max(sheet.size))
        ring = Image.new("L", (2 * half + 1, 2 * half + 1), 0)
        ImageDraw.Draw(ring).ellipse(
            (0, 0, 2 * half, 2 * half), outline=255, width=max(1, round(letter_px / 5))
        )
        ring.paste(sheet, (half - sheet.width // 2, half - sheet.height // 2))
        return ring
    if shape == "seal":
        return _around(text, face, letter_px, circle)
    raise ValueError(f"no mark has the shape {shape!r}; use one of {', '.join(SHAPES)}.")


def _laid(
    sheet: Image.Image, shape: tuple[int, int], centre: tuple[float, float], angle: float
) -> np.ndarray:
    """Turn a sheet by `angle` degrees and lay it on a page with its centre at (y, x)."""
    turned = sheet.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    page = Image.new("L", (shape[1], shape[0]), 0)
    page.paste(turned, (round(centre[1] - turned.width / 2), round(centre[0] - turned.height / 2)))
    return np.asarray(page, np.float32) / 255


def _paint(
    page: np.ndarray, cover: np.ndarray, grey: float, opacity: float, mode: str
) -> np.ndarray:
    """Paint `grey` on the page where `cover` is; the mode says how text and mark meet.

    `over`: the mark hides the text by `opacity`. `multiply`: like ink on ink, both darken.
    `under`: the paper carries the mark, the text lies on top and keeps its own grey.
    """
    level, cover = np.float32(grey / 255), cover * np.float32(opacity)
    if mode == "over":
        return page * (1 - cover) + level * cover
    if mode == "multiply":
        return page * (1 - cover * (1 - level))
    if mode == "under":
        paper = 1 - cover * (1 - level)
        return np.minimum(page, paper)
    raise ValueError(f"no mode is called {mode!r}; use one of {', '.join(MODES)}.")


def _finish(
    page: np.ndarray, cover: np.ndarray, grey: float, opacity: float, mode: str, drawn: dict
) -> Result:
    touched = cover * opacity > 0.5 / 255
    marked = _paint(page, cover * touched, grey, opacity, mode)
    return np.clip(marked, 0, 1).astype(np.float32), drawn, {"mark": touched}


def port_mark(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    text: str | None = None,
    face: str = "source-sans-bold",
    opacity: float | None = None,
) -> Result:
    """The mark of the PyTorch port, as it is there (spec 2.7), at this page's scale.

    One of ten words (or `text`) in sans letters of 250 to 350 px on a page 2500 px high, at a
    random place, with a thick frame in half of the cases; turned by 0 to 90 degrees (70 with a
    frame); in a random colour, of which grey remains; `opacity` 245 to 253 of 255, so that the
    text below is all but gone.
    """
    text = text or str(rng.choice(PORT_WORDS))
    size = float(rng.uniform(250, 350)) * max(page.shape) / 2500  # font size, not letter height
    framed = bool(rng.random() < 0.5)
    angle = float(rng.uniform(0, 70 if framed else 90))
    red, green, blue = rng.integers(0, 256, 3)
    grey = 0.299 * red + 0.587 * green + 0.114 * blue  # Pillow's own conversion to grey
    if opacity is None:
        opacity = float(rng.integers(245, 254)) / 255
    sheet = _word(text, face, 0.48 * size, border_px=size / 10 if framed else 0.0)
    centre = tuple(float(rng.uniform(0.15, 0.85)) * side for side in page.shape)
    cover = _laid(sheet, page.shape, centre, angle)
    drawn = {
        "text": text, "font_px": round(size, 1), "framed": framed, "angle_degrees": round(angle, 1),
        "grey": round(float(grey), 1), "opacity": round(opacity, 3),
    }  # fmt: skip
    return _finish(page, cover, float(grey), opacity, "over", drawn)


def watermark(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    text: str = "DRAFT",
    face: str = "source-sans-bold",
    letter_px: float = 60.0,
    grey: float = 150.0,
    opacity: float = 0.5,
    mode: str = "over",
    angle_degrees: float = 35.0,
    tiled: bool = False,
) -> Result:
    """Large pale words across the page, once or `tiled` all over.

    `letter_px` is the height of its small letters, `grey` its own level, `opacity` 0 to 1, `mode`
    one of MODES.
    """
    word = _word(text, face, letter_px)
    drawn: dict[str, object] = {}
    if tiled:
        gap = int(rng.uniform(0.5, 2.0) * letter_px) + 1
        reach = int(np.ceil(np.hypot(*page.shape))) + 2
        sheet = Image.new("L", (reach, reach), 0)
        for row, y in enumerate(range(0, reach, word.height + gap)):
            shift = (row % 2) * (word.width + gap) // 2
            for x in range(-shift, reach, word.width + gap):
                sheet.paste(word, (x, y))
        centre = (page.shape[0] / 2, page.shape[1] / 2)
        drawn["gap_px"] = gap
    else:
        sheet = word
        centre = tuple(float(rng.uniform(0.25, 0.75)) * side for side in page.shape)
        drawn["centre"] = [round(c, 1) for c in centre]
    cover = _laid(sheet, page.shape, centre, angle_degrees)
    return _finish(page, cover, grey, opacity, mode, drawn)


def stamp(
    page: np.ndarray,
    rng: np.random.Generator,
    *,
    text: str = "RECEIVED",
    face: str = "barlow-bold",
    shape: str = "box",
    letter_px: float = 22.0,
    grey: float = 90.0,
    opacity: float = 0.8,
    mode: str = "multiply",
    angle_degrees: float | None = None,
    wear: float = 0.4,
    blur_px: float = 0.0,
) -> Result:
    """A rubber stamp: framed words, a ring or a round seal, pressed unevenly.

    `shape` is one of SHAPES; `letter_px` the height of its small letters; `wear` 0 to 1 the part
    of the ink that did not reach the paper; `blur_px` how far it crept (standard deviation).
    """
    if angle_degrees is None:
        angle_degrees = float(rng.normal(0, 12))
    centre = tuple(float(rng.uniform(0.1, 0.9)) * side for side in page.shape)
    cover = _laid(_shape(shape, text, face, letter_px), page.shape, centre, angle_degrees)
    if blur_px:
        cover = ndimage.gaussian_filter(cover, blur_px, truncate=3)
    # Two scales: the edge that was not pressed down, and the grain of rubber and paper.
    press = 0.8 * smooth(rng, page.shape, 2.5 * letter_px) + 0.6 * smooth(rng, page.shape, 2.0)
    cover = cover * np.clip(1.3 - 1.2 * wear + 0.5 * wear * press, 0, 1)
    drawn = {"centre": [round(c, 1) for c in centre], "angle_degrees": round(angle_degrees, 1)}
    return _finish(page, cover, grey, opacity, mode, drawn)
