"""Noise under the loupe: strength by brightness, and the scene in what is taken for noise."""

import numpy as np
import pytest

from docrestore.loupe import by_brightness, scene_left
from docrestore.noisy import NoisyImages
from docrestore.smooth import choose


def test_photon_noise_grows_with_the_root_of_brightness():
    rng = np.random.default_rng(0)
    clean = rng.uniform(0.1, 1, (200, 200))
    middle, strength = by_brightness(rng.poisson(100 * clean) / 100 - clean, clean)
    assert len(middle) == 12 and np.all(np.diff(middle) > 0)
    np.testing.assert_allclose(strength, np.sqrt(middle / 100), rtol=0.05)


def test_parts_of_one_brightness_become_one_and_few_pixels_tell_nothing():
    clean = np.repeat([0.0, 0.5, 0.9], [5000, 5000, 50])
    middle, _ = by_brightness(np.random.default_rng(0).normal(size=clean.size), clean, 4)
    assert middle[0] == 0 and len(middle) == 2
    with pytest.raises(ValueError, match="must be alike"):
        by_brightness(clean, clean[1:])


def test_the_scene_that_is_left_is_that_of_the_clean_image():
    rng = np.random.default_rng(0)
    slope = np.tile(np.linspace(0, 0.5, 300), (300, 1))
    noisy = NoisyImages.of([slope + rng.normal(0, 0.1, slope.shape)])
    smooth = choose(noisy, window=64, stride=16, at_least=100)
    expected = slope[:64, :64].std()
    assert scene_left(smooth, [slope]) == pytest.approx(expected, rel=1e-3)
    level = choose(noisy, window=64, stride=16, at_least=100, level="plane")
    assert scene_left(level, [slope]) == pytest.approx(0, abs=1e-6)
