"""Noise that grows with the light: found in noisy images, made equal, undone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_denoising_bench import PLAN

from docrestore.denoising_rows import Bench
from docrestore.equal_noise import denoise_on, made_equal
from docrestore.images.series.photons import Light, Photons, scale_of
from docrestore.images.series.scale import Scale
from docrestore.noisy import NoisyImages
from docrestore.own_images import OwnImagesError, gather
from docrestore.restoring.collecting import SERIES, collect

GAIN, BLACK, READ = 40.0, 300.0, 80.0  # values a photon, the value of none, deviation of the rest
ZERO = BLACK - READ**2 / GAIN  # where the line of the variances ends


def counted(seed: int = 0, size: tuple[int, int] = (320, 480)) -> tuple[np.ndarray, np.ndarray]:
    """What a detector gives of hills of light, and the mean of that."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[: size[0], : size[1]] / 100
    light = 30 * (1.1 + np.sin(2 * down + seed) * np.cos(1.3 * right)) ** 2
    values = GAIN * rng.poisson(light) + BLACK + rng.normal(0, READ, size)
    return values.astype(np.float32), GAIN * light + BLACK


def test_the_zero_is_where_noise_would_vanish() -> None:
    light = Light.of([counted(seed)[0] for seed in range(3)])
    assert light.zero == pytest.approx(ZERO, abs=60)  # the brightest are at 5,600
    assert np.polyfit(light.mean, light.power, 1)[0] == pytest.approx(GAIN, rel=0.05)
    assert light.growth > 4
    assert light._replace(floor=50.0).zero == 50.0, "no noise is cut off"


@pytest.mark.parametrize("grain", ["white", "correlated", "hits"])
def test_noise_of_one_strength_has_no_zero(grain: str) -> None:
    rng = np.random.default_rng(0)
    clean = [counted(seed)[1] / 1000 for seed in range(2)]
    noise = rng.normal(0, 0.2, (2, *clean[0].shape))
    if grain == "correlated":
        noise = (noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2)) / 3
    if grain == "hits":
        noise = noise * (rng.random(noise.shape) < 0.3)
    light = Light.of([(a + b).astype(np.float32) for a, b in zip(clean, noise, strict=True)])
    assert light.zero is None and light.growth < 1.3
    with pytest.raises(ValueError, match="leave photons out"):
        Photons.found(light, Scale(0.0, 1.0))


def test_frames_too_small_or_without_noise_say_nothing() -> None:
    for frames in ([], [np.zeros((8, 8), np.float32)], [np.ones((64, 64), np.uint16)]):
        light = Light.of(frames)
        assert light.zero is None and light.growth == 1.0


def test_roots_have_one_noise_and_the_way_back_is_right_in_the_mean() -> None:
    noisy, clean = counted()
    scale = Photons.found(Light.of([noisy]), Scale.of([noisy], noisy.size))
    unit = scale.to_unit(noisy)
    assert unit.dtype == np.float32
    assert np.percentile(unit, (0.1, 99.9)) == pytest.approx([0, 1], abs=1e-5)
    assert Light.of([unit]).growth < 1.2, "of noise that was four times as strong in the light"
    level = np.full((400, 400), 20.0)  # photons; a perfect denoiser answers with the mean root
    rng = np.random.default_rng(1)
    flat = GAIN * rng.poisson(level) + BLACK + rng.normal(0, READ, level.shape)
    roots = scale.to_unit(flat)
    back = scale.knowing(float(roots.std())).from_unit(np.array(roots.mean()))
    truth = GAIN * 20 + BLACK
    assert back == pytest.approx(truth, abs=1), "a thousandth of the value"
    assert scale.from_unit(np.array(roots.mean())) < truth - 5, "the square alone is too dark"


def test_a_card_brings_the_scale_back() -> None:
    for scale in (Scale(1.0, 3.0), Photons(1.0, 3.0, 0.5, 0.25)):
        assert scale_of(json.loads(json.dumps(scale.card()))) == scale
    assert Scale(1.0, 3.0).knowing(0.1) == Scale(1.0, 3.0)


def test_files_are_gathered_as_roots(tmp_path: Path) -> None:
    for seed in range(2):
        np.save(tmp_path / f"{seed}.npy", counted(seed)[0])
    items = collect([tmp_path], tmp_path / "out", SERIES).items
    plain = gather(items)
    assert plain.light.zero == pytest.approx(ZERO, abs=80) and plain.light.growth > 3
    assert type(plain.scale) is Scale
    own = gather(items, photons=True)
    assert own.card()["scale"]["zero"] == plain.light.zero
    assert own.light.growth < 1.2, "of the roots"
    for seed in range(2):
        equal = np.random.default_rng(seed).normal(500, 20, (128, 128)).astype(np.float32)
        np.save(tmp_path / f"{seed}.npy", equal)
    with pytest.raises(OwnImagesError, match="does not grow with the light"):
        gather(items, photons=True)


def test_a_set_keeps_its_names_and_groups(tmp_path: Path) -> None:
    images = counts(tmp_path / "mine")
    made, scale = made_equal(images)
    assert [one.id for one in made] == [one.id for one in images]
    assert made.sets == images.sets and made.groups == images.groups
    noisy = [one.degraded for one in images]

    class Same:
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("docrestore.equal_noise.denoise", lambda network, images: list(images))
        assert denoise_on(None, Same(), noisy) == noisy  # type: ignore[arg-type]
        found = denoise_on(scale, Same(), noisy)  # type: ignore[arg-type]
    for one, other in zip(found, noisy, strict=True):
        np.testing.assert_allclose(one, other.clip(scale.zero), atol=1e-5)
    equal = NoisyImages.of([np.random.default_rng(0).random((64, 64)).astype(np.float32)])
    with pytest.raises(ValueError, match="does not grow"):
        made_equal(equal)


def test_the_bench_learns_from_roots_and_scores_values(tmp_path: Path) -> None:
    counts(tmp_path / "mine")
    rows = PLAN.rows | {"gan2gan photons": PLAN.rows["gan2gan"] | {"photons": True}}
    made = Bench(replace(PLAN, real=["mine"], rows=rows), "mine", "tiny", out=tmp_path / "out",
                 data=tmp_path, commit="abc")  # fmt: skip
    made.run("gan2gan photons")
    where = tmp_path / "out" / "tiny-0" / "mine"
    one = json.loads((where / "gan2gan-photons-g2g1.json").read_text())
    assert one["means"]["mine"]["psnr"] > 15, "on the scale of the clean images"
    assert 0 < one["true_error"] < 60


def counts(folder: Path) -> NoisyImages:
    """A set of four images with photon noise, in [0, 1]."""
    for column in ("degraded", "clean"):
        (folder / column).mkdir(parents=True)
    lines = ["id,split,degraded,clean,group"]
    for seed in range(4):
        for column, pixels in zip(("degraded", "clean"), counted(seed, (96, 96)), strict=True):
            np.save(folder / column / f"{seed}.npy", (pixels / 6000).astype(np.float32))
        lines.append(f"{seed},all,degraded/{seed}.npy,clean/{seed}.npy,{seed // 2}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return NoisyImages(folder)
