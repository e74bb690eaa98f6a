"""Built pages in a headless browser: sliders move, nothing is fetched, pictures have words.

By default a small sample book is made and looked at. With BOOK_HTML=book/_build/html every page
of the real book is looked at too; `make check-book` does that.
"""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sample_book

from docrestore.paths import here

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
ADVICE = (
    "No Chromium is installed, so the built pages were not tested. "
    "Install it (Debian, Ubuntu: apt-get install chromium) and run `make test` again."
)
REAL = here(os.environ["BOOK_HTML"]) if os.environ.get("BOOK_HTML") else None
REAL_PAGES = sorted(REAL.rglob("*.html")) if REAL else []
REAL_PAGES = [
    path
    for path in REAL_PAGES
    if path.name not in ("genindex.html", "search.html") and "_static" not in path.parts
]


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        if os.environ.get("CI"):
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        one = play.chromium.launch(executable_path=found, args=FLAGS)
        yield one
        one.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory, browser) -> Path:
    return sample_book.make(tmp_path_factory.mktemp("sample"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):
        pass


@pytest.fixture(scope="module")
def served(sample) -> Iterator[str]:
    """The sample book over HTTP, as on any static host."""
    handler = functools.partial(Quiet, directory=sample)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Visit:
    """A page opened in the browser, with what it asked for and complained about."""

    def __init__(self, browser, url: str, base: str, width: int = 1200) -> None:
        self.asked, self.errors = [], []
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(request.url))
        self.page.goto(url, wait_until="load")
        if self.page.locator("script[type='application/vnd.jupyter.widget-view+json']").count():
            self.page.wait_for_selector(".noUi-handle, .jupyter-widgets", timeout=20_000)
        self.page.wait_for_timeout(300)
        self.base = base

    def outside(self) -> list[str]:
        """Requests that would leave the machine."""
        inside = (self.base, "data:", "blob:")
        return [url for url in self.asked if not url.startswith(inside)]

    def without_alt(self) -> list[str]:
        """Images that say nothing to someone who does not see them."""
        script = "all => all.filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 150))"
        return self.page.locator("img").evaluate_all(script)

    def too_wide(self) -> list[str]:
        """What reaches over the right edge of the page."""
        return self.page.evaluate(
            "() => document.documentElement.scrollWidth <= innerWidth + 1 ? [] :"
            "[...document.querySelectorAll('article *')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 120)).slice(0, 5)"
        )


@pytest.fixture(params=["http", "file"])
def visit(request, browser, sample) -> Iterator[Visit]:
    base = request.getfixturevalue("served") if request.param == "http" else sample.as_uri()
    one = Visit(browser, f"{base}/_executed/sample.html", base)
    yield one
    one.context.close()


SHOWN = """() => [...document.querySelectorAll('.noUi-handle')].map(handle => {
    let box = handle.closest('.widget-vbox');
    return [...box.querySelectorAll('img')].filter(i => i.offsetParent).map(i => i.alt).join('|');
})"""


def test_a_slider_moved_by_keyboard_changes_its_picture(visit):
    handles = visit.page.locator(".noUi-handle")
    assert handles.count() == 3
    assert visit.page.evaluate(SHOWN)[0] == "A triangle (k 0.2)"
    source = "() => [...document.querySelectorAll('img')].filter(i => i.offsetParent)[1].src"
    before = visit.page.evaluate(source)
    handles.nth(0).focus()
    visit.page.keyboard.press("ArrowRight")
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate(SHOWN)[0] == "A triangle (k 0.4)"
    assert visit.page.evaluate(source) != before


def test_two_sliders_choose_from_a_grid(visit):
    handles = visit.page.locator(".noUi-handle")
    seen = [visit.page.evaluate(SHOWN)[1]]
    for number in (1, 2):
        handles.nth(number).focus()
        visit.page.keyboard.press("ArrowRight")
        visit.page.wait_for_timeout(300)
        seen.append(visit.page.evaluate(SHOWN)[1])
    assert seen == [
        "Triangles (window 3, k 0.2)",
        "Triangles (window 5, k 0.2)",
        "Triangles (window 5, k 0.4)",
    ]


def test_before_and_after_move_by_keyboard(visit):
    clip = "() => document.querySelector('[style*=clip-path]').style.clipPath"
    before = visit.page.evaluate(clip)
    visit.page.locator("input[type=range]").focus()
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.evaluate(clip) != before


def test_nothing_is_fetched_from_elsewhere(visit):
    assert visit.outside() == []
    assert visit.errors == []


def test_every_image_has_alt_text(visit):
    assert visit.page.locator("img").count() >= 3
    assert visit.without_alt() == []


def test_formulas_are_set_offline(visit):
    visit.page.wait_for_selector("mjx-container", timeout=10_000)


def test_a_solution_is_folded_and_opens(visit):
    answer = visit.page.get_by_text("three corners", exact=True)
    assert not answer.is_visible()
    visit.page.get_by_text("Show the solution").first.click()
    answer.wait_for(state="visible", timeout=5000)
    assert visit.page.locator(".exercise").count() == 1
    assert "Look at it" not in visit.page.locator(".exercise").inner_text()


def test_a_page_fits_a_phone(browser, sample):
    visit = Visit(browser, f"{sample.as_uri()}/_executed/sample.html", sample.as_uri(), width=390)
    assert visit.too_wide() == []
    widths = visit.page.locator("img:visible").evaluate_all("all => all.map(i => i.width)")
    assert widths and all(200 < width <= 390 for width in widths), widths
    visit.context.close()


def test_figures_stay_as_they_are_in_dark_mode(visit):
    visit.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    style = visit.page.locator("img:visible").first.evaluate(
        "i => [getComputedStyle(i).filter, getComputedStyle(i).backgroundColor]"
    )
    assert style == ["none", "rgb(255, 255, 255)"]


def test_the_search_page_finds_a_word(browser, sample):
    url = f"{sample.as_uri()}/search.html?q=corners"
    visit = Visit(browser, url, sample.as_uri())
    visit.page.wait_for_selector("#search-results a", timeout=10_000)
    assert visit.outside() == []
    visit.context.close()


@pytest.mark.skipif(REAL is None, reason="set BOOK_HTML to look at the pages of the real book")
@pytest.mark.parametrize("path", REAL_PAGES, ids=lambda path: path.stem)
def test_each_page_of_the_real_book(browser, path):
    for width in (1200, 390):
        visit = Visit(browser, path.as_uri(), REAL.as_uri(), width)
        assert visit.outside() == [] and visit.errors == []
        assert visit.without_alt() == []
        assert visit.too_wide() == []
        visit.context.close()


@pytest.mark.skipif(REAL is None, reason="set BOOK_HTML to look at the pages of the real book")
@pytest.mark.parametrize("path", REAL_PAGES, ids=lambda path: path.stem)
def test_each_slider_of_the_real_book_changes_its_picture(browser, path):
    visit = Visit(browser, path.as_uri(), REAL.as_uri())
    handles = visit.page.locator(".noUi-handle")
    for number in range(handles.count()):
        before = visit.page.evaluate(SHOWN)[number]
        handles.nth(number).focus()
        visit.page.keyboard.press("ArrowRight")
        visit.page.wait_for_timeout(200)
        if visit.page.evaluate(SHOWN)[number] == before:  # it may stand at its right end
            visit.page.keyboard.press("ArrowLeft")
            visit.page.wait_for_timeout(200)
        assert visit.page.evaluate(SHOWN)[number] != before, f"slider {number} moves nothing"
    visit.context.close()
