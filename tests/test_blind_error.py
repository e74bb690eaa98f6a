"""The error against a clean image that nobody shows, and the choice among stages by it."""

import numpy as np
import pytest
from scipy import ndimage

from docrestore.blind_error import estimate
from docrestore.selection import mosaic

SIGMA = 0.1


def scene(seed: int = 0) -> np.ndarray:
    """Soft blobs and an edge, (4, 96, 96)."""
    rng = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(rng.normal(size=(4, 96, 96)), (0, 4, 4))
    clean = 0.5 + 0.2 * blobs / blobs.std()
    clean[..., 48:] += 0.3
    return clean


def white(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, SIGMA, (4, 96, 96))


def waves(seed: int) -> np.ndarray:
    """Noise that hangs together over some pixels."""
    noise = ndimage.gaussian_filter(white(seed), (0, 1.5, 1.5), mode="wrap")
    return SIGMA * noise / noise.std()


def salt(seed: int) -> np.ndarray:
    """Mostly none, sometimes much: no bell curve."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random((4, 96, 96)) < 0.1, rng.choice([-1, 1], (4, 96, 96)), 0) * SIGMA


def blur(width: float):
    return lambda images: [ndimage.gaussian_filter(image, width) for image in images]


WAYS = {f"blur {width:g}": blur(width) for width in (0.3, 0.7, 1.2, 2, 4, 8, 20)}
WAYS["nothing"] = lambda images: list(images)
WAYS["grey"] = lambda images: [np.full_like(image, image.mean()) for image in images]


@pytest.mark.parametrize("law", [white, waves, salt])
def test_denoisers_stand_in_the_order_of_their_true_errors(law) -> None:
    """Whatever the values and the correlation of the noise; and for a linear one it is unbiased."""
    clean, noise, made = scene(), law(1), law(2)
    noisy = list(clean + noise)
    told, true = {}, {}
    for name, way in WAYS.items():
        told[name] = estimate(way, noisy, list(made))
        true[name] = float(np.square(np.stack(way(noisy)) - clean).mean())
        assert told[name] == pytest.approx(true[name], abs=0.12 * SIGMA**2)
    best = min(told, key=lambda name: told[name])
    assert true[best] <= 1.1 * min(true.values())
    assert told["nothing"] > told["blur 1.2"] < told["grey"]


def test_the_least_error_is_not_the_residual_that_is_most_like_noise() -> None:
    """The best blur takes less than the noise; one that takes as much is worse."""
    clean, noise, made = scene(), white(1), white(2)
    noisy = list(clean + noise)
    told = {name: estimate(way, noisy, list(made)) for name, way in WAYS.items()}
    best = min(told, key=lambda name: told[name])
    assert np.std(np.stack(noisy) - np.stack(WAYS[best](noisy))) < SIGMA


def test_a_mosaic_is_made_of_the_patches() -> None:
    patches = np.arange(3)[:, None, None] * np.ones((3, 8, 8))
    made = mosaic(patches, (20, 27), seed=1)
    assert made.shape == (20, 27) and made.dtype == np.float32
    assert set(np.unique(made)) <= {0.0, 1.0, 2.0}
    assert (made[:8, :8] == made[0, 0]).all() and len(np.unique(made)) > 1
    assert (made == mosaic(patches, (20, 27), seed=1)).all()
