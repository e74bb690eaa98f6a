"""How far a denoiser is from a clean image that nobody has: a covariance penalty.

Paper    Efron, "The Estimation of Prediction Error: Covariance Penalties and Cross-Validation",
         JASA 2004, with his parametric bootstrap.
Idea     For a pixel of a noisy image Z = x + n, with n of mean 0 and variance s², and of an answer,

             E (D(Z) - x)² = E (D(Z) - Z)² - s² + 2 E (n D(Z)).

         The first term is seen. s² is known of the extracted noise. The last one says how much of
         the noise is still in the answer. It is asked of noisy images that we make ourselves:
         made noise m on the answer takes the place of n on x.
Differs  from whiteness, which asks what a residual looks like. The best answer's residual is not
         pure noise: it lacks the noise that could not be told from the scene, so its variance is
         less than s² by about as much as the error.

It holds for noise that has mean 0 and does not depend on the scene, of any values and correlation.
The answer is smoother than the scene, and keeps less of made noise than of real noise. So errors of
networks come out too small; their order is what is used.
"""

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["Denoise", "estimate", "terms"]

Denoise = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]


def estimate(denoise: Denoise, noisy: Sequence[np.ndarray], made: Sequence[np.ndarray]) -> float:
    """The estimated mean square of restored less clean, on the scale of the images.

    Args:
        denoise: from noisy images to restored ones.
        noisy: images (H, W) that the denoiser has not learnt from.
        made: made or extracted noise for each, of its shape, on the same scale.

    Returns:
        The sum of `terms`; it may be a little below 0 where the noise is believed too strong.

    Raises:
        ValueError: if there is no image, or not as much noise as there are images.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> noise, other = rng.normal(0, 0.1, (2, 4, 64, 64))
        >>> nothing, everything = lambda images: images, lambda images: [0 * i for i in images]
        >>> round(estimate(nothing, list(0.3 + noise), list(other)), 3)  # all noise is left
        0.01
        >>> round(estimate(everything, list(0.3 + noise), list(other)), 2)  # 0.3 squared
        0.09
    """
    return sum(terms(denoise, noisy, made))


def terms(
    denoise: Denoise, noisy: Sequence[np.ndarray], made: Sequence[np.ndarray]
) -> tuple[float, float, float]:
    """The three terms of the formula above, means over images; arguments as in `estimate`.

    Returns:
        What the answer moved, E (D(Z) - Z)²; -s²; and 2 E (m D(..)), twice the noise that is left.
    """
    if not len(noisy) or len(noisy) != len(made):
        raise ValueError(f"noise for each image is wanted, got {len(made)} for {len(noisy)}.")
    answers = denoise(noisy)
    again = denoise([answer + noise for answer, noise in zip(answers, made, strict=True)])
    found = []
    for one, answer, other, noise in zip(noisy, answers, again, made, strict=True):
        noise = noise - noise.mean()
        taken = np.square(one - answer, dtype=np.float64).mean()
        left = np.multiply(noise, other - answer, dtype=np.float64).mean()
        found.append((taken, -np.square(noise, dtype=np.float64).mean(), 2 * left))
    taken, noise, left = np.mean(found, 0)
    return float(taken), float(noise), float(left)
