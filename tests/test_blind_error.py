"""The error against a clean image that nobody shows, and the choice among stages by it."""

import numpy as np
import pytest
from scipy import ndimage

from docrestore import blind_error
from docrestore.blind_error import estimate, terms
from docrestore.classical.noise import tv
from docrestore.models import MODELS
from docrestore.noisy import NoisyImages
from docrestore.selection import judge, mosaic, noise_for
from docrestore.smooth import choose

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


BENT = {  # that look at the image to decide what to keep
    f"median {side}": lambda images, side=side: [ndimage.median_filter(i, side) for i in images]
    for side in (3, 7, 15)
} | {
    f"total variation {weight}": lambda images, weight=weight: [tv(i, weight) for i in images]
    for weight in (0.02, 0.1, 0.5)
}


@pytest.mark.parametrize("law", [white, waves, salt])
def test_a_linear_denoiser_is_told_its_true_error(law) -> None:
    """Whatever the values and the correlation of the noise."""
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


@pytest.mark.parametrize("law", [white, waves])
@pytest.mark.parametrize("name", BENT)
def test_bent_denoisers_are_told_their_true_error_on_gaussian_noise(law, name: str) -> None:
    """Not only their order; what was put on an answer instead of Z told them much too little."""
    clean, noise, made = scene(), law(1), law(2)
    noisy = list(clean + noise)
    true = float(np.square(np.stack(BENT[name](noisy)) - clean).mean())
    assert estimate(BENT[name], noisy, list(made)) == pytest.approx(true, abs=0.12 * SIGMA**2)


def test_denoisers_stand_in_the_order_of_their_true_errors() -> None:
    """Bent ones too, as far as their errors differ by a fifth."""
    clean, noise, made = scene(), white(1), white(2)
    noisy = list(clean + noise)
    pairs = [
        (estimate(way, noisy, list(made)), float(np.square(np.stack(way(noisy)) - clean).mean()))
        for way in (WAYS | BENT).values()
    ]
    clear = [(a, b) for a in pairs for b in pairs if a[1] > 1.2 * b[1]]
    assert len(clear) > 60
    assert all(one[0] > other[0] for one, other in clear)


def test_a_stage_is_judged_by_its_error_even_where_that_is_below_nothing(monkeypatch) -> None:
    """`error` keeps its sign, and `total` is what the rule asks for."""
    images = NoisyImages.of([white(3)[0].astype(np.float32) + 0.5])
    smooth = choose(images, window=32, stride=4, at_least=None)
    made = noise_for([images[0].degraded], smooth, "patches")
    network = MODELS["gan2gan-compact"](widths=(8, 8)).eval()
    told = {}
    for found in (-4.0, -1.0, 9.0):
        monkeypatch.setattr(blind_error, "estimate", lambda *_, found=found: found / 255**2)
        told[found] = judge(network, images, smooth, made, "error")
        assert judge(network, images, smooth, made, "residual")["total"] == pytest.approx(
            told[found]["residual"]
        )
    assert [one["error"] for one in told.values()] == pytest.approx([-2, -1, 3])
    assert told[-4.0]["total"] < told[-1.0]["total"] < told[9.0]["total"]


def test_noise_for_each_image_is_wanted() -> None:
    with pytest.raises(ValueError, match="got 1 for 2"):
        estimate(WAYS["nothing"], [white(0)[0]] * 2, [white(1)[0]])


def test_the_least_error_is_not_the_residual_that_is_most_like_noise() -> None:
    """The best blur takes less than the noise; one that takes as much is worse."""
    clean, noise, made = scene(), white(1), white(2)
    noisy = list(clean + noise)
    told = {name: estimate(way, noisy, list(made)) for name, way in WAYS.items()}
    best = min(told, key=lambda name: told[name])
    assert np.std(np.stack(noisy) - np.stack(WAYS[best](noisy))) < SIGMA


def test_a_mosaic_is_made_of_the_pieces_one_after_the_other() -> None:
    pieces = np.arange(7)[:, None, None] * np.ones((7, 8, 8))
    made = mosaic(pieces, (20, 27), first=4)
    assert made.shape == (20, 27) and made.dtype == np.float32
    assert made[::8, ::8].tolist() == [[4, 5, 6, 0], [1, 2, 3, 4], [5, 6, 0, 1]]
    assert (made[:8, :8] == 4).all() and (made[16:, 24:] == 1).all()


def test_made_noise_for_an_image_has_no_seam() -> None:
    """Neighbours hang together across the edge of a patch, and each image has noise of its own."""
    field = MODELS["gan2gan-noise-field"]()
    for part in field.parameters():
        part.requires_grad_(False).zero_()
    field.straight.weight[:, 3 * field.latent] = 1.0  # means over 8 x 8 pixels
    found = NoisyImages.of(list(white(3).astype(np.float32)))
    smooth = choose(found, window=32, stride=4, at_least=None)
    images = [np.zeros((200, 150), np.float32)] * 12

    def together(noise: list[np.ndarray], column: int) -> float:
        pairs = [one[:, column : column + 2] for one in noise]
        return float(np.corrcoef(np.concatenate(pairs).T)[0, 1])

    made = noise_for(images, smooth, field)
    assert [one.shape for one in made] == [(200, 150)] * 12
    assert together(made, 63) == pytest.approx(7 / 8, abs=0.05)
    whole = np.stack(made).reshape(12, -1)
    assert np.abs(np.corrcoef(whole) - np.eye(12)).max() < 0.2
    large, small = noise_for([np.zeros((600, 520)), np.zeros((40, 30))], smooth, field)
    assert (large.shape, small.shape) == ((600, 520), (40, 30))
    for one in (MODELS["gan2gan-noise"]().eval(), "patches"):  # of one size
        assert [p.shape for p in noise_for(images[:2], smooth, one)] == [(200, 150)] * 2


def test_its_terms_tell_what_moved_and_what_is_left():
    noisy, made = list(scene() + white(1)), list(white(2))
    moved, noise, left = terms(lambda images: images, noisy, made)  # the input itself
    power = np.mean([one.var() for one in made])
    assert moved == 0 and noise == pytest.approx(-power) and left == pytest.approx(2 * power)
