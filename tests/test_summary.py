"""Means and intervals over the images of a set, and rows that JSON can hold."""

import json
import math

import numpy as np
import pytest

from docrestore.metrics import binarization, bootstrap, jsonable, mean


def test_mean_stays_finite_and_says_what_it_left_out():
    rows = [
        {"id": "a", "fm": 90.0, "psnr": 20.0, "drd": math.nan},
        {"id": "b", "fm": 100.0, "psnr": math.inf, "drd": math.nan},
        {"id": "c", "fm": 50.0, "psnr": None, "drd": None},
    ]
    means = mean(rows)
    assert math.isnan(means.pop("drd"))
    assert means == {"fm": 80, "psnr": 20, "psnr_images": 1, "drd_images": 0}
    with pytest.raises(ValueError, match="at least one image"):
        mean([])


def test_rows_of_equal_and_blank_pages_become_valid_json():
    blank = np.ones((9, 9), bool)
    for row in (binarization(blank, blank), binarization(~blank, blank)):
        text = json.dumps(jsonable(row), allow_nan=False)
        assert json.loads(text).keys() == row.keys()


def test_bootstrap_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        low, high = bootstrap(rng.normal(50, 5, 30), n=300, seed=trial)
        hits += low <= 50 <= high
    assert 0.87 < hits / 200 < 0.99


def test_bootstrap_is_paired():
    rng = np.random.default_rng(1)
    hard = rng.normal(80, 10, 40)  # how hard a page is moves both methods
    ours, theirs = hard + 1 + rng.normal(0, 0.3, 40), hard + rng.normal(0, 0.3, 40)
    low, high = bootstrap(ours, minus=theirs)
    assert 0 < low < 1.1 and 0.9 < high < 1.5
    single = bootstrap(ours)
    assert single[1] - single[0] > 5 * (high - low)


def test_bootstrap_decided_cases():
    assert bootstrap([3.0, 4.0, 5.0]) == bootstrap([3.0, math.inf, 4.0, math.nan, 5])
    assert all(map(math.isnan, bootstrap([3.0])))
    inf = [math.inf, 1.0, 2.0, 3.0]
    assert bootstrap(inf, minus=[math.inf, 0.0, 1.0, 2.0]) == (1, 1)
    wide, narrow = bootstrap(range(20)), bootstrap(range(20), level=0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    with pytest.raises(ValueError, match="same images"):
        bootstrap([1.0, 2.0], minus=[1.0])
