"""Each degradation does what its words and units say, and a passport makes the same page again."""

import inspect
import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from data_prep.clean_pages import draw_page
from data_prep.degradations import DEGRADATIONS, compose, replay
from data_prep.degradations_capture import disc_kernel, line_kernel, shake_kernel
from data_prep.degradations_marks import MODES, SHAPES

SIZE = (200, 260)
WHITE = np.ones(SIZE, np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def page():
    return draw_page(rng(3), SIZE, kind="print", layout="prose", x_height=(12, 12))


def darkening(name, seed=0, paper=WHITE, **values):
    """Grey levels by which a page got darker, with its masks."""
    after, _, masks = DEGRADATIONS[name](paper, rng(seed), **values)
    return 255 * (paper - after), masks


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_every_degradation_is_seeded_bounded_and_documented(name, page):
    function = DEGRADATIONS[name]
    before = page.copy()
    first, drawn, masks = function(page, rng(5))
    again, _, _ = function(page, rng(5))
    assert np.array_equal(page, before), "the page that was given must stay as it was"
    assert first.dtype == np.float32 and first.shape == page.shape
    assert first.min() >= 0 and first.max() <= 1 and np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, page), "nothing happened"
    json.dumps(drawn)
    for mask in masks.values():
        assert mask.dtype == bool and mask.shape == page.shape
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
        assert parameter.default is not inspect.Parameter.empty
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (37, 2)])
def test_any_size_works(name, size):
    after, _, _ = DEGRADATIONS[name](np.ones(size, np.float32), rng())
    assert after.shape == size


def test_blank_paper_has_no_ink_to_lose():
    for name in ("ink_spread", "ink_erosion", "fading_ink", "defocus", "motion_blur"):
        after, _, masks = DEGRADATIONS[name](WHITE, rng())
        assert np.allclose(after, 1, atol=1e-5), name
        assert not any(mask.any() for mask in masks.values())


@pytest.mark.parametrize("name, way", [("ink_spread", 1), ("ink_erosion", -1)])
@pytest.mark.parametrize("px", [0.5, 1.0, 2.0])
def test_edges_of_ink_move_by_the_stated_pixels(name, way, px):
    bar = WHITE.copy()
    bar[:, 100:140] = 0
    after, _, _ = DEGRADATIONS[name](bar, rng(), px=px, ragged=0.0)
    width = (1 - after).sum() / SIZE[0]
    assert width == pytest.approx(40 + way * 2 * px, abs=0.01)


def test_ragged_spread_keeps_its_mean():
    bar = WHITE.copy()
    bar[:, 100:140] = 0
    spread = [DEGRADATIONS["ink_spread"](bar, rng(k), px=0.5, ragged=0.6)[0] for k in range(6)]
    assert (1 - np.mean(spread, 0)).sum() / SIZE[0] == pytest.approx(41, abs=0.15)
    assert all((1 - after).sum(1).std() > 0.1 for after in spread)


@pytest.mark.parametrize("loss", [0.2, 0.5])
def test_ink_loses_the_stated_part(loss):
    black = 0 * WHITE
    after, _, _ = DEGRADATIONS["fading_ink"](black, rng(), loss=loss, patch_px=15, uneven=0.3)
    assert after.mean() == pytest.approx(loss, abs=0.04)


def test_bleed_is_a_pale_blurred_second_page():
    dark, masks = darkening("bleed_through", depth_grey=60, blur_px=0, patchy=0, kind="print")
    assert dark.max() == pytest.approx(60, abs=0.5)
    assert 0.01 < masks["bleed"].mean() < 0.5
    assert dark[~masks["bleed"]].max() <= 4.01
    spotted, _ = darkening("bleed_through", depth_grey=60, blur_px=2, patchy=0.9, kind="print")
    assert spotted.max() < dark.max() and spotted.sum() < dark.sum()


def test_toning_sets_paper_and_ink(page):
    after, _, _ = DEGRADATIONS["toning"](page, rng(), paper_grey=200, ink_grey=50)
    assert 255 * after.max() == pytest.approx(200, abs=0.1)
    assert 255 * after.min() == pytest.approx(50, abs=1)


@pytest.mark.parametrize("part", ["grain", "cloud", "laid"])
def test_paper_texture_has_the_stated_deviation(part):
    off = {"grain_grey": 0, "cloud_grey": 0, "laid_grey": 0}
    values = off | {f"{part}_grey": 6.0}
    grey = 255 * 0.7 * WHITE / 255
    after, _, _ = DEGRADATIONS["paper_texture"](grey, rng(2), cloud_px=20, **values)
    assert (255 * (after - grey)).std() / 0.7 == pytest.approx(6, rel=0.3)


@pytest.mark.parametrize("depth", [20, 60])
def test_stain_darkens_inside_by_its_depth_and_nothing_outside(depth):
    values = dict(depth_grey=depth, radius_px=60, soft_px=5, rim=0, ragged=0.3, centre=(100, 130))
    dark, masks = darkening("stain", **values)
    inside = masks["stain"]
    assert dark[~inside].max() == 0
    core = ndimage.binary_erosion(inside, iterations=8)
    assert dark[core].mean() == pytest.approx(depth, rel=0.15)
    assert inside.sum() == pytest.approx(np.pi * 60**2, rel=0.3)
    rimmed, _ = darkening("stain", **values | {"rim": 0.8})
    assert rimmed.max() > dark.max() + 0.3 * depth


def test_coffee_is_a_ring():
    dark, masks = darkening(
        "coffee_ring", centre=(100, 130), radius_px=70, width_px=10, closed=1.0, drops=0
    )
    assert dark[~masks["coffee"]].max() == 0
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    away = np.hypot(y - 100, x - 130)
    assert dark[away < 45].max() == 0 and dark[away > 82].max() == 0
    assert dark[(away > 60) & (away < 68)].mean() > 20


def test_footprint_is_barred_and_bounded():
    dark, masks = darkening("footprint", seed=4, depth_grey=50, length_px=300, contact=0.9)
    assert 0 < dark.max() <= 50 * 1.31
    assert dark[~masks["footprint"]].max() <= 50 * 0.021
    assert masks["footprint"].any() and not masks["footprint"].all()


def test_fold_is_dark_in_its_valley_and_faint_far_away():
    dark, masks = darkening("fold", seed=1, depth_grey=40, width_px=4, angle_degrees=0)
    assert 20 < dark.max() < 70
    assert np.abs(dark[~masks["fold"]]).max() < 12
    assert np.ptp(np.flatnonzero(masks["fold"].any(1))) < 40, "level, so in few rows"


def test_wrinkles_have_the_stated_deviation_and_no_trend():
    grey = 0.6 * WHITE
    dark, _ = darkening("wrinkles", paper=grey, depth_grey=15, size_px=25)
    assert dark.std() / 0.6 == pytest.approx(15, rel=0.15)
    assert abs(dark.mean()) < 5


def test_ink_lift_lightens_ink_by_its_part_of_the_shade():
    black = 0 * WHITE
    after, _, _ = DEGRADATIONS["fold"](black, rng(1), depth_grey=40, ink_lift=0.8)
    paper, _, _ = DEGRADATIONS["fold"](WHITE, rng(1), depth_grey=40, ink_lift=0.8)
    assert np.allclose(after, 0.8 * (1 - paper), atol=1e-6)
    plain, _, _ = DEGRADATIONS["fold"](black, rng(1), depth_grey=40)
    assert plain.max() == 0


def test_ruling_repeats_at_its_spacing():
    dark, masks = darkening("ruling", depth_grey=30, spacing_px=40, width_px=1.5)
    rows = masks["ruling"][:, 130]
    starts = np.flatnonzero(rows[1:] & ~rows[:-1])
    assert np.allclose(np.diff(starts), 40, atol=1)
    assert dark.max() <= 30 * 1.21 and dark[~masks["ruling"]].max() <= 30 * 0.13


def test_light_spans_its_range():
    dark, _ = darkening("uneven_light", range_grey=70)
    assert dark.min() == pytest.approx(0, abs=0.01) and dark.max() == pytest.approx(70, abs=0.01)


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_shadow_lies_along_its_side(side):
    dark, masks = darkening("fold_shadow", depth_grey=100, width_px=30, side=side)
    turned = {"left": dark, "right": dark[:, ::-1], "top": dark.T, "bottom": dark[::-1].T}[side]
    edge, in_one_width, far = (turned[:, k].mean() for k in (0, 30, 150))
    assert 78 < edge <= 100
    assert in_one_width / edge == pytest.approx(np.exp(-1), rel=0.05)
    assert far < 2
    assert dark[~masks["shadow"]].max() < 8


@pytest.mark.parametrize(
    "kernel",
    [disc_kernel(0.5), disc_kernel(3.7), line_kernel(9, 30), shake_kernel(rng(), 15)],
)
def test_kernels_sum_to_one(kernel):
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.min() >= 0 and kernel.shape[0] == kernel.shape[1] and kernel.shape[0] % 2


def test_kernels_have_their_size():
    assert (disc_kernel(5) > 0).sum() == pytest.approx(np.pi * 25, rel=0.25)
    reach = np.flatnonzero(line_kernel(20, 0).sum(0) > 1e-6)
    assert np.ptp(reach) == pytest.approx(20, abs=1)
    for seed in range(5):
        walk = np.argwhere(shake_kernel(rng(seed), 15) > 1e-6)
        assert np.ptp(walk, axis=0).max() == pytest.approx(14, abs=1.5)


@pytest.mark.parametrize("name", ["defocus", "motion_blur", "camera_shake"])
def test_blur_keeps_the_ink_and_softens_its_edges(name, page):
    after, _, _ = DEGRADATIONS[name](page, rng())
    assert after.mean() == pytest.approx(page.mean(), abs=0.01)
    assert np.abs(np.diff(after)).mean() < 0.85 * np.abs(np.diff(page)).mean()


@pytest.mark.parametrize("std", [2, 8])
def test_noise_has_the_stated_deviation(std):
    grey = 0.5 * WHITE
    for grain, tolerance in ((1.0, 0.02), (1.5, 0.15)):
        after, _, _ = DEGRADATIONS["noise"](grey, rng(), std_grey=std, grain_px=grain)
        assert (255 * (after - grey)).std() == pytest.approx(std, rel=tolerance)


def test_jpeg_is_worse_at_lower_quality(page):
    errors = [np.square(DEGRADATIONS["jpeg"](page, rng(), quality=q)[0] - page).mean()
              for q in (95, 60, 20)]  # fmt: skip
    assert 0 < errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", MODES)
def test_stamp_changes_its_mask_and_nothing_else(shape, mode, page):
    after, _, masks = DEGRADATIONS["stamp"](page, rng(1), shape=shape, mode=mode, letter_px=12)
    changed = np.abs(after - page) > 0.5 / 255
    assert masks["mark"].any() and not (changed & ~masks["mark"]).any()


def test_modes_say_how_text_and_mark_meet(page):
    values = dict(letter_px=40, grey=150, opacity=0.5)
    got = {m: DEGRADATIONS["watermark"](page, rng(1), mode=m, **values)[0] for m in MODES}
    cover, _, masks = DEGRADATIONS["watermark"](WHITE, rng(1), **values)
    paper, ink = masks["mark"] & (page == 1), masks["mark"] & (page == 0)
    assert paper.any() and ink.any()
    for after in got.values():
        assert np.allclose(after[paper], cover[paper], atol=1e-6), "on bare paper all agree"
    assert got["over"][ink].max() > 0.2
    assert got["multiply"][ink].max() == 0 and got["under"][ink].max() == 0
    assert 255 * cover.min() == pytest.approx(255 - 0.5 * (255 - 150), abs=0.6)


def test_tiled_marks_cover_the_page():
    _, one = darkening("watermark", letter_px=10)
    _, many = darkening("watermark", letter_px=10, tiled=True)
    assert many["mark"].sum() > 5 * one["mark"].sum()
    rows, columns = many["mark"].any(1), many["mark"].any(0)
    assert rows.mean() > 0.9 and columns.mean() > 0.9


def test_port_mark_follows_the_recipe():
    framed = 0
    for seed in range(20):
        _, drawn, _ = DEGRADATIONS["port_mark"](WHITE, rng(seed))
        assert 245 / 255 - 1e-3 <= drawn["opacity"] <= 253 / 255 + 1e-3
        assert 250 <= drawn["font_px"] * 2500 / max(SIZE) + 0.5 and drawn["font_px"] <= 36.5
        assert 0 <= drawn["angle_degrees"] <= (70 if drawn["framed"] else 90)
        framed += drawn["framed"]
    assert 3 < framed < 17


STEPS = [
    ("fading_ink", {"loss": 0.3}),
    ("toning", {"paper_grey": 210}),
    ("bleed_through", {"kind": "hand", "x_height_px": 20.0}),
    ("stain", {"radius_px": 40.0}),
    ("camera_shake", {}),
    ("jpeg", {"quality": 70}),
]


def test_passport_replays_to_the_same_page(page, tmp_path):
    after, passport = compose(page, STEPS, seed=[7, 1])
    assert [step["name"] for step in passport.steps] == [name for name, _ in STEPS]
    passport.save(tmp_path / "p.json")
    record = json.loads((tmp_path / "p.json").read_text())
    assert np.array_equal(replay(page, passport), after)
    assert np.array_equal(replay(page, record), after)
    with Image.open(tmp_path / "p-3-stain.png") as mask:
        assert mask.mode == "1"
        assert np.array_equal(np.asarray(mask), passport.masks["3-stain"])
    named = {mask for step in record["steps"] for mask in step["masks"]}
    assert named == set(passport.masks)
    assert {f"p-{mask}.png" for mask in named} | {"p.json"} == {
        file.name for file in tmp_path.iterdir()
    }


def test_a_step_changed_leaves_the_draws_of_the_others(page):
    changed = [STEPS[0], ("toning", {"paper_grey": 180}), *STEPS[2:]]
    _, one = compose(page, STEPS, seed=7)
    _, two = compose(page, changed, seed=7)
    assert np.array_equal(one.masks["3-stain"], two.masks["3-stain"])


def test_wrong_names_are_refused_with_the_right_ones(page):
    with pytest.raises(ValueError, match="no degradation is called 'rust'.*stain"):
        compose(page, [("rust", {})], 0)
    with pytest.raises(ValueError, match=r"stain does not take \['size'\].*radius_px"):
        compose(page, [("stain", {"size": 3})], 0)
    with pytest.raises(ValueError, match="box, ring"):
        compose(page, [("stamp", {"shape": "cube"})], 0)
    with pytest.raises(ValueError, match="multiply"):
        compose(page, [("stamp", {"mode": "burn"})], 0)
