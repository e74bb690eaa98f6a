"""An image or a figure as an <img> of a page: light, with alt text, whatever form it came in."""

import base64
import html
import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

__all__ = ["WIDEST", "encode", "encode_image", "img", "page_image", "shrink"]

DPI = 110
WIDEST = 900  # pixels, of an image shown without a figure around it
LIGHT = 100_000  # bytes that one picture should stay under
SMALL = 30_000  # bytes up to which a grey one stays exact
STYLE = "max-width:100%;height:auto;background:#fff;border-radius:4px"


def page_image(image: NDArray[Any], title: str = "image") -> NDArray[np.uint8]:
    """An image as uint8 (H, W) or (H, W, 3), whichever of the book's forms it came in.

    Tensors of shape (1, 1, H, W) or (1, H, W) are taken as (H, W).

    >>> page_image(np.array([[True, False]])), page_image(np.array([[0.5, 1.2]]))
    (array([[255,   0]], dtype=uint8), array([[128, 255]], dtype=uint8))
    """
    array = np.asarray(image)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or 0 in array.shape:
        raise ValueError(
            f"{title} must have shape (H, W) or (H, W, 3), got {np.asarray(image).shape}."
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool or np.issubdtype(array.dtype, np.floating):
        return np.rint(np.clip(array.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    raise ValueError(f"{title} must be bool, uint8 in 0..255 or float in 0..1, got {array.dtype}.")


def img(source: str, alt: str) -> str:
    """An <img> with alt text; an empty one is refused, since nobody would notice later."""
    if not alt.strip():
        raise ValueError("Every picture needs alt text: say in a sentence what it shows.")
    # `dark-light` tells the book's theme that the picture is right as it is in dark mode.
    return f'<img class="dark-light" src="{source}" alt="{html.escape(alt)}" style="{STYLE}">'


def encode(figure: Figure) -> str:
    """A figure as a data URI, on white, at the book's resolution."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return encode_image(np.asarray(Image.open(buffer).convert("RGB")))


def encode_image(pixels: NDArray[np.uint8]) -> str:
    """Pixels as a data URI: PNG, or WebP where noise would make the PNG heavy.

    Pages are grey and full of soft edges: as WebP of quality 90 they take a third of the bytes, and
    differ by half a grey level on average. A page of the book with sliders holds a hundred.
    """
    picture = Image.fromarray(pixels)
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        picture = picture.convert("L")
    data, kind = save(picture, "PNG"), "png"
    if len(data) > (SMALL if picture.mode == "L" else LIGHT):
        for quality in (90, 75, 60):
            data, kind = save(picture, "WEBP", quality), "webp"
            if len(data) <= LIGHT:
                break
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def shrink(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image at most WIDEST pixels wide, each pixel the mean of those it stands for."""
    height, width = pixels.shape[:2]
    if width <= WIDEST:
        return pixels
    size = (WIDEST, max(1, round(height * WIDEST / width)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def save(picture: Image.Image, form: str, quality: int = 90) -> bytes:
    """The bytes of a picture in a file format."""
    buffer = io.BytesIO()
    picture.save(buffer, form, quality=quality)  # optimize=True: 4 % lighter, ten times slower
    return buffer.getvalue()
