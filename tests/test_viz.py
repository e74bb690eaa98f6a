"""Pictures: alt text always, light files, and sliders that need no kernel."""

import base64
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from docrestore import viz
from docrestore.viz import pictures


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would display."""
    outputs = []
    monkeypatch.setattr(viz, "display", lambda data, raw: outputs.append(data))
    return outputs


@pytest.fixture
def links(monkeypatch):
    """The links that the browser will keep, as (slider, stack)."""
    made = []

    def record(source, target):
        assert (source[1], target[1]) == ("index", "selected_index")
        made.append((source[0], target[0]))

    monkeypatch.setattr(viz.ipywidgets, "jsdlink", record)
    return made


def draw(k: float = 0.2, window: int = 15) -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().set_title(f"{k} {window}")
    return figure


def sources(markup: str) -> list[str]:
    return re.findall(r'src="data:image/\w+;base64,([^"]+)"', markup)


def alts(markup: str) -> list[str]:
    return re.findall(r'alt="([^"]*)"', markup)


def test_show_gives_one_image_with_alt_text_and_closes_the_figure(shown):
    figure, axis = plt.subplots()
    axis.plot([1, 2])
    viz.show(figure, 'A line & "two" points')
    markup = shown[0]["text/html"]
    assert alts(markup) == ["A line &amp; &quot;two&quot; points"]
    assert Image.open(io.BytesIO(base64.b64decode(sources(markup)[0]))).width > 300
    assert "max-width:100%" in markup
    assert not plt.get_fignums()


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_empty_alt_text_is_refused_everywhere(shown, alt):
    page = np.zeros((4, 4), np.uint8)
    for call in (
        lambda: viz.show(draw(), alt),
        lambda: viz.slider(draw, alt, k=[0.1]),
        lambda: viz.before_after(page, page, alt),
    ):
        with pytest.raises(ValueError, match="needs alt text"):
            call()
    assert not shown


def test_a_noisy_page_stays_light(shown):
    page = np.random.default_rng(0).integers(120, 255, (900, 700), dtype=np.uint8)
    viz.show(viz.compare({"degraded": page, "restored": page > 200, "clean": page}), "Noise")
    assert len(base64.b64decode(sources(shown[0]["text/html"])[0])) <= 1.2 * pictures.LIGHT


@pytest.mark.parametrize(
    "image",
    [
        np.ones((6, 4), bool),
        np.ones((6, 4), np.uint8) * 255,
        np.ones((1, 1, 6, 4), np.float32),
        np.ones((6, 4, 3)),
    ],
)
def test_images_of_every_form_become_white(image):
    pixels = pictures.page_image(image)
    assert pixels.dtype == np.uint8 and pixels.shape[:2] == (6, 4) and (pixels == 255).all()


@pytest.mark.parametrize("image", [np.zeros((2, 3, 4)), np.zeros(5), np.zeros((3, 3), np.int64)])
def test_what_is_no_image_is_refused_by_name(image):
    with pytest.raises(ValueError, match="stain must"):
        viz.compare({"stain": image})


def test_compare_has_a_title_for_each_image_and_can_zoom():
    page = np.arange(100, dtype=np.uint8).reshape(10, 10)
    figure = viz.compare({"a": page, "b": page, "c": page, "d": page}, columns=2, zoom=(2, 3, 4))
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "d"]
    cut = figure.axes[0].images[0].get_array()
    assert cut.shape == (4, 4) and cut[0, 0] == 23


def test_compare_takes_titles_twice_and_leaves_places_empty():
    page = np.zeros((4, 4), np.uint8)
    figure = viz.compare([("", None), ("clean", page), ("clean", page)])
    assert [len(axis.images) for axis in figure.axes] == [0, 1, 1]
    assert [axis.get_title() for axis in figure.axes] == ["", "clean", "clean"]
    with pytest.raises(ValueError, match="at least one image"):
        viz.compare([("", None)])


def test_curves_draw_what_was_asked_and_name_what_is_there():
    log = [{"step": s, "generator": 1 / (s + 1), "critic": 0.5, "seconds": s} for s in range(9)]
    axis = viz.curves(log).axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["generator", "critic"]
    assert len({line.get_linestyle() for line in axis.lines}) == 2, "colour is not all"
    smooth = viz.curves(log, ["generator"], smooth=3).axes[0].lines[1]
    assert smooth.get_xdata()[0] == 2
    assert smooth.get_ydata()[0] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    with pytest.raises(ValueError, match=r"no \['losss'\]; it has: \['generator', 'critic'\]"):
        viz.curves(log, ["losss"])
    with pytest.raises(ValueError, match="no rows"):
        viz.curves([])


def test_a_slider_holds_every_picture_and_is_linked_in_the_browser(links):
    box = viz.slider(draw, "Sauvola", k=[0.1, 0.2, 0.3])
    control, stack = box.children
    assert control.index == 1, "it starts at draw's own default"
    assert stack.selected_index == 1
    assert [alts(one.value) for one in stack.children] == [
        ["Sauvola (k 0.1)"],
        ["Sauvola (k 0.2)"],
        ["Sauvola (k 0.3)"],
    ]
    assert len({sources(one.value)[0] for one in stack.children}) == 3
    assert links == [(control, stack)]


def test_two_parameters_make_a_grid_of_pictures(links):
    box = viz.slider(draw, "Sauvola", window=[15, 31], k=[0.1, 0.2, 0.3])
    window, k, outer = box.children
    assert (window.index, k.index) == (0, 1)
    assert [[alts(one.value)[0] for one in inner.children] for inner in outer.children] == [
        [f"Sauvola (window {w}, k {one})" for one in (0.1, 0.2, 0.3)] for w in (15, 31)
    ]
    assert links == [*((k, inner) for inner in outer.children), (window, outer)]


@pytest.mark.parametrize("values", [{}, {"k": []}, {"a": [1], "b": [1], "c": [1]}])
def test_a_slider_wants_one_or_two_parameters(values):
    with pytest.raises(ValueError, match="one or two parameters"):
        viz.slider(draw, "Sauvola", **values)


def test_a_draw_without_return_is_told_so():
    with pytest.raises(ValueError, match="must return a matplotlib figure, got NoneType"):
        viz.slider(lambda k: None, "Nothing", k=[1])


def test_before_after_shows_both_images_and_a_labelled_range(shown):
    page = np.tile(np.arange(0, 200, dtype=np.uint8), (50, 10))
    viz.before_after(page, page > 90, "A letter")
    markup = shown[0]["text/html"]
    assert alts(markup) == ["A letter, after", "A letter, before"]
    assert 'type="range"' in markup and "aria-label" in markup
    assert Image.open(io.BytesIO(base64.b64decode(sources(markup)[0]))).width == pictures.WIDEST
    with pytest.raises(ValueError, match="one size"):
        viz.before_after(page, page[:9], "A letter")


def test_source_is_shown_with_one_gap_between_methods_and_two_between_functions():
    methods = viz.source(viz.Figure.get_size_inches, viz.Figure.get_figwidth).data
    assert methods.count("def ") == 2 and "\n\n    def get_figwidth" in methods
    assert "\n\n\ndef show" in viz.source(viz.compare, viz.show).data
