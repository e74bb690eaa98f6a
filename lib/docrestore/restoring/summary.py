"""From the metrics of single images to those of a set: means, intervals, and rows for JSON."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

__all__ = ["bootstrap", "jsonable", "mean"]


Row = Mapping[str, float | str | None]


def mean(rows: Sequence[Row]) -> dict[str, float]:
    """The mean of each metric over the images, one row an image; ValueError without rows.

    Entries that are text, such as an id, are passed over. nan, inf and None are left out of the
    mean; then `<metric>_images` says how many images it counts. So two equal pages (PSNR inf)
    neither break a mean nor make it. nan where no image has a finite value.

    >>> mean([{"fm": 90.0, "psnr": 20.0}, {"fm": 100.0, "psnr": math.inf}])
    {'fm': 95.0, 'psnr': 20.0, 'psnr_images': 1}
    """
    if not rows:
        raise ValueError("A mean needs the metrics of at least one image, but the list is empty.")
    means: dict[str, float] = {}
    for key in rows[0]:
        column = [row[key] for row in rows]
        if any(isinstance(value, str) for value in column):
            continue
        numbers = [value for value in column if isinstance(value, int | float)]
        finite = [number for number in numbers if math.isfinite(number)]
        means[key] = math.fsum(finite) / len(finite) if finite else math.nan
        if len(finite) < len(rows):
            means[f"{key}_images"] = len(finite)
    return means


def jsonable(row: Row) -> dict[str, float | str | None]:
    """The row with None for nan and inf, since JSON has neither.

    A None for PSNR beside an FM of 100 says that the pages were equal.

    >>> jsonable({"id": "H01", "fm": 100.0, "psnr": math.inf})
    {'id': 'H01', 'fm': 100.0, 'psnr': None}
    """
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def bootstrap(
    values: Iterable[float],
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    *,
    minus: Iterable[float] | None = None,
) -> tuple[float, float]:
    """The percentile interval of a mean over images: draw as many images again, `n` times.

    With `minus`, the values of another method on the same images in the same order, it is the
    interval of the mean difference, and the images are drawn in pairs. Hard pages are hard for
    both, so this interval is narrower than two of single methods suggest. Values or differences
    that are not finite are left out; fewer than two give (nan, nan), for one image has no spread.

    >>> low, high = bootstrap([90.0, 92.0, 94.0, 96.0])
    >>> 90 <= low < 93 < high <= 96
    True
    >>> bootstrap([90.0, 80.0], minus=[88.0, 78.0])
    (2.0, 2.0)
    """
    drawn = np.array(list(values), float)
    if minus is not None:
        others = np.array(list(minus), float)
        if others.shape != drawn.shape:
            raise ValueError(
                f"A paired interval needs the same images twice, but there are {drawn.size} and "
                f"{others.size} values: match them by image first."
            )
        with np.errstate(invalid="ignore"):
            drawn = drawn - others
    drawn = drawn[np.isfinite(drawn)]
    if drawn.size < 2:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    means = drawn[rng.integers(0, drawn.size, (n, drawn.size))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
