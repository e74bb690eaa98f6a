"""Recipes: which degradations, in which order and strength, stand for each task's real pages.

A recipe draws how to set a page, what to do to the clean page itself, and what to do to it to
degrade it. The ranges were chosen by looking at the real sets that the networks meet later, and
by measuring them; each recipe says which.
"""

from dataclasses import dataclass, field

import numpy as np

from data_prep.degradations_marks import PORT_WORDS

__all__ = ["MARK_FACES", "MARK_WORDS", "RECIPES", "Recipe"]

Step = tuple[str, dict[str, object]]

# Marks on test pages use words and fonts that no training page has.
MARK_WORDS = {
    "train": PORT_WORDS + ("COPY", "URGENT", "PRIVATE", "FINAL", "ORIGINAL", "PAID", "LIBRARY",
                           "14 MAR 1921", "No. 2750"),
    "test": ("SPECIMEN", "SAMPLE", "VOID", "RECEIVED", "ARCHIVES", "EXPIRED", "NOT FOR SALE",
             "APPROVED", "MUSEUM", "6 JULY 1874"),
}  # fmt: skip
MARK_FACES = {
    "train": ("source-sans-bold", "source-sans", "courier-bold", "stix-bold", "caveat"),
    "test": ("barlow-bold", "garamond-bold", "old-standard-bold"),
}
PAGE_FACES = {
    "train": ("stix", "stix-italic", "old-standard", "old-standard-italic", "source-sans",
              "source-sans-italic", "courier"),
    "test": ("garamond", "garamond-italic"),
}  # fmt: skip


@dataclass
class Recipe:
    """How to draw a page (`page`, for draw_page), what its paper is like, and what befell it."""

    page: dict[str, object]
    paper: list[Step] = field(default_factory=list)  # part of the clean page
    damage: list[Step] = field(default_factory=list)


class _Dice:
    """Shorthand for the draws of a recipe."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def chance(self, part: float) -> bool:
        return bool(self.rng.random() < part)

    def between(self, low: float, high: float) -> float:
        return round(float(self.rng.uniform(low, high)), 3)

    def ratio(self, low: float, high: float) -> float:
        """As many between low and its double as between high and its half."""
        return round(float(np.exp(self.rng.uniform(np.log(low), np.log(high)))), 3)

    def one(self, choices: object, p: object = None) -> str:
        return str(self.rng.choice(list(choices), p=p))


def binarize(rng: np.random.Generator, split: str) -> Recipe:
    """Old letters and prints, as in DIBCO: toned paper, bleed-through, faint ink, stains.

    The order is that of life: ink, the other side, paper and its accidents, light, camera. Sizes,
    levels and edges were set against the eight DIBCO years. There, a truth reaches to where the
    page is 60 % of the way from ink to paper, half a pixel further than coverage does in a page
    as drawn; so most inks here lose about that much at their edges.
    """
    dice = _Dice(rng)
    chance, between = dice.chance, dice.between
    kind = dice.one(["print", "hand", "blackletter", "type"], p=[0.34, 0.5, 0.11, 0.05])
    low, high = (16, 50) if kind == "hand" else (11, 36)
    x_height = dice.ratio(low, high)
    steps: list[Step] = []
    paper = round(float(rng.triangular(150, 225, 252)), 1)
    ink = between(10, min(120, paper - 75))
    if chance(0.8):
        steps.append(("ink_erosion", dict(px=between(0.2, 0.8), ragged=between(0.3, 0.9))))
    elif chance(0.5):
        steps.append(("ink_spread", dict(px=between(0.1, 0.3), ragged=0.8)))
    loss = round(0.55 * float(rng.beta(1.2, 1.6)), 3) if chance(0.75) else 0.0
    if loss:
        fading = dict(loss=loss, uneven=between(0.1, 0.7), patch_px=between(12, 150))
        steps.append(("fading_ink", fading | dict(grain=between(0, 0.15))))
    steps.append(("toning", dict(paper_grey=paper, ink_grey=ink)))
    if chance(0.6):
        # The other side is paler than this one, or nobody could tell them apart.
        deepest = 0.7 * (1 - loss) * (paper - ink) * 255 / paper
        bleed = dict(depth_grey=between(10, deepest), blur_px=between(0.6, 3.5))
        bleed |= dict(patchy=between(0.2, 0.9), kind=kind, x_height_px=round(x_height, 1))
        bleed["split"] = split  # the words of the other side
        steps.append(("bleed_through", bleed))
    texture = dict(grain_grey=dice.ratio(0.7, 8), grain_px=between(1, 3))
    texture |= dict(cloud_grey=dice.ratio(0.7, 7), cloud_px=between(60, 300))
    if chance(0.25):
        texture |= dict(laid_grey=between(1.5, 6), laid_px=between(3, 9))
    steps.append(("paper_texture", texture))
    if chance(0.2):
        ruling = dict(depth_grey=between(8, 45), spacing_px=between(40, 110))
        steps.append(("ruling", ruling | dict(width_px=between(1, 2.5), upright=chance(0.2))))
    if chance(0.4):
        for _ in range(int(rng.integers(1, 4))):
            stain = dict(depth_grey=dice.ratio(8, 95), radius_px=between(15, 260))
            stain |= dict(soft_px=between(1.5, 45), rim=between(0, 0.8), ragged=between(0.2, 0.9))
            steps.append(("stain", stain))
    if chance(0.08):
        stamp = dict(text=dice.one(MARK_WORDS[split]), face=dice.one(MARK_FACES[split]))
        stamp |= dict(shape=dice.one(["box", "ring", "seal"]), letter_px=between(12, 40))
        stamp |= dict(grey=between(60, 150), opacity=between(0.3, 0.7), wear=between(0.2, 0.7))
        steps.append(("stamp", stamp | dict(blur_px=between(1, 6))))
    if chance(0.25):
        steps.append(("fold", dict(depth_grey=between(10, 70), width_px=between(1.5, 7))))
    if chance(0.12):
        crumple = dict(depth_grey=between(4, 14), size_px=between(30, 140), sharp=between(0.3, 0.9))
        steps.append(("wrinkles", crumple))
    if chance(0.45):
        steps.append(("uneven_light", dict(range_grey=between(8, 70))))
    if chance(0.1):
        steps.append(("fold_shadow", dict(depth_grey=between(40, 150), width_px=between(40, 160))))
    if chance(0.75):
        steps.append(("defocus", dict(radius_px=between(0.5, 1.9))))
    steps.append(("noise", dict(std_grey=between(0.3, 5), grain_px=1.5 if chance(0.5) else 1.0)))
    if chance(0.5):
        steps.append(("jpeg", dict(quality=int(rng.integers(50, 95)))))
    page = dict(kind=kind, x_height=(x_height, x_height))
    return Recipe(page, damage=steps)


def clean(rng: np.random.Generator, split: str) -> Recipe:
    """Office print on handled paper, as in NoisyOffice: folds, wrinkles, coffee, footprints.

    Measured on its 24 pages: bare paper has mean grey 203 (footprint) to 226 (fold), deviation 9
    (fold), 13 (footprint), 20 (wrinkled), 25 (coffee, down to 115); ink lies at 0 to 65. On folded
    and wrinkled pages ink is lighter where the paper is darker, by 0.8 of the shade.
    """
    dice = _Dice(rng)
    chance, between = dice.chance, dice.between
    faces = ("old-standard", "old-standard-italic", "source-sans", "source-sans-italic",
             "stix", "stix-italic", "garamond", "source-sans-bold", "courier")  # fmt: skip
    size = dice.ratio(7.5, 16)
    page = dict(kind="print", faces=faces, x_height=(size, size), fine=2 if chance(0.3) else 1)
    page["layout"] = dice.one(["prose", "columns", "ledger", "title"], p=[0.8, 0.1, 0.05, 0.05])
    steps: list[Step] = []
    damage = dice.one(["coffee", "fold", "footprint", "wrinkles"])
    lift = between(0.5, 0.9) if chance(0.6) else 0.0
    tone = dict(paper_grey=between(204, 236), ink_grey=between(0, 30))
    steps.append(("toning", tone))
    texture = dict(grain_grey=between(1, 5), grain_px=between(1, 2.5))
    steps.append(
        ("paper_texture", texture | dict(cloud_grey=between(1, 5), cloud_px=between(40, 200)))
    )
    if damage == "coffee":
        for _ in range(int(rng.integers(1, 4))):
            ring = dict(depth_grey=between(35, 110), radius_px=between(50, 150))
            ring |= dict(
                width_px=between(6, 40), closed=between(0.4, 1), drops=int(rng.integers(1, 6))
            )
            steps.append(("coffee_ring", ring))
        if chance(0.3):
            stain = dict(depth_grey=between(20, 90), radius_px=between(15, 80), soft_px=3.0)
            steps.append(("stain", stain | dict(rim=0.4, ragged=between(0.2, 0.6))))
    elif damage == "footprint":
        for _ in range(int(rng.integers(1, 4))):
            sole = dict(depth_grey=between(20, 60), length_px=between(300, 700))
            steps.append(
                ("footprint", sole | dict(bar_px=between(10, 60), contact=between(0.4, 0.8)))
            )
    elif damage == "fold":
        for _ in range(int(rng.integers(1, 5))):
            crease = dict(depth_grey=between(10, 50), width_px=between(1, 4), ink_lift=lift)
            steps.append(("fold", crease | dict(angle_degrees=between(0, 180))))
        waves = dict(depth_grey=between(4, 9), size_px=between(60, 160), sharp=between(0.2, 0.7))
        steps.append(("wrinkles", waves | dict(ink_lift=lift)))
    else:
        crumple = dict(
            depth_grey=between(12, 24), size_px=between(30, 90), sharp=between(0.5, 0.95)
        )
        steps.append(("wrinkles", crumple | dict(ink_lift=lift)))
    if chance(0.3):
        steps.append(("uneven_light", dict(range_grey=between(5, 40))))
    if chance(0.4):
        steps.append(("defocus", dict(radius_px=between(0.5, 0.9))))
    steps.append(("noise", dict(std_grey=between(0.5, 5))))
    return Recipe(page, damage=steps)


def deblur(rng: np.random.Generator, split: str) -> Recipe:
    """Papers of today out of focus and shaken, as in the text-deblur set (Hradis et al. 2015).

    Its kernels, found by least squares from the 30 triplets, are a disc of 0 to 4 px, a random
    walk of 3 to 21 px with few bends, or both, with sum 1 and their centre of mass in the middle.
    Bare paper has noise of 0.1 to 1.5 grey levels (9 triplets of 10), and all were saved as JPEG
    of quality 75. Their truths are scaled-down pages, a little soft: nine of ten of their steepest
    edges rise by less than 174 to 189 grey levels a pixel, which is what a disc of 0.6 px leaves.
    """
    dice = _Dice(rng)
    chance, between = dice.chance, dice.between
    faces = ("times", "times", "times", "times-bold", "times-italic", "computer-modern",
             "computer-modern", "computer-modern", "computer-modern-bold", "computer-modern-sans",
             "computer-modern-type", "stix", "source-sans", "source-sans-bold",
             "old-standard")  # fmt: skip
    size = dice.ratio(6, 11.5)
    page = dict(kind="print", faces=faces, x_height=(size, size), fine=2)
    page["layout"] = dice.one(
        ["report", "prose", "columns", "ledger", "title"], p=[0.5, 0.2, 0.2, 0.05, 0.05]
    )
    paper = [("defocus", dict(radius_px=between(0.52, 0.66)))]
    steps: list[Step] = []
    which = dice.one(["disc", "walk", "both"], p=[0.25, 0.32, 0.43])
    if which != "walk":
        steps.append(("defocus", dict(radius_px=between(0.5, 4))))
    if which != "disc":
        size = round(float(rng.triangular(2, 6, 21)), 2)
        steps.append(("camera_shake", dict(size_px=size)))
    steps.append(("noise", dict(std_grey=between(0, 2.5) if chance(0.8) else between(2.5, 7))))
    if chance(0.9):
        steps.append(("jpeg", dict(quality=75 if chance(0.8) else int(rng.integers(60, 96)))))
    return Recipe(page, paper, steps)


def watermark(rng: np.random.Generator, split: str) -> Recipe:
    """Grey pages with one mark: a third as the port draws it, the rest more varied (spec 2.7).

    On test pages the words and fonts of marks, and the words and fonts of pages, are others than
    on training pages. Where a mark is all but opaque the text below is a guess: opacity over the
    text stays below 0.97, and is 245 to 253 of 255 only in the port's own recipe.
    """
    dice = _Dice(rng)
    chance, between = dice.chance, dice.between
    size = dice.ratio(8, 18)
    page = dict(kind="print", faces=PAGE_FACES[split], x_height=(size, size), fine=2)
    page["layout"] = dice.one(["prose", "columns", "report", "ledger", "title", "letter"])
    paper: list[Step] = []
    if chance(0.5):
        paper.append(("toning", dict(paper_grey=between(215, 254), ink_grey=between(0, 70))))
        if chance(0.6):
            fibres = dict(grain_grey=between(0.3, 2), grain_px=between(1, 2.5))
            paper.append(("paper_texture", fibres | dict(cloud_grey=between(0, 2))))
    text, face = dice.one(MARK_WORDS[split]), dice.one(MARK_FACES[split])
    steps: list[Step] = []
    if chance(1 / 3):
        steps.append(("port_mark", dict(text=text, face=face)))
    elif chance(0.5):
        mode = dice.one(["over", "multiply", "under"])
        mark = dict(text=text, face=face, mode=mode, tiled=chance(0.3), grey=between(60, 215))
        mark |= dict(letter_px=dice.ratio(14, 40) if mark["tiled"] else dice.ratio(30, 120))
        mark |= dict(opacity=between(0.15, 0.97 if mode == "over" else 1.0))
        steps.append(("watermark", mark | dict(angle_degrees=between(-60, 60))))
    else:
        mode = dice.one(["over", "multiply", "under"])
        stamp = dict(
            text=text, face=face, mode=mode, shape=dice.one(["plain", "box", "ring", "seal"])
        )
        stamp |= dict(letter_px=dice.ratio(12, 45), grey=between(40, 190), wear=between(0, 0.7))
        stamp |= dict(opacity=between(0.3, 0.97 if mode == "over" else 1.0))
        steps.append(("stamp", stamp | dict(angle_degrees=between(-40, 40))))
    # The port saves without loss: what shines through its marks, 2 to 10 grey levels, would not
    # survive a JPEG.
    if steps[0][0] != "port_mark" and chance(0.4):
        steps.append(("jpeg", dict(quality=int(rng.integers(75, 96)))))
    return Recipe(page, paper, steps)


RECIPES = {"binarize": binarize, "clean": clean, "deblur": deblur, "watermark": watermark}
