"""Own noisy images: which can teach, which part of them, and on which scale."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from sample_series import frames

from docrestore.denoise_cli import _found
from docrestore.denoising_presets import PRESETS
from docrestore.images.series.scale import Scale, fill_holes, noise_std, usable_parts
from docrestore.noisy import NoisyImages
from docrestore.own_images import CleanParts, OwnImagesError, gather
from docrestore.restoring.collecting import SERIES, collect


def noisy(height: int = 200, width: int = 240) -> np.ndarray:
    return np.random.default_rng(2).normal(900, 30, (height, width)).astype(np.float32)


def save(path: Path, *pages: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.stack(pages), photometric="minisblack", metadata=None)
    return path


def items(folder: Path) -> list:
    return collect([folder], folder.parent / "out", SERIES).items


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e5))
def test_a_scale_undone_gives_the_values_back(low, span):
    scale = Scale(low, low + span)
    values = low + span * np.linspace(-0.5, 1.5, 50)
    back = scale.from_unit(scale.to_unit(values))
    np.testing.assert_allclose(back, values, atol=1e-6 * (span + abs(low)))


def test_the_scale_leaves_out_a_few_hot_pixels_and_cuts_nothing():
    frame = noisy()
    frame[0, :9] = 65535  # 0.02 % of the pixels
    scale = Scale.of([frame, frame + 100], 2 * frame.size)
    assert 780 < scale.low < 830 and 1070 < scale.high < 1110
    assert scale.to_unit(frame).max() > 100 and scale.to_unit(frame).min() < 0


def test_parts_without_clipped_pixels_and_holes():
    frame = noisy()
    assert usable_parts(frame) == ([((0, 200), (0, 240))], "")
    frame[:, 230:] = 4095  # 4 % saturated at the right
    parts, why = usable_parts(frame)
    assert (
        parts == [((0, 200), (0, 224))]
        and why == "4.2 % of its pixels have the highest value, 4095"
    )
    frame[:20] = np.nan
    parts, why = usable_parts(frame)
    assert parts == [((32, 200), (0, 224))] and "NaN" in why and "highest" in why
    frame[::50, ::50] = -np.inf
    assert usable_parts(frame)[0] == []
    assert usable_parts(np.full_like(frame, 7)) == ([], "all pixels are 7")
    assert usable_parts(np.full_like(frame, np.nan)) == ([], "no pixel is a number")
    assert "smaller than 65 x 65" in usable_parts(noisy(60, 300))[1]


def test_a_bar_across_leaves_two_parts():
    frame = noisy(300, 240)
    frame[100:112] = 0
    parts, _ = usable_parts(frame)
    assert parts == [((112, 300), (0, 240)), ((0, 96), (0, 240))]


def test_a_caption_of_one_value_is_no_noise():
    """It is far below a hundredth of the image, and would be the smoothest window of all."""
    frame = noisy(900, 900)
    frame[800:880, 800:890] = 850
    parts, why = usable_parts(frame)
    assert "squares of one value" in why and parts
    assert not any((part.of(frame) == 850).sum(1).max() > 16 for part in parts)


@pytest.mark.parametrize("seed", range(20))
def test_the_first_rectangle_is_the_largest_and_none_overlap(seed):
    """Against trying them all, on a grid of blocks."""
    rng = np.random.default_rng(seed)
    bad = rng.random((12, 14)) < 0.06
    frame = noisy(12 * 16, 14 * 16)
    frame[bad.repeat(16, 0).repeat(16, 1)] = np.nan
    best = max(
        (bottom - top) * (right - left) * (bottom - top >= 5 and right - left >= 5)
        for top in range(12)
        for bottom in range(top + 1, 13)
        for left in range(14)
        for right in range(left + 1, 15)
        if not bad[top:bottom, left:right].any()
    )
    parts, why = usable_parts(frame)
    assert (parts[0].of(frame).size if parts else 0) == best * 256
    taken = np.zeros(frame.shape, int)
    for part in parts:
        part.of(taken)[:] += 1
    assert taken.max() <= 1 and np.isfinite(frame[taken > 0]).all()
    assert bool(why) == bool(bad.any())


def test_holes_are_filled_from_nearby():
    frame = noisy()
    frame[50:60, 70:80] = np.nan
    filled = fill_holes(frame)
    assert np.isfinite(filled).all() and (filled[0] == frame[0]).all()
    assert filled[50, 70] in (frame[49, 70], frame[50, 69])


def test_the_noise_is_seen_through_a_scene():
    for std in (5.0, 40.0):
        frame = frames(1, noise=std)[0]
        assert noise_std(frame) == pytest.approx(std, rel=0.05)


def test_a_folder_is_read_and_what_cannot_teach_is_named(tmp_path):
    folder = tmp_path / "in"
    flat = np.full((200, 240), 500, np.float32)
    holes = noisy()
    holes[:, :40] = np.nan
    save(folder / "a.tif", noisy(), flat, noisy() + 10)
    save(folder / "deep/b.tif", holes)
    (folder / "broken.tif").write_text("no image")
    (folder / "notes.txt").write_text("not asked for")
    own = gather(items(folder))
    assert own.ids == ["a.tif, frame 1", "a.tif, frame 3", "b.tif"]
    assert [array.shape for array in own.arrays] == [(200, 240)] * 3
    assert [part.shape for part in own.clean_parts()] == [(200, 240), (200, 240), (200, 192)]
    assert all(np.isfinite(array).all() for array in own.arrays)
    assert own.left_out == ["a.tif, frame 2: all pixels are 500."]
    assert own.parts == [
        "b.tif: 17 % of its pixels are NaN or infinite; noise is looked for in [0:200, 48:240]."
    ]
    assert len(own.unreadable) == 1 and own.unreadable[0].startswith("broken.tif ")
    np.testing.assert_allclose(own.scale.from_unit(own.arrays[0]), noisy(), atol=1e-3)
    assert own.noise == pytest.approx(30, rel=0.03)  # in values of the files
    assert all(array.dtype == np.float32 for array in own.arrays)


def test_of_many_frames_every_second_is_taken(tmp_path):
    save(tmp_path / "in/a.tif", *(noisy() + i for i in range(6)))
    seen: list[float] = []
    own = gather(items(tmp_path / "in"), most=3 * 200 * 240, progress=seen.append)
    assert own.every == 2
    assert own.ids == ["a.tif, frame 1", "a.tif, frame 3", "a.tif, frame 5"]
    assert sum(seen) == 6 * 200 * 240


def test_of_many_files_of_one_frame_every_third_is_taken(tmp_path):
    """DICOM slices: the memory that is allowed holds for all files together."""
    for i in range(10):
        save(tmp_path / f"in/{i}.tif", noisy() + i)
    seen: list[float] = []
    own = gather(items(tmp_path / "in"), most=4 * 200 * 240, progress=seen.append)
    assert own.every == 3 and own.ids == ["0.tif", "3.tif", "6.tif", "9.tif"]
    assert sum(seen) == 10 * 200 * 240
    assert "10 files (float32, one frame in 3)" in _found(own)


def test_nothing_to_learn_from_is_a_sentence(tmp_path):
    save(tmp_path / "in/a.tif", np.zeros((200, 240), np.uint16))
    with pytest.raises(OwnImagesError, match=r"no image to learn from: a\.tif: all pixels are 0\."):
        gather(items(tmp_path / "in"))


def test_noise_is_learnt_where_it_was_not_cut_off(tmp_path):
    """A black third of the image has half its noise, and is the smoothest of all."""
    frame = noisy(240, 360)
    frame[:, :120] -= 300
    frame[:, :60] -= 200
    frame = frame.clip(600)
    save(tmp_path / "in/a.tif", frame, frame[::-1])
    own = gather(items(tmp_path / "in"))
    images = NoisyImages.of(own.arrays, own.ids)
    found = CleanParts.of(PRESETS["recommended"], own).smooth(images).report()
    assert found["noise_std"] / 255 * own.scale.span == pytest.approx(30, rel=0.03)
    assert own.arrays[0].shape == frame.shape, "the denoiser still sees all of it"
