"""Pages without text that the book draws itself: what a restoration puts there, it has invented.

Each kind of page has one thing that may be taken for ink: stains, the writing of the other side,
creases, shadows, noise; the kind `blank` has the paper alone. The truth of every page is white.
A page is a pure function of (kind, seed, index, size). `python -m data_prep.blank_pages OUT`
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep import manifest
from data_prep.degradations import Passport, Step, compose
from data_prep.drawn_pages import SOURCES
from docrestore import images

__all__ = ["KINDS", "draw", "prepare"]

KINDS = ("blank", "stained", "bleed-through", "folded", "uneven light", "noise")
SETTINGS = "drawn.json"


def steps(kind: str, rng: np.random.Generator) -> list[Step]:
    """What befell a page of a kind, in order; strengths lie in those of `recipes.binarize`."""

    def between(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 3)

    paper = between(170, 250)
    texture = dict(grain_grey=between(0.7, 4), grain_px=between(1, 3))
    texture |= dict(cloud_grey=between(0.7, 5), cloud_px=between(60, 300))
    chosen: list[Step] = [("toning", dict(paper_grey=paper)), ("paper_texture", texture)]
    if kind == "stained":
        for _ in range(3):
            stain = dict(depth_grey=between(25, 95), radius_px=between(25, 180))
            stain |= dict(soft_px=between(1.5, 30), rim=between(0, 0.8), ragged=between(0.2, 0.9))
            chosen.append(("stain", stain))
        chosen.append(("coffee_ring", dict(depth_grey=between(30, 90), width_px=between(5, 20))))
    elif kind == "bleed-through":
        bleed = dict(depth_grey=between(0.15, 0.55) * paper, blur_px=between(0.6, 3))
        bleed |= dict(patchy=between(0.2, 0.8), x_height_px=between(14, 40), split="test")
        chosen.insert(1, ("bleed_through", bleed | dict(kind=str(rng.choice(["hand", "print"])))))
    elif kind == "folded":
        for _ in range(2):
            crease = dict(depth_grey=between(20, 70), width_px=between(1.5, 6))
            chosen.append(("fold", crease | dict(angle_degrees=between(0, 180))))
        chosen.append(("wrinkles", dict(depth_grey=between(4, 14), size_px=between(30, 140))))
    elif kind == "uneven light":
        chosen.append(("uneven_light", dict(range_grey=between(30, 90))))
        chosen.append(("fold_shadow", dict(depth_grey=between(60, 150), width_px=between(40, 160))))
    chosen.append(("defocus", dict(radius_px=between(0.5, 1.5))))
    if kind == "noise":
        chosen.append(("noise", dict(std_grey=between(8, 20), grain_px=between(1, 2))))
        chosen.append(("jpeg", dict(quality=int(rng.integers(25, 60)))))
    else:
        chosen.append(("noise", dict(std_grey=between(0.3, 3))))
    return chosen


def draw(
    kind: str, seed: int, index: int, size: tuple[int, int] = (512, 512)
) -> tuple[np.ndarray, Passport]:
    """One page without text, uint8 (H, W), and its passport. ValueError for an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"no kind of page is called {kind!r}; use one of {', '.join(KINDS)}.")
    key = [seed, index, KINDS.index(kind)]
    white = np.ones(size, np.float32)
    page, passport = compose(white, steps(kind, np.random.default_rng(key)), [*key, 1])
    return np.rint(page * np.float32(255)).astype(np.uint8), passport


def prepare(
    out: Path, *, pages: int = 4, size: tuple[int, int] = (512, 512), seed: int = 0
) -> Path:
    """Draw `pages` pages of each kind into the folder `out`; return the path of its manifest.

    Gives `degraded/`, `clean/white.png`, the truth of all of them, `passports/` and
    `manifest.csv`, in the split `test`, with the extra columns `kind` and `passport`. A set that
    is there already with the same settings and code is left as it is.

    Raises:
        ValueError: for no pages, or a folder that holds anything but a drawn set.
    """
    if pages < 1:
        raise ValueError(f"a set needs at least 1 page of each kind, not {pages}.")
    out = Path(out)
    code = hashlib.sha256()
    for name in (*SOURCES, Path(__file__).name):
        code.update((Path(__file__).parent / name).read_bytes())
    recipe = {"task": "blank", "pages": pages, "size": list(size), "seed": seed}
    recipe |= {"code": code.hexdigest()}
    text = json.dumps(recipe, indent=1) + "\n"
    there = out / SETTINGS
    if there.is_file() and there.read_text(encoding="utf-8") == text:
        print(f"{manifest.shown(out)}: {len(manifest.read(out))} pages are there already")
        return out / manifest.NAME
    if out.exists() and any(out.iterdir()) and not there.is_file():
        raise ValueError(f"{out} holds something else than a drawn set; name another folder.")
    with manifest.building(out) as work:
        rows = []
        images.write(work / "clean" / "white.png", np.ones(size, bool))
        for kind in KINDS:
            for index in range(pages):
                name = f"{kind.replace(' ', '_')}-{index:03d}"
                row = {"id": name, "split": "test", "group": f"{seed}-{name}", "kind": kind}
                row |= {"degraded": f"degraded/{name}.png", "clean": "clean/white.png"}
                row |= {"passport": f"passports/{name}.json"}
                page, passport = draw(kind, seed, index, size)
                images.write(work / row["degraded"], page)
                (work / "passports").mkdir(exist_ok=True)
                passport.save(work / row["passport"])
                rows.append(row)
        (work / SETTINGS).write_text(text, encoding="utf-8")
        manifest.write(work, rows)
    print(f"{manifest.shown(out)}: {len(rows)} pages of {size[0]} x {size[1]} px without text")
    return out / manifest.NAME


def main(argv: Sequence[str] | None = None) -> None:
    """The command line: see `--help`."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.blank_pages", description="Draw degraded pages without text."
    )
    parser.add_argument("out", type=Path, help="folder of the new set")
    parser.add_argument("--pages", type=int, default=4, help="of each kind (default 4)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(512, 512), metavar=("H", "W"), help="in px"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    prepare(args.out, pages=args.pages, size=tuple(args.size), seed=args.seed)


if __name__ == "__main__":
    main()
