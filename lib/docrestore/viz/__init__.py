"""Pictures for the pages: figures with alt text, comparisons, curves, sliders without a kernel.

Every picture goes into the page as one light image with alt text. A slider draws all its
pictures beforehand; the browser only chooses among them, so that it also moves in a built page,
offline and from file://.
"""

import html
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import ipywidgets
import numpy as np
from IPython.display import Code, display
from matplotlib.figure import Figure
from numpy.typing import NDArray

from docrestore.viz.pictures import WIDEST, encode, encode_image, img, page_image, shrink

__all__ = ["PALETTE", "before_after", "compare", "curves", "show", "slider", "source"]

# Okabe and Ito, "Color Universal Design" (2008): told apart with any common colour vision.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
LINES = ["-", "--", "-.", ":"]  # so that colour is never the only difference
WIDTH = 7.4  # inches, the text column of the book


def show(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook as an image with alt text, and release it.

    Args:
        figure: any matplotlib figure.
        alt: what the picture shows, for those who cannot see it; required.

    Raises:
        ValueError: the alt text is empty.
    """
    markup = img(encode(figure), alt)
    display({"text/html": markup, "text/plain": alt}, raw=True)
    close(figure)


def compare(
    images: Mapping[str, NDArray[Any]] | Sequence[tuple[str, NDArray[Any] | None]],
    *,
    columns: int = 3,
    zoom: tuple[int, int, int] | None = None,
) -> Figure:
    """Images side by side under their titles, all in one scale of grey.

    Args:
        images: title -> (H, W) or (H, W, 3); bool, uint8 in 0..255, or float in 0..1. Or pairs of
            a title and an image, where titles come twice; None leaves a place empty.
        columns: images in a row; more images make more rows.
        zoom: (top, left, size) in pixels cuts the same square out of each image.

    Raises:
        ValueError: no images, or an array that is not an image.
    """
    pairs = list(images.items() if isinstance(images, Mapping) else images)
    arrays = [None if image is None else page_image(image, title) for title, image in pairs]
    if not any(array is not None for array in arrays):
        raise ValueError("compare wants at least one image, such as {'degraded': page}.")
    if zoom:
        top, left, size = zoom
        arrays = [a if a is None else a[top : top + size, left : left + size] for a in arrays]
    columns = min(columns, len(arrays))
    rows = -(-len(arrays) // columns)
    cell = WIDTH / columns
    tall = max(array.shape[0] / array.shape[1] for array in arrays if array is not None)
    figure = Figure(figsize=(WIDTH, rows * (cell * min(tall, 2.5) + 0.35)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (title, _), array in zip(axes.flat, pairs, arrays, strict=False):
        if array is not None:
            axis.imshow(array, cmap="gray", vmin=0, vmax=255)
            axis.set_title(title, fontsize=12)
    return figure


def source(*things: Any) -> Code:
    """The source of functions, methods and classes, one below the other, in colour."""
    gap = "\n" if all("." in thing.__qualname__ for thing in things) else "\n\n"
    return Code(gap.join(map(inspect.getsource, things)), language="python")


def curves(
    log: Sequence[Mapping[str, float]],
    names: Sequence[str] | None = None,
    *,
    smooth: int = 1,
    logarithmic: bool = False,
) -> Figure:
    """The numbers of a training log over its steps, one panel for all.

    Args:
        log: rows such as {"step": 10, "generator": 3.2}, as `training.fit` returns them.
        names: which columns, in this order; by default every column but step and time.
        smooth: rows in a running mean; the raw values stay visible behind it.
        logarithmic: whether the vertical axis is.

    Raises:
        ValueError: an empty log, or a name that it does not have.
    """
    have = [key for key in (log[0] if log else {}) if key not in ("step", "seconds", "time")]
    wanted = list(names or have)
    unknown = [name for name in wanted if name not in have]
    if unknown or not wanted:
        raise ValueError(f"The log has no {unknown if have else 'rows'}; it has: {have}.")
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axis = figure.subplots()
    steps = np.array([row["step"] for row in log])
    for name, color, line in zip(wanted, cycle(PALETTE), cycle(LINES), strict=False):
        values = np.array([row[name] for row in log], dtype=float)
        window = min(smooth, len(values))
        if window > 1:
            axis.plot(steps, values, color=color, alpha=0.25, linewidth=1)
            values = np.convolve(values, np.ones(window) / window, "valid")
        label = name.replace("_", " ")
        axis.plot(steps[window - 1 :], values, line, color=color, label=label, linewidth=1.8)
    axis.set_xlabel("step", fontsize=12)
    axis.tick_params(labelsize=11)
    axis.grid(alpha=0.25)
    if logarithmic:
        axis.set_yscale("log")
    if len(wanted) == 1:
        axis.set_ylabel(wanted[0].replace("_", " "), fontsize=12)
    else:
        axis.legend(fontsize=11, frameon=False)
    return figure


def slider(
    draw: Callable[..., Figure], alt: str, **values: Sequence[float | str]
) -> ipywidgets.VBox:
    """A slider over pictures that are all drawn now; with two parameters, two sliders.

    Show the figure once without it first: an error in `draw` is then a plain error.

    Args:
        draw: makes the figure; called with each value by name, as `draw(k=0.2)`.
        alt: what the pictures show; each gets its own value added.
        **values: one or two parameters and the values to draw. The slider starts at the default
            that `draw` gives to the parameter, when it is among the values.

    Returns:
        The widget; as the last line of a cell it shows itself.

    Raises:
        ValueError: no parameter or more than two, no values, an empty alt text, or a `draw` that
            does not return a figure.
    """
    if len(values) not in (1, 2) or not all(len(choices) for choices in values.values()):
        raise ValueError(
            "slider wants one or two parameters with the values to draw, such as "
            f"k=[0.1, 0.2, 0.3], got {values}."
        )
    names = list(values)
    defaults = inspect.signature(draw).parameters
    controls = [
        control(name, list(choices), defaults[name].default if name in defaults else None)
        for name, choices in values.items()
    ]
    first, *second = names
    pictures: list[Any] = []
    for one in values[first]:
        if second:
            row = [frame(draw, alt, {first: one, second[0]: two}) for two in values[second[0]]]
            pictures.append(chooser(row, controls[1]))
        else:
            pictures.append(frame(draw, alt, {first: one}))
    return ipywidgets.VBox([*controls, chooser(pictures, controls[0])])


def control(name: str, choices: list[Any], default: object) -> ipywidgets.SelectionSlider:
    """The slider for one parameter."""
    labels = [f"{one:.6g}" if isinstance(one, float) else str(one) for one in choices]
    return ipywidgets.SelectionSlider(
        options=list(zip(labels, choices, strict=True)),
        index=choices.index(default) if default in choices else 0,
        description=name.replace("_", " ").strip(),  # lambda_ as lambda
        style={"description_width": "initial"},
        layout={"width": "min(30rem, 100%)"},
    )


def chooser(children: list[Any], by: ipywidgets.SelectionSlider) -> ipywidgets.Stack:
    """A stack that shows the child at the slider's position; the browser keeps the link."""
    stack = ipywidgets.Stack(children, selected_index=by.index)
    ipywidgets.jsdlink((by, "index"), (stack, "selected_index"))
    return stack


def frame(draw: Callable[..., Figure], alt: str, at: dict[str, Any]) -> ipywidgets.HTML:
    """One picture of a slider, with its values in the alt text."""
    figure = draw(**at)
    if not isinstance(figure, Figure):
        raise ValueError(
            f"A slider's draw must return a matplotlib figure, got {type(figure).__name__}. "
            "End it with: return figure"
        )
    where = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in at.items())
    picture = ipywidgets.HTML(img(encode(figure), f"{alt} ({where})" if alt.strip() else ""))
    close(figure)
    return picture


def before_after(degraded: NDArray[Any], restored: NDArray[Any], alt: str) -> None:
    """Two images of one page on top of each other, with a handle that moves the border.

    Args:
        degraded: shown on the left of the handle; the forms that `compare` takes.
        restored: shown on the right; the same height and width.
        alt: what the page is; "before" and "after" are added.

    Raises:
        ValueError: different sizes, or an empty alt text.
    """
    left, right = page_image(degraded, "degraded"), page_image(restored, "restored")
    if left.shape[:2] != right.shape[:2]:
        raise ValueError(
            f"degraded and restored must have one size, got {left.shape} and {right.shape}."
        )
    over = img(encode_image(shrink(left)), f"{alt}, before" if alt.strip() else "")
    under = img(encode_image(shrink(right)), f"{alt}, after" if alt.strip() else "")
    clip = "this.previousElementSibling.lastElementChild.style.clipPath"
    markup = (
        f'<div style="max-width:{min(left.shape[1], WIDEST)}px">'
        f'<div style="position:relative;line-height:0">{under}'
        f'<div style="position:absolute;inset:0;clip-path:inset(0 50% 0 0)">{over}</div></div>'
        '<input type="range" min="0" max="100" value="50" style="width:100%;margin:.5rem 0" '
        f'aria-label="{html.escape(alt)}: where before meets after" '
        f"oninput=\"{clip}='inset(0 '+(100-this.value)+'% 0 0)'\"></div>"
    )
    display({"text/html": markup, "text/plain": f"{alt}, before and after"}, raw=True)


def close(figure: Figure) -> None:
    """Release a figure that pyplot keeps, so that it is not shown a second time."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)
