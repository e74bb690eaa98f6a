"""Protocols: each rule does what it says, and nothing where it has nothing to do."""

import numpy as np
import pytest
from PIL import Image

from data_prep import noise
from docrestore.metrics import psnr_gray, ssim_gray
from docrestore.metrics.protocols import (
    GRAYS,
    PUBLISHED,
    Protocol,
    Restored,
    audit,
    every,
    read_results,
    switches,
)


def pair(seed: int = 0, deviation: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """A restored image that leaves [0, 1] and its clean one, colours (H, W, 3)."""
    rng = np.random.default_rng(seed)
    clean = np.clip(rng.normal(0.6, 0.3, (40, 50, 3)), 0, 1)
    return clean + rng.normal(0, deviation, clean.shape), clean


def test_the_books_own_protocol_is_that_of_its_metrics():
    one, clean = (image.mean(2).clip(0, 1) for image in pair())
    assert Protocol().psnr(one, clean) == pytest.approx(psnr_gray(one, clean), abs=1e-5)
    assert Protocol().similarity(one, clean) == pytest.approx(ssim_gray(one, clean), abs=1e-6)


def test_grey_weights_are_those_that_noisy_sets_are_made_with():
    assert GRAYS["0.114"] == (0, noise.GRAY) and GRAYS["0.144"] == (0, noise.RELEASED_GRAY)
    white, black = np.ones((1, 1, 3)), np.zeros((1, 1, 3))
    ends = [[Protocol(g, clip=False).seen(i)[0, 0] * 255 for i in (black, white)] for g in GRAYS]
    assert np.round(ends, 2).tolist() == [[0, 255], [0, 262.65], [16, 235]]


def test_a_grey_image_counts_as_three_equal_colours():
    gray = pair()[0][..., 0]
    for name in GRAYS:
        rules = Protocol(name, clip=False)
        np.testing.assert_allclose(rules.seen(gray), rules.seen(np.dstack([gray] * 3)))


def test_weights_beyond_one_scale_the_error_and_video_shrinks_it():
    one, clean = (0.8 * image.mean(2).clip(0, 1) for image in pair())  # nothing is cut
    plain = Protocol(clip=False).psnr(one, clean)
    scaled = 20 * np.log10(1.03)
    assert Protocol("0.144", clip=False).psnr(one, clean) == pytest.approx(plain - scaled)
    video = 20 * np.log10(255 / 219)
    assert Protocol("video", clip=False).psnr(one, clean) == pytest.approx(plain + video, abs=1e-4)


def test_clipping_helps_and_rounding_to_the_clean_levels_too():
    clean = np.tile([0.0, 1.0], (16, 8))
    over = clean + np.tile([-0.1, 0.1], (16, 8))
    assert Protocol().psnr(over, clean) == np.inf
    assert Protocol(clip=False).psnr(over, clean) == pytest.approx(20)
    near = np.tile([0.0, 1.0], (16, 8)) + 0.4 / 255
    assert Protocol(clip=False, eight_bits=True).psnr(near, clean) == np.inf


def test_a_border_is_cut_from_all_sides():
    one, clean = np.zeros((20, 24)), np.zeros((20, 24))
    one[[2, -3]], one[:, [2, -3]] = 1, 1
    assert Protocol(border=2).psnr(one, clean) < 20
    assert Protocol(border=3).psnr(one, clean) == np.inf
    with pytest.raises(ValueError, match="leaves nothing"):
        Protocol(border=10).psnr(one, clean)


def test_the_uniform_ssim_takes_the_range_of_what_it_judges():
    clean = np.tile(np.linspace(0.4, 0.6, 32), (32, 1))
    noisy = clean + np.random.default_rng(0).normal(0, 0.02, clean.shape)
    released, ours = Protocol(ssim="uniform"), Protocol()
    assert released.similarity(noisy, clean) < ours.similarity(noisy, clean) - 0.1


@pytest.mark.parametrize("wrong", [{"gray": "mean"}, {"ssim": "box"}, {"border": -1}])
def test_an_unknown_rule_is_refused(wrong):
    with pytest.raises(ValueError, match="gray is one of"):
        Protocol(**wrong)


def test_audit_and_switches():
    results = [Restored(str(i), *pair(i)) for i in range(3)]
    rows = audit(results)
    assert [row["protocol"] for row in rows] == list(PUBLISHED)
    assert rows[0]["psnr"] == pytest.approx(np.mean([Protocol().psnr(*pair(i)) for i in range(3)]))
    rules = PUBLISHED["GAN2GAN"]
    found = [rules.similarity(*pair(i)) for i in range(3)]
    assert rows[3]["ssim"] == pytest.approx(np.mean(found))
    assert all(rules != Protocol() for rules in switches().values())
    assert "clipped" in switches(Protocol(clip=False))
    assert len({*every()}) == 24 and Protocol() in set(every())


def test_results_are_read_in_every_form(tmp_path):
    floats, colour = tmp_path / "floats", tmp_path / "clean"
    for folder in (floats, colour):
        folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(picture).save(colour / "a_GT.png")
    Image.fromarray(picture[..., 0].astype(np.uint16) * 257).save(colour / "b.png")
    np.save(floats / "a.npy", picture.astype(np.float32) / 255 + 1)
    np.save(floats / "b.npy", picture[..., 0] / 255 - 1)
    scan = np.linspace(-0.25, 1.25, 600, dtype=np.float32).reshape(20, 30)
    Image.fromarray(scan).save(floats / "c.tif")  # floats stay floats, beyond black and white too
    Image.fromarray(scan.clip(0, 1)).save(colour / "c.tif")
    a, b, c = read_results(floats, colour)
    np.testing.assert_array_equal(c.restored, scan)
    assert (a.id, a.clean.shape, b.id, b.clean.shape) == ("a", (20, 30, 3), "b", (20, 30))
    np.testing.assert_allclose(a.restored - a.clean, 1, atol=1e-6)
    np.testing.assert_allclose(b.restored - b.clean, -1, atol=1e-6)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds no image"),
        ({"c.npy": (4, 4)}, "no clean image of its name"),
        ({"a.npy": (4, 5)}, "and its clean image"),
        ({"a.npy": (4, 4), "a_GT.npy": (4, 4)}, "have one name"),
    ],
)
def test_results_that_do_not_fit_are_refused(tmp_path, files, sentence):
    for name, given in (("restored", files), ("clean", {"a.npy": (4, 4)})):
        (tmp_path / name).mkdir()
        for file, size in given.items():
            np.save(tmp_path / name / file, np.zeros(size))
    with pytest.raises(ValueError, match=sentence):
        read_results(tmp_path / "restored", tmp_path / "clean")
