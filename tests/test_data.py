"""Manifests to pages, pages to crops, and the windows of a page."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from docrestore import images
from docrestore.data import Crops, Pair, PairedPages, grid_patches

SIZES = [(256, 256), (200, 900), (1000, 1500), (1, 1), (257, 448)]


def page(height: int = 300, width: int = 400, seed: int = 0) -> Pair:
    """A page of noise with a truth that follows from it: clean where degraded is bright."""
    rng = np.random.default_rng(seed)
    degraded = rng.integers(0, 256, (height, width), dtype=np.uint8)
    return Pair(f"{seed}", "noise", degraded, np.where(degraded < 90, 0, 255).astype(np.uint8), {})


def folder(path: Path, rows: list[tuple[str, str]]) -> Path:
    """A data folder with one 4 x 6 pair for each (id, split)."""
    with (path / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "split", "degraded", "clean", "group", "sha256"])
        for name, split in rows:
            images.write(path / f"{name}.png", np.full((4, 6), 200, np.uint8))
            images.write(path / f"{name}-clean.png", np.full((4, 6), True))
            table.writerow([name, split, f"{name}.png", f"{name}-clean.png", name, ""])
    return path


def test_a_split_keeps_its_rows_and_those_for_all(tmp_path: Path) -> None:
    """`all` belongs to every split; no split asked for means every row."""
    path = folder(tmp_path, [("A", "train"), ("B", "test"), ("C", "all")])
    assert [pair.id for pair in PairedPages(path, split="train")] == ["A", "C"]
    assert [pair.id for pair in PairedPages(path, split="test")] == ["B", "C"]
    assert [pair.id for pair in PairedPages(path)] == ["A", "B", "C"]


def test_a_pair_is_two_pages_of_equal_size(tmp_path: Path) -> None:
    """uint8 (H, W) both, the 1-bit truth as 0 and 255, and the set's name."""
    pair = PairedPages(folder(tmp_path, [("A", "train")]))[0]
    assert pair.degraded.shape == pair.clean.shape == (4, 6)
    assert pair.degraded.dtype == pair.clean.dtype == np.uint8
    assert (pair.clean == 255).all() and pair.set == tmp_path.name


def test_a_truth_of_another_size_is_refused(tmp_path: Path) -> None:
    """The message names the pair and both sizes."""
    path = folder(tmp_path, [("A", "train")])
    images.write(path / "A-clean.png", np.full((4, 7), True))
    with pytest.raises(ValueError, match=r"A: the page is \(4, 6\) and its truth \(4, 7\)"):
        PairedPages(path)[0]


def test_no_manifest_and_no_row_say_what_to_do(tmp_path: Path) -> None:
    """A missing manifest names the two commands that make one; an empty split is an error."""
    with pytest.raises(FileNotFoundError, match="data_prep.fetch"):
        PairedPages(tmp_path)
    with pytest.raises(ValueError, match="no pairs with split 'test'"):
        PairedPages(folder(tmp_path, [("A", "train")]), split="test")


def test_crops_are_a_pure_function() -> None:
    """The same (seed, step, index) gives the same bits whatever was asked before."""
    pages = [page(seed=i) for i in range(3)]
    crops, again = Crops(pages, 64, seed=5, old=True), Crops(pages, 64, seed=5, old=True)
    first = crops.batch(7, 4)
    again.batch(3, 2)
    for key, value in again.batch(7, 4).items():
        assert torch.equal(value, first[key])


@pytest.mark.parametrize("other", [("seed", 6, 7), ("step", 5, 8)])
def test_another_seed_or_step_gives_other_crops(other: tuple[str, int, int]) -> None:
    """Nothing is drawn twice: neither another seed nor another step repeats a batch."""
    _, seed, step = other
    pages = [page(seed=i) for i in range(3)]
    first = Crops(pages, 64, seed=5).batch(7, 2)["degraded"]
    assert not torch.equal(first, Crops(pages, 64, seed=seed).batch(step, 2)["degraded"])


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_the_work(world: int) -> None:
    """The ranks' crops together are the crops of one process, each of them once."""
    crops = Crops([page(seed=i) for i in range(3)], 32, seed=1)
    whole = crops.batch(4, 6)["degraded"]
    parts = [crops.batch(4, 6, rank=rank, world=world)["degraded"] for rank in range(world)]
    assert all(len(part) == 6 // world for part in parts)
    for rank, part in enumerate(parts):
        assert torch.equal(part, whole[rank::world])


@pytest.mark.parametrize("size", [(300, 400), (20, 500), (1, 1)])
def test_a_batch_has_the_contract_s_shape_and_range(size: tuple[int, int]) -> None:
    """float32 (B, 1, patch, patch) in [0, 1], from a page of any size, smaller ones included."""
    for old in (False, True):
        batch = Crops([page(*size)], 48, old=old).batch(0, 3)
        for value in batch.values():
            assert value.shape == (3, 1, 48, 48) and value.dtype == torch.float32
            assert value.min() >= 0 and value.max() <= 1


def test_both_sides_are_cut_turned_and_mirrored_alike() -> None:
    """The truth follows from the page pixel by pixel, so a crop that slipped would show."""
    plain = Crops([page()], 64, seed=2, augment=False).batch(0, 8)
    assert torch.equal(plain["clean"], (plain["degraded"] >= 90 / 255).float())
    smooth = page()
    smooth.degraded[:] = np.add.outer(np.arange(300) * 0.3, np.arange(400) * 0.4).astype(np.uint8)
    smooth.clean[:] = np.where(smooth.degraded < 90, 0, 255)
    turned = Crops([smooth], 64, seed=2).batch(0, 16)
    agree = (turned["clean"] == (turned["degraded"] >= 89.5 / 255).float()).float().mean()
    assert agree > 0.97  # the threshold's edge moves by a pixel where a crop is scaled


def test_crops_are_turned_as_often_as_asked() -> None:
    """A page that is lighter from left to right shows which way each crop lies."""
    ramp = page()
    ramp.degraded[:] = np.linspace(0, 255, ramp.degraded.shape[1]).astype(np.uint8)
    for share in (0.0, 0.3, 1.0):
        crops = Crops([ramp], 16, turned=share).batch(0, 200)["degraded"]
        upright = (crops[..., -1].mean(-1) - crops[..., 0].mean(-1)) > 0.01
        assert upright.float().mean() == pytest.approx(1 - share, abs=0.1)


def test_age_changes_the_degraded_side_alone() -> None:
    """Tones and the back of another page vary on the page; the truth stays what it is."""
    plain = Crops([page()], 64, seed=2).batch(3, 4)
    older = Crops([page()], 64, seed=2, old=True).batch(3, 4)
    assert torch.equal(plain["clean"], older["clean"])
    assert not torch.equal(plain["degraded"], older["degraded"])


def test_a_binary_truth_stays_binary_and_a_grey_one_grey() -> None:
    """Scaling a 1-bit truth must not invent greys; scaling a grey one must keep them."""
    assert set(Crops([page()], 64).batch(0, 8)["clean"].unique().tolist()) == {0.0, 1.0}
    grey = page()
    grey.clean[:] = grey.degraded
    assert len(Crops([grey], 64).batch(0, 8)["clean"].unique()) > 100


@pytest.mark.parametrize("augment", [False, True])
def test_the_truth_reaches_one(augment: bool) -> None:
    """Paper is 1. The released code divides by 255 twice and leaves 0.0039."""
    assert Crops([page()], 64, augment=augment).batch(0, 4)["clean"].max() == 1.0


@pytest.mark.parametrize("size", SIZES)
def test_windows_cover_every_pixel(size: tuple[int, int]) -> None:
    """No row or column is left out, and no window lies outside a page that can hold it."""
    seen = np.zeros(size, bool)
    corners = grid_patches(seen)
    for top, left in corners:
        window = seen[top : top + 256, left : left + 256]
        assert window.shape == (min(256, size[0]), min(256, size[1]))
        window[:] = True
    assert seen.all()
    assert len(corners) == len(set(corners))


def test_windows_are_counted_by_hand() -> None:
    """A 1000 x 1500 page: tops 0, 192, 384, 576, 744; lefts 0, 192 ... 1152, 1244."""
    corners = grid_patches(np.zeros((1000, 1500)))
    assert sorted({top for top, _ in corners}) == [0, 192, 384, 576, 744]
    assert sorted({left for _, left in corners}) == [*range(0, 1153, 192), 1244]
    assert len(corners) == 5 * 8
    assert grid_patches(np.zeros((256, 256))) == [(0, 0)]
