"""Which noisy images are learnt from, and which choose among the stages of a fit."""

from collections.abc import Sequence

__all__ = ["held_out"]

MOST = 16  # images, or groups of them, that are held out


def held_out(groups: Sequence[str]) -> tuple[list[int], list[int]]:
    """Indices of the images that choose, and of those that are learnt from.

    Whole groups are held out, evenly among all; of large ones some images alone choose, and the
    others do nothing. One image is both. Where all are of one group, there is no other way than
    to part it.

    Args:
        groups: of each image, what must stay together: captures of one scene. An image with ""
            is a group of its own.

    >>> held_out(["a", "a", "b", "b"])
    ([2, 3], [0, 1])
    >>> held_out(["", "", "", ""]), held_out([""])
    (([2], [0, 1, 3]), ([0], [0]))
    """
    keys: list[str | int] = [name or index for index, name in enumerate(groups)]
    names: list[str | int] = list(dict.fromkeys(keys))
    if len(names) == 1:
        keys = names = list[str | int](range(len(groups)))
    every = max(2, -(-len(names) // MOST), min(len(names), 20))
    chosen = set(names[every // 2 :: every]) or {names[0]}
    held = [index for index, key in enumerate(keys) if key in chosen]
    kept = [index for index, key in enumerate(keys) if key not in chosen] or held
    return held[:: -(-len(held) // MOST)], kept
