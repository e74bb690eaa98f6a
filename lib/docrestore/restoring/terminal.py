"""How a long command talks: sentences, and a progress bar with the time left."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Bar", "bar", "say", "shown"]


def shown(name: object) -> str:
    """A file's name as text that is safe to print on one line.

    >>> shown("a b 書.png"), shown("new\\nline"), shown("bad\\udcff")
    ('a b 書.png', 'new\\\\nline', 'bad\\\\udcff')
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(name))


def say(sentence: str) -> None:
    """One line on stderr."""
    print(shown(sentence), file=sys.stderr, flush=True)


class Bar:
    """What a batch tells about its progress; without a terminal, lines alone.

    Args:
        drawn: the bar of tqdm, or None.
    """

    def __init__(self, drawn: Any) -> None:
        self.drawn = drawn

    def advance(self, amount: float) -> None:
        """So much more of the total is done."""
        if self.drawn is not None:
            self.drawn.update(amount)

    def note(self, sentence: str) -> None:
        """A line that a bar makes needless."""
        if self.drawn is None:
            say(sentence)

    def say(self, sentence: str) -> None:
        """A line that must be seen."""
        if self.drawn is None:
            say(sentence)
        else:
            self.drawn.write(shown(sentence), file=sys.stderr)


@contextmanager
def bar(title: str, total: float) -> Iterator[Bar]:
    """A progress bar on stderr if that is a terminal.

    Args:
        title: what is being done.
        total: the sum of all that `advance` will be told.
    """
    if not sys.stderr.isatty():
        yield Bar(None)
        return
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f} % |{bar}| {elapsed} gone, {remaining} left"
    with tqdm(desc=title, total=total, bar_format=form, leave=False, dynamic_ncols=True) as drawn:
        yield Bar(drawn)
