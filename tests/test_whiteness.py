"""Selection without clean images: the residual of the right denoiser is most like the noise."""

import numpy as np
import pytest
from scipy import ndimage

from docrestore.whiteness import score


def scene(seed: int) -> np.ndarray:
    """Blobs and edges in [0, 1], 192 x 192."""
    rng = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(rng.normal(size=(192, 192)), 4)
    return 0.5 + 0.3 * np.sign(blobs) + blobs


def white(seed: int, count: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (count, 192, 192))


def correlated(seed: int, count: int = 4) -> np.ndarray:
    found = white(seed, count)
    return 0.7 * found + 1.5 * ndimage.uniform_filter(found, (0, 9, 9))


@pytest.mark.parametrize("law", [white, correlated])
def test_the_truth_wins_over_too_much_and_too_little(law) -> None:
    """Residuals of the truth, of a blur, of the image itself and of half a denoising."""
    scenes = np.stack([scene(i) for i in range(4)])
    noisy = scenes + law(1)
    noise = law(2)
    restored = {
        "truth": scenes,
        "blurred": ndimage.gaussian_filter(noisy, (0, 3, 3)),
        "a little blurred": ndimage.gaussian_filter(scenes, (0, 1, 1)),
        "half": (noisy + scenes) / 2,
        "nothing": noisy - 1e-3 * noise,
    }
    totals = {name: score(list(noisy - one), noise).total for name, one in restored.items()}
    assert min(totals, key=lambda name: totals[name]) == "truth"
    assert totals["truth"] < 0.15 < min(v for k, v in totals.items() if k != "truth")


def test_correlation_of_the_noise_is_not_held_against_a_residual() -> None:
    """A white residual is further from correlated noise than one that is correlated alike."""
    same, other = (score(list(law(1)), correlated(2)) for law in (correlated, white))
    assert same.whiteness < 0.12 < other.whiteness
    assert same.spectrum < other.spectrum


def test_values_are_measured_in_deviations_of_the_noise() -> None:
    """Noise of twice the deviation: its quantiles are 0.8 deviations away in the mean."""
    found = score(list(2 * white(1)), white(2))
    assert found.values == pytest.approx(np.sqrt(2 / np.pi), rel=0.02)
    assert found.whiteness < 0.05, "scale alone is no correlation"
    assert found.as_row()["total"] == pytest.approx(found.total, abs=1e-5)


def test_what_cannot_be_compared_is_refused() -> None:
    """Too small, or not finite."""
    with pytest.raises(ValueError, match="residuals must be at least 64 x 64"):
        score([np.zeros((40, 200))], white(0))
    broken = white(0)
    broken[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="residuals hold NaN"):
        score(list(broken), white(1))
