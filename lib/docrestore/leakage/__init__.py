"""Is a page of the test set, or a piece of it, among the pages that a network was trained on?

A fingerprint is a short list of landmarks (`docrestore.leakage.landmarks`). Two pages are near
when enough landmarks look alike and lie in the same arrangement, up to scale, shift and a
left-right mirror. So a piece of a page is found as well, and two pages in the same type are not
taken for each other: their letters look alike, but lie elsewhere.
`leaks.toml` lists leaks that are known by name.
"""

import tomllib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from docrestore.leakage.landmarks import Landmarks, agreeing, landmarks, mirrored

__all__ = ["Conflict", "LeakageError", "check", "conflicts", "fingerprint", "near"]

KEPT = 96  # landmarks in a fingerprint
COARSE = 4.2  # pixels; half of them have this sigma or more, to survive a reduction to half size
AGREEING = 7  # landmarks in one arrangement that make two pages near

_RECORD = np.dtype([("x", "<u2"), ("y", "<u2"), ("sigma", "u1"), ("bits", "u1", (8,))])
_PLACE, _SIGMA = 4.0, 32.0  # steps a pixel, steps an octave


class LeakageError(ValueError):
    """A test page was seen in training; the message names the pairs."""


class Conflict(NamedTuple):
    """A test page, the training page it shares content with, and how that is known."""

    test: str
    trained: str
    why: str


def fingerprint(gray: np.ndarray) -> str:
    """A page's landmarks as hexadecimal digits, at most 2.5 kB.

    Args:
        gray: uint8 (H, W). A blank page has no landmarks and is near to nothing.
    """
    marks = landmarks(gray)
    coarse = np.flatnonzero(marks.sigma >= COARSE)[: KEPT // 2]
    others = np.setdiff1d(np.arange(len(marks.x)), coarse)[: KEPT - len(coarse)]
    keep = np.sort(np.concatenate([coarse, others]))
    record = np.zeros(len(keep), _RECORD)
    record["x"] = np.round(marks.x[keep] * _PLACE).clip(0, 65535)
    record["y"] = np.round(marks.y[keep] * _PLACE).clip(0, 65535)
    record["sigma"] = np.round(np.log2(marks.sigma[keep]) * _SIGMA).clip(0, 255)
    record["bits"] = np.packbits(marks.bits[keep].reshape(len(keep), 64), axis=1)
    return (min(marks.width, 65535).to_bytes(2, "little") + record.tobytes()).hex()


def near(a: str, b: str) -> bool:
    """Whether two fingerprints are of one page, or of a page and a large piece of it.

    Raises ValueError if a string is not a fingerprint.
    """
    first, second = _read(a), _read(b)
    return _agreement(first, (second, mirrored(second))) >= AGREEING


def conflicts(
    test: Iterable[tuple[str, *tuple[np.ndarray, ...]]], trained_on: Sequence[Sequence[str]]
) -> list[Conflict]:
    """Every pair of a test page and a training page that share content.

    The pages are compared, more closely than `near` can, and their names are looked up in the list
    of known leaks. Strong degradation hides landmarks: give the clean pages as well as the
    degraded ones where the same truth may come under another degradation.

    Args:
        test: ("set/id", uint8 (H, W), ...) of the pages to be tested on, one image or more each.
        trained_on: ("set/id", fingerprint, ...) of the pages trained on, as in a weights card.
    """
    known = [(name, [_read(mark) for mark in marks]) for name, *marks in trained_on]
    found = []
    for name, *images in test:
        seen = [landmarks(gray) for gray in images]
        views = [*seen, *(mirrored(marks) for marks in seen)]
        for other, theirs in known:
            why = _by_name(name, other)
            if not why and _by_name(name, other, "harmless"):
                continue
            count = 0 if why else max((_agreement(marks, views) for marks in theirs), default=0)
            if why or count >= AGREEING:
                found.append(Conflict(name, other, why or f"{count} landmarks agree"))
    return found


def check(
    test: Iterable[tuple[str, *tuple[np.ndarray, ...]]], trained_on: Sequence[Sequence[str]]
) -> None:
    """Raise LeakageError if a test page shares content with a training page; see `conflicts`."""
    if found := conflicts(test, trained_on):
        shown = "; ".join(f"{one.test} and {one.trained} ({one.why})" for one in found[:10])
        more = f"; and {len(found) - 10} more pairs" if len(found) > 10 else ""
        raise LeakageError(
            f"the network is tested on what it was trained on: {shown}{more}. "
            "Leave these pages out of the test or of the training."
        )


def _agreement(first: Landmarks, views: Iterable[Landmarks]) -> int:
    return max((agreeing(first, view) for view in views), default=0)


def _read(mark: str) -> Landmarks:
    try:
        data = bytes.fromhex(mark)
        record = np.frombuffer(data[2:], _RECORD)
    except (ValueError, TypeError):
        raise ValueError(
            f"{str(mark)[:20]!r} is not a fingerprint; make it with docrestore.leakage.fingerprint."
        ) from None
    return Landmarks(
        x=record["x"] / _PLACE,
        y=record["y"] / _PLACE,
        sigma=2.0 ** (record["sigma"] / _SIGMA),
        bits=np.unpackbits(record["bits"], axis=1).reshape(-1, 8, 8).astype(bool),
        width=int.from_bytes(data[:2], "little"),
    )


def _by_name(first: str, second: str, kind: str = "leak") -> str:
    """Why two pages are known to share content, or "" if nothing is known.

    `kind` is "leak", or "harmless" for pages that look alike and share nothing that matters.
    """
    if first == second:
        return "the same page"
    mine, theirs = _sides(first, kind), _sides(second, kind)
    for index, leak in enumerate(_listed(kind)):
        if ((index, 0) in mine and (index, 1) in theirs) or (
            (index, 1) in mine and (index, 0) in theirs
        ):
            return leak["why"]
    return ""


@cache
def _sides(name: str, kind: str) -> frozenset[tuple[int, int]]:
    """Which known leaks a page appears in, and on which of their two sides."""
    return frozenset(
        (index, side)
        for index, leak in enumerate(_listed(kind))
        for side, key in enumerate(("pages", "with"))
        if any(fnmatchcase(name, pattern) for pattern in leak[key])
    )


@cache
def _listed(kind: str) -> list[dict]:
    with open(Path(__file__).with_name("leaks.toml"), "rb") as file:
        return tomllib.load(file)[kind]
