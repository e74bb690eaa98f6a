"""`docrestore denoise fit` and `docrestore restore --task denoise`, with a network made by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from sample_series import DEEP, dicom, frames, hdf5
from shell import Ran, docrestore, report

from docrestore import denoising, weights
from docrestore.denoising_presets import PRESETS, Preset
from docrestore.held_out import held_out
from docrestore.models import MODELS

FIT = {"low": 400.0, "high": 2400.0}  # a span of 2000


def made_model(path: Path, brighter: float = 0.0, **card: Any) -> Path:
    """A denoiser that changes nothing but adds so much of the scale to every pixel."""
    network = MODELS["gan2gan-compact"](widths=(8, 8))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.out.bias.fill_(-brighter / network.unit)  # it predicts the noise, in its unit
    known = {"model": "gan2gan-compact", "arguments": {"widths": [8, 8]}, "task": "denoise"}
    return weights.save_weights(path, network.eval(), known | card)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    return made_model(path, 0.25, scale=FIT, noise_std=60.0)


def restore(*words: object) -> Ran:
    return docrestore("restore", "--task", "denoise", "--runtime", "torch", *words)


WIDE = np.rint(frames(size=(220, 300))).astype(np.uint16)  # with room beside the cells


def kinds(folder: Path, stack: np.ndarray = DEEP) -> Path:
    """One of each kind of file."""
    folder.mkdir()
    tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
    np.save(folder / "floats.npy", stack.astype(np.float64))
    dicom(folder / "IM1", stack[0])
    hdf5(folder / "a.h5", {"x": stack})
    return folder


def test_each_file_keeps_its_kind_and_units(tmp_path, model):
    import pydicom

    folder, out = kinds(tmp_path / "in"), tmp_path / "out"
    ran = restore("--weights", model, folder, "-o", out)
    assert ran.status == 0, ran.err
    names = {path.name for path in out.iterdir()}
    assert names == {"stack.tif", "floats.npy", "IM1", "a.h5", "report.json"}
    wanted = DEEP + 500.0  # 0.25 of the span
    np.testing.assert_allclose(tifffile.imread(out / "stack.tif"), wanted, atol=1)
    assert tifffile.imread(out / "stack.tif").dtype == np.uint16
    np.testing.assert_allclose(np.load(out / "floats.npy"), wanted, rtol=1e-4)
    units = pydicom.dcmread(out / "IM1").pixel_array * 2.0 - 1024
    np.testing.assert_allclose(units, DEEP[0] * 2.0 - 1024 + 500, atol=2)


def test_started_again_it_goes_on_and_another_key_is_another_result(tmp_path, model):
    folder, out = kinds(tmp_path / "in"), tmp_path / "out"
    restore("--weights", model, folder, "-o", out)
    ran = restore("--weights", model, folder, "-o", out)
    assert "4 skipped" in ran.err and "restored" not in ran.err.splitlines()[-1]
    assert report(out)["run"]["skipped"] == 4
    entry = next(one for one in report(out)["files"] if one["output"] == "stack.tif")
    assert entry["frames"] == 3 and entry["type"] == "uint16" and len(entry["noise_std"]) == 3
    (out / "report.json").unlink()  # as after a kill: files that name their maker are ours
    ran = restore("--weights", model, folder, "-o", out)
    assert "floats.npy is in the output folder already" in ran.err
    assert report(out)["run"]["restored"] == 3


def test_a_bad_file_does_not_stop_the_others(tmp_path, model):
    folder = kinds(tmp_path / "in")
    (folder / "bad.tif").write_text("no image")
    (folder / "empty.dcm").touch()
    np.save(folder / "mask.npy", np.ones((50, 50), bool))
    tifffile.imwrite(folder / "ij.tif", DEEP, imagej=True)
    for name, kept in (("ij.tif", 3000), ("IM1", 9000), ("stack.tif", 60_000)):  # cut short
        (folder / f"cut-{name}").write_bytes((folder / name).read_bytes()[:kept])
    ran = restore("--weights", model, folder, "-o", tmp_path / "out")
    assert ran.status == 1 and "5 restored, 6 failed" in ran.err
    assert "defect" not in ran.err
    assert not list((tmp_path / "out").glob(".*")) and not list((tmp_path / "out").glob("cut*"))
    cut = ("cut-ij.tif is damaged", "cut-IM1 is damaged", "cut-stack.tif is damaged")
    for words in (*cut, "bad.tif is damaged", "empty.dcm is empty", "one bit a pixel"):
        assert words in ran.err


def test_holes_stay_and_constant_frames_are_left_alone(tmp_path, model):
    folder = tmp_path / "in"
    folder.mkdir()
    stack = frames(2).astype(np.float32)
    stack[0, 20:30, 40:50] = np.nan
    stack[1] = 777
    np.save(folder / "a.npy", stack)
    restore("--weights", model, folder, "-o", tmp_path / "out")
    result = np.load(tmp_path / "out/a.npy")
    np.testing.assert_array_equal(np.isnan(result), np.isnan(stack))
    np.testing.assert_allclose(result[0, :20], stack[0, :20] + 500, rtol=1e-3)
    assert (result[1] == 777).all()


def test_values_far_from_those_that_were_learnt_pass_through(tmp_path):
    """A network that answers the local mean at most; what lies beyond its range is not lost."""
    network = MODELS["gan2gan-compact"](widths=(8, 8))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for pixel in range(4):
            network.stem.weight[pixel, pixel, 1, 1] = 1
            network.out.weight[pixel, pixel, 1, 1] = 1
    card = {"model": "gan2gan-compact", "arguments": {"widths": [8, 8]}, "task": "denoise"}
    path = tmp_path / "m.safetensors"
    weights.save_weights(path, network.eval(), card | {"scale": {"low": 0.0, "high": 100.0}})
    frame = np.full((64, 64), 50.0)
    frame[0], frame[9] = 60.0, 5000.0  # the highest that is known is 150
    np.save(tmp_path / "a.npy", frame)
    restore("--weights", path, tmp_path / "a.npy", "-o", tmp_path / "b.npy")
    result = np.load(tmp_path / "b.npy")
    np.testing.assert_allclose(result[20], 50, atol=1)
    np.testing.assert_allclose(result[9], 4850 + 50 + 100 / 17, atol=1)


def test_other_noise_than_the_model_knows_is_said(tmp_path, model):
    folder = tmp_path / "in"
    folder.mkdir()
    np.save(folder / "same.npy", frames(1, noise=60)[0])
    np.save(folder / "strong.npy", frames(1, noise=200)[0])
    ran = restore("--weights", model, folder, "-o", tmp_path / "out")
    said = [line for line in ran.err.splitlines() if "fit a model to these images" in line]
    assert len(said) == 1 and "strong.npy" in said[0] and "the model knows 60" in said[0]


def test_without_a_scale_whole_numbers_use_their_range(tmp_path):
    model = made_model(tmp_path / "m.safetensors", 0.25)
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/a.tif", DEEP[0])
    restore("--weights", model, tmp_path / "in", "-o", tmp_path / "out")
    wanted = DEEP[0] + 65535 / 4
    np.testing.assert_allclose(tifffile.imread(tmp_path / "out/a.tif"), wanted, atol=1)


def test_a_single_result_keeps_the_format(tmp_path, model):
    np.save(tmp_path / "a.npy", DEEP[0])
    ran = restore("--weights", model, tmp_path / "a.npy", "-o", tmp_path / "b.tif")
    assert ran.status == 1 and "keeps its format; name it b.npy" in ran.err
    assert restore("--weights", model, tmp_path / "a.npy", "-o", tmp_path / "b.npy").status == 0


def test_denoising_asks_for_weights_of_ones_own(tmp_path):
    ran = restore(tmp_path, "-o", tmp_path / "out")
    assert ran.status == 1 and "docrestore denoise fit FOLDER" in ran.err


class FakeFitted:
    """What fit_denoiser gives back, without the hours."""

    report: dict[str, Any] = {"smooth": {"windows": 12_000, "looked_at": 50_000, "lambda": 0.021,
                         "noise_std": 7.65, "contamination": 0.5}}  # fmt: skip

    def save(self, path: Path, **facts: Any) -> Path:
        return made_model(path, 0.0, report=self.report, **facts)


@pytest.fixture
def asked(monkeypatch) -> dict[str, Any]:
    """What the command asks of fit_denoiser."""
    seen: dict[str, Any] = {}

    def fake(images: Any, run_dir: Path, **words: Any) -> FakeFitted:
        seen.update(words, images=images, run_dir=run_dir)
        if problem := seen.get("raise"):
            raise problem
        return FakeFitted()

    monkeypatch.setattr(denoising, "fit_denoiser", fake)
    return seen


def fit(*words: object) -> Ran:
    return docrestore("denoise", "fit", *words)


def test_fit_scales_the_images_and_the_model_keeps_the_scale(tmp_path, asked):
    folder, model = kinds(tmp_path / "in", WIDE), tmp_path / "mine.safetensors"
    (folder / "IM1").unlink()  # other units
    (folder / "bad.tif").write_text("no image")
    ran = fit(folder, "-o", model, "--minutes", 2, "--lam", 0.2, "--seed", 7)
    assert ran.status == 0, ran.err
    assert (asked["minutes"], asked["lam"], asked["seed"]) == (2, 0.2, 7)
    assert asked["run_dir"] == tmp_path / "mine.fit"
    images = [image.degraded for image in asked["images"]]
    assert len(images) == 9 and min(map(np.min, images)) < 0 and max(map(np.max, images)) > 1
    card = weights.card(model)
    assert (
        card["images"] == 9 and card["unreadable"] and card["noise_std"] == pytest.approx(60, 0.1)
    )
    low, high = np.percentile(WIDE, (0.1, 99.9))
    assert card["scale"] == pytest.approx({"low": low, "high": high}, rel=0.01)
    span = card["scale"]["high"] - card["scale"]["low"]
    assert "bad.tif is damaged" in ran.err and "12000 smooth windows of 50000" in ran.err
    assert f"noise of {7.65 / 255 * span:.3g}" in ran.err  # in values of the files
    restored = restore("--weights", model, folder, "-o", tmp_path / "out")
    assert "3 restored" in restored.err
    np.testing.assert_allclose(tifffile.imread(tmp_path / "out/stack.tif"), WIDE, atol=1)


def test_noise_that_grows_with_the_light_is_told_and_made_equal(tmp_path, asked):
    """The scale of roots goes into the model, and restoring undoes it."""
    from test_photons import ZERO, counted

    stack = np.stack([counted(seed, (220, 300))[0] for seed in range(2)])
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in/a.npy", stack)
    model = tmp_path / "m.safetensors"
    ran = fit(tmp_path / "in", "-o", model, "--lam", 9)  # smooth windows are not the point here
    assert ran.status == 0 and "times as strong as in the dark" in ran.err
    record = tmp_path / "m.fit/fit.json"
    older = {
        key: value for key, value in json.loads(record.read_text()).items() if key != "photons"
    }
    record.write_text(json.dumps(older))
    assert fit(tmp_path / "in", "-o", model, "--lam", 9, "--resume").status == 0
    ran = fit(tmp_path / "in", "-o", model, "--lam", 9, "--photons", "--resume")
    assert "other photons" in ran.err
    ran = fit(tmp_path / "in", "-o", model, "--lam", 9, "--photons", "--overwrite")
    assert (
        ran.status == 0
        and "are of roots, not of values" in ran.err
        and "in the dark" not in ran.err
    )
    scale = weights.card(model)["scale"]
    assert scale["zero"] == pytest.approx(ZERO, abs=80)
    span = scale["high"] - scale["low"]
    assert scale["variance"] == pytest.approx((7.65 / 255 * span) ** 2)
    assert restore("--weights", model, tmp_path / "in", "-o", tmp_path / "out").status == 0
    wanted = stack.clip(scale["zero"]) + scale["variance"]  # a network that changes nothing
    np.testing.assert_allclose(np.load(tmp_path / "out/a.npy"), wanted, rtol=1e-4)


def test_images_without_smooth_areas_are_refused_before_they_are_learnt_from(tmp_path, asked):
    """Noise of 20 on grain of 400: nothing is smooth. Whoever insists is told what to expect."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 2, (4, 33, 33)).repeat(8, 1).repeat(8, 2) * np.linspace(200, 900, 264)
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in/a.npy", blocks + rng.normal(0, 20, blocks.shape))
    ran = fit(tmp_path / "in", "-o", tmp_path / "m.safetensors")
    assert ran.status == 1 and "no smooth areas were found" in ran.err and not asked
    lam = float(ran.err.partition("--lam ")[2].split()[0])
    ran = fit(tmp_path / "in", "-o", tmp_path / "m.safetensors", "--resume", "--lam", lam)
    assert "other lam" in ran.err
    ran = fit(tmp_path / "in", "-o", tmp_path / "m.safetensors", "--overwrite", "--lam", lam)
    assert ran.status == 0 and "may be worse than the images" in ran.err
    train = asked["images"].only(held_out(asked["images"].groups)[1])
    assert len(asked["preset"].smooth(train, lam)) >= 100, "what was told to go on goes on"


@pytest.mark.parametrize(
    ("residual", "error", "told"),
    [
        (7.4, 2.0, ""),
        (4.9, 5.5, ""),  # weak noise: the best answer leaves what may be scene
        (14.2, 2.0, "too much: scene goes with it"),
        (1.0, 7.4, "hardly less than the noise was"),
    ],
)
def test_a_denoiser_that_has_learnt_too_little_says_so(
    tmp_path, asked, monkeypatch, residual, error, told
):
    judged = {"residual_std": residual, "error": error}
    report = {"chosen": "g2g3", "selection": {"g2g3": judged}}
    monkeypatch.setattr(FakeFitted, "report", FakeFitted.report | report)
    folder = kinds(tmp_path / "in", WIDE)
    ran = fit(folder / "stack.tif", "-o", tmp_path / "m.safetensors")
    assert ran.status == 0 and f"{residual / 7.65:.0%} of the noise's deviation" in ran.err
    assert ("Train longer" in ran.err) == bool(told) and told in ran.err


@pytest.mark.parametrize(
    ("frames", "where"), [(1, "On the image that it has learnt"), (2, "On images held out")]
)
def test_what_the_fit_was_judged_on_is_told(tmp_path, asked, monkeypatch, frames, where):
    report = {"chosen": "g2g3", "selection": {"g2g3": {"residual_std": 7.4, "error": 2.0}}}
    monkeypatch.setattr(FakeFitted, "report", FakeFitted.report | report)
    (tmp_path / "in").mkdir()
    for index in range(frames):
        np.save(tmp_path / f"in/{index}.npy", WIDE[index])
    ran = fit(tmp_path / "in", "-o", tmp_path / "m.safetensors")
    assert ran.status == 0 and f"{where}, what is taken away" in ran.err


def test_made_noise_that_is_wrong_is_told(tmp_path, asked, monkeypatch):
    games = {"games": [{"std_ratio": 1.4}, {"std_ratio": 0.9}]}
    monkeypatch.setattr(FakeFitted, "report", FakeFitted.report | games)
    folder = kinds(tmp_path / "in", WIDE)
    ran = fit(folder / "stack.tif", "-o", tmp_path / "m.safetensors")
    assert "The made noise was 10% off in its deviation, after 2 trainings" in ran.err


def test_a_second_fit_is_refused_resumed_or_begun_anew(tmp_path, asked):
    folder, model = kinds(tmp_path / "in", WIDE), tmp_path / "mine.safetensors"
    asked["raise"] = KeyboardInterrupt()
    ran = fit(folder, "-o", model)
    assert ran.status == 130 and "--resume goes on" in ran.err
    (tmp_path / "mine.fit/steps.json").write_text("{}")
    asked["raise"] = None
    assert "--resume goes on with it, --overwrite begins anew" in fit(folder, "-o", model).err
    assert "other minutes" in fit(folder, "-o", model, "--resume", "--minutes", 5).err
    assert fit(folder, "-o", model, "--resume").status == 0
    assert (tmp_path / "mine.fit/steps.json").exists() and model.exists()
    np.save(folder / "new.npy", WIDE)
    assert "other files" in fit(folder, "-o", model, "--resume").err
    assert fit(folder, "-o", model, "--overwrite").status == 0
    assert not (tmp_path / "mine.fit/steps.json").exists()
    record = json.loads((tmp_path / "mine.fit/fit.json").read_text())
    assert record["minutes"] == 30 and len(record["files"]) == 5


def test_an_earlier_fit_outlives_an_input_that_cannot_be_read(tmp_path, asked):
    """--overwrite with a wrong folder: the old fit is still there."""
    folder, model = kinds(tmp_path / "in", WIDE), tmp_path / "mine.safetensors"
    assert fit(folder, "-o", model).status == 0
    (tmp_path / "mine.fit/steps.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    assert fit(tmp_path / "empty", "-o", model, "--overwrite").status != 0
    assert (tmp_path / "mine.fit/steps.json").exists() and model.exists()
    assert fit(folder, "-o", model, "--overwrite").status == 0
    assert not (tmp_path / "mine.fit/steps.json").exists()


def test_files_of_others_are_never_replaced(tmp_path, asked):
    folder, model = kinds(tmp_path / "in", WIDE), tmp_path / "mine.safetensors"
    model.write_text("precious")
    assert "is there already" in fit(folder, "-o", model).err
    (tmp_path / "other.fit").mkdir()
    (tmp_path / "other.fit/thesis.txt").write_text("precious")
    ran = fit(folder, "-o", tmp_path / "other.safetensors", "--overwrite")
    assert "was not made by docrestore" in ran.err
    assert (tmp_path / "other.fit/thesis.txt").exists() and model.read_text() == "precious"
    assert "name it so" in fit(folder, "-o", tmp_path / "mine.pt").err


def test_too_few_smooth_windows_are_said_in_one_sentence(tmp_path):
    """With the real method: it says so before it trains."""
    folder = tmp_path / "in"
    folder.mkdir()
    np.save(folder / "a.npy", WIDE)
    ran = fit(folder, "-o", tmp_path / "m.safetensors", "--lam", 1e-5)
    assert ran.status == 1 and "would do" in ran.err and not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize("kind", ["a TIFF stack", "a DICOM series"])
def test_a_fit_and_what_it_restores_from_end_to_end(tmp_path, monkeypatch, kind):
    """Nothing is faked but the size: a small network, few steps, one round."""
    small = {"generator_arguments": {"widths": (8, 8)}}
    plan = Preset((20, 20), rounds=1, batch=(2, 2), pairs=small)
    monkeypatch.setitem(PRESETS, "recommended", plan)
    monkeypatch.setattr(denoising, "TRIES", 1)
    folder, model = tmp_path / "in", tmp_path / "mine.safetensors"
    folder.mkdir()
    if kind == "a TIFF stack":
        tifffile.imwrite(folder / "stack.tif", WIDE, photometric="minisblack")
    else:
        for number, image in enumerate(WIDE):
            dicom(folder / f"IM{number}", image)
    ran = fit(folder, "-o", model, "--minutes", 0.1, "--lam", 0.2)
    assert ran.status == 0, ran.err
    card = weights.card(model)
    assert card["images"] == 3 and card["report"]["chosen"] in card["report"]["selection"]
    assert weights.load_part(model, "noise") is not None
    ran = restore("--weights", model, folder, "-o", tmp_path / "out")
    assert ran.status == 0, ran.err
    names = {path.name for path in folder.iterdir()}
    assert names <= {path.name for path in (tmp_path / "out").iterdir()}
    if kind == "a TIFF stack":
        result = tifffile.imread(tmp_path / "out" / "stack.tif")
        assert result.dtype == WIDE.dtype and result.shape == WIDE.shape
