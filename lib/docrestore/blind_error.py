"""How far a denoiser is from a clean image that nobody has: SURE, asked of the denoiser itself.

Papers   Stein, "Estimation of the Mean of a Multivariate Normal Distribution", The Annals of
         Statistics 1981. Ramani, Blu and Unser, "Monte-Carlo SURE", IEEE TIP 2008, who ask the
         denoiser instead of a formula for its derivative.
Idea     For a pixel of a noisy image Z = x + n, with n of mean 0 and variance s², and of an answer,

             E (D(Z) - x)² = E (D(Z) - Z)² - s² + 2 E (n D(Z)).

         The first term is seen. s² is known of the extracted noise. The last one says how much of
         the noise is still in the answer. A little made noise m is added to Z and taken from it,
         and what of that comes out again, m (D(Z + t m) - D(Z - t m)) / 2t, takes its place.
Differs  m is noise that was made, with the correlation of the real one, where the papers have white
         Gaussian noise. And from whiteness, which asks what a residual looks like: the best
         answer's residual is not pure noise, it lacks what could not be told from the scene.

It holds for Gaussian noise, of any correlation, that does not depend on the scene; and for noise of
any law where the denoiser is linear. Rare hits are worse: a small step does not tell what a network
does to a large one.
"""

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["Denoise", "estimate", "response", "terms"]

STEP = 0.1  # of the noise, that is added and taken away

Denoise = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]


def estimate(denoise: Denoise, noisy: Sequence[np.ndarray], made: Sequence[np.ndarray]) -> float:
    """The estimated mean square of restored less clean, on the scale of the images.

    Args:
        denoise: from noisy images to restored ones.
        noisy: images (H, W) that the denoiser has not learnt from.
        made: made or extracted noise for each, of its shape, on the same scale.

    Returns:
        The sum of `terms`; below 0 where the noise is believed too strong.

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
        What the answer moved, E (D(Z) - Z)²; -s²; and twice the noise that is left.
    """
    if not len(noisy) or len(noisy) != len(made):
        raise ValueError(f"noise for each image is wanted, got {len(made)} for {len(noisy)}.")
    made = [noise - noise.mean() for noise in made]
    answers, left = denoise(noisy), response(denoise, noisy, made)
    found = []
    for one, answer, noise, rest in zip(noisy, answers, made, left, strict=True):
        taken = np.square(one - answer, dtype=np.float64).mean()
        still = np.multiply(noise, rest, dtype=np.float64).mean()
        found.append((taken, -np.square(noise, dtype=np.float64).mean(), 2 * still))
    moved, power, twice = np.mean(found, 0)
    return float(moved), float(power), float(twice)


def response(
    denoise: Denoise, noisy: Sequence[np.ndarray], made: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """What is left of noise that is added to noisy images: (D(Z + t m) - D(Z - t m)) / 2t.

    Arguments as in `estimate`; t is STEP. For a linear denoiser it is D(m).
    """
    more, less = (
        denoise([one + t * noise for one, noise in zip(noisy, made, strict=True)])
        for t in (STEP, -STEP)
    )
    return [(up - down) / (2 * STEP) for up, down in zip(more, less, strict=True)]
