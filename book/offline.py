"""A Sphinx extension: what pages need to work offline, and without an error in the console."""

from sphinx.application import Sphinx

__all__ = ["setup"]

# embed.js asks MathJax 2 to set the formulas of a widget; the book has MathJax 3.
MATHJAX_2 = """addEventListener("DOMContentLoaded", () => {
  if (window.MathJax) MathJax.Hub = {Queue: job =>
    MathJax.startup.promise.then(() => MathJax.typesetPromise([job[2]]))};
});"""


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx, after the extensions of Jupyter Book."""
    app.connect("config-inited", drop_thebe)
    app.add_js_file(None, body=MATHJAX_2)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def drop_thebe(app: Sphinx, _config: object) -> None:
    """Disconnect sphinx-thebe: Jupyter Book always loads it, and it points to a public server."""
    for event, listeners in app.events.listeners.items():
        for listener in list(listeners):
            # Its style sheet is linked whatever one does, so what copies that may stay.
            if event != "builder-inited" and listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)
